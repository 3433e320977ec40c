"""A folder for a new authority: where its files go, its settings with comments, empty forms, and what to do next."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from bond_eval.core.errors import InputError
from bond_eval.core.formats import slug
from bond_eval.intake.authority import read_authority
from bond_eval.intake.templates import template_files, write_new

START, DATA, FORMS = "START-HERE.md", "extracts", "templates"
SETTINGS = """\
# What is particular to your authority. Take the # away from a line to use it; a line left as it is changes nothing.

name = {name}                        # as it stands on the pages
# code = "E08000000"                 # its ONS code: settles what is out of borough, with postcodes.csv
# old_code = "999"                   # its DfE number: finds it in the DfE's published files
# baseline_date = 2019-03-31         # the children in care on this day are followed (default: 31 March a year before)
# programme_date = 2020-02-01        # when the programmes began: without it no change of trend can be tested
# pandemic_date = 2020-03-23         # when the first lockdown began
# published = ""                     # the key of its rows in data/reference/published.csv, once its figures are there
# synthetic = true                   # only if no child in these files is real: every page then says so
"""
NEEDED = {
    "code": "without it postcodes.csv settles nothing out of borough, and the DfE's files know you by old_code alone",
    "programme_date": "without it no change of trend can be tested, nor avoided cost worked out from one",
}
PAGE = """\
# {name}: start here

This folder is of children: keep it where such data may lie, outside any repository, and never publish it.

## What to put where

| Where | What | Needed |
|---|---|---|
| `{data}/` | the SSDA903 files as they come: a folder a year, a zip, CSV or the XML return, of any name | yes |
| `{data}/authority.toml` | name, codes and dates of the authority: open it, each line says what it is for | filled in |
| `{data}/postcodes.csv` | postcode, authority (ONS code): settles what is out of borough | no |
| `{data}/placement_categories.csv` | place, provider, category: only where you count a placement otherwise | no |
| `{data}/finance/` | fees, unit costs, budget, programme spend | no |
| `{data}/register/` | who was referred to the programmes, and what happened | no |
| `{data}/measures/` | measures by hand, targets, case studies, who was asked | no |
| `{data}/dfe/` | the DfE's published files on children looked after, as they come, for neighbours | no |

`{forms}/` holds an empty file of each form of `finance`, `register` and `measures`, and `{forms}/README.md` every
column of them. Copy the folders that you fill into `{data}/`; leave the others where they are. For `dfe` there is no
form: make the folder yourself. What is not there is said on the pages, with what it would answer. Programmes of your
own go into `{data}/register/programmes.csv`.

## The next three commands

```
bond-eval check {folder} --authority {key}
bond-eval run --data {folder} --authority {key} --quarter 2020-21-Q2
bond-eval publish outputs/{key}/2020-21-Q2
```

Run them where you ran `bond-eval init`: paths are taken from there.

1. `check` reports every defect, with values masked, and which quarter the files end with; put right in the source what
   it calls an error, and run it again.
2. `run` makes the pages of a quarter in `outputs/{key}/`, in a few minutes: write the quarter as financial year and
   number (April to June 2020 is 2020-21-Q1). Open `index.html` in the folder that it names.
3. `publish` attacks the run as a stranger would, and copies it to `outputs/published/{key}/` only if nothing falls.
   Nothing leaves this machine: let a person look, and put that folder on your web server yourself.

## Next quarter

Put the new files beside the old (a year-to-date file in place of the last one), keep `outputs/`, and

```
bond-eval run --data {folder} --authority {key} --quarter 2020-21-Q3
bond-eval compare outputs/{key}/2020-21-Q2 outputs/{key}/2020-21-Q3
```

`compare` says what moved, and whether by more than noise.
"""


def unset(data: Path, key: str) -> list[str]:
    """A sentence for each of NEEDED that authority.toml beside the return (`data`: folder or file) does not give."""
    known = read_authority(data if data.is_dir() else data.parent, key)
    return [f"authority.toml gives no {name}: {why}." for name, why in NEEDED.items() if not getattr(known, name)]


def write_start(folder: Path, name: str = "") -> list[str]:
    """Write START-HERE.md, extracts/authority.toml and templates/ into a new or empty folder; gives their names.

    `name`: the authority as it stands on pages; made from the folder's name where it is "". Raises InputError where
    the folder holds anything, or where its name has no letter or digit.
    """
    key = slug(folder.resolve().name)
    if not key:
        raise InputError(f"The folder's name {folder.name!r} has no letter or digit: name it after the authority.")
    called = name or key.replace("-", " ").title()
    page = PAGE.format(name=called, key=key, folder=shlex.quote(folder.as_posix()), data=DATA, forms=FORMS)
    settings = SETTINGS.format(name=json.dumps(called, ensure_ascii=False))
    files = {START: page.encode(), f"{DATA}/authority.toml": settings.encode()}
    files |= {f"{FORMS}/{path}": content for path, content in template_files().items()}
    return write_new(folder, files)

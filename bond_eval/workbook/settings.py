"""What a run is asked to do, and what it reports."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bond_eval.core import SEED, formats
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS, short_form
from bond_eval.workbook.ledger import FILE as LEDGER
from bond_eval.workbook.parameters import common, nearest

DONE, FAILED, INCOMPLETE = "done", "failed", "incomplete"  # or, of a kernel, what execute names
BACK = 40  # quarters


@dataclass(frozen=True)
class RunSettings:
    """One run. `authority` is the key that names folders; `only` names notebooks, all where empty.

    `cell_timeout` is in seconds a cell, `memory_mb` in megabytes a notebook (None: as much as there is). `force` runs
    what is unchanged too; `dials`: parameters of notebooks' own; `audit`: attack a public run before it is put in
    place; `wait`: seconds to wait for another run of the same folder; `given`: the URL that the data were fetched from.
    Raises InputError where the parts cannot be used.
    """

    data: Path
    authority: str
    quarter: Quarter
    out: Path = Path("outputs")
    only: tuple[str, ...] = ()
    jobs: int = 2
    audience: str = "public"
    seed: int = SEED
    notebooks: Path = NOTEBOOKS
    cell_timeout: int = 900
    memory_mb: int | None = None
    force: bool = False
    dials: Mapping[str, Any] = field(default_factory=dict)
    audit: bool = True
    wait: float = 600.0
    given: str = ""

    def __post_init__(self) -> None:
        """Refuse what would write outside `out` or mislabel the edition."""
        common(self.parameters())
        numbers = {"jobs": self.jobs, "seconds a cell": self.cell_timeout, "megabytes a notebook": self.memory_mb}
        for name, number in numbers.items():
            if number is not None and number < 1:
                raise InputError(f"The number of {name} must be 1 or more.")

    @property
    def folder(self) -> Path:
        """Where the run is published; the internal edition never shares a folder with the public one."""
        suffix = "-internal" if self.audience == "internal" else ""
        return self.out / self.authority / f"{self.quarter}{suffix}"

    def earlier_runs(self) -> list[tuple[Quarter, Path]]:
        """Folders of earlier quarters of the same authority and edition, oldest first."""
        return earlier(self.folder.parent, self.quarter, self.folder.name.removeprefix(str(self.quarter)))

    def run_before(self) -> Path | None:
        """Folder of the latest of `earlier_runs`, if any."""
        return next((folder for _, folder in reversed(self.earlier_runs())), None)

    def parameters(self) -> dict[str, Any]:
        """What each notebook is given. No machine path is among them."""
        return {
            "authority": self.authority,
            "quarter": str(self.quarter),
            "data": short_form(self.data),
            "audience": self.audience,
            "seed": self.seed,
        }

    def command(self) -> str:
        """The command that gives the same run again."""
        parts = ["bond-eval", "run"]
        told = self.parameters() | ({"data": self.given} if self.given else {})
        for name in ("data", "authority", "quarter", "seed"):
            parts += [f"--{name}", str(told[name])]
        if self.audience == "internal":
            parts.append("--internal")
        for name in self.only:
            parts += ["--only", name]
        for name, value in self.dials.items():
            parts += ["--parameter", f"{name}={value}"]
        return shlex.join(parts)


@dataclass(frozen=True)
class NotebookResult:
    """How one notebook ended. `cell` counts from 1 as in notebooks/; `error` is the class of what was raised.

    `message` is a sentence of our own: it never repeats what the notebook raised, which may hold a value. `reused`: it
    is that of an earlier run, since nothing that it is made of has changed.
    """

    name: str
    title: str
    status: str
    message: str
    cell: int | None
    error: str
    findings: int
    figures: int
    warnings: int
    stderr_lines: int
    seconds: float
    reused: bool = False

    @property
    def done(self) -> bool:
        """True where nothing is missing."""
        return self.status == DONE


@dataclass(frozen=True)
class RunReport:
    """What a run left: `folder` with the site, one result a notebook, and the seconds it took.

    `refused`: what the audit found, line by line; where there is anything, the folder is still that of the last run.
    `stands`: it is that too, since the last run was whole and this one is refused or not whole.
    """

    folder: Path
    results: tuple[NotebookResult, ...]
    seconds: float
    refused: tuple[str, ...] = ()
    stands: bool = False

    @property
    def exit_status(self) -> int:
        """3 where the audit refused the run, 0 where every notebook that was run is whole, else 1."""
        if self.refused:
            return 3
        return 0 if all(result.done for result in self.results) else 1

    def kept(self) -> list[str]:
        """Why the last run, if any, was left as it was, line by line; none where it was not."""
        if self.refused:
            told = f"Nothing is published in {self.folder}{', where the earlier run stands' * self.stands}: report the"
            return [*self.refused, f"{told} lines above. To look inside, add --internal."]
        bad = formats.listed([f"{result.name} ({result.status})" for result in self.results if not result.done])
        told = f"The earlier run of {self.folder.name} stands, since it was whole and this one lacks {bad}: "
        told += f"{self.folder.parent / LEDGER} is the log, and another --out shows the pages."
        return [told] if self.stands else []


def earlier(beside: Path, quarter: Quarter, edition: str = "") -> list[tuple[Quarter, Path]]:
    """Folders in `beside` of the quarters before one, oldest first; `edition`: how the names of an edition end."""
    quarters = (quarter.next(-steps) for steps in range(BACK, 0, -1))
    return [(one, folder) for one in quarters if (folder := beside / f"{one}{edition}").is_dir()]


def notebook_names(folder: Path) -> list[str]:
    """Names of the notebooks in a folder, in order. Raises InputError where there are none."""
    names = sorted(path.stem for path in folder.glob("*.ipynb"))
    if not names:
        raise InputError(f"There is no notebook in {short_form(folder)}: give the folder that holds them.")
    return names


def chosen(names: Sequence[str], only: Sequence[str]) -> list[str]:
    """Those of `names` that `only` asks for (all where it is empty), in the order of `names`.

    A notebook is asked for by its name, with or without .ipynb, or by the number it begins with (01).
    Raises InputError for a name that is not there, with the nearest that is.
    """
    wanted = {_match(names, text) for text in only}
    return [name for name in names if name in wanted or not only]


def _match(names: Sequence[str], text: str) -> str:
    asked = Path(text.strip()).name.removesuffix(".ipynb")
    found = [name for name in names if asked in (name, name.split("_", 1)[0])]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"Notebook {text!r} could be {' or '.join(found)}: give the whole name.")
    # Compared without the number too, since people remember the words.
    spellings = {name.split("_", 1)[-1]: name for name in names} | {name: name for name in names}
    raise InputError(f"Notebook {text!r} is not there: the nearest is {spellings[nearest(asked, spellings)]}.")

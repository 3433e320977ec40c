"""What the documents name is there: files, commands, make targets, and the version to cite."""

import re
import shlex

import pytest
import typer
import yaml

import bond_eval
from bond_eval.cli import app
from tests.helpers import ROOT

DOCUMENTS = ("CONTRIBUTING.md", "docs/RAP.md")
COMMANDS = typer.main.get_command(app).commands
# What stands in a run or beside an authority's return, not in the repository.
ELSEWHERE = ("authority.toml", "manifest.json", "timings.json", "disclosure_plan.json", "register/", "measures/",
             "dfe/", "tables/")  # fmt: skip


def quoted(name: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", (ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_commands_and_targets_that_are_named_are_there(name):
    makefile, seen = (ROOT / "Makefile").read_text(encoding="utf-8"), 0
    for text in quoted(name):
        first, *words = shlex.split(text)
        if first == "make":
            assert re.search(rf"^{words[0]}:", makefile, re.M), text
        elif first == "bond-eval" and words:
            assert words[0] in COMMANDS, text
            if words[1:]:
                COMMANDS[words[0]].make_context(words[0], words[1:])
        elif (re.search(r"\.(md|csv|toml|py|json|lock|yml|cff)$", text) or "/" in text) and not text.startswith(
            ELSEWHERE
        ):
            assert (ROOT / text).exists(), text
        else:
            continue
        seen += 1
    assert seen > 8


def test_each_line_of_the_checklist_says_yes_no_or_partly_and_why():
    rows = [line.split("|")[1:-1] for line in (ROOT / "docs/RAP.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("| ") and not line.startswith("| Asked")]  # fmt: skip
    assert len(rows) == 5 + 9 + 4
    assert all(met.strip() in ("yes", "no", "partly") and len(why) > 20 for _, met, why in rows)


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["version"] == bond_eval.__version__
    assert {"message", "title", "authors"} <= set(citation) and citation["license"] == "MIT"

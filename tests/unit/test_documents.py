"""What the documents name is there: files, commands, make targets, and the version to cite."""

import csv
import re
import shlex

import pytest
import typer
import yaml

import bond_eval
from bond_eval.cli import app
from tests.helpers import ROOT, SAMPLE
from tests.planted.plant import is_a_test

DOCUMENTS = ("CONTRIBUTING.md", "docs/MUTATION.md", "docs/RAP.md")
LABELS = ("**Question.**", "**Formula.**", "**Assumes**", "**Not for**", "**Source.**", "**Tests.**")
METHODS = re.split(r"^## (.+)$", (ROOT / "docs" / "METHODS.md").read_text(encoding="utf-8"), flags=re.M)[1:]
KINDS = ("unit", "oracles", "properties", "attack", "notebooks", "browser", "worlds", "faults", "planted")
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
            target = "test-%" if words[0].removeprefix("test-") in KINDS else words[0]
            assert re.search(rf"^{target}:", makefile, re.M), text
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


def test_every_column_of_every_file_of_data_is_told_of():
    """In its row of data/README.md; a form's in the table of forms, with its meaning."""
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|", 2)[1:] for line in text.splitlines() if line.startswith("| `")]
    told = {name: row for names, row in reversed(rows) for name in re.findall(r"`([^`]+)`", names)}
    forms = {}
    for name, about in (("modules", "meaning"), ("finance_files", "meaning"), ("register_files", "meaning"),
                        ("measure_files", "meaning"), ("dfe_files", "note")):  # fmt: skip
        with (ROOT / "data" / "reference" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            forms[name] = {row["column"] for row in csv.DictReader(stream) if len(row[about]) > 4}
    beside = {"finance": "finance_files", "register": "register_files", "measures": "measure_files", "dfe": "dfe_files"}
    seen = 0
    for path in sorted([*(ROOT / "data" / "reference").glob("*.csv"), *SAMPLE.rglob("*.csv")]):
        header = re.split("[,;\t]", path.read_bytes().splitlines()[0].decode("utf-8-sig").replace('"', ""))
        if path.parent.name == "reference" or path.parent == SAMPLE:
            missing = {name for name in header if not re.search(rf"\b{re.escape(name)}\b", told[path.name])}
        else:
            form = beside.get(path.parent.name, "modules")
            header = header if path.parent.name in beside else [name.strip().upper() for name in header]
            also = told[f"{path.parent.name}/*.csv"] if form == "dfe_files" else text if "reviews" in path.name else ""
            missing = {name for name in set(header) - forms[form] if not re.search(rf"\b{name}\b", also)}
        assert not missing, (path.name, missing)
        seen += 1
    assert seen > 100


def test_each_line_of_the_checklist_says_yes_no_or_partly_and_why():
    rows = [line.split("|")[1:-1] for line in (ROOT / "docs/RAP.md").read_text(encoding="utf-8").splitlines()
            if line.startswith("| ") and not line.startswith("| Asked")]  # fmt: skip
    assert len(rows) == 5 + 9 + 4
    assert all(met.strip() in ("yes", "no", "partly") and len(why) > 20 for _, met, why in rows)
    for asked, met, why in rows:
        assert met.strip() == "no" or any((ROOT / text).exists() for text in re.findall(r"`([^`]+)`", why)), asked


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["version"] == bond_eval.__version__
    assert {"message", "title", "authors"} <= set(citation) and citation["license"] == "MIT"


@pytest.mark.parametrize(("name", "text"), list(zip(METHODS[::2], METHODS[1::2], strict=True)), ids=METHODS[::2])
def test_each_method_has_its_six_parts_and_a_test_that_is_there(name, text):
    parts = re.split("|".join(f"^{re.escape(label)}" for label in LABELS), text, flags=re.M)
    assert re.findall(r"^\*\*(?:Question\.|Formula\.|Assumes|Not for|Source\.|Tests\.)\*\*", text, re.M) == list(LABELS)
    assert all(len(" ".join(part.split())) > 10 for part in parts[1:]), name
    named = re.findall(r"`(tests/[^`\s]+)`", parts[-1])
    assert any("::" in node for node in named)
    assert [node for node in named if not (is_a_test(node) or (("::" not in node) and list(ROOT.glob(node))))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_test_can_be_run_alone(kind):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    told = re.search(r'"make test-KIND .*?: (.+)"', makefile)[1].split(", ")
    assert told == list(KINDS) and re.search(r"^test-%:", makefile, re.M)
    assert re.search(rf"^test-{kind}:", makefile, re.M) or list((ROOT / "tests" / kind).glob("test_*.py"))

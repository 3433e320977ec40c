"""The chain behind a finding, from its sentence to file, hash and test."""

import json

import pytest
from typer.testing import CliRunner

from bond_eval.cli import app
from bond_eval.core.errors import InputError
from bond_eval.core.places import REFERENCE, REFERENCE_RUN, digests
from bond_eval.workbook.why import chain, naming_tests

ID = "placement_trends.outside_now"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The reference run's findings as a run publishes them, with the fields that this version writes."""
    folder = tmp_path_factory.mktemp("run") / "2020-21-Q2"
    (folder / "tables").mkdir(parents=True)
    content = json.loads((REFERENCE_RUN / "findings.json").read_text(encoding="utf-8"))
    for item in content["findings"]:
        item |= {"table": item["source"].split()[1].rstrip(","), "stage": 1}
    (folder / "findings.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "release.json").write_bytes((REFERENCE_RUN / "release.json").read_bytes())
    for path in (REFERENCE_RUN / "tables").iterdir():
        (folder / "tables" / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_count_leads_to_its_builder_its_files_and_its_tests(run):
    steps = {}
    for step, text in chain(run, ID):
        steps.setdefault(step, []).append(text)
    finding = next(item for item in json.loads((run / "findings.json").read_text())["findings"] if item["id"] == ID)
    assert steps["Statement"] == [finding["statement"]]
    assert steps["Notebook"] == [f"01_placement_trends.ipynb, cell {finding['cell']}, stage 1"]
    rows = len((run / "tables" / "placements_at_date.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert steps["Table"][0].endswith(f", {rows} rows in tables/placements_at_date.csv")
    assert steps["Builder"] == ["bond_eval.evidence.tables.placement_trends.placements_at_date"]
    facts = json.loads((run / "release.json").read_text(encoding="utf-8"))["facts"]
    assert len(steps["Input"]) == len(facts["inputs"])
    first = facts["inputs"][0]
    assert any(first["sha256"] in text and f"{first['rows']:,} row" in text for text in steps["Input"])
    assert "tests/worlds/test_published_figures.py" in " ".join(steps["Test"])


def test_published_figures_lead_to_the_file_of_facts_and_its_hash(run):
    inputs = [text for step, text in chain(run, "claims_register.exact") if step == "Input"]
    known = digests(REFERENCE)
    assert any(text.startswith("data/reference/claims.csv, ") and known["claims.csv"] in text for text in inputs)
    assert not any("Episodes" in text for text in inputs)


def test_tests_are_found_by_the_table_they_name(tmp_path):
    folder = tmp_path / "tests"
    folder.mkdir()
    one = 'def test_one():\n    x["placed"]\n\n'
    two = 'def test_two():\n    x["placed_at_date"]\n    x["re_placed"]\n\n'
    text = one + two + 'def helper():\n    "placed"\n'
    (folder / "test_a.py").write_text(text, encoding="utf-8")
    assert naming_tests(folder, ("placed",)) == ["tests/test_a.py::test_one"]
    assert naming_tests(folder, ("other",)) == []


def test_an_unknown_id_is_told_the_nearest(run):
    with pytest.raises(InputError, match=rf"'placement_trend\.outside' is not in 2020-21-Q2: the nearest is {ID}"):
        chain(run, "placement_trend.outside")
    with pytest.raises(InputError, match="is not the folder of a run"):
        chain(run / "tables", ID)


def test_the_command_prints_the_chain(run):
    printed = CliRunner().invoke(app, ["why", ID, "--run", str(run)])
    assert printed.exit_code == 0
    assert printed.output.startswith("Statement ") and "Builder   bond_eval" in printed.output
    tests = [text for step, text in chain(run, ID) if step == "Test"]
    assert printed.output.count("\nTest ") == 5 and f"and {len(tests) - 5:,} more tests: add --all\n" in printed.output
    whole = CliRunner().invoke(app, ["why", ID, "--run", str(run), "--all"]).output
    assert whole.count("\nTest ") == len(tests) > 5 and "add --all" not in whole
    told = CliRunner().invoke(app, ["why", "--help"]).output
    assert "outputs/reference" in told and str(REFERENCE_RUN) not in told.replace("\n", "").replace(" ", "")

"""A programme is added by data alone: in a copy of the project only CSV files are changed, and every page knows it.

The programme, its cases and its measure are made up for this test.
"""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bond_eval.core.places import ROOT
from bond_eval.sample import write_sample

KEY, NAME, MEASURE = "family_group", "Family group conferencing", "Family group conferences held"
PAGES = ("20_measures_of_success", "21_equity", "22_whole_system", "41_evaluation_questions")
# Run in the copy, so that what it reads of the project is the copy's.
BUILD = """
import json
import sys
from pathlib import Path
from bond_eval.core.findings import Finding
from bond_eval.core.periods import Quarter
from bond_eval.core.places import ROOT
from bond_eval.evidence.found import Found, second_stage
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.view import load_view
from bond_eval.intake.templates import template_files
from bond_eval.workbook.front import programme

view = load_view(ROOT / "data" / "ours", "salford", Quarter.parse("2020-21-Q2"), "public", 2021)
known = registered()
tables = {id: protect(known[id], known[id].build(view), "public").to_csv() for id in sys.argv[1:]}
finding = Finding("equity.family_group", "12 of 66 comparisons differ.", ("Q02",), "descriptive", "comparisons", 12,
                  None, "complete count", 66, "to 30 September 2020", "counted", "Counted", "programme register")
base = finding.as_dict() | {"notebook": "21_equity", "cell": 14, "stage": 1}
told = {
    "root": str(ROOT),
    "tables": tables,
    "map": second_stage("evidence_map", Found((base,)), "public").to_csv(),
    "front": programme({"published": "salford"}),
    "template": template_files()["README.md"].decode(),
    "issues": view.register.issues["rule"].tolist(),
}
print(json.dumps(told))
"""
TABLES = ("programme_funnel", "programme_flow", "overlap_totals", "overlap_combinations", "system_capacity",
          "unmet_need", "equity_stages", "equity_summary", "scorecard")  # fmt: skip


def add_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Rows at a CSV's end; columns that a row does not name stay blank."""
    with path.open(encoding="utf-8", newline="") as stream:
        head = next(csv.reader(stream))
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, head, restval="", lineterminator="\n")
        writer.writerows(rows)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def python_files(folder: Path) -> dict[str, str]:
    """What code there is, notebooks among it, by path."""
    paths = [path for kind in ("*.py", "*.ipynb") for path in (*(folder / "bond_eval").rglob(kind),
             *(folder / "notebooks").rglob(kind))]  # fmt: skip
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The project with one more programme in its data: a row of two reference tables, and the authority's own rows."""
    copy = tmp_path_factory.mktemp("added")
    out = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for part in ("bond_eval", "notebooks", "data/reference"):
        shutil.copytree(ROOT / part, copy / part, ignore=out)
    data = copy / "data" / "ours"
    write_sample(data, children=100)
    add_rows(copy / "data/reference/programmes.csv", [
        {"programme": KEY, "name": NAME, "live_from": "2019-10-01", "age_from": "0", "age_to": "17", "capacity": "20"},
    ])  # fmt: skip
    add_rows(copy / "data/reference/measures.csv", [
        {"id": "conferences", "metric": "Q05", "name": MEASURE, "definition": "Conferences held in the period",
         "numerator": "conferences", "unit": "count", "better": "up", "frequency": "quarter", "chart": "xmr",
         "source": "Measures by hand", "owner_role": "Service lead", "horizon": "short", "programme": KEY,
         "questions": "Q05"},
    ])  # fmt: skip
    add_rows(data / "measures/values.csv", [
        {"measure_id": "conferences", "period": f"{year}-{year + 1 - 2000}-Q{quarter}", "value": str(8 + quarter)}
        for year in (2018, 2019) for quarter in (1, 2, 3, 4)
    ])  # fmt: skip
    with (data / "register/people.csv").open(encoding="utf-8") as stream:
        children = [row["child_id"] for row in csv.DictReader(stream)]
    add_rows(data / "register/cases.csv", [
        {"case_id": f"F{number}", "child_id": child, "programme": NAME if number % 2 else KEY,
         "referral_date": f"2019-1{number % 3}-0{1 + number % 9}", "referral_source": "social worker",
         "decision": "accepted", "decision_date": "2020-01-10", "start_date": "2020-01-20",
         "status_at_referral": "edge of care"}
        for number, child in enumerate(children[:48])
    ])  # fmt: skip
    assert python_files(copy) == python_files(ROOT), "not a line of code is changed"
    return copy


def in_copy(copy: Path, *command: str) -> str:
    """Run Python with the copy's own package, wherever the project's is installed."""
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def told(copy) -> dict:
    told = json.loads(in_copy(copy, "-c", BUILD, *TABLES).splitlines()[-1])
    assert Path(told["root"]) == copy.resolve(), "the copy's own package was read"
    return told


def test_the_register_takes_its_cases_by_key_and_by_name(told):
    funnel = {row["stage"]: row["children"] for row in rows_of(told["tables"]["programme_funnel"])
              if row["programme"] == NAME}  # fmt: skip
    assert funnel["Referred"] == "48" and funnel["Started"] == "48"
    assert "name_unknown" not in told["issues"]
    assert any(row["programme"] == NAME for row in rows_of(told["tables"]["programme_flow"]))


def test_the_overlap_counts_its_children_with_those_of_the_others(told):
    totals = {row["programme"]: row for row in rows_of(told["tables"]["overlap_totals"])}
    assert totals[NAME]["children"] in ("48", "c") and NAME in totals
    combinations = [row["programmes"] for row in rows_of(told["tables"]["overlap_combinations"])]
    assert any(NAME in text and "Route 29" in text for text in combinations)


def test_capacity_unmet_need_and_equity_have_it(told):
    room = {row["programme"]: row for row in rows_of(told["tables"]["system_capacity"])}
    assert room[NAME]["open"] == "48" and room[NAME]["places"] == "20"
    assert NAME in {row["programme"] for row in rows_of(told["tables"]["unmet_need"])}
    assert NAME in {row["programme"] for row in rows_of(told["tables"]["equity_stages"])}
    summary = [row for row in rows_of(told["tables"]["equity_summary"]) if row["programme"] == NAME]
    assert summary and {row["key"] for row in summary} == {KEY}


def test_its_measure_stands_in_the_scorecard(told):
    (row,) = [row for row in rows_of(told["tables"]["scorecard"]) if row["measure"] == MEASURE]
    assert row["shown"] == "12" and row["variation"] != "Not measured"


def test_the_map_of_questions_has_its_column_and_its_findings(told):
    ranks = {(row["question"], row["programme"]): row for row in rows_of(told["map"])}
    assert ranks["Q02", NAME]["findings"] == "1", "a finding that names it bears on the question"
    assert ranks["Q01", NAME]["best"] == "None" and ranks["Q02", "Route 29"]["findings"] == "0"


def test_the_front_page_and_the_templates_name_it(told):
    assert NAME in told["front"] and KEY in told["template"]


@pytest.mark.full
def test_its_pages_are_published(copy):
    """The pages of a run, as read; internal, since so small a sample made public would withhold most of it."""
    only = [part for name in PAGES for part in ("--only", name)]
    command = [
        "-c",
        "from bond_eval.cli import main; main()",
        "run",
        "--data",
        "data/ours",
        "--authority",
        "salford",
        "--out",
        "outputs",
        "--internal",
        *only,
    ]
    try:
        in_copy(copy, *command)
    except AssertionError as error:  # incomplete: 1, as the other notebooks' findings are not there
        assert "The site is at" in str(error)
    site = copy / "outputs" / "salford" / "2020-21-Q2-internal"
    for name in PAGES:
        assert (MEASURE if name.startswith("20") else NAME) in (site / "pages" / f"{name}.html").read_text("utf-8")
    assert NAME in (site / "index.html").read_text("utf-8")
    found = json.loads((site / "findings.json").read_text("utf-8"))["findings"]
    assert any(one["id"] == f"equity.{KEY}" for one in found)

"""What a quarter's run seals, and what a later one makes of it: no kernels, a tiny builder, real folders."""

import dataclasses
import datetime as dt
import hashlib
import json
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bond_eval.core.errors import InputError
from bond_eval.core.findings import FINDING_MIME
from bond_eval.core.periods import Quarter
from bond_eval.economics.sealing import FORECAST, REBASING, RERUN, Forecast, SealedRun, checked, sealed_again
from bond_eval.evidence import release
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.tables import sealed_runs
from bond_eval.placements.categories import IFA, OUTSIDE
from bond_eval.workbook import run as runner
from bond_eval.workbook.execute import Outcome
from bond_eval.workbook.reference import write_reference
from bond_eval.workbook.seals import earlier_seals, to_seal, write_seals
from bond_eval.workbook.settings import RunSettings
from tests.helpers import episode, filler, write_return

FIRST, SECOND = Quarter(2020, 1), Quarter(2020, 2)
IDS = ("sealed_quarters", "sealed_scores", "sealed_pounds")
CAME = {"2020-06-30": (44, 51), "2020-09-30": (42, 4), "2021-03-31": (30, 40)}
MONTHS = "scenario,category,date,now,actual,median,lower_80,upper_80"
COSTS = "scenario,year,category,now,days,median,lower_80,upper_80,reason"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def tables(quarter, median=43):
    """What a run publishes of the time to come: an IFA forecast that the gate withheld, and a month that is no end."""
    end = quarter.next().end
    rows = [
        f"Continue,Outside placement,{end},42,x,{median},39,47",
        f"Continue,IFA,{quarter.next(2).end},51,x,51,45,57",
        f"Continue,IFA,{end},51,x,x,x,x",
        f"Continue,Outside placement,{end.replace(day=28)},42,x,41,39,47",
        f"Continue,Outside placement,{quarter.next(5).end},42,x,40,30,47",
        f"Stop,Outside placement,{end},42,x,60,50,70",
        f"Continue,Secure,{end},7,x,7,6,9",
    ]
    cost = "Continue,2021-22,Outside placement,42,13404,6687.759192,5164.987716,8184.544417,-"
    months, part = "Continue,2020-21 to March,IFA,1,1,9,8,9,-", "Continue,2021-22,All,1,1,9,8,9,-"
    design = "Demand model to 31 December 2018,2019-01-01,209,1294.26,-2139.6,5241"
    few = "Too few,2020-02-01,c,c,c,c"
    return {
        "forecast_by_month": "\n".join([MONTHS, *rows, ""]),
        "forecast_costs": "\n".join([COSTS, cost, months, part, ""]),
        "avoided_by_design": "\n".join(["design,since,children,median,lower,upper", design, few, ""]),
        "sealed_forecasts": "name,target\ndo nothing,2020-21-Q2\n",
    }


def view(quarter, seals):
    days = pd.DatetimeIndex([day for day in CAME if dt.date.fromisoformat(day) <= quarter.end])
    counts = pd.DataFrame([CAME[str(day.date())] for day in days], index=days, columns=[OUTSIDE, IFA])
    return SimpleNamespace(
        seals=seals, quarter=quarter, as_of=quarter.end, counts=SimpleNamespace(by_category=lambda: counts), costs=None
    )


class TinyRelease:
    """A release of the sealed tables alone, with the forecasts that a run would publish."""

    def __init__(self, quarter, audience, seals, median):
        made = {id: registered()[id] for id in IDS}
        self.built = {id: protect(spec, spec.build(view(quarter, seals)), audience) for id, spec in made.items()}
        self.quarter, self.median = quarter, median
        self.facts = {
            "authority": "salford", "authority_name": "Salford", "published": "salford", "synthetic": True,
            "quarter": str(quarter), "as_of": quarter.end.isoformat(), "audience": audience, "seed": 1, "issues": {},
            "inputs": [{"file": "Episodes.csv", "sha256": "ab", "rows": 3}],
            "other_inputs": [{"file": f"{run.quarter}/sealed.json", "sha256": run.sha256} for run in seals],
        }  # fmt: skip

    def save(self, folder):
        (folder / "release.json").write_text("".join(table.to_csv() for table in self.built.values()), "utf-8")

    def csv_files(self):
        return {id: table.to_csv() for id, table in self.built.items()} | tables(self.quarter, self.median)


def builder(median=43):
    def build(data, authority, quarter, audience, seed, seals=()):
        return TinyRelease(quarter, audience, seals, median)

    return build


def executed(jobs, workers, environment, done, begun):
    """In place of kernels: a figure, and three findings that hold a digest of the release."""
    content = (Path(environment["BOND_RELEASE"]) / "release.json").read_bytes()
    for job in jobs:
        notebook = nbformat.read(job.source, as_version=4)
        figure = new_output("display_data", data={"image/png": PNG}, metadata={"image/png": {"alt": "A line."}})
        found = [new_output("display_data", data={FINDING_MIME: finding(job.name, i, content)}) for i in range(3)]
        notebook.cells[1].update(execution_count=1, outputs=[figure, *found])
        nbformat.write(notebook, job.target)
        done(Outcome(job.name, "", 0.1))


def finding(name, number, content):
    return {
        "id": f"{name[3:]}.f{number}", "statement": f"It is {hashlib.sha256(content).hexdigest()}.",
        "questions": ["Q01"],
        "kind": "descriptive", "unit": "children", "value": 42, "interval": [36, 48], "no_interval": "", "n": 42,
        "period": "now", "method": "count", "strength": "Complete count", "source": "table x", "caveats": [],
        "table": "x", "completeness": "", "decision": "",
    }  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a quarter with the tiny builder and without kernels; gives the run's folder."""
    (tmp_path / "data").mkdir()
    (tmp_path / "nbs").mkdir()
    for name in ("05_a", "31_b"):
        cells = [new_markdown_cell("# Why?\n\nThe panel asks."), new_code_cell("1")]
        nbformat.write(new_notebook(cells=cells), tmp_path / "nbs" / f"{name}.ipynb")
    monkeypatch.setattr(runner, "execute_all", executed)

    def perform(quarter, median=43, build=None, **other):
        settings = settings_of(tmp_path, quarter, **other)
        report = runner.run_workbook(settings, build=build or builder(median))
        assert report.exit_status == 0
        return report.folder

    return perform


def settings_of(tmp, quarter, **other):
    usual = {"notebooks": tmp / "nbs", "seed": 1, "audit": False}
    return RunSettings(tmp / "data", "salford", quarter, tmp / "out", **usual, **other)


def records(folder):
    return json.loads((folder / "sealed.json").read_text("utf-8"))


def scores(folder, id="sealed_scores"):
    text = (folder / "tables" / f"{id}.csv").read_text("utf-8")
    return pd.read_csv(StringIO(text), dtype=str, keep_default_na=False).to_dict("records")


# What is sealed --------------------------------------------------------------------------------------------------


def test_a_run_seals_what_it_publishes_of_the_time_to_come_and_nothing_withheld():
    found = {(item.name, item.target): item for item in to_seal(tables(SECOND), SECOND)}
    assert [(name, target, item.value, item.unit) for (name, target), item in found.items()] == [
        ("children: Outside placement", "2020-21-Q3", 43.0, "children"),
        ("children: IFA", "2020-21-Q4", 51.0, "children"),
        ("cost of a year: Outside placement", "2021-22-Q4", 6687.8, "£000"),
        ("avoided: Demand model to 31 December 2018", "2020-21-Q2", 1294.3, "£000"),
        ("published: do nothing", "2020-21-Q2", 23332.0, "£000"),
        ("published: likely", "2020-21-Q2", 22911.0, "£000"),
    ]
    assert {item.made_on for item in found.values()} == {dt.date(2020, 9, 30)}
    cost = found["cost of a year: Outside placement", "2021-22-Q4"]
    assert cost.interval == (5165.0, 8184.5)
    assert cost.price_base == "cost of a day in the year to 30 September 2020, no uplift"
    assert not list(to_seal({}, SECOND))


def test_the_file_is_a_chain_that_the_manifest_names(run):
    folder = run(FIRST)
    sealed = checked([json.dumps(item) for item in records(folder)], "x")
    assert len(sealed) == 6 and {item.kind for item in sealed} == {FORECAST}
    digest = hashlib.sha256((folder / "sealed.json").read_bytes()).hexdigest()
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["files"]["sealed.json"] == digest


def test_the_same_again_changes_nothing_and_another_value_is_logged_beside_the_first(run):
    folder = run(FIRST)
    before = (folder / "sealed.json").read_bytes()
    run(FIRST)
    assert (folder / "sealed.json").read_bytes() == before
    run(FIRST, median=46)
    after = records(folder)
    assert after[:6] == json.loads(before) and len(after) == 7
    changed = after[6]
    assert (changed["kind"], changed["value"], changed["effect"]) == (REBASING, 46.0, 3.0)
    assert changed["basis"] == f"{RERUN}; was {after[0]['hash']}" and changed["hash"] != after[0]["hash"]
    run(FIRST, median=46)
    assert records(folder) == after


def test_a_run_of_some_notebooks_keeps_what_was_sealed(run):
    before = (run(FIRST) / "sealed.json").read_bytes()
    folder = run(FIRST, median=46, only=("05",))
    assert (folder / "sealed.json").read_bytes() == before


def test_a_run_that_publishes_no_forecast_seals_nothing(tmp_path):
    write_seals(tmp_path, settings_of(tmp_path, FIRST), (), {"moves": "a\n1\n"})
    assert list(tmp_path.iterdir()) == []


# What is made of it ----------------------------------------------------------------------------------------------


def test_a_later_quarter_scores_what_came_and_declares_the_file(run):
    first, second = run(FIRST), run(SECOND)
    (row,) = scores(second)
    assert row["made_in"] == "2020-21-Q1" and row["made_on"] == "30 June 2020" and row["target"] == "2020-21-Q2"
    assert [row[name] for name in ("forecast", "lower", "upper", "came", "error", "inside", "changed")] == [
        "43", "39", "47", "42", "-1", "yes", "no",
    ]  # fmt: skip
    assert (
        scores(second, "sealed_quarters")[0]["words"] == "2020-21-Q1 sealed 6 figures, 1 of them to be scored by now."
    )
    digest = hashlib.sha256((first / "sealed.json").read_bytes()).hexdigest()
    manifest = json.loads((second / "manifest.json").read_text("utf-8"))
    assert manifest["release"]["other_inputs"] == [{"file": "2020-21-Q1/sealed.json", "sha256": digest}]
    assert scores(first) == [] and scores(first, "sealed_quarters") == []


def test_the_first_value_is_scored_and_a_change_is_shown_beside_it(run):
    run(FIRST)
    run(FIRST, median=41)
    (row,) = scores(run(SECOND))
    assert (row["forecast"], row["changed"]) == ("43", f"{RERUN}: by −2.0 children to 41.0")


def test_what_came_is_withheld_where_it_is_small_and_so_is_what_would_tell_it():
    forecast = Forecast(
        "children: IFA", "2020-21-Q2", 51, "2020-21-Q1", FIRST.end, "model", (45, 57), unit="children", price_base=""
    )
    seals = (SealedRun("2020-21-Q1", "ab", sealed_again((), [forecast])),)
    spec = registered()["sealed_scores"]
    shown = protect(spec, spec.build(view(SECOND, seals)), "public")
    assert [str(shown.cells(name)[0]) for name in ("forecast", "came", "error")] == ["51", "c", "c"]
    assert shown.texts("inside") == [""]
    assert protect(spec, spec.build(view(SECOND, seals)), "internal").texts("inside") == ["no"]


def test_a_year_is_scored_by_its_outturn_and_never_by_a_projection():
    forecast = Forecast(f"cost of a year: {OUTSIDE}", "2020-21-Q4", 7000, "2019-20-Q2", dt.date(2019, 9, 30), "model",
                        (6000, 8000))  # fmt: skip
    seals = (SealedRun("2019-20-Q2", "ab", sealed_again((), [forecast])),)
    costs = pd.DataFrame(
        {"year": ["2020-21"], "category": [OUTSIDE], "standing": ["outturn"], "child_days": [1], "cost_pounds": [8.5e6],
         "children": [42], "largest_pounds": [9e5]}
    )  # fmt: skip
    seen = view(Quarter(2020, 4), seals)
    seen.costs = costs
    row = registered()["sealed_pounds"].build(seen).iloc[0]
    assert (row["came"], row["error"], row["inside"]) == (8500, 1500, "no")
    seen.costs = costs.assign(standing="projection")
    assert registered()["sealed_pounds"].build(seen)["came"].isna().all()
    assert registered()["sealed_pounds"].build(view(SECOND, seals)).empty, "the year is not over"


def test_the_jump_of_the_published_do_nothing_is_seen_by_the_next_quarter():
    """Sealed in force on 30 September 2020: £23,332k; the report of November 2020 re-based it by £1,704k."""
    made = [item for item in to_seal(tables(SECOND), SECOND) if item.name.startswith("published")]
    seals = (SealedRun("2020-21-Q2", "ab", sealed_again((), made)),)
    moved = {
        quarter: registered()["sealed_pounds"].build(view(quarter, seals)).set_index("about")["moved"].to_dict()
        for quarter in (SECOND, Quarter(2020, 3))
    }
    assert moved[SECOND] == {"published: do nothing": 0, "published: likely": 0}
    assert moved[Quarter(2020, 3)] == {"published: do nothing": 1704, "published: likely": 0}


# Tampering -------------------------------------------------------------------------------------------------------


def changed_value(items):
    items[0]["value"] += 1
    return items


def without_the_last(items):
    return items[:-1]


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (changed_value, "record 1: changed after it was sealed"),
        (lambda items: items[1:], "record 1: changed after it was sealed"),
        (without_the_last, "is not the file that its manifest.json names"),
        (lambda items: [], "is not the file that its manifest.json names"),
        (lambda items: {"a": 1}, "record 1: not a record"),
    ],
)
def test_a_seal_that_was_tampered_with_is_named_and_not_scored(run, tamper, words):
    path = run(FIRST) / "sealed.json"
    path.write_text(json.dumps(tamper(json.loads(path.read_text("utf-8")))), "utf-8")
    folder = run(SECOND)
    assert scores(folder) == [] and scores(folder, "sealed_pounds") == []
    (row,) = scores(folder, "sealed_quarters")
    assert words in row["words"] and row["words"].startswith("2020-21-Q1: not scored") and row["figures"] == "0"


def test_a_run_does_not_write_over_its_own_seals_where_they_were_changed(run):
    folder = run(FIRST)
    path = folder / "sealed.json"
    path.write_text(path.read_text("utf-8").replace('"value": 43.0', '"value": 44.0'), "utf-8")
    before = {item: item.read_bytes() for item in folder.rglob("*") if item.is_file()}
    with pytest.raises(InputError, match=r"2020-21-Q1/sealed\.json, record 1: changed after it was sealed"):
        run(FIRST)
    assert {item: item.read_bytes() for item in folder.rglob("*") if item.is_file()} == before


def test_editions_do_not_read_each_others_seals(run, tmp_path):
    run(FIRST, audience="internal")
    assert earlier_seals(settings_of(tmp_path, SECOND)) == ()
    (found,) = earlier_seals(settings_of(tmp_path, SECOND, audience="internal"))
    assert found.quarter == "2020-21-Q1" and len(found.seals) == 6
    assert earlier_seals(settings_of(tmp_path, FIRST, audience="internal")) == (), "a quarter does not score itself"


# The same again --------------------------------------------------------------------------------------------------


def test_the_same_quarter_with_the_same_earlier_seals_gives_the_same_findings(run):
    run(FIRST)
    folder = run(SECOND)
    before = (folder / "findings.json").read_bytes()
    run(SECOND)
    assert (folder / "findings.json").read_bytes() == before
    run(FIRST, median=46)
    run(SECOND)
    assert (folder / "findings.json").read_bytes() != before, "another seal is another input"


def test_the_reference_run_neither_reads_nor_writes_seals(run, tmp_path):
    run(FIRST)

    def build(data, authority, quarter, audience, seed):
        return TinyRelease(quarter, audience, (), 43)

    target = tmp_path / "out" / "reference"
    write_reference(target, tmp_path / "data", tmp_path / "nbs", build=build, audit=False)
    assert "sealed.json" not in {path.name for path in target.iterdir()}


def test_a_release_is_told_of_the_seals_and_names_their_file(tmp_path, monkeypatch):
    rows = [*filler(2019), *[episode(str(i), "2019-05-01", PLACE_PROVIDER="PR4") for i in range(3)]]
    write_return(tmp_path, {"2019-20": rows})
    forecast = Forecast("children: IFA", "2019-20-Q4", 2, "2019-20-Q3", dt.date(2019, 12, 31), "m", (0, 9), "children")
    seals = (SealedRun("2019-20-Q3", "ab" * 32, sealed_again((), [forecast])),)
    monkeypatch.setattr(release, "registered", lambda: {"sealed_scores": registered()["sealed_scores"]})
    (tmp_path / "postcodes.csv").write_text("postcode,authority\n")
    made = release.build_release(tmp_path, "x", Quarter(2019, 4), "internal", 1, seals)
    postcodes, sealed = made.facts["other_inputs"]
    assert sealed == {"file": "2019-20-Q3/sealed.json", "sha256": "ab" * 32}
    # A look-up of postcodes is named by its hash, and is no file of the return.
    assert postcodes["file"] == "postcodes.csv" and len(postcodes["sha256"]) == 64
    assert "postcodes.csv" not in {item["file"] for item in made.facts["inputs"]}
    assert made.tables["sealed_scores"].numbers("came") == [3]
    assert len(release.build_release(tmp_path, "x", Quarter(2019, 4), "internal", 1).tables["sealed_scores"]) == 0


def test_changes_are_named_with_their_effect():
    forecast = Forecast("a", "2020-21-Q2", 10, "2020-21-Q1", FIRST.end, "m")
    first = sealed_again((), [forecast])
    again = sealed_again(first, [dataclasses.replace(forecast, value=12.5)])
    assert sealed_runs.changes(SealedRun("x", "", first), first[0]) == "no"
    assert sealed_runs.changes(SealedRun("x", "", again), again[0]) == f"{RERUN}: by 2.5 £000 to 12.5"

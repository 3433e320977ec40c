"""What moved between two runs: named tests, Holm's adjustment, revisions apart from new data, what could explain it."""

import csv
import datetime as dt
import io
import json
from math import nan

import pytest
from bs4 import BeautifulSoup

from bond_eval.core.atomic import write_json, write_text
from bond_eval.core.errors import InputError
from bond_eval.core.findings import value_text
from bond_eval.evidence.registry import registered
from bond_eval.workbook import noise
from bond_eval.workbook.compare import ARRIVED, FINDING, MOVED, REVISED, SPARED, _last_day, compare_runs
from bond_eval.workbook.compare_page import lines, summary, write_csv, write_page

# Tests -----------------------------------------------------------------------------------------------------------


def test_the_exact_test_of_two_counts_gives_the_binomial_by_hand():
    """5 against 15 with equal exposure: twice the chance of 5 or fewer of 20 at a half, 21700 / 2^20."""
    judged = noise.rates((15, 1.0), (5, 1.0))
    assert judged.p == pytest.approx(2 * 21700 / 2**20) and judged.verdict == noise.BEYOND
    assert judged.detail.startswith("ratio 0.33 (")


def test_exposure_counts_and_nothing_in_both_runs_is_no_movement():
    assert noise.rates((10, 100.0), (20, 200.0)).p == pytest.approx(1.0)
    assert noise.rates((10, 1.0), (20, 1.0)).p < noise.rates((10, 1.0), (20, 1.9)).p
    assert noise.rates((0, 1.0), (0, 1.0)).p == 1.0


def test_holm_is_holms_own():
    """Holm's step-down on four p-values, worked by hand: 0.005 x 4, 0.01 x 3, 0.03 x 2, then never less than before."""
    assert noise.holm([0.03, 0.005, 0.04, 0.01]) == pytest.approx([0.06, 0.02, 0.06, 0.03])
    assert noise.holm([0.6, 0.7]) == [1.0, 1.0] and noise.holm([]) == []


def test_charts_are_judged_from_twelve_points_on():
    flat = [10.0, 12.0] * 6
    assert noise.series(flat[:11], [10]).verdict == noise.UNTESTED
    assert noise.series([*flat[:11], nan], [11]).detail == "11 points, 12 are needed"
    assert noise.series(flat, [11]).verdict == noise.WITHIN
    judged = noise.series([*flat, 60.0], [12])
    assert (judged.verdict, judged.test, judged.detail) == (noise.BEYOND, noise.SPC, "signal: outside")
    assert noise.series([*flat, 60.0, 11.0], [13]).verdict == noise.WITHIN, "an old signal is no news"


def test_a_chart_is_judged_since_its_re_basing():
    stepped = [10.0, 12.0] * 6 + [20.0, 22.0] * 6
    assert noise.series(stepped, [23]).verdict == noise.BEYOND
    assert noise.series(stepped, [23], [12]).verdict == noise.WITHIN
    assert noise.series(stepped[:20], [19], [12]).detail == "8 points, 12 are needed"


def test_from_none_there_is_no_ratio_and_without_a_number_no_test():
    judged = noise.rates((0, 50.0), (17, 50.0))
    assert judged.verdict == noise.BEYOND and judged.detail == "none before, so that there is no ratio"
    shown = finding("a.b", 7)
    hidden = shown | {"value": None, "no_interval": "too few"}
    assert noise.findings(hidden, shown) == noise.Judged(
        "none", noise.UNTESTED, "one of the runs has no number to show"
    )


# Runs ------------------------------------------------------------------------------------------------------------


def finding(id, value, **other):
    usual = {
        "id": id, "statement": f"The value of {id} is <b>{value}</b>.", "questions": ["Q01"], "kind": "descriptive",
        "value": value, "unit": "children", "interval": None, "no_interval": "complete count", "n": value, "cell": 9,
        "strength": "Complete count", "method": "count", "notebook": "01_placement_trends", "stage": 1,
        "source": "table placements_at_date", "table": "placements_at_date", "period": "to 30 June 2020",
        "caveats": [], "completeness": "", "decision": "",
    }  # fmt: skip
    return usual | other


def run(folder, quarter, findings, tables, **manifest):
    facts = {"authority": "salford", "quarter": quarter, "audience": "public", "seed": 1, "inputs": "x"}
    write_json(folder / "findings.json", facts | {"findings": findings, "missing": {}, "earlier": []})
    for id, text in tables.items():
        write_text(folder / "tables" / f"{id}.csv", text)
    write_text(folder / "pages" / "01_placement_trends.html", "")
    release = {"authority_name": "Salford", "as_of": "2020-06-30", "synthetic": True, **facts}
    usual = {
        "release": release | {"other_inputs": [{"file": "finance/fees.csv", "sha256": "f"}]},
        "versions": {"numpy": "2"}, "inputs": [{"file": "Episodes.csv", "sha256": "e"}], "parameters": {"seed": 1},
        "package": "p",
        "reference": {"data/reference/codes.csv": "c"},
    }  # fmt: skip
    write_json(folder / "manifest.json", usual | manifest)
    return folder


FLOWS = "chart,period,value,mean,lower,upper,verdict\n" + "".join(
    f"All: started,2019-{month:02d},{10 + month % 2},10,5,15,common cause\n" for month in range(1, 13)
)
PLACES = "date,category,children\n2020-03-31,IFA,50\n2020-03-31,Outside placement,48\n"
MOVES = "window,budget,stability,mark,moves\nsince,cheaper,planned,green,{}\nsince,cheaper,unplanned,amber,{}\n"


@pytest.fixture
def runs(tmp_path):
    """Two quarters: one finding halves, one is revised, one comes and one goes; a row is revised, others are new."""
    first = [
        finding("a.halved", 60), finding("a.same", 42), finding("a.gone", 7),
        finding("a.revised", 50, period="at 31 March 2020"), finding("a.cost", 900.0, unit="£000", n=None),
        finding("a.share", 0.3, unit="share", n=200, interval=[0.2, 0.4], no_interval=""),
    ]  # fmt: skip
    later = {"period": "to 30 September 2020"}
    second = [
        finding("a.halved", 30, **later), finding("a.same", 42, **later), finding("a.new", 8, **later),
        finding("a.revised", 51, period="at 31 March 2020"), finding("a.cost", 950.0, unit="£000", n=None, **later),
        finding("a.share", 0.31, unit="share", n=200, interval=[0.21, 0.41], no_interval="", method="other", **later),
    ]  # fmt: skip
    charts = FLOWS + "All: started,2020-07,40,10,5,15,signal: outside\n"
    places = PLACES.replace("50", "51") + "2020-09-30,IFA,45\n2020-09-30,Outside placement,c\n"
    a = run(tmp_path / "2020-21-Q1", "2020-21-Q1", first,
            {"placement_flows": FLOWS, "placements_at_date": PLACES, "move_marks": MOVES.format(30, 12)})  # fmt: skip
    b = run(tmp_path / "2020-21-Q2", "2020-21-Q2", second,
            {"placement_flows": charts, "placements_at_date": places, "gaps": "a\n1\n",
             "move_marks": MOVES.format(30, "c")},
            inputs=[{"file": "Episodes.csv", "sha256": "changed"}, {"file": "New.csv", "sha256": "n"}], package="q",
            versions={"numpy": "3"}, reference={"data/reference/codes.csv": "d"})  # fmt: skip
    return a, b


def test_findings_that_moved_have_a_named_test_and_an_adjusted_verdict(runs):
    moved = {movement.id: movement for movement in compare_runs(*runs).of(FINDING)}
    assert set(moved) == {"a.halved", "a.cost", "a.share"}, "what stayed is not listed"
    halved = moved["a.halved"]
    assert (halved.before, halved.after, halved.test, halved.verdict) == (
        "60 children",
        "30 children",
        noise.EQUAL,
        noise.BEYOND,
    )
    # Four findings were compared by an exact test: halved, same, revised and share.
    assert compare_runs(*runs).compared["findings"] == 4
    assert halved.adjusted == pytest.approx(4 * halved.p)
    assert (moved["a.cost"].test, moved["a.cost"].verdict) == ("none", noise.UNTESTED)
    assert (moved["a.share"].test, moved["a.share"].verdict) == (noise.RATIO, noise.WITHIN)


def test_intervals_are_said_to_overlap_or_not_where_there_is_no_count():
    before = finding("a.b", 0.3, unit="ratio", interval=[0.2, 0.4], no_interval="")
    near, far = before | {"value": 0.4, "interval": [0.3, 0.5]}, before | {"value": 0.6, "interval": [0.5, 0.7]}
    assert noise.findings(before, near).detail == "they overlap; not adjusted"
    assert (noise.findings(before, far).verdict, noise.findings(before, far).test) == (noise.BEYOND, noise.OVERLAP)
    assert noise.findings(before, before | {"unit": "£"}).detail == "the unit changed"


def test_revisions_stand_apart_from_new_data(runs):
    comparison = compare_runs(*runs)
    revised = {(movement.id, movement.before, movement.after) for movement in comparison.of(REVISED)}
    # By one child: what it was is in the earlier run, and not beside what it is.
    assert revised == {("a.revised", SPARED, "51 children"), ("placements_at_date", SPARED, "51")}
    (fresh,) = comparison.of(ARRIVED)
    assert (fresh.id, fresh.verdict, fresh.after) == ("placement_flows", noise.BEYOND, "1 new, last 40 in 2020-07")
    (cell,) = comparison.of(MOVED)
    assert (cell.id, cell.before, cell.after, cell.verdict) == ("move_marks", "12", "c", noise.UNTESTED)
    assert cell.detail == "no exposure"


@pytest.mark.parametrize(
    "name, label, day",
    [
        ("quarter", "2019-20-Q1 to 2019-20-Q4", dt.date(2020, 3, 31)), ("month", "October 2019", dt.date(2019, 10, 31)),
        ("month", "2019-12", dt.date(2019, 12, 31)), ("year", "2019-20", dt.date(2020, 3, 31)), ("year", "All", None),
        ("date", "2020-02-29", dt.date(2020, 2, 29)),
    ],
)  # fmt: skip
def test_the_last_day_that_a_label_names(name, label, day):
    assert _last_day(label, name) == day


def test_a_cell_that_is_part_of_another_is_tested_as_a_rate(runs):
    rows = "reading,category,children,of,gap,published,difference\nunder 12,IFA,{},{},0,x,x\nlockdown,IFA,c,9,0,x,x\n"
    for folder, part in zip(runs, ((10, 40), (40, 45)), strict=True):
        write_text(folder / "tables" / "new_external.csv", rows.format(*part))
    comparison = compare_runs(*runs)
    moved = {m.where: m for m in comparison.of(MOVED) if m.id == "new_external"}
    tested = moved["under 12, IFA: Children"]
    assert tested.test == noise.RATIO and tested.p == noise.rates((10, 40.0), (40, 45.0)).p == tested.adjusted
    assert comparison.compared["cells"] == 1 and set(moved) == {"under 12, IFA: Children", "under 12, IFA: New in all"}


def test_values_are_written_as_a_person_would(runs):
    moved = {movement.id: (movement.before, movement.after) for movement in compare_runs(*runs).of(FINDING)}
    assert moved["a.cost"] == ("£900k", "£950k") and moved["a.share"] == ("30.0%", "31.0%")
    for value, unit, text in ((-138.1, "£000", "−£138k"), (0.876, "rate ratio", "0.88 rate ratio"),
                              (1, "measures", "1 measure"), (2.5e6, "£", "£2.5m")):  # fmt: skip
        assert value_text(value, unit) == text


def test_what_the_gate_hid_and_what_follows_a_count_are_no_revisions(runs):
    """Of three cells that differ one is a count, one is worked out from it, one was withheld."""
    rows = (
        "within,year,children,of,share,lower,upper\n12 months,2016-17,{},100,{},{},{}\n12 months,2017-18,{},90,x,x,x\n"
    )
    for folder, cells in zip(runs, ((10, 0.1, 0.05, 0.17, "c"), (11, 0.11, 0.06, 0.18, 9)), strict=True):
        write_text(folder / "tables" / "reentries.csv", rows.format(*cells))
    revised = [(m.where, m.before, m.after) for m in compare_runs(*runs).of(REVISED) if m.id == "reentries"]
    assert [pair[1:] for pair in revised] == [(SPARED, "11")]


def test_draws_of_a_forecast_are_not_compared_cell_by_cell(runs):
    spec = registered()["forecast_by_month"]
    head = [*spec.labels, *(value.name for value in spec.values)]
    for folder, number in zip(runs, (40, 41), strict=True):
        cells = ["2020-09-30" if name == "date" else "x" if name in spec.labels else str(number) for name in head]
        write_text(folder / "tables" / "forecast_by_month.csv", ",".join(head) + "\n" + ",".join(cells) + "\n")
    assert not [m for m in compare_runs(*runs).movements if m.id == "forecast_by_month"]


def test_limits_of_a_chart_drawn_anew_are_no_revision(runs):
    charts = (runs[1] / "tables" / "placement_flows.csv").read_text(encoding="utf-8")
    write_text(runs[1] / "tables" / "placement_flows.csv", charts.replace(",10,5,15,", ",11,6,16,"))
    assert not [m for m in compare_runs(*runs).of(REVISED) if m.id == "placement_flows"]
    write_text(runs[1] / "tables" / "placement_flows.csv", charts.replace("2019-02,10,", "2019-02,9,"))
    assert [m.after for m in compare_runs(*runs).of(REVISED) if m.id == "placement_flows"] == ["9"]


def test_new_and_vanished_findings_are_named(runs):
    comparison = compare_runs(*runs)
    assert (comparison.new, comparison.vanished) == (("a.new",), ("a.gone",))


def test_what_could_explain_a_movement_is_named(runs):
    told = compare_runs(*runs).explanations
    assert set(told) == {
        "Changed input file: Episodes.csv.", "Changed input file: data/reference/codes.csv.",
        "New input file: New.csv.",
        "numpy 2 before, 3 now.", "The code of the package changed.", "Definition of a.share: method changed.",
        "Table gaps is in the later run only.",
    }  # fmt: skip


def test_a_run_beside_itself_shows_nothing(runs):
    comparison = compare_runs(runs[0], runs[0])
    assert not comparison.movements and not comparison.new and not comparison.vanished
    assert comparison.explanations == ("No input file changed.",)


def test_the_page_is_whole_escaped_and_leads_to_what_it_names(runs):
    target = runs[1].parent / "compare.html"
    comparison = compare_runs(*runs)
    write_page(comparison, target)
    page = BeautifulSoup(target.read_text(encoding="utf-8"), "html.parser")
    assert "What changed from 2020-21-Q1 to 2020-21-Q2 in Salford" in page.h1.text
    assert not page.find_all("b") and "<b>30</b>" in page.text
    assert summary(comparison) in page.text and "1 of them beyond noise" in summary(comparison)
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for link in page.find_all("a", href=True):
        path, _, fragment = link["href"].partition("#")
        assert (path and (target.parent / path).is_file()) or fragment in ids or path.endswith("index.html")
    assert "2020-21-Q2/pages/01_placement_trends.html#finding-a.halved" in [
        a["href"] for a in page.find_all("a", href=True)
    ]


def test_csv_and_lines_hold_every_movement(runs, tmp_path):
    comparison = compare_runs(*runs)
    write_csv(comparison, tmp_path / "moved.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "moved.csv").read_text(encoding="utf-8"))))
    assert len(rows) == len(comparison.movements) + 2
    assert {row["of"] for row in rows} == {FINDING, MOVED, REVISED, ARRIVED, "new finding", "vanished finding"}
    assert any(line.startswith("a.halved: 60 children -> 30 children; beyond noise") for line in lines(comparison))


def test_runs_that_cannot_be_compared_are_refused(runs, tmp_path):
    with pytest.raises(InputError, match=r"is not the folder of a run: give one that holds findings\.json"):
        compare_runs(runs[0], tmp_path)
    content = json.loads((runs[1] / "findings.json").read_text(encoding="utf-8"))
    write_json(runs[1] / "findings.json", content | {"audience": "internal"})
    with pytest.raises(InputError, match="different audience: public and internal"):
        compare_runs(*runs)

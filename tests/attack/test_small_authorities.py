"""Releases of small authorities are let out, and nothing in their tables gives a withheld count away."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd
import pytest

from bond_eval.audit import audit
from bond_eval.audit.read import read_folder
from bond_eval.audit.small import in_tables
from bond_eval.audit.tables import tables_of
from bond_eval.core.periods import Quarter
from bond_eval.evidence import registry, release
from bond_eval.evidence.disclosure import make_plan
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import ALL, Table, Value, registered
from bond_eval.evidence.release import let_out
from bond_eval.evidence.view import load_view
from bond_eval.sample import write_sample
from bond_eval.workbook.attack import weak, write_tables
from bond_eval.workbook.progress import Progress
from bond_eval.workbook.publish import site_of
from bond_eval.workbook.settings import RunSettings

QUARTER = Quarter.parse("2020-21-Q2")
FACTS = {"as_of": QUARTER.end.isoformat(), "baseline": "2019-04-01"}
# Those that small authorities were refused for.
SOME = (
    "measure_series", "assurance_view", "neighbour_standing", "neighbours_reconciled", "equity_stages",
    "programme_funnel", "route29_staff", "route29_contradictions", "social_value",
)  # fmt: skip


def spec(id: str, labels: tuple[str, ...], values: tuple[Value, ...], margins: tuple[str, ...] = ()) -> Table:
    named = {label: label.title() for label in labels}
    return Table(id, "notebook", f"About {id}", "a row", named, values, margins, "source", "count", lambda view: None)


# -- figures that anyone knows -----------------------------------------------------------------------------------------


def test_a_published_year_of_its_quarters_is_known_whatever_is_withheld() -> None:
    quarters = ("2018-06-30", "2018-09-30", "2018-12-31", "2019-03-31")
    for measure, published in (
        ("Entries to care", "Started to be looked after in the year"),
        ("Leavings of care", "Ceased to be looked after in the year"),
    ):
        series = pd.DataFrame({"measure": measure, "date": quarters, "numerator": (11, 8, 10, 5)})
        standing = pd.DataFrame({"measure": [published], "period": ["2018-19"], "count": [34.0]})
        count = Value("count", "Children", "number", children=False)
        built = {
            "measure_series": (spec("measure_series", ("measure", "date"), (Value("numerator", "N"),)), series),
            "neighbour_standing": (spec("neighbour_standing", ("measure", "period"), (count,)), standing),
        }
        hidden = make_plan(built, FACTS).hidden
        assert len(hidden) == 2 and {table for table, *_ in hidden} == {"measure_series"}
        assert len(make_plan({"measure_series": built["measure_series"]}, FACTS).hidden) == 1


# -- the last resort ---------------------------------------------------------------------------------------------------


def settings(tmp_path: Path) -> RunSettings:
    return RunSettings(tmp_path / "data", "demo", QUARTER, tmp_path / "out")


@pytest.fixture
def agreeing(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Table, pd.DataFrame]]:
    """Two tables that no file links, with the same counts: one must not withhold what the other shows."""
    rows, counts = [*"abcdefg", ALL], [20, 31, 44, 9, 4, 57, 83]
    here = pd.DataFrame({"row": rows, "n": [*counts, sum(counts)]})
    there = pd.DataFrame({"row": rows[:-1], "m": counts, "share": [0.5] * 7})
    share = Value("share", "Share", "percent", children=False)
    made = {
        "here": (spec("here", ("row",), (Value("n", "Children"),), ("row",)), here),
        "there": (spec("there", ("row",), (Value("m", "Children"), share)), there),
    }
    for id, (table, _) in made.items():
        monkeypatch.setitem(registry.REGISTRY, id, table)
    return made


def falls(folder: Path, tables: dict, plan) -> tuple:
    write_tables(folder, {id: table.to_csv() for id, table in tables.items()}, plan)
    return audit(folder).falls


def test_what_the_attack_finds_is_withheld_before_anything_reads_it(agreeing, tmp_path: Path) -> None:
    tables, plan, more = let_out(agreeing, FACTS)
    fallen = falls(tmp_path / "alone", tables, plan)
    assert more == 0 and fallen and fallen[0].cells[0][0] == ("there", 3, "m")
    tables, plan, more = let_out(agreeing, FACTS, attack=weak(settings(tmp_path), Progress()))
    assert falls(tmp_path / "again", tables, plan) == ()
    assert more == 1 and ("there", ("d",), "m") in plan.hidden
    assert str(tables["there"].cell("m", row="c")) == "44"  # no more than it takes
    facts = dict.fromkeys(("authority_name", "synthetic"), "") | {"quarter": str(QUARTER), "as_of": FACTS["as_of"]}
    said = site_of(facts | {"audience": "public", "withheld_for_audit": 1234})["suppression"]
    assert "1,234 more cells are withheld" in said
    assert "more cells" not in site_of(facts | {"audience": "public"})["suppression"]


def test_the_attack_is_asked_so_often_and_no_more(agreeing) -> None:
    """One that is never content ends; a cell that is no count is withheld too."""
    asked = []

    def never(tables, plan, more):
        asked.append(more)
        return {(("there", len(asked) - 1, "share"),)}

    tables, plan, more = let_out(agreeing, FACTS, attack=never)
    assert asked == list(range(release.ROUNDS)) and more == release.ROUNDS
    shares = [str(cell) for cell in tables["there"].cells("share")]
    assert shares == ["c"] * release.ROUNDS + ["50%"] * (7 - release.ROUNDS)
    assert all(("there", (row,), "share") in plan.hidden for row in "abcdefg"[: release.ROUNDS])


def test_where_withholding_one_cell_does_not_help_the_next_is_tried(agreeing) -> None:
    cells, asked = tuple(("there", row, "share") for row in (2, 0, 1)), []

    def twice(tables, plan, more):
        asked.append(more)
        return {cells} if more < 2 else ()

    _, plan, more = let_out(agreeing, FACTS, attack=twice)
    assert asked == [0, 1, 2] and more == 2
    assert {row for id, (row,), name in plan.hidden if (id, name) == ("there", "share")} == {"c", "a"}


# -- what is worked out from few ---------------------------------------------------------------------------------------

# Values of tables that count children which follow no count, and why they may stand where the counts are withheld.
STAND = {
    "an agreed number of places, cases, staff or days": {
        "act_caseload": "planned", "act_length": "planned", "system_capacity": "places",
    },
    "money that is planned or spent, and no child's": {
        "avoided_by_design": "spend", "monitoring_pack": "budget spend so_far", "review": "planned rule",
    },
    "a published figure, or worked out from published figures alone": {
        "benefits_2019": "amount", "harbour_claim": "share", "programme_claims": "claimed implied cost needed",
        "social_value_proxies": "proxy priced", "stopping_risks": "who likely notice money at_most",
        "tcs_claims": "claimed implied needed months",
    },
    "sealed and published by an earlier run": {
        "sealed_pounds": "made_on sealed lower upper moved changed prices seal",
        "sealed_scores": "made_on forecast lower upper changed seal",
    },
    "a number of days, months, quarters, files, points, origins or programmes, or a horizon that is fixed": {
        "detectable_effects": "quarters after", "edge_seen": "days", "encompass_months": "days",
        "files_received": "files", "forecast_backcast": "origins", "forecast_windows": "window nights",
        "overlap_combinations": "number together", "route29_ages": "years", "scorecard": "complete points",
        "trend_designs": "maryland", "trend_series": "months",
    },
    "of all quarters of the data at once, and no count": {"detectable_effects": "dispersion expected"},
    "words that no count is in": {
        "edge_seen": "note", "forecast_costs": "reason", "forecast_options": "reason", "forecast_sufficiency": "need",
        "forecast_windows": "reason", "trend_answer": "asked", "trend_comparisons": "left_out",
        "trend_designs": "standing", "trend_methods": "covered", "trend_threats": "tested",
    },
}  # fmt: skip


def counting() -> list[Table]:
    """Registered tables that count children, staff, or what happened to them."""
    return [table for table in registered().values() if any(value.guarded for value in table.values)]


def frame_of(table: Table, counts: dict[str, list[float]]) -> pd.DataFrame:
    """Rows of made-up values: `counts` of guarded columns, 1.5 or words of the others."""
    rows = len(next(iter(counts.values())))
    labels = {label: [f"{label} {row}" for row in range(rows)] for label in table.labels}
    plain = {v.name: ["2019-07-14" if v.kind == "text" else 1.5] * rows for v in table.values if not v.guarded}
    largest = {value.largest: [0.0] * rows for value in table.values if value.largest}
    return pd.DataFrame(largest | labels | plain | counts)


def test_every_value_beside_counts_follows_them_or_says_why_not() -> None:
    stand = {(id, name) for ids in STAND.values() for id, names in ids.items() for name in names.split()}
    found = {
        (table.id, value.name)
        for table in counting()
        for value in table.values
        if not (value.guarded or value.follows) and (value.kind != "text" or value.children)
    }
    assert found - stand == set(), "say which counts these follow, or in STAND why none"
    assert stand - found == set(), "these follow a count now, or are gone"


@pytest.mark.parametrize("few", range(1, 6))
def test_no_rate_median_range_or_date_of_few_children_is_shown(few: int) -> None:
    """In each registered table, of a row of few children nothing is shown that follows them."""
    checked = 0
    for table in counting():
        guarded = [value.name for value in table.values if value.guarded]
        shown = protect(table, frame_of(table, {name: [float(few)] for name in guarded}), "public")
        for value in shown.table.values:
            if value.guarded or value.follows:
                assert str(shown.cells(value.name)[0]) == "c", (table.id, value.name)
                checked += 1
    assert checked > 400


def test_the_auditor_finds_no_value_beside_a_withheld_count_of_any_table(tmp_path: Path) -> None:
    """Each guarded column in turn holds the only small count; a published figure or a difference must not stand."""
    texts = {}
    for table in counting():
        guarded = [value.name for value in table.values if value.guarded]
        counts = {name: [2.0 if at == row else 40.0 for row in range(len(guarded))] for at, name in enumerate(guarded)}
        texts[table.id] = protect(table, frame_of(table, counts), "public").to_csv()
    write_tables(tmp_path, texts, None)
    told = {where.split(".csv")[0] for where, what in in_tables(tables_of(read_folder(tmp_path))) if "beside" in what}
    # Their counts are published with the claim that they are of, so none of them is ever withheld.
    assert told == {"tables/programme_claims", "tables/tcs_claims"}


def test_the_mean_of_rows_of_which_one_is_withheld_is_withheld() -> None:
    """12 × mean less the eleven that are shown is the twelfth, whichever reason it is withheld for."""
    table = registered()["measure_series"]
    counts = {name: [float(n) for n in (20, 21, 2, 30)] for name in ("numerator", "denominator")}
    frame = frame_of(table, counts).assign(measure=["one", "other", "one", "other"])
    shown = protect(table, frame, "public")
    for name in ("mean", "lower", "upper"):
        assert [str(cell) for cell in shown.cells(name)] == ["c", "1.5", "c", "1.5"]
    # A count that is withheld for another's sake alone takes the mean along.
    plan = make_plan({}, FACTS, more=frozenset({("measure_series", ("other", "date 1"), "numerator")}))
    assert [str(cell) for cell in protect(table, frame, "public", plan).cells("mean")] == ["c"] * 4


# -- authorities of few children ---------------------------------------------------------------------------------------


def fallen(folder: Path, world: str, children: int, seed: int, ids: tuple[str, ...] = ()) -> tuple[tuple, int]:
    """(falls of the audit of an authority's tables, how many cells were withheld for it)."""
    write_sample(folder / "data", children=children, world=world, seed=seed)
    who = "salford" if world == "published" else "demo"
    view = load_view(folder / "data", who, QUARTER, "public", 2021)
    tables = registered()
    built = {id: (tables[id], tables[id].build(view)) for id in sorted(ids or tables)}
    days = {"as_of": view.as_of.isoformat(), "baseline": view.baseline.isoformat()}
    out, plan, more = let_out(built, days, attack=None if ids else weak(settings(folder), Progress()))
    write_tables(folder / "run", {id: table.to_csv() for id, table in out.items()}, plan)
    report = audit(folder / "run")
    assert report.read["withheld cells"] > 20
    return report.falls, more


def test_tables_of_a_small_authority_do_not_fall(tmp_path: Path) -> None:
    """By the plan alone, without a second look."""
    assert fallen(tmp_path, "published", 60, 1, SOME) == ((), 0)


GRID = [
    *itertools.product(("null", "effect", "published"), (40, 60, 100, 160, 250), (1,)),
    *(("null", children, seed) for children in (40, 60, 100) for seed in range(2, 5)),
    ("null", 160, 12),
    ("null", 100, 11),
]


@pytest.mark.full
@pytest.mark.parametrize(("world", "children", "seed"), GRID)
def test_no_small_authority_is_refused(world: str, children: int, seed: int, tmp_path: Path) -> None:
    found, more = fallen(tmp_path, world, children, seed)
    assert found == () and more < 50, more

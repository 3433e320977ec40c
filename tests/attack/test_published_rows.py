"""What a public release does by row: hospital data, money that one child makes up, tables put together. Synthetic."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bond_eval.core.periods import Quarter
from bond_eval.evidence.coarse import fold
from bond_eval.evidence.disclosure import collapsed, make_plan, model_of
from bond_eval.evidence.gate import FEWER, MINIMUM, protect
from bond_eval.evidence.measured import _external_cost
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import ALL, Table, registered
from bond_eval.evidence.tables import programme_headings as headings
from bond_eval.evidence.tables.placement_moves import LEFT, OTHER_CARE, OWN
from bond_eval.intake.finance import load_finance
from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import IFA, OUTSIDE
from bond_eval.placements.costing import LINES, cost_by_year
from tests.helpers import history
from tests.programme_frames import register

FACTS = {"as_of": "2020-09-30", "baseline": "2019-03-31"}
AS_OF = dt.date(2020, 9, 30)
A_AND_E, ADMISSION = "A&E attendance", "Admission to hospital"


def published(name: str, frame: pd.DataFrame) -> Protected:
    """A registered table as a release has it."""
    spec = registered()[name]
    fewer = collapsed(spec, frame)
    return protect(spec, fewer, "public", make_plan({name: (spec, fewer)}, FACTS), fewer is not frame)


# -- hospital data ----------------------------------------------------------------------------------------------------


def attendances(before: int, after: int) -> pd.DataFrame:
    """programme_events of a register of 40 children with so many A&E attendances, and as many times missing."""
    days = [f"2019-{month:02d}-15" for month in range(5, 11)], [f"2020-{month:02d}-15" for month in range(3, 9)]
    events = [
        {"child": number, "type": kind, "day": side[number % len(side)]}
        for kind in ("a_and_e", "missing")
        for side, count in zip(days, (before, after), strict=True)
        for number in range(count)
    ]
    cases = [{"child": n, "referral": "2020-01-05", "decided": "2020-01-10", "start": "2020-02-01"} for n in range(40)]
    found = register(cases, events=events)
    names = {"programme": ["route29"], "name": ["Route 29"], "age_from": [np.nan]}
    object.__setattr__(found, "programmes", pd.DataFrame({**names, "live_from": [day_number(dt.date(2020, 1, 1))]}))
    view = SimpleNamespace(register=found, as_of=AS_OF, quarter=Quarter.parse("2020-21-Q2"), shelf={}, public=True)
    return registered()["programme_events"].build(view)


@pytest.mark.parametrize(
    ("before", "after", "hospital", "missing"),
    [(6, 7, ["c", "c"], ["6", "7"]), (8, 12, ["10", "10"], ["8", "12"]), (12, 6, ["10", "c"], ["12", "6"])],
)
def test_rows_of_hospital_data_have_rules_of_their_own(before, after, hospital, missing) -> None:
    frame = attendances(before, after)
    shown = published("programme_events", frame)
    cells = {kind: [str(shown.cell(name, event=kind)) for name in ("before", "after")] for kind in (A_AND_E, "Missing")}
    assert cells == {A_AND_E: hospital, "Missing": missing}
    assert str(shown.cell("children", event=A_AND_E)) == "40", "children are not the hospital's"
    inside = protect(registered()["programme_events"], frame, "internal")
    assert [inside.cell(name, event=A_AND_E).value for name in ("before", "after")] == [before, after]


def test_what_is_worked_out_from_rounded_counts_has_two_figures() -> None:
    frame = attendances(8, 12)
    shown = published("programme_events", frame)
    exact = frame.set_index("event").loc[A_AND_E, ["share", "lower", "upper"]].astype(float)
    told = [shown.cell(name, event=A_AND_E).value for name in exact.index]
    assert told == [pytest.approx(float(f"{value:.2g}")) for value in exact] and told != list(exact)
    assert shown.cell("share", event="Missing").value == frame.set_index("event").loc["Missing", "share"]
    assert "nearest 5" in shown.note and "nearest 5" in shown._repr_mimebundle_()["text/html"]


def test_an_estimate_in_words_has_two_figures_too() -> None:
    one = {"heading": "Health", "measure": A_AND_E, "form": headings.RATE, "children": 40.0, "before": 8, "after": 12,
           "shown": "1.01 (0.55 to 14.21)"}  # fmt: skip
    spec = registered()["route29_headings"]
    row = pd.DataFrame([one], columns=[*spec.labels, *(value.name for value in spec.values)])
    assert protect(spec, row, "public").texts("shown") == ["1.0 (0.55 to 14)"]
    assert protect(spec, row.assign(measure="Missing"), "public").texts("shown") == ["1.01 (0.55 to 14.21)"]


def test_the_plan_keeps_hospital_rows_by_their_own_minimum() -> None:
    spec = registered()["programme_events"]
    frame = attendances(7, 12)
    model = model_of({"programme_events": (spec, frame)}, FACTS)
    primary = {model.names[cell][0][1:] for cell in model.primary}
    assert primary == {(("Route 29", A_AND_E), "before")}
    # What an earlier release gave to the nearest 5 stays known.
    ended = replace(spec, id="t", labels={"event": "Event", "quarter": "Quarter"})
    now = frame.assign(quarter="2019-20-Q4")
    shown = protect(ended, now, "public").frame.astype(str)
    again = model_of({"t": (ended, now)}, FACTS, [{"quarter": Quarter.parse("2020-21-Q1"), "tables": {"t": shown}}])
    assert again.cells["t", (A_AND_E, "2019-20-Q4"), "after"] in again.known


# -- money ------------------------------------------------------------------------------------------------------------


def costs(folder, dearest: int, children: int = 8):
    """A view of children in outside placements all year, the first at this weekly fee, and as many in IFAs."""
    rows, lines = [], ["child,category,placement_start,start,end,weekly_fee"]
    for child in range(2 * children):
        outside = child < children
        place = {"place": "K2" if outside else "U4", "provider": "PR4", "rne": "S"}
        rows.append({"child": child, "start": "2019-04-01", **place})
        rows.append({"child": child, "start": "2019-04-01", "submission": 1, **place})
        fee = dearest if child == 0 else 1000
        lines.append(f"{child},{OUTSIDE if outside else IFA},,2019-04-01,,{fee}")
    folder.mkdir(exist_ok=True)
    (folder / "fees.csv").write_text("\n".join([*lines, ""]))
    finance = load_finance(folder, np.array([str(child) for child in range(2 * children)], dtype=object))
    past = history(rows, ("2020-03-31", "2020-09-30"))
    found = cost_by_year(past, finance, categories=tuple(LINES))
    return SimpleNamespace(costs=found, finance=finance, published=pd.DataFrame(columns=["series", "period", "value"]),
                           public=True, history=past, as_of=AS_OF)  # fmt: skip


def shown(view, table: str, value: str, **labels: str) -> str:
    spec = registered()[table]
    return str(protect(spec, spec.build(view), "public").cell(value, year="2019-20", **labels))


def test_the_cost_of_a_line_that_one_child_makes_up_is_withheld_in_every_sum(tmp_path) -> None:
    even, one = costs(tmp_path / "even", 1000), costs(tmp_path / "one", 70_000)
    assert shown(even, "cost_by_line", "cost", line=OUTSIDE) == shown(even, "cost_by_line", "cost", line=IFA) == "418"
    assert (
        shown(one, "cost_by_line", "cost", line=OUTSIDE) == "c"
        and shown(one, "cost_by_line", "cost", line=IFA) == "418"
    )
    # The line that is shown, taken off their sum, would give the other.
    for table, value in (("cost_against_budget", "cost"), ("cost_real", "nominal"), ("cost_real", "real")):
        assert shown(one, table, value) == "c" and shown(even, table, value) != "c", (table, value)
    year = dt.date(2019, 4, 1), dt.date(2020, 3, 31)
    assert _external_cost(SimpleNamespace(view=even), *year)[0] > 0
    assert np.isnan(_external_cost(SimpleNamespace(view=one), *year)[0])
    one.public = False
    assert _external_cost(SimpleNamespace(view=one), *year)[0] > 0


def test_the_cost_of_three_children_is_withheld_and_so_is_each_sum_with_another_line(tmp_path) -> None:
    view = costs(tmp_path, 1000, children=3)
    assert shown(view, "cost_by_line", "cost", line=OUTSIDE) == "c"
    assert shown(view, "cost_against_budget", "cost") == "c"


def test_the_dearest_child_is_counted_over_the_categories_of_its_line(tmp_path) -> None:
    assert costs(tmp_path, 70_000).costs.set_index(["year", "category"]).loc[
        ("2019-20", OUTSIDE), "largest_pounds"
    ] == (pytest.approx(366 * 70_000 / 7, rel=0.01))


# -- rows put together ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 30), min_size=1, max_size=9))
def test_put_together_rows_keep_their_sum_and_no_small_one_is_left_alone(numbers: list[int]) -> None:
    frame = pd.DataFrame({"row": [f"r{n}" for n in range(len(numbers))] + [ALL], "n": [*numbers, sum(numbers)]})
    found = fold(frame, "row", "n", lambda few: f"{len(few)} others")
    members = found.loc[found["row"] != ALL, "n"]
    assert found.loc[found["row"] == ALL, "n"].tolist() == [sum(numbers)]
    assert not len(members) or members.sum() == sum(numbers)
    assert not members.between(1, MINIMUM - 1).any()
    if not any(1 <= n < MINIMUM for n in numbers):
        assert found is frame


def test_staff_of_few_in_a_role_stand_in_one_row_that_names_the_roles() -> None:
    staff = {"Manager": 1, "Deputy": 2, "Portfolio lead": 6, "Worker": 19, "Nurse": 0, ALL: 28}
    found = published("staff_roles", pd.DataFrame({"role": list(staff), "staff": list(staff.values())}))
    assert list(found.shown().itertuples(index=False, name=None)) == [
        ("Worker", "19"), ("Deputy; Manager; Nurse; Portfolio lead", "9"), (ALL, "28"),
    ]  # fmt: skip
    assert found.note == registered()["staff_roles"].said and found.note != FEWER


def test_issues_are_told_by_severity_and_no_rule_goes_unsaid() -> None:
    rows = [("warning", "a", 20, "kept"), ("warning", "b", 4, "corrected"), ("warning", "c", 3, "kept"),
            ("warning", ALL, 27, "corrected and kept"), ("note", "d", 2, "kept"), ("note", "e", 5, "set aside"),
            ("note", ALL, 7, "kept and set aside")]  # fmt: skip
    found = published("issues_by_rule", pd.DataFrame(rows, columns=["severity", "problem", "rows", "action"]))
    assert list(found.shown().itertuples(index=False, name=None)) == [
        ("warning", "a", "20", "kept"), ("warning", "Other rules (2)", "7", "b (corrected); c (kept)"),
        ("warning", ALL, "27", "corrected and kept"), ("note", ALL, "7", "d (kept); e (set aside)"),
    ]  # fmt: skip


def test_rules_of_stability_that_differ_by_few_are_compared_over_all_dates() -> None:
    """40, 44, 43 and 47 a date: at one date they would give four, three and one child away; over six they do not."""
    spec = registered()["stability_measures"]
    rules = list(dict.fromkeys(rule.label for rule in _variants()))
    days = [dt.date(year, 3, 31) for year in range(2015, 2021)]
    rows = [("m", rule, day, n, 500, gap, n / 500, 0.0, 1.0) for day in days
            for rule, n, gap in zip(rules, (40, 44, 43, 47), (0, 4, 1, 3), strict=True)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["measure", "rule", "date", "children", "of", "gap", "share", "lower", "upper"])
    found = published("stability_measures", frame)
    assert [str(cell) for cell in found.where(date=ALL).cells("children")] == ["240", "264", "258", "282"]
    assert [str(cell) for cell in found.where(date=days[0]).cells("children")] == ["40"]
    assert "gap" not in found.frame and len(protect(spec, frame, "internal").where(date=days[0])) == 4


def _variants():
    from bond_eval.placements.stability import VARIANTS

    return VARIANTS


def test_moves_are_put_together_with_their_totals() -> None:
    origins, ends = ["In-house fostering", "Connected carers", "Adoption or guardianship", OUTSIDE], [
        "Connected carers", "Home, left care", "Adoption or guardianship", OUTSIDE]  # fmt: skip
    counts = pd.DataFrame([[4, 30, 2, 9], [3, 9, 4, 8], [2, 0, 9, 0], [7, 11, 0, 25]], index=origins, columns=ends)
    counts.loc[ALL] = counts.sum()
    counts[ALL] = counts.sum(axis=1)
    frame = counts.rename_axis("origin").reset_index().melt("origin", var_name="destination", value_name="moves")
    spec = registered()["moves_matrix"]
    found = protect(spec, collapsed(spec, frame), "internal")
    assert found.cell("moves", origin=OWN, destination=LEFT).value == 30 + 2 + 9 + 4
    assert found.cell("moves", origin=OWN, destination=ALL).value == counts.loc[origins[:2], ALL].sum()
    assert found.cell("moves", origin=ALL, destination=ALL).value == counts.loc[ALL, ALL]
    assert found.cell("moves", origin=OUTSIDE, destination=OUTSIDE).value == 25
    assert set(found.label("origin")) == {OWN, OTHER_CARE, OUTSIDE, ALL}, "placed for adoption is in care"
    assert len(found) == 4 * 4 and published("moves_matrix", frame).note == spec.said


def test_every_table_put_together_says_so() -> None:
    mute = [spec.id for spec in registered().values() if isinstance(spec, Table) and spec.coarser and not spec.said]
    assert not mute and len([spec for spec in registered().values() if spec.coarser]) > 6

"""Pages 13, 14, 21 and 23 on the synthetic Salford: what was published comes out, and nothing fails without a file."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE
from bond_eval.evidence.gate import protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import registered
from bond_eval.evidence.tables.domestic_abuse import BOTH, REACH
from bond_eval.evidence.view import View, load_view
from bond_eval.intake.register import load_register

PAGES = ("domestic_abuse", "trauma_informed", "equity", "social_value")
FILES = ("activity", "cases", "contacts", "events", "measures", "people")
TABLES = sorted(name for name, spec in registered().items() if spec.notebook in PAGES)


@pytest.fixture(scope="module")
def view() -> View:
    return load_view(SAMPLE, "salford", Quarter.parse("2020-21-Q2"), "public", 2021)


@pytest.fixture(scope="module")
def tables(view: View) -> dict[str, Protected]:
    return built(view, *TABLES, "programme_cohorts")


def built(view: View, *names: str) -> dict[str, Protected]:
    specs = {name: registered()[name] for name in names or TABLES}
    return {name: protect(spec, spec.build(view), "public") for name, spec in specs.items()}


def numbers(table: Protected, value: str, **labels: object) -> list[float | None]:
    return [cell.value for cell in table.where(**labels).cells(value)]


def test_operation_encompass_comes_out_as_published(tables: dict[str, Protected]) -> None:
    """Source: BOND report to Cabinet 2021, 3.4: 60 and 123 a week, 269 and 404 a month, the week of 22 June."""
    found = tables["encompass_published"]
    assert numbers(found, "computed") == numbers(found, "published") == [60, 123, 269, 404]
    assert found.where(line=["Most in a week", "Most in a month"]).texts("when") == [
        "week of 22 June 2020",
        "June 2020",
    ]
    months = tables["encompass_months"]
    assert sum(numbers(months, "value", measure="Notifications")) == 1613
    assert sum(numbers(months, "value", measure="Police call-outs")) == 904
    assert sum(numbers(months, "days", measure="Notifications")) == 182


def test_only_whole_weeks_are_charted(tables: dict[str, Protected]) -> None:
    """27 calendar weeks hold a day of the half-year; the first has five of it and the last two."""
    weeks = tables["encompass_weeks"].where(measure="Notifications")
    assert len(weeks) == 25 and weeks.label("week")[0] == "Jan 2020, week of 6"
    assert set(weeks.texts("said")) == {"they rose by more than chance"}


def test_plans_repeats_and_reach_come_out_as_published(tables: dict[str, Protected]) -> None:
    shares = tables["domestic_abuse_shares"]
    plans = "On a child protection plan, with domestic abuse a factor"
    assert numbers(shares, "children", line=plans) == [366] and numbers(shares, "published", line=plans) == [71.7]
    assert round(numbers(shares, "computed", line=plans)[0] or 0, 1) == 71.8
    taken, reach = shares.where(line=BOTH), shares.where(line=REACH)
    both, told, share, low, high = (
        reach.cells(name)[0].value for name in ("children", "of", "share", "lower", "upper")
    )
    assert told == 1435 and low < share == both / told < high
    # A part of both wholes and not of one alone: whoever was taken on without being notified is no reach.
    cases, events = (pd.read_csv(SAMPLE / "register" / f"{name}.csv") for name in ("cases", "events"))
    ours = set(cases[(cases["programme"] == "domestic_abuse") & cases["start_date"].notna()]["child_id"])
    dated = events[events["date"].between("2020-01-01", "2020-06-30")].query("type == 'domestic_abuse_notification'")
    assert taken.cells("of")[0].value == len(ours) > both == len(ours & set(dated["child_id"]))
    marac = tables["marac_change"].where(measure="Cases, latest year")
    assert marac.cells("after")[0].value - marac.cells("before")[0].value == 200


def test_the_quarter_of_harbours_claim_is_none(tables: dict[str, Protected]) -> None:
    claim = tables["harbour_claim"]
    assert numbers(claim, "children") == [52, 13, 13] and numbers(claim, "pounds") == [2622000, 522000, 655500]


def test_the_trauma_line_is_inside_the_total(tables: dict[str, Protected]) -> None:
    money = tables["trauma_money"]
    assert [round(n or 0) for n in numbers(money, "amount")] == [239, 239, 2791, 2552, 2591]


def test_staff_come_out_as_published_and_few_are_withheld(tables: dict[str, Protected]) -> None:
    """13 of 29 live in Salford, 9 worked there before, 6 of 18 enrolled; care leavers and level 5 are few."""
    value = tables["social_value"]
    shown = {label: (cell.value, of.value) for label, cell, of in zip(
        value.label("measure"), value.cells("children"), value.cells("of"), strict=True)}  # fmt: skip
    assert shown["Staff who live in the authority"] == (13, 29)
    assert shown["Staff who worked for the authority or its schools before"] == (9, 29)
    assert shown["Apprenticeships enrolled"] == (6, 18)
    assert numbers(value, "published", measure="Staff newly recruited") == [20]
    assert shown["Staff who are care leavers"][0] is None
    assert shown["Staff on the higher diploma (level 5)"][0] is None
    roles = tables["staff_roles"]
    assert numbers(roles, "staff", role="All") == [29] and numbers(roles, "staff", role="Manager") == [None]
    assert tables["staffing_lists"].total("apart").value == 2


def test_referral_is_hidden_for_the_same_groups_as_where_cohorts_are_shown(tables: dict[str, Protected]) -> None:
    stages, cohorts = tables["equity_stages"], tables["programme_cohorts"]
    for programme in ("Route 29", "Domestic abuse (Harbour)"):
        for characteristic in ("Sex", "Ethnicity", "Age", "Disability", "Deprivation"):
            labels = {"programme": programme, "characteristic": characteristic}
            mine, theirs = (
                {value: str(cell) for value, cell in zip(table.label("value"), table.cells(column), strict=True)}
                for table, column in (
                    (stages.where(**labels, stage="Referred"), "reached"),
                    (cohorts.where(**labels), "referred"),
                )
            )
            assert mine == theirs, labels


def test_what_is_counted_adds_up_over_a_characteristic(view: View) -> None:
    frame = registered()["equity_stages"].build(view)
    for labels, part in frame.groupby(["programme", "stage", "characteristic"]):
        members = part["value"] != "All"
        for name in ("before", "reached"):
            assert part.loc[members, name].sum() == part.loc[~members, name].sum(), (labels, name)


def test_the_duty_is_evidenced_by_nothing_and_says_where_it_was_deferred(tables: dict[str, Protected]) -> None:
    duty = tables["equality_duty"]
    told = dict(zip(duty.texts("section"), duty.texts("standing"), strict=True))
    assert told["Equality impact assessment and implications"] == "Deferred" and told["Appendix 4"] == "Asserted"
    assert tables["equality_standing"].cells("parts")[0].value == 0


@pytest.mark.parametrize("missing", [*FILES, "all"])
def test_every_table_is_built_without_a_file_of_the_register(view: View, missing: str, tmp_path: Path) -> None:
    folder = tmp_path / "register"
    shutil.copytree(SAMPLE / "register", folder)
    for name in FILES if missing == "all" else (missing,):
        (folder / f"{name}.csv").unlink()
    register = load_register(folder, view.data.children, view.data.people, view.as_of)
    assert (register is None) == (missing == "all")
    found = built(replace(view, register=register))
    for name, shown in found.items():
        spec = shown.table
        assert list(shown.frame.columns) == [*spec.labels, *(value.name for value in spec.values)], name
    empty = {name for name, shown in found.items() if not len(shown)}
    # What rests on a file alone is empty without it, and not nought.
    rests_on = {
        "activity": {"encompass_weeks", "encompass_months", "marac_change", "trauma_training", "social_value"},
        "cases": {"equity_stages", "equity_missing", "harbour_reach"},
    }
    assert rests_on.get(missing, set()) <= empty
    if missing == "all":
        assert set.union(*rests_on.values()) <= empty


def test_nothing_is_said_of_what_was_published_where_nothing_was(view: View) -> None:
    unknown = replace(view, authority=replace(view.authority, published=""))
    names = ("harbour_claim", "trauma_money", "staffing_lists", "equality_duty", "social_value", "encompass_published")
    found = built(unknown, *names)
    assert not any(len(found[name]) for name in names[:3])
    assert set(found["equality_duty"].texts("standing")) == {"Not stated"}
    for name in names[4:]:
        assert not any(cell.known for cell in found[name].cells("published")), name

"""The published tables, reproduced from data, and what each correction does to them."""

import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.economics import counterfactuals as cf
from bond_eval.economics import scenarios as sc
from bond_eval.economics.money import Withheld
from bond_eval.economics.options import programme_costs, programme_total_000
from bond_eval.economics.reference import amount_000, load

SEPTEMBER, YEAR_5, BASELINE = "to September 2020", "2023-24", "2018-19 baseline"


@pytest.fixture
def table():
    return sc.scenarios()


@pytest.fixture
def totals():
    return sc.totals()


def change(table, value, column="unit_cost_000", **where):
    changed = table.copy()
    rows = (changed[list(where)] == list(where.values())).all(axis=1)
    assert rows.any()
    changed.loc[rows, column] = value
    return changed


@pytest.mark.parametrize(
    ("scenario", "point", "total"),
    [
        ("do nothing", BASELINE, 21_672),
        ("do nothing", SEPTEMBER, 23_332),
        ("do nothing", YEAR_5, 26_132),
        ("likely", SEPTEMBER, 22_911),
        ("likely", YEAR_5, 20_871),
        ("current position", SEPTEMBER, 22_721),
    ],
)
def test_published_totals_from_their_lines(table, totals, scenario, point, total):
    result = sc.evaluate(table, scenario, point)
    assert result.total_000 == total == amount_000(totals, scenario=scenario, point=point, measure="total cost")
    assert result.frame()["cost_000"].sum() == total
    assert all(line.source.startswith("BOND report to Cabinet 2021, 6.") for line in result.lines)


@pytest.mark.parametrize(("point", "difference"), [(YEAR_5, 5_261), (SEPTEMBER, 421)])
def test_published_avoidance(table, totals, point, difference):
    result = sc.avoidance(table, point)
    assert result.difference_000 == difference
    assert result.difference_000 == amount_000(totals, scenario="likely", point=point, measure="cost avoidance")
    assert result.by_line()["difference_000"].sum() == pytest.approx(difference)
    assert set(result.by_line()["line"]) >= {sc.BROUGHT_BACK, sc.HUB, sc.BASELINE}


def test_published_lines(table):
    costs = {line.line: line.cost_000 for line in sc.evaluate(table, "likely", SEPTEMBER).lines}
    assert costs[sc.BROUGHT_BACK] == -2_200 and costs[sc.GROWTH] == 1_000 and costs[sc.MORE_IFAS] == 360
    now = sc.evaluate(table, "current position", SEPTEMBER)
    assert now.cost_000("Outside placement") == 8_103 and now.cost_000("IFA") == 2_181
    assert now.total_000 - now.cost_000("Programme") == 19_930


def test_corrections_in_turn(table):
    steps = sc.stress(table, SEPTEMBER)
    assert list(steps["avoidance_000"]) == [421, 221, 141]
    assert list(steps["change_000"]) == [0, -200, -80]
    corrected = sc.evaluate(sc.one_ifa_each(table), "likely", SEPTEMBER)
    assert corrected.frame().set_index("line")["cost_000"][sc.MORE_IFAS] == 440
    assert list(sc.stress(table, YEAR_5)["avoidance_000"]) == [5_261] * 3


def test_baseline_of_46_moves_the_totals_and_not_the_difference(table):
    lower = sc.with_baseline(table, 46)
    assert sc.evaluate(lower, "do nothing", YEAR_5).total_000 == 26_132 - 400
    assert sc.avoidance(lower, YEAR_5).difference_000 == 5_261
    with pytest.raises(ValueError, match="0 or more"):
        sc.with_baseline(table, -1)


@pytest.mark.parametrize(("scenario", "placements"), [("worst", 34.4937), ("best", 60.1187), ("likely", 43)])
def test_totals_without_lines_are_worked_back_and_labelled(table, totals, scenario, placements):
    result = sc.implied(table, totals, scenario)
    assert result.placements == pytest.approx(placements, abs=1e-4)
    assert result.standing == "implied, not published"
    with pytest.raises(ValueError, match="above 0"):
        sc.implied_placements(3_900, 1_619, 0)


def test_missing_unit_cost_is_named_and_never_nought(table):
    result = sc.evaluate(change(table, float("nan"), line=sc.GROWTH), "do nothing", YEAR_5)
    assert isinstance(result, Withheld)
    assert result.missing == (f"{sc.GROWTH} (Outside placement)",) and sc.GROWTH in result.reason
    assert isinstance(sc.avoidance(change(table, float("nan"), line=sc.GROWTH), YEAR_5), Withheld)
    assert isinstance(sc.stress(change(table, float("nan"), line="Baseline IFAs"), YEAR_5), Withheld)
    with pytest.raises(TypeError):
        _ = result + 1
    with pytest.raises(ValueError, match="reason"):
        Withheld(" ")


def test_a_planted_change_shows_everywhere(table, totals):
    dearer = change(table, 210.0, category="Outside placement", unit_cost_000=200.0)
    assert sc.evaluate(dearer, "do nothing", YEAR_5).total_000 == 26_132 + 680
    assert sc.avoidance(dearer, YEAR_5).difference_000 == 5_261 + 430
    assert sc.implied(dearer, totals, "worst").placements < 34
    assert cf.fixed_in_2019(dearer).value_000 == 611 + 60


def test_a_new_scenario_is_rows_and_not_code(table):
    new = table[(table["scenario"] == "likely") & (table["point"] == YEAR_5)].assign(scenario="half as many")
    new = change(change(new, 20, "volume", line=sc.BROUGHT_BACK), 20, "volume", line=sc.MORE_IFAS)
    assert sc.avoidance(new_table := _stack(table, new), YEAR_5, programme="half as many").difference_000 == 1_581
    assert len(new_table) == len(table) + len(new)


def _stack(*frames):
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t[t["scenario"] != "likely"], "No scenario"),
        (lambda t: _stack(t, t), "twice"),
        (lambda t: change(t, 0, "sign", line=sc.HUB), "sign"),
        (lambda t: change(t, 5, "unit_cost_000", line=sc.HUB), "not both"),
    ],
)
def test_bad_tables_are_refused(table, spoil, words):
    with pytest.raises(InputError, match=words):
        sc.evaluate(spoil(table), "likely", YEAR_5)


def test_two_unit_costs_for_a_category_are_refused(table):
    with pytest.raises(InputError, match="2 unit costs"):
        sc.unit_cost_000(change(table, 41, line=sc.MORE_IFAS), "IFA")


def test_reference_figures_agree_across_tables(table, totals):
    now = sc.evaluate(table, "current position", SEPTEMBER)
    assert programme_total_000(programme_costs()) == now.cost_000("Programme") == 2_791
    funding = load("funding.csv")
    approved = funding.loc[funding["item"] == "investment approved", "amount_000"]
    assert approved.sum() == 3_284
    support = funding.loc[funding["item"] == "year 1 support", "amount_000"]
    assert support.sum() == 660
    first, second = funding.loc[funding["item"] == "gross cost", "amount_000"]
    assert first - 190 + second == amount_000(funding, programme="Transforming Care", item="investment approved")
    assert amount_000(totals, scenario="worst", measure="cost avoidance") == 3_900


def test_counterfactual_fixed_in_2019(table):
    position = cf.fixed_in_2019(table)
    assert position.value_000 == 611 == sum(part for _, part in position.parts)
    assert dict(position.parts) == {"in-house line": 366, "outside placements and IFAs, net of the programme": 245}


def test_counterfactual_rebased_as_published(table, totals):
    position = cf.rebased_as_published(table, totals)
    assert position.value_000 == 2_315 and position.standing == "workings not published"
    assert dict(position.parts) == {"placements, gross": 5_106, "programme": -2_791}


def test_counterfactuals_are_withheld_with_their_scenario(table, totals):
    spoilt = change(table, float("nan"), "amount_000", line="In-house provision")
    assert isinstance(cf.fixed_in_2019(spoilt), Withheld)
    assert isinstance(cf.rebased_as_published(spoilt, totals), Withheld)


def test_a_sum_over_time_cannot_be_derived():
    published = cf.cumulative_as_published(load("funding.csv"))
    assert published.reason.startswith("not derivable from the source")
    assert "£3,284k" in published.reason and "£660k" in published.reason

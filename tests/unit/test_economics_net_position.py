"""The net position by hand, the dials behind it, and the rule of each table that judges."""

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.places import ROOT
from bond_eval.economics import net_position
from bond_eval.economics.money import spread
from bond_eval.economics.scenarios import evaluate, scenarios, totals
from bond_eval.economics.sealing import FORECAST, read_seals
from bond_eval.economics.uncertainty import monte_carlo
from bond_eval.evidence import dials as dial_tables
from bond_eval.evidence.claims_formula import names_in
from bond_eval.evidence.dials import NET, dials
from bond_eval.evidence.tables import benefits_realisation, funding_control, funding_options
from bond_eval.intake.reference import read_reference
from bond_eval.methods.proportions import wilson

POINT = {
    "op_baseline": 10.0, "op_still_without": 0.8, "op_still": 0.5, "op_fee_000": 200.0, "after_op_000": 40.0,
    "ifa_baseline": 20.0, "ifa_still_without": 0.5, "ifa_still": 0.5, "ifa_fee_000": 40.0, "after_ifa_000": 0.0,
    "attribution": 0.5, "edge_children": 72.0, "p0": 0.25, "p1": 0.0, "op_if_looked_after": 1.0, "stay": 1.0,
    "edge_instead_000": 0.0, "step_up_children": 18.0, "step_up_0": 0.3, "step_up_1": 0.1, "cost_000": 2_591.0,
}  # fmt: skip


def test_each_part_by_hand():
    parts = {name: benefit.pounds / 1000 for name, benefit in net_position.avoided(POINT).items()}
    assert list(parts.values()) == pytest.approx([10 * 0.3 * 160 * 0.5, 0, 72 * 0.25 * 200, 18 * 0.2 * 160])
    assert net_position.net_000(POINT) == pytest.approx(sum(parts.values()) - 2_591)


def test_more_left_without_it_is_a_cost_and_other_care_only_follows_what_is_avoided():
    assert net_position.avoided(POINT | {"op_still_without": 0.4})["Outside placements of the baseline"].pounds < 0
    worse = POINT | {"p0": 0.0, "p1": 0.25}
    costs = [net_position.avoided(worse | {"edge_instead_000": each})["Edge of care"].pounds for each in (0.0, 40.0)]
    assert costs[0] == costs[1] == pytest.approx(-3_600_000)


def test_the_dials_leave_room_for_no_effect():
    """Dials that could only give a saving would find one in a world without any."""
    found = monte_carlo(net_position.net_000, dials(NET), seed=1)
    assert spread(found.result).spans_zero and 0 < spread(found.result).above_zero < 1
    for name, part in net_position.avoided(found.inputs).items():
        low, high = np.quantile(part.pounds, [0.025, 0.975])
        assert low < 0 < high, name


@pytest.mark.parametrize(("name", "seen", "of"), [("p1", 2, 12), ("step_up_1", 2, 18)])
def test_shares_seen_in_few_closed_cases_have_wilsons_interval(name, seen, of):
    dial, interval = dials(NET)[name], wilson(seen, of)
    assert (dial.low, dial.mode, dial.high) == pytest.approx((interval.lower, seen / of, interval.upper), abs=5e-4)


def test_a_dial_is_published_by_name_or_marked_as_assumed():
    raw = read_reference("assumptions.csv")
    published = raw[raw["standing"] == "published"]
    assert (published["document"] != "").all()
    assert all(names_in(text) for name in ("low", "most_likely", "high") for text in published[name])
    assert set(raw["standing"]) == {"published", "worked out", "assumed"} and raw["name"].is_unique
    assert (raw.loc[raw["standing"] != "assumed", "document"] != "").all()


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [("low", "op_unit_cots", "No fact is named"), ("low", "5", "in order"), ("high", "1 / 0", "divides by zero")],
)
def test_a_bad_dial_is_named(monkeypatch, column, text, said):
    raw = read_reference("assumptions.csv")
    raw.loc[raw["name"] == "p0", column] = text
    monkeypatch.setattr(dial_tables, "read_reference", lambda name: raw.copy())
    with pytest.raises(InputError, match=said):
        dials(NET)


def test_the_sealed_values_are_those_of_the_scenarios():
    seals = read_seals(ROOT / "data" / "reference" / benefits_realisation.SEALS)
    assert [seal.name for seal in seals] == ["do nothing", "likely", "do nothing"]
    for seal in seals[:2]:
        assert seal.kind == FORECAST
        assert evaluate(scenarios(), seal.name, "to September 2020").total_000 == seal.value
    assert seals[2].value == totals().set_index("scenario")["amount_000"]["do nothing, re-based"]


@pytest.mark.parametrize(
    ("baseline", "target", "realised", "due", "status"),
    [
        (48, 25, 42, "2024-03-31", "on its way, not yet met"),
        (0, 10, 8, "2020-03-31", "not met by its date"),
        (0, 10, 8, "", "on its way, not yet met"),
        (48, 25, 25, "2020-03-31", "reached by the published figure"),
        (63, 106, 51, "2024-03-31", "moved the other way"),
        (0, 640, 1280, "2024-03-31", "reached by the published figure"),
        (0, np.nan, 10, "", "cannot be judged: no target published"),
        (0, np.nan, np.nan, "", "cannot be judged: no target and no count published"),
    ],
)
def test_a_benefit_is_judged_by_its_direction_and_its_date(baseline, target, realised, due, status):
    row = {"baseline": baseline, "target": target, "realised": realised, "due": due, "as_at": "2020-09-30"}
    assert benefits_realisation._status(row) == status


@pytest.mark.parametrize(
    ("share", "said"), [(0.62, "if 62% of its claim is real"), (1.0, "not in its own right"), (np.nan, "as support")]
)
def test_sustainable_in_its_own_right_or_support(share, said):
    assert said in funding_options._tested(share)


@pytest.mark.parametrize(
    ("approved", "spent", "ahead", "said"),
    [
        (100, 101, 1, "overspent by £1k"),
        (100, 80, 20, "ahead of an even profile by £20k"),
        (100, 40, -20, "behind an even profile by £20k"),
        (100, 60, 10, "in line"),
        (np.nan, 60, np.nan, "no investment approved"),
        (100, np.nan, np.nan, "programme_spend.csv"),
    ],
)
def test_over_and_underspends_are_flagged(approved, spent, ahead, said):
    assert said in funding_control._flag({"approved": approved, "spent": spent, "ahead": ahead}, 0.1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"table": "placements_at_date", "value": "children", "where": ""}, "figure of children"),
        ({"table": "monitoring_pack", "value": "cost", "where": ""}, "figure of children"),
        ({"table": "nothing"}, "no such table"),
        ({"where": "colour=red"}, "no such table"),
    ],
)
def test_a_template_cannot_be_mapped_to_children_or_to_nothing(monkeypatch, change, said):
    row = {"heading": "H", "table": "double_running", "value": "amount", "where": "", "note": ""} | change
    monkeypatch.setattr(funding_control, "read_reference", lambda name: pd.DataFrame([row]))
    with pytest.raises(InputError, match=said):
        funding_control.gm_funding_template(None)

"""Investment paid back at par, the 12-month review and outcome contracts."""

import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.economics.invest_to_save import (
    Profile,
    check_proposal,
    even_profile,
    par_loss,
    published_profile,
    twelve_month_review,
)
from bond_eval.economics.money import Withheld
from bond_eval.economics.outcome_contract import break_even_tariffs, payments, risks
from bond_eval.economics.reference import load


def test_sandwell_repaid_at_par_loses_value():
    profile = published_profile(load("funding.csv"))
    assert profile.years == ("2021-22", "2022-23", "2023-24", "2024-25")
    assert profile.invested == (143_750, 143_750, 0, 0) and profile.repaid == (0, 0, 143_750, 143_750)
    loss = par_loss(profile)
    assert (
        loss.loss
        == pytest.approx(287_500 / 2 * (1 + 1 / 1.035) * (1 - 1.035**-2))
        == pytest.approx(18_792.46, abs=0.01)
    )
    assert loss.invested == loss.repaid == 287_500


def test_profiles_must_be_whole():
    with pytest.raises(ValueError, match="follow"):
        par_loss(even_profile(100.0, ["2021-22"], ["2023-24"]))
    assert par_loss(Profile(("2021-22", "2022-23"), (100.0, 0.0), (0.0, 103.5))).loss == pytest.approx(0)
    for bad in ((("2021-22",), (1.0, 2.0), (0.0,)), (("2021-22",), (-1.0,), (0.0,))):
        with pytest.raises(ValueError, match="profile"):
            Profile(*bad)
    with pytest.raises(ValueError, match="years of both"):
        even_profile(1.0, [], ["2021-22"])


def test_a_proposal_must_meet_three_requirements():
    whole = {
        "increase_pounds": 287_500,
        "increase_years": ["2021-22"],
        "investment": "early help",
        "payback_pounds": 287_500,
        "payback_years": ["2023-24"],
    }
    assert check_proposal(whole) == ()
    assert check_proposal(whole | {"payback_years": []}) == ("the payback or improvement, with its timescale",)
    assert len(check_proposal({})) == 3


def months(saving=10.0, demand=100.0, early=None, count=12):
    frame = pd.DataFrame({"planned_cost": [1_000.0] * count, "planned_demand": 100.0, "planned_saving": 10.0})
    frame["demand"] = demand
    savings = [saving if early is None or month >= 6 else early for month in range(count)]
    frame["cost"] = 1_000.0 * demand / 100 - pd.Series(savings)
    return frame


@pytest.mark.parametrize(
    ("frame", "verdict"),
    [
        (months(), "on track"),
        (months(saving=8.0), "on track"),
        (months(saving=7.9), "lower"),
        (months(early=0.0), "slower"),
        (months(saving=-1.0), "lower"),
        (months(demand=120.0), "on track"),
        (months(saving=0.0, demand=80.0), "lower"),
    ],
)
def test_review_verdicts(frame, verdict):
    review = twelve_month_review(frame)
    assert review.verdict == verdict and "80%" in review.rule and "no threshold" in review.rule


def test_rising_demand_is_not_failure_and_falling_demand_no_success():
    risen, fallen = twelve_month_review(months(demand=120.0)), twelve_month_review(months(saving=0.0, demand=80.0))
    assert risen.raw_saving < 0 < risen.adjusted_saving and risen.demand_change == pytest.approx(0.2)
    assert fallen.raw_saving > fallen.planned_saving and fallen.adjusted_saving == pytest.approx(0)


def test_review_is_withheld_without_a_year_or_a_figure():
    assert isinstance(twelve_month_review(months(count=11)), Withheld)
    blank = months()
    blank.loc[3, "cost"] = float("nan")
    assert twelve_month_review(blank).missing == ("cost",)
    with pytest.raises(InputError, match="demand"):
        twelve_month_review(months().drop(columns="demand"))
    with pytest.raises(ValueError, match="above 0"):
        twelve_month_review(months().assign(planned_demand=0.0))


def test_outcome_contract_tariffs_and_cap():
    tariffs = break_even_tariffs(300_000, 20, 42_000, 0.5)
    assert (tariffs.provider, tariffs.commissioner, tariffs.can_agree) == (15_000, 21_000, True)
    assert not break_even_tariffs(300_000, 20, 42_000, 0.7).can_agree
    assert isinstance(break_even_tariffs(300_000, 0, 42_000, 0.5), Withheld)
    assert payments([0, 10, 40], 15_000, 400_000).tolist() == [0, 150_000, 400_000]
    with pytest.raises(ValueError):
        break_even_tariffs(1, 1, 1, 1.5)
    with pytest.raises(ValueError):
        payments(-1, 1, 1)


def test_every_risk_has_a_bearer_under_each_contract():
    table = risks()
    assert len(table) >= 8 and table["risk"].is_unique
    assert (table[["in_house", "block_contract", "outcome_contract"]] != "").all(axis=None)

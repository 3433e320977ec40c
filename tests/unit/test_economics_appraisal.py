"""Net present value, ratio, payback, deadweight, optimism bias and price bases."""

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.economics import appraisal as ap
from bond_eval.economics.discounting import discount_factors, discount_rates, present_value
from bond_eval.economics.money import Account, Benefit, Kind
from bond_eval.economics.prices import deflators, real_terms


def test_net_present_value_and_ratio_by_hand():
    costs, benefits = [100.0, 0.0, 0.0], [0.0, 60.0, 60.0]
    worth = 60 / 1.035 + 60 / 1.035**2
    assert ap.net_present_value(costs, benefits) == pytest.approx(worth - 100)
    assert ap.benefit_cost_ratio(costs, benefits) == pytest.approx(worth / 100)
    assert np.isnan(ap.benefit_cost_ratio([0.0, 0.0], [1.0, 1.0]))


def test_payback_is_the_year_from_which_the_balance_stays():
    assert ap.payback([100, 0, 0], [0, 60, 60]) == 2
    assert np.isnan(ap.payback([100, 0, 0], [0, 51, 51]))  # 102 in all, but less than 100 at the first year's worth
    assert np.isnan(ap.payback([100, 0], [0, 50])) and ap.payback([0, 0], [1, 1]) == 0
    assert ap.payback([0, 100, 0], [50, 0, 100]) == 2
    draws = ap.payback([100, 0, 0], np.array([[0, 200, 0], [0, 60, 60], [0, 1, 1]]))
    assert draws[:2].tolist() == [1, 2] and np.isnan(draws[2])


def test_deadweight_and_attribution():
    benefit = ap.attributable(Benefit(1_000.0, Kind.AVOIDED), deadweight=0.4, attribution=0.5)
    assert benefit.pounds == pytest.approx(300) and benefit.kind is Kind.AVOIDED
    with pytest.raises(ValueError, match="Deadweight"):
        ap.attributable(benefit, deadweight=1.2, attribution=1)


def test_optimism_bias_by_grade_is_data_to_be_confirmed():
    cost, grade = ap.adjust_for_optimism(100.0, 6, "cost")
    benefit, _ = ap.adjust_for_optimism(100.0, 6, "benefit")
    assert cost == pytest.approx(100 * (1 + grade.adjustment)) and benefit == pytest.approx(
        100 * (1 - grade.adjustment)
    )
    shares = [item.adjustment for item in ap.grades()]
    assert (
        shares == sorted(shares) and shares[0] == 0 and {item.standing for item in ap.grades()} == {"to be confirmed"}
    )
    with pytest.raises(InputError, match="grade 7"):
        ap.adjust_for_optimism(1.0, 7, "cost")
    with pytest.raises(ValueError, match="side"):
        ap.adjust_for_optimism(1.0, 1, "both")


def test_appraisal_keeps_the_kinds_apart():
    cash, avoided = np.array([0.0, 80.0]), np.array([0.0, 300.0])
    rows = ap.appraise(
        [100.0, 0.0],
        [
            Benefit(cash, Kind.CASHABLE),
            Benefit(avoided, Kind.AVOIDED),
            Benefit(cash, Kind.CASHABLE),
            Benefit(cash, Kind.PARTNER, Account.SOCIAL),
        ],
    )
    assert [(row.kind, row.account) for row in rows] == [
        (Kind.CASHABLE, Account.FISCAL),
        (Kind.AVOIDED, Account.FISCAL),
        (Kind.PARTNER, Account.SOCIAL),
    ]
    assert rows[0].pv_benefit == pytest.approx(160 / 1.035) and rows[1].npv == pytest.approx(300 / 1.035 - 100)
    assert rows[0].payback == 1 and np.isnan(rows[2].payback) and rows[2].ratio < 1
    with pytest.raises(ValueError, match="same years"):
        ap.appraise([1.0, 1.0], [Benefit(np.ones(3), Kind.CASHABLE)])


def test_discounting_refuses_what_it_has_no_rate_for():
    with pytest.raises(InputError, match="year 126"):
        discount_factors(126)
    with pytest.raises(InputError, match="'health' rate for year 31"):
        discount_factors(31, "health")
    for years in (-1, 0.5):
        with pytest.raises(ValueError, match="whole"):
            discount_factors([years])
    rates = discount_rates()
    with pytest.raises(InputError, match="one rate for year 1,"):
        discount_factors(1, rates=pd.concat([rates, rates.iloc[:1]]))


def test_a_planted_rate_changes_the_value():
    rates = discount_rates().replace({"rate": {0.035: 0.06}})
    assert present_value([0.0, 100.0], rates=rates) == pytest.approx(100 / 1.06)


def test_real_terms_with_the_standing_of_the_deflator():
    table = deflators()
    index = table.set_index("year")["index"]
    found = real_terms([100.0, 100.0], ["2018-19", "2020-21"], "2020-21")
    assert found.real.tolist() == pytest.approx([100 * index["2020-21"] / index["2018-19"], 100])
    assert found.nominal.tolist() == [100, 100] and found.standing == "to be confirmed" and found.source
    assert real_terms([1.0], ["2018-19"], "2020-21", table.assign(standing="published")).standing == "published"
    with pytest.raises(InputError, match="2031-32"):
        real_terms([1.0], ["2031-32"], "2020-21")
    with pytest.raises(ValueError, match="each year"):
        real_terms([1.0], ["2018-19", "2019-20"], "2020-21")


def test_deflators_cover_the_years_of_the_programme():
    table = deflators()
    assert table["year"].tolist() == [f"{year}-{year - 1999:02d}" for year in range(2016, 2024)]
    assert (table["index"].diff().dropna() > 0).all() and table["document"].str.len().min() > 10

"""Child-days × fee / 7, unit costs where there is no fee, and a projection to the year's end, against a slow count."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bond_eval.intake.finance import load_finance
from bond_eval.placements.costing import Unpriced, cost_by_year, line_totals, unused_fees
from bond_eval.placements.history import History
from tests.helpers import day, history

K2 = {"place": "K2", "provider": "PR4", "rne": "S"}
MOVED = {"child": 0, "start": "2019-11-10", "rne": "P", "provider": "PR4"}
OUTSIDE = {"child": 1, "start": "2020-01-10", **K2}
AT_HOME = {"child": 2, "start": "2019-06-01"}
ROWS = [
    # An outside placement that moves to an agency, and stays.
    {"child": 0, "start": "2019-03-01", "dec": "2019-11-10", "rec": "X1", "reason": "CLOSE", **K2},
    MOVED, {**MOVED, "submission": 1},
    # Outside throughout; 18 on 1 January 2021.
    OUTSIDE, {**OUTSIDE, "submission": 1},
    # In-house; gone before the as-of date.
    AT_HOME, {**AT_HOME, "submission": 1, "dec": "2020-08-01", "rec": "E4A"},
]  # fmt: skip
BIRTHS = {1: "2003-01-01"}
FEES = """child,category,placement_start,start,end,weekly_fee
0,Outside placement,,2019-03-01,2019-07-31,3000
0,Outside placement,,2019-08-01,,3500
0,,2019-12-01,2019-11-10,,800
1,,,2020-01-10,2020-06-30,4000
1,Outside placement,,2020-09-01,2020-12-31,5000
1,Outside placement,,2020-11-01,,9999
2,IFA,,2019-06-01,,700
"""
UNITS = """category,from,to,pounds_per_week
Outside placement,2015-04-01,,2800
In-house fostering,2015-04-01,2020-03-31,400
In-house fostering,2020-04-01,,420
"""


@pytest.fixture
def cared() -> History:
    return on("2020-09-30")


def finance(folder: Path, fees: str = FEES, units: str = UNITS):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fees.csv").write_text(fees)
    (folder / "unit_costs.csv").write_text(units)
    return load_finance(folder, np.array(["0", "1", "2"], dtype=object))


def days(first: str, last: str) -> int:
    return day(last) - day(first) + 1


def costs(found: pd.DataFrame | Unpriced) -> dict[tuple[str, str], float]:
    assert isinstance(found, pd.DataFrame)
    return {(row.year, row.category): round(row.cost_pounds, 6) for row in found.itertuples()}


def test_the_rule_by_hand(cared, tmp_path):
    found = cost_by_year(cared, finance(tmp_path))
    op = "Outside placement"
    pounds = {
        ("2019-20", op): days("2019-04-01", "2019-07-31") * 3000 + days("2019-08-01", "2019-11-09") * 3500
        + days("2020-01-10", "2020-03-31") * 4000,
        ("2019-20", "IFA"): days("2019-11-10", "2020-03-31") * 800,
        ("2019-20", "In-house fostering"): days("2019-06-01", "2020-03-31") * 400,
        # To June the fee, July and August the unit cost, then the fee of the as-of date to the day before 18.
        ("2020-21", op): days("2020-04-01", "2020-06-30") * 4000 + days("2020-07-01", "2020-08-31") * 2800
        + days("2020-09-01", "2020-12-31") * 5000,
        ("2020-21", "IFA"): 365 * 800,
        ("2020-21", "In-house fostering"): days("2020-04-01", "2020-07-31") * 420,
    }  # fmt: skip
    assert costs(found) == {key: pytest.approx(value / 7) for key, value in pounds.items()}
    assert found.groupby("year")["standing"].unique().map(list).to_dict() == {
        "2019-20": ["outturn"], "2020-21": ["projection"],
    }  # fmt: skip
    row = found[(found["year"] == "2020-21") & (found["category"] == op)].iloc[0]
    assert (row["child_days"], row["projected_days"]) == (275, 92)
    assert (row["unit_cost_days"], row["children"], row["children_on_unit_cost"]) == (62, 1, 1)
    assert row["fee_pounds"] + row["unit_cost_pounds"] == pytest.approx(row["cost_pounds"])
    assert row["unit_cost_pounds"] == pytest.approx(62 * 400)


def on(day: str) -> History:
    return history(ROWS, ("2020-03-31", "2020-09-30"), day, births=BIRTHS)


def test_an_earlier_day_projects_what_was_known_then(tmp_path):
    found = costs(cost_by_year(on("2020-05-31"), finance(tmp_path)))
    # The fee of 31 May runs on; those that begin in September and November are not known yet.
    assert found["2020-21", "Outside placement"] == pytest.approx(275 * 4000 / 7)
    assert found["2020-21", "In-house fostering"] == pytest.approx(365 * 420 / 7)
    at_close = cost_by_year(on("2020-03-31"), finance(tmp_path))
    assert set(at_close["standing"]) == {"outturn"} and set(at_close["year"]) == {"2019-20"}
    assert (at_close["projected_days"] == 0).all()
    assert cost_by_year(on("2019-03-31"), finance(tmp_path)).empty  # the eve of the data has no year to cost


def test_a_category_without_fee_or_unit_cost_withholds_the_result(cared, tmp_path):
    without = UNITS.replace("In-house fostering,2015-04-01,2020-03-31,400\n", "")
    found = cost_by_year(cared, finance(tmp_path, units=without))
    assert isinstance(found, Unpriced)
    assert found.missing == ("In-house fostering, 2019-20",)
    assert found.reason == "Neither fee nor unit cost for In-house fostering, 2019-20"
    narrow = cost_by_year(cared, finance(tmp_path / "c", units=without), categories=("Outside placement", "IFA"))
    assert set(narrow["category"]) == {"Outside placement", "IFA"}


def test_one_day_without_a_cost_is_enough(cared, tmp_path):
    gap = UNITS.replace("2015-04-01,,2800", "2015-04-01,2020-08-30,2800")
    found = cost_by_year(cared, finance(tmp_path, units=gap))
    assert isinstance(found, Unpriced) and found.missing == ("Outside placement, 2020-21",)


def test_fees_that_price_nothing_are_shown(cared, tmp_path):
    read = finance(tmp_path)
    found = unused_fees(cared, read)
    assert found[["category", "weekly_fee", "line"]].to_numpy().tolist() == [["IFA", 700.0, 8]]
    # A fee that another from the next day replaces prices nothing either.
    later = finance(tmp_path / "b", FEES + "1,Outside placement,,2020-09-02,,5100\n")
    assert unused_fees(cared, later)["weekly_fee"].tolist() == [700]
    at_once = finance(tmp_path / "c", FEES + "0,Outside placement,,2019-11-10,,1\n")
    assert sorted(unused_fees(cared, at_once)["weekly_fee"]) == [1, 700]


def test_lines_add_up_to_the_categories(cared, tmp_path):
    found = cost_by_year(cared, finance(tmp_path))
    lines = line_totals(found)
    assert lines["cost_pounds"].sum() == pytest.approx(found["cost_pounds"].sum())
    assert set(lines["line"]) == {"Outside placement", "IFA", "In-house"}


def test_unit_costs_alone_and_fees_alone(cared, tmp_path):
    units = UNITS + "IFA,2015-04-01,,700\n"
    (tmp_path / "unit_costs.csv").write_text(units)
    children = np.array(["0", "1", "2"], dtype=object)
    alone = cost_by_year(cared, load_finance(tmp_path, children))
    assert costs(alone)["2020-21", "IFA"] == pytest.approx(365 * 100)
    assert (alone["fee_pounds"] == 0).all() and (alone["unit_cost_days"] == alone["child_days"]).all()
    (tmp_path / "unit_costs.csv").unlink()
    (tmp_path / "fees.csv").write_text(FEES)
    found = cost_by_year(cared, load_finance(tmp_path, children))
    assert isinstance(found, Unpriced)
    assert found.missing == (
        "Outside placement, 2020-21", "In-house fostering, 2019-20", "In-house fostering, 2020-21",
    )  # fmt: skip


def test_the_projection_goes_on_at_the_unit_cost_of_the_day(tmp_path):
    stay = {"child": 0, "start": "2020-09-01"}
    one = history([{"child": 1, "start": "2020-04-01", "dec": "2020-05-01"}, stay], ("2020-09-30",))
    (tmp_path / "unit_costs.csv").write_text(
        "category,from,to,pounds_per_week\nIn-house fostering,2020-04-01,2020-10-31,400\n"
        "In-house fostering,2020-11-01,,999\n"
    )
    found = costs(cost_by_year(one, load_finance(tmp_path, np.array(["0", "1"], dtype=object))))
    assert found["2020-21", "In-house fostering"] == pytest.approx((30 + days("2020-09-01", "2021-03-31")) * 400 / 7)


def test_a_fee_without_an_end_ends_with_its_stay(tmp_path):
    first = {"child": 0, "start": "2020-04-01", "dec": "2020-05-01", "rec": "E4A", **K2}
    again = {"child": 0, "start": "2020-08-01", "dec": "2020-09-01", "rec": "E4A", **K2}
    twice = history([first, again], ("2020-09-30",))
    fees = "child,category,placement_start,start,end,weekly_fee\n0,{},,{},,4000\n"
    units = "category,from,to,pounds_per_week\nOutside placement,2015-04-01,,700\n"
    for number, (category, start) in enumerate(
        [("Outside placement", "2020-04-01"), ("", "2020-04-01"), ("Outside placement", "2020-03-20")]
    ):
        read = finance(tmp_path / str(number), fees.format(category, start), units)
        found = costs(cost_by_year(twice, read))
        assert found["2020-21", "Outside placement"] == pytest.approx(30 * 4000 / 7 + 31 * 100)
    # Without a category it must begin in a stay: which one is not guessed.
    read = finance(tmp_path / "early", fees.format("", "2020-03-20"), units)
    assert costs(cost_by_year(twice, read))["2020-21", "Outside placement"] == pytest.approx(61 * 100)
    assert len(unused_fees(twice, read)) == 1

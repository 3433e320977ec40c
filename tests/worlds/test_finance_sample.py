"""The synthetic authority's finance files: the published totals to the thousand, and a little dirt on purpose."""

import csv
import datetime as dt
import re
import shutil

import pandas as pd
import pytest

from bond_eval.core.formats import half_up
from bond_eval.intake.finance import load_finance
from bond_eval.placements.ages import birthday
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.costing import Unpriced, cost_by_year, line_totals
from bond_eval.placements.counts import daily_counts
from bond_eval.placements.history import build_history
from bond_eval.sample import build_world, write_sample
from bond_eval.sample.finance import finance_files
from tests.helpers import SAMPLE, day, load

AS_OF = dt.date(2020, 9, 30)
OUTTURNS = {"2016-17": 6814, "2017-18": 7543, "2018-19": 10454, "2019-20": 11072, "2020-21": 10284}
BUDGETS = {2016: 6208, 2017: 6208, 2018: 6591, 2019: 6591, 2020: 6591}


@pytest.fixture(scope="module")
def data():
    return load(SAMPLE, key="salford", name="Salford")


@pytest.fixture(scope="module")
def history(data):
    return build_history(data, AS_OF)


@pytest.fixture(scope="module")
def finance(data):
    return load_finance(SAMPLE / "finance", data.children)


@pytest.fixture(scope="module")
def costs(history, finance):
    return cost_by_year(history, finance)


def thousands(pounds: float) -> int:
    return int(half_up(pounds / 1000))


def test_the_projection_of_2020_21_is_the_published_one(costs):
    lines = line_totals(costs)
    now = lines[lines["year"] == "2020-21"]
    found = {row.line: thousands(row.cost_pounds) for row in now.itertuples()}
    assert (found["Outside placement"], found["IFA"], found["In-house"]) == (8103, 2181, 9646)
    assert set(now["standing"]) == {"projection"}, "what the report calls an actual"


def test_external_outturns_are_the_published_ones(costs):
    external = costs[costs["category"].isin(["Outside placement", "IFA"])]
    found = external.groupby("year")["cost_pounds"].sum()
    assert {year: thousands(found[year]) for year in OUTTURNS} == OUTTURNS
    assert set(external.loc[external["year"] != "2020-21", "standing"]) == {"outturn"}


def test_days_are_those_of_the_daily_counts(history, costs):
    counted = daily_counts(history).child_days()
    counted = counted.groupby([counted["quarter"].str[:7], "category"])["child_days"].sum()
    known = costs.assign(known=costs["child_days"] - costs["projected_days"])
    for row in known.itertuples():
        assert row.known == counted[row.year, row.category]
    assert known["known"].sum() == counted.sum()


def test_a_slow_count_gives_the_same(data, history, costs):
    """Night by night from the file itself, sharing nothing with the quick way but the placements."""
    opens, closes, today = day("2019-04-01"), day("2021-04-01"), day("2020-09-30")
    fees: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    for row in csv.DictReader((SAMPLE / "finance" / "fees.csv").open(encoding="utf-8")):
        if float(row["weekly_fee"]):
            paid = (day(row["start"]), day(row["end"]) if row["end"] else closes, float(row["weekly_fee"]))
            fees.setdefault((row["child"], row["category"]), []).append(paid)
    adult = birthday(history.people["birth"].to_numpy(), 18)
    fallback, totals = {"Outside placement": 3833.0, "IFA": 767.0}, {}
    for row in history.placements[history.placements["category"].isin(list(fallback))].itertuples():
        child, last = data.children[row.child], min(row.end, today + 1)
        nights = [(night, night) for night in range(max(row.start, opens), last)]
        if row.end > today:
            nights += [(night, today) for night in range(today + 1, min(closes, adult[row.child]))]
        for night, priced_at in nights:
            paid = [fee for fee in fees.get((child, row.category), []) if fee[0] <= priced_at <= fee[1]]
            weekly = max(paid)[2] if paid else fallback[row.category]
            key = ("2019-20" if night < day("2020-04-01") else "2020-21", row.category)
            totals[key] = totals.get(key, 0.0) + weekly / 7
    quick = {(row.year, row.category): row.cost_pounds for row in costs.itertuples()}
    assert totals == {key: pytest.approx(quick[key]) for key in totals} and len(totals) == 4


def test_each_category_in_use_needs_a_cost(data, history, tmp_path):
    used = set(history.placements["category"].astype(str))
    assert used == set(CATEGORIES)
    for category in ("In-house residential", "Secure", "IFA"):
        folder = tmp_path / category
        shutil.copytree(SAMPLE / "finance", folder)
        path = folder / "unit_costs.csv"
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(rf"^{category},.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")
        found = cost_by_year(history, load_finance(folder, data.children))
        assert isinstance(found, Unpriced)
        assert {name.rsplit(",", 1)[0] for name in found.missing} == {category}
        assert category in found.reason


def test_the_dirt_is_what_was_put_in(finance):
    found = finance.issues[finance.issues["file"] == "fees.csv"]
    assert sorted(found["rule"]) == ["child_unknown", "fee_overlap", "fee_without_end", "fee_zero"]
    assert finance.issues.loc[finance.issues["file"] != "fees.csv", "rule"].tolist() == ["unit_cost_zero"]
    fees = finance.accounts.set_index("form").loc["fees"]
    assert (fees["set_aside"], fees["rows_in"]) == (2, fees["kept"] + 2)


def test_fees_are_of_a_likely_size(finance):
    now = finance.fees[finance.fees["start"] >= day("2020-04-01")]
    spread = now.groupby("category")["weekly_fee"].agg(["min", "max"])
    assert spread.loc["Outside placement", "min"] > 2300 and spread.loc["Outside placement", "max"] < 7000
    assert spread.loc["IFA", "min"] > 600 and spread.loc["IFA", "max"] < 1200


def test_budgets_are_the_published_ones(finance):
    month = pd.to_datetime(finance.budget["month"])
    year = month.dt.year - (month.dt.month < 4)
    assert finance.budget.groupby(year)["pounds"].sum().to_dict() == {y: k * 1000 for y, k in BUDGETS.items()}
    assert (finance.budget.groupby([year, "heading"]).size() == 12).all()


def test_spend_stays_within_what_was_approved_and_is_not_a_full_year(finance):
    spend = finance.spend.assign(year=pd.to_datetime(finance.spend["month"]).dt.year)
    by_source = spend.groupby("funding_source")["pounds"].sum()
    assert by_source["Greater Manchester"] == 660_000
    assert 0 < by_source["CCG transformation fund"] < 3_284_000
    first = spend["month"] < pd.Timestamp("2020-04-01")
    assert set(spend.loc[spend["funding_source"] == "Greater Manchester", "month"].ge("2020-04-01")) == {False}
    sums = [spend["pounds"].sum(), *by_source, *spend.groupby(first)["pounds"].sum()]
    assert all(abs(total - 2_791_000) > 250_000 for total in sums)


def test_same_world_same_bytes_and_no_luck_of_one_seed(tmp_path):
    write_sample(tmp_path, seed=5, children=60)
    again = finance_files(build_world(seed=5, children=60))
    assert {f"finance/{path.name}": path.read_bytes() for path in (tmp_path / "finance").iterdir()} == again
    data = load(tmp_path, key="salford", name="Salford")
    costs = cost_by_year(build_history(data, AS_OF), load_finance(tmp_path / "finance", data.children))
    lines = line_totals(costs).set_index(["year", "line"])["cost_pounds"]
    found = {line: lines["2020-21", line] for line in ("Outside placement", "IFA", "In-house")}
    # A tenth of the children, a tenth of the money.
    assert found == {
        "Outside placement": pytest.approx(810_300, abs=50),
        "IFA": pytest.approx(218_100, abs=50),
        "In-house": pytest.approx(964_600, abs=50),
    }

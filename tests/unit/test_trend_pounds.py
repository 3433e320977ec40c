"""A series in pounds, methods side by side, what a comparison rests on, and who is counted in a forecast."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.periods import Quarter, next_month
from bond_eval.economics.into_pounds import Across, Design, Outlook, across, by_series
from bond_eval.economics.money import Withheld, spread
from bond_eval.economics.trend_days import days_avoided, ratio_draws
from bond_eval.evidence import figures_evidence
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.tables import cost_avoidance, placement_forecast, trend_checks
from bond_eval.evidence.trend_words import CANNOT, FALL, judged
from bond_eval.evidence.view import View, load_view
from bond_eval.intake.authority import Authority
from bond_eval.methods.interrupted import WIDENED
from bond_eval.methods.proportions import Estimate
from bond_eval.placements.categories import CATEGORIES, IFA, OUTSIDE
from bond_eval.placements.counts import daily_counts
from bond_eval.placements.demand import leaving_early, population
from bond_eval.placements.history import History, build_history
from bond_eval.placements.series import BEGUN, DAYS
from bond_eval.placements.trend import DATES, OLDER, PRIMARY, Trend, beside_others
from bond_eval.placements.trend import Design as Series
from bond_eval.sample import write_sample
from tests.helpers import day, history

OP = CATEGORIES.index(OUTSIDE)
OUT, AGENCY = {"place": "K2", "provider": "PR4"}, {"place": "U6", "provider": "PR4"}
SINCE = dt.date(2020, 1, 1)
EXACT = Estimate(0.5, 0.5 - 1e-9, 0.5 + 1e-9, 66, "exact")


def stayed(nights: int, children: int = 25) -> History:
    """So many children of 14 in outside placements for so many nights in 2018, and one of 14 with an agency since."""
    gone = np.datetime64("2018-05-01") + nights
    rows = [
        {"child": n, "start": "2018-05-01", "dec": str(gone), "rec": "E4A", "submission": 0, **OUT}
        for n in range(children)
    ]
    rows += [{"child": children, "start": "2018-05-01", "submission": n, **AGENCY} for n in range(2)]
    births = dict.fromkeys(range(children + 1), "2004-06-01")
    return history(rows, ("2019-03-31", "2020-03-31"), births=births)


def trend(past: History, seen: tuple[float, float, float] = (4.0, 0.0, 0.0)) -> SimpleNamespace:
    months = [SINCE, next_month(SINCE), next_month(next_month(SINCE))]
    one = {BEGUN: np.array(seen), DAYS: np.array([300.0, 300.0, 300.0])}
    return SimpleNamespace(
        history=past, counts=daily_counts(past), months=months, expected=lambda design: None,
        one=lambda measure, ages: (one[measure], np.full(3, 1000.0)), designs=lambda: [],
    )  # fmt: skip


def series(ratio: Estimate | None, name: str = "Planned", why: str = "") -> Series:
    return Series(name, PRIMARY, ratio, why, 2, start=0)


def test_a_ratio_is_drawn_by_its_interval() -> None:
    drawn = ratio_draws(Estimate(0.47, 0.18, 1.27, 66, ""), np.random.default_rng(1), 200_000)
    assert np.quantile(drawn, [0.025, 0.5, 0.975]) == pytest.approx([0.18, 0.47, 1.27], rel=0.02)
    for lower, upper in ((0.0, 1.2), (0.2, np.inf), (-0.1, 1.2)):
        assert ratio_draws(Estimate(0.5, lower, upper, 66, ""), np.random.default_rng(1), 10) is None


@pytest.mark.parametrize(("stay", "nights"), [(200, (75.5 + 45.5 + 15.5) / 3), (20, (20 + 20 + 15.5) / 3)])
def test_entries_that_did_not_come_are_worth_the_nights_to_the_last_day(stay: int, nights: float) -> None:
    """Four entries at half the rate: four did not come, a third of them in each month, and each stays as others did."""
    days = days_avoided(trend(stayed(stay)), series(EXACT), seed=1, draws=50)
    assert days[:, OP] == pytest.approx(np.full(50, 4 * nights), rel=1e-3)
    # Nobody is more or less in care: who is not there is with an agency, as all others of that age are.
    assert days.sum(axis=1) == pytest.approx(np.zeros(50), abs=1e-6)
    assert days[:, CATEGORIES.index(IFA)] == pytest.approx(-days[:, OP])


def test_child_days_need_no_length_of_stay() -> None:
    days = days_avoided(trend(stayed(5, 2)), series(EXACT, f"{DAYS}, 12 to 17"), seed=1, draws=20)
    assert days[:, OP] == pytest.approx(np.full(20, 900.0), rel=1e-6)


def test_the_same_seed_gives_the_same_draws_and_another_others() -> None:
    wide = series(Estimate(0.5, 0.2, 1.2, 66, ""))
    one, two, other = (days_avoided(trend(stayed(90)), wide, seed=seed, draws=30) for seed in (1, 1, 2))
    assert (one == two).all() and (one != other).any()


@pytest.mark.parametrize(
    ("past", "one", "words"),
    [
        (stayed(90), series(None, why="Too few events."), "Too few events"),
        (stayed(90), series(Estimate(0.5, 0.0, 1.0, 66, "")), "no end"),
        (stayed(90, 3), series(EXACT), "3 stays begun before are too few"),
    ],
)
def test_what_cannot_be_turned_into_days_says_why(past: History, one: Series, words: str) -> None:
    found = days_avoided(trend(past), one, seed=1, draws=5)
    assert isinstance(found, Withheld) and words in found.reason


def test_without_prices_the_days_stand_and_the_pounds_do_not() -> None:
    made = trend(stayed(90))
    made.designs = lambda: [series(EXACT), Series("Change of slope", "Another model", EXACT, "", 2, start=0)]
    (found,) = by_series(made, None, seed=1, paths=20)
    assert found.name == "Entries, planned" and found.since == SINCE
    assert not isinstance(found.days, Withheld) and "fees.csv" in found.standing


# The range over designs.


def design(*pounds: float, spend: float | None = 100.0, name: str = "a") -> Design:
    draws = np.array(pounds, dtype=float)
    net = Withheld("none") if spend is None else spread(draws - spend)
    return Design(name, SINCE, np.zeros((1, 1)), spread(draws), net, spend)


def test_the_range_is_of_medians_limits_and_probabilities_and_no_mean() -> None:
    none = Design("b", SINCE, Withheld("x"), Withheld("too few"), Withheld("too few"))
    found = across([design(-100, 200, 400), none, design(-50, -40, -30)])
    assert isinstance(found, Across) and (found.designs, found.judged, found.clear) == (3, 2, 0)
    assert found.medians == (-40, 200) and found.paid == (0.0, pytest.approx(2 / 3))
    assert found.limits == (pytest.approx(-85), pytest.approx(390))
    assert across([none]) is None and across([design(1, 2, spend=None)]).paid is None
    assert across([design(10, 20, 30)]).clear == 1


def worded(monkeypatch: pytest.MonkeyPatch, *designs: Design, public: bool = True) -> dict[str, object]:
    monkeypatch.setattr(cost_avoidance, "outlook", lambda view: SimpleNamespace(designs=designs))
    return cost_avoidance.avoided_range(SimpleNamespace(public=public)).iloc[0].to_dict()


def test_the_headline_says_probability_interval_and_that_nothing_is_pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    none = Design("b", SINCE, Withheld("x"), Withheld("too few"), Withheld("too few"))
    row = worded(monkeypatch, design(-1e5, 2e5, 4e5, spend=1e5), design(-5e4, -4e4, -3e4, spend=1e5), none)
    assert (row["designs"], row["judged"]) == (3, 2) and (row["paid_low"], row["paid_high"]) == (
        0.0,
        pytest.approx(2 / 3),
    )
    for words in ("programme's doing, the chance that it has paid for itself is 0% to 67%, depending on the design; no",
                  "−£40k to £200k", "intervals that lie above nought: none",
                  "2 of 3 designs are estimated here (the rest cannot be, or are withheld), not pooled"):  # fmt: skip
        assert words in row["statement"]
    assert "is 67%; no design shows" in worded(monkeypatch, design(-1e5, 2e5, 4e5, spend=1e5))["statement"]
    assert "cannot be said: no programme_spend.csv" in worded(monkeypatch, design(1, 2, spend=None))["statement"]
    assert worded(monkeypatch, none)["statement"] == "Whether the programme paid for itself cannot be said: too few."
    assert "no day is given on which the programmes began" in worded(monkeypatch)["statement"]


def test_what_rests_on_few_events_has_no_part_in_the_public_range(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Design("f", SINCE, np.zeros((1, 1)), spread([9e6]), spread([8e6]), 1e6, few=3.0)
    shown = worded(monkeypatch, design(-1e5, 2e5, 4e5), few)
    assert shown["judged"] == 1 and "9,000" not in shown["statement"]
    assert "£9,000k" in worded(monkeypatch, design(-1e5, 2e5, 4e5), few, public=False)["statement"]
    assert "in public" in worded(monkeypatch, few)["statement"]


def test_an_interval_chart_draws_nothing_that_is_withheld() -> None:
    spec = registered()["avoided_by_design"]
    blank = dict.fromkeys((value.name for value in spec.values), np.nan) | {"since": SINCE, "standing": "-"}
    rows = [
        blank | {"design": "one", "net": 5.0, "net_lower": -2.0, "net_upper": 9.0, "shown": "£5k (−£2k to £9k), 80%"},
        blank | {"design": "two", "few": 3.0, "net": 77.0, "net_lower": 71.0, "net_upper": 79.0, "shown": "£77k"},
        blank | {"design": "three", "shown": "not estimable"},
    ]
    frame = pd.DataFrame(rows)
    table = protect(spec, frame, "public")
    chart = figures_evidence.intervals(table, "design", "net", "net_lower", "net_upper", "shown", title="T", unit="U")
    assert "two: a number withheld (c); three: not estimable" in chart.alt and "one: £5k" in chart.alt
    drawn = {x for line in chart.figure.axes[0].get_lines() for x in np.atleast_1d(line.get_xdata())}
    assert {5.0, -2.0, 9.0} <= drawn and not drawn & {77.0, 71.0, 79.0}
    empty = figures_evidence.intervals(
        protect(spec, frame.iloc[:0], "public"), "design", "net", "net_lower", "net_upper", "shown", title="T", unit="U"
    )
    assert "Nothing can be drawn" in empty.alt


# Methods side by side.


def made(n: np.ndarray, programme: dt.date | None = dt.date(2020, 2, 1)) -> Trend:
    """A trend whose one series is given: months from April 2015 at equal exposures."""
    months = [dt.date(2015, 4, 1)]
    while len(months) < len(n):
        months.append(next_month(months[-1]))
    found = Trend(None, None, Authority(key="a", name="A", programme_date=programme))
    frame = pd.DataFrame({"month": months, "ages": OLDER, "measure": BEGUN, "n": n, "exposure": 1000.0})
    found.__dict__.update({"series": frame, "pulse": np.zeros(len(n))})
    return found


def view_of(trend: Trend, public: bool = True) -> SimpleNamespace:
    shelf = {"trend": trend}
    return SimpleNamespace(shelf=shelf, authority=trend.authority, public=public, history=None, counts=None)


HALVED = np.where(np.arange(66) < 58, np.tile([18.0, 22.0], 33), np.tile([9.0, 11.0], 33))


def test_every_method_sees_a_half_and_says_what_it_would_say_alone() -> None:
    trend = made(HALVED)
    for method in trend_checks.SIDE_BY_SIDE:
        found = trend.by_method(method)
        assert found.alone.value == pytest.approx(0.5, abs=0.02), method
        assert found.alone.lower < 0.5 < found.alone.upper < 1
        assert trend.by_method(method, 1).alone.value == pytest.approx(0.5, abs=0.03)
    least = trend.by_method("newey_west")
    assert least.verdict == WIDENED and least.alone.upper - least.alone.lower < least.effect.upper - least.effect.lower
    table = trend_checks.trend_methods(view_of(trend)).set_index("method")
    assert len(table) == 5 and (table["reading"] == FALL).all()
    newey = table.loc["Least squares with Newey-West errors"]
    assert newey["counts"].startswith("widened: ") and float(newey["covered"].split("%")[0]) < 92
    assert "Ljung-Box p" in newey["checks"] and newey["seasons"].endswith("a fall")


def test_methods_on_few_events_or_without_a_date() -> None:
    few = np.where(np.arange(66) < 58, 2.0, 0.0)
    few[-1] = 3.0
    table = trend_checks.trend_methods(view_of(made(few)))
    assert (table["few"] == 3).all()
    shown = protect(registered()["trend_methods"], table, "public")
    assert set(shown.texts("shown")) == set(shown.texts("counts")) == {""}
    assert not len(trend_checks.trend_methods(view_of(made(HALVED, None))))
    least = made(np.r_[np.tile([0.0, 9.0], 29), np.tile([0.0, 2.0], 4)]).by_method("newey_west")
    assert least.effect.lower == 0 < least.effect.value  # no ratio of rates is below nought
    none_left = made(np.where(np.arange(66) < 58, HALVED, 0.0)).by_method("poisson")
    assert none_left.alone is None and "Too few events" in none_left.reason
    assert judged(none_left.alone) == CANNOT


# Comparisons.


def areas(own: dict[int, float] | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(50 + rng.normal(size=(8, 6)), columns=["Own", *"ABCDE"], index=pd.Index(range(2013, 2021)))
    for year, value in (own or {}).items():
        frame.loc[year, "Own"] = value
    return frame.rename_axis("period").melt(ignore_index=False, var_name="area").reset_index()


def test_years_before_the_first_value_are_left_out_and_a_gap_later_is_refused() -> None:
    late = beside_others(areas({2013: np.nan, 2014: np.nan}), "Own", dt.date(2020, 2, 1), "R")
    assert late[0].ratio == beside_others(
        areas().query("period >= 2015"), "Own", dt.date(2020, 2, 1), "R"
    )[0].ratio  # fmt: skip
    assert "5 years before" in late[1].why
    gap = beside_others(areas({2016: np.nan}), "Own", dt.date(2020, 2, 1), "R")
    assert all(one.ratio is None and "Own has no value in 2016" in one.why for one in gap)


def test_what_a_comparison_rests_on_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    long = pd.concat([areas().assign(period=lambda f: f["period"] - 8), areas()])
    designs = beside_others(long, "Own", dt.date(2020, 2, 1), "R")
    monkeypatch.setattr(trend_checks, "designs_of", lambda view: designs)
    monkeypatch.setattr(trend_checks, "_left_out", lambda view, name: "-")
    did, control = trend_checks.trend_comparisons(None).to_dict("records")
    assert did["before"].startswith("not shown to differ: × ") and did["weights"] == "the mean of 5 areas"
    assert did["p"].endswith("(smallest possible 0.17)") and control["p"].endswith("(smallest possible 0.17)")
    assert control["before"].startswith("fit before: ") and " to " in control["leave_out"]
    low, high = np.exp(designs[1].result.leave_one_out)
    assert control["leave_out"] == f"{low:.2f} to {high:.2f}"
    assert control["in_time"] == f"{np.exp(designs[1].result.in_time):.2f}"
    steep = long.assign(value=lambda f: f["value"] * np.where(f["area"] == "Own", 1.1 ** (f["period"] - 2005.0), 1.0))
    monkeypatch.setattr(trend_checks, "designs_of", lambda view: beside_others(steep, "Own", dt.date(2020, 2, 1), "R"))
    assert trend_checks.trend_comparisons(None)["before"].iloc[0].startswith("trends differ: × 1.09")


# How long a child has been there, and who is counted.


def test_leaving_early_beside_later_by_hand() -> None:
    """Ten leave after 100 nights and ten after 400: 10 leavings in the first half-year's 10 × 100 + 10 × 182 nights."""
    ends = [*["2018-08-09"] * 10, *["2019-06-05"] * 10]
    rows = [
        {"child": n, "start": "2018-05-01", "dec": end, "rec": "E4A", "submission": place, **OUT}
        for n, end in enumerate(ends)
        for place in ((0,) if end < "2019" else (0, 1))
    ]
    found = leaving_early(history(rows, ("2019-03-31", "2020-03-31")), OUTSIDE)
    early, later = 10 / (10 * 100 + 10 * 182), 10 / (10 * (400 - 182))
    assert found.value == pytest.approx(early / later) and found.n == 20
    assert leaving_early(history(rows, ("2019-03-31", "2020-03-31")), IFA) is None


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> View:
    folder = tmp_path_factory.mktemp("small")
    write_sample(folder, world="null", children=150, seed=4)
    return load_view(folder, "demo", Quarter.parse("2020-21-Q2"), "internal", 1)


def test_short_breaks_and_unaccompanied_children_are_options(small: View) -> None:
    found = placement_forecast.forecast_options(small).set_index("option")
    alone = np.unique(small.data.modules["UASC"]["child"])
    now = small.history.placements.query("start <= @last < end", local_dict={"last": day("2020-09-30")})
    assert found.loc["Without unaccompanied children", "children"] == now["child"].isin(alone).sum() > 0
    counted = build_history(small.data, small.as_of, short_breaks=True)
    assert (
        counted.short_breaks == 0 and len(counted.episodes) == len(small.history.episodes) + small.history.short_breaks
    )
    assert small.history.short_breaks > 0 and (found["reason"] == "-").all()
    both = found["all_median"]
    assert both["With short breaks (V3, V4)"] > both["Without unaccompanied children"]
    assert len(population(small.history, small.as_of).birth) > 100


def test_an_outlook_is_made_once_for_a_seed(small: View) -> None:
    one = placement_forecast.outlook(small)
    assert placement_forecast.outlook(small) is one and isinstance(one, Outlook) and one.seed == small.seed
    assert one.designs is one.designs and {one.name for one in one.designs} > {"Demand model to 31 January 2020"}
    assert [key for key in small.shelf if key.startswith("outlook")] == [f"outlook, seed {small.seed}"]


def test_candidate_dates_are_worth_something_each() -> None:
    past = stayed(90)
    found = trend(past)
    found.designs = lambda: [series(EXACT), Series("January 2019: x", DATES, EXACT, "", 2, start=1)]
    names = {one.name: one.since for one in by_series(found, None, seed=1, paths=5)}
    assert names == {"Entries, planned": SINCE, "Entries, January 2019: x": next_month(SINCE)}


def test_stays_begun_since_the_programme_beside_those_before() -> None:
    """Twenty stays begun before last 60 to 250 nights and twenty since 20 to 96: leaving is far more frequent since."""
    rows = []
    for child in range(40):
        start, nights = ("2018-06-01", 60 + 10 * child) if child < 20 else ("2019-05-01", 20 + 4 * (child - 20))
        end = str(np.datetime64(start) + nights)
        rows += [
            {"child": child, "start": start, "dec": end, "rec": "E4A", "submission": place, **OUT}
            for place in ((0,) if end < "2019-04" else (0, 1) if start < "2019-04" else (1,))
        ]
    past = history(rows, ("2019-03-31", "2020-03-31"), births={n: f"2004-0{n % 9 + 1}-01" for n in range(40)})
    authority = Authority(key="a", name="A", programme_date=dt.date(2019, 5, 1))
    view = SimpleNamespace(history=past, authority=authority, as_of=past.as_of)
    table = trend_checks.trend_stays(view).set_index("category")
    assert table.loc[OUTSIDE, "lower"] > 1 and ": sooner; log-rank p 0.00" in table.loc[OUTSIDE, "statement"]
    assert np.isnan(table.loc[OUTSIDE, "few"]) and table.loc[IFA, "statement"].startswith(CANNOT)
    nowhere = SimpleNamespace(history=past, authority=Authority(key="a", name="A"), as_of=past.as_of)
    assert not len(trend_checks.trend_stays(nowhere))

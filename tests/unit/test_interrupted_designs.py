"""Comparisons with other series and areas, the monthly series, the dates, and what is said of a result."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bond_eval.evidence import figures_evidence
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import Table, Value
from bond_eval.evidence.trend_words import CANNOT, FALL, LITTLE, NO_CHANGE, RISE, dates_words, judged, primary_words
from bond_eval.intake.authority import Authority
from bond_eval.methods.difference import count_difference, panel_difference
from bond_eval.methods.panel import Panel, panel
from bond_eval.methods.proportions import Estimate
from bond_eval.methods.synthetic_control import synthetic_control
from bond_eval.placements.counts import daily_counts
from bond_eval.placements.series import BEGUN, CARE, IFA_BEGUN, LEFT, RESIDENTIAL_BEGUN, monthly_series
from bond_eval.placements.trend import PRIMARY, Design, Trend, beside_others, first_month, share_of_months
from tests.helpers import history

pytestmark = pytest.mark.filterwarnings("error")
OP, IFA, FOSTER, HOME = ("K2", "PR4"), ("U4", "PR5"), ("U6", "PR1"), ("K2", "PR1")


# Panels of areas.


def areas(years: int = 12, others: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    names = ["Own", *"ABCDEFGHIJ"[:others]]
    values = 50 + rng.normal(size=(years, len(names))).cumsum(axis=0)
    return (
        pd.DataFrame(values, columns=names, index=pd.Index(range(2009, 2009 + years), name="period"))
        .melt(ignore_index=False, var_name="area")
        .reset_index()
    )


def test_an_area_with_a_gap_is_left_out():
    frame = areas()
    frame.loc[(frame["area"] == "C") & (frame["period"] == 2012), "value"] = np.nan
    found = panel(frame, "Own", 2019)
    assert found.areas == ("A", "B", "D", "E") and found.start == 10 and found.others.shape == (12, 4)


@pytest.mark.parametrize(
    ("change", "start", "words"),
    [
        (lambda f: f.assign(area=f["area"].replace("Own", "A")), 2019, "twice"),
        (lambda f: f[f["area"] != "Own"], 2019, "not among the areas"),
        (lambda f: f.assign(value=f["value"].where(f["area"] != "Own")), 2019, "Own has no value in 2009"),
        (lambda f: f[(f["area"] != "Own") | (f["period"] != 2015)], 2019, "Own has no value in 2015"),
        (lambda f: f, 2030, "both sides"),
    ],
)
def test_a_panel_that_cannot_be_used_is_refused(change, start, words):
    with pytest.raises(ValueError, match=words):
        panel(change(areas()), "Own", start)


def test_too_few_areas_or_years():
    assert "areas to compare with" in synthetic_control(panel(areas(others=3), "Own", 2019)).reason
    assert "areas to compare with" in panel_difference(panel(areas(others=3), "Own", 2019)).reason
    assert synthetic_control(panel(areas(), "Own", 2016)).reason.startswith("7 years before")
    flat = areas().assign(value=lambda f: f["value"].where(f["area"] != "A", 3.0))
    assert "never changes" in synthetic_control(panel(flat, "Own", 2019)).reason
    assert all(synthetic_control(panel(areas(), "Own", year)).effect is None for year in range(2010, 2017))


def test_beside_others_gives_ratios_or_says_why_not():
    one, two = beside_others(areas(), "Own", dt.date(2019, 2, 1), "Rate")
    logs = panel(areas().assign(value=lambda f: np.log(f["value"])), "Own", 2019)
    assert one.ratio.value == pytest.approx(np.exp(panel_difference(logs).effect.value))
    assert two.ratio.value == pytest.approx(np.exp(synthetic_control(logs).effect.value))
    assert {one.maryland, two.maryland} == {2}  # so few areas
    for day, words in ((None, "No day is given"), (dt.date(2020, 5, 1), "both sides")):
        for found in beside_others(areas(), "Own", day, "Rate"):
            assert found.ratio is None and words in found.why
    gap = areas().assign(value=lambda f: f["value"].where((f["area"] != "Own") | (f["period"] != 2011)))
    assert "no value in 2011" in beside_others(gap, "Own", dt.date(2019, 2, 1), "Rate")[0].why


def test_the_interval_of_one_treated_area_covers():
    """500 panels without an effect: the t interval of one area against nine holds 0 in 92% to 98% of them."""
    rng, held = np.random.default_rng(12), 0
    for _ in range(500):
        values = rng.normal(size=(10, 1)) + rng.normal(size=10) + rng.normal(size=(10, 10))
        shape = Panel(tuple("ABCDEFGHI"), tuple(range(10)), values[:, 0], values[:, 1:], 8)
        found = panel_difference(shape).effect
        held += found.lower <= 0 <= found.upper
    assert 0.92 <= held / 500 <= 0.98


# Two count series.


def test_the_exact_interval_of_a_count_difference_covers():
    """It may cover more than 95% where counts are small, but not less than 93%."""
    rng, held = np.random.default_rng(13), 0
    start, time = 58, (np.ones(66), np.ones(66))
    for _ in range(120):
        a, b = rng.poisson(2.0, 66), rng.poisson(1.0, 66)
        found = count_difference(a, b, start, time).effect
        held += found.lower <= 1 <= found.upper
    assert held / 120 >= 0.93


def test_a_month_that_hits_both_alike_cancels():
    base = np.tile([4.0, 6], 33)
    shock = np.where(np.arange(66) >= 60, 0.5, 1.0)
    found = count_difference(base * shock, base * shock, 58, (np.ones(66), np.ones(66)))
    assert found.effect.value == pytest.approx(1, abs=0.02)


def test_no_event_after_is_an_open_interval_and_none_at_all_is_refused():
    a, b = np.r_[np.full(58, 1.0), np.zeros(8)], np.full(66, 1.0)
    found = count_difference(a, b, 58, (np.ones(66), np.ones(66)))
    assert found.effect.value == 0 == found.effect.lower and 0 < found.effect.upper < 1.2
    assert count_difference(np.zeros(66), b, 58, (np.ones(66), np.ones(66))).reason.startswith("There is no event")
    with pytest.raises(ValueError, match="one length"):
        count_difference(a, b[:-1], 58, (np.ones(66), np.ones(66)))


def test_more_than_chance_widens_and_trends_are_compared():
    rng = np.random.default_rng(3)
    wild = rng.poisson(8 * rng.gamma(1, 1, 66)).astype(float)
    calm = np.full(66, 8.0)
    found = count_difference(wild, calm, 58, (np.ones(66), np.ones(66)))
    assert found.dispersion > 2
    growing = rng.poisson(2 * np.exp(0.03 * np.arange(66))).astype(float)
    parallel = count_difference(growing, calm, 58, (np.ones(66), np.ones(66))).parallel
    assert 1 < parallel.lower < np.exp(0.03) < parallel.upper
    assert count_difference(growing, np.r_[1, np.zeros(64), 1], 58, (np.ones(66), np.ones(66))).parallel is None


# Monthly series from placements.


def rows(*stays: tuple[int, str, str, tuple[str, str], str]) -> list[dict]:
    """child, start, end, (place, provider), RNE."""
    return [
        {"child": c, "start": a, "dec": b, "place": p[0], "provider": p[1], "rne": r, "rec": "X1" if b else ""}
        for c, a, b, p, r in stays
    ]


def series(stays: list[dict], births: dict[int, str], last: str = "2016-03-31") -> pd.DataFrame:
    made = history(stays, (last,), last, births)
    return monthly_series(made, daily_counts(made))


def one(frame: pd.DataFrame, measure: str, ages: str) -> dict[str, int]:
    mine = frame[(frame["measure"] == measure) & (frame["ages"] == ages) & (frame["n"] > 0)]
    return {f"{month:%Y-%m}": n for month, n in zip(mine["month"], mine["n"], strict=True)}


def test_entries_come_from_elsewhere_and_leavings_go_elsewhere():
    stays = rows(
        (0, "2015-05-04", "2015-06-10", FOSTER, "S"),
        (0, "2015-06-10", "2015-08-01", OP, "P"),  # entered in June
        (0, "2015-08-01", "2015-10-20", ("K2", "PR3"), "P"),  # another outside placement: no entry
        (0, "2015-10-20", "2016-01-11", IFA, "P"),  # left in October, entered an IFA
        (0, "2016-01-11", "", HOME, "P"),
        (1, "2015-07-03", "", OP, "S"),  # from home: an entry; still there
    )
    found = series(stays, {0: "2001-01-01", 1: "2001-01-01"})
    assert one(found, BEGUN, "12 to 17") == {"2015-06": 1, "2015-07": 1}
    assert one(found, LEFT, "12 to 17") == {"2015-10": 1}
    assert one(found, IFA_BEGUN, "12 to 17") == {"2015-10": 1}
    assert one(found, RESIDENTIAL_BEGUN, "12 to 17") == {"2016-01": 1}
    assert one(found, CARE, "12 to 17") == {"2015-05": 1, "2015-07": 1}
    assert len(found["month"].unique()) == 12


def test_child_time_is_censored_at_the_twelfth_birthday():
    """Turns 12 on 15 September 2015: 14 days of September are those of a child under 12."""
    stays = rows((0, "2015-09-01", "2015-09-20", FOSTER, "S"), (0, "2015-09-20", "", OP, "P"))
    found = series(stays, {0: "2003-09-15"})
    days = found[found["month"] == dt.date(2015, 9, 1)].set_index(["measure", "ages"])["exposure"]
    assert (days[BEGUN, "Under 12"], days[BEGUN, "12 to 17"]) == (14, 16)
    assert (days[LEFT, "Under 12"], days[LEFT, "12 to 17"], days[CARE, "12 to 17"]) == (0, 11, 30)
    assert one(found, BEGUN, "12 to 17") == {"2015-09": 1} and one(found, BEGUN, "Under 12") == {}
    assert one(found, CARE, "Under 12") == {"2015-09": 1}


def test_child_days_add_up_to_those_counted():
    stays = rows((0, "2015-04-20", "2016-02-03", FOSTER, "S"), (1, "2015-12-31", "", OP, "S"))
    made = history(stays, ("2016-03-31",), births={0: "2006-05-05", 1: "2000-02-29"})
    counts = daily_counts(made)
    found = monthly_series(made, counts)
    assert found.loc[found["measure"] == BEGUN, "exposure"].sum() == counts.cube.sum()


# Dates.


def test_the_first_month_after_a_date():
    assert first_month(dt.date(2020, 1, 6)) == dt.date(2020, 1, 1)
    assert first_month(dt.date(2020, 3, 23)) == dt.date(2020, 4, 1)
    assert first_month(dt.date(2020, 2, 1)) == dt.date(2020, 2, 1)


def test_shares_of_months():
    months = [dt.date(2020, month, 1) for month in range(2, 9)]
    shares = share_of_months(months, dt.date(2020, 3, 23), dt.date(2020, 7, 3))
    assert shares == pytest.approx([0, 9 / 31, 1, 1, 1, 3 / 31, 0])


def test_an_authority_without_a_date_or_before_it():
    stays = rows((0, "2015-05-04", "", OP, "S"))
    made = history(stays, ("2016-03-31",), births={0: "2001-01-01"})
    for authority, words in (
        (Authority("x", "X"), "No day is given"),
        (Authority("x", "X", programme_date=dt.date(2020, 2, 1)), "does not lie within"),
        (Authority("x", "X", programme_date=dt.date(2015, 9, 1)), "months before the change"),
    ):
        designs = Trend(made, daily_counts(made), authority).designs()
        assert designs[0].group == PRIMARY and words in designs[0].why
        assert all(design.ratio is None and design.why for design in designs if design.group != "A comparison")


def test_salfords_dates_disagree_on_record():
    made = history(rows((0, "2015-05-04", "", OP, "S")), ("2016-03-31", "2016-06-30"), "2016-06-30")
    dates = Trend(made, daily_counts(made), Authority("salford", "Salford", published="salford")).dates
    hub = dates[dates["label"].str.contains("hub")]
    assert set(hub["date"]) == {dt.date(2020, 1, 6), dt.date(2020, 2, 1)} and set(hub["section"]) == {"2.3", "6.4"}
    assert (dates["kind"] == "pandemic").sum() == 1 and (dates["document"] != "").all()


# Words.


def design(value: float, lower: float, upper: float) -> Design:
    return Design("Primary", PRIMARY, Estimate(value, lower, upper, 66, "m"), "", 2)


@pytest.mark.parametrize(
    ("ends", "reading", "words"),
    [
        (
            (0.5, 0.3, 0.9),
            FALL,
            "0.50 times the rate that the trend before leads to expect (95% interval 0.30 to 0.90; 66 months)",
        ),
        ((2.0, 1.1, 3.5), RISE, "no sign of the effect that was hoped for"),
        ((1.0, 0.9, 1.1), LITTLE, "little or no change, and no evidence of an effect"),
        ((0.8, 0.4, 1.6), NO_CHANGE, "no evidence of an effect; a fall of 60% and a rise of 60% both fit"),
    ],
)
def test_the_decision_rule_and_its_words(ends, reading, words):
    one = design(*ends)
    assert judged(one.ratio) == reading
    said = primary_words(one, dt.date(2020, 2, 1))
    assert words in said and said.startswith("From February 2020") and said.endswith(".")
    assert ("no evidence of an effect" in said) == (reading in (LITTLE, NO_CHANGE))


def test_a_refusal_says_that_it_cannot_be_judged_and_why():
    one = Design("Primary", PRIMARY, None, "Too few events.", 2)
    assert primary_words(one, dt.date(2020, 2, 1)).endswith(f"{CANNOT}: too few events.")
    assert judged(None) == CANNOT
    assert "2 dates" in dates_words([one, Design("d", "Another date", None, "", 2)])[1]


# The forest plot.


def test_a_forest_plot_shows_ratios_words_and_no_hidden_one():
    frame = pd.DataFrame(
        {"group": ["P", "Q", "Q", "R"], "design": ["one", "two", "three", "four"], "few": [np.nan, 3, np.nan, np.nan],
         "ratio": [0.5, 0.7, np.nan, 0.8], "lower": [0.05, 0.2, np.nan, np.nan], "upper": [1.2, 9, np.nan, np.nan],
         "shown": ["0.50 (0.05 to 1.20)", "0.70", "not judged", "0.80"]}
    )  # fmt: skip
    values = (Value("few", "Few"), *(Value(n, n, "factor", follows=("few",)) for n in ("ratio", "lower", "upper")),
              Value("shown", "Shown", "text", follows=("few",)))  # fmt: skip
    spec = Table("t", "n", "T", "r", {"group": "G", "design": "D"}, values, (), "S", "m", lambda view: frame)
    chart = figures_evidence.forest(protect(spec, frame, "public"), "design", "group", "shown", title="T", unit="U")
    assert "two: a number withheld (c)" in chart.alt and "three: not judged" in chart.alt
    assert "one: 0.50 (0.05 to 1.20)" in chart.alt
    lines = [line.get_xdata() for line in chart.figure.axes[0].get_lines()]
    assert not any(0.7 in np.atleast_1d(xs) for xs in lines) and any(0.8 in np.atleast_1d(xs) for xs in lines)
    assert any(list(np.atleast_1d(xs)) == [0.125, 1.2] for xs in lines)  # cut off, with an arrow
    again = figures_evidence.forest(protect(spec, frame, "public"), "design", "group", "shown", title="T", unit="U")
    assert chart.png() == again.png()

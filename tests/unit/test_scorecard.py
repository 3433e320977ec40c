"""The scorecard: every icon from a hand-built series, intervals, periods, and bad rows of measures.csv."""

import datetime as dt
from math import isnan

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.findings import questions
from bond_eval.evidence import scorecard
from bond_eval.evidence.measured import COMPUTED
from bond_eval.evidence.scorecard import (
    IMPROVING,
    NO_DATA,
    NOT_CHARTED,
    SERIES,
    SPECIAL,
    STEADY,
    TOO_FEW,
    WORSE,
    measures,
    periods,
    score,
    written,
)
from bond_eval.evidence.tables.measures_of_success import UNJUDGED, UNMEASURED, box_status
from bond_eval.intake.reference import read_reference
from bond_eval.methods.spc import xmr
from bond_eval.methods.spc_rare import (
    COMMONER,
    EITHER,
    FAIL,
    NO_TARGET,
    NOT_JUDGED,
    PASS,
    RARER,
    assurance,
    g_chart,
    t_chart,
)

FLAT = [10.0, 11.0, 9.0, 10.0, 12.0, 8.0, 10.0, 11.0, 9.0, 10.0, 11.0, 9.0]


def a_measure(**changes):
    from dataclasses import replace

    plain = replace(measures()["op_started"], better="down", target=float("nan"), baseline=float("nan"))
    return replace(plain, **changes)


def rows(values, numerators=None, denominators=None):
    count = len(values)
    last = [dt.date(2018, 6, 30) + dt.timedelta(days=91 * place) for place in range(count)]
    frame = pd.DataFrame(
        {
            "period": [f"p{place}" for place in range(count)], "first": last, "last": last,
            "numerator": numerators if numerators is not None else values,
            "denominator": denominators if denominators is not None else [np.nan] * count,
            "value": values, "source": "computed", "known_on": last,
        }
    )  # fmt: skip
    return frame[SERIES]


@pytest.mark.parametrize(
    ("ending", "better", "verdict", "high"),
    [
        (30.0, "down", WORSE, True), (30.0, "up", IMPROVING, True), (30.0, "none", SPECIAL, True),
        (0.0, "down", IMPROVING, False), (0.0, "up", WORSE, False), (0.0, "none", SPECIAL, False),
        (10.0, "down", STEADY, False), (10.0, "up", STEADY, False), (11.0, "none", STEADY, True),
    ],
)  # fmt: skip
def test_variation_icons(ending, better, verdict, high):
    found = score(a_measure(better=better), rows([*FLAT, ending]))
    assert (found.variation, found.high) == (verdict, high)


@pytest.mark.parametrize(
    ("target", "better", "expected"),
    [
        (30.0, "down", PASS), (1.0, "down", FAIL), (10.0, "down", EITHER),
        (30.0, "up", FAIL), (1.0, "up", PASS), (10.0, "up", EITHER),
        (float("nan"), "up", NO_TARGET),
    ],
)  # fmt: skip
def test_assurance_icons(target, better, expected):
    assert score(a_measure(better=better, target=target), rows(FLAT)).assurance == expected


def test_assurance_on_the_limit_itself_passes_and_needs_a_direction():
    chart = xmr(FLAT, better="up")
    low = float(chart.lower[-1])
    assert assurance(chart, low, "up") == PASS
    assert assurance(chart, low + 0.01, "up") == EITHER
    with pytest.raises(ValueError, match="direction"):
        assurance(chart, 3.0, "none")


def test_a_dozen_points_are_needed_and_a_stock_is_not_charted():
    few = score(a_measure(target=3.0), rows(FLAT[:11]))
    assert (few.variation, few.assurance) == (TOO_FEW, NOT_JUDGED)
    stock = score(a_measure(chart="none", target=3.0), rows([*FLAT, 60.0]))
    assert (stock.variation, stock.assurance) == (NOT_CHARTED, NOT_JUDGED)


def test_no_data_is_said_and_never_a_zero():
    none = score(a_measure(), rows([np.nan] * 4))
    assert none.variation == NO_DATA
    assert isnan(none.value)
    assert (none.points, none.completeness) == (0, 0.0)


def test_gaps_lower_completeness_and_the_last_value_counts():
    found = score(a_measure(), rows([np.nan, 4.0, np.nan, 6.0]))
    assert found.value == 6.0
    assert found.points == 2
    assert found.completeness == pytest.approx(2 / 3)


def test_intervals_fit_the_unit():
    share = score(a_measure(unit="share", chart="none"), rows([0.5], [10.0], [20.0]))
    assert (share.lower, share.upper) == (pytest.approx(0.2993, abs=1e-4), pytest.approx(0.7007, abs=1e-4))
    assert share.basis == "Wilson score"
    count = score(a_measure(unit="count"), rows([10.0]))
    # Exact Poisson 95% limits of 10 events (Garwood 1936).
    assert (count.lower, count.upper) == (pytest.approx(4.795, abs=1e-3), pytest.approx(18.390, abs=1e-3))
    rate = score(a_measure(unit="rate", per=1000.0), rows([2.0], [10.0], [5000.0]))
    assert (rate.lower, rate.upper) == (pytest.approx(0.959, abs=1e-3), pytest.approx(3.678, abs=1e-3))
    stock = score(a_measure(unit="count", chart="none"), rows([42.0]))
    assert stock.basis == "complete count"
    assert isnan(stock.lower)


def test_periods_are_whole_and_begin_with_the_data():
    first, last = dt.date(2015, 4, 1), dt.date(2016, 5, 15)
    assert [label for label, *_ in periods(first, last, "quarter")] == [
        "2015-16-Q1", "2015-16-Q2", "2015-16-Q3", "2015-16-Q4",
    ]  # fmt: skip
    assert list(periods(first, last, "year")) == [("2015-16", dt.date(2015, 4, 1), dt.date(2016, 3, 31))]
    assert list(periods(dt.date(2015, 4, 2), last, "year")) == []
    months = list(periods(first, last, "month"))
    assert months[0] == ("2015-04", dt.date(2015, 4, 1), dt.date(2015, 4, 30))
    assert months[-1][0] == "2016-04"


def test_values_are_written_as_a_person_would():
    assert written(a_measure(unit="share", per=1.0), 0.084) == "8%"
    assert written(a_measure(unit="£"), 11_072_000.0) == "£11.1m"
    assert written(a_measure(unit="rate"), 0.534) == "0.53"
    assert written(a_measure(unit="count"), float("nan")) == ""


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("better", "sideways", "better 'sideways'"), ("target", "soon", "target 'soon' is not a number"),
        ("target", "inf", "not a finite"), ("id", "op_open", "stands twice"),
        ("frequency", "daily", "frequency 'daily'"),
        ("computed", "magic", "nothing works out 'magic'"), ("questions", "", "questions it bears on"),
        ("baseline_fact", "no_such_fact", "not in data/reference/facts.csv"), ("unit", "furlong", "unit 'furlong'"),
        ("chart", "pie", "chart 'pie'"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_named(monkeypatch, column, value, said):
    table = read_reference("measures.csv")
    table.loc[table.index[-1], column] = value
    line = len(table) + 1
    monkeypatch.setattr(scorecard, "read_reference", lambda name: table)
    measures.cache_clear()
    try:
        with pytest.raises(InputError, match=said) as raised:
            measures()
        assert f"measures.csv line {line}" in str(raised.value)
    finally:
        monkeypatch.undo()
        measures.cache_clear()


def test_every_computed_measure_is_used_and_each_metric_is_covered():
    used = {measure.computed for measure in measures().values() if measure.computed}
    assert used == set(COMPUTED)
    metrics = {measure.metric.rstrip("abc") for measure in measures().values()}
    assert {f"M{number}" for number in range(1, 10)} | {"S1", "S2", "S3", "S4"} <= metrics


def test_every_row_says_all_that_a_board_asks_of_a_measure():
    table = read_reference("measures.csv")
    whole = ("id", "metric", "name", "definition", "numerator", "unit", "better", "frequency", "source", "owner_role")
    for row in table.to_dict("records"):
        assert all(row[column] for column in (*whole, "horizon", "programme", "questions")), row["id"]
        assert row["horizon"] in ("short", "medium", "long") and set(row["questions"].split("|")) <= set(questions())
        assert bool(row["denominator"]) == (row["unit"] in ("share", "rate")), row["id"]
    assert {"short", "medium", "long"} == set(table["horizon"]) and (table["baseline_fact"] != "").any()
    assert {"all", "route29", "transforming_care", "domestic_abuse", "trauma"} <= set(table["programme"])


def test_appendix_1_the_strategies_and_the_wider_benefits_are_split_into_measures():
    """Metrics 1 to 9 of the assurance report with their parts, S1 to S4, family resilience, police, A&E and CAMHS."""
    found = measures().values()
    named = {one.metric for one in found} | {id for one in found for id in one.questions}
    kinds = {id: row["kind"] for id, row in questions().items()}
    assert {id for id, kind in kinds.items() if kind in ("metric", "strategy", "wider")} <= named
    assert all(scale in measures()["family_resilience"].definition for scale in ("Walsh", "Sixbey", "SCORE-15"))


def test_camhs_is_expected_to_rise():
    assert measures()["camhs"].better == "up" and "rise is expected" in measures()["camhs"].definition


def test_t_chart_finds_events_that_became_rare():
    days = [0, *np.cumsum([10, 12, 8, 11, 9, 10, 13, 7, 10, 11, 9, 12]), 400]
    assert t_chart(days).verdict == RARER
    steady = t_chart(np.cumsum([10, 12, 8, 11, 9, 10, 13, 7, 10, 11, 9, 12, 10]))
    assert steady.verdict == "common cause"
    # Equal gaps: the centre is the gap, and the limits meet it.
    same = t_chart(np.arange(0, 140, 10))
    assert (same.centre, same.lower, same.upper) == (pytest.approx(10), pytest.approx(10), pytest.approx(10))
    assert t_chart([1, 2, 3]).verdict == "too few events"
    assert t_chart([]).verdict == "too few events"


def test_t_chart_undoes_its_own_transformation():
    gaps = np.array([3.0, 20, 8, 15, 2, 40, 11, 6, 9, 30, 5, 12])
    chart = t_chart(np.append(0, np.cumsum(gaps)))
    roots = gaps ** (1 / 3.6)
    moving = np.abs(np.diff(roots))
    moving = moving[moving <= 3.267 * moving.mean()].mean()
    assert chart.centre == pytest.approx(roots.mean() ** 3.6)
    assert chart.upper == pytest.approx((roots.mean() + 2.66 * moving) ** 3.6)


def test_g_chart_has_the_geometric_limits():
    chart = g_chart([8.0] * 11 + [60.0])
    mean = (8 * 11 + 60) / 12
    assert chart.centre == pytest.approx(mean)
    assert chart.upper == pytest.approx(mean + 3 * (mean * (mean + 1)) ** 0.5)
    assert chart.verdict == RARER
    assert g_chart([40.0] * 30 + [0.0]).verdict != RARER
    with pytest.raises(ValueError, match="counts"):
        g_chart([-1])
    assert COMMONER != RARER


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([IMPROVING, WORSE], WORSE), ([IMPROVING, STEADY], STEADY), ([IMPROVING, NO_DATA], IMPROVING),
        ([NO_DATA], UNMEASURED), ([], UNMEASURED), ([NOT_CHARTED, NO_DATA], UNJUDGED), ([TOO_FEW], UNJUDGED),
    ],
)  # fmt: skip
def test_a_box_is_marked_by_what_is_known_and_not_by_hope(verdicts, status):
    assert box_status(verdicts) == status

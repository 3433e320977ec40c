"""XmR charts against the NHS England plot-the-dots rule test vectors and one published chart."""

import csv
from pathlib import Path

import numpy as np
import pytest

from bond_eval.methods import spc
from bond_eval.methods.spc import xmr

pytestmark = pytest.mark.filterwarnings("error")
SHARED = Path(__file__).parents[3] / "shared" / "oracles"

# NHS England plot-the-dots rule test vectors: rule, input, relative to the mean, expected.
VECTORS = [
    ("seven_one_side", "1 1 1 1 1 1", "", "0 0 0 0 0 0"),
    ("seven_one_side", "1 1 1 1 1 1 1 1 -1", "", "0 0 0 0 0 0 1 1 0"),
    ("part_of_seven", "0 0 0 0 0 0 1 0", "", "1 1 1 1 1 1 1 0"),
    ("seven_trend", "1 2 3 3 4 5 6", "", "0 0 0 0 0 0 0"),
    ("seven_trend", "1 2 3 4 5 6 7", "", "0 0 0 0 0 0 1"),
    ("seven_trend", "2 1 2 3 4 5 6 7 3", "", "0 0 0 0 0 0 0 1 0"),
    ("seven_trend", "2 7 6 5 4 3 2 1 3", "", "0 0 0 0 0 0 0 -1 0"),
    ("two_in_three", "0 0 1 0 1 0 0", "1 1 1 1 1 1 1", "0 0 1 1 1 0 0"),
    ("two_in_three", "0 0 1 1 0 0 0", "1 1 1 1 1 1 1", "0 1 1 1 1 0 0"),
    ("two_in_three", "0 0 1 0 1 0 0", "1 -1 1 -1 1 -1 1", "0 0 0 0 0 0 0"),
    ("part_of_two_in_three", "1 0 0 1 1", "1 1 1 1 1", "0 0 0 1 1"),
]
# The same project's chart with one large deviation.
DEVIATIONS = [1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]
# Mean 10, every moving range 2 or 1: quiet, whatever one point is added.
QUIET = [9.0, 11, 10, 9, 11, 10, 9, 11, 10, 9, 11, 10]


@pytest.mark.parametrize(("rule", "given", "side", "expected"), VECTORS)
def test_rule_vectors(rule, given, side, expected):
    arguments = [np.array(text.split(), dtype=int) for text in (given, side) if text]
    assert list(getattr(spc, rule)(*arguments)) == list(map(int, expected.split()))


def test_the_typed_rows_are_the_files():
    if not SHARED.exists():
        pytest.skip("the shared oracle files are not beside this repository")
    with (SHARED / "spc_rule_vectors.csv").open(newline="") as file:
        assert [tuple(row) for row in list(csv.reader(file))[1:]] == VECTORS
    with (SHARED / "spc_ptd_deviations.csv").open(newline="") as file:
        assert [int(row["y"]) for row in csv.DictReader(file)] == DEVIATIONS


@pytest.mark.parametrize(("screened", "lower", "upper"), [(True, -0.716, 4.604), (False, -3.063, 6.952)])
def test_limits_with_and_without_screened_moving_ranges(screened, lower, upper):
    chart = xmr(DEVIATIONS, screened=screened)
    for found, expected in ((chart.mean, 1.944), (chart.lower, lower), (chart.upper, upper)):
        assert found == pytest.approx(np.full(18, expected), abs=5e-4)
    assert list(np.flatnonzero(chart.outside)) == [4]
    assert (chart.reason[4], chart.verdict[4], chart.n) == ("outside", "neutral", 18)


@pytest.mark.parametrize(
    ("better", "high", "low"), [("up", "improvement", "concern"), ("down", "concern", "improvement")]
)
def test_outside_counts_by_the_side_that_is_better(better, high, low):
    assert xmr([*QUIET, 20], better=better).verdict[-1] == high
    assert xmr([*QUIET, 0], better=better).verdict[-1] == low
    assert list(xmr([*QUIET, 0]).outside[-2:]) == [0, -1]
    assert set(xmr(QUIET, better=better).verdict) == {"common cause"}


def test_a_shift_marks_all_its_points_and_no_other():
    chart = xmr([0, 4, 0, 4, 0, 4, 2, 6, 3, 6, 3, 6, 3, 6, 2, 0, 4, 0], better="up")
    assert chart.mean[0] == pytest.approx(53 / 18)
    assert list(np.flatnonzero(chart.shift)) == list(range(7, 14))
    assert set(chart.reason[7:14]) == {"shift"} and set(chart.verdict[7:14]) == {"improvement"}


def test_a_point_on_the_mean_belongs_to_no_run():
    values = [6.0] * 6 + [5.0] + [4.0] * 6
    assert not xmr(values).shift.any()
    assert xmr([6.0] * 7 + [5.0] + [4.0] * 7).shift.sum() == 0  # 7 above (+1 each) and 7 below (-1 each)
    assert np.abs(xmr([6.0] * 7 + [5.0] + [4.0] * 7).shift).sum() == 14


def test_a_flat_series_has_no_signal_though_its_mean_is_rounded():
    """The mean of twelve 0.1s is not 0.1 in floating point."""
    chart = xmr([0.1] * 12)
    assert set(chart.verdict) == {"common cause"}
    assert not any(flags.any() for flags in (chart.outside, chart.shift, chart.trend, chart.two_of_three))


def test_a_trend_counts_by_its_direction_and_marks_all_seven():
    rising = [20, 30, 20, 30, 20, 21, 22, 23, 24, 25, 26, 20, 30, 20, 30]
    chart = xmr(rising, better="up")
    assert list(np.flatnonzero(chart.trend)) == list(range(4, 11))
    assert set(chart.verdict[4:11]) == {"improvement"} and chart.reason[4] == "trend"
    falling = xmr([50 - value for value in rising], better="up")
    assert list(falling.trend) == list(-chart.trend)
    assert set(falling.verdict[4:11]) == {"concern"}


def test_two_of_three_marks_only_the_points_near_the_limit():
    """Mean 0, moving range 3: limits ±7.98, their outer third from 5.32."""
    values = np.array([0, 0, 6, 1, 6, 0, 0, -3, -4, -3, -3, 0], dtype=float)
    found = spc._judge(values, 0.0, 3.0)
    assert list(found["two_of_three"]) == [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert list(spc._judge(-values, 0.0, 3.0)["two_of_three"]) == [0, 0, -1, 0, -1, 0, 0, 0, 0, 0, 0, 0]
    just_inside = np.where(values == 6, 5.3, values)
    assert not spc._judge(just_inside, 0.0, 3.0)["two_of_three"].any()
    beyond = np.where(values == 6, 8.0, values)  # outside is a rule of its own
    assert not spc._judge(beyond, 0.0, 3.0)["two_of_three"].any()
    assert list(np.flatnonzero(spc._judge(beyond, 0.0, 3.0)["outside"])) == [2, 4]


def test_the_first_rule_met_decides():
    flags = {rule: np.array([0]) for rule in spc.RULES}
    for rule in reversed(spc.RULES):
        flags[rule] = np.array([1])
        assert spc._verdicts(flags, "up")[0][0] == rule
    assert spc.RULES == ("outside", "shift", "two_of_three", "trend")


def test_eleven_points_are_not_judged_and_twelve_are():
    values = [*QUIET[:10], 40]
    few, enough = xmr(values), xmr([*QUIET[:11], 40])
    assert set(few.verdict) == {"too few points"} and not few.outside.any()
    assert few.mean[0] == pytest.approx(np.mean(values)) and np.isfinite(few.upper).all()
    assert spc.TOO_FEW not in enough.verdict and enough.outside[-1] == 1


def test_re_basing_steps_the_limits_and_no_run_crosses_it():
    before, after = QUIET, [value + 30 for value in QUIET]
    chart = xmr(before + after, rebase_at=[12])
    apart = [xmr(before), xmr(after)]
    for line in ("mean", "lower", "upper", "moving_range"):
        assert list(getattr(chart, line)) == pytest.approx(np.concatenate([getattr(a, line) for a in apart]))
    assert set(chart.verdict) == {"common cause"}
    assert xmr(before + after).shift.all()  # the same points on one base are two shifts
    short = xmr(before + after[:4], rebase_at=[12])
    assert list(short.verdict) == ["common cause"] * 12 + ["too few points"] * 4


def test_missing_values_are_unjudged_and_do_not_break_the_mean_or_a_run():
    nan = float("nan")
    chart = xmr([*QUIET[:5], nan, *QUIET[5:]])
    assert chart.mean[0] == 10 and chart.n == 12 and spc.TOO_FEW not in chart.verdict
    assert chart.verdict[5] == "missing" and np.isfinite(chart.upper[5])
    assert chart.moving_range[0] == pytest.approx(np.delete(np.abs(np.diff(QUIET)), 4).mean())
    run = [1.0, 9, 1, 9, 1, 6, 7, 6, nan, 7, 6, 7, 6, 1, 9, 1]
    assert list(np.flatnonzero(xmr(run).shift)) == [5, 6, 7, 9, 10, 11, 12]
    isolated = xmr([1.0, nan] * 12)  # no two neighbours, so no moving range and no limits to judge by
    assert spc.TOO_FEW in isolated.verdict and np.isnan(isolated.upper).all()


def test_the_frame_has_a_row_a_point():
    frame = xmr(DEVIATIONS).frame()
    assert list(frame.columns) == [
        "value", "mean", "lower", "upper", "outside", "shift", "trend", "two_of_three", "reason", "verdict",
    ]  # fmt: skip
    assert list(frame["value"]) == DEVIATIONS and frame.loc[4, "verdict"] == "neutral"


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([], {}),
        ([float("nan")], {}),
        ([1, float("inf")], {}),
        ([1, 2, 3], {"better": "higher"}),
        ([1, 2, 3], {"rebase_at": [3]}),
        ([1, 2, 3], {"rebase_at": [0]}),
    ],
)
def test_what_cannot_be_charted_is_refused(values, options):
    with pytest.raises(ValueError, match=r"[a-z].*\."):
        xmr(values, **options)

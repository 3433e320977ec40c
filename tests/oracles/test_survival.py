"""Survival estimates against R's survival package, published examples and a recursion by hand."""

from fractions import Fraction
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bond_eval.methods.survival import cox, cumulative_incidence, kaplan_meier, log_rank

pytestmark = pytest.mark.filterwarnings("error")
LUNG = Path(__file__).parents[3] / "shared" / "oracles" / "surv_lung.csv"

# Weeks of remission in leukaemia, 0 = still in remission: Freireich et al. 1963, Blood 21:699-716, as given
# by Cox 1972, JRSS B 34:187-220, Table 1, and Kalbfleisch & Prentice 1980.
MERCAPTOPURINE = (
    [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
    [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
)
PLACEBO = ([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [1] * 21)
BOTH = (MERCAPTOPURINE[0] + PLACEBO[0], MERCAPTOPURINE[1] + PLACEBO[1])
ARM = ["6-MP"] * 21 + ["placebo"] * 21

# Ties between causes and with censoring, a gap, a last subject who is censored.
COMPETING = ([2, 2, 2, 3, 5, 5, 7, 8, 8, 8, 9, 12], [1, 2, 0, 1, 2, 0, 1, 1, 2, 0, 2, 0])


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    if not LUNG.exists():
        pytest.skip("the shared oracle files are not beside this repository")
    data = pd.read_csv(LUNG)
    return data.assign(event=(data["status"] == 2).astype(int))


def medians(curve) -> tuple[float | None, float | None, float | None]:
    return curve.median, curve.median_lower, curve.median_upper


def test_kaplan_meier_freireich_6mp_limits_as_r_survfit():
    curve = kaplan_meier(*MERCAPTOPURINE)
    found = curve.at([6, 7, 10, 13, 16, 22, 23])
    assert list(found["at_risk"]) == [21, 17, 15, 12, 11, 7, 6]
    assert list(found["survival"]) == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert list(found["lower"]) == pytest.approx([0.720, 0.653, 0.586, 0.510, 0.439, 0.337, 0.249], abs=5e-4)
    assert list(found["upper"]) == pytest.approx([1, 0.996, 0.968, 0.935, 0.896, 0.858, 0.807], abs=5e-4)
    assert medians(curve) == (23, 16, None)
    assert (curve.n, curve.events, curve.events_at.sum()) == (21, 9, 9)
    assert medians(kaplan_meier(*PLACEBO)) == (8, 4, 12)


def test_log_rank_freireich():
    found = log_rank(*BOTH, ARM)
    assert found.chi_square == pytest.approx(16.79, abs=5e-3)
    assert found.degrees == 1
    assert found.p_value == pytest.approx(4.17e-5, rel=5e-3)


def test_cox_freireich_efron():
    """R: coxph(Surv(time, status) ~ placebo) gives 1.572 (0.412)."""
    fit = cox(*BOTH, pd.DataFrame({"placebo": [arm == "placebo" for arm in ARM]}))
    assert fit.coefficients == pytest.approx([1.5721], abs=5e-5)
    assert fit.standard_errors == pytest.approx([0.4124], abs=5e-5)
    assert fit.hazard_ratios[0] == pytest.approx(4.817, abs=5e-4)
    assert (fit.lower[0], fit.upper[0]) == pytest.approx((2.147, 10.81), rel=5e-4)
    assert (fit.names, fit.n, fit.events) == (("placebo",), 42, 30)


def test_kaplan_meier_lung_r_survfit(lung):
    assert medians(kaplan_meier(lung["time"], lung["event"])) == (310, 285, 363)
    by_sex = {sex: kaplan_meier(rows["time"], rows["event"]) for sex, rows in lung.groupby("sex")}
    assert medians(by_sex[1]) == (270, 212, 310)
    assert medians(by_sex[2]) == (426, 348, 550)


def test_log_rank_and_cox_lung(lung):
    found = log_rank(lung["time"], lung["event"], lung["sex"])
    assert found.chi_square == pytest.approx(10.3267, abs=5e-5)
    assert found.p_value == pytest.approx(0.00131, abs=5e-6)
    fit = cox(lung["time"], lung["event"], lung[["age", "sex"]])
    assert fit.coefficients == pytest.approx([0.017045, -0.513219], abs=5e-7)
    assert fit.standard_errors == pytest.approx([0.009223, 0.167458], abs=5e-7)


def aalen_johansen(times: list[int], causes: list[int], k: int) -> dict[int, list[Fraction]]:
    """By hand, in fractions: I_j += S(before) d_j/n, then S *= 1 - d/n. Gives time: [S, I_1 ... I_k]."""
    survival, incidence, rows = Fraction(1), [Fraction(0)] * k, {}
    for time in sorted(set(times)):
        at_risk = sum(other >= time for other in times)
        here = [sum(t == time and c == j for t, c in zip(times, causes, strict=True)) for j in range(1, k + 1)]
        incidence = [i + survival * Fraction(d, at_risk) for i, d in zip(incidence, here, strict=True)]
        survival *= 1 - Fraction(sum(here), at_risk)
        rows[time] = [survival, *incidence]
    return rows


def test_cumulative_incidence_is_the_aalen_johansen_recursion():
    found = cumulative_incidence(*COMPETING)
    by_hand = aalen_johansen(*COMPETING, k=2)
    assert list(found.time) == list(by_hand)
    assert np.column_stack([found.survival, found.incidence]) == pytest.approx(
        np.array(list(by_hand.values()), dtype=float), abs=1e-12
    )
    assert (found.causes, found.events, list(found.at_risk)) == ((1, 2), (4, 4), [12, 9, 8, 6, 5, 2, 1])


def late_aalen_johansen(subjects: list[tuple[int, int, int]], k: int) -> dict[int, list[Fraction]]:
    """The same recursion where a subject (entry, time, cause) is at risk only after its entry (0: from the start)."""
    survival, incidence, rows = Fraction(1), [Fraction(0)] * k, {}
    for now in sorted({time for _, time, _ in subjects}):
        at_risk = sum((entry < now or entry == 0) and time >= now for entry, time, _ in subjects)
        here = [sum(time == now and cause == j for _, time, cause in subjects) for j in range(1, k + 1)]
        incidence = [i + survival * Fraction(d, at_risk) for i, d in zip(incidence, here, strict=True)]
        survival *= 1 - Fraction(sum(here), at_risk)
        rows[now] = [survival, *incidence]
    return rows


# Entry at 0, at the time of an event of others (not yet at risk then), between times, just before leaving.
LATE = [(0, 2, 1), (0, 4, 0), (2, 5, 2), (2, 9, 1), (3, 6, 1), (4, 9, 2), (5, 6, 0), (7, 12, 0), (0, 9, 0), (0, 5, 1)]


def test_delayed_entry_is_the_recursion_with_a_risk_set_that_fills_up():
    entry, time, cause = zip(*LATE, strict=True)
    found, by_hand = cumulative_incidence(time, cause, entry=entry), late_aalen_johansen(LATE, k=2)
    at = found.at(list(by_hand))
    for number in (1, 2):
        mine = at[at["cause"] == number]
        assert list(mine["incidence"]) == pytest.approx([float(row[number]) for row in by_hand.values()], abs=1e-12)
    curve = kaplan_meier(time, [c > 0 for c in cause], entry=entry).at(list(by_hand))
    assert list(curve["survival"]) == pytest.approx([float(row[0]) for row in by_hand.values()], abs=1e-12)
    assert list(curve["at_risk"]) == [4, 6, 6, 5, 4, 1]


def test_delayed_entry_takes_out_the_immortal_time():
    """Half are seen only where they lived to 5: counted from 0 they make survival look better than it is."""
    dice = np.random.default_rng(3)
    life = dice.exponential(10, 4000)
    entry = np.where(dice.random(4000) < 0.5, 5.0, 0.0)
    seen = life > entry
    naive = kaplan_meier(life[seen], np.ones(seen.sum()))
    right = kaplan_meier(life[seen], np.ones(seen.sum()), entry=entry[seen])
    assert right.at([10])["survival"][0] == pytest.approx(exp(-1), abs=0.03)
    assert naive.at([10])["survival"][0] > exp(-1) + 0.06


def test_incidence_and_its_errors_are_statsmodels_where_nobody_enters_late():
    from statsmodels.duration.survfunc import CumIncidenceRight

    times, causes = (np.array(part) for part in COMPETING)
    found, library = cumulative_incidence(times, causes), CumIncidenceRight(times, causes)
    same = cumulative_incidence(times, causes, entry=np.zeros(times.size))
    for column in (0, 1):
        share, error = library.cinc[column], library.cinc_se[column]
        assert found.incidence[:, column] == pytest.approx(share)
        inside = (share > 0) & (share < 1)
        theta = 1.959964 * error[inside] / (share[inside] * np.log(share[inside]))
        assert found.lower[inside, column] == pytest.approx(share[inside] ** np.exp(-theta), rel=1e-6)
        assert same.lower[:, column] == pytest.approx(found.lower[:, column], nan_ok=True)


def test_cumulative_incidence_is_below_one_less_kaplan_meier():
    times, causes = COMPETING
    one_less = 1 - kaplan_meier(times, [cause == 1 for cause in causes]).survival
    incidence = cumulative_incidence(times, causes).incidence[:, 0]
    assert (incidence <= one_less + 1e-12).all() and incidence[-1] < one_less[-1] - 0.05


def test_incidence_limits_without_censoring_are_binomial_on_the_log_log_scale():
    """With nobody censored the variance of an incidence is I(1 - I)/n."""
    found = cumulative_incidence([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 1, 1, 2, 1, 2, 2])
    row = found.at([4])[lambda table: table["cause"] == 1].iloc[0]
    share = 3 / 8
    theta = 1.959964 * sqrt(share * (1 - share) / 8) / (share * log(share))
    assert row["incidence"] == pytest.approx(share)
    assert (row["lower"], row["upper"]) == pytest.approx((share ** exp(-theta), share ** exp(theta)), rel=1e-6)
    assert row["at_risk"] == 5


def test_a_cause_that_never_happened_has_incidence_zero_and_no_limits():
    found = cumulative_incidence([1, 2, 3], [1, 0, 1], causes=3)
    assert found.causes == (1, 2, 3) and found.events == (2, 0, 0)
    assert not found.incidence[:, 1:].any() and np.isnan(found.upper[:, 1:]).all()
    skipped = cumulative_incidence([1, 2, 3], [2, 0, 2])
    assert skipped.events == (0, 2) and not skipped.incidence[:, 0].any()


def test_all_censored_and_one_subject():
    curve = kaplan_meier([1, 2, 2], [0, 0, 0])
    assert list(curve.survival) == [1, 1] and list(curve.lower) == [1, 1] and medians(curve) == (None,) * 3
    free = cumulative_incidence([1, 2, 2], [0, 0, 0])
    assert list(free.survival) == [1, 1] and not free.incidence.any()
    one = kaplan_meier([5], [1])
    assert (one.survival[0], one.median, one.median_lower, one.median_upper) == (0, 5, None, None)
    assert np.isnan(one.lower[0]) and np.isnan(one.upper[0])
    assert cumulative_incidence([5], [2]).incidence.tolist() == [[0, 1]]


def test_the_curve_between_steps_and_past_the_last_follow_up():
    found = kaplan_meier([2, 4, 6], [1, 0, 0]).at([0, 1.9, 2, 3, 4, 6, 7])
    assert list(found["at_risk"]) == [3, 3, 3, 2, 2, 1, 0]
    assert list(found["survival"][:6]) == pytest.approx([1, 1, 2 / 3, 2 / 3, 2 / 3, 2 / 3])
    assert found.iloc[6, 2:].isna().all()
    assert list(kaplan_meier([2, 4], [1, 1]).at([9])["survival"]) == [0]
    unknown = cumulative_incidence(*COMPETING).at([0, 13])
    assert list(unknown["incidence"].isna()) == [False, True, False, True] and unknown["incidence"][0] == 0
    assert cumulative_incidence([1, 2], [1, 2]).at([5])["incidence"].tolist() == pytest.approx([0.5, 0.5])


def test_the_median_is_where_the_curve_reaches_one_half_exactly():
    assert kaplan_meier(range(1, 11), [1] * 10).median == 5


def test_three_groups_and_any_labels():
    found = log_rank([1, 2, 3, 4, 5, 6], [1] * 6, ["a", "b", "c"] * 2)
    assert found.degrees == 2 and 0 < found.p_value < 1
    assert log_rank(*BOTH, [arm == "placebo" for arm in ARM]).chi_square == pytest.approx(16.79, abs=5e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: kaplan_meier([], []),
        lambda: kaplan_meier([1, 2], [1]),
        lambda: kaplan_meier([1, float("nan")], [1, 0]),
        lambda: kaplan_meier([1, -2], [1, 0]),
        lambda: kaplan_meier([1, 2], [1, 2]),
        lambda: kaplan_meier([1, 2], [1, 0.5]),
        lambda: kaplan_meier([1, 2], [1, 0]).at([-1]),
        lambda: kaplan_meier([1, 2], [1, 0], entry=[1, 0]),
        lambda: cumulative_incidence([1, 2], [1, 2], entry=[0]),
        lambda: cumulative_incidence([], []),
        lambda: cumulative_incidence([1, 2], [1, 2], causes=1),
        lambda: cumulative_incidence([1, 2], [0, 0], causes=0),
        lambda: log_rank([1, 2], [1, 1], ["a", "a"]),
        lambda: log_rank([1, 2], [1, 1], ["a", None]),
        lambda: log_rank([1, 2], [1, 1], ["a"]),
        lambda: log_rank([1, 2, 3, 4], [0, 0, 0, 0], list("aabb")),
        lambda: log_rank([1, 2, 3, 4], [0, 0, 1, 1], list("aabb")),
        lambda: log_rank([1, 2, 3, 4, 5], [0, 1, 1, 1, 1], list("abcbc")),
        lambda: log_rank([1, 1, 1, 1], [1, 1, 1, 1], list("aabb")),
        lambda: cox([1, 2, 3], [0, 0, 0], pd.DataFrame({"x": [1, 2, 3]})),
        lambda: cox([1, 2, 3], [1, 1, 0], pd.DataFrame({"x": [1, 1, 1]})),
        lambda: cox([1, 2, 3], [1, 1, 0], pd.DataFrame({"x": [1, None, 2]})),
        lambda: cox([1, 2, 3, 4, 5, 6], [1] * 6, pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})),
    ],
)
def test_what_cannot_be_estimated_is_refused_in_a_sentence(call):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        call()

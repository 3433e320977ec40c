"""Interrupted time series: what is refused, widened or accepted, and how often its intervals hold the truth."""

import csv

import numpy as np
import pytest

from benchmarks import coverage
from bond_eval.core.places import REFERENCE
from bond_eval.methods import regimes
from bond_eval.methods.interrupted import (
    ACCEPTED,
    CAUTIOUS,
    LEVEL,
    PULSE,
    REFUSED,
    SLOPE,
    WIDENED,
    Model,
    design,
    interrupted,
)

pytestmark = pytest.mark.filterwarnings("error")


def monthly(months: int = 66, after: int = 8, mean: float = 6, ratio: float = 1.0, seed: int = 1) -> np.ndarray:
    level = np.where(np.arange(months) >= months - after, ratio, 1.0)
    return np.random.default_rng(seed).poisson(mean * level).astype(float)


def test_the_columns_of_a_design():
    names, x = design(6, 3, Model(impact="both", ramp=2), np.array([0, 0, 0, 0.5, 1, 0]))
    assert names == ("Level before", "Trend before", LEVEL, SLOPE, PULSE)
    assert x[:, 1].tolist() == [0, 1, 2, 3, 4, 5]
    assert x[:, 2].tolist() == [0, 0, 0, 0.5, 1, 1]
    assert x[:, 3].tolist() == [0, 0, 0, 0, 1, 2]
    _, seasons = design(48, 31, Model(harmonics=6))
    assert np.linalg.matrix_rank(seasons) == seasons.shape[1] == 3 + 11  # every month has its own mean


@pytest.mark.parametrize("method", ["newey_west", "ols_ar1"])
def test_a_change_without_noise_is_found_exactly(method):
    t = np.arange(60.0)
    y = 10 + 0.1 * t - 3 * (t >= 48) - 0.2 * np.clip(t - 48, 0, None) + 1e-6 * np.cos(7 * t)
    found = interrupted(y, 48, Model(method, "both"))
    values = [found.term(name).value for name in ("Level before", "Trend before", LEVEL, SLOPE)]
    assert values == pytest.approx([10, 0.1, -3, -0.2], abs=1e-5)
    if found.effect:  # the mean over the months after: -3 - 0.2 × 5.5
        assert found.effect.value == pytest.approx(-4.1, abs=1e-5)


def test_a_ratio_is_of_rates_and_not_of_counts():
    """Half the time at risk and half the events is no change."""
    n = np.concatenate([np.tile([8.0, 12], 24), np.tile([4.0, 6], 6)])
    time = np.concatenate([np.full(48, 1000.0), np.full(12, 500.0)])
    assert interrupted(n, 48, Model(), exposure=time).term(LEVEL).value == pytest.approx(0, abs=0.02)
    assert interrupted(n, 48, Model()).term(LEVEL).value == pytest.approx(np.log(0.5), abs=0.02)


def test_a_known_effect_is_recovered():
    found = interrupted(monthly(120, 24, 20, 0.5), 96, Model())
    assert found.verdict == ACCEPTED, found.reason
    assert found.effect.upper < 1 and found.effect.lower < 0.5 < found.effect.upper
    assert found.effect.n == found.n == 120 and found.after == 24


def test_a_shock_is_not_taken_for_the_programme():
    pulse = np.zeros(120)
    pulse[97:101] = 1
    y = np.random.default_rng(2).poisson(30 * (1 - 0.6 * pulse)).astype(float)
    modelled, ignored = interrupted(y, 96, Model(), pulse=pulse), interrupted(y, 96, Model())
    assert modelled.term(PULSE).value == pytest.approx(np.log(0.4), abs=0.2)
    assert abs(modelled.term(LEVEL).value) < 0.15 < abs(ignored.term(LEVEL).value)
    assert (modelled.after, ignored.after) == (20, 24)


def test_where_newey_west_covers_badly_it_is_widened():
    y = np.random.default_rng(4).normal(size=60)
    found = interrupted(y, 52, Model("newey_west"))
    assert found.verdict == WIDENED and found.method == "ols_ar1"
    assert "held the truth in" in found.reason and found.coverage[0] >= regimes.LOWEST
    assert found.effect == interrupted(y, 52, Model("ols_ar1")).effect
    plain = interrupted(y, 52, Model("ols_ar1"))
    assert plain.verdict == ACCEPTED and plain.reason == ""


def test_persistent_series_are_refused():
    found = interrupted(np.cumsum(np.random.default_rng(5).normal(size=60)), 48, Model("ols_ar1"))
    assert found.verdict == REFUSED and found.effect is None and "too alike" in found.reason
    assert found.ljung_box < 1e-6


SHORT = np.r_[np.full(30, 1.0), 2.0]


@pytest.mark.parametrize(
    ("values", "start", "method", "words"),
    [
        (np.where(np.arange(60) % 7 == 0, np.nan, 3.0), 48, "count_ar1", "9 of 60 months have no value"),
        (np.zeros(60), 48, "count_ar1", "No event in any month"),
        (np.r_[np.full(48, 3.0), np.zeros(12)], 48, "count_ar1", "Too few events"),
        (np.r_[np.zeros(47), 19, np.full(12, 3.0)], 48, "poisson", "Too few events"),
        (monthly(20, 10), 10, "count_ar1", "10 months before the change"),
        (monthly(30, 8), 22, "count_ar1", "has not been measured"),
        (monthly(60, 2, 20), 58, "count_ar1", "has not been measured"),
        (np.full(60, 2.0), 48, "newey_west", "same value"),
        (np.full(60, np.nan), 48, "count_ar1", "60 of 60 months have no value"),
    ],
)
def test_what_cannot_be_analysed_is_refused_in_a_sentence(values, start, method, words):
    found = interrupted(values, start, Model(method))
    assert (found.verdict, found.effect) == (REFUSED, None)
    assert words in found.reason and found.reason.endswith(".")


def test_a_shock_that_fills_the_time_after_is_refused():
    pulse = (np.arange(60) >= 48).astype(float)
    assert "free of the outside shock" in interrupted(monthly(60, 12), 48, pulse=pulse).reason
    pulse[48] = 0.5
    found = interrupted(monthly(60, 12), 48, Model(impact="both"), pulse=np.where(pulse == 1, 0.5, pulse))
    assert found.verdict == REFUSED and found.reason


def test_a_months_exposure_of_nought_is_a_missing_month():
    time = np.ones(66)
    time[3] = 0
    assert interrupted(monthly(), 58, exposure=time).n == 65


@pytest.mark.parametrize(
    "call",
    [
        lambda: Model("magic"),
        lambda: Model(impact="jump"),
        lambda: Model(ramp=-1),
        lambda: Model(confidence=95),
        lambda: interrupted(monthly(), 0),
        lambda: interrupted(monthly(), 66),
        lambda: interrupted(-monthly() - 1, 58),
        lambda: interrupted(monthly(), 58, exposure=np.ones(5)),
        lambda: interrupted(monthly(), 58, exposure=-np.ones(66)),
        lambda: interrupted(monthly(), 58, pulse=np.full(66, 2.0)),
    ],
)
def test_misuse_is_an_error_in_a_sentence(call):
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        call()


def test_the_same_series_gives_the_same_bits():
    assert interrupted(monthly(), 58) == interrupted(monthly(), 58)


def test_missing_months_and_one_dispersion():
    y = monthly()
    y[[7, 20]] = np.nan
    found = interrupted(y, 58, Model("poisson"))
    assert found.n == 64 and found.dispersion == pytest.approx(1, abs=0.5)


def rows(*methods: str, shock: bool = False) -> list[dict[str, str]]:
    with (REFERENCE / regimes.FILE).open(encoding="utf-8", newline="") as stream:
        lines = [row for row in csv.DictReader(stream) if row["method"] in methods]
    return [row for row in lines if row["process"].startswith("shock") == shock]


def test_the_rule_reads_the_map():
    wanted = [float(row["coverage"]) for row in rows("ols_ar1") if (row["impact"], row["months"], row["after"]) ==
              ("level", "48", "8")]  # fmt: skip
    assert sorted(regimes.measured("ols_ar1", "level", 0, 59, 11)) == sorted(wanted) and len(wanted) == 4
    both = regimes.measured("count_ar1", "level", 3.0, 60, 8)
    assert len(both) == 16 and regimes.measured("count_ar1", "level", 5.0, 60, 8) == both[8:]
    for outside in ((0.5, 60, 8), (5.0, 35, 8), (5.0, 60, 3)):
        assert regimes.measured("count_ar1", "level", *outside) == ()
    assert not regimes.trusted(()) and not regimes.trusted((0.95, 0.919)) and not regimes.trusted((0.95, 0.981))
    assert regimes.trusted((0.92, 0.98))
    assert regimes.cautious((0.92, 0.999)) and not regimes.cautious((0.919, 0.95)) and not regimes.cautious(())


def test_an_interval_that_covers_more_than_it_says_is_called_cautious():
    """The sample's own regime: two events a month, 60 months, four of them after the change."""
    coverages = regimes.measured("count_ar1", "level", 2.0, 60, 4)
    assert min(coverages) > 0.94 and 0.98 < max(coverages) < 0.99
    found = interrupted(monthly(60, 4, 2.4, 1.5, seed=2), 56, Model())
    assert (found.verdict, found.method) == (CAUTIOUS, "count_ar1") and found.effect is not None
    assert "% is asked for" in found.reason and found.coverage[0] >= regimes.LOWEST


# Regimes that the notebook accepts, spread over the map: 500 seeded series each.
ACCEPTED_REGIMES = [
    ("normal", 0.0, 60, 8, 0.0), ("normal", 0.0, 60, 8, 0.6), ("normal", 0.0, 48, 8, 0.4), ("rate", 5.0, 60, 4, 0.0),
    ("rate", 5.0, 60, 8, 0.4), ("rate", 5.0, 60, 8, 0.6), ("carry-over", 2.0, 60, 24, 0.4),
]  # fmt: skip


@pytest.mark.parametrize("place", ACCEPTED_REGIMES, ids=str)
def test_accepted_regimes_cover(place):
    check(place, 500)


@pytest.mark.full
def test_every_accepted_regime_covers():
    places = [
        place for place in coverage.cells() if regimes.trusted(regimes.measured(method(place), "level", *place[1:4]))
    ]
    assert len(places) > 100
    for place in places:
        check(place, coverage.SERIES)


def method(place: tuple[str, float, int, int, float]) -> str:
    return "ols_ar1" if place[0] == "normal" else "count_ar1"


def check(place: tuple[str, float, int, int, float], series: int) -> None:
    process, mean, months, after, rho = place
    assert regimes.trusted(regimes.measured(method(place), "level", mean, months, after)), "the map does not accept it"
    y = coverage.drawn(process, mean, months, after, rho, series)
    found = coverage.held(method(place), "level", y, after)
    found = found[np.isfinite(found)]
    assert len(found) >= series / 4
    assert regimes.LOWEST <= round(found.mean(), 3) <= regimes.HIGHEST  # as the file has it
    cell = ("level", process, *place[1:])
    names = ("mean", "months", "after", "autocorrelation")
    lines = {(r["impact"], r["process"], *(float(r[n]) for n in names)): r["coverage"] for r in rows(method(place))}
    assert float(lines[cell]) == pytest.approx(found.mean(), abs=0.03)


def test_newey_west_is_not_accepted_anywhere():
    """48 to 60 months, 8 after, autocorrelation 0.4 to 0.6: its level and slope cover two thirds to four fifths."""
    found = [float(row["coverage"]) for row in rows("newey_west") if row["impact"] == "both" and row["after"] == "8"
             and row["months"] in ("48", "60") and float(row["autocorrelation"]) >= 0.4]  # fmt: skip
    assert len(found) == 4 and min(found) > 0.6 and max(found) < 0.82
    cells = regimes.coverage_map()["newey_west", "level"]
    assert cells and not any(regimes.trusted(shares) for shares in cells.values())


def test_false_positives_under_autocorrelation_and_a_shock():
    """As stated in the file: near 5% for the planned method with the shock modelled, far above for the usual one."""
    wrong = {(row["method"], row["process"], row["mean"], row["autocorrelation"]): 1 - float(row["coverage"])
             for row in rows("count_ar1", "quasi_poisson", shock=True)}  # fmt: skip
    planned = [share for key, share in wrong.items() if key[:2] == ("count_ar1", "shock modelled")]
    assert len(planned) == 8 and max(planned) <= 0.08
    assert wrong["quasi_poisson", "shock modelled", "20.0", "0.6"] > 0.15
    assert wrong["count_ar1", "shock ignored", "20.0", "0.0"] > 0.15
    again = {(r[0], r[2], str(r[3]), str(r[6])): 1 - r[7] for r in coverage.shock_rows(2.0, 0.4)}
    assert all(wrong[key] == pytest.approx(share, abs=0.006) for key, share in again.items())

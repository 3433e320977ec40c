"""Registers drawn with a known effect, or none: the stated 95% intervals cover it 95% of the time, less the error of
the simulation, and what has no effect is seldom called one. Everything is seeded; every child is invented."""

import datetime as dt
from dataclasses import replace
from math import sqrt

import numpy as np
import pandas as pd
import pytest

from bond_eval.methods.balance import stratified_difference
from bond_eval.methods.change import paired_change
from bond_eval.methods.equity import relative_rate
from bond_eval.methods.event_rates import rate_change
from bond_eval.methods.survival import cumulative_incidence
from bond_eval.programmes.comparison import compare
from bond_eval.programmes.equity_stages import ACCEPTED, stages
from bond_eval.programmes.events import event_change
from bond_eval.programmes.scales import scale_change
from tests.helpers import day, history
from tests.programme_frames import EVENTS, MEASURES, register

AS_OF = dt.date(2020, 9, 30)
ENDS = ("2018-03-31", "2019-03-31", "2020-03-31", "2020-09-30")
START = "2019-06-01"
SIMS = 500
# Through the whole room and not the formula alone; in the long tests as often as the formula.
WHOLE = pytest.mark.parametrize("sims", [20, pytest.param(SIMS, marks=pytest.mark.full)])


def enough(covered: int, sims: int) -> bool:
    """95% less two standard errors of a share seen in so many draws."""
    return covered / sims >= 0.95 - 2 * sqrt(0.95 * 0.05 / sims)


def few(alarms: int, sims: int) -> bool:
    """5% and two standard errors."""
    return alarms / sims <= 0.05 + 2 * sqrt(0.95 * 0.05 / sims)


def holds(estimate, truth: float) -> bool:
    return estimate.lower <= truth <= estimate.upper


def starters(count: int):
    dates = {"referral": START, "decided": START, "start": START}
    return register([{"child": child, **dates} for child in range(count)])


WINDOWS = ((-365, -91), (-91, 0), (0, 365))  # the earlier months, the last three before the referral, the year after


def drawn_counts(dice, count: int, yearly: float, ratio: float, spell: float = 1.0) -> list[np.ndarray]:
    """Events of each child by window: each has its own level, and luck of its own before and after."""
    level = dice.gamma(1.5, yearly / 1.5, count)
    luck, times = dice.gamma(3, 1 / 3, (2, count))[[0, 0, 1]], (1.0, spell, ratio)
    return [
        dice.poisson(level * luck[place] * times[place] * (high - low) / 365)
        for place, (low, high) in enumerate(WINDOWS)
    ]


def with_events(base, dice, counts: list[np.ndarray]):
    """A register in which each child has these events on some days of the windows."""
    children = [np.repeat(np.arange(found.size), found) for found in counts]
    days = [day(START) + dice.integers(*window, found.sum()) for window, found in zip(WINDOWS, counts, strict=True)]
    frame = pd.DataFrame({"child": np.concatenate(children), "day": np.concatenate(days)})
    # Another event, long before, says from when on events are known of.
    known = pd.DataFrame({"child": [0], "day": [day("2018-01-01")], "type": ["arrest"]})
    frame = pd.concat([frame.assign(type="missing"), known]).assign(file="", line=0)
    return replace(base, events=frame[list(EVENTS)].astype(EVENTS))


def seen(register_):
    return event_change(register_, AS_OF, "route29", "missing")


EVENT_WORLDS = [(1.0, 60, 2.0), (0.6, 60, 2.0), (1.0, 30, 0.3)]


@pytest.mark.parametrize(("ratio", "count", "yearly"), EVENT_WORLDS)
def test_event_rates_before_and_after(ratio, count, yearly):
    dice, year, covered = np.random.default_rng(17), np.full(count, 365), 0
    for _ in range(SIMS):
        earlier, recent, after = drawn_counts(dice, count, yearly, ratio)
        if (earlier + recent + after).sum():
            covered += holds(rate_change(earlier + recent, year, after, year).ratio, ratio)
    assert enough(covered, SIMS)
    assert ratio != 1 or few(SIMS - covered, SIMS)


@WHOLE
def test_event_rates_from_the_register(sims):
    dice, base, covered = np.random.default_rng(27), starters(60), 0
    for _ in range(sims):
        counts = drawn_counts(dice, 60, 2.0, 0.6)
        found = seen(with_events(base, dice, counts))
        assert found.frame[["earlier", "recent", "after"]].to_numpy().T.tolist() == [one.tolist() for one in counts]
        covered += holds(found.change.ratio, 0.6)
    assert enough(covered, sims)


def test_an_effect_on_events_is_found_and_a_spell_before_is_told_from_it():
    dice, base, sims = np.random.default_rng(18), starters(60), 25
    found = [seen(with_events(base, dice, drawn_counts(dice, 60, 3.0, 0.4))) for _ in range(sims)]
    assert sum(one.change.ratio.upper < 1 for one in found) > 22
    assert sum(one.mean.expected for one in found) < 5
    # Nothing helps, but children are referred after three bad months: the plain ratio is taken in, the warning is not.
    spells = [seen(with_events(base, dice, drawn_counts(dice, 60, 3.0, 1.0, 4.0))) for _ in range(sims)]
    assert sum(one.change.ratio.upper < 1 for one in spells) > 12
    assert sum(one.mean.expected for one in spells) > 22
    assert sum(holds(one.mean.after.ratio, 1.0) for one in spells) > 20


def drawn_scores(dice, count: int, effect: float) -> tuple[np.ndarray, np.ndarray]:
    first = dice.normal(20, 6, count)
    return first, first + dice.normal(effect, 5, count)


@pytest.mark.parametrize(("effect", "count"), [(0.0, 12), (-3.0, 40)])
def test_paired_change_on_a_scale(effect, count):
    dice = np.random.default_rng(19)
    covered = sum(holds(paired_change(*drawn_scores(dice, count, effect)), effect) for _ in range(SIMS))
    assert enough(covered, SIMS)
    assert effect or few(SIMS - covered, SIMS)


@WHOLE
def test_paired_change_from_the_register(sims):
    dice, base, covered = np.random.default_rng(29), starters(40), 0
    for _ in range(sims):
        scores = np.concatenate(drawn_scores(dice, 40, -3.0))
        frame = pd.DataFrame({"child": np.tile(np.arange(40), 2), "score": scores})
        frame = frame.assign(programme="route29", measure="wellbeing", rater="self", file="", line=0)
        frame["day"] = np.repeat([day(START), day(START) + 150], 40)
        one = replace(base, measures=frame[list(MEASURES)].astype(MEASURES))
        covered += holds(scale_change(one, AS_OF, "route29", "wellbeing", "self").change, -3.0)
    assert enough(covered, sims)


def drawn_groups(dice, effect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sixty children: edge (of care), taken (on), enters (care). Those on the edge are taken on more often, and enter
    care more often with help or without, so that the programme looks harmful at first sight."""
    edge = dice.random(60) < 0.5
    taken = dice.random(60) < np.where(edge, 0.75, 0.3)
    return edge, taken, dice.random(60) < np.where(edge, 0.5, 0.25) + effect * taken


@pytest.mark.parametrize("effect", [0.0, -0.2])
def test_difference_from_a_comparison_group(effect):
    dice, covered, crude = np.random.default_rng(20), 0, 0.0
    for _ in range(SIMS):
        edge, taken, enters = drawn_groups(dice, effect)
        cells = [[int((one & (edge == side)).sum()) for side in (True, False)]
                 for one in (taken & enters, taken, ~taken & enters, ~taken)]  # fmt: skip
        covered += holds(stratified_difference(*cells), effect)
        crude += (enters[taken].mean() - enters[~taken].mean()) / SIMS
    assert enough(covered, SIMS) and crude > effect + 0.05
    assert effect or few(SIMS - covered, SIMS)


@pytest.fixture(scope="module")
def entrants():
    """A history of sixty children who each become looked after 120 days after the decision."""
    rows = [{"child": n, "start": "2019-09-29", "submission": 3, "line": n + 2} for n in range(60)]
    return history(rows, ENDS)


@WHOLE
def test_difference_from_the_register(sims, entrants):
    dice, covered = np.random.default_rng(30), 0
    for _ in range(sims):
        edge, taken, enters = drawn_groups(dice, -0.2)
        cases = [{"child": n, "referral": START, "decided": START,
                  "status": "edge of care" if edge[n] else "child in need",
                  "decision": "accepted" if taken[n] else "not accepted"} for n in range(60)]  # fmt: skip
        found = compare(
            register(cases, [{"care": n if enters[n] else -1} for n in range(60)]), entrants, AS_OF, "route29"
        )
        assert found.frame["reached"].sum() == enters.sum()
        covered += holds(found.difference, -0.2)
        assert not found.causal  # status differs by far more than 0.25
    assert enough(covered, sims)


@pytest.mark.parametrize(("group", "share", "ratio"), [(30, 0.5, 1.0), (8, 0.8, 1.0), (40, 0.4, 1.5), (15, 0.1, 1.0)])
def test_relative_rate_index(group, share, ratio):
    dice = np.random.default_rng(21)
    covered, sims = 0, 2000
    for reached, others in zip(dice.binomial(group, share * ratio, sims), dice.binomial(90, share, sims), strict=True):
        covered += reached + others == 0 or holds(relative_rate(int(reached), group, int(others), 90).estimate, ratio)
    assert enough(covered, sims)
    assert ratio != 1 or few(sims - covered, sims)


@WHOLE
def test_no_inequity_is_seldom_called_one_in_a_whole_register(sims, entrants):
    dice, alarms, comparisons = np.random.default_rng(22), 0, 0
    for _ in range(sims):
        people = [{"sex": dice.choice(["Male", "Female"]), "ethnicity": dice.choice(["WBRI", "MWBC", "APKN"]),
                   "decile": float(dice.integers(1, 11))} for _ in range(80)]  # fmt: skip
        cases = [{"child": n, "referral": START, "decided": START,
                  "decision": "accepted" if dice.random() < 0.6 else "not accepted"} for n in range(80)]  # fmt: skip
        table = stages(register(cases, people), entrants, AS_OF, "route29")
        mine = table[(table["stage"] == ACCEPTED) & table["relative_rate"].notna()]
        alarms, comparisons = alarms + int(mine["differs"].sum()), comparisons + len(mine)
    assert comparisons > 8 * sims and few(alarms, comparisons)


@pytest.mark.full
def test_cumulative_incidence_with_delayed_entry_covers_the_truth():
    """Two causes of constant hazards 0.05 and 0.03, half of the subjects seen only from time 4 on, censored by 15."""
    dice, covered, sims = np.random.default_rng(23), 0, 1000
    truth = 0.05 / 0.08 * (1 - np.exp(-0.08 * 10))
    for _ in range(sims):
        life = dice.exponential(1 / 0.08, 160)
        cause = np.where(dice.random(160) < 0.05 / 0.08, 1, 2)
        entry = np.where(dice.random(160) < 0.5, 4.0, 0.0)
        end = np.minimum(life, dice.uniform(6, 15, 160))
        seen = end > entry
        found = cumulative_incidence(end[seen], np.where(life == end, cause, 0)[seen], entry=entry[seen], causes=2)
        row = found.at([10]).iloc[0]
        covered += row["lower"] <= truth <= row["upper"]
    assert enough(covered, sims)

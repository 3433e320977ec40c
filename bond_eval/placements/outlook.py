"""Three scenarios for the next two years. They say what rates would lead to, and not what the programme causes.

continue: the rates of the latest year. stop: the rates of the window before the programme (whatever else was
different then comes back with them). extend: the latest rates, and for ages 8 to 11 those into and out of outside
placements changed as they changed for ages 12 to 17 from the one window to the other.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from bond_eval.core.errors import InputError
from bond_eval.core.periods import month_end
from bond_eval.methods.transitions import Gammas
from bond_eval.placements.categories import CATEGORIES, OUTSIDE
from bond_eval.placements.demand import BANDS, OUT, Model, fit, latest_window, population
from bond_eval.placements.demand_paths import PATHS, Paths, simulate
from bond_eval.placements.history import History

CONTINUE, STOP, EXTEND = "Continue", "Stop", "Extend to 8 and over"
SCENARIOS = (CONTINUE, STOP, EXTEND)
MONTHS = 24
OLDER = [BANDS.index("12 to 15"), BANDS.index("16 to 17")]
EXTENDED = BANDS.index("8 to 11")
OP = CATEGORIES.index(OUTSIDE)
HALF = 0.5  # Jeffreys' prior event: a ratio of two small counts is wide, and never nought or endless
NO_DATE = "no day is given on which the programmes began, so there is no window before them"


@dataclass(frozen=True, eq=False)
class Scenario:
    """`paths` is None where `reason` says why there are none; `model` holds the window that it was fitted on."""

    name: str
    model: Model | None
    paths: Paths | None
    reason: str = ""


def reference_ends(programme: dt.date | None) -> tuple[dt.date, ...]:
    """Last nights of the windows before a programme: the last 31 December that is a year or more before its eve
    (many changes come before an opening), and the eve. Salford: 31 December 2018 and 31 January 2020."""
    if programme is None:
        return ()
    eve = programme - dt.timedelta(days=1)
    year = eve.year - 1 if (eve.month, eve.day) == (12, 31) else eve.year - 2
    return (dt.date(year, 12, 31), eve)


def scenarios(history: History, programme: dt.date | None, *, seed: int, paths: int = PATHS) -> tuple[Scenario, ...]:
    """The three scenarios from the history's last night, to the end of the 24th month after it."""
    latest = _fitted(history, history.as_of, 1)
    ends = reference_ends(programme)
    before: Model | str = _fitted(history, ends[0], 2) if ends else NO_DATE
    extended = latest if isinstance(latest, str) else before
    if isinstance(latest, Model) and isinstance(before, Model):
        extended = extend(latest, before, np.random.default_rng([seed, 8]), paths)
    start, first = population(history, history.as_of), history.as_of
    nights = (month_end(first, MONTHS) - first).days
    made = []
    for name, model in zip(SCENARIOS, (latest, before, extended), strict=True):
        if isinstance(model, str):
            made.append(Scenario(name, None, None, model))
        else:
            made.append(Scenario(name, model, simulate(model, start, first, nights, seed=seed, paths=paths)))
    return tuple(made)


def extend(latest: Model, before: Model, generator: np.random.Generator, paths: int) -> Model:
    """The latest model with the ratio (latest to before, ages 12 to 17) put on ages 8 to 11, one draw a path.

    Three ratios: of moving into an outside placement from elsewhere in care, of beginning care in one, and of
    leaving one, whereto ever.
    """
    moves, entries = np.ones((paths, len(BANDS), OUT, OUT + 1)), np.ones((paths, len(BANDS), OUT))
    now, then = _older(latest), _older(before)
    into, starting, leaving = (
        Gammas(np.array(n + HALF), np.array(t)).draw(generator, paths)
        / Gammas(np.array(m + HALF), np.array(u)).draw(generator, paths)
        for (n, t), (m, u) in zip(now, then, strict=True)
    )
    moves[:, EXTENDED, :, OP] = into[:, None]
    moves[:, EXTENDED, OP, :] = leaving[:, None]
    entries[:, EXTENDED, OP] = starting
    return replace(latest, scale=(moves, entries))


def _older(model: Model) -> tuple[tuple[float, float], ...]:
    """Events and days of ages 12 to 17: into outside placements, care begun in one, out of one."""
    events, exposure = model.events[OLDER], model.exposure[OLDER]
    elsewhere = float(exposure.sum() - exposure[:, OP].sum())
    return (
        (float(events[:, :, OP].sum()), max(elsewhere, 1.0)),
        (float(model.entrants[OLDER, OP].sum()), float(model.window.days)),
        (float(events[:, OP].sum()), max(float(exposure[:, OP].sum()), 1.0)),
    )


def _fitted(history: History, last: dt.date, years: int) -> Model | str:
    """The model of the window that ends on `last`, or why there is none."""
    try:
        return fit(history, latest_window(history, min(last, history.as_of), years))
    except InputError as error:
        return str(error)

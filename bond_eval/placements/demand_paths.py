"""Simulated paths of a demand model: whole children, day by day, each path with rates of its own.

Every path draws its rates once from their distributions, so that the spread of the paths holds both what counts of
children leave unsure about the rates and the luck of the children. Entrants are a Poisson process by age band and
category; their age in days is that of an entrant seen in the band. A child waits a geometric number of nights in a
category, moves or leaves by its rates, passes into the next age band on its birthday, and leaves at 18.
All children of all paths go forward together, one event a round.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bond_eval.intake.typed import NO_DAY
from bond_eval.placements.categories import CATEGORIES
from bond_eval.placements.demand import BANDS, OUT, UNKNOWN, Model, Population, band_at, band_edges

PATHS = 500
LEVELS = (0.5, 0.8, 0.95)


@dataclass(frozen=True, eq=False)
class Paths:
    """`daily`: paths × nights × CATEGORIES (int16), night 0 that of `first`; `entrants`, `exits`, `grown`: children
    of each path who came, left, and reached 18 in the nights after it.
    """

    first: dt.date
    daily: np.ndarray
    entrants: np.ndarray
    exits: np.ndarray
    grown: np.ndarray

    def night(self, day: dt.date) -> np.ndarray:
        """Paths × CATEGORIES: children on the night of `day`. Raises ValueError outside the nights simulated."""
        place = (day - self.first).days
        if not 0 <= place < self.daily.shape[1]:
            raise ValueError(f"{day} is not among the nights simulated.")
        return self.daily[:, place]

    def child_days(self, first: dt.date, last: dt.date) -> np.ndarray:
        """Paths × CATEGORIES: child-nights from `first` to `last`, both counted."""
        self.night(first), self.night(last)
        part = self.daily[:, (first - self.first).days : (last - self.first).days + 1]
        return np.asarray(part.sum(axis=1, dtype=np.int64))


def bands(draws: np.ndarray, levels: Sequence[float] = LEVELS) -> dict[str, np.ndarray]:
    """Median and the limits of each band of draws (paths first), as whole numbers: median, lower_50, upper_50 …"""
    places = [0.5, *(side for level in levels for side in ((1 - level) / 2, (1 + level) / 2))]
    # The nearest value that a path took: half a child is nobody.
    values = np.quantile(draws, places, axis=0, method="nearest")
    names = ["median", *(f"{side}_{100 * level:.0f}" for level in levels for side in ("lower", "upper"))]
    return dict(zip(names, values, strict=True))


def simulate(model: Model, start: Population, first: dt.date, nights: int, *, seed: int, paths: int = PATHS) -> Paths:
    """`paths` paths of `nights` nights after the night of `first`, on which `start` are looked after.

    Same model, start, seed and size: the same paths. Raises ValueError for no nights or no paths.
    """
    if nights < 1 or paths < 1:
        raise ValueError("A simulation needs at least one night and one path.")
    generator = np.random.default_rng([seed, 6])
    moves, scale = model.rates.draw(generator, paths), model.scale or (np.ones(1), np.ones(1))
    walk = _Walk(np.cumsum(moves * scale[0], axis=3), nights)
    walk.add_start(start, (first - dt.date(1970, 1, 1)).days)
    entering = model.arriving.draw(generator, paths) * scale[1]
    walk.add_entrants(generator.poisson(entering * nights), model.ages, generator)
    while walk.step(generator):
        pass
    return walk.result(first)


class _Walk:
    """All children of all paths who are still on their way; days count from the first night (0)."""

    def __init__(self, cumulated: np.ndarray, nights: int) -> None:
        self.cumulated, self.nights = cumulated, nights
        self.form = (len(cumulated), nights + 1, OUT)
        # Places in paths × nights × CATEGORIES at which a child comes (1) or is gone (-1).
        self.changes: dict[int, list[np.ndarray]] = {1: [], -1: []}
        self.counts = {name: np.zeros(self.form[0], dtype=np.int64) for name in ("entrants", "exits", "grown")}
        # Each child of each path: its path, category, band, day and row of `edges` (the days its bands begin).
        self.path = self.category = self.band = self.day = self.row = np.zeros(0, dtype=np.int64)
        self.edges = np.zeros((0, UNKNOWN + 1), dtype=np.int64)

    def add_start(self, start: Population, first: int) -> None:
        """The children of the first night, in every path."""
        edges = np.where(band_edges(start.birth) == NO_DAY, NO_DAY, band_edges(start.birth) - first)
        band = band_at(edges, np.zeros(len(start.birth), dtype=np.int64))
        path, child = (where.ravel() for where in np.indices((self.form[0], len(band))))
        self.edges = edges
        self._add(path, start.category[child], band[child], np.zeros(len(path), dtype=np.int64), child)

    def add_entrants(self, counts: np.ndarray, ages: tuple[np.ndarray, ...], generator: np.random.Generator) -> None:
        """Entrants by path × band × category, each on a night after the first, with an age seen in its band."""
        path, band, category = (np.repeat(where, counts.ravel()) for where in map(np.ravel, np.indices(counts.shape)))
        day = generator.integers(1, self.nights + 1, len(path))
        edges = np.full((len(path), UNKNOWN + 1), NO_DAY, dtype=np.int64)
        for place in range(UNKNOWN):
            mine = np.flatnonzero(band == place)
            if len(mine):
                born = day[mine] - generator.choice(ages[place], len(mine))
                # Birthdays by the mean year: a day's difference at most.
                edges[mine] = born[:, None] + np.array([0, 365, 1826, 2922, 4383, 5844, 6574])
        self.counts["entrants"] += np.bincount(path, minlength=self.form[0])
        rows = np.arange(len(path)) + len(self.edges)
        self.edges = np.concatenate([self.edges, edges])
        self._add(path, category, band, day, rows)

    def _add(self, path: np.ndarray, category: np.ndarray, band: np.ndarray, day: np.ndarray, row: np.ndarray) -> None:
        self._count(path, day, category, 1)
        new = {"path": path, "category": category, "band": band, "day": day, "row": row}
        for name, values in new.items():
            setattr(self, name, np.concatenate([getattr(self, name), values]))

    def _count(self, path: np.ndarray, day: np.ndarray, category: np.ndarray, sign: int) -> None:
        self.changes[sign].append((path * self.form[1] + day) * OUT + category)

    def step(self, generator: np.random.Generator) -> bool:
        """Take every child to its next event or birthday; False where none is left."""
        if not len(self.path):
            return False
        totals = self.cumulated[self.path, self.band, self.category, -1]
        # Where nothing can happen the wait is longer than any simulation.
        wait = np.ceil(generator.standard_exponential(len(totals)) / np.maximum(totals, 1e-30))
        event = self.day + np.minimum(np.maximum(wait, 1), self.nights + 1).astype(np.int64)
        edge = self.edges[self.row, np.minimum(self.band + 1, UNKNOWN)]
        edge = np.where(self.band == UNKNOWN, NO_DAY, edge)
        last = self.band == UNKNOWN - 1
        moved = (event < edge) | ((event == edge) & ~last)
        moved &= event <= self.nights
        grown, aged = ~moved & last & (edge <= self.nights), ~moved & ~last & (edge <= self.nights)
        self._leave(grown, edge, "grown")
        to = self._destinations(moved, generator)
        self._move(moved, event, to)
        self.day = np.where(moved, event, edge)
        self.band = self.band + (aged | (moved & (event == edge)))
        self.category = np.where(moved, np.where(to == OUT, 0, to), self.category)
        self._keep((moved & (to != OUT)) | aged)
        return True

    def _destinations(self, moved: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        to = np.full(len(moved), -1, dtype=np.int64)
        rows = self.cumulated[self.path[moved], self.band[moved], self.category[moved]]
        drawn = generator.random(len(rows)) * rows[:, -1]
        to[moved] = np.minimum((rows <= drawn[:, None]).sum(axis=1), OUT)
        return to

    def _move(self, moved: np.ndarray, event: np.ndarray, to: np.ndarray) -> None:
        self._count(self.path[moved], event[moved], self.category[moved], -1)
        stays = moved & (to != OUT)
        self._count(self.path[stays], event[stays], to[stays], 1)
        self.counts["exits"] += np.bincount(self.path[moved & (to == OUT)], minlength=self.form[0])

    def _leave(self, who: np.ndarray, day: np.ndarray, name: str) -> None:
        self._count(self.path[who], day[who], self.category[who], -1)
        self.counts[name] += np.bincount(self.path[who], minlength=self.form[0])

    def _keep(self, mask: np.ndarray) -> None:
        for name in ("path", "category", "band", "day", "row"):
            setattr(self, name, getattr(self, name)[mask])

    def result(self, first: dt.date) -> Paths:
        size = int(np.prod(self.form))
        come, gone = (np.bincount(np.concatenate(places), minlength=size) for places in self.changes.values())
        change = (come - gone).astype(np.int16).reshape(self.form)
        return Paths(first, np.cumsum(change, axis=1, dtype=np.int16), **self.counts)


__all__ = ["BANDS", "CATEGORIES", "LEVELS", "PATHS", "Paths", "bands", "simulate"]

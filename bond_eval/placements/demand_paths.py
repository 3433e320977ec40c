"""Simulated paths of a demand model: whole children, day by day, each path with rates of its own.

Every path draws its rates once from their distributions, so that the spread of the paths holds both what counts of
children leave unsure about the rates and the luck of the children. Entrants are a Poisson process by age band and
category; their age in days is that of an entrant seen in the band. A child waits a geometric number of nights in a
category, moves or leaves by its rates, passes into the next age band on its birthday, and leaves at 18.
All children of all paths go forward together, one event a round, and within a round block by block.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bond_eval.intake.typed import NO_DAY
from bond_eval.placements.demand import BANDS, OUT, UNKNOWN, Model, Population, band_at, band_edges

PATHS = 500
LEVELS = (0.5, 0.8, 0.95)
BLOCK = 1 << 16  # children taken forward at a time: their numbers stay in the processor's cache
KINDS = len(BANDS) * OUT  # age bands × categories of a path


@dataclass(frozen=True, eq=False)
class Paths:
    """`daily`: paths × nights × CATEGORIES (int32), night 0 that of `first`; `entrants`, `exits`, `grown`: children
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


def bands(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Median and the limits of each band of draws (paths first), as whole numbers: median, lower_50, upper_50 …"""
    places = [0.5, *(side for level in LEVELS for side in ((1 - level) / 2, (1 + level) / 2))]
    # The nearest value that a path took: half a child is nobody.
    values = np.quantile(draws, places, axis=0, method="nearest")
    names = ["median", *(f"{side}_{100 * level:.0f}" for level in LEVELS for side in ("lower", "upper"))]
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


class _Block(NamedTuple):
    """Children on their way: `kind` (path, band and category as one number), the day so far, and the row of `edges`."""

    kind: np.ndarray
    day: np.ndarray
    row: np.ndarray


class _Walk:
    """All children of all paths who are still on their way; days count from the first night (0)."""

    def __init__(self, cumulated: np.ndarray, nights: int) -> None:
        self.cumulated, self.nights = cumulated.reshape(-1, OUT + 1), nights
        # Where nothing can happen the wait is longer than any simulation.
        self.totals = np.maximum(self.cumulated[:, -1], 1e-30)
        self.form = (len(cumulated), nights + 1, OUT)
        # Who came less who was gone. A large authority has more children than int16 holds.
        self.changes = np.zeros(int(np.prod(self.form)), dtype=np.int32)
        self.counts = {name: np.zeros(self.form[0], dtype=np.int64) for name in ("entrants", "exits", "grown")}
        self.edges = np.zeros((0, len(BANDS)), dtype=np.int32)  # the days on which bands end; an unknown one never does
        self.blocks: list[_Block] = []

    def add_start(self, start: Population, first: int) -> None:
        """The children of the first night, in every path."""
        edges = np.where(band_edges(start.birth) == NO_DAY, NO_DAY, band_edges(start.birth) - first)
        kind, row = band_at(edges, np.zeros(len(edges), dtype=np.int64)) * OUT + start.category, np.arange(len(edges))
        self._add_edges(edges)
        for part in _parts(self.form[0] * len(edges)):
            path, child = np.divmod(part, len(edges))
            self._add(path * KINDS + kind[child], np.zeros(len(part)), row[child])

    def add_entrants(self, counts: np.ndarray, ages: tuple[np.ndarray, ...], generator: np.random.Generator) -> None:
        """Entrants by path × band × category, each on a night after the first, with an age seen in its band."""
        self.counts["entrants"] += counts.sum(axis=(1, 2))
        kind = np.repeat(np.arange(counts.size, dtype=np.int32), counts.ravel())
        day = generator.integers(1, self.nights + 1, len(kind)).astype(np.int32)
        born = np.zeros(len(kind), dtype=np.int32)
        for place in range(UNKNOWN):
            mine = np.flatnonzero(kind // OUT % len(BANDS) == place)
            if len(mine):
                born[mine] = day[mine] - generator.choice(ages[place], len(mine))
        earliest, before = int(born.min(initial=0)), len(self.edges)
        # Birthdays by the mean year: a day's difference at most. One row for each day of birth there can be.
        self._add_edges(
            np.arange(earliest, self.nights + 1)[:, None] + np.array([0, 365, 1826, 2922, 4383, 5844, 6574])
        )
        for part in _parts(len(kind)):
            self._add(kind[part], day[part], born[part] - earliest + before)

    def _add_edges(self, begins: np.ndarray) -> None:
        """Rows of the days on which each known band begins, and the 18th birthday."""
        ends = np.column_stack([begins[:, 1:], np.full(len(begins), NO_DAY)]).astype(np.int32)
        self.edges = np.concatenate([self.edges, ends])

    def _add(self, kind: np.ndarray, day: np.ndarray, row: np.ndarray) -> None:
        block = _Block(*(values.astype(np.int32) for values in (kind, day, row)))
        self._count(block.kind, block.day, 1)
        self.blocks.append(block)

    def _count(self, kind: np.ndarray, day: np.ndarray, sign: int) -> None:
        """Children of a kind come (1) or are gone (-1) on a day."""
        np.add.at(self.changes, (kind // KINDS * self.form[1] + day) * OUT + kind % OUT, np.int32(sign))

    def step(self, generator: np.random.Generator) -> bool:
        """Take every child to its next event or birthday; False where none is left."""
        # First the waits of all, then where they go: so the size of a block does not change what is drawn.
        events = [self._event(block, generator) for block in self.blocks]
        begun, self.blocks = list(zip(self.blocks, events, strict=True))[::-1], []
        self.blocks = list(_joined(self._forward(*begun.pop(), generator) for _ in events))
        return bool(self.blocks)

    def _event(self, block: _Block, generator: np.random.Generator) -> np.ndarray:
        wait = np.ceil(generator.standard_exponential(len(block.kind)) / self.totals[block.kind])
        return np.asarray(block.day + np.clip(wait, 1, self.nights + 1).astype(np.int32))

    def _forward(self, block: _Block, event: np.ndarray, generator: np.random.Generator) -> _Block:
        """Who is still on the way after the event or birthday."""
        edge = self.edges[block.row, block.kind // OUT % len(BANDS)]
        some = np.flatnonzero(np.minimum(event, edge) <= self.nights)  # nothing more happens to the others
        kind, row, event, edge = block.kind[some], block.row[some], event[some], edge[some]
        last = kind // OUT % len(BANDS) == UNKNOWN - 1
        moved = (event < edge) | ((event == edge) & ~last)
        grown, aged = ~moved & last, ~moved & ~last
        self._leave(kind[grown], edge[grown], "grown")
        here, when = kind[moved], event[moved]
        to = self._destinations(here, generator)
        there, stays = here - here % OUT + to, to != OUT
        self._leave(here[~stays], when[~stays], "exits")
        self._count(here[stays], when[stays], -1)
        self._count(there[stays], when[stays], 1)
        kind[moved] = there
        kind += OUT * (event >= edge)
        aged[moved] = stays  # from here on: who is still on the way
        return _Block(kind[aged], np.minimum(event, edge)[aged], row[aged])

    def _destinations(self, kind: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        rows = self.cumulated[kind]
        drawn = generator.random(len(rows)) * rows[:, -1]
        return np.asarray(np.minimum((rows <= drawn[:, None]).sum(axis=1), OUT))

    def _leave(self, kind: np.ndarray, day: np.ndarray, name: str) -> None:
        self._count(kind, day, -1)
        self.counts[name] += np.bincount(kind // KINDS, minlength=self.form[0])

    def result(self, first: dt.date) -> Paths:
        return Paths(first, np.cumsum(self.changes.reshape(self.form), axis=1, dtype=np.int32), **self.counts)


def _parts(size: int) -> Iterator[np.ndarray]:
    """The places 0 to size - 1, block by block."""
    return (np.arange(place, min(place + BLOCK, size)) for place in range(0, size, BLOCK))


def _joined(blocks: Iterable[_Block]) -> Iterator[_Block]:
    """The blocks in their order, small ones put together: a block costs the same however few are left in it."""
    kept: list[_Block] = []
    for block in blocks:
        kept.append(block)
        if sum(len(one.kind) for one in kept) >= BLOCK // 2:
            yield _Block(*map(np.concatenate, zip(*kept, strict=True)))
            kept = []
    if any(len(one.kind) for one in kept):
        yield _Block(*map(np.concatenate, zip(*kept, strict=True)))

"""Finds, among a world's children, those whose true time in care fits a case of the register.

Nothing of the world is changed: a register child who is or becomes looked after is a child of the return whose
own episodes say so. Each child is taken once. Children cut off in the returns on purpose are never taken, nor
are those who came alone from abroad.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from .days import birthday
from .dice import Dice
from .finance import category_of
from .world import Child, World

T = TypeVar("T")
OTHER_PLACES = {
    "K1": "Secure", "S1": "Residential school", "R3": "Parent and child", "H5": "Supported", "P2": "Supported",
    "P1": "With parents", "A3": "Adoption", "A4": "Adoption", "A5": "Adoption", "A6": "Adoption",
}  # fmt: skip


@dataclass(frozen=True)
class Spell:
    """An unbroken time in care: first day, the day it ended (None: still open), its episodes."""

    start: int
    end: int | None
    rows: tuple[tuple, ...]

    def covers(self, first: int, last: int) -> bool:
        """Whether the child is looked after on every day from first to last."""
        return self.start <= first and (self.end is None or self.end > last)

    def moves(self, after: int, until: int) -> list[int]:
        """Days after `after` and up to `until` on which anything but the legal status changed."""
        return [row[1] for row in self.rows if after < row[1] <= until and row[2] != "L"]

    def changes(self, after: int, until: int) -> list[int]:
        """Days after `after` and up to `until` on which a new carer came, temporary stays apart: moves as counted."""
        both = [(old, row) for old, row in pairwise(self.rows) if after < row[1] <= until]
        return [row[1] for old, row in both if row[2] in ("P", "B") and "T" not in (old[5][0], row[5][0])]

    def category(self, on: int) -> str:
        """The placement's category on a day of the spell."""
        place, provider = [row[5:7] for row in self.rows if row[1] <= on][-1]
        return category_of(place, provider) or OTHER_PLACES.get(place, "Other")


@dataclass(frozen=True)
class Entry:
    """A child who starts to be looked after on a day, and until when it was looked after before (0: never)."""

    child: Child
    on: int
    before: int


def aged(born: int, on: int, ages: tuple[int, int]) -> bool:
    """Whether a child is at least the first age and not yet the second on a day."""
    return birthday(born, ages[0]) <= on < birthday(born, ages[1])


class Care:
    """The children of a world's return who are free to be children of the register, in a seeded order."""

    def __init__(self, world: World, dice: Dice) -> None:
        rows: dict[int, list[tuple]] = {}
        for row in world.rows:
            if row[3] not in ("V3", "V4"):
                rows.setdefault(row[0], []).append(row)
        whole = [
            c for c in world.children if c.number in rows and not c.uasc and c.role not in ("vanished", "returned")
        ]
        self.spells = {child.number: _spells(rows[child.number]) for child in whole}
        self._free = {child.number: child for child in dice.some(whole, len(whole))}
        self.short_breaks = [child for child in world.children if child.number not in rows]

    def find(self, what: Callable[[Child, list[Spell]], T | None]) -> tuple[Child, T] | None:
        """The first free child of whom `what` finds anything, and what it finds; the child is free no more."""
        for number, child in self._free.items():
            found = what(child, self.spells[number])
            if found is not None:
                return self._free.pop(number), found
        return None

    def take(self, fits: Callable[[Child, list[Spell]], bool]) -> Child | None:
        """The first free child that fits, who is free no more; None where there is none."""
        found = self.find(lambda child, spells: True if fits(child, spells) else None)
        return found and found[0]

    def claim(self, child: Child) -> None:
        """Make a child free no more."""
        del self._free[child.number]

    def spell_on(self, child: Child, on: int) -> Spell:
        """The time in care that covers a day on which the child is looked after."""
        return next(spell for spell in self.spells[child.number] if spell.covers(on, on))

    def resident(self, on: int, ages: tuple[int, int], until: int | None = None, still: bool = False) -> Child | None:
        """A child looked after on a day and until another, at the ages; `still`: without any move between."""
        until = until or on

        def fits(child: Child, spells: list[Spell]) -> bool:
            if not aged(child.born, on, ages):
                return False
            spell = next((spell for spell in spells if spell.covers(on, until)), None)
            return spell is not None and spell.start < on and not (still and spell.moves(on, until))

        return self.take(fits)

    def past(self, on: int, ages: tuple[int, int]) -> Child | None:
        """A child whose last time in care was over before a day."""
        return self.take(lambda c, spells: aged(c.born, on, ages) and (spells[-1].end or on + 1) <= on)

    def entries(self, first: int, last: int) -> Iterator[Entry]:
        """Every start of a time in care of a free child from one day to another, in the seeded order."""
        for child in self._free.values():
            before = 0
            for spell in self.spells[child.number]:
                if first <= spell.start <= last and spell.rows[0][2] == "S":
                    yield Entry(child, spell.start, before)
                before = spell.end or spell.start


def _spells(rows: list[tuple]) -> list[Spell]:
    starts = [at for at, row in enumerate(rows) if at == 0 or row[2] == "S"]
    pieces = [tuple(rows[a:b]) for a, b in zip(starts, [*starts[1:], len(rows)], strict=True)]
    return [Spell(piece[0][1], piece[-1][7], piece) for piece in pieces]

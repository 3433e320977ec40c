"""Finds, among a world's children, those whose true time in care fits a case of the register.

Nothing of the world is changed: a register child who is or becomes looked after is a child of the return whose
own episodes say so. Each child is taken once. Children cut off in the returns on purpose are never taken, nor
are those who came alone from abroad.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .days import birthday
from .dice import Dice, T
from .finance import category_of
from .modules import Spell, histories
from .world import Child, World

ABSENT = ("vanished", "returned", "short_breaks")
"""Roles of children whom the register does not have: their returns do not say all, or count no care."""

NEAR = 256
"""Days over which one sifting of the children serves."""

OTHER_PLACES = {
    "K1": "Secure", "S1": "Residential school", "R3": "Parent and child", "H5": "Supported", "P2": "Supported",
    "P1": "With parents", "A3": "Adoption", "A4": "Adoption", "A5": "Adoption", "A6": "Adoption",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A child who starts to be looked after on a day, and until when it was looked after before (0: never)."""

    child: Child
    on: int
    before: int


def moves(spell: Spell, after: int, until: int) -> list[int]:
    """Days after `after` and up to `until` on which anything but the legal status changed."""
    return [row[1] for row in spell.rows if after < row[1] <= until and row[2] != "L"]


def aged(born: int, on: int, ages: tuple[int, int], last: int = 0) -> bool:
    """Whether a child is at least the first age and not yet the second on a day, or on one from it to the last."""
    return birthday(born, ages[0]) <= (last or on) and on < birthday(born, ages[1])


class Care:
    """The children of a world's return who are free to be children of the register, in a seeded order."""

    def __init__(self, world: World, dice: Dice) -> None:
        known = [h for h in histories(world) if h.child.role not in ABSENT and not h.child.uasc]
        self.spells = {history.child.number: history.spells for history in known}
        self._free = {history.child.number: history.child for history in dice.some(known, len(known))}
        self._able: dict[tuple, dict[int, Child]] = {}
        self.short_breaks = [child for child in world.children if child.role == "short_breaks"]

    def each(self, what: Callable[[Child, tuple[Spell, ...]], T | None]) -> Iterator[tuple[Child, T]]:
        """Every free child of whom `what` finds anything, and what it finds; each is free no more once it is given."""
        for child in list(self._free.values()):
            found = what(child, self.spells[child.number]) if self.is_free(child) else None
            if found is not None:
                self.claim(child)
                yield child, found

    def is_free(self, child: Child) -> bool:
        """Whether nobody of the register is this child."""
        return child.number in self._free

    def claim(self, child: Child) -> None:
        """Make a child free no more."""
        for free in (self._free, *self._able.values()):
            free.pop(child.number, None)

    def category(self, child: Child, on: int) -> str:
        """The placement's category on a day on which the child is looked after."""
        spell = next(spell for spell in self.spells[child.number] if spell.covers(on, on))
        place, provider = [row[5:7] for row in spell.rows if row[1] <= on][-1]
        return category_of(place, provider) or OTHER_PLACES.get(place, "Other")

    def resident(self, on: int, ages: tuple[int, int], until: int | None = None, still: bool = False) -> Child | None:
        """A child looked after on a day and until another, at the ages; `still`: without any move between."""

        def fits(spells: tuple[Spell, ...], first: int, last: int) -> bool:
            return any(
                spell.start < last and spell.covers(spell.start, until or first)
                and not (still and moves(spell, last, until or first))
                for spell in spells
            )  # fmt: skip

        return self._take(("resident", until, still), on, ages, fits)

    def past(self, on: int, ages: tuple[int, int]) -> Child | None:
        """A child whose last time in care was over before a day."""
        return self._take(("past",), on, ages, lambda spells, _, last: (spells[-1].end or last + 1) <= last)

    def entering(self, since: int, until: int, ages: tuple[int, int], wait: int) -> Child | None:
        """A child whose last time in care begins between two days, not in care and of the ages so many days before."""

        def could(child: Child) -> bool:
            last = self.spells[child.number][-1]
            return (
                last.rows[0][2] == "S" and since <= last.start <= until and birthday(child.born, ages[0]) <= last.start
            )

        def fits(child: Child) -> bool:
            *before, last = self.spells[child.number]
            on = last.start - wait
            return aged(child.born, on, ages) and not any(spell.end is None or spell.end > on for spell in before)

        return self._first(("entering", since, until, ages), could, fits)

    def _take(
        self, question: tuple, on: int, ages: tuple[int, int], fits: Callable[[tuple[Spell, ...], int, int], bool]
    ) -> Child | None:
        """The first free child of the ages on a day whose time in care fits; `fits` is told a first and a last day."""

        def able(first: int, last: int) -> Callable[[Child], bool]:
            return lambda c: aged(c.born, first, ages, last) and fits(self.spells[c.number], first, last)

        near = on - on % NEAR
        return self._first((question, ages, near), able(near, near + NEAR - 1), able(on, on))

    def _first(self, question: tuple, could: Callable[[Child], bool], fits: Callable[[Child], bool]) -> Child | None:
        """The first free child that fits, who is free no more; None where there is none.

        Those who could not fit are sifted out the first time that a question is asked: gone through again for every
        case, they would make the register's cost grow with the square of the children.
        """
        if question not in self._able:
            self._able[question] = {number: child for number, child in self._free.items() if could(child)}
        found = next((child for child in self._able[question].values() if fits(child)), None)
        if found:
            self.claim(found)
        return found

    def entries(self, first: int, last: int) -> Iterator[Entry]:
        """Every start of a time in care of a free child from one day to another, in the seeded order."""
        for child in self._free.values():
            before = 0
            for spell in self.spells[child.number]:
                if first <= spell.start <= last and spell.rows[0][2] == "S":
                    yield Entry(child, spell.start, before)
                before = spell.end or spell.start

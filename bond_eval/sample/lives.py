"""One child's time in care, simulated event by event."""

from bisect import bisect_right
from dataclasses import dataclass

from .days import END, START, YEAR, birthday
from .dice import Dice
from .rates import BANDS, ENTRY_AGES, LENGTHS, Rules

RETURNS = ("leave_home", "leave_sgo", "leave_other")
RETURN_CHANCE = 0.13
RETURN_MEAN_DAYS = 270


@dataclass(frozen=True)
class Period:
    """A period of care: placements as (kind, first day), the day it ended (None: still open), and how."""

    stays: tuple[tuple[str, int], ...]
    end: int | None
    why: str

    @property
    def start(self) -> int:
        """First day of the period."""
        return self.stays[0][1]

    def kind_on(self, on: int) -> str:
        """The kind of placement on a day of the period, or blank outside it."""
        if on < self.start or (self.end is not None and self.end <= on):
            return ""
        return [kind for kind, first in self.stays if first <= on][-1]


@dataclass(frozen=True)
class Career:
    """A child's periods of care.

    `role` is blank, external, new_external, vanished or returned; `marks` the days that go with it. `index`
    is the child's place in the order of simulation, the seed of its own stream of draws.
    """

    born: int
    periods: tuple[Period, ...]
    uasc: bool = False
    role: str = ""
    marks: tuple[int, ...] = ()
    index: int = 0

    def kind_on(self, on: int) -> str:
        """The kind of placement on a day, or blank."""
        for period in self.periods:
            if kind := period.kind_on(on):
                return kind
        return ""


def band_of(born: int, on: int) -> int:
    """The age band (0 to 5) of a child on a day."""
    return sum(birthday(born, years) <= on for years in BANDS[1:-1])


@dataclass(frozen=True)
class Path:
    """How to simulate: until which day, whether the child may leave care, which kinds may follow."""

    until: int = END + 1
    may_leave: bool = True
    only: frozenset[str] | None = None
    tendency: float = 1.0


def live(dice: Dice, rules: Rules, born: int, start: int, kind: str, path: Path | None = None) -> Period:
    """Simulate one period of care from its first day.

    Rates are constant between the days they change (a birthday, a longer stay, an era), so an exponential
    waiting time that passes such a day is drawn afresh from it.
    """
    path = path or Path()
    adult = birthday(born, 18)
    stays, now = [(kind, start)], start
    while True:
        since = stays[-1][1]
        change, hazards = _stretch(rules, born, kind, since, now)
        to, moved = _next(dice, hazards, path)
        wait = 10**7 if to is None else max(1, round(dice.exponential(YEAR / moved)))
        if now + wait >= min(change, adult, path.until):
            now = min(change, adult, path.until)
            if now == path.until:
                return Period(tuple(stays), None, "")
            if now == adult:
                return Period(tuple(stays), adult, "leave_adult")
            continue
        now += wait
        if to is None or to.startswith("leave_"):
            return Period(tuple(stays), now, to or "")
        if path.only is None or to in path.only:
            kind = to
            stays.append((kind, now))


def _stretch(rules: Rules, born: int, kind: str, since: int, now: int) -> tuple[int, tuple]:
    """The next day on which the rates change, and the rates until then."""
    band = band_of(born, now)
    length = next(at for at, (days, _) in enumerate(LENGTHS) if now - since < days)
    era = rules.era(now)
    change = min(birthday(born, BANDS[band + 1]), since + LENGTHS[length][0])
    if era < len(rules.edges):
        change = min(change, rules.edges[era])
    return change, rules.hazards(kind, band, length, era)


def _next(dice: Dice, hazards: tuple, path: Path) -> tuple[str | None, float]:
    """Where the next event would lead, and the rate of any event."""
    moves, move_steps, leaves, leave_steps = hazards
    move = move_steps[-1] * path.tendency if moves else 0.0
    leave = leave_steps[-1] if leaves and path.may_leave else 0.0
    if move + leave <= 0:
        return None, 0.0
    at = dice.uniform() * (move + leave)
    if at < move:
        return moves[min(bisect_right(move_steps, at / path.tendency), len(moves) - 1)], move + leave
    return leaves[min(bisect_right(leave_steps, at - move), len(leaves) - 1)], move + leave


def go_on(dice: Dice, rules: Rules, born: int, first: Period, tendency: float = 1.0) -> list[Period]:
    """A period and those that follow when the child comes back into care."""
    periods = [first]
    while (end := periods[-1].end) and periods[-1].why in RETURNS and dice.chance(RETURN_CHANCE):
        back = end + max(3, round(dice.exponential(RETURN_MEAN_DAYS)))
        if back >= min(END, birthday(born, 18) - 60):
            break
        kind = dice.weighted(rules.first(band_of(born, back), rules.era(back), False))
        periods.append(live(dice, rules, born, back, kind, Path(tendency=tendency)))
    return periods


def enter(dice: Dice, rules: Rules, on: int, index: int) -> Career | None:
    """A child who starts to be looked after on a day, and the life in care that follows.

    None for one who is not looked after at any time from 1 April 2015.
    """
    uasc = dice.chance(0.03)
    if uasc:
        years = dice.real(15.2, 17.7)
    else:
        low, high, _ = dice.weighted({row: row[2] for row in ENTRY_AGES})
        years = dice.real(low, high)
    born = on - round(years * YEAR)
    if birthday(born, 18) < START:
        return None
    tendency = dice.gamma(0.8)
    kind = dice.weighted(rules.first(band_of(born, on), rules.era(on), uasc))
    period = live(dice, rules, born, on, kind, Path(tendency=tendency, may_leave=not uasc))
    periods = tuple(go_on(dice, rules, born, period, tendency))
    last = periods[-1].end
    return Career(born, periods, uasc, index=index) if last is None or last >= START else None


def population(seed: tuple[int, ...], rules: Rules, entries_a_year: float, months: list[int]) -> list[Career]:
    """Everyone who enters care in the months given and is still there on or after 1 April 2015.

    Each child has a stream of draws of its own, so two sets of rules give the same lives until they differ.
    """
    dice, careers, index = Dice(*seed), [], 0
    for first, after in zip(months, [*months[1:], END + 1], strict=True):
        length = after - first
        factor = sum(rules.entry_factor(on) for on in range(first, after)) / length
        for _ in range(dice.poisson(entries_a_year * length / YEAR * factor)):
            index += 1
            on = _entry_day(dice, rules, first, after)
            if career := enter(Dice(*seed, index, block=48), rules, on, index):
                careers.append(career)
    return careers


def _entry_day(dice: Dice, rules: Rules, first: int, after: int) -> int:
    while True:
        on = dice.between(first, after - 1)
        if dice.chance(rules.entry_factor(on)):
            return on

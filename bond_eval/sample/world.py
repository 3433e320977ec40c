"""A synthetic world: its children and every true episode of theirs, before any fault is put in."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bond_eval.core import SEED

from . import codes
from .days import END, START, YEAR, day, month_starts
from .dice import Dice
from .legal import Placement, placements, statuses
from .lives import Career, Period, population
from .marks import mark
from .places import Places
from .published import published
from .rates import Rules
from .setting import Setting, setting

WORLDS = ("published", "null", "effect")
DEFAULT_CHILDREN = 600
EFFECT = (0.5, 1.6)
"""What the effect world multiplies the rates of entering and leaving an outside placement by."""

EPISODE_COLUMNS = [
    "CHILD",
    "DECOM",
    "RNE",
    "LS",
    "CIN",
    "PLACE",
    "PLACE_PROVIDER",
    "DEC",
    "REC",
    "REASON_PLACE_CHANGE",
    "HOME_POST",
    "PL_POST",
    "URN",
]


@dataclass(frozen=True)
class Child:
    """One child: number, what the header says of it, and the part it plays in the sample."""

    number: int
    sex: str
    born: int
    ethnic: str
    upn: str
    need: str
    home: str
    uasc: bool
    role: str
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class World:
    """A world's truth.

    `rows`: the true episodes as tuples in the order of EPISODE_COLUMNS, days as numbers (DEC None when still
    open on 30 September 2020), sorted by child and first day; `episodes` and `people` are frames.
    `postcodes`: the listed postcodes and their authorities. `parameters`: what was planted.
    `whose`: the authority that it is of.
    """

    name: str
    seed: int
    size: int
    children: tuple[Child, ...]
    rows: tuple[tuple, ...]
    postcodes: tuple[tuple[str, str], ...]
    parameters: dict
    whose: Setting

    @property
    def episodes(self) -> pd.DataFrame:
        """One row a true episode open on or after 1 April 2015: the Episodes module's columns, real dates."""
        frame = pd.DataFrame(list(self.rows), columns=EPISODE_COLUMNS)
        return frame.assign(DECOM=_dates(frame["DECOM"]), DEC=_dates(frame["DEC"]))

    @property
    def people(self) -> pd.DataFrame:
        """One row a child: CHILD, SEX, DOB (a real date), ETHNIC, UASC, ROLE."""
        return pd.DataFrame(
            {
                "CHILD": [child.number for child in self.children],
                "SEX": [child.sex for child in self.children],
                "DOB": _dates([child.born for child in self.children]),
                "ETHNIC": [child.ethnic for child in self.children],
                "UASC": [child.uasc for child in self.children],
                "ROLE": [child.role for child in self.children],
            }
        )


def build_world(seed: int = SEED, children: int | None = None, world: str = "", authority: str = "salford") -> World:
    """Simulate a world of a synthetic authority and return its truth.

    `children` scales the population: about that many are looked after at a time. The published world, Salford's alone,
    meets the published counts exactly at 600 and in proportion otherwise. Left out, size and world are the authority's
    usual ones. Raises ValueError for an unknown authority or world or fewer than one child.
    """
    whose = setting(authority)
    children, world = whose.children if children is None else children, world or whose.world
    lives, parameters = careers(seed, children, world, authority)
    dice = Dice(seed, 2)
    places = Places(dice, whose)
    numbers = _numbers(seed, len(lives) + SHORT_BREAKS)
    people, rows = [], []
    for number, career in zip(numbers, lives, strict=False):
        own = Dice(seed, 8, abs(career.index), int(career.index < 0), block=48)
        child = _child(own, places, number, career)
        people.append(child)
        rows += _episodes(own, places, child, career)
    for at, number in enumerate(numbers[len(lives) :]):
        child = _short_break_child(dice, places, number)
        people.append(child)
        rows += _short_breaks(dice, places, child, at)
    people.sort(key=lambda child: child.number)
    rows.sort(key=lambda row: row[:2])
    return World(world, seed, children, tuple(people), tuple(rows), tuple(places.listed()), parameters, whose)


def careers(seed: int, children: int, world: str, authority: str = "salford") -> tuple[list[Career], dict]:
    """The simulated lives alone, without codes and sites, and the parameters planted in them."""
    whose = setting(authority)
    known = WORLDS if whose.published else WORLDS[1:]
    if world not in known:
        raise ValueError(f"world must be one of {', '.join(known)}, not {world!r}")
    if children < 1:
        raise ValueError("children must be at least 1")
    scale = children / DEFAULT_CHILDREN
    if world == "published":
        return published(seed, scale, whose.entries_a_year), {}
    op_entry, op_leave = EFFECT if world == "effect" else (1.0, 1.0)
    rules = Rules(unusual_run=whose.unusual_run, op_entry=op_entry, op_leave=op_leave, towards=whose.towards)
    lives = population((seed, 7), rules, whose.entries_a_year * scale, month_starts(2004, END))
    parameters = {
        "op_entry_multiplier_from_2020_02_01_ages_12_17": rules.op_entry,
        "op_leaving_multiplier_from_2020_02_01_ages_12_17": rules.op_leave,
        "op_entry_multiplier_2018_10_01_to_2019_03_30": rules.unusual_run,
        "care_entry_multiplier_2020_03_23_to_2020_06_30": rules.shock_entry,
        "move_and_exit_multiplier_2020_03_23_to_2020_06_30": rules.shock_move,
    }
    return mark(Dice(seed, 9), lives), parameters


def _numbers(seed: int, count: int) -> list[int]:
    """Distinct six-digit numbers in random order."""
    drawn = np.random.default_rng((seed, 3)).choice(900_000, size=count, replace=False)
    return [int(number) + 100_000 for number in drawn]


def _child(dice: Dice, places: Places, number: int, career: Career) -> Child:
    sex = "1" if dice.chance(0.9 if career.uasc else 0.55) else "2"
    return Child(
        number=number,
        sex=sex,
        born=career.born,
        ethnic=dice.weighted(codes.ETHNIC_UASC if career.uasc else codes.ETHNIC),
        # Authority number 000 belongs to no authority, so no pupil can have such a number.
        upn=f"{dice.one('ABCDEFGHJKLMNPQRTUVWXYZ')}000{dice.between(0, 999_999_999):09d}",
        need="N8" if career.uasc else dice.weighted(codes.NEEDS),
        home=places.home(dice),
        uasc=career.uasc,
        role=career.role,
        marks=career.marks,
    )


def _episodes(dice: Dice, places: Places, child: Child, career: Career) -> list[tuple]:
    rows = []
    for period in career.periods:
        stays = placements(dice, places, career, period, child.home)
        orders = statuses(dice, career, period)
        rows += _period_rows(dice, child, period, stays, orders)
    return rows


def _period_rows(
    dice: Dice, child: Child, period: Period, stays: list[Placement], orders: list[tuple[int, str]]
) -> list[tuple]:
    """One row for every stretch with the same placement and legal status."""
    firsts = sorted({stay.start for stay in stays} | {on for on, _ in orders})
    rows = []
    before: tuple[Placement, str] | None = None
    for at, first in enumerate(firsts):
        stay = [s for s in stays if s.start <= first][-1]
        status = [order for on, order in orders if on <= first][-1]
        last = firsts[at + 1] if at + 1 < len(firsts) else period.end
        following = next((s for s in stays if s.start == last), None) if at + 1 < len(firsts) else None
        ended = _ended(dice, child, period, stay, following, at + 1 < len(firsts))
        started = _started(before, stay, status)
        before = (stay, status)
        if last is None or last >= START:
            rows.append(_row(child, first, started, status, stay, last, *ended))
    return rows


def _started(before: tuple[Placement, str] | None, stay: Placement, status: str) -> str:
    """Reason for the new episode: start of care, legal status, placement, or both."""
    if before is None:
        return "S"
    if stay is before[0]:
        return "L"
    if status == before[1]:
        return "T" if stay.same_carer else "P"
    return "U" if stay.same_carer else "B"


def _ended(
    dice: Dice, child: Child, period: Period, stay: Placement, following: Placement | None, goes_on: bool
) -> tuple[str, str]:
    """Reason the episode ceased and reason the placement changed."""
    if following is not None:
        return "X1", dice.weighted(codes.move_reasons(stay.kind, following.kind, following.same_carer))
    if goes_on:
        return "X1", ""
    if period.end is None:
        return "", ""
    return dice.weighted(codes.leaving_codes(period.why, stay.kind, period.end, child.uasc)), ""


def _row(
    child: Child,
    first: int,
    started: str,
    status: str,
    stay: Placement,
    last: int | None,
    why: str,
    move: str,
) -> tuple:
    return (
        child.number,
        first,
        started,
        status,
        child.need,
        stay.place,
        stay.provider,
        last,
        why,
        move,
        child.home,
        stay.site.post,
        stay.site.urn,
    )


SHORT_BREAKS = 5
"""Children with short breaks (V3, and the last V4): never counted as looked after."""


def _short_break_child(dice: Dice, places: Places, number: int) -> Child:
    born = day(2019, 1, 1) - round(dice.real(8, 13) * YEAR)
    career = Career(born, (), role="short_breaks")
    return replace(_child(dice, places, number, career), need="N2")


def _short_breaks(dice: Dice, places: Places, child: Child, at: int) -> list[tuple]:
    """A weekend or so now and then; one agreement (V4) that lasts; one break over each published date."""
    kind = "inres" if at % 2 == 0 else "fost"
    site = places.site(dice, kind, child.home, None)
    stay = Placement(kind, 0, "K2" if kind == "inres" else "U6", "PR1", site)
    if at == SHORT_BREAKS - 1:
        return [_row(child, day(2018, 6, 4), "S", "V4", stay, None, "", "")]
    rows = []
    first = day(2016, 5, 6) + dice.between(0, 300)
    while first < END - 40:
        rows.append(_row(child, first, "S", "V3", stay, first + dice.between(2, 4), "E8", ""))
        first += dice.between(30, 80)
    if at == 0:
        on = day(2019, 8, 30)
        rows = [row for row in rows if not on - 8 < row[1] < on + 8]
        rows.append(_row(child, on, "S", "V3", stay, on + 3, "E8", ""))
    if at == 1:
        rows.append(_row(child, END - 1, "S", "V3", stay, None, "", ""))
    return rows


def _dates(numbers: object) -> pd.Series:
    days = pd.to_numeric(pd.Series(numbers), errors="raise").astype("Float64")
    return pd.Series(pd.to_datetime(days, unit="D"), index=days.index)

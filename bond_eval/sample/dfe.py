"""Synthetic files in the layout of the DfE's published ones: the authority's own rows, ten made-up neighbours.

The authority's figures to 31 March 2016 to 2020 are counted from the world's true episodes; those before are carried
back. Neighbours go their own ways around the path that the authority was on before the programme, and have none. All
names and codes are made up, so that no real authority is given a false figure.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from .days import END, day
from .dice import Dice
from .world import DEFAULT_CHILDREN, World

YEARS = range(2010, 2021)
"""Years that end on 31 March; the return begins in the seventh."""

COUNTED = range(2016, 2021)
POPULATION = 56_000
GROWTH_BEFORE = 1.012
NEIGHBOURS = 10
SMALL, GAP, SIMILAR = 10, (4, 2013), 7
"""The neighbour with few children, the one without a year's figures, the one with a programme of its own."""

ENGLAND, REGION = ("E92999901", "Synthetic England"), ("E12999902", "Synthetic North West")
TEMPORARY, ADOPTED = ("T0", "T1", "T2", "T3", "T4"), ("A3", "A5")
FOR_EVER = END + 10**6
NUMBERS = "population_type,population_estimate,children_count,rate_per_10000"
STABILITY = "cla_group,placement_stability,children_count,children_percent"
LOCATION = "characteristic,breakdown,children_count,children_percent"
LEAD = (
    "time_period,time_identifier,geographic_level,country_code,country_name,region_code,region_name,old_la_code,"
    "la_name,new_la_code"
)
GROUPS = {
    "CLA on 31 March": ("looked", "three", "With 3 or more placements during the year"),
    "CLA 2 years on 31 March": ("two_years", "three_in_two", "With 3 or more placements during the previous 2 years"),
    "Children looked after continuously for at least 2.5 years on 31 March aged under 16 years": (
        "long", "same", "Living with the same carer for at least 2 years",
    ),
}  # fmt: skip
FLOWS = {
    "ceased": "Children ceasing to be looked after each year",
    "looked": "Children looked after on 31 March each year",
    "started": "Children starting to be looked after each year",
}
PLACED = {
    "unknown": "Distance not known or not recorded",
    "near_in": "Placed inside LA boundary less than 20 miles from home",
    "far_in": "Placed inside LA boundary more than 20 miles from home",
    "near_out": "Placed outside LA boundary less than 20 miles from home",
    "far_out": "Placed outside LA boundary more than 20 miles from home",
}
SHARES = {
    "started": ("looked", 0.36), "ceased": ("looked", 0.35), "three": ("looked", 0.10), "two_years": ("looked", 0.51),
    "three_in_two": ("two_years", 0.17), "long": ("looked", 0.31), "same": ("long", 0.68), "new": ("looked", 0.92),
    "unknown": ("new", 0.006), "far_in": ("new", 0.004), "near_out": ("new", 0.21), "far_out": ("new", 0.055),
}  # fmt: skip
"""Made-up usual shares; each area and year differs a little."""

Figures = dict[tuple[str, str, str], dict[int, dict[str, int]]]
"""(older code, name, code) of an area -> year -> number by name."""


@dataclass
class Stay:
    """One placement as NI062 counts it: first day, the day it ended, where, and since when it is home for NI063."""

    start: int
    end: int
    where: tuple[str, str]
    since: int


@dataclass
class Care:
    """One period of care: its placements, temporary ones left out."""

    child: int
    start: int
    end: int
    stays: list[Stay]


def dfe_files(world: World) -> dict[str, bytes]:
    """The panel of a world and its neighbour set, by path in the sample folder. Same world, same bytes."""
    dice = Dice(world.seed, 16)
    own = _own(world)
    # What the authority was on course for: the years before the programme, and the same again after.
    path = min(max((own[2019]["looked"] / max(own[2016]["looked"], 1)) ** (1 / 3), 0.97), 1.04)
    # Before its own figures begin the authority has the shares that it has in them.
    ours = _area(dice, own[2016]["looked"], 1.0, path, world.size, _usual(own))
    whose = (world.whose.old_code, world.whose.name, world.whose.code)
    figures: Figures = {whose: {y: ours[y] | own.get(y, {}) for y in YEARS}}
    for at in range(1, NEIGHBOURS + 1):
        size = 0.11 if at == SMALL else dice.real(0.6, 1.6)
        level, drift = 0.8 + 0.045 * at, path + dice.real(-0.01, 0.01)
        mine = _area(dice, own[2016]["looked"] * level * size, size, drift, world.size)
        figures[f"9{at:02d}", f"Synthetic neighbour {at}", f"E089999{at:02d}"] = mine
    figures |= {("", "", REGION[0]): _sums(figures, 2.1), ("", "", ENGLAND[0]): _sums(figures, 21.0, 0.74)}
    del figures[f"9{GAP[0]:02d}", f"Synthetic neighbour {GAP[0]}", f"E089999{GAP[0]:02d}"][GAP[1]]
    files = {
        "synthetic_numbers_and_rates": [f"{LEAD},{NUMBERS}", *_rows(figures, YEARS, _numbers)],
        "synthetic_placement_stability": [f"{LEAD},{STABILITY}", *_rows(figures, COUNTED, _stability)],
        "synthetic_new_placements": [f"{LEAD},{LOCATION}", *_rows(figures, COUNTED, _location)],
        "neighbours": ["authority,neighbour,name,rank,set_year,source,excluded", *_set(world.whose.code)],
    }
    return {f"dfe/{name}.csv": ("\n".join(lines) + "\n").encode() for name, lines in files.items()}


def _own(world: World) -> dict[int, dict[str, int]]:
    """The authority's true figures, year by year."""
    born = {child.number: child.born for child in world.children}
    rows = [row for row in world.rows if row[3] not in ("V3", "V4")]
    cares, sides, found = _cares(rows), dict(world.postcodes), {}
    for year in COUNTED:
        opens, closes = day(year - 1, 4, 1), day(year, 3, 31)
        here = [care for care in cares if care.start <= closes < care.end]
        two = [care for care in here if care.start <= day(year - 2, 4, 1)]
        young = [c for c in here if c.start <= day(year - 3, 10, 1) and born[c.child] > day(year - 16, 3, 31)]
        new = [sides.get(row[11], "") for row in rows if opens <= row[1] <= closes and row[2] != "L"]
        outside = sum(side not in ("", world.whose.code) for side in new)
        found[year] = {
            "looked": len(here),
            "started": len({care.child for care in cares if opens <= care.start <= closes}),
            "ceased": len({care.child for care in cares if opens <= care.end <= closes}),
            "three": len(_moved(cares, opens, closes) & {care.child for care in here}),
            "new": len(new),
            "unknown": new.count(""),
            "far_in": 0,
            "near_out": outside - round(0.2 * outside),
            "far_out": round(0.2 * outside),
        }
        # Who was in care two years ago, and two and a half, is known only where the returns reach back so far.
        if year > COUNTED[0]:
            moved = _moved(cares, day(year - 2, 4, 1), closes)
            found[year] |= {"two_years": len(two), "three_in_two": len(moved & {care.child for care in two})}
        if year > COUNTED[1]:
            steady = [any(s.since <= day(year - 2, 4, 1) and s.end > closes for s in care.stays) for care in young]
            found[year] |= {"long": len(young), "same": sum(steady)}
    return found


def _moved(cares: list[Care], first: int, last: int) -> set[int]:
    """Children with three or more placements of a day or longer between two days."""
    stays = [(c.child, s) for c in cares for s in c.stays if s.start <= last and s.end > first and s.end > s.start]
    return {child for child, n in Counter(child for child, _ in stays).items() if n >= 3}


def _cares(rows: list[tuple]) -> list[Care]:
    """Periods of care; temporary placements and changes within one carer begin no placement."""
    cares: list[Care] = []
    for child, start, why, _, _, *where, end in (row[:8] for row in rows):
        until = FOR_EVER if end is None else end
        if why == "S" or not cares or cares[-1].child != child:
            cares.append(Care(child, start, until, []))
        care = cares[-1]
        care.end, before = until, care.stays[-1] if care.stays else None
        if where[0] in TEMPORARY:
            continue
        back = before and before.where == tuple(where) and start > before.end
        if before and (back or why in ("L", "T", "U") or where[0] in ADOPTED):
            before.end, before.where = until, (where[0], where[1])
        else:
            # A placement for adoption is counted together with the one before it.
            since = before.start if before and where[0] in ("A4", "A6") else start
            care.stays.append(Stay(start, until, (where[0], where[1]), since))
    return cares


def _usual(own: dict[int, dict[str, int]]) -> dict[str, float]:
    """The authority's share of each kind over the years before the programme in which both numbers are known."""
    shares = {}
    for name, (whole, _) in SHARES.items():
        known = [one for year, one in own.items() if year < COUNTED[-1] and name in one and whole in one]
        shares[name] = sum(one[name] for one in known) / max(sum(one[whole] for one in known), 1)
    return shares


def _area(
    dice: Dice, looked: float, size: float, growth: float, children: int, usual: dict[str, float] | None = None
) -> dict[int, dict[str, int]]:
    """One area's made-up figures; `looked` is its number in 2016, `growth` what that grows by a year from then on."""
    found, drift = {}, 0.0
    own = usual or {name: share * dice.real(0.85, 1.15) for name, (_, share) in SHARES.items()}
    for year in YEARS:
        drift = 0.6 * drift + dice.real(-0.018, 0.018)
        course = GROWTH_BEFORE ** (year - 2016) if year < 2016 else growth ** (year - 2016)
        one = {"looked": round(looked * course * (1 + drift))}
        for name, (whole, _) in SHARES.items():
            one[name] = round(one[whole] * own[name] * dice.real(0.92, 1.08))
        found[year] = one | {"population": _population(year, size, children)}
    return found


def _population(year: int, size: float, children: int) -> int:
    return round(POPULATION * size * children / DEFAULT_CHILDREN * 1.008 ** (year - 2016))


def _sums(figures: Figures, factor: float, level: float = 1.0) -> dict[int, dict[str, int]]:
    """A wider area: the areas together, several times over, with `level` times as many children in care."""
    sums: dict[int, dict[str, int]] = {}
    for year in YEARS:
        there = [one[year] for one in figures.values()]
        levels = {name: factor * (1.0 if name == "population" else level) for name in there[0]}
        sums[year] = {name: round(times * sum(one[name] for one in there)) for name, times in levels.items()}
    return sums


def _rows(figures: Figures, years: range, write: Callable[[dict[str, int], bool], list[str]]) -> list[str]:
    lines = []
    for year in reversed(years):
        for (old, name, code), mine in figures.items():
            if year in mine:
                level = "Local authority" if old else "National" if code == ENGLAND[0] else "Regional"
                region = ",".join(REGION) if level != "National" else ","
                lead = f"{year},Reporting year,{level},{','.join(ENGLAND)},{region},{old},{name},{code if old else ''}"
                lines += [f"{lead},{line}" for line in write(mine[year], not old)]
    return lines


def _numbers(one: dict[str, int], wide: bool) -> list[str]:
    people = one["population"]
    rates = {name: (one[name], int(one[name] * 10_000 / people + 0.5)) for name in FLOWS}
    return [
        f"{FLOWS[name]},{people},{_count(n, wide)},{rate if n > 5 or not n else 'c'}"
        for name, (n, rate) in rates.items()
    ]


def _stability(one: dict[str, int], wide: bool) -> list[str]:
    lines = []
    for group, (whole, part, label) in GROUPS.items():
        lines += _shares(group, {label: one[part]}, "Total children", one[whole], wide)
    return lines


def _location(one: dict[str, int], wide: bool) -> list[str]:
    inside = one["new"] - sum(one[name] for name in PLACED if name != "near_in")
    parts = {label: one.get(name, inside) for name, label in PLACED.items()}
    lines = _shares("Location of new placements during the year", parts, "Total new placements", one["new"], wide)
    # A file may hold some of the published rows only; a cell stays suppressed for the sake of those left out.
    return [line for line in lines if "outside" in line or "Total" in line]


def _shares(group: str, parts: dict[str, int], total: str, whole: int, wide: bool) -> list[str]:
    """Counts and whole percentages; 1 to 5 is c, and so is the next smallest where one alone would stand out."""
    hidden = {label for label, n in parts.items() if 1 <= n <= 5 and not wide}
    if len(hidden) == 1 and len(parts) > 1:
        hidden.add(min((n == 0, n, label) for label, n in parts.items() if label not in hidden)[2])
    lines = []
    for label, n in {**parts, total: whole}.items():
        percent = int(n * 100 / whole + 0.5) if whole else 0
        shown = "c,c" if label in hidden else f"{_count(n, wide)},{'k' if n and not percent else percent}"
        lines.append(f"{group},{label},{shown}")
    return lines


def _count(n: int, wide: bool) -> str:
    return str(round(n, -1)) if wide else "c" if 1 <= n <= 5 else str(n)


def _set(own: str) -> list[str]:
    return [
        f"{own},E089999{at:02d},Synthetic neighbour {at},{at},2019,Made up,"
        + ("Synthetic: has a programme of the same kind" if at == SIMILAR else "")
        for at in range(1, NEIGHBOURS + 1)
    ]

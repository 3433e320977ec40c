"""Finance files of the synthetic authority: made-up fees whose totals are the published ones.

Each stay outside or with an agency gets a weekly fee drawn at random, a new one every April, and all fees of a
category and year are then multiplied by one number, so that child-days × fee / 7 gives that year's total. What
2020-21 comes to is a projection made at 30 September 2020: days to then, and after it every open placement to
31 March 2021 or to the child's 18th birthday. The split of earlier years between the two is made up; the sums
of the two are published. A world other than the published one has the prices without the totals.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

from .days import END, as_date, birthday, day
from .dice import Dice
from .world import DEFAULT_CHILDREN, WORLDS, World

OUTSIDE, IFA = "Outside placement", "IFA"
YEARS = range(2015, 2021)
# £000. 2016-17 to 2019-20: the two add up to 6,814, 7,543, 10,454 and 11,072. 2020-21: 8,103 and 2,181.
TOTALS = {
    OUTSIDE: {2016: 4484, 2017: 4983, 2018: 7714, 2019: 8482, 2020: 8103},
    IFA: {2016: 2330, 2017: 2560, 2018: 2740, 2019: 2590, 2020: 2181},
}
UNIT_COSTS = {OUTSIDE: 3833.0, IFA: 767.0}
"""£ a week where a fee is missing: the case for change's 200 and 40 £000 a year."""

IN_HOUSE = {"In-house fostering": 430.0, "Connected carers": 245.0, "In-house residential": 3050.0}
IN_HOUSE_TOTAL = 9646
"""£000 in 2020-21: the authority's own carers, relatives and homes together."""

OTHERS = {
    "Secure": 6300.0, "Residential school": 2450.0, "Parent and child": 1950.0, "Supported": 690.0,
    "With parents": 0.0, "Adoption": 95.0, "Other": 310.0,
}  # fmt: skip
UPLIFT = 1.02
CLOSE = day(2021, 4, 1)
BUDGETS = {2016: 6208, 2017: 6208, 2018: 6591, 2019: 6591, 2020: 6591}
"""£000 for outside placements and agencies together, as published; how it divides is made up."""

OUTSIDE_SHARE = 0.7
FUND = "CCG transformation fund"
APPROVED = {
    "Route 29": (2090, 330), "Achieving Change Together": (100, 140), "Transforming Care": (258, 190),
    "Domestic abuse and trauma": (436, 0), "Infrastructure": (400, 0),
}  # fmt: skip
"""£000 approved for the two years from the fund (3,284 in all) and from Greater Manchester (660, for year 1)."""

SPENT = (0.25, 0.3)
"""Made-up shares of the fund's money spent in 2019-20 and by September 2020: not the 2,791 of a full year."""

SOURCE = "Synthetic placements ledger"
FEE_HEADER = "child,category,placement_start,start,end,weekly_fee,source"


@dataclass(frozen=True)
class Fee:
    """One child's fee in one financial year. `days` are those that it prices; `end` None while it is paid."""

    child: str
    category: str
    placement_start: int
    start: int
    end: int | None
    weekly: float
    days: int
    year: int

    def line(self) -> str:
        """The row of fees.csv."""
        end = "" if self.end is None else as_date(self.end).isoformat()
        days = ",".join(as_date(on).isoformat() for on in (self.placement_start, self.start))
        return f"{self.child},{self.category},{days},{end},{self.weekly:.2f},{SOURCE}"


def finance_files(world: World) -> dict[str, bytes]:
    """The four finance files of a world, by path in the sample folder. Same world, same bytes."""
    dice = Dice(world.seed, 10)
    size = world.size / DEFAULT_CHILDREN
    exact = world.name == WORLDS[0]
    fees = _fees(dice, world)
    lost = dice.some([fee for fee in fees if fee.year == 2019 and fee.category == IFA and fee.days > 30], 1)
    fees = _scaled(fees, lost, size if exact else None)
    spent = sum(IN_HOUSE[category] * days / 7 for category, days in _in_house_days(world).items())
    factor = IN_HOUSE_TOTAL * 1000 * size / spent if exact and spent else 1.0
    tables = {
        "fees": [FEE_HEADER, *(fee.line() for fee in _dirty(dice, fees, lost, world))],
        "unit_costs": ["category,from,to,pounds_per_week,price_base", *_unit_costs(factor)],
        "budget": ["heading,month,pounds", *_budget(size)],
        "programme_spend": ["programme,month,pounds,funding_source", *_spend(dice, size)],
    }
    return {f"finance/{name}.csv": ("\n".join(lines) + "\n").encode() for name, lines in tables.items()}


def category_of(place: str, provider: str) -> str:
    """What the codes of an episode are to a finance officer; "" for what is neither in-house nor external."""
    if place in ("K2", "R1"):
        return "In-house residential" if provider == "PR1" else OUTSIDE
    if place in ("U1", "U2", "U3"):
        return "Connected carers"
    if place in ("U4", "U5", "U6"):
        return "In-house fostering" if provider in ("PR1", "PR2", "PR3") else IFA
    return ""


def _looked_after(world: World) -> list[tuple]:
    return [row for row in world.rows if row[3] not in ("V3", "V4")]


def _until(row: tuple, adult: int) -> int:
    """First day not counted of an episode: projected to 31 March 2021 or the 18th birthday where it is open."""
    return row[7] if row[7] is not None else min(CLOSE, max(END + 1, adult))


def _adults(world: World) -> dict[int, int]:
    return {child.number: birthday(child.born, 18) for child in world.children}


def _in_house_days(world: World) -> dict[str, int]:
    """Child-days of 2020-21 by category, with those projected."""
    adults, days = _adults(world), dict.fromkeys(IN_HOUSE, 0)
    for row in _looked_after(world):
        category = category_of(row[5], row[6])
        if category in days:
            days[category] += max(_until(row, adults[row[0]]) - max(row[1], day(2020, 4, 1)), 0)
    return days


def _fees(dice: Dice, world: World) -> list[Fee]:
    """A fee for each stay and financial year, at the prices of 2020-21."""
    adults, fees = _adults(world), []
    for first, last in _stays(world):
        category = category_of(first[5], first[6])
        weekly = 2500 + 4000 * dice.uniform() ** 2.1 if category == OUTSIDE else dice.real(650, 1100)
        until = _until(last, adults[last[0]])
        for year in YEARS:
            opens, closes = max(first[1], day(year, 4, 1)), min(until, day(year + 1, 4, 1))
            if opens < closes:
                paid = closes - 1 if last[7] is not None or year < YEARS[-1] else None
                fees.append(Fee(str(first[0]), category, first[1], opens, paid, weekly, closes - opens, year))
    return fees


def _stays(world: World) -> list[tuple[tuple, tuple]]:
    """First and last episode of each unbroken stay outside or with an agency."""
    stays: list[tuple[tuple, tuple]] = []
    before: tuple | None = None
    for row in _looked_after(world):
        category = category_of(row[5], row[6])
        goes_on = before and before[0] == row[0] and before[7] == row[1] and row[2] != "S"
        if category in TOTALS:
            if before and goes_on and category_of(before[5], before[6]) == category:
                stays[-1] = (stays[-1][0], row)
            else:
                stays.append((row, row))
        before = row
    return stays


def _scaled(fees: list[Fee], lost: list[Fee], size: float | None) -> list[Fee]:
    """Fees multiplied so that each year's total is the one wanted; only carried back in time where size is None."""
    base: dict[tuple[str, int], float] = defaultdict(float)
    unpriced: dict[tuple[str, int], float] = defaultdict(float)
    for fee in fees:
        if fee in lost:
            unpriced[fee.category, fee.year] += UNIT_COSTS[fee.category] * fee.days / 7
        else:
            base[fee.category, fee.year] += fee.weekly * fee.days / 7
    factors = {(category, year): UPLIFT ** (year - YEARS[-1]) for category in TOTALS for year in YEARS}
    if size is not None:
        for category, totals in TOTALS.items():
            for year, total in totals.items():
                if base[category, year]:
                    factors[category, year] = (total * 1000 * size - unpriced[category, year]) / base[category, year]
            factors[category, YEARS[0]] = factors[category, YEARS[1]] / UPLIFT
    return [replace(fee, weekly=0.0 if fee in lost else fee.weekly * factors[fee.category, fee.year]) for fee in fees]


def _dirty(dice: Dice, fees: list[Fee], lost: list[Fee], world: World) -> list[Fee]:
    """Beside the fee of nothing: one that runs into the next, one without an end, one of a child nobody knows."""
    careless = {fee.child for fee in lost}
    go_on = {(fee.child, fee.placement_start, fee.year - 1) for fee in fees}
    changed: dict[Fee, Fee] = {}
    for year in (2017, 2018):
        able = [
            fee for fee in fees
            if fee.year == year and fee.child not in careless and (fee.child, fee.placement_start, year) in go_on
        ]  # fmt: skip
        for fee in dice.some(able, 1):
            careless.add(fee.child)
            changed[fee] = replace(fee, end=None if year == 2018 else day(year + 1, 4, 12))
    known = {child.number for child in world.children}
    stranger = next(number for number in range(100_000, 1_000_000) if number not in known)
    odd = [replace(fee, child=str(stranger)) for fee in fees[:1]]
    return [*(changed.get(fee, fee) for fee in fees), *odd]


def _unit_costs(factor: float) -> list[str]:
    """In-house costs a year, those of others at the same uplift, and the published two for fees that are missing."""
    lines = [f"{category},2015-04-01,,{pounds:.2f},case for change 2019" for category, pounds in UNIT_COSTS.items()]
    for category, pounds in {**{name: one * factor for name, one in IN_HOUSE.items()}, **OTHERS}.items():
        if not pounds:
            lines.append(f"{category},2015-04-01,,0.00,")
            continue
        for year in YEARS:
            cost = pounds * UPLIFT ** (year - YEARS[-1])
            base = f"{year}-{(year + 1) % 100}"
            lines.append(f"{category},{year}-04-01,{year + 1}-03-31,{cost:.2f},{base}")
    return lines


def _budget(size: float) -> list[str]:
    lines = []
    for year, total in BUDGETS.items():
        outside = round(total * 1000 * size * OUTSIDE_SHARE)
        for heading, pounds in (("Outside placements", outside), ("IFAs", round(total * 1000 * size) - outside)):
            months = _months(year, range(12))
            lines += [f"{heading},{at},{amount}" for at, amount in _shared([1.0] * 12, months, pounds)]
    return lines


def _spend(dice: Dice, size: float) -> list[str]:
    lines = []
    for programme, (ours, regional) in APPROVED.items():
        for source, year, months, pounds in (
            ("Greater Manchester", 2019, range(3, 12), regional * 1000.0),
            (FUND, 2019, range(3, 12), ours * 1000 * SPENT[0]),
            (FUND, 2020, range(6), ours * 1000 * SPENT[1]),
        ):
            weights = [dice.real(0.8, 1.2) for _ in months]
            if pounds:
                shares = _shared(weights, _months(year, months), round(pounds * size))
                lines += [f"{programme},{at},{amount},{source}" for at, amount in shares]
    return lines


def _months(year: int, numbers: range) -> list[str]:
    """Months of a financial year, April being 0, as 2020-04."""
    return [f"{year + (number + 3) // 12}-{(number + 3) % 12 + 1:02d}" for number in numbers]


def _shared(weights: list[float], months: list[str], pounds: int) -> list[tuple[str, int]]:
    """Whole pounds by month in proportion to weights; the last month takes the odd ones."""
    amounts = [int(pounds * weight / sum(weights)) for weight in weights]
    amounts[-1] += pounds - sum(amounts)
    return list(zip(months, amounts, strict=True))

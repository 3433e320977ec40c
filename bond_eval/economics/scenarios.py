"""Scenarios as data: each a set of lines, volume × unit cost, so that a new one is rows of a table and not code.

    total of a scenario at a point = Σ over its lines of sign × volume × unit cost

where a line may give an amount in place of the product. Everything here is in £000, as in the source (BOND
report to Cabinet 2021, sections 6.1, 6.2 and 6.4). Each total is the level of one year, not a sum over years.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.economics.money import Withheld
from bond_eval.economics.reference import amount_000, load

DO_NOTHING, LIKELY, CURRENT = "do nothing", "likely", "current position"
OUTSIDE, IFA = "Outside placement", "IFA"
BASELINE, GROWTH = "Baseline outside placements", "Growth in outside placements"
BROUGHT_BACK, MORE_IFAS = "Outside placements brought back", "Additional IFAs"
HUB = "No Wrong Door hub"


@dataclass(frozen=True)
class Line:
    """One line of a scenario; cost_000 is signed, £000. volume and unit_cost_000 are None where not given."""

    line: str
    category: str
    volume: float | None
    unit_cost_000: float | None
    cost_000: float
    source: str
    note: str


@dataclass(frozen=True)
class Evaluation:
    """A scenario at one of its points: its lines and their sum, £000."""

    scenario: str
    lines: tuple[Line, ...]

    @property
    def total_000(self) -> float:
        """Sum of the lines, £000."""
        return sum(line.cost_000 for line in self.lines)

    def cost_000(self, *categories: str) -> float:
        """Sum of the lines of the named categories, £000."""
        return sum(line.cost_000 for line in self.lines if line.category in categories)

    def frame(self) -> pd.DataFrame:
        """One row a line: line, category, volume, unit_cost_000, cost_000, source, note."""
        return pd.DataFrame([vars(line) for line in self.lines])


@dataclass(frozen=True)
class Avoidance:
    """The cost of one scenario less that of another at one point, £000, and the same by category and by line."""

    counterfactual: Evaluation
    programme: Evaluation

    @property
    def difference_000(self) -> float:
        """What the programme scenario costs less than the counterfactual, £000."""
        return self.counterfactual.total_000 - self.programme.total_000

    def by_line(self) -> pd.DataFrame:
        """One row a line of either: counterfactual_000, programme_000, difference_000; it sums to the whole."""
        sides = {
            "counterfactual_000": self.counterfactual.frame().groupby("line", sort=False)["cost_000"].sum(),
            "programme_000": self.programme.frame().groupby("line", sort=False)["cost_000"].sum(),
        }
        order = list(dict.fromkeys([*sides["counterfactual_000"].index, *sides["programme_000"].index]))
        frame = pd.DataFrame(sides).reindex(order).fillna(0.0)
        frame["difference_000"] = frame["counterfactual_000"] - frame["programme_000"]
        return frame.rename_axis("line").reset_index()


@dataclass(frozen=True)
class Implied:
    """Placements that a published total would need, worked back from it; never a published figure."""

    scenario: str
    placements: float
    total_000: float
    standing: str = "implied, not published"


def evaluate(table: pd.DataFrame, scenario: str, point: str) -> Evaluation | Withheld:
    """The lines and total (£000) of `scenario` at `point`.

    `table`: columns of data/reference/scenarios.csv, one row a line. Withheld, naming line and category, where
    a line has neither amount nor a volume with its unit cost. Raises InputError for a scenario or point that
    is not there, for a line that is there twice, for a sign other than 1 or -1, and where a line gives both an
    amount and a unit cost.
    """
    rows = table[(table["scenario"] == scenario) & (table["point"] == point)]
    if rows.empty:
        raise InputError(f"No scenario {scenario!r} at {point!r}: data/reference/scenarios.csv has those there are.")
    if rows["line"].duplicated().any() or not rows["sign"].isin([1, -1]).all():
        raise InputError(f"Scenario {scenario!r} at {point!r} has a line twice, or a sign that is not 1 or -1.")
    if (rows["amount_000"].notna() & rows["unit_cost_000"].notna()).any():
        raise InputError(f"Scenario {scenario!r} at {point!r}: a line has an amount or a unit cost, not both.")
    product = rows["volume"] * rows["unit_cost_000"]
    cost = rows["sign"] * rows["amount_000"].fillna(product)
    without = rows[cost.isna()]
    if len(without):
        named = tuple(f"{row.line} ({row.category})" for row in without.itertuples())
        return Withheld(f"{scenario} at {point} has no cost for: {'; '.join(named)}", named)
    pairs = zip(rows.to_dict("records"), cost, strict=True)
    return Evaluation(scenario, tuple(_line(row, float(value)) for row, value in pairs))


def avoidance(table: pd.DataFrame, point: str, programme: str = LIKELY) -> Avoidance | Withheld:
    """What `programme` costs less than doing nothing at `point`, £000. Withheld where either is."""
    sides = []
    for name in (DO_NOTHING, programme):
        side = evaluate(table, name, point)
        if isinstance(side, Withheld):
            return side
        sides.append(side)
    return Avoidance(*sides)


def growth_on_one_basis(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the likely scenario's growth set to the do-nothing's at each point (421 becomes 221)."""
    return _set_volumes(table, GROWTH, lambda point: _volume(table, DO_NOTHING, point, GROWTH))


def one_ifa_each(table: pd.DataFrame) -> pd.DataFrame:
    """The table with one IFA for each placement brought back (360 becomes 440 at September 2020)."""
    return _set_volumes(table, MORE_IFAS, lambda point: _volume(table, LIKELY, point, BROUGHT_BACK))


def with_baseline(table: pd.DataFrame, placements: float) -> pd.DataFrame:
    """The table with another number of baseline outside placements in every scenario.

    The sources say both 48 and 46. It moves each total by the same amount and leaves every difference alone.
    """
    if placements < 0:
        raise ValueError("A number of placements is 0 or more.")
    changed = table.copy()
    changed.loc[changed["line"] == BASELINE, "volume"] = float(placements)
    return changed


CORRECTIONS: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = MappingProxyType(
    {
        "growth on one basis in both scenarios": growth_on_one_basis,
        "and one IFA for each outside placement avoided": one_ifa_each,
    }
)


def stress(table: pd.DataFrame, point: str) -> pd.DataFrame | Withheld:
    """Cost avoidance as published and after each correction in turn: columns step, avoidance_000, change_000."""
    rows: list[tuple[str, float]] = []
    for step, correct in [("as published", lambda frame: frame), *CORRECTIONS.items()]:
        table = correct(table)
        result = avoidance(table, point)
        if isinstance(result, Withheld):
            return result
        rows.append((step, result.difference_000))
    frame = pd.DataFrame(rows, columns=["step", "avoidance_000"])
    return frame.assign(change_000=frame["avoidance_000"].diff().fillna(0.0))


def implied_placements(total_000: float, hub_cost_000: float, net_unit_000: float) -> float:
    """Placements that must step down to an IFA for a net avoidance of `total_000`, all in £000.

    placements = (total + hub) / (outside placement less IFA). Raises ValueError unless the net unit is above 0.
    """
    if net_unit_000 <= 0:
        raise ValueError("The net cost of a placement must be above 0 to work back from a total.")
    return (total_000 + hub_cost_000) / net_unit_000


def implied(table: pd.DataFrame, totals: pd.DataFrame, scenario: str) -> Implied:
    """Work the avoidance published for 2023-24 back to placements, with the likely scenario's hub and unit costs."""
    total = amount_000(totals, scenario=scenario, point="2023-24", measure="cost avoidance")
    hub = amount_000(table, scenario=LIKELY, point="2023-24", line=HUB)
    net = unit_cost_000(table, OUTSIDE) - unit_cost_000(table, IFA)
    return Implied(scenario, implied_placements(total, hub, net), total)


def unit_cost_000(table: pd.DataFrame, category: str) -> float:
    """The one unit cost (£000 a year) that the scenarios use for a category. Raises InputError if none or several."""
    costs = table.loc[table["category"] == category, "unit_cost_000"].dropna().unique()
    if len(costs) != 1:
        raise InputError(f"The scenarios have {len(costs)} unit costs for {category!r}: exactly one is needed.")
    return float(costs[0])


def scenarios() -> pd.DataFrame:
    """data/reference/scenarios.csv, numbers as numbers."""
    return load("scenarios.csv")


def totals() -> pd.DataFrame:
    """data/reference/scenario_totals.csv: published totals and claims, numbers as numbers."""
    return load("scenario_totals.csv")


def _line(row: Mapping[str, object], cost: float) -> Line:
    source = f"{row['document']}, {row['section']}"
    volume, unit = _or_none(row["volume"]), _or_none(row["unit_cost_000"])
    return Line(str(row["line"]), str(row["category"]), volume, unit, cost, source, str(row["note"]))


def _or_none(value: object) -> float | None:
    return None if pd.isna(value) else float(str(value))


def _volume(table: pd.DataFrame, scenario: str, point: str, line: str) -> float:
    found = table[(table["scenario"] == scenario) & (table["point"] == point) & (table["line"] == line)]["volume"]
    if len(found) != 1 or found.isna().any():
        raise InputError(f"Scenario {scenario!r} at {point!r} has no single volume for {line!r}.")
    return float(found.iloc[0])


def _set_volumes(table: pd.DataFrame, line: str, volume_at: Callable[[str], float]) -> pd.DataFrame:
    changed = table.copy()
    chosen = (changed["scenario"] == LIKELY) & (changed["line"] == line)
    changed.loc[chosen, "volume"] = [volume_at(point) for point in changed.loc[chosen, "point"]]
    return changed

"""Tables of notebook 32: the net position on dials, and which of them would change the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.economics import net_position, scenarios
from bond_eval.economics.money import Spread, Withheld, spread
from bond_eval.economics.reference import amount_000
from bond_eval.economics.uncertainty import Simulation, break_even_value, monte_carlo, threshold_grid, tornado
from bond_eval.evidence.cells import show
from bond_eval.evidence.dials import NET, assumptions, dials
from bond_eval.evidence.registry import Rows, Value, interval, table
from bond_eval.evidence.tables.programme_results import HORIZON
from bond_eval.evidence.tables.programmes import NONE_OF, once
from bond_eval.evidence.view import View
from bond_eval.programmes.outcomes import follow_up

SOURCE = "data/reference/assumptions.csv, its published values from facts.csv"
METHOD = "10,000 seeded draws, each dial triangular and independent of the rest; 95% interval"
GRID_POINTS = 5
HORIZONS = (365, HORIZON, HORIZON // 2)
ASSUMED, COST = "assumed", "Programme cost"


@once
def simulated(view: View) -> Simulation:
    """Draws of the net position, £000 a year, at the run's seed."""
    return monte_carlo(net_position.net_000, dials(NET), seed=view.seed)


def _means() -> dict[str, float]:
    return {name: dial.mean for name, dial in dials(NET).items()}


def _modes() -> dict[str, float]:
    return {name: dial.mode for name, dial in dials(NET).items()}


def _written(value: float, unit: str) -> str:
    """A dial's value as a person would write it."""
    if unit == "share":
        return formats.percent(value)
    return f"£{formats.number(value)}k" if unit == "£000" else formats.number(value, 0 if value == int(value) else 2)


def verdict(result: Spread) -> str:
    """What the interval of a net position lets one say."""
    if result.spans_zero:
        return "the interval spans nought, so neither a saving nor a loss can be claimed"
    return "above nought on these dials" if result.lower > 0 else "below nought on these dials"


@table(
    "assumption_dials",
    title="The dials: what is assumed, how far it could be off, and where it is from",
    row="a dial",
    labels={"dial": "Dial"},
    values=(
        Value("used_in", "Used in", "text"),
        Value("low", "Low", "text"),
        Value("likely", "Most likely", "text"),
        Value("high", "High", "text"),
        Value("unit", "Unit", "text"),
        Value("standing", "Standing", "text"),
        Value("source", "Source", "text"),
        Value("assumed", "Dials assumed, without a source", "number"),
    ),
    source=SOURCE,
    method="as published, worked out from published figures, or assumed",
)
def assumption_dials(view: View) -> pd.DataFrame:
    """Every dial with its three values and its source; edit the file to turn one."""
    frame = assumptions()
    for ours, theirs in (("low", "low"), ("likely", "most_likely"), ("high", "high")):
        frame[ours] = [_written(value, unit) for value, unit in zip(frame[theirs], frame["unit"], strict=True)]
    source = frame["document"].str.cat(frame["section"], sep=", ").str.strip(", ").replace("", "none")
    frame = frame.assign(dial=frame["label"], source=source, assumed=(frame["standing"] == ASSUMED).astype(int))
    columns = ["dial", "used_in", "low", "likely", "high", "unit", "standing", "source", "assumed"]
    return frame[columns]


@table(
    "net_position",
    title="A year of the programmes: what is avoided on the dials, what they cost, and the net position, £000",
    row="a part of the net position",
    labels={"part": "Part"},
    values=(
        Value("likely", "All dials at their most likely £000", "signed"),
        Value("mean", "Mean of the draws £000", "signed"),
        Value("lower", "Lower £000", "signed"),
        Value("upper", "Upper £000", "signed"),
        Value("above", "Draws above nought", "percent"),
        Value("says", "What can be said", "text"),
    ),
    source=SOURCE,
    method=METHOD,
)
def net_position_parts(view: View) -> Rows:
    """Each part, the cost and the whole, with intervals and the share of draws above nought."""
    draws, likely = (_by_part(at) for at in (simulated(view).inputs, _modes()))
    rows = []
    for name, values in draws.items():
        part = spread(values)
        says = verdict(part) if name != COST else "what they cost"
        rows.append((name, likely[name], part.mean, part.lower, part.upper, part.above_zero, says))
    return rows


def _by_part(at: Mapping[str, Any]) -> dict[str, Any]:
    """Every part, the cost and the whole at some values of the dials, £000."""
    parts = {name: part.pounds / 1000 for name, part in net_position.avoided(at).items()}
    return {**parts, COST: -at["cost_000"], "Net position": net_position.net_000(at)}


@table(
    "net_tornado",
    title="Net position with one dial at a time at the ends of its central 95%, £000 a year",
    row="a dial",
    labels={"dial": "Dial", "low_high": "Its central 95%"},
    values=(
        Value("at_low", "At the low end £000", "signed"),
        Value("at_high", "At the high end £000", "signed"),
        Value("swing", "Swing £000", "thousands"),
        Value("base", "All at their means £000", "signed"),
    ),
    source=SOURCE,
    method="each dial across its central 95%, the rest at their means; largest swing first",
)
def net_tornado(view: View) -> Rows:
    """The dials that move the answer; those that are fixed are left out."""
    base, frame, rows = net_position.net_000(_means()), assumptions().set_index("name"), []
    for bar in (bar for bar in tornado(net_position.net_000, dials(NET)) if bar.swing):
        label, unit = frame.loc[bar.parameter, ["label", "unit"]]
        ends = f"{_written(bar.low, unit)} to {_written(bar.high, unit)}"
        rows.append((label, ends, bar.result_low, bar.result_high, abs(bar.swing), base))
    return rows


@table(
    "net_grid",
    title="Net position over the two dials that move it most, £000 a year",
    row="a pair of values",
    labels={"first": "First dial", "second": "Second dial", "down": "First", "across": "Second"},
    values=(
        Value("net", "Net position £000", "signed"),
        Value("text", "Net position", "text"),
        Value("pays", "Pairs that pay for themselves", "number"),
    ),
    source=SOURCE,
    method="five values of each from low to high, the other dials at their means",
)
def net_grid(view: View) -> Rows:
    """Where the sign turns between the two dials with the largest swings."""
    known, frame = dials(NET), assumptions().set_index("name")
    first, second = (bar.parameter for bar in tornado(net_position.net_000, known)[:2])
    across, down = ((name, np.linspace(known[name].low, known[name].high, GRID_POINTS)) for name in (second, first))
    grid = threshold_grid(net_position.net_000, across, down, _means())
    return [
        (frame["label"][first], frame["label"][second], _written(down, frame["unit"][first]),
         _written(across, frame["unit"][second]), net, show(net, "signed"), int(net > 0))
        for down, line in grid.iterrows() for across, net in line.items()
    ]  # fmt: skip


@table(
    "net_break_even",
    title="Where each dial would have to stand for the programmes to pay for themselves",
    row="a dial",
    labels={"dial": "Dial"},
    values=(
        Value("mean", "Mean of the dial", "text"),
        Value("needed", "Needed", "text"),
        Value("reached", "Dials with it in their range", "number"),
    ),
    source=SOURCE,
    method="the value at which the net position is nought, the other dials at their means",
)
def net_break_even(view: View) -> Rows:
    """The break-even of each dial within its range, or that there is none."""
    frame, means, rows = assumptions().set_index("name"), _means(), []
    for name, dial in dials(NET).items():
        if dial.low == dial.high:
            continue
        found = break_even_value(net_position.net_000, name, dial.low, dial.high, means)
        label, unit = frame.loc[name, ["label", "unit"]]
        if isinstance(found, Withheld):
            rows.append((label, _written(dial.mean, unit), "none in its range is enough", 0))
        else:
            rows.append((label, _written(dial.mean, unit), _written(found, unit), 1))
    return rows


@table(
    "edge_claim",
    title="The published claim for children on the edge of care, and what is left of it as its dials move, £000",
    row="a change, made after those above it",
    labels={"step": "Step"},
    values=(
        Value("avoided", "Avoided £000", "thousands"),
        Value("change", "Change £000", "thousands"),
        Value("lower", "Lower £000", "signed"),
        Value("upper", "Upper £000", "signed"),
    ),
    source=SOURCE + "; BOND report to Cabinet 2021, 3.1, 6.5 and 8",
    method="children × (P0 × P(outside | looked after) × stay − the same with the programme) × fee, less other care",
)
def edge_claim(view: View) -> pd.DataFrame:
    """The claim as the point P0 = a quarter, P1 = 0, then each dial set to its most likely value in turn."""
    known = _modes()
    point = known | {"p1": 0.0, "op_if_looked_after": 1.0, "stay": 1.0, "edge_instead_000": 0.0}
    claimed = amount_000(scenarios.totals(), scenario="Edge of care", measure="programme claim at a quarter")
    quarter = f"{formats.percent(point['p0'])} of {formats.number(point['edge_children'])} children"
    at_fee = f"{quarter} at £{formats.number(point['op_fee_000'])}k"
    rows = [("As published, circa", claimed), (at_fee, _edge_000(point))]
    wording = {
        "p1": f"{formats.percent(known['p1'])} are looked after with it, as of the closed cases",
        "op_if_looked_after": f"{formats.percent(known['op_if_looked_after'])} of entries are an outside placement",
        "stay": f"{formats.percent(known['stay'])} of the year in it",
        "edge_instead_000": f"Other care at £{formats.number(known['edge_instead_000'])}k a year in its place",
    }
    for name, words in wording.items():
        point = point | {name: known[name]}
        rows.append((words, _edge_000(point)))
    frame = pd.DataFrame(rows, columns=["step", "avoided"])
    frame = frame.assign(change=frame["avoided"].diff(), lower=np.nan, upper=np.nan)
    free = spread(np.asarray(net_position.avoided(simulated(view).inputs)["Edge of care"].pounds) / 1000)
    frame.loc[len(frame)] = ["All dials free: mean and 95% interval", free.mean, np.nan, free.lower, free.upper]
    return frame


def _edge_000(dials: dict[str, float]) -> float:
    return float(net_position.avoided(dials)["Edge of care"].pounds) / 1000


@table(
    "edge_seen",
    title="Becoming looked after from the programme's start: the dial, and what the register has seen",
    row="a source",
    labels={"seen_in": "Seen in"},
    values=(
        Value("children", "Children followed from their start"),
        Value("events", "Became looked after", of="children"),
        NONE_OF,
        Value("days", "Within days", "number", children=False),
        *interval("share", "Share", "percent", "children", "events", ends=NONE_OF.name),
        Value("note", "Note", "text"),
    ),
    source="data/reference/assumptions.csv; the programme register linked to SSDA903 episodes",
    method="cumulative incidence from the start, open cases censored, turning 18 competing; 95% interval",
)
def edge_seen(view: View) -> Rows:
    """P1 of the dial beside the register's own, which follows every starter and not the closed cases alone.

    The longest of HORIZONS that somebody was followed for.
    """
    dial, note = dials(NET)["p1"], "children not looked after at their start"
    closed = ("The dial: closed cases as published", *(np.nan,) * 4, dial.mode, dial.low, dial.high,
              "closed cases only, so those still open are left out")  # fmt: skip
    rows: list[tuple[object, ...]] = [closed]
    if view.register is not None:
        for name, code in zip(*(view.register.programmes[column] for column in ("name", "programme")), strict=True):
            followed = follow_up(view.register, view.history, view.as_of, str(code))
            found = [followed.at(days).assign(days=days).head(1) for days in HORIZONS]
            known = pd.concat(found).dropna(subset="incidence")
            if len(known):
                row = known.iloc[0]
                ends = (row["incidence"], row["lower"], row["upper"])
                counts = row[["children", "events", NONE_OF.name, "days"]]
                rows.append((f"The register: {name}", *counts, *ends, note))
    return rows

"""Tables of notebook 30: the published case for change, worked out again line by line."""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.economics import break_evens, options, scenarios
from bond_eval.economics.money import Withheld
from bond_eval.economics.scenarios import DO_NOTHING, LIKELY
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.view import View

POINTS = ("2018-19 baseline", "to September 2020", "2023-24")
SOURCE = "data/reference/scenarios.csv and scenario_totals.csv: BOND report to Cabinet 2021, 2.8, 6.1 and 6.2"
METHOD = "volume × unit cost, summed by line"
T = TypeVar("T")


def required(result: T | Withheld, where: str = "") -> T:
    """A result of the project's own tables. Raises InputError, with `where` before the reason, if it is withheld."""
    if isinstance(result, Withheld):
        raise InputError(f"{where}{result.reason}")
    return result


def _evaluated(scenario: str, point: str) -> scenarios.Evaluation:
    return required(scenarios.evaluate(scenarios.scenarios(), scenario, point))


def _pairs() -> list[tuple[str, str]]:
    table = scenarios.scenarios()
    have = set(zip(table["scenario"], table["point"], strict=True))
    return [(s, p) for p in POINTS for s in (DO_NOTHING, LIKELY) if (s, p) in have]


@table(
    "case_lines",
    title="The published scenarios, line by line, £000",
    row="a scenario, point and line",
    labels={"scenario": "Scenario", "point": "Point", "line": "Line"},
    values=(
        Value("volume", "Placements", "number"),
        Value("unit_cost", "Unit cost £000", "thousands"),
        Value("cost", "Cost £000", "thousands"),
    ),
    source=SOURCE,
    method=METHOD,
)
def case_lines(view: View) -> Rows:
    """Every line of do nothing and of the likely scenario at each point."""
    return [
        (scenario, point, line.line, line.volume, line.unit_cost_000, line.cost_000)
        for scenario, point in _pairs()
        for line in _evaluated(scenario, point).lines
    ]


@table(
    "case_totals",
    title="Totals of the published scenarios, worked out again, £000",
    row="a total that the report publishes",
    labels={"total": "Total", "point": "Point"},
    values=(
        Value("computed", "Worked out £000", "thousands"),
        Value("published", "Published £000", "thousands"),
        Value("difference", "Difference £000", "thousands"),
    ),
    source=SOURCE,
    method=METHOD,
)
def case_totals(view: View) -> pd.DataFrame:
    """Each published total, and cost avoidance, beside the sum of its lines."""
    published = scenarios.totals().set_index(["scenario", "point", "measure"])["amount_000"]
    rows = []
    for scenario, point in _pairs():
        rows.append((f"Total cost, {scenario}", point, _evaluated(scenario, point).total_000,
                     published[(scenario, point, "total cost")]))  # fmt: skip
    for point in POINTS[1:]:
        avoided = _evaluated(DO_NOTHING, point).total_000 - _evaluated(LIKELY, point).total_000
        rows.append(("Cost avoidance", point, avoided, published[(LIKELY, point, "cost avoidance")]))
    frame = pd.DataFrame(rows, columns=["total", "point", "computed", "published"])
    return frame.assign(difference=frame["computed"] - frame["published"])


@table(
    "case_steps",
    title="From do nothing to the likely scenario in 2023-24, £000",
    row="a line that differs",
    labels={"step": "Step"},
    values=(Value("amount", "£000", "thousands"),),
    source=SOURCE,
    method=METHOD,
)
def case_steps(view: View) -> Rows:
    """The lines by which the likely scenario differs from do nothing, between the two totals."""
    result = required(scenarios.avoidance(scenarios.scenarios(), "2023-24"))
    lines = result.by_line()
    changed = lines[lines["difference_000"] != 0]
    return [
        ("Do nothing", result.counterfactual.total_000),
        *((row.line, -row.difference_000) for row in changed.itertuples()),
        ("Likely scenario", result.programme.total_000),
    ]


@table(
    "case_stress",
    title="Cost avoidance as published, and after each mismatch between the two tables is put right, £000",
    row="a correction, applied after those above it",
    labels={"point": "Point", "step": "Step"},
    values=(Value("avoidance", "Cost avoidance £000", "thousands"), Value("change", "Change £000", "thousands")),
    source=SOURCE,
    method="growth on one basis; then one IFA for each outside placement avoided",
)
def case_stress(view: View) -> pd.DataFrame:
    """What is left of the published avoidance when both scenarios rest on the same growth and the same exchange."""
    case = scenarios.scenarios()
    parts = [required(scenarios.stress(case, point)).assign(point=point) for point in POINTS[1:]]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.rename(columns={"avoidance_000": "avoidance", "change_000": "change"})
    return frame.assign(step=frame["step"].map(formats.capital))[["point", "step", "avoidance", "change"]]


@table(
    "case_baseline",
    title="The same case with the other baseline that the documents state, £000",
    row="a baseline",
    labels={"baseline": "Outside placements at the baseline", "point": "Point"},
    values=(
        Value("do_nothing", "Do nothing £000", "thousands"),
        Value("likely", "Likely scenario £000", "thousands"),
        Value("avoidance", "Cost avoidance £000", "thousands"),
    ),
    source=SOURCE + "; 2.5 and the 2019 assurance report have the other",
    method=METHOD,
)
def case_baseline(view: View) -> Rows:
    """Each total moves with the baseline and the difference does not, so a wrong baseline does not show in it."""
    facts, rows = project_facts(), []
    for placements in (facts["op_baseline"], facts["op_stated_2_5"]):
        case = scenarios.with_baseline(scenarios.scenarios(), placements)
        for point in POINTS[1:]:
            result = required(scenarios.avoidance(case, point))
            sides = (result.counterfactual.total_000, result.programme.total_000)
            rows.append((formats.number(placements), point, *sides, result.difference_000))
    return rows


@table(
    "case_implied",
    title="Worst and best case: how many outside placements their totals would need",
    row="a case published as a single total",
    labels={"case": "Case"},
    values=(
        Value("total", "Published £000", "thousands"),
        Value("placements", "Placements", "decimal"),
        Value("standing", "Standing", "text"),
    ),
    source=SOURCE,
    method="(total + hub) ÷ (outside placement less IFA)",
)
def case_implied(view: View) -> Rows:
    """The two totals that have no lines, worked back to placements with the likely scenario's own costs."""
    results = [scenarios.implied(scenarios.scenarios(), scenarios.totals(), case) for case in ("worst", "best")]
    return [(f"{one.scenario.title()} case", one.total_000, one.placements, one.standing) for one in results]


@table(
    "case_break_even",
    title="How many placements, or children, would pay for the programme in a year",
    row="a cost and what covers it",
    labels={"cost_of": "Cost of", "covered_by": "Covered by"},
    values=(Value("cost", "Cost £000", "thousands"), Value("needed", "Needed", "decimal")),
    source="data/reference/programme_costs.csv, options.csv, scenarios.csv and scenario_totals.csv",
    method="cost ÷ value of each",
)
def case_break_even(view: View) -> Rows:
    """Full implementation in outside placements; Harbour in children, on each cost base and published value."""
    programmes, items = options.programme_costs(), options.option_items()
    full = options.full_cost_000(programmes, items)
    rows: list[tuple[str, str, float, float]] = []
    for how, result in break_evens.placements_needed(scenarios.scenarios(), programmes, items).items():
        rows.append(("Full implementation", f"outside placements {how}", full, required(result).exact))
    harbour = break_evens.children_needed(programmes, items, scenarios.totals())
    for row in harbour.itertuples():
        whose = "every child's" if row.value_from == "programme claim" else "a quarter's"
        rows.append((f"Harbour, {row.cost_base}", f"children at {whose} published value", row.cost_000, row.exact))
    return rows

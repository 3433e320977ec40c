"""Tables of notebook 31: what placements cost, and against which do-nothing that is a saving."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import financial_year_start, year_label
from bond_eval.economics import counterfactuals, scenarios
from bond_eval.economics.into_pounds import NO_SPEND, Across, Design, across
from bond_eval.economics.money import Spread, Withheld
from bond_eval.economics.prices import deflators, real_terms
from bond_eval.economics.reference import load
from bond_eval.economics.scenarios import CURRENT, DO_NOTHING
from bond_eval.evidence.cells import show
from bond_eval.evidence.gate import MINIMUM, one_childs
from bond_eval.evidence.registry import Rows, Value, table
from bond_eval.evidence.tables.case_for_change import required
from bond_eval.evidence.tables.placement_forecast import outlook
from bond_eval.evidence.view import View
from bond_eval.intake.typed import day_number
from bond_eval.placements.categories import CATEGORIES, EXTERNAL, IFA, OUTSIDE
from bond_eval.placements.costing import IN_HOUSE, Unpriced, line_totals, unused_fees

LINE_ORDER = (OUTSIDE, IFA, IN_HOUSE)
RULE = "child-days × fee ÷ 7, else the category's unit cost; open placements run to 31 March, or to the 18th birthday"
FILES = "the authority's finance files and SSDA903 episodes; data/reference/published.csv"
CASE = "data/reference/scenarios.csv and scenario_totals.csv: BOND report to Cabinet 2021, 6.1 to 6.5"


def _costs(view: View) -> pd.DataFrame:
    """Cost by year and line, £000, with the children it is the cost of; empty where it cannot be worked out.

    `largest`: gate.one_childs, by which a sum that one child makes up most of is withheld, alone or with another line.
    """
    columns = ["year", "line", "standing", "children", "cost", "largest"]
    costs = view.costs
    if costs is None or isinstance(costs, Unpriced):
        return pd.DataFrame(columns=columns)
    lines = line_totals(costs)
    return lines.assign(cost=lines["cost_pounds"] / 1000, largest=one_childs(lines))[columns]


def _external(costs: pd.DataFrame, *by: str) -> pd.DataFrame:
    """Outside placements and IFAs in one sum."""
    mine = costs[costs["line"].isin(EXTERNAL)].groupby(list(by), as_index=False)
    return mine.agg(cost=("cost", "sum"), largest=("largest", "max"))


@table(
    "cost_problems",
    title="What is missing for the cost of placements",
    row="a reason",
    labels={"reason": "Reason"},
    values=(Value("missing", "What is missing", "text"),),
    source=FILES,
    method=RULE,
)
def cost_problems(view: View) -> Rows:
    """What is missing or was not read: a cost that is not known is never nought, and no file is passed over unsaid."""
    rows: list[tuple[str, str]] = []
    if view.finance is None:
        rows.append(("No finance files were supplied", "fees.csv or unit_costs.csv in a folder named finance"))
    else:
        if isinstance(view.costs, Unpriced):
            rows += [(view.costs.reason, name) for name in view.costs.missing]
        unread = view.finance.issues[view.finance.issues["rule"].isin(("file_not_recognised", "file_not_read"))]
        rows += [(f"finance/{row.file} was not used", row.problem) for row in unread.itertuples()]
        if unused := len(unused_fees(view.history, view.finance)):
            words = f"fewer than {MINIMUM} rows" if view.public and unused < MINIMUM else formats.plural(unused, "row")
            rows.append(("Fees that price no night: the child was not in that category then", f"fees.csv: {words}"))
        if view.finance.fees.empty:
            rows.append(("No fees could be read: costs rest on unit costs alone", "fees.csv"))
    return rows


@table(
    "cost_by_line",
    title="What placements cost, by year and line, £000",
    row="a financial year and line",
    labels={"year": "Financial year", "line": "Line", "standing": "Standing"},
    values=(
        Value("children", "Children, each category counted"),
        Value("cost", "Cost £000", "thousands", follows=("children",), largest="largest"),
    ),
    source=FILES,
    method=RULE,
)
def cost_by_line(view: View) -> pd.DataFrame:
    """Outturn of whole years, projection of the year in progress; each line's cost by its children's fees."""
    costs = _costs(view)
    order = {line: place for place, line in enumerate(LINE_ORDER)}
    costs = costs.assign(order=costs["line"].map(order)).sort_values(["year", "order"], ignore_index=True)
    return costs[["year", "line", "standing", "children", "cost", "largest"]]


@table(
    "cost_against_budget",
    title="Outside placements and IFAs: cost, what was published, and budget, £000",
    row="a financial year",
    labels={"year": "Financial year", "standing": "Standing"},
    values=(
        Value("cost", "Cost £000", "thousands", largest="largest"),
        Value("published", "Published £000", "thousands"),
        Value("difference", "Cost less published £000", "thousands", largest="largest"),
        Value("budget", "Budget £000", "thousands"),
        Value("variance", "Surplus or (shortfall) £000", "thousands", largest="largest"),
    ),
    source=FILES,
    method=RULE,
)
def cost_against_budget(view: View) -> pd.DataFrame:
    """The cost of external placements beside the published figure and the authority's own budget."""
    costs = _costs(view)
    external = _external(costs, "year", "standing")
    figures = view.published[view.published["series"] == "actual"]
    published = dict(zip(figures["period"], figures["value"], strict=True))
    budget = _budget(view)
    external = external.assign(
        published=external["year"].map(published).astype(float), budget=external["year"].map(budget).astype(float)
    )
    external["difference"] = external["cost"] - external["published"]
    external["variance"] = external["budget"] - external["cost"]
    return external[["year", "standing", "cost", "published", "difference", "budget", "variance", "largest"]]


def _budget(view: View) -> dict[str, float]:
    """Budget by financial year, £000: every heading of the budget file, which is of external placements."""
    if view.finance is None or view.finance.budget.empty:
        return {}
    lines = view.finance.budget
    years = pd.to_datetime(lines["month"]).dt.date.map(financial_year_start)
    return {year_label(int(year)): float(sum_) / 1000 for year, sum_ in lines.groupby(years)["pounds"].sum().items()}


@table(
    "position_steps",
    title="From the do-nothing of 2019 to the position of September 2020, annualised, £000",
    row="a part of the difference",
    labels={"step": "Step"},
    values=(Value("amount", "£000", "thousands"),),
    source=CASE,
    method="cost by category of each, and their difference",
)
def position_steps(view: View) -> Rows:
    """What the position costs more or less than the do-nothing, by category; empty without a published case."""
    if not view.authority.published:
        return []
    case, lines = scenarios.scenarios(), {OUTSIDE: "Outside placements", IFA: "IFAs", IN_HOUSE: "In-house line"}
    before, now = (required(scenarios.evaluate(case, name, counterfactuals.AT)) for name in (DO_NOTHING, CURRENT))
    return [
        ("Do nothing, as fixed in 2019", before.total_000),
        *((words, now.cost_000(category) - before.cost_000(category)) for category, words in lines.items()),
        ("Programme, full year", now.cost_000(counterfactuals.PROGRAMME)),
        ("Position of September 2020", now.total_000),
    ]


@table(
    "position_counterfactuals",
    title="The same position against each do-nothing that was published, annualised, £000",
    row="a counterfactual",
    labels={"counterfactual": "Counterfactual", "part": "Part"},
    values=(
        Value("do_nothing", "Do nothing £000", "thousands"),
        Value("actual", "Position £000", "thousands"),
        Value("avoidance", "Cost avoidance £000", "thousands"),
        Value("lower", "Lower £000", "thousands"),
        Value("upper", "Upper £000", "thousands"),
        Value("standing", "Standing", "text"),
    ),
    source=CASE,
    method="do nothing less the position, programme included",
)
def position_counterfactuals(view: View) -> Rows:
    """Fixed in 2019 and re-based in 2020, each whole and in its parts; the cumulative saving, which none allows."""
    rows: list[tuple[object, ...]] = []
    if not view.authority.published:
        return rows
    case, totals = scenarios.scenarios(), scenarios.totals()
    for result in (counterfactuals.fixed_in_2019(case), counterfactuals.rebased_as_published(case, totals)):
        found = required(result)
        name, whole = found.counterfactual, (found.do_nothing_000, found.actual_000, found.value_000)
        rows.append((name, "all", *whole, *[np.nan] * 2, found.standing))
        rows += [(name, part, *[np.nan] * 2, pounds, *[np.nan] * 2, found.standing) for part, pounds in found.parts]
    withheld = counterfactuals.cumulative_as_published(load("funding.csv"))
    rows.append(("cumulative from July 2019", "all", *[np.nan] * 5, withheld.reason))
    return rows


@table(
    "cost_real",
    title="Outside placements and IFAs: cost as paid and in the prices of the last year, £000",
    row="a financial year",
    labels={"year": "Financial year"},
    values=(
        Value("nominal", "As paid £000", "thousands", largest="largest"),
        Value("real", "In the last year's prices £000", "thousands", largest="largest"),
        Value("standing", "Standing of the deflator", "text"),
    ),
    source=FILES + "; data/reference/deflators.csv",
    method="× index of the last year ÷ index of the year",
)
def cost_real(view: View) -> pd.DataFrame | Rows:
    """The cost of external placements with inflation taken out; years without a deflator are left out."""
    years = _external(_costs(view), "year")
    years = years[years["year"].isin(deflators()["year"])]
    if years.empty:
        return []
    found = real_terms(years["cost"].to_numpy(dtype=float), list(years["year"]), str(years["year"].iloc[-1]))
    columns = {"year": found.years, "nominal": found.nominal, "real": found.real, "standing": found.standing}
    return pd.DataFrame({**columns, "largest": years["largest"].to_numpy()})


BEHIND = ("children", "few")
PRICED = "SSDA903 episodes and the authority's finance files; data/reference/interruptions.csv and its_coverage.csv"
MODELS = (
    "demand model or interrupted series against what was seen, uncontrolled before and after; × cost of a day drawn"
)


@table(
    "avoided_by_design",
    title="Child-days and cost avoided by each design, and what the programme cost",
    row="a design",
    labels={"design": "Design", "since": "Counted from"},
    values=(
        Value("children", "Children in outside placements and IFAs since"),
        Value("few", "Fewest events behind it, where 1 to 5", inward=True),
        Value("outside_days", "Outside placements: child-days avoided", "signed", follows=BEHIND),
        Value("ifa_days", "IFAs: child-days avoided", "signed", follows=BEHIND),
        Value("median", "Avoided £000, all categories", "signed", follows=BEHIND),
        Value("lower", "Lower 95% limit £000", "signed", follows=BEHIND),
        Value("upper", "Upper 95% limit £000", "signed", follows=BEHIND),
        Value("above_zero", "Probability that cost was avoided", "percent", follows=BEHIND),
        Value("spend", "Programme spend £000", "thousands"),
        Value("net", "Net £000", "signed", follows=BEHIND),
        Value("net_lower", "Net, lower 95% limit £000", "signed", follows=BEHIND),
        Value("net_upper", "Net, upper 95% limit £000", "signed", follows=BEHIND),
        Value("paid", "Probability that it paid for itself", "percent", follows=BEHIND),
        Value("avoided", "Avoided, with its 95% interval", "text", follows=BEHIND),
        Value("shown", "Net, its interval, and the probability that it paid", "text", follows=BEHIND),
        Value("standing", "In words", "text", follows=BEHIND),
    ),
    source=PRICED,
    method=MODELS,
)
def avoided_by_design(view: View) -> Rows:
    """One row a design, none pooled with another; blank with the reason in words where it cannot be estimated."""
    return [_design_row(view, design) for design in outlook(view).designs]


def _design_row(view: View, design: Design) -> dict[str, object]:
    row: dict[str, object] = {"design": design.name, "since": design.since, "standing": design.standing}
    row |= {"few": design.few, "children": _children(view, design)}
    row |= dict.fromkeys(("avoided", "shown"), "not estimable")
    if not isinstance(design.days, Withheld):
        outside, ifa = np.median(design.days[:, [CATEGORIES.index(name) for name in EXTERNAL]], axis=0)
        row |= {"outside_days": outside, "ifa_days": ifa}
    if isinstance(design.pounds, Spread):
        found = design.pounds
        row |= {"median": found.median / 1e3, "lower": found.lower / 1e3, "upper": found.upper / 1e3}
        row |= {"above_zero": found.above_zero, "shown": "the programme's spend is not known"}
        row["avoided"] = f"{_k(found.median)} ({_k(found.lower)} to {_k(found.upper)})"
    if isinstance(design.net, Spread) and design.programme_pounds is not None:
        net = design.net
        row |= {"spend": design.programme_pounds / 1e3, "net": net.median / 1e3, "paid": net.above_zero}
        row |= {"net_lower": net.lower / 1e3, "net_upper": net.upper / 1e3}
        row["shown"] = f"{_k(net.median)} ({_k(net.lower)} to {_k(net.upper)}), {show(net.above_zero, 'percent')}"
    return row


def _children(view: View, design: Design) -> float:
    """Children behind a demand model; numbers since one date and since another would tell of the few between, so that
    the series, which have many dates, stand by the events behind them alone."""
    if isinstance(design.days, Withheld) or design.few == design.few or not design.name.startswith("Demand"):
        return np.nan
    places = view.history.placements
    there = places["category"].isin(EXTERNAL) & (places["end"] > day_number(design.since))
    return float(places.loc[there, "child"].nunique())


def _k(pounds: float) -> str:
    return f"{show(pounds / 1e3, 'pounds')}k"


@table(
    "avoided_range",
    title="Whether the programme paid for itself: how far the designs lie apart",
    row="all designs that can be estimated and shown, none pooled with another",
    labels={"scope": "Which designs"},
    values=(
        Value("designs", "Designs", "number", children=False),
        Value("judged", "Estimated and shown", "number", children=False),
        Value("paid_low", "Chance that it paid, if all the difference is its doing: lowest", "percent", children=False),
        Value("paid_high", "Highest", "percent", children=False),
        Value("statement", "In words", "text", children=False),
    ),
    source=PRICED,
    method=MODELS,
)
def avoided_range(view: View) -> Rows:
    """One row, always. What the other table withholds has no part in it."""
    designs = outlook(view).designs
    few = [design for design in designs if view.public and _few(view, design)]
    found = across([design for design in designs if design not in few])
    paid = found.paid if found and found.paid else (np.nan, np.nan)
    words = _range_words(designs, found, len(few))
    return [("All, not pooled", len(designs), found.judged if found else 0, *paid, words)]


def _few(view: View, design: Design) -> bool:
    return 0 < design.few < MINIMUM or 0 < _children(view, design) < MINIMUM


def _range_words(designs: tuple[Design, ...], found: Across | None, hidden: int) -> str:
    """The headline: what may be said of the programme's worth over all designs, in two sentences."""
    start = "Whether the programme paid for itself cannot be said"
    if found is None:
        reasons = list(dict.fromkeys(design.standing.removeprefix("not estimable: ") for design in designs))
        why = reasons[0] if reasons else "no day is given on which the programmes began"
        return f"{start}: {why}." if not hidden else f"{start} in public: each design rests on fewer than {MINIMUM}."
    clear = f"{found.clear} of {found.judged}" if found.clear else "none"
    low, high = (_k(pounds) for pounds in found.medians)
    least, most = (_k(pounds) for pounds in found.limits)
    rest = " (the rest cannot be, or are withheld)" * (found.judged < len(designs))
    cost = (
        f"Avoided cost, the programme's own not taken off, runs from {low} to {high} by the medians and from {least} "
        f"to {most} by the 95% limits, each since its own date; intervals that lie above nought: {clear}. "
        f"{found.judged} of {len(designs)} designs are estimated here{rest}, not pooled: nothing gives their weights."
    )
    if found.paid is None:
        return f"{start}: {formats.lowered(NO_SPEND).split(',')[0]}. {cost}"
    one, other = (formats.percent(share) for share in found.paid)
    chance = one if one == other else f"{one} to {other}, depending on the design"
    start = "If the whole difference were the programme's doing, the chance that it has paid for itself is"
    return f"{start} {chance}; no design shows that it was. {cost}"

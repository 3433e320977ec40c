"""Tables of notebook 36: each benefit and who answers for it, what is counted twice, what was sealed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.periods import financial_year_start, year_label
from bond_eval.core.places import REFERENCE
from bond_eval.economics import overlap, scenarios, sealing
from bond_eval.economics.counterfactuals import AT
from bond_eval.economics.money import Withheld
from bond_eval.economics.reference import amount_000
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.gate import least
from bond_eval.evidence.registry import ALL, Rows, Value, table
from bond_eval.evidence.tables.funding_options import own_table, programme_worth
from bond_eval.evidence.tables.whole_system import GIVEN_AWAY
from bond_eval.evidence.view import View
from bond_eval.intake.typed import days_to_dates
from bond_eval.programmes.cases import cases_at

REPORT = "BOND report to Cabinet 2021"
SEALS = "sealed_forecasts.jsonl"
TARGET = "2020-21-Q2"


@table(
    "benefits",
    title="The benefits: what was promised, by when, what has come, and which budget line it would leave",
    row="a benefit",
    labels={"benefit": "Benefit", "programme": "Programme", "kind": "Kind", "unit": "Unit"},
    values=(
        Value("baseline", "Baseline", "number"),
        Value("target", "Target", "number"),
        Value("due", "Due", "text"),
        Value("realised", "Realised, as published", "number"),
        Value("as_at", "As at", "text"),
        Value("status", "Status", "text"),
        Value("owner", "Owner role", "text"),
        Value("budget_line", "Budget line", "text"),
        Value("group", "Overlap group", "text"),
        Value("note", "Note", "text"),
        Value("whole", "Benefits that can be judged", "number"),
    ),
    source="data/reference/benefits.csv: the published reports; owner roles are those of the assurance report, 4.1",
    method="figure as published against target and date; a benefit without target or count cannot be judged",
)
def benefits(view: View) -> pd.DataFrame:
    """Every benefit that the documents name, with its gaps; empty for an authority that has listed none."""
    frame = own_table(view, "benefits.csv", "baseline", "target", "realised")
    judged = [_status(row) for row in frame.to_dict("records")]
    frame = frame.assign(status=judged, whole=[int(not words.startswith("cannot")) for words in judged])
    frame = frame.rename(columns={"owner_role": "owner", "overlap_group": "group"})
    dates = {name: [_date(text) for text in frame[name]] for name in ("due", "as_at")}
    columns = ["baseline", "target", "due", "realised", "as_at", "status", "owner", "budget_line", "group"]
    return frame.assign(**dates, note=frame["note"].replace("", "no note"))[
        ["benefit", "programme", "kind", "unit", *columns, "note", "whole"]
    ]


def _date(text: str) -> str:
    return formats.date(pd.Timestamp(text).date()) if text else "not stated"


def _status(row: dict[str, object]) -> str:
    """Whether the published figure reaches the target, by its date; a target below its baseline is to come down to."""
    baseline, target, realised = (float(str(row[name])) for name in ("baseline", "target", "realised"))
    gaps = [words for words, value in (("target", target), ("count", realised)) if np.isnan(value)]
    if gaps:
        return f"cannot be judged: no {' and no '.join(gaps)} published"
    met = realised <= target if target < baseline else realised >= target
    if met:
        return "reached by the published figure"
    if row["due"] and str(row["as_at"]) >= str(row["due"]):
        return "not met by its date"
    moved = (realised - baseline) * (target - baseline) > 0
    return "on its way, not yet met" if moved else "moved the other way"


@table(
    "benefits_2019",
    title="The benefits of the first six months, as reported in September 2019, £000 a year",
    row="a benefit",
    labels={"benefit": "Benefit"},
    values=(
        Value("people", "Young people, as published"),
        Value("amount", "Annualised £000", "thousands"),
        Value("each", "Each £000", "decimal", follows=("people",)),
    ),
    margins=("benefit",),
    source="data/reference/benefits_2019.csv: Best Value assurance report September 2019, 1",
    method="as published and summed",
)
def benefits_2019(view: View) -> pd.DataFrame:
    """The five sums and their total, which the report rounds; what one young person is taken to be worth."""
    frame = own_table(view, "benefits_2019.csv", "children", "amount_000")
    frame = frame.rename(columns={"children": "people", "amount_000": "amount"})[["benefit", "people", "amount"]]
    if len(frame):
        frame.loc[len(frame)] = [ALL, np.nan, frame["amount"].sum()]
    return frame.assign(each=frame["amount"] / frame["people"])


@table(
    "double_running",
    title="What ran beside the programmes, and costs that are reported elsewhere, £000 a year",
    row="an item",
    labels={"item": "Item"},
    values=(
        Value("amount", "£000", "thousands"),
        Value("standing", "Standing", "text"),
        Value("where", "Reported in", "text"),
    ),
    source=f"data/reference/double_running.csv: {REPORT}, 3, 8 and existing services",
    method="as published",
)
def double_running(view: View) -> pd.DataFrame:
    """Double running apart from the programmes' own cost; where no figure is published there is none."""
    frame = own_table(view, "double_running.csv", "amount_000")
    frame = frame.rename(columns={"amount_000": "amount", "reported_in": "where"})
    return frame[["item", "amount", "standing", "where"]]


@table(
    "published_parts",
    title="What each programme claims by itself, £000",
    row="a claim",
    labels={"claim": "Claim"},
    values=(Value("amount", "Claimed £000", "thousands"), Value("note", "Note", "text")),
    margins=("claim",),
    source=f"data/reference/scenario_totals.csv: {REPORT}, 3.2 to 3.4",
    method="as published; the sum is of parts that may hold the same child",
)
def published_parts(view: View) -> pd.DataFrame | Rows:
    """The parts, their sum, and why the report gives no whole."""
    if not view.authority.published:
        return []
    parts, withheld = overlap.published_parts(scenarios.totals())
    frame = parts.rename(columns={"scenario": "claim", "amount_000": "amount"})[["claim", "amount", "note"]]
    frame.loc[len(frame)] = [ALL, frame["amount"].sum(), withheld.reason]
    return frame


@table(
    "overlap_seen",
    title="One child, one placement a year: what the register's children would come to at the published worth of each",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("children", "Children, each once a year"),
        Value("summed", "What it is summed with", "text", children=False, inward=True),
        GIVEN_AWAY,
        # A sum in pounds of a few programmes, each at its own worth, tells the number of children of each.
        Value("parts", "At the worth of each £000", "thousands", follows=("children",), over="summed"),
        Value(
            "whole",
            "Each child once, at its largest claim £000",
            "thousands",
            follows=("children", "with_it"),
            over="summed",
        ),
    ),
    source="the programme register; data/reference/programme_worth.csv",
    method="starts by financial year × published worth per child; the whole is never above the sum of its parts",
)
def overlap_seen(view: View) -> Rows:
    """What adding the programmes up would count twice; the published sums alone where there is no register."""
    worth = programme_worth().set_index("register")
    if view.register is None:
        return []
    cases = cases_at(view.register, view.as_of)
    cases = cases[cases["started"] & cases["programme"].isin(worth.index[worth["per_child"].notna()])]
    if cases.empty:
        return []
    starts = pd.DatetimeIndex(days_to_dates(cases["start"].to_numpy())).date
    years = [year_label(financial_year_start(day)) for day in starts]
    claims = cases.assign(period=years).drop_duplicates(["child", "programme", "period"])
    claims = claims.assign(claimed_pounds=claims["programme"].map(worth["per_child"].to_dict()) * 1000)
    found = overlap.overlap(claims[list(overlap.COLUMNS)])
    if isinstance(found, Withheld):
        return []
    counts = claims["programme"].value_counts()
    rows = []
    for row in found.parts.itertuples():
        worth_000 = row.claimed_pounds / 1000
        rows.append((worth.at[row.programme, "programme"], counts[row.programme], ALL, np.nan, worth_000, worth_000))
    # What is counted twice, in pounds, tells how many children were in which programmes.
    together = claims.sort_values("programme").groupby(["child", "period"])["programme"].agg(" + ".join)
    few = least(*together[together.str.contains(" + ", regex=False)].value_counts())
    return [*rows, (ALL, np.nan, ALL, few, found.sum_of_parts_pounds / 1000, found.whole_pounds / 1000)]


@table(
    "sealed_forecasts",
    title="What was forecast and sealed, what came, and what was changed afterwards, £000",
    row="a forecast",
    labels={"name": "Forecast", "target": "Quarter"},
    values=(
        Value("made_on", "Made on", "text"),
        Value("sealed", "Sealed £000", "thousands"),
        Value("in_force", "Now £000", "thousands"),
        Value("effect", "Effect of re-basing £000", "signed"),
        Value("actual", "Came £000", "thousands"),
        Value("error", "Came less sealed £000", "signed"),
        Value("reason", "Reason given for re-basing", "text"),
        Value("checked", "Beside the scenario that the pages use", "text"),
        Value("seal", "Seal, its first digits", "text"),
    ),
    source=f"data/reference/{SEALS}, entered from the published documents; scenarios.csv; {REPORT}, 6.4",
    method="SHA-256 chain; the first value is scored, a re-basing is a record with its effect in pounds",
)
def sealed_forecasts(view: View) -> Rows:
    """Each forecast as first sealed, its re-basing and its score; a do-nothing has no outcome to be scored by."""
    if not view.authority.published:
        return []
    seals, case = sealing.read_seals(REFERENCE / SEALS), scenarios.scenarios()
    actual = amount_000(scenarios.totals(), scenario="current position", point=AT, measure="total cost")
    scored = sealing.score(seals, TARGET, {scenarios.LIKELY: actual}).set_index("name")
    scored = scored[["actual", "error"]].reindex(sorted({item.name for item in seals}))
    why = sealing.rebasings(seals).set_index("name")["basis"]
    rows = []
    for seal in (item for item in seals if item.kind == sealing.FORECAST):
        now = sealing.in_force(seals, seal.name, seal.target) or seal
        values = (_date(seal.made_on), seal.value, now.value, now.value - seal.value)
        reason, check = why.get(seal.name, "none"), _checked(seal, case)
        rows.append((seal.name, seal.target, *values, *scored.loc[seal.name], reason, check, seal.hash[:12]))
    return rows


def _checked(seal: sealing.Seal, case: pd.DataFrame) -> str:
    """Whether the scenario that the pages use is still the one that was sealed."""
    found = scenarios.evaluate(case, seal.name, AT)
    if isinstance(found, Withheld):
        return found.reason
    try:
        sealing.require_sealed((seal,), seal.name, seal.target, found.total_000)
    except InputError as error:
        return str(error)
    return "the same"


@table(
    "jump",
    title="From the avoidance expected to the avoidance claimed, to September 2020, £000",
    row="a part of the difference",
    labels={"step": "Step"},
    values=(Value("amount", "£000", "thousands"),),
    source=f"data/reference/{SEALS} and scenario_totals.csv: {REPORT}, 6.4 and 6.5",
    method="claimed less expected = re-based less sealed do-nothing + sealed less actual programme cost",
)
def jump(view: View) -> Rows:
    """How much of the rise came from moving the do-nothing, and how much from the outturn."""
    if not view.authority.published:
        return []
    seals, totals = sealing.read_seals(REFERENCE / SEALS), scenarios.totals()
    nothing, likely = (sealing.first(seals, name, TARGET) for name in (scenarios.DO_NOTHING, scenarios.LIKELY))
    if nothing is None or likely is None:
        raise InputError(f"data/reference/{SEALS} lacks the do-nothing or the likely scenario of {TARGET}.")
    claimed, actual = (amount_000(totals, scenario=name, point=AT, measure="total cost")
                       for name in ("do nothing, re-based", "current position"))  # fmt: skip
    found = sealing.jump(nothing.value, likely.value, claimed, actual)
    return [
        ("Expected in June 2019", found.expected_000),
        ("The do-nothing re-based", found.by_rebasing_000),
        ("Cost below the forecast", found.by_outturn_000),
        ("Claimed", found.claimed_000),
    ]


@table(
    "benefit_sums",
    title="Sums that the assurance report gives, and the same worked out, £000",
    row="a sum",
    labels={"sum": "Sum"},
    values=(
        Value("computed", "Worked out £000", "thousands"),
        Value("published", "Published £000", "thousands"),
        Value("difference", "Difference £000", "signed"),
    ),
    source="data/reference/facts.csv: Best Value assurance report September 2019, 1",
    method="summed",
)
def benefit_sums(view: View) -> Rows:
    """The year-one benefit from its own parts, and the total of the first six months."""
    if not view.authority.published:
        return []
    facts, total = project_facts(), own_table(view, "benefits_2019.csv", "amount_000")["amount_000"].sum()
    expected = facts["year1_young_people"] * (facts["op_unit_cost"] - facts["ifa_unit_cost"])
    return [
        ("First year's benefit expected", expected, facts["year1_benefit"], expected - facts["year1_benefit"]),
        ("Benefits of the first six months", total, facts["benefit_total"] * 1000,
         total - facts["benefit_total"] * 1000),
    ]  # fmt: skip

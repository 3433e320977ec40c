"""Tables of notebook 14: who was trained, whether practice changed, and money that was agreed in principle only."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.formats import capital
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.registry import ALL, Rows, Value, interval, table
from bond_eval.evidence.tables.domestic_abuse import ACTIVITY, SHARE
from bond_eval.evidence.tables.programmes import activity, latest, months
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import changed, ends_of
from bond_eval.methods.proportions import difference, share_of

PROGRAMME = "trauma"


@table(
    "trauma_training",
    title="Training places taken up, beside the workforce",
    row="a sector",
    labels={"sector": "Sector"},
    values=(Value("children", "Places taken up", of="of"), Value("of", "Workforce"), *SHARE[2:]),
    margins=("sector",),
    source=ACTIVITY,
    method="places taken up so far ÷ workforce on the latest day; Wilson 95% interval; whoever came twice counts twice",
)
def trauma_training(view: View) -> Rows:
    """Training so far by sector; a sector of which the workforce is not known has no share, and none has the whole."""
    trained = activity(view, PROGRAMME, "practitioners trained").groupby("breakdown")["value"].sum()
    staff = latest(activity(view, PROGRAMME, "workforce"))
    names = sorted(set(trained.index) | set(staff.index))
    if not names:
        return []
    counts = pd.DataFrame({"n": trained, "of": staff}).reindex(names)
    rows = [(_named(name), *share_of(n, of)) for name, n, of in counts.itertuples()]
    return [*rows, (ALL, *share_of(*counts.sum(min_count=len(counts))))]


def _named(word: object) -> str:
    return capital(str(word) or "Not recorded")


def _audits(view: View) -> pd.DataFrame:
    """One row an audit in time order: first, last, informed, files."""
    rows = activity(view, PROGRAMME, "files audited")
    counts = rows.pivot_table(index=["first", "last"], columns="breakdown", values="value", aggfunc="sum", fill_value=0)
    return pd.DataFrame({"informed": counts.get("trauma informed", 0.0), "files": counts.sum(axis=1)}).reset_index()


@table(
    "trauma_practice",
    title="Case files audited: how many were trauma informed",
    row="an audit",
    labels={"period": "Audit"},
    values=(Value("children", "Trauma informed", of="of"), Value("of", "Files audited"), *SHARE[2:]),
    source=ACTIVITY,
    method="Wilson 95% interval; how files were chosen, and by whom judged, is not in the register",
)
def trauma_practice(view: View) -> Rows:
    """Each audit in time order."""
    audits = _audits(view).itertuples()
    return [(months(one.first, one.last), *share_of(one.informed, one.files)) for one in audits]


@table(
    "trauma_change",
    title="Did practice change between the first audit and the last?",
    row="a comparison",
    labels={"between": "Between"},
    values=(
        Value("before", "Trauma informed in the first", of="before_of"),
        Value("before_of", "Files in the first"),
        Value("after", "Trauma informed in the last", of="after_of"),
        Value("after_of", "Files in the last"),
        *interval("change", "Change, percentage points", "decimal", "before", "before_of", "after", "after_of"),
        Value("verdict", "What can be said", "text", children=False),
    ),
    source=ACTIVITY,
    method="difference of two shares with Newcombe's 95% interval; no comparison group",
)
def trauma_change(view: View) -> Rows:
    """Last audit less the first, in points; two audits of other files by one rule, before and after the training."""
    audits = _audits(view)
    if len(audits) < 2:
        return []
    first, last = audits.iloc[0], audits.iloc[-1]
    counts = [int(one[name]) for one in (first, last) for name in ("informed", "files")]
    if not counts[1] or not counts[3]:
        return []
    found = difference(counts[2], counts[3], counts[0], counts[1])
    said = changed(found, min(counts[1], counts[3]), better="up", null=0.0)
    between = f"{months(first['first'], first['last'])} and {months(last['first'], last['last'])}"
    return [(between, *counts, *(100 * end for end in ends_of(found)), said)]


@table(
    "trauma_referrals",
    title="Referrals, and work shared with adult mental health",
    row="a group and source",
    labels={"group": "Group", "source": "From"},
    values=(Value("referrals", "Referrals"),),
    margins=("source",),
    source=ACTIVITY,
)
def trauma_referrals(view: View) -> Rows:
    """Referrals by who made them; parents known to adult mental health services, and those with a joint plan."""
    rows: list[tuple[str, str, float]] = []
    counts = activity(view, PROGRAMME, "referrals").groupby("breakdown")["value"].sum()
    rows += [("Referrals", _named(name), n) for name, n in counts.items()]
    if len(counts):
        rows.append(("Referrals", ALL, counts.sum()))
    parents = activity(view, PROGRAMME, "parents with adult mental health services").groupby("breakdown")["value"].sum()
    return [*rows, *(("Parents and adult mental health", _named(name), n) for name, n in parents.items())]


@table(
    "trauma_money",
    title="The trauma work in the published cost: agreed in principle only, and yet inside the total",
    row="a figure",
    labels={"line": "Figure"},
    values=(
        Value("amount", "£000", "thousands", children=False),
        Value("share", "Trauma work's share of it", "percent", children=False),
        Value("section", "Where", "text", children=False),
        Value("claim", "Claim", "text", children=False),
    ),
    source="data/reference/facts.csv",
    method="published figures; the total less the line that was not yet approved",
)
def trauma_money(view: View) -> Rows:
    """The business case, the line of the table, the total with and without it; only where they are published."""
    if not view.authority.published:
        return []
    facts = project_facts()
    line, total = facts["recurrent_trauma"], facts["recurrent_total"]
    return [
        ("Business case, agreed in principle", facts["trauma_business_case"] / 1000, np.nan, "3.5", "C072"),
        ("Line in the recurrent cost", line, np.nan, "programme table", "C072"),
        ("Recurrent cost with it", total, line / total, "programme table", "C087"),
        ("Recurrent cost without it", total - line, np.nan, "worked out", "none"),
        ("Full implementation as asked for", facts["headline_recurrent"] * 1000,
         line / (facts["headline_recurrent"] * 1000), "8 and 9", "C155"),
    ]  # fmt: skip


@table(
    "trauma_readiness",
    title="What can be measured of trauma-informed work, and what cannot yet",
    row="a thing to measure",
    labels={"measure": "To measure"},
    values=(
        Value("data", "Any data", "text", children=False),
        Value("lacking", "Lacks data", "number", children=False),
        Value("needs", "What would answer it", "text", children=False),
    ),
    source="programme register",
    method="whether the register holds any row of it",
)
def trauma_readiness(view: View) -> Rows:
    """From training to children: each step, whether anything is recorded of it, and what would have to be."""
    cases = view.register is not None and bool((view.register.cases["programme"] == PROGRAMME).any())
    scores = view.register is not None and bool((view.register.measures["programme"] == PROGRAMME).any())
    baseline = len(_audits(view)) > 1
    steps = (
        ("Practitioners trained", _any(view, "practitioners trained"), "activity: practitioners trained by sector"),
        ("Workforce to be trained", _any(view, "workforce"), "activity: workforce by sector"),
        ("Practice, before and after", baseline, "activity: files audited, twice by the same rule"),
        ("Referrals to the work", _any(view, "referrals"), "activity: referrals by who made them"),
        ("Children and families reached", cases, "cases: who was taken on, and when"),
        ("Wellbeing and resilience of families", scores, "measures: a score at the start and later"),
        ("Practice elsewhere in the same time", False, "audits of the same kind where nobody was trained"),
    )
    return [(name, "yes" if held else "none", int(not held), needs) for name, held, needs in steps]


def _any(view: View, name: str) -> bool:
    return len(activity(view, PROGRAMME, name)) > 0

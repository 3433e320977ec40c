"""Tables of notebook 23: who was recruited, who learns, and what none of it may be added to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core.formats import capital
from bond_eval.evidence.claims_facts import project_facts
from bond_eval.evidence.coarse import fold
from bond_eval.evidence.registry import ALL, Rows, Value, coarser, interval, table
from bond_eval.evidence.tables.domestic_abuse import ACTIVITY
from bond_eval.evidence.tables.programmes import activity, latest
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference
from bond_eval.methods.proportions import share_of

PROGRAMME = "route29"
LOCAL, CARE_LEAVERS = "Staff who live in the authority", "Staff who are care leavers"
EXISTING, NEW = "Staff who worked for the authority or its schools before", "Staff newly recruited"
ENROLLED, LEVEL_5 = "Apprenticeships enrolled", "Staff on the higher diploma (level 5)"
CARERS = "Local foster carers approved"
ELSEWHERE = "elsewhere"  # the breakdown of staff who live outside the authority
# Published name of a fact, and its claim.
FACTS = {
    LOCAL: ("staff_from_salford", "C074"), CARE_LEAVERS: ("staff_care_leavers", "C150"),
    EXISTING: ("staff_existing_employees", "C151"), ENROLLED: ("apprentices_level_4_enrolled", "C146"),
    LEVEL_5: ("apprentices_level_5", "C147"),
}  # fmt: skip


def _stock(view: View, name: str) -> pd.Series:
    return latest(activity(view, PROGRAMME, name))


@table(
    "social_value",
    title="Social value: counts, each beside the whole it is part of",
    row="a measure",
    labels={"measure": "Measure"},
    values=(
        Value("children", "Number", of="of"),
        Value("of", "Of"),
        *interval("share", "Share", "percent", "children", "of"),
        Value("published", "Published", follows=("children", "of")),
        Value("gap", "Difference", "signed", follows=("children", "published")),
        Value("claim", "Claim", "text", children=False),
    ),
    source=f"{ACTIVITY}; data/reference/facts.csv",
    method="complete count of a staff list; Wilson 95% interval, as though staff like these were to be recruited again",
)
def social_value(view: View) -> Rows:
    """Each count that the register has; numbers of staff from 1 to 5 are guarded like those of children."""
    facts = project_facts() if view.authority.published else {}
    rows: list[tuple[Any, ...]] = []
    for measure, n, of in _counted(view):
        fact, claim = FACTS.get(measure, ("", "none"))
        told = facts.get(fact, np.nan)
        if measure == NEW and facts:
            told = facts["staff_total"] - facts[FACTS[EXISTING][0]]
        rows.append((measure, *share_of(n, of), told, n - told, claim if facts else "none"))
    return rows


def _counted(view: View) -> list[tuple[str, float, float]]:
    """(measure, number, whole or NaN); what the register does not hold is left out."""
    home = _stock(view, "staff by home")
    staff = home.sum() if len(home) else _stock(view, "staff in post").sum(min_count=1)
    leavers, existing = _stock(view, "staff care leavers"), _stock(view, "staff existing employees")
    enrolled, planned = _stock(view, "apprenticeships enrolled"), _stock(view, "apprenticeships planned")
    higher, carers = _stock(view, "level 5 apprenticeships"), activity(view, PROGRAMME, "local foster carers approved")
    found = [
        (LOCAL, home[home.index != ELSEWHERE].sum(min_count=1), staff),
        (CARE_LEAVERS, leavers.sum(min_count=1), staff),
        (NEW, staff - existing.sum(min_count=1), staff),
        (EXISTING, existing.sum(min_count=1), staff),
        (ENROLLED, enrolled.sum(min_count=1), planned.sum(min_count=1)),
        (LEVEL_5, higher.sum(min_count=1), staff),
        (CARERS, carers["value"].sum(min_count=1), np.nan),
    ]
    return [row for row in found if row[1] == row[1]]


@table(
    "social_value_proxies",
    title="What each would be worth: no value is used that has no source",
    row="a measure",
    labels={"measure": "Measure"},
    values=(
        Value("number", "Number"),
        Value("proxy", "Value of each", "pounds", children=False),
        Value("worth", "Number × value", "pounds", follows=("number",)),
        Value("priced", "Has a sourced value", "number", children=False),
        Value("gains", "Who gains", "text", children=False),
        Value("standing", "Standing", "text", children=False),
        Value("note", "Note", "text", children=False),
    ),
    source=f"{ACTIVITY}; data/reference/social_value_proxies.csv",
    method="kept apart from fiscal savings; never added to them, nor to each other",
)
def social_value_proxies(view: View) -> pd.DataFrame:
    """Counts beside the proxy value of each, blank where none has a source."""
    rows = read_reference("social_value_proxies.csv")
    counts = {measure: n for measure, n, _ in _counted(view)}
    number = rows["measure"].map(counts).astype(float)
    proxy = pd.to_numeric(rows["proxy_pounds"])
    note = rows["note"].mask(rows["note"] == "", "none")
    rows = rows.assign(number=number, proxy=proxy, worth=number * proxy, priced=proxy.notna().astype(int), note=note)
    return rows[["measure", "number", "proxy", "worth", "priced", "gains", "standing", "note"]]


@table(
    "staff_roles",
    title="Staff in post by role",
    row="a role",
    labels={"role": "Role"},
    values=(Value("staff", "In post"),),
    margins=("role",),
    source=ACTIVITY,
)
def staff_roles(view: View) -> Rows:
    """The latest staff list of Route 29, with its total."""
    staff = _stock(view, "staff in post")
    rows = [(capital(role), n) for role, n in staff.items()]
    return [*rows, (ALL, staff.sum())] if rows else []


@coarser("staff_roles", said="Roles that few hold are put together in one row.")
def _roles_together(frame: pd.DataFrame) -> pd.DataFrame:
    """Roles of few staff as one row, which names them."""
    return fold(frame, "role", "staff", lambda few: "; ".join(sorted(few["role"])))


@table(
    "staffing_lists",
    title="Roles in the lists that one report gives twice",
    row="a role",
    labels={"role": "Role"},
    values=(
        Value("section_5", "Section 5", "text", children=False),
        Value("section_9", "Section 9", "text", children=False),
        Value("agree", "Agree", "text", children=False),
        Value("apart", "Differ", "number", children=False),
    ),
    source="data/reference/staffing_lists.csv (BOND report to Cabinet 2021, 5 and 9)",
    method="reading of the two lists",
)
def staffing_lists(view: View) -> pd.DataFrame | Rows:
    """Roles as each section names them; only where the lists were published of this authority."""
    if not view.authority.published:
        return []
    rows = read_reference("staffing_lists.csv")
    alike = rows["section_5"].str[:5] == rows["section_9"].str[:5]
    same = alike & ~rows["section_5"].str.contains("more than one")
    return rows.assign(agree=np.where(same, "yes", "no"), apart=(~same).astype(int))

"""Tables of notebook 36 that follow the money: funding against payment, the funders' template, what was asked for."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.periods import next_month
from bond_eval.economics.reference import load
from bond_eval.evidence.cells import CONFIDENTIAL
from bond_eval.evidence.dials import MONITORING, dials
from bond_eval.evidence.gate import protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import Rows, Value, registered, table
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference

FUNDED = ("investment approved", "year 1 support")
NOTHING_APPROVED = "paid, and no investment approved: a cost that belongs elsewhere, or an approval not entered"
KEYS = ["programme", "funder"]


@table(
    "control_template",
    title="Control template: each source of funding against its application, £000",
    row="a programme and funder",
    labels={"programme": "Programme", "funder": "Funder"},
    values=(
        Value("approved", "Approved (source) £000", "thousands"),
        Value("spent", "Paid to date (application) £000", "thousands"),
        Value("left", "Left or (overspent) £000", "thousands"),
        Value("even", "Paid by now if even £000", "thousands"),
        Value("ahead", "Ahead or behind £000", "signed"),
        Value("flag", "Flag", "text"),
        Value("flagged", "Lines flagged", "number"),
    ),
    source="data/reference/funding.csv and funding_sources.csv; programme_spend.csv of the authority's finance files",
    method="approved less paid to the quarter's end; even profile from the first month paid to the last year's end",
)
def control_template(view: View) -> pd.DataFrame:
    """The template that the assurance report asked for; what is paid without an approval is picked up."""
    approved, spent = _approved(view), _spent(view)
    frame = approved.merge(spent, on=KEYS, how="outer")
    paid = len(spent) > 0
    frame["spent"] = frame["spent"].fillna(0.0) if paid else np.nan
    started = frame["first"].min() if paid else None
    frame["even"] = [_even(row, started, view.as_of) for row in frame.to_dict("records")]
    frame = frame.assign(left=frame["approved"] - frame["spent"], ahead=frame["spent"] - frame["even"])
    tolerance = dials(MONITORING)["control_tolerance"].mode
    frame["flag"] = [_flag(row, tolerance) for row in frame.to_dict("records")]
    frame["flagged"] = [int(not flag.startswith(("in line", "no "))) for flag in frame["flag"]]
    columns = [*KEYS, "approved", "spent", "left", "even", "ahead", "flag", "flagged"]
    return frame.sort_values(KEYS, ignore_index=True)[columns]


def _approved(view: View) -> pd.DataFrame:
    """Investment approved by programme and funder, £000, with the last financial year that it is for."""
    rows = load("funding.csv")
    rows = rows[(rows["scheme"] == "BOND") & rows["item"].isin(FUNDED)] if view.authority.published else rows[:0]
    return rows.assign(approved=rows["amount_000"], until=rows["year"].str[-7:-3])[[*KEYS, "approved", "until"]]


def _spent(view: View) -> pd.DataFrame:
    """Paid to the quarter's end by programme and funder under our names, £000, with the first month."""
    if view.finance is None or view.finance.spend.empty:
        return pd.DataFrame(columns=[*KEYS, "spent", "first"])
    names = read_reference("funding_sources.csv").groupby("field")
    ours = {field: dict(zip(part["written"], part["ours"], strict=True)) for field, part in names}
    spend = view.finance.spend.assign(month=pd.to_datetime(view.finance.spend["month"]).dt.date)
    spend = spend[spend["month"] <= view.as_of].rename(columns={"funding_source": "funder"})
    for column, field in (("programme", "programme"), ("funder", "funding_source")):
        spend[column] = spend[column].replace(ours[field])
    sums = spend.groupby(KEYS, as_index=False).agg(spent=("pounds", "sum"), first=("month", "min"))
    return sums.assign(spent=sums["spent"] / 1000)


def _even(row: dict[str, object], started: dt.date | None, as_of: dt.date) -> float:
    """Of what is approved, the share of its months that is over: from the first month paid to 31 March."""
    if started is None or pd.isna(row["approved"]):
        return np.nan
    ends, now = dt.date(int(str(row["until"])) + 1, 4, 1), next_month(as_of)
    over, whole = ((day.year - started.year) * 12 + day.month - started.month for day in (min(now, ends), ends))
    return float(str(row["approved"])) * over / whole if whole > 0 else np.nan


def _flag(row: dict[str, object], tolerance: float) -> str:
    approved, spent, ahead = (float(str(row[name])) for name in ("approved", "spent", "ahead"))
    if np.isnan(spent):
        return "no payments supplied: programme_spend.csv in the finance folder would show them"
    if np.isnan(approved):
        return NOTHING_APPROVED
    if spent > approved:
        return f"overspent by £{formats.number(spent - approved)}k"
    if abs(ahead) > tolerance * approved:
        return f"{'ahead of' if ahead > 0 else 'behind'} an even profile by £{formats.number(abs(ahead))}k"
    return "in line with an even profile"


@table(
    "gm_funding_template",
    title="The Greater Manchester funding template, as far as the workbook can fill it",
    row="a heading of the template",
    labels={"heading": "Heading"},
    values=(
        Value("figure", "Figure £000", "thousands"),
        Value("from_table", "From the table", "text"),
        Value("note", "Note", "text"),
    ),
    source="data/reference/gm_template.csv: headings of our own, as the template's layout is not public",
    method="the sum of a column over the rows that the mapping names",
)
def gm_funding_template(view: View) -> Rows:
    """Each heading of the mapping file with our figure; nothing that speaks of children can be mapped."""
    built: dict[str, Protected] = {}
    rows = []
    for row in read_reference("gm_template.csv").to_dict("records"):
        figure = _mapped(view, row, built)
        note = row["note"] if figure == figure else f"{row['note']}: not available for this authority"
        rows.append((row["heading"], figure, registered()[row["table"]].title, note))
    return rows


def _mapped(view: View, row: dict[str, str], built: dict[str, Protected]) -> float:
    """The figure of one heading; NaN where no row has it. Raises InputError for a mapping that names nothing."""
    where = dict(part.split("=", 1) for part in row["where"].split(";") if "=" in part)
    spec = registered().get(row["table"])
    value = next((item for item in spec.values if item.name == row["value"]), None) if spec else None
    if spec is None or value is None or not set(where) <= set(spec.labels):
        raise InputError(f"data/reference/gm_template.csv, {row['heading']!r}: no such table, column or label.")
    if value.guarded or value.follows or value.kind == "text":
        raise InputError(f"data/reference/gm_template.csv, {row['heading']!r}: a figure of children cannot be mapped.")
    if spec.id not in built:  # what the gate withholds is no figure of the template
        built[spec.id] = protect(spec, spec.build(view), view.audience)
    cells = built[spec.id].where(**where).cells(row["value"])
    known = [cell.value for cell in cells if cell.value is not None]
    return float(sum(known)) if known and all(cell.symbol != CONFIDENTIAL for cell in cells) else np.nan


@table(
    "assurance_needs",
    title="The seven things that the assurance report asked to be developed, and the pages that meet each",
    row="a need",
    labels={"need": "Need"},
    values=(
        Value("met_by", "Pages that meet it", "text"),
        Value("how_far", "How far", "text"),
        Value("notebooks", "Pages", "number"),
    ),
    source="data/reference/assurance_needs.csv: Best Value assurance report September 2019, 1",
    method="a judgement, set out so that it can be argued with",
)
def assurance_needs(view: View) -> pd.DataFrame:
    """Each need, where the workbook meets it, and what is still missing."""
    frame = read_reference("assurance_needs.csv")
    pages = frame["met_by"].str.count(";") + 1
    frame = frame.assign(notebooks=pages, met_by=frame["met_by"].str.replace("_", " "))
    return frame[["need", "met_by", "how_far", "notebooks"]]

"""Tables of notebook 07: what was published of the same models elsewhere, beside what this register can say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core import formats
from bond_eval.evidence.measured import known_now, stayed_out
from bond_eval.evidence.registry import Rows, Value, interval, table
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference
from bond_eval.methods.proportions import share_of

DESIGNS = ("A trial", "A comparison group", "No comparison", "No effect measured")
STAYED = "Remained out of care"


@table(
    "wider_evidence",
    title="Published effects of the same models",
    row="a study and outcome",
    labels={"model": "Model", "place": "Where", "outcome": "Outcome"},
    values=(
        Value("effect", "Published effect", "text", children=False),
        Value("n", "Number it rests on", "text", children=False),
        Value("design", "Design", "text", children=False),
        Value("maryland", "Maryland scale", "text", children=False),
        Value("comparator", "Compared with", "text", children=False),
        Value("standing", "Standing", "text", children=False),
        Value("source", "Source", "text", children=False),
        Value("note", "Note", "text", children=False),
    ),
    source="data/reference/wider_evidence.csv",
    method="published figures as their sources give them",
)
def wider_evidence(view: View) -> pd.DataFrame:
    """One row a published statement; what a source does not give is said and not guessed."""
    rows = read_reference("wider_evidence.csv")
    shown = [_effect(*pair) for pair in zip(rows["effect"], rows["unit"], strict=True)]
    return rows.assign(
        effect=shown,
        n=[f"{int(n):,}" if n else "not given" for n in rows["n"]],
        maryland=rows["maryland"].replace("", "none"),
        outcome=rows["outcome"].replace("", "none measured"),
    )


def _effect(text: str, unit: str) -> str:
    if not text:
        return "none given"
    value = float(text)
    if unit == "share":
        return ("−" if value < 0 else "") + formats.percent(abs(value))
    return formats.money(value) if unit == "£" else formats.number(value)


@table(
    "wider_designs",
    title="How strong the published designs are",
    row="a kind of design",
    labels={"design": "Design"},
    values=(
        Value("statements", "Published statements", children=False),
        Value("results", "With a result", children=False),
    ),
    source="data/reference/wider_evidence.csv",
    method="count of statements",
)
def wider_designs(view: View) -> pd.DataFrame:
    """Statements by what they could show: a trial, a comparison group, or neither."""
    rows = read_reference("wider_evidence.csv")
    level = pd.to_numeric(rows["maryland"]).fillna(0)
    kinds = np.select([level >= 4, level >= 3, level >= 1], DESIGNS[:3], DESIGNS[3])
    result = (rows["effect"] != "").astype(int)
    sums = pd.DataFrame({"design": kinds, "statements": 1, "results": result}).groupby("design").sum()
    return sums.reindex(DESIGNS, fill_value=0).rename_axis("design").reset_index()


@table(
    "stayed_out",
    title="Children not looked after when referred to a programme that took them on, who have not come into care since",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("children", "Not come into care since", of="of"),
        Value("of", "Of"),
        *interval("share", "Share", "percent", "children", "of"),
        Value("published", "Published elsewhere for the model", "text", children=False),
    ),
    source="programme register and SSDA903; data/reference/wider_evidence.csv",
    method="every child that started, however recently; Wilson 95% interval; no comparison group",
)
def stayed_out_table(view: View) -> Rows:
    """Our own figure with the same shape as the published one. Follow-up is short, so it flatters."""
    wider, rows = read_reference("wider_evidence.csv"), []
    told = wider[wider["outcome"] == STAYED].set_index("programme")["effect"]
    for programme in view.register.programmes.to_dict("records") if view.register is not None else ():
        out, of = stayed_out(known_now(view), programme["programme"], view.as_of)
        if of > 0:
            there = _effect(told[programme["programme"]], "share") if programme["programme"] in told else "none"
            rows.append((programme["name"], *share_of(int(out), int(of)), there))
    return rows

"""Tables of notebook 22 on what is to come: is resilience measured, are pathways agreed, is it done as recommended?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.evidence.registry import ALL, Rows, Value, interval, table
from bond_eval.evidence.scorecard import IMPROVING, NO_DATA, measures_of
from bond_eval.evidence.tables.measures_of_success import scorecard
from bond_eval.evidence.tables.programmes import REGISTER, activity, latest
from bond_eval.evidence.tables.voice_and_cases import names_of, whole, with_shares
from bond_eval.evidence.tables.whole_system import OVER, SPARE, system_capacity
from bond_eval.evidence.view import View
from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import day_number
from bond_eval.programmes.scales import scale_change

IN_USE, BEGUN, TOLD, UNUSED, UNKNOWN = (
    "in use: scores at the start and later", "begun: scores once", "reported, with no score in the register",
    "not in use", "not known",
)  # fmt: skip
DONE, STARTED, NOT_SHOWN, NOT_KNOWN = (
    "shown to be done", "shown to be begun", "not shown by its measure", "not known",
)  # fmt: skip
SHOWN_BY = ("value", "improving", "")
FILE = "recommendations.csv"
RESILIENCE, RESILIENCE_TOLD = "family_resilience", "families with a family-resilience score"
PARENTS, REFERRED, PLANNED = "parents with adult mental health services", "referred", "joint plan"
NO_ACTIVITY = "it cannot be said without the register's activity.csv"


@table(
    "resilience_readiness",
    title="Is family resilience, the shared outcome, measured yet?",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("status", "An instrument", "text", children=False),
        Value("told", "Families with a score, as reported"),
        Value("scored", "Children with a score"),
        Value("pairs", "Scored again", of="scored"),
    ),
    source=REGISTER,
    method="complete count of scores; the instruments that would do stand in data/reference/measures.csv",
)
def resilience_readiness(view: View) -> Rows:
    """Every programme; what it reports without a score of a child stands beside what the register holds."""
    found = [(name, _resilience(view, key)) for key, name in names_of(view).items() if key]
    return [(name, readiness(*counts), *counts) for name, counts in found]


def readiness(told: float, scored: float, pairs: float) -> str:
    """Where a programme stands: from families reported (NaN: nothing was), children scored, and scored again."""
    if pairs > 0:
        return IN_USE
    if scored > 0:
        return BEGUN
    return UNKNOWN if told != told else TOLD if told > 0 else UNUSED


def _resilience(view: View, key: str) -> tuple[float, float, float]:
    register = view.register
    if register is None:
        return (np.nan,) * 3
    told = float(latest(activity(view, key, RESILIENCE_TOLD)).sum(min_count=1))
    if key not in set(register.cases["programme"]):
        return told, np.nan, np.nan
    scores = register.measures[(register.measures["programme"] == key) & (register.measures["measure"] == RESILIENCE)]
    found = [scale_change(register, view.as_of, key, RESILIENCE, rater).frame for rater in sorted(set(scores["rater"]))]
    if not found:
        return told, 0.0, 0.0
    frame = pd.concat(found)
    return told, float(frame["child"].nunique()), float(frame.loc[frame["end"].notna(), "child"].nunique())


@table(
    "adult_mental_health",
    title="Parents who are with adult mental health services too, and those with a joint plan",
    row="a programme",
    labels={"programme": "Programme"},
    values=(
        Value("referred", "Parents referred"),
        Value("planned", "With a joint plan", of="referred"),
        *interval("share", "Share", "percent", "planned", "referred"),
        Value("said", "What can be said", "text", follows=("planned", "referred")),
    ),
    source="programme register: activity",
    method="complete count as reported; Wilson 95% interval",
)
def adult_mental_health(view: View) -> pd.DataFrame:
    """Programmes that report it, and a whole, which is there without a report too."""
    rows = []
    if view.register is not None:
        told = view.register.activity
        mine = told[(told["activity"] == PARENTS) & (told["last"] <= day_number(view.as_of))]
        for key, part in mine.groupby("programme", sort=True):
            sums = part.groupby("breakdown")["value"].sum()
            rows.append((names_of(view).get(key, key), sums.get(REFERRED, np.nan), sums.get(PLANNED, np.nan)))
    counts = ["referred", "planned"]
    frame = pd.DataFrame(rows, columns=["programme", *counts])
    frame.loc[len(frame)] = [ALL, *(whole(view, frame, counts) if rows else (np.nan,) * 2)]
    return with_shares(frame, "planned", "referred", NO_ACTIVITY)


@table(
    "recommendations",
    title="What was recommended, and is it done?",
    row="a recommendation",
    labels={"id": "Id"},
    values=(
        Value("recommendation", "Recommendation, in our words", "text", children=False),
        Value("by", "By", "text", children=False),
        Value("section", "Where", "text", children=False),
        Value("owner", "Owner", "text", children=False),
        Value("due", "Due", "text", children=False),
        Value("done", "Done?", "text", children=False),
        Value("measured_by", "Would be shown by", "text", children=False),
        Value("standing", "Where that measure stands", "text", children=False),
        Value("note", "Note", "text", children=False),
    ),
    source="data/reference/recommendations.csv; the scorecard",
    method="done only where somebody wrote so or its measure shows it; roles are proposed, to be confirmed",
)
def recommendations(view: View) -> Rows:
    """One row a recommendation with the verdict of its measure. Raises InputError for a measure that is not there."""
    board = scorecard(view).set_index("measure")
    rows, known = [], measures_of(view)
    for line, row in enumerate(read_reference(FILE).to_dict("records"), start=2):
        where = f"data/reference/{FILE} line {line}"
        if row["measure"] and row["measure"] not in known:
            raise InputError(f"{where}: measure {row['measure']!r} is not in measures.csv; write one that is, or none.")
        if row["shown_by"] not in SHOWN_BY:
            raise InputError(f"{where}: shown_by {row['shown_by']!r} is not value or improving; write one, or nothing.")
        name = known[row["measure"]].name if row["measure"] else ""
        standing = str(board.at[name, "variation"]) if name else ""
        done = is_done(standing, row["shown_by"], board.at[name, "numerator"] if name else np.nan)
        rows.append((
            row["id"], row["recommendation"], row["by"], f"{row['document']}, {row['section']}", row["owner_role"],
            row["due"] or "not stated", row["done"] or done, name or "no measure",
            standing or "none", row["note"],
        ))  # fmt: skip
    return rows


def is_done(standing: str, shown_by: str, count: float) -> str:
    """What a measure shows of a recommendation: by `improving`, or by a `value`, that is its last count not being 0."""
    if standing in ("", NO_DATA):
        return NOT_KNOWN
    if shown_by == "value":
        return STARTED if count > 0 else NOT_SHOWN
    return DONE if standing == IMPROVING else NOT_SHOWN


@table(
    "recommendations_summary",
    title="Recommendations by what is known of them",
    row="an author and answer",
    labels={"by": "By", "done": "Done?"},
    values=(Value("recommendations", "Recommendations", children=False),),
    source="data/reference/recommendations.csv; the scorecard",
)
def recommendations_summary(view: View) -> pd.DataFrame:
    """Counts by author and answer, none left out, and of all."""
    rows = recommendations(view)
    answers = list(dict.fromkeys([DONE, STARTED, NOT_SHOWN, NOT_KNOWN, *rows["done"]]))
    counts = pd.crosstab(rows["by"], rows["done"]).reindex(columns=answers, fill_value=0)
    counts.loc[ALL] = counts.sum()
    tidy = counts.stack().rename("recommendations").reset_index()
    return tidy[["by", "done", "recommendations"]]


@table(
    "system_summary",
    title="Programmes by places and by measurement",
    row="a statement",
    labels={"statement": "Statement"},
    values=(
        Value("programmes", "Programmes", children=False),
        Value("of", "Of", children=False),
        Value("said", "What it means", "text", children=False),
    ),
    source=REGISTER,
)
def system_summary(view: View) -> Rows:
    """How many programmes state their places, have some free, or measure family resilience; x where it is unknown."""
    found = system_capacity(view)
    held = view.public & found["open"].between(1, 5)
    verdicts = found["verdict"].mask(held, "withheld")
    stated = int(found["places"].notna().sum())
    status = resilience_readiness(view)["status"]
    used, unknown = int(status.isin((IN_USE, BEGUN)).sum()), int((status == UNKNOWN).sum())
    known = len(status) - unknown
    spare, over = (int((verdicts == word).sum()) for word in (SPARE, OVER))
    return [
        ("spare", spare if stated else np.nan, stated, capacity_said(stated, spare, over)),
        ("resilience", used if known else np.nan, known, resilience_said(unknown, used, known)),
    ]


def capacity_said(stated: int, spare: int, over: int) -> str:
    """What the places say of roll-out: programmes that state them, that have some free, that are over them."""
    if not stated:
        return "it cannot be said without capacity in register/programmes.csv"
    if over and spare:
        return "some are over their places while others have room"
    planned = "the places are those planned, and whether staff could take more is not known"
    return "wider use needs new places" if over or not spare else planned


def resilience_said(unknown: int, used: int, known: int) -> str:
    """What the readiness says of the shared outcome: programmes of which it is not known, using one, known about."""
    if not known:
        return "it cannot be said without the register"
    said = "it is measured in all of them" if used == known else "the rest do not measure it"
    said = said if used else "none measures the shared outcome of the theory of change"
    return said + f"; not known for {unknown}" * bool(unknown)

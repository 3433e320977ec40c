"""Header rows to one row a child, and the other modules as typed rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.intake.recognise import Stack
from bond_eval.intake.reference import codes, labels, modules
from bond_eval.intake.report import Ledger, RowReport
from bond_eval.intake.submissions import assign, match_groups
from bond_eval.intake.typed import NO_DAY, as_codes, as_days, as_numbers, days_to_dates

AGE_OF_LEAVING = 18


def submission_of(
    stack: Stack, child: np.ndarray, member: np.ndarray, submissions: pd.DataFrame, names: list[str]
) -> np.ndarray:
    """For each row the submission (position in time) that its file, or its year of a stacked file, belongs to."""
    group, labels = assign(stack, names)
    known = child >= 0
    best = match_groups(dict(enumerate(labels)), child[known], group[known], list(submissions["name"]), member)
    return np.array([best[number] for number in range(len(labels))], dtype=np.int16)[group]


def one_row_each(
    stack: Stack, child: np.ndarray, submission: np.ndarray, ledger: Ledger
) -> pd.DataFrame:
    """One row a child number: sex, birth (int32 days, NO_DAY unknown), ethnicity, has_header.

    Where returns disagree, the latest that gives a value is used and the disagreement logged.
    """
    birth, bad = as_days(stack.text("DOB"))
    rows = pd.DataFrame(
        {
            "child": child,
            "birth": birth,
            "sex": pd.Series(as_codes(stack.text("SEX"), codes("SEX"))).map(labels("SEX")).astype(object),
            "ethnicity": as_codes(stack.text("ETHNIC"), codes("ETHNIC")),
            "submission": submission,
            "source": stack.source,
            "line": stack.line,
        }
    )
    RowReport(ledger, stack, child)("date_unreadable", "warning", bad, "DOB", "kept")
    rows = rows[child >= 0].sort_values(["child", "submission", "source", "line"], kind="stable")
    people = pd.DataFrame(index=pd.RangeIndex(len(ledger.children), name="child"))
    for column in ("birth", "sex", "ethnicity"):
        given = rows[rows[column].notna() & ((column != "birth") | (rows["birth"] != NO_DAY))]
        people[column] = given.drop_duplicates("child", keep="last").set_index("child")[column]
    people["birth"] = people["birth"].fillna(NO_DAY).astype(np.int32)
    people["sex"] = people["sex"].fillna("Unknown")
    people["has_header"] = people.index.isin(rows["child"])
    _log_conflicts(rows, people, stack, ledger)
    return people


def _log_conflicts(rows: pd.DataFrame, people: pd.DataFrame, stack: Stack, ledger: Ledger) -> None:
    used = people["birth"].to_numpy()[rows["child"].to_numpy()]
    differ = rows.index[(rows["birth"] != NO_DAY) & (rows["birth"].to_numpy() != used)]
    mask = np.zeros(stack.rows, dtype=bool)
    mask[differ] = True
    child = rows["child"].reindex(range(stack.rows), fill_value=-1).to_numpy()
    RowReport(ledger, stack, child)("dob_conflict", "warning", mask, "DOB", "corrected")


def check_against(episodes: pd.DataFrame, people: pd.DataFrame, stack: Stack, ledger: Ledger) -> None:
    """Log episodes of children without header or birth date, begun before birth or after the 18th birthday."""
    child = episodes["child"].to_numpy()
    birth = people["birth"].to_numpy()[child]
    decom = episodes["decom"].to_numpy().astype(np.int64)
    known = birth != NO_DAY
    has_header = people["has_header"].to_numpy()[child]
    days = birth.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    eighteen = ((months + 12 * AGE_OF_LEAVING).astype("datetime64[D]") + (days - months)).astype(np.int64)
    rules = {
        "no_header": (~has_header, "warning"),
        "dob_missing": (has_header & ~known, "warning"),
        "born_after_start": (known & (decom < birth), "warning"),
        "over_18": (known & (decom > eighteen), "note"),
    }
    # `episodes` is a part of the stack's rows, in the stack's numbering.
    report = RowReport(ledger, stack, episodes["child"].reindex(range(stack.rows), fill_value=-1).to_numpy())
    for rule, (wrong, severity) in rules.items():
        mask = np.zeros(stack.rows, dtype=bool)
        mask[episodes.index[wrong]] = True
        report(rule, severity, mask, "CHILD", "kept")


def typed_module(
    stack: Stack, child: np.ndarray, submission: np.ndarray, submissions: pd.DataFrame, ledger: Ledger
) -> pd.DataFrame:
    """A module's rows with types: child, its own columns in lower case, submission, source, line.

    A row without a child id is set aside; an unreadable date, number or code is logged and the row kept.
    """
    frame = pd.DataFrame({"child": child, "source": stack.source, "line": stack.line})
    frame["submission"] = submission
    report = RowReport(ledger, stack, child)
    coded = {}
    for column in modules()[stack.module]:
        if column.name not in stack.columns or column.kind == "id":
            continue
        raw, name = stack.text(column.name), column.name.lower()
        bad = None
        if column.kind == "date":
            days, bad = as_days(raw)
            frame[name] = days_to_dates(days)
        elif column.kind == "number":
            frame[name], bad = as_numbers(raw)
        elif column.kind == "code":
            frame[name] = coded[column.name] = as_codes(raw, codes(column.code_set))
        if bad is not None and (stack.module, column.name) != ("Header", "DOB"):
            report(f"{column.kind}_unreadable", "warning", bad, column.name, "kept")
    report.codes(pd.DataFrame(coded, index=frame.index), frame["submission"].to_numpy(), submissions)
    report("child_blank", "error", child < 0, "CHILD", "set aside")
    return frame[child >= 0].reset_index(drop=True)

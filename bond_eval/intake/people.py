"""Header rows to one row a child, and the other modules as typed rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.intake.checks import Ledger, RowReport
from bond_eval.intake.recognise import Stack
from bond_eval.intake.reference import codes, labels, modules
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


def one_row_each(stack: Stack, child: np.ndarray, submission: np.ndarray, ledger: Ledger) -> pd.DataFrame:
    """One row a child number: sex, birth (int32 days, NO_DAY unknown), ethnicity, has_header.

    Where returns disagree, the latest that gives a value is used and the disagreement logged.
    """
    birth, bad = as_days(stack.text("DOB"))
    sex, ethnicity = as_codes(stack.text("SEX"), codes("SEX")), as_codes(stack.text("ETHNIC"), codes("ETHNIC"))
    report = RowReport(ledger, stack, child)
    report("date_unreadable", "warning", bad, "DOB", "kept")
    # A stack is in the order of file and line, which the sort keeps within a submission.
    order = np.lexsort([submission, child])
    order = order[child[order] >= 0]
    last = {
        name: _last_row(child, order[given[order]], len(ledger.children))
        for name, given in (("birth", birth != NO_DAY), ("sex", sex.codes >= 0), ("ethnicity", ethnicity.codes >= 0))
    }
    words = np.array([*(labels("SEX").get(code, "Unknown") for code in sex.categories), "Unknown"], dtype=object)
    people = pd.DataFrame(
        {
            "birth": np.append(birth, NO_DAY)[last["birth"]],
            "sex": pd.Series(words[np.append(sex.codes, -1)[last["sex"]]], dtype=object),
            "ethnicity": pd.Categorical.from_codes(
                np.append(ethnicity.codes, -1)[last["ethnicity"]], dtype=ethnicity.dtype
            ),
        },
        index=pd.RangeIndex(len(ledger.children), name="child"),
    )
    people["has_header"] = np.bincount(child[order], minlength=len(people)) > 0
    used = np.append(people["birth"].to_numpy(), NO_DAY)[child]
    report("dob_conflict", "warning", (child >= 0) & (birth != NO_DAY) & (birth != used), "DOB", "corrected")
    return people


def _last_row(child: np.ndarray, rows: np.ndarray, children: int) -> np.ndarray:
    """For each child the last of `rows` that is its own; -1 where it has none."""
    last = np.full(children, -1)
    last[child[rows]] = rows  # of several the last stays
    return last


def check_against(episodes: pd.DataFrame, people: pd.DataFrame, stack: Stack, ledger: Ledger) -> None:
    """Log episodes of children without header or birth date, begun before birth or after the 18th birthday."""
    child = episodes["child"].to_numpy()
    birth = people["birth"].to_numpy()[child]
    decom = episodes["decom"].to_numpy().astype(np.int64)
    known = birth != NO_DAY
    has_header = people["has_header"].to_numpy()[child]
    days = people["birth"].to_numpy().astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    eighteen = ((months + 12 * AGE_OF_LEAVING).astype("datetime64[D]") + (days - months)).astype(np.int64)[child]
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

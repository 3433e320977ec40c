"""The forms of the register folder, their words, and what can be the matter with their rows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from bond_eval.intake import forms
from bond_eval.intake.forms import Forms, Rule, Sheet, folded
from bond_eval.intake.reference import codes, labels, read_reference
from bond_eval.intake.typed import NO_DAY

# rule -> (severity, what was done, what is the matter)
RULES: dict[str, Rule] = {
    **forms.RULES,
    "child_blank": ("error", "set aside", "the row names no child"),
    "child_unknown": ("error", "set aside", "neither the register's cases and people nor the return has this child"),
    "name_unknown": ("error", "set aside", "no programme, measure or type of event has this name"),
    "word_unknown": ("warning", "kept", "not one of the words for this field: taken as not stated"),
    "date_unknown": ("warning", "kept", "not a date that can be read: taken as not stated"),
    "number_unknown": ("warning", "kept", "not a number that this field can hold: taken as not stated"),
    "number_missing": ("error", "set aside", "no number, or none that can be read"),
    "score_out_of_range": ("error", "set aside", "outside the range of this measure (scales.csv)"),
    "after_as_of": ("note", "set aside", "after the as-of date"),
    "decided_before_referral": ("warning", "corrected", "decided before it was referred: the date is taken as unknown"),
    "started_before_referral": ("warning", "kept", "work began before the referral"),
    "started_not_accepted": ("warning", "kept", "work began though the referral was not accepted or waits"),
    "ended_without_start": ("warning", "kept", "closed without a first day of work"),
    "case_repeated": ("warning", "set aside", "the same case again further down or in a later file: the last stands"),
    "case_shared": ("warning", "kept", "another child or programme has this case number"),
    "row_repeated": ("warning", "set aside", "the same again further down or in a later file: the last stands"),
    "person_repeated": ("warning", "set aside", "the child again further down or in a later file: the last stands"),
    "person_conflict": ("error", "set aside", "rows of this child differ in date of birth or number in the return"),
    "crosswalk_conflict": ("error", "set aside", "this child is given two numbers in the return: not linked"),
    "care_unknown": ("warning", "kept", "the return has no child of this number: not linked"),
    "care_shared": ("warning", "kept", "another child of the register has the same number in the return"),
    "dob_conflict": ("error", "kept", "the return gives another date of birth: not linked"),
    "link_unchecked": ("note", "kept", "linked by the same number alone, without a date of birth to check it by"),
    "not_in_return": ("note", "kept", "the child is not in the return"),
    "looked_after_unlinked": ("warning", "kept", "said to be looked after, and not linked to the return"),
}
FORMS = Forms("register_files.csv", RULES, child="child_id")


@cache
def words(field: str) -> dict[str, str]:
    """Folded word or label -> the word, of a field of data/reference/register_words.csv; programmes have their own."""
    table = read_reference("programmes.csv" if field == "programme" else "register_words.csv")
    table = table[["programme", "name"]] if field == "programme" else table[table["field"] == field][["word", "label"]]
    return named(table)


def named(table: pd.DataFrame) -> dict[str, str]:
    """Folded word or label -> the word, of a frame of words and their labels."""
    return {folded(name): word for word, label in table.itertuples(index=False) for name in (label, word)}


@cache
def sexes() -> dict[str, str]:
    """Folded code or label -> label: Male or Female; unknown is not known."""
    known = {code: label for code, label in labels("SEX").items() if label != "Unknown"}
    return {folded(name): label for code, label in known.items() for name in (code, label)} | {"u": "", "unknown": ""}


@cache
def ethnicities() -> dict[str, str]:
    """Folded code or label -> code."""
    return {folded(name): code for code in codes("ETHNIC") for name in (code, labels("ETHNIC")[code])}


def child_ids(sheet: Sheet) -> np.ndarray:
    """The child of each row as text; a row without one is set aside."""
    ids = sheet.ids("child_id")
    sheet.report("child_blank", ids == "", "child_id")
    return ids


def dated(sheet: Sheet, field: str, as_of: int) -> np.ndarray:
    """The day on which a row happened: needed, and set aside where it lies after `as_of`."""
    days = sheet.days(field, needed=True)
    sheet.report("after_as_of", (days > as_of) & (days != NO_DAY), field)
    return days

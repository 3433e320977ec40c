"""Measures of success by hand: values, targets, definitions, re-basings, case studies and who was consulted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.findings import questions
from bond_eval.core.periods import Quarter, month_end
from bond_eval.intake import forms, register_forms
from bond_eval.intake.forms import Forms, Rule, Sheet, form_table, read_folder, read_month
from bond_eval.intake.reference import read_reference
from bond_eval.intake.typed import EPOCH, NO_DAY, date_of, day_number

FOLDER = "measures"
# rule -> (severity, what was done, what is the matter)
RULES: dict[str, Rule] = {
    **forms.RULES,
    "measure_unknown": ("error", "set aside", "measures.csv has no measure of this id"),
    "period_unreadable": ("error", "set aside", "neither a financial quarter (2020-21-Q2) nor a month (2020-09)"),
    "number_missing": ("error", "set aside", "no number, or none that can be read"),
    "number_unknown": ("warning", "kept", "not a number that can be read: taken as not stated"),
    "after_as_of": ("warning", "set aside", "after the as-of date"),
    "known_before_end": ("warning", "kept", "known before its period was over"),
    "value_repeated": ("error", "set aside", "the same measure, period and day again further down: the last stands"),
    "target_repeated": ("error", "set aside", "another target from the same day stands further down: the last stands"),
    "programme_unknown": ("warning", "kept", "no programme has this name: taken as not stated"),
    "consent_unclear": ("warning", "corrected", "neither yes nor no: taken as no"),
    "summary_quotes": ("error", "set aside", "quotes someone: write it in your own words"),
    "more_than_invited": ("error", "set aside", "more answered than were invited"),
    "word_unknown": ("error", "set aside", "not a word that this column of measures.csv may hold (data/README.md)"),
    "measure_repeated": ("error", "set aside", "the same id stands further down: the last stands"),
    "rebase_repeated": ("error", "set aside", "the same measure and date stand further down: the last stands"),
}
FORMS = Forms("measure_files.csv", RULES)
WHERE = {"file": "str", "line": "int32"}
# What a definition may say: the words of measures.csv, those of this project and those of an authority's own.
FREQUENCIES = ("month", "quarter", "year")
BETTER = {"up": "up", "down": "down", "neither": "none"}
UNITS = ("count", "share", "rate", "£", "score", "days")
CHARTS = ("xmr", "t", "g", "none")
VALUES = {
    "measure_id": "str", "period": "str", "first": "int32", "last": "int32", "value": "float64", "numerator": "float64",
    "denominator": "float64", "source": "str", "known_on": "object", "note": "str", **WHERE,
}  # fmt: skip
TARGETS = {"measure_id": "str", "target": "float64", "first": "int32", "baseline": "float64", **WHERE}
CASES = {
    "theme": "str", "programme": "str", "summary": "str", "consent": "bool", "source": "str", "day": "int32", **WHERE,
}  # fmt: skip
VOICE = {
    "programme": "str", "activity": "str", "day": "int32", "invited": "float64", "responded": "float64", **WHERE,
}  # fmt: skip
REBASINGS = {"measure_id": "str", "first": "int32", "reason": "str", **WHERE}


@dataclass(frozen=True)
class Measures:
    """What was supplied by hand, as of a day.

    `values`: VALUES, ordered by measure, period and known_on (a date; a later one of a period is a revision);
    period is 2020-21-Q2 or 2020-09, first and last its days. `targets`: TARGETS; first is NO_DAY for always.
    `cases`: CASES, summaries of case studies, of which those without consent are never to be published.
    `voice`: VOICE. `definitions`: rows of an authority's own measures.csv as text, with file and line; they go before
    the project's. `rebasings`: REBASINGS, the day from which the limits of a measure's chart start anew. `issues`:
    core.issues.COLUMNS. `accounts`: file, form, rows_in, kept, set_aside. `hashes`: file -> SHA-256.
    """

    values: pd.DataFrame
    targets: pd.DataFrame
    cases: pd.DataFrame
    voice: pd.DataFrame
    definitions: pd.DataFrame
    rebasings: pd.DataFrame
    issues: pd.DataFrame
    accounts: pd.DataFrame
    hashes: dict[str, str]


def load_measures(folder: Path, known: set[str], as_of: dt.date, *, strict: bool = True) -> Measures | None:
    """Read the measures below `folder` as of a day; None where there are none.

    `known`: the ids of data/reference/measures.csv, to which the folder's own definitions add theirs. Rows of a
    period, or known on a day, after `as_of` are set aside. Raises InputError for a file that cannot be read; unless
    `strict`, it is an issue and the next is read.
    """
    found = read_folder(folder, FORMS, as_of, strict=strict)
    if found is None:
        return None
    last = day_number(as_of)
    defined = found.stacked({"definitions": _definitions})
    found.last_stands(defined, ["id"], "measure_repeated", "id")
    own = found.kept(defined)
    known = known | set(own.get("id", ()))
    readers: dict[str, Callable[[Sheet], pd.DataFrame]] = {
        "values": partial(_values, known=known, as_of=last), "targets": partial(_targets, known=known),
        "case_studies": partial(_cases, as_of=last), "voice": partial(_voice, as_of=last),
        "rebasings": partial(_rebasings, known=known, as_of=last),
    }  # fmt: skip
    rows = {form: found.stacked({form: read}) for form, read in readers.items()}
    found.last_stands(rows["values"], ["measure_id", "period", "known_on"], "value_repeated", "period")
    found.last_stands(rows["targets"], ["measure_id", "first"], "target_repeated", "target")
    found.last_stands(rows["rebasings"], ["measure_id", "first"], "rebase_repeated", "rebase_from")
    values = found.finished(found.kept(rows["values"]), VALUES)
    values = values.sort_values(["measure_id", "last", "first", "known_on"], kind="stable", ignore_index=True)
    return Measures(
        values,
        found.finished(found.kept(rows["targets"]), TARGETS),
        found.finished(found.kept(rows["case_studies"]), CASES),
        found.finished(found.kept(rows["voice"]), VOICE),
        found.finished(own, dict.fromkeys(_fields("definitions"), "str") | WHERE),
        found.finished(found.kept(rows["rebasings"]), REBASINGS),
        found.log.frame(),
        found.accounts(),
        found.hashes,
    )


def read_period(value: str) -> tuple[str, dt.date, dt.date] | None:
    """2020-21-Q2, or a month in any way that read_month knows -> (label, first day, last day); None otherwise."""
    try:
        quarter = Quarter.parse(value.upper().replace(" ", "-"))
    except InputError:
        month = read_month(value)
        return (f"{month:%Y-%m}", month, month_end(month)) if month else None
    return str(quarter), quarter.start, quarter.end


def _values(sheet: Sheet, known: set[str], as_of: int) -> pd.DataFrame:
    ids = _measure(sheet, known)
    column = sheet.text("period")
    read = [read_period(value) or ("", EPOCH, EPOCH) for value in (*column.values, "")]
    label = np.array([one for one, _, _ in read], dtype=object)[column.index]
    first = np.array([day_number(one) for _, one, _ in read])[column.index]
    last = np.array([day_number(one) for _, _, one in read])[column.index]
    sheet.report("period_unreadable", label == "", "period")
    sheet.report("after_as_of", last > as_of, "period")
    told = sheet.days("known_on", needed=False)
    day = np.where(told == NO_DAY, last, told)
    sheet.report("after_as_of", day > as_of, "known_on")
    sheet.report("known_before_end", day < last, "known_on")
    frame = {"measure_id": ids, "period": label, "first": first, "last": last}
    frame["value"] = sheet.numbers("value", "number_missing")
    frame |= {field: sheet.numbers(field, "number_unknown") for field in ("numerator", "denominator")}
    frame |= {"source": sheet.words("source"), "note": sheet.words("note")}
    frame["known_on"] = pd.Series([date_of(one) for one in day], dtype=object)
    return pd.DataFrame(frame)


def _measure(sheet: Sheet, known: set[str]) -> np.ndarray:
    ids = sheet.words("measure_id")
    sheet.report("measure_unknown", ~np.isin(ids.astype(str), sorted(known)), "measure_id")
    return ids


def _fields(form: str) -> list[str]:
    return [row["field"] for row in form_table(FORMS.table)[form]]


def _definitions(sheet: Sheet) -> pd.DataFrame:
    """Rows of an authority's own measures.csv; a function that works a measure out is one that the project's names."""
    frame = pd.DataFrame({field: sheet.words(field) for field in _fields("definitions")}, dtype=object)
    frame["chart"] = frame["chart"].replace("", "none")  # "none" is read as a blank, as everywhere
    for field in ("id", "name", "questions"):
        sheet.report("text_missing", frame[field].to_numpy() == "", field)
    computed = ["", *read_reference("measures.csv")["computed"]]
    allowed = {"better": [*BETTER], "frequency": FREQUENCIES, "unit": UNITS, "chart": CHARTS, "computed": computed}
    allowed["baseline_fact"] = ["", *read_reference("facts.csv")["name"]]
    for field, words in allowed.items():
        sheet.report("word_unknown", ~frame[field].isin(words).to_numpy(), field)
    strange = [not set(text.split("|")) <= set(questions()) for text in frame["questions"]]
    sheet.report("word_unknown", np.array(strange, dtype=bool), "questions")
    for field in ("per", "target"):
        sheet.report("number_missing", np.isnan(sheet.amounts(field)) & (sheet.text(field).index >= 0), field)
    return frame


def _rebasings(sheet: Sheet, known: set[str], as_of: int) -> pd.DataFrame:
    ids, day, reason = _measure(sheet, known), sheet.days("rebase_from", needed=True), sheet.words("reason")
    sheet.report("after_as_of", day > as_of, "rebase_from")
    sheet.report("text_missing", reason == "", "reason")
    return pd.DataFrame({"measure_id": ids, "first": day, "reason": reason})


def _targets(sheet: Sheet, known: set[str]) -> pd.DataFrame:
    ids, target = _measure(sheet, known), sheet.numbers("target", "number_missing")
    first, baseline = sheet.days("from", needed=False), sheet.numbers("baseline", "number_unknown")
    return pd.DataFrame({"measure_id": ids, "target": target, "first": first, "baseline": baseline})


def _cases(sheet: Sheet, as_of: int) -> pd.DataFrame:
    theme, summary = sheet.words("theme"), sheet.words("summary")
    for field, words in (("theme", theme), ("summary", summary)):
        sheet.report("text_missing", words == "", field)
    quoted = [any(mark in words for mark in '"“”„«»') for words in summary]
    sheet.report("summary_quotes", np.array(quoted, dtype=bool), "summary")
    consent = sheet.coded("consent", {"yes": "yes", "no": "no"}, "consent_unclear", needed=True)
    day = sheet.days("date", needed=False)
    sheet.report("after_as_of", (day > as_of) & (day != NO_DAY), "date")
    frame = {"theme": theme, "programme": _programme(sheet), "summary": summary, "consent": consent == "yes"}
    return pd.DataFrame({**frame, "source": sheet.words("source"), "day": day})


def _voice(sheet: Sheet, as_of: int) -> pd.DataFrame:
    activity, day = sheet.words("activity"), sheet.days("date", needed=True)
    sheet.report("text_missing", activity == "", "activity")
    sheet.report("after_as_of", (day > as_of) & (day != NO_DAY), "date")
    invited, responded = (sheet.numbers(field, "number_missing", 0) for field in ("invited", "responded"))
    sheet.report("more_than_invited", responded > invited, "responded")
    frame = {"programme": _programme(sheet), "activity": activity, "day": day}
    return pd.DataFrame({**frame, "invited": invited, "responded": responded})


def _programme(sheet: Sheet) -> np.ndarray:
    return sheet.coded("programme", register_forms.words("programme"), "programme_unknown")

"""The programme register beside a return: referrals, measures, events, contacts and counts, typed and linked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bond_eval.intake.forms import Folder, Sheet, categories, form_table, read_folder
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register_forms import FORMS, child_ids, dated, named, words
from bond_eval.intake.register_people import known_ids, linked, read_crosswalk, read_people
from bond_eval.intake.typed import NO_DAY, day_number, read_day

FOLDER = "register"
# The columns of each frame and what they hold; days are int32 days since 1970, NO_DAY where not known.
WHERE = {"file": "str", "line": "int32"}
CASES = {
    "case": "int32", "child": "int32", "programme": "str", "referral": "int32", "decided": "int32", "start": "int32",
    "end": "int32", "source": "str", "decision": "str", "reason": "str", "closure": "str", "status": "str",
    "placement": "str", **WHERE,
}  # fmt: skip
MEASURES = {
    "child": "int32", "programme": "str", "measure": "str", "rater": "str", "day": "int32", "score": "float64", **WHERE,
}  # fmt: skip
EVENTS = {"child": "int32", "type": "str", "day": "int32", **WHERE}
CONTACTS = {"child": "int32", "programme": "str", "day": "int32", "kind": "str", "minutes": "float64", **WHERE}
ACTIVITY = {
    "programme": "str", "activity": "str", "breakdown": "str", "first": "int32", "last": "int32", "value": "float64",
    "note": "str", **WHERE,
}  # fmt: skip
PROGRAMMES = {
    "programme": "str", "name": "str", "kind": "str", "live_from": "int32", "age_from": "float64", "age_to": "float64",
    "capacity": "float64", "notebook": "str", "note": "str",
}  # fmt: skip


@dataclass(frozen=True)
class Register:
    """What the register says as of a day. Rows are of children: confidential, as are values and ids in `issues`.

    `cases`, `measures`, `events`, `contacts`, `activity`, `programmes`: CASES ... PROGRAMMES; child is a number
    into `children`. `people`: register_people.PEOPLE, one row a child in the order of `children`; care is its
    number in the return, -1 where it is not linked. `issues`: core.issues.COLUMNS. `accounts`: file, form,
    rows_in, kept, set_aside. `hashes`: file -> SHA-256. `absent`: forms without a file.
    """

    cases: pd.DataFrame
    measures: pd.DataFrame
    events: pd.DataFrame
    contacts: pd.DataFrame
    people: pd.DataFrame
    activity: pd.DataFrame
    programmes: pd.DataFrame
    children: np.ndarray
    issues: pd.DataFrame
    accounts: pd.DataFrame
    hashes: dict[str, str]
    absent: tuple[str, ...]


def load_register(
    folder: Path, care_ids: np.ndarray, care_people: pd.DataFrame, as_of: dt.date, *, strict: bool = True
) -> Register | None:
    """Read the register below `folder` as of a day; None where there is none.

    `care_ids`, `care_people`: `Return.children` and `Return.people`, to which its children are linked
    (docs/decisions/0006). Rows after `as_of` are set aside; a later end, start or decision is taken as not yet
    known. Raises InputError for a file that cannot be read; unless `strict`, it is an issue and the next is read.
    """
    found = read_folder(folder, FORMS, as_of, strict=strict)
    if found is None:
        return None
    last = day_number(as_of)
    programmes = _programmes(found)
    names = named(programmes[["programme", "name"]])
    cases = found.stacked({"cases": partial(_cases, names=names, as_of=last)})
    _repeated_cases(found, cases)
    people, crosswalk = read_people(found), read_crosswalk(found)
    readers = {"measures": _measures, "events": _events, "contacts": _contacts}
    rows = {form: found.stacked({form: partial(read, names=names, as_of=last)}) for form, read in readers.items()}
    known = known_ids([cases, people, crosswalk]) | {str(one) for one in care_ids}
    for form, frame in rows.items():
        found.tell("child_unknown", frame[~frame["id"].isin(known)] if len(frame) else frame, "child_id")
        _repeated(found, frame, "child_id", by_place=form != "measures")
    activity = found.stacked({"activity": partial(_activity, names=names, as_of=last)})
    _repeated(found, activity, "activity")
    frames = {"cases": cases, **rows, "activity": activity}
    kept = {form: found.kept(frame) for form, frame in frames.items()}
    people = found.kept(people)
    mentioned = [kept[form] for form in ("cases", *readers)]
    children = np.array(sorted(known_ids([people, *mentioned])), dtype=object)
    persons = linked(found, children, [people, *mentioned], found.kept(crosswalk), care_ids, care_people)
    typed = {form: _finished(kept[form], children, spec) for form, spec in SPECS.items()}
    _looked_after_unlinked(found, kept["cases"], typed["cases"], persons)
    absent = tuple(form for form in form_table(FORMS.table) if not found.of(form))
    return Register(
        **typed, people=persons, programmes=programmes, children=children, issues=found.log.frame(),
        accounts=found.accounts(), hashes=found.hashes, absent=absent,
    )  # fmt: skip


SPECS = {"cases": CASES, "measures": MEASURES, "events": EVENTS, "contacts": CONTACTS, "activity": ACTIVITY}


def _finished(rows: pd.DataFrame, children: np.ndarray, spec: dict[str, str]) -> pd.DataFrame:
    """The columns of `spec`, with each child as its place in `children`."""
    if "child" in spec and len(rows):
        rows = rows.assign(child=np.searchsorted(children.astype(str), rows["id"].to_numpy().astype(str)))
    return Folder.finished(rows.assign(case=np.arange(len(rows))) if "case" in spec else rows, spec)


def _programmes(found: Folder) -> pd.DataFrame:
    """The authority's own programmes; where it names none, those of data/reference/programmes.csv."""
    rows = found.stacked({"programmes": _programme})
    if len(rows):
        _repeated(found, rows[["programme", "sheet", "row"]], "programme")
        return found.finished(found.kept(rows), PROGRAMMES)
    frame = read_reference("programmes.csv")
    days = [read_day(text) for text in frame["live_from"]]
    frame["live_from"] = [NO_DAY if one is None else one for one in days]
    for name in ("age_from", "age_to", "capacity"):
        frame[name] = pd.to_numeric(frame[name])
    return found.finished(frame, PROGRAMMES)


def _programme(sheet: Sheet) -> pd.DataFrame:
    for field in ("programme", "name"):
        sheet.report("text_missing", sheet.words(field) == "", field)
    frame = {field: sheet.words(field) for field in ("programme", "name", "kind", "notebook", "note")}
    frame["live_from"] = sheet.days("live_from", needed=False, rule="date_unknown")
    for field, high in (("age_from", 25.0), ("age_to", 25.0), ("capacity", np.inf)):
        frame[field] = sheet.numbers(field, "number_unknown", 0, high)
    return pd.DataFrame(frame)


def _cases(sheet: Sheet, names: dict[str, str], as_of: int) -> pd.DataFrame:
    frame = {"id": child_ids(sheet), "programme": sheet.coded("programme", names, "name_unknown", needed=True)}
    frame |= {"case_id": sheet.ids("case_id"), "source": sheet.words("referral_source")}
    referral = dated(sheet, "referral_date", as_of)
    start, end = (sheet.days(field, needed=False) for field in ("start_date", "end_date"))
    decided = sheet.days("decision_date", needed=False, rule="date_unknown")
    for name, field in (
        ("decision", "decision"), ("reason", "decision_reason"), ("closure", "closure_reason"),
        ("status", "status_at_referral"),
    ):  # fmt: skip
        frame[name] = sheet.coded(field, words(field), "word_unknown")
    frame["placement"] = sheet.coded("placement_at_referral", categories(), "word_unknown")
    sheet.report("end_before_start", end < np.where(start == NO_DAY, referral, start), "end_date")
    sheet.report("decided_before_referral", decided < referral, "decision_date")
    sheet.report("started_before_referral", start < referral, "start_date")
    unaccepted = np.isin(frame["decision"], ("not accepted", "waiting"))
    sheet.report("started_not_accepted", (start != NO_DAY) & unaccepted, "start_date")
    sheet.report("ended_without_start", (end != NO_DAY) & (start == NO_DAY) & ~unaccepted, "end_date")
    decided = np.where(decided < referral, NO_DAY, decided)
    # What came after the as-of date was not known on it.
    later = (decided > as_of) & (decided != NO_DAY)
    frame["decision"] = np.where(later, "waiting", frame["decision"])
    frame["reason"] = np.where(later, "", frame["reason"])
    frame["closure"] = np.where((end > as_of) & (end != NO_DAY), "", frame["closure"])
    days = {"referral": referral, "decided": decided, "start": start, "end": end}
    return pd.DataFrame(frame | {name: np.where(day > as_of, NO_DAY, day) for name, day in days.items()})


def _measures(sheet: Sheet, names: dict[str, str], as_of: int) -> pd.DataFrame:
    frame = {"id": child_ids(sheet), "programme": sheet.coded("programme", names, "name_unknown")}
    frame["measure"] = sheet.coded("measure", words("measure"), "name_unknown", needed=True)
    frame["rater"] = sheet.coded("rater", words("rater"), "word_unknown")
    frame["day"] = dated(sheet, "date", as_of)
    score = sheet.numbers("score", "number_missing")
    for scale in read_reference("scales.csv").to_dict("records"):
        if scale["low"] != "":
            own = (frame["measure"] == scale["measure"]) & ((frame["rater"] == scale["rater"]) | (scale["rater"] == ""))
            outside = (score < float(scale["low"])) | (score > float(scale["high"]))
            sheet.report("score_out_of_range", own & outside, "score")
    return pd.DataFrame({**frame, "score": score})


def _events(sheet: Sheet, names: dict[str, str], as_of: int) -> pd.DataFrame:
    kind = sheet.coded("type", words("type"), "name_unknown", needed=True)
    return pd.DataFrame({"id": child_ids(sheet), "type": kind, "day": dated(sheet, "date", as_of)})


def _contacts(sheet: Sheet, names: dict[str, str], as_of: int) -> pd.DataFrame:
    frame = {"id": child_ids(sheet), "programme": sheet.coded("programme", names, "name_unknown", needed=True)}
    kinds = np.array([" ".join(word.lower().split()) for word in sheet.words("kind")], dtype=object)
    sheet.report("text_missing", kinds == "", "kind")
    minutes = sheet.numbers("minutes", "number_unknown", 0)
    return pd.DataFrame({**frame, "kind": kinds, "day": dated(sheet, "date", as_of), "minutes": minutes})


def _activity(sheet: Sheet, names: dict[str, str], as_of: int) -> pd.DataFrame:
    frame = {"programme": sheet.coded("programme", names, "name_unknown")}
    frame |= {field: sheet.words(field) for field in ("activity", "breakdown", "note")}
    sheet.report("text_missing", frame["activity"] == "", "activity")
    first, last = sheet.days("from", needed=True), sheet.days("to", needed=False)
    last = np.where(sheet.words("to") == "", first, last)
    sheet.report("end_before_start", last < first, "to")
    # A count over days of which some are still to come says what was not known.
    sheet.report("after_as_of", (last > as_of) & (last != NO_DAY), "to")
    return pd.DataFrame({**frame, "first": first, "last": last, "value": sheet.numbers("value", "number_missing")})


def _repeated_cases(found: Folder, cases: pd.DataFrame) -> None:
    """Of a case that stands twice the last stands: known by its number, or by child, programme and referral."""
    if cases.empty:
        return
    numbered = cases["case_id"] != ""
    known_by = cases.assign(key=cases["case_id"].where(numbered, cases["referral"].astype(str)), numbered=numbered)
    found.last_stands(known_by, ["key", "numbered", "id", "programme"], "case_repeated", "case_id")
    left = found.kept(cases[numbered])
    found.tell("case_shared", left[left.duplicated("case_id", keep=False)], "case_id")


def _repeated(found: Folder, frame: pd.DataFrame, field: str, *, by_place: bool = False) -> None:
    """Of rows that say the same the last stands; `by_place`: only rows of different files are taken as the same.

    Extracts of overlapping periods repeat each other; two events of one day in one extract are two.
    """
    rows = found.kept(frame)
    key = [name for name in rows.columns if name not in ("file", "line", "sheet", "row", "score", "value", "note")]
    if by_place:
        rows = rows.assign(nth=rows.groupby([*key, "sheet"], dropna=False).cumcount())
        key = [*key, "nth"]
    found.last_stands(rows, key, "row_repeated", field)


def _looked_after_unlinked(found: Folder, rows: pd.DataFrame, cases: pd.DataFrame, persons: pd.DataFrame) -> None:
    if len(cases):
        unlinked = persons["care"].to_numpy()[cases["child"].to_numpy()] < 0
        said = (cases["status"] == "looked after").to_numpy()
        found.tell("looked_after_unlinked", rows[said & unlinked], "child_id")

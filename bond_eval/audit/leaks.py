"""Searches published text for what names a child, a person or a machine. What is found is told, never repeated."""

from __future__ import annotations

import calendar
import contextlib
import csv
import datetime as dt
import getpass
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bond_eval.audit.read import Published
from bond_eval.core.errors import InputError
from bond_eval.core.places import MANIFEST, REFERENCE
from bond_eval.intake.typed import date_of, read_day

# Columns of a return or register that hold what may never be published, by what they are called there.
_IDS = re.compile(r"^(child(_?id)?|care_id|case_id|upn|mother|nhs_?(number|no))$", re.I)
_BIRTHS = re.compile(r"^(dob|mc_dob|date_of_birth|birth_?date)$", re.I)
_PLACES = re.compile(r"(^|_)post(code)?$", re.I)
_ELEMENT = re.compile(r"<(CHILD|DOB|MC_DOB|UPN|HOME_POST|PL_POST)>([^<]+)</", re.I)
_TOKEN = re.compile(r"(?<![\w.,-])[A-Za-z0-9]{5,}(?![\w-]|[.,]\d)")
_POSTCODE = re.compile(r"(?<![\w/+-])[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?![\w/+-])")
_ANY_DATE = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?!\d)|(?<!\d)(\d{1,2}) ([A-Z][a-z]{2,8}) (\d{4})(?!\d)")
_DAY_FIRST = re.compile(r"(?<![\d/])\d{1,2}[/.]\d{1,2}[/.](19|20)\d\d(?![\d/])")
_BORN = re.compile(r"(born|birth|\bdob\b)\W{0,20}(on )?(\d{4}-\d\d-\d\d|\d{1,2} [A-Z][a-z]+ \d{4})", re.I)
_UPN = re.compile(r"(?<!\w)[A-Z]\d{11}[\dA-Z](?!\w)")
_ROOTS = "home|Users|root|tmp|work|var|mnt|opt|srv|usr|etc|private|media|data|content"
_PATH = re.compile(
    rf"(?<![\w.:/<~-])/({_ROOTS})/[\w.-]+|(?<!\w)[A-Za-z]:\\\\?[\w.-]+|\\\\\\\\?[\w.-]+\\\\|file:/{{2,}}"
)
_MARK = "OFFICIAL-SENSITIVE"
# Names that say nothing of a person, or that are words of a page.
_COMMON = {"user", "runner", "admin", "ubuntu", "debian", "jovyan", "vscode", "analyst", "docker", "build"}
_COMMON |= {*_ROOTS.lower().split("|")}  # a home folder that is called "home" or "data"


@dataclass(frozen=True)
class Confidential:
    """What the return holds and a page may not: ids, dates of birth and postcodes (without blanks)."""

    ids: frozenset[str] = frozenset()
    births: frozenset[dt.date] = frozenset()
    postcodes: frozenset[str] = frozenset()


def read_confidential(data: Path) -> Confidential:
    """The ids, dates of birth and postcodes of a return and of what lies beside it: a folder, or a file of it.

    Every file that a run reads is read as a run reads it: a CSV however it is separated, XML, a zip of either, a
    workbook's sheets. Raises InputError where none is in any.
    """
    from bond_eval.intake.recognise import COMPANION_FOLDERS, COMPANIONS

    beside = [] if data.is_dir() else [data.parent / name for name in (*COMPANIONS, *COMPANION_FOLDERS)]
    pairs = [pair for place in (data, *beside) for path in _files(place) for pair in _values(path)]
    if not pairs:
        raise InputError(f"No child's id, date of birth or postcode is in {data.name}: give the folder of the return.")
    births = {date_of(day) for name, text in pairs if _BIRTHS.match(name) and (day := read_day(text)) is not None}
    postcodes = {text.replace(" ", "").upper() for name, text in pairs if _PLACES.search(name)}
    ids = {text for name, text in pairs if _IDS.match(name) and len(text) >= 5 and any(map(str.isdigit, text))}
    return Confidential(frozenset(ids), frozenset(births), frozenset(postcodes - {""}))


def _files(place: Path) -> list[Path]:
    return sorted(path for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file())


def _values(path: Path) -> Iterator[tuple[str, str]]:
    from bond_eval.intake.sources import read_file
    from bond_eval.intake.workbooks import WORKBOOKS, workbook_sheets

    read = workbook_sheets if path.suffix.lower() in WORKBOOKS else read_file
    try:
        contents = [source.content for source in read(path, path.name)]
    except InputError:
        return  # a file that cannot be read gives a run nothing to show
    for content in contents:
        yield from _elements(content) if content.lstrip().startswith(b"<") else _columns(content)


def _elements(content: bytes) -> Iterator[tuple[str, str]]:
    found = _ELEMENT.findall(content.decode("utf-8-sig", errors="replace"))
    yield from ((name, value.strip()) for name, value in found)


def _columns(content: bytes) -> Iterator[tuple[str, str]]:
    from bond_eval.intake.delimited import header_of

    names, delimiter, start = header_of(content)
    kept = [at for at, name in enumerate(names) if any(kind.search(name) for kind in (_IDS, _BIRTHS, _PLACES))]
    text = content[start:].decode("utf-8", errors="replace") if kept else ""
    for row in csv.reader(io.StringIO(text), delimiter=delimiter):
        yield from ((names[at], row[at].strip(" \"'")) for at in kept if at < len(row) and row[at].strip())


def leaks(found: Published, against: Confidential | None) -> Iterator[tuple[str, str]]:
    """(file, what of a child, person or machine is in it), the thing itself left out."""
    public = '"audience": "internal"' not in "".join(text for where, text in found.raw if where == MANIFEST)
    known, names = against or Confidential(), _user_names()
    for where, text in found.raw:
        for pattern, told in (
            (_POSTCODE, "a postcode"),
            (_DAY_FIRST, "a date as a return writes it (day/month/year), as a date of birth is"),
            (_BORN, "a date of birth"),
            (_UPN, "a pupil number"),
            (_PATH, "a path of the machine"),
        ):
            if hits := set(match[0] for match in pattern.finditer(text)):
                yield where, f"{told} ({len(hits)} different)"
        if _MARK in text and public:
            yield where, f"the mark {_MARK} in a public folder"
        tokens = set(_TOKEN.findall(text))
        if hits := tokens & known.ids:
            yield where, f"a child's id of the return ({len(hits)} different)"
        if hits := {place.replace(" ", "") for place in _POSTCODE.findall(text)} & known.postcodes:
            yield where, f"a postcode of the return ({len(hits)} different)"
        if days := _dates(text) & known.births - _own_days():
            yield where, f"a date of birth of the return ({len(days)} different)"
        if hits := {name for name in names if re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", text)}:
            yield where, f"the name of the person who ran it ({len(hits)} different)"


def _dates(text: str) -> set[dt.date]:
    """Dates written out, months' first and last days left out: pages report by them, whoever was born then."""
    days = set()
    for year, month, day, dom, name, in_year in _ANY_DATE.findall(text):
        try:
            if year:
                one = dt.date(int(year), int(month), int(day))
            else:
                one = dt.date(int(in_year), list(calendar.month_abbr).index(name[:3]), int(dom))
        except ValueError:
            continue
        if one.day != 1 and (one + dt.timedelta(days=1)).day != 1:
            days.add(one)
    return days


@cache
def _own_days() -> frozenset[dt.date]:
    """Dates in the project's own reference tables: pages speak of them whoever was born then."""
    return frozenset(day for path in REFERENCE.glob("*.csv") for day in _dates(path.read_text(encoding="utf-8")))


def _user_names() -> set[str]:
    """The account's name and its home folder's, where they could tell who it is."""
    names = {Path.home().name}
    with contextlib.suppress(OSError, KeyError, ImportError):  # an account without a name cannot be named
        names.add(getpass.getuser())
    return {name for name in names if len(name) >= 4 and name.lower() not in _COMMON}

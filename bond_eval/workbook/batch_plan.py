"""The plan of a batch: which quarters of which authorities, from which data. Checked whole before anything runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bond_eval.core import AUDIENCES, SEED
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS, find_data
from bond_eval.workbook.parameters import nearest
from bond_eval.workbook.settings import RunSettings, chosen, notebook_names
from bond_eval.workbook.store import exists, is_url, read, shown

REQUIRED = ("authority", "quarter", "data")
COLUMNS = (*REQUIRED, "audience", "notebooks", "seed")


@dataclass(frozen=True)
class Planned:
    """One run that is asked for. `data`: a path or URL; `only`: names of notebooks, all where empty.

    The last three are the batch's and no row's: RunSettings says what they are.
    """

    authority: str
    quarter: str
    data: str
    audience: str = "public"
    only: tuple[str, ...] = ()
    seed: int = SEED
    cell_timeout: int = RunSettings.cell_timeout
    memory_mb: int | None = None
    force: bool = False

    @property
    def folder(self) -> str:
        """Name of the run's folder in its authority's: the internal edition has one of its own."""
        return self.quarter if self.audience == "public" else f"{self.quarter}-{self.audience}"

    @property
    def name(self) -> str:
        """salford-2020-21-Q2, for the log and the summary."""
        return f"{self.authority}-{self.folder}"

    @property
    def chain(self) -> tuple[str, str]:
        """Runs of one chain follow one another by quarter, since each reads what the earlier ones published."""
        return self.authority, self.audience

    def settings(self, data: Path, out: Path) -> RunSettings:
        """The run of local folders. Raises InputError where a part cannot be used."""
        quarter = Quarter.parse(self.quarter)
        same = ("authority", "audience", "only", "seed", "cell_timeout", "memory_mb", "force")
        given = shown(self.data) if is_url(self.data) else ""
        parts: dict[str, Any] = {name: getattr(self, name) for name in same}
        return RunSettings(data=data, out=out, quarter=quarter, jobs=1, given=given, **parts)


def read_plan(place: str, internal: bool = False) -> tuple[Planned, ...]:
    """The runs that a plan (CSV or YAML, a path or URL) asks for, in its order.

    CSV: columns authority, quarter, data; optional audience, notebooks (names with ; between them), seed. YAML: a list
    of mappings with the same keys. A path of data is looked for from the plan's folder, the working folder and the
    project's root. Raises InputError with a line for each problem of the whole plan; `internal` allows that edition.
    """
    rows = list(_rows(place))
    if not rows:
        raise InputError(f"Plan {_name(place)} has no row: give each run one, with {', '.join(REQUIRED)}.")
    base = None if is_url(place) else Path(place).resolve().parent
    known, planned, problems = notebook_names(NOTEBOOKS), dict[str, tuple[str, Planned]](), list[str]()
    for at, row in rows:
        found, wrong = _checked(row, base, known, internal)
        problems += [f"Plan {_name(place)}, {at}: {text}" for text in wrong]
        if found and (before := planned.get(found.name.lower())):
            said = f"{found.authority} {found.quarter} is planned in {before[0]} too: take one of them out."
            problems.append(f"Plan {_name(place)}, {at}: {said}")
        elif found:
            planned[found.name.lower()] = (at, found)
    if problems:
        raise InputError("\n".join(problems))
    return tuple(found for _, found in planned.values())


def _rows(place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where, row) of each row. Raises InputError for a plan that cannot be read or a column that is not known."""
    content = read(place)
    if content is None:
        raise InputError(f"Plan {_name(place)} is not there: give a CSV or YAML file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"Plan {_name(place)} is not UTF-8 text: save it as CSV UTF-8 or YAML.") from None
    yaml = place.lower().endswith((".yaml", ".yml"))
    for at, row in _yaml(text, place) if yaml else _csv(text, place):
        for name in row:
            if name not in COLUMNS:
                hint = f"the nearest is {nearest(name, COLUMNS)}"
                raise InputError(f"Plan {_name(place)}, {at}: column {str(name)!r} is not known: {hint}.")
        yield at, row


def _csv(text: str, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    lines = csv.reader(io.StringIO(text))
    try:
        heads = [head.strip().lower() for head in next(lines, [])]
        if twice := [head for head in COLUMNS if heads.count(head) > 1]:
            raise InputError(f"Plan {_name(place)}, line 1: column {twice[0]!r} is there twice: take one of them out.")
        for cells in lines:
            if any(cell.strip() for cell in cells):
                over = ["a cell beyond the header"] if len(cells) > len(heads) else []
                yield f"line {lines.line_num}", dict(zip([*heads, *over], map(str.strip, cells), strict=False))
    except csv.Error:
        where = f"Plan {_name(place)}, line {lines.line_num}"
        raise InputError(f"{where}: it is no CSV: see whether a quotation mark before it is not closed.") from None


def _yaml(text: str, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import yaml

    try:
        rows = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"Plan {_name(place)} is not YAML: give a list of rows with {', '.join(REQUIRED)}.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"Plan {_name(place)} should be a list of rows, each with {', '.join(REQUIRED)}.")
    for number, row in enumerate(rows, 1):
        yield f"row {number}", {str(name).lower(): "" if value is None else value for name, value in row.items()}


def _checked(
    row: Mapping[str, Any], base: Path | None, known: Sequence[str], internal: bool
) -> tuple[Planned | None, list[str]]:
    """The run of a row, and what is wrong with it; None where anything is."""
    problems = [f"{name} is missing: give one." for name in REQUIRED if not str(row.get(name, ""))]
    parts: dict[str, Any] = {}
    makers: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "quarter": ("quarter", lambda text: str(Quarter.parse(str(text)))),
        "data": ("data", lambda text: _found(str(text), base)),
        "audience": ("audience", lambda text: _audience(str(text), internal)),
        "notebooks": ("only", lambda text: tuple(chosen(known, _names(text)))),
        "seed": ("seed", _seed),
    }
    for name, (field, made) in makers.items():
        if str(row.get(name, "")):
            try:
                parts[field] = made(row[name])
            except InputError as error:
                problems.append(str(error))
    # What a row lacks must not hide what is wrong with the rest of it.
    planned = Planned(**{"authority": str(row.get("authority") or "x"), "quarter": "2020-21-Q1", "data": ""} | parts)
    try:
        planned.settings(Path(), Path())
    except InputError as error:
        problems.append(str(error))
    return None if problems else planned, problems


def _audience(text: str, internal: bool) -> str:
    if text == "internal" and not internal:
        raise InputError("audience internal is for those who may see the return: add --internal to the command.")
    if text not in AUDIENCES:
        raise InputError(f"audience {text!r} is not one: choose {' or '.join(AUDIENCES)}.")
    return text


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else str(value).replace(";", " ").split()


def _seed(value: Any) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise InputError(f"seed {str(value)!r} is not a whole number: give one such as {SEED}.") from None


def _found(text: str, base: Path | None) -> str:
    """Where the data lie, whole. Raises InputError where they are not there."""
    if is_url(text):
        if not exists(text):
            raise InputError(f"data {shown(text)} is not there: give the folder or zip that holds the return.")
        return text
    with suppress(InputError):
        return str(find_data(base / text if base else text))
    return str(find_data(text))


def _name(place: str) -> str:
    return shown(place) if is_url(place) else Path(place).name

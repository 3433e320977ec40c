"""What changed between two runs: findings and table cells, read from what was published and from nothing else."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.core.findings import FILE, value_text
from bond_eval.core.periods import Quarter, month_end
from bond_eval.core.places import MANIFEST, RELEASE, short_form
from bond_eval.evidence.cells import show
from bond_eval.evidence.label_days import last_day
from bond_eval.workbook import noise
from bond_eval.workbook.noise import BEYOND, UNTESTED, WITHIN, Judged

FINDING, MOVED, REVISED, ARRIVED = "finding", "cell", "revision", "new data"
PERIODS = ("date", "month", "period", "quarter", "year")
_FORECASTS = "forecast_"
_LIMITS = ("lower", "mean", "upper")  # of a control chart: drawn anew with each point, which revises nothing
SPARED = "revised by fewer than 6 (c)"
UNSAID = {"too few": "withheld", "not available": "not known"}
_DEFINED = ("kind", "method", "source", "unit")
_MONTH = re.compile(r"^(\d{4})-(\d{2})$")


@dataclass(frozen=True)
class Movement:
    """One thing that moved, its values as they are written.

    `of` is one of FINDING, MOVED, REVISED, ARRIVED; `id` a finding's or a table's.
    """

    of: str
    id: str
    where: str
    before: str
    after: str
    test: str = "none"
    verdict: str = UNTESTED
    detail: str = ""
    p: float | None = None
    adjusted: float | None = None


@dataclass(frozen=True)
class Run:
    """A published run: its facts, findings by id, tables by id as (labels, rows), and manifest."""

    folder: Path
    facts: Mapping[str, Any]
    findings: Mapping[str, Mapping[str, Any]]
    manifest: Mapping[str, Any]

    @property
    def release(self) -> dict[str, Any]:
        """Facts of its release, the files it read among them. Raises InputError where no file of the run holds them."""
        if self.manifest:
            return {**self.manifest["release"], "inputs": self.manifest["inputs"]}
        try:
            kept: dict[str, Any] = json.loads((self.folder / RELEASE).read_text(encoding="utf-8"))["facts"]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{self.folder.name} has neither {MANIFEST} nor {RELEASE}: run it again.") from error
        return kept

    @property
    def as_of(self) -> dt.date:
        """Last day of its quarter."""
        return Quarter.parse(self.facts["quarter"]).end

    def table(self, id: str) -> list[dict[str, str]]:
        """Rows of a table's CSV."""
        with (self.folder / "tables" / f"{id}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    @property
    def tables(self) -> set[str]:
        """Ids of its tables."""
        return {path.stem for path in (self.folder / "tables").glob("*.csv")}


@dataclass(frozen=True)
class Comparison:
    """`compared`: how many findings and cells had a p, before Holm's adjustment within each."""

    earlier: Run
    later: Run
    movements: tuple[Movement, ...]
    new: tuple[str, ...]
    vanished: tuple[str, ...]
    explanations: tuple[str, ...]
    compared: Mapping[str, int]

    def of(self, kind: str) -> list[Movement]:
        """Movements of one kind."""
        return [movement for movement in self.movements if movement.of == kind]

    def csv_rows(self) -> list[list[str]]:
        """A heading and a row a movement, as text."""
        names = [field.name for field in fields(Movement)]
        rows = [[_written(getattr(movement, name)) for name in names] for movement in self.movements]
        lists = (("new finding", self.new), ("vanished finding", self.vanished))
        return [names, *rows, *([kind, id, *[""] * (len(names) - 2)] for kind, ids in lists for id in ids)]


def _written(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def compare_runs(earlier: Path, later: Path) -> Comparison:
    """Compare two published runs of one authority and edition.

    Raises InputError where a folder is no run, or where the two are of different authorities or editions.
    """
    return compared(read_run(earlier), read_run(later))


def compared(a: Run, b: Run) -> Comparison:
    """Compare an earlier and a later run. Raises InputError where they are of different authorities or editions."""
    for name in ("authority", "audience"):
        if a.facts[name] != b.facts[name]:
            raise InputError(f"The runs are of different {name}: {a.facts[name]} and {b.facts[name]}. Give two of one.")
    found, cells = _findings(a, b), _tables(a, b)
    movements = [_spared(movement, a.facts["audience"]) for movement in (*_adjusted(found), *_adjusted(cells))]
    counted = {"findings": found, "cells": cells}
    return Comparison(
        a,
        b,
        tuple(m for m in movements if m.before != m.after or m.of == ARRIVED),
        tuple(sorted(set(b.findings) - set(a.findings))),
        tuple(sorted(set(a.findings) - set(b.findings))),
        tuple(_explanations(a, b)),
        {name: sum(m.p is not None for m in part) for name, part in counted.items()},
    )


def _spared(movement: Movement, audience: str) -> Movement:
    """A count revised by 1 to 5 speaks of so few children: in public what it was does not stand beside it."""
    counts = [re.match(r"\d[\d,]*(?=$| [a-z])", text) for text in (movement.before, movement.after)]
    if movement.of != REVISED or audience != "public" or not all(counts):
        return movement
    before, after = (int(count[0].replace(",", "")) for count in counts if count)
    return replace(movement, before=SPARED) if 1 <= abs(after - before) <= 5 else movement


def read_run(folder: Path) -> Run:
    """A run's published files. Raises InputError where findings.json is not there or cannot be read."""
    there(folder)
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        found = {item["id"]: item for item in content["findings"]}
        written = folder / MANIFEST
        manifest = json.loads(written.read_text(encoding="utf-8")) if written.is_file() else {}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{short_form(folder)} is not the folder of a run: give one that holds {FILE}.") from error
    return Run(folder, content, found, manifest)


def there(folder: Path) -> None:
    """Raise InputError where a run's folder is not there."""
    if not folder.is_dir():
        raise InputError(f"There is no run in {folder}: run the quarter first (bond-eval run), or name another folder.")


def _findings(a: Run, b: Run) -> list[Movement]:
    movements = []
    for id in sorted(set(a.findings) & set(b.findings)):
        before, after = a.findings[id], b.findings[id]
        judged = noise.findings(before, after)
        of = REVISED if before["period"] == after["period"] else FINDING
        values = _value(before), _value(after)
        movements.append(_movement(of, id, after["statement"], values, judged))
    return movements


def _value(finding: Mapping[str, Any]) -> str:
    value = finding["value"]
    return UNSAID.get(finding["no_interval"], "no number") if value is None else value_text(value, finding["unit"])


def _movement(of: str, id: str, where: str, values: tuple[str, str], judged: Judged) -> Movement:
    return Movement(of, id, where, *values, judged.test, judged.verdict, judged.detail, judged.p)


def _adjusted(movements: list[Movement]) -> list[Movement]:
    """Holm's adjustment over all that had a p, those that did not move among them."""
    tested = [place for place, movement in enumerate(movements) if movement.p is not None]
    adjusted = noise.holm([movements[place].p or 0.0 for place in tested])
    for place, p in zip(tested, adjusted, strict=True):
        verdict = BEYOND if p < noise.ALPHA else WITHIN
        movements[place] = replace(movements[place], adjusted=p, verdict=verdict)
    return movements


def _tables(a: Run, b: Run) -> list[Movement]:
    from bond_eval.evidence.registry import of_findings, registered

    specs = registered() | of_findings()
    movements: list[Movement] = []
    # A forecast is drawn anew from each quarter's data: its findings are compared, its thousands of draws are not.
    for id in sorted(name for name in a.tables & b.tables & set(specs) if not name.startswith(_FORECASTS)):
        labels = list(specs[id].labels)
        old, new = a.table(id), b.table(id)
        # A table laid out otherwise than now cannot be matched row by row; the explanations name it.
        if all(set(labels) <= set(rows[0]) for rows in (old, new) if rows):
            movements += _cells(specs[id], old, new, a.as_of)
            movements += _arrived(specs[id], old, new)
    return movements


def _cells(spec: Any, old: list[dict[str, str]], new: list[dict[str, str]], as_of: dt.date) -> list[Movement]:
    """Cells of rows that both runs have: revisions where their period was over at the earlier run, else movements."""
    before = {_key(spec, row): row for row in old}
    redrawn = _LIMITS if _is_chart(spec) else ()
    movements = []
    for row in new:
        if (was := before.get(_key(spec, row))) is None:
            continue
        over = _ended(spec, row)
        of = REVISED if over is not None and over <= as_of else MOVED
        moved = {value.name for value in spec.values if was.get(value.name, "") != row.get(value.name, "")}
        for value in spec.values:
            values = was.get(value.name, ""), row.get(value.name, "")
            if value.kind == "text" or value.name in redrawn or (value.name not in moved and not value.of):
                continue
            if of == REVISED and not _is_revision(value, values, moved):
                continue
            judged = Judged("none", UNTESTED, "a revision is no matter of chance" if of == REVISED else "no exposure")
            if of == MOVED and value.guarded and value.of:
                judged = _judged_cells(value, was, row)
            if values[0] != values[1] or judged.p is not None:
                where = f"{_where(spec, row)}: {value.label}"
                movements.append(_movement(of, spec.id, where, _as_read(value.kind, values), judged))
    return movements


def _is_revision(value: Any, values: tuple[str, str], moved: set[str]) -> bool:
    """True for a number of both runs, and not one worked out from another of its row that is told of already.

    What one run withheld and the other shows is the gate's doing, and no change of the data.
    """
    return all(number_of(text) is not None for text in values) and not moved & set(value.follows)


def _as_read(kind: str, values: tuple[str, str]) -> tuple[str, str]:
    """Two cells as a page writes them; with four figures where that hides their difference."""
    numbers = [number_of(text) for text in values]
    before, after = (
        text if number is None else show(number, kind) for text, number in zip(values, numbers, strict=True)
    )
    if before == after and values[0] != values[1]:
        before, after = (f"{number:,.4g}" for number in numbers)
    return before, after


def _judged_cells(value: Any, was: Mapping[str, str], row: Mapping[str, str]) -> Judged:
    counts = [number_of(cells.get(value.name, "")) for cells in (was, row)]
    exposures = [number_of(cells.get(value.of, "")) for cells in (was, row)]
    if any(number is None or number < 0 for number in counts) or not all(exposures):
        return Judged("none", UNTESTED, "withheld or not available in one of the runs")
    pairs = [(int(count or 0), float(exposure or 0)) for count, exposure in zip(counts, exposures, strict=True)]
    return noise.rates(pairs[0], pairs[1])


def _arrived(spec: Any, old: list[dict[str, str]], new: list[dict[str, str]]) -> list[Movement]:
    """New points of control charts (tables with value and verdict), a movement a series."""
    period = next((name for name in PERIODS if name in spec.labels), None)
    if period is None or not _is_chart(spec):
        return []
    known = {_key(spec, row) for row in old}
    charts: dict[str, list[dict[str, str]]] = {}
    for row in new:
        charts.setdefault(", ".join(row[name] for name in spec.labels if name != period), []).append(row)
    movements = []
    for name, rows in charts.items():
        fresh = [place for place, row in enumerate(rows) if _key(spec, row) not in known]
        if fresh:
            values = [number if (number := number_of(row["value"])) is not None else float("nan") for row in rows]
            last = values[-1]
            told = rows[-1]["value"] if last != last else f"{last:,.4g}" if abs(last) < 1000 else f"{last:,.0f}"
            shown = f"{len(fresh)} new, last {told} in {rows[-1][period]}"
            anew = [place for place, row in enumerate(rows) if place and row.get("rebased")]
            movements.append(_movement(ARRIVED, spec.id, name, ("", shown), noise.series(values, fresh, anew)))
    return movements


def _is_chart(spec: Any) -> bool:
    return {"value", "verdict"} <= {value.name for value in spec.values}


def _key(spec: Any, row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in spec.labels)


def _where(spec: Any, row: Mapping[str, str]) -> str:
    return ", ".join(row[name] for name in spec.labels if row[name]) or spec.title


def number_of(text: str) -> float | None:
    """The number that a cell of a table's CSV holds; None for a symbol."""
    try:
        return float(text)
    except ValueError:
        return None


def _ended(spec: Any, row: Mapping[str, str]) -> dt.date | None:
    """Last day of the row's period; None where the row has none that can be read."""
    for name in PERIODS:
        if name in spec.labels and (day := _last_day(row[name], name)) is not None:
            return day
    return None


def _last_day(text: str, name: str) -> dt.date | None:
    if name != "year" and (match := _MONTH.match(text)) and 1 <= int(match[2]) <= 12:
        return month_end(dt.date(int(match[1]), int(match[2]), 1))
    return last_day(text)


def _explanations(a: Run, b: Run) -> list[str]:
    """Changes of input files, parameters, code and definitions that could explain a movement."""
    if not (a.manifest and b.manifest):
        told = ["One of the runs has no manifest, so that input files and code cannot be compared."]
    else:
        told = [*_files(a.manifest, b.manifest), *_code(a.manifest, b.manifest)]
    for id in sorted(set(a.findings) & set(b.findings)):
        changed = [name for name in _DEFINED if a.findings[id][name] != b.findings[id][name]]
        if changed:
            told.append(f"Definition of {id}: {', '.join(changed)} changed.")
    for id in sorted(a.tables ^ b.tables):
        told.append(f"Table {id} is in the {'later' if id in b.tables else 'earlier'} run only.")
    for id in sorted(a.tables & b.tables):
        columns = [list(rows[0]) for rows in (a.table(id), b.table(id)) if rows]
        if len(columns) == 2 and columns[0] != columns[1]:
            told.append(f"Table {id} has other columns.")
    return told


def _files(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    old, new = (
        {item["file"]: item["sha256"] for item in (*run["inputs"], *run["release"].get("other_inputs", ()))}
        | run.get("reference", {})
        for run in (a, b)
    )
    words = {"Changed": [name for name in old if name in new and old[name] != new[name]]}
    words |= {"New": sorted(set(new) - set(old)), "Gone": sorted(set(old) - set(new))}
    told = [f"{word} input file: {name}." for word, names in words.items() for name in sorted(names)]
    return told or ["No input file changed."]


def _code(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    told = [
        f"Parameter {name}: {a['parameters'].get(name)} before, {value} now."
        for name, value in b["parameters"].items()
        if name != "quarter" and a["parameters"].get(name) != value
    ]
    told += [
        f"{name} {a['versions'].get(name)} before, {version} now."
        for name, version in b["versions"].items()
        if a["versions"].get(name) != version
    ]
    if a.get("package") != b.get("package"):
        told.append("The code of the package changed.")
    return told

"""Sets the audit on what is to be published: on tables before notebooks read them, and on the finished folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bond_eval.core.atomic import write_json, write_text
from bond_eval.core.places import PLAN, TABLE_SCHEMA
from bond_eval.workbook import ledger
from bond_eval.workbook.locks import private_folder
from bond_eval.workbook.progress import Progress
from bond_eval.workbook.settings import RunSettings

Place = tuple[str, int, str]


class Refused(Exception):
    """The audit found what may not be published; `lines` say what."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(*lines)
        self.lines = tuple(lines)


def attack(folder: Path, settings: RunSettings, progress: Progress, log: ledger.Log = ledger.silent) -> None:
    """Raise Refused where an attacker learns from a public folder what may not be published."""
    if settings.audience != "public" or not settings.audit:
        return
    from bond_eval.audit import audit

    progress.note("Attacking what is to be published, as one would who has nothing else")
    report = audit(folder, settings.data, settings.run_before())
    log(ledger.AUDITED, falls=len(report.falls))
    if report.falls:
        raise Refused(report.lines())


def weak(settings: RunSettings, progress: Progress) -> Callable[..., set[tuple[Place, ...]]]:
    """What evidence.release asks while it makes a release: cells (table, row, column) that give others away.

    It is given protected tables by id, the plan, and how many cells were withheld for its answers so far.
    """
    from bond_eval.audit import audit

    before = settings.run_before()

    def found(tables: Mapping[str, Any], plan: Any, more: int) -> set[tuple[Place, ...]]:
        said = f"{more:,} more cells were withheld for it" if more else "before notebooks read them"
        progress.note(f"Attacking the tables ({said})")
        with private_folder() as folder:
            write_tables(folder, {id: table.to_csv() for id, table in tables.items()}, plan)
            given = {cells for fall in audit(folder, None, before).falls for cells in fall.cells}
        if given:
            progress.note(f"{len(given):,} numbers can be worked out that may not be known: withholding more")
        return given

    return found


def write_tables(folder: Path, tables: Mapping[str, str], plan: Any) -> None:
    """Write tables (id -> CSV), what their columns are, and the plan of what is withheld, where there is one."""
    for table, text in tables.items():
        write_text(folder / "tables" / f"{table}.csv", text)
    write_json(folder / TABLE_SCHEMA, {"tables": schema(tables)})
    if plan is not None:
        write_json(folder / PLAN, plan.as_json())


def schema(tables: Mapping[str, str]) -> dict[str, Any]:
    """What each column of each table is, so that no reader need guess which are counts of children."""
    from bond_eval.evidence.registry import of_findings, registered

    known, parts = {**registered(), **of_findings()}, ("title", "notebook", "row", "labels", "values", "margins")
    found = {id: {part: asdict(known[id])[part] for part in parts} for id in sorted(tables) if id in known}
    for id, spec in found.items():
        heads = tables[id].partition("\n")[0].split(",")
        spec["values"] = [
            value | {"of": value["of"] * (value["of"] in heads), "follows": [n for n in value["follows"] if n in heads]}
            for value in spec["values"]
            if value["name"] in heads
        ]
    return found

"""The page and the text of a comparison of two runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bond_eval.core import formats
from bond_eval.core.findings import anchor
from bond_eval.workbook.compare import ARRIVED, FINDING, MOVED, REVISED, Comparison, Movement, Run
from bond_eval.workbook.noise import BEYOND, UNTESTED, WITHIN

SHOWN = 60
_SECTIONS = (
    (FINDING, "findings", "Findings that moved", "Findings of both runs whose value is another now."),
    (ARRIVED, "new-data", "New points of control charts", "Judged by the chart's own rules, from 12 points on."),
    (MOVED, "cells", "Table cells that a test can judge",
     "Counts that are part of another, in tables of both runs, and not of a period already over."),
    (REVISED, "revisions", "Revisions of what was over",
     "Numbers of periods that had ended by the earlier run: corrected since, or of children followed for longer."),
)  # fmt: skip


def write_page(comparison: Comparison, target: Path) -> None:
    """Write the page whole or not at all. Raises InputError where it cannot be written, or a run's facts are gone."""
    from bond_eval.core.atomic import write_text
    from bond_eval.workbook.publish import rendered, site_of

    up = _relative(comparison.later.folder, target)
    sections = [*(_section(comparison, up, *section) for section in _SECTIONS), _came_and_went(comparison, up)]
    text = rendered(
        "compare.html.j2",
        site=site_of(comparison.later.release),
        up=up,
        earlier=comparison.earlier.facts["quarter"],
        later=comparison.later.facts["quarter"],
        lead=f"{summary(comparison)} {how_tested(comparison)}",
        sections=sections,
        contents=[*((section["id"], section["heading"]) for section in sections), ("why", "What could explain it")],
        explanations=comparison.explanations,
    )
    write_text(target, text)


def write_csv(comparison: Comparison, target: Path) -> None:
    """Write every movement, new and vanished finding as CSV."""
    from bond_eval.core.atomic import csv_text, write_text

    write_text(target, csv_text(comparison.csv_rows()))


def summary(comparison: Comparison) -> str:
    """How much moved and how much of it is beyond noise, in three sentences."""
    moved, charts, revised = (comparison.of(kind) for kind in (FINDING, ARRIVED, REVISED))
    beyond, untested = (sum(one.verdict == verdict for one in moved) for verdict in (BEYOND, UNTESTED))
    signals = sum(one.verdict == BEYOND for one in charts)
    return (
        f"{formats.plural(len(moved), 'finding')} moved, {beyond} of them beyond noise; for {untested} no test can "
        f"tell. {formats.plural(len(charts), 'control chart has', 'control charts have')} new points, {signals} with a "
        f"signal; {formats.plural(len(revised), 'number of earlier periods was', 'numbers of earlier periods were')} "
        f"revised. {formats.plural(len(comparison.new), 'finding is', 'findings are')} new and "
        f"{len(comparison.vanished)} vanished."
    )


def how_tested(comparison: Comparison) -> str:
    """What the tests allow for, in a sentence."""
    counted = comparison.compared
    return (
        f"Exact tests are adjusted (Holm) for the {formats.plural(counted['findings'], 'finding')} and the "
        f"{formats.plural(counted['cells'], 'cell')} compared by them, moved or not; two quarters share most of their "
        "children, so that they err towards noise."
    )


def lines(comparison: Comparison) -> list[str]:
    """The comparison as a terminal shows it: the summary, findings, and what could explain them."""
    told = [summary(comparison), how_tested(comparison)]
    for movement in comparison.of(FINDING):
        told.append(f"{movement.id}: {movement.before} -> {movement.after}; {movement.verdict} ({_test(movement)})")
    told += [f"new: {id}" for id in comparison.new] + [f"vanished: {id}" for id in comparison.vanished]
    return told + list(comparison.explanations)


def _section(comparison: Comparison, up: str, kind: str, id: str, heading: str, words: str) -> dict[str, Any]:
    moved = comparison.of(kind)
    found = sorted(moved, key=lambda movement: (BEYOND, WITHIN, UNTESTED).index(movement.verdict))
    if kind == MOVED:
        found = [movement for movement in found if movement.verdict != UNTESTED]
    found = found[:SHOWN]
    if len(found) < len(moved):
        words = f"{words} {len(found)} of {formats.number(len(moved))} are shown; all are in the CSV (--csv)."
    rows = [
        {
            "what": movement.where if movement.id in comparison.later.findings else f"{movement.id}: {movement.where}",
            "before": movement.before,
            "after": movement.after,
            "verdict": movement.verdict,
            "test": _test(movement),
            "link": _link(comparison.later, movement.id, up),
        }
        for movement in found
    ]
    return {"id": id, "heading": heading, "words": words if moved else "None.", "rows": rows}


def _came_and_went(comparison: Comparison, up: str) -> dict[str, Any]:
    rows = []
    for ids, run, before, after in (
        (comparison.new, comparison.later, "", "new"),
        (comparison.vanished, comparison.earlier, "there", "vanished"),
    ):
        for id in ids:
            row = {"before": before, "after": after, "verdict": "", "test": ""}
            row |= {"what": run.findings[id]["statement"], "link": _link(comparison.later, id, up)}
            rows.append(row)
    words = "Findings that only one of the runs has." if rows else "None."
    return {"id": "new", "heading": "New and vanished findings", "words": words, "rows": rows}


def _test(movement: Movement) -> str:
    parts = [movement.test, movement.detail] if movement.test != "none" else [movement.detail or "no test"]
    if movement.adjusted is not None:
        parts.append(f"p = {movement.p:.3f}, adjusted {movement.adjusted:.3f}")
    return "; ".join(part for part in parts if part)


def _link(run: Run, id: str, up: str) -> str:
    finding = run.findings.get(id)
    page = f"pages/{finding['notebook']}.html" if finding else f"tables/{id}.csv"
    if not (run.folder / page).is_file():
        return ""
    return f"{up}{page}#{quote(anchor(id))}" if finding else f"{up}{page}"


def _relative(folder: Path, target: Path) -> str:
    """The way from the page to the run's folder."""
    relative = os.path.relpath(folder.resolve(), target.resolve().parent)
    return "" if relative == "." else quote(Path(relative).as_posix()) + "/"

"""Reading an executed notebook: its cells as numbered in notebooks/, its title, findings, figures and problems."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from bond_eval.core.findings import FINDING_MIME, Finding
from bond_eval.core.formats import capital, plural
from bond_eval.workbook.execute import DIED, OUT_OF_MEMORY, TIMED_OUT, WORKER_LOST, Outcome
from bond_eval.workbook.parameters import Declared, tags
from bond_eval.workbook.settings import DONE, FAILED, INCOMPLETE, NotebookResult

INJECTED = "injected-parameters"
PARAMETERS = "parameters"
ERROR_MARK = "papermill-error-cell-tag"
_TITLE = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)


def numbered(notebook: Any) -> Iterator[tuple[int, Any]]:
    """(number, cell), counted from 1 as in notebooks/.

    What papermill adds is not counted: its parameters have the number of the cell they follow; its notes on
    an error are left out.
    """
    number = 0
    for cell in notebook.cells:
        if ERROR_MARK in tags(cell):
            continue
        number += INJECTED not in tags(cell)
        yield number, cell


def outputs(notebook: Any) -> Iterator[tuple[int, Any]]:
    """(cell number, output) of every code cell."""
    for number, cell in numbered(notebook):
        for output in cell.get("outputs", []):
            yield number, output


def title(notebook: Any, name: str) -> str:
    """The text of the first heading, with its Markdown; the name where there is none."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and ERROR_MARK not in tags(cell) and (match := _TITLE.search(cell.source)):
            return match[1]
    return name


def findings(notebook: Any) -> list[tuple[int, dict[str, Any]]]:
    """(cell number, finding as JSON) in the order shown. Raises ValueError for one that is not whole."""
    found = []
    for number, output in outputs(notebook):
        data = output.get("data", {}).get(FINDING_MIME)
        if data is not None:
            found.append((number, whole(data).as_dict()))
    return found


def whole(data: Any) -> Finding:
    """The finding that JSON stands for. Raises ValueError where something is missing, unknown or contradictory."""
    try:
        lists = {name: tuple(data[name]) for name in ("questions", "caveats")}
        interval = tuple(data["interval"]) if data["interval"] else None
        return Finding(**{**data, **lists, "interval": interval})
    except (KeyError, TypeError) as error:
        raise ValueError("A finding lacks a part or has one too many.") from error


def figures(notebook: Any) -> list[tuple[int, str]]:
    """(cell number, alt text) of each figure; the text is empty where the notebook gave none."""
    return [
        (number, str(output.get("metadata", {}).get("image/png", {}).get("alt", "")).strip())
        for number, output in outputs(notebook)
        if "image/png" in output.get("data", {})
    ]


def cut_off(notebook: Any, result: NotebookResult) -> None:
    """Empty the cell in which a kernel died or ran out of time: how much of it arrived is chance."""
    if result.status in (DIED, TIMED_OUT, OUT_OF_MEMORY):
        for number, cell in numbered(notebook):
            if cell.cell_type == "code" and number == result.cell and INJECTED not in tags(cell):
                cell.outputs, cell.execution_count = [], None


def assess(
    name: str, notebook: Any, outcome: Outcome, says: Declared | None = None, tables: Collection[str] = ()
) -> NotebookResult:
    """How a notebook ended, from what was seen of its kernel and what is in it.

    Never from papermill's own marks, which say "completed" even for a dead kernel. `says`: what the notebook declares;
    `tables`: ids of those in the release.
    """
    stderr = [o.text for _, o in outputs(notebook) if o.output_type == "stream" and o.name == "stderr"]
    lines = [line for text in stderr for line in text.splitlines() if line.strip()]
    status, cell, error, message, count = _status(notebook, outcome, says or Declared(name), tables)
    return NotebookResult(
        name=name,
        title=title(notebook, name),
        status=status,
        message=message,
        cell=cell,
        error=error,
        findings=count,
        figures=len(figures(notebook)),
        warnings=sum("Warning" in line for line in lines),
        stderr_lines=len(lines),
        seconds=outcome.seconds,
    )


def _status(
    notebook: Any, outcome: Outcome, says: Declared, tables: Collection[str]
) -> tuple[str, int | None, str, str, int]:
    reached, seen = _reached(notebook), outcome.status
    where = f"in cell {reached}" if reached else "before its first cell"
    if seen == OUT_OF_MEMORY:
        return OUT_OF_MEMORY, reached, outcome.raised, f"It needed more memory than it may have {where}.", 0
    if seen == TIMED_OUT:
        return TIMED_OUT, reached, outcome.raised, f"Cell {reached} took longer than a cell may.", 0
    failed = [number for number, o in outputs(notebook) if o.output_type == "error"]
    if failed and seen != DIED:
        error = outcome.raised or "Error"
        return FAILED, failed[0], error, f"Cell {failed[0]} raised {error}; the cells after it did not run.", 0
    idle = [n for n, c in numbered(notebook) if _is_code(c) and c.get("execution_count") is None]
    if seen == DIED or outcome.raised or idle:
        error = "" if outcome.raised == WORKER_LOST else outcome.raised
        return DIED, reached, error, f"Its kernel died {where}; the cells after that did not run.", 0
    return _completeness(notebook, says, tables)


def _completeness(notebook: Any, says: Declared, tables: Collection[str]) -> tuple[str, int | None, str, str, int]:
    try:
        ids = [finding["id"] for _, finding in findings(notebook)]
    except ValueError:
        return FAILED, None, "ValueError", "It shows a finding that is not whole.", 0
    alts, count, missing = figures(notebook), len(ids), []
    if isinstance(says.findings, tuple):
        missing += [f"it has no finding {id}" for id in says.findings if id not in ids]
    elif count < says.findings:
        missing.append(f"it has {plural(count, 'finding')} where {says.findings} are needed")
    if len(alts) < says.figures:
        missing.append(
            f"it has {plural(len(alts), 'figure')} where {says.figures} are needed" if alts else "it has no figure"
        )
    missing += [f"there is no table {id}" for id in says.tables if id not in tables]
    missing += [f"the figure of cell {number} has no text alternative" for number, alt in alts if not alt]
    if missing:
        text = "; ".join(missing)
        return INCOMPLETE, None, "", f"{capital(text)}.", count
    return DONE, None, "", "", count


def _is_code(cell: Any) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def _reached(notebook: Any) -> int | None:
    # papermill gives a starting time to the cells it came to, and to no other.
    begun = [n for n, c in numbered(notebook) if _is_code(c) and c.metadata.get("papermill", {}).get("start_time")]
    return begun[-1] if begun else None

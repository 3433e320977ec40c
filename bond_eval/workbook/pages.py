"""What a page shows of one executed notebook, worked out before the template lays it out."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Collection, Mapping
from typing import Any

from bond_eval.core import formats
from bond_eval.core.findings import FINDING_MIME, anchor, interval_text
from bond_eval.workbook.cells import INJECTED, PARAMETERS, numbered, title, whole
from bond_eval.workbook.parameters import assigned, tags
from bond_eval.workbook.safe_html import clean, plain, with_anchors, words
from bond_eval.workbook.safe_svg import inline
from bond_eval.workbook.traced import tables_by_cell

NO_ALT = "the notebook gives no text alternative"
_BEHIND = '<details class="data">'  # as book.chart writes it
_TABLE = re.compile(r"Data behind this figure: table (\w+)\.")


def headline(notebook: Any, name: str) -> str:
    """The notebook's title as bare text."""
    return plain(title(notebook, name))


def laid_out(notebook: Any, public: bool, known: Collection[str] = ()) -> tuple[Any, str, list[tuple[str, str]]]:
    """What the template needs: a copy with metadata["page"] on each cell, the lead, and the contents (id, heading).

    `known`: ids of the tables that a reader can be led to. The lead is what stands under the notebook's title, as
    HTML; the template sets it above the contents.
    """
    nb = copy.deepcopy(notebook)
    taken = {"main", "contents"} | {anchor(data["id"]) for data in _finding_data(nb)}
    taken |= {f"cell-{number}" for number, _ in numbered(nb)}
    contents: list[tuple[str, str]] = []
    values, lead, opened = _parameters(nb), "", False
    behind = tables_by_cell(nb, known)
    for number, cell in numbered(nb):
        page: dict[str, Any] = {"number": number, "kind": _kind(cell), "values": values}
        page["tables"] = behind.get(number, [])
        if page["kind"] == "markdown":
            source = cell.source if opened else _without_title(cell.source)
            page["html"], found = with_anchors(words(source, f"Table of cell {number}"), taken)
            contents += found
            if not opened:
                lead, page["html"], opened = page["html"], "", True
        page["outputs"] = _together(
            [
                s
                for place, output in enumerate(cell.get("outputs", []), 1)
                if (s := _shown(output, number, place, public))
            ]
        )
        cell.metadata["page"] = page
    return nb, lead, contents


def _kind(cell: Any) -> str:
    named = {INJECTED: "injected", PARAMETERS: "parameters"}
    return next((kind for tag, kind in named.items() if tag in tags(cell)), str(cell.cell_type))


def weight(finding: Mapping[str, Any]) -> list[str]:
    """How far a finding can be leaned on, in short phrases: interval, number, strength, period."""
    if finding["interval"]:
        parts = [f"Interval: {interval_text(finding['interval'], finding['unit'])}"]
    else:
        parts = [f"No interval: {finding['no_interval']}"]
    if finding["n"] is not None:
        parts.append(f"n = {formats.number(finding['n'])}")
    return [*parts, f"Strength: {finding['strength']}", f"Period: {finding['period']}"]


def _finding_data(nb: Any) -> list[dict[str, Any]]:
    outputs = (output for _, cell in numbered(nb) for output in cell.get("outputs", []))
    found = [output.get("data", {}).get(FINDING_MIME) for output in outputs]
    return [data for data in found if data is not None and "id" in data]


def _without_title(source: str) -> str:
    # The template sets the page's heading itself.
    lines = source.splitlines()
    title_at = next((place for place, line in enumerate(lines) if line.startswith("# ")), None)
    return source if title_at is None else "\n".join(lines[:title_at] + lines[title_at + 1 :])


def _parameters(nb: Any) -> dict[str, str]:
    """Parameters as this run used them: the notebook's own, under those given."""
    values: dict[str, str] = {}
    for wanted in (PARAMETERS, INJECTED):
        for cell in nb.cells:
            for name, value, _ in assigned(cell.source) if wanted in tags(cell) else ():
                text = isinstance(value, ast.Constant) and isinstance(value.value, str)
                values[name] = str(ast.literal_eval(value)) if text else ast.unparse(value)
    return values


def _together(shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A figure takes in the table of its numbers, which the notebook shows next to it."""
    kept: list[dict[str, Any]] = []
    for item in shown:
        if item["kind"] == "html" and item["html"].startswith(_BEHIND) and kept and kept[-1]["kind"] == "figure":
            kept[-1] |= {"data": item["html"], "table": item["table"]}
        else:
            kept.append(item)
    return kept


def _shown(output: Any, number: int, place: int, public: bool) -> dict[str, Any] | None:
    if output.output_type == "stream":
        return _stream(output, public)
    if output.output_type == "error":
        trace = "" if public else "\n".join(output.traceback)
        return {"kind": "error", "error": output.ename, "number": number, "text": trace}
    data = output.data
    if FINDING_MIME in data:
        return _finding(data[FINDING_MIME])
    if "image/png" in data:
        alt = str(output.metadata.get("image/png", {}).get("alt", "")).strip()
        alt = alt or f"Figure of cell {number}; {NO_ALT}"
        svg = inline("".join(data.get("image/svg+xml", "")), f"figure-{number}-{place}", alt)
        png = "" if svg else "".join(data["image/png"].split())
        return {"kind": "figure", "svg": svg, "png": png, "alt": alt, "name": f"Figure of cell {number}"}
    if "text/html" in data:
        told = _TABLE.fullmatch(data.get("text/plain", ""))
        html = clean(data["text/html"], f"Table of cell {number}")
        return {"kind": "html", "html": html, "table": told[1] if told else ""}
    if "text/markdown" in data:
        return {"kind": "html", "html": words(data["text/markdown"], f"Table of cell {number}", level=3)}
    return {"kind": "text", "text": data["text/plain"]} if data.get("text/plain") else None


def _stream(output: Any, public: bool) -> dict[str, Any] | None:
    if output.name == "stdout":
        return {"kind": "text", "text": output.text}
    return None if public else {"kind": "stderr", "text": output.text}


def _finding(data: Mapping[str, Any]) -> dict[str, Any]:
    try:
        finding = whole(data).as_dict()
    except ValueError:
        return {"kind": "text", "text": "A finding that is not whole is not shown."}
    place = {"anchor": anchor(finding["id"]), "weight": weight(finding), "of": finding["kind"]}
    return {**finding, **place, "kind": "finding"}

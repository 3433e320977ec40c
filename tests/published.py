"""A small run made of the committed reference run, without a kernel: some notebooks, their tables and findings."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from bond_eval.core.atomic import write_json, write_text
from bond_eval.core.findings import made_from
from bond_eval.core.places import MANIFEST, REFERENCE_RUN
from bond_eval.workbook.manifest import manifest, versions
from bond_eval.workbook.publish import Pages, publish
from bond_eval.workbook.settings import NotebookResult
from bond_eval.workbook.tidy import text_of
from tests.charts import KINDS, drawn

BOOKS = ("01_placement_trends", "02_baseline_cohorts", "31_cost_avoidance")
GALLERY = "50_every_chart"


def small_run(
    folder: Path, books: Sequence[str] = BOOKS, gallery: bool = False, status: str = "done", **facts: Any
) -> Path:
    """Write the run's folder as `bond-eval run` leaves it; `facts` replace the release's. `gallery` adds all charts."""
    known = json.loads((REFERENCE_RUN / "release.json").read_text(encoding="utf-8"))["facts"] | facts
    found = [item for item in _json("findings.json")["findings"] if item["notebook"] in books]
    notebooks = {name: nbformat.read(REFERENCE_RUN / "notebooks" / f"{name}.ipynb", as_version=4) for name in books}
    if gallery:
        notebooks[GALLERY] = every_chart()
    schema = _json("tables/schema.json")["tables"]
    whole = len(books) == sum(1 for _ in (REFERENCE_RUN / "notebooks").glob("*.ipynb"))
    own = {id: spec for id, spec in schema.items() if any(name.endswith(f"_{spec['notebook']}") for name in books)}
    mine = schema if whole else own  # some tables are shared, and of no notebook by name
    for id in mine:
        text = (REFERENCE_RUN / "tables" / f"{id}.csv").read_text(encoding="utf-8")
        write_text(folder / "tables" / f"{id}.csv", text)
    write_json(folder / "tables" / "schema.json", {"tables": mine})
    write_json(folder / "findings.json", {**made_from(known), "findings": found, "missing": {}, "earlier": []})
    for name, notebook in notebooks.items():
        write_text(folder / "notebooks" / f"{name}.ipynb", text_of(notebook))
    results = [NotebookResult(name, name, status, "", None, "", 3, 1, 0, 0, 1.0) for name in notebooks]
    source = _provenance(known)
    publish(Pages(folder, known, notebooks, results, found, source, mine))
    write_json(folder / MANIFEST, manifest(folder, source, results))
    return folder


def every_chart() -> Any:
    """A notebook that shows a chart of each kind as a run leaves it, with the table of its numbers."""
    outputs = []
    for kind in KINDS:
        chart = drawn(kind)
        data = {"image/png": base64.b64encode(chart.png()).decode("ascii"), "image/svg+xml": chart.svg()}
        outputs.append(nbformat.v4.new_output("display_data", data=data, metadata={"image/png": {"alt": chart.alt}}))
        rows = f"<tr><th>{kind}</th><td>12</td></tr>"
        table = f"<table><caption>Numbers of {kind}</caption><thead><tr><th>A</th><th>B</th></tr></thead>{rows}</table>"
        folded = f'<details class="data"><summary>Data behind this figure</summary>{table}</details>'
        outputs.append(nbformat.v4.new_output("display_data", data={"text/html": folded}))
    words = "# What does every chart look like?\n\nDrawn on fixed numbers.\n\n## All of them\n\nWith $a \\le b$."
    cells = [nbformat.v4.new_markdown_cell(words), nbformat.v4.new_code_cell("show()", outputs=outputs)]
    return nbformat.v4.new_notebook(cells=cells)


def _json(name: str) -> Any:
    return json.loads((REFERENCE_RUN / name).read_text(encoding="utf-8"))


def _provenance(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "release": {name: value for name, value in facts.items() if name != "inputs"},
        "inputs": [{name: value for name, value in item.items() if name != "rows"} for item in facts["inputs"]],
        "rows_read": sum(item["rows"] for item in facts["inputs"]),
        "parameters": {},
        "command": "bond-eval run",
        "left_out": [],
        "versions": versions(),
        "git": None,
        "package": "",
        "reference": {},
    }

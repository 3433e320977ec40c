"""The chain behind a finding: from its sentence to notebook, table, builder, method, input files and tests."""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.findings import anchor, interval_text, questions
from bond_eval.core.places import REFERENCE, ROOT, digests
from bond_eval.workbook.compare import Run, read_run

_FACTS = re.compile(r"[\w.-]+\.csv")
# Words of a source that stand for the return itself.
_OWN = ("SSDA903", "return", "stitching", "findings.json", "files themselves")


def chain(folder: Path, id: str, tests: Path = ROOT / "tests") -> list[tuple[str, str]]:
    """(step, what stands there) from the statement to the tests. Raises InputError for an unknown id, with the nearest.

    Reads the run's published files, the table registry and, where the repository is there, its tests.
    """
    run = read_run(folder)
    if id not in run.findings:
        near = difflib.get_close_matches(id, run.findings, n=1, cutoff=0.0)
        hint = f"the nearest is {near[0]}" if near else "the run has none"
        raise InputError(f"Finding {id!r} is not in {folder.name}: {hint}.")
    finding = run.findings[id]
    return [
        ("Statement", finding["statement"]),
        ("Weight", _weight(finding)),
        *(("Question", f"{name}: {questions()[name]['text']}") for name in finding["questions"] if name in questions()),
        *(("Caveat", caveat) for caveat in finding["caveats"]),
        ("Notebook", _place(run, finding)),
        *_table(run, finding, tests),
    ]


def _weight(finding: Mapping[str, Any]) -> str:
    interval = f"no interval ({finding['no_interval']})"
    if finding["interval"]:
        interval = f"interval {interval_text(finding['interval'], finding['unit'])}"
    n = "" if finding["n"] is None else f", n = {formats.number(finding['n'])}"
    return f"{finding['kind']}; {finding['strength']}; {interval}{n}"


def _place(run: Run, finding: Mapping[str, Any]) -> str:
    page = f"pages/{finding['notebook']}.html"
    there = f"; {page}#{anchor(finding['id'])}" if (run.folder / page).is_file() else ""
    return f"{finding['notebook']}.ipynb, cell {finding['cell']}, stage {finding['stage']}{there}"


def _table(run: Run, finding: Mapping[str, Any], tests: Path) -> Iterator[tuple[str, str]]:
    from bond_eval.evidence.registry import of_findings, registered

    id = finding["table"]
    spec = (registered() | of_findings()).get(id)
    rows = f", {formats.plural(len(run.table(id)), 'row')} in tables/{id}.csv" if id in run.tables else ""
    if spec is None:
        yield "Table", f"{id}{rows}; it is not registered any more"
        yield "Method", finding["method"]
        return
    builder = f"{spec.build.__module__}:{spec.build.__name__}"
    yield "Table", f"{id}: {spec.title}{rows}"
    yield "Builder", builder
    yield "Method", finding["method"]
    yield from (("Input", line) for line in _inputs(run, spec.source))
    named = naming_tests(tests, (id, spec.build.__name__, finding["id"]))
    yield from (("Test", name) for name in named)
    if not named:
        yield "Test", "no test names this table" if tests.is_dir() else "the tests are not here"


def _inputs(run: Run, source: str) -> list[str]:
    """Input files that a table's source speaks of, with rows (where the edition may say) and SHA-256."""
    facts = _facts(run)
    reference = digests(REFERENCE)
    named = [name for name in dict.fromkeys(_FACTS.findall(source)) if name in reference]
    lines = [f"data/reference/{name}, {_lines(name)}, {reference[name]}" for name in named]
    rest = re.sub(r"data/reference/", "", source)
    beside = [item for item in facts.get("other_inputs", ()) if item["file"].split("/", 1)[0] in rest]
    own = facts["inputs"] if any(word in rest for word in _OWN) or not (named or beside) else []
    lines += [f"{item['file']}, {_rows(item)}{item['sha256']}" for item in (*own, *beside)]
    return lines or ["the run names no file"]


def _lines(name: str) -> str:
    rows = (REFERENCE / name).read_text(encoding="utf-8").count("\n") - 1
    return formats.plural(rows, "row")


def _rows(item: Mapping[str, Any]) -> str:
    # The rows of a file can be a count of children, so that a public manifest leaves them out.
    return f"{formats.plural(item['rows'], 'row')}, " if "rows" in item else "rows not published, "


def _facts(run: Run) -> Mapping[str, Any]:
    if run.manifest:
        return {**run.manifest["release"], "inputs": run.manifest["inputs"]}
    kept = run.folder / "release.json"
    facts: Mapping[str, Any] = json.loads(kept.read_text(encoding="utf-8"))["facts"] if kept.is_file() else {}
    return {"inputs": [], **facts}


def naming_tests(tests: Path, names: tuple[str, ...]) -> list[str]:
    """tests/file.py::test of each test whose text names one of `names`."""
    wanted = re.compile(r"(?<![\w.])(?:" + "|".join(re.escape(name) for name in names) + r")(?!\w)")
    found = []
    for path in sorted(tests.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if not wanted.search(text):
            continue
        place = path.relative_to(tests.parent).as_posix()
        functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
        found += [
            f"{place}::{one.name}"
            for one in functions
            if one.name.startswith("test_") and wanted.search(ast.get_source_segment(text, one) or "")
        ]
    return found

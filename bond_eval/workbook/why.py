"""The chain behind a finding or table: from its sentence to notebook, builder, method, input files and tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.findings import anchor, questions
from bond_eval.core.places import REFERENCE, ROOT, SEALS, digests
from bond_eval.workbook.compare import Run, read_run
from bond_eval.workbook.pages import weight
from bond_eval.workbook.parameters import nearest

TESTS = ROOT / "tests"
SHOWN = 5  # of them
_FACTS = re.compile(r"[\w.-]+\.(?:csv|jsonl)")
_PROOFS = ("oracles", "worlds", "unit", "properties", "faults", "attack")
# Words of a source that stand for the return itself, and for much more than they name.
_OWN = ("SSDA903", "return", "stitching", "the files", "Episodes files", "bond-eval check")
_WORDS = {
    "the scorecard|computed measures": "the return, finance, register and data/reference/measures.csv",
    "findings.json": "the return, finance, register, measures, dfe",
}


def chain(folder: Path, id: str) -> list[tuple[str, str]]:
    """(step, what stands there) from the statement to the tests. Raises InputError for an unknown id, with the nearest.

    Reads the run's published files, the table registry and, where the repository is there, its tests.
    """
    run = read_run(folder)
    if id not in run.findings:
        hint = f"the nearest is {nearest(id, run.findings)}" if run.findings else "the run has none"
        raise InputError(f"Finding {id!r} is not in {folder.name}: {hint}.")
    finding = run.findings[id]
    return [
        ("Statement", finding["statement"]),
        ("Weight", "; ".join([f"Kind: {finding['kind']}", *weight(finding)])),
        *(("Question", f"{name}: {questions()[name]['text']}") for name in finding["questions"] if name in questions()),
        *(("Caveat", caveat) for caveat in finding["caveats"]),
        ("Notebook", _place(run, finding)),
        *_table(run, finding),
    ]


def shortened(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same with the first SHOWN tests of it, and a line for how many more there are; tests stand last."""
    first = sum(step != "Test" for step, _ in steps) + SHOWN
    more = len(steps) - first
    return steps[:first] + ([("", f"and {more:,} more tests: add --all")] if more > 0 else [])


def _place(run: Run, finding: Mapping[str, Any]) -> str:
    page = f"pages/{finding['notebook']}.html"
    there = f"; {page}#{anchor(finding['id'])}" if (run.folder / page).is_file() else ""
    return f"{finding['notebook']}.ipynb, cell {finding['cell']}, stage {finding['stage']}{there}"


def _table(run: Run, finding: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    id, facts = finding["table"], run.release
    rows = f", {formats.plural(len(run.table(id)), 'row')} in tables/{id}.csv" if id in run.tables else ""
    made = addresses([id], facts, (finding["id"],))
    if not made:
        yield "Table", f"{id}{rows}; it is not registered any more"
    for one in made:
        yield "Table", f"{id}: {one.title}{rows}"
        yield "Builder", one.builder
    yield "Method", finding["method"]
    # The rows of a file can be a count of children, so that a public manifest leaves them out.
    supplied = (*facts["inputs"], *facts.get("other_inputs", ()))
    many = {item["file"]: f", {formats.plural(item['rows'], 'row')}" for item in supplied if item.get("rows")}
    for one in made:
        own = [(item["file"], item["sha256"]) for item in facts["inputs"] if one.own]
        yield from (("Input", f"{name}{many.get(name, '')}, {digest}") for name, digest in (*one.files, *own))
        if not (one.files or own):
            yield "Input", f"none, since no such file was given: {one.source}"
        none = "no test names this table" if TESTS.is_dir() else "the tests are not here"
        yield from (("Test", name) for name in one.tests or [none])


def _spoken_of(
    source: str, facts: Mapping[str, Any], reference: Mapping[str, str]
) -> tuple[tuple[tuple[str, str], ...], bool]:
    """What a source speaks of: (file, SHA-256) of reference and of beside the return; and whether the return itself."""
    for word, stands_for in _WORDS.items():
        source = re.sub(word, stands_for, source)
    named = [name for name in dict.fromkeys(_FACTS.findall(source)) if name in reference]
    rest = source.replace("data/reference/", "")
    beside = [item for item in facts.get("other_inputs", ()) if _group(item["file"]) in rest.lower()]
    files = [(f"data/reference/{name}", reference[name]) for name in named]
    files += [(item["file"], item["sha256"]) for item in beside]
    return tuple(files), any(word in rest for word in _OWN)


def _group(file: str) -> str:
    """What sources call a file beside the return: its folder; what earlier quarters sealed has theirs, and is named."""
    folder, _, name = file.partition("/")
    return name if name == SEALS else folder


def naming_tests(tests: Path, names: tuple[str, ...]) -> list[str]:
    """tests/file.py::test of each test that names a table or finding by its id, or calls a builder: build()."""
    return [test for test, told in _told_by_tests(tests) if not told.isdisjoint(names)]


@cache
def _told_by_tests(tests: Path) -> list[tuple[str, frozenset[str]]]:
    """Each test as tests/file.py::test, with the texts and calls in it and in what of its file it uses."""
    found = []
    for path in sorted(tests.rglob("test_*.py")):
        told, uses = dict[str, set[str]](), dict[str, set[str]]()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for name in _defined(node):
                told.setdefault(name, set()).update(_told(node))
                used = (part.id if isinstance(part, ast.Name) else getattr(part, "arg", "") for part in ast.walk(node))
                uses.setdefault(name, set()).update(name for name in used if name)
        place = path.relative_to(tests.parent).as_posix()
        found += [(f"{place}::{name}", _whole(name, told, uses)) for name in told if name.startswith("test_")]
    return found


def _told(node: ast.AST) -> Iterator[str]:
    """Texts as they stand, files without their folder and ending, and the names of what is called, as name()."""
    keys = {id(key) for part in ast.walk(node) if isinstance(part, ast.Dict) for key in part.keys}
    for part in ast.walk(node):
        # A key of a dictionary is a field's name more often than a table's.
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in keys:
            yield part.value.rsplit("/", 1)[-1].removesuffix(".csv")
        elif isinstance(part, ast.Call):
            yield f"{getattr(part.func, 'attr', getattr(part.func, 'id', ''))}()"


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def _whole(name: str, told: Mapping[str, set[str]], uses: Mapping[str, set[str]]) -> frozenset[str]:
    """What a definition tells, with those of the same file that it uses, as a test does fixtures and helpers."""
    met, due = set[str](), [name]
    while due:
        if (one := due.pop()) not in met and one in told:
            met.add(one)
            due += uses[one] - met
    return frozenset().union(*(told[one] for one in met))


@dataclass(frozen=True)
class Address:
    """Where a table's numbers come from: what made it, of which files (name, SHA-256), and the tests that name it.

    `own`: the return itself is among the files.
    """

    id: str
    title: str
    builder: str
    method: str
    source: str
    files: tuple[tuple[str, str], ...]
    own: bool
    tests: tuple[str, ...]


def addresses(ids: Iterable[str], facts: Mapping[str, Any], also: tuple[str, ...] = ()) -> list[Address]:
    """The address of each registered table of `ids`, in their order. `facts`: a release's, with its inputs.

    `also`: what else a test may name to count as one of the table's.
    """
    from bond_eval.evidence.registry import of_findings, registered

    known, reference, found = registered() | of_findings(), digests(REFERENCE), []
    for spec in (known[id] for id in ids if id in known):
        files, own = _spoken_of(spec.source, facts, reference)
        named = sorted(naming_tests(TESTS, (spec.id, f"{spec.build.__name__}()", *also)), key=_kind)
        made = f"{spec.build.__module__}.{spec.build.__name__}"
        found.append(Address(spec.id, spec.title, made, spec.method, spec.source, files, own, tuple(named)))
    return found


def _kind(test: str) -> int:
    """Published answers first, then worlds whose truth is known; attacks on what is withheld last."""
    return next((place for place, folder in enumerate(_PROOFS) if f"/{folder}/" in test), 0)

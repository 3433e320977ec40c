"""Which registered tables the words and tables that a cell shows were computed from, read from the notebook's code."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from bond_eval.workbook.cells import numbered

PAGE = "tables.html"
# What these show names its own table.
_OWN = ("finding", "chart")


def tables_by_cell(notebook: Any, known: Collection[str]) -> dict[int, list[str]]:
    """Cell number -> ids of the tables behind what it says or shows, figures and findings apart, in order of name.

    Followed through names: what is assigned from a table, or from a number of it, is of that table. A table whose id
    is not written out is one of those that the cell names.
    """
    names: dict[str, set[str]] = {}
    found: dict[int, list[str]] = {}
    for number, cell in numbered(notebook):
        try:
            tree = ast.parse(cell.source) if cell.cell_type == "code" else ast.Module([], [])
        except SyntaxError:
            continue
        texts = _texts(tree, known)
        shown: set[str] = set()
        for node in _statements(tree.body):
            if isinstance(node, ast.Expr):
                shown |= set() if _called(node.value) in _OWN else _behind(node, names, texts)
            elif isinstance(node, ast.For):
                _assign(node.target, _behind(node.iter, names, texts), names)
            elif isinstance(node, ast.AugAssign):
                _assign(node.target, _behind(node, names, texts), names)
            elif isinstance(node, ast.Assign):
                for target, value in _pairs(node.targets[0], node.value):
                    _assign(target, _behind(value, names, texts), names)
        found[number] = sorted(shown & set(known))
    return found


def tables_of(notebook: Any, known: Collection[str]) -> set[str]:
    """Ids of the tables that a notebook opens."""
    found: set[str] = set()
    for _, cell in numbered(notebook):
        with contextlib.suppress(SyntaxError):
            tree = ast.parse(cell.source if cell.cell_type == "code" else "")
            found |= _behind(tree, {}, _texts(tree, known))
    return found & set(known)


def places(tables: Collection[str], names: Collection[str], release: bool) -> dict[str, str]:
    """Table id -> where a site has it, from the site's root: its address in a release, else its file.

    `names`: the notebooks of the site, for the tables of findings, which are in no file.
    """
    if not release:
        return {id: f"tables/{id}.csv" for id in tables}
    from bond_eval.evidence.registry import of_findings, registered

    second = {id for id, spec in of_findings().items() if any(name.endswith(f"_{spec.notebook}") for name in names)}
    return {id: f"{PAGE}#table-{id}" for id in sorted({*tables, *second}) if id in registered() or id in second}


def _texts(tree: ast.AST, known: Collection[str]) -> set[str]:
    return {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in known}


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements in order, those inside loops and conditions too."""
    for node in body:
        yield node
        for part in ("body", "orelse"):
            yield from _statements(getattr(node, part, []))


def _called(node: ast.expr) -> str:
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def _behind(node: ast.AST, names: dict[str, set[str]], texts: set[str]) -> set[str]:
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found |= names.get(part.id, set())
        elif isinstance(part, ast.Call) and _called(part) == "table" and part.args:
            one = part.args[0]
            found |= {str(one.value)} if isinstance(one, ast.Constant) else texts
    return found


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """a, b = x, y as a = x and b = y."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _assign(target: ast.expr, behind: set[str], names: dict[str, set[str]]) -> None:
    for part in ast.walk(target):
        if isinstance(part, ast.Name):
            names[part.id] = behind

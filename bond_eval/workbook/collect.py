"""Findings of executed notebooks, gathered into one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.workbook.cells import findings


def collect(notebooks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Findings by notebook and cell: what Finding.as_dict gives, with `notebook` and `cell` beside it.

    Cells are counted from 1 as in notebooks/. Raises InputError where two findings have one id, since an id is a
    promise: pages link to it and later quarters are compared by it.
    """
    collected: dict[str, dict[str, Any]] = {}
    for name in sorted(notebooks):
        for cell, finding in findings(notebooks[name]):
            place = {"notebook": name, "cell": cell}
            if finding["id"] in collected:
                raise InputError(_twice(finding["id"], collected[finding["id"]], place))
            collected[finding["id"]] = finding | place
    return list(collected.values())


def _twice(id: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    places = " and by ".join(f"{place['notebook']} in cell {place['cell']}" for place in (first, second))
    return f"Finding {id} is given by {places}: an id stands for one finding, so rename one of them."


def as_file(authority: str, quarter: str, audience: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """The content of findings.json."""
    return {"authority": authority, "quarter": quarter, "audience": audience, "findings": found}

"""Findings of executed notebooks, gathered into one list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.core.findings import SCHEMA, made_from
from bond_eval.workbook.cells import findings


def collect(notebooks: Mapping[str, Any], stages: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
    """Findings by notebook and cell: what Finding.as_dict gives, with `notebook`, `cell` and `stage` beside it.

    Cells are counted from 1 as in notebooks/. `stages`: notebook -> stage, 1 where it is not named. Raises InputError
    where a finding does not keep to core/finding.schema.json, or where two have one id, since an id is a promise:
    pages link to it and later quarters are compared by it.
    """
    collected: dict[str, dict[str, Any]] = {}
    for name in sorted(notebooks):
        for cell, finding in findings(notebooks[name]):
            place = {"notebook": name, "cell": cell, "stage": (stages or {}).get(name, 1)}
            if finding["id"] in collected:
                both = (f"{one['notebook']} in cell {one['cell']}" for one in (collected[finding["id"]], place))
                told = f"Finding {finding['id']} is given by {' and by '.join(both)}"
                raise InputError(f"{told}: an id stands for one finding, so rename one of them.")
            collected[finding["id"]] = finding | place
    found = list(collected.values())
    check_schema(found)
    return found


def check_schema(found: Iterable[Mapping[str, Any]]) -> None:
    """Raise InputError, naming finding, place and part, where one does not keep to the schema."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for finding in found:
        for error in validator.iter_errors(finding):
            part = ".".join(str(step) for step in error.absolute_path) or "its parts"
            where = f"{finding.get('notebook')} in cell {finding.get('cell')}"
            raise InputError(f"Finding {finding.get('id')} of {where}: {part} is not as {SCHEMA.name} asks: mend it.")


def as_file(
    facts: Mapping[str, Any],
    found: list[dict[str, Any]],
    missing: Mapping[str, str],
    earlier: list[dict[str, Any]],
) -> dict[str, Any]:
    """The content of findings.json.

    `missing`: first-stage notebook -> why it gave no findings. `earlier`: findings of the last run that this one's
    second stage read, because it was asked to run only some notebooks.
    """
    return {**made_from(facts), "findings": found, "missing": dict(missing), "earlier": earlier}

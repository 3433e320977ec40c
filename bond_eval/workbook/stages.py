"""The second stage reads what the first found. Which findings it gets, and which notebooks gave none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bond_eval.core.errors import InputError
from bond_eval.core.findings import FILE, made_from
from bond_eval.workbook.settings import DONE, INCOMPLETE, NotebookResult, RunSettings


def earlier_findings(
    settings: RunSettings, facts: Mapping[str, Any], wanted: Sequence[str], stages: Mapping[str, int]
) -> list[dict[str, Any]]:
    """First-stage findings of the last run, of notebooks that are not run now: for `--only` with a second stage.

    Raises InputError where only second-stage notebooks are asked for and no run of the same files gave findings.
    """
    if not settings.only or all(stages[name] == 1 for name in wanted):
        return []
    path, last = settings.folder / FILE, {}
    if path.is_file():
        try:
            last = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{FILE} of the last run cannot be read: run the whole workbook again.") from error
    if any(last.get(name) != value for name, value in made_from(facts).items()):
        last = {}
    kept = [
        item
        for item in (*last.get("findings", ()), *last.get("earlier", ()))
        if item["stage"] == 1 and item["notebook"] in stages and item["notebook"] not in wanted
    ]
    if not kept and all(stages[name] == 2 for name in wanted):
        raise InputError(
            f"{wanted[0]} reads the findings of the others, and no earlier run of {settings.authority} "
            f"{settings.quarter} from the same files has any: run the whole workbook first."
        )
    return kept


def missing_notebooks(
    results: Mapping[str, NotebookResult], stages: Mapping[str, int], earlier: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """First-stage notebook -> why there are no findings of it."""
    there = {item["notebook"] for item in earlier}
    missing = {}
    for name, stage in stages.items():
        if stage == 1 and name not in results and name not in there:
            missing[name] = "was not run"
        elif stage == 1 and name in results and results[name].status not in (DONE, INCOMPLETE):
            missing[name] = results[name].message
    return missing

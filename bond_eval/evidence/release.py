"""All registered tables of one authority, quarter and audience, built in one process and let out through the gate."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bond_eval.core.atomic import write_json
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SEALS
from bond_eval.economics.sealing import SealedRun
from bond_eval.evidence.disclosure import FILE as PLAN
from bond_eval.evidence.disclosure import Plan, collapsed, make_plan
from bond_eval.evidence.gate import MINIMUM, protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import registered
from bond_eval.evidence.view import View, load_view

FILE = "release.json"


@dataclass(frozen=True)
class Release:
    """`tables`: table id -> what the audience may see. `facts`: what was read, for page heads and the manifest.

    `plan`: what is withheld in public; None in an internal release and in one that was read back.
    """

    facts: dict[str, Any]
    tables: dict[str, Protected]
    plan: Plan | None = None

    def save(self, folder: Path) -> None:
        """Write the protected tables for notebooks to read: nothing confidential is in the file of a public run."""
        tables = {name: _as_json(protected) for name, protected in self.tables.items()}
        write_json(folder / FILE, {"facts": self.facts, "tables": tables})
        if self.plan is not None:
            write_json(folder / PLAN, self.plan.as_json())

    def csv_files(self) -> dict[str, str]:
        """Table id -> tidy CSV."""
        return {name: protected.to_csv() for name, protected in self.tables.items()}


def build_release(
    data: Path,
    authority: str,
    quarter: Quarter,
    audience: str,
    seed: int,
    seals: tuple[SealedRun, ...] = (),
    previous: Sequence[Mapping[str, Any]] = (),
) -> Release:
    """Read the return, build every registered table, make one plan for all and protect them. Raises InputError.

    `seals`: what earlier quarters' runs sealed, where there are any; without them nothing is scored. `previous`:
    published releases of earlier quarters, as evidence.disclosure.earlier reads them.
    """
    view = load_view(data, authority, quarter, audience, seed, seals)
    built = {name: (spec, spec.build(view)) for name, spec in sorted(registered().items())}
    plan = None
    if view.public:
        built = {name: (spec, collapsed(spec, frame)) for name, (spec, frame) in built.items()}
        days = {"as_of": view.as_of.isoformat(), "baseline": view.baseline.isoformat()}
        plan = make_plan(built, days, previous)
    tables = {name: protect(spec, frame, audience, plan) for name, (spec, frame) in built.items()}
    return Release(_facts(view), tables, plan)


def load_release(folder: Path) -> Release:
    """Read what `save` wrote. Raises InputError where it is not there or not whole."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(f"{FILE} of the run cannot be read: run the workbook again.") from error
    specs = registered()
    audience = content["facts"]["audience"]
    tables = {
        name: _from_json(specs[name], stored, audience) for name, stored in content["tables"].items() if name in specs
    }
    return Release(content["facts"], tables)


def _facts(view: View) -> dict[str, Any]:
    accounts = view.data.accounts
    rows = accounts.groupby("file")["rows_in"].sum()
    severities = view.data.issues["severity"].value_counts()
    return {
        "authority": view.authority.key,
        "authority_name": view.authority.name,
        "published": view.authority.published,
        "synthetic": view.authority.synthetic,
        "quarter": str(view.quarter),
        "as_of": view.as_of.isoformat(),
        "baseline": view.baseline.isoformat(),
        "first_day": view.history.first_day.isoformat(),
        "data_to": view.data.submissions["last_day"].max().isoformat(),
        "audience": view.audience,
        "seed": view.seed,
        "inputs": [
            {"file": file, "sha256": digest, "rows": int(rows.get(file, 0))}
            for file, digest in sorted(view.data.hashes.items())
        ],
        "other_inputs": [
            {"file": f"{folder}/{file}", "sha256": digest}
            for folder, supplied in view.supplied.items()
            for file, digest in sorted(supplied.hashes.items() if supplied else ())
        ]
        + [{"file": f"{run.quarter}/{SEALS}", "sha256": run.sha256} for run in view.seals],
        # None where it is a small number, which a public page may not show.
        "issues": {
            str(name): None if view.public and 0 < number < MINIMUM else int(number)
            for name, number in severities.sort_index().items()
        },
    }


def _as_json(protected: Protected) -> dict[str, Any]:
    labels = {name: [_out(value) for value in protected.frame[name]] for name in protected.table.labels}
    values = {value.name: [_out(v) for v in protected.frame[value.name]] for value in protected.table.values}
    symbols = {name: list(protected.symbols[name]) for name in protected.symbols.columns}
    return {"labels": labels, "values": values, "symbols": symbols}


def _out(value: Any) -> Any:
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    return value.item() if hasattr(value, "item") else value


def _in(value: Any) -> Any:
    return dt.date.fromisoformat(value["date"]) if isinstance(value, dict) else value


def _from_json(table: Any, stored: dict[str, Any], audience: str) -> Protected:
    columns = {name: [_in(v) for v in values] for name, values in {**stored["labels"], **stored["values"]}.items()}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    return Protected(table, frame, pd.DataFrame(stored["symbols"], dtype=object), audience)

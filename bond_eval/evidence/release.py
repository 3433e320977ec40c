"""All registered tables of one authority, quarter and audience, built in one process and let out through the gate."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from bond_eval.core.atomic import write_json
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import PLAN, RELEASE, SEALS
from bond_eval.economics.sealing import SealedRun
from bond_eval.evidence.disclosure import Built, Name, Plan, collapsed, make_plan, row_names
from bond_eval.evidence.gate import MINIMUM, protect
from bond_eval.evidence.protected import Protected
from bond_eval.evidence.registry import registered
from bond_eval.evidence.view import View, load_view
from bond_eval.intake.recognise import POSTCODES

ROUNDS = 6  # of withholding more; what is not settled by then, the audit of the finished run refuses
Attack = Callable[[Mapping[str, Protected], Plan, int], Iterable[Sequence[tuple[str, int, str]]]]


@dataclass(frozen=True)
class Release:
    """`tables`: table id -> what the audience may see. `facts`: what was read, for page heads and the manifest.

    `plan`: what is withheld in public; None in an internal release and in one that was read back.
    """

    facts: dict[str, Any]
    tables: Mapping[str, Protected]
    plan: Plan | None = None

    def save(self, folder: Path) -> None:
        """Write the protected tables for notebooks to read: nothing confidential is in the file of a public run."""
        tables = {name: _as_json(protected) for name, protected in self.tables.items()}
        write_json(folder / RELEASE, {"facts": self.facts, "tables": tables})
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
    attack: Attack | None = None,
) -> Release:
    """Read the return, build every registered table, make one plan for all and protect them. Raises InputError.

    `seals`: what earlier quarters' runs sealed, where there are any; without them nothing is scored. `previous`:
    published releases of earlier quarters, as evidence.disclosure.earlier reads them; `attack`: as `let_out` takes it.
    """
    view = load_view(data, authority, quarter, audience, seed, seals)
    built = {name: (spec, spec.build(view)) for name, spec in sorted(registered().items())}
    if not view.public:
        return Release(_facts(view), {name: protect(*table, audience) for name, table in built.items()})
    days = {"as_of": view.as_of.isoformat(), "baseline": view.baseline.isoformat()}
    tables, plan, more = let_out(built, days, previous, attack)
    return Release(_facts(view) | ({"withheld_for_audit": more} if more else {}), tables, plan)


def let_out(
    whole: Built, days: Mapping[str, str], previous: Sequence[Mapping[str, Any]] = (), attack: Attack | None = None
) -> tuple[dict[str, Protected], Plan, int]:
    """Tables for the public, their plan, and how many cells were withheld for `attack` beside the first plan's.

    `days`: as evidence.disclosure.make_plan takes them. `attack` is told of protected tables by id, the plan and how
    many cells it has had withheld, and gives, for each that others give away, those (table, row, column) that it rests
    on. The first that was not tried yet is withheld too, and it is asked again, at most ROUNDS times.
    """
    built = {name: (spec, collapsed(spec, frame)) for name, (spec, frame) in whole.items()}
    fewer = {name for name, (_, frame) in built.items() if frame is not whole[name][1]}
    first = plan = make_plan(built, days, previous)
    more: frozenset[Name] = frozenset()
    for asked in range(ROUNDS + 1):
        tables = {name: protect(*table, "public", plan, name in fewer) for name, table in built.items()}
        added = len(plan.hidden - first.hidden)
        found = attack(tables, plan, added) if attack and asked < ROUNDS else ()
        named = ([(id, row_names(*built[id])[row], name) for id, row, name in cells] for cells in found)
        fresh = {name for cells in named for name in [n for n in cells if n not in plan.hidden | more][:1]}
        if not fresh:
            break
        more |= fresh
        plan = make_plan(built, days, previous, more)
    return tables, plan, added


def load_release(folder: Path) -> Release:
    """Read what `save` wrote. Raises InputError where it is not there or not whole."""
    try:
        content = json.loads((folder / RELEASE).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(f"{RELEASE} of the run cannot be read: run the workbook again.") from error
    specs = registered()
    audience = content["facts"]["audience"]
    stored = {name: table for name, table in content["tables"].items() if name in specs}
    return Release(content["facts"], _ReadBack(stored, lambda name: _from_json(specs[name], stored[name], audience)))


class _ReadBack(Mapping[str, Protected]):
    """Tables of a release that was read back, each made when it is first asked for: a notebook shows few of them."""

    def __init__(self, names: Iterable[str], make: Callable[[str], Protected]) -> None:
        self._names, self._made = dict.fromkeys(names), cache(make)

    def __getitem__(self, name: str) -> Protected:
        if name not in self._names:
            raise KeyError(name)
        return self._made(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


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
            if file != POSTCODES
        ],
        # Postcodes are a look-up, and no file of the return.
        "other_inputs": [{"file": file, "sha256": d} for file, d in view.data.hashes.items() if file == POSTCODES]
        + [
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
    return {"labels": labels, "values": values, "symbols": symbols, "note": protected.note}


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
    shown = replace(table, values=tuple(value for value in table.values if value.name in columns))
    return Protected(shown, frame, pd.DataFrame(stored["symbols"], dtype=object), audience, stored["note"])

"""What a run says of the time to come, sealed in its folder; and what the runs of earlier quarters sealed there.

Only figures that the run publishes are sealed, read from its own tables: an edition never tells more than its pages.
`made_on` is the last day of the data, which is all that a run without a clock can say. The SHA-256 of the file in the
run's manifest, and in that of every later run that read it, shows when it was there.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from math import isfinite
from pathlib import Path

from bond_eval.core import formats
from bond_eval.core.atomic import write_json
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter, financial_year_start, year_label
from bond_eval.core.places import MANIFEST, SEALS
from bond_eval.economics.sealing import THOUSANDS, Forecast, Seal, SealedRun, checked, sealed_again
from bond_eval.evidence.tables.sealed_runs import AVOIDED, CHILDREN, COST, PUBLISHED, published_in_force
from bond_eval.placements.categories import EXTERNAL
from bond_eval.placements.outlook import CONTINUE
from bond_eval.workbook.settings import RunSettings

AHEAD = 4
MODEL = "demand model at the latest year's rates, 80% band"


def earlier_seals(settings: RunSettings) -> tuple[SealedRun, ...]:
    """What runs of earlier quarters of this authority and edition sealed, oldest first, each verified."""
    folders = settings.earlier_runs()
    return tuple(_read(str(quarter), path) for quarter, path in folders if (path / SEALS).is_file())


def own_seals(settings: RunSettings) -> tuple[Seal, ...]:
    """What the last run of this quarter sealed. Raises InputError where it was changed: no run may write over that."""
    path = settings.folder / SEALS
    return _records(path.read_bytes(), f"{settings.folder.name}/{SEALS}") if path.is_file() else ()


def write_seals(folder: Path, settings: RunSettings, before: tuple[Seal, ...], tables: Mapping[str, str]) -> None:
    """Write sealed.json where there is anything to seal: what was sealed before stays, and a change is logged.

    `tables`: id -> CSV, as published. A run of some notebooks seals nothing and keeps what there was.
    """
    forecasts = () if settings.only else to_seal(tables, settings.quarter)
    if seals := sealed_again(before, forecasts):
        write_json(folder / SEALS, [asdict(item) for item in seals])


def to_seal(tables: Mapping[str, str], quarter: Quarter) -> Iterator[Forecast]:
    """Placements at the next four quarters' ends, the next whole year's cost, and the counterfactuals."""
    day, here = quarter.end, str(quarter)
    prices = f"cost of a day in the year to {formats.date(day)}, no uplift"
    ends = {ahead.end.isoformat(): str(ahead) for ahead in (quarter.next(n) for n in range(1, AHEAD + 1))}
    year = year_label(financial_year_start(day) + 1)
    for row in _rows(tables, "forecast_by_month"):
        if row["scenario"] == CONTINUE and row["category"] in EXTERNAL and row["date"] in ends:
            numbers = (row["median"], row["lower_80"], row["upper_80"])
            yield from _said((CHILDREN + row["category"], ends[row["date"]]), numbers, quarter, (MODEL, "children", ""))
    for row in _rows(tables, "forecast_costs"):
        if row["scenario"] == CONTINUE and row["category"] in EXTERNAL and row["year"] == year:
            numbers = (row["median"], row["lower_80"], row["upper_80"])
            yield from _said((COST + row["category"], f"{year}-Q4"), numbers, quarter, (MODEL, THOUSANDS, prices))
    for row in _rows(tables, "avoided_by_design"):
        how = ("uncontrolled before and after, 95% interval", THOUSANDS, "as priced in each year")
        yield from _said((AVOIDED + row["design"], here), (row["median"], row["lower"], row["upper"]), quarter, how)
    # Only where there is a published case does this table have rows.
    for item in published_in_force(day).values() if list(_rows(tables, "sealed_forecasts")) else ():
        yield Forecast(PUBLISHED + item.name, here, item.value, here, day, item.basis, price_base=item.price_base)


def _rows(tables: Mapping[str, str], id: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(tables.get(id, "")))


def _said(
    about: tuple[str, str], numbers: tuple[str, str, str], quarter: Quarter, how: tuple[str, str, str]
) -> Iterator[Forecast]:
    """A forecast of (name, target) by `how` (basis, unit, price base); none where the table shows a symbol."""
    value, lower, upper = (_number(text) for text in numbers)
    if value is not None:
        interval = None if lower is None or upper is None else (lower, upper)
        basis, unit, prices = how
        yield Forecast(*about, value, str(quarter), quarter.end, basis, interval, unit, prices)


def _number(text: str) -> float | None:
    # A tenth is far below any band, and far above what two machines' arithmetic differs by.
    try:
        number = formats.half_up(float(text), 1)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _read(quarter: str, folder: Path) -> SealedRun:
    content = (folder / SEALS).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    try:
        named = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"][SEALS]
    except (OSError, ValueError, KeyError, TypeError):
        named = ""
    try:
        seals = _records(content, SEALS)
    except InputError as error:
        return SealedRun(quarter, digest, (), f"not scored: {error}")
    if named != digest:
        return SealedRun(quarter, digest, (), f"not scored: {SEALS} is not the file that its {MANIFEST} names.")
    return SealedRun(quarter, digest, seals)


def _records(content: bytes, name: str) -> tuple[Seal, ...]:
    try:
        items = json.loads(content)
    except ValueError:
        raise InputError(f"{name}: cannot be read as JSON. Restore the last copy.") from None
    return checked((json.dumps(item) for item in items), name) if isinstance(items, list) else checked(["x"], name)

"""The authorities of a batch side by side, from the tables that their runs published and from nothing else.

What one authority's run withholds stays withheld here. A total over authorities is shown only where each part is
shown: it is then nothing that a reader could not add up, and with any part withheld or missing it is not shown at all,
so that no total less the others gives a part back. Before anything is written the page's table is attacked together
with the tables that it was read from (bond_eval.audit), and refused where a count falls that did not fall before.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bond_eval.core import formats
from bond_eval.core.atomic import csv_text
from bond_eval.core.findings import anchor
from bond_eval.core.periods import Quarter
from bond_eval.core.places import MANIFEST, TABLE_SCHEMA
from bond_eval.evidence.cells import CONFIDENTIAL, NOT_AVAILABLE
from bond_eval.evidence.registry import ALL
from bond_eval.workbook.batch_plan import Planned
from bond_eval.workbook.compare import number_of
from bond_eval.workbook.store import joined, read, write

PAGE, TABLE = "region.html", "region.csv"
LABELS, VALUES = ("measure", "date", "authority"), ("children", "population", "rate")
POPULATION = "neighbour_standing"
Csv = list[dict[str, str]]


@dataclass(frozen=True)
class Headline:
    """A count laid side by side: `value` of the row of `table` with these labels and the quarter's last day."""

    name: str
    table: str
    where: tuple[tuple[str, str], ...]
    value: str = "children"
    rate: bool = True


_STABLE = "Neither temporary placements nor changes within one carer count"
HEADLINES = (
    Headline("Children looked after", "placements_at_date", (("category", ALL),)),
    Headline("Children in outside placements", "placements_at_date", (("category", "Outside placement"),)),
    Headline("Children in IFA placements", "placements_at_date", (("category", "IFA"),)),
    Headline("Entries to care in the quarter", "measure_series", (("measure", "Entries to care"),), "numerator"),
    Headline(
        "Outside placements begun in the quarter", "measure_series",
        (("measure", "Outside placements begun"),), "numerator",
    ),
    Headline(
        "Children with three or more placements in the year", "stability_measures",
        (("measure", "Three or more placements in the year"), ("rule", _STABLE)), rate=False,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What a run published: its `tables` that are read here (id -> rows), `facts` of its release and `schema`."""

    job: Planned
    facts: Mapping[str, Any]
    tables: Mapping[str, Csv]
    schema: Mapping[str, Any]

    @property
    def date(self) -> str:
        """The quarter's last day, ISO."""
        return Quarter.parse(self.job.quarter).end.isoformat()

    def row(self, headline: Headline) -> dict[str, str] | None:
        """The row that holds a headline's count; None where there is none."""
        wanted = {**dict(headline.where), "date": self.date}
        rows = self.tables.get(headline.table, ())
        return next((row for row in rows if wanted.items() <= row.items()), None)

    def count(self, headline: Headline) -> str:
        """The count as it was published: a number or a symbol."""
        row = self.row(headline)
        return row.get(headline.value, NOT_AVAILABLE) if row else NOT_AVAILABLE

    def population(self) -> str:
        """Children 0 to 17 of the latest year in the DfE's files, as the run's own rate and count imply them."""
        rows = [row for row in self.tables.get(POPULATION, ()) if row["measure"] == "Looked after on 31 March"]
        for row in sorted(rows, key=lambda row: row["period"], reverse=True):
            count, rate = number_of(row["count"]), number_of(row["value"])
            if count and rate:
                return f"{10_000 * count / rate:.0f}"
        return NOT_AVAILABLE


def publish_region(plan: Sequence[Planned], out: str, stale: Collection[str] = ()) -> tuple[str, ...]:
    """Write region.html and region.csv of the plan's public runs that are there; nothing where there is none.

    `stale`: names of jobs that failed, so that the run that stands there is not this batch's; the page marks them.
    Gives what the audit found, in words; then neither file is written. Raises InputError where `out` cannot be used.
    """
    runs = [run for job in plan if job.audience == "public" and (run := read_run(job, out))]
    if not runs:
        return ()
    rows = side_by_side(runs, sorted({job.authority for job in plan if job.audience == "public"}))
    if falls := attack(rows, runs):
        return tuple(f"The regional page is not written: {fall}" for fall in falls)
    write(joined(out, TABLE), as_csv(rows).encode("utf-8"))
    write(joined(out, PAGE), _page(rows, runs, plan, stale).encode("utf-8"))
    return ()


def read_run(job: Planned, out: str) -> Run | None:
    """What a run published of what is laid side by side; None where no whole run is there."""
    home = (job.authority, job.folder)
    manifest = read(joined(out, *home, MANIFEST))
    if manifest is None:
        return None
    tables = {}
    for id in sorted({POPULATION, *(headline.table for headline in HEADLINES)}):
        content = read(joined(out, *home, "tables", f"{id}.csv"))
        tables[id] = list(csv.DictReader(io.StringIO(content.decode("utf-8")))) if content else []
    schema = json.loads(read(joined(out, *home, TABLE_SCHEMA)) or b'{"tables": {}}')["tables"]
    return Run(job, json.loads(manifest)["release"], tables, schema)


def side_by_side(runs: Sequence[Run], authorities: Sequence[str]) -> Csv:
    """A row a measure, quarter and authority, and one for all together. Values are numbers as text, or c or x."""
    at = {(run.date, run.job.authority): run for run in runs}
    rows = []
    for headline in HEADLINES:
        for date in sorted({run.date for run in runs}):
            parts = []
            for authority in authorities:
                run = at.get((date, authority))
                count = run.count(headline) if run else NOT_AVAILABLE
                parts.append((authority, count, run.population() if run and headline.rate else NOT_AVAILABLE))
            total = (ALL, together([count for _, count, _ in parts]), together([people for _, _, people in parts]))
            for authority, count, people in (*parts, total):
                values = (count, people, _rate(count, people))
                rows.append(dict(zip((*LABELS, *VALUES), (headline.name, date, authority, *values), strict=True)))
    return rows


def together(parts: Sequence[str]) -> str:
    """A sum where every part is shown; else c where one is withheld, x where one is only missing."""
    numbers = [number_of(part) for part in parts]
    known = [number for number in numbers if number is not None]
    if parts and len(known) == len(parts):
        return f"{sum(known):.10g}"
    return CONFIDENTIAL if CONFIDENTIAL in parts else NOT_AVAILABLE


def as_csv(rows: Csv, columns: Sequence[str] = (*LABELS, *VALUES)) -> str:
    """Rows as CSV; without `columns` as region.csv: tidy, a row a measure, quarter's last day and authority."""
    return csv_text([columns, *([row[name] for name in columns] for row in rows)])


def attack(rows: Csv, runs: Sequence[Run]) -> list[str]:
    """What a reader of the regional table learns of counts that the runs withhold, and could not learn without it."""
    from bond_eval.audit.bounds import bounds
    from bond_eval.audit.links import relations
    from bond_eval.audit.small import in_tables

    found: list[str] = []
    for date in sorted({row["date"] for row in rows}):
        own, near = _own([row for row in rows if row["date"] == date]), [run for run in runs if run.date == date]
        tables = [table for run in near for table in _published(run)]
        before = {(bound.cell, bound.words()) for bound in bounds(tables, relations(tables)) if bound.falls}
        # The region comes last, so that the cells of the others keep their names.
        tables.append(own)
        linked = [*relations(tables), *_same(tables, near)]
        falls = [bound for bound in bounds(tables, linked) if bound.falls]
        fresh = [bound for bound in falls if (bound.cell, bound.words()) not in before]
        found += [f"{tables[bound.cell[0]].place(*bound.cell[1:])}: {bound.words()}" for bound in fresh]
        found += [f"{place}: {what}" for place, what in in_tables([own])]
    return list(dict.fromkeys(found))


def _same(tables: Sequence[Any], runs: Sequence[Run]) -> Iterator[Any]:
    """Relations that say which cell of which run stands where in the region's table, which is the last."""
    from bond_eval.audit.links import Relation
    from bond_eval.audit.tables import HIDDEN, Number, tidy

    own, at = tables[-1], len(tables) - 1
    places = {table.where: place for place, table in enumerate(tables)}
    for run in runs:
        for headline in HEADLINES:
            place = places[_where(run, headline.table)]
            wanted = {name: tidy(text) for name, text in (*headline.where, ("date", run.date))}
            here = {"measure": tidy(headline.name), "authority": tidy(run.job.authority), "date": run.date}
            there = [row for row, labels in enumerate(tables[place].rows) if wanted.items() <= labels.items()]
            mine = [row for row, labels in enumerate(own.rows) if here.items() <= labels.items()]
            if len(there) == len(mine) == 1:
                cells = (at, mine[0], "children"), (place, there[0], headline.value)
                values = [tables[cell[0]].cells.get(cell[1:]) for cell in cells]
                shown = next((value.value for value in values if isinstance(value, Number)), 0.0)
                terms = [(c, s) for c, v, s in zip(cells, values, (1.0, -1.0), strict=True) if v == HIDDEN]
                if terms:
                    level = shown * (terms[0][1] if len(terms) == 1 else 0.0)
                    yield Relation(tuple(terms), level, level, f"{own.where} shows {tables[place].where}")


def _own(rows: Csv) -> Any:
    """The regional table as the audit reads it."""
    value = {"name": "children", "label": "Children", "kind": "count", "of": "", "follows": [], "children": True}
    people = value | {"name": "population", "label": "Population", "kind": "number", "children": False}
    rate = value | {"name": "rate", "label": "Rate per 10,000", "kind": "decimal", "children": False}
    labels = {name: name.title() for name in LABELS}
    title = "Authorities side by side"
    spec = {"title": title, "labels": labels, "margins": ["authority"], "values": [value, people, rate]}
    return _table("region", TABLE, rows, spec)


def _published(run: Run) -> Iterator[Any]:
    """A run's tables as the audit reads them, in the rows of the quarter's last day."""
    for id in sorted({headline.table for headline in HEADLINES}):
        rows = [row for row in run.tables.get(id, ()) if row.get("date") == run.date]
        yield _table(id, _where(run, id), rows, run.schema.get(id))


def _where(run: Run, id: str) -> str:
    return f"{run.job.authority}/{run.job.folder}/tables/{id}.csv"


def _table(id: str, where: str, rows: Csv, spec: Mapping[str, Any] | None) -> Any:
    from bond_eval.audit.read import Grid, Published
    from bond_eval.audit.tables import tables_of

    heads = tuple(rows[0]) if rows else (*spec["labels"], *(value["name"] for value in spec["values"])) if spec else ()
    grid = Grid(where, id, heads, tuple(tuple(row.values()) for row in rows))
    found = tables_of(Published(grids=[grid], schema={id: spec} if spec else {}))[0]
    return replace(found, where=where)


def _rate(count: str, people: str) -> str:
    number, of = number_of(count), number_of(people)
    if number is None:
        return count
    return NOT_AVAILABLE if not of else f"{formats.half_up(10_000 * number / of, 1):.1f}"


def _page(rows: Csv, runs: Sequence[Run], plan: Sequence[Planned], stale: Collection[str] = ()) -> str:
    """region.html: a section a quarter, newest first, and the runs with a link to each."""
    from bond_eval.workbook.publish import PUBLIC_RULE, css, rendered

    names = {run.job.authority: str(run.facts["authority_name"]) for run in runs}
    made = {run.job.name for run in runs}
    quarters = sorted({job.quarter for job in plan if job.audience == "public"}, reverse=True)
    sections = [_section(rows, quarter, names, stale) for quarter in quarters]
    parts = [("runs", "Runs of each authority"), *((section["id"], section["quarter"]) for section in sections)]
    return rendered(
        "region.html.j2",
        css=css(),
        contents=[*parts, ("reading", "How to read it")],
        synthetic=any(run.facts["synthetic"] for run in runs),
        areas=formats.plural(len({job.authority for job in plan}), "authority", "authorities"),
        sections=sections,
        quarters=quarters,
        runs=_runs(plan, names, made),
        stale={(job.authority, job.quarter) for job in plan if job.name in made & set(stale)},
        suppression=PUBLIC_RULE,
    )


def _section(rows: Csv, quarter: str, names: Mapping[str, str], stale: Collection[str]) -> dict[str, Any]:
    end = Quarter.parse(quarter).end
    mine = [row for row in rows if row["date"] == end.isoformat()]
    tables = []
    for value, words in (("children", "counts"), ("rate", "per 10,000 children aged 0 to 17")):
        shown = [headline.name for headline in HEADLINES if headline.rate or value == "children"]
        cells = {(row["authority"], row["measure"]): _written(row[value]) for row in mine}
        lines = [
            {"name": _name(key, quarter, names, stale), "cells": [cells[key, name] for name in shown]}
            for key in dict.fromkeys(row["authority"] for row in mine)
        ]
        tables.append({"caption": f"{quarter}: {words}", "heads": shown, "lines": lines})
    return {"id": anchor(quarter), "quarter": quarter, "day": formats.date(end), "tables": tables if mine else []}


def _name(key: str, quarter: str, names: Mapping[str, str], stale: Collection[str]) -> str:
    mark = " (run failed)" if f"{key}-{quarter}" in stale else ""
    return f"{names.get(key, key)}{mark}" if key != ALL else ALL


def _written(text: str) -> str:
    number = number_of(text)
    return text if number is None else formats.number(number, 1 if "." in text else 0)


def _runs(plan: Sequence[Planned], names: Mapping[str, str], made: set[str]) -> list[dict[str, Any]]:
    public = [job for job in plan if job.audience == "public"]
    return [
        {
            "key": authority,
            "name": names.get(authority, authority),
            "links": {
                job.quarter: f"{authority}/{job.folder}/index.html" if job.name in made else ""
                for job in public
                if job.authority == authority
            },
        }
        for authority in sorted({job.authority for job in public})
    ]

"""The sample's own release under attack: as it is, with the gate off, and with one cell or one sentence too many."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bond_eval.audit import audit
from bond_eval.audit.bounds import bounds, components
from bond_eval.audit.links import Relation, relations
from bond_eval.audit.read import read_folder
from bond_eval.audit.small import beside_the_plan
from bond_eval.audit.tables import tables_of
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE
from bond_eval.evidence.disclosure import Name, Plan, model_of, row_names
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import registered
from bond_eval.evidence.view import load_view
from bond_eval.workbook.attack import write_tables
from bond_eval.workbook.front import share_withheld, withheld

QUARTER = Quarter.parse("2020-21-Q2")
SOME = (
    "placements_at_date", "placements_by_month", "flows_by_year", "age_by_category", "boundary_by_category",
    "cohort_summary", "cohort_destinations", "programme_funnel", "programme_flow", "programme_headlines",
    "programme_cohorts", "route29_staff",
)  # fmt: skip
# What the report to Cabinet printed: "2 have become LAC", "2 staff are also care leavers".
PRINTED = ("route 29, line closed: became looked after", "staff of group care leavers")


@dataclass(frozen=True)
class Made:
    """Built tables, the plan for them, and which withheld cells (`second`) are withheld for another's sake."""

    built: dict
    plan: Plan
    second: list[Name]

    def protected(self, audience: str = "public") -> dict:
        return {id: protect(spec, frame, audience, self.plan) for id, (spec, frame) in self.built.items()}

    def write(self, folder: Path, audience: str = "public") -> Path:
        write_tables(folder, {id: table.to_csv() for id, table in self.protected(audience).items()}, self.plan)
        return folder

    def value(self, name: Name) -> tuple[int, float]:
        """(row, what is withheld there)."""
        table, row, column = name
        spec, frame = self.built[table]
        at = row_names(spec, frame).index(row)
        return at, float(frame[column].iloc[at])


def _made(ids: tuple[str, ...] = ()) -> Made:
    view = load_view(SAMPLE, "salford", QUARTER, "public", 2021)
    every = registered()
    built = {id: (every[id], every[id].build(view).reset_index(drop=True)) for id in sorted(ids or every)}
    model = model_of(built, {"as_of": view.as_of.isoformat(), "baseline": view.baseline.isoformat()})
    plan = model.plan(model.secured())
    first = {name for cell in model.primary for name in model.names[cell]}
    inward = {(table.id, value.name) for table, _ in built.values() for value in table.values if value.inward}
    return Made(built, plan, sorted(name for name in plan.hidden - first if name[::2] not in inward))


@pytest.fixture(scope="module")
def some() -> Made:
    return _made(SOME)


@pytest.fixture(scope="module")
def whole() -> Made:
    return _made()


def _gate_off(made: Made, folder: Path) -> None:
    falls = audit(made.write(folder, "internal")).falls
    told = [place for fall in falls if fall.kind == "small" for place in fall.places]
    assert all(any(words in place for place in told) for words in PRINTED), told[:5]
    assert len(told) > 100


def test_some_tables_fall_only_with_the_gate_off(some: Made, tmp_path: Path) -> None:
    assert audit(some.write(tmp_path / "on")).falls == ()
    _gate_off(some, tmp_path / "off")


@pytest.mark.full
def test_the_whole_release_falls_only_with_the_gate_off(whole: Made, tmp_path: Path) -> None:
    assert audit(whole.write(tmp_path / "on")).falls == ()
    _gate_off(whole, tmp_path / "off")


def _shown(folder: Path, name: Name, at: int, value: float) -> None:
    """Write a withheld count into its CSV."""
    path = folder / "tables" / f"{name[0]}.csv"
    lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    cell = lines[0].index(name[2])
    assert lines[at + 1][cell] == "c"
    lines[at + 1][cell] = f"{value:.0f}"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(lines)


def test_any_second_cell_shown_is_found(some: Made, tmp_path: Path) -> None:
    """By the plan that is published beside it, whichever cell it is."""
    some.write(tmp_path / "r")
    for name in random.Random(7).sample(some.second, 12):
        path = tmp_path / "r" / "tables" / f"{name[0]}.csv"
        kept = path.read_bytes()
        _shown(tmp_path / "r", name, *some.value(name))
        found = read_folder(tmp_path / "r")
        assert list(beside_the_plan(found, tables_of(found))), name
        path.write_bytes(kept)


def _falls_by_sums(made: Made, folder: Path, names: list[Name]) -> Iterator[Name]:
    """Those of which the attack needs no plan: shown, they let another withheld cell be worked out."""
    tables = tables_of(read_folder(folder))
    place = {table.id: at for at, table in enumerate(tables)}
    system = {cell: part for part in components(relations(tables)) for one in part for cell, _ in one.terms}
    for name in names:
        at, value = made.value(name)
        cell = (place[name[0]], at, name[2])
        told = Relation(((cell, 1.0),), value, value, "shown")
        if any(b.falls and b.cell != cell for b in bounds(tables, [*system.get(cell, []), told])):
            yield name


def test_most_second_cells_are_needed_for_the_sums_alone(some: Made, tmp_path: Path) -> None:
    names = random.Random(8).sample(some.second, 12)
    assert len(list(_falls_by_sums(some, some.write(tmp_path / "r"), names))) >= 6


@pytest.mark.full
def test_each_second_cell_of_the_whole_release(whole: Made, tmp_path: Path) -> None:
    folder = whole.write(tmp_path / "r")
    assert len(list(_falls_by_sums(whole, folder, whole.second))) > len(whole.second) / 2
    for name in whole.second:
        _shown(folder, name, *whole.value(name))
    found = read_folder(folder)
    assert len(list(beside_the_plan(found, tables_of(found)))) >= len(whole.second)


@pytest.mark.full
def test_no_published_figure_stands_beside_a_withheld_count(whole: Made, tmp_path: Path) -> None:
    """Published figures, differences and verdicts follow the count that they are of."""
    words = ("published", "difference", "verdict", "agrees")
    checked = 0
    for id, (spec, frame) in whole.built.items():
        shown = protect(spec, frame, "public", whole.plan)
        for value in spec.values:
            if value.name.startswith(words) and value.follows:
                for source in value.follows:
                    hidden = shown.symbols[source] == "c"
                    checked += int(hidden.sum())
                    assert (shown.symbols[value.name][hidden] != "").all(), (id, value.name)
    assert checked > 10
    assert not [fall for fall in audit(whole.write(tmp_path / "r")).falls if "beside" in fall.what]


def test_how_much_of_each_page_is_withheld(some: Made, tmp_path: Path) -> None:
    shares = withheld(some.write(tmp_path / "public"))
    page = [table for id, table in some.protected().items() if some.built[id][0].notebook == "placement_trends"]
    symbols = [s for table in page for value in table.table.values if value.guarded for s in table.symbols[value.name]]
    assert shares["placement_trends"] == (symbols.count("c"), len(symbols) - symbols.count("x"))
    assert 0 < shares["placement_trends"][0] < shares["placement_trends"][1]
    staff, frame = some.built["route29_staff"]
    gap = frame.assign(staff=frame["staff"].astype(float).where(frame.index > 0))
    counted = [
        withheld(Made({staff.id: (staff, one)}, some.plan, []).write(tmp_path / str(one is gap)))[staff.notebook][1]
        for one in (frame, gap)
    ]
    assert counted[0] == counted[1] + 1 > 1, "what was not available is not counted"
    assert {hidden for hidden, _ in withheld(some.write(tmp_path / "internal", "internal")).values()} == {0}
    assert share_withheld((1, 3)).startswith("33% of the counts") and share_withheld((0, 3)) == ""

"""An attack on a published folder by one who has nothing else: what it says of children that it should not say.

Nothing here knows how the folder was made: the gate and the builders are not imported, and only published files are
read (with `against`, the return too, to be sure that nothing of it is in them).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bond_eval.core.formats import capital

if TYPE_CHECKING:
    from bond_eval.audit.bounds import Bound
    from bond_eval.audit.tables import Table

KINDS = {
    "unread": "files that cannot be read, so that nobody can say what is in them",
    "names": "what names a child, a person or a machine",
    "small": "counts of 1 to 5 that are shown",
    "beside": "tables and sentences that say more than they may",
    "recovered": "withheld counts that can be worked out",
}
SHOWN = 3
Place = tuple[str, int, str]


@dataclass(frozen=True)
class Fall:
    """One finding of the attack. `places`: where; `what`: what is learned; `proof`: from which relations.

    `cells`: for each thing that has to be withheld for it to go, the cells (table, row, column) that would do.
    """

    kind: str
    places: tuple[str, ...]
    what: str
    proof: tuple[str, ...] = ()
    cells: tuple[tuple[Place, ...], ...] = ()


@dataclass(frozen=True)
class Report:
    """What was read (name -> number) and what fell."""

    read: dict[str, int]
    falls: tuple[Fall, ...]

    def lines(self) -> list[str]:
        """The report as a person reads it."""
        out = [f"Read: {', '.join(f'{count:,} {name}' for name, count in self.read.items())}."]
        for kind, words in KINDS.items():
            falls = [fall for fall in self.falls if fall.kind == kind]
            if falls:
                out.append(f"{capital(words)}: {len(falls):,}")
            for fall in falls:
                rest = f" (and {len(fall.places) - SHOWN} more places)" if len(fall.places) > SHOWN else ""
                out.append(f"  {'; '.join(fall.places[:SHOWN])}{rest}: {fall.what}")
                out += [f"    {line}" for line in fall.proof]
        return out if self.falls else [*out, "Nothing was found."]


def audit(folder: Path, against: Path | None = None, previous: Path | None = None) -> Report:
    """Attack a published folder. `against`: the return it was made from; `previous`: the release before it.

    Raises InputError where a folder holds nothing to read.
    """
    from bond_eval.audit.bounds import bounds
    from bond_eval.audit.intervals import sizes
    from bond_eval.audit.leaks import leaks, read_confidential
    from bond_eval.audit.links import relations
    from bond_eval.audit.read import read_folder
    from bond_eval.audit.series import put_together
    from bond_eval.audit.small import beside_the_plan, in_findings, in_json, in_tables, in_text
    from bond_eval.audit.tables import HIDDEN, differences, named, tables_of

    found = read_folder(folder)
    tables = tables_of(found)
    falls = _falls("unread", ((where, "a file of a kind that is not read, or not whole") for where in found.unread))
    falls += _falls("names", leaks(found, read_confidential(against) if against else None))
    for parts in (in_text(found.texts), in_tables(tables), in_findings(found.findings), in_json(found)):
        falls += _falls("small", parts)
    plain = ((place, f"{text} is in the plain text of a table and not in it") for place, text in found.surplus)
    falls += _falls("beside", [*plain, *beside_the_plan(found, tables)])
    count = len(tables)
    if previous:
        earlier = [named(table, previous.name) for table in tables_of(read_folder(previous))]
        falls += _falls("beside", differences(tables, earlier))
        tables += earlier
    for table in tables:
        told = "withheld in one of table and page, shown in the other"
        falls += [Fall("recovered", (table.place(row, name),), told) for row, name in sorted(table.given)]
    if falls:
        shown = {t.place(row, name): (t.id, row, name) for t in tables[:count] for row, name in t.cells}
        falls = [replace(fall, cells=tuple((shown[p],) for p in fall.places if p in shown)) for fall in falls]
    linked = [*relations(tables), *sizes(tables), *put_together(tables)]
    proofs: dict[tuple[int, str, str], list[Bound]] = defaultdict(list)
    for bound in (bound for bound in bounds(tables, linked) if bound.falls and not _no_news(bound, count)):
        proofs[bound.cell[0], bound.cell[2], bound.words()].append(bound)
    for (at, name, words), found_here in proofs.items():
        places = tuple(tables[at].place(bound.cell[1], name) for bound in found_here)
        falls.append(Fall("recovered", places, words, found_here[0].proof, _cheapest(found_here, tables, count)))
    hidden = sum(cell == HIDDEN for table in tables for cell in table.cells.values())
    read = {f"{ending} files": number for ending, number in sorted(found.files.items())}
    read |= {"texts": len(found.texts), "tables": len(tables), "withheld cells": hidden, "relations": len(linked)}
    return Report(read, tuple(falls))


def _no_news(bound: Bound, count: int) -> bool:
    """True for a count that two releases together show to be no small one, nor with a small rest.

    In one release that would tell that those withheld beside it are the few; from one release to the next a count is
    withheld for what was withheld before. What it gives is judged by itself. `count`: tables of the newer release.
    """
    both = {at < count for at, _, _ in (bound.cell, *bound.shown)}
    return len(both) > 1 and not bound.few


def _cheapest(found: Iterable[Bound], tables: Sequence[Table], count: int) -> tuple[tuple[Place, ...], ...]:
    """The cells of this release (its first `count` tables) that each bound rests on, smallest count first.

    Without those that the release before shows as well.
    """
    from bond_eval.audit.tables import met_again

    cells: dict[tuple[Place, ...], None] = {}
    told = {
        (place, row, column.name)
        for place, row, old, line in met_again(tables[:count], tables[count:])
        for column in tables[place].columns
        if old.cells.get((line, column.name)) == tables[place].cells[row, column.name]
    }
    for bound in found:
        mine = [cell for cell in bound.shown if cell[0] < count and cell not in told]
        guarded = {(at, column.name) for at, *_ in mine for column in tables[at].columns if column.guarded}
        mine.sort(key=lambda c: (c[::2] not in guarded, tables[c[0]].matrix([c[2]])[c[1], 0], c))
        if mine:
            cells[tuple((tables[at].id, row, name) for at, row, name in mine)] = None
    return tuple(cells)


def _falls(kind: str, found: Iterable[tuple[str, str]]) -> list[Fall]:
    """One fall a thing found, with all its places."""
    places: dict[str, list[str]] = defaultdict(list)
    for where, what in found:
        places[what].append(where)
    return [Fall(kind, tuple(Counter(where)), what) for what, where in places.items()]

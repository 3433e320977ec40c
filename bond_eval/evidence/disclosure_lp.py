"""Which further counts to withhold so that no withheld count can be worked out: linear programming over linked cells.

An attacker knows every count that is shown, that counts are whole and not negative, and how they add up. A withheld
count is safe where the attacker cannot rule out that it is at most 1, nor that it is at least the minimum. For each
one, and each of these two, a linear programme seeks other counts that would look the same, by moving withheld counts
for nothing and shown ones at a price; the shown counts that have to move are withheld too. What proves one count safe
stays proof when more is withheld, so nothing is proven twice. Then every count that was withheld for another's sake is
shown again where its own line-up of proofs can do without.

Reference: Fischetti and Salazar-González 2001; Castro 2012 (cell suppression); HiGHS (highspy) solves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LOW = 1.0
CEILING = 100_000.0
TOLERANCE = 1e-6
NODES = 1000  # of a search in whole numbers: a count and not seconds, so that every machine finds the same
FEASIBLE = 2  # as HiGHS says that a solution keeps all bounds and relations
Move = dict[int, float]


@dataclass(frozen=True)
class System:
    """`values`: true counts. `relations`: cell -> coefficient, a sum that is 0. `minimum`: smallest count shown.

    `prices`: what withholding a cell costs the reader. `follows`: cell -> cells withheld with it. `unshown`: cells
    that are never shown in themselves (what is left of a whole). `known`: cells that an earlier release shows.
    """

    values: np.ndarray
    relations: tuple[Mapping[int, float], ...]
    minimum: np.ndarray
    prices: np.ndarray
    follows: Mapping[int, frozenset[int]] = field(default_factory=dict)
    unshown: frozenset[int] = frozenset()
    known: frozenset[int] = frozenset()

    def closed(self, hidden: Iterable[int]) -> set[int]:
        """These cells and all that are withheld with them."""
        found: set[int] = set()
        todo = list(hidden)
        while todo:
            cell = todo.pop()
            if cell not in found:
                found.add(cell)
                todo.extend(self.follows.get(cell, ()))
        return found

    def small(self, cell: int) -> bool:
        """True where the count is one that may not be seen."""
        return 0 < self.values[cell] < self.minimum[cell]


@dataclass(frozen=True)
class Secured:
    """`hidden`: cells to withhold. `exposed`: cells that earlier releases give away whatever is withheld now."""

    hidden: frozenset[int]
    exposed: frozenset[int]
    components: int
    solved: int


def secure(system: System, primary: Iterable[int]) -> Secured:
    """The cells to withhold, `primary` among them, so that none withheld can be worked out."""
    forced = system.closed(primary)
    hidden = set(forced)
    parts = [_Part(system, cells, relations) for cells, relations in components(system)]
    exposed: set[int] = set()
    grown = True
    while grown:
        before = len(hidden)
        for part in parts:
            part.withhold(hidden)
            size = len(hidden)
            exposed |= part.cover(hidden)
            hidden = system.closed(hidden) if len(hidden) > size else hidden
        grown = len(hidden) > before
    hidden = _prune(system, parts, hidden, forced)
    touched = sum(1 for part in parts if any(cell in hidden for cell in part.cells))
    return Secured(frozenset(hidden - system.unshown), frozenset(exposed), touched, sum(p.solved for p in parts))


def bounds(system: System, hidden: Iterable[int], cell: int) -> tuple[float, float]:
    """The smallest and largest value that a withheld cell can have for an attacker; inf where nothing bounds it."""
    hidden = set(hidden)
    for cells, relations in components(system):
        if cell in cells:
            part = _Part(system, cells, relations)
            part.withhold(hidden)
            return part.reach(cell)
    return 0.0, np.inf


def components(system: System) -> list[tuple[list[int], list[Mapping[int, float]]]]:
    """Cells that relations connect, with these relations. A cell in none is not in the list: nothing bounds it."""
    leader: dict[int, int] = {}

    def top(cell: int) -> int:
        while leader.setdefault(cell, cell) != cell:
            leader[cell] = leader[leader[cell]]
            cell = leader[cell]
        return cell

    for relation in system.relations:
        first, *others = relation
        for other in others:
            leader[top(other)] = top(first)
    cells: dict[int, list[int]] = {}
    for cell in sorted(leader):
        cells.setdefault(top(cell), []).append(cell)
    kept: dict[int, list[Mapping[int, float]]] = {key: [] for key in cells}
    for relation in system.relations:
        kept[top(next(iter(relation)))].append(relation)
    return [(cells[key], kept[key]) for key in sorted(cells, key=lambda key: cells[key][0])]


def _prune(system: System, parts: list[_Part], hidden: set[int], forced: set[int]) -> set[int]:
    """Show again, dearest first, each count whose component stays safe without it."""
    leaders: dict[int, set[int]] = {}
    for cell, followers in system.follows.items():
        for follower in followers:
            leaders.setdefault(follower, set()).add(cell)
    home = {cell: part for part in parts for cell in part.cells}
    for cell in sorted(hidden - forced - system.unshown, key=lambda cell: (-system.prices[cell], cell)):
        shown = _group(system, leaders, hidden - forced, hidden, cell)
        touched = {id(part): part for part in (home.get(one) for one in sorted(shown)) if part is not None}.values()
        safe = bool(shown) and all(part.can_show(shown, hidden - shown) for part in touched)
        hidden = hidden - shown if safe else hidden
        for part in touched:
            part.settle() if safe else part.undo()
    return hidden


def _group(system: System, leaders: Mapping[int, set[int]], loose: set[int], hidden: set[int], cell: int) -> set[int]:
    """A withheld cell with those that only it withholds; empty where another still withholds it."""
    group = system.closed({cell}) & loose
    out = {cell}
    while out:
        out = {one for one in group if not (leaders.get(one, set()) & hidden) <= group}
        group -= out
    return group if cell in group else set()


class _Part:
    """A component as a linear programme: each cell moves up (column 2k) or down (column 2k + 1) from its true value."""

    def __init__(self, system: System, cells: list[int], relations: list[Mapping[int, float]]) -> None:
        self.system, self.cells, self.relations = system, cells, relations
        self.place = {cell: k for k, cell in enumerate(cells)}
        self.free = {cell for cell in cells if cell in system.unshown}
        self.rests = [cell for cell in self.free if system.small(cell)]
        self.proofs: dict[tuple[int, bool], Move] = {}
        self.solved = 0
        self._pending: dict[tuple[int, bool], Move] = {}
        self._fixed: set[int] = set()
        self._solver: Any = None

    def withhold(self, cells: set[int]) -> None:
        """Let these cells move for nothing."""
        for cell in sorted(cells & self.place.keys()):
            if cell not in self.free and cell not in self.system.known:
                self.free.add(cell)
                if self._solver is not None:
                    self._open(cell)

    def cover(self, hidden: set[int]) -> set[int]:
        """Withhold what it takes to make the cells here safe: grows `hidden`. Gives the cells that cannot be."""
        mine = hidden & self.place.keys()
        exposed: set[int] = set()
        todo = self._unproven(mine)
        while todo:
            for cell, up in todo:
                if (cell, up) in self.proofs or cell in exposed:
                    continue
                move = self._move(cell, up)
                if move is None:
                    exposed.add(cell)
                    continue
                added = {other for other in move if other not in self.free}
                mine |= added
                hidden |= added
                self.withhold(added)
                self._record(move, self.proofs)
            todo = [item for item in self._unproven(mine) if item[0] not in exposed]
        return exposed

    def can_show(self, shown: set[int], hidden: set[int]) -> bool:
        """True where the cells here stay safe with these shown; new proofs wait for settle or undo."""
        fixed = shown & self.place.keys()
        lost = [key for key, move in self.proofs.items() if key[0] not in fixed and not fixed.isdisjoint(move)]
        if not lost:
            self._fixed = fixed
            return True
        self._solver = self._solver or self._build()
        self._fixed = fixed
        for cell in fixed:
            self._bound(cell, 0.0, 0.0)
        needed = set(self._guarded(hidden & self.place.keys()))
        for cell, up in sorted(lost, key=lambda key: (self.system.values[key[0]], key)):
            if cell not in needed or (cell, up) in self._pending:
                continue
            move = self._move(cell, up)
            if move is None or any(other not in self.free for other in move):
                return False
            self._record(move, self._pending)
        return True

    def settle(self) -> None:
        """Keep what `can_show` tried."""
        gone = self._fixed
        self.proofs = {k: m for k, m in self.proofs.items() if k[0] not in gone and gone.isdisjoint(m)} | self._pending
        self.free -= gone
        for cell in gone:
            if self._solver is not None:
                self._bound(cell, *self._room(cell))
                self._price(cell, self.system.prices[cell])
        self._fixed, self._pending = set(), {}

    def undo(self) -> None:
        """Forget what `can_show` tried."""
        for cell in self._fixed:
            if self._solver is not None:
                self._bound(cell, *self._room(cell))
        self._fixed, self._pending = set(), {}

    def reach(self, cell: int) -> tuple[float, float]:
        """Bounds of one cell with every shown cell where it is."""
        solver, k = self._build(), self.place[cell]
        self._solver = solver
        for other in self.cells:
            self._price(other, 0.0)
            if other not in self.free:
                self._bound(other, 0.0, 0.0)
        ends = []
        for column, other in ((2 * k + 1, 2 * k), (2 * k, 2 * k + 1)):
            solver.changeColCost(column, -1.0)
            solver.changeColCost(other, 1.0)
            solver.run()
            self.solved += 1
            found = solver.getSolution().col_value
            ends.append(float(found[column] - found[other]))
        high = self.system.values[cell] + ends[1]
        return float(self.system.values[cell] - ends[0]), float(high) if ends[1] < CEILING / 2 else np.inf

    def _guarded(self, hidden: set[int]) -> list[int]:
        """Cells here that must stay safe: counts withheld, and small remainders. Zero is no secret."""
        return sorted({*self.rests, *(cell for cell in hidden - self.system.known if self.system.values[cell] > 0)})

    def _unproven(self, hidden: set[int]) -> list[tuple[int, bool]]:
        """What is still to be shown possible, smallest counts first: that a cell is higher, or lower, than it is."""
        values, minimum = self.system.values, self.system.minimum
        todo = []
        for cell in self._guarded(hidden):
            todo += [(cell, True)] if values[cell] < minimum[cell] else []
            todo += [(cell, False)] if values[cell] > LOW else []
        todo = [key for key in todo if key not in self.proofs]
        return sorted(todo, key=lambda key: (values[key[0]], key))

    def _record(self, move: Move, proofs: dict[tuple[int, bool], Move]) -> None:
        """One set of other values is proof for every cell that it takes far enough."""
        values, minimum = self.system.values, self.system.minimum
        for cell, change in move.items():
            if values[cell] + change >= minimum[cell] - TOLERANCE:
                proofs.setdefault((cell, True), move)
            if values[cell] + change <= LOW + TOLERANCE:
                proofs.setdefault((cell, False), move)

    def _move(self, cell: int, up: bool) -> Move | None:
        """The cheapest change that takes a cell to its minimum or to 1; None where there is none."""
        self._solver = self._solver or self._build()
        value, k = self.system.values[cell], self.place[cell]
        need = self.system.minimum[cell] - value if up else value - LOW
        wanted, other = (2 * k, 2 * k + 1) if up else (2 * k + 1, 2 * k)
        room = CEILING if up else value
        self._solver.changeColBounds(wanted, float(need), float(room))
        self._solver.changeColBounds(other, 0.0, 0.0)
        move = self._solve()
        if move is not None and any(abs(change - round(change)) > TOLERANCE for change in move.values()):
            move = self._whole() or move
        self._bound(cell, *self._room(cell))
        return move

    def _solve(self) -> Move | None:
        self._solver.run()
        self.solved += 1
        if self._solver.getInfo().primal_solution_status != FEASIBLE:
            return None
        columns = np.asarray(self._solver.getSolution().col_value)
        change = columns[0::2] - columns[1::2]
        return {self.cells[k]: float(change[k]) for k in np.flatnonzero(np.abs(change) > TOLERANCE)}

    def _whole(self) -> Move | None:
        """The same in whole numbers: fractions prove nothing about children."""
        from highspy import HighsVarType

        count = 2 * len(self.cells)
        columns = np.arange(count, dtype=np.int32)
        self._solver.changeColsIntegrality(count, columns, np.full(count, HighsVarType.kInteger))
        move = self._solve()
        self._solver.changeColsIntegrality(count, columns, np.full(count, HighsVarType.kContinuous))
        return move

    def _build(self) -> Any:
        import highspy

        solver, model = highspy.Highs(), highspy.HighsLp()
        for option, value in (("output_flag", False), ("threads", 1), ("mip_max_nodes", NODES)):
            solver.setOptionValue(option, value)
        model.num_col_, model.num_row_ = 2 * len(self.cells), len(self.relations)
        prices = [0.0 if cell in self.free else float(self.system.prices[cell]) for cell in self.cells]
        model.col_cost_ = np.repeat(prices, 2)
        model.col_lower_ = np.zeros(model.num_col_)
        upper = [self._room(cell) for cell in self.cells]
        model.col_upper_ = np.array(upper, dtype=float).ravel()
        model.row_lower_ = model.row_upper_ = np.zeros(model.num_row_)
        starts, index, entries = [0], [], []
        for relation in self.relations:
            for cell, weight in relation.items():
                index += [2 * self.place[cell], 2 * self.place[cell] + 1]
                entries += [weight, -weight]
            starts.append(len(index))
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = starts, index, entries
        solver.passModel(model)
        return solver

    def _room(self, cell: int) -> tuple[float, float]:
        """How far a cell may move up and down. A zero that is shown stays, as does what was published before."""
        still = cell in self.system.known or (self.system.values[cell] == 0 and cell not in self.free)
        return (0.0, 0.0) if still else (CEILING, float(self.system.values[cell]))

    def _open(self, cell: int) -> None:
        self._price(cell, 0.0)
        self._bound(cell, *self._room(cell))

    def _price(self, cell: int, price: float) -> None:
        for column in (2 * self.place[cell], 2 * self.place[cell] + 1):
            self._solver.changeColCost(column, float(price))

    def _bound(self, cell: int, up: float, down: float) -> None:
        self._solver.changeColBounds(2 * self.place[cell], 0.0, float(up))
        self._solver.changeColBounds(2 * self.place[cell] + 1, 0.0, float(down))

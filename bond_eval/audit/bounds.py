"""How tightly a reader could bound each withheld count, by linear programming over what the tables say of it.

A withheld count is safe where it could be 0 or 1 and could be 6 or more, as far as anyone can tell; else it falls:
known exactly, known to be few, or known not to be few (so that those hidden beside it are the few). A nought worked
out does not fall: noughts are shown, and no child stands behind one. The proof printed with a fall is the dual
solution: the relations that the bound rests on.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bond_eval.audit.links import Cell, Relation, free
from bond_eval.audit.small import MINIMUM
from bond_eval.audit.tables import ALL, HIDDEN, Number, Table

NEAR, _LOOSE = 1e-6, 1e-3  # of a count: in what relations say, and in what the solver answers
MOST_REASONS = 4  # of why two cells are one, in a proof
WHOLE_NUMBERS = 60  # most cells of a component that is searched for whole numbers


@dataclass(frozen=True)
class Bound:
    """The feasible interval of a hidden count, and the relations that bind it below and above."""

    cell: Cell
    low: float
    high: float
    proof: tuple[str, ...]
    whole: float = math.inf
    total: bool = False

    @property
    def falls(self) -> bool:
        """True where it leaves out 0 and 1, or 6 and more.

        A part may be hidden for its complement instead, and a total for its members: that they are not few tells
        nothing, as long as they are not known.
        """
        if self.high == 0:
            return False
        if self.total and self.low != self.high:
            return self.high < MINIMUM
        rest = self.whole - self.high, self.whole - self.low
        complement_safe = rest[0] <= 1 and MINIMUM <= rest[1] < math.inf
        return self.high < MINIMUM or rest[1] < MINIMUM or (self.low > 1 and not complement_safe)

    def words(self) -> str:
        """What a reader learns."""
        if self.low == self.high:
            return f"it is exactly {self.low:.0f}"
        if self.high >= MINIMUM > self.whole - self.low:
            return f"at most {self.whole - self.low:.0f} of the {self.whole:.0f} are not in it"
        top = "no more is known above" if math.isinf(self.high) else f"at most {self.high:.0f}"
        return f"it is at least {self.low:.0f}, {top}"


def bounds(tables: Sequence[Table], found: Sequence[Relation]) -> Iterator[Bound]:
    """The bound of each guarded hidden count that some relation touches."""
    guarded = {
        (at, row, column.name)
        for at, table in enumerate(tables)
        for column in table.columns
        if column.guarded
        for row in range(len(table.rows))
        if table.cells[row, column.name] == HIDDEN
    }
    for component in components(found):
        cells = {cell for relation in component for cell, _ in relation.terms}
        columns = {c: next(one for one in tables[c[0]].columns if one.name == c[2]) for c in cells}
        positive = {c for c in cells if not free(columns[c], tables[c[0]])}
        system, same = _system(component, positive)
        done: dict[Cell, Bound] = {}
        for cell in sorted(cells & guarded):
            one, why = same.get(cell, (cell, ()))
            whole = tables[cell[0]].cells.get((cell[1], columns[cell].whole))
            if one not in done or isinstance(whole, Number):
                done[one] = system.bound(one, whole.value if isinstance(whole, Number) else math.inf)
            found_here = done[one]
            total = any(tables[cell[0]].rows[cell[1]].get(margin) in ALL for margin in tables[cell[0]].margins)
            # That two cells are one needs saying only where the proof is about the other.
            table = tables[cell[0]]
            own = all(line.startswith(f"{table.id}: ") for line in found_here.proof)
            reasons = () if own else tuple(line for line in why if table.id in line)
            yield replace(found_here, cell=cell, proof=(*found_here.proof, *reasons[:MOST_REASONS]), total=total)


def _system(
    component: Sequence[Relation], positive: set[Cell]
) -> tuple[System, dict[Cell, tuple[Cell, tuple[str, ...]]]]:
    """The system of a component with equal cells made one, and what each cell is in it and why.

    Where that contradicts itself some equality was guessed wrongly, and every cell is kept for itself.
    """
    same = _merged(component)
    one_of = {cell: one for cell, (one, _) in same.items()}
    relations: dict[Any, Relation] = {}
    for relation in component:
        sums: dict[Cell, float] = defaultdict(float)
        for cell, factor in relation.terms:
            sums[one_of.get(cell, cell)] += factor
        terms = tuple((cell, factor) for cell, factor in sums.items() if factor)
        if terms:
            key = frozenset(terms), round(relation.low, 6), round(relation.high, 6)
            relations.setdefault(key, replace(relation, terms=terms))
    cells = {one_of.get(cell, cell) for relation in component for cell, _ in relation.terms}
    above = {one_of.get(cell, cell) for cell in positive}
    merged = System(sorted(cells), list(relations.values()), frozenset(cells - above))
    if not merged.dropped:
        return merged, same
    cells = {cell for relation in component for cell, _ in relation.terms}
    return System(sorted(cells), component, frozenset(cells - positive)), {}


def _merged(component: Sequence[Relation]) -> dict[Cell, tuple[Cell, tuple[str, ...]]]:
    """Cell -> (the one that stands for it and its equals, the equalities that say so)."""
    equal = [one for one in component if _equality(one)]
    same: dict[Cell, tuple[Cell, tuple[str, ...]]] = {}
    for group in components(equal):
        cells = sorted({cell for relation in group for cell, _ in relation.terms})
        why = tuple(dict.fromkeys(relation.why.rsplit(": ", 1)[0] for relation in group))
        same |= {cell: (cells[0], why) for cell in cells}
    return same


def _equality(relation: Relation) -> bool:
    factors = sorted(factor for _, factor in relation.terms)
    return factors == [-1.0, 1.0] and max(abs(relation.low), abs(relation.high)) < 1e-5


def components(found: Sequence[Relation]) -> list[list[Relation]]:
    """Relations in groups that share no hidden cell."""
    parent: dict[Cell, Cell] = {}

    def top(cell: Cell) -> Cell:
        parent.setdefault(cell, cell)
        while parent[cell] != cell:
            parent[cell] = parent[parent[cell]]
            cell = parent[cell]
        return cell

    for relation in found:
        first = top(relation.terms[0][0])
        for cell, _ in relation.terms[1:]:
            parent[top(cell)] = first
    groups: dict[Cell, list[Relation]] = defaultdict(list)
    for relation in found:
        groups[top(relation.terms[0][0])].append(relation)
    return list(groups.values())


class System:
    """The linear system of one component. Relations that contradict the rest were guessed wrongly and are left out."""

    def __init__(self, cells: Sequence[Cell], found: Sequence[Relation], may_be_less: frozenset[Cell]) -> None:
        self.place = {cell: at for at, cell in enumerate(cells)}
        self.lower = np.array([-np.inf if cell in may_be_less else 0.0 for cell in cells])
        self.found, self.dropped = list(found), False
        self._build()
        if self._solve(None, 0) is None:
            wrong = self._contradicting()
            self.dropped = True
            self.found = [relation for at, relation in enumerate(self.found) if at not in wrong]
            self._build()

    def _matrix(self) -> Any:
        from scipy.sparse import csr_array

        entries = [(at, self.place[cell], f) for at, one in enumerate(self.found) for cell, f in one.terms]
        rows, columns, factors = zip(*entries, strict=True)
        return csr_array((factors, (rows, columns)), shape=(len(self.found), len(self.place)))

    def _build(self) -> None:
        import highspy

        self.solver = highspy.Highs()
        for option, setting in (("output_flag", False), ("presolve", "off"), ("threads", 1)):  # warm starts
            self.solver.setOptionValue(option, setting)
        for low in self.lower:
            self.solver.addVar(float(low), highspy.kHighsInf)
        for relation in self.found:
            places = np.array([self.place[cell] for cell, _ in relation.terms], dtype=np.int32)
            factors = np.array([factor for _, factor in relation.terms], dtype=float)
            self.solver.addRow(relation.low - NEAR, relation.high + NEAR, len(places), places, factors)

    def _contradicting(self) -> set[int]:
        """Places of relations that have to give way for all the others to hold at once."""
        from scipy.optimize import linprog
        from scipy.sparse import eye_array, hstack, vstack

        left, count, rows = self._matrix(), len(self.place), len(self.found)
        high = np.array([relation.high for relation in self.found])
        low = np.array([relation.low for relation in self.found])
        two = vstack([hstack([left, -eye_array(rows)]), hstack([-left, -eye_array(rows)])]).tocsr()
        limits = np.r_[high, -low]
        keep = np.isfinite(limits)
        cost = np.r_[np.zeros(count), np.ones(rows)]
        ranges = [*((low, None) for low in self.lower), *[(0, None)] * rows]
        done = linprog(cost, two[keep], limits[keep] + NEAR, bounds=ranges)
        return set(np.flatnonzero(done.x[count:] > 1e-4).tolist())

    def bound(self, cell: Cell, whole: float = math.inf) -> Bound:
        """The least and the most that a cell can be, in whole numbers where the component is small.

        `whole`: the number that it is shown to be a part of.
        """
        ends = [self._solve(cell, sign) or (-sign * math.inf, []) for sign in (1, -1)]
        low = math.ceil(ends[0][0] - _LOOSE) if math.isfinite(ends[0][0]) else -math.inf
        high = math.floor(ends[1][0] + _LOOSE) if math.isfinite(ends[1][0]) else math.inf
        made = Bound(cell, low, high, tuple(dict.fromkeys([*ends[0][1], *ends[1][1]])), whole)
        if not made.falls and high - low < 2 * MINIMUM and len(self.place) <= WHOLE_NUMBERS:
            tight = [self._whole(cell, sign) for sign in (1, -1)]
            if tight != [low, high]:
                proof = tuple(relation.why for relation in self.found)
                made = Bound(cell, tight[0], tight[1], ("no other whole numbers fit all of these", *proof), whole)
        return made

    def _solve(self, cell: Cell | None, sign: int) -> tuple[float, list[str]] | None:
        """(the end, what binds it); None where there is no end, or no solution at all."""
        import highspy

        if cell is not None:
            self.solver.changeColCost(self.place[cell], float(sign))
        self.solver.run()
        best = self.solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        value = sign * self.solver.getInfo().objective_function_value
        duals = np.array(self.solver.getSolution().row_dual) if best else np.zeros(0)
        if cell is not None:
            self.solver.changeColCost(self.place[cell], 0.0)
        return (value, [self.found[at].why for at in np.flatnonzero(np.abs(duals) > 1e-7)]) if best else None

    def _whole(self, cell: Cell, sign: int) -> float:
        from scipy.optimize import Bounds, LinearConstraint, milp

        goal = np.zeros(len(self.place))
        goal[self.place[cell]] = sign
        low = [relation.low - NEAR for relation in self.found]
        high = [relation.high + NEAR for relation in self.found]
        done = milp(
            goal,
            constraints=LinearConstraint(self._matrix(), low, high),
            bounds=Bounds(self.lower, np.inf),
            integrality=np.isfinite(self.lower).astype(int),
        )
        return round(sign * done.fun) if done.status == 0 else -sign * math.inf

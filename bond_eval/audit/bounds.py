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
from bond_eval.audit.tables import ALL, HIDDEN, MINIMUM, Number, Table

NEAR, _LOOSE = 1e-6, 1e-3  # of a count: in what relations say, and in what the solver answers
_FAR = 1e6  # no count of children is as large
MOST_REASONS = 4  # of why two cells are one, in a proof
WHOLE_NUMBERS = 60  # most cells of a component that is searched for whole numbers


@dataclass(frozen=True)
class Bound:
    """The feasible interval of a hidden count, the relations that bind it below and above, and the cells they show.

    `least`: the smallest count that may be shown there.
    """

    cell: Cell
    low: float
    high: float
    proof: tuple[str, ...]
    whole: float = math.inf
    total: bool = False
    shown: tuple[Cell, ...] = ()
    least: int = MINIMUM

    @property
    def falls(self) -> bool:
        """True where it leaves out 0 and 1, or the least that may be shown and more.

        A part may be hidden for its complement instead, and a total for its members: that they are not few tells
        nothing, as long as they are not known.
        """
        if self.high == 0:
            return False
        if self.total and self.low != self.high:
            return self.high < self.least
        rest = self.whole - self.high, self.whole - self.low
        complement_safe = rest[0] <= 1 and self.least <= rest[1] < math.inf
        return self.few or (self.low > 1 and not complement_safe)

    @property
    def few(self) -> bool:
        """True where it is known to be below the least that may be shown, or all of its whole but for so few."""
        return 0 < self.high < self.least or self.whole - self.low < self.least

    def words(self) -> str:
        """What a reader learns."""
        if self.low == self.high:
            return f"it is exactly {self.low:.0f}"
        if self.high >= self.least > self.whole - self.low:
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
            if one not in system.place:
                continue  # all that was said of it gave way
            whole = tables[cell[0]].cells.get((cell[1], columns[cell].whole))
            least, _ = tables[cell[0]].rule(cell[1], columns[cell])
            if one not in done or isinstance(whole, Number) or least != done[one].least:
                done[one] = system.bound(one, whole.value if isinstance(whole, Number) else math.inf, least)
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

    Where that contradicts itself something was guessed wrongly: what has to give way does, before cells are made one.
    """
    merged, same = _one_a_cell(component, positive)
    if merged.feasible:
        return merged, same
    cells = sorted({cell for relation in component for cell, _ in relation.terms})
    wrong = System(cells, component, frozenset(set(cells) - positive)).contradicting()
    return _one_a_cell([relation for at, relation in enumerate(component) if at not in wrong], positive)


def _one_a_cell(
    component: Sequence[Relation], positive: set[Cell]
) -> tuple[System, dict[Cell, tuple[Cell, tuple[str, ...]]]]:
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
    return System(sorted(cells), list(relations.values()), frozenset(cells - above)), same


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


def _exact(relation: Relation) -> Relation:
    """With whole coefficients and no rounding, what is left over is a whole number."""
    whole = round((relation.low + relation.high) / 2) if math.isfinite(relation.low + relation.high) else math.nan
    exact = relation.high - relation.low < 1e-5 and all(factor == round(factor) for _, factor in relation.terms)
    near = exact and abs(relation.low - whole) < 1e-5
    return replace(relation, low=float(whole), high=float(whole)) if near else relation


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
    """The linear system of one component. `feasible`: some numbers fit all of it."""

    def __init__(self, cells: Sequence[Cell], found: Sequence[Relation], may_be_less: frozenset[Cell]) -> None:
        self.place = {cell: at for at, cell in enumerate(cells)}
        self.lower = np.array([-np.inf if cell in may_be_less else 0.0 for cell in cells])
        self.found = [_exact(relation) for relation in found]
        self.least, self.most = np.full(len(cells), np.inf), np.full(len(cells), -np.inf)
        self._build()
        self.feasible = self._solve(None, 0) is not None

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
            slack = NEAR * (relation.low != relation.high)
            self.solver.addRow(relation.low - slack, relation.high + slack, len(places), places, factors)

    def contradicting(self) -> set[int]:
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

    def bound(self, cell: Cell, whole: float = math.inf, least: int = MINIMUM) -> Bound:
        """The least and the most that a cell can be, in whole numbers where the component is small.

        `whole`: the number that it is shown to be a part of; `least`: the smallest count that may be shown there.
        """
        known = replace(self._seen(cell), whole=whole, least=least)
        if known.high and not known.falls and len(self.place) > WHOLE_NUMBERS:
            return known  # other cells' solutions have shown already that this one can be few and can be many
        ends = [self._solve(cell, sign) or (-sign * math.inf, []) for sign in (1, -1)]
        low = math.ceil(ends[0][0] - _LOOSE) if math.isfinite(ends[0][0]) else -math.inf
        high = math.floor(ends[1][0] + _LOOSE) if math.isfinite(ends[1][0]) else math.inf
        made = self._told(replace(known, low=low, high=high), [*ends[0][1], *ends[1][1]])
        if not made.falls and high - low < 2 * least and len(self.place) <= WHOLE_NUMBERS:
            tight = [self._whole(cell, sign) for sign in (1, -1)]
            if tight != [low, high]:
                made = self._told(replace(known, low=tight[0], high=tight[1]), self.found)
                made = replace(made, proof=("no other whole numbers fit all of these", *made.proof))
        return made

    def _told(self, bound: Bound, found: Sequence[Relation]) -> Bound:
        """With the relations that it rests on."""
        shown = dict.fromkeys(cell for relation in found for cell in relation.shown)
        return replace(bound, proof=tuple(dict.fromkeys(relation.why for relation in found)), shown=tuple(shown))

    def _seen(self, cell: Cell) -> Bound:
        """The least and the most that a cell was in any solution so far: its interval is at least as wide."""
        least, most = self.least[self.place[cell]], self.most[self.place[cell]]
        low, high = (math.ceil(least - _LOOSE), math.floor(most + _LOOSE)) if most >= least else (0, 0)
        return Bound(cell, low, high, ())

    def _solve(self, cell: Cell | None, sign: int) -> tuple[float, list[Relation]] | None:
        """(the end, what binds it); None where there is no end, or no solution at all. Raises RuntimeError for neither.

        A cell looked at is kept within _FAR, so that there is always an end: an unbounded one is slow to find.
        """
        import highspy

        place = -1 if cell is None else self.place[cell]
        if cell is not None:
            self.solver.changeColCost(place, float(sign))
            self.solver.changeColBounds(place, max(float(self.lower[place]), -_FAR), _FAR)
        self.solver.run()
        status = self.solver.getModelStatus()
        if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible):
            self.solver.clearSolver()  # from the start, where going on from the last answer failed
            self.solver.run()
            status = self.solver.getModelStatus()
        value = sign * self.solver.getInfo().objective_function_value
        found = self.solver.getSolution()
        if cell is not None:
            self.solver.changeColCost(place, 0.0)
            self.solver.changeColBounds(place, float(self.lower[place]), highspy.kHighsInf)
        if status == highspy.HighsModelStatus.kInfeasible and cell is None:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"the solver gave up ({status}): nothing is known of {len(self.place)} cells")
        values = np.array(found.col_value)
        self.least, self.most = np.minimum(self.least, values), np.maximum(self.most, values)
        if abs(value) >= _FAR - 1:
            return None
        return value, [self.found[at] for at in np.flatnonzero(np.abs(np.array(found.row_dual)) > 1e-7)]

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

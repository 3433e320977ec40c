"""The release's disclosure plan: nothing withheld can be worked out, by an attack that shares no code with the plan."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import PLAN
from bond_eval.evidence import disclosure, disclosure_lp, registry
from bond_eval.evidence.disclosure import Plan, collapsed, earlier, make_plan, model_of
from bond_eval.evidence.gate import protect
from bond_eval.evidence.registry import ALL, Table, Value
from bond_eval.evidence.release import Release

FACTS = {"as_of": "2020-09-30", "baseline": "2019-03-31"}
LINKS = """table,value,where,concept,part_of
cross,n,column=All,row {row},
parts,of,,row {row},
parts,n,,part {row},
again,n,kind=part,part {row},part total
again,n,kind=sum,part total,
"""


# -- the oracle -------------------------------------------------------------------------------------------------------

BODY = np.array([[30, 47, 64, 89], [90, 124, 5, 31], [92, 100, 59, 85], [800, 991, 651, 685]])
CELLS = [row + column for row in "wxyzT" for column in "abcdT"]


def oracle() -> disclosure_lp.System:
    whole = np.vstack([np.hstack([BODY, BODY.sum(1, keepdims=True)]), np.append(BODY.sum(0), BODY.sum())])
    at = np.arange(25).reshape(5, 5)
    lines = [*at, *at.T]
    relations = tuple({**{int(c): 1.0 for c in line[:4]}, int(line[4]): -1.0} for line in lines)
    values = whole.ravel().astype(float)
    return disclosure_lp.System(values, relations, np.full(25, 6), 1.0 + values)


def test_nine_withheld_cells_that_look_safe_give_one_away() -> None:
    hidden = [CELLS.index(name) for name in ("wa", "wb", "wc", "xa", "xc", "yb", "yd", "zb", "zd")]
    wb = CELLS.index("wb")
    assert disclosure_lp.bounds(oracle(), hidden, wb) == pytest.approx((47, 47))
    assert disclosure_lp.bounds(oracle(), [*hidden, CELLS.index("xd")], wb) == pytest.approx((0, 78))


def test_the_plan_of_the_oracle_is_safe_in_every_cell() -> None:
    system = oracle()
    found = disclosure_lp.secure(system, [CELLS.index("xc")])
    assert CELLS.index("xc") in found.hidden and not found.exposed
    for cell in found.hidden:
        low, high = disclosure_lp.bounds(system, found.hidden, cell)
        assert low <= 1 and high >= 6, CELLS[cell]


def test_fractions_are_no_proof_where_children_are_whole() -> None:
    """y + r = 6 and 2w = y + v, w in no table: with v shown y is odd, so not 6, though in fractions it could be."""
    values = np.array([3.0, 3.0, 6.0, 8.0, 13.0])
    relations = ({0: 1.0, 1: 1.0, 2: -1.0}, {3: 2.0, 0: -1.0, 4: -1.0})
    found = disclosure_lp.secure(
        disclosure_lp.System(values, relations, np.full(5, 6), 1 + values, unshown=frozenset({3})), [0, 1]
    )
    seen = []
    for y, r, v in itertools.product(range(20), range(20), range(60)):
        counts = (y, r, y + r, (y + v) / 2, v)
        if counts[3] == int(counts[3]):
            seen += [y] if all(c in found.hidden or counts[c] == values[c] for c in (0, 1, 2, 4)) else []
    assert min(seen) <= 1 and max(seen) >= 6


# -- random systems of linked tables ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """Three tables over the same rows: crossed with totals both ways; parts of the row totals; the parts again."""

    built: dict[str, tuple[Table, pd.DataFrame]]

    @property
    def values(self) -> dict[tuple[str, tuple[str, ...], str], float]:
        """Every cell by its place."""
        return {
            (id, tuple(str(row[label]) for label in table.labels), value.name): float(row[value.name])
            for id, (table, frame) in self.built.items()
            for row in frame.to_dict("records")
            for value in table.values
        }


def spec(id: str, labels: tuple[str, ...], values: tuple[Value, ...], margins: tuple[str, ...] = ()) -> Table:
    names = {name: name.title() for name in labels}
    return Table(id, "notebook", id.title(), "a row", names, values, margins, "source", "count", lambda view: None)


def world(seed: int) -> World:
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    body = rng.negative_binomial(1, 0.06, (rows, columns)) * (rng.random((rows, columns)) > 0.1)
    whole = np.vstack([np.hstack([body, body.sum(1, keepdims=True)]), np.append(body.sum(0), body.sum())])
    names, heads = [*(f"r{i}" for i in range(rows)), ALL], [*(f"c{j}" for j in range(columns)), ALL]
    cross = [(r, c, int(whole[i, j])) for i, r in enumerate(names) for j, c in enumerate(heads)]
    part = rng.binomial(whole[:rows, -1], rng.uniform(0.1, 0.9))
    parts = [(name, int(n), int(of)) for name, n, of in zip(names, part, whole[:rows, -1], strict=False)]
    again = [*((name, "part", n) for name, n, _ in parts), ("", "sum", int(part.sum()))]
    n, of = Value("n", "Children"), Value("of", "Of")
    return World(
        {
            "cross": (
                spec("cross", ("row", "column"), (n,), ("row", "column")),
                pd.DataFrame(cross, columns=["row", "column", "n"]),
            ),
            "parts": (
                spec("parts", ("row",), (replace(n, of="of"), of)),
                pd.DataFrame(parts, columns=["row", "n", "of"]),
            ),
            "again": (spec("again", ("row", "kind"), (n,)), pd.DataFrame(again, columns=["row", "kind", "n"])),
        }
    )


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """The links of the random tables instead of the project's own."""
    (tmp_path / "linked_cells.csv").write_text(LINKS, encoding="utf-8")
    monkeypatch.setattr(
        disclosure, "read_reference", lambda name: pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False)
    )
    disclosure._links.cache_clear()
    yield
    disclosure._links.cache_clear()


def attack(made: World, hidden: set[tuple[str, tuple[str, ...], str]]) -> list[str]:
    """Falls, as one finds them who knows the tables' meaning: whole-number programmes on the places themselves.

    Written against the frames, with scipy: a variable a place, an equation a sum or a repetition.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    values = made.values
    places = list(values)
    at = {place: k for k, place in enumerate(places)}
    rows: list[np.ndarray] = []

    def says(*terms: tuple[tuple[str, tuple[str, ...], str], float]) -> None:
        row = np.zeros(len(places))
        for place, sign in terms:
            row[at[place]] += sign
        rows.append(row)

    cross = made.built["cross"][1]
    for label, other in ((0, "column"), (1, "row")):
        for _, line in cross.groupby(other):
            terms = [(("cross", (r.row, r.column), "n"), -1.0 if (r.row, r.column)[label] == ALL else 1.0)
                     for r in line.itertuples()]  # fmt: skip
            says(*terms)
    names = list(made.built["parts"][1]["row"])
    for name in names:
        says((("parts", (name,), "of"), 1.0), (("cross", (name, ALL), "n"), -1.0))
        says((("parts", (name,), "n"), 1.0), (("again", (name, "part"), "n"), -1.0))
    says(*((("again", (name, "part"), "n"), 1.0) for name in names), (("again", ("", "sum"), "n"), -1.0))
    sums = LinearConstraint(np.array(rows), 0, 0)
    low = np.array([0.0 if place in hidden else values[place] for place in places])
    high = np.array([5000.0 if place in hidden else values[place] for place in places])
    rest = np.zeros((len(names), len(places)))
    for k, name in enumerate(names):
        rest[k, at["parts", (name,), "of"]], rest[k, at["parts", (name,), "n"]] = 1.0, -1.0
    below = LinearConstraint(rest, 0, np.inf)

    whole = np.ones(len(places))

    def ends(goal: np.ndarray) -> tuple[float, float]:
        found = []
        for sign in (1, -1):
            done = milp(sign * goal, constraints=[sums, below], bounds=Bounds(low, high), integrality=whole)
            assert done.success
            found.append(sign * done.fun)
        return round(found[0]), round(found[1])

    falls = []
    for place in sorted(hidden):
        goal = np.zeros(len(places))
        goal[at[place]] = 1.0
        least, most = ends(goal)
        if values[place] and (least > 1 or most < 6):
            falls.append(f"{place}: {least} to {most}")
    for k, name in enumerate(names):
        left = values["parts", (name,), "of"] - values["parts", (name,), "n"]
        least, most = ends(rest[k]) if 0 < left < 6 else (0, 6)
        if least > 1 or most < 6:
            falls.append(f"what is left of {name}: {least} to {most}")
    return falls


def places_of(plan: Plan, made: World) -> set[tuple[str, tuple[str, ...], str]]:
    """Withheld places as the protected tables have them, not as the plan says."""
    hidden = set()
    for id, (table, frame) in made.built.items():
        shown = protect(table, frame, "public", plan)
        for value in table.values:
            for row, symbol in zip(frame.to_dict("records"), shown.symbols[value.name], strict=True):
                if symbol == "c":
                    hidden.add((id, tuple(str(row[label]) for label in table.labels), value.name))
    return hidden


SEEDS = [pytest.param(seed, marks=[pytest.mark.full] if seed >= 50 else [], id=str(seed)) for seed in range(500)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.usefixtures("linked")
def test_nothing_falls_in_linked_tables_and_every_withheld_cell_is_needed(seed: int) -> None:
    made = world(seed)
    plan = make_plan(made.built, FACTS)
    hidden, values = places_of(plan, made), made.values
    assert not attack(made, hidden)
    assert not [place for place, value in values.items() if 1 <= value < 6 and place not in hidden]
    assert not [place for place in hidden if values[place] == 0]
    model = model_of(made.built, FACTS)
    second = sorted({model.cells[place] for place in hidden if model.cells[place] not in model.primary})
    rng = np.random.default_rng(seed)
    for cell in rng.permutation(second)[:2]:
        less = hidden - set(model.names[cell])
        assert attack(made, less), f"{model.names[cell]} is withheld for nothing"


def test_the_attack_itself_finds_what_a_single_withheld_cell_gives_away() -> None:
    made = world(3)
    small = {place for place, value in made.values.items() if 1 <= value < 6}
    assert small and attack(made, small)


# -- what the plan is and says ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("linked")
def test_the_plan_names_cells_and_nothing_else() -> None:
    made = world(7)
    plan = make_plan(made.built, FACTS)
    content = plan.as_json()
    text = json.dumps(content)
    assert plan.hidden and set(content) == {"hidden"}
    labels = {str(v) for _, frame in made.built.values() for label in ("row", "column", "kind") if label in frame
              for v in frame[label]}  # fmt: skip
    told = {label for table in content["hidden"].values() for rows in table.values() for row in rows for label in row}
    assert told <= labels and not any(character.isdigit() for word in told - labels for character in word)
    assert "primary" not in text and text == json.dumps(make_plan(world(7).built, FACTS).as_json())


def test_what_follows_a_withheld_count_is_withheld_over_a_column_between_but_not_a_zero() -> None:
    values = (
        Value("n", "Children"),
        Value("share", "Share", "percent", follows=("n",)),
        Value("other", "Others", follows=("share",)),
    )
    frame = pd.DataFrame({"row": ["a", "b", "c"], "n": [2, 40, 3], "share": [0.2, 0.4, 0.3], "other": [80, 90, 0]})
    table = spec("t", ("row",), values)
    plan = make_plan({"t": (table, frame)}, FACTS)
    for given in (plan, None):
        assert list(protect(table, frame, "public", given).shown()["Others"]) == ["c", "90", "0"]


def dated(values: list[int]) -> tuple[Table, pd.DataFrame]:
    table = spec("dated", ("date", "kind"), (Value("n", "Children"),), ("kind",))
    kinds = ["a", "b", "c", ALL]
    return table, pd.DataFrame({"date": "2020-03-31", "kind": kinds, "n": [*values, sum(values)]})


def test_what_an_earlier_release_withheld_stays_withheld_and_what_it_showed_counts_as_known() -> None:
    table, frame = dated([3, 9, 30])
    before = pd.DataFrame({"date": "2020-03-31", "kind": ["a", "b", "c", ALL], "n": ["c", "9", "c", "42"]})
    release = {"quarter": Quarter.parse("2020-21-Q1"), "tables": {"dated": before}}
    alone = make_plan({"dated": (table, frame)}, FACTS)
    beside = make_plan({"dated": (table, frame)}, FACTS, [release])
    assert {row[1] for _, row, _ in alone.hidden} == {"a", "b"}
    assert {row[1] for _, row, _ in beside.hidden} == {"a", "c"}
    # Of a day after the earlier release nothing was known.
    later = {"quarter": Quarter.parse("2019-20-Q3"), "tables": {"dated": before}}
    assert make_plan({"dated": (table, frame)}, FACTS, [later]) == alone


def test_a_published_folder_is_read_back_as_an_earlier_release(tmp_path: Path) -> None:
    table, frame = dated([3, 9, 30])
    plan = make_plan({"dated": (table, frame)}, FACTS)
    (tmp_path / "tables").mkdir()
    text = protect(table, frame, "public", plan).to_csv()
    (tmp_path / "tables" / "dated.csv").write_text(text, encoding="utf-8")
    # A year later the same day's counts would be withheld otherwise: what is shown must not change what was.
    revised = frame.assign(n=[8, 9, 30, 47])
    assert not make_plan({"dated": (table, revised)}, FACTS).hidden
    again = make_plan({"dated": (table, revised)}, FACTS, [earlier(tmp_path, Quarter.parse("2020-21-Q1"))])
    assert again == plan


def test_an_earlier_release_that_gives_a_count_away_stops_the_new_one() -> None:
    table, frame = dated([3, 9, 30])
    before = pd.DataFrame({"date": "2020-03-31", "kind": ["a", "b", "c", ALL], "n": ["c", "9", "30", "42"]})
    release = {"quarter": Quarter.parse("2020-21-Q1"), "tables": {"dated": before}}
    with pytest.raises(InputError, match=r"Table dated, row 2020-03-31, a: what is published already"):
        make_plan({"dated": (table, frame)}, FACTS, [release])


def test_what_an_attack_asks_for_is_withheld_but_for_what_earlier_releases_give() -> None:
    table, frame = dated([8, 9, 30])
    built, name = {"dated": (table, frame)}, lambda kind: ("dated", ("2020-03-31", kind), "n")
    alone = make_plan(built, FACTS, more=frozenset({name("a")}))
    assert name("a") in alone.hidden and len(alone.hidden) == 2
    for kinds, asked in ((["a", "b", "c", ALL], "a"), (["a", "b", "c"], ALL)):
        before = frame[frame["kind"].isin(kinds)].astype(str)
        release = {"quarter": Quarter.parse("2020-21-Q1"), "tables": {"dated": before}}
        assert make_plan(built, FACTS, [release], frozenset({name(asked)})).hidden == frozenset()
    # A total that is withheld with a part is bounded by the parts that are shown, and yet not given.
    table, frame = dated([8, 3, 30])
    before = frame[frame["kind"].isin(["a", "c"])].astype(str)
    release = {"quarter": Quarter.parse("2020-21-Q1"), "tables": {"dated": before}}
    plan = make_plan({"dated": (table, frame)}, FACTS, [release], frozenset({name(ALL)}))
    assert plan.hidden == {name("b"), name(ALL)}


def test_the_plan_is_saved_beside_a_public_release_only(tmp_path: Path) -> None:
    plan = Plan(frozenset({("dated", ("2020-03-31", "a"), "n")}))
    Release({}, {}, plan).save(tmp_path)
    saved = json.loads((tmp_path / PLAN).read_text(encoding="utf-8"))
    assert saved == {"hidden": {"dated": {"n": [["2020-03-31", "a"]]}}}
    (tmp_path / "internal").mkdir()
    Release({}, {}).save(tmp_path / "internal")
    assert not (tmp_path / "internal" / PLAN).exists()


def test_two_rows_with_the_same_labels_are_refused() -> None:
    frame = pd.DataFrame({"row": ["a", "a"], "n": [10, 20]})
    with pytest.raises(InputError, match="two rows with the same labels"):
        make_plan({"t": (spec("t", ("row",), (Value("n", "Children"),)), frame)}, FACTS)


def test_a_quarter_is_not_the_rest_of_its_year() -> None:
    """A small quarter in one table cannot be worked out from the year's total in another."""
    ends, begun = ("2020-06-30", "2020-09-30", "2020-12-31", "2021-03-31"), (11, 8, 10, 5)
    series = pd.DataFrame({"measure": "IFA placements begun", "date": ends, "numerator": begun})
    years = pd.DataFrame({"year": ["2020-21"], "category": ["IFA"], "started": [sum(begun)]})
    built = {
        "measure_series": (spec("measure_series", ("measure", "date"), (Value("numerator", "N"),)), series),
        "flows_by_year": (spec("flows_by_year", ("year", "category"), (Value("started", "Started"),)), years),
    }
    assert len({name for name in make_plan(built, FACTS).hidden if name[0] == "measure_series"}) == 2
    assert len(make_plan({"measure_series": built["measure_series"]}, FACTS).hidden) == 1


# -- the rules --------------------------------------------------------------------------------------------------------


def test_hospital_data_have_their_own_minimum_and_rounding() -> None:
    table = replace(spec("t", ("row",), (Value("n", "Children"),)), source="Hospital Episode Statistics, 2019-20")
    frame = pd.DataFrame({"row": list("abcde"), "n": [0, 7, 8, 12, 13]})
    for plan in (make_plan({"t": (table, frame)}, FACTS), None):
        assert list(protect(table, frame, "public", plan).shown()["Children"]) == ["0", "c", "10", "10", "15"]
    assert list(protect(table, frame, "internal").shown()["Children"]) == ["0", "7", "8", "12", "13"]


def test_money_of_which_one_child_makes_up_most_is_withheld() -> None:
    values = (Value("n", "Children"), Value("cost", "Cost", "pounds", follows=("n",), largest="top"))
    frame = pd.DataFrame({"row": ["a", "b"], "n": [20, 20], "cost": [1e6, 1e6], "top": [0.86, 0.85]})
    shown = protect(spec("t", ("row",), values), frame, "public")
    assert list(shown.shown()["Cost"]) == ["c", "£1,000,000"]
    assert "top" not in shown.frame


def test_a_table_of_small_counts_is_put_together_where_it_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(row=["x", "x", "y", "y"]).groupby("row", as_index=False)["n"].sum()

    monkeypatch.setitem(registry.REGISTRY, "t", spec("t", ("row",), (Value("n", "Children"),)))
    registry.coarser("t")(two)
    table = registry.REGISTRY["t"]
    few = pd.DataFrame({"row": list("abcd"), "n": [3, 9, 8, 7]})
    assert list(collapsed(table, few)["n"]) == [12, 15]
    assert list(collapsed(table, few.assign(n=[30, 9, 8, 7]))["n"]) == [30, 9, 8, 7]
    assert list(collapsed(replace(table, coarser=None), few)["n"]) == [3, 9, 8, 7]

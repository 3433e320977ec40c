"""The attacker: what it recovers, what it finds in a small release made here, and that a clean one passes."""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from bond_eval.audit import audit
from bond_eval.audit.bounds import System, _system, bounds
from bond_eval.audit.intervals import sizes
from bond_eval.audit.leaks import leaks, read_confidential
from bond_eval.audit.links import Relation, relations
from bond_eval.audit.periods import dated, goes_on, year_of
from bond_eval.audit.read import Grid, Published, Text, read_folder
from bond_eval.audit.series import put_together
from bond_eval.audit.small import in_tables, in_text
from bond_eval.audit.tables import alike, named, number, tables_of
from bond_eval.core.errors import InputError
from bond_eval.core.findings import FINDING_MIME
from bond_eval.core.periods import Quarter
from bond_eval.workbook.attack import schema

ROOT = Path(__file__).resolve().parents[2]
ORACLE = {"w": (30, 47, 64, 89), "x": (90, 124, 5, 31), "y": (92, 100, 59, 85), "z": (800, 991, 651, 685)}
WITHHELD = ["wa", "wb", "wc", "xa", "xc", "yb", "yd", "zb", "zd"]


def _crossed(cells, hidden, names="abcd"):
    """A table in two directions with all its margins; `hidden` are cells such as "wb"."""
    rows = [(r, c, cells[r][i]) for r in cells for i, c in enumerate(names)]
    rows += [(r, "All", sum(cells[r])) for r in cells] + [
        ("All", c, sum(cells[r][i] for r in cells)) for i, c in enumerate(names)
    ]
    rows.append(("All", "All", sum(map(sum, cells.values()))))
    return [(r, c, "c" if r + c in hidden else str(n)) for r, c, n in rows]


def _spec(labels, margins, values, title="A table"):
    made = [
        {"name": name, "label": label, "kind": kind, "of": of, "follows": [], "children": children}
        for name, label, kind, of, children in values
    ]
    return {"title": title, "labels": labels, "margins": margins, "values": made}


CROSSED = _spec({"row": "Row", "column": "Column"}, ["row", "column"], [("children", "Children", "count", "", True)])


def _bounds(*tables):
    """(table, labels, column) -> (low, high) of every withheld count of tables (id, spec, heads, rows)."""
    found = Published(schema={id: spec for id, spec, _, _ in tables if spec})
    found.grids = [Grid(f"tables/{id}.csv", id, tuple(heads), tuple(map(tuple, rows))) for id, _, heads, rows in tables]
    read = tables_of(found)
    made = list(bounds(read, [*relations(read), *put_together(read)]))
    return {(read[b.cell[0]].id, *read[b.cell[0]].rows[b.cell[1]].values(), b.cell[2]): b for b in made}


def _oracle(hidden):
    return _bounds(("t", CROSSED, ("row", "column", "children"), _crossed(ORACLE, hidden)))


def test_a_table_that_looks_protected_gives_its_cell_away():
    found = _oracle(WITHHELD)["t", "w", "b", "children"]
    assert (found.low, found.high, found.falls) == (47, 47, True)
    assert found.words() == "it is exactly 47" and len(found.proof) == 4
    assert all("add up to All" in line for line in found.proof), "no one line gives it away"


def test_one_more_cell_withheld_leaves_it_open():
    found = _oracle([*WITHHELD, "xd"])["t", "w", "b", "children"]
    assert (found.low, found.high, found.falls) == (0, 78, False)


@pytest.mark.parametrize("seed", range(20))
def test_bounds_are_those_of_trying_every_table(seed):
    """Every filling of a small table with whole numbers, against what the solver says."""
    dice = random.Random(seed)
    cells = {r: tuple(dice.choice((1, 2, 3, 7)) for _ in "abc") for r in "wxy"}
    hidden = dice.sample([r + c for r in "wxy" for c in "abc"], 5)
    found = _bounds(("t", CROSSED, ("row", "column", "children"), _crossed(cells, hidden, "abc")))
    rest = {r: sum(cells[r]["abc".index(h[1])] for h in hidden if h[0] == r) for r in "wxy"}
    rest |= {c: sum(cells[h[0]]["abc".index(c)] for h in hidden if h[1] == c) for c in "abc"}
    fillings = list(_fillings(hidden, rest))
    for place, cell in enumerate(hidden):
        low, high = min(f[place] for f in fillings), max(f[place] for f in fillings)
        bound = found["t", cell[0], cell[1], "children"]
        assert (bound.low, bound.high) == (low, high)
        assert bound.falls == (low > 1 or high < 6)


FUNNEL = _spec(
    {"team": "Team", "stage": "Stage"}, [], [("n", "Cases", "count", "", True), ("of", "Of", "count", "", True)]
)


def _funnel(*stages):
    """Three teams: (stage, cases by team, whole by team) each."""
    rows = [(team, stage, n[i], of[i]) for i, team in enumerate("abc") for stage, n, of in stages]
    return _bounds(("f", FUNNEL, ("team", "stage", "n", "of"), rows))


def test_what_one_step_bears_out_says_nothing_of_the_others():
    whole, hidden = ("25", "31", "46"), ("c", "c", "c")
    found = _funnel(("referred", whole, whole), ("decided", hidden, whole), ("started", hidden, whole))
    assert not [key for key, bound in found.items() if bound.falls], "of all referred, at every step"
    left = ("21", "27", "40")
    found = _funnel(("a", whole, whole), ("b", left, whole), ("c", hidden, left), ("d", hidden, ("17", "22", "33")))
    assert found["f", "a", "c", "n"].low == 17, "where several steps take up, all do"


def _fillings(hidden, rest, made=()):
    if len(made) == len(hidden):
        if not any(rest.values()):
            yield made
        return
    row, column = hidden[len(made)]
    for value in range(min(rest[row], rest[column]) + 1):
        yield from _fillings(hidden, rest | {row: rest[row] - value, column: rest[column] - value}, (*made, value))


def test_whole_numbers_can_say_more_than_a_range():
    """5a + 7b = 31 leaves a from 0 to 6, until a child is a whole child."""
    cells = (0, 0, "a"), (0, 0, "b")
    found = System(cells, [Relation(((cells[0], 5.0), (cells[1], 7.0)), 31, 31, "5a + 7b = 31")], frozenset())
    assert found.bound(cells[0]).words() == "it is exactly 2"
    assert found.bound(cells[0]).proof == ("no other whole numbers fit all of these", "5a + 7b = 31")


def test_a_relation_that_contradicts_the_others_is_left_out():
    cells = (0, 0, "a"), (0, 0, "b")
    sums = [Relation(((cells[0], 1.0), (cells[1], 1.0)), 40, 40, why) for why in ("one", "two", "three")]
    wrong = Relation(((cells[0], 1.0),), 90, 90, "wrong")
    assert not System(cells, [*sums, wrong], frozenset()).feasible
    found = _system([*sums, wrong], set(cells))[0]
    assert [relation.why for relation in found.found] == ["one"], "three that say the same are one"
    assert (found.bound(cells[0]).low, found.bound(cells[0]).high) == (0, 40)


def test_a_cell_of_which_nothing_is_left_to_say_is_passed_over():
    """Where the one guess that names a cell gives way to surer ones, nothing bounds that cell."""
    (table,) = [_tables(Grid("tables/t.csv", "t", ("row", "children"), (("one", "c"), ("two", "c"))), None)]
    one, two = (0, 0, "children"), (0, 1, "children")
    sure = [Relation(((one, 1.0),), 9.0, 9.0, f"sure {times}", ((0, 0, "other"),)) for times in range(3)]
    found = list(bounds([table], [*sure, Relation(((one, 1.0), (two, 1.0)), 3.0, 3.0, "guessed")]))
    assert [(bound.cell, bound.low, bound.high, bound.shown) for bound in found] == [(one, 9, 9, ((0, 0, "other"),))]


def test_a_share_gives_its_count_away():
    spec = _spec(
        {"year": "Year"}, [],
        [("children", "Children", "count", "of", True), ("of", "Of", "count", "", True),
         ("share", "Share", "percent", "", True)],
    )  # fmt: skip
    rows = [
        ("2015-16", "10", "176", "0.05681818182"),
        ("2016-17", "9", "170", "0.05294117647"),
        ("2017-18", "c", "160", "0.025"),
    ]
    found = _bounds(("t", spec, ("year", "children", "of", "share"), rows))["t", "2017-18", "children"]
    assert (found.low, found.high) == (4, 4) and "share 0.025 is children ÷ of" in found.proof[0]
    rows[2] = ("2017-18", "c", "160", "c")
    assert not any(b.falls for b in _bounds(("t", spec, ("year", "children", "of", "share"), rows)).values())


def test_one_cell_in_two_tables_and_a_year_of_quarters():
    """Hidden in one table and shown in another; a quarter from its year's total elsewhere."""
    ends = ("{}-06-30", "{}-09-30", "{}-12-31", "{}-03-31")
    dates = [end.format(year + (place == 3)) for year in range(2016, 2020) for place, end in enumerate(ends)]
    numbers = [17, 22, 31, 12, 9, 41, 28, 33, 14, 26, 19, 37, 3, 24, 16, 45]
    spec = _spec({"date": "Date"}, [], [("begun", "Begun", "count", "", True)])
    quarters = (
        "q",
        spec,
        ("date", "begun"),
        [(d, "c" if n < 6 else str(n)) for d, n in zip(dates, numbers, strict=True)],
    )
    years = [(f"{2016 + y}-{17 + y}", str(sum(numbers[4 * y : 4 * y + 4]))) for y in range(4)]
    yearly = ("y", _spec({"year": "Year"}, [], [("n", "Begun", "count", "", True)]), ("year", "n"), years)
    assert _bounds(quarters) == {}
    found = _bounds(quarters, yearly)["q", "2019-06-30", "begun"]
    assert (found.low, found.high) == (3, 3) and "summed to years" in found.proof[0]
    again = ("again", spec, ("date", "begun"), [(d, str(n + (n < 6))) for d, n in zip(dates, numbers, strict=True)])
    assert _bounds(quarters, again)["q", "2019-06-30", "begun"].words() == "it is exactly 4"
    elsewhere = ("other", spec, ("date", "begun"), [(d, str(n + 1)) for d, n in zip(dates, numbers, strict=True)])
    assert _bounds(quarters, elsewhere) == {}, "columns that differ where both are shown say nothing of each other"


def test_columns_of_a_row_that_add_up():
    spec = _spec(
        {"q": "Quarter"}, [], [(n, n, "count", "", True) for n in ("opening", "accepted", "closed", "closing")]
    )
    rows = [
        ("q1", 0, 17, 7, 10),
        ("q2", 10, 49, 12, 47),
        ("q3", 47, 51, 18, 80),
        ("q4", 80, 9, 30, 59),
        ("q5", 59, "c", 6, 57),
    ]
    found = _bounds(("t", spec, ("q", "opening", "accepted", "closed", "closing"), [tuple(map(str, r)) for r in rows]))
    assert found["t", "q5", "accepted"].words() == "it is exactly 4"


def test_what_only_seems_to_be_a_relation():
    """A part shown only where it is the whole; a column that is nought where it is shown; members of a nought."""
    values = [("part", "Part", "count", "whole", True), ("whole", "Whole", "count", "", True)]
    rows = [("a", "6", "6"), ("b", "8", "8"), ("c", "19", "19"), ("d", "31", "31"), ("e", "12", "c")]
    assert _bounds(("t", _spec({"x": "X"}, [], values), ("x", "part", "whole"), rows))["t", "e", "whole"].high > 99
    three = [(name, name, "count", "", True) for name in ("rows", "kept", "aside")]
    rows = [("a", "60", "60", "0"), ("b", "88", "88", "0"), ("c", "190", "190", "0"), ("d", "310", "c", "c")]
    assert _bounds(("t", _spec({"x": "X"}, [], three), ("x", "rows", "kept", "aside"), rows)) == {}
    line = [("i", "a", "c"), ("i", "b", "c"), ("i", "All", "0")]
    assert _bounds(("t", CROSSED | {"margins": ["column"]}, ("row", "column", "children"), line)) == {}


def test_two_columns_that_are_equal_today_say_nothing_of_another_day():
    spec = _spec({"who": "Who", "date": "Date"}, [], [(n, n, "count", "", True) for n in ("now", "then")])
    today = [("a", "2020-09-30", "16", "16"), ("b", "2020-09-30", "23", "23"), ("d", "2020-09-30", "11", "11")]
    heads = ("who", "date", "now", "then")
    assert not any(b.falls for b in _bounds(("t", spec, heads, [*today, ("a", "2020-08-31", "c", "6")])).values())
    again = [*today, ("a", "2020-07-31", "16", "16"), ("a", "2020-08-31", "c", "6")]
    assert _bounds(("t", spec, heads, again))["t", "a", "2020-08-31", "now"].words() == "it is exactly 6"


QUARTERS = [Quarter(year, number) for year in (2018, 2019) for number in (1, 2, 3, 4)]
BEGUN, FOSTERED = (17, 9, 13, 8, 11, 5, 19, 12), (13, 18, 15, 12, 17, 7, 4, 6)


def _over_time(both):
    """What falls of two series named by days and their sum named by quarters, where no table speaks of another."""
    days = [quarter.end.isoformat() for quarter in QUARTERS]
    series = {"a": (days, BEGUN), "b": (days, FOSTERED), "z": (map(str, QUARTERS), both)}
    spec = _spec({"period": "Period"}, [], [("n", "Children", "count", "", True)])
    rows = {id: [(at, "c" if n < 6 else str(n)) for at, n in zip(*one, strict=True)] for id, one in series.items()}
    found = _bounds(*((id, spec, ("period", "n"), these) for id, these in rows.items()))
    return {key[:2]: (bound.low, bound.high) for key, bound in found.items() if bound.falls}


def test_two_series_and_their_sum_give_away_what_is_withheld_in_one():
    both = [one + other for one, other in zip(BEGUN, FOSTERED, strict=True)]
    assert _over_time(both) == {("a", "2019-09-30"): (5, 5), ("b", "2019-12-31"): (4, 4)}
    assert _over_time([*both[:2], both[2] + 1, *both[3:]]) == {}, "they are not added up: one quarter says so"


def test_a_part_hidden_for_its_complement_is_judged_by_it():
    values = [("a", "A", "count", "of", True), ("b", "B", "count", "a", True), ("of", "Of", "count", "", True)]
    spec = _spec({"who": "Who"}, [], values)
    safe = _bounds(("t", spec, ("who", "a", "b", "of"), [("i", "c", "9", "21")]))["t", "i", "a"]
    assert (safe.low, safe.high, safe.falls) == (9, 21, False)
    near = _bounds(("t", spec, ("who", "a", "b", "of"), [("i", "c", "18", "21")]))["t", "i", "a"]
    assert near.falls and near.words() == "at most 3 of the 21 are not in it"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3 children moved.", 1), ("Of these, two staff are also care leavers.", 1), ("One child left.", 1),
        ("2 have become LAC", 1), ("two of the twelve closed cases were looked after", 1), ("4 of 48 children left", 1),
        ("A count of 1 to 5 children is withheld.", 0), ("three or more placements in the year", 0),
        ("One in five children", 0), ("5 of 9 published statements have no comparison", 0), ("13 children", 0),
        ("2.3 children a year", 0), ("Appendix 4 children", 0), ("C045 says that 2 staff are care leavers", 0),
        ("revision 1 Children in North", 0), ("the 5 years of placements", 0), ("fewer than 6 children", 0),
    ],
)  # fmt: skip
def test_sentences_that_count_few(text, found):
    assert len(list(in_text([Text("page", "sentence", text)]))) == found


def test_alternatives_and_labels_of_charts():
    bar = "Bar chart. Where they went, Children. Home {}; Elsewhere 7. The point: 12 went."
    assert not list(in_text([Text("p", "alt", bar.format(9))]))
    assert [what for _, what in in_text([Text("p", "alt", bar.format(3))])] == [
        "in a text alternative: “Bar chart. Where they went, Children. Home 3”"
    ]
    assert not list(in_text([Text("p", "alt", "Bar chart. Designs, Published statements. A trial 1. The point: x.")]))
    svg = '<svg><g id="xtick_1"><text>2</text></g><g id="t"><text>{}</text></g><desc>x</desc></svg>'
    found = Published()
    from bond_eval.audit.read import READERS

    READERS[".svg"](found, "a.svg", svg.format(12).encode())
    assert not list(in_text(found.texts))
    READERS[".svg"](found, "a.svg", svg.format(4).encode())
    assert [what for _, what in in_text(found.texts)] == ["as a label in a chart: “4”"]


def test_small_counts_complements_steps_and_figures_beside():
    values = [
        ("children", "Children so far", "count", "of", True), ("of", "Of", "count", "", True),
        ("published", "Published", "number", "", True), ("months", "Months", "count", "", False),
    ]  # fmt: skip
    spec = _spec({"who": "Who"}, [], values)
    rows = [
        ("a", "20", "40", "x", "3"),
        ("b", "23", "40", "x", "3"),
        ("c", "37", "40", "37", "2"),
        ("d", "c", "40", "3", "1"),
    ]
    grid = Grid("tables/t.csv", "t", ("who", "children", "of", "published", "months"), tuple(rows))
    told = [what for _, what in in_tables(tables_of(Published(grids=[grid], schema={"t": spec})))]
    assert told == [
        "37 of 40 leaves 3",
        "from 20 to 23 under “Children so far” is a step of 3",
        "“Published” shown beside a withheld children",
    ]


def test_rows_of_hospital_data_are_asked_for_eight_and_read_to_the_nearest_five():
    values = [("n", "Events", "count", "of", True), ("of", "Children", "count", "", True)]
    spec = _spec({"event": "Event", "team": "Team"}, ["team"], values)
    spec["values"][0]["event"] = "event"
    lines = [("A&E attendance", 8), ("Missing", 6)]

    def made(n, of, *more):
        rows = [(kind, "a", n, of) for kind, _ in lines] + [(kind, *row) for kind, _ in lines for row in more]
        return "t", spec, ("event", "team", "n", "of"), rows

    def shown(n, of):
        id, _, heads, rows = made(n, of)
        grid = Grid("tables/t.csv", id, heads, tuple(rows))
        return [what for _, what in in_tables(tables_of(Published(grids=[grid], schema={id: spec})))]

    assert shown("7", "40") == ["7 shown under “Events”"] and shown("10", "40") == []
    assert shown("34", "40") == [] and shown("35", "40") == ["35 of 40 leaves 5"] * 2
    assert shown("38", "40") == ["38 of 40 leaves 2"], "to the nearest five it may be none"
    found = _bounds(made("c", "7"))
    assert [found["t", kind.lower(), "a", "n"].falls for kind, _ in lines] == [True, False]
    found = _bounds(made("c", "40", ("b", "10", "50"), ("All", "15", "90")))
    ends = [(bound.low, bound.high, bound.falls) for bound in found.values()]
    assert ends == [(0, 10, False), (5, 5, True)]


@pytest.mark.parametrize(("text", "value"), [("1,234", 1234), ("(606)", -606), ("−5", -5), ("8%", 0.08), ("c", None)])
def test_numbers_as_they_are_written(text, value):
    assert (number(text).value if number(text) else None) == value


def _interval(part, whole):
    """Part, whole, share and Wilson's ends as a CSV has them."""
    from bond_eval.methods.proportions import share_of

    return [f"{number:.10g}" for number in share_of(part, whole)]


@pytest.mark.parametrize(
    ("part", "whole", "hide", "fell"),
    [
        (0, 3, {"of"}, {"of": 3}),  # none of a few
        (4, 4, {"of", "children"}, {"children": 4, "of": 4}),  # all of a few
        (2, 7, {"children"}, {"children": 2}),
        (0, 3, {"of", "share"}, {}),
        (0, 3, {"of", "lower"}, {}),
    ],
)
def test_the_ends_of_an_interval_give_away_what_it_is_of(part, whole, hide, fell):
    columns = ("children", "of", "share", "lower", "upper")
    values = [("children", "Children", "count", "of", True), ("of", "Of", "count", "", True)]
    spec = _spec({"year": "Year"}, [], [*values, *((name, name, "percent", "", False) for name in columns[2:])])
    cells = dict(zip(columns, _interval(part, whole), strict=True)) | dict.fromkeys(hide, "c")
    grid = Grid("tables/t.csv", "t", ("year", *columns), (("a", *_interval(9, 31)), ("b", *cells.values())))
    found = {one.terms[0][0][2]: one.low for one in sizes([_tables(grid, spec)])}
    assert found == fell


def test_periods_that_went_on_when_a_release_was_made():
    """A year, quarter or month that had not ended; a day, a name and a file of the same release are none."""
    went_on = [goes_on(text, "2019-20-Q3") for text in ("2019-20", "2019-20-q4", "january 2020", "2020-02-29")]
    assert went_on == [True] * 4
    over = ("2018-19", "2019-20-q3", "december 2019", "2019-12-31", "ifa", "all")
    assert not any(goes_on(text, "2019-20-Q3") for text in over)
    assert all(map(dated, ("2019-20", "2019-20-q4", "january 2020", "2020-02-29"))) and not dated("ifa")
    followed = [goes_on(text, "2019-20-Q3", 12) for text in ("2018-19", "2018-19-q4", "2018-19-q3", "2017-18")]
    assert followed == [True, True, False, False], "twelve months after it are over too, or are not"
    assert not goes_on("2019-20", "2019-20-Q4") and not goes_on("2019-20", "tables/series.csv")


@pytest.mark.parametrize(
    ("span", "period", "before", "out", "one"),
    [
        ("all", "2019-20-Q4", "2019-20-Q4", "9", True),
        ("all", "2020-21-Q1", "2019-20-Q4", "9", False),  # the latest of each is of another quarter
        ("all", "2019-20-Q4", "2019-20-Q4", "8", False),  # a part was revised
        ("12 months", "2018-19", "2018-19", "9", True),
        ("12 months", "2019-20", "2019-20", "9", False),  # who left in it was still followed
    ],
)
def test_sums_of_two_releases_are_one_count_of_the_same_periods_and_parts(span, period, before, out, one):
    values = [("n", "Children", "count", "", True), ("period", "Period", "text", "", False)]
    labels = {"within": "Within", "measure": "Measure", "year": "Year"}
    year = period if span != "all" else "all"

    def release(period, out):
        rows = ((span, "in", year, "c", period), (span, "out", year, out, period))
        return _tables(Grid("tables/t.csv", "t", (*labels, "n", "period"), rows), _spec(labels, [], values))

    tables = [release(period, "9"), named(release(before, out), "2019-20-Q4")]
    assert alike([[(at, 0, "n"), (at, 1, "n")] for at in (0, 1)], tables) is one


def test_financial_years_of_labels():
    assert [year_of(t) for t in ("2020-03-31", "april 2020", "2019-20-q4", "2019-20")] == [
        "2019-20",
        "2020-21",
        "2019-20",
        None,
    ]


# A release made by hand: one crossed table, protected, on a page, in a CSV, a notebook, a workbook and JSON.
CAPTION = "Children by row and column"
CELLS = {"north": (7, 3, 41), "south": (12, 18, 9), "east": (4, 8, 16)}
HIDDEN = ["north" + "b", "north" + "a", "east" + "a", "east" + "b"]
ALT = f"Bar chart. {CAPTION}, Children. north: c 41; south: a 12, b 18. The point: 39 in the south."


@pytest.fixture
def release(tmp_path):
    folder = tmp_path / "2020-21-Q2"
    for part in ("tables", "pages", "notebooks"):
        (folder / part).mkdir(parents=True)
    rows = _crossed(CELLS, HIDDEN, "abc")
    spec = CROSSED | {"title": CAPTION}
    (folder / "tables" / "schema.json").write_text(json.dumps({"tables": {"places": spec}}))
    _write(folder / "tables" / "places.csv", [("row", "column", "children"), *rows])
    table = _html(rows)
    code = "<pre><code>3 children</code></pre>"
    page = f"<title>t</title><p>39 children were in the south.</p><img alt='{ALT}' src='x.png'/>{table}{code}"
    (folder / "pages" / "01.html").write_text(page)
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": table, "text/plain": "39 18 12"}}
    figure = {"output_type": "display_data", "metadata": {"image/png": {"alt": ALT}}, "data": {"image/png": "iVBO"}}
    cells = [{"cell_type": "code", "source": "x = 3", "metadata": {}, "outputs": [output, figure]}]
    (folder / "notebooks" / "01.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    finding = {"id": "a.b", "statement": "39 children were in the south.", "unit": "children", "value": 39, "n": 118}
    (folder / "findings.json").write_text(json.dumps({"findings": [finding]}))
    book = openpyxl.Workbook()
    for line in [("Children",), ("row", "column", "children"), *rows]:
        book.active.append(line)
    book.save(folder / "tables.xlsx")
    return folder


def _write(path, rows):
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def _html(rows):
    body = "".join(f"<tr><th>{r}</th><td>{c}</td><td>{n}</td></tr>" for r, c, n in rows)
    head = "<tr><th>Row</th><th>Column</th><th>Children</th></tr>"
    return f"<table><caption>{CAPTION}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _kinds(folder, **given):
    return {fall.kind for fall in audit(folder, **given).falls}


def test_a_clean_release_passes(release):
    report = audit(release)
    assert report.falls == () and report.lines()[-1] == "Nothing was found."
    assert report.read[".xlsx files"] == 1 and report.read["withheld cells"] >= 4 and report.read["relations"] > 0


def test_a_clean_release_passes_without_its_schema_too(release):
    (release / "tables" / "schema.json").unlink()
    assert audit(release).falls == ()


@pytest.mark.parametrize("cell", [("north", "a", "7"), ("east", "b", "8")])
@pytest.mark.parametrize("everywhere", [True, False])
def test_any_secondary_cell_shown_gives_the_others_away(release, cell, everywhere):
    rows = [(r, c, cell[2] if (r, c) == cell[:2] else n) for r, c, n in _crossed(CELLS, HIDDEN, "abc")]
    _write(release / "tables" / "places.csv", [("row", "column", "children"), *rows])
    if everywhere:
        (release / "tables.xlsx").unlink()
        (release / "pages" / "01.html").write_text(_html(rows))
        (release / "notebooks" / "01.ipynb").unlink()
    falls = [fall for fall in audit(release).falls if fall.kind == "recovered"]
    assert any(fall.what == "it is exactly 3" and fall.proof for fall in falls)


def test_a_withheld_count_in_one_page_only(release):
    _replace(release / "pages" / "01.html", "<th>north</th><td>a</td><td>c</td>", "<th>north</th><td>a</td><td>7</td>")
    assert any("shown in the other" in fall.what for fall in audit(release).falls)


@pytest.mark.parametrize("leak", ["north: b 3", "north: a 7"])
def test_a_withheld_count_in_one_text_alternative(release, leak):
    _replace(release / "pages" / "01.html", "north: c 41", leak)
    assert _kinds(release) & {"small", "recovered"}


def test_an_id_in_the_metadata_of_a_notebook(release, tmp_path):
    returns = tmp_path / "return"
    returns.mkdir()
    header = [("CHILD", "DOB", "UPN", "HOME_POST"), ("734512", "14/06/2009", "A123456789012", "ZZ13 5FW")]
    _write(returns / "header.csv", header)
    _replace(release / "notebooks" / "01.ipynb", '"metadata": {}}', '"metadata": {"of": "734512"}}')
    assert _kinds(release) == set()
    falls = audit(release, against=returns).falls
    assert [fall.kind for fall in falls] == ["names"] and "notebooks/01.ipynb" in falls[0].places[0]
    assert "734512" not in " ".join(audit(release, against=returns).lines()), "what is found is not repeated"
    assert len(read_confidential(returns).ids) == 2 and len(read_confidential(returns).births) == 1


def test_a_return_in_xml_is_searched_for_too(release, tmp_path):
    path = tmp_path / "return.xml"
    path.write_text("<CHILD>734512</CHILD><DOB>2009-06-14</DOB><HOME_POST>ZZ13 5FW</HOME_POST>")
    _replace(release / "findings.json", "39 children were", "Of 14 June 2009, 39 children were")
    assert [fall.what for fall in audit(release, against=path).falls] == ["a date of birth of the return (1 different)"]
    with pytest.raises(InputError, match="No child's id"):
        read_confidential(release)


@pytest.mark.parametrize("kind", ["zip", "semicolons", "workbook", "beside a file"])
def test_what_a_run_reads_is_searched_for_whatever_it_comes_in(release, tmp_path, kind):
    rows = [("Child ID", "DOB"), ("734512", "14-06-2009"), ("734513", "15.06.2009")]
    data, path = tmp_path / "return", tmp_path / "return" / "header.csv"
    data.mkdir()
    _write(path, rows if kind != "semicolons" else [(";".join(row),) for row in rows])
    if kind == "zip":
        with zipfile.ZipFile(data / "return.zip", "w") as archive:
            archive.write(path, "2020/header.csv")
        path.unlink()
    elif kind == "workbook":
        book = openpyxl.Workbook()
        for row in [(), *rows]:
            book.active.append(row)
        (data / "register").mkdir()
        book.save(data / "register" / "register.xlsx")
        path.unlink()
    elif kind == "beside a file":
        (data / "register").mkdir()
        path.rename(data / "register" / "people.csv")
        data = data / "header.csv"
        _write(data, [("CHILD", "DOB"), ("734999", "16/06/2009")])
    _replace(release / "findings.json", "39 children were", "Of 14 June 2009, 39 children (734513) were")
    told = sorted(fall.what for fall in audit(release, against=data).falls)
    assert told == ["a child's id of the return (1 different)", "a date of birth of the return (1 different)"]


def test_a_run_says_what_its_columns_are():
    spec = schema({"placements_at_date": "date,category,children\n", "not registered": "n\n"})["placements_at_date"]
    assert set(spec) == {"title", "notebook", "row", "labels", "values", "margins"}
    table = _tables(Grid("tables/t.csv", "t", ("date", "category", "children"), (("2020-03-31", "IFA", "c"),)), spec)
    assert [(column.name, column.guarded) for column in table.columns] == [("children", True)]


def _tables(grid, spec):
    return tables_of(Published(grids=[grid], schema={"t": spec} if spec else {}))[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("/" + "home/eve/data.csv", "path"), ("C:\\\\Users\\\\eve", "path"), ("M5 4WT", "postcode"),
        ("14/06/2009", "date of birth"), ("born on 2009-06-14", "date of birth"), ("A123456789012", "pupil number"),
        ("OFFICIAL-SENSITIVE", "mark"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("file", ["findings.json", "pages/01.html"])
def test_what_names_a_child_or_a_machine(release, file, words, told):
    _replace(release / file, "39 children were", f"{words} 39 children were")
    falls = [fall for fall in audit(release).falls if fall.kind == "names"]
    assert (
        len(falls) == 1
        and told in falls[0].what
        and words not in falls[0].what.replace("OFFICIAL-SENSITIVE", words * 0)
    )


def test_a_date_of_birth_in_a_workbook(release, tmp_path):
    import datetime as dt

    book = openpyxl.load_workbook(release / "tables.xlsx")
    book.create_sheet("Notes").append(["Child", dt.datetime(2009, 6, 14)])
    book.save(release / "tables.xlsx")
    _write(tmp_path / "header.csv", [("CHILD", "DOB"), ("734512", "14/06/2009")])
    assert _kinds(release, against=tmp_path / "header.csv") == {"names"}
    book["Notes"].append(["14/06/2009"])
    book.save(release / "tables.xlsx")
    assert _kinds(release) == {"names"}


@pytest.mark.parametrize(("home", "told"), [("home/jsmith", 1), ("home", 0), ("srv/Data", 0)])
def test_the_name_of_who_ran_it_and_a_home_folder_that_names_nobody(monkeypatch, home, told):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(Path("/") / home))
    monkeypatch.setenv("LOGNAME", "user")
    pages = Published(raw=[("a.html", "A children's home; data of jsmith.")])
    assert [what.partition(" (")[0] for _, what in leaks(pages, None)] == ["the name of the person who ran it"] * told


def test_a_small_count_in_a_sentence_in_json_and_in_a_finding(release):
    _replace(release / "findings.json", '"statement": "39', '"statement": "3')
    assert _kinds(release) == {"small"}
    _replace(release / "findings.json", '"statement": "3', '"statement": "39')
    _replace(release / "findings.json", '"n": 118', '"n": 4')
    assert [fall.what for fall in audit(release).falls] == ["n is 4 children"]


def test_a_finding_shown_by_a_notebook_and_text_beside_a_table(release):
    path = release / "notebooks" / "01.ipynb"
    book = json.loads(path.read_text())
    book["cells"][0]["outputs"][0]["data"]["text/plain"] = "39 18 12 3"
    path.write_text(json.dumps(book))
    assert _kinds(release) == {"beside"}
    data = {FINDING_MIME: {"id": "a.b", "unit": "staff", "value": 2}}
    book["cells"][0]["outputs"][0]["data"] = data
    path.write_text(json.dumps(book))
    assert _kinds(release) == {"small"}


def _pdf(path, words):
    """A page with one line of text, as short as the format allows."""
    drawn = f"BT /F1 12 Tf 20 700 Td ({words}) Tj ET".encode()
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]  # fmt: skip
    body, places = b"%PDF-1.4\n", []
    for at, part in enumerate(parts, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (at, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    path.write_bytes(body + end % (table, len(body)))


def _svg(drawn, unit):
    return f'<svg aria-label="Bar chart. Where, {unit}. Home c; Elsewhere 12. The point: x."><text>{drawn}</text></svg>'


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("search.js", 'const INDEX = [{"page": "01", "text": "%s \\u2014 of all"}];'),
        ("search.json", '[{"page": "01", "text": "%s"}]'),
        ("README.md", "# Release\n\n%s.\n"),
        ("ro-crate-metadata.json", '{"@graph": [{"description": "%s"}]}'),
        ("tables/datapackage.json", '{"resources": [{"title": "%s"}]}'),
        ("pages/02.html", "<p>%s.</p>"),
        ("pages/03.html", "<details><summary>%s</summary></details>"),
    ],
)  # fmt: skip
def test_a_small_count_in_a_file_beside_the_release(release, file, content):
    (release / file).write_text(content % "39 children moved")
    assert _kinds(release) == set()
    (release / file).write_text(content % "3 children moved")
    assert _kinds(release) == {"small"}


def test_a_small_count_on_a_page_of_print_unless_it_is_a_quotation(release):
    _pdf(release / "release.pdf", "39 children moved.")
    assert _kinds(release) == set()
    _pdf(release / "release.pdf", "C047 is quoted. So were 12 others. 3 children moved.")
    falls = audit(release).falls
    assert [fall.places for fall in falls] == [("release.pdf page 1",)] and "3 children moved" in falls[0].what
    _replace(release / "pages" / "01.html", "<p>39", "<p>C047: others. 3 children moved.</p><p>39")
    assert _kinds(release) == set()
    _replace(release / "pages" / "01.html", "<p>39", "<p>So others. 3 children moved.</p><p>39")
    assert _kinds(release) == {"small"}, "on a page a quotation has its claim id"


def test_a_label_in_a_chart_of_children_and_in_one_of_statements(release):
    (release / "f.svg").write_text(_svg(12, "Children"))
    assert _kinds(release) == set()
    (release / "f.svg").write_text(_svg(4, "Children"))
    assert _kinds(release) == {"small"}
    (release / "f.svg").write_text(_svg(4, "Published designs"))
    assert _kinds(release) == set()
    (release / "f.svg").write_text("<svg><text>4</text></svg>")
    assert _kinds(release) == {"small"}, "where nothing says what it counts"


def test_a_workbook_that_shows_what_the_page_withholds(release):
    book = openpyxl.load_workbook(release / "tables.xlsx")
    cell = next(row[2] for row in book.active.iter_rows() if [row[0].value, row[1].value] == ["north", "a"])
    assert cell.value == "c"
    cell.value = 7
    book.save(release / "tables.xlsx")
    assert any(fall.what == "it is exactly 7" for fall in audit(release).falls)


def test_a_bar_chart_of_no_people_whatever_its_labels_say(release):
    alt = "Bar chart. What is asked, Notebooks. Track looked-after children: weekly 3; Price moves 2. The point: x."
    assert not list(in_text([Text("p", "alt", alt)]))
    assert len(list(in_text([Text("p", "alt", alt.replace("Notebooks", "Children"))]))) == 2


def test_what_follows_a_withheld_count_and_what_the_plan_withholds(release):
    schema = json.loads((release / "tables" / "schema.json").read_text())
    spec = _spec({"who": "Who"}, [], [("n", "Children", "count", "", True), ("rate", "Rate", "rate", "", False)], "T")
    spec["values"][1]["follows"] = ["n"]
    schema["tables"]["t"] = spec
    (release / "tables" / "schema.json").write_text(json.dumps(schema))
    _write(release / "tables" / "t.csv", [("who", "n", "rate"), ("i", "c", "c"), ("j", "0", "0"), ("k", "40", "1.3")])
    assert _kinds(release) == set()
    _write(release / "tables" / "t.csv", [("who", "n", "rate"), ("i", "c", "0.7"), ("j", "0", "0"), ("k", "40", "1.3")])
    assert [fall.what for fall in audit(release).falls] == ["shown, and worked out from a withheld n"]
    _write(release / "tables" / "t.csv", [("who", "n", "rate"), ("k", "40", "1.3")])
    (release / "disclosure_plan.json").write_text(json.dumps({"hidden": {"t": {"n": [["k"]]}}}))
    assert [fall.what for fall in audit(release).falls] == ["shown, and withheld in the release's own plan"]


def test_quotations_answer_for_themselves_by_claim_id(release):
    values = [
        ("computed", "Computed", "count", "", True),
        ("published", "Staff, as published", "number", "", True),
        ("claim", "Claim", "text", "", False),
    ]
    spec = _spec({"line": "Line"}, [], values, "Lines")
    schema = json.loads((release / "tables" / "schema.json").read_text())
    schema["tables"]["lines"] = spec
    (release / "tables" / "schema.json").write_text(json.dumps(schema))
    _write(
        release / "tables" / "lines.csv",
        [("line", "computed", "published", "claim"), ("Care leavers", "x", "2", "C131")],
    )
    assert _kinds(release) == set()
    _write(
        release / "tables" / "lines.csv", [("line", "computed", "published", "claim"), ("Care leavers", "x", "2", "")]
    )
    assert _kinds(release) == {"small"}
    _write(
        release / "tables" / "lines.csv",
        [("line", "computed", "published", "claim"), ("Care leavers", "2", "x", "C131")],
    )
    assert _kinds(release) == {"small"}


def test_a_file_that_nobody_can_read_is_a_finding(release):
    (release / "model.pkl").write_bytes(b"\x80")
    (release / "pages" / "02.pdf").write_bytes(b"no pdf")
    falls = audit(release).falls
    assert falls[0].kind == "unread" and set(falls[0].places) == {"model.pkl", "pages/02.pdf"}
    with pytest.raises(InputError, match="no published file"):
        read_folder(release / "nowhere")


def test_the_release_before_gives_a_cell_away(release):
    """Withheld now and shown last quarter; and a count since a fixed day that grew by a few."""
    earlier = release.parent / "2020-21-Q1"
    shutil.copytree(release, earlier)
    assert _kinds(release, previous=earlier) == set()
    rows = _crossed(CELLS, [cell for cell in HIDDEN if cell != "northa"], "abc")
    _write(earlier / "tables" / "places.csv", [("row", "column", "children"), *rows])
    assert any(f.what == "it is exactly 3" for f in audit(release, previous=earlier).falls), "what was shown gives it"
    for folder, grown in ((release, 3), (earlier, 0)):
        _write(folder / "tables" / "left.csv", [("who", "children"), ("i", 40 + grown), ("j", 60)])
        schema = json.loads((folder / "tables" / "schema.json").read_text())
        schema["tables"]["left"] = _spec(
            {"who": "Who"}, [], [("children", "Children so far", "count", "", True)], "Left"
        )
        (folder / "tables" / "schema.json").write_text(json.dumps(schema))
    falls = audit(release, previous=earlier).falls
    assert [f.what for f in falls if f.kind == "beside"] == ["3 more than in the release before, since a fixed day"]


def test_parts_of_a_table_that_share_their_totals_are_not_one_part_in_two_releases(release):
    """Ethnicity and disability have the same totals each year; "Not recorded" of the one says nothing of the other."""
    years = [str(year) for year in range(2011, 2017)]

    def write(folder, hidden):
        rows = [(of, "All", year, 100 + 7 * at) for of in ("ethnicity", "disability") for at, year in enumerate(years)]
        rows += [(of, "Not recorded", year, "c" if (of, year) in hidden else 9) for of in ("ethnicity", "disability")
                 for year in years]  # fmt: skip
        _write(folder / "tables" / "stages.csv", [("of", "group", "year", "children"), *rows])
        schema = json.loads((folder / "tables" / "schema.json").read_text())
        labels = {"of": "Characteristic", "group": "Group", "year": "Year"}
        schema["tables"]["stages"] = _spec(labels, [], [("children", "Children", "count", "", True)], "Stages")
        (folder / "tables" / "schema.json").write_text(json.dumps(schema))

    write(release, {("ethnicity", "2014")})
    earlier = release.parent / "2020-21-Q1"
    shutil.copytree(release, earlier)
    assert _kinds(release, previous=earlier) == set()
    write(earlier, set())
    assert _kinds(release, previous=earlier) == set(), "nor does it tell more than the release before did"


def test_sums_of_two_releases_are_of_the_same_rows_and_of_no_period_that_went_on(release):
    """A measure that was not there a quarter ago, and a year that was not over, say nothing of what was withheld."""
    years = [f"20{year}-{year + 1}" for year in range(15, 21)]

    def write(folder, measures, few, hidden, more=0):
        counts = {(name, year): 20 + 3 * at + 7 * here + more * (year == "2020-21")
                  for here, name in enumerate(measures) for at, year in enumerate(years)}  # fmt: skip
        counts |= {("out", few): 3 + more} if "out" in measures else {}
        rows = [(*key, "c" if key in hidden else count) for key, count in counts.items()]
        _write(folder / "tables" / "series.csv", [("measure", "year", "children"), *rows])
        schema = json.loads((folder / "tables" / "schema.json").read_text())
        labels = {"measure": "Measure", "year": "Year"}
        schema["tables"]["series"] = _spec(labels, [], [("children", "Children", "count", "", True)], "Series")
        (folder / "tables" / "schema.json").write_text(json.dumps(schema))

    earlier = release.parent / "2020-21-Q1"
    shutil.copytree(release, earlier)
    for year, now, more, falls in (
        ("2018-19", ("in", "out"), 0, True),  # the same sum as before, and it was shown
        ("2018-19", ("in", "other"), 0, False),
        ("2020-21", ("in", "out"), 0, False),
        ("2020-21", ("in", "out"), 9, False),
    ):
        write(earlier, ("in", "out"), year, {("out", year)})
        write(release, now, year, set(), more)
        assert bool(_kinds(release, previous=earlier) & {"recovered"}) is falls, (year, now)


IN_ORDER = """
import sys
import zipfile
from pathlib import Path
from bond_eval.audit.links import relations
from bond_eval.audit.read import read_folder
from bond_eval.audit.tables import named, tables_of
tables = tables_of(read_folder(Path(sys.argv[1])))
for one in relations([*tables, *(named(table, "before") for table in tables)]):
    print(one)
"""


def test_what_is_linked_comes_in_the_same_order_in_every_process(tmp_path):
    """What is withheld rests on the order: a run on another machine would publish other cells."""
    (tmp_path / "tables").mkdir()
    for name in ("schema.json", "age_by_category.csv", "assurance_view.csv", "programme_outcomes.csv"):
        shutil.copy(ROOT / "outputs" / "reference" / "tables" / name, tmp_path / "tables" / name)
    seeds = ({**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2"))
    command = [sys.executable, "-c", IN_ORDER, str(tmp_path)]
    said = [subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=ROOT) for env in seeds]
    assert said[0].stdout == said[1].stdout and said[0].stdout.count("before: tables/") > 40


def _command(*words):
    return subprocess.run([sys.executable, "-m", "bond_eval.cli", *words], capture_output=True, text=True, cwd=ROOT)


def test_the_command_says_what_it_read_and_what_fell(release):
    clean = _command("audit", str(release))
    assert clean.returncode == 0 and clean.stdout.startswith("Read: ") and "Nothing was found." in clean.stdout
    _write(release / "tables" / "places.csv", [("row", "column", "children"), *_crossed(CELLS, ["northb"], "abc")])
    fell = _command("audit", str(release))
    assert fell.returncode == 3 and "tables/places.csv: children of row north, column b" in fell.stdout
    assert "it is exactly 3" in fell.stdout and " = " in fell.stdout, "with its proof"
    nothing = _command("audit", str(release / "nowhere"))
    assert nothing.returncode == 2 and "no published file" in nothing.stderr and "Traceback" not in nothing.stderr

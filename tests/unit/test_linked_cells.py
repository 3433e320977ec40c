"""How tables become linked cells: every relation of a few small tables, by hand. All numbers are made up."""

import datetime as dt

import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.evidence import disclosure
from bond_eval.evidence.disclosure import Plan, crowded, earlier, lines, make_plan, model_of, rounded
from bond_eval.evidence.disclosure_lp import Secured
from bond_eval.evidence.registry import ALL, Table, Value

FACTS = {"as_of": "2020-09-30", "baseline": "2019-03-31"}
N, OF = Value("n", "Children", of="of"), Value("of", "Of")
PLAIN = Value("n", "Children")


def made(id, rows, *values, labels=("row",), margins=(), source="SSDA903"):
    """Built as a release has it: id -> (table, frame); `rows` hold the labels, then the values."""
    spec = Table(id, "n", "A title", "a row", {name: name.title() for name in labels}, values or (PLAIN,), margins,
                 source, "count", lambda view: None)  # fmt: skip
    return {id: (spec, pd.DataFrame(rows, columns=[*labels, *(value.name for value in spec.values)]))}


@pytest.fixture
def link(monkeypatch, tmp_path):
    """Write what linked_cells.csv says of these tables, instead of the project's own."""
    read = disclosure.read_reference

    def write(text):
        (tmp_path / "linked_cells.csv").write_text("table,value,where,concept,part_of\n" + text, encoding="utf-8")
        disclosure._links.cache_clear()

    def found(name):
        return (
            pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False) if name == "linked_cells.csv" else read(name)
        )

    monkeypatch.setattr(disclosure, "read_reference", found)
    yield write
    disclosure._links.cache_clear()


def place(name):
    """A cell's place in short: table/labels, and the column where it is not n."""
    table, row, column = name
    return "/".join((table, *row)) + ("" if column == "n" else f".{column}")


def said(model):
    """Each relation as "+a +b -c", a cell by its first place, a remainder by "rest" and its value."""

    def word(cell):
        return place(min(model.names[cell])) if model.names[cell] else f"rest {model.values[cell]:g}"

    def weight(number):
        return {1.0: "+", -1.0: "-"}.get(number, f"{number:+g} ")

    return sorted(
        " ".join(sorted(f"{weight(number)}{word(cell)}" for cell, number in one.items())) for one in model.relations
    )


def places(model, cells):
    """The places of some cells, all of them."""
    return sorted(place(name) for cell in cells for name in model.names[cell])


CROSS = [("a", "x", 30), ("a", "y", 9), ("a", ALL, 39), ("b", "x", 0), ("b", "y", 12), ("b", ALL, 12),
         (ALL, "x", 30), (ALL, "y", 21), (ALL, ALL, 51)]  # fmt: skip


def test_lines_parts_and_concepts_become_relations_of_cells(link):
    link("cross,n,column=All,row {row},\nparts,of,,row {row},\nparts,n,,part {row},\n"
         "again,n,kind=part; row=a,part {row},part total\nagain,n,kind=part,part {row},part total\n"
         "again,n,kind=sum,part total,\nagain,n,,never reached {row},\n")  # fmt: skip
    built = made("cross", CROSS, labels=("row", "column"), margins=("row", "column"))
    built |= made("parts", [("a", 20, 39), ("b", 12, 13)], N, OF)
    built |= made("again", [("a", "part", 20), ("b", "part", 12), ("", "sum", 32)], labels=("row", "kind"))
    model = model_of(built, FACTS)
    assert said(model) == sorted([
        "+cross/a/x +cross/b/x -cross/All/x", "+cross/a/y +cross/b/y -cross/All/y",
        "+cross/a/All +cross/b/All -cross/All/All", "+cross/a/x +cross/a/y -cross/a/All",
        "+cross/b/x +cross/b/y -cross/b/All", "+cross/All/x +cross/All/y -cross/All/All",
        "+again/a/part +rest 19 -cross/a/All", "+again/b/part +rest 1 -parts/b.of",
        "+again/a/part +again/b/part -again//sum",
    ])  # fmt: skip
    assert places(model, [model.cells["parts", ("a",), "of"]]) == ["cross/a/All", "parts/a.of"]
    # 12 and 13 are no one count: tables that disagree are not linked. Of 13, the 12 leave one.
    assert model.split() == ["row b"] and model.cells["parts", ("b",), "of"] != model.cells["cross", ("b", ALL), "n"]
    assert places(model, model.primary) == ["again/b/part", "parts/b"]
    system = model.system()
    assert sorted(system.values[list(system.unshown)]) == [1, 19] and not system.known and not system.follows
    at = [model.cells["cross", ("a", ALL), "n"], model.cells["cross", ("b", "x"), "n"], *sorted(system.unshown)]
    assert system.prices[at].tolist() == [80, 1, 20, 2] and set(system.minimum) == {6}
    assert system.values[at].tolist() == [39, 0, 19, 1] and len(system.prices) == len(system.values) == 15


def test_parts_with_a_sign_and_parts_that_are_only_smaller(link):
    link("flow,n,kind=in,,stock {as_of}; total\nflow,n,kind=out,,-stock {as_of}\nflow,n,kind=now,stock {as_of},\n"
         "flow,n,kind=kept,,<stock {as_of}; total; nowhere; <nowhere\n"
         "flow,n,kind=both,total,\nflow,n,kind=odd,total,\n")  # fmt: skip
    rows = [("in", 40), ("out", 9), ("now", 31), ("kept", 10), ("both", 50), ("odd", 49)]
    model = model_of(made("flow", rows, labels=("kind",)), FACTS)
    assert said(model) == sorted(
        ["+flow/in -flow/now -flow/out", "+flow/kept +rest 21 -flow/now", "+flow/in +flow/kept -flow/both"]
    )
    assert model.split() == ["total"]
    # A whole that is among its own parts says nothing of the others, though the numbers would bear it out.
    link("flow,n,kind=all,whole,whole\nflow,n,kind=none,,whole\n")
    assert said(model_of(made("flow", [("none", 0), ("all", 9)], labels=("kind",)), FACTS)) == []


def test_a_line_that_does_not_add_up_says_only_that_no_member_is_more_than_the_total():
    def relations(*rows, labels=("row",), margins=("row",)):
        return said(model_of(made("t", list(rows), labels=labels, margins=margins), FACTS))

    assert relations(("a", 10), ("b", 20), (ALL, 31)) == ["+rest 11 +t/b -t/All", "+rest 21 +t/a -t/All"]
    assert relations(("a", 10), ("b", None), (ALL, 40)) == ["+rest 30 +t/a -t/All"]
    # More than the total: no part of it. As many: nothing is left, which is no small count.
    assert relations(("a", 41), ("b", 40), (ALL, 40)) == ["+rest 0 +t/b -t/All"]
    assert relations(("a", 10), ("b", 20), (ALL, None)) == []
    assert relations((ALL, 30), ("a", 10), ("b", 20)) == ["+t/a +t/b -t/All"]
    # Totals over one label are members of the total over both; without it they are no line.
    two = ("row", "column")
    assert relations(("a", ALL, 10), ("b", ALL, 20), (ALL, ALL, 30), labels=two) == ["+t/a/All +t/b/All -t/All/All"]
    assert relations((ALL, "x", 10), (ALL, "y", 20), labels=two) == []


def test_one_count_in_two_rows_counts_twice_in_their_sum_and_a_sum_that_is_its_part_says_nothing(link):
    link("t,n,row=a,same,\nt,n,row=b,same,\nu,n,,all one,\n")
    built = made("t", [("a", 10), ("b", 10), (ALL, 20)], margins=("row",))
    built |= made("u", [("a", 9), (ALL, 9)], margins=("row",))
    assert said(model_of(built, FACTS)) == ["+2 t/a -t/All"]


def test_the_strictest_rule_of_the_tables_that_show_a_count_decides(link):
    link("t,n,,same {row},\nhospital,n,,same {row},\n")
    rows = [("a", 7), ("b", 8), ("c", 5), ("d", 1), ("e", 0), ("f", 6)]
    model = model_of(made("t", rows), FACTS)
    assert places(model, model.primary) == ["t/c", "t/d"] and set(model.minimum) == {6}
    hospital = made("hospital", [("a", 7), ("b", 8)], source="Hospital Episode Statistics")
    for both in (made("t", rows) | hospital, hospital | made("t", rows)):
        model = model_of(both, FACTS)
        assert places(model, model.primary) == ["hospital/a", "t/a", "t/c", "t/d"]
        assert model.minimum[model.cells["t", ("b",), "n"]] == 8
    event = Value("n", "Times", event="row"), Value("m", "Children")
    model = model_of(made("t", [("A&E attendance", 7, 7), ("Missing", 7, 7)], *event), FACTS)
    assert places(model, model.primary) == ["t/A&E attendance"]


def test_a_remainder_is_small_by_the_rule_of_its_part_and_the_part_is_withheld_for_it():
    rows = [("a", 25, 30), ("b", 24, 30), ("c", 0, 3), ("d", 30, 30), ("e", 31, 30), ("f", None, 30), ("g", 29, None)]
    model = model_of(made("t", rows, N, OF), FACTS)
    assert places(model, model.primary) == ["t/a", "t/c.of"]
    assert said(model) == sorted(
        ["+rest 5 +t/a -t/a.of", "+rest 6 +t/b -t/b.of", "+rest 3 +t/c -t/c.of", "+rest 0 +t/d -t/d.of"]
    )
    model = model_of(made("t", rows[:2], N, OF, source="hospital data"), FACTS)
    assert places(model, model.primary) == ["t/a", "t/b"]


def test_published_figures_are_known_and_no_counts_of_this_release(link):
    link("t,told,row=a,row {row},\nt,told,row=b,row {row},\nt,told,row=c,row {row},\nu,n,,row {row},\n")
    told = Value("told", "Published", "number"), Value("other", "Other", "number")
    rows = [("c", 0, 0), ("a", 1, 9), ("b", 30, 9), ("d", None, 9)]
    figures, counts = made("t", rows, *told), made("u", [("a", 1), ("b", 31)])
    for built in (figures | counts, counts | figures):
        model = model_of(built, FACTS)
        cells = sorted((model.values[cell], places(model, [cell])) for cell in model.known)
        assert cells == [(1.0, ["u/a"]), (30.0, [])]
        # A figure of one that no count shows is nothing to withhold; the count of one is.
        assert places(model, model.primary) == ["u/a"] and len(model.primary) == 1
    assert (
        model_of(made("t", rows, *told), FACTS).primary == set() and not model_of(made("t", rows, *told), FACTS).cells
    )


def test_counts_of_a_row_follow_each_other_but_zeros_and_themselves():
    values = (Value("n", "Children"), Value("share", "Share", "percent", follows=("n",)),
              Value("other", "Others", follows=("share",)), Value("last", "Last", follows=("other",)),
              Value("alone", "Alone"), Value("beside", "Beside", follows=("n",)),
              Value("rate", "Rate", "rate", follows=("n",)), Value("behind", "Behind", follows=("rate",)))  # fmt: skip
    rows = [("a", 9, 0.1, 20, 30, 9, 9, 0.2, 9), ("b", 9, 0.1, 0, 30, 9, 0, 0.2, 0),
            ("c", None, 0.1, 20, 30, 9, 9, 0.2, 9)]  # fmt: skip
    model = model_of(made("t", rows, *values), FACTS)
    found = {place(model.names[cell][0]): places(model, others) for cell, others in model.follows.items()}
    assert found == {f"t/{row}.other": [f"t/{row}.last"] for row in "abc"} | {
        "t/a": ["t/a.behind", "t/a.beside", "t/a.other"]
    }
    assert model.system().follows == {cell: frozenset(others) for cell, others in model.follows.items()}


def test_of_an_earlier_release_only_what_was_over_and_is_the_same_is_known():
    labels = ("day", "row")
    now = made("t", [("2020-03-31", row, count) for row, count in zip("abcd", (9, 30, 12, 8), strict=True)]
               + [("2020-06-30", "a", 9)], labels=labels)  # fmt: skip
    now |= made("h", [("2020-03-31", 12), ("2019-12-31", 13)], labels=("day",), source="hospital data")

    def frame(*rows, columns=("day", "row", "n")):
        return pd.DataFrame(list(rows), columns=list(columns), dtype=str)

    quarter = Quarter.parse("2019-20-Q4")
    shown = frame(("2020-06-30", "a", "9"), ("2020-03-31", "gone", "9"), ("2020-03-31", "a", "c"),
                  ("2020-03-31", "b", "30"), ("2020-03-31", "c", "13"))  # fmt: skip
    hospital = frame(("2020-03-31", "10"), ("2019-12-31", "10"), columns=("day", "n"))
    tables = {"dropped": shown, "t": shown, "h": hospital}
    model = model_of(now, FACTS, [{"quarter": quarter, "tables": tables}])
    assert places(model, model.asked) == ["t/2020-03-31/a"] and not model.primary
    assert places(model, model.known) == ["h/2020-03-31", "t/2020-03-31/b"] and model.system().known == model.known
    # Without a label, or without the value, the earlier file says nothing; the next file is read all the same.
    for less in (shown.drop(columns="row"), shown.drop(columns="n")):
        model = model_of(now, FACTS, [{"quarter": quarter, "tables": {"t": less, "h": hospital}}])
        assert places(model, model.asked) == [] and places(model, model.known) == ["h/2020-03-31"]


def test_of_an_earlier_row_each_column_is_read_by_its_own_rule():
    values = Value("old", "Old"), Value("n", "Times", event="kind")
    now = made("t", [("2020-03-31", "A&E attendance", 9, 12), ("2020-03-31", "Missing", 9, 12)], *values,
               labels=("day", "kind"))  # fmt: skip
    shown = now["t"][1].drop(columns="old").assign(n="10")
    model = model_of(now, FACTS, [{"quarter": Quarter.parse("2019-20-Q4"), "tables": {"t": shown}}])
    assert places(model, model.known) == ["t/2020-03-31/A&E attendance"]


def test_a_release_read_back_is_text_by_table(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("b", "a"):
        (tmp_path / "tables" / f"{name}.csv").write_text("row,n\nNA,007\n", encoding="utf-8")
    found = earlier(tmp_path, Quarter.parse("2019-20-Q4"))
    assert list(found) == ["quarter", "tables"] and found["quarter"] == Quarter.parse("2019-20-Q4")
    assert list(found["tables"]) == ["a", "b"]
    assert found["tables"]["a"].to_numpy().tolist() == [["NA", "007"]]


def test_cells_that_are_asked_for_are_withheld_with_what_would_give_them_away():
    built = made("t", [("a", 10), ("b", 20), ("c", 30), (ALL, 60)], margins=("row",))
    more = frozenset({("t", ("a",), "n"), ("elsewhere", ("a",), "n")})
    assert not make_plan(built, FACTS).hidden
    assert sorted(map(place, make_plan(built, FACTS, more=more).hidden)) == ["elsewhere/a", "t/a", "t/b"]


def test_a_remainder_given_away_by_what_was_published_stops_the_release():
    quarter = Quarter.parse("2019-20-Q4")
    parts = made("t", [("2020-03-31", 28, 30)], N, OF, labels=("day",))
    shown = {"quarter": quarter, "tables": {"t": parts["t"][1].astype(str)}}
    with pytest.raises(InputError, match=r"^Table of a remainder, row not named: what is published already"):
        make_plan(parts, FACTS, [shown])


def test_of_what_earlier_releases_give_away_only_a_small_count_stops_the_release():
    """Two of three counts of a line were shown, the third was withheld: one is refused, six is no secret any more."""
    labels, day = ("day", "row"), "2020-03-31"

    def hidden(count, **values):
        rows = [(day, "a", count), (day, "b", 30), (day, ALL, 30 + count)]
        built = made("t", rows, labels=labels, margins=("row",))
        shown = built["t"][1].astype(str).assign(n=["c", "30", str(30 + count)])
        return make_plan(built, FACTS, [{"quarter": Quarter.parse("2019-20-Q4"), "tables": {"t": shown}}]).hidden

    assert not hidden(6)
    with pytest.raises(InputError, match="gives away a small count"):
        hidden(1)


def test_what_follows_a_withheld_count_is_withheld_though_its_line_was_shown():
    labels, values = ("day", "row"), (PLAIN, Value("m", "M", follows=("n",)))
    rows = [("2020-03-31", *row) for row in (("a", 3, 20), ("b", None, 30), (ALL, None, 50))]
    built = made("t", rows, *values, labels=labels, margins=("row",))
    shown = {"quarter": Quarter.parse("2019-20-Q4"), "tables": {"t": built["t"][1].astype(str).tail(2)}}
    found = make_plan(built, FACTS, [shown]).hidden
    assert sorted(map(place, found)) == ["t/2020-03-31/a", "t/2020-03-31/a.m"]


def test_a_count_that_is_one_of_two_numbers_is_not_known():
    """Six and one make seven, and the one is at most one: the six is six or seven."""
    model = model_of(made("t", [("a", 6, None), ("b", 1, 1), (ALL, 7, None)], N, OF, margins=("row",)), FACTS)
    a, b = (model.cells["t", (row,), "n"] for row in "ab")
    assert [model.exact(a, Secured(frozenset(cells), frozenset(), 0, 0)) for cells in ({a, b}, {a})] == [False, True]


def test_a_plan_is_told_by_table_and_column_and_masks_the_rows_it_names():
    day = dt.date(2020, 3, 31)
    names = {("t", (str(day), "b"), "n"), ("t", (str(day), "a"), "n"), ("t", (str(day), "a"), "m"), ("s", (), "n")}
    plan = Plan(frozenset(names))
    assert plan.as_json() == {
        "hidden": {"s": {"n": [[]]}, "t": {"m": [["2020-03-31", "a"]], "n": [["2020-03-31", "a"], ["2020-03-31", "b"]]}}
    }
    rows = [(day, row, 9, 9) for row in "abc"]
    table, frame = made("t", rows, PLAIN, Value("m", "M"), labels=("day", "row"))["t"]
    mask = plan.mask(table, frame.set_axis([7, 8, 9]))
    assert mask.to_dict("list") == {"n": [True, True, False], "m": [True, False, False]} and list(mask.index) == [
        7,
        8,
        9,
    ]
    table, frame = made("s", [(9,), (9,)], labels=())["s"]
    assert plan.mask(table, frame)["n"].tolist() == [True, True]


def test_lines_are_of_each_margin_and_only_where_a_total_stands_over_members():
    table, frame = made("t", [*CROSS, ("c", "x", 1), ("c", None, 1), (ALL, None, 1), ("b", "z", 7)],
                        labels=("row", "column"), margins=("row", "column"))["t"]  # fmt: skip
    found = [list(line) for line in lines(table, frame)]
    assert sorted(found) == sorted(
        [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8], [10, 11], [0, 1, 2], [3, 4, 5, 12], [6, 7, 8, 11]]
    )
    table, frame = made("t", [(ALL, 9)], margins=("row",))["t"]
    assert lines(table, frame) == []


def test_halves_are_rounded_up_and_a_table_is_crowded_above_its_share():
    assert [rounded(number, 5) for number in (2, 2.5, 7.4, 12.5, 0)] == [0, 5, 5, 15, 0]

    def few(small, *, size=20, count=5, source="SSDA903"):
        numbers = [count] * small + [30] * (size - small)
        return crowded(*made("t", list(enumerate(numbers)), source=source)["t"])

    assert [few(3), few(4), few(4, count=6), few(4, count=0)] == [False, True, False, False]
    assert few(4, count=7, source="hospital data") and not few(0, size=0)
    rests = [("a", 23, 30), ("b", 30, 60), ("c", 30, 60)]
    told = [crowded(*made("t", rests, N, OF, source=source)["t"]) for source in ("SSDA903", "hospital data")]
    assert told == [False, True]
    # Numbers that are not there are none of the table's, and text is read as numbers.
    frame = pd.DataFrame({"row": range(21), "n": ["5"] * 3 + ["30"] * 16 + [None] * 2})
    assert crowded(made("t", [])["t"][0], frame)


def test_two_rows_of_the_same_labels_are_refused():
    with pytest.raises(InputError, match="two rows with the same labels"):
        model_of(made("t", [("a", 9), ("a", 8)]), FACTS)


def test_what_several_tables_of_the_workbook_show_of_one_count_is_withheld_in_each():
    """The project's own links: 5 of 16 did not start; few IFAs begun in one quarter, where the year is shown."""
    team, day, measure = "Transforming Care Salford", "2020-09-30", "IFA placements begun"
    steps, count = ("Referred", "Decided", "Accepted", "Started"), Value("children", "Children")
    begun, labels = Value("numerator", "Numerator"), ("date", "mode", "section", "measure")
    built = {
        **made("programme_funnel", [(team, *row) for row in zip(steps, (16, 14, 11, 11), [16] * 4, strict=True)],
               Value("children", "Children", of="of"), Value("of", "Of"), labels=("programme", "stage")),
        **made("programme_waits", [(team, "Decision to start", 11, 11)], count, Value("reached", "Got there"),
               labels=("programme", "step")),
        **made("stayed_out", [(team, 11)], Value("of", "Of"), labels=("programme",)),
        **made("edge_seen", [(f"The register: {team}", 11)], count, labels=("seen_in",)),
        **made("overlap_seen", [("Transforming Care", 11)], count, labels=("programme",)),
        **made("assurance_view", [(when, mode, "1 Numbers", measure, n) for when, n in (("2020-06-30", 4), (day, 14))
                                  for mode in ("As known then", "As known now")], begun, labels=labels),
        **made("flows_by_year", [("2020-21", "IFA", 18)], Value("started", "Started"), labels=("year", "category")),
    }  # fmt: skip
    hidden = make_plan(built, FACTS).hidden
    assert {(team, "Started"), (team,), (f"The register: {team}",), ("Transforming Care",)} <= {
        row for _, row, _ in hidden
    }
    assert {column for id, _, column in hidden if id == "programme_waits"} == {"children", "reached"}
    assert {row[:2] for id, row, _ in hidden if id == "assurance_view"} == {
        (when, mode) for when in ("2020-06-30", day) for mode in ("As known then", "As known now")
    }

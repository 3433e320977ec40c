"""Cells, tables, figures and the book that a notebook opens."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.dates import date2num

from bond_eval.core.findings import Finding, interval_text
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE
from bond_eval.evidence import figures
from bond_eval.evidence.cells import WORDS, Cell
from bond_eval.evidence.gate import protect
from bond_eval.evidence.protected import Protected, html_table
from bond_eval.evidence.registry import ALL, KINDS, Table, Value, registered
from bond_eval.evidence.release import build_release, load_release


def table(frame: pd.DataFrame, labels: dict[str, str], *values: Value, margins: tuple[str, ...] = ()) -> Protected:
    spec = Table("t", "n", "A title", "a row", labels, values, margins, "SSDA903", "count", lambda view: frame)
    return protect(spec, frame, "public")


@pytest.fixture
def stock() -> Protected:
    days = [dt.date(2019, 3, 31), dt.date(2020, 3, 31)]
    frame = pd.DataFrame({"date": days * 2, "category": ["A", "A", "B", "B"], "n": [48, 42, 7, 3]})
    return table(frame, {"date": "Date", "category": "Category"}, Value("n", "Children"))


def test_a_line_chart_says_its_numbers_and_no_hidden_one(stock: Protected) -> None:
    chart = figures.lines(stock, "date", "category", "n", title="A fell to 42", unit="Children")
    assert "48 on 31 March 2019, 42 on 31 March 2020" in chart.alt
    assert chart.alt.endswith("The point: A fell to 42.") and chart.alt.startswith("Line chart.")
    assert "B: 7 on 31 March 2019" in chart.alt and "3 on" not in chart.alt
    drawn = [list(line.get_ydata()) for line in chart.figure.axes[0].get_lines()]
    assert [48.0, 42.0] in drawn and not any(3.0 in points for points in drawn)
    axis = chart.figure.axes[0]
    assert [text.xy for text in axis.texts if text.get_text() == "c"] == [(dt.date(2020, 3, 31), 0)]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["Mar 2020", "Mar 2019"]
    days = [dt.date(year, 3, 31) for year in (2018, 2019, 2020)]
    few = table(pd.DataFrame({"date": days, "category": "B", "n": [7, 8, 3]}), stock.table.labels, *stock.table.values)
    axis = figures.lines(few, "date", "category", "n", title="T", unit="Children").figure.axes[0]
    assert axis.get_xlim()[1] >= date2num(days[-1])


def test_the_same_chart_has_the_same_bytes(stock: Protected) -> None:
    def draw() -> bytes:
        return figures.lines(stock, "date", "category", "n", title="T", unit="Children").png()

    assert draw() == draw() and draw().startswith(b"\x89PNG")


def test_bars_write_the_symbol_and_draw_no_bar_for_a_hidden_number(stock: Protected) -> None:
    chart = figures.bars(stock.where(date=dt.date(2020, 3, 31)), "category", "n", title="T", unit="Children")
    assert "B a number withheld (c)" in chart.alt
    assert sorted(patch.get_width() for patch in chart.figure.axes[0].patches) == [0, 42]


def test_flows_are_as_wide_as_their_numbers_and_small_ones_are_not_drawn() -> None:
    cells = [
        ("A", "B", 9),
        ("A", "C", 8),
        ("A", ALL, 17),
        ("D", "B", 7),
        ("D", "C", 2),
        ("D", ALL, 9),
        (ALL, "B", 16),
        (ALL, "C", 10),
        (ALL, ALL, 26),
    ]
    frame = pd.DataFrame(cells, columns=["from", "to", "n"])
    shown = table(frame, {"from": "From", "to": "To"}, Value("n", "Moves"), margins=("from", "to"))
    chart = figures.flows(shown, "from", "to", "n", title="T", unit="Moves")
    assert "A to B 9" not in chart.alt or "D to C" not in chart.alt
    assert "D to C 2" not in chart.alt


def test_html_is_escaped_and_has_caption_and_scopes() -> None:
    frame = pd.DataFrame({"<b>": ["<script>alert(1)</script>"], "n": ["=1+1"]})
    text = html_table(frame, "A & B", 1)
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert "<caption>A &amp; B</caption>" in text and 'scope="col"' in text and 'scope="row"' in text


def test_money_in_thousands_is_said_as_people_say_it() -> None:
    net, hidden = Cell(-1268.3, "signed"), Cell(None, "signed", "c")
    assert (f"{net}", f"{net:£}", f"{net:net}", f"{net:cost}") == ("−1,268", "−£1.27m", "£1.27m more", "£1.27m less")
    assert f"{hidden:net}" == f"{hidden:£}" == WORDS["c"]
    assert interval_text((-3077.5, 656.1), "£000") == "−£3.08m to £656k"


def test_a_cell_must_be_named_exactly(stock: Protected) -> None:
    with pytest.raises(KeyError, match="2 rows, not one"):
        stock.cell("n", category="A")
    with pytest.raises(KeyError, match="has no label"):
        stock.where(colour="red")
    with pytest.raises(KeyError, match="it has n"):
        stock.cell("m", category="A", date=dt.date(2019, 3, 31))


# What is missing is nothing here, summaries of cases are internal, and no earlier quarter was run and sealed.
EMPTY = ("cost_problems", "case_summaries", "rare_series", "sealed_quarters", "sealed_scores", "sealed_pounds")


def test_every_registered_table_declares_what_its_columns_are() -> None:
    release = build_release(SAMPLE, "salford", Quarter.parse("2020-21-Q2"), "public", 1)
    assert set(release.tables) == set(registered())
    for name, shown in release.tables.items():
        spec = shown.table
        assert list(shown.frame.columns) == [*spec.labels, *(value.name for value in spec.values)], name
        assert not shown.frame.duplicated(list(spec.labels)).any(), name
        assert all(value.kind in KINDS for value in spec.values), name
        assert len(shown) or name in EMPTY, name
        assert spec.build.__doc__, name


def test_a_release_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    release = build_release(SAMPLE, "salford", Quarter.parse("2020-21-Q2"), "public", 1)
    release.save(tmp_path)
    again = load_release(tmp_path)
    assert again.csv_files() == release.csv_files() and again.facts == release.facts


GOOD = {
    "id": "trends.op",
    "statement": "42 children were there.",
    "questions": ("Q01",),
    "kind": "descriptive",
    "unit": "children",
    "value": 42.0,
    "interval": None,
    "no_interval": "complete count",
    "n": 42,
    "period": "to 30 September 2020",
    "method": "count",
    "strength": "complete",
    "source": "table t",
}


def test_a_whole_finding_is_accepted() -> None:
    assert Finding(**GOOD).as_dict()["questions"] == ["Q01"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"questions": ()},
        {"source": ""},
        {"no_interval": ""},
        {"no_interval": "because"},
        {"kind": "strong"},
        {"interval": (1.0, 2.0)},
        {"interval": (50.0, 60.0), "no_interval": ""},
        {"statement": "42"},
        {"id": "Bad Id"},
    ],
)
def test_a_finding_that_lacks_something_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Finding(**{**GOOD, **wrong})


def test_no_day_of_a_scale_could_be_taken_for_a_date_of_birth() -> None:
    days = [dt.date(2020, 5, 1) + dt.timedelta(days=5 * place) for place in range(14)]
    frame = pd.DataFrame({"date": days, "category": "A", "n": range(20, 34)})
    shown = table(frame, {"date": "Date", "category": "Category"}, Value("n", "Children"))
    svg = figures.lines(shown, "date", "category", "n", title="T", unit="Children").svg()
    assert ">15 May</text>" in svg and "2020-05-15<" not in svg


def test_a_share_is_withheld_with_what_it_is_a_share_of():
    """The ends of the interval of none of a few are those of that few alone."""
    from bond_eval.evidence.registry import registered

    for table in registered().values():
        counts = {value.name: value.of for value in table.values if value.guarded and not value.inward}
        for value in (value for value in table.values if value.kind == "percent"):
            followed = counts.keys() & set(value.follows)
            wholes = {part: set(_wholes(part, counts)) for part in followed}
            alone = [part for part in followed if wholes[part] and not wholes[part] & followed]
            assert all(part in set().union(*wholes.values()) for part in alone), (table.id, value.name, alone)


def _wholes(part, counts):
    while (part := counts.get(part, "")) in counts:
        yield part

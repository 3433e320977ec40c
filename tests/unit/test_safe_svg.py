"""Drawings in a page: only shapes and text are left, with ids of their own and a text alternative."""

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bond_eval.evidence import book
from bond_eval.workbook.safe_svg import ALLOWED, inline
from bond_eval.workbook.tidy import without_drawings
from tests.charts import KINDS, drawn, table

NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 10 10"'


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'>x</body></foreignObject>",
        "<style>*{background:url(//other.example)}</style>",
        '<image xlink:href="//other.example/x.png"/>',
        '<a xlink:href="javascript:alert(1)"><text>x</text></a>',
        '<rect onload="alert(1)"/>',
        '<use xlink:href="//other.example/x.svg#a"/>',
        '<rect style="fill: url(//other.example/x)"/>',
        "<rect style=\"fill: url('//other.example/x')\"/>",
        '<rect style="fill: url(other.example)"/>',
        '<rect clip-path="url(//other.example/x#a)"/>',
        '<animate attributeName="href" values="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        "<metadata>x</metadata>",
        "<?xml-stylesheet href='x'?>",
    ],
)
def test_nothing_that_runs_or_calls_out_is_left(attack):
    left = inline(f"<svg {NAMES}>{attack}<rect/></svg>", "f", "A chart.")
    page = BeautifulSoup(left, "html.parser")
    for word in ("script", "other.example", "onload", "alert", "style>", "foreign", "metadata", "animate", "<set"):
        assert word not in left
    assert {tag.name for tag in page.svg.find_all(True)} - {"title"} <= ALLOWED and page.rect


@pytest.mark.parametrize(
    "text", ["", "x", "<p/>", f"<svg {NAMES}>", f'<!DOCTYPE a [<!ENTITY b "c">]><svg {NAMES}>&b;</svg>', "<svg/>"]
)
def test_what_is_no_drawing_is_left_out(text):
    assert inline(text, "f", "A chart.") == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_keeps_its_words_and_says_what_it_is(kind):
    chart = drawn(kind, title='A & <b>"C"</b>')
    page = BeautifulSoup(inline(chart.svg(), "figure-3-1", chart.alt), "html.parser")
    assert (page.svg["role"], page.svg["aria-label"]) == ("img", chart.alt)
    assert page.svg.title.get_text().startswith('A & <b>"C"</b>.') and not page.find("b")
    assert 'A & <b>"C"</b>' in [text.get_text() for text in page.find_all("text")]
    ids = {tag["id"] for tag in page.find_all(id=True)}
    assert all(id.startswith("figure-3-1-") for id in ids)
    for tag in page.find_all(True):
        target = tag.get("href", "") or tag.get("clip-path", "")[4:-1]
        assert not target or target[1:] in ids
    assert "font-family" not in str(page.svg)


def test_labels_of_an_axis_are_told_from_labels_of_data():
    page = BeautifulSoup(inline(drawn("lines").svg(), "f", "A chart."), "html.parser")
    years = [text for text in page.find_all("text") if text.get_text() == "Mar 2016"]
    assert years and all(text.find_parent(class_="tick") for text in years)
    assert not any(text.find_parent(class_="tick") for text in page.find_all("text") if "IFA" in text.get_text())


def test_the_reference_run_keeps_the_picture_and_not_the_drawing():
    data = {"image/png": "AA==", "image/svg+xml": "<svg/>"}
    output = new_output("display_data", data=data, metadata={name: {"alt": "A"} for name in data})
    notebook = new_notebook(cells=[new_markdown_cell("# A"), new_code_cell("x", outputs=[output])])
    without_drawings(notebook)
    assert [list(part) for part in (output.data, output.metadata)] == [["image/png"]] * 2


def test_a_figure_has_its_numbers_folded_below_it_and_a_run_its_drawing(monkeypatch):
    shown = []
    monkeypatch.setattr(book, "_display", lambda data, metadata=None: shown.append((data, metadata)))
    release = type("Release", (), {"facts": {}})()
    moved = table({"place": ["A", "B"], "n": [12, 30]}, ["place"])
    for drawn_as, kinds in (("", {"image/png", "text/plain"}), ("svg", {"image/png", "image/svg+xml", "text/plain"})):
        monkeypatch.setenv("BOND_FIGURES", drawn_as)
        book.Book("01_a", release).chart("bars", moved, "place", "n", title="30 in B", unit="Children")
        assert set(shown[-2][0]) == kinds
    folded = shown[-1][0]["text/html"]
    assert folded.startswith('<details class="data"><summary>Data behind this figure</summary>') and ">30<" in folded

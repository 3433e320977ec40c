"""The spreadsheet beside a release: what the CSV says, laid out for everybody, and nothing in it that acts."""

import io
import re
import warnings
import zipfile

import openpyxl
import pytest

from bond_eval.evidence.registry import of_findings, registered
from bond_eval.workbook.spreadsheet import BLANK, CUT, MARKING, sheet_names, spreadsheet, write_spreadsheet

SITE = {
    "authority_name": "Salford (synthetic)",
    "quarter": "2020-21-Q2",
    "quarter_words": "July to September 2020",
    "as_of_words": "30 September 2020",
    "synthetic": True,
    "internal": False,
    "suppression": "c: confidential.",
}
RIGHT_TO_LEFT = "‮שלום‬"
ODD = [
    "=1+1",
    "@SUM(A1)",
    "+1",
    "-2+3",
    "{=1+1}",
    "http://example.org",
    "mailto:a@example.org",
    "internal:'Cover'!A1",
    "[press here](http://example.org)",
    "see [a](b) and [c](d)",
    "$$note$$",
    "<script>alert(1)</script>",
    RIGHT_TO_LEFT,
    "—",
    "",
    "_x0041_ and \x07",
    "many words " * 4_000,
    "007",
]


def value(name: str, kind: str, label: str = "", children: bool = False) -> dict:
    return {"name": name, "kind": kind, "label": label or name, "children": children, "follows": [], "of": ""}


def spec(title: str, labels: dict, *values: dict) -> dict:
    return {"title": title, "row": "a date", "labels": labels, "values": list(values), "margins": []}


SCHEMA = {
    "placements_at_date": spec("Placements", {"date": "Date"}, value("children", "count"), value("share", "percent")),
    "odd_words": spec("=Odd [words](http://x.org) $$a$$", {"word": "Word"}, value("said", "text", "Said")),
    "nothing_yet": spec("Nothing yet", {"date": "Date"}, value("children", "count")),
    "twice": spec("Two alike", {"line": "Children"}, value("children", "count", "children")),
}


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


TABLES = {
    "placements_at_date": "date,children,share\n2019-03-31,48,0.25\n2020-09-30,c,c\n2020-12-31,0,x\nAll,48,nan\n",
    "odd_words": "word,said\n" + "".join(f"{quoted(word)},{quoted(word)}\n" for word in ODD),
    "nothing_yet": "date,children\n",
    "twice": "line,children\nall,12\n",
}
FINDING = {
    "id": "a.b",
    "statement": "=48 children were [in](http://x.org) placements.",
    "value": 48,
    "interval": None,
    "no_interval": "complete count",
    "unit": "children",
    "n": None,
    "period": "2020",
    "strength": "Complete count",
    "method": "complete count",
    "source": "table placements_at_date",
    "questions": ["Q01"],
    "caveats": [],
    "notebook": "01_x",
}


def made(internal: bool = False, found=(FINDING,)) -> bytes:
    return spreadsheet(SITE | {"internal": internal}, TABLES, SCHEMA, list(found))


@pytest.fixture(scope="module")
def content() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # the layout's own complaints
        return made()


@pytest.fixture(scope="module")
def book(content):
    return openpyxl.load_workbook(io.BytesIO(content))


def grid(sheet) -> list[tuple]:
    """The table of a sheet: its heading row and what is below."""
    (table,) = sheet.tables.values()
    return [tuple(cell.value for cell in row) for row in sheet[table.ref]]


def test_one_table_a_sheet_after_cover_contents_notes_and_findings(book):
    assert book.sheetnames == ["Cover", "Contents", "Notes", "Findings", "odd_words", "placements_at_date", "twice"]
    assert all(len(sheet.tables) == 1 for sheet in book.worksheets[1:])
    assert not any(sheet.merged_cells.ranges for sheet in book.worksheets)
    blanks = [cell for sheet in book.worksheets[1:] for row in grid(sheet) for cell in row if cell in (None, "")]
    assert not blanks, "screen readers pass over a blank cell without a word"


def test_numbers_dates_and_symbols_are_those_of_the_csv(book):
    sheet = book["placements_at_date"]
    head, first, second, third, total = grid(sheet)
    assert head == ("Date", "children", "share")
    assert (first[0].date().isoformat(), *first[1:]) == ("2019-03-31", 48, 0.25)
    assert second[1:] == ("c", "c")
    assert third[1:] == (0, "x")
    assert total == ("All", 48, "nan")
    assert sheet["C8"].number_format == "0%" or "0%" in {cell.number_format for cell in sheet["C"]}
    words = " ".join(str(sheet.cell(row, 1).value) for row in range(1, 9))
    for part in ("Placements", "Each row is a date.", "Units. children: count; share: share of 1", "c: confidential",
                 "Source: SSDA903 episodes"):  # fmt: skip
        assert part in words
    assert "k: rounds" not in words, "only the symbols that the sheet shows are told"


def test_nothing_read_from_a_file_acts(book, content):
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", f"{sheet.title} {cell.coordinate} is a formula"
                link = cell.hyperlink
                assert not link or (sheet.title == "Contents" and link.location and not link.target)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            text = parts.read(name).decode("utf-8")
            assert "<f>" not in text and 'TargetMode="External"' not in text, name
    said = [row[1] for row in grid(book["odd_words"])[1:]]
    assert said[:8] == ODD[:8]
    assert said[8] == "[press here] (http://example.org)" and said[10] == "$ $note$ $"
    assert said[11] == "<script>alert(1)</script>" and said[12] == f"text: {RIGHT_TO_LEFT}"
    assert said[13:15] == [BLANK, BLANK] and said[15].startswith("_x0041_ and ") and said[17] == "007"


def test_long_text_is_cut_and_says_so(book):
    cell = grid(book["odd_words"])[17][1]
    assert cell.startswith("many words many") and cell.endswith(CUT) and len(cell) < 32_767


def test_contents_name_every_table_and_link_to_each_sheet(book):
    rows = grid(book["Contents"])[1:]
    assert [row[0] for row in rows] == ["Notes", "Findings", *sorted(TABLES)]
    numbers = {row[0]: row[2] for row in rows}
    assert numbers["nothing_yet"] == "no rows" and numbers["placements_at_date"] == "4"
    links = {cell.value: cell.hyperlink.location for row in book["Contents"].iter_rows() for cell in row
             if cell.hyperlink}  # fmt: skip
    assert links == {name: f"'{name}'!A1" for name in book.sheetnames[2:]}


def test_two_headings_alike_are_told_apart(book):
    assert grid(book["twice"])[0] == ("Children", "children (2)")


def test_no_table_of_ours_has_two_headings_alike():
    """A page would show one column for both; a table of Excel cannot have them."""
    for table in (*registered().values(), *of_findings().values()):
        heads = [head.lower() for head in (*table.labels.values(), *(value.label for value in table.values))]
        assert len(set(heads)) == len(heads), table.id


def test_findings_say_why_there_is_no_interval_and_withhold(book):
    row = dict(zip(*grid(book["Findings"]), strict=True))
    assert row["Value"] == 48 and row["Lower"] == "complete count" and row["Sample size"] == "c"
    assert row["Finding"] == "=48 children were [in] (http://x.org) placements."
    withheld = FINDING | {"value": None, "no_interval": "too few"}
    sheet = openpyxl.load_workbook(io.BytesIO(made(found=[withheld])))["Findings"]
    assert dict(zip(*grid(sheet), strict=True))["Value"] == "not shown"


def test_an_internal_edition_is_marked_on_every_sheet(book):
    for sheet in openpyxl.load_workbook(io.BytesIO(made(internal=True))).worksheets:
        shown = [cell.value for row in sheet.iter_rows() for cell in row]
        assert MARKING in shown and MARKING in sheet.oddHeader.center.text, sheet.title
    assert not any(cell.value == MARKING for sheet in book.worksheets for row in sheet.iter_rows() for cell in row)


def test_equal_content_gives_equal_bytes(content, tmp_path):
    write_spreadsheet(tmp_path / "tables.xlsx", SITE, TABLES, SCHEMA, [FINDING])
    assert (tmp_path / "tables.xlsx").read_bytes() == content
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert {part.date_time[:3] for part in parts.infolist()} == {(1980, 1, 1)}
        core = parts.read("docProps/core.xml").decode("utf-8")
    assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", core)) == {"2020-09-30T00:00:00Z"}


def test_a_run_without_findings_has_the_sheet_all_the_same():
    sheet = openpyxl.load_workbook(io.BytesIO(made(found=())))["Findings"]
    assert "this run has none" in sheet["A1"].value


def test_sheet_names_are_short_unique_and_speak():
    long = "a_table_with_a_very_long_name_number_"
    names = sheet_names([f"{long}{turn}" for turn in range(12)] + ["notes", "History", "act_caseload"])
    assert len({name.lower() for name in names.values()}) == len(names)
    assert all(0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) for name in names.values())
    assert names["act_caseload"] == "act_caseload" and names["notes"] == "notes_2" and names["History"] == "History_2"

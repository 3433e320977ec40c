"""Finance files read as they come: four forms of its own, the regional census, section 251."""

import datetime as dt
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.intake.finance import RULES, Finance, load_finance
from bond_eval.intake.forms import day_in_name, read_month
from bond_eval.intake.typed import NO_DAY
from tests.helpers import ROOT, day, episode, filler, load, write_return

CHILDREN = np.array(["101", "102", "103"], dtype=object)
FEES = "child,category,placement_start,start,end,weekly_fee,source\n"
UNITS = "category,from,to,pounds_per_week,price_base\n"
BUDGET = "heading,month,pounds\n"
SPEND = "programme,month,pounds,funding_source\n"
# The sentences go on after the words that a reader knows them by; one is broken over lines, as typed in a cell.
CENSUS = (
    '"Looked after child? (Y/N)","Placing Authority","Identifier (the child\'s number, not the name)","Age at census",'
    '"Placement start date (DD/MM/YYYY) of the\npresent placement","Type of provision, as in the list",'
    '"Host Authority, where the placement is","Total weekly cost in pounds, all partners",'
    '"Contribution from Social Care, weekly","Contribution from Education, weekly","Contribution from Health, weekly"\n'
)
S251 = (
    "Child ID,Date of birth,Placement start date,Placement end date,Placement type,Provider type,"
    "Total committed cost accrued in FY to date,Contribution from social care provider/s,"
    "Contribution from health provider/s\n"
)


def read(folder: Path, files: dict[str, str | bytes], as_of: dt.date | None = None) -> Finance:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = load_finance(folder, CHILDREN, as_of)
    assert found is not None
    counted = found.accounts
    assert (counted["rows_in"] == counted["kept"] + counted["set_aside"]).all()
    refused = found.issues[(found.issues["action"] == "set aside") & (found.issues["line"] > 0)]
    assert refused.groupby("file").size().to_dict() == {
        row.file: row.set_aside for row in counted.itertuples() if row.set_aside
    }, "each row set aside has one issue that says so"
    return found


def plain(fees: pd.DataFrame) -> list[tuple]:
    columns = ["child", "category", "start", "end", "weekly_fee"]
    return [(CHILDREN[row[0]], *row[1:]) for row in fees[columns].itertuples(index=False, name=None)]


def test_the_four_forms_are_known_by_their_columns(tmp_path):
    found = read(
        tmp_path,
        {
            "a.csv": "WEEKLY_FEE;Child;Start;End;Category\n"
            "£1,234.50;101.0;01/04/2019;31/03/2020;ifa\n900;102;2019-04-01;;\n",
            "b.csv": UNITS + "IFA,2019-04-01,2020-03-31,700,2019-20\nIFA,2020-04-01,,720,\n",
            "sub/c.csv": BUDGET + "Placements,2019-04,100\nPlacements,May 2019,50.5\nPlacements,Jun-19,-3\n",
            "d.csv": SPEND + "Route 29,15/04/2019,10,Fund\n",
        },
    )
    assert found.accounts.set_index("file")["form"].to_dict() == {
        "a.csv": "fees", "b.csv": "unit_costs", "sub/c.csv": "budget", "d.csv": "spend",
    }  # fmt: skip
    first, last = day("2019-04-01"), day("2020-03-31")
    assert plain(found.fees) == [("101", "IFA", first, last, 1234.5), ("102", "", first, NO_DAY, 900)]
    costs = found.unit_costs[["category", "start", "end", "pounds_per_week"]].to_numpy().tolist()
    assert costs == [["IFA", first, last, 700.0], ["IFA", last + 1, NO_DAY, 720.0]]
    assert [str(month)[:10] for month in found.budget["month"]] == ["2019-04-01", "2019-05-01", "2019-06-01"]
    assert found.budget["pounds"].tolist() == [100, 50.5, -3]
    assert found.spend[["programme", "pounds", "funding_source"]].to_numpy().tolist() == [["Route 29", 10.0, "Fund"]]
    assert set(found.hashes) == {"a.csv", "b.csv", "sub/c.csv", "d.csv"} and len(found.hashes["a.csv"]) == 64


GOOD = "101,IFA,,2019-04-01,2020-03-31,700,\n"
CASES = [
    ("child_unknown", FEES + GOOD + "999,IFA,,2019-04-01,,700,\n", 3, "child", "999", "999"),
    ("category_unknown", FEES + GOOD + "102,Hotel,,2019-04-01,,700,\n", 3, "category", "Hotel", "102"),
    ("category_unknown", UNITS + "Hotel,2019-04-01,,700,\n", 2, "category", "Hotel", ""),
    ("date_unreadable", FEES + "102,IFA,,31/02/2019,,700,\n", 2, "start", "31/02/2019", "102"),
    ("date_unreadable", FEES + "102,IFA,,,,700,\n", 2, "start", "", "102"),
    ("date_unreadable", FEES + "102,IFA,,2019-04-01,soon,700,\n", 2, "end", "soon", "102"),
    ("date_unreadable", BUDGET + "Placements,2019-13,5\n", 2, "month", "2019-13", ""),
    ("end_before_start", FEES + "102,IFA,,2019-04-01,2019-03-01,700,\n", 2, "end", "2019-03-01", "102"),
    ("end_before_start", UNITS + "IFA,2019-04-01,2019-03-01,700,\n", 2, "end", "2019-03-01", ""),
    ("amount_unreadable", FEES + "102,IFA,,2019-04-01,,tbc,\n", 2, "weekly_fee", "tbc", "102"),
    ("amount_unreadable", FEES + "102,IFA,,2019-04-01,,1e999,\n", 2, "weekly_fee", "1e999", "102"),
    ("amount_unreadable", UNITS + "IFA,2019-04-01,,,\n", 2, "pounds_per_week", "", ""),
    ("amount_unreadable", SPEND + "Route 29,2019-04,?,Fund\n", 2, "pounds", "?", ""),
    ("amount_negative", FEES + "102,IFA,,2019-04-01,,-5,\n", 2, "weekly_fee", "-5", "102"),
    ("amount_negative", UNITS + "IFA,2019-04-01,,-5,\n", 2, "pounds_per_week", "-5", ""),
    ("fee_zero", FEES + GOOD + "102,IFA,,2019-04-01,,0,\n", 3, "weekly_fee", "0", "102"),
    ("fee_very_high", FEES + "102,IFA,,2019-04-01,,40000,\n", 2, "weekly_fee", "40000", "102"),
    ("fee_repeated", FEES + GOOD + GOOD, 2, "start", "2019-04-01", "101"),
    ("fee_replaced", FEES + GOOD + "101,IFA,,2019-04-01,2020-03-31,800,\n", 2, "start", "2019-04-01", "101"),
    ("fee_without_end", FEES + "101,IFA,,2018-04-01,,600,\n" + GOOD, 2, "end", "", "101"),
    ("fee_overlap", FEES + "101,IFA,,2018-04-01,2019-04-20,600,\n" + GOOD, 2, "end", "2019-04-20", "101"),
    ("text_missing", BUDGET + ",2019-04,5\n", 2, "heading", "", ""),
    ("text_missing", SPEND + "Route 29,2019-04,5,\n", 2, "funding_source", "", ""),
    ("line_repeated", BUDGET + "Placements,2019-04,5\nPlacements,2019-04,6\n", 3, "month", "2019-04", ""),
    ("unit_cost_zero", UNITS + "With parents,2019-04-01,,0,\n", 2, "pounds_per_week", "0", ""),
    ("unit_cost_replaced", UNITS + "IFA,2019-04-01,,7,\nIFA,2019-04-01,,8,\n", 2, "start", "2019-04-01", ""),
    ("unit_cost_overlap", UNITS + "IFA,2018-04-01,2019-04-20,7,\nIFA,2019-04-01,,8,\n", 2, "end", "2019-04-20", ""),
    ("row_misfit", FEES + GOOD + "101,IFA\n", 3, "", "", ""),
    ("quote_unclosed", FEES + '102,"IFA,,2019-04-01,,700,\n' + GOOD, 2, "", "", ""),
    ("encoding", (FEES + "102,IFA,,2019-04-01,,£700,\n").encode("cp1252"), 0, "", "", ""),
    ("column_repeated", "child,start,weekly_fee,start\n102,2019-04-01,7,2019-05-01\n", 0, "START", "", ""),
    ("file_not_recognised", "name,size\na,1\n", 0, "", "", ""),
    ("extract_undated", S251 + "101,,01/05/2020,,,,100,,\n", 2, "accrued", "100", "101"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "content", "line", "column", "value", "child"), CASES)
def test_each_rule_names_file_line_and_column(tmp_path, rule, content, line, column, value, child):
    found = read(tmp_path, {"file.csv": content})
    severity, action, problem = RULES[rule]
    columns = ["file", "rule", "line", "column", "value", "child", "severity", "action", "problem"]
    expected = ("file.csv", rule, line, column, value, child, severity, action, problem)
    assert list(found.issues[columns].itertuples(index=False, name=None)) == [expected]


def test_every_rule_is_tested():
    assert {case[0] for case in CASES} | {"outside_year", "file_not_read", "sheet_empty"} == set(RULES)


def test_an_overlap_and_an_open_fee_end_before_the_next(tmp_path):
    rows = "101,IFA,,2017-04-01,,500,\n101,IFA,,2018-04-01,2019-04-20,600,\n101,IFA,,2019-04-01,,700,\n"
    found = read(tmp_path, {"fees.csv": FEES + rows + "101,Outside placement,,2018-06-01,,4000,\n"})
    ends = {(category, fee): end for _, category, _, end, fee in plain(found.fees)}
    assert ends == {
        ("IFA", 500): day("2018-03-31"), ("IFA", 600): day("2019-03-31"), ("IFA", 700): NO_DAY,
        ("Outside placement", 4000): NO_DAY,
    }  # fmt: skip


def test_a_fee_that_ends_on_the_day_the_next_begins_is_no_fault(tmp_path):
    rows = "101,IFA,,2018-04-01,2019-04-01,600,\n101,IFA,,2019-04-01,,700,\n"
    found = read(tmp_path, {"fees.csv": FEES + rows})
    assert found.issues.empty
    assert found.fees["end"].tolist() == [day("2019-03-31"), NO_DAY]


def test_the_regional_census(tmp_path):
    first = (
        CENSUS
        + "Y,Salford,101,14,01/02/2020,Residential - External (Commissioned),Leeds,4000,3000,500,500\n"
        + "Y,Salford,102,9,03/03/2020,Fostering - Independent Foster Care (IFA),Salford,800,,,\n"
        + "Y,Salford,103,9,03/03/2020,Something else,Salford,500,,,\n"
    )
    found = read(tmp_path, {"census 2020-21-Q1.csv": first})
    assert plain(found.fees) == [
        ("101", "Outside placement", day("2020-02-01"), NO_DAY, 4000),
        ("102", "IFA", day("2020-03-03"), NO_DAY, 800),
        ("103", "", day("2020-03-03"), NO_DAY, 500),
    ]
    assert found.fees["social_care"].iloc[0] == 3000 and np.isnan(found.fees["social_care"].iloc[1])
    assert found.fees["line"].tolist() == [3, 4, 5], "the broken header takes two lines of the file"


def test_a_cost_that_changes_between_censuses_is_paid_from_the_later_one(tmp_path):
    costs = {"2019-20-Q4": 800, "2020-21-Q1": 850, "2020-21-Q2": 850}
    row = CENSUS + "Y,Salford,102,9,03/03/2020,Fostering - Independent Foster Care (IFA),Salford,{},,,\n"
    found = read(tmp_path, {f"{quarter}.csv": row.format(cost) for quarter, cost in costs.items()})
    assert plain(found.fees) == [
        ("102", "IFA", day("2020-03-03"), day("2020-06-29"), 800),
        ("102", "IFA", day("2020-06-30"), NO_DAY, 850),
    ]
    assert found.issues["rule"].tolist() == ["fee_repeated"]
    undated = read(tmp_path / "u", {f"{n}.csv": row.format(cost) for n, cost in (("a", 800), ("b", 850))})
    assert plain(undated.fees) == [("102", "IFA", day("2020-03-03"), NO_DAY, 850)]
    assert undated.issues["rule"].tolist() == ["fee_replaced"]


def test_the_section_251_extract(tmp_path):
    rows = (
        "101,2008-01-01,01/02/2020,,,,26142.857142857,13071.4285714285,\n"  # 183 days of the year at 1,000 a week
        + "102,2008-01-01,01/05/2020,31/05/2020,,,3000,,\n"  # 30 days at 700 a week
        + "103,2008-01-01,01/05/2019,31/03/2020,,,10,,\n"
    )
    found = read(tmp_path, {"s251 Q2 2020-21.csv": S251 + rows})
    assert [row[:4] for row in plain(found.fees)] == [
        ("101", "", day("2020-04-01"), NO_DAY), ("102", "", day("2020-05-01"), day("2020-05-30")),
    ]  # fmt: skip
    assert found.fees["weekly_fee"].tolist() == pytest.approx([1000, 700])
    assert found.fees["social_care"].iloc[0] == pytest.approx(500)
    issue = found.issues.iloc[0]
    assert len(found.issues) == 1 and (issue["rule"], issue["line"], issue["child"]) == ("outside_year", 4, "103")
    later = read(tmp_path / "b", {"s251.csv": S251 + rows}, as_of=dt.date(2020, 9, 30))
    assert plain(later.fees) == plain(found.fees)


def test_days_in_names_and_months():
    assert day_in_name("a/census 2020-09-30.csv") == dt.date(2020, 9, 30)
    assert day_in_name("Census_Q4_2019-20.csv") == day_in_name("2019-20-Q4.csv") == dt.date(2020, 3, 31)
    assert day_in_name("fees.csv") is day_in_name("2020-25-Q1.csv") is day_in_name("2020-02-31.csv") is None
    for word in ("2019-04", "2019-4", "April 2019", "Apr-19", "30/04/2019", "2019-04-30"):
        assert read_month(word) == dt.date(2019, 4, 1)
    assert read_month("2019-13") is read_month("Smarch 2019") is read_month("19") is None


def test_no_folder_no_finance(tmp_path):
    assert load_finance(tmp_path / "finance", CHILDREN) is None
    (tmp_path / "~$fees.xlsx").write_bytes(b"the lock of a workbook that is open")
    (tmp_path / "notes.pdf").write_bytes(b"%PDF")
    assert load_finance(tmp_path, CHILDREN) is None


def workbook(**sheets: list[list]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_each_sheet_of_a_workbook_is_a_file(tmp_path):
    fees = [
        [],  # a blank row above the header
        ["child", "category", "start", "end", "weekly_fee", "source"],
        [101, "IFA", dt.datetime(2019, 4, 1), dt.date(2020, 3, 31), 700.5, 'Two\nlines, "quoted"'],
        [],
        [102.0, None, dt.datetime(2019, 4, 1, 9, 30), None, 900, None, None],
        ["999", "IFA", "01/04/2019", None, "£1,000.50", None],
    ]
    budget = [["heading", "month", "pounds"], ["Placements", dt.date(2019, 4, 1), 100]]
    book = workbook(Fees=fees, Budget=budget, Empty=[], Notes=[["a", "b"], [True, 1.5]])
    found = read(tmp_path, {"sub/Book.XLSM": book, "spend.csv": SPEND + "Route 29,15/04/2019,10,Fund\n"})
    first = day("2019-04-01")
    assert plain(found.fees) == [("101", "IFA", first, day("2020-03-31"), 700.5), ("102", "", first, NO_DAY, 900)]
    assert found.fees["source"].tolist() == ['Two lines, "quoted', ""], "quotes at either end are taken off"
    assert found.fees["line"].tolist() == [3, 5], "a line is the sheet's row"
    assert found.budget["pounds"].tolist() == [100] and len(found.spend) == 1
    assert found.accounts["file"].tolist() == ["spend.csv", "sub/Book.XLSM [Fees]", "sub/Book.XLSM [Budget]"]
    assert found.issues[["file", "rule", "line"]].to_numpy().tolist() == [
        ["sub/Book.XLSM [Fees]", "child_unknown", 6], ["sub/Book.XLSM [Notes]", "file_not_recognised", 0],
        ["sub/Book.XLSM [Empty]", "sheet_empty", 0],
    ]  # fmt: skip
    assert found.hashes["sub/Book.XLSM"] == hashlib.sha256(book).hexdigest()


def test_a_formula_is_never_worked_out(tmp_path):
    book = workbook(Budget=[["heading", "month", "pounds"], ["Placements", "2019-04", "=1+1"]])
    assert read(tmp_path, {"b.xlsx": book}).issues["rule"].tolist() == ["amount_unreadable"]


def xlsx(member: str, content: bytes, *, of: bytes) -> bytes:
    """A workbook with one member replaced."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(of)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == member else old.read(name))
    return stream.getvalue()


SMALL = workbook(Budget=[["heading", "month", "pounds"], ["Placements", "2019-04", 5]])
SHEET = "xl/worksheets/sheet1.xml"
MAIN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
ENTITY = b'<!DOCTYPE a [<!ENTITY b "%s">]>' % (b"x" * 50) + MAIN % b'<row r="1"><c r="A1" t="str"><v>&b;</v></c></row>'
BAD_BOOKS = {
    "cut": (SMALL[: len(SMALL) // 2], "is not an Excel workbook that can be read"),
    "no zip": (b"PK\x03\x04", "is not an Excel workbook that can be read"),
    "no sheet": (xlsx(SHEET, b"<worksheet", of=SMALL), "is not an Excel workbook that can be read"),
    "entities": (xlsx(SHEET, ENTITY, of=SMALL), "is not an Excel workbook that can be read"),
    "password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "has a password or is of an old kind"),
    "bomb": (xlsx(SHEET, MAIN % (b" " * 40_000_000), of=SMALL), "would unpack to far more"),
    "rows": (xlsx(SHEET, MAIN % b'<row r="1000001"><c r="A1000001"><v>1</v></c></row>', of=SMALL), "1,000,000 rows"),
    "endless": (xlsx(SHEET, MAIN % b'<row r="99999999999"><c><v>1</v></c></row>', of=SMALL), "1,000,000 rows"),
    "columns": (xlsx(SHEET, MAIN % b'<row r="1"><c r="GS1"><v>1</v></c></row>', of=SMALL), "more than 200 columns"),
}


@pytest.mark.parametrize("name", BAD_BOOKS)
def test_a_workbook_that_cannot_be_read_is_one_sentence(tmp_path, name):
    content, words = BAD_BOOKS[name]
    (tmp_path / "book.xlsx").write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load_finance(tmp_path, CHILDREN)
    assert "/book.xlsx" in str(caught.value) and "\n" not in str(caught.value)
    found = load_finance(tmp_path, CHILDREN, strict=False)
    assert found.issues[["file", "rule", "line"]].to_numpy().tolist() == [["book.xlsx", "file_not_read", 0]]
    assert words in found.issues["problem"].iloc[0]


def test_the_next_file_is_read_after_one_that_cannot_be(tmp_path):
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    (tmp_path / "b.zip").write_bytes(b"no zip")
    (tmp_path / "c.csv").write_text(BUDGET + "Placements,2019-04,5\n", encoding="utf-8")
    with pytest.raises(InputError, match="of an old kind"):
        load_finance(tmp_path, CHILDREN)
    found = load_finance(tmp_path, CHILDREN, strict=False)
    assert found.budget["pounds"].tolist() == [5]
    assert found.issues["file"].tolist() == ["a.xls", "b.zip"]


def test_excel_is_loaded_only_for_excel(tmp_path):
    (tmp_path / "c.csv").write_text(BUDGET, encoding="utf-8")
    code = (
        "import sys, pathlib, numpy\nfrom bond_eval.intake.finance import load_finance\n"
        f"load_finance(pathlib.Path({str(tmp_path)!r}), numpy.array([]))\nprint('openpyxl' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"


def test_the_return_passes_over_the_finance_folder(tmp_path):
    data = write_return(tmp_path, {"2019-20": [episode("101", "2019-05-01"), *filler(2019)]})
    before = load(data)
    (data / "Finance").mkdir()
    (data / "Finance" / "fees.csv").write_text(FEES + GOOD, encoding="utf-8")
    after = load(data)
    pd.testing.assert_frame_equal(before.issues, after.issues)
    assert before.hashes == after.hashes


def test_a_header_without_rows_a_mark_and_other_line_ends(tmp_path):
    files = {"a.csv": FEES, "b.csv": UNITS, "c.csv": BUDGET, "d.csv": SPEND, "e.csv": CENSUS, "f.csv": S251}
    empty = read(tmp_path / "a", files)
    assert empty.issues.empty and empty.accounts["rows_in"].sum() == 0 and empty.fees.empty
    found = read(tmp_path / "b", {"fees.csv": b"\xef\xbb\xbf" + (FEES + GOOD).replace("\n", "\r\n").encode()})
    assert plain(found.fees) == [("101", "IFA", day("2019-04-01"), day("2020-03-31"), 700)]
    assert found.issues.empty and found.fees["line"].tolist() == [2]
    windows = CENSUS.replace("\n", "\r\n") + "Y,Salford,102,9,03/03/2020,Fostering - Independent,Salford,800,,,\r\n"
    assert read(tmp_path / "c", {"census.csv": windows}).fees["line"].tolist() == [3]

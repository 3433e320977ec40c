"""Periods, formats, findings, the issue log, places and the atomic writer."""

import datetime as dt
import json

import pytest

from bond_eval.core import atomic, formats, periods
from bond_eval.core.errors import InputError
from bond_eval.core.findings import Finding
from bond_eval.core.issues import IssueLog
from bond_eval.core.periods import Quarter
from bond_eval.core.places import ROOT, find_data, short_form


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2020-21-Q1", "2020-04-01", "2020-06-30"),
        ("2020-21-Q2", "2020-07-01", "2020-09-30"),
        ("2020-21-Q3", "2020-10-01", "2020-12-31"),
        ("2020-21-Q4", "2021-01-01", "2021-03-31"),
        ("1999-00-Q4", "2000-01-01", "2000-03-31"),
    ],
)
def test_quarters_are_financial(text, first, last):
    quarter = Quarter.parse(f" {text} ")
    assert (quarter.start.isoformat(), quarter.end.isoformat(), str(quarter)) == (first, last, text)
    assert Quarter.of(quarter.start) == Quarter.of(quarter.end) == quarter


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("2020-21", "2020-21-Q4"), ("2020-22-Q1", "2020-21-Q1"), ("2020-21-Q5", "2020-21-Q4"), ("q1", "2020-21-Q2"),
     ("2020-Q2", "2020-21-Q2"), ("1066-67-Q1", "2066-67-Q1"), ("2020/21-Q1", "2020-21-Q1"), ("", "2020-21-Q2")],
)  # fmt: skip
def test_what_is_no_quarter_is_refused_with_the_nearest_that_is_one(text, nearest):
    with pytest.raises(InputError, match=f"such as {nearest}."):
        Quarter.parse(text)


def test_quarters_follow_each_other_and_sort():
    quarter = Quarter(2019, 3)
    assert [str(quarter.next(step)) for step in (-3, 1, 2)] == ["2018-19-Q4", "2019-20-Q4", "2020-21-Q1"]
    assert sorted([Quarter(2020, 1), Quarter(2019, 4)])[0].number == 4


def test_year_ends_and_whole_months():
    assert periods.financial_year_start(dt.date(2020, 3, 31)) == 2019
    assert periods.financial_year_start(dt.date(2020, 4, 1)) == 2020
    ends = periods.year_ends(dt.date(2018, 3, 31), dt.date(2020, 3, 30))
    assert [end.year for end in ends] == [2018, 2019]
    months = periods.month_starts(dt.date(2019, 11, 2), dt.date(2020, 2, 28))
    assert months == [dt.date(2019, 12, 1), dt.date(2020, 1, 1)]
    assert periods.month_starts(dt.date(2019, 11, 1), dt.date(2019, 11, 30)) == [dt.date(2019, 11, 1)]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (formats.half_up(2.675, 2), 2.68),
        (formats.half_up(0.5), 1.0),
        (formats.half_up(-2.5), -3.0),
        (formats.percent(0.125), "13%"),
        (formats.percent(0.005), "1%"),
        (formats.percent(14 / 40 - 9 / 40), "13%"),
        (formats.number(12345.6), "12,346"),
        (formats.number(-0.4), "0"),
        (formats.number(-0.04, 1), "0.0"),
        (formats.money(640), "£640"),
        (formats.number(-1234.5, 1), "−1,234.5"),
        (formats.money(-2_750_000), "−£2.8m"),
        (formats.said(-1268.3), "−£1.27m"),
        (formats.said(90.4), "£90k"),
        (formats.said(999.7), "£1.00m"),
        (formats.said(-0.2), "£0k"),
        (formats.more(1268.3), "£1.27m more"),
        (formats.more(-656.1), "£656k less"),
        (formats.thousands(-606), "(606)"),
        (formats.thousands(-0.2), "0"),
        (formats.date(dt.date(2019, 3, 1)), "1 March 2019"),
        (formats.plural(1, "child", "children"), "1 child"),
        (formats.plural(1200, "move"), "1,200 moves"),
        (formats.listed(["a", "b", "c"]), "a, b and c"),
        (formats.sentence("  two  words. "), "Two words."),
    ],
)
def test_numbers_are_written_as_a_person_would(made, expected):
    assert made == expected


FINDING = {
    "id": "trends.op_now", "statement": "There were 42 children in outside placements.", "questions": ("M1a",),
    "kind": "descriptive", "unit": "children", "value": 42, "interval": None, "no_interval": "complete count", "n": 42,
    "period": "30 September 2020", "method": "count", "strength": "complete", "source": "SSDA903",
}  # fmt: skip


def test_a_finding_goes_to_json_and_back():
    made = Finding(**FINDING | {"interval": (40.0, 44.0), "no_interval": ""}).as_dict()
    assert json.loads(json.dumps(made)) == made
    assert made["interval"] == [40.0, 44.0]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("id", "Trends", "lower-case"), ("kind", "guess", "kind"), ("questions", (), "question"),
        ("statement", "42", "sentence"), ("source", "", "source"), ("no_interval", "", "says why not"),
        ("interval", (1.0, 2.0), "says why not"),
    ],
)  # fmt: skip
def test_a_finding_without_what_it_rests_on_is_refused(field, value, says):
    with pytest.raises(ValueError, match=says):
        Finding(**FINDING | {field: value})


def test_a_finding_outside_its_interval_is_refused():
    with pytest.raises(ValueError, match="holds its value"):
        Finding(**FINDING | {"interval": (43.0, 44.0), "no_interval": ""})


def test_issues_are_sorted_by_severity_file_and_line():
    log = IssueLog()
    log.add("b", "note", "a.csv", "x", "kept")
    log.add("b", "error", "b.csv", "x", "set aside", lines=[9, 3], values=["v9", "v3"], children=["c9", "c3"])
    log.add("b", "error", "c.csv", "x", "set aside", lines=[])
    frame = log.frame()
    assert frame[["severity", "line", "value", "child"]].to_numpy().tolist() == [
        ["error", 3, "v3", "c3"],
        ["error", 9, "v9", "c9"],
        ["note", 0, "", ""],
    ]
    with pytest.raises(ValueError, match="Unknown severity"):
        log.add("b", "fatal", "a.csv", "x", "kept")
    assert list(IssueLog().frame().columns) == list(frame.columns)


def test_data_is_found_from_here_or_the_project_and_no_machine_path_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert short_form(find_data("data/sample/salford")) == "data/sample/salford"
    (tmp_path / "extract").mkdir()
    assert short_form(find_data("extract")) == "extract"
    for missing in ("nowhere", "n" * 5000):
        with pytest.raises(InputError, match="is not there"):
            find_data(missing)
    assert ROOT.joinpath("bond_eval").is_dir()


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "a.json"
    atomic.write_json(path, {"b": 1, "a": "£"})
    assert path.read_bytes() == '{\n "a": "£",\n "b": 1\n}\n'.encode()
    assert path.stat().st_mode & 0o777 == 0o644

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "replace", full)
    with pytest.raises(InputError, match=r"a\.json .*No space left"):
        atomic.write_text(path, "new")
    assert '"£"' in path.read_text(encoding="utf-8")
    assert [item.name for item in path.parent.iterdir()] == ["a.json"]


def test_a_folder_takes_the_others_place_or_leaves_it(tmp_path):
    target = tmp_path / "run"
    for text in ("one", "two"):
        with atomic.replaced_folder(target) as work:
            (work / f"{text}.txt").write_text(text)
        assert [item.name for item in target.iterdir()] == [f"{text}.txt"]
    with pytest.raises(KeyboardInterrupt), atomic.replaced_folder(target) as work:
        (work / "three.txt").write_text("three")
        raise KeyboardInterrupt
    assert [item.name for item in target.iterdir()] == ["two.txt"]
    assert [item.name for item in tmp_path.iterdir()] == ["run"]


def test_where_nothing_can_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Choose another --out"):
        atomic.write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(InputError, match="Choose another --out"), atomic.replaced_folder(tmp_path / "file" / "run"):
        pass

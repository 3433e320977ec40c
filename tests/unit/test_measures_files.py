"""Measures by hand, targets, case studies and consultations read as they come."""

import datetime as dt
import io

import numpy as np
import openpyxl
import pytest

from bond_eval.core.errors import InputError
from bond_eval.intake.forms import form_table, recognise
from bond_eval.intake.measures import CASES, FORMS, REBASINGS, RULES, TARGETS, VALUES, VOICE, load_measures, read_period
from bond_eval.intake.typed import NO_DAY
from tests.helpers import day

AS_OF = dt.date(2020, 9, 30)
KNOWN = {"op_open", "marac"}
VALUE = "measure_id,period,value,numerator,denominator,source,known_on,note\n"
TARGET = "measure_id,target,from,baseline\n"
STUDY = "theme,programme,summary,consent,source,date\n"
ASKED = "programme,activity,date,invited,responded\n"
DEFINED = ",".join(row["column"] for row in form_table(FORMS.table)["definitions"]) + "\n"
OWN = "new,M7,Waits,Weeks waited,weeks,,,count,down,month,xmr,,By hand,CAMHS,,6,short,all,M7|B3,\n"
REBASE = "measure_id,rebase_from,reason\n"
GOOD = "op_open,2020-21-Q2,42,,,Return,,\n"


def read(folder, files, as_of=AS_OF, **options):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = load_measures(folder, KNOWN, as_of, **options)
    assert found is not None
    counted = found.accounts
    assert (counted["rows_in"] == counted["kept"] + counted["set_aside"]).all()
    refused = found.issues[(found.issues["action"] == "set aside") & (found.issues["line"] > 0)]
    assert refused.groupby("file").size().to_dict() == {
        row.file: row.set_aside for row in counted.itertuples() if row.set_aside
    }, "each row set aside has one issue that says so"
    return found


def test_the_four_forms_are_known_by_their_columns(tmp_path):
    found = read(
        tmp_path,
        {
            "v.csv": VALUE + "op_open,2020-21-Q2,42,,,Return,,\nop_open,2020-21-q1,45,,,,2020-07-10,late\n"
            "marac,2020-04,0.5,10,20,Police,,\nmarac,Mar-20,0.4,8,20,Police,,\n",
            "t.csv": TARGET + "op_open,36,2020-04-01,48\nmarac,0.2,,\n",
            "c.csv": STUDY + "Trust,Route 29,Contact was kept,yes,Dip sample,2020-08-20\nTrust,,Kept,No,,\n",
            "a.csv": ASKED + "route29,Survey,2020-07-15,40,22\n",
        },
    )
    assert found.issues.empty
    assert found.values[["measure_id", "period", "value", "known_on"]].to_numpy().tolist() == [
        ["marac", "2020-03", 0.4, dt.date(2020, 3, 31)],
        ["marac", "2020-04", 0.5, dt.date(2020, 4, 30)],
        ["op_open", "2020-21-Q1", 45, dt.date(2020, 7, 10)],
        ["op_open", "2020-21-Q2", 42, dt.date(2020, 9, 30)],
    ]
    assert found.values[["first", "last"]].iloc[2].tolist() == [day("2020-04-01"), day("2020-06-30")]
    assert found.targets[["measure_id", "target", "first"]].to_numpy().tolist() == [
        ["op_open", 36, day("2020-04-01")], ["marac", 0.2, NO_DAY],
    ]  # fmt: skip
    assert found.cases[["programme", "consent", "day"]].to_numpy().tolist() == [
        ["route29", True, day("2020-08-20")], ["", False, NO_DAY],
    ]  # fmt: skip
    assert found.voice[["invited", "responded"]].to_numpy().tolist() == [[40, 22]]
    for frame, spec in (
        (found.values, VALUES), (found.targets, TARGETS), (found.cases, CASES), (found.voice, VOICE),
    ):  # fmt: skip
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == spec
    assert sorted(found.hashes) == ["a.csv", "c.csv", "t.csv", "v.csv"]


CASES_OF_RULES = [
    ("measure_unknown", VALUE + GOOD.replace("op_open", "op_shut"), 2, "measure_id", "op_shut"),
    ("measure_unknown", TARGET + ",36,,\n", 2, "measure_id", ""),
    ("period_unreadable", VALUE + GOOD.replace("2020-21-Q2", "2020-22-Q2"), 2, "period", "2020-22-Q2"),
    ("period_unreadable", VALUE + GOOD.replace("2020-21-Q2", ""), 2, "period", ""),
    ("number_missing", VALUE + GOOD.replace("42", "forty"), 2, "value", "forty"),
    ("number_missing", VALUE + GOOD.replace("42", ""), 2, "value", ""),
    ("number_missing", TARGET + "op_open,fewer,,\n", 2, "target", "fewer"),
    ("number_missing", ASKED + "route29,Survey,2020-07-15,40,-2\n", 2, "responded", "-2"),
    ("number_unknown", VALUE + "marac,2020-04,0.5,ten,20,,,\n", 2, "numerator", "ten"),
    ("after_as_of", VALUE + GOOD.replace("2020-21-Q2", "2020-21-Q3"), 2, "period", "2020-21-Q3"),
    ("after_as_of", VALUE + GOOD.replace("Return,", "Return,2020-10-01"), 2, "known_on", "2020-10-01"),
    ("after_as_of", ASKED + "route29,Survey,2020-10-15,40,2\n", 2, "date", "2020-10-15"),
    ("after_as_of", STUDY + "Trust,,Kept,yes,,2021-01-01\n", 2, "date", "2021-01-01"),
    ("known_before_end", VALUE + GOOD.replace("Return,", "Return,2020-09-29"), 2, "known_on", "2020-09-29"),
    ("date_unreadable", VALUE + GOOD.replace("Return,", "Return,soon"), 2, "known_on", "soon"),
    ("value_repeated", VALUE + GOOD + GOOD.replace("42", "43"), 2, "period", "2020-21-Q2"),
    ("target_repeated", TARGET + "op_open,36,,\nop_open,37,,\n", 2, "target", "36"),
    ("text_missing", STUDY + ",,Kept,yes,,\n", 2, "theme", ""),
    ("text_missing", ASKED + "route29,,2020-07-15,40,2\n", 2, "activity", ""),
    ("programme_unknown", STUDY + "Trust,hotel,Kept,yes,,\n", 2, "programme", "hotel"),
    ("consent_unclear", STUDY + "Trust,,Kept,perhaps,,\n", 2, "consent", "perhaps"),
    ("consent_unclear", STUDY + "Trust,,Kept,,,\n", 2, "consent", ""),
    ("summary_quotes", STUDY + "Trust,,They said “stay” twice,yes,,\n", 2, "summary", "They said “stay” twice"),
    ("more_than_invited", ASKED + "route29,Survey,2020-07-15,40,41\n", 2, "responded", "41"),
    ("text_missing", DEFINED + OWN.replace("new,", ",", 1), 2, "id", ""),
    ("text_missing", DEFINED + OWN.replace("M7|B3", ""), 2, "questions", ""),
    ("word_unknown", DEFINED + OWN.replace("down", "sideways"), 2, "better", "sideways"),
    ("word_unknown", DEFINED + OWN.replace("month", "daily"), 2, "frequency", "daily"),
    ("word_unknown", DEFINED + OWN.replace("count", "furlong"), 2, "unit", "furlong"),
    ("word_unknown", DEFINED + OWN.replace("xmr", "pie"), 2, "chart", "pie"),
    ("word_unknown", DEFINED + OWN.replace("xmr,", "xmr,magic"), 2, "computed", "magic"),
    ("word_unknown", DEFINED + OWN.replace("CAMHS,", "CAMHS,no_fact"), 2, "baseline_fact", "no_fact"),
    ("word_unknown", DEFINED + OWN.replace("M7|B3", "M7|B33"), 2, "questions", "M7|B33"),
    ("number_missing", DEFINED + OWN.replace(",6,", ",soon,"), 2, "target", "soon"),
    ("measure_repeated", DEFINED + OWN + OWN.replace("Waits", "Waiting"), 2, "id", "new"),
    ("measure_unknown", REBASE + "op_shut,2019-04-01,Why\n", 2, "measure_id", "op_shut"),
    ("date_unreadable", REBASE + "marac,soon,Why\n", 2, "rebase_from", "soon"),
    ("after_as_of", REBASE + "marac,2020-10-01,Why\n", 2, "rebase_from", "2020-10-01"),
    ("text_missing", REBASE + "marac,2019-04-01,\n", 2, "reason", ""),
    ("rebase_repeated", REBASE + "marac,2019-04-01,Why\nmarac,01/04/2019,Because\n", 2, "rebase_from", "2019-04-01"),
    ("row_misfit", VALUE + GOOD + "marac,2020-04\n", 3, "", ""),
    ("quote_unclosed", VALUE + GOOD.replace("Return", '"Return') + "marac,2020-04,1,,,,,\n", 2, "", ""),
    ("column_repeated", "measure_id,period,value,value\nop_open,2020-21-Q2,42,43\n", 0, "VALUE", ""),
    ("file_not_recognised", "measure_id,size\nop_open,1\n", 0, "", ""),
    ("encoding", (TARGET + "op_open,£36,,\n").encode("cp1252"), 0, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "content", "line", "column", "value"), CASES_OF_RULES)
def test_each_rule_names_file_line_and_column(tmp_path, rule, content, line, column, value):
    found = read(tmp_path, {"file.csv": content})
    severity, action, problem = RULES[rule]
    columns = ["file", "rule", "line", "column", "value", "severity", "action", "problem"]
    expected = ("file.csv", rule, line, column, value, severity, action, problem)
    assert list(found.issues[columns].itertuples(index=False, name=None)) == [expected]


def test_an_authoritys_own_measures_are_known_to_its_other_files(tmp_path):
    """Whichever file is read first: `definitions.csv` comes after `a.csv`."""
    found = read(tmp_path, {"a.csv": VALUE + GOOD.replace("op_open", "new"), "definitions.csv": DEFINED + OWN,
                            "r.csv": REBASE + "new,2020-07-01,Counted anew\n"})  # fmt: skip
    assert found.issues.empty
    assert found.definitions[["id", "name", "target", "line"]].to_numpy().tolist() == [["new", "Waits", "6", 2]]
    assert found.rebasings[["measure_id", "first", "reason"]].to_numpy().tolist() == [
        ["new", day("2020-07-01"), "Counted anew"],
    ]  # fmt: skip
    assert {name: str(kind) for name, kind in found.rebasings.dtypes.items()} == REBASINGS


def test_every_rule_is_tested():
    unused = {"end_before_start"}  # of forms with a first and a last day, which these are not
    elsewhere = {"file_not_read", "sheet_empty"}
    assert {case[0] for case in CASES_OF_RULES} | elsewhere | unused == set(RULES)


def test_without_consent_a_summary_is_kept_and_marked(tmp_path):
    found = read(tmp_path, {"c.csv": STUDY + "Trust,,Kept,perhaps,,\nTrust,,Kept too,YES,,\n"})
    assert found.cases["consent"].tolist() == [False, True]


def test_a_revision_is_no_repetition(tmp_path):
    first = GOOD.replace("Q2", "Q1")
    rows = first.replace("42", "41") + first.replace("Return,", "Return,2020-08-01")
    found = read(tmp_path, {"v.csv": VALUE + rows})
    assert found.issues.empty
    assert found.values[["value", "known_on"]].to_numpy().tolist() == [
        [41, dt.date(2020, 6, 30)], [42, dt.date(2020, 8, 1)],
    ]  # fmt: skip


def test_periods():
    assert read_period("2020-21-Q4") == ("2020-21-Q4", dt.date(2021, 1, 1), dt.date(2021, 3, 31))
    for words in ("2020-02", "Feb 2020", "February 2020", "29/02/2020", "2020-02-01"):
        assert read_period(words) == ("2020-02", dt.date(2020, 2, 1), dt.date(2020, 2, 29))
    assert read_period("2020-21") is read_period("Q2") is read_period("") is read_period("2020") is None


def test_a_workbook_is_read_and_a_bad_one_is_a_sentence(tmp_path):
    book = openpyxl.Workbook()
    for row in (["measure_id", "period", "value"], ["op_open", dt.datetime(2020, 4, 1), 42]):
        book.active.append(row)
    book.create_sheet("Empty")
    stream = io.BytesIO()
    book.save(stream)
    found = read(tmp_path, {"m.xlsx": stream.getvalue()})
    assert found.values[["period", "value", "file"]].to_numpy().tolist() == [["2020-04", 42, "m.xlsx [Sheet]"]]
    assert found.issues["rule"].tolist() == ["sheet_empty"]
    (tmp_path / "bad.xlsx").write_bytes(stream.getvalue()[:900])
    with pytest.raises(InputError, match=r"/bad\.xlsx is not an Excel workbook"):
        load_measures(tmp_path, KNOWN, AS_OF)
    assert "file_not_read" in set(read(tmp_path, {}, strict=False).issues["rule"])


def test_no_folder_no_measures(tmp_path):
    assert load_measures(tmp_path / "measures", KNOWN, AS_OF) is None
    empty = read(tmp_path, {"v.csv": VALUE})
    assert empty.values.empty and {name: str(kind) for name, kind in empty.values.dtypes.items()} == VALUES


def test_each_form_is_recognised_by_its_own_header():
    for form, rows in form_table("measure_files.csv").items():
        for wanted in (rows, [row for row in rows if row["required"] == "yes"]):
            assert recognise([row["column"].upper() for row in wanted], "measure_files.csv")[0] == form


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files_never_raise_anything_but_a_sentence(tmp_path, seed):
    random = np.random.default_rng(seed)
    text = {"v.csv": VALUE + GOOD * 5, "t.csv": TARGET + "op_open,36,,\n", "c.csv": STUDY + "Trust,,Kept,yes,,\n"}
    files = {}
    for name, content in text.items():
        raw = bytearray(content.encode())
        for place in random.integers(0, len(raw), size=6):
            raw[place] = random.integers(0, 256)
        files[name] = bytes(raw)
    read(tmp_path, files, strict=False)

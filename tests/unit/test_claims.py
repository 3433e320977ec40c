"""Published figures checked against facts: verdicts, formulas that are wrong in every way, and a user's own file."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bond_eval.core.errors import InputError
from bond_eval.evidence.claims import (
    CONTRADICTS,
    DIFFERS,
    EXACT,
    ROUNDS,
    UNCHECKED,
    UNTESTED,
    VERDICTS,
    check_claims,
    claims_table,
    project_claims,
    shown,
)
from bond_eval.evidence.claims_facts import number, usable
from bond_eval.evidence.claims_formula import MAX_LENGTH, FormulaError, evaluate, names_in
from bond_eval.evidence.claims_lint import lint
from bond_eval.evidence.tables.claims_register import amount

FACTS = {"placements": 48.0, "unit_cost": 200.0, "other_count": 46.0, "nothing": 0.0}


def checked(facts=None, **row):
    base = {"claim_id": "C1", "value": "9600", "formula": "placements * unit_cost"}
    return check_claims(pd.DataFrame([base | row]), FACTS if facts is None else facts)[0]


def written(folder: Path, text: str, name: str = "report.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({}, EXACT),
        ({"value": "9,600"}, EXACT),
        ({"value": "£9,600"}, EXACT),
        ({"value": "9601"}, DIFFERS),
        ({"value": "9600.4"}, DIFFERS),
        ({"value": "3.3", "formula": "10 / 3"}, ROUNDS),
        ({"value": "3.4", "formula": "10 / 3"}, DIFFERS),
        ({"value": "5", "formula": "9 / 2"}, ROUNDS),
        ({"value": "0.3", "formula": "0.1 + 0.2"}, EXACT),
        ({"value": "8.0", "formula": "8.04"}, ROUNDS),
        ({"value": "8.0", "formula": "8.06"}, DIFFERS),
        ({"value": "(606)", "formula": "6208 - 6814"}, EXACT),
        ({"value": "10000", "tolerance": "500"}, ROUNDS),
        ({"value": "10000", "tolerance": "399"}, DIFFERS),
        ({"value": "46", "formula": "placements", "against": "placements"}, CONTRADICTS),
        ({"value": "46", "formula": "", "against": "placements"}, CONTRADICTS),
        ({"value": "3.3", "formula": "", "against": "the appendix"}, CONTRADICTS),
        ({"missing": "the ledger"}, UNTESTED),
        ({"formula": ""}, UNTESTED),
    ],
)
def test_verdict_follows_from_the_numbers(row, verdict):
    result = checked(**row)
    assert (result.verdict, result.problem) == (verdict, "")
    assert result.reason.endswith(".")


def test_result_holds_what_a_reader_needs():
    result = checked(value="9000", topic="Saving", unit="£000", note="Half is {unit_cost / 2}, a third {10 / 3|2}.")
    assert (result.value, result.recomputed, result.difference) == (9000, 9600, 600)
    assert result.facts == ("placements", "unit_cost")
    assert result.reason == "Worked out £9,600k, £600k more than published. Half is 100, a third 3.33."


def test_a_contradiction_that_is_gone_is_flagged():
    result = checked(value="46", formula="", against="placements", expect=CONTRADICTS, facts=FACTS | {"placements": 46})
    assert result.verdict == EXACT
    assert result.problem == "It no longer contradicts placements."


def test_a_verdict_other_than_the_one_read_is_flagged():
    assert checked(expect=EXACT).problem == ""
    flagged = checked(expect=EXACT, facts=FACTS | {"unit_cost": 210})
    assert flagged.verdict == DIFFERS
    assert flagged.problem == "Read as 'exact', it now comes out as 'does not reconcile': a figure has changed since."


BAD = [
    ("placements *", "cannot be read as arithmetic"),
    ("placments * unit_cost", "No fact is named 'placments'; the nearest is 'placements'."),
    ("zzzzqqqq", "No fact is named 'zzzzqqqq'."),
    ("placements / nothing", "divides by zero"),
    ("0 ** -1", "divides by zero"),
    ("9 ** 9 ** 9", "power beyond 100"),
    ("10 ** 100", "too large"),
    ("1e999", "too large"),
    ("(0 - 8) ** 0.5", "not a plain number"),
    ("2,315 + 1", "without commas"),
    ("placements * £200", "leave the pound sign out"),
    ("50 %", "divide by 100"),
    ("'a' * 9", "holds '''"),
    ("True + 1", "not a plain number"),
    ("2j", "not a plain number"),
    ("__import__(1)", "Function '__import__' is not known"),
    ("placements.real", "more than arithmetic"),
    ("(1).__class__", "more than arithmetic"),
    ("eval(1)", "Function 'eval' is not known"),
    ("min", "not a plain number"),
    ("min()", "too few or too many"),
    ("abs(1, 2)", "too few or too many"),
    ("round(1, 0.5)", "whole number of places"),
    ("1 if 1 else 2", "more than arithmetic"),
    ("1 // 2", "more than arithmetic"),
    ("lambda x", "cannot be read"),
    ("1; 2", "holds ';'"),
    ("x = 1", "holds '='"),
    ("1or 2", "more than arithmetic"),
    ("min(*placements)", "more than arithmetic"),
    ("(" * 240 + "1" + ")" * 240, "cannot be read"),
    ("1" * (MAX_LENGTH + 1), "has 501 characters: 500 are allowed"),
]


@pytest.mark.parametrize(("formula", "said"), BAD, ids=[formula[:20] for formula, _ in BAD])
def test_a_bad_formula_is_one_clear_sentence_on_its_row(formula, said):
    rows = [{"claim_id": "bad", "value": "1", "formula": formula}, {"claim_id": "good", "value": "2", "formula": "1+1"}]
    bad, good = check_claims(pd.DataFrame(rows), FACTS)
    assert bad.verdict == UNCHECKED
    assert said in bad.problem and bad.problem.endswith(".") and len(bad.problem) < 250
    assert good.verdict == EXACT


def test_functions_and_powers():
    assert evaluate("min(3, 2) + max(1, 4) + abs(0 - 5)", {}) == 11
    assert evaluate("round(2.675, 2)", {}) == 2.68
    assert evaluate("round(7 / 2)", {}) == 4
    assert evaluate("-2 ** 2 + +4", {}) == 0
    assert evaluate("1.035 ** -2", {}) == pytest.approx(0.93351, abs=1e-5)
    assert names_in("min(a_b, c) * a_b") == ("a_b", "c")
    assert names_in("a +") == ()


def test_deep_nesting_is_an_error_of_the_row_not_of_the_run():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        with pytest.raises(FormulaError, match=r"too deep|cannot be read"):
            evaluate("-" * 499 + "1", {})
    finally:
        sys.setrecursionlimit(limit)


@given(st.text(alphabet="abn_019.+-*/(), \n\t'\"%£[]{}:=<>lambdminroux", max_size=80))
@example("1_0")
@example("\x00")
@example("1e18 * 1e18")
@settings(deadline=None, max_examples=400)
def test_no_text_raises_anything_but_our_own(formula):
    try:
        value = evaluate(formula, {"a": 1.5, "n": 0.0, "b_1": -3.0})
    except FormulaError as error:
        assert str(error).endswith(".")
    else:
        assert abs(value) <= 1e18


@given(
    st.dictionaries(
        st.sampled_from(["claim_id", "value", "formula", "tolerance", "expect", "against", "note"]), st.text()
    )
)
@settings(deadline=None, max_examples=200)
def test_no_row_raises(row):
    whole = {"claim_id": "", "value": "", "formula": ""} | row
    (result,) = check_claims(pd.DataFrame([whole]), FACTS)
    assert result.verdict in (*VERDICTS, UNCHECKED)
    assert result.verdict != UNCHECKED or result.problem.endswith(".")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9,600", 9600),
        ("£4.8", 4.8),
        ("71.7%", 71.7),
        ("(606)", -606),
        ("−10", -10),
        ("", None),
        ("4.8m", None),
        ("nan", None),
        ("1e400", None),
        ("1_0", None),
        ("circa 5", None),
        ("9" * 400, None),
    ],
)
def test_numbers_as_people_write_them(text, value):
    assert number(text) == value


def test_a_number_is_shown_as_finely_as_it_was_published():
    assert [shown(9600, "9600"), shown(3.8333, "4"), shown(4.761, "4.8"), shown(5.0, "4.8")] == [
        "9,600",
        "3.83",
        "4.76",
        "5.0",
    ]
    assert shown(41860.0, "42000") == "41,860"
    assert shown(3e17, "1") == "3e+17"


def test_only_plain_names_are_facts():
    assert usable("op_2019")
    assert not any(usable(name) for name in ("", "min", "2019", "a-b", "A", "_a", "a" * 81))


def test_missing_columns_are_named():
    with pytest.raises(InputError, match="value and formula are not there"):
        check_claims(pd.DataFrame({"claim_id": ["C1"]}), {})


def test_repeated_and_blank_ids_are_told():
    frame = pd.DataFrame({"claim_id": ["a", "a", ""], "value": ["1", "1", "1"], "formula": ["1", "1", "1"]})
    first, second, third = check_claims(frame, {})
    assert (first.verdict, third.verdict, third.claim_id) == (EXACT, EXACT, "row 3")
    assert second.problem == "Its claim_id stands on an earlier row too."


# --- a user's own file


def test_lint_reads_claims_and_facts_beside_them(tmp_path):
    written(tmp_path, "name,value\nbeds,4\nfee,£1500\nbad name,1\nbeds,5\nempty,\n", "report_facts.csv")
    path = written(tmp_path, 'Claim ID,Value,Unit,Formula\nA,"6,000",£,beds * fee\nB,7,£,beds + 2\nC,1,,bedz\n')
    report = lint(path)
    assert [result.verdict for result in report.results] == [EXACT, DIFFERS, UNCHECKED]
    assert "the nearest is 'beds'" in report.results[2].problem
    assert [problem.split(":")[0] for problem in report.problems] == [
        f"report_facts.csv line {line}" for line in (4, 5, 6)
    ]
    text = report.as_text()
    assert text.startswith("report.csv: 3 claims: 1 exact, 1 does not reconcile and 1 could not be checked.")
    assert "! C" in text and "6,000 £" in text
    loaded = json.loads(report.as_json())
    assert loaded["counts"]["exact"] == 1 and len(loaded["claims"]) == 3


def test_lint_takes_facts_from_a_named_file_or_from_named_rows(tmp_path):
    path = written(tmp_path, "claim_id,name,value,formula\nA,beds,4,4\nB,,8,beds * 2\n")
    assert [result.verdict for result in lint(path).results] == [EXACT, EXACT]
    other = written(tmp_path, "name,value\nrate,3\n", "elsewhere.csv")
    path = written(tmp_path, "claim_id,value,formula\nA,6,rate * 2\n", "second.csv")
    assert lint(path, other).results[0].verdict == EXACT


def test_own_facts_shut_out_the_projects_own(tmp_path):
    path = written(tmp_path, "claim_id,value,formula\nA,48,op_baseline\n")
    assert lint(path).results[0].verdict == EXACT
    written(tmp_path, "name,value\nbeds,4\n", "facts.csv")
    assert lint(path).results[0].verdict == UNCHECKED


def test_a_broken_row_leaves_the_rest(tmp_path):
    path = written(
        tmp_path, 'claim_id,value,formula\nA,9,600,9600\nB,2,1 + 1\nC,about 5,5\nD,3\n\nE,"4,2 + 2\nF,6,3 + 3\n'
    )
    found = {result.claim_id: result for result in lint(path).results}
    assert "4 values for 3 columns" in found["A"].problem
    assert found["B"].verdict == EXACT and found["F"].verdict == EXACT
    assert "'about 5' is not a number" in found["C"].problem
    assert found["D"].verdict == UNTESTED
    assert found["E"].verdict == EXACT


def test_spreadsheets_other_forms_are_read(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes("claim_id;value;formula;note\r\nA;£4;2 + 2;half – of it\r\n".encode("cp1252"))
    (result,) = lint(path).results
    assert (result.verdict, result.published) == (EXACT, "£4") and "half – of it" in result.reason


def test_a_huge_formula_is_refused_quickly_and_not_repeated(tmp_path):
    path = written(tmp_path, f'claim_id,value,formula\nA,1,"max(1,{"1+" * 5_000_000}1)"\nB,2,1 + 1\n')
    lint(written(tmp_path, "claim_id,value,formula\nA,1,1\n", "warm.csv"))
    started = time.perf_counter()
    report = lint(path)
    text, loaded = report.as_text(), report.as_json()
    assert time.perf_counter() - started < 1
    assert report.results[0].problem == "The formula has 10,000,008 characters: 500 are allowed."
    assert report.results[1].verdict == EXACT
    assert len(text) < 1000 and len(loaded) < 6000


def test_nothing_of_a_file_reaches_a_terminal_raw(tmp_path):
    path = written(tmp_path, "claim_id,value,formula,note\nA\x1b[2J,1,x\x1b[2J,\x1b]0;hi\x07\n")
    assert not any(ord(c) < 32 and c != "\n" for c in lint(path).as_text())


@pytest.mark.parametrize("content", [b"", b"\n\n", b"PK\x03\x04\x00\x00", b"a,b\n1,2\n"])
def test_a_file_that_is_no_claims_file_is_an_input_error(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.csv|columns"):
        lint(path)


def test_missing_files_and_folders_are_input_errors(tmp_path):
    path = written(tmp_path, "claim_id,value,formula\nA,1,1\n")
    for wrong in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read \(.+\): give a CSV file that is there"):
            lint(wrong)
        with pytest.raises(InputError, match="cannot be read"):
            lint(path, wrong)
    with pytest.raises(InputError, match=r"^x\.csv: a claims file has .+ formula is not there: add it\.$"):
        lint(written(tmp_path, "claim_id,value\nA,1\n", "x.csv"))
    with pytest.raises(InputError, match="needs the columns name and value"):
        lint(path, written(tmp_path, "a,b\n1,2\n", "f.csv"))


def test_the_table_is_text_in_the_order_of_a_decision():
    table = claims_table()
    assert list(table.columns) == [
        *("topic", "claim_id", "document", "section", "quote"),
        *("published", "unit", "recomputed", "verdict", "explanation"),
    ]
    assert table["topic"].drop_duplicates().iloc[0] == "Saving claimed"
    assert table["explanation"].str.endswith(".").all()
    assert not table["explanation"].str.contains("[{}]").any()
    row = table.set_index("claim_id").loc["C040"]
    assert (row["published"], row["recomputed"], row["verdict"]) == ("2,315", "611", DIFFERS)


def test_importing_the_claims_needs_no_heavy_library():
    heavy = "('scipy', 'statsmodels', 'matplotlib')"
    code = f"import sys, bond_eval.evidence.claims_lint; print([m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


def test_a_reason_has_units_and_says_where_the_other_figure_stands():
    found = {result.claim_id: result.reason.split(". ")[0] for result in project_claims()}
    assert found["C015"] == "Worked out £1,200k, £200k more than published"
    assert found["C069"] == "Worked out 71.76%, 0.06 percentage points more than published"
    assert found["C097"] == "Worked out £207k a year, within £10k of the figure as written"
    assert found["C113"].startswith("By 6.4 of the same document it is February 2020")
    assert checked(value="12", formula="14", unit="month of 2019").reason.startswith("Worked out 14 month of 2019, 2 m")


@pytest.mark.parametrize(
    ("figure", "unit", "written"),
    [("-606", "£000", "−£606k"), ("4.8", "£m", "£4.8m"), ("2,100,000", "£", "£2,100,000"), ("", "£m", ""),
     ("200", "£ a case", "£200 a case"), ("60", "%", "60%"), ("50", "% of trend growth", "50% of trend growth"),
     ("-10", "children", "−10 children"), ("2", "month of 2020", "February 2020"),
     ("9", "day of February 2021", "9 February 2021"), ("174", "day of 2020", "174 day of 2020"),
     ("0", "flag", "No"), ("26", "week {} of 2020", "week 26 of 2020")],
)  # fmt: skip
def test_a_figure_stands_with_its_unit_as_people_write_it(figure, unit, written):
    assert amount(figure, unit) == written

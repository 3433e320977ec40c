"""The programme register read as it comes: forms by their columns, words, days, and links to the return."""

import datetime as dt
import io

import numpy as np
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from bond_eval.cli import app
from bond_eval.core.errors import InputError
from bond_eval.core.issues import public
from bond_eval.core.periods import Quarter
from bond_eval.evidence.view import load_view
from bond_eval.intake.forms import form_table, recognise
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import (
    ACTIVITY,
    CASES,
    CONTACTS,
    EVENTS,
    MEASURES,
    PROGRAMMES,
    load_register,
)
from bond_eval.intake.register_forms import RULES, words
from bond_eval.intake.register_people import PEOPLE
from bond_eval.intake.typed import NO_DAY
from tests.helpers import day, episode, filler, write_return

AS_OF = dt.date(2020, 9, 30)
CARE = np.array(["1", "2", "3"], dtype=object)
CARED = pd.DataFrame(
    {
        "birth": np.array([day("2005-01-01"), day("2006-02-02"), NO_DAY], dtype=np.int32),
        "sex": ["Male", "Female", "Unknown"],
        "ethnicity": pd.Categorical(["WBRI", None, "MWBC"]),
        "has_header": True,
    }
)
CASE = (
    "case_id,child_id,programme,referral_date,decision,decision_date,start_date,end_date,closure_reason,"
    "status_at_referral,placement_at_referral\n"
)
PERSON = "child_id,care_id,date_of_birth,sex,ethnicity,disability,area,deprivation_decile\n"
CROSS = "child_id,care_id\n"
MEASURE = "child_id,programme,measure,rater,date,score\n"
EVENT = "child_id,type,date\n"
CONTACT = "child_id,programme,date,kind,minutes\n"
ACTIVE = "programme,activity,breakdown,from,to,value,note\n"
OWN = "programme,name,kind,live_from,age_from,age_to,capacity,notebook\n"
A = "c1,R1,route29,2020-02-01,accepted,2020-02-05,2020-02-10,2020-08-01,completed,edge of care,\n"


def read(folder, files, as_of=AS_OF, **options):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = load_register(folder, CARE, CARED, as_of, **options)
    assert found is not None
    counted = found.accounts
    assert (counted["rows_in"] == counted["kept"] + counted["set_aside"]).all()
    refused = found.issues[(found.issues["action"] == "set aside") & (found.issues["line"] > 0)]
    assert refused.groupby("file").size().to_dict() == {
        row.file: row.set_aside for row in counted.itertuples() if row.set_aside
    }, "each row set aside has one issue that says so"
    return found


def rules(found, *, notes=False):
    issues = found.issues
    return issues[(issues["severity"] != "note") | notes]["rule"].tolist()


def book(sheets):
    """A workbook's bytes: sheet -> rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


FULL = {
    "cases.csv": CASE + A + "c2,R2,Route 29,2020-03-01,waiting,,,,,Looked_After,in-house residential\n",
    "people.csv": PERSON + "R1,2,02/02/2006,,WBRI,no,Ordsall,2\nR2,,,Male,,yes,,\n",
    "crosswalk.csv": CROSS + "R2,3\n",
    "measures.csv": MEASURE + "R1,route29,sdq_total,parent,2020-03-01,21\nR1,route29,SDQ total,self,2020-03-01,18.0\n",
    "events.csv": EVENT + "R1,missing,2020-05-04\n1,A&E attendance,2019-05-04\n",
    "contacts.csv": CONTACT + "R1,route29,2020-03-01,Health  Assessment,60\nR1,route29,2020-03-09,nurse,\n",
    "activity.csv": ACTIVE + "domestic_abuse,Referrals,,2020-06-22,2020-06-28,123,\n,Staff list,,2020-06-30,,29,\n",
}  # fmt: skip


def test_every_form_is_known_by_its_columns_and_typed(tmp_path):
    found = read(tmp_path, FULL)
    assert rules(found) == [] and rules(found, notes=True) == ["link_unchecked"]
    assert found.accounts.set_index("file")["form"].to_dict() == {name: name[:-4] for name in sorted(FULL)}
    assert found.children.tolist() == ["1", "R1", "R2"] and found.absent == ("programmes",)
    columns = [name for name in CASES if name not in ("file", "line")]
    assert found.cases[columns].to_numpy().tolist() == [
        [0, 1, "route29", day("2020-02-01"), day("2020-02-05"), day("2020-02-10"), day("2020-08-01"), "", "accepted",
         "", "completed", "edge of care", ""],
        [1, 2, "route29", day("2020-03-01"), NO_DAY, NO_DAY, NO_DAY, "", "waiting", "", "", "looked after",
         "In-house residential"],
    ]  # fmt: skip
    assert found.measures[["measure", "rater", "score"]].to_numpy().tolist() == [
        ["sdq_total", "parent", 21.0], ["sdq_total", "self", 18.0],
    ]  # fmt: skip
    assert found.events[["child", "type"]].to_numpy().tolist() == [[1, "missing"], [0, "a_and_e"]]
    assert found.contacts["kind"].tolist() == ["health assessment", "nurse"]
    assert found.contacts["minutes"].iloc[0] == 60 and np.isnan(found.contacts["minutes"].iloc[1])
    assert found.activity[["first", "last"]].to_numpy().tolist() == [
        [day("2020-06-22"), day("2020-06-28")], [day("2020-06-30"), day("2020-06-30")],
    ]  # fmt: skip
    assert list(found.hashes) == sorted(FULL)
    for frame, spec in zip(
        (found.cases, found.measures, found.events, found.contacts, found.people, found.activity, found.programmes),
        (CASES, MEASURES, EVENTS, CONTACTS, PEOPLE, ACTIVITY, PROGRAMMES),
        strict=True,
    ):
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == spec


def test_people_are_linked_and_filled_from_the_return(tmp_path):
    people = read(tmp_path, FULL).people.astype({"decile": object})
    assert people[["care", "birth", "sex", "ethnicity", "disability", "area"]].to_numpy().tolist() == [
        [0, day("2005-01-01"), "Male", "WBRI", "", ""],  # named by an event alone, under the return's own number
        [1, day("2006-02-02"), "Female", "WBRI", "no", "Ordsall"],  # linked by people.care_id; sex from the return
        [2, NO_DAY, "Male", "MWBC", "yes", ""],  # linked by the crosswalk; the return has no birth and no sex
    ]


def test_one_workbook_says_what_many_files_say(tmp_path):
    def cells(text):
        rows = [line.split(",") for line in text.splitlines()]
        return [
            [dt.datetime.fromisoformat(v) if len(v) == 10 and v[4] == "-" else float(v) if v.isdigit() else v or None
             for v in row]
            for row in rows
        ]  # fmt: skip

    many = read(tmp_path / "many", FULL)
    sheets = {name[:-4]: cells(text) for name, text in FULL.items()}
    one = read(tmp_path / "one", {"register.xlsx": book({**sheets, "Notes": [], "Codes": [["a", "b"], [1, 2]]})})
    assert sorted(one.accounts["file"]) == sorted(f"register.xlsx [{name[:-4]}]" for name in FULL)
    for name in ("cases", "measures", "events", "contacts", "activity"):
        columns = [column for column in getattr(many, name).columns if column != "file"]
        pd.testing.assert_frame_equal(getattr(one, name)[columns], getattr(many, name)[columns])
    pd.testing.assert_frame_equal(one.people, many.people)
    aside = one.issues[one.issues["line"] == 0]
    assert sorted(aside["rule"] + " " + aside["file"]) == [
        "file_not_recognised register.xlsx [Codes]", "sheet_empty register.xlsx [Notes]",
    ]  # fmt: skip
    assert list(one.hashes) == ["register.xlsx"]


SHARED = {"p.csv": PERSON + "R1,,,,,no,,\n", "c.csv": CASE + A}
CASES_OF_RULES = [
    ("child_blank", CASE + A.replace("R1", ""), 2, "child_id", ""),
    ("child_unknown", EVENT + "R9,missing,2020-05-04\n", 2, "child_id", "R9"),
    ("name_unknown", CASE + A.replace("route29", "hotel"), 2, "programme", "hotel"),
    ("name_unknown", EVENT + "R1,party,2020-05-04\n", 2, "type", "party"),
    ("name_unknown", MEASURE + "R1,,iq,parent,2020-05-04,100\n", 2, "measure", "iq"),
    ("word_unknown", CASE + A.replace("completed", "bored"), 2, "closure_reason", "bored"),
    ("word_unknown", CASE + A.replace("care,", "care,Hotel"), 2, "placement_at_referral", "Hotel"),
    ("word_unknown", MEASURE + "R1,,wellbeing,aunt,2020-05-04,100\n", 2, "rater", "aunt"),
    ("word_unknown", PERSON + "R5,,,9,,,,\n", 2, "sex", "9"),
    ("date_unknown", CASE + A.replace("2020-02-05", "soon"), 2, "decision_date", "soon"),
    ("date_unknown", PERSON + "R5,,31/02/2005,,,,,\n", 2, "date_of_birth", "31/02/2005"),
    ("date_unreadable", CASE + A.replace("2020-02-01", ""), 2, "referral_date", ""),
    ("date_unreadable", CASE + A.replace("2020-08-01", "2020-08-41"), 2, "end_date", "2020-08-41"),
    ("date_unreadable", EVENT + "R1,missing,\n", 2, "date", ""),
    ("number_unknown", CONTACT + "R1,route29,2020-05-04,nurse,-5\n", 2, "minutes", "-5"),
    ("number_unknown", PERSON + "R5,,,,,,,11\n", 2, "deprivation_decile", "11"),
    ("number_missing", MEASURE + "R1,,wellbeing,parent,2020-05-04,\n", 2, "score", ""),
    ("number_missing", ACTIVE + "act,Sessions,,2020-05-04,,many,\n", 2, "value", "many"),
    ("score_out_of_range", MEASURE + "R1,,sdq_total,parent,2020-05-04,41\n", 2, "score", "41"),
    ("score_out_of_range", MEASURE + "R1,,sdq_impact,teacher,2020-05-04,7\n", 2, "score", "7"),
    ("text_missing", ACTIVE + "act,,,2020-05-04,,5,\n", 2, "activity", ""),
    ("text_missing", CONTACT + "R1,route29,2020-05-04,,5\n", 2, "kind", ""),
    ("end_before_start", CASE + A.replace("2020-08-01", "2020-02-09"), 2, "end_date", "2020-02-09"),
    ("end_before_start", ACTIVE + "act,Sessions,,2020-05-04,2020-05-03,5,\n", 2, "to", "2020-05-03"),
    ("decided_before_referral", CASE + A.replace("2020-02-05", "2020-01-05"), 2, "decision_date", "2020-01-05"),
    ("started_before_referral", CASE + A.replace("2020-02-10", "2020-01-31"), 2, "start_date", "2020-01-31"),
    ("started_not_accepted", CASE + A.replace("accepted", "not accepted"), 2, "start_date", "2020-02-10"),
    ("ended_without_start", CASE + A.replace("2020-02-10", ""), 2, "end_date", "2020-08-01"),
    ("case_repeated", CASE + A + A.replace("2020-08-01", ""), 2, "case_id", "c1"),
    ("case_repeated", CASE + 2 * A.replace("c1", ""), 2, "case_id", ""),
    ("row_repeated", MEASURE + 2 * "R1,,wellbeing,parent,2020-05-04,5\n", 2, "child_id", "R1"),
    ("row_repeated", ACTIVE + 2 * "act,Sessions,,2020-05-04,,5,\n", 2, "activity", "Sessions"),
    ("row_repeated", OWN + 2 * "route29,Route 29,,,,,,\n", 2, "programme", "route29"),
    ("person_repeated", PERSON + "R5,,,,,no,,\nR5,,,,,yes,,\n", 2, "child_id", "R5"),
    ("crosswalk_conflict", CROSS + "R1,1\nR1,2\n", 2, "care_id", "1"),
    ("care_unknown", PERSON + "R5,88,,,,no,,\n", 2, "care_id", "88"),
    ("dob_conflict", PERSON + "R5,1,2005-01-02,,,,,\n", 2, "date_of_birth", "2005-01-02"),
    ("looked_after_unlinked", CASE + A.replace("edge of care", "looked after"), 2, "child_id", "R1"),
    ("row_misfit", CASE + A + "c2,R1\n", 3, "", ""),
    ("quote_unclosed", CASE + A.replace("completed", '"completed') + A.replace("c1", "c2"), 2, "", ""),
    ("column_repeated", "child_id,type,date,type\nR1,missing,2020-05-04,missing\n", 0, "TYPE", ""),
    ("file_not_recognised", "child_id,size\nR1,1\n", 0, "", ""),
]  # fmt: skip
ELSEWHERE = {
    "file_not_read", "sheet_empty", "encoding", "after_as_of", "case_shared", "person_conflict", "care_shared",
    "link_unchecked", "not_in_return",
}  # fmt: skip


@pytest.mark.parametrize(("rule", "content", "line", "column", "value"), CASES_OF_RULES)
def test_each_rule_names_file_line_and_column(tmp_path, rule, content, line, column, value):
    # The child is known to the register by its people, and to the return by none.
    known = {} if content.startswith(PERSON) else {"known.csv": SHARED["p.csv"]}
    found = read(tmp_path, {"file.csv": content, **known})
    severity, action, problem = RULES[rule]
    issues = found.issues[(found.issues["file"] == "file.csv") & (found.issues["severity"] != "note")]
    columns = ["rule", "line", "column", "value", "severity", "action", "problem"]
    expected = (rule, line, column, value, severity, action, problem)
    assert next(issues[columns].itertuples(index=False, name=None)) == expected
    assert set(issues["rule"]) == {rule}


def test_every_rule_is_tested():
    assert {case[0] for case in CASES_OF_RULES} | ELSEWHERE == set(RULES)


def test_nothing_after_the_as_of_date_is_used(tmp_path):
    later = A.replace("2020-02-01", "2020-06-01").replace("2020-02-", "2020-07-").replace("c1,R1", "c2,R2")
    new = A.replace("c1,R1,route29,2020-02-01", "c3,R3,act,2020-07-01")
    files = {
        "cases.csv": CASE + A + later + new,
        "events.csv": EVENT + "R1,missing,2020-06-30\nR1,missing,2020-07-01\nR3,missing,2020-06-30\n",
        "activity.csv": ACTIVE + "act,Sessions,,2020-06-30,2020-07-01,5,\nact,Sessions,,2020-06-30,2020-06-30,5,\n",
    }  # fmt: skip
    found = read(tmp_path, files, dt.date(2020, 6, 30))
    cases = found.cases[["decision", "decided", "start", "end", "closure"]].to_numpy().tolist()
    assert cases == [
        ["accepted", day("2020-02-05"), day("2020-02-10"), NO_DAY, ""],
        ["waiting", NO_DAY, NO_DAY, NO_DAY, ""],
    ]
    assert found.events["day"].tolist() == [day("2020-06-30")] * 2
    assert len(found.activity) == 1
    late = found.issues[found.issues["rule"] == "after_as_of"]
    assert late[["file", "line", "column"]].to_numpy().tolist() == [
        ["activity.csv", 2, "to"], ["cases.csv", 4, "referral_date"], ["events.csv", 3, "date"],
    ]  # fmt: skip
    assert len(read(tmp_path, {}, dt.date(2020, 8, 1)).cases) == 3


def test_a_conflict_is_never_guessed_away(tmp_path):
    people = (
        PERSON
        + "R1,1,2005-01-01,,,,,\nR1,2,,,,,,\n"  # two numbers in the return
        + "R2,,2005-01-01,,,,,\nR2,,2005-01-02,,,,,\n"  # two dates of birth
        + "R3,2,2006-03-02,,,,,\n"  # the return's child 2 was born on 2006-02-02
        + "R4,1,,,,,,\nR5,1,2005-01-01,,,,,\n"  # two children with one number
        + "R6,,,,,no,,\n2,,2006-02-02,,,,,\n3,,,,,no,,\n"  # not in the return; by the same number, checked and not
    )
    cases = CASE + A.replace("R1", "R2") + A.replace("R1", "R6")
    found = read(tmp_path, {"p.csv": people, "c.csv": cases})
    linked = dict(zip(found.children, found.people["care"], strict=True))
    assert linked == {"2": 1, "3": 2, "R2": -1, "R3": -1, "R4": 0, "R5": 0, "R6": -1}
    assert found.people.loc[list(found.children).index("R3"), ["birth", "sex"]].tolist() == [day("2006-03-02"), ""]
    told = found.issues.groupby("rule")["line"].apply(list).to_dict()
    assert told == {
        "person_conflict": [2, 3, 4, 5], "dob_conflict": [6], "care_shared": [7, 8], "not_in_return": [2, 9],
        "link_unchecked": [11], "case_shared": [2, 3],
    }  # fmt: skip


def test_extracts_that_overlap_are_counted_once(tmp_path):
    twice = EVENT + 2 * "R1,missing,2020-05-04\n"
    found = read(tmp_path, {**SHARED, "e1.csv": twice, "e2.csv": twice + "R1,arrest,2020-05-04\n"})
    assert found.events["type"].tolist() == ["missing", "missing", "arrest"]
    assert found.issues[found.issues["rule"] == "row_repeated"]["file"].tolist() == ["e1.csv"] * 2


def test_an_authoritys_own_programmes_take_the_place_of_ours(tmp_path):
    own = OWN + "family_hub,Family Hub,support,2020-01-01,0,5,40,\n"
    case = A.replace("route29", "family hub")
    found = read(tmp_path, {"programmes.csv": own, "c.csv": CASE + case + A.replace("c1", "c2")})
    assert found.programmes[["programme", "age_to", "capacity"]].to_numpy().tolist() == [["family_hub", 5.0, 40.0]]
    assert found.cases["programme"].tolist() == ["family_hub"] and rules(found) == ["name_unknown"]
    ours = read(tmp_path / "ours", {**SHARED, "programmes.csv": OWN}).programmes
    assert ours["programme"].tolist() == list(words("programme").values())[::2]
    route29 = ours.set_index("programme").loc["route29"]
    assert route29[["live_from", "age_from", "age_to"]].tolist() == [day("2020-02-01"), 12, 17]


def test_no_folder_no_register(tmp_path):
    assert load_register(tmp_path / "register", CARE, CARED, AS_OF) is None
    (tmp_path / "notes.docx").write_bytes(b"PK\x03\x04")
    assert load_register(tmp_path, CARE, CARED, AS_OF) is None


def test_a_form_without_a_file_is_empty_and_named(tmp_path):
    found = read(tmp_path, {"events.csv": EVENT + "1,missing,2020-05-04\n"})
    assert found.absent == ("cases", "measures", "contacts", "crosswalk", "people", "activity", "programmes")
    assert found.cases.empty and {name: str(kind) for name, kind in found.cases.dtypes.items()} == CASES
    nothing = read(tmp_path / "n", {"events.csv": EVENT})
    assert nothing.children.size == 0 and nothing.people.empty and list(nothing.people) == list(PEOPLE)


def test_an_unreadable_file_stops_the_load_or_is_an_issue(tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"PAR1xx")
    with pytest.raises(InputError, match=r"bad\.csv is a Parquet file"):
        load_register(tmp_path, CARE, CARED, AS_OF)
    found = read(tmp_path, {**SHARED, "a.xlsx": b"PK\x03\x04", "old.xls": b"\xd0\xcf\x11\xe0" * 9}, strict=False)
    assert found.issues[found.issues["rule"] == "file_not_read"]["file"].tolist() == ["a.xlsx", "bad.csv", "old.xls"]
    assert len(found.cases) == 1


def test_the_public_report_holds_no_number_date_or_area(tmp_path):
    private = {"R1": "R19283", "2": "77001"}
    people = PERSON + f"{private['R1']},{private['2']},13/07/2005,x,y,z,M5 3FF,99\n{private['R1']},1,14/07/2005,,,,,\n"
    found = read(tmp_path, {"p.csv": people, "c.csv": CASE + A.replace("R1", private["R1"]) + A.replace("R1", "R9")})
    shown = public(found.issues).to_csv(index=False)
    for secret in (*private.values(), "13/07/2005", "14/07/2005", "M5 3FF"):
        assert secret in found.issues.to_csv(index=False) + people and secret not in shown


def test_check_reports_the_folders_and_goes_on_past_what_cannot_be_read(tmp_path):
    data = write_return(tmp_path / "data", {"2019-20": [episode("101", "2019-05-01"), *filler(2019)]})
    write_return(tmp_path / "alone", {"2019-20": [episode("101", "2019-05-01"), *filler(2019)]})
    for folder, files in {
        "register": {
            "a.xls": "x",
            "bad.csv": "PAR1",
            "cases.csv": CASE + A.replace("R1", "R86"),
            "p.csv": "x,y\n1,2\n",
        },
        "finance": {"a.xlsx": "x", "z.csv": "heading,month,pounds\nPlacements,soon,5\n"},
        "measures": {"a.zip": "x", "z.csv": "measure_id,period,value\nno_such_measure,2019-04,5\n"},
    }.items():
        (data / folder).mkdir()
        for name, content in files.items():
            (data / folder / name).write_text(content, encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(data), "--csv", str(tmp_path / "issues.csv")])
    assert done.exit_code == 0, done.output
    assert "register: 1 rows in = 1 kept + 0 set aside, 1 forms of 1 files." in done.output
    told = pd.read_csv(tmp_path / "issues.csv")[["file", "rule"]]
    named = told[told["file"].str.contains("/") & ~told["file"].str.startswith("2019-20")]
    assert sorted(named.itertuples(index=False, name=None)) == [
        ("finance/a.xlsx", "file_not_read"), ("finance/z.csv", "date_unreadable"),
        ("measures/a.zip", "file_not_read"), ("measures/z.csv", "measure_unknown"),
        ("register/a.xls", "file_not_read"), ("register/bad.csv", "file_not_read"),
        ("register/cases.csv", "not_in_return"), ("register/p.csv", "file_not_recognised"),
    ]  # fmt: skip
    assert "R86" not in done.output
    alone = CliRunner().invoke(app, ["check", str(tmp_path / "alone")])
    assert "forms of" not in alone.output and alone.exit_code == 0


def test_a_view_holds_the_register_as_of_its_quarter(tmp_path):
    data = write_return(tmp_path, {"2019-20": [episode("101", "2019-05-01"), *filler(2019)]})
    (data / "Register").mkdir()
    later = A.replace("R1", "R2").replace("c1", "c2").replace("2020-02-01", "2019-12-31")
    (data / "Register" / "cases.csv").write_text(CASE + A + later, encoding="utf-8")
    view = load_view(data, "a", Quarter.parse("2019-20-Q3"), "public", 1)
    assert view.supplied["register"] is view.register and view.register.children.tolist() == ["R2"]
    assert load_view(data, "a", Quarter.parse("2019-20-Q4"), "public", 1).register.children.tolist() == ["R1", "R2"]


def test_the_words_and_the_forms_agree():
    table = read_reference("register_words.csv")
    used = {row["field"] for rows in form_table("register_files.csv").values() for row in rows if row["kind"] == "word"}
    assert used == set(table["field"]) | {"programme"}  # programmes.csv is their one list
    scales = read_reference("scales.csv")
    assert set(scales["measure"]) <= set(words("measure").values())
    assert set(scales["rater"]) - {""} <= set(words("rater").values())
    assert (scales["source"] != "").all()


def test_each_form_is_recognised_by_its_own_header():
    for form, rows in form_table("register_files.csv").items():
        header = [row["column"].upper() for row in rows]
        assert recognise(header, "register_files.csv")[0] == form
        needed = [row["column"].upper() for row in rows if row["required"] == "yes"]
        any_of = [row["column"].upper() for row in rows if row["required"] == "any"][:1]
        assert recognise(needed + any_of, "register_files.csv")[0] == form


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files_never_raise_anything_but_a_sentence(tmp_path, seed):
    random = np.random.default_rng(seed)
    whole = {**FULL, "register.xlsx": book({"cases": [CASE.strip().split(","), A.strip().split(",")]})}
    files = {}
    for name, content in whole.items():
        raw = bytearray(content if isinstance(content, bytes) else content.encode())
        for place in random.integers(0, len(raw), size=max(2, len(raw) // 40)):
            raw[place] = random.integers(0, 256)
        files[name] = bytes(raw[: random.integers(len(raw) // 2, len(raw) + 1)])
    found = read(tmp_path, files, strict=False)
    assert found.cases["child"].between(0, len(found.children) - 1).all()
    assert not public(found.issues)["value"].str.contains(r"\d\d\d\d-\d\d-(?!9)").any()

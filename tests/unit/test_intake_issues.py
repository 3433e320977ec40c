"""Each defect is one row of the report, with its file, line, column, value and what was done."""

import hashlib

import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.issues import mask, public
from bond_eval.intake.checks import RULES
from tests.helpers import (
    EPISODE_COLUMNS,
    HEADER_COLUMNS,
    SAMPLE,
    csv_text,
    episode,
    filler,
    issues_of,
    load,
    person,
    write_return,
)

E, H = "2019-20/episodes.csv", "2019-20/header.csv"
GOOD = episode("101", "2019-05-01")


def read(tmp_path, rows, people=None, year="2019-20"):
    """A year's return whose first rows are those given (so that they stand on lines 2, 3, ...)."""
    episodes = [*rows, *filler(int(year[:4]))]
    named = people and {year: [*people, *(person(row["CHILD"]) for row in filler(int(year[:4])))]}
    return load(write_return(tmp_path, {year: episodes}, named))


# One bad row each: rule -> (row, column, value, severity, action)
ROWS = {
    "child_blank": (episode("", "2019-05-01"), "CHILD", "", "error", "set aside"),
    "decom_missing": (episode("101", ""), "DECOM", "", "error", "set aside"),
    "dec_before_decom": (episode("101", "2019-05-09", "2019-05-01"), "DEC", "2019-05-01", "error", "set aside"),
    "provider_missing": (episode("101", "2019-05-01", PLACE_PROVIDER=""), "PLACE_PROVIDER", "", "warning", "kept"),
    "provider_unexpected": (episode("101", "2019-05-01", PLACE="T1"), "PLACE_PROVIDER", "PR1", "note", "kept"),
    "rec_without_dec": (episode("101", "2019-05-01", REC="X1"), "REC", "X1", "note", "kept"),
    "dec_without_rec": (episode("101", "2019-05-01", "2019-06-01", REC=""), "REC", "", "warning", "kept"),
    "code_unknown": (episode("101", "2019-05-01", CIN="N99"), "CIN", "N99", "warning", "kept"),
    "code_not_in_year": (episode("101", "2019-05-01", PLACE="K3"), "PLACE", "K3", "note", "kept"),
    "code_blank": (episode("101", "2019-05-01", RNE=""), "RNE", "", "warning", "kept"),
    "date_unreadable": (episode("101", "31/02/2019"), "DECOM", "31/02/2019", "error", "set aside"),
    "date_outlier": (episode("101", "2051-05-01"), "DECOM", "2051-05-01", "error", "set aside"),
}


@pytest.mark.parametrize("rule", sorted(ROWS))
def test_a_bad_row_is_one_issue_with_its_place(tmp_path, rule):
    row, column, value, severity, action = ROWS[rule]
    data = read(tmp_path, [GOOD | {"CHILD": "100"}, row])
    assert issues_of(data, rule) == [(E, 3, column, value, row["CHILD"], severity, action)]
    assert set(data.issues["rule"]) == {rule}
    gone = action == "set aside"
    assert data.accounts.set_index("file").loc[E, ["rows_in", "kept", "set_aside"]].tolist() == [6, 6 - gone, int(gone)]
    assert (101 in data.children[data.episodes["child"]].astype(int)) is (not gone)


@pytest.mark.parametrize(("dec", "rule"), [("31/06/2019", "date_unreadable"), ("2051-01-01", "date_outlier")])
def test_an_end_that_cannot_be_is_taken_as_open(tmp_path, dec, rule):
    data = read(tmp_path, [episode("101", "2019-05-01", dec, REC="E4A")])
    assert issues_of(data, rule) == [(E, 2, "DEC", dec, "101", "warning", "corrected")]
    assert data.episodes["dec"].iloc[0] == 2**31 - 1


def test_an_end_the_day_after_the_year_is_kept(tmp_path):
    data = read(tmp_path, [episode("101", "2019-05-01", "2020-04-01", REC="E4A")])
    assert data.issues.empty
    assert str(data.submissions["last_day"].iloc[0]) == "2020-03-31"


def test_rules_of_people(tmp_path):
    people = [
        person("101", ""),
        person("102", "2019-09-09"),
        person("103", "2001-04-30"),
        person("104", "30/02/2008"),
        person("105", SEX="9"),
        person(""),
    ]
    rows = [episode(str(number), "2019-05-01") for number in range(101, 107)]
    data = read(tmp_path, rows, people)
    expected = {
        "dob_missing": [
            (E, 2, "CHILD", "101", "101", "warning", "kept"),
            (E, 5, "CHILD", "104", "104", "warning", "kept"),
        ],
        "born_after_start": [(E, 3, "CHILD", "102", "102", "warning", "kept")],
        "over_18": [(E, 4, "CHILD", "103", "103", "note", "kept")],
        "date_unreadable": [(H, 5, "DOB", "30/02/2008", "104", "warning", "kept")],
        "code_unknown": [(H, 6, "SEX", "9", "105", "warning", "kept")],
        "child_blank": [(H, 7, "CHILD", "", "", "error", "set aside")],
        "no_header": [(E, 7, "CHILD", "106", "106", "warning", "kept")],
    }
    assert {rule: issues_of(data, rule) for rule in expected} == expected
    assert set(data.issues["rule"]) == set(expected)


def test_the_18th_birthday_itself_is_not_over_18(tmp_path):
    people = [person("101", "2001-05-01"), person("102", "2001-04-30")]
    data = read(tmp_path, [episode("101", "2019-05-01"), episode("102", "2019-05-01")], people)
    assert [issue[4] for issue in issues_of(data, "over_18")] == ["102"]


def test_of_two_dates_of_birth_the_latest_returns_is_used(tmp_path):
    years = {"2018-19": [episode("101", "2018-06-01"), *filler(2018)], "2019-20": [GOOD, *filler(2019)]}
    births = {"2018-19": "2008-05-17", "2019-20": "2009-05-17"}
    people = {
        year: [person("101", births[year]), *(person(row["CHILD"]) for row in filler(int(year[:4])))] for year in years
    }
    data = load(write_return(tmp_path, years, people))
    assert issues_of(data, "dob_conflict") == [
        ("2018-19/header.csv", 2, "DOB", "2008-05-17", "101", "warning", "corrected")
    ]
    used = data.people["birth"].iloc[list(data.children).index("101")]
    assert used.astype("datetime64[D]").item().isoformat() == "2009-05-17"


def test_line_numbers_hold_after_a_misfit_blank_lines_and_an_open_quote(tmp_path):
    head, *body = csv_text([GOOD, *filler(2019)], EPISODE_COLUMNS).splitlines()
    wrong = [episode("102", "31/02/2019"), episode("103", "2019-05-01", RNE="")]
    bad = csv_text(wrong, EPISODE_COLUMNS).splitlines()[1:]
    opened = body[0].replace("U6", '"U6')
    lines = ["", head, body[0], "101,too,few", "", "," * 12, opened, *bad, '101,2019-06-01,"S","V2"', *body[1:], ""]
    (tmp_path / "header.csv").write_text(csv_text([person("101"), person("103")], HEADER_COLUMNS))
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "episodes.csv").write_bytes(end.join(lines).encode())
        data = load(tmp_path)
        assert [issue[1] for issue in issues_of(data, "row_misfit")] == [4, 10]
        assert [issue[1] for issue in issues_of(data, "quote_unclosed")] == [7]
        assert [issue[1:5] for issue in issues_of(data, "date_unreadable")] == [(8, "DECOM", "31/02/2019", "102")]
        assert [issue[1] for issue in issues_of(data, "code_blank")] == [9]
        assert "2 line(s) hold no value" in data.issues.set_index("rule").loc["lines_blank", "problem"]
        accounts = data.accounts.set_index("module").loc["Episodes"]
        assert (accounts["rows_in"], accounts["kept"], accounts["set_aside"]) == (10, 7, 3)


def test_an_open_quote_never_swallows_the_rows_below(tmp_path):
    rows = [episode(str(number), "2019-05-01") for number in range(101, 161)]
    text = csv_text([*rows, *filler(2019)], EPISODE_COLUMNS).splitlines()
    for wrong in ('"101', '10"1"', 'x"101","', '"101""'):
        text[1] = text[1].replace(text[1].split(",")[0], wrong, 1)
        (tmp_path / "e.csv").write_text("\n".join(text))
        (tmp_path / "h.csv").write_text(csv_text([person("102")], HEADER_COLUMNS))
        data = load(tmp_path)
        accounts = data.accounts.set_index("module").loc["Episodes"]
        assert accounts["rows_in"] == 64
        assert accounts["kept"] >= 63
        text[1] = csv_text([rows[0]], EPISODE_COLUMNS).splitlines()[1]


def test_forms_of_a_file_are_noted(tmp_path):
    folder = write_return(tmp_path, {"2019-20": [GOOD, *filler(2019)]})
    path = folder / "2019-20" / "episodes.csv"
    lines = path.read_text().replace(",URN", ",CIN").replace("HOME_POST,", "").splitlines()
    lines = [lines[0], *(",".join(line.split(",")[:-3] + line.split(",")[-2:]) for line in lines[1:])]
    path.write_text("\n".join(line.replace(",REASON_PLACE_CHANGE", ",OTHER_COLUMN") for line in lines))
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    data = load(folder)
    assert issues_of(data, "column_repeated") == [(E, 0, "CIN", "", "", "warning", "kept")]
    assert issues_of(data, "column_missing") == [(E, 0, "REASON_PLACE_CHANGE", "", "", "warning", "kept")]
    assert issues_of(data, "file_not_recognised") == [("notes.csv", 0, "", "", "", "note", "set aside")]
    assert data.episodes["cin"].iloc[0] == "N1"


def test_modules_report_their_dates_numbers_and_codes(tmp_path):
    folder = write_return(tmp_path, {"2019-20": [GOOD, *filler(2019)]})
    (folder / "2019-20" / "oc2.csv").write_text(
        "CHILD,DOB,SDQ_SCORE,CONVICTED\n101,31/02/2008,many,0\n101,,7,5\n,,8,0\n"
    )
    data = load(folder)
    name = "2019-20/oc2.csv"
    assert issues_of(data, "date_unreadable") == [(name, 2, "DOB", "31/02/2008", "101", "warning", "kept")]
    assert issues_of(data, "number_unreadable") == [(name, 2, "SDQ_SCORE", "many", "101", "warning", "kept")]
    assert issues_of(data, "code_unknown") == [(name, 3, "CONVICTED", "5", "101", "warning", "kept")]
    assert issues_of(data, "child_blank") == [(name, 4, "CHILD", "", "", "error", "set aside")]
    assert data.modules["OC2"]["sdq_score"].fillna(-1).tolist() == [-1.0, 7.0]


def test_every_row_set_aside_stands_in_the_report_once_at_least(tmp_path):
    """A row that breaks two rules is one row set aside, and two issues."""
    rows = [episode("", "31/02/2019"), episode("101", "2019-05-09", "2019-05-01"), GOOD]
    data = read(tmp_path, rows)
    aside = data.issues[(data.issues["action"] == "set aside") & (data.issues["line"] > 0)]
    assert len(aside) == 3
    assert len(aside.drop_duplicates(["file", "line"])) == data.accounts["set_aside"].sum() == 2
    assert len(data.episodes) == data.accounts.set_index("file").loc[E, "kept"]


def test_rows_of_the_sample_add_up_to_the_report():
    data = load(SAMPLE, key="salford", name="Salford")
    aside = data.issues[(data.issues["action"] == "set aside") & (data.issues["line"] > 0)]
    by_file = aside.drop_duplicates(["file", "line"]).groupby("file").size()
    assert by_file.to_dict() == data.accounts.query("set_aside > 0").set_index("file")["set_aside"].to_dict()
    assert len(data.episodes) == data.accounts.query("module == 'Episodes'")["kept"].sum()


# (code set, code, first return, last return): the year in which the return begins
VALIDITY = [
    ("PLACE", "H5", 2015, 2023),
    ("PLACE", "P2", 2015, 2023),
    ("PLACE", "K3", 2023, 2026),
    ("PLACE", "Z1", 2015, 2024),
    ("PLACE", "Z11", 2025, 2026),
    ("PLACE", "Z14", 2025, 2026),
    ("REC", "E45", 2018, 2026),
    ("REC", "E48", 2018, 2026),
    ("REC", "E43", 2015, 2018),
    ("SEX", "1", 2015, 2023),
    ("SEX", "2", 2015, 2023),
    ("SEX", "M", 2024, 2026),
    ("SEX", "U", 2024, 2026),
]


def test_one_reader_takes_every_return_and_codes_hold_in_their_years_alone(tmp_path):
    years, people, expected = {}, {}, set()
    for year in range(2015, 2027):
        label = f"{year}-{(year + 1) % 100}"
        sex = {"SEX": "M" if year >= 2024 else "1"}
        rows, named = [], [person(row["CHILD"], **sex) for row in filler(year)]
        for number, (column, code, first, last) in enumerate(VALIDITY):
            child = f"{year}{number:02d}"
            own = {column: code} if column != "SEX" else {}
            rows.append(episode(child, f"{year}-05-01", f"{year}-06-01" if column == "REC" else "", **own))
            named.append(person(child, **(sex | ({"SEX": code} if column == "SEX" else {}))))
            if not first <= year <= last:
                expected.add((child, column, code))
        years[label], people[label] = [*rows, *filler(year)], named
    data = load(write_return(tmp_path, years, people))
    assert {(issue[4], issue[2], issue[3]) for issue in issues_of(data, "code_not_in_year")} == expected
    assert issues_of(data, "code_unknown") == []
    sex = data.people["sex"].groupby(data.people["sex"]).size()
    assert sex["Unknown"] == 12


def test_temporary_placements_need_no_provider(tmp_path):
    rows = [episode(f"10{n}", "2019-05-01", PLACE=f"T{n}", PLACE_PROVIDER="") for n in range(5)]
    assert read(tmp_path, rows).issues.empty


def test_location_is_given_or_looked_up_and_never_guessed(tmp_path):
    rows = [
        episode("101", "2019-05-01", PL_LOCATION="OUT", PL_POST="ZZ1 1AA"),
        episode("102", "2019-05-01", PL_POST="zz11aa"),
        episode("103", "2019-05-01", PL_POST="ZZ2 2BB"),
        episode("104", "2019-05-01", PL_POST="ZZ3 3CC"),
        episode("105", "2019-05-01", PL_POST="ZZ9 9ZZ"),
        episode("106", "2019-05-01"),
    ]
    text = csv_text([*rows, *filler(2019)], (*EPISODE_COLUMNS, "PL_LOCATION"))
    (tmp_path / "e.csv").write_text(text)
    (tmp_path / "h.csv").write_text(csv_text([person(row["CHILD"]) for row in rows], HEADER_COLUMNS))
    assert load(tmp_path, code="E1").episodes["location"].tolist()[:6] == ["OUT", *["not known"] * 5]
    # A postcode without an authority in the table is no more known than one that is not in it.
    (tmp_path / "postcodes.csv").write_text("postcode,authority\nZZ1 1AA, E1 \nZZ2 2BB,E2\nZZ3 3CC,\n")
    found = load(tmp_path, code="E1").episodes["location"].tolist()[:6]
    assert found == ["OUT", "IN", "OUT", "not known", "not known", "not known"]
    assert load(tmp_path).episodes["location"].tolist()[1] == "not known"
    digest = hashlib.sha256((tmp_path / "postcodes.csv").read_bytes()).hexdigest()
    assert load(tmp_path).hashes["postcodes.csv"] == digest


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00x", b'postcode,authority\n"a', b"a,b\n1,2,3,4\n", b"post,code\n"]
)
def test_a_postcode_file_that_cannot_be_used_is_named(tmp_path, content):
    write_return(tmp_path, {"2019-20": [GOOD, *filler(2019)]})
    (tmp_path / "postcodes.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"^postcodes\.csv "):
        load(tmp_path, code="E1")


def test_public_report_masks_values_and_children(tmp_path):
    data = read(tmp_path, [GOOD, episode("4417093", "31/02/2019")])
    shown = public(data.issues)
    assert shown[["value", "child", "line"]].to_numpy().tolist() == [["99/99/9999", "row 2", 3]]
    assert data.issues["child"].tolist() == ["4417093"]


def test_mask_keeps_only_the_shape():
    assert mask("M60 9ab") == "a99 9aa"
    assert mask("x" * 40) == "a" * 12
    assert mask("é=٣") == "a?9"


def test_every_rule_met_is_explained(tmp_path):
    assert set(load(SAMPLE, key="salford", name="Salford").issues["rule"]) <= set(RULES)

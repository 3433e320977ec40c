"""Every form in which authorities hold the return reads to the same thing."""

import datetime as dt
import zipfile

import pytest

from bond_eval.core.errors import InputError
from bond_eval.intake.recognise import recognise
from bond_eval.intake.reference import modules
from tests.helpers import (
    EPISODE_COLUMNS,
    HEADER_COLUMNS,
    ROOT,
    content,
    csv_text,
    episode,
    filler,
    issues_of,
    load,
    people_of,
    person,
    write_return,
    xml_text,
)

YEARS = {
    "2018-19": [episode("101", "2018-06-01"), episode("102", "2018-07-01", "2019-01-20", REC="E4A"), *filler(2018)],
    "2019-20": [
        episode("101", "2018-06-01", "2019-11-04"),
        episode("101", "2019-11-04", RNE="P", PLACE="K2", PLACE_PROVIDER="PR4"),
        *filler(2019),
    ],
    "2020-21": [episode("101", "2019-11-04", RNE="P", PLACE="K2", PLACE_PROVIDER="PR4"), *filler(2020, 2)],
}
EVERYTHING = {
    "Header": [person("101", "2005-03-02", SEX="2"), person("102", "2016-12-30"), person("103", "2002-01-15")],
    "Episodes": [
        episode("101", "2018-06-01", "2019-01-05", REASON_PLACE_CHANGE="CARPL"),
        episode("101", "2019-01-05", RNE="P", PLACE="K2", PLACE_PROVIDER="PR4", PL_POST="ZZ1 1ZZ"),
        episode("102", "2018-07-01", "2019-03-20", REC="E4A"),
    ],
    "Reviews": [{"CHILD": "101", "DOB": "2005-03-02", "REVIEW": "10/09/2018", "REVIEW_CODE": "PN1"}],
    "UASC": [{"CHILD": "103", "SEX": "1", "DOB": "2002-01-15", "DUC": "15/01/2020"}],
    "OC2": [{"CHILD": "101", "DOB": "2005-03-02", "SDQ_SCORE": "12", "CONVICTED": "0", "HEALTH_CHECK": "1"}],
    "OC3": [{"CHILD": "103", "DOB": "2002-01-15", "IN_TOUCH": "YES", "ACTIV": "F2", "ACCOM": "U1"}],
    "PrevPerm": [{"CHILD": "102", "DOB": "2016-12-30", "PREV_PERM": "P1", "LA_PERM": "355", "DATE_PERM": ""}],
    "Missing": [
        {"CHILD": "101", "DOB": "2005-03-02", "MISSING": "M", "MIS_START": "01/02/2019", "MIS_END": "03/02/2019"}
    ],
}


@pytest.fixture
def yearly(tmp_path):
    return write_return(tmp_path / "years", YEARS)


def flat(folder, years):
    folder.mkdir()
    for year, rows in years.items():
        (folder / f"{year} extract A.csv").write_text(csv_text(rows, EPISODE_COLUMNS), encoding="utf-8")
        (folder / f"{year} extract B.txt").write_text(csv_text(people_of(rows), HEADER_COLUMNS), encoding="utf-8")
    return folder


def test_five_lines_of_three_years_are_read_as_they_stand(yearly):
    data = load(yearly)
    assert data.submissions["last_day"].tolist() == [dt.date(2019, 3, 31), dt.date(2020, 3, 31), dt.date(2020, 9, 30)]
    assert data.submissions["year"].tolist() == [2018, 2019, 2020]
    mine = data.episodes[data.children[data.episodes["child"]] == "101"]
    assert mine["submission"].tolist() == [0, 1, 1, 2]
    assert mine["place"].tolist() == ["U6", "U6", "K2", "K2"]
    assert mine["line"].tolist() == [2, 2, 3, 2]
    assert data.issues[data.issues["severity"] != "note"].empty


def test_one_folder_whatever_the_files_are_called(yearly, tmp_path):
    assert content(load(flat(tmp_path / "flat", YEARS))) == content(load(yearly))


def test_zip_equals_folder(yearly, tmp_path):
    packed = tmp_path / "return.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(yearly.rglob("*.csv"), reverse=True):
            archive.write(path, path.relative_to(yearly).as_posix())
            # macOS adds a hidden binary twin of each file.
            archive.writestr(f"__MACOSX/{path.parent.name}/._{path.name}", b"\x00\x05\x16\x07\x00")
        archive.writestr("2018-19/notes.docx", b"not ours")
    assert content(load(packed), with_file=True) == content(load(yearly), with_file=True)


def test_a_zip_in_the_folder_is_looked_into(yearly, tmp_path):
    expected = content(load(yearly))
    with zipfile.ZipFile(yearly / "2019-20.zip", "w") as archive:
        for path in (yearly / "2019-20").iterdir():
            archive.write(path, path.name)
            path.unlink()
    assert content(load(yearly)) == expected


def test_xml_equals_csv(tmp_path):
    (tmp_path / "csv").mkdir()
    for module, rows in EVERYTHING.items():
        (tmp_path / "csv" / f"{module}.csv").write_text(csv_text(rows, _columns(module)), encoding="utf-8")
    xml = tmp_path / "return.xml"
    xml.write_text(xml_text(EVERYTHING), encoding="utf-8")
    from_csv, from_xml = load(tmp_path / "csv"), load(xml)
    assert {name: len(rows) for name, rows in content(from_csv).items()} == {
        "submissions": 1,
        "Episodes": 3,
        "Header": 3,
        "Reviews": 1,
        "UASC": 1,
        "OC2": 1,
        "OC3": 1,
        "PrevPerm": 1,
        "Missing": 1,
        "people": 3,
    }
    alike = [_shared(content(data)) for data in (from_csv, from_xml)]
    assert alike[0] == alike[1]
    assert from_xml.accounts["rows_in"].sum() == from_csv.accounts["rows_in"].sum() == 12


def _columns(module):
    return tuple(column.name for column in modules()[module] if column.name != "PL_LOCATION")


def _shared(said):
    # An XML module has only the columns that its rows fill, so blank columns of the CSV say nothing more.
    blanks = ("''", "nan", "NaT")
    return {
        name: [[part for part in row.strip("{}[]").split(", '") if not part.endswith(blanks)] for row in rows]
        for name, rows in said.items()
    }


def test_an_xml_child_without_a_header_is_set_aside_not_lost(tmp_path):
    text = xml_text(EVERYTHING)
    stray = "<CHILD><EPISODE><DECOM>01/05/2018</DECOM><RNE>S</RNE><PL>U6</PL></EPISODE></CHILD></EXPSSDA903>"
    path = tmp_path / "return.xml"
    path.write_text(text.replace("</EXPSSDA903>", stray), encoding="utf-8")
    data = load(path)
    assert ("return.xml", 5, "CHILD", "", "", "error", "set aside") in issues_of(data, "child_blank")
    episodes = data.accounts[data.accounts["module"] == "Episodes"].iloc[0]
    assert (episodes["rows_in"], episodes["kept"], episodes["set_aside"]) == (4, 3, 1)


def test_stacked_file_equals_separate_files(yearly, tmp_path):
    stacked = tmp_path / "stacked"
    stacked.mkdir()
    marks = {"2018-19": "2019", "2019-20": "2020", "2020-21": "2021"}
    for name, rows_of, columns in (
        ("all_episodes.csv", lambda rows: rows, EPISODE_COLUMNS),
        ("all_people.csv", people_of, HEADER_COLUMNS),
    ):
        rows = [{"LA": "A", "YEAR": marks[year], **row} for year, own in YEARS.items() for row in rows_of(own)]
        (stacked / name).write_text(csv_text(rows, ("LA", "YEAR", *columns)), encoding="utf-8")
    data = load(stacked)
    assert data.submissions["name"].tolist() == [f"all_episodes.csv [{year}]" for year in ("2019", "2020", "2021")]
    assert content(data) == content(load(yearly))


def test_a_regional_file_gives_only_the_authority_asked_for(yearly, tmp_path):
    """Ids of children repeat between authorities, and a module may hold rows of another authority alone."""
    stacked = tmp_path / "region"
    stacked.mkdir()
    other = [{"LA": "B", "YEAR": "2019", **episode("101", "2018-05-05", PLACE="P1", PLACE_PROVIDER="PR0")}]
    blank = [{"LA": "", "YEAR": "2019", **episode("555", "2018-05-05")}]
    mine = [{"LA": "A", "YEAR": "2019", **row} for row in YEARS["2018-19"]]
    people = [{"LA": "A", "YEAR": "2019", **row} for row in people_of(YEARS["2018-19"])]
    missing = [{"LA": "B", "YEAR": "2019", "CHILD": "101", "MISSING": "M", "MIS_START": "01/02/2019", "MIS_END": ""}]
    (stacked / "e.csv").write_text(csv_text([*other, *blank, *mine], ("LA", "YEAR", *EPISODE_COLUMNS)))
    (stacked / "h.csv").write_text(csv_text(people, ("LA", "YEAR", *HEADER_COLUMNS)))
    (stacked / "m.csv").write_text(csv_text(missing))
    data = load(stacked)
    only = load(write_return(tmp_path / "own", {"2018-19": YEARS["2018-19"]}))
    assert content(data)["Episodes"] == content(only)["Episodes"]
    assert content(data)["Missing"] == []
    assert issues_of(data, "authority_blank") == [("e.csv", 3, "LA", "", "", "error", "set aside")]
    assert [issue[0] for issue in issues_of(data, "other_authority")] == ["e.csv", "m.csv"]
    assert data.accounts.set_index("file")["set_aside"].to_dict() == {"e.csv": 2, "h.csv": 0, "m.csv": 1}
    with pytest.raises(InputError, match="2 authorities and none is 'c'"):
        load(stacked, key="c", name="C")


@pytest.mark.parametrize("module", sorted(modules()))
def test_each_module_is_known_by_its_columns_in_any_order_and_case(module):
    columns = [column.name for column in modules()[module]]
    assert recognise(columns[::-1]) == module
    assert recognise([column for column in columns if column not in ("PL_LOCATION", "HOME_POST", "URN")]) == module


def test_each_module_is_read_from_a_file_of_any_name(tmp_path):
    folder = write_return(tmp_path / "r", {"2023-24": [episode("101", "2023-05-05"), *filler(2023)]})
    kinds = {"id": "101", "date": "05/06/2023", "number": "3", "text": "x"}
    wanted = sorted(set(modules()) - {"Episodes", "Header"})
    for number, module in enumerate(wanted):
        row = {column.name: kinds.get(column.kind, "") for column in modules()[module]}
        (folder / f"extract{number}.csv").write_text(csv_text([row]), encoding="utf-8")
    # The smallest form of a module: its needed columns alone.
    (folder / "few.csv").write_text("CHILD,DOLO_START\n101,01/06/2023\n", encoding="utf-8")
    data = load(folder)
    assert {module: len(data.modules[module]) for module in wanted} == dict.fromkeys(wanted, 1) | {"DoLo": 2}
    assert str(data.modules["DoLo"]["dolo_start"].iloc[-1])[:10] == "2023-06-01"


def variant(text, form):
    """The same file as another system would write it."""
    lines = text.splitlines()
    if form == "lower case, other order":
        rows = [line.split(",")[::-1] for line in lines]
        rows[0] = [name.lower().replace("_", " ") for name in rows[0]]
        return "\n".join(",".join(row) for row in rows).encode()
    if form == "quoted throughout":
        return "\n".join(",".join(f'"{field}"' for field in line.split(",")) for line in lines).encode()
    if form == "NULL and N/A":
        filled = [",".join(field or "NULL" for field in line.split(",")) for line in lines[1:]]
        return "\n".join([lines[0], *filled]).replace("NULL", "N/A", 1).encode()
    if form == "trailing empty lines":
        return text.encode() + b"\n\n" + b"," * lines[0].count(",") + b"\n   \n\x1a"
    if form == "tabs":  # the last line ends in blank fields
        return text.replace(",", "\t").encode()
    if form == "carriage returns alone":
        return text.replace("\n", "\r").encode()
    encoded = {"BOM": "utf-8-sig", "UTF-16": "utf-16"}.get(form)
    if encoded:
        return text.encode(encoded)
    return {"CRLF": text.replace("\n", "\r\n"), "semicolons": text.replace(",", ";"), "no last newline": text.rstrip()}[
        form
    ].encode()


FORMS = (
    "lower case, other order",
    "quoted throughout",
    "NULL and N/A",
    "trailing empty lines",
    "tabs",
    "BOM",
    "UTF-16",
    "carriage returns alone",
    "CRLF",
    "semicolons",
    "no last newline",
)


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_file_makes_no_difference(yearly, form):
    expected = content(load(yearly), with_file=True)
    for path in yearly.rglob("*.csv"):
        path.write_bytes(variant(path.read_text(encoding="utf-8"), form))
    assert content(load(yearly), with_file=True) == expected


def test_uk_dates_ids_turned_to_decimals_and_lower_case_codes(tmp_path):
    plain = write_return(tmp_path / "a", YEARS)
    other = write_return(tmp_path / "b", YEARS)
    for path in other.rglob("*.csv"):
        text = path.read_text(encoding="utf-8")
        head, _, body = text.partition("\n")
        for year in range(2018, 2022):
            for month in range(1, 13):
                for number in range(1, 32):
                    body = body.replace(f"{year}-{month:02d}-{number:02d}", f"{number}/{month}/{year}")
        rows = [line.lower().split(",") for line in body.splitlines()]
        body = "\n".join(",".join([f"{row[0]}.0", *row[1:]]) for row in rows)
        path.write_text(f"{head}\n{body}", encoding="utf-8")
    assert content(load(other)) == content(load(plain))


def test_windows_1252_is_read_and_noted(yearly):
    path = yearly / "2018-19" / "header.csv"
    text = path.read_text(encoding="utf-8").replace("101,1,2008-05-17,WBRI,", "101,1,2008-05-17,WBRI,Zo\u00eb\u2019s")
    path.write_bytes(text.encode("cp1252"))
    data = load(yearly)
    assert issues_of(data, "encoding") == [("2018-19/header.csv", 0, "", "", "", "note", "kept")]
    assert len(data.people) == 2 + 4 + 4 + 2


def test_files_of_one_calendar_year_are_both_kept(tmp_path):
    """An annual return to 31 March and a year-to-date file to 30 September of the same calendar year."""
    data = load(write_return(tmp_path, {"2019-20": YEARS["2019-20"], "2020-21": YEARS["2020-21"]}))
    assert data.submissions["last_day"].tolist() == [dt.date(2020, 3, 31), dt.date(2020, 9, 30)]
    assert data.accounts["kept"].sum() == data.accounts["rows_in"].sum() == 17


def test_the_sample_return_reads_whole():
    data = load(ROOT / "data" / "sample" / "salford", key="salford", name="Salford")
    assert len(data.submissions) == 6
    assert (data.accounts["rows_in"] == data.accounts["kept"] + data.accounts["set_aside"]).all()
    assert data.submissions["last_day"].max() == dt.date(2020, 9, 30)

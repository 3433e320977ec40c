"""No message, log, masked report or error text holds a child's id, date of birth or postcode of the data."""

import re
import subprocess
import sys
import traceback
import zipfile

import pyarrow as pa
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.issues import public
from bond_eval.intake import delimited
from tests.helpers import (
    EPISODE_COLUMNS,
    HEADER_COLUMNS,
    ROOT,
    csv_text,
    episode,
    filler,
    load,
    person,
    write_return,
    xml_text,
)

CHILDREN = ("7734501923", "KJX88213Q", "7734501924")
BIRTHS = ("2009-11-23", "23/11/2009", "31/02/2009")
POSTCODES = ("QX91 7ZK", "QX917ZK")
PERSONAL = {"HOME_POST": POSTCODES[0], "PL_POST": POSTCODES[1], "URN": "SC7734501"}
SECRETS = re.compile("|".join(re.escape(text) for text in (*CHILDREN, *BIRTHS, *POSTCODES, "SC7734501")), re.IGNORECASE)


def faulty_rows():
    """Each rule broken by a row that holds what must not be shown; some of it in the wrong columns."""
    one, two, three = CHILDREN
    wrong = [
        episode(one, "2019-05-01", PLACE=POSTCODES[0], PLACE_PROVIDER="", REC="X1"),
        episode(one, BIRTHS[2]),
        episode(two, "2019-06-01", "2019-05-01", RNE=one, LS=BIRTHS[0], CIN=two),
        episode(two, "2019-06-01", REASON_PLACE_CHANGE=one, PLACE="T1", PLACE_PROVIDER=POSTCODES[1]),
        episode(three, "2019-07-01", one),
        episode(three, "2051-07-01"),
        episode(three, "2008-07-01", "2019-08-01", REC=""),
        episode("", BIRTHS[1], PL_POST=POSTCODES[0]),
        episode("KJX99999Q", "2019-05-01"),
    ]
    return [row | {key: value for key, value in PERSONAL.items() if key not in row} for row in wrong]


def faulty_people():
    one, two, three = CHILDREN
    return [
        person(one, BIRTHS[0], UPN=POSTCODES[0], SEX=two, ETHNIC=BIRTHS[0]),
        person(one, "24/11/2009"),
        person(two, BIRTHS[2], MC_DOB=BIRTHS[0]),
        person(three, BIRTHS[1]),
        person("", BIRTHS[1]),
    ]


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    """A return with every kind of fault, in every kind of file."""
    folder = tmp_path_factory.mktemp("extract")
    write_return(folder, {"2019-20": [*faulty_rows(), *filler(2019)]}, {"2019-20": faulty_people()})
    year = folder / "2019-20"
    text = (year / "episodes.csv").read_text(encoding="utf-8").splitlines()
    text += [f'{CHILDREN[0]},"{BIRTHS[0]},S', ",".join(CHILDREN), "," * 12, f"{CHILDREN[1]},x,{POSTCODES[0]}"]
    (year / "episodes.csv").write_text("\r\n".join(text), encoding="cp1252")
    oc2 = f"{CHILDREN[0]},{BIRTHS[2]},{CHILDREN[1]},{POSTCODES[0]}"
    (year / "oc2.csv").write_text(f"CHILD,DOB,SDQ_SCORE,CONVICTED\n{oc2}\n")
    (folder / "no-header.csv").write_text(f"{CHILDREN[0]},{BIRTHS[0]},{POSTCODES[0]}\n")
    return folder


def command(*arguments):
    """The command line as a user runs it, with every warning on."""
    line = [sys.executable, "-W", "always", "-m", "bond_eval.cli", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, timeout=300)


def clean(*texts):
    for text in texts:
        found = SECRETS.search(text)
        assert found is None, text[max(found.start() - 80, 0) : found.end() + 20]


def test_the_search_finds_what_it_should(extract):
    """The internal report holds all of it, so that its absence elsewhere means something."""
    raw = load(extract).issues.to_csv()
    assert all(secret in raw for secret in (*CHILDREN, BIRTHS[2], *POSTCODES))
    with pytest.raises(AssertionError):
        clean(raw)
    rules = {
        "child_blank",
        "date_unreadable",
        "dec_before_decom",
        "date_outlier",
        "code_unknown",
        "provider_missing",
        "provider_unexpected",
        "rec_without_dec",
        "dob_conflict",
        "dob_missing",
        "no_header",
        "born_after_start",
        "row_misfit",
        "lines_blank",
        "number_unreadable",
        "file_not_recognised",
    }
    assert rules <= set(load(extract).issues["rule"])


def test_the_masked_report_shows_none_of_it(extract):
    clean(public(load(extract).issues).to_csv())


def test_check_shows_none_of_it(extract, tmp_path):
    done = command("check", extract, "--csv", tmp_path / "issues.csv")
    assert done.returncode == 0, done.stderr
    assert "code_unknown" in done.stdout
    clean(done.stdout, done.stderr, (tmp_path / "issues.csv").read_text(encoding="utf-8"))


def test_check_shows_raw_values_only_where_asked(extract):
    done = command("check", extract, "--internal")
    assert SECRETS.search(done.stdout)


def test_counts_show_none_of_it_and_no_small_number(extract, tmp_path):
    done = command("counts", extract, "--out", tmp_path / "daily.csv")
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "daily.csv").read_text(encoding="utf-8")
    clean(done.stdout, done.stderr, written)
    numbers = {line.rsplit(",", 1)[1] for line in written.splitlines()[1:]}
    assert "c" in numbers
    assert not numbers & {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("episodes", "--out", "e.csv"),
        ("counts", "--out", "d.csv", "--quarter", "2031-32-Q1"),
        ("counts", "--out", "d.csv", "--quarter", "next"),
    ],
)
def test_refusals_of_a_command_show_none_of_it(extract, tmp_path, arguments):
    name, *options = arguments
    options[1] = tmp_path / options[1]
    done = command(name, extract, *options)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert not list(tmp_path.iterdir()), "nothing was written"
    clean(done.stdout, done.stderr)


def test_a_run_that_cannot_begin_shows_none_of_it(extract, tmp_path):
    options = ("--authority", "a", "--quarter", "2031-32-Q1", "--out", tmp_path / "out", "--only", "00")
    done = command("run", "--data", extract, *options)
    assert done.returncode != 0
    clean(done.stdout, done.stderr, *(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.json")))


def broken_returns():
    """(name, bytes) of files that are refused, each full of what must not be shown."""
    rows, people = faulty_rows(), faulty_people()
    episodes, persons = csv_text(rows, EPISODE_COLUMNS), csv_text(people, HEADER_COLUMNS)
    xml = xml_text({"Header": people, "Episodes": rows})
    huge = f"{episodes}{CHILDREN[0]},{BIRTHS[0]},{'9' * 3_000_000},{POSTCODES[0]}\n"
    stacked = csv_text([{"LA": "North", **rows[0]}, {"LA": "South", **rows[1]}], ("LA", *EPISODE_COLUMNS))
    return {
        "no-dec.csv": episodes.replace(",DEC,", ",OTHER,"),
        "alone.csv": episodes,
        "people.csv": persons,
        "none.csv": episodes.partition("\n")[2],
        "huge.csv": huge,
        "binary.csv": episodes + "\0",
        "half.csv": episodes.encode("utf-16")[:-1],
        "cut.xml": xml[: len(xml) - 40],
        "entity.xml": f"<!DOCTYPE x [<!ENTITY e '{CHILDREN[0]} {POSTCODES[0]}'>]><EXPSSDA903>&e;</EXPSSDA903>",
        "wrong.xml": xml.replace("EXPSSDA903", "OTHER"),
        "bad-character.xml": xml.replace(CHILDREN[0], f"{CHILDREN[0]}\x01", 1),
        "no-episode.xml": xml.replace("DECOM", "OTHER"),
        "unusable": {"e.csv": csv_text(rows[1:3], EPISODE_COLUMNS), "h.csv": persons},
        "regional": {"e.csv": stacked, "h.csv": persons},
        "postcodes": {
            "e.csv": csv_text([*rows, *filler(2019)], EPISODE_COLUMNS),
            "h.csv": persons,
            "postcodes.csv": f'postcode,authority\n{POSTCODES[0]},"{CHILDREN[0]}\n{POSTCODES[1]},a,b\n',
        },
    }


@pytest.mark.parametrize("name", sorted(broken_returns()))
def test_what_is_raised_shows_none_of_it_nor_do_its_causes(tmp_path, name):
    content = broken_returns()[name]
    if isinstance(content, dict):
        (tmp_path / name).mkdir()
        for file, text in content.items():
            (tmp_path / name / file).write_text(text, encoding="utf-8")
    else:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        load(tmp_path / name, code="E1")
    # As a notebook or a log would print it: every cause, without the source lines of this file.
    clean("".join(traceback.format_exception_only(caught.value)), *causes(caught.value))


def causes(error):
    """The text of each exception that a traceback of this one would show."""
    while error is not None:
        yield f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_zip_is_named_without_what_is_in_it(tmp_path):
    path = tmp_path / "return.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("e.csv", csv_text(faulty_rows(), EPISODE_COLUMNS))
    path.write_bytes(path.read_bytes()[:-4].replace(b"KJX88213Q", b"KJX88213X"))
    with pytest.raises(InputError) as caught:
        load(path)
    clean(*causes(caught.value))
    assert "KJX" not in str(caught.value)


def test_the_parsers_own_words_are_not_passed_on(tmp_path, monkeypatch):
    """A parser may quote the row that it could not read."""

    def refuses(*_args, **_options):
        raise pa.ArrowInvalid(f"CSV parse error: Expected 13 columns, got 2: {CHILDREN[0]},{BIRTHS[0]}")

    monkeypatch.setattr(delimited.pacsv, "read_csv", refuses)
    (tmp_path / "e.csv").write_text(csv_text(faulty_rows(), EPISODE_COLUMNS), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(tmp_path)
    clean(*causes(caught.value))

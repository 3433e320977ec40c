"""Files that cannot be read: one clear line that names the file, exit 2, and never a traceback."""

import io
import os
import random
import struct
import subprocess
import sys
import zipfile
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bond_eval.core.errors import InputError
from bond_eval.intake.ssda903 import Return
from tests.helpers import (
    EPISODE_COLUMNS,
    HEADER_COLUMNS,
    ROOT,
    csv_text,
    episode,
    filler,
    load,
    people_of,
    person,
    write_return,
    xml_text,
)

ROWS = [episode("101", "2019-05-01"), episode("102", "2019-06-01", "2019-09-09", REC="E4A"), *filler(2019)]
EPISODES = csv_text(ROWS, EPISODE_COLUMNS).encode()
HEADER = csv_text(people_of(ROWS), HEADER_COLUMNS).encode()
OC2 = b"CHILD,DOB,SDQ_SCORE,CONVICTED\n101,17/05/2008,12,0\n"
XML = xml_text({"Header": [person(row["CHILD"]) for row in ROWS], "Episodes": ROWS}).encode()


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


ZIP = zipped({"e.csv": EPISODES, "h.csv": HEADER, "oc2.csv": OC2})
JUNK = (
    b'"', b"'", b"\x00" * 9, b"\xff\xfe", b"\r", b",,,,", b"x" * 200_000, b'"' * 7, "\u2028".encode(), b"\n\n\n",
)  # fmt: skip


def mutated(content, random):
    """Up to four changes of the kind that damaged exports show."""
    body = bytearray(content)
    for _ in range(random.randint(1, 4)):
        if not body:
            break
        place, kind = random.randrange(len(body)), random.randrange(6)
        if kind == 0:
            del body[place:]
        elif kind == 1:
            body[place] ^= 1 << random.randrange(8)
        elif kind == 2:
            body[place : place + random.randint(0, 9)] = random.randbytes(random.randint(0, 40))
        elif kind == 3:
            body[place:place] = random.choice(JUNK)
        elif kind == 4:
            stop = place + random.randint(1, 200)
            body[place:place] = body[place:stop] * random.randint(1, 3)
        else:
            lines = bytes(body).split(b"\n")
            random.shuffle(lines)
            body = bytearray(b"\n".join(lines))
    return bytes(body)


def outcome(path):
    """Read a return: what it is, or the sentence that says why not; anything else is a defect of ours."""
    try:
        data = load(path)
    except InputError as error:
        text = str(error)
        assert "\n" not in text
        assert len(text) < 300
        return text
    assert isinstance(data, Return)
    assert (data.accounts["kept"] <= data.accounts["rows_in"]).all()
    assert len(data.episodes) == data.accounts.query("module == 'Episodes'")["kept"].sum()
    return data


FORMS = {
    "csv": {"e.csv": EPISODES, "h.csv": HEADER, "oc2.csv": OC2},
    "zip": {"all.zip": ZIP},
    "xml": {"all.xml": XML},
}


@pytest.mark.parametrize("form", FORMS)
def test_the_undamaged_files_are_read(tmp_path, form):
    for name, content in FORMS[form].items():
        (tmp_path / name).write_bytes(content)
    assert len(outcome(tmp_path).episodes) == 6


@pytest.mark.parametrize("form", FORMS)
def test_damaged_files_never_give_a_traceback(tmp_path_factory, form):
    """Random damage to one file: either a return or one sentence."""
    folder = tmp_path_factory.mktemp("damaged")

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 2**32), st.sampled_from(sorted(FORMS[form])))
    def damage(seed, victim):
        for name, content in FORMS[form].items():
            changed = mutated(content, random.Random(seed)) if name == victim else content
            (folder / name).write_bytes(changed)
        outcome(folder)

    damage()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["x.csv", "x.txt", "x.xml", "x.zip"]))
def test_bytes_of_any_kind_never_give_a_traceback(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(content)
    assert isinstance(outcome(path), str)


# What a row may hold where text, dates and codes are expected.
CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.sampled_from(["", "NULL", "1042.0", "31/02/2019", "2019-05-01", "01/04/2051", "S", "K2"]),
    st.sampled_from(['"', "a,b", "é", "-1", "1e9", "nan"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=13, max_size=13), min_size=1, max_size=4))
def test_any_values_are_kept_or_set_aside(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("cells")
    rows = [dict(zip(EPISODE_COLUMNS, row, strict=True)) for row in cells]
    (folder / "e.csv").write_text(csv_text([*ROWS, *rows], EPISODE_COLUMNS), encoding="utf-8", errors="replace")
    (folder / "h.csv").write_bytes(HEADER)
    data = outcome(folder)
    assert len(data.episodes) >= 6


def check(path, *options):
    """bond-eval check as a user runs it."""
    command = [sys.executable, "-m", "bond_eval.cli", "check", str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


def refused(path, says, name=None):
    done = check(path)
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    assert lines[0].startswith(f"bond-eval: {name or path.name}"), lines[0]
    assert says in lines[0]
    assert "Traceback" not in done.stderr


def lying_zip():
    """A member that declares few bytes and unpacks to many."""
    content = zipped({"e.csv": EPISODES + b"9" * 50_000_000})
    true, false = struct.pack("<L", len(EPISODES) + 50_000_000), struct.pack("<L", 5000)
    assert content.count(true) == 2
    return content.replace(true, false)


def packed_lie():
    """A member that declares to hold far more packed bytes than its zip has."""
    content = bytearray(zipped({"e.csv": b"9" * 50_000_000}))
    at = content.rindex(b"PK\x01\x02") + 20
    content[at : at + 4] = struct.pack("<L", 40_000_000)
    return bytes(content)


def encrypted_zip():
    content = bytearray(zipped({"e.csv": EPISODES}))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def damaged_deflate():
    content = bytearray(zipped({"e.csv": EPISODES}))
    for at in range(50, 90):
        content[at] = 0xFF
    return bytes(content)


def twice():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("e.csv", EPISODES)
        archive.writestr("e.csv", EPISODES)
    return stream.getvalue()


LAUGHS = b"<!DOCTYPE x [<!ENTITY a '%s'>%s]><EXPSSDA903><CHILD>&j;</CHILD></EXPSSDA903>" % (
    b"ha" * 50,
    b"".join(b"<!ENTITY %c '%s'>" % (name, b"&%c;" % (name - 1) * 10) for name in range(ord("b"), ord("k"))),
)
EXTERNAL = b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><EXPSSDA903><CHILD>&e;</CHILD></EXPSSDA903>"
ATTACKS = {
    "bomb.zip": (zipped({"e.csv": b"\n" * 200_000_000}), "far more", "bomb.zip"),
    "many.zip": (zipped({f"{n}.csv": b"0" * 1_200_000 for n in range(40)}), "far more", "many.zip"),
    "nested.zip": (zipped({"inner.zip": ZIP}), "holds no CSV", "nested.zip"),
    "lying.zip": (lying_zip(), "not a zip that can be read", "lying.zip"),
    "packed.zip": (packed_lie(), "far more", "packed.zip"),
    "twice.zip": (twice(), "two files of one name", "twice.zip"),
    "encrypted.zip": (encrypted_zip(), "encrypted", "encrypted.zip/e.csv"),
    "damaged.zip": (damaged_deflate(), "not a zip that can be read", "damaged.zip"),
    "cut.zip": (ZIP[:-30], "not a zip that can be read", "cut.zip"),
    "above.zip": (zipped({"../e.csv": EPISODES}), "points outside", "above.zip"),
    "absolute.zip": (zipped({"/etc/e.csv": EPISODES}), "points outside", "absolute.zip"),
    "windows.zip": (zipped({"C:\\e.csv": EPISODES}), "points outside", "windows.zip"),
    "backslash.zip": (zipped({"a\\..\\..\\e.csv": EPISODES}), "points outside", "backslash.zip"),
    "laughs.xml": (LAUGHS, "entities", "laughs.xml"),
    "external.xml": (EXTERNAL, "entities", "external.xml"),
    "cut.xml": (XML[: len(XML) // 2], "not complete XML", "cut.xml"),
    "other.xml": (b"<html><body/></html>", "not a looked-after return", "other.xml"),
    "empty.csv": (b"", "is empty", "empty.csv"),
    "blank.csv": (b"\xef\xbb\xbf\r\n  \r\n", "is empty", "blank.csv"),
    "workbook.csv": (zipped({"xl/workbook.xml": b"<x/>"}), "Excel", "workbook.csv"),
    "old.csv": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "Excel", "old.csv"),
    "binary.csv": (b"CHILD,DECOM\n" + bytes(range(256)), "is binary", "binary.csv"),
    "packed.csv": (zlib.compress(EPISODES * 9), "", "packed.csv"),
    "half16.csv": (EPISODES.decode().encode("utf-16")[:-1], "is binary", "half16.csv"),
    "wide.csv": (b"CHILD," + b"x" * 3_000_000 + b"\n1,2\n", "no file with the columns", "wide.csv"),
    "long.csv": (EPISODES + b"103,2019-05-01," + b"x" * 3_000_000 + b"," * 10, "cannot be read as a table", "long.csv"),
    "alone.csv": (EPISODES, "Header", "alone.csv"),
    "short.csv": (EPISODES.replace(b",DEC,", b",OTHER,"), "no column DEC", "short.csv"),
    "book.xlsx": (zipped({"xl/workbook.xml": b"<x/>"}), "is not a CSV", "book.xlsx"),
}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_each_attack_is_one_sentence_that_names_the_file(tmp_path, name):
    """The same code as the command line runs; the few below run it whole."""
    content, says, shown = ATTACKS[name]
    (tmp_path / name).write_bytes(content)
    text = outcome(tmp_path / name)
    assert isinstance(text, str)
    assert text.startswith(shown)
    assert says in text


SHOWN = (
    "bomb.zip", "lying.zip", "above.zip", "encrypted.zip", "laughs.xml", "external.xml", "cut.xml", "workbook.csv",
    "empty.csv",
)  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_the_command_ends_with_status_2_and_one_line(tmp_path, name):
    content, says, shown = ATTACKS[name]
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, says, shown)
    assert [item.name for item in tmp_path.iterdir()] == [name], "nothing was unpacked"


def test_a_bad_file_among_good_ones_is_named_within_its_folder(tmp_path):
    write_return(tmp_path, {"2019-20": ROWS})
    (tmp_path / "2019-20" / "oc2.csv").write_bytes(b"")
    refused(tmp_path, "is empty", "2019-20/oc2.csv")


def test_folders_and_paths_that_are_not_there(tmp_path):
    (tmp_path / "x.csv").mkdir()
    refused(tmp_path / "x.csv", "holds no CSV")
    done = check("nowhere-at-all")
    assert (done.returncode, done.stderr) == (
        2,
        "bond-eval: Data 'nowhere-at-all' is not there: give the folder, zip or file that holds the return.\n",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads whatever its permissions say")
def test_a_file_without_permission_is_named(tmp_path):
    (tmp_path / "e.csv").write_bytes(EPISODES)
    (tmp_path / "e.csv").chmod(0)
    refused(tmp_path / "e.csv", "check its permissions")


def test_a_file_that_the_system_will_not_read_is_named(tmp_path, monkeypatch):
    from pathlib import Path

    (tmp_path / "e.csv").write_bytes(EPISODES)

    def denied(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert outcome(tmp_path / "e.csv") == "e.csv cannot be read (Permission denied): check its permissions."


def test_a_usable_return_ends_with_status_0_issues_or_not(tmp_path):
    write_return(tmp_path, {"2019-20": [*ROWS, episode("103", "31/02/2019")]})
    done = check(tmp_path, "--csv", str(tmp_path / "issues.csv"))
    assert done.returncode == 0, done.stderr
    assert "14 rows in = 13 kept + 1 set aside" in done.stdout
    assert "date_unreadable" in done.stdout
    assert (tmp_path / "issues.csv").read_text().count("\n") == 2
    assert "2019-20/episodes.csv,8,DECOM,99/99/9999,row 7," in (tmp_path / "issues.csv").read_text()


def test_a_return_with_no_usable_row_ends_with_status_2(tmp_path):
    nobody = [episode("", "2019-05-01"), episode("", "2019-06-01")]
    write_return(tmp_path, {"2019-20": nobody}, {"2019-20": [person("1")]})
    refused(tmp_path, "no episode can be used")


def test_a_name_that_cannot_be_printed_is_no_error(tmp_path):
    (tmp_path / "h.csv").write_bytes(HEADER)
    with open(os.fsencode(tmp_path) + b"/e\xe9\n.csv", "wb") as stream:
        stream.write(EPISODES)
    done = check(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")

"""Text to days, codes and numbers; and the header of a file."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.intake.authority import Authority, read_authority
from bond_eval.intake.delimited import header_of, parse
from bond_eval.intake.typed import (
    NO_DAY,
    Text,
    as_codes,
    as_days,
    as_numbers,
    dates_to_days,
    days_to_dates,
    read_day,
    text,
)
from tests.helpers import day


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("04/11/2019", "2019-11-04"),
        ("4/11/2019", "2019-11-04"),
        ("04.11.2019", "2019-11-04"),
        ("2019-11-04", "2019-11-04"),
        ("2019/11/04", "2019-11-04"),
        ("2019-11-04 00:00:00", "2019-11-04"),
        ("2019-11-04T00:00:00.000", "2019-11-04"),
        ("04/11/2019 00:00", "2019-11-04"),
        ("29/02/2020", "2020-02-29"),
    ],
)
def test_dates_are_read_day_first_or_iso(written, meant):
    assert read_day(written) == day(meant)


@pytest.mark.parametrize(
    "written",
    ["29/02/2019", "31/04/2019", "11/13/2019", "04/11/19", "43773", "2019-11", "04/11/2019 12:30", "x", "1/1/1066"],
)
def test_what_is_no_day_is_not_guessed(written):
    assert read_day(written) is None


def test_days_go_to_dates_and_back():
    days = np.array([day("2019-11-04"), NO_DAY, day("1999-01-01")], dtype=np.int32)
    assert str(days_to_dates(days)[0]) == "2019-11-04T00:00:00"
    assert np.isnat(days_to_dates(days)[1])
    assert dates_to_days(days_to_dates(days)).tolist() == days.tolist()


def test_blanks_are_none_of_them_values():
    raw = ["", " ", "NULL", "n/a", "#N/A", "None", "nan", '""', "'X1'", " x1 ", "-"]
    column = text(pa.chunked_array([pa.array(raw).dictionary_encode()]), upper=True)
    assert column.at(np.arange(len(raw))).tolist() == [""] * 8 + ["X1", "X1", ""]


def test_dates_codes_and_numbers_keep_their_rows():
    column = Text(np.array([1, -1, 0, 2]), ["01/02/2020", "3.5", "bad"])
    days, bad = as_days(column)
    assert days.tolist() == [NO_DAY, NO_DAY, day("2020-02-01"), NO_DAY]
    assert bad.tolist() == [True, False, False, True]
    numbers, bad = as_numbers(column)
    assert numbers[0] == 3.5
    assert bad.tolist() == [False, False, True, True]


def test_more_unknown_codes_than_a_short_integer_holds():
    values = [f"junk{number}" for number in range(40_000)]
    coded = as_codes(Text(np.arange(40_000, dtype=np.int32), values), ("A", "B"))
    assert coded[39_999] == "junk39999"


def test_a_header_of_one_enormous_or_broken_field_is_no_error():
    assert header_of(b"CHILD," + b"x" * 200_000 + b"\n1,2\n")[0][0] == "CHILD"
    assert header_of(b'"a\rb",c\n')[0] == ["A"]
    assert header_of(b'\xef\xbb\xbf\r\n Place_Provider ;"RNE"\r\n') == (["PLACE_PROVIDER", "RNE"], ";", 29)


def test_line_numbers_over_many_blocks():
    lines = ["A,B", *(f"{n},{n}" if n % 50_000 else "short" for n in range(2, 150_001))]
    raw = parse("x.csv", "\n".join(lines).encode(), ["A"])
    assert raw.misfits == (50_000, 100_000, 150_000)
    assert raw.table.num_rows == 149_999 - 3
    assert [int(value) for value in raw.table.column("A").to_pylist()] == raw.lines.tolist()


def test_an_authority_without_a_file_has_only_its_name(tmp_path):
    assert read_authority(tmp_path, "north-shire") == Authority("north-shire", "North Shire")


def test_an_authority_file_is_read(tmp_path):
    (tmp_path / "authority.toml").write_text('name = "N"\ncode = "E1"\nbaseline_date = 2019-03-31\n')
    found = read_authority(tmp_path, "n")
    assert (found.name, found.code, found.baseline_date) == ("N", "E1", dt.date(2019, 3, 31))
    assert found.baseline(Quarter(2020, 2)) == dt.date(2019, 3, 31)
    # A baseline after the quarter is of no use to it.
    assert found.baseline(Quarter(2017, 4)) == dt.date(2017, 3, 31)
    assert Authority("n", "N").baseline(Quarter(2017, 3)) == dt.date(2016, 3, 31)


@pytest.mark.parametrize(
    "text", ["name = ", "nam = 'x'", "code = 3", "baseline_date = '2019-03-31'", b"\xff\xfe", "synthetic = 1"]
)
def test_an_authority_file_that_cannot_be_used_is_named(tmp_path, text):
    path = tmp_path / "authority.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"^authority\.toml"):
        read_authority(tmp_path, "n")

"""Forecasts that cannot be changed unseen."""

import datetime as dt
import json
from dataclasses import asdict

import pytest

from bond_eval.core.errors import InputError
from bond_eval.economics.scenarios import evaluate, scenarios, totals
from bond_eval.economics.sealing import (
    FIRST,
    RERUN,
    Forecast,
    in_force,
    jump,
    read_seals,
    rebasings,
    require_sealed,
    score,
    sealed_again,
)

TARGET = "2020-21-Q2"


def forecast(value=23_332.0, **other):
    usual = {"made_in": "2019-20-Q1", "made_on": dt.date(2019, 6, 30), "basis": "case for change"}
    return Forecast("do nothing", TARGET, value, **{**usual, **other})


def sealed(path, *forecasts):
    """The file with what these forecasts add to it."""
    seals = sealed_again(read_seals(path), forecasts)
    path.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in seals), "utf-8")
    return path


@pytest.fixture
def path(tmp_path):
    programme = Forecast("programme", TARGET, 22_911.0, "2019-20-Q1", dt.date(2019, 6, 30), "case\u2028for change")
    return sealed(tmp_path / "seals.jsonl", forecast(interval=(22_500.0, 24_000.0)), programme)


def rebased():
    return forecast(25_036.0, made_in="2020-21-Q3", made_on=dt.date(2020, 11, 1), basis="few reductions anyway")


def test_records_are_chained_and_appended(path):
    before = path.read_bytes()
    first, second = read_seals(path)
    assert first.previous == FIRST and second.previous == first.hash and len(second.hash) == 64
    sealed(path, rebased())
    assert path.read_bytes().startswith(before) and len(read_seals(path)) == 3


def test_another_value_cannot_pass_unseen(path):
    with pytest.raises(InputError, match=r"a difference of £1,704k"):
        require_sealed(read_seals(path), "do nothing", TARGET, 25_036)
    assert require_sealed(read_seals(path), "do nothing", TARGET, 23_332) == 0
    first = read_seals(path)[0]
    sealed(path, rebased())
    assert require_sealed(read_seals(path), "do nothing", TARGET, 25_036) == 1_704
    with pytest.raises(InputError, match="not £23,332k"):
        require_sealed(read_seals(path), "do nothing", TARGET, 23_332)
    log = rebasings(read_seals(path))
    assert log["effect"].tolist() == [1_704] and log["basis"].tolist() == [f"{RERUN}; was {first.hash}"]


def test_the_published_jump_is_split():
    table, published = scenarios(), totals()
    sealed = [evaluate(table, name, "to September 2020").total_000 for name in ("do nothing", "likely")]
    claimed = published.set_index("scenario")["amount_000"]["do nothing, re-based"]
    found = jump(*sealed, claimed, evaluate(table, "current position", "to September 2020").total_000)
    assert (found.expected_000, found.claimed_000, found.difference_000) == (421, 2_315, 1_894)
    assert (found.by_rebasing_000, found.by_outturn_000) == (1_704, 190)
    assert found.by_rebasing_000 + found.by_outturn_000 == found.difference_000


def test_the_same_again_is_no_new_record(path):
    before = path.read_bytes()
    assert sealed(path, forecast(interval=(22_500.0, 24_000.0))).read_bytes() == before
    assert rebasings(read_seals(sealed(path, forecast(interval=(22_000.0, 24_000.0)))))["effect"].tolist() == [0]


@pytest.mark.parametrize("field", ["value", "unit", "price_base", "basis", "effect", "made_on", "previous", "hash"])
def test_a_changed_record_is_found(path, field):
    lines = path.read_text("utf-8").split("\n")
    record = json.loads(lines[0])
    record[field] = record[field] + 1 if isinstance(record[field], float) else "1" * 64
    path.write_text("\n".join([json.dumps(record), lines[1]]) + "\n", "utf-8")
    with pytest.raises(InputError, match="record 1: changed"):
        read_seals(path)


def test_a_removed_or_broken_record_is_found(path):
    lines = path.read_text("utf-8").split("\n")
    path.write_text(lines[1] + "\n", "utf-8")
    with pytest.raises(InputError, match="changed"):
        read_seals(path)
    for text in ("{", "[]", '{"kind": "forecast"}', "\udcff"):
        path.write_bytes(text.encode("utf-8", "surrogateescape") + b"\n")
        with pytest.raises(InputError, match="record 1: not a record"):
            read_seals(path)


def test_later_quarters_score_what_was_sealed_first(path):
    sealed(path, rebased())
    frame = score(read_seals(path), TARGET, {"do nothing": 24_100.0, "programme": 22_721.0, "unknown": 1.0})
    assert frame["error"].tolist() == [768, -190] and frame["rebased"].tolist() == [25_036, 22_911]
    assert frame["inside"].tolist() == [False, None]
    assert score(read_seals(path), "2021-22-Q1", {"do nothing": 1.0}).empty
    assert in_force((), "do nothing", TARGET) is None


def test_what_cannot_be_sealed(tmp_path):
    assert read_seals(tmp_path / "seals.jsonl") == ()
    with pytest.raises(InputError, match="never sealed"):
        require_sealed((), "do nothing", TARGET, 1.0)
    with pytest.raises(InputError, match="Quarter"):
        forecast(made_in="June 2019")
    for bad in ({"value": float("nan")}, {"interval": (1.0, 2.0)}, {"basis": " "}):
        with pytest.raises(ValueError):
            forecast(**bad)

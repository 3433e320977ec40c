"""The ledger of runs: what is in it, and what a cut line, a clock or a crowd of writers may do to it."""

import datetime as dt
import json
import os
import subprocess
import sys

import nbformat
import pytest

from bond_eval.core.errors import InputError
from bond_eval.workbook import ledger
from bond_eval.workbook import run as runner
from bond_eval.workbook.execute import Outcome
from bond_eval.workbook.ledger import Ledger, read_ledger
from tests.tiny_runs import NAMES, build, executed, laid_out, runs, settings_of


def test_events_are_numbered_and_read_back_in_order(tmp_path):
    path = tmp_path / "ledger.jsonl"
    numbers = [Ledger(path).add("note", name=name) for name in ("a", "b", "£")]
    told = read_ledger(path)
    assert numbers == [1, 2, 3] and [event["name"] for event in told.events] == ["a", "b", "£"]
    assert told.cut == () and read_ledger(tmp_path / "none").events == ()


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_line_cut_short_is_left_out_said_and_closed_off(tmp_path, cut):
    path = tmp_path / "ledger.jsonl"
    for name in "ab":
        Ledger(path).add("note", name=name)
    path.write_bytes(path.read_bytes()[:-cut])
    whole = ["a", "b"] if cut == 1 else ["a"]
    assert [event["name"] for event in read_ledger(path).events] == whole
    Ledger(path).add("note", name="c")
    told = read_ledger(path)
    assert [event["name"] for event in told.events] == [*whole, "c"]
    assert [event["seq"] for event in told.events] == list(range(1, len(whole) + 2))
    said = [] if cut == 1 else ["Line 2 of ledger.jsonl was cut short and is left out."]
    assert told.lines() == said


def test_lines_that_are_no_events_are_left_out(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'\xff\xfe\n[1]\n{"seq": "1", "event": "x"}\n{"seq": 7, "event": "note"}\n')
    told = read_ledger(path)
    assert (len(told.events), told.cut) == (1, (1, 2, 3))
    assert Ledger(path).add("note") == 8


def test_order_is_by_number_whatever_the_clock_says(tmp_path, monkeypatch):
    path, hour = tmp_path / "ledger.jsonl", iter([5, 3, 4])

    class Clock(dt.datetime):
        @classmethod
        def now(cls, zone=None):
            return cls(2021, 1, 1, next(hour), tzinfo=zone)

    monkeypatch.setattr(ledger.dt, "datetime", Clock)
    for name in "abc":
        Ledger(path).add("note", name=name)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
    told = read_ledger(path).events
    assert [event["name"] for event in told] == ["a", "b", "c"]
    assert [event["at"][11:13] for event in told] == ["05", "03", "04"]


def test_the_number_is_found_beyond_a_long_torn_tail(tmp_path):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).add("note")
    path.write_bytes(path.read_bytes() + b"x" * 200_000)
    assert Ledger(path).add("note") == 2 and read_ledger(path).cut == (2,)


def test_many_writers_lose_nothing(tmp_path):
    path = tmp_path / "ledger.jsonl"
    code = (
        "import sys; from pathlib import Path; from bond_eval.workbook.ledger import Ledger\n"
        "for _ in range(20): Ledger(Path(sys.argv[1])).add('note')"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(4)]
    assert [writer.wait(timeout=120) for writer in writers] == [0] * 4
    assert [event["seq"] for event in read_ledger(path).events] == list(range(1, 81))


def test_a_ledger_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger.os, "write", lambda handle, line: os.pwrite(handle, line[:5], 0))
    with pytest.raises(InputError, match=r"Cannot write ledger\.jsonl .*no room is left"):
        Ledger(tmp_path / "ledger.jsonl").add("note")


# What a run writes down -------------------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "execute_all", executed([]))
    monkeypatch.setattr(runner, "warm", lambda: None)
    return laid_out(tmp_path)


def test_a_run_writes_down_each_notebook_and_how_it_ended(base):
    for only in ((), ("01",)):
        runner.run_workbook(settings_of(base, only=only), build=build)
    told = read_ledger(base / "out" / "salford" / "ledger.jsonl")
    first, second = runs(told.events)
    assert first.statuses == dict.fromkeys(NAMES, "done") and first.ended == 0
    assert second.statuses == {"01_counts": "reused", "02_moves": "not run", "41_answers": "not run"}
    kinds = [event["event"] for event in told.events if event.get("run") == first.run]
    assert kinds == ["notebook begun", "notebook ended"] * 3 + ["run ended"]


def test_no_machine_path_and_no_value_is_in_it(base):
    runner.run_workbook(settings_of(base), build=build)
    text = (base / "out" / "salford" / "ledger.jsonl").read_text(encoding="utf-8")
    known = {"seq", "at", "event", "run", "quarter", "audience", "notebooks", "left_out", "notebook", "status", "cell",
             "error", "reused"}  # fmt: skip
    assert {name for line in text.splitlines() for name in json.loads(line)} == known
    assert str(base) not in text and "/" not in text and "1230" not in text


@pytest.mark.parametrize(
    ("raised", "seen", "status", "message"),
    [
        ("", "", "done", ""),
        ("DeadKernelError", "died", "died", "Its kernel died in cell 3; the cells after that did not run."),
        ("DeadKernelError", "out of memory", "out of memory", "It needed more memory than it may have in cell 3."),
        ("MemoryError", "out of memory", "out of memory", "It needed more memory than it may have in cell 3."),
        ("CellTimeoutError", "timed out", "timed out", "Cell 3 took longer than a cell may."),
        ("KeyboardInterrupt", "timed out", "timed out", "Cell 3 took longer than a cell may."),
        ("ValueError", "", "failed", "Cell 4 raised ValueError; the cells after it did not run."),
    ],
)
def test_a_status_is_what_was_seen_whatever_the_notebook_is_marked(base, raised, seen, status, message):
    def marked(jobs, workers, environment, done, begun):
        executed([])(jobs, workers, environment, lambda outcome: None, begun)
        for job in jobs:
            book = nbformat.read(job.target, as_version=4)
            for cell in book.cells[:3]:
                cell.metadata["papermill"] = {"status": "completed", "exception": False, "start_time": "x"}
            if status == "failed":
                book.cells[3].outputs.append(nbformat.v4.new_output("error", ename=raised, evalue="", traceback=[]))
            nbformat.write(book, job.target)
            done(Outcome(job.name, raised, 0.1, seen))

    runner.execute_all = marked
    report = runner.run_workbook(settings_of(base, only=("01",)), build=build)
    assert [(result.status, result.message) for result in report.results] == [(status, message)]
    (past,) = runs(read_ledger(base / "out" / "salford" / "ledger.jsonl").events)
    assert past.statuses["01_counts"] == status and past.ended == (1 if raised else 0)


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), 130), (InputError("no file /x"), 2), (ZeroDivisionError(), 1)]
)
def test_what_ended_a_run_is_written_down_without_its_words(base, error, status):
    def fails(*_):
        raise error

    with pytest.raises(type(error)):
        runner.run_workbook(settings_of(base), build=fails)
    told = read_ledger(base / "out" / "salford" / "ledger.jsonl").events
    assert (told[-1]["event"], told[-1]["status"], told[-1]["error"]) == ("run ended", status, type(error).__name__)
    assert runs(told)[0].statuses == dict.fromkeys(NAMES, "not run") and "/x" not in json.dumps(told)


def test_a_run_that_was_killed_has_no_end(tmp_path):
    path = tmp_path / "ledger.jsonl"
    run = Ledger(path).add("run begun", quarter="2020-21-Q2", audience="public", notebooks=["01_a"], left_out=[])
    Ledger(path).add("notebook begun", run=run, notebook="01_a")
    (past,) = runs(read_ledger(path).events)
    assert (past.ended, past.statuses) == (None, {"01_a": "not run"})

"""One run at a time in a folder, temporary folders of the dead, and signals: without a run."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time

import pytest

from bond_eval.core import atomic
from bond_eval.core.atomic import abandoned, owner, replaced_folder
from bond_eval.core.errors import InputError
from bond_eval.core.places import ROOT
from bond_eval.workbook import locks
from bond_eval.workbook.locks import alone, interruptible, private_folder

HOLD = """import sys, time
from pathlib import Path
from bond_eval.workbook.locks import alone
with alone(Path(sys.argv[1]), 1, print):
    print("held", flush=True)
    time.sleep(60)"""


@pytest.fixture
def target(tmp_path):
    return tmp_path / "salford" / "2020-21-Q2"


@pytest.fixture
def holder(target):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(target)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def gone():
    """The name of a process that has ended."""
    code = "from bond_eval.core.atomic import owner; print(owner())"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def test_who_holds_a_folder_is_said_and_a_dead_process_holds_nobody_up(target, holder):
    said = []
    with pytest.raises(InputError) as raised, alone(target, 0.3, said.append):
        pytest.fail("both held it")
    words = f"A run of salford 2020-21-Q2 is going on (process {holder.pid} on {platform.node()} since "
    assert said[0].startswith(words) and said[0].endswith(": waiting for it to end.")
    assert str(raised.value).startswith(words) and "wait until it has ended, or end it" in str(raised.value)
    holder.kill()
    holder.wait()
    with alone(target, 5, said.append):
        assert sorted(path.name for path in (target.parent / ".cache").iterdir()) == [
            "2020-21-Q2.holder",
            "2020-21-Q2.lock",
        ]
    assert not (target.parent / ".cache" / "2020-21-Q2.holder").exists() and len(said) == 1


def test_one_that_waits_goes_on_when_the_other_has_ended(target, holder):
    threading.Timer(0.5, holder.kill).start()
    began = time.monotonic()
    with alone(target, 30, lambda text: None):
        assert 0.3 < time.monotonic() - began < 20


def test_folders_of_other_runs_are_held_apart(target, holder):
    with alone(target.with_name("2020-21-Q1"), 0, pytest.fail):
        pass


def test_only_what_a_dead_process_of_ours_left_is_cleared_away(target, gone):
    mine, machine = owner(), owner().split("-")[0]
    left = {
        f".2020-21-Q2.{gone}.abc": False,
        f".2020-21-Q2.{mine}.abc": True,
        f".2020-21-Q2.00000000-{gone.split('-')[1]}.abc": True,  # of another machine
        f".2020-21-Q1.{gone}.abc": True,  # of another run
        ".2020-21-Q2.abc": True,
        f".2020-21-Q2.{machine}-x.abc": True,
    }
    for name in left:
        (target.parent / name).mkdir(parents=True)
    with replaced_folder(target) as work:
        (work / "a").write_text("new")
    assert {name: (target.parent / name).exists() for name in left} == left


def test_a_number_given_to_a_later_process_is_not_that_of_the_dead(tmp_path, monkeypatch):
    folder = tmp_path / f".x.{owner()}.abc"
    folder.mkdir()
    assert not abandoned(folder)
    import psutil

    monkeypatch.setattr(psutil.Process, "create_time", lambda self: time.time() + 60)
    assert abandoned(folder)
    monkeypatch.setattr(atomic.os, "getuid", lambda: folder.stat().st_uid + 1, raising=False)
    assert not abandoned(folder)  # another user's


def test_a_folder_put_aside_by_a_dead_process_is_brought_back_where_none_took_its_place(target, gone):
    old = target.parent / f".2020-21-Q2.{gone}.old"
    old.mkdir(parents=True)
    (old / "good").write_text("last")
    with pytest.raises(ZeroDivisionError), replaced_folder(target):
        raise ZeroDivisionError
    assert (target / "good").read_text() == "last" and not old.exists()
    old.mkdir()
    with pytest.raises(ZeroDivisionError), replaced_folder(target):
        raise ZeroDivisionError
    assert (target / "good").read_text() == "last" and not old.exists()


def test_an_interruption_while_folders_are_swapped_keeps_the_last(target, monkeypatch):
    target.mkdir(parents=True)
    (target / "good").write_text("last")
    replace, calls = os.replace, []

    def interrupted(source, goal):
        calls.append(goal)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, goal)

    monkeypatch.setattr(atomic.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), replaced_folder(target):
        pass
    assert [path.name for path in target.parent.iterdir()] == ["2020-21-Q2"] and (target / "good").exists()


def test_no_room_is_told_apart_from_no_right(tmp_path, monkeypatch):
    for number, advice in ((28, "Make room there and run again."), (30, "Choose another --out.")):
        monkeypatch.setattr(
            atomic.os, "replace", lambda *_, n=number: (_ for _ in ()).throw(OSError(n, os.strerror(n)))
        )
        with pytest.raises(InputError) as raised, replaced_folder(tmp_path / "run"):
            pass
        assert str(raised.value).endswith(advice)
    assert list(tmp_path.iterdir()) == []


def test_private_folders_of_the_dead_go_and_an_unusable_place_is_said(tmp_path, monkeypatch, gone):
    monkeypatch.setattr(locks.tempfile, "tempdir", str(tmp_path))
    for name in (f"bond-eval-{gone}.abc", "bond-eval-notes", f"other-{gone}.abc"):
        (tmp_path / name).mkdir()
    with private_folder() as folder:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            [folder.name, "bond-eval-notes", f"other-{gone}.abc"]
        )
    monkeypatch.setattr(locks.tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(InputError, match="No temporary folder can be made"), private_folder():
        pass


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_sigterm_ends_a_run_as_ctrl_c_does_and_nothing_else():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) == before
    ended = []

    def elsewhere():
        with interruptible():
            ended.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert ended == [before]

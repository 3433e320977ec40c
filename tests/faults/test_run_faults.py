"""What may befall a run: afterwards a plain run ends in the same bytes, nothing is lost and nothing left over."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import nbformat
import psutil
import pytest

from bond_eval.core.places import ROOT
from bond_eval.workbook.ledger import read_ledger
from tests.tiny_runs import NAMES, bytes_of, laid_out, notebook, runs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
LAST = ("out", "salford", "2020-21-Q2")
# Does what a file says that lies beside the data, once.
FAULT = """fault = pathlib.Path(os.environ["TINY_FAULT"])
if fault.exists():
    text = fault.read_text()
    fault.unlink()
    exec(text)"""
SEEDS = range(20)


class Place:
    """A tiny workbook with a last good run, changed since; commands are run on it in a temporary folder of its own."""

    def __init__(self, base, whole=None):
        self.base, self.mark = laid_out(base), uuid.uuid4().hex
        self.temporary = Path(tempfile.mkdtemp(prefix="t"))  # short, since sockets have short names
        self.fault = base / "fault"
        nbformat.write(notebook("02_moves", FAULT), base / "nbs" / "02_moves.ipynb")
        if whole:
            shutil.copytree(whole / "out", base / "out")
            (base / "data" / "episodes.csv").write_text("CHILD\nchanged\n", encoding="utf-8")

    @property
    def folder(self):
        return self.base.joinpath(*LAST)

    def start(self, *words, **other):
        variables = os.environ | {"PYTHONPATH": str(ROOT), "TINY_MARK": self.mark, "TMPDIR": str(self.temporary)}
        variables["TINY_FAULT"] = str(self.fault)
        command = [sys.executable, str(ROOT / "tests" / "tiny_runs.py"), str(self.base), *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        return subprocess.Popen(command, env=variables, cwd=ROOT, **pipes, **other)

    def run(self, *words, **other):
        """(status, what was said)"""
        process = self.start(*words, **other)
        said = process.communicate(timeout=300)[1]
        assert "Traceback" not in said, said
        return process.returncode, said

    def events(self):
        return read_ledger(self.folder.parent / "ledger.jsonl").events

    def begun(self, process, event="run begun"):
        """Wait until this run has written an event down."""
        known = len(self.events())
        until(lambda: process.poll() is not None or any(e["event"] == event for e in self.events()[known:]))

    def clean(self):
        """No process of ours and no temporary folder is there."""
        until(lambda: not self.processes())
        names = sorted(path.name for path in self.folder.parent.iterdir())
        assert [name for name in names if name.startswith(".")] == [".cache"], names
        assert list(self.temporary.iterdir()) == []

    def processes(self):
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TINY_MARK") == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found


def until(met):
    for _ in range(1200):
        if met():
            return
        time.sleep(0.05)
    raise AssertionError("waited for a minute")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A place with a good run, and another with one of the data as changed: what every fault must end in."""
    first, second = Place(tmp_path_factory.mktemp("first")), tmp_path_factory.mktemp("second")
    assert first.run()[0] == 0
    first.clean()
    changed = Place(second, first.base)
    shutil.rmtree(second / "out")
    started = time.monotonic()
    assert changed.run()[0] == 0
    seconds = time.monotonic() - started
    yield first.base, bytes_of(first.folder), bytes_of(changed.folder), seconds
    for place in (first, changed):
        shutil.rmtree(place.temporary)


@pytest.fixture
def place(tmp_path, whole):
    made = Place(tmp_path / "p", whole[0])
    yield made
    for process in made.processes():
        process.kill()
    shutil.rmtree(made.temporary)


def ends_well(place, whole):
    """A plain run gives what an undisturbed one gives, and leaves nothing else."""
    status, said = place.run()
    assert status == 0, said
    assert bytes_of(place.folder) == whole[2]
    place.clean()


def kept(place, whole):
    """What was good is still there: the last run, or the new one whole."""
    assert bytes_of(place.folder) in (whole[1], whole[2])


# Interrupted -----------------------------------------------------------------------------------------------------


def interrupted(place, whole, seed):
    chance = random.Random(seed)
    number, group = chance.choice([(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False)])
    process = place.start()
    place.begun(process)
    time.sleep(chance.uniform(0, whole[3]))
    if process.poll() is None:
        (os.killpg if group else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=60)
    until(lambda: not place.processes())
    kept(place, whole)
    place.clean()
    # A signal that comes once all is done may still end the interpreter.
    assert (process.returncode, runs(place.events())[-1].ended) in ((130, 130), (0, 0), (-number, 0)), said
    assert said.count("bond-eval: interrupted; ") == (process.returncode == 130)
    ends_well(place, whole)


@pytest.mark.parametrize("seed", [4, 5])  # Ctrl-C of a terminal, and SIGTERM
def test_a_run_interrupted_at_any_moment_is_taken_up_again(place, whole, seed):
    interrupted(place, whole, seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", SEEDS)
def test_twenty_random_interruptions_are_survived(place, whole, seed):
    interrupted(place, whole, seed + 100)


@pytest.mark.full
def test_a_run_killed_outright_leaves_the_last_and_is_cleared_away(place, whole):
    process = place.start()
    place.begun(process, "notebook ended")
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not place.processes())
    kept(place, whole)
    assert [path.name for path in place.folder.parent.iterdir() if path.name.startswith(".2020")]
    assert runs(place.events())[-1].ended is None
    (place.folder.parent / ".2020-21-Q2.0000000a-1.strange").mkdir()  # of another machine: not ours to take
    assert place.run()[0] == 0
    (place.folder.parent / ".2020-21-Q2.0000000a-1.strange").rmdir()
    ends_well(place, whole)


@pytest.mark.full
def test_a_last_run_put_aside_when_the_power_went_is_brought_back(place, whole):
    process = subprocess.Popen([sys.executable, "-c", "from bond_eval.core.atomic import owner; print(owner())"],
                               cwd=ROOT, stdout=subprocess.PIPE, text=True)  # fmt: skip
    gone = process.communicate()[0].strip()
    place.folder.rename(place.folder.with_name(f".2020-21-Q2.{gone}.old"))
    (place.base / "nbs" / "01_counts.ipynb").rename(place.base / "kept")
    (place.base / "nbs" / "01_counts.ipynb").write_text("{", encoding="utf-8")
    assert place.run()[0] == 2
    (place.base / "kept").replace(place.base / "nbs" / "01_counts.ipynb")
    ends_well(place, whole)


# Kernels ---------------------------------------------------------------------------------------------------------

KERNELS = {
    "died": "os.kill(os.getpid(), 9); time.sleep(9)",
    "died of a segfault": "import ctypes; ctypes.string_at(0)",
    "timed out": "while True:\n    try:\n        time.sleep(1)\n    except KeyboardInterrupt:\n        pass",
    "out of memory": "block = bytearray(6 * 2**30)",
    "failed": "raise ValueError('x')",
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.full] * (n != "died")) for n in KERNELS])
def test_a_notebook_that_fails_leaves_a_whole_last_run_and_a_plain_run_makes_it_good(place, whole, name):
    if name == "out of memory" and sys.platform != "linux":
        pytest.skip("the cap is Linux's")
    place.fault.write_text(KERNELS[name], encoding="utf-8")
    status, said = place.run("--timeout", "2", "--memory", "1000")
    word = name.partition(" of a")[0]
    assert (status, runs(place.events())[-1].statuses["02_moves"]) == (1, word), said
    place.clean()
    assert bytes_of(place.folder) == whole[1] and not place.fault.exists()
    assert f"The earlier run of 2020-21-Q2 stands, since it was whole and this one lacks 02_moves ({word}): " in said
    assert f"{place.folder.parent / 'ledger.jsonl'} is the log" in said
    ends_well(place, whole)
    assert runs(place.events())[-1].statuses == {"01_counts": "reused", "02_moves": "done", "41_answers": "done"}


# Two at once -----------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_of_two_runs_the_second_waits_and_an_impatient_third_is_told_who_runs(place, whole):
    first = place.start()
    place.begun(first)
    second = place.start()
    status, said = place.run("--brief")
    assert status == 2 and f"(process {first.pid} on " in said and "wait until it has ended, or end it" in said
    told = [process.communicate(timeout=300)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert "waiting for it to end" in told[1] and "all 3 notebooks are reused" in told[1]
    ends_well(place, whole)


# Full and read-only disks ----------------------------------------------------------------------------------------


def refused(place, whole, words, *arguments, **other):
    status, said = place.run(*arguments, **other)
    lines = [line for line in said.splitlines() if line.startswith("bond-eval: ")]
    assert status == 2 and len(lines) == 1 and words in lines[0], said
    until(lambda: not place.processes())


@pytest.fixture
def disk(tmp_path):
    """Mounts a small file system, where that is allowed; unmounts it in the end."""
    mounted = []

    def mount(folder, size):
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(folder)]
        if sys.platform != "linux" or os.getuid() or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root on Linux can mount a small disk")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.full
def test_a_full_disk_is_one_sentence_and_the_last_run_stays(place, whole, disk):
    out = place.base / "out"
    shutil.move(out, place.base / "aside")
    disk(out, 50_000)
    shutil.copytree(place.base / "aside", out, dirs_exist_ok=True)
    size = shutil.disk_usage(out).used // 1024 + 40
    subprocess.run(["mount", "-o", f"remount,size={size}k", str(out)], check=True)
    refused(place, whole, "No space left on device. Make room there and run again")
    assert bytes_of(place.folder) == whole[1]
    subprocess.run(["mount", "-o", "remount,size=50m", str(out)], check=True)
    ends_well(place, whole)


@pytest.mark.full
def test_a_full_temporary_disk_is_one_sentence_too(place, whole, disk):
    disk(place.temporary, 16)
    refused(place, whole, "ake room there and run again")
    assert bytes_of(place.folder) == whole[1]
    subprocess.run(["mount", "-o", "remount,size=50m", str(place.temporary)], check=True)
    ends_well(place, whole)


@pytest.mark.full
def test_a_file_that_may_grow_no_further_is_one_sentence(place, whole):
    limit = 20_000
    refused(place, whole, "File too large. Make room there and run again",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))  # fmt: skip
    assert bytes_of(place.folder) == whole[1]
    ends_well(place, whole)


@pytest.mark.full
def test_outputs_that_cannot_be_written_are_one_sentence(place, whole, disk):
    out = place.base / "out"
    if os.getuid():
        for folder in (out, out / "salford", out / "salford" / ".cache"):
            folder.chmod(0o555)
    else:
        shutil.move(out, place.base / "aside")
        disk(out, 50_000)
        shutil.copytree(place.base / "aside", out, dirs_exist_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
    refused(place, whole, "Choose another --out")
    assert bytes_of(place.folder) == whole[1]
    if os.getuid():
        for folder in (out, out / "salford", out / "salford" / ".cache"):
            folder.chmod(0o755)
    else:
        subprocess.run(["mount", "-o", "remount,rw", str(out)], check=True)
    ends_well(place, whole)


# Changed and damaged files ---------------------------------------------------------------------------------------


@pytest.mark.full
def test_data_changed_while_they_are_read_are_refused(place, whole):
    data = place.base / "data" / "episodes.csv"
    before = data.read_text(encoding="utf-8")
    process = place.start()
    place.begun(process)
    data.write_text("CHILD\nmeanwhile\n", encoding="utf-8")
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 2
    assert "bond-eval: data/episodes.csv was changed while the run was reading it, so nothing is published" in said
    assert bytes_of(place.folder) == whole[1]
    data.write_text(before, encoding="utf-8")
    ends_well(place, whole)


@pytest.mark.full
def test_damaged_entries_a_cut_ledger_and_a_clock_moved_back_do_no_harm(place, whole):
    for entry in (place.folder.parent / ".cache" / "2020-21-Q2").iterdir():
        entry.write_bytes(entry.read_bytes()[:-7])
    ledger = place.folder.parent / "ledger.jsonl"
    lines = ledger.read_text(encoding="utf-8").splitlines()
    ahead = [json.dumps(json.loads(line) | {"at": "2099-01-01T00:00:00+00:00"}) for line in lines]
    ledger.write_text("\n".join(ahead) + '\n{"seq": 99, "ev', encoding="utf-8")
    for path in place.base.rglob("*"):
        os.utime(path, (4_000_000_000, 4_000_000_000))
    (place.base / "data" / "episodes.csv").write_text("CHILD\nsynthetic\n", encoding="utf-8")
    status, said = place.run()
    assert status == 0 and "What was kept of run is damaged, so it is made anew." in said
    assert bytes_of(place.folder) == whole[1]
    told = read_ledger(ledger)
    assert len(told.cut) == 1 and [event["seq"] for event in told.events] == list(range(1, len(told.events) + 1))
    assert [past.ended for past in runs(told.events)] == [0, 0]


# What an executed notebook says of itself ------------------------------------------------------------------------


def test_papermill_marks_dead_and_timed_out_notebooks_completed_and_the_ledger_does_not(place, tmp_path):
    from papermill import execute_notebook

    for name in NAMES:
        (place.base / "nbs" / f"{name}.ipynb").unlink()
    cells = {"01_dies": "os._exit(1)", "02_hangs": "time.sleep(60)"}
    for name, cell in cells.items():
        nbformat.write(notebook(name, cell, "1"), place.base / "nbs" / f"{name}.ipynb")
    marks = {}
    for name in cells:
        book, target = nbformat.read(place.base / "nbs" / f"{name}.ipynb", as_version=4), tmp_path / f"{name}.ipynb"
        book.cells[2].source = "import os, time"
        nbformat.write(book, tmp_path / "source.ipynb")
        with pytest.raises(Exception, match=r"died|timed out"):
            execute_notebook(tmp_path / "source.ipynb", target, kernel_name="python3", execution_timeout=2,
                             progress_bar=False)  # fmt: skip
        executed = nbformat.read(target, as_version=4)
        marks[name] = {cell.metadata.papermill.status for cell in executed.cells}
        assert not any(cell.metadata.papermill.exception for cell in (executed, *executed.cells))
    shutil.rmtree(place.folder)  # a whole run would stand
    status, _ = place.run("--timeout", "2")
    past = runs(place.events())[-1]
    assert marks == {name: {"completed"} for name in cells}
    assert (status, past.ended, past.statuses) == (1, 1, {"01_dies": "died", "02_hangs": "timed out"})
    assert [event["cell"] for event in place.events()[-3:-1]] == [4, 4]
    index = (place.folder / "index.html").read_text(encoding="utf-8")
    assert 'class="tag died">Stopped' in index and 'class="tag timed-out">Timed out' in index

"""What a test does to kernels on purpose: each ends with the right status, alone, and nothing of it stays."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import nbformat
import pytest

from bond_eval.core.places import ROOT
from bond_eval.workbook import kernels
from bond_eval.workbook.execute import execute_all, kernel_environment
from tests.kernel_jobs import below, folders, job, outputs, printed, run

STUBBORN = """while True:
    try:
        while True:
            pass
    except KeyboardInterrupt:
        pass"""
FAULTS = {
    "killed": "import os, time; os.kill(os.getpid(), 9); time.sleep(9)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "exits": "import os; os._exit(3)",
    "stubborn": STUBBORN,
    "takes_6_gb": "block = bytearray(6 * 2**30)",
    "arrow_6_gb": "import pyarrow; pyarrow.allocate_buffer(6 * 2**30)",
    "raises": "raise ValueError('x')",
    "fine": "print(6 * 7)",
}
EXPECTED = {
    "killed": ("DeadKernelError", "died"),
    "segfault": ("DeadKernelError", "died"),
    "exits": ("DeadKernelError", "died"),
    "stubborn": ("CellTimeoutError", "timed out"),
    "takes_6_gb": ("MemoryError", "out of memory"),
    "arrow_6_gb": ("ArrowMemoryError", "out of memory"),
    "raises": ("ValueError", ""),
    "fine": ("", ""),
}
linux = pytest.mark.skipif(not kernels.forks(), reason="kernels are forked on Linux only")


@pytest.fixture(scope="module", autouse=True)
def alone():
    """A temporary folder of our own, where nobody else's sockets are; and few libraries, which only take time."""
    kernels.close()
    with tempfile.TemporaryDirectory(prefix="bond-t-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", folder)
        patch.setenv("TMPDIR", folder)
        patch.setattr(kernels, "KERNELS", ("ipykernel.kernelapp", "matplotlib_inline.backend_inline"))
        yield
        kernels.close()
        assert not folders()


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    jobs = [
        job(folder, name, "print(1)", cell, "print(2)", cell_timeout=3 if name == "stubborn" else 300, memory_mb=1000)
        for name, cell in FAULTS.items()
    ]
    return {each.name: each for each in jobs}, run(folder, jobs)


@linux
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_ends_with_its_own_status(batch, name):
    outcome = batch[1][name]
    assert (outcome.raised, outcome.status) == EXPECTED[name]


@linux
def test_what_was_shown_before_the_end_is_kept(batch):
    for name, each in batch[0].items():
        shown = outputs(each)
        assert shown[0][0].text == "1\n", name
        assert bool(shown[2]) == (name == "fine"), name


@linux
def test_papermill_says_completed_of_a_dead_kernel_and_we_do_not(batch):
    jobs, outcomes = batch
    for name in ("killed", "stubborn"):
        notebook = nbformat.read(jobs[name].target, as_version=4)
        marks = [cell.metadata.papermill["status"] for cell in notebook.cells]
        assert set(marks) == {"completed"} and notebook.metadata.papermill["exception"] is None
        assert outcomes[name].status


@linux
def test_a_kernel_killed_with_its_memory_full_was_out_of_memory(tmp_path):
    fills = "import os, signal\nblock = bytearray(b'x') * (280 * 2**20)\nos.kill(os.getpid(), signal.SIGKILL)"
    jobs = [job(tmp_path, "full", fills, memory_mb=300), job(tmp_path, "roomy", fills, memory_mb=1000)]
    assert [outcome.status for _, outcome in sorted(run(tmp_path, jobs).items())] == ["out of memory", "died"]


@linux
def test_the_cap_is_each_notebooks_own(tmp_path):
    takes = "block = bytearray(120 * 2**20); print(len(block))"
    jobs = [job(tmp_path, "little", takes, memory_mb=60), job(tmp_path, "enough", takes, memory_mb=180)]
    jobs.append(job(tmp_path, "uncapped", takes))
    statuses = {name: outcome.status for name, outcome in run(tmp_path, jobs).items()}
    assert statuses == {"little": "out of memory", "enough": "", "uncapped": ""}


@linux
def test_a_batch_leaves_no_process_and_no_folder(tmp_path):
    kernels.close()
    before, there = below(), folders()
    starts = "import subprocess, os; child = subprocess.Popen(['sleep', '600']); print(child.pid)"
    jobs = [job(tmp_path, "starts_another", starts), job(tmp_path, "and_dies", starts, "os._exit(1)")]
    run(tmp_path, jobs)
    left = below() - before
    assert len(left) == 2, "only the two servers stay for the next batch"
    kernels.close()
    assert below() == before and folders() == there
    started = [int(printed(jobs[0])), int(outputs(jobs[1])[0][0].text)]
    wait_for(lambda: not any(alive(pid) for pid in started), 5)


@linux
def test_the_loss_of_the_nursery_costs_only_who_caused_it(tmp_path):
    jobs = [
        job(tmp_path, "01_slow", "import time; time.sleep(1); print('slow')"),
        job(tmp_path, "02_ends_it", "import os; os.kill(os.getppid(), 9)"),
        job(tmp_path, "03_later", "print('later')"),
    ]
    outcomes = run(tmp_path, jobs)
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "01_slow": "",
        "02_ends_it": "died",
        "03_later": "",
    }
    assert outcomes["02_ends_it"].raised == "WorkerLost"
    kernels.close()
    assert not folders()


RUNNER = """
    import sys
    from pathlib import Path
    from tests.kernel_jobs import job
    from bond_eval.workbook import kernels
    kernels.KERNELS = ("ipykernel.kernelapp", "matplotlib_inline.backend_inline")
    from bond_eval.workbook.execute import execute_all, kernel_environment
    folder = Path(sys.argv[1])
    waits = "import time; open('up', 'w').close(); time.sleep(600)"
    jobs = [job(folder, f"waits_{n}", waits) for n in (1, 2)]
    (folder / "release").mkdir()
    execute_all(jobs, 2, kernel_environment(folder / "release", folder), print)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("ordinary", ["", pytest.param("1", marks=pytest.mark.full)])
def test_when_the_runner_dies_its_kernels_die(tmp_path, number, ordinary):
    there = folders()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), kernels.ORDINARY: ordinary}
    script = tmp_path / "runner.py"
    script.write_text('if __name__ == "__main__":\n' + textwrap.indent(textwrap.dedent(RUNNER), "    "))
    runner = subprocess.Popen([sys.executable, script, tmp_path], env=environment, stderr=subprocess.DEVNULL)
    wait_for(lambda: all((tmp_path / "places" / f"waits_{n}" / "up").exists() for n in (1, 2)), 60)
    processes = below(runner.pid)
    assert len(processes) >= 4
    os.kill(runner.pid, number)
    runner.wait(20)
    wait_for(lambda: not [pid for pid in processes if alive(pid)], 8)
    wait_for(lambda: folders() <= there, 2)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)


@linux
def test_one_that_hears_of_an_outcome_and_raises_ends_the_others(tmp_path):
    quick, slow = job(tmp_path, "quick", "1"), job(tmp_path, "slow", "import time; time.sleep(600)")
    (tmp_path / "release").mkdir()

    def refuse(outcome):
        raise RuntimeError(outcome.name)

    before = time.monotonic()
    with pytest.raises(RuntimeError, match="quick"):
        execute_all([quick, slow], 2, kernel_environment(tmp_path / "release", tmp_path), refuse)
    assert time.monotonic() - before < 60
    servers = {server.process.pid for server in kernels._servers.values()}
    assert below() & servers == servers
    wait_for(lambda: not [pid for server in servers for pid in below(server)], 5)

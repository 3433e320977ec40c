"""Runs notebooks through papermill, several at once, each in a kernel and driven by a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from bond_eval.workbook import kernels
from bond_eval.workbook.kernels_server import Request

WORKER_LOST = "WorkerLost"
DIED, TIMED_OUT, OUT_OF_MEMORY = "died", "timed out", "out of memory"
_CLASS = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")


@dataclass(frozen=True)
class Job:
    """One notebook to run: `source` to `target`, in the working folder `place`.

    `cell_timeout` is in seconds; `memory_mb` is what its kernel may take beyond what it begins with (Linux only).
    """

    name: str
    source: Path
    target: Path
    place: Path
    parameters: Mapping[str, Any]
    cell_timeout: int
    memory_mb: int | None = None


@dataclass(frozen=True)
class Outcome:
    """`raised` is the class of what ended the notebook, empty where nothing did.

    `status` is "died", "timed out" or "out of memory", and empty where the kernel lived to the end.
    """

    name: str
    raised: str
    seconds: float
    status: str = ""


def kernel_environment(release: Path, private: Path) -> dict[str, str]:
    """Variables that make every kernel alike: nothing of the user's own set-up reaches a notebook."""
    return {
        **kernels.environment(),
        "BOND_RELEASE": str(release),
        "BOND_FIGURES": "svg",  # beside the PNG, for the pages
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def warm() -> None:
    """Begin importing what kernels need, in processes of their own, while this one does something else."""
    if kernels.forks():
        kernels.server(kernels.KERNELS)
        kernels.server(kernels.DRIVERS)


def execute_all(
    jobs: Sequence[Job],
    workers: int,
    environment: Mapping[str, str],
    done: Callable[[Outcome], None],
    begun: Callable[[str], Any] = str,
) -> None:
    """Run every job; `done` is told of each as it ends, in this process, and `begun` its name as it begins.

    A process that is lost may take others with it, so those are run again, each alone.
    """
    finished: set[str] = set()

    def told(outcome: Outcome) -> None:
        finished.add(outcome.name)
        done(outcome)

    together = _forked if kernels.forks() else _together
    together(jobs, min(workers, len(jobs)), environment, told, begun)
    for job in jobs:
        if job.name not in finished:
            together([job], 1, environment, told, begun)
        if job.name not in finished:
            told(Outcome(job.name, WORKER_LOST, 0.0, DIED))


def _forked(
    jobs: Sequence[Job],
    workers: int,
    environment: Mapping[str, str],
    done: Callable[[Outcome], None],
    begun: Callable[[str], Any],
) -> None:
    """Run the jobs in forked processes; those whose process is lost are left to the caller."""
    waiting, running = deque(jobs), dict[Any, kernels.Forked]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                begun(waiting[0].name)
                process = _driver(waiting.popleft(), environment)
                running[process.connection] = process
            for connection in wait(list(running)):
                if running[connection].poll() is not None:
                    process = running.pop(connection)
                    if process.result is not None:
                        done(process.result)
    except kernels.ServerLost:
        return
    finally:
        # Most of all after Ctrl-C: waiting for the kernels would keep the user waiting for minutes.
        for process in running.values():
            process.close()


def _driver(job: Job, environment: Mapping[str, str]) -> kernels.Forked:
    nursery = kernels.server(kernels.KERNELS).address
    variables = {**os.environ, **environment, kernels.NURSERY: nursery}
    request = Request("bond_eval.workbook.execute:run_one", (job,), variables, str(job.place))
    return kernels.Forked(kernels.server(kernels.DRIVERS).address, request)


def _together(
    jobs: Sequence[Job],
    workers: int,
    environment: Mapping[str, str],
    done: Callable[[Outcome], None],
    begun: Callable[[str], Any],
) -> None:
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(dict(environment),)
    )
    try:
        for job in jobs:
            begun(job.name)  # handed over: the pool does not tell when one begins
        for future in as_completed([pool.submit(run_one, job) for job in jobs]):
            if outcome := future.result():
                done(outcome)
    except BrokenProcessPool:
        pass  # whatever did not finish is left to the caller
    except BaseException:
        # Most of all Ctrl-C: waiting for the kernels would keep the user waiting for minutes.
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare(environment: Mapping[str, str]) -> None:
    import signal

    # Ctrl-C reaches the whole process group; the parent alone decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(environment)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """End when the parent does, even where it was killed: the kernels look after themselves then."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def run_one(job: Job) -> Outcome | None:
    """Run one notebook in this process; None where what forks kernels was lost.

    A kernel that never came up is tried once more (ports of ordinary ones may clash).
    """
    started = time.perf_counter()
    try:
        raised = _attempt(job)
        if raised and not _begun(job.target):
            raised = _attempt(job)
    except kernels.ServerLost:
        return None
    return Outcome(job.name, raised, time.perf_counter() - started, _status(raised, job.target))


def _attempt(job: Job) -> str:
    import logging

    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    from bond_eval.workbook.kernels_engine import register

    register()
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    try:
        papermill.execute_notebook(
            job.source,
            job.target,
            engine_name=kernels.NAME,
            parameters=dict(job.parameters),
            kernel_name="python3",
            language="python",
            cwd=job.place,
            progress_bar=False,
            execution_timeout=job.cell_timeout,
            start_timeout=300,  # on a busy machine; one that has died is seen at once
            memory_mb=job.memory_mb,
            # What passes between kernel and worker is records of children: no other user of the machine may listen.
            config=Config({"KernelManager": {"transport_encryption": "disabled" if kernels.forks() else "auto"}}),
        )
    except PapermillExecutionError as error:
        return _class(error.ename)
    except kernels.ServerLost:
        raise
    except Exception as error:  # a notebook fails alone, whatever its kernel, client or file raises
        return _class(type(error).__name__)
    return ""


def _status(raised: str, target: Path) -> str:
    if raised.endswith("MemoryError"):  # numpy's and pyarrow's have names of their own
        return OUT_OF_MEMORY
    if raised == "CellTimeoutError":
        return TIMED_OUT
    return DIED if raised == "DeadKernelError" or (raised and not _begun(target)) else ""


def _class(name: str) -> str:
    return name if _CLASS.match(name) else "Error"


def _begun(target: Path) -> bool:
    import nbformat

    try:
        cells = nbformat.read(target, as_version=4).cells
    except (OSError, ValueError):
        return False  # not there, or half of it on a full disk
    return any(cell.get("execution_count") for cell in cells)

"""Runs notebooks through papermill, each in a kernel of its own, several at once in worker processes."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bond_eval.core.places import ROOT

WORKER_LOST = "WorkerLost"
_CLASS = re.compile(r"^[A-Za-z_][A-Za-z0-9_.]*$")


@dataclass(frozen=True)
class Job:
    """One notebook to run: `source` to `target`, in the working folder `place`."""

    name: str
    source: Path
    target: Path
    place: Path
    parameters: Mapping[str, Any]
    cell_timeout: int


@dataclass(frozen=True)
class Outcome:
    """`raised` is the class of what ended the notebook, empty where nothing did."""

    name: str
    raised: str
    seconds: float


def kernel_environment(release: Path, private: Path) -> dict[str, str]:
    """Variables that make every kernel alike: nothing of the user's own set-up reaches a notebook."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return {
        "BOND_RELEASE": str(release),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(paths),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **dict.fromkeys(threads, "1"),
    }


def execute_all(
    jobs: Sequence[Job], workers: int, environment: Mapping[str, str], done: Callable[[Outcome], None]
) -> None:
    """Run every job; `done` is told of each as it ends, in this process.

    A worker that is lost takes the others of its pool with it, so those are run again, each alone.
    """
    finished: set[str] = set()

    def told(outcome: Outcome) -> None:
        finished.add(outcome.name)
        done(outcome)

    _together(jobs, min(workers, len(jobs)), environment, told)
    for job in jobs:
        if job.name not in finished:
            _together([job], 1, environment, told)
        if job.name not in finished:
            told(Outcome(job.name, WORKER_LOST, 0.0))


def _together(
    jobs: Sequence[Job], workers: int, environment: Mapping[str, str], done: Callable[[Outcome], None]
) -> None:
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(dict(environment),)
    )
    try:
        for future in as_completed([pool.submit(run_one, job) for job in jobs]):
            done(future.result())
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


def run_one(job: Job) -> Outcome:
    """Run one notebook in this process. A kernel that never came up is tried once more (ports may clash)."""
    started = time.perf_counter()
    raised = _attempt(job)
    if raised and not _begun(job.target):
        raised = _attempt(job)
    return Outcome(job.name, raised, time.perf_counter() - started)


def _attempt(job: Job) -> str:
    import logging

    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    try:
        papermill.execute_notebook(
            job.source,
            job.target,
            parameters=dict(job.parameters),
            kernel_name="python3",
            language="python",
            cwd=job.place,
            progress_bar=False,
            execution_timeout=job.cell_timeout,
            # What passes between kernel and worker is records of children: no other user of the machine may listen.
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
    except PapermillExecutionError as error:
        return _class(error.ename)
    except Exception as error:  # a notebook fails alone, whatever its kernel, client or file raises
        return _class(type(error).__name__)
    return ""


def _class(name: str) -> str:
    return name if _CLASS.match(name) else "Error"


def _begun(target: Path) -> bool:
    import nbformat

    if not target.exists():
        return False
    cells = nbformat.read(target, as_version=4).cells
    return any(cell.get("execution_count") for cell in cells)

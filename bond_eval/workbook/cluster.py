"""Where the jobs of a batch run: threads here that each watch over a process, or the workers of a Dask cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.workbook.batch_job import GRACE, end_all

WAIT, SOON = 20, 5  # seconds for a scheduler to answer, and after which it is said that no worker is there


@contextmanager
def workers(
    jobs: int, scheduler: str = "", batch: str = "", note: Callable[[str], Any] = str, patience: float = 60.0
) -> Iterator[Executor]:
    """An executor of `jobs` at once here, or of the cluster whose scheduler is at an address (tcp://host:port).

    A worker of the cluster that is lost gives its job to another; how often, the cluster's setting allowed-failures
    says. Where anything is raised, Ctrl-C most of all, no run of the `batch` is begun any more and those begun are told
    to end as at Ctrl-C: here each is waited for, on a cluster for batch_job.GRACE seconds and a few, and `note` is told
    what is left. Raises InputError where the cluster cannot be used, or has no worker in `patience` seconds.
    """
    if not scheduler:
        pool = ThreadPoolExecutor(jobs)
        try:
            yield pool
        except BaseException:
            end_all(batch)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return
    if not re.fullmatch(r"(\w+://)?[^\s/]+:\d{1,5}/?", scheduler):
        raise InputError(f"--scheduler {scheduler!r} is no address: give it as tcp://host:port.")
    try:
        from distributed import Client
    except ImportError:
        raise InputError("A cluster needs the package distributed: pip install -e '.[cluster]'.") from None
    try:
        client = Client(scheduler, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError, TimeoutError):
        raise InputError(f"No Dask scheduler answers at {scheduler!r}: give it as tcp://host:port.") from None
    with client:
        _await_worker(client, scheduler, note, patience)
        cluster = client.get_executor(pure=False)
        try:
            yield cluster
        except BaseException:
            note("Ending the runs on the cluster")
            cluster.shutdown(wait=False)
            if left := _left(client, batch):
                note(f"{formats.plural(left, 'run')} did not end in time: see the workers of the cluster.")
            raise
        cluster.shutdown()


def _await_worker(client: Any, scheduler: str, note: Callable[[str], Any], patience: float) -> None:
    with suppress(TimeoutError):
        return client.wait_for_workers(1, timeout=min(SOON, patience))
    note(f"No worker is at {scheduler} yet: one is waited for, {patience:.0f} s in all.")
    with suppress(TimeoutError):
        return client.wait_for_workers(1, timeout=max(patience - SOON, 0.1))  # 0 would be for ever
    raise InputError(
        f"No worker is at {scheduler}: begin one with 'dask worker {scheduler}', or leave --scheduler out."
    )


def _left(client: Any, batch: str) -> int:
    """Have every worker end its runs of a batch; how many are there still when the time for that is over."""
    until, left = time.monotonic() + GRACE + 5, 1
    while left and time.monotonic() < until:
        with suppress(OSError):  # asked again: a worker or the scheduler may be lost for a moment
            told = client.sync(client.run, end_all, batch, on_error="ignore", callback_timeout=WAIT)
            left = sum(told.values())
        time.sleep(0.1)
    return left

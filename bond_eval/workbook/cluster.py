"""Where the jobs of a batch run: threads here that each watch over a process, or the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from bond_eval.core.errors import InputError

WAIT = 20  # seconds for a scheduler to answer


@contextmanager
def workers(jobs: int, scheduler: str = "") -> Iterator[Executor]:
    """An executor of `jobs` at once here, or of the cluster whose scheduler is at an address (tcp://host:port).

    A worker of the cluster that is lost gives its job to another; how often, the cluster's setting allowed-failures
    says. Raises InputError where the cluster cannot be used.
    """
    if not scheduler:
        pool = ThreadPoolExecutor(jobs)
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return
    try:
        from distributed import Client
    except ImportError:
        raise InputError("A cluster needs the package distributed: pip install 'bond-eval[cluster]'.") from None
    try:
        client = Client(scheduler, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError, TimeoutError):
        raise InputError(f"No Dask scheduler answers at {scheduler!r}: give it as tcp://host:port.") from None
    with client, client.get_executor(pure=False) as pool:
        yield pool

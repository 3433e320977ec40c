"""One run at a time in one folder, ended by SIGTERM as by Ctrl-C; what an ended process left behind is cleared away."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bond_eval.core.atomic import abandoned, owner, reason, write_json
from bond_eval.core.errors import InputError

STATE = ".cache"  # beside the runs of an authority: locks, and what may be used again
_PRIVATE = "bond-eval-"


@contextmanager
def alone(target: Path, wait: float, note: Callable[[str], None]) -> Iterator[None]:
    """Hold a folder for this process; another waits up to `wait` seconds, and says who holds it.

    The lock is the system's, so that of a dead process holds nobody up. Raises InputError where the time is over or
    the lock cannot be written.
    """
    from filelock import FileLock, Timeout

    state = target.parent / STATE
    holder = state / f"{target.name}.holder"
    lock = FileLock(state / f"{target.name}.lock")
    try:
        state.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            note(f"{_who(holder, target)}: waiting for it to end.")
            lock.acquire(timeout=wait)
    except Timeout:
        raise InputError(f"{_who(holder, target)}: wait until it has ended, or end it.") from None
    except OSError as error:
        raise InputError(f"Cannot write to {target.parent}: {reason(error)}") from error
    try:
        write_json(holder, this_process())
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def this_process() -> dict[str, Any]:
    """What a holder says of itself."""
    return {"pid": os.getpid(), "host": platform.node(), "since": f"{dt.datetime.now():%d %B %H:%M}"}


def _who(holder: Path, target: Path) -> str:
    with suppress(OSError):
        return who(holder.read_bytes(), target)
    return who(b"", target)


def who(told: bytes, target: Path) -> str:
    """Who runs a quarter, in the words of its holder."""
    try:
        read = json.loads(told)
        words = f"process {read['pid']} on {read['host']} since {read['since']}"
    except (ValueError, KeyError, TypeError):
        words = "another process"
    return f"A run of {target.parent.name} {target.name} is going on ({words})"


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, so that it too ends children and takes temporary folders away."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is told of signals
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def interrupt(number: int, frame: Any) -> None:
    """A handler of SIGTERM: do as at Ctrl-C."""
    signal.signal(number, signal.SIG_IGN)  # once is enough: what follows is clearing up
    raise KeyboardInterrupt


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder of this run alone. Raises InputError where none can be made."""
    there = Path(tempfile.gettempdir())
    for left in there.glob(f"{_PRIVATE}*"):
        if abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    try:
        # A kernel that is being ended may still write for a moment, which must not end the run.
        made = tempfile.TemporaryDirectory(prefix=f"{_PRIVATE}{owner()}.", ignore_cleanup_errors=True)
    except OSError as error:
        raise InputError(f"No temporary folder can be made in {there}: {reason(error)}") from error
    with made as name:
        yield Path(name).resolve()

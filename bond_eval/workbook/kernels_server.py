"""A process that imports libraries once and then forks others, each of which begins with them. Linux only.

Started by workbook.kernels with LISTENER FOLDER MODULE ...: the number of a listening Unix socket, what to remove at
the end, and what to import first. A client connects, sends a Request and receives the new process's id, the Result of
its function, and how it Ended. Who closes the connection ends that process; who closes the server's standard input ends
all. Only the standard library is imported here and no thread started: what another thread holds at the moment of a fork
stays locked for ever in the new process.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

_MEGABYTE = 2**20
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h


class Request(NamedTuple):
    """A process to fork: it calls `function` ("module:name") with `arguments`, under `environment`, in `place`.

    `folder` is removed when it has ended. Killed when it held about nine tenths of `memory` (MB above what the server
    holds), it counts as out of memory.
    """

    function: str
    arguments: tuple[Any, ...]
    environment: Mapping[str, str]
    place: str
    folder: str = ""
    memory: int | None = None


class Result(NamedTuple):
    """What the function of a request returned."""

    value: Any


class Ended(NamedTuple):
    """How a process ended: its exit status (minus the signal that killed it), and whether its memory was full."""

    status: int
    full: bool


@dataclass
class _Child:
    pid: int
    connection: Connection
    request: Request
    left: bool = False


def main() -> None:
    """Import, serve, and in a forked process do its task."""
    arguments = sys.argv[1:]
    # As for an ordinary kernel: what lies in the working folder must not be taken for a library.
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    owner = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    listener, folder = socket.socket(fileno=int(arguments[0])), arguments[1]
    for name in arguments[2:]:
        _prepare(name)
    # What is here now stays; a collection in a forked process would only copy its pages.
    gc.collect()
    gc.freeze()
    if threads() > 1:
        raise SystemExit("A library started a thread: forking now could lock the new process for ever.")
    if task := _serve(listener, owner):
        _perform(*task)
    shutil.rmtree(folder, ignore_errors=True)


def _prepare(name: str) -> None:
    """Import `name`; call what stands after a colon."""
    module, _, function = name.partition(":")
    loaded = importlib.import_module(module)
    if function:
        getattr(loaded, function)()


def threads() -> int:
    """Threads of this process, those of libraries too."""
    return len(os.listdir("/proc/self/task"))


def _serve(listener: socket.socket, owner: int) -> tuple[Request, Connection] | None:
    """Fork as asked until the owner is gone (None), or until this is the forked process: what it has to do."""
    children: dict[int, _Child] = {}  # by a descriptor that can be waited for
    while True:
        open_ones = {child.connection: child for child in children.values() if not child.left}
        ready = wait([listener, owner, *children, *open_ones])
        if owner in ready:
            for descriptor, child in children.items():
                _kill(child.pid)
                _reap(descriptor, child)
            return None
        for one in ready:
            if isinstance(one, int):
                _reap(one, children.pop(one))
            elif isinstance(one, Connection):
                # A client says nothing more: it is gone, or wants its process gone.
                open_ones[one].left = True
                _kill(open_ones[one].pid)
        if listener in ready and (task := _accept(listener, owner, children)):
            return task


def _accept(listener: socket.socket, owner: int, children: dict[int, _Child]) -> tuple[Request, Connection] | None:
    connection = Connection(listener.accept()[0].detach())
    try:
        request = connection.recv()
    except (EOFError, OSError):
        connection.close()
        return None
    parent, pid = os.getpid(), os.fork()
    if pid:
        children[os.pidfd_open(pid)] = _Child(pid, connection, request)
        return None
    for descriptor, child in children.items():
        os.close(descriptor)
        child.connection.close()
    listener.close()
    os.close(owner)
    _own(parent)
    return request, connection


def _own(parent: int) -> None:
    """Make this a process of its own, which ends when the server does."""
    import ctypes

    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _kill(pid: int) -> None:
    """End a process that was not reaped yet, with all that it started itself."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue  # it has not become a group yet, or nothing of it is left


def _reap(descriptor: int, child: _Child) -> None:
    """Tell the client how its process ended, when nothing of it is left."""
    _kill(child.pid)
    _, status, usage = os.wait4(child.pid, 0)
    os.close(descriptor)
    if child.request.folder:
        shutil.rmtree(child.request.folder, ignore_errors=True)
    # Where the client is gone nobody is told.
    with contextlib.suppress(OSError):
        child.connection.send(Ended(os.waitstatus_to_exitcode(status), _full(child.request.memory, usage, status)))
    child.connection.close()


def _full(memory: int | None, usage: Any, status: int) -> bool:
    if memory is None or not os.WIFSIGNALED(status):
        return False
    # A forked process begins with what the server holds but for the pages of libraries, which come as they are used.
    return usage.ru_maxrss * 1024 > held()[0] + 0.9 * memory * _MEGABYTE


def held() -> tuple[int, int]:
    """Bytes that this process holds and shares with no file: those resident, and those it may write in."""
    with open("/proc/self/statm", encoding="ascii") as file:
        _, resident, shared, _, _, data, _ = (int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in file.read().split())
    return resident - shared, data


def _perform(request: Request, connection: Connection) -> None:
    """Do a task and end this process, whatever comes of it."""
    status = 1
    try:
        os.environ.clear()
        os.environ.update(request.environment)
        os.chdir(request.place)
        _reseed()
        connection.send(os.getpid())
        module, _, name = request.function.partition(":")
        result = getattr(importlib.import_module(module), name)(*request.arguments)
        connection.send(Result(result))
        status = 0
    except Exception as error:
        # Its text may hold a value, and so may the lines of a traceback.
        last = traceback.extract_tb(error.__traceback__)[-1]
        print(f"{type(error).__name__} in {os.path.basename(last.filename)}, line {last.lineno}", file=sys.stderr)
    finally:
        try:
            atexit._run_exitfuncs()
        finally:
            os._exit(status)


def _reseed() -> None:
    """Forked processes would draw the same random numbers."""
    random.seed()
    tempfile.tempdir = None
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()

"""Kernels forked from one process that has imported pandas and matplotlib already; each is a process too.

NAME names both the kernel provisioner and the kernelspec in JUPYTER; `register` makes them known where the package is
not installed. Linux only: elsewhere, and where ORDINARY is set, the provisioner starts an ordinary kernel instead.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

from bond_eval.core.places import PACKAGE, python_path
from bond_eval.workbook.kernels_server import Ended, Request, Result

NAME = "bond-forked"
ORDINARY = "BOND_ORDINARY_KERNELS"
NURSERY = "BOND_NURSERY"  # address of the server of kernels, where another process owns it
JUPYTER = PACKAGE / "workbook" / "jupyter"
INLINE = "module://matplotlib_inline.backend_inline"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# Each is imported before the first fork; what stands after a colon is called. Notebooks show what a release holds: none
# of them uses scipy or statsmodels, which would hold the first kernel up for as long as all else together.
KERNELS = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "pandas",
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    "bond_eval.evidence.book:warm",
    "bond_eval.evidence.registry:registered",
    "bond_eval.evidence.registry:of_findings",
)
DRIVERS = (
    "bond_eval.workbook.kernels_engine:lighten",
    "papermill",
    "jupyter_client.asynchronous",
    "bond_eval.workbook.kernels_engine:register",
)
_LONGEST = 60  # characters of the folder of sockets: an address may have 107


class ServerLost(Exception):
    """The server of a process is gone, and the process with it."""


def forks() -> bool:
    """True where kernels are forked here."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and not os.environ.get(ORDINARY)


class Forked:
    """A process that a server forked, with as much of subprocess.Popen as jupyter_client uses.

    Raises ServerLost where there is no server at `address`.
    """

    stdin = stdout = stderr = None

    def __init__(self, address: str, request: Request) -> None:
        self.ended: Ended | None = None
        self.result: Any = None
        self.lost = False
        try:
            self.connection = Client(address, family="AF_UNIX")
            self.connection.send(request)
            self.pid = self._first()
        except (OSError, EOFError) as error:
            raise ServerLost("The process that forks others is gone.") from error

    def _first(self) -> int:
        message = self.connection.recv()
        if isinstance(message, Ended):
            raise EOFError("It did not even begin.")
        return int(message)

    @property
    def returncode(self) -> int | None:
        """Its exit status as far as known."""
        return None if self.ended is None else self.ended.status

    def poll(self) -> int | None:
        """Exit status, minus the signal that killed it; None while it runs."""
        return self.wait(0.0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end, for so many seconds at most; exit status as `poll`."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.ended is None:
            if not self.connection.poll(None if until is None else max(0.0, until - time.monotonic())):
                return None
            try:
                message = self.connection.recv()
            except (EOFError, OSError):
                self.lost, message = True, Ended(-signal.SIGKILL, False)
            if isinstance(message, Result):
                self.result = message.value
            else:
                self.ended = message
                self.connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it by the signal that cannot be ignored, and wait for that."""
        self.send_signal(signal.SIGKILL)
        self.wait(5.0)

    terminate = kill

    def close(self) -> None:
        """Have its server end it with all that it started, and wait for that."""
        if self.poll() is None:
            with socket.socket(fileno=os.dup(self.connection.fileno())) as half:
                half.shutdown(socket.SHUT_WR)
            self.wait(5.0)


class Server:
    """A process of this one's own that forks others (workbook.kernels_server); it ends when this one does."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self.folder = _short_folder()
        self.address = str(self.folder / "s")
        self.owner = os.getpid()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen(64)
            number = listener.fileno()
            # Not with -m: what it sends would then be of a module that nobody else has, __main__.
            start = "from bond_eval.workbook.kernels_server import main; main()"
            command = [sys.executable, "-c", start, str(number), str(self.folder)]
            self.process = subprocess.Popen(
                [*command, *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **environment()},
                cwd=self.folder,
                pass_fds=[number],
                start_new_session=True,  # Ctrl-C is for its owner to handle
            )

    def alive(self) -> bool:
        """True where it is ours and there."""
        return self.owner == os.getpid() and self.process.poll() is None

    def close(self) -> None:
        """End it, with all that it forked and its folder."""
        if self.owner != os.getpid():
            return
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """What must be set before a server's first import, the same for every one."""
    return {
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": python_path(),
        "MPLBACKEND": INLINE,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # The one thread that importing pandas would start: pyarrow's allocator tidying up in the background.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        **dict.fromkeys(THREADS, "1"),
    }


_servers: dict[tuple[str, ...], Server] = {}
_lock = threading.Lock()


def server(modules: tuple[str, ...]) -> Server:
    """This process's server with these modules, started where it is not there. It may still be importing them."""
    with _lock:
        found = _servers.get(modules)
        if found is None or not found.alive():
            if found is not None:
                found.close()
            found = _servers[modules] = Server(modules)
        return found


def close() -> None:
    """End this process's servers and all that they forked."""
    with _lock:
        while _servers:
            _servers.popitem()[1].close()


atexit.register(close)


def _short_folder() -> Path:
    """A new folder that only this user may enter."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="bond-k-", dir=usual if len(usual) < _LONGEST else "/tmp"))


def register() -> None:
    """Make provisioner and kernelspec known to jupyter_client in this process, installed or not."""
    from importlib.metadata import EntryPoint

    from jupyter_client.provisioning.factory import KernelProvisionerFactory as Factory

    where = "bond_eval.workbook.kernels_provisioner:ForkProvisioner"
    Factory.provisioners.setdefault(NAME, EntryPoint(NAME, where, Factory.GROUP_NAME))
    paths = [str(JUPYTER), *filter(None, os.environ.get("JUPYTER_PATH", "").split(os.pathsep))]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(dict.fromkeys(paths))


def fork_kernel(
    command: list[str], place: str, variables: Mapping[str, str], memory: int | None, folder: str
) -> Forked:
    """A kernel with the arguments of an ordinary one's command. Raises ServerLost."""
    variables = dict(variables)
    address = variables.pop(NURSERY, None) or server(KERNELS).address
    arguments = [word for word in command[command.index("-f") :] if "hist_file" not in word]
    request = Request("bond_eval.workbook.kernels:run_kernel", (arguments, memory), variables, place, folder, memory)
    return Forked(address, request)


def run_kernel(arguments: list[str], memory: int | None) -> None:
    """In the forked process: be an IPython kernel until told to stop.

    `memory`: MB that it may take beyond what it begins with.
    """
    from ipykernel.kernelapp import IPKernelApp

    _be_silent()
    sys.argv = ["ipykernel_launcher.py", *arguments]
    # Read from the environment when ipykernel was imported, which was long ago.
    app = IPKernelApp.instance(parent_handle=os.getppid())
    # In memory: kernels that write one history at a time lock each other out.
    app.initialize([*arguments, "--HistoryManager.hist_file=:memory:"])
    _inline(app.shell)
    if memory is not None:
        _cap(memory)
    app.start()


def _be_silent() -> None:
    """What a kernel says beside its sockets goes nowhere: it may hold records."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def _inline(shell: Any) -> None:
    """What importing the inline backend does in an ordinary kernel; here it was imported before there was a shell."""
    backend = os.environ.get("MPLBACKEND", INLINE)
    import matplotlib

    matplotlib.rcParams["backend"] = backend
    if backend == INLINE:
        from IPython.core.pylabtools import activate_matplotlib
        from matplotlib_inline.backend_inline import configure_inline_support

        activate_matplotlib(backend)
        configure_inline_support(shell, backend)


def _cap(megabytes: int) -> None:
    import resource

    from bond_eval.workbook.kernels_server import held

    limit = held()[1] + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

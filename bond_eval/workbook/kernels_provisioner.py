"""The kernel provisioner: what jupyter_client asks for kernels that are forked (workbook.kernels)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any, cast

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.client import KernelClient
from jupyter_client.connect import port_names
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.utils import ensure_async, run_sync
from traitlets import Integer

from bond_eval.workbook import kernels


async def _ready(client: KernelClient, timeout: float | None = None) -> None:
    """As KernelClient waits, without a fifth of a second to look for messages that nbclient and nbval pass over anyway.

    Raises RuntimeError where the kernel died or the time (s) is over.
    """
    until, manager = time.monotonic() + (timeout or 60), cast(Any, client.parent)
    while time.monotonic() < until:
        client.kernel_info()
        try:
            await ensure_async(client.shell_channel.get_msg(timeout=1))
            await ensure_async(client.iopub_channel.get_msg(timeout=0.2))
            return
        except Empty:
            if await manager.provisioner.poll() is not None:
                raise RuntimeError("The kernel died before it replied.") from None
    raise RuntimeError("The kernel did not reply in time.")


class _Async(AsyncKernelClient):
    wait_for_ready = _ready


class _Blocking(BlockingKernelClient):
    wait_for_ready = run_sync(_ready)


_CLIENTS: dict[type, type] = {AsyncKernelClient: _Async, BlockingKernelClient: _Blocking}


class ForkProvisioner(LocalProvisioner):
    """Forks a kernel where that can be done and starts an ordinary one elsewhere."""

    memory_mb = Integer(None, allow_none=True, help="MB that a kernel may take; Linux only").tag(config=True)
    process: Any = None
    folder = ""
    last: kernels.Forked | None = None  # what is known of the kernel when it is gone

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Give each kernel its own address: sockets in a private folder, which need no ports and cannot clash."""
        if kernels.forks() and "ipykernel_launcher" in self.kernel_spec.argv:
            base = os.environ.get(kernels.NURSERY) or kernels.server(kernels.KERNELS).address
            self.folder = self.folder or str(Path(base).with_name(uuid.uuid4().hex[:12]))
            Path(self.folder).mkdir(mode=0o700, exist_ok=True)
            manager: Any = self.parent
            manager.transport, manager.ip = "ipc", f"{self.folder}/k"
            manager.connection_file = f"{self.folder}/kernel.json"
            manager.client_factory = _CLIENTS.get(manager.client_factory, manager.client_factory)
        prepared: dict[str, Any] = await super().pre_launch(**kwargs)
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork it. Raises ServerLost."""
        if not self.folder:
            address = await super().launch_kernel(cmd, **kwargs)
            if self.memory_mb is not None and sys.platform == "linux":
                import resource

                # From outside and from its beginning: what an ordinary kernel begins with counts too.
                resource.prlimit(self.process.pid, resource.RLIMIT_DATA, (self.memory_mb * 2**20,) * 2)
            return address
        self.cwd = kwargs.get("cwd") or os.getcwd()
        self.process = kernels.fork_kernel(cmd, str(self.cwd), kwargs["env"], self.memory_mb, self.folder)
        self.last = self.process
        self.pid = self.pgid = self.process.pid
        await self._listening()
        return self.connection_info

    async def _listening(self) -> None:
        """Wait a little for its sockets: a client that is too early tries again only after a tenth of a second."""
        ports: dict[str, Any] = dict(self.connection_info)
        sockets = [Path(f"{self.folder}/k-{ports[port]}") for port in port_names]
        until = time.monotonic() + 5
        while time.monotonic() < until and self.process.poll() is None and not all(map(Path.exists, sockets)):
            await asyncio.sleep(0.002)

    async def send_signal(self, signum: int) -> None:
        """Send it a signal, unless it has ended: its number may be another's by now."""
        if not (self.folder and self.process and self.process.poll() is not None):
            await super().send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """End it and wait for that: looking again every tenth of a second would cost more than a notebook's start."""
        if self.folder and self.process:
            self.process.close()
        else:
            await super().kill(restart)

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing of a kernel's sockets stays."""
        await super().cleanup(restart)
        if self.folder and not restart:
            shutil.rmtree(self.folder, ignore_errors=True)

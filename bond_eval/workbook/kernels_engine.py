"""The papermill engine `bond-forked`: forked kernels, a notebook written once, and the truth of how it ended.

papermill 2.7 marks every cell "completed" after a dead kernel or a timeout: its marks are never read. The engine raises
instead, and what it raises says what happened. papermill, nbclient and jupyter_client are imported when first used:
papermill loads this module while it is itself half imported.
"""

from __future__ import annotations

import sys
from typing import Any

from bond_eval.workbook import kernels


class ForkedEngine:
    """What papermill asks of an engine."""

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> str:
        """The kernel that the notebook or the caller names."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> str:
        """The language that the notebook or the caller names."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))

    @staticmethod
    def execute_notebook(nb: Any, kernel_name: str, output_path: str | None = None, **options: Any) -> Any:
        """Run the notebook and write it once, however it ends. Raises as papermill's own engine does, and ServerLost.

        Options are those of papermill's engine, and memory_mb: what the kernel may take, in MB (Linux only).
        """
        from papermill.engines import NotebookExecutionManager

        for unused in ("progress_bar", "log_output", "autosave_cell_every", "input_path", "stdout_file", "stderr_file"):
            options.pop(unused, None)
        managed = NotebookExecutionManager(nb, output_path=None, progress_bar=False, autosave_cell_every=0)
        managed.notebook_start()
        try:
            _run(managed, kernel_name, options)
        finally:
            managed.output_path = output_path
            managed.notebook_complete()
        return managed.nb


def _run(managed: Any, kernel_name: str, options: dict[str, Any]) -> None:
    from nbclient.exceptions import DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.log import logger

    manager = _manager(kernel_name, options.pop("memory_mb", None), options.get("config"))
    client = PapermillNotebookClient(
        managed,
        km=manager,
        kernel_name=kernel_name,
        timeout=options.pop("execution_timeout", None),
        startup_timeout=options.pop("start_timeout", 60),
        # On a busy machine output may be late; four seconds would call that a cell that ran out of time.
        iopub_timeout=60,
        # Nothing is left to do in a kernel whose outputs are here.
        shutdown_kernel="immediate" if kernels.forks() else "graceful",
        log=logger,
        **options,
    )
    error: Exception | None = None
    try:
        client.execute(cleanup_kc=True)
    except (DeadKernelError, RuntimeError) as raised:
        error = raised
    last = getattr(manager.provisioner, "last", None)
    # Whoever ended the server may come to its last cell before its own end reaches it.
    if last is not None and last.lost:
        raise kernels.ServerLost("The process that forks kernels is gone.") from error
    if last is not None and last.ended is not None and last.ended.full and error:
        raise MemoryError("The kernel was killed with its memory full.") from error
    if error:
        raise error


def _manager(kernel_name: str, memory: int | None, config: Any) -> Any:
    """A kernel manager whose kernels are forked, whatever the kernelspec says."""
    from jupyter_client.manager import AsyncKernelManager

    class Manager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> Any:
            spec = super().kernel_spec
            if spec is not None:
                stanza = {"provisioner_name": kernels.NAME, "config": {"memory_mb": memory}}
                spec.metadata["kernel_provisioner"] = stanza
            return spec

    kernels.register()
    return Manager(kernel_name=kernel_name, config=config)


def lighten() -> None:
    """Leave out, in a process that only drives, what no notebook's format asks for."""
    # A grammar of addresses that jsonschema would spend more than a second on.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


def register() -> None:
    """Make the engine known to papermill in this process, installed or not."""
    from papermill.engines import papermill_engines

    papermill_engines.register(kernels.NAME, ForkedEngine)
    kernels.register()

"""How a run goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, TextIO

from bond_eval.workbook.settings import NotebookResult


class Progress:
    """Told how a run goes on; says nothing of it."""

    def note(self, text: str) -> None:
        """A step begins."""

    def begin(self, names: Sequence[str]) -> None:
        """These notebooks are to be run."""

    def done(self, result: NotebookResult) -> None:
        """One has ended."""

    def end(self) -> None:
        """No more will come, whatever the reason."""


class Lines(Progress):
    """One line a notebook, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.ended, self.due = stream, 0, 0

    def note(self, text: str) -> None:
        """A line."""
        print(text, file=self.stream, flush=True)

    def begin(self, names: Sequence[str]) -> None:
        """Count to as many."""
        self.ended, self.due = 0, len(names)

    def done(self, result: NotebookResult) -> None:
        """3 of 28: 03_placement_moves done in 4.1 s"""
        self.ended += 1
        self.note(f"{self.ended} of {self.due}: {line(result)}")


class Bar(Progress):
    """A bar that fills as notebooks end, with the same lines above it."""

    def __init__(self, stream: TextIO, what: str = "Notebooks") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = RichProgress(*columns, console=Console(file=stream), transient=True)
        self._task: Any = None
        self.what = what

    def note(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def begin(self, names: Sequence[str]) -> None:
        """Show the bar."""
        self._bar.start()
        self._task = self._bar.add_task(self.what, total=len(names))

    def done(self, result: NotebookResult) -> None:
        """One further."""
        self.note(line(result))
        self._bar.advance(self._task)

    def end(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def line(result: NotebookResult) -> str:
    """01_placement_trends done in 4.1 s, with what went wrong after it."""
    if result.reused:
        return f"{result.name} reused: nothing it is made of has changed"
    text = f"{result.name} {result.status} in {result.seconds:.1f} s"
    return f"{text}: {result.message}" if result.message else text


def for_terminal(what: str = "Notebooks") -> Progress:
    """A bar of `what` where standard error is a terminal, else lines."""
    return Bar(sys.stderr, what) if sys.stderr.isatty() else Lines(sys.stderr)

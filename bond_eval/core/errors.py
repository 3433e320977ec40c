"""The one exception that a person is meant to read."""

from __future__ import annotations


class InputError(Exception):
    """Something the user supplied cannot be used. Its text is one clear sentence: what, where, what to do.

    Commands print it without a traceback and end with exit status 2. The text never holds a child's data.
    """

    def _render_traceback_(self) -> list[str]:
        """What a cell of a notebook shows of it: the sentence, as on the command line."""
        return [f"bond-eval: {self}"]

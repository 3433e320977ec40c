"""The one exception that a person is meant to read."""

from __future__ import annotations


class InputError(Exception):
    """Something the user supplied cannot be used. Its text is one clear sentence: what, where, what to do.

    Commands print it without a traceback and end with exit status 2. The text never holds a child's data.
    """

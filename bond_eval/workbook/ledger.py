"""What happened, as we saw it: one JSON line an event, only ever added to, beside the runs and never among them.

Order is by `seq`; the clock is written down and never relied upon. No value of the data and no machine path is in it.
A line that was cut short, by a power cut or a full disk, is closed off by the next and left out by the reader.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bond_eval.core.errors import InputError

Log = Callable[..., int]
FILE = "ledger.jsonl"
RUN_BEGUN, BEGUN, ENDED, RUN_ENDED = "run begun", "notebook begun", "notebook ended", "run ended"
AUDITED = "audited"
_TAIL, _WAIT = 1 << 16, 60.0


@dataclass(frozen=True)
class Told:
    """What a ledger says: events in order, and the numbers of lines that were cut short."""

    events: tuple[dict[str, Any], ...]
    cut: tuple[int, ...] = ()

    def lines(self) -> list[str]:
        """What is wrong with the file, a sentence a line."""
        return [f"Line {number} of {FILE} was cut short and is left out." for number in self.cut]


def silent(event: str, **facts: Any) -> int:
    """Writes nothing down."""
    return 0


@contextmanager
def told(path: Path, **facts: Any) -> Iterator[Log]:
    """Write down that a run begins, and how it ends where something ends it; gives what writes down the rest."""
    ledger = Ledger(path)
    run = ledger.add(RUN_BEGUN, **facts)
    try:
        yield partial(ledger.add, run=run)
    except BaseException as error:
        status = 130 if isinstance(error, KeyboardInterrupt) else 2 if isinstance(error, InputError) else 1
        with suppress(InputError):  # what ended the run may be that nothing can be written
            ledger.add(RUN_ENDED, run=run, status=status, error=type(error).__name__)
        raise


class Ledger:
    """The ledger of one authority. Any number of processes may add to it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, event: str, **facts: Any) -> int:
        """Add an event and give its number. Raises InputError where it cannot be written."""
        from filelock import FileLock, Timeout

        lock = self.path.parent / ".cache" / "ledger.lock"
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(lock, timeout=_WAIT):
                return self._add({"event": event, **facts})
        except (OSError, Timeout) as error:
            reason = getattr(error, "strerror", None) or "another run holds it"
            raise InputError(f"Cannot write {FILE} in {self.path.parent}: {reason}. Choose another --out.") from error

    def _add(self, facts: dict[str, Any]) -> int:
        number, whole = _last(self.path)
        said = {"seq": number + 1, "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), **facts}
        line = (b"" if whole else b"\n") + json.dumps(said, ensure_ascii=False).encode("utf-8") + b"\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
        try:
            # One write, so that a line is there whole or as the last of the file.
            if os.write(handle, line) < len(line):
                raise OSError(None, "no room is left")
            os.fsync(handle)
        finally:
            os.close(handle)
        return number + 1


def read_ledger(path: Path) -> Told:
    """Every event of a ledger, in the order in which they were written down; nothing where there is no file."""
    content = path.read_bytes() if path.is_file() else b""
    found = [(number, _event(line)) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    events = sorted((event for _, event in found if event), key=lambda event: int(event["seq"]))
    return Told(tuple(events), tuple(number for number, event in found if not event))


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(event, dict) and isinstance(event.get("seq"), int) and isinstance(event.get("event"), str)
    return event if whole else None


def _last(path: Path) -> tuple[int, bool]:
    """(highest number of the file, True where its last line is whole)."""
    if not path.is_file():
        return 0, True
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        for length in (min(_TAIL, size), size):
            stream.seek(size - length)
            tail = stream.read(length)
            numbers = [int(event["seq"]) for event in map(_event, tail.split(b"\n")) if event]
            if numbers:
                break
    return max(numbers, default=0), not tail or tail.endswith(b"\n")

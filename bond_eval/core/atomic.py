"""The one way this package writes: all or nothing, so that a reader never sees half a file or half a folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bond_eval.core.errors import InputError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, creating its folder. Raises InputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o644)  # mkstemp makes files private; what a run writes is meant to be read
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or "unknown"
        raise InputError(f"Cannot write {path.name} in {path.parent}: {reason}. Choose another --out.") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with plain newlines, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal content gives equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Fill a temporary folder; on success it takes `target`'s place, on any error `target` stays as it was.

    Raises InputError where the parent cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        os.chmod(work, 0o755)
    except OSError as error:
        reason = error.strerror or "unknown"
        raise InputError(f"Cannot write to {target.parent}: {reason}. Choose another --out.") from error
    try:
        yield work
        _swap(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _swap(work: Path, target: Path) -> None:
    # A folder cannot be replaced in one step everywhere, so the old one is put aside and brought back on failure.
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    try:
        os.replace(work, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)

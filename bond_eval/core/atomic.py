"""The one way this package writes: all or nothing, so that a reader never sees half a file or half a folder."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
import platform
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
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
        raise InputError(f"Cannot write {path.name} in {path.parent}: {reason(error)}") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with plain newlines, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys, so that equal content gives equal bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Rows, the headings first, as CSV with plain newlines; cells in quotation marks where they need them."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


@contextlib.contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Fill a temporary folder; on success it takes `target`'s place, on any error `target` stays as it was.

    Raises InputError where the parent cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear(target)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.{owner()}."))
        os.chmod(work, 0o755)
    except OSError as error:
        raise InputError(f"Cannot write to {target.parent}: {reason(error)}") from error
    try:
        yield work
        try:
            _swap(work, target)
        except OSError as error:
            raise InputError(f"Cannot put {target.name} in {target.parent}: {reason(error)}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def reason(error: OSError) -> str:
    """Why something could not be written, and what to do: the end of a sentence."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return f"{error.strerror or 'unknown'}. {'Make room there and run again.' if full else 'Choose another --out.'}"


def owner() -> str:
    """This machine and process, in the name of each temporary folder: only whose process is gone is cleared away."""
    return f"{_machine()}-{os.getpid()}"


def abandoned(folder: Path) -> bool:
    """True for a temporary folder of this user and machine whose process is gone."""
    import psutil

    found = re.search(rf"[.-]{_machine()}-(\d+)\.", folder.name)
    try:
        told = folder.lstat()
        if not found or folder.is_symlink() or told.st_uid != getattr(os, "getuid", lambda: told.st_uid)():
            return False
        process = psutil.Process(int(found[1]))
        # A number is given again to a later process.
        return process.status() == psutil.STATUS_ZOMBIE or process.create_time() > told.st_ctime + 2
    except psutil.NoSuchProcess:
        return True
    except (OSError, psutil.Error):
        return False


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode('utf-8')):08x}"


def _clear(target: Path) -> None:
    """Take away what a process that was ended left beside `target`; bring back what it had put aside."""
    for left in target.parent.glob(f".{target.name}.*"):
        if left.is_dir() and abandoned(left):
            if left.suffix == ".old" and not target.exists():
                os.replace(left, target)
            else:
                shutil.rmtree(left, ignore_errors=True)


def _swap(work: Path, target: Path) -> None:
    # A folder cannot be replaced in one step everywhere, so the old one is put aside and brought back on failure.
    old = target.with_name(f".{target.name}.{owner()}.old")
    shutil.rmtree(old, ignore_errors=True)
    try:
        if target.exists():
            os.replace(target, old)
        os.replace(work, target)
    except BaseException:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)

"""Which files there are, in a folder, a folder per year, a zip or a single file, and their bytes, safely.

Anything that cannot be read is an InputError that names the file. A zip is never unpacked to disk.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bond_eval.core.errors import InputError

READABLE = (".csv", ".txt", ".xml")
MAX_MEMBER = 2 * 1024**3
MAX_RATIO = 300  # a return compresses 5 to 20 times; a bomb thousands
_MAGIC = {
    b"PK\x03\x04": "a zip or Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel or an encrypted Office file",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
}


@dataclass(frozen=True)
class Source:
    """One readable file: its name as shown (from the folder given, never the machine's path) and its bytes."""

    name: str
    content: bytes


def sources(path: Path, beside: tuple[str, ...] = ()) -> Iterator[Source]:
    """Yield every CSV, text or XML file below `path`, in the order of their names, zips looked into.

    Folders named in `beside` (in lower case) hold other things, and are not opened.
    Raises InputError for an unreadable, empty, binary, encrypted or unsafe file, and where there is none.
    """
    found = False
    for source in _walk(path, beside):
        found = True
        yield source
    if not found:
        raise InputError(f"{path.name} holds no CSV, zip or XML file: put the SSDA903 files there.")


def _walk(path: Path, beside: tuple[str, ...]) -> Iterator[Source]:
    if path.is_dir():
        for item, name in files_below(path):
            if not any(folder.lower() in beside for folder in PurePosixPath(name).parts[:-1]):
                yield from read_file(item, name)
    else:
        yield from read_file(path, printable(path.name), named=True)


def files_below(folder: Path) -> list[tuple[Path, str]]:
    """Every file of a folder that is not hidden, with its name from the folder, in the order of the names."""
    items = sorted((item.relative_to(folder).as_posix(), item) for item in folder.rglob("*") if item.is_file())
    return [(item, printable(name)) for name, item in items if not _hidden(name)]


def _hidden(name: str) -> bool:
    # macOS puts a hidden twin of each file into the zips that it makes.
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def printable(name: str) -> str:
    """A name without what cannot be printed on one line."""
    # A name may hold line breaks, or bytes that are no text; messages are one line that can be printed.
    return "".join(c if c.isprintable() else "?" for c in name)


def read_file(path: Path, name: str, *, named: bool = False) -> Iterator[Source]:
    """The sources of one file: itself, or a zip's members; nothing for a kind that is not read, unless `named`.

    Raises InputError as `sources` does.
    """
    suffix = path.suffix.lower()
    if suffix == ".zip":
        yield from _zip(path, name)
    elif suffix in READABLE:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{name} cannot be read ({error.strerror}): check its permissions.") from error
        yield _checked(name, content)
    elif named:
        raise InputError(f"{name} is not a CSV, XML or zip file: export the return in one of these.")


def _zip(path: Path, name: str) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(archive.infolist(), key=lambda member: member.filename)
            readable = [m for m in members if not m.is_dir() and PurePosixPath(m.filename).suffix.lower() in READABLE]
            refuse_unsafe(readable, name, path.stat().st_size)
            for member in readable:
                if not _hidden(member.filename):
                    yield _member(archive, member, f"{name}/{printable(member.filename)}")
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise InputError(f"{name} is not a zip that can be read: make it again, without a password.") from error


def refuse_unsafe(members: list[zipfile.ZipInfo], name: str, size: int) -> None:
    """Raise InputError where a zip's members point outside it, share a name or would unpack to far too much."""
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if member.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise InputError(f"{name} has a member that points outside it: do not use this zip.")
    if len({member.filename for member in members}) < len(members):
        raise InputError(f"{name} holds two files of one name: make it again.")
    # Declared sizes may lie, and members may share their bytes: what counts is the zip's own size.
    if sum(member.file_size for member in members) > MAX_RATIO * max(size, 65536):
        raise InputError(f"{name} would unpack to far more than a return holds: do not use this zip.")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Source:
    if member.flag_bits & 0x1:
        raise InputError(f"{name} is encrypted: supply the zip without a password.")
    if member.file_size > MAX_MEMBER or member.file_size > MAX_RATIO * max(member.compress_size, 4096):
        raise InputError(f"{name} would unpack to far more than a return holds: do not use this zip.")
    # The declared size may lie, so no more than it is ever read.
    with archive.open(member) as stream:
        content = stream.read(member.file_size + 1)
    if len(content) > member.file_size:
        raise InputError(f"{name} holds more than it declares: do not use this zip.")
    return _checked(name, content)


def _checked(name: str, content: bytes) -> Source:
    blank = b"\xef\xbb\xbf \t\r\n\x00"
    if not (content[:4096].strip(blank) or content.strip(blank)):
        raise InputError(f"{name} is empty: export it again.")
    for magic, kind in _MAGIC.items():
        if content.startswith(magic):
            raise InputError(f"{name} is {kind}, not text: export it as CSV.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Source(name, _utf16(name, content))
    if b"\x00" in content[:65536]:
        raise InputError(f"{name} is binary, not text: export it as CSV.")
    return Source(name, content)


def _utf16(name: str, content: bytes) -> bytes:
    try:
        return content.decode("utf-16").encode("utf-8")
    except UnicodeDecodeError:
        # The error itself carries the file's bytes.
        raise InputError(f"{name} is binary, not text: export it as CSV.") from None

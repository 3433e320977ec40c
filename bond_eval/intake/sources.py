"""Which files there are, in a folder, a folder per year, a zip or a single file, and their bytes, safely.

Anything that cannot be read is an InputError that names the file. A zip is never unpacked to disk.
"""

from __future__ import annotations

import zipfile
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


def sources(path: Path) -> Iterator[Source]:
    """Yield every CSV, text or XML file below `path`, in the order of their names, zips looked into.

    Raises InputError for an unreadable, empty, binary, encrypted or unsafe file, and where there is none.
    """
    found = False
    for source in _walk(path):
        found = True
        yield source
    if not found:
        raise InputError(f"{path.name} holds no CSV, zip or XML file: put the SSDA903 files there.")


def _walk(path: Path) -> Iterator[Source]:
    if path.is_dir():
        for item in sorted(path.rglob("*"), key=lambda item: item.relative_to(path).as_posix()):
            name = item.relative_to(path).as_posix()
            if item.is_file() and not any(part.startswith(".") for part in PurePosixPath(name).parts):
                yield from _file(item, name)
    else:
        yield from _file(path, path.name, named=True)


def _file(path: Path, name: str, *, named: bool = False) -> Iterator[Source]:
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
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                if not member.is_dir() and PurePosixPath(member.filename).suffix.lower() in READABLE:
                    yield _member(archive, member, f"{name}/{member.filename}")
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{name} is not a zip that can be read: make it again, without a password.") from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Source:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if member.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise InputError(f"{archive_name(archive)} has a member that points outside it: do not use this zip.")
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


def archive_name(archive: zipfile.ZipFile) -> str:
    """The zip's own name without its folder."""
    return Path(archive.filename or "the zip").name


def _checked(name: str, content: bytes) -> Source:
    if not content.strip(b"\xef\xbb\xbf \t\r\n\x00"):
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
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is binary, not text: export it as CSV.") from error

"""Folders that may lie in a store (any fsspec URL) as well as here.

Data are fetched into a private folder. A run is put into a store file by file, its manifest last, and the manifest of
the run before is taken away first: who reads a manifest there finds the whole run that it names. No message repeats
what a store answered, or the whole of a URL, since both may hold a key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bond_eval.core.atomic import write_bytes
from bond_eval.core.errors import InputError
from bond_eval.core.places import digests, find_data
from bond_eval.workbook.ledger import FILE as LEDGER
from bond_eval.workbook.locks import STATE, private_folder
from bond_eval.workbook.manifest import MANIFEST
from bond_eval.workbook.settings import BACK, RunReport, RunSettings

EXTRAS = {"s3": "s3", "s3a": "s3"}


def is_url(place: str) -> bool:
    """True for s3://bucket/folder and the like, False for a path."""
    return "://" in place


def shown(url: str) -> str:
    """A URL as a message may give it: without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def joined(root: str, *parts: str) -> str:
    """A place in a folder or store."""
    return "/".join([root.rstrip("/"), *parts]) if is_url(root) else str(Path(root, *parts))


def exists(place: str) -> bool:
    """True where a file or folder is there. Raises InputError where the store cannot be asked."""
    if not is_url(place):
        return Path(place).exists()
    with _asked(place, "looked up"):
        store, path = _opened(place)
        return bool(store.exists(path))


def read(place: str) -> bytes | None:
    """A file's content; None where it is not there. Raises InputError where it cannot be read."""
    if not is_url(place):
        try:
            return Path(place).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InputError(f"{Path(place).name} cannot be read: {error.strerror}. Let this user read it.") from None
    with _asked(place, "read"):
        store, path = _opened(place)
        with suppress(FileNotFoundError):
            return bytes(store.cat_file(path))
    return None


def write(place: str, content: bytes) -> None:
    """Write a file, whole or not at all. Raises InputError where it cannot be written."""
    if not is_url(place):
        return write_bytes(Path(place), content)
    with _asked(place, "written"):
        store, path = _opened(place)
        store.pipe_file(path, content)
    return None


def fetch(url: str, target: Path) -> Path:
    """Copy a file or folder of a store to `target`. Raises InputError where nothing is there or a name leads out."""
    with _asked(url, "fetched"):
        store, root = _opened(url)
        names = store.find(root)
        for name in names:
            inner = PurePosixPath(name[len(root) :].lstrip("/"))
            if ".." in inner.parts:
                raise InputError(f"{shown(url)} holds a name that leads out of its folder: rename it.")
            place = target / inner if inner.parts else target
            place.parent.mkdir(parents=True, exist_ok=True)
            store.get_file(name, str(place))
    if not names:
        raise InputError(f"{shown(url)} is not there: give the folder or file that holds it.")
    return target


def push(folder: Path, url: str) -> None:
    """Make `url` hold the run in `folder`: what is the same there stays, the manifest comes last.

    Raises InputError where the store does not take it; then no manifest is there, and a second try goes on.
    """
    mine = (folder / MANIFEST).read_bytes()
    names = json.loads(mine)["files"]
    local = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    before = read(joined(url, MANIFEST))
    known = json.loads(before)["files"] if before else {}
    with _asked(url, "written"):
        store, root = _opened(url)
        found = store.find(root, detail=True) if store.exists(root) else {}
        there = {name[len(root) :].lstrip("/"): info["size"] for name, info in found.items()}
        same = {n for n, p in local.items() if names.get(n, 0) == known.get(n, 1) and there.get(n) == p.stat().st_size}
        if before == mine and names.keys() <= same:
            return
        if before is not None:
            store.rm_file(f"{root}/{MANIFEST}")
        for name in sorted(local.keys() - same - {MANIFEST}):
            store.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
            store.put_file(str(local[name]), f"{root}/{name}")
        for name in sorted(there.keys() - local.keys()):
            store.rm_file(f"{root}/{name}")
        store.pipe_file(f"{root}/{MANIFEST}", mine)


def run_at(
    data: str, out: str, settings: Callable[..., RunSettings], run: Callable[[RunSettings], RunReport]
) -> RunReport:
    """A run whose data and outputs may be paths or URLs. `settings` makes it of local `data` and `out`, `run` runs it.

    From a store come the data, this quarter's last run with what may be used of it again, and the whole runs of earlier
    quarters; what was made is put there. The report's folder is then a name only. Raises InputError as `run` does, and
    where a store fails.
    """
    if not is_url(data) and not is_url(out):
        return run(settings(data=find_data(data), out=Path(out)))
    with private_folder() as private:
        # A folder of its own, since what lies beside a file of data is read with it.
        local = fetch(data, private / "data" / PurePosixPath(shown(data)).name) if is_url(data) else find_data(data)
        if not is_url(out):
            return run(settings(data=local, out=Path(out)))
        wanted = settings(data=local, out=private / "out")
        home, state = joined(out, wanted.authority), f"{STATE}/{wanted.folder.name}"
        for name in [*_runs(home, wanted), *(name for name in (state, LEDGER) if exists(joined(home, name)))]:
            fetch(joined(home, name), wanted.folder.parent / name)
        before = digests(wanted.folder.parent)
        report = run(wanted)
        if not report.refused:
            push(wanted.folder, joined(home, wanted.folder.name))
        for name, digest in digests(wanted.folder.parent).items():
            if (name == LEDGER or name.startswith(f"{state}/")) and digest != before.get(name):
                write(joined(home, name), (wanted.folder.parent / name).read_bytes())
        return replace(report, folder=Path(wanted.authority, wanted.folder.name))


def _runs(home: str, settings: RunSettings) -> Iterator[str]:
    """Folders in a store that a run reads: its own last one, whole or not, and earlier quarters' that are whole."""
    suffix = settings.folder.name.removeprefix(str(settings.quarter))
    with _asked(home, "listed"):
        store, root = _opened(home)
        entries = store.ls(root, detail=False) if store.exists(root) else []
    names = {entry.rstrip("/").rpartition("/")[2] for entry in entries}
    before = {f"{settings.quarter.next(-steps)}{suffix}" for steps in range(1, BACK + 1)}
    for name in sorted(names & (before | {settings.folder.name})):
        if name == settings.folder.name or exists(joined(home, name, MANIFEST)):
            yield name


def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it; what it remembers of listings is forgotten."""
    from fsspec.core import url_to_fs

    store, path = url_to_fs(url)
    store.invalidate_cache()
    return store, path.rstrip("/")


@contextmanager
def _asked(url: str, done: str) -> Iterator[None]:
    """Whatever a store raises, as one sentence."""
    scheme = urlsplit(url).scheme
    try:
        yield
    except InputError:
        raise
    except ImportError:
        how = f": pip install -e '.[{EXTRAS[scheme]}]'" if scheme in EXTRAS else ""
        raise InputError(f"{shown(url)} cannot be {done}: what reads {scheme}:// is not installed{how}.") from None
    except Exception as error:  # a file system of any make raises what it likes, and its text may hold a key
        why = {"FileNotFoundError": "it is not there", "PermissionError": "access is refused"}
        said = why.get(type(error).__name__, type(error).__name__)
        raise InputError(
            f"{shown(url)} could not be {done}: {said}; check the address, the network and the credentials."
        ) from None

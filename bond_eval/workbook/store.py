"""Folders that may lie in a store (any fsspec URL) as well as here.

Data are fetched into a private folder. A run is put into a store file by file, its manifest last, and the manifest of
the run before is taken away first: who reads a manifest there finds the whole run that it names. What a run that was
ended made so far is put beside the runs, so that the next goes on from there. No message repeats what a store answered,
or the whole of a URL, since both may hold a key.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bond_eval.core.atomic import write_bytes
from bond_eval.core.errors import InputError
from bond_eval.core.places import MANIFEST, digests, find_data
from bond_eval.workbook.ledger import FILE as LEDGER
from bond_eval.workbook.ledger import read_ledger
from bond_eval.workbook.locks import STATE, interruptible, private_folder, this_process, who
from bond_eval.workbook.settings import BACK, RunReport, RunSettings

EXTRAS = {"s3": "s3", "s3a": "s3"}
# Seconds: after which a holder is written anew, one that did not change is of a dead process, and ours is read back.
BEAT, STALE, SETTLE = 15.0, 60.0, 0.2
Note = Callable[[str], None]


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
        _put(store, path, lambda: store.pipe_file(path, content))
    return None


def lasting(url: str) -> str:
    """`url` as it is. Raises InputError where what is put there ends with this process."""
    if is_url(url) and "memory" in url.partition("://")[0].split("::"):
        raise InputError(f"{shown(url)} lies in the memory of one process and ends with it: give a folder or a store.")
    return url


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
            _put(store, f"{root}/{name}", partial(store.put_file, str(local[name]), f"{root}/{name}"))
        for name in sorted(there.keys() - local.keys()):
            store.rm_file(f"{root}/{name}")
        store.pipe_file(f"{root}/{MANIFEST}", mine)


def run_at(
    data: str,
    out: str,
    settings: Callable[..., RunSettings],
    run: Callable[[RunSettings], RunReport],
    note: Note = lambda text: None,
) -> RunReport:
    """A run whose data and outputs may be paths or URLs. `settings` makes it of local `data` and `out`, `run` runs it.

    From a store come the data, this quarter's last run with what may be used of it again, and the whole runs of earlier
    quarters; what was made is put there, and of a run that is ended what it kept for the next. One run of a quarter
    works there at a time. The report's folder is then a name only. Raises InputError as `run` does, where a store
    fails, and where another run holds the quarter.
    """
    if not is_url(data) and not is_url(out):
        return run(settings(data=find_data(data), out=Path(out)))
    with interruptible(), private_folder() as private:
        # A folder of its own, since what lies beside a file of data is read with it.
        local = fetch(data, private / "data" / PurePosixPath(shown(data)).name) if is_url(data) else find_data(data)
        if not is_url(out):
            return run(settings(data=local, out=Path(out)))
        wanted = settings(data=local, out=private / "out")
        home = joined(out, wanted.authority)
        with alone_there(home, wanted.folder, wanted.wait, note) as held:
            return _run_there(home, wanted, run, held, note)


def _run_there(
    home: str, wanted: RunSettings, run: Callable[[RunSettings], RunReport], held: Callable[[], None], note: Note
) -> RunReport:
    beside, name, state = wanted.folder.parent, wanted.folder.name, f"{STATE}/{wanted.folder.name}"
    for known in [*_runs(home, wanted), *([state] if exists(joined(home, state)) else [])]:
        fetch(joined(home, known), beside / known)
    before, last = digests(beside), read(str(wanted.folder / MANIFEST))
    try:
        report = run(wanted)
        if not report.refused:
            held()
            if read(joined(home, name, MANIFEST)) != last:
                raise InputError(f"{wanted.authority} {name} was put there by another run meanwhile: run again.")
            push(wanted.folder, joined(home, name))
    except BaseException:
        try:
            _keep(home, beside, state, before, note)
        except InputError as error:  # what ended the run is what is raised
            note(f"What the run kept for the next is not all there: {error}")
        raise
    _keep(home, beside, state, before, note)
    return replace(report, folder=Path(wanted.authority, name))


def _keep(home: str, beside: Path, state: str, before: Mapping[str, str], note: Note) -> None:
    """Add the run's events to the ledger in the store, and put there what may be used again of it."""
    _add_events(home, beside / LEDGER, note)
    for name, digest in digests(beside).items():
        if name.startswith(f"{state}/") and digest != before.get(name):
            write(joined(home, name), (beside / name).read_bytes())


def _add_events(home: str, ledger: Path, note: Note) -> None:
    """Add events, numbered on from what is there; the other edition's run may do so at the same moment."""
    if not (events := read_ledger(ledger).events):
        return
    place, there = joined(home, LEDGER), ledger.with_name("there.jsonl")
    with alone_there(home, ledger, STALE * 2, note):
        before = read(place) or b""
        there.write_bytes(before)
        last = max((event["seq"] for event in read_ledger(there).events), default=0)
        moved = [event | {part: event[part] + last for part in ("seq", "run") if part in event} for event in events]
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in moved)
        write(place, before + (b"" if before[-1:] in (b"", b"\n") else b"\n") + lines.encode("utf-8"))


@contextmanager
def alone_there(home: str, target: Path, wait: float, note: Note) -> Iterator[Callable[[], None]]:
    """Hold what is named as `target` in a store for this process, as locks.alone does here.

    Gives what raises InputError once another holds it. The holder is an object beside the runs, written anew every BEAT
    seconds; where it did not change for STALE seconds while we looked on, its process is gone, whatever the clocks say.
    It is made where none is there, in one step where the store can (S3), and read back after SETTLE seconds. What
    that cannot exclude: in a store without that step, two that looked at the same moment, one of which then stood
    still for SETTLE seconds before it wrote; and one that stood still for STALE seconds between looking and putting its
    files there. Raises InputError where the time is over.
    """
    place, ended = joined(home, STATE, f"{target.name}.holder"), threading.Event()
    mine = {**this_process(), "id": uuid.uuid4().hex}

    def ours() -> bool:
        return mine["id"].encode() in (read(place) or b"")

    def held() -> None:
        if not ours():
            raise InputError(f"{who(read(place) or b'', target)}: wait until it has ended, or end it.")

    def beat() -> None:
        for number in count(1):
            if ended.wait(BEAT):
                return
            with suppress(InputError):  # asked again: a store may be out of reach for a moment
                if ours():
                    write(place, json.dumps({**mine, "beat": number}).encode())

    refresh = threading.Thread(target=beat, daemon=True)
    try:
        _take(place, json.dumps(mine).encode(), target, wait, note)
        refresh.start()
        yield held
    finally:
        ended.set()
        if refresh.ident:
            refresh.join()
        with suppress(InputError):
            if ours():
                _remove(place)


def _take(place: str, mine: bytes, target: Path, wait: float, note: Note) -> None:
    """Make the holder ours, once there is none or it is of a dead process."""
    until, seen, since, told = time.monotonic() + wait, b"", 0.0, False
    while (there := read(place)) != mine:
        now = time.monotonic()
        if there != seen:
            seen, since = there or b"", now
        if there is None or now - since > STALE:
            if there is not None and there == read(place):
                _remove(place)
            _make(place, mine)
            time.sleep(SETTLE)
            continue
        if now > until:
            raise InputError(f"{who(there, target)}: wait until it has ended, or end it.")
        if not told:
            note(f"{who(there, target)}: waiting for it to end.")
            told = True
        time.sleep(min(1.0, wait))


def _make(place: str, content: bytes) -> None:
    """Write a file where none is there: in one step where the store can, else after a look."""
    with _asked(place, "written"):
        store, path = _opened(place)
        try:
            store.pipe_file(path, content, mode="create")
        except Exception:  # a store of any make raises what it likes where one is there, or where it cannot
            store.invalidate_cache()
            if not store.exists(path):
                write(place, content)


def _remove(place: str) -> None:
    with _asked(place, "removed"), suppress(FileNotFoundError):
        store, path = _opened(place)
        store.rm_file(path)


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


def _put(store: Any, path: str, put: Callable[[], Any]) -> None:
    """Put a file where its folders may not be there yet; a bucket that is not there is never made."""
    try:
        put()
    except FileNotFoundError:
        if not store.exists(path.partition("/")[0] or "/"):
            raise
        store.makedirs(path.rpartition("/")[0], exist_ok=True)
        put()


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

"""What an earlier run made, to be used again where nothing that it is made of has changed.

A notebook's result is kept under the SHA-256 of its cells, its parameters, the release that it reads (the findings too,
in the second stage) and the program; a release under that of the files it is read from and the program; a whole run
under all of these and what its pages say of the code. Entries lie beside the runs and are no part of what is
published: one a notebook, checked when it is read. Tidied notebooks and protected tables are kept, never the data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bond_eval.core.atomic import write_bytes
from bond_eval.core.errors import InputError
from bond_eval.core.places import MANIFEST, PACKAGE, REFERENCE, ROOT, TIMINGS, digests, hashes
from bond_eval.workbook.manifest import git_state, versions
from bond_eval.workbook.settings import NotebookResult, RunSettings

RELEASE, RUN = "_release", "_run"
_UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Store:
    """Entries of one run's folder; without a folder nothing is kept. `force`: none is taken.

    `files` and `program`: what `inputs` and `program` gave when the run began.
    """

    folder: Path | None = None
    note: Callable[[str], None] = lambda text: None
    force: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    program: str = ""

    def get(self, name: str, key: str) -> Any:
        """The entry of that name where it was made under this key and is whole, else None."""
        path = self.folder / name if self.folder else None
        if path is None or self.force or not path.is_file():
            return None
        head, _, body = path.read_bytes().partition(b"\n")
        kept, _, digest = head.decode("ascii", "replace").partition(" ")
        if digest != _sum(kept.encode("ascii", "replace") + body):
            self.note(f"What was kept of {name.strip('_')} is damaged, so it is made anew.")
            return None
        return json.loads(body) if kept == key else None

    def put(self, name: str, key: str, value: Any) -> None:
        """Keep an entry in place of the last of that name. Raises InputError where it cannot be written."""
        if self.folder:
            body = json.dumps(value).encode("utf-8")
            write_bytes(self.folder / name, f"{key} {_sum(key.encode() + body)}\n".encode() + body)

    def drop(self) -> None:
        """Forget everything."""
        for path in self.folder.glob("*") if self.folder else ():
            with suppress(OSError):
                path.unlink()


@dataclass(frozen=True)
class Kept:
    """A release as it was let out: what the runner asks of a release, without the children's data behind it."""

    facts: dict[str, Any]
    tables: dict[str, str]
    files: dict[str, str]
    withheld: Any = None

    @classmethod
    def of(cls, release: Any, shelf: Path) -> Kept:
        """What `release` has saved in `shelf`, and says."""
        files = {path.relative_to(shelf).as_posix(): path.read_text(encoding="utf-8") for path in _files(shelf)}
        plan = getattr(release, "plan", None)
        return cls(release.facts, release.csv_files(), files, plan.as_json() if plan is not None else None)

    @property
    def plan(self) -> Any:
        """The plan of what is withheld, as far as it is written down."""
        return None if self.withheld is None else SimpleNamespace(as_json=lambda: self.withheld)

    def csv_files(self) -> dict[str, str]:
        """Table id -> tidy CSV."""
        return dict(self.tables)

    def save(self, folder: Path) -> None:
        """Write what notebooks read."""
        for name, text in self.files.items():
            write_bytes(folder / name, text.encode("utf-8"))

    def as_json(self) -> dict[str, Any]:
        """What Kept(**…) takes."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def key(*parts: Any) -> str:
    """SHA-256 of JSON values."""
    return _sum(json.dumps(parts, sort_keys=True).encode("utf-8"))


def inputs(settings: RunSettings, names: Sequence[str] = ()) -> dict[str, str]:
    """Where it lies -> SHA-256, of each file that a run reads: data, reference facts, earlier runs, notebooks named."""
    found = {f"data/{path.relative_to(top).as_posix()}": path for top, path in _data(settings.data)}
    for quarter, folder in settings.earlier_runs():
        for path in _files(folder):
            if path.name != TIMINGS:
                found[f"{quarter}/{path.relative_to(folder).as_posix()}"] = path
    found |= {f"reference/{path.relative_to(REFERENCE).as_posix()}": path for path in _files(REFERENCE)}
    found |= {f"notebooks/{name}.ipynb": settings.notebooks / f"{name}.ipynb" for name in names}
    out = settings.out.resolve()
    # Where the outputs lie among the data, a run changes them itself.
    return {
        name: _file_sum(path)
        for name, path in found.items()
        if not (name.startswith("data/") and path.resolve().is_relative_to(out))
    }


def program() -> str:
    """SHA-256 of the package, the lock and the versions that are installed."""
    lock = ROOT / "requirements.lock"
    return key(digests(PACKAGE), _file_sum(lock) if lock.is_file() else "", versions())


def check(settings: RunSettings, store: Store, names: Sequence[str], refuse: bool = True) -> None:
    """Where a file that is read was changed since the run began, forget what was made of it and raise InputError."""
    now = inputs(settings, names)
    changed = sorted(name for name in {*store.files, *now} if store.files.get(name) != now.get(name))
    if changed or program() != store.program:
        store.drop()
    if changed and refuse:
        raise InputError(
            f"{changed[0]} was changed while the run was reading it, so nothing is published: "
            "run again when its files are left alone."
        )


def release_key(settings: RunSettings, store: Store) -> str:
    """Under what a release is kept."""
    files = {name: digest for name, digest in store.files.items() if not name.startswith("notebooks/")}
    return key(files, store.program, settings.parameters())


def run_key(settings: RunSettings, store: Store, left_out: Sequence[str]) -> str:
    """Under what a whole run is kept: all that its files depend on."""
    asked = (settings.parameters(), settings.command(), list(left_out), dict(settings.dials), settings.audit)
    return key(dict(store.files), store.program, asked, git_state(ROOT))


def unchanged(settings: RunSettings, store: Store, under: str) -> tuple[NotebookResult, ...]:
    """Results of the last run where it was made under this key and its folder is as it left it; else none."""
    path, last = settings.folder / MANIFEST, store.get(RUN, under)
    if not last or not path.is_file() or _file_sum(path) != last["manifest"]:
        return ()
    if hashes(settings.folder) != json.loads(path.read_text(encoding="utf-8"))["files"]:
        store.note(f"Files of {settings.folder.name} are not as the last run left them, so it is made anew.")
        return ()
    return tuple(NotebookResult(**result) for result in last["results"])


def keep_run(settings: RunSettings, store: Store, under: str, results: Sequence[NotebookResult]) -> None:
    """Remember a run that came out whole, once it is in place."""
    if all(result.done for result in results) and program() == store.program:
        told = [asdict(replace(result, reused=True, seconds=0.0)) for result in results]
        with suppress(InputError):  # the run is in place, which is what was asked for
            store.put(RUN, under, {"manifest": _file_sum(settings.folder / MANIFEST), "results": told})


def _data(data: Path) -> Iterator[tuple[Path, Path]]:
    """(top, file) of each file of a return; beside a single file, of the folders that are read with it."""
    if data.is_dir():
        yield from ((data, path) for path in _files(data))
        return
    from bond_eval.intake import dfe, finance, measures, register
    from bond_eval.intake.recognise import COMPANIONS

    beside = [data.parent / room.FOLDER for room in (dfe, finance, measures, register)]
    named = [data.parent / name for name in ("authority.toml", *COMPANIONS)]
    files = [data, *named, *(path for folder in beside for path in _files(folder))]
    yield from ((data.parent, path) for path in files if path.is_file())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _file_sum(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return _UNREADABLE


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

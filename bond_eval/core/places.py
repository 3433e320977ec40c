"""Where the project's own files lie, and how a folder named in a parameter is found."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from bond_eval.core.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bond_eval"
REFERENCE = ROOT / "data" / "reference"
SAMPLE = ROOT / "data" / "sample" / "salford"
NOTEBOOKS = ROOT / "notebooks"
REFERENCE_RUN = ROOT / "outputs" / "reference"
# In the folder of a run: what it was made from and holds; the seconds it took; what its notebooks open; what was
# withheld; what each column of its tables is; what it said of the time to come.
MANIFEST, TIMINGS, RELEASE, PLAN = "manifest.json", "timings.json", "release.json", "disclosure_plan.json"
TABLE_SCHEMA, SEALS = "tables/schema.json", "sealed.json"


def find_data(text: str | Path) -> Path:
    """A data folder or file: as given from the working folder, else from the project's root.

    Raises InputError where neither is there. A notebook keeps only the short form, so that no machine's path
    is published.
    """
    path = Path(text).expanduser()
    for candidate in (path, ROOT / path):
        # A name longer than the system allows is an error there, not merely a file that is missing.
        with contextlib.suppress(OSError):
            if candidate.exists():
                # The folder that `bond-eval init` makes has the return in a folder of its own.
                started = (candidate / "extracts" / "authority.toml").is_file()
                return (candidate / "extracts" if started else candidate).resolve()
    raise InputError(f"Data {str(text)!r} is not there: give the folder, zip or file that holds the return.")


def short_form(path: Path) -> str:
    """A path as it may be published: from the project's root, or its last name where it lies elsewhere."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def python_path() -> str:
    """PYTHONPATH for a process that is to find this package where its parent does."""
    return os.pathsep.join(dict.fromkeys([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))


def program(package: Path = PACKAGE) -> str:
    """SHA-256 of this package's files, so that what two versions of it made can be told apart."""
    return hashlib.sha256(json.dumps(digests(package)).encode("utf-8")).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder by its path in it, compiled Python left out; empty where it is not there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def hashes(folder: Path) -> dict[str, str]:
    """The digests of a run's folder; those of its manifest and timings are left out."""
    return {name: digest for name, digest in digests(folder).items() if name not in (MANIFEST, TIMINGS)}

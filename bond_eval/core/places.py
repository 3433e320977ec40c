"""Where the project's own files lie, and how a folder named in a parameter is found."""

from __future__ import annotations

import contextlib
from pathlib import Path

from bond_eval.core.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "data" / "reference"
SAMPLE = ROOT / "data" / "sample" / "salford"
NOTEBOOKS = ROOT / "notebooks"
REFERENCE_RUN = ROOT / "outputs" / "reference"


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
                return candidate.resolve()
    raise InputError(f"Data {str(text)!r} is not there: give the folder, zip or file that holds the return.")


def short_form(path: Path) -> str:
    """A path as it may be published: from the project's root, or its last name where it lies elsewhere."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name

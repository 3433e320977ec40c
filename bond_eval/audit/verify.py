"""Whether the files of a run are still those that its manifest names."""

from __future__ import annotations

import json
from pathlib import Path

from bond_eval.core.errors import InputError
from bond_eval.core.places import MANIFEST, hashes


def verify(folder: Path) -> tuple[int, list[str]]:
    """(number of files that the manifest names, what differs: one line a file).

    Raises InputError where there is no manifest, or it names no files with their SHA-256.
    """
    try:
        named = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        wanted = {str(name): str(digest) for name, digest in named.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{MANIFEST} of {folder.name} cannot be read: give the folder of a run.") from error
    found = hashes(folder)
    lines = [
        f"{name}: {'is not there' if name not in found else 'is not the file that was published'}"
        for name, digest in sorted(wanted.items())
        if found.get(name) != digest
    ]
    return len(wanted), lines + [f"{name}: is not in the manifest" for name in sorted(found.keys() - wanted.keys())]

"""Public releases and findings kept for notebooks opened outside a run, so that the second opens at once.

A release lies under the SHA-256 of all that it is made from: the package, the reference facts, the data folder, the
lock and the parameters. Internal releases are never kept. Where nothing can be written, nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bond_eval.core.atomic import replaced_folder, write_text
from bond_eval.core.errors import InputError
from bond_eval.core.findings import FILE as FINDINGS
from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS, PACKAGE, REFERENCE, RELEASE, ROOT, digests, python_path
from bond_eval.evidence import release as releases
from bond_eval.evidence.found import Found, from_content
from bond_eval.evidence.release import Release, load_release

SHELF = ROOT / ".cache" / "releases"
KEPT = 5
_DIGEST, _HOUR = "sha256", 3600.0


def kept_release(data: Path, authority: str, quarter: Quarter, audience: str, seed: int) -> Release:
    """The release, from the shelf where it lies there whole, else built and, in public, put there.

    A single file (zip, XML) is not kept: what lies beside it is not ours to read through. Raises InputError as
    build_release does.
    """
    place = SHELF / _key(data, authority, str(quarter), str(seed)) if keeps(data, audience) else None
    if place and (found := _taken(place)):
        return found
    built = releases.build_release(data, authority, quarter, audience, seed)
    if place:
        # A shelf that cannot be written is no reason to fail: the release is there.
        with contextlib.suppress(InputError, OSError):
            _put(place, built)
    return built


def keeps(data: Path, audience: str) -> bool:
    """True where what is made of these data for this audience may be kept."""
    return audience == "public" and data.is_dir()


def kept_findings(data: Path, facts: Mapping[str, Any]) -> Found:
    """What the first stage finds in a folder that `keeps` allows: the workbook is run for it once, saying how it goes.

    It lies beside the releases, under all that it is made from, the notebooks among it. Raises InputError where the
    run gives no findings.
    """
    options = {name: str(facts[name]) for name in ("authority", "quarter", "seed")}
    sources = {name: digest for name, digest in digests(NOTEBOOKS).items() if "/" not in name}
    out = SHELF.with_name("runs") / _key(data, *options.values(), json.dumps(sources))
    path = out / options["authority"] / options["quarter"] / FINDINGS
    if not path.is_file():
        print("There are no findings of these data yet: the notebooks are run once for them. That takes minutes.")
        command = [sys.executable, "-m", "bond_eval.cli", "run", "--data", str(data), "--out", str(out)]
        command += [word for name, value in options.items() for word in (f"--{name}", value)]
        environment = os.environ | {"PYTHONPATH": python_path()}
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, env=environment, **streams) as process:
            for line in process.stdout or ():
                print(line, end="")
    try:
        found = from_content(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError("The run gave no findings: put right what it says above, and run this cell again.") from error
    os.utime(out)
    _prune(out.parent)
    return found


def _key(data: Path, *parameters: str) -> str:
    """SHA-256 over parameters, and over name and bytes of every file that the release depends on."""
    lock = ROOT / "requirements.lock"
    parts = [parameters, *(digests(folder) for folder in (PACKAGE, REFERENCE, data))]
    text = json.dumps([*parts, lock.read_text(encoding="utf-8") if lock.is_file() else ""])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _taken(place: Path) -> Release | None:
    """What lies there, if it is whole."""
    try:
        digest = hashlib.sha256((place / RELEASE).read_bytes()).hexdigest()
        if (place / _DIGEST).read_text(encoding="utf-8") != digest:
            return None
        found = load_release(place)
    except (OSError, InputError):
        return None
    with contextlib.suppress(OSError):
        os.utime(place)  # the release last used is the last to go
    return found


def _put(place: Path, release: Release) -> None:
    with replaced_folder(place) as work:
        release.save(work)
        write_text(work / _DIGEST, hashlib.sha256((work / RELEASE).read_bytes()).hexdigest())
    _prune(SHELF)


def _prune(shelf: Path) -> None:
    newest = sorted(shelf.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    whole = [path for path in newest if not path.name.startswith(".")]
    # Half a release is left where a process was ended; a young one may still be written.
    halves = [path for path in newest if path.name.startswith(".") and time.time() - path.stat().st_mtime > _HOUR]
    for path in (*whole[KEPT:], *halves):
        shutil.rmtree(path, ignore_errors=True)

"""What was run, from what, with which versions and results: the same text for the same inputs."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import bond_eval
from bond_eval.core.places import PACKAGE, REFERENCE, ROOT, digests, hashes, program
from bond_eval.workbook.settings import NotebookResult, RunSettings
from bond_eval.workbook.tidy import Scrubber

PACKAGES = ("matplotlib", "nbconvert", "numpy", "pandas", "papermill", "pyarrow", "scipy", "statsmodels")


def provenance(settings: RunSettings, facts: Mapping[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    """Where a run's numbers come from: inputs, parameters, versions, code and command. Holds no machine path.

    In public the rows of a file are left out and only their sum is given: many files hold one row a child, so that
    their length is a count of children which no plan of suppression has seen.
    """
    hidden = () if facts["audience"] == "internal" else ("rows",)
    parts = {
        "release": {name: value for name, value in facts.items() if name != "inputs"},
        "inputs": [{k: v for k, v in item.items() if k not in hidden} for item in facts["inputs"]],
        "rows_read": sum(item["rows"] for item in facts["inputs"]),
        "parameters": settings.parameters() | dict(settings.dials),
        "command": settings.command(),
        "left_out": list(left_out),
        "versions": versions(),
        "git": git_state(ROOT),
        # What a definition stands in, so that two runs can be told apart without a repository.
        "package": program(PACKAGE),
        "reference": {f"data/reference/{name}": digest for name, digest in digests(REFERENCE).items()},
    }
    scrubbed: dict[str, Any] = Scrubber().value(parts)
    return scrubbed


def manifest(folder: Path, facts: Mapping[str, Any], results: Sequence[NotebookResult]) -> dict[str, Any]:
    """The content of manifest.json: `facts` as provenance gives them, results, and SHA-256 of each file in `folder`."""
    told = (asdict(result).items() for result in results)
    notebooks = [{name: value for name, value in items if name not in ("seconds", "reused")} for items in told]
    complete = all(result.done for result in results) and not facts["left_out"]
    return {**facts, "complete": complete, "notebooks": notebooks, "files": hashes(folder)}


def timings(results: Sequence[NotebookResult], seconds: float) -> dict[str, Any]:
    """The content of timings.json, in seconds; apart from the manifest, since no two runs take equally long."""
    return {"seconds": round(seconds, 2), "notebooks": {r.name: round(r.seconds, 2) for r in results}}


def versions() -> dict[str, str]:
    """Versions of this package, Python and the libraries that a number can depend on."""
    found = {"bond-eval": bond_eval.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_state(root: Path) -> dict[str, Any] | None:
    """{"commit", "clean"} of the repository whose top is `root`; None where there is none, or no commit yet."""
    top = _git(root, "rev-parse", "--show-toplevel")
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if not commit or not top or Path(top).resolve() != root.resolve():
        return None
    return {"commit": commit, "clean": _git(root, "status", "--porcelain") == ""}


def _git(root: Path, *words: str) -> str | None:
    try:
        command = ["git", "-C", str(root), *words]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()

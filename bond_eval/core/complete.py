"""Options for which a shell offers what is there after Tab: authorities, notebooks, findings. Loads nothing heavy."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from bond_eval.core.findings import FILE as FINDINGS
from bond_eval.core.places import NOTEBOOKS, REFERENCE_RUN, SAMPLE


def authorities(incomplete: str) -> list[str]:
    """Keys of data/sample/authorities.toml that begin so."""
    known = tomllib.loads(SAMPLE.with_name("authorities.toml").read_text(encoding="utf-8"))
    return [key for key in known if key.startswith(incomplete)]


def notebooks(incomplete: str) -> list[str]:
    """Names of notebooks that begin so."""
    return sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb") if path.stem.startswith(incomplete))


def findings(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids that begin so, of findings of the run that the line names before, else of the reference run."""
    try:
        path = Path(ctx.params.get("run") or REFERENCE_RUN) / FINDINGS
        found = json.loads(path.read_text(encoding="utf-8"))["findings"]
    except (OSError, ValueError, KeyError):
        return []  # a line that is still being written may name no run
    return [item["id"] for item in found if item["id"].startswith(incomplete)]


Authority = Annotated[
    str, typer.Option(help="Short name of the authority, for folders (sample: salford).", autocompletion=authorities)
]
Synthetic = Annotated[str, typer.Option(help="A key of data/sample/authorities.toml.", autocompletion=authorities)]
Only = Annotated[
    list[str] | None, typer.Option(help="Run only this notebook (may be repeated).", autocompletion=notebooks)
]
Finding = Annotated[str, typer.Argument(help="Id of a finding, as findings.json has it.", autocompletion=findings)]

"""An executed notebook as it may be kept: the same for the same inputs, and without a trace of the machine."""

from __future__ import annotations

import copy
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bond_eval.core.places import ROOT
from bond_eval.workbook.cells import ERROR_MARK
from bond_eval.workbook.parameters import tags

_BEFORE = r"(?<![\w.~</\\-])"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-fA-F]{6,}")
# Where users, programs and temporary files live, on the systems that notebooks are run on.
_ROOTS = "home|Users|root|tmp|var|usr|opt|mnt|media|srv|private|etc|nix|workspace|Volumes|app"
_NAME = r"[^\s/\\\"'<>:,;)\]}]"
_BELOW = rf"(?:[/\\]{_NAME}+)*[/\\]({_NAME}*)"
_UNIX = re.compile(rf"{_BEFORE}/(?:{_ROOTS}){_BELOW}")
_HOMES = re.compile(rf"(?:{_BEFORE}/(?:home|Users)/|\b[A-Za-z]:\\{{1,2}}Users\\{{1,2}})[^\s/\\\"'<>:,;)\]]+")
_WINDOWS = re.compile(r"\b[A-Za-z]:(?:\\{1,2}[^\\\s\"'<>:,;)\]]+)*\\{1,2}([^\\\s\"'<>:,;)\]]*)")
_CHANGED = ("text/", "application/json")


class Scrubber:
    """Takes machine paths out of text. `folders` are private places of this run, told as nothing."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        told = {str(folder.resolve()): "" for folder in folders}
        told |= {str(folder): "" for folder in folders}
        told |= {str(ROOT): "", sys.prefix: "python", sys.base_prefix: "python"}
        told |= {str(Path.home()): "~"}
        # A folder such as / would take every slash away.
        known = [(path, short) for path, short in told.items() if len(path.strip("/\\")) > 2]
        self._known = [
            (re.compile(_BEFORE + re.escape(path) + r"(?![\w.-])[/\\]?"), short)
            for path, short in sorted(known, key=lambda pair: -len(pair[0]))
        ]
        # Only the name is kept of a temporary file: kernels put the number of their process in the path.
        self._temporary = re.compile(_BEFORE + re.escape(tempfile.gettempdir()) + f"(?:{_BELOW})?")

    def text(self, value: str) -> str:
        """The text with each machine path shortened, and memory addresses made equal."""
        for pattern, short in self._known:
            value = pattern.sub(lambda match, short=short: _short(match[0], short), value)  # type: ignore[misc]
        value = self._temporary.sub(lambda match: match[1] or "temp", value)
        value = _WINDOWS.sub(r"\1", _UNIX.sub(r"\1", _HOMES.sub("~", value)))
        return _ADDRESS.sub("0x0", value)

    def value(self, value: Any) -> Any:
        """The same for every text inside JSON."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value


def _short(found: str, short: str) -> str:
    if found[-1] in "/\\":
        return f"{short}/" if short else ""
    return short or "."


def tidy(notebook: Any, public: bool, scrubber: Scrubber) -> Any:
    """A copy to keep: sources untouched; times, versions, ids and machine paths gone.

    In public, what a notebook wrote to stderr and the text and traceback of its errors are left out too, since
    they may repeat values that were never let out; the class of the error stays.
    """
    import nbformat

    kept = nbformat.v4.new_notebook()
    kept.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
    )
    cells = [cell for cell in notebook.cells if ERROR_MARK not in tags(cell)]
    kept.cells = [_tidy_cell(cell, place, public, scrubber) for place, cell in enumerate(cells, 1)]
    return kept


def without_drawings(notebook: Any) -> None:
    """Take SVG out of a notebook's outputs, whose PNG stays: the reference run holds no SVG."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for part in (output.get("data", {}), output.get("metadata", {})):
                part.pop("image/svg+xml", None)


def text_of(notebook: Any) -> str:
    """The file of a tidied notebook."""
    import nbformat

    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def _tidy_cell(cell: Any, place: int, public: bool, scrubber: Scrubber) -> Any:
    cell = copy.deepcopy(cell)
    kept_tags = tags(cell)
    cell.metadata = type(cell.metadata)({"tags": kept_tags} if kept_tags else {})
    cell.id = f"cell-{place:02d}"
    if cell.cell_type == "code":
        outputs = [output for output in _joined(cell.outputs) if not (public and _is_stderr(output))]
        cell.outputs = [_tidy_output(output, public, scrubber) for output in outputs]
    return cell


def _is_stderr(output: Any) -> bool:
    return output.output_type == "stream" and output.name == "stderr"


def _joined(outputs: list[Any]) -> list[Any]:
    # The kernel sends a stream in pieces of no fixed size.
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _tidy_output(output: Any, public: bool, scrubber: Scrubber) -> Any:
    if output.output_type == "stream":
        output.text = scrubber.text(output.text)
    elif output.output_type == "error":
        output.evalue = "" if public else scrubber.text(output.evalue)
        output.traceback = [] if public else [scrubber.text(_ANSI.sub("", line)) for line in output.traceback]
    else:
        output.metadata = scrubber.value(output.metadata)
        for kind, content in output.data.items():
            if kind.startswith(_CHANGED) or kind.endswith("+json"):
                output.data[kind] = scrubber.value(content)
    return output

"""Defects of supplied data, gathered as a table: nothing is dropped silently, and no value is shown by default."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

SEVERITIES = ("error", "warning", "note")
ACTIONS = ("kept", "corrected", "set aside")
COLUMNS = ["severity", "rule", "file", "line", "column", "value", "child", "problem", "action"]


@dataclass
class IssueLog:
    """Collects issues of one load; `frame()` gives them sorted, one row each.

    `line` counts the file's lines from 1 (the header), 0 for the file as a whole. `value` and `child` are raw
    and confidential: `public()` masks them.
    """

    _parts: list[pd.DataFrame] = field(default_factory=list)

    def add(  # one row of the report is what it is: each argument is one of its columns
        self,
        rule: str,
        severity: str,
        file: np.ndarray | str,
        problem: str,
        action: str,
        *,
        column: str = "",
        lines: np.ndarray | list[int] | None = None,
        values: np.ndarray | list[str] | str = "",
        children: np.ndarray | list[str] | str = "",
    ) -> None:
        """Add one issue for each of `lines` (one for the whole file where None); arrays are as long as these."""
        if severity not in SEVERITIES or action not in ACTIONS:
            raise ValueError(f"Unknown severity {severity!r} or action {action!r}.")
        lines = [0] if lines is None else lines
        if len(lines) == 0:
            return
        part = pd.DataFrame({"line": np.asarray(lines, dtype="int64")})
        part["value"] = np.asarray(values, dtype=object) if not isinstance(values, str) else values
        part["child"] = np.asarray(children, dtype=object) if not isinstance(children, str) else children
        part = part.assign(severity=severity, rule=rule, file=file, column=column, problem=problem, action=action)
        self._parts.append(part[COLUMNS])

    def frame(self) -> pd.DataFrame:
        """All issues, gravest first, in the order of file and line. Columns: COLUMNS."""
        if not self._parts:
            return pd.DataFrame(columns=COLUMNS)
        frame = pd.concat(self._parts, ignore_index=True)
        order = frame["severity"].map({name: index for index, name in enumerate(SEVERITIES)})
        keys = frame.assign(_order=order).sort_values(["_order", "file", "line", "rule", "column"], kind="stable")
        return keys.drop(columns="_order").reset_index(drop=True)


def public(issues: pd.DataFrame) -> pd.DataFrame:
    """The report without raw values: each value becomes its length and kind, each child the row it stands in."""
    masked = issues.copy()
    masked["value"] = issues["value"].astype(str).map(mask)
    has_child = issues["child"].astype(str) != ""
    masked["child"] = np.where(has_child, "row " + (issues["line"] - 1).astype(str), "")
    return masked


def mask(value: str) -> str:
    """A value's shape only: letters as a, digits as 9, at most 12 places ("31/02/2018" -> "99/99/9999")."""
    shape = "".join("9" if c.isdigit() else "a" if c.isalpha() else c if c in "/-. " else "?" for c in value)
    return shape[:12]

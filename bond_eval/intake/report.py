"""Log one rule for many rows of one module, file by file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bond_eval.core.issues import IssueLog
from bond_eval.intake.checks import RULES, code_failures, doubtful
from bond_eval.intake.recognise import Stack


@dataclass(frozen=True)
class Ledger:
    """What every report needs: the files' names, the children's ids and the log."""

    names: list[str]
    children: np.ndarray
    log: IssueLog


@dataclass(frozen=True)
class RowReport:
    """Reports rows of one stack; `child` is each row's number into the ledger's children, -1 where blank."""

    ledger: Ledger
    stack: Stack
    child: np.ndarray

    def __call__(self, rule: str, severity: str, mask: np.ndarray, column: str, action: str, extra: str = "") -> None:
        """Log `rule` for the rows of `mask`, with the raw value of `column` for the internal report."""
        rows = np.flatnonzero(mask)
        if not len(rows):
            return
        values = self.stack.text(column).at(rows)
        ids = np.append(self.ledger.children, "")[self.child[rows]]
        source, line = self.stack.source[rows], self.stack.line[rows]
        for index in np.unique(source):
            mine = source == index
            self.ledger.log.add(
                rule,
                severity,
                self.ledger.names[index],
                RULES[rule] + extra,
                action,
                column=column,
                lines=line[mine],
                values=values[mine],
                children=ids[mine],
            )

    def codes(self, frame: pd.DataFrame, submission: np.ndarray, submissions: pd.DataFrame) -> None:
        """Log codes of `frame` (columns named as in the return) against the lists of each submission's year."""
        found: dict[tuple[str, str], list[np.ndarray]] = {}
        years = submissions["year"].to_numpy()
        for position in doubtful(frame, self.stack.module, submission, years):
            part, year = frame[submission == position], years[position]
            for (rule, column), rows in code_failures(part, self.stack.module, int(year)).groupby(["rule", "column"]):
                found.setdefault((str(rule), str(column)), []).append(rows["index"].to_numpy())
        for (rule, column), parts in found.items():
            mask = np.zeros(len(frame), dtype=bool)
            mask[np.concatenate(parts)] = True
            self(rule, "note" if rule == "code_not_in_year" else "warning", mask, column, "kept")

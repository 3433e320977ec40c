"""An authority's own finance files: fees, unit costs, budget and programme spend, typed, checked and accounted for."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bond_eval.core.errors import InputError
from bond_eval.core.issues import IssueLog
from bond_eval.intake.finance_fees import read_fees
from bond_eval.intake.finance_forms import Sheet, log_unread, read_sheet
from bond_eval.intake.finance_lines import read_budget, read_spend, read_unit_costs
from bond_eval.intake.sources import READABLE, sources

FOLDER = "finance"
EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls")


@dataclass(frozen=True)
class Finance:
    """What the finance files say. `fees` is of children: confidential, and so are values and ids in `issues`.

    `fees`: finance_fees.FEE_COLUMNS; `unit_costs`, `budget`, `spend`: the columns of finance_lines. Each row has
    its file and line. `issues`: core.issues.COLUMNS. `accounts`: file, form, rows_in, kept, set_aside (rows_in =
    kept + set_aside). `hashes`: file -> SHA-256.
    """

    fees: pd.DataFrame
    unit_costs: pd.DataFrame
    budget: pd.DataFrame
    spend: pd.DataFrame
    issues: pd.DataFrame
    accounts: pd.DataFrame
    hashes: dict[str, str]


def load_finance(folder: Path, children: np.ndarray, as_of: dt.date | None = None) -> Finance | None:
    """Read the CSV files below `folder` (the `finance` folder beside a return); None where there is none.

    `children`: the return's ids (`Return.children`), to which fees are matched. `as_of`: the last day of an
    extract whose name gives no day; without either, a section-251 extract is set aside, as it states no day.
    Excel workbooks are not read and named as issues. Raises InputError for a file that is no text, and where the
    folder holds nothing but workbooks.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    books = [path for path in files if path.suffix.lower() in EXCEL and not path.name.startswith((".", "~"))]
    readable = [path for path in files if path.suffix.lower() in (*READABLE, ".zip")]
    if not readable and books:
        raise InputError(f"{FOLDER}/{books[0].name} is an Excel workbook: save each sheet as CSV.")
    if not readable:
        return None
    log = IssueLog()
    for path in books:
        log_unread(log, path.relative_to(folder).as_posix())
    hashes, sheets = {}, []
    for source in sources(folder):
        sheet = read_sheet(source, log, as_of)
        if sheet is not None:
            sheets.append(sheet)
            hashes[source.name] = hashlib.sha256(source.content).hexdigest()
    fees = read_fees(sheets, children, log)
    costs, budget, spend = read_unit_costs(sheets), read_budget(sheets), read_spend(sheets)
    accounts = _accounts(sheets, [fees, costs, budget, spend])
    return Finance(fees, costs, budget, spend, log.frame(), accounts, hashes)


def _accounts(sheets: list[Sheet], frames: list[pd.DataFrame]) -> pd.DataFrame:
    kept = pd.concat([frame["file"].astype(object) for frame in frames]).value_counts()
    rows = [(s.name, s.form, s.rows_in, int(kept.get(s.name, 0))) for s in sheets]
    frame = pd.DataFrame(rows, columns=["file", "form", "rows_in", "kept"])
    return frame.assign(set_aside=frame["rows_in"] - frame["kept"])

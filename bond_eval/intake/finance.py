"""An authority's own finance files: fees, unit costs, budget and programme spend, typed, checked and accounted for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bond_eval.intake.finance_fees import read_fees
from bond_eval.intake.finance_forms import FORMS
from bond_eval.intake.finance_lines import read_budget, read_spend, read_unit_costs
from bond_eval.intake.forms import Sheet, read_folder

FOLDER = "finance"


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


def load_finance(
    folder: Path, children: np.ndarray, as_of: dt.date | None = None, *, strict: bool = True
) -> Finance | None:
    """Read the files below `folder` (the `finance` folder beside a return); None where there is none.

    `children`: the return's ids (`Return.children`), to which fees are matched. `as_of`: the last day of an
    extract whose name gives no day; without either, a section-251 extract is set aside, as it states no day.
    Raises InputError for a file that cannot be read; unless `strict`, it is an issue and the next is read.
    """
    found = read_folder(folder, FORMS, as_of, strict=strict)
    if found is None:
        return None
    fees = read_fees(found.sheets, children, found.log)
    costs, budget, spend = (read(found.sheets) for read in (read_unit_costs, read_budget, read_spend))
    accounts = _accounts(found.sheets, [fees, costs, budget, spend])
    return Finance(fees, costs, budget, spend, found.log.frame(), accounts, found.hashes)


def _accounts(sheets: list[Sheet], frames: list[pd.DataFrame]) -> pd.DataFrame:
    kept = pd.concat([frame["file"].astype(object) for frame in frames]).value_counts()
    rows = [(s.name, s.form, s.rows_in, int(kept.get(s.name, 0))) for s in sheets]
    frame = pd.DataFrame(rows, columns=["file", "form", "rows_in", "kept"])
    return frame.assign(set_aside=frame["rows_in"] - frame["kept"])

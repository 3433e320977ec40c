"""The stitched episodes and their audit as a person's files have them: ids, dates and codes. Confidential."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.intake.ssda903 import Return
from bond_eval.intake.typed import NO_DAY, days_to_dates
from bond_eval.placements.history import History
from bond_eval.placements.stitch import SET_ASIDE

CODES = {"rne": "RNE", "ls": "LS", "cin": "CIN", "place": "PLACE", "provider": "PLACE_PROVIDER"}
ENDINGS = {"rec": "REC", "reason": "REASON_PLACE_CHANGE", "location": "PL_LOCATION"}


def episode_rows(history: History, data: Return) -> pd.DataFrame:
    """One row an episode: CHILD, DECOM, codes, DEC (ISO dates, "" open), category, placement and period, rule."""
    frame = history.episodes
    rows = pd.DataFrame({"CHILD": data.children[frame["child"].to_numpy()], "DECOM": _iso(frame["start"])})
    for column, name in CODES.items():
        rows[name] = frame[column].astype(object).fillna("").to_numpy()
    rows["DEC"] = _iso(frame["dec"])
    for column, name in ENDINGS.items():
        rows[name] = frame[column].astype(object).fillna("").to_numpy()
    return rows.assign(
        category=frame["category"].astype(object).to_numpy(),
        placement=frame["placement"].to_numpy() + 1,
        period_of_care=frame["period"].to_numpy() + 1,
        rule=frame["rule"].to_numpy(),
    )


def audit_rows(history: History, data: Return) -> pd.DataFrame:
    """One row a change: child, file, row (line of the file), rule, before, after ("set aside" or an ISO date)."""
    audit = history.audit
    names = data.submissions["name"].to_numpy()
    aside = audit["after"] == SET_ASIDE
    after = np.where(aside, "set aside", _iso(audit["after"].mask(aside, 0)))
    return pd.DataFrame(
        {
            "child": data.children[audit["child"].to_numpy(dtype=np.int64)],
            "file": names[audit["submission"].to_numpy(dtype=np.int64)],
            "row": audit["line"].to_numpy(),
            "rule": audit["rule"].to_numpy(),
            "before": _iso(audit["before"], blank="open"),
            "after": after,
        }
    )


def _iso(days: pd.Series, blank: str = "") -> np.ndarray:
    numbers = days.to_numpy(dtype=np.int32)
    text = np.datetime_as_string(days_to_dates(numbers), unit="D").astype(object)
    return np.where(numbers == NO_DAY, blank, text)

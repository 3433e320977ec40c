"""Episode rows: typed, checked, and set aside only where nothing can be made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bond_eval.intake.authority import Authority
from bond_eval.intake.checks import Ledger, RowReport, provider_problems
from bond_eval.intake.recognise import Stack
from bond_eval.intake.reference import codes, read_companion
from bond_eval.intake.typed import NO_DAY, Text, as_codes, as_days, day_number

CODES = {
    "rne": "RNE",
    "ls": "LS",
    "cin": "CIN",
    "place": "PLACE",
    "provider": "PLACE_PROVIDER",
    "rec": "REC",
    "reason": "REASON_PLACE_CHANGE",
}
LOCATIONS = ("IN", "OUT", "not known")


def typed(stack: Stack, child: np.ndarray, number: np.ndarray) -> pd.DataFrame:
    """Every row with its types; `decom_bad` and `dec_bad` mark dates that cannot be read."""
    decom, decom_bad = as_days(stack.text("DECOM"))
    dec, dec_bad = as_days(stack.text("DEC"))
    frame = pd.DataFrame({"child": child, "decom": decom, "dec": dec, "decom_bad": decom_bad, "dec_bad": dec_bad})
    for name, code_set in CODES.items():
        frame[name] = as_codes(stack.text(code_set), codes(code_set))
    return frame.assign(number=number, source=stack.source, line=stack.line)


def locations(stack: Stack, authority: Authority, folder: Path) -> pd.Categorical:
    """IN or OUT of the authority's boundary: PL_LOCATION where given, else from postcodes.csv, else not known."""
    given = as_codes(stack.text("PL_LOCATION"), ("IN", "OUT"))
    lookup = np.where(np.isin(given.categories, ("IN", "OUT")), np.arange(len(given.categories)), 2)
    place = np.append(lookup, 2)[given.codes]
    by_postcode = _postcode_location(stack.text("PL_POST"), authority, folder)
    return pd.Categorical.from_codes(np.where(place == 2, by_postcode, place).astype(np.int8), categories=LOCATIONS)


def _postcode_location(postcodes: Text, authority: Authority, folder: Path) -> np.ndarray:
    path = folder / "postcodes.csv"
    if not path.is_file() or not authority.code:
        return np.full(len(postcodes.index), 2)
    table = read_companion(path, ["postcode", "authority"])
    named = table[table["authority"].str.strip() != ""]  # a postcode without an authority tells nothing
    home = dict(zip(named["postcode"].map(_plain), named["authority"].str.strip() != authority.code, strict=True))
    known = [int(home.get(_plain(value), 2)) for value in postcodes.values]
    return np.array([*known, 2])[postcodes.index]


def _plain(postcode: str) -> str:
    return postcode.replace(" ", "").upper()


def checked(frame: pd.DataFrame, stack: Stack, submissions: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Rows that can be used, every defect logged. Adds `submission` (row of `submissions`, in order of time)."""
    report = RowReport(ledger, stack, frame["child"].to_numpy())
    position = pd.Series(submissions.index, index=submissions["number"])
    # A submission without one readable date has no place in time; all its rows are set aside below.
    frame["submission"] = position.reindex(frame["number"]).fillna(-1).to_numpy(np.int16)
    last = submissions["last_day"].map(day_number).to_numpy() if len(submissions) else np.array([NO_DAY])
    until = np.append(last, NO_DAY)[frame["submission"]]
    decom, dec = frame["decom"].to_numpy(), frame["dec"].to_numpy().copy()
    # An end on the day after the period is the way that some systems close a year: it is not a stray.
    stray_end = (dec != NO_DAY) & (dec > until + 1)
    dec[stray_end] = NO_DAY
    aside = {
        "child_blank": (frame["child"].to_numpy() < 0, "CHILD"),
        "date_unreadable": (frame["decom_bad"].to_numpy(), "DECOM"),
        "decom_missing": ((decom == NO_DAY) & ~frame["decom_bad"].to_numpy(), "DECOM"),
        "date_outlier": ((decom != NO_DAY) & (decom > until), "DECOM"),
        "dec_before_decom": ((dec != NO_DAY) & (decom != NO_DAY) & (dec < decom), "DEC"),
    }
    for rule, (mask, column) in aside.items():
        report(rule, "error", mask, column, "set aside")
    report("date_unreadable", "warning", frame["dec_bad"].to_numpy(), "DEC", "corrected", " (taken as open)")
    report("date_outlier", "warning", stray_end, "DEC", "corrected", " (taken as open)")
    keep = ~np.logical_or.reduce([mask for mask, _ in aside.values()])
    coded = frame.rename(columns=CODES)[list(CODES.values())]
    report.codes(coded, frame["submission"].to_numpy(), submissions)
    _check_fields(frame, dec, keep, report)
    frame["dec"] = dec
    return frame.loc[keep].drop(columns=["decom_bad", "dec_bad", "number"])


def _check_fields(frame: pd.DataFrame, dec: np.ndarray, keep: np.ndarray, report: RowReport) -> None:
    lacks, unexpected = provider_problems(frame["place"].array, frame["provider"].array)
    report("provider_missing", "warning", keep & lacks, "PLACE_PROVIDER", "kept")
    report("provider_unexpected", "note", keep & unexpected, "PLACE_PROVIDER", "kept")
    ended = dec != NO_DAY
    reason = frame["rec"].array.codes >= 0
    # Some systems write X1 on an episode that is still open; it says nothing false, so it is only noted.
    report("rec_without_dec", "note", keep & reason & ~ended, "REC", "kept")
    report("dec_without_rec", "warning", keep & ~reason & ended, "REC", "kept")

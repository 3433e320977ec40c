"""Which return codes each kind of placement, change and leaving takes, with invented weights."""

from .days import day

Weights = dict[str, float]

PLACES: dict[str, Weights] = {
    "fost": {"U6": 82, "U4": 15, "U5": 3},
    "conn": {"U3": 70, "U1": 28, "U2": 2},
    "ifa": {"U6": 66, "U4": 33, "U5": 1},
    "op": {"K2": 96, "R1": 4},
    "home": {"P1": 1},
    "adopt": {"A6": 84, "A4": 16},
    "supp": {"H5": 60, "P2": 40},
    "inres": {"K2": 1},
    "secure": {"K1": 1},
    "school": {"S1": 1},
    "pc": {"R3": 1},
    "health": {"R2": 1},
    "yoi": {"R5": 1},
    "temp": {"T3": 40, "T4": 25, "T1": 20, "T2": 10, "T0": 5},
}
WITH_CURRENT_CARER = {"A6": "A5", "A4": "A3"}
LONG_TERM = {"U6": "U4", "U3": "U1"}
"""The code a placement takes when it becomes long term with the same carers."""

PROVIDERS: dict[str, Weights] = {
    "fost": {"PR1": 1},
    "conn": {"PR1": 97, "PR2": 3},
    "ifa": {"PR4": 85, "PR5": 15},
    "op": {"PR4": 86, "PR5": 9, "PR2": 4, "PR3": 1},
    "home": {"PR0": 1},
    "adopt": {"PR1": 70, "PR2": 15, "PR5": 15},
    "supp": {"PR4": 55, "PR5": 25, "PR1": 20},
    "inres": {"PR1": 1},
    "secure": {"PR2": 70, "PR4": 30},
    "school": {"PR4": 50, "PR2": 30, "PR5": 20},
    "pc": {"PR4": 50, "PR5": 30, "PR1": 20},
    "health": {"PR3": 1},
    "yoi": {"PR3": 1},
    "temp": {"": 1},
}

_RETURNED: Weights = {"E4A": 62, "E4B": 14, "E13": 8, "E41": 10, "E8": 6}
# The published first destinations are told from these codes alone, so home and turning 18 must not blur.
_RETURNED_FROM_EXTERNAL: Weights = {"E4A": 80, "E4B": 20}
_ADULT_FROM_AGENCY: Weights = {"E5": 45, "E6": 15}
_INDEPENDENT: Weights = {"E5": 65, "E6": 35}
_ADULT_WITH_CARERS: Weights = {"E5": 38, "E6": 12, "E4A": 8, "E8": 4}
_ADULT_ELSEWHERE: Weights = {"E5": 68, "E6": 32}
_STAYING_PUT_FROM = day(2018, 4, 1)
_GUARDIAN_CODES_FROM = day(2019, 4, 1)


def leaving_codes(why: str, kind: str, on: int, uasc: bool) -> Weights:
    """Weights of the reasons an episode ceased, for a child who leaves care from a kind of placement."""
    if why == "leave_unknown":
        return {"": 1}
    if why == "leave_adopt":
        return {"E12": 65, "E11": 35}
    if why == "leave_sgo":
        return _guardianship(kind, on)
    if why == "leave_home":
        if kind in ("op", "ifa"):
            return _RETURNED_FROM_EXTERNAL
        return {"E4A": 1} if kind == "home" else _RETURNED
    if why == "leave_independent":
        return _INDEPENDENT
    if why == "leave_adult":
        if kind in ("fost", "conn", "ifa"):
            staying: Weights = {"E17": 38} if on >= _STAYING_PUT_FROM else {}
            return {**(_ADULT_FROM_AGENCY if kind == "ifa" else _ADULT_WITH_CARERS), **staying}
        return _ADULT_ELSEWHERE
    if kind == "yoi":
        return {"E14": 60, "E9": 40}
    return {"E8": 50, "E3": 30, "E16": 20} if uasc else {"E8": 60, "E3": 40}


def _guardianship(kind: str, on: int) -> Weights:
    """Codes of a special guardianship order: split by kinship from 2019-20."""
    if on < _GUARDIAN_CODES_FROM:
        return {"E43": 85, "E44": 15}
    return {"E45": 85, "E47": 15} if kind == "conn" else {"E46": 90, "E48": 10}


MOVE_REASONS: Weights = {
    "CARPL": 46,
    "CREQB": 14,
    "CREQO": 10,
    "LAREQ": 9,
    "CHILD": 7,
    "STAND": 4,
    "ALLEG": 3,
    "CLOSE": 3,
    "OTHER": 4,
}
PLANNED = ("home", "adopt", "supp", "conn")


def move_reasons(kind: str, to: str, same_carer: bool) -> Weights:
    """Weights of the reason a placement changed."""
    if same_carer:
        return {"PLACE": 1}
    if (kind, to) == ("ifa", "op"):
        return {"CREQB": 1}
    return {"CARPL": 85, "LAREQ": 9, "OTHER": 6} if to in PLANNED else MOVE_REASONS


NEEDS = {"N1": 62, "N2": 3, "N3": 3, "N4": 9, "N5": 15, "N6": 4, "N8": 4}
ETHNIC = {
    "WBRI": 760,
    "WIRI": 6,
    "WOTH": 40,
    "WIRT": 6,
    "WROM": 8,
    "MWBC": 24,
    "MWBA": 22,
    "MWAS": 14,
    "MOTH": 22,
    "APKN": 14,
    "ABAN": 4,
    "AIND": 4,
    "AOTH": 12,
    "BCRB": 5,
    "BAFR": 34,
    "BOTH": 8,
    "CHNE": 2,
    "OOTH": 13,
    "NOBT": 2,
}
ETHNIC_UASC = {"AOTH": 45, "BAFR": 28, "OOTH": 22, "WOTH": 5}

"""Two modules of the annual returns: a year's health and behaviour (OC2), and care leavers (OC3)."""

from typing import TYPE_CHECKING

from .days import END, age, birthday
from .dice import Dice

if TYPE_CHECKING:
    from .modules import Folder, History

HARDER = ("K2", "R1", "K1", "S1", "H5")
SPREAD = 4.5
LIVING = {"U1": 34, "D1": 16, "B1": 12, "Z1": 12, "E1": 8, "T1": 6, "C1": 4, "Y1": 3, "X2": 3, "K1": 2}


def outcomes(dice: Dice, history: "History", folder: "Folder", worry: float) -> list[list[str]]:
    """One line for a child looked after through the year before 31 March; none otherwise.

    Strengths and difficulties are scored for ages 4 to 16; conviction is asked from age 10.
    """
    through = any(spell.covers(folder.last - 365, folder.last) for spell in history.spells)
    if not through or not folder.annual or history.child.role == "short_breaks":
        return []
    years = age(history.child.born, folder.last)
    place = history.held(folder)[-1][5]
    score, reason = "", "SDQ1"
    if 4 <= years < 17:
        reason = "" if dice.chance(0.86) else dice.weighted({"SDQ2": 40, "SDQ4": 40, "SDQ5": 12, "SDQ3": 8})
        raw = worry + (5 if place in HARDER else 0) + sum(dice.real(-SPREAD, SPREAD) for _ in range(3))
        score = str(min(40, max(0, round(raw)))) if not reason else ""
    misuse = years >= 11 and dice.chance(0.10 if place in HARDER else 0.03)
    received = misuse and dice.chance(0.6)
    return [
        [
            score,
            reason,
            _flag(dice, 0.09 if place in HARDER else 0.02) if years >= 10 else "",
            _flag(dice, 0.9) if years < 5 else "",
            _flag(dice, 0.9),
            _flag(dice, 0.86),
            _flag(dice, 0.92),
            str(int(misuse)),
            str(int(received)) if misuse else "",
            _flag(dice, 0.7) if misuse and not received else "",
        ]
    ]


def _flag(dice: Dice, probability: float) -> str:
    return str(int(dice.chance(probability)))


def care_leavers(dice: Dice, history: "History", folder: "Folder") -> list[list[str]]:
    """One line for a young person who left care at 16 or over and turns 17 to 21 in the year."""
    child, end = history.child, history.spells[-1].end if history.spells else END
    if not folder.annual or child.role == "short_breaks" or end is None or end > folder.last:
        return []
    birthdays = [birthday(child.born, years) for years in range(17, 22)]
    turned = [on for on in birthdays if folder.first <= on <= folder.last and on >= end]
    if age(child.born, end) < 16 or not turned:
        return []
    touch = dice.weighted({"YES": 88, "NO": 5, "REFU": 4, "NREQ": 2, "RHOM": 1})
    if touch != "YES":
        return [[touch, "0" if touch in ("NO", "REFU") else "", "0" if touch in ("NO", "REFU") else ""]]
    doing = dice.weighted({"F2": 28, "F3": 24, "P2": 4, "P3": 5, "F1": 5, "G4": 9, "G5": 19, "G6": 6})
    return [[touch, doing, dice.weighted(LIVING)]]

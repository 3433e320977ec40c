"""Registers as load_register types them, of children who never lived, and histories to set beside them."""

import numpy as np
import pandas as pd

from bond_eval.intake.register import ACTIVITY, CASES, CONTACTS, EVENTS, MEASURES, PROGRAMMES, Register
from bond_eval.intake.register_people import PEOPLE
from bond_eval.intake.typed import NO_DAY
from tests.helpers import day

DATES = {"referral", "decided", "start", "end", "day", "first", "last", "birth", "live_from"}
USUAL_CASE = {"programme": "route29", "decision": "accepted", "status": "edge of care"}
USUAL_PERSON = {"care": -1, "birth": "2005-01-15", "sex": "Male", "ethnicity": "WBRI", "decile": np.nan}


def typed(rows: list[dict], spec: dict[str, str], usual: dict | None = None) -> pd.DataFrame:
    """Rows as a frame of the spec's columns and types: ISO dates to days, what is not given blank."""
    columns = {}
    for name, kind in spec.items():
        blank = "" if kind == "str" else np.nan if kind.startswith("float") else 0
        values = [{**(usual or {}), **row}.get(name, "" if name in DATES else blank) for row in rows]
        if name in DATES:
            values = [day(value) if isinstance(value, str) else value for value in values]
        columns[name] = pd.Series(values, dtype=kind)
    return pd.DataFrame(columns)


def register(
    cases: list[dict], people: list[dict] | None = None, *, events=(), measures=(), contacts=(), activity=()
) -> Register:
    """A register of some cases; `child` of a case is its place in `people` (as many usual ones as are named)."""
    count = max([row["child"] for row in [*cases, *events, *measures]], default=-1) + 1
    rows = [{**USUAL_PERSON, **row} for row in (people or [{}] * count)]
    numbered = [{"case": number, **row} for number, row in enumerate(cases)]
    return Register(
        cases=typed(numbered, CASES, USUAL_CASE),
        measures=typed(list(measures), MEASURES, {"programme": "route29"}),
        events=typed(list(events), EVENTS),
        contacts=typed(list(contacts), CONTACTS),
        people=typed(rows, PEOPLE),
        activity=typed(list(activity), ACTIVITY, {"programme": "route29"}),
        programmes=typed([], PROGRAMMES),
        children=np.array([f"R{number:03d}" for number in range(len(rows))], dtype=object),
        issues=pd.DataFrame(),
        accounts=pd.DataFrame(),
        hashes={},
        absent=(),
    )


__all__ = ["EVENTS", "MEASURES", "NO_DAY", "register", "typed"]

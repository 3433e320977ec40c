"""Who was referred and reached: the cohort by status, age, sex, ethnicity and the rest, and who is in the return."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from bond_eval.programmes.cases import CHARACTERISTICS, UNRECORDED, cases_at

if TYPE_CHECKING:
    from bond_eval.intake.register import Register

LINK, LINKED, UNLINKED = "link", "In the looked-after return", "Not in it"
COLUMNS = ("status", *CHARACTERISTICS, LINK)


def cohort_table(register: Register, as_of: dt.date, programme: str = "") -> pd.DataFrame:
    """Children (each once) by characteristic and value: columns characteristic, value, referred, started.

    A child's values are those of its first case. The values of a characteristic add up to all children; what is not
    recorded is a value of its own. A child not in the return was never looked after, or its id was not matched: the
    register cannot tell which.
    """
    cases = cases_at(register, as_of, programme)
    first = cases.drop_duplicates("child").set_index("child")
    people = first.assign(
        referred=True,
        started=cases.groupby("child")["started"].any(),
        status=first["status"].mask(first["status"] == "", UNRECORDED),
        link=(first["care"] >= 0).map({True: LINKED, False: UNLINKED}),
    )
    parts = []
    for name in COLUMNS:
        counts = people.groupby(name, sort=True)[["referred", "started"]].sum().astype(int)
        parts.append(counts.rename_axis("value").reset_index().assign(characteristic=name))
    return pd.concat(parts, ignore_index=True)[["characteristic", "value", "referred", "started"]]

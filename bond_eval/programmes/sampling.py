"""Which cases to read closely: a dip sample that anyone with the register and the seed would draw again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bond_eval.programmes.cases import UNRECORDED, cases_at, first_cases

if TYPE_CHECKING:
    from bond_eval.intake.register import Register


@dataclass(frozen=True)
class DipSample:
    """strata: status, eligible and chosen (children): may pass the gate. ids: the children's ids in order; internal,
    never shown or printed.
    """

    strata: pd.DataFrame
    ids: tuple[str, ...] = field(repr=False)


def dip_sample(register: Register, as_of: dt.date, programme: str, *, size: int, seed: int) -> DipSample:
    """Draw `size` children who started (all, where fewer did), spread over statuses at referral in proportion.

    A stratum gets at least one child while there are places. Equal seeds draw equal lists: children are drawn in the
    order of their ids, so that of the rows in the files changes nothing. Raises ValueError for a size below 1.
    """
    if size < 1:
        raise ValueError("A dip sample holds at least one child.")
    rows = first_cases(cases_at(register, as_of, programme))
    rows = rows.assign(id=register.children[rows["child"].to_numpy(dtype=np.int64)].astype(str)).sort_values("id")
    status = rows["status"].mask(rows["status"] == "", UNRECORDED).astype(str)
    groups = [(key, part["id"].to_numpy()) for key, part in rows.groupby(status, sort=True)]
    eligible = np.array([len(ids) for _, ids in groups], dtype=np.int64)
    chosen = allocate(eligible, size)
    dice = np.random.default_rng(seed)
    ids = [name for (_, found), n in zip(groups, chosen, strict=True) for name in dice.choice(found, n, replace=False)]
    strata = pd.DataFrame([key for key, _ in groups], columns=["status"]).assign(eligible=eligible, chosen=chosen)
    return DipSample(strata, tuple(sorted(ids)))


def allocate(eligible: np.ndarray, size: int) -> np.ndarray:
    """Places a stratum: one each while there are any, the rest in proportion, by largest remainder."""
    total = min(size, int(eligible.sum()))
    given = np.zeros(len(eligible), dtype=np.int64)
    given[np.argsort(-eligible, kind="stable")[:total]] = 1
    left = eligible - given
    if left.sum() and total > given.sum():
        share = left * (total - given.sum()) / left.sum()
        given += np.floor(share).astype(np.int64)
        remainder = np.argsort(np.floor(share) - share, kind="stable")
        given[remainder[: total - given.sum()]] += 1
    return given

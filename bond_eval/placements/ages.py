"""Ages that move on as the child grows: bands and birthdays, in whole days."""

from __future__ import annotations

import numpy as np

from bond_eval.intake.typed import NO_DAY

# 12 is the age from which Route 29 takes children; 16 that of supported accommodation.
BAND_STARTS = (0, 1, 5, 10, 12, 16, 18)
BANDS = ("Under 1", "1 to 4", "5 to 9", "10 to 11", "12 to 15", "16 to 17", "18 and over")
UNKNOWN_BAND = "Not known"
ALL_BANDS = (*BANDS, UNKNOWN_BAND)
UNDER_12 = BANDS[:4]
ROUTE_29 = BANDS[4:6]


def birthday(birth: np.ndarray, years: int) -> np.ndarray:
    """Day on which a child born on day `birth` (int32 days; NO_DAY unknown) turns `years`; NO_DAY where unknown.

    A child born on 29 February has its birthday on 1 March of a year without one.
    """
    known = birth != NO_DAY
    days = np.where(known, birth, 0).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64)
    anniversary = (months + years * 12).astype("datetime64[D]").astype(np.int64) + day_of_month
    return np.where(known, anniversary, np.int64(NO_DAY)).astype(np.int32)


def age_on(birth: np.ndarray, day: int | np.ndarray) -> np.ndarray:
    """Whole years of age on `day`; -1 where the birth date is not known or later."""
    known = (birth != NO_DAY) & (birth <= day)
    born = np.where(known, birth, 0).astype("datetime64[D]")
    on = np.broadcast_to(np.asarray(day), born.shape).astype("datetime64[D]")
    years = on.astype("datetime64[Y]").astype(np.int64) - born.astype("datetime64[Y]").astype(np.int64)
    reached = np.zeros(born.shape, dtype=bool)
    for gap in np.unique(years):
        mine = years == gap
        reached[mine] = birthday(np.where(known, birth, 0)[mine], int(gap)) <= np.broadcast_to(day, born.shape)[mine]
    return np.where(known, years - ~reached, -1)


def band_on(birth: np.ndarray, day: int | np.ndarray) -> np.ndarray:
    """Place in ALL_BANDS of the age on `day`."""
    age = age_on(birth, day)
    band = np.searchsorted(BAND_STARTS, age, side="right") - 1
    return np.where(age < 0, len(BANDS), band)

"""Two groups that nobody drew by lot: how alike they were, and their difference once like is set beside like."""

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bond_eval.methods.proportions import Estimate, difference

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 0.25  # an imbalance above it is too much for any wording of cause


def standardised_differences(treated: "pd.DataFrame", others: "pd.DataFrame") -> "pd.DataFrame":
    """Standardised mean differences, one row a number column and one a level of each text column.

    Columns: covariate, level ("" for numbers), treated, others (means, shares 0-1), smd (NaN where it cannot be had),
    n_treated, n_others (values known). A blank text is the level "Not recorded"; a missing number is left out. The
    pooled SD is sqrt((s1² + s2²)/2). Source: Austin 2009, Stat Med 28:3083-3107; limit 0.25: Stuart 2010, Stat Sci
    25:1-21.
    """
    import pandas as pd

    rows = []
    for name in treated.columns:
        one, two = treated[name], others[name]
        if pd.api.types.is_numeric_dtype(one) and pd.api.types.is_numeric_dtype(two):
            rows.append((name, "", *_smd(one.dropna().to_numpy(dtype=float), two.dropna().to_numpy(dtype=float))))
            continue
        one, two = (part.astype(object).where(part.astype(str) != "", "Not recorded") for part in (one, two))
        for level in sorted(set(one) | set(two)):
            shares = ((part == level).to_numpy(dtype=float) for part in (one, two))
            rows.append((name, level, *_smd(*shares)))
    columns = ["covariate", "level", "treated", "others", "smd", "n_treated", "n_others"]
    return pd.DataFrame(rows, columns=columns)


def comparable(differences: "pd.DataFrame") -> bool:
    """True where every standardised difference is known and none above 0.25: else no wording of cause may be used."""
    smd = differences["smd"].to_numpy(dtype=float)
    return bool(smd.size and np.isfinite(smd).all() and (np.abs(smd) <= LIMIT).all())


def stratified_difference(
    reached: Sequence[int], people: Sequence[int], others_reached: Sequence[int], others: Sequence[int],
    confidence: float = 0.95,
) -> Estimate:  # fmt: skip
    """Difference of two proportions within strata (one entry a stratum), weighted by Mantel-Haenszel's n1 n2/(n1 + n2).

    The interval inverts the score-like test with Sato's variance, which holds for few large strata and for many small
    ones; where that variance is 0 (nobody reached it, or everybody) it is Newcombe's for the strata together. Strata
    with only one group are left out; n counts the people of the rest. Raises ValueError where no stratum has both, and
    for impossible counts. Source: Mantel & Haenszel 1959, JNCI 22:719-748; Sato 1989, Biometrics 45:1323-1324;
    Klingenberg 2014, Stat Med 33:2968-2983.
    """
    from scipy.stats import norm

    x1, n1, x2, n2 = (np.asarray(part, dtype=float) for part in (reached, people, others_reached, others))
    if (x1 < 0).any() or (x2 < 0).any() or (x1 > n1).any() or (x2 > n2).any():
        raise ValueError("In each stratum those who reached it are some of its people.")
    both = (n1 > 0) & (n2 > 0)
    if not both.any():
        raise ValueError("No stratum holds people of both groups: there is nobody to compare.")
    x1, n1, x2, n2 = (part[both] for part in (x1, n1, x2, n2))
    n = n1 + n2
    weight = float((n1 * n2 / n).sum())
    value = float(((x1 * n2 - x2 * n1) / n).sum()) / weight
    q = float(((x1 * (n2 - x2) + x2 * (n1 - x1)) / (2 * n)).sum()) / weight**2
    if q == 0:
        return difference(int(x1.sum()), int(n1.sum()), int(x2.sum()), int(n2.sum()), confidence)
    p = float(((n1**2 * x2 - n2**2 * x1 + n1 * n2 * (n2 - n1) / 2) / n**2).sum()) / weight**2
    z2 = float(norm.ppf((1 + confidence) / 2)) ** 2
    middle = value + z2 * p / 2
    half = sqrt(middle**2 - value**2 + z2 * q)
    limits = max(middle - half, -1.0), min(middle + half, 1.0)
    return Estimate(value, *limits, int(n.sum()), "Mantel-Haenszel, Sato-Klingenberg")


def _smd(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> tuple[float, float, float, int, int]:
    if not one.size or not two.size:
        return float("nan"), float("nan"), float("nan"), one.size, two.size
    gap = float(one.mean() - two.mean())
    spread = sqrt((float(one.var(ddof=one.size > 1)) + float(two.var(ddof=two.size > 1))) / 2)
    smd = 0.0 if gap == 0 else (gap / spread if spread > 0 else float("nan"))
    return float(one.mean()), float(two.mean()), smd, one.size, two.size

"""Does one group get from one stage to the next as often as the others, and how firm is the answer?"""

from bisect import bisect_left
from dataclasses import dataclass

from bond_eval.methods.proportions import Estimate, relative_risk, with_score_interval

SMALL_CELL = 5  # with fewer on either side in a group Katz's interval covers too little


@dataclass(frozen=True)
class RelativeRate:
    """Rate of a group over that of the others, of those who reached the stage before.

    moved: fewest people of the group whose passing or not passing, turned about, would bring the interval to cover 1: 0
    where it does already, None where no number would. A small one says that a clerk's error could make the answer.
    """

    estimate: Estimate
    moved: int | None

    @property
    def differs(self) -> bool:
        """True where the interval lies clear of 1."""
        return self.moved != 0


def relative_rate(reached: int, before: int, others_reached: int, others_before: int) -> RelativeRate:
    """Relative rate index: (reached / before) over (others_reached / others_before), people of the preceding stage.

    The interval is Katz's, and Miettinen and Nurminen's score interval where fewer than 5 of a group reached the stage
    or did not. Raises ValueError as `proportions.relative_risk`: empty groups, and nobody who reached it. Source:
    OJJDP, Disproportionate Minority Contact Technical Assistance Manual 2009, ch. 1; Katz et al. 1978, Biometrics
    34:469-474; Miettinen & Nurminen 1985, Stat Med 4:213-226.
    """
    estimate = _ratio(reached, before, others_reached, others_before)
    if estimate.lower <= 1 <= estimate.upper:
        return RelativeRate(estimate, 0)
    down = estimate.value > 1
    most = reached if down else before - reached

    def enough(moved: int) -> bool:
        found = reached - moved if down else reached + moved
        if found == 0 and others_reached == 0:
            return True  # nobody in either group: nothing differs
        limits = _ratio(found, before, others_reached, others_before)
        return limits.lower <= 1 if down else limits.upper >= 1

    moved = bisect_left(range(most + 1), True, key=enough)
    return RelativeRate(estimate, moved if moved <= most else None)


def _ratio(x1: int, n1: int, x2: int, n2: int) -> Estimate:
    """Relative risk with the interval that its counts allow."""
    found = relative_risk(x1, n1, x2, n2)
    if min(x1, n1 - x1, x2, n2 - x2) >= SMALL_CELL:
        return found
    return with_score_interval(found.value, x1, n1, x2, n2)

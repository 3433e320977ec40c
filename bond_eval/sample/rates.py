"""How often children move between kinds of placement and leave care: yearly rates by age and kind.

The numbers are invented. They were set so that a steady population resembles a northern city's published
totals: about 45% with the authority's own foster carers, 20% with relatives, 9% with parents.
"""

from dataclasses import dataclass, field
from itertools import accumulate

from .days import BASELINE, EASED, PANDEMIC, PROGRAMME, day

BANDS = (0, 1, 5, 10, 12, 16, 18)
"""Lower edges of the age bands, in years; the last is the end of care."""

LENGTHS = ((60, 1.7), (365, 1.1), (730, 0.65), (10**9, 0.4))
"""Days in the placement up to which an event rate is multiplied by the second number."""

TEENS = 4
"""The first age band of 12 and over."""

RUN, SINCE_PROGRAMME, SHOCK = 1, 3, 4
"""Eras by their place among the edges of Rules: an unusual run, the programme on, the first lockdown."""

EXTERNAL = ("op", "ifa")
UNEVEN = ("adopt", "pc", "secure", "health", "yoi")
"""Kinds that are short or planned by nature: no falling rate with length of stay."""

MOVES: dict[str, dict[str, tuple[float, ...]]] = {
    "fost": {
        "fost": (0.50, 0.42, 0.32, 0.36, 0.52, 0.34),
        "conn": (0.22, 0.10, 0.05, 0.04, 0.04, 0.02),
        "ifa": (0.03, 0.03, 0.04, 0.05, 0.08, 0.05),
        "op": (0.00, 0.00, 0.02, 0.06, 0.12, 0.09),
        "home": (0.16, 0.09, 0.05, 0.04, 0.05, 0.03),
        "adopt": (0.80, 0.46, 0.06, 0.00, 0.00, 0.00),
        "supp": (0.00, 0.00, 0.00, 0.00, 0.00, 0.24),
        "inres": (0.00, 0.00, 0.00, 0.02, 0.05, 0.03),
        "school": (0.00, 0.00, 0.005, 0.012, 0.012, 0.00),
        "health": (0.01, 0.00, 0.00, 0.00, 0.01, 0.01),
        "secure": (0.00, 0.00, 0.00, 0.00, 0.02, 0.02),
    },
    "conn": {
        "conn": (0.10, 0.08, 0.06, 0.06, 0.08, 0.06),
        "fost": (0.14, 0.09, 0.08, 0.08, 0.12, 0.06),
        "ifa": (0.01, 0.01, 0.02, 0.02, 0.03, 0.02),
        "op": (0.00, 0.00, 0.005, 0.01, 0.03, 0.02),
        "home": (0.10, 0.07, 0.05, 0.04, 0.05, 0.03),
        "supp": (0.00, 0.00, 0.00, 0.00, 0.00, 0.08),
        "inres": (0.00, 0.00, 0.00, 0.01, 0.02, 0.01),
    },
    "ifa": {
        "ifa": (0.20, 0.20, 0.20, 0.22, 0.32, 0.22),
        "fost": (0.20, 0.16, 0.10, 0.10, 0.12, 0.05),
        "conn": (0.10, 0.06, 0.04, 0.04, 0.05, 0.03),
        "op": (0.00, 0.00, 0.03, 0.08, 0.16, 0.11),
        "home": (0.05, 0.05, 0.04, 0.03, 0.04, 0.02),
        "adopt": (0.25, 0.14, 0.02, 0.00, 0.00, 0.00),
        "supp": (0.00, 0.00, 0.00, 0.00, 0.00, 0.20),
    },
    "op": {
        "op": (0.20, 0.20, 0.25, 0.30, 0.45, 0.40),
        "ifa": (0.20, 0.20, 0.12, 0.08, 0.07, 0.03),
        "fost": (0.20, 0.20, 0.12, 0.10, 0.08, 0.04),
        "conn": (0.10, 0.10, 0.08, 0.08, 0.08, 0.05),
        "home": (0.05, 0.05, 0.06, 0.06, 0.10, 0.08),
        "inres": (0.00, 0.00, 0.02, 0.06, 0.08, 0.05),
        "supp": (0.00, 0.00, 0.00, 0.00, 0.00, 0.40),
        "secure": (0.00, 0.00, 0.00, 0.01, 0.04, 0.04),
    },
    "home": {
        "fost": (0.20, 0.14, 0.10, 0.10, 0.12, 0.06),
        "conn": (0.05, 0.04, 0.03, 0.03, 0.04, 0.02),
        "op": (0.00, 0.00, 0.005, 0.01, 0.03, 0.02),
    },
    "adopt": {"fost": (0.05, 0.05, 0.05, 0.05, 0.05, 0.05)},
    "supp": {
        "supp": (0.35, 0.35, 0.35, 0.35, 0.35, 0.40),
        "fost": (0.05, 0.05, 0.05, 0.05, 0.05, 0.04),
    },
    "inres": {
        "inres": (0.10, 0.10, 0.10, 0.10, 0.15, 0.15),
        "op": (0.00, 0.00, 0.05, 0.12, 0.20, 0.12),
        "fost": (0.20, 0.20, 0.15, 0.12, 0.10, 0.05),
        "conn": (0.05, 0.05, 0.05, 0.05, 0.06, 0.04),
        "supp": (0.00, 0.00, 0.00, 0.00, 0.00, 0.55),
        "home": (0.05, 0.05, 0.05, 0.08, 0.10, 0.06),
    },
    "secure": {
        "op": (0.0, 0.0, 0.0, 0.9, 0.9, 0.7),
        "inres": (0.0, 0.0, 0.0, 0.8, 0.8, 0.4),
        "supp": (0.0, 0.0, 0.0, 0.0, 0.0, 1.2),
    },
    "school": {"fost": (0.05, 0.05, 0.05, 0.05, 0.05, 0.03), "op": (0.0, 0.0, 0.03, 0.05, 0.06, 0.04)},
    "pc": {
        "fost": (1.3, 1.0, 1.0, 1.0, 0.6, 0.6),
        "home": (0.9, 0.8, 0.8, 0.8, 0.3, 0.3),
        "conn": (0.4, 0.4, 0.4, 0.4, 0.3, 0.2),
        "supp": (0.0, 0.0, 0.0, 0.0, 0.0, 0.6),
    },
    "health": {
        "fost": (3.0, 2.0, 1.5, 1.0, 0.8, 0.5),
        "inres": (0.0, 0.0, 0.5, 0.8, 1.0, 0.8),
        "op": (0.0, 0.0, 0.3, 0.6, 0.8, 0.6),
    },
    "yoi": {"op": (0.0, 0.0, 0.0, 0.4, 0.4, 0.3), "supp": (0.0, 0.0, 0.0, 0.0, 0.0, 0.8)},
}

LEAVES: dict[str, dict[str, tuple[float, ...]]] = {
    "fost": {
        "leave_home": (0.40, 0.32, 0.25, 0.23, 0.30, 0.26),
        "leave_sgo": (0.14, 0.09, 0.05, 0.02, 0.01, 0.00),
        "leave_other": (0.01, 0.01, 0.01, 0.01, 0.02, 0.04),
    },
    "conn": {
        "leave_sgo": (0.40, 0.34, 0.22, 0.14, 0.08, 0.02),
        "leave_home": (0.26, 0.20, 0.13, 0.12, 0.16, 0.18),
        "leave_other": (0.01, 0.01, 0.01, 0.01, 0.01, 0.02),
    },
    "ifa": {
        "leave_home": (0.16, 0.14, 0.10, 0.09, 0.12, 0.12),
        "leave_sgo": (0.06, 0.05, 0.03, 0.02, 0.01, 0.00),
        "leave_other": (0.01, 0.01, 0.01, 0.01, 0.01, 0.03),
    },
    "op": {
        "leave_home": (0.10, 0.10, 0.12, 0.12, 0.18, 0.20),
        "leave_independent": (0.0, 0.0, 0.0, 0.0, 0.0, 0.12),
        "leave_other": (0.0, 0.0, 0.01, 0.01, 0.02, 0.04),
    },
    "home": {"leave_home": (0.75, 0.68, 0.60, 0.55, 0.60, 0.60)},
    "adopt": {"leave_adopt": (0.95, 0.95, 0.90, 0.90, 0.9, 0.9)},
    "supp": {
        "leave_independent": (0.0, 0.0, 0.0, 0.0, 0.0, 0.16),
        "leave_home": (0.0, 0.0, 0.0, 0.0, 0.0, 0.10),
        "leave_other": (0.0, 0.0, 0.0, 0.0, 0.0, 0.05),
    },
    "inres": {
        "leave_home": (0.15, 0.15, 0.15, 0.18, 0.24, 0.20),
        "leave_independent": (0.0, 0.0, 0.0, 0.0, 0.0, 0.12),
    },
    "secure": {"leave_home": (0.0, 0.0, 0.0, 0.6, 0.6, 0.6), "leave_other": (0.0, 0.0, 0.0, 0.2, 0.3, 0.3)},
    "school": {"leave_home": (0.10, 0.10, 0.10, 0.10, 0.12, 0.20)},
    "pc": {"leave_home": (1.2, 1.0, 1.0, 1.0, 0.6, 0.6)},
    "health": {"leave_home": (1.0, 1.0, 1.0, 1.0, 1.0, 0.8)},
    "yoi": {"leave_other": (0.0, 0.0, 0.0, 2.2, 2.2, 2.2)},
}

FIRST: tuple[dict[str, float], ...] = (
    {"fost": 54, "conn": 18, "home": 13, "pc": 14, "ifa": 4, "health": 2},
    {"fost": 58, "conn": 22, "home": 10, "ifa": 5, "pc": 2},
    {"fost": 59, "conn": 21, "home": 8, "ifa": 7, "op": 2, "school": 0.4},
    {"fost": 55, "conn": 20, "ifa": 10, "op": 7, "home": 4, "inres": 3, "school": 1},
    {"fost": 44, "conn": 17, "ifa": 11, "op": 15, "inres": 5, "home": 4, "secure": 1, "yoi": 1, "school": 1},
    {"fost": 27, "conn": 10, "ifa": 8, "op": 12, "supp": 33, "inres": 4, "yoi": 3, "home": 2, "health": 1},
)
"""The first placement of a period of care, by age band (weights)."""

FIRST_UASC = {"fost": 50, "supp": 40, "ifa": 10}

ENTRY_AGES = ((0, 0.05, 8), (0.05, 1, 12), (1, 5, 18), (5, 10, 18), (10, 12, 8), (12, 16, 23), (16, 17.8, 13))
"""Ages at which care begins: from, to, weight."""


@dataclass(frozen=True)
class Rules:
    """A world's rates: which kinds of placement are simulated, and what changes when.

    `towards`: what moves and first placements to a kind are multiplied by at all times. `external` False leaves
    outside placements and agency fostering out (they are laid down beforehand).
    """

    external: bool = True
    unusual_run: float = 1.0
    shock_entry: float = 0.65
    shock_move: float = 0.6
    op_entry: float = 1.0
    op_leave: float = 1.0
    towards: dict[str, float] = field(default_factory=dict)
    _made: dict = field(default_factory=dict, repr=False, compare=False)

    edges: tuple[int, ...] = (day(2018, 10, 1), BASELINE, PROGRAMME, PANDEMIC, EASED)

    def era(self, on: int) -> int:
        """Which stretch between the edges a day falls in."""
        return sum(on >= edge for edge in self.edges)

    def entry_factor(self, on: int) -> float:
        """What the number of children entering care is multiplied by on a day."""
        return self.shock_entry if PANDEMIC <= on < EASED else 1.0

    def op_factor(self, era: int, band: int) -> float:
        """What the rate of entering an outside placement is multiplied by, of whatever origin."""
        run = self.unusual_run if era == RUN else 1.0
        return run * (self.op_entry if era >= SINCE_PROGRAMME and band >= TEENS else 1.0)

    def hazards(self, kind: str, band: int, length: int, era: int) -> tuple[list, list, list, list]:
        """Moves and leavings out of a kind of placement: names and running totals of yearly rates."""
        key = (kind, band, length, era)
        if key not in self._made:
            moves = {to: self._rate(kind, to, rate[band], band, era) for to, rate in MOVES[kind].items()}
            leaves = {to: self._rate(kind, to, r[band], band, era) for to, r in LEAVES.get(kind, {}).items()}
            factor = 1.0 if kind in UNEVEN else LENGTHS[length][1]
            factor *= self.shock_move if era == SHOCK else 1.0
            self._made[key] = (*_running(moves, factor), *_running(leaves, factor))
        return self._made[key]

    def _rate(self, kind: str, to: str, rate: float, band: int, era: int) -> float:
        if not self.external and to in EXTERNAL:
            return 0.0
        rate *= self.towards.get(to, 1.0)
        if to == "op" and kind != "op":
            rate *= self.op_factor(era, band)
        if kind == "op" and to != "op" and era >= SINCE_PROGRAMME and band >= TEENS:
            rate *= self.op_leave
        return rate

    def first(self, band: int, era: int, uasc: bool) -> dict[str, float]:
        """Weights of the first placement of a period of care."""
        usual = FIRST_UASC if uasc else FIRST[band]
        weights = {to: weight * self.towards.get(to, 1.0) for to, weight in usual.items()}
        if "op" in weights:
            weights["op"] *= self.op_factor(era, band)
        if not self.external:
            weights = {kind: weight for kind, weight in weights.items() if kind not in EXTERNAL}
        return weights


def _running(rates: dict[str, float], factor: float) -> tuple[list[str], list[float]]:
    positive = {to: rate * factor for to, rate in rates.items() if rate > 0}
    return list(positive), list(accumulate(positive.values()))

"""What happens to the children of the register: events, scores and contacts, drawn alike for every case.

A referral follows a bad spell: a child's events come at its own constant rate, and the year before referral is
drawn again until recent events would bring a referral about. So events fall after referral whatever is done
(regression to the mean), for those taken on and for those not. Only the effect world changes anything: from the
start of a case, its rates and the last scores. Scores otherwise differ by the error of measurement alone.
"""

from dataclasses import dataclass

from .days import END, YEAR, birthday
from .dice import Dice
from .register_book import NEED, PROGRAMMES, PROTECTION, Case, Scale
from .world import WORLDS

LOOK_BACK, RECENT = 365, 60
REFERRED = (0.04, 0.35, 0.8, 1.0)
"""Chance that none, one, two, three or more events of the last 60 days bring a referral about."""

NURSED, ASSESSED = 39, 19
"""Of Route 29's 87 open cases: open to nurses, and with a full health assessment."""


@dataclass(frozen=True)
class Effects:
    """What a world's programmes do: rate ratio of the eased events, rise of a scale, hazard ratio of entering care."""

    events: float = 1.0
    sdq_parent: float = 0.0
    wellbeing: float = 0.0
    exploitation: float = 0.0
    entry: float = 1.0

    def of(self, scale: Scale) -> float:
        """What is added to a score after the start."""
        if (scale.measure, scale.rater) == ("sdq_total", "parent"):
            return self.sdq_parent
        return {"wellbeing": self.wellbeing, "exploitation_risk": self.exploitation}.get(scale.measure, 0.0)


EFFECTS = dict(zip(WORLDS, (Effects(), Effects(), Effects(0.6, -4.0, 3.0, -4.0, 0.5)), strict=True))


def truth(world: str) -> dict:
    """What a world's register holds by design, as truth.json says it."""
    effects = EFFECTS[world]
    eased = {word: list(programme.eased) for word, programme in PROGRAMMES.items()}
    return {
        "event_rate_ratio_from_start": {word: dict.fromkeys(kinds, effects.events) for word, kinds in eased.items()},
        "event_rate_ratio_of_every_other_type": 1.0,
        "sdq_total_parent_change": effects.sdq_parent,
        "sdq_other_raters_change": 0.0,
        "wellbeing_self_change": effects.wellbeing,
        "exploitation_risk_worker_change": effects.exploitation,
        "becoming_looked_after_hazard_ratio_route29_and_act_from_start": effects.entry,
        "referral_follows_recent_events": True,
    }


def events(seed: int, cases: list[Case], effects: Effects) -> list[tuple[str, str, int]]:
    """Child id, type and day of every event; a child with several cases has those of its first."""
    first: dict[str, Case] = {}
    for case in sorted(cases, key=lambda case: case.referral):
        first.setdefault(case.person.ident, case)
    found = []
    for at, case in enumerate(first.values()):
        dice = Dice(seed, 13, at, block=64)
        found += [(case.person.ident, kind, on) for kind, on in _events(dice, case, effects) if on <= END]
    return found


def _events(dice: Dice, case: Case, effects: Effects) -> list[tuple[str, int]]:
    programme, on = PROGRAMMES[case.programme], case.referral
    trigger = next(iter(programme.rates))
    while True:
        tendency = dice.gamma(0.9)
        before = _stream(dice, programme.rates[trigger] * tendency, on - LOOK_BACK, on)
        recent = sum(day >= on - RECENT for day in before)
        if dice.chance(REFERRED[min(recent, 3)]):
            break
    found = [(trigger, day) for day in before]
    begins = END + 1 if case.start is None else case.start
    for kind, rate in programme.rates.items():
        if kind == "neet" and birthday(case.person.born, 16) > on:
            continue
        changed = effects.events if kind in programme.eased else 1.0
        spans = ((on, begins, 1.0), (begins, END + 1, changed))
        if kind != trigger:
            spans = ((on - LOOK_BACK, begins, 1.0), spans[1])
        found += [(kind, d) for a, b, ratio in spans for d in _stream(dice, rate * tendency * ratio, a, b)]
    planned = {PROTECTION: "cp_plan", NEED: "cin_plan"}.get(case.status)
    if planned:
        found.append((planned, on - dice.between(20, 330)))
    if case.end is not None and case.end < END - 40 and dice.chance(0.12):
        found.append(("re_referral", dice.between(case.end + 20, END)))
    return sorted(set(found), key=lambda event: event[::-1])


def _stream(dice: Dice, rate: float, first: int, after: int) -> list[int]:
    """Days of a Poisson process with a yearly rate, from a day to the one before `after`."""
    if after <= first:
        return []
    return [dice.between(first, after - 1) for _ in range(dice.poisson(rate * (after - first) / YEAR))]


def measures(seed: int, cases: list[Case], effects: Effects) -> list[tuple]:
    """Child id, programme, measure, rater, day and score: near the start, and at the end or a review of it."""
    found = []
    for at, case in enumerate(cases):
        if case.start is None:
            continue
        dice = Dice(seed, 14, at, block=64)
        first = max(case.start + dice.between(-5, 10), case.referral)
        last = case.end if case.end is not None else case.start + dice.between(90, 180)
        for scale in PROGRAMMES[case.programme].scales:
            if dice.chance(scale.asked) and first <= END and birthday(case.person.born, scale.from_age) <= first:
                level = scale.mean + scale.spread * _normal(dice)
                found.append((*_who(case, scale), first, _score(dice, scale, level)))
                # A third of the last scores are missing, whatever they would have been.
                if first < last <= END and dice.chance(0.66):
                    found.append((*_who(case, scale), last, _score(dice, scale, level + effects.of(scale))))
    return found


def _who(case: Case, scale: Scale) -> tuple[str, str, str, str]:
    return case.person.ident, case.programme, scale.measure, scale.rater


def _normal(dice: Dice) -> float:
    return sum(dice.uniform() for _ in range(12)) - 6.0


def _score(dice: Dice, scale: Scale, level: float) -> int:
    return max(0, min(scale.top, round(level + scale.error * _normal(dice))))


def contacts(seed: int, cases: list[Case]) -> list[tuple]:
    """Child id, programme, day, kind and minutes: the programme's own, and the nurses' with Route 29's open cases."""
    found = []
    for at, case in enumerate(cases):
        if case.start is None:
            continue
        dice = Dice(seed, 15, at, block=64)
        kinds, gap, minutes = PROGRAMMES[case.programme].contacts
        on = case.start
        while on <= (END if case.end is None else case.end):
            found.append((*_whom(case), on, dice.weighted(kinds), 5 * dice.between(minutes // 10, minutes // 4)))
            on += max(1, round(dice.exponential(gap)))
    nursed = [(case, case.start) for case in cases if case.programme == "route29" and case.start and case.open]
    dice = Dice(seed, 16)
    chosen = dice.some(nursed, round(len(nursed) * NURSED / 87))
    for at, (case, start) in enumerate(chosen):
        for on in _stream(dice, 0.02 * YEAR, start, END + 1) or [start]:
            found.append((*_whom(case), on, "nurse", 45))
        if at < round(len(chosen) * ASSESSED / NURSED):
            found.append((*_whom(case), dice.between(start, END), "health assessment", 60))
    return found


def _whom(case: Case) -> tuple[str, str]:
    return case.person.ident, case.programme

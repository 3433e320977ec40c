"""What the designs of notebook 04 say in words: the decision rule of docs/EVALUATION_PLAN.md."""

from __future__ import annotations

import datetime as dt

import numpy as np

from bond_eval.core import formats
from bond_eval.methods.proportions import Estimate
from bond_eval.placements.trend import DATES, OUTCOMES, PRIMARY, Design

PUBLISHED = "Published"
FALL, RISE, NO_CHANGE, LITTLE, CANNOT = "a fall", "a rise", "no clear change", "little or no change", "cannot be judged"
PANDEMICS = ("Pandemic left out of account", "Pandemic lasting to the end")
SMALL_CHANGE = (0.8, 1.25)  # a ratio between these is of no practical size


def judged(ratio: Estimate | None) -> str:
    """The plan's decision rule: which of FALL, RISE, LITTLE, NO_CHANGE and CANNOT an interval says."""
    if ratio is None:
        return CANNOT
    if ratio.upper < 1 or ratio.lower > 1:
        return FALL if ratio.upper < 1 else RISE
    return LITTLE if ratio.lower > SMALL_CHANGE[0] and ratio.upper < SMALL_CHANGE[1] else NO_CHANGE


def written(ratio: Estimate) -> str:
    """ "0.81 (0.42 to 1.57)"."""
    return f"{_end(ratio.value)} ({_end(ratio.lower)} to {_end(ratio.upper)})"


def _end(value: float) -> str:
    # Neither a bound without end nor one that could not be found is below 100.
    return formats.number(value, 2) if value < 100 else "no limit"


def design_name(one: Design) -> str:
    """A design's name, with the level of its interval where that is not 95%."""
    confidence = getattr(one.result, "confidence", 0.95)
    return one.name if confidence == 0.95 or one.ratio is None else f"{one.name} ({formats.percent(confidence)} range)"


def standing(one: Design) -> str:
    """Why an interval may be trusted, is cautious, was widened or is refused."""
    if one.group == PUBLISHED:
        return "It has no interval and no workings; it is of placements at a date, all ages, and not of entries"
    if one.ratio is None:
        return one.why.rstrip(".")
    verdict, coverage = getattr(one.result, "verdict", ""), getattr(one.result, "coverage", None)
    if verdict and coverage:
        low, high = (formats.percent(share, 1) for share in coverage)
        why = f". {one.why}" if one.why and low not in one.why else ""
        return f"{verdict}: covered {low} to {high} in simulation{why}".rstrip(".")
    p, smallest = getattr(one.result, "p_value", np.nan), getattr(one.result, "smallest", np.nan)
    if p == p:
        return f"permutation p {formats.number(p, 2)}; so few areas allow {formats.number(smallest, 2)} at the least"
    return one.ratio.method


def primary_words(one: Design, since: dt.date | None) -> str:
    """The answer by the decision rule; `since`: the first month after."""
    if one.ratio is None or since is None:
        return (
            f"Whether children aged 12 to 17 entered outside placements less often after the programme began "
            f"{CANNOT}: {formats.lowered(one.why)}"
        )
    start = (
        f"From {formats.month(since)} children aged 12 to 17 entered outside placements at "
        f"{formats.number(one.ratio.value, 2)} times the rate that the trend before leads to expect (95% interval "
        f"{_end(one.ratio.lower)} to {_end(one.ratio.upper)}; {formats.number(one.ratio.n)} months)"
    )
    low, high = (formats.percent(abs(1 - end)) for end in (one.ratio.lower, one.ratio.upper))
    return {
        FALL: f"{start}: a fall, which fits an effect of the programme and of anything else that began then.",
        RISE: f"{start}: a rise, and no sign of the effect that was hoped for.",
        LITTLE: f"{start}: little or no change, and no evidence of an effect.",
        NO_CHANGE: f"{start}: no clear change, and no evidence of an effect; a fall of {low} and a rise of {high} both "
        "fit the data.",
    }[judged(one.ratio)]


def words(one: Design, start: str) -> str:
    """A ratio and its reading after `start`; where there is none, why, after the part of it before the comma."""
    if one.ratio is None:
        return f"{start.split(',')[0]}, the change {CANNOT}: {formats.lowered(one.why)}"
    return f"{start} {written(one.ratio)}: {judged(one.ratio)}; {formats.number(one.ratio.n)} entries in all."


def neighbour_words(one: Design | None) -> str:
    """What the comparison with other areas says; None: no files were supplied."""
    if one is None:
        return f"The change beside statistical neighbours {CANNOT}: needs the DfE's published files, in the folder dfe."
    if one.ratio is None:
        return f"The change beside statistical neighbours {CANNOT}: {formats.lowered(one.why)}"
    outcome, ratio, p, least = one.name.split(":")[0], one.ratio, one.result.p_value, one.result.smallest
    others = f"{formats.number(ratio.n - 1)} comparable areas"
    mixed = f"a weighted mix drawn from {others}" if "synthetic" in one.name else f"the mean of {others}"
    level = formats.percent(getattr(one.result, "confidence", 0.95))
    chance = (
        f" (a gap this large would arise by chance in {formats.number(100 * p)} of 100 such comparisons, and with so "
        f"few areas none can show fewer than {formats.number(100 * least)})"
    )
    return (
        f"{outcome}: {formats.number(ratio.value, 2)} times ({level} range {_end(ratio.lower)} to "
        f"{_end(ratio.upper)}) what {mixed} leads to expect; {judged(ratio)}{chance if p == p else ''}."
    )


def dates_words(designs: list[Design]) -> tuple[float, str]:
    """How many of the candidate dates could be judged (NaN: none), and how their readings are spread."""
    mine = [one for one in designs if one.group in (PRIMARY, DATES)]
    if len(mine) < 2:
        none = "no dates of this authority are in data/reference/interruptions.csv"
        return np.nan, f"Other dates of the start {CANNOT}: {none}."
    readings = [judged(one.ratio) for one in mine]
    tally = [f"{formats.number(readings.count(word))} {word}" for word in dict.fromkeys(readings)]
    said = f"Of {formats.number(len(mine))} dates at which the change could be put: {formats.listed(tally)}."
    return len(mine) - readings.count(CANNOT) or np.nan, said


def agreement_words(designs: list[Design]) -> tuple[float, str]:
    """How many designs could be judged (NaN: fewer than two), and whether those on the same outcome, or on other areas,
    contradict each other; nothing withheld is counted."""
    mine = [one for one in designs if one.ratio and one.few != one.few and one.group != OUTCOMES]
    if len(mine) < 2:
        return np.nan, f"Whether designs agree {CANNOT}: fewer than two of them could be judged."
    readings = [judged(one.ratio) for one in mine]
    tally = formats.listed([f"{formats.number(readings.count(word))} {word}" for word in dict.fromkeys(readings)])
    verdict = "they contradict each other" if {FALL, RISE} <= set(readings) else "none contradicts another"
    of = f"Of {formats.number(len(mine))} judged designs on the planned outcome or on other areas"
    return len(mine), f"{of}: {tally}; {verdict}."


def checks(one: Design) -> str:
    """What a series leaves over: autocorrelation, its test, dispersion."""
    result = one.result
    if getattr(result, "lag1", np.nan) != getattr(result, "lag1", np.nan):
        return "-"
    return (
        f"lag-1 autocorrelation {formats.number(result.lag1, 2)}, Ljung-Box p {formats.number(result.ljung_box, 2)}, "
        f"dispersion {formats.number(result.dispersion, 2)}"
    )


def findings_of(named: dict[str, Design], *names: str) -> tuple[str, str, float]:
    """What some designs found, whether that is a test, and the smallest count behind it."""
    parts = []
    for name in names:
        one = named[name]
        parts.append(f"{name}: {written(one.ratio) if one.ratio else CANNOT}")
    tested = any(named[name].ratio for name in names)
    few = min((named[name].few for name in names if named[name].few == named[name].few), default=np.nan)
    return "; ".join(parts), "tested" if tested else f"{CANNOT} from these data", few

"""The evaluation questions answered from findings: which findings a question may draw on, and how far they carry.

Nothing here knows a number. An answer is a caution that fits the best design behind it, and the sentences of the
findings that lead; where no finding that may carry it has a value, it says which data would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bond_eval.core import formats
from bond_eval.core.findings import MARYLAND, STRONG, STRONG_FROM, questions, unanswered
from bond_eval.evidence.found import Found
from bond_eval.intake.reference import read_reference

QUOTED, SHOWN = 3, 8
ORDER = ("causal", "economic", "descriptive", "reconciliation", "qualitative")
COMPARED, WEAK, DESCRIBED, REPORTED, NONE = 1, 2, 3, 4, 5
GRADES = {
    COMPARED: "Comparison group",
    WEAK: "Weak design",
    DESCRIBED: "Description",
    REPORTED: "Published or judged",
    NONE: "None",
}
# Words of a finding's source that stand for what the authority itself supplied.
OWN_DATA = ("SSDA903", "register", "finance files", "measures/", "return", "scorecard")
CANNOT = "Cannot be answered: needs"
UNANSWERED = "There is no answer to contradict."
UNOPPOSED = "None of the findings chosen beforehand speaks against it, which is not evidence that nothing does."
UNCHOSEN = "None was chosen beforehand to stand here."
TOGETHER = "Not of one programme"
# Tables whose findings tell of the one programme that their sentence names.
OF_ONE = ("stayed_out", "equity_missing", "edge_seen")
_COMPARISON = "the same outcomes followed before and after in a group that the programmes did not reach"
_TREND = ("did_the_trend_change", "baseline_cohorts", "placement_trends")


@dataclass(frozen=True)
class Rule:
    """How a question is answered.

    `draws`: question ids whose findings bear on it. `leads`: how the ids of the findings quoted first begin;
    `against`: those that speak against a comfortable answer, after "|" the words without which they do not.
    `effect`: it asks whether something made a difference.
    `elsewhere`: published figures or judgement may carry it; else only this authority's own data can. `carried`: how
    the ids of the findings begin that can carry it, the others bearing on it only beside them; none: any can.
    """

    draws: tuple[str, ...]
    raised: str
    leads: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    effect: bool = False
    elsewhere: bool = False
    carried: tuple[str, ...] = ()


RULES = {
    "Q01": Rule(
        ("Q01", "M1a", "M1b", "M1c", "M8"),
        _COMPARISON,
        _TREND,
        ("baseline_cohorts.net_change", "placement_trends.new_external"),
        effect=True,
    ),
    "Q02": Rule(
        ("Q02",),
        "ethnicity, need and deprivation of every child referred",
        ("equity",),
        ("equity.|In all: more differences",),
        effect=True,
    ),
    "Q03": Rule(
        ("Q03", "S1", "S2", "S3", "S4"),
        "what each child received and when, beside case studies with consent",
        against=("placement_moves.cheaper_unplanned",),
        effect=True,
    ),
    "Q04": Rule(
        ("Q04", "M1b"),
        "children followed between placement types in areas without the programmes, over the same months",
        ("placement_trends.new_external", "placement_moves.ifa_to_residential"),
    ),
    "Q05": Rule(
        ("Q05", "P2"),
        "a survey of practice across the programmes, repeated yearly",
        ("whole_system",),
        ("whole_system.done|, 0 are shown to be done",),
        carried=("whole_system.overlap", "whole_system.counted_twice", "trauma_informed"),
    ),
    "Q06": Rule(
        ("Q06", "P1", "F4"),
        "staffing, vacancies and caseloads by month",
        ("what_would_change_the_answer", "case_for_change.break_even", "funding_options.threshold"),
        ("funding_options.stopping", "placement_moves.reentry"),
        elsewhere=True,
    ),
    "Q07": Rule(
        ("Q07", "Q01", "M1a", "M1c"),
        _COMPARISON,
        _TREND,
        ("baseline_cohorts.net_change", "placement_moves.three_or_more"),
        effect=True,
    ),
    "Q08": Rule(
        ("Q08", "M3a", "M3c"),
        "a measure of family resilience at the start and end of every case",
        ("data_quality.completeness", "whole_system.resilience", "voice_and_cases.wellbeing"),
        ("whole_system.resilience|: 0 of ", "data_quality.rows_set_aside", "placement_trends.out_of_borough"),
    ),
    "Q09": Rule(
        ("Q09", "F1", "F2", "F3", "F4"),
        "a do-nothing tested against areas without the programmes, and the workings of the published one",
        ("cost_avoidance.projection", "what_would_change_the_answer", "cost_avoidance", "benefits_realisation"),
        ("cost_avoidance.fixed", "claims_register.savings", "claims_register.not_reconciled"),
        carried=("cost_avoidance",),
    ),
    "Q10": Rule(
        ("Q10",),
        "waits, capacity and the age of every child turned away",
        ("route29", "whole_system", "placement_trends.new_external"),
        carried=("route29", "whole_system", "domestic_abuse", "achieving_change_together"),
    ),
    "E1": Rule(("E1",), "fees of every placement, paid rather than agreed", ("placement_trends", "cost_avoidance")),
    "E2": Rule(
        ("E2",),
        "trials of the same models, with their intervals",
        ("wider_evidence",),
        ("invest_to_save.par_loss", "delivery_options.risks"),
        elsewhere=True,
    ),
    "E3": Rule(("E3",), "a dip sample drawn by chance, with consent and coded by two readers", elsewhere=True),
    "E4": Rule(
        ("E4", "M4a", "M4b", "B1"),
        "police and NHS data linked to the children referred",
        carried=("route29", "transforming_care", "achieving_change_together"),
    ),
}


@cache
def programmes() -> dict[str, str]:
    """Name by key and by notebook of the programmes of data/reference/programmes.csv, in their order."""
    rows = read_reference("programmes.csv").to_dict("records")
    return {key: row["name"] for row in rows for key in (row["programme"], row["notebook"]) if key}


def programme_of(item: Mapping[str, Any]) -> str:
    """The programme that a finding speaks of: that of its notebook, else the one that its id names (equity.route29)."""
    named, known = item["id"].partition(".")[2], programmes()
    said = (name for name in known.values() if item["table"] in OF_ONE and name in item["statement"])
    return known.get(item["notebook"]) or known.get(named) or next(said, TOGETHER)


def draws_on(question: str, found: Found) -> Found:
    """The findings that may bear on a question, those that lead first."""
    rule = RULES[question]
    mine = [item for item in found if set(rule.draws) & set(item["questions"])]
    return found.only(sorted(mine, key=lambda item: _order(rule, question, item)))


def _order(rule: Rule, question: str, item: Mapping[str, Any]) -> tuple[bool, int, int, bool, bool]:
    leads = [place for place, start in enumerate(rule.leads) if item["id"].startswith(start)]
    place = min(leads, default=len(rule.leads))
    return item["value"] is None, place, ORDER.index(item["kind"]), question not in item["questions"], not _own(item)


def _own(item: Mapping[str, Any]) -> bool:
    """True where it is measured, and not set beside what others have learnt (E2), which it cannot stand for."""
    return "E2" not in item["questions"] and measured(item)


def measured(item: Mapping[str, Any]) -> bool:
    """True where it is worked out from the authority's own data, not from what was published here or elsewhere."""
    published = item["no_interval"] in ("published claim", "qualitative")
    # Reference tables alone, the dials of an assumption among them, are the project's and not the authority's.
    facts = "data/reference/" in item["source"] and not any(words in item["source"] for words in OWN_DATA)
    return not (published or facts) and item["kind"] not in ("reconciliation", "qualitative")


def grade(found: Found, own: Callable[[Mapping[str, Any]], bool] = _own) -> int:
    """The best grade among findings with a value: a key of GRADES. `own`: which of them describe own records."""
    known = found.known
    if known.level >= 3:
        return COMPARED
    if known.level:
        return WEAK
    if any(own(item) for item in known):
        return DESCRIBED
    return REPORTED if len(known) else NONE


def answerable(question: str, found: Found) -> bool:
    """True where a finding that may carry the question has a value."""
    rule, bearing = RULES[question], draws_on(question, found)
    carrying = bearing.only(item for item in bearing if not rule.carried or item["id"].startswith(rule.carried))
    return grade(carrying) <= (REPORTED if rule.elsewhere else DESCRIBED)


def answer(question: str, found: Found) -> str:
    """One paragraph: how far the evidence carries, and the sentences that lead; or which data would answer."""
    bearing = draws_on(question, found)
    if not answerable(question, found):
        return f"{CANNOT} {questions()[question]['data_needed']}.{_failed(question, found)}"
    known = bearing.known
    notebooks = {item["notebook"] for item in known}
    of = f"of {formats.plural(len(notebooks), 'notebook')}"
    count = f"{formats.plural(len(known), f'finding {of} bears', f'findings {of} bear')} on it."
    return " ".join([_opening(RULES[question], bearing), *known.statements[:QUOTED], formats.sentence(count)])


def _failed(question: str, found: Found) -> str:
    """Names notebooks of the question that gave no findings in this run."""
    wanted = questions()[question]["notebooks"].split(";")
    named = [f"{name} ({found.missing[name].rstrip('.')})" for name in wanted if name in found.missing]
    return f" In this run no findings came from {formats.listed(named)}." if named else ""


def _opening(rule: Rule, bearing: Found) -> str:
    level, best = bearing.known.level, grade(bearing)
    if best == COMPARED:
        words = f"There is {STRONG}" if level >= STRONG_FROM else "A comparison stands behind this answer"
        return f"{words} (Maryland {level}: {MARYLAND[level]})."
    if best == WEAK:
        return f"The design is weak (Maryland {level}: {MARYLAND[level]}): a change may have come from elsewhere."
    if best == REPORTED:
        ours, what = sum(map(measured, bearing.known)), "published figures worked out again or"
        beside = formats.plural(ours, "finding of our own stands", "findings of our own stand")
        none = f"This rests on {what} on judgement; nothing of it is measured here."
        return f"Mostly {what} judgement; {beside} beside them." if ours else none
    if rule.effect:
        return "Whether the programmes made the difference is not shown: this is what happened, with no comparison."
    quoted = bearing.known.items[:QUOTED]
    if any(item["kind"] == "economic" for item in quoted):
        return "This is arithmetic on records and stated assumptions: a saving is one only against its own do-nothing."
    if not all(_own(item) for item in quoted):
        return "Part of this is worked out from the authority's own records, part from published figures."
    return "This is worked out from the authority's own records."


def contradicts(question: str, found: Found) -> str:
    """The findings that speak against a comfortable answer, as sentences."""
    if not answerable(question, found):
        return UNANSWERED
    against = [entry.partition("|") for entry in RULES[question].against]
    spoken = [
        item["statement"]
        for item in draws_on(question, found).known
        if any(item["id"].startswith(start) and words in item["statement"] for start, _, words in against)
    ]
    return " ".join(spoken[:QUOTED]) or (UNOPPOSED if against else UNCHOSEN)


def summed_up(asked: int, answered: int, compared: int, what: str) -> str:
    """How many of the questions `what` have findings that bear on them, and what their designs let be said."""
    caused = {0: "so none says", asked: "so each says something of"}.get(compared, "the others do not say")
    return (
        f"Of the {formats.number(asked)} {what}, {formats.number(answered)} have findings that bear on them; "
        f"{formats.number(compared)} {'has' if compared == 1 else 'have'} a comparison group, {caused} what the "
        "programmes caused"
    )


def would_raise(question: str, found: Found) -> str:
    """What would make the answer stronger."""
    raised = RULES[question].raised
    unknown = sum(map(unanswered, draws_on(question, found)))
    more = f"; and what {formats.plural(unknown, 'finding')} could not say for want of data" if unknown else ""
    return formats.sentence(f"{raised}{more}")


def strength(question: str, found: Found) -> str:
    """The grade in words, with the Maryland level where a causal finding gives one."""
    if not answerable(question, found):
        return GRADES[NONE]
    bearing = draws_on(question, found)
    level = bearing.known.level
    return f"{GRADES[grade(bearing)]} (Maryland {level})" if level else GRADES[grade(bearing)]

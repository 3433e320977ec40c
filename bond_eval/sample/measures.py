"""Measures by hand of the synthetic authority: what no return, register or ledger holds. All of it is made up.

Nothing in them changes with the programmes: series are level but for chance, and A&E falls in the lockdown. Family
resilience is not measured, as the report of 2021 says. On purpose one value contradicts what the return gives, one is
revised later, and one chart is re-based.
"""

import math

from .days import EASED, END, PANDEMIC, as_date, day
from .dice import Dice
from .world import World

MONTHLY = {"camhs": (210, 1.0), "a_and_e_city": (1450, 0.55)}
"""Mean a month, and what the first lockdown (April to June 2020) multiplies it by."""

SHARES = {
    "wellbeing_completed": (46, 0.52), "eet": (60, 0.68), "shared_assessments": (40, 0.45),
    "assets_recorded": (40, 0.55), "staff_new": (29, 0.69),
}  # fmt: skip
"""Out of how many a quarter, and the share."""

NEW_STAFF = 20 / 29
"""Of the staff in the last quarter, as the register has it: all but those who were employed before."""

SOURCES = {
    "camhs": "CAMHS provider", "a_and_e_city": "Acute provider", "wellbeing_completed": "Participation team",
    "eet": "Virtual school", "shared_assessments": "Case audit",
    "assets_recorded": "Case audit", "staff_new": "Workforce return", "living_well": "Adult mental health",
}  # fmt: skip
CONTRADICTION = ("op_started", "2019-20-Q3", 15)
REVISED = ("eet", "2019-20-Q3", 0.75, day(2020, 5, 20))
"""A value that was told once more: measure, period, share and the day on which the newer one was known."""

REBASINGS = ("camhs,2019-04-01,One door for all referrals opened: children who refer themselves are counted too",)
THEMES = (
    ("Trust in one worker", "route29", "Contact was kept through a change of placement", "yes"),
    ("Trust in one worker", "route29", "The same worker went to the review and to the police", "yes"),
    ("Waiting", "transforming_care", "Behaviour support began after the crisis that it was meant to prevent", "yes"),
    ("Respite holds a family", "transforming_care", "Short stays in summer let parents sleep", "yes"),
    ("Schools know", "domestic_abuse", "The school met the child at the gate on the morning after", "yes"),
    ("Risk outside the home", "act", "Work with friends mattered more than work with the family", "no"),
    ("Staff have no time", "trauma", "Training was welcomed and not yet used", "yes"),
)


def measure_files(world: World) -> dict[str, bytes]:
    """The files of the `measures` folder by path. Same world, same bytes."""
    dice = Dice(world.seed, 30)
    size = world.size / 600
    files = {
        "values": ["measure_id,period,value,numerator,denominator,source,known_on,note", *_values(dice, size)],
        "rebasings": ["measure_id,rebase_from,reason", *REBASINGS],
        "targets": ["measure_id,target,from,baseline", *_targets()],
        "case_studies": ["theme,programme,summary,consent,source,date", *_studies(dice)],
        "voice": ["programme,activity,date,invited,responded", *_voice(dice)],
    }
    return {f"measures/{name}.csv": ("\n".join(lines) + "\n").encode() for name, lines in files.items()}


def _values(dice: Dice, size: float) -> list[str]:
    lines = []
    for name, (mean, lockdown) in MONTHLY.items():
        for at in range(30):
            year, month = divmod(3 + at, 12)
            first = day(2018 + year, month + 1, 1)
            expected = mean * size * (lockdown if PANDEMIC <= first < EASED else 1)
            number = _about(dice, expected)
            lines.append(_line(name, f"{2018 + year}-{month + 1:02d}", number, "", "", first + 50))
    for name, (of, share) in SHARES.items():
        for at in range(10):
            year, quarter = divmod(at, 4)
            whole = max(round(of * size), 1)
            part = sum(dice.chance(share) for _ in range(whole))
            part = round(whole * NEW_STAFF) if (name, at) == ("staff_new", 9) else part
            label = f"{2018 + year}-{(19 + year) % 100}-Q{quarter + 1}"
            lines.append(_line(name, label, round(part / whole, 4), part, whole, day(2018, 7, 1) + 91 * at + 30))
    lines.append(_line("living_well", "2020-21-Q2", 1, "", "", END))
    name, period, share, known = REVISED
    whole = max(round(SHARES[name][0] * size), 1)
    part = round(share * whole)
    lines.append(_line(name, period, round(part / whole, 4), part, whole, known))
    name, period, number = CONTRADICTION
    lines.append(_line(name, period, number, "", "", day(2020, 1, 20)))
    return lines


def _about(dice: Dice, mean: float) -> int:
    """A count near its mean, as far from it as chance alone takes it."""
    normal = math.sqrt(-2 * math.log(1 - dice.uniform())) * math.cos(2 * math.pi * dice.uniform())
    return max(0, round(mean + normal * math.sqrt(mean)))


def _line(name: str, period: str, value: float, numerator: object, denominator: object, known: int) -> str:
    known = min(known, END)
    source = SOURCES.get(name, "Performance team")
    return f"{name},{period},{value},{numerator},{denominator},{source},{as_date(known).isoformat()},synthetic"


def _targets() -> list[str]:
    return ["camhs,200,2020-04-01,", "review_participation,0.9,2020-04-01,", "missing,0.3,2020-04-01,"]


def _studies(dice: Dice) -> list[str]:
    dates = [as_date(day(2020, 6, 1) + dice.between(0, 110)).isoformat() for _ in THEMES]
    return [
        f"{theme},{programme},{summary},{consent},Dip sample,{date}"
        for (theme, programme, summary, consent), date in zip(THEMES, dates, strict=True)
    ]


def _voice(dice: Dice) -> list[str]:
    asked = (
        ("route29", "Survey of young people", 60), ("domestic_abuse", "Feedback after group work", 90),
        ("", "Children in care council", 25), ("transforming_care", "Calls to parents", 27),
    )  # fmt: skip
    return [
        f"{programme},{activity},{as_date(day(2020, 7, 1) + dice.between(0, 80)).isoformat()},{invited},"
        f"{sum(dice.chance(0.55) for _ in range(invited))}"
        for programme, activity, invited in asked
    ]

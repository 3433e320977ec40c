"""What a synthetic register is made of: people, cases, and what each programme looks like."""

from dataclasses import dataclass, field, replace

from . import codes
from .days import END, PROGRAMME, YEAR, day
from .dice import Dice
from .register_care import Care
from .world import Child

ACCEPTED, REFUSED, WAITING = "accepted", "not accepted", "waiting"
LOOKED_AFTER, EDGE, NEED, PROTECTION, NONE = "looked after", "edge of care", "child in need", "child protection", "none"
NEIGHBOURHOODS = 8
DECILES = {1: 30, 2: 18, 3: 12, 4: 9, 5: 8, 6: 7, 7: 6, 8: 4, 9: 3, 10: 3}


@dataclass(frozen=True)
class Scale:
    """A scale as a programme uses it: `asked` the chance of a score at the start; mean, spread between children,
    error of one measurement, range, and the age from which it is asked."""

    measure: str
    rater: str
    asked: float
    mean: float
    spread: float
    error: float
    top: int
    from_age: int = 0


@dataclass(frozen=True)
class Programme:
    """A programme: since when, for which ages (from, to, weight), who refers, and what happens in its cases.

    `rates`: events a child a year, of which the first brings about the referral; those in `eased` are what the
    effect world changes. `days`: how long a case lasts. `contacts`: kinds, days between, minutes.
    """

    word: str
    live: int
    ages: tuple[tuple[int, int, float], ...]
    sources: dict[str, float]
    statuses: dict[str, float]
    rates: dict[str, float]
    eased: tuple[str, ...]
    scales: tuple[Scale, ...]
    days: tuple[int, int]
    contacts: tuple[dict[str, float], int, int]

    @property
    def span(self) -> tuple[int, int]:
        """The youngest age, and the first that is too old."""
        return self.ages[0][0], self.ages[-1][1]


SDQ = (
    Scale("sdq_total", "parent", 0.75, 19, 5.5, 2.6, 40),
    Scale("sdq_total", "teacher", 0.5, 16, 5.5, 2.4, 40),
    Scale("sdq_total", "self", 0.7, 17, 5.0, 3.0, 40, 11),
    Scale("sdq_impact", "parent", 0.6, 4, 2.0, 1.0, 10),
)
WELLBEING = Scale("wellbeing", "self", 0.7, 20, 3.5, 2.0, 35, 11)
EXPLOITATION = Scale("exploitation_risk", "worker", 0.95, 18, 4.0, 2.0, 30)

ROUTE29 = Programme(
    "route29", PROGRAMME, ((12, 14, 16), (14, 16, 44), (16, 18, 40)),
    {"social worker": 52, "early help": 14, "school": 8, "police": 9, "youth justice": 8, "health": 5, "family": 4},
    {EDGE: 52, LOOKED_AFTER: 24, NEED: 14, PROTECTION: 10},
    {"missing": 3.0, "arrest": 0.6, "a_and_e": 0.4, "exclusion": 0.5, "exploitation_risk": 0.25, "admission": 0.06,
     "substance_misuse": 0.4, "conviction": 0.12, "neet": 0.25, "domestic_abuse_notification": 0.25},
    ("missing", "arrest"),
    (*SDQ, WELLBEING, Scale("attendance", "worker", 0.8, 68, 16, 7, 100),
     Scale("eet", "worker", 0.8, 1, 0.4, 0.3, 1, 16)),
    (60, 170), ({"visit": 60, "telephone": 30, "family meeting": 10}, 14, 60),
)  # fmt: skip
TCS = Programme(
    "transforming_care", day(2019, 2, 1), ((6, 11, 40), (11, 14, 35), (14, 18, 25)),
    {"social worker": 40, "health": 35, "school": 20, "family": 5}, {NEED: 70, EDGE: 25, PROTECTION: 5},
    {"cetr": 0.9, "admission": 0.3, "exclusion": 0.6, "a_and_e": 0.6}, ("cetr", "admission"),
    SDQ[:2], (250, 420), ({"visit": 60, "telephone": 25, "behaviour planning": 15}, 14, 75),
)  # fmt: skip
ACT = Programme(
    "act", day(2019, 4, 1), ((12, 14, 22), (14, 16, 48), (16, 18, 30)),
    {"social worker": 60, "police": 22, "complex safeguarding hub": 18}, {EDGE: 50, LOOKED_AFTER: 35, NEED: 15},
    {"missing": 5.0, "exploitation_risk": 1.2, "arrest": 0.5, "substance_misuse": 0.7, "a_and_e": 0.5,
     "exclusion": 0.6},
    ("missing", "exploitation_risk"), (EXPLOITATION, SDQ[0], SDQ[2]),
    (280, 420), ({"visit": 70, "telephone": 30}, 9, 75),
)  # fmt: skip
HARBOUR = Programme(
    "domestic_abuse", day(2020, 4, 1), ((5, 8, 26), (8, 12, 36), (12, 16, 28), (16, 19, 10)),
    {"social worker": 45, "school": 25, "police": 12, "early help": 12, "family": 6},
    {NEED: 40, PROTECTION: 29, NONE: 24, LOOKED_AFTER: 5, EDGE: 2},
    {"domestic_abuse_notification": 1.3, "marac": 0.25, "a_and_e": 0.2, "exclusion": 0.12, "missing": 0.1},
    ("domestic_abuse_notification",), (*SDQ[:3], WELLBEING),
    (35, 78), ({"one to one": 60, "group": 25, "telephone": 15}, 14, 50),
)  # fmt: skip
PROGRAMMES = {programme.word: programme for programme in (ROUTE29, TCS, ACT, HARBOUR)}


@dataclass(frozen=True)
class Person:
    """A child of the register; `care` is its number in the return, None where the return does not know it."""

    ident: str
    care: int | None
    born: int
    sex: str
    ethnicity: str
    disability: str
    area: str
    decile: str


@dataclass(frozen=True)
class Case:
    """A referral and what came of it; days as numbers, None where there is none (yet)."""

    person: Person
    programme: str
    referral: int
    status: str
    placement: str = ""
    decision: str = ACCEPTED
    reason: str = ""
    decided: int | None = None
    start: int | None = None
    end: int | None = None
    closure: str = ""
    source: str = ""

    @property
    def open(self) -> bool:
        """Whether the case has begun and not ended."""
        return self.start is not None and self.end is None


@dataclass
class Book:
    """The register while it is being written: draws, the return's children, people and cases so far."""

    seed: int
    dice: Dice
    care: Care
    people: dict[str, Person] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)

    def of(self, programme: Programme) -> list[Case]:
        """The cases of a programme."""
        return [case for case in self.cases if case.programme == programme.word]

    def band(self, programme: Programme) -> tuple[int, int]:
        """Ages from and to (not included), drawn by the programme's weights."""
        return self.dice.weighted({(low, high): weight for low, high, weight in programme.ages})

    def known(self, child: Child) -> Person:
        """A register child who is a child of the return; a few have their sex or ethnicity in the return only."""
        need = "yes" if child.need == "N2" or self.dice.chance(0.08) else "no"
        sex, ethnicity = (one if self.dice.chance(0.93) else "" for one in (child.sex, child.ethnic))
        return self._add(child.number, child.born, sex, ethnicity, need)

    def stranger(self, on: int, ages: tuple[int, int], disabled: float = 0.12) -> Person:
        """A register child of its own, of an age between the two on a day, of whom the return knows nothing."""
        born = on - self.dice.between(round(ages[0] * YEAR) + 2, round(ages[1] * YEAR) - 2)
        sex, ethnicity = self.dice.weighted({"1": 52, "2": 48}), self.dice.weighted({**codes.ETHNIC, "": 50})
        need = self.dice.weighted({"yes": 0.95 * disabled, "no": 0.95 * (1 - disabled), "": 0.05})
        return self._add(None, born, sex, ethnicity, need)

    def identify(self, person: Person, child: Child) -> Person:
        """The same register child, who turns out to be a child of the return."""
        found = replace(person, care=child.number, born=child.born, sex=child.sex, ethnicity=child.ethnic)
        self.people[person.ident] = found
        return found

    def _add(self, care: int | None, born: int, sex: str, ethnicity: str, disability: str) -> Person:
        # A step with no factor in common with a million visits every number once.
        ident = f"B{(self.seed * 7919 + len(self.people) * 611_953) % 1_000_000:06d}"
        decile = str(self.dice.weighted(DECILES)) if self.dice.chance(0.96) else ""
        area = f"Neighbourhood {self.dice.between(1, NEIGHBOURHOODS)}"
        self.people[ident] = Person(ident, care, born, sex, ethnicity, disability, area, decile)
        return self.people[ident]

    def add(self, programme: Programme, case: Case) -> Case:
        """Write a case down, with who referred the child, and the days of decision and start where they are blank."""
        between = self.dice.between
        decided, start = case.decided, case.start
        if case.decision != WAITING and decided is None:
            decided = min(case.referral + between(1, 9), END if start is None else start)
        if case.decision == ACCEPTED and start is None and decided is not None:
            start = min(decided + between(1, 12), END)
        source = case.source or self.dice.weighted(programme.sources)
        self.cases.append(replace(case, decided=decided, start=start, source=source))
        return self.cases[-1]

    def someone(self, programme: Programme, on: int, status: str, ages: tuple[int, int] | None = None) -> Case:
        """A case begun on a day by a child of that status: of the return where it is (or, now and then, was) in care.

        Where nobody of the return is left who fits, the child is one on the edge of care. Not yet written down.
        """
        ages = ages or self.band(programme)
        if status == LOOKED_AFTER:
            if child := self.care.resident(on, ages):
                return self.in_care(programme, child, on)
            status = EDGE
        if self.dice.chance(0.06) and (child := self.care.past(on, ages)):
            return Case(self.known(child), programme.word, on, status)
        return Case(self.stranger(on, ages, 0.9 if programme is TCS else 0.12), programme.word, on, status)

    def in_care(self, programme: Programme, child: Child, on: int) -> Case:
        """A case begun on a day by a child who is looked after on it."""
        placement = self.care.category(child, on)
        return Case(self.known(child), programme.word, on, LOOKED_AFTER, placement)

"""Tables of notebook 24: who was asked and who answered, wellbeing scores, case studies with consent, a dip sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bond_eval.core.formats import capital, lowered, slug
from bond_eval.evidence.disclosure import small
from bond_eval.evidence.gate import least
from bond_eval.evidence.registry import ALL, Rows, Value, coarser, interval, table
from bond_eval.evidence.tables.programme_headings import DESCRIBED
from bond_eval.evidence.tables.programmes import REGISTER, called, each
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import FEW, TOO_FEW
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.methods.proportions import share_of
from bond_eval.programmes.cases import cases_at
from bond_eval.programmes.cohorts import cohort_table
from bond_eval.programmes.sampling import dip_sample
from bond_eval.programmes.scales import scale_changes

DIP = 10  # children a programme whose files are read closely
COMPLETED = ("sdq_total", "wellbeing")
OF_NO_PROGRAMME = "Not of one programme"
NO_VOICE = "it cannot be said who was asked without measures/voice.csv"
NO_SCORES = "it cannot be said without register/cases.csv and register/measures.csv"


def names_of(view: View) -> dict[str, str]:
    """Programme key -> name: the register's own, else those of data/reference/programmes.csv; "" is no programme."""
    return called(view) | {"": OF_NO_PROGRAMME}


@table(
    "voice",
    title="Children and families asked for their views, and how many answered",
    row="a programme and activity",
    labels={"programme": "Programme", "activity": "Activity"},
    values=(
        Value("asked", "Asked"),
        Value("answered", "Answered", of="asked"),
        *interval("share", "Share", "percent", "answered", "asked"),
        Value("said", "What can be said", "text", follows=("answered", "asked")),
    ),
    margins=("programme", "activity"),
    source="measures/voice.csv",
    method="everybody asked; Wilson 95% interval; a person asked twice counts twice",
)
def voice(view: View) -> pd.DataFrame:
    """People asked and answering, by programme and activity, with totals; the whole is there without data too."""
    rows = [] if view.measures is None else _asked(view.measures.voice.assign(
        programme=view.measures.voice["programme"].map(names_of(view)).fillna(OF_NO_PROGRAMME)))  # fmt: skip
    rows = rows or [(ALL, ALL, np.nan, np.nan)]
    frame = pd.DataFrame(rows, columns=["programme", "activity", "asked", "answered"])
    return with_shares(frame, "answered", "asked", NO_VOICE)


def _asked(rows: pd.DataFrame) -> list[tuple[str, str, float, float]]:
    """Sums a programme and activity, a programme, and all; nothing of no rows."""
    found: list[tuple[str, str, float, float]] = []
    counts = ["invited", "responded"]
    for programme, part in rows.groupby("programme", sort=True):
        sums = part.groupby("activity", sort=True)[counts].sum()
        found += [(str(programme), str(name), int(a), int(b)) for name, a, b in sums.itertuples()]
        asked, answered = part[counts].sum()
        found.append((str(programme), ALL, int(asked), int(answered)))
    asked, answered = rows[counts].sum()
    return [*found, (ALL, ALL, int(asked), int(answered))] if found else []


def with_shares(frame: pd.DataFrame, part: str, whole: str, needs: str) -> pd.DataFrame:
    """A frame of two counts with the share of one in the other, its 95% interval (0 to 1) and `said` of it in words:
    `needs` where there is no whole."""
    pairs = list(zip(frame[part], frame[whole], strict=True))
    bounds = pd.DataFrame([share_of(*pair)[2:] for pair in pairs], frame.index, ["share", "lower", "upper"])
    said = [needs if n != n else DESCRIBED if n >= FEW else TOO_FEW for _, n in pairs]
    return pd.concat([frame, bounds], axis=1).assign(said=said)


@table(
    "score_completion",
    title="Children who started, and those with a score at the start and again",
    row="a measure, rater and programme",
    labels={"measure": "Measure", "programme": "Programme"},
    values=(
        Value("referred", "Referred"),
        Value("starters", "Started", of="referred"),
        Value("scored", "Scored at the start", of="starters"),
        Value("pairs", "Scored again", of="scored"),
        *interval("share", "Both scores, of those who started", "percent", "pairs", "starters"),
        Value("said", "What can be said", "text", follows=("pairs", "starters")),
    ),
    source=REGISTER,
    method="a score within 90 days of the start and one 60 days later or more; Wilson 95% interval",
)
def score_completion(view: View) -> pd.DataFrame:
    """The wellbeing scale and the SDQ by rater and programme, and a whole; one blank row where there are no scores."""
    words = read_reference("register_words.csv")
    label = dict(words.loc[words["field"].isin(("measure", "rater")), ["word", "label"]].itertuples(index=False))
    rows: list[tuple[str | float, ...]] = []
    for key, name, register in each(view):
        referred = cases_at(register, view.as_of, key)["child"].nunique()
        for one in scale_changes(register, view.as_of, key):
            if one.measure in COMPLETED and one.rater:
                shown = f"{label[one.measure].partition(',')[0]}: {label[one.rater].lower()}"
                rows.append((shown, name, referred, one.starters, one.scored, one.pairs))
    counts = ["referred", "starters", "scored", "pairs"]
    if not any(str(row[0]).startswith("Wellbeing") for row in rows):
        rows.append(("Wellbeing", ALL, *(np.nan,) * 4))
    frame = pd.DataFrame(rows, columns=["measure", "programme", *counts]).sort_values("measure", kind="stable")
    known = frame[frame["programme"] != ALL]
    wholes = [(name, ALL, *whole(view, part, counts)) for name, part in known.groupby("measure")]
    wholes = [row for row in wholes if row[-1] == row[-1]]
    frame = pd.concat([frame, pd.DataFrame(wholes, columns=frame.columns)]) if wholes else frame
    return with_shares(frame.reset_index(drop=True), "pairs", "starters", NO_SCORES)


def whole(view: View, rows: pd.DataFrame, counts: list[str]) -> list[float]:
    """Sums of some columns, each a part of the one before. In public NaN where a part, or what it leaves, is small:
    other tables show the other parts, and subtraction would give it away."""
    apart = -rows[counts].diff(axis=1).iloc[:, 1:]
    few = rows[counts].apply(small).to_numpy().any() or apart.apply(small).to_numpy().any()
    return [np.nan] * len(counts) if view.public and few else [float(rows[name].sum()) for name in counts]


@table(
    "case_themes",
    title="Themes of the case studies whose families agreed to publication",
    row="a theme and programme",
    labels={"theme": "Theme", "programme": "Programme"},
    values=(
        Value("present", "Present", children=False),
        Value("said", "What is said of it", "text", children=False),
        Value("key", "Key", "text", children=False),
    ),
    source="measures/case_studies.csv",
    method="themes coded by the evaluators; a theme is present or not, and is never a quantity",
)
def case_themes(view: View) -> Rows:
    """Themes with consent, by programme; a study without it is in no row of any edition."""
    rows = []
    for theme, programme in sorted(set(_agreed(view)[["theme", "programme"]].itertuples(index=False, name=None))):
        whose = "no single programme" if programme == OF_NO_PROGRAMME else programme
        said = f"A theme in the case studies of {whose}: {lowered(theme)}"
        rows.append((theme, programme, 1, said, slug(f"{theme} {programme}", "_")))
    return rows


def _agreed(view: View) -> pd.DataFrame:
    """Case studies whose consent flag is set."""
    if view.measures is None:
        return pd.DataFrame(columns=["theme", "programme", "summary"])
    rows = view.measures.cases
    rows = rows[rows["consent"].astype(bool)]
    return rows.assign(programme=rows["programme"].map(names_of(view)).fillna(OF_NO_PROGRAMME))


@table(
    "case_summaries",
    title="Summaries of the case studies (internal edition only)",
    row="a case study",
    labels={"theme": "Theme", "programme": "Programme"},
    values=(
        Value("summary", "Summary", "text", children=False),
        Value("source", "Source", "text", children=False),
    ),
    source="measures/case_studies.csv",
    method="the evaluators' own words, without quotation; only with consent",
)
def case_summaries(view: View) -> pd.DataFrame | Rows:
    """Nothing in public, with or without consent: a few words on one child can say which child it is."""
    if view.public or view.measures is None:
        return []
    return _agreed(view).sort_values(["theme", "programme"])[["theme", "programme", "summary", "source"]]


@table(
    "dip_strata",
    title="The dip sample: how many files are to be read, by status at referral",
    row="a programme and status",
    labels={"programme": "Programme", "status": "Status at referral"},
    values=(
        Value("with_it", "Smallest number it would give away", inward=True),
        Value("eligible", "Eligible", follows=("with_it",)),
        Value("chosen", "Chosen"),
    ),
    margins=("status",),
    source=REGISTER,
    method=f"{DIP} children a programme drawn from the seed, spread over strata in proportion; the list stays internal",
)
def dip_strata(view: View) -> Rows:
    """Strata of each programme's dip sample. Ids stay with the sampler: no table holds them, in any edition."""
    return [row for key, name, register in each(view) for row in _strata(view, key, name, register)]


@coarser("dip_strata", said="Strata of each programme are put together, since most of them are of few children.")
def _strata_together(frame: pd.DataFrame) -> pd.DataFrame:
    """Programmes alone, without their strata."""
    return frame[frame["status"] == ALL].reset_index(drop=True)


def _strata(view: View, key: str, name: str, register: Register) -> Iterator[tuple[str, str, float, int, int]]:
    strata = dip_sample(register, view.as_of, key, size=DIP, seed=view.seed).strata
    if strata.empty:
        return
    reached = cohort_table(register, view.as_of, key)
    reached = reached[reached["characteristic"] == "status"]
    eligible, left = int(strata["eligible"].sum()), reached["referred"] - reached["started"]
    # Who was referred stands in another table by the same statuses.
    few = least(*strata["eligible"], *reached["started"], *left)
    for status, own, chosen in strata.itertuples(index=False):
        yield name, capital(status), few, own, chosen
    yield name, ALL, least(left.sum()), eligible, int(strata["chosen"].sum())

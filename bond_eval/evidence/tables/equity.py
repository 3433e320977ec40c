"""Tables of notebook 21: does each group get as far as the others, what is not recorded, what was published of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bond_eval.core.formats import capital, slug
from bond_eval.evidence.disclosure import small
from bond_eval.evidence.gate import MINIMUM
from bond_eval.evidence.registry import ALL, Rows, Value, coarser, interval, table
from bond_eval.evidence.tables.programmes import (
    BROAD,
    LINKED,
    REGISTER,
    activity,
    each,
    in_broad_groups,
    latest,
    once,
    told_apart,
)
from bond_eval.evidence.view import View
from bond_eval.evidence.wording import FEW, TOO_FEW
from bond_eval.intake.reference import read_reference
from bond_eval.intake.register import Register
from bond_eval.methods.proportions import share_of
from bond_eval.programmes.cases import AGES, CHARACTERISTICS, UNRECORDED
from bond_eval.programmes.equity_stages import COLUMNS, REFERRED, STAGES, compare, missing, stages

POPULATION, IN_NEED = "eligible population", "children in need"
REFERRED_OF_NEED = "Referred, of children in need"
MORE, LESS = "more often than the others, by more than chance", "less often than the others, by more than chance"
ALIKE = "no clear difference from the others"
NOT_COMPARED = "not compared"
CHANCE = 0.05  # of comparisons where nothing differs, at 95%
COUNTS = ("before", "reached")
EARLY = (REFERRED, REFERRED_OF_NEED)
# Groups that have an order of their own; the rest go by name, and what is not recorded last.
FIFTHS = ("Most deprived fifth", "Second fifth", "Third fifth", "Fourth fifth", "Least deprived")
ORDER = {name: (1, f"{place:02d}") for place, name in enumerate((*AGES, *FIFTHS, UNRECORDED))}


def reach_words(ratio: float, differs: bool, before: int) -> str:
    """What may be said of a group's relative rate; fewer than FEW children at the stage before are not judged."""
    if ratio != ratio:
        return NOT_COMPARED
    if before < FEW:
        return TOO_FEW
    return ALIKE if not differs else MORE if ratio > 1 else LESS


def _population(view: View, key: str, name: str) -> pd.DataFrame | None:
    """Counts of the register's activity whose breakdown reads "sex: Male", as `stages` takes them; None without any."""
    rows = latest(activity(view, key, name))
    parts = rows.index.to_series().str.partition(": ")
    if rows.empty or not (parts[1] == ": ").all():
        return None
    return pd.DataFrame({"characteristic": parts[0], "value": parts[2], "children": rows.astype(int)})


@once
def _staged(view: View) -> list[tuple[str, str, pd.DataFrame]]:
    """(key, name, stages with referral out of the population, and out of children in need) of every programme."""
    return [(key, name, _of_programme(view, register, key)) for key, name, register in each(view)]


def _of_programme(view: View, register: Register, key: str) -> pd.DataFrame:
    basis = {name: _population(view, key, name) for name in (POPULATION, IN_NEED)}
    found = stages(register, view.history, view.as_of, key, population=basis[POPULATION])
    if basis[IN_NEED] is not None:
        need = stages(register, view.history, view.as_of, key, population=basis[IN_NEED])
        found = pd.concat([need[need["stage"] == REFERRED].assign(stage=REFERRED_OF_NEED), found])
    return found.reset_index(drop=True)


@table(
    "equity_stages",
    title="From population to outcome: each group against all others recorded",
    row="a programme, stage, characteristic and value",
    labels={"programme": "Programme", "stage": "Stage", "characteristic": "Characteristic", "value": "Value"},
    values=(
        Value("before", "At the stage before", of="before_of"),
        Value("reached", "Reached it", of="reached_of"),
        Value("before_of", "Number it is nearest to", follows=COUNTS, inward=True),
        Value("reached_of", "Number that is nearest to", follows=COUNTS, inward=True),
        Value("rate", "Of those before", "rate", follows=COUNTS),
        *interval("ratio", "Relative rate", "factor", *COUNTS),
        Value("said", "Relative rate (95% interval)", "text", follows=COUNTS),
        Value("moved", "Children that would change the answer", "number", follows=COUNTS),
        Value("verdict", "What can be said", "text", children=False),
        Value("method", "Interval", "text", children=False),
    ),
    margins=("value",),
    source=f"{LINKED}; activity for the population",
    method="relative rate index against all other recorded children; Katz or Miettinen-Nurminen 95% interval",
)
def equity_stages(view: View) -> pd.DataFrame | Rows:
    """Every stage of every programme. Counts of one group that differ by a few are not shown together."""
    columns = ["programme", "stage", "characteristic", "value", *COUNTS, "before_of", "reached_of", "rate", "ratio",
               "lower", "upper", "said", "moved", "verdict", "method"]  # fmt: skip
    parts = [_rows(found).assign(programme=name) for _, name, found in _staged(view)]
    return pd.concat(parts, ignore_index=True)[columns] if parts else []


@coarser("equity_stages", BROAD)
def stages_in_broad_groups(frame: pd.DataFrame) -> pd.DataFrame:
    """Every stage after referral by broad groups, each compared with the others anew.

    Referral stays as it is: the population has nobody who is not recorded or is not of the ages taken, so that a group
    with these in it would be compared with one without.
    """
    keys = ["programme", "stage", "characteristic", "value"]
    broad = in_broad_groups(frame.loc[frame["value"] != ALL, [*keys, *COUNTS]], list(COUNTS))
    parts = [frame.iloc[:0]]
    for programme, rows in frame.groupby("programme", sort=False):
        mine = broad[broad["programme"] == programme].groupby(keys[1:3], sort=False)
        found = [one for (stage, name), part in mine for one in compare(
            stage, name.lower(), *(part.set_index("value")[count] for count in COUNTS))]  # fmt: skip
        late = _rows(pd.DataFrame(found, columns=COLUMNS)).assign(programme=programme)[list(frame.columns)]
        parts += [rows[rows["stage"].isin(EARLY)], late[~late["stage"].isin(EARLY)]]
    return pd.concat(parts, ignore_index=True)


@coarser("equity_stages")
def stages_told_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each later stage the characteristics by which no count is a few, nor a few short of a number beside it."""
    few = pd.concat([small(frame[name]) | small(frame[f"{name}_of"] - frame[name]) for name in COUNTS], axis=1)
    later = (frame["value"] != ALL) & ~frame["stage"].isin(EARLY)
    return told_apart(frame, few.any(axis=1) & later, ["programme", "stage"])


def _rows(found: pd.DataFrame) -> pd.DataFrame:
    """The stages of one programme with totals, words and what each count must not be shown beside."""
    keys = ["stage", "characteristic"]
    found = found.rename(columns={"relative_rate": "ratio"}).replace([np.inf, -np.inf], np.nan)
    found = found.sort_values("value", key=lambda values: values.map(lambda value: ORDER.get(value, (0, value))))
    totals = found.groupby(keys, sort=False)[list(COUNTS)].sum().reset_index().assign(value=ALL, method="")
    totals["rate"] = (totals["reached"] / totals["before"]).where(totals["before"] >= totals["reached"])
    rows = pd.concat([found, totals], ignore_index=True)
    rows["moved"] = pd.to_numeric(rows["moved"], errors="coerce")
    rows["place"] = rows["stage"].map({stage: place for place, stage in enumerate((REFERRED_OF_NEED, *STAGES))})
    rows["first"] = rows["characteristic"].map({name: place for place, name in enumerate(CHARACTERISTICS)})
    rows = rows.sort_values(["place", "first"], kind="stable", ignore_index=True)
    rows = rows.join(_beside(rows))
    judged = zip(rows["ratio"], rows["differs"].eq(True), rows["before"], strict=True)
    written = zip(*(rows[name] for name in ("ratio", "lower", "upper")), strict=True)
    return rows.assign(
        rate=rows["rate"] * 100,
        said=[_said(*one) for one in written],
        verdict=[reach_words(*one) for one in judged],
        value=[capital(value) for value in rows["value"]],
        characteristic=[capital(name) for name in rows["characteristic"]],
    )


def _beside(rows: pd.DataFrame) -> pd.DataFrame:
    """before_of and reached_of: the number shown earlier of the same group that a count is a few short of, else itself.

    A group's counts fall from stage to stage; two that differ by 1 to 5 would tell of the few who fell out between.
    """
    beside = pd.DataFrame({f"{name}_of": rows[name] for name in COUNTS}, index=rows.index)
    for _, part in rows.groupby(["characteristic", "value"], sort=False):
        shown: list[float] = []
        for index, row in part.iterrows():
            population = row["before"] if row["stage"] in (REFERRED, REFERRED_OF_NEED) else np.nan
            for name in COUNTS if np.isnan(population) else COUNTS[1:]:
                near = next((n for n in (population, *shown) if 0 < n - row[name] < MINIMUM), None)
                if near is None:
                    shown.append(row[name])
                else:
                    beside.at[index, f"{name}_of"] = near
    return beside


def _said(ratio: float, low: float, high: float) -> str:
    return f"{ratio:.2f} ({low:.2f} to {high:.2f})" if ratio == ratio and high == high else NOT_COMPARED


@table(
    "equity_summary",
    title="How many comparisons differ, and how many would by chance alone",
    row="a programme and stage",
    labels={"programme": "Programme", "stage": "Stage"},
    values=(
        Value("compared", "Comparisons judged", "number", children=False),
        Value("differ", "Differ by more than chance", "number", children=False),
        Value("chance", "Expected by chance alone", "decimal", children=False),
        Value("tail", "Chance of so many or more where no group differs", "chance", children=False),
        Value("few", "Too few to judge", "number", children=False),
        Value("fragile", "Of those that differ, turned by fewer than six children", "number", children=False),
        Value("verdict", "What can be said", "text", children=False),
        Value("key", "Key of the programme", "text", children=False),
    ),
    source=f"{LINKED}; activity for the population",
    method="95% comparisons, of which 5% would differ by chance; more differ than that where the chance of so many is "
    "under 5%; groups of one characteristic are not independent",
)
def equity_summary(view: View) -> Rows:
    """Comparisons by stage and in all, so that none is picked out of many without saying so."""
    rows: list[tuple[Any, ...]] = []
    for key, name, found in _staged(view):
        all_rows, stem = _rows(found), slug(key, "_")
        for stage in (*dict.fromkeys(all_rows["stage"]), ALL):
            part = all_rows if stage == ALL else all_rows[all_rows["stage"] == stage]
            rows.append((name, stage, *_counted(part), stem))
    return rows


def _counted(part: pd.DataFrame) -> tuple[Any, ...]:
    part = part[part["verdict"] != NOT_COMPARED]
    keys = ["stage", "characteristic"]
    # Two groups against each other are one comparison, told from either side.
    pair = part.groupby(keys)["value"].transform("size") == 2
    part = part[~(pair & part.duplicated(keys))]
    judged = part["verdict"].isin((MORE, LESS, ALIKE))
    differ = part[judged & (part["verdict"] != ALIKE)]
    compared, few = int(judged.sum()), int((part["verdict"] == TOO_FEW).sum())
    fragile, tail = int((differ["moved"] < MINIMUM).sum()), chance_of(compared, len(differ))
    return compared, len(differ), CHANCE * compared, tail, few, fragile, many_words(compared, len(differ), few)


def chance_of(compared: int, differ: int) -> float:
    """Chance of so many differences or more where no group differs, a binomial tail; NaN where none was judged."""
    from scipy.stats import binom

    return float(binom.sf(differ - 1, compared, CHANCE)) if compared else np.nan


def many_words(compared: int, differ: int, few: int) -> str:
    """What so many differences say: nothing where `few`, the comparisons of too few, outnumber those judged."""
    if not compared:
        return TOO_FEW
    if chance_of(compared, differ) < CHANCE:
        return "more differences than chance alone would give"
    if few > compared:
        return f"too few to say whether groups differ ({compared} of {compared + few} comparisons could be judged)"
    if not differ:
        return "no clear difference between groups"
    return "not clearly more differences than chance could give"


@table(
    "equity_missing",
    title="What cannot be seen because it is not recorded",
    row="a programme and characteristic",
    labels={"programme": "Programme", "characteristic": "Characteristic"},
    values=(
        Value("children", "Not recorded", of="of"),
        Value("of", "Children referred"),
        *interval("share", "Share", "percent", "children", "of"),
        Value("population", "Population known by it", "text", children=False),
    ),
    source=REGISTER,
    method="Wilson 95% interval; a child without a value is in no comparison",
)
def equity_missing(view: View) -> Rows:
    """Children referred whose value is blank, and whether the population is known by the characteristic at all."""
    rows: list[tuple[Any, ...]] = []
    for key, name, register in each(view):
        base = _population(view, key, POPULATION)
        known = set() if base is None else set(base["characteristic"])
        for row in missing(register, view.as_of, key).itertuples():
            told = "yes" if row.characteristic in known else "no"
            rows.append((name, capital(row.characteristic), *share_of(row.not_recorded, row.children), told))
    return rows


@table(
    "equality_duty",
    title="Public Sector Equality Duty: what was published, and what it rests on",
    row="a part of the duty",
    labels={"item": "Part of the duty"},
    values=(
        Value("standing", "Standing", "text", children=False),
        Value("published", "What was published", "text", children=False),
        Value("document", "Document", "text", children=False),
        Value("section", "Section", "text", children=False),
        Value("needed", "What would show it", "text", children=False),
    ),
    source="data/reference/equality_duty.csv; Equality Act 2010, section 149",
    method="reading of the published documents; of an authority of which none are known, every part is not stated",
)
def equality_duty(view: View) -> pd.DataFrame:
    """Deferred: to be done after the decision. Asserted: said, with nothing shown. Not stated: nothing found."""
    rows = read_reference("equality_duty.csv")
    rows = rows[rows["kind"] == "duty"].reset_index(drop=True)
    if not view.authority.published:
        rows = rows.assign(standing="not stated", published="", document="Equality Act 2010", section="149")
    blank = rows["published"].mask(rows["published"] == "", "nothing found")
    rows = rows.assign(published=blank, standing=rows["standing"].str.capitalize())
    return rows[["item", "standing", "published", "document", "section", "needed"]]


@table(
    "equality_standing",
    title="Parts of the duty by what is known of them",
    row="a standing",
    labels={"standing": "Standing"},
    values=(Value("parts", "Parts", "count", children=False),),
    source="data/reference/equality_duty.csv",
    method="count of rows",
)
def equality_standing(view: View) -> Rows:
    """Evidenced, deferred, asserted or not stated."""
    counts = equality_duty(view)["standing"].value_counts()
    return [(name, int(counts.get(name, 0))) for name in ("Evidenced", "Asserted", "Deferred", "Not stated")]


@table(
    "equality_characteristics",
    title="Protected characteristics, and whether the register can hold them",
    row="a characteristic",
    labels={"item": "Characteristic"},
    values=(
        Value("field", "Field of the register", "text", children=False),
        Value("recorded", "Held of any child", "text", children=False),
        Value("needed", "What would have to be asked", "text", children=False),
    ),
    source="programme register; Equality Act 2010, section 149(7)",
    method="whether any referred child has a value",
)
def equality_characteristics(view: View) -> pd.DataFrame:
    """Each characteristic of the Act, and deprivation, with the field that holds it where there is one."""
    rows = read_reference("equality_duty.csv")
    rows = rows[rows["kind"] == "characteristic"].reset_index(drop=True)
    unseen = missing(view.register, view.as_of).itertuples() if view.register is not None else ()
    held = {row.characteristic for row in unseen if row.not_recorded < row.children}
    recorded = ["yes" if field in held else "no" for field in rows["field"]]
    blank = {name: rows[name].mask(rows[name] == "", "none") for name in ("field", "needed")}
    return rows.assign(**blank, recorded=recorded)[["item", "field", "recorded", "needed"]]

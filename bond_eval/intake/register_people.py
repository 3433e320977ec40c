"""Who the register's children are, and which of them the return knows: linked by number, never by guess."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bond_eval.intake.forms import Folder, Sheet
from bond_eval.intake.register_forms import child_ids, ethnicities, sexes, words
from bond_eval.intake.typed import NO_DAY

PEOPLE = {
    "care": "int32", "birth": "int32", "sex": "str", "ethnicity": "str", "disability": "str", "area": "str",
    "decile": "float64",
}  # fmt: skip


def known_ids(frames: list[pd.DataFrame]) -> set[str]:
    """The children that any of some frames names."""
    return {str(one) for frame in frames if len(frame) for one in frame["id"]} - {""}


def read_people(found: Folder) -> pd.DataFrame:
    """The rows of the people files: id, care_id and PEOPLE's but care; at most one kept for each child."""
    rows = found.stacked({"people": _person})
    if rows.empty:
        return rows
    kept = found.kept(rows)
    # Blank says nothing, and so differs from nothing.
    told = kept.assign(birth=kept["birth"].where(kept["birth"] != NO_DAY), care_id=kept["care_id"].replace("", None))
    differ = (told.groupby("id")[["birth", "care_id"]].nunique() > 1).any(axis=1)
    found.tell("person_conflict", kept[kept["id"].map(differ)], "child_id")
    found.last_stands(rows, ["id"], "person_repeated", "child_id")
    return rows


def _person(sheet: Sheet) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": child_ids(sheet),
            "care_id": sheet.ids("care_id"),
            "birth": sheet.days("date_of_birth", needed=False, rule="date_unknown"),
            "sex": sheet.coded("sex", sexes(), "word_unknown"),
            "ethnicity": sheet.coded("ethnicity", ethnicities(), "word_unknown"),
            "disability": sheet.coded("disability", words("disability"), "word_unknown"),
            "area": sheet.words("area"),
            "decile": sheet.numbers("deprivation_decile", "number_unknown", 1, 10),
        }
    )


def read_crosswalk(found: Folder) -> pd.DataFrame:
    """The rows of the crosswalk files: id, care_id; none kept of a child that is given two numbers."""
    rows = found.stacked(
        {"crosswalk": lambda sheet: pd.DataFrame({"id": child_ids(sheet), "care_id": sheet.ids("care_id")})}
    )
    if rows.empty:
        return rows
    kept = found.kept(rows[rows["care_id"] != ""])
    found.tell("crosswalk_conflict", kept[kept.groupby("id")["care_id"].transform("nunique") > 1], "care_id")
    return rows


def linked(
    found: Folder, children: np.ndarray, named: list[pd.DataFrame], crosswalk: pd.DataFrame, care_ids: np.ndarray,
    care_people: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """PEOPLE, one row for each of `children`: linked to the return, and filled from it where the register is blank.

    `named`: the kept rows of people, then of the other forms, which say where a child first stands. The number
    in the return is the people row's, else the crosswalk's, else the child's own number where the return has it.
    A child whose date of birth differs from the return's is not linked.
    """
    rows = [frame[["id", "sheet", "row"]].assign(order=order) for order, frame in enumerate(named) if len(frame)]
    where = pd.concat(rows).drop_duplicates("id").set_index("id").reindex(children).reset_index() if rows else None
    if where is None:
        return found.finished(pd.DataFrame(), PEOPLE)
    own = _own(named[0], children)
    numbers_of = {str(one): place for place, one in enumerate(care_ids)}
    stated = own["care_id"].to_numpy()
    if len(crosswalk):
        walked = crosswalk.drop_duplicates("id", keep="last").set_index("id")["care_id"].reindex(children).fillna("")
        stated = np.where(stated == "", walked.to_numpy(), stated)
    same = (stated == "") & np.array([child in numbers_of for child in children])
    care = np.array([numbers_of.get(one, -1) for one in np.where(same, children, stated)], dtype=np.int32)
    theirs = np.append(care_people["birth"].to_numpy(), NO_DAY)[care]
    birth = own["birth"].to_numpy()
    both = (care >= 0) & (birth != NO_DAY) & (theirs != NO_DAY)
    conflict = both & (birth != theirs)
    link = np.where(conflict, -1, care)
    told = (
        ("care_unknown", "care_id", (stated != "") & (care < 0)),
        ("dob_conflict", "date_of_birth", conflict),
        ("link_unchecked", "child_id", same & ~both),
        ("care_shared", "care_id", (link >= 0) & pd.Series(link).duplicated(keep=False).to_numpy()),
        ("not_in_return", "child_id", (stated == "") & ~same),
    )
    for rule, field, mask in told:
        found.tell(rule, where[mask], field)
    return _filled(own.assign(care=link), care_people)


def _own(people: pd.DataFrame, children: np.ndarray) -> pd.DataFrame:
    """What the people files say of each child; unknown where they do not name it."""
    blank = {"care_id": "", "birth": NO_DAY, "sex": "", "ethnicity": "", "disability": "", "area": "", "decile": np.nan}
    if people.empty:
        return pd.DataFrame(blank, index=range(len(children)))
    own = people.set_index("id")[list(blank)].reindex(children).reset_index(drop=True)
    return own.fillna({name: value for name, value in blank.items() if name != "decile"})


def _filled(own: pd.DataFrame, care_people: pd.DataFrame) -> pd.DataFrame:
    care = own["care"].to_numpy()
    theirs = {
        "birth": np.append(care_people["birth"].to_numpy(), NO_DAY),
        "sex": np.append(care_people["sex"].astype(object).replace("Unknown", "").to_numpy(), ""),
        "ethnicity": np.append(care_people["ethnicity"].astype(object).fillna("").to_numpy(), ""),
    }
    for name, values in theirs.items():
        unknown = own[name].to_numpy() == (NO_DAY if name == "birth" else "")
        own[name] = np.where(unknown, values[care], own[name].to_numpy())
    return own[list(PEOPLE)].astype(PEOPLE)

"""Tables of notebook 00: what arrived, how complete it is, what was wrong with it and what that means."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bond_eval.core import formats
from bond_eval.core.periods import year_label
from bond_eval.evidence.coarse import fold
from bond_eval.evidence.registry import ALL, Rows, Value, coarser, table
from bond_eval.evidence.view import View
from bond_eval.intake.checks import NO_PROVIDER_EXPECTED, RULES
from bond_eval.intake.reference import modules, read_reference
from bond_eval.intake.typed import NO_DAY
from bond_eval.placements import stitch

# A row with a defect is a row of a child, so few of them are as confidential as few children.
ROWS = Value("rows", "Rows")
FULL, NEARLY, PARTLY, POOR, FEW, NONE = (
    "98% or more",
    "90 to 97%",
    "50 to 89%",
    "Under 50%",
    "Too few rows",
    "No rows",
)
ENDS = "End supplied or moved: to where the next episode starts, to the file's last day, or over a gap in care"
REPEATS = "A row that repeats another, of one file or of a later submission; set aside"
ENOUGH_ROWS = 100  # below this a band would tell how few rows are blank
COMPLETENESS_FIELDS = {
    "Episodes": ("rne", "ls", "cin", "place", "provider", "location"),
    "Header": ("sex", "dob", "ethnic"),
    "OC2": ("sdq_score", "convicted", "substance_misuse"),
    "Reviews": ("review", "review_code"),
    "Missing": ("mis_start", "mis_end"),
}
FIELD_NAMES = {"provider": "PLACE_PROVIDER", "location": "PL_LOCATION or PL_POST with postcodes.csv"}


@table(
    "files_received",
    title="Files read, by module: rows that came in, and those of them that were set aside",
    row="a module",
    labels={"module": "Module"},
    values=(
        Value("files", "Files", children=False),
        Value("rows_in", "Rows in"),
        Value("set_aside", "Set aside", of="rows_in"),
    ),
    margins=("module",),
    source="the files themselves",
)
def files_received(view: View) -> Rows:
    """Rows in and rows set aside, module by module (the rest was kept); modules that did not arrive with no file."""
    accounts = view.data.accounts
    rows = []
    for module in (*modules(), ALL):
        part = accounts if module == ALL else accounts[accounts["module"] == module]
        rows.append((module, len(part), int(part["rows_in"].sum()), int(part["set_aside"].sum())))
    return rows


@table(
    "returns_covered",
    title="The returns, in order of time",
    row="a return",
    labels={"return": "Return", "to": "Covers to"},
    values=(Value("rows", "Episode rows", children=False),),
    source="dates in the Episodes files",
)
def returns_covered(view: View) -> Rows:
    """Each Episodes file or year of a stacked file, the period's last day and its rows."""
    return [(_named(one), one.last_day, one.rows) for one in view.data.submissions.itertuples()]


def _named(submission: Any) -> str:
    return year_label(int(submission.year)) + ("" if submission.last_day.month == 3 else " (part)")


@table(
    "completeness",
    title="How complete each field is, return by return",
    row="a field and return",
    labels={"field": "Field", "return": "Return"},
    values=(Value("band", "Filled", "text"), Value("rank", "Rank", "number", children=False)),
    source="the files themselves",
    method="share of rows with a value, in bands",
)
def completeness(view: View) -> pd.DataFrame:
    """Share of rows with a value, in bands that tell of no single row. Rank: 4 full to 1 poor, 0 cannot be said."""
    frames = {"Episodes": view.data.episodes, **view.data.modules}
    rows = []
    for module, fields in COMPLETENESS_FIELDS.items():
        for field in fields:
            name = FIELD_NAMES.get(field, field.upper())
            for position, submission in view.data.submissions.iterrows():
                frame = frames.get(module)
                band = NONE
                if frame is not None and field in frame.columns:
                    mine = frame.loc[frame["submission"] == position, field]
                    if field == "provider":  # temporary placements and a few others have none by rule
                        exempt = view.data.episodes.loc[mine.index, "place"].isin(NO_PROVIDER_EXPECTED)
                        mine = mine[~exempt.to_numpy()]
                    band = _band(mine)
                rank = {FULL: 4, NEARLY: 3, PARTLY: 2, POOR: 1}.get(band, 0)
                rows.append((f"{module} {name}", _named(submission), band, rank))
    frame = pd.DataFrame(rows, columns=["field", "return", "band", "rank"])
    return frame.drop_duplicates(["field", "return"], keep="last", ignore_index=True)


def _band(values: pd.Series) -> str:
    if not len(values):
        return NONE
    filled = (values.notna() & (values.astype(object) != "not known")).mean()
    if values.dtype.kind == "i":
        filled = (values != NO_DAY).mean()
    if len(values) < ENOUGH_ROWS and 0 < filled < 1:
        return FEW
    return FULL if filled >= 0.98 else NEARLY if filled >= 0.9 else PARTLY if filled >= 0.5 else POOR


@table(
    "issues_by_rule",
    title="Issues found in reading the files, by rule, and what was done",
    row="a rule",
    labels={"severity": "Severity", "problem": "What is wrong"},
    values=(ROWS, Value("action", "Done", "text", children=False)),
    margins=("problem",),
    source="`bond-eval check`",
)
def issues_by_rule(view: View) -> pd.DataFrame:
    """How many rows each rule met and what became of them, gravest first, with the whole of each severity."""
    issues, parts = view.data.issues, []
    for severity in ("error", "warning", "note"):
        mine = issues[issues["severity"] == severity]
        named = mine.assign(problem=mine["rule"].map(RULES), action=mine["action"].astype(str))
        counts = named.groupby("problem").agg(rows=("rule", "size"), action=("action", _each)).reset_index()
        whole = pd.DataFrame({"problem": [ALL], "rows": [len(mine)], "action": [_each(named["action"])]})
        counts = counts.sort_values(["rows", "problem"], ascending=[False, True])
        parts += [pd.concat([counts, whole]).assign(severity=severity)] if len(mine) else []
    columns = ["severity", "problem", "rows", "action"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _each(texts: pd.Series) -> str:
    return formats.listed(sorted(set(texts)))


@coarser("issues_by_rule", said="Rules that few rows met are put together by severity, and named beside it.")
def _issues_together(frame: pd.DataFrame) -> pd.DataFrame:
    """Rules of few rows as one row, or in the whole, of their severity, which the head of a page has too."""
    parts = []
    for _, part in frame.groupby("severity", sort=False):
        less = fold(part, "problem", "rows", lambda few: f"Other rules ({len(few)})")
        gone = part[~part["problem"].isin(less["problem"])]
        named = "; ".join(f"{rule} ({action})" for rule, action in zip(gone["problem"], gone["action"], strict=True))
        holds = less["problem"] == (ALL if len(less) == 1 else less["problem"].iloc[-2])
        parts.append(less.assign(action=less["action"].mask(holds & bool(named), named)))
    return pd.concat(parts, ignore_index=True)


@table(
    "stitching",
    title="Changes made in joining the returns, by rule",
    row="a stitching rule",
    labels={"rule": "Rule", "meaning": "What it does"},
    values=(ROWS,),
    source="the stitching audit",
)
def stitching(view: View) -> Rows:
    """Rows changed or set aside by each rule. Rows after the as-of date are no change and are left out."""
    counts = view.history.audit["rule"].value_counts()
    return [(rule, words, int(counts.get(rule, 0))) for rule, words in stitch.RULES.items() if rule != "A"]


@coarser("stitching", said="Rules are put together in two kinds, since most of them changed few rows.")
def _stitching_together(frame: pd.DataFrame) -> pd.DataFrame:
    """What was put right in two kinds: an end that was supplied or moved, and a row that repeats another."""
    rows = []
    for words, again in ((ENDS, False), (REPEATS, True)):
        mine = frame[frame["rule"].str.startswith("3") == again]
        rows.append((", ".join(mine["rule"]), words, mine["rows"].sum()))
    return pd.DataFrame(rows, columns=["rule", "meaning", "rows"])


@table(
    "gaps",
    title="What each gap means",
    row="a field that questions need",
    labels={"field": "Field", "needed_for": "Needed for"},
    values=(
        Value("worst", "Least complete return", "text"),
        Value("if_missing", "Where it is missing", "text"),
        Value("questions", "Questions", "text"),
    ),
    source="data/reference/data_needs.csv and the files",
    method="least complete return",
)
def gaps(view: View) -> Rows:
    """Each field that a question needs, how complete its least complete return is, and what its absence means."""
    built = completeness(view)
    has_rows = built[built["band"] != NONE]
    worst = has_rows.sort_values("rank").drop_duplicates("field").set_index("field")["band"]
    dates = {
        "Episodes DECOM": FULL,
        "Episodes DEC": "Blank where open",
        "Episodes REASON_PLACE_CHANGE": "Blank where no placement changed",
    }
    rows = []
    for need in read_reference("data_needs.csv").to_dict("records"):
        field = f"{need['module']} {need['field']}"
        band = dates.get(field) or worst.get(field) or _share_text(view, need["module"], need["field"])
        rows.append((field, need["needed_for"], band, need["if_missing"], need["questions"]))
    return rows


def _share_text(view: View, module: str, field: str) -> str:
    """Completeness of a field that is filled only where something happened: present or not."""
    frame = view.data.episodes if module == "Episodes" else view.data.modules.get(module)
    column = {"REC": "rec", "REASON_PLACE_CHANGE": "reason"}.get(field, field.lower())
    if frame is None or column not in frame.columns or not frame[column].notna().any():
        return NONE
    ended = frame["dec"] != NO_DAY if module == "Episodes" else pd.Series(True, index=frame.index)
    return _band(frame.loc[ended, column]) + (" of ended rows" if module == "Episodes" else "")

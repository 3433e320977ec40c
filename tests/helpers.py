"""Small synthetic returns, written as authorities write them, and plain views of what was read from them."""

import csv
import datetime as dt
import io
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from bond_eval.intake.authority import Authority
from bond_eval.intake.episodes import CODES, LOCATIONS
from bond_eval.intake.reference import codes
from bond_eval.intake.ssda903 import Return, load_return
from bond_eval.intake.typed import NO_DAY, Text, as_codes
from bond_eval.placements.history import History, form
from bond_eval.placements.stitch import stitch

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample" / "salford"
EPISODE_COLUMNS = (
    "CHILD",
    "DECOM",
    "RNE",
    "LS",
    "CIN",
    "PLACE",
    "PLACE_PROVIDER",
    "DEC",
    "REC",
    "REASON_PLACE_CHANGE",
    "HOME_POST",
    "PL_POST",
    "URN",
)
HEADER_COLUMNS = ("CHILD", "SEX", "DOB", "ETHNIC", "UPN", "MOTHER", "MC_DOB")
DOB = "2008-05-17"


def episode(child: str, decom: str, dec: str = "", **other: str) -> dict[str, str]:
    """One Episodes row: a foster placement of a child on a care order, unless said otherwise."""
    usual = {"RNE": "S", "LS": "C2", "CIN": "N1", "PLACE": "U6", "PLACE_PROVIDER": "PR1", "REC": "X1" if dec else ""}
    return {"CHILD": child, "DECOM": decom, "DEC": dec, **usual, **other}


def person(child: str, dob: str = DOB, **other: str) -> dict[str, str]:
    """One Header row."""
    return {"CHILD": child, "DOB": dob, "SEX": "1", "ETHNIC": "WBRI", **other}


def filler(year: int, quarters: int = 4) -> list[dict[str, str]]:
    """Children looked after for a month in each quarter of the year, so that the file is seen to cover it."""
    starts = [f"{year}-04-10", f"{year}-07-10", f"{year}-10-10", f"{year + 1}-01-10"][:quarters]
    ends = [f"{year}-05-10", f"{year}-08-10", f"{year}-11-10", f"{year + 1}-02-10"]
    return [
        episode(f"9{year}{number}", start, end, REC="E4A")
        for number, (start, end) in enumerate(zip(starts, ends, strict=False))
    ]


def people_of(episodes: list[dict[str, str]]) -> list[dict[str, str]]:
    """A Header row for each child of some episodes."""
    return [person(child) for child in sorted({row["CHILD"] for row in episodes} - {""})]


def csv_text(rows: list[dict[str, str]], columns: tuple[str, ...] = (), end: str = "\n") -> str:
    """Rows as CSV with a header."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns or tuple(rows[0]), restval="", extrasaction="raise", lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def write_return(
    folder: Path, years: dict[str, list[dict[str, str]]], people: dict[str, list[dict[str, str]]] | None = None
) -> Path:
    """A folder a year with episodes.csv and header.csv; `people` replaces a year's Header rows."""
    for year, rows in years.items():
        (folder / year).mkdir(parents=True, exist_ok=True)
        named = (people or {}).get(year) or people_of(rows)
        (folder / year / "episodes.csv").write_text(csv_text(rows, EPISODE_COLUMNS), encoding="utf-8")
        (folder / year / "header.csv").write_text(csv_text(named, HEADER_COLUMNS), encoding="utf-8")
    return folder


def load(path: Path, **fields: str) -> Return:
    """Read a return of an authority called A."""
    return load_return(path, Authority(**{"key": "a", "name": "A", **fields}))


def content(data: Return, *, with_file: bool = False) -> dict[str, list[str]]:
    """All that a return says, row by row as sorted text, whatever files it came in."""
    frames = {"Episodes": data.episodes, **data.modules}
    said = {"submissions": [str(row) for row in data.submissions[["last_day", "year", "rows"]].to_numpy().tolist()]}
    for module, frame in frames.items():
        names = ["child", *sorted(set(frame.columns) - {"child", "source", "line", "number"})]
        names += ["line"] if with_file else []
        plain = frame.assign(child=data.children[frame["child"]])[names].astype(object)
        said[module] = sorted(str(dict(zip(names, row, strict=True))) for row in plain.fillna("").to_numpy().tolist())
    said["people"] = [str(row) for row in data.people.astype(object).fillna("").to_numpy().tolist()]
    return said


def issues_of(data: Return, rule: str) -> list[tuple]:
    """(file, line, column, value, child, severity, action) of each issue of one rule."""
    found = data.issues[data.issues["rule"] == rule]
    return list(
        found[["file", "line", "column", "value", "child", "severity", "action"]].itertuples(index=False, name=None)
    )


def day(text: str) -> int:
    """ISO date to days since 1970; "" is no day."""
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days if text else int(NO_DAY)


def typed_rows(rows: list[dict]) -> pd.DataFrame:
    """Rows as load_return types them. Keys: child, submission, start, dec and any of CODES; the line is the place."""
    usual = {"rne": "S", "ls": "C2", "cin": "N1", "place": "U6", "provider": "PR1", "rec": "", "reason": ""}
    full = [{**usual, "dec": "", "submission": 0, "line": number + 2, **row} for number, row in enumerate(rows)]
    frame = pd.DataFrame(
        {
            "child": np.array([row["child"] for row in full], dtype=np.int32),
            "decom": np.array([day(row["start"]) for row in full], dtype=np.int32),
            "dec": np.array([day(row["dec"]) for row in full], dtype=np.int32),
        }
    )
    for name, code_set in CODES.items():
        values = [row[name] for row in full]
        distinct = sorted(set(values) - {""})
        index = np.array([distinct.index(value) if value else -1 for value in values], dtype=np.int32)
        frame[name] = as_codes(Text(index, distinct), codes(code_set))
    frame["location"] = pd.Categorical([row.get("location", "not known") for row in full], categories=LOCATIONS)
    frame["submission"] = np.array([row["submission"] for row in full], dtype=np.int16)
    frame["source"] = frame["submission"]
    return frame.assign(line=np.array([row["line"] for row in full], dtype=np.int32))


def submissions(*last_days: str) -> pd.DataFrame:
    """The submissions of a return whose files end on these days."""
    ends = [dt.date.fromisoformat(text) for text in last_days]
    years = [end.year if end.month >= 4 else end.year - 1 for end in ends]
    names = [f"file-{number}" for number in range(len(ends))]
    return pd.DataFrame({"number": range(len(ends)), "name": names, "last_day": ends, "year": years, "rows": 1})


def history(rows: list[dict], ends: tuple[str, ...], as_of: str = "", births: dict[int, str] | None = None) -> History:
    """The history that typed rows give as of a day (the last file's end where none is given)."""
    files = submissions(*ends)
    stitched = stitch(typed_rows(rows), files, dt.date.fromisoformat(as_of or ends[-1]))
    count = max((row["child"] for row in rows), default=-1) + 1
    born = np.array([day((births or {}).get(child, DOB)) for child in range(count)], dtype=np.int32)
    people = pd.DataFrame({"birth": born, "sex": "Male", "ethnicity": "WBRI", "has_header": True})
    first = dt.date(int(files["year"].min()), 4, 1)
    return form(stitched, files["year"].to_numpy(), people, first)


def xml_text(modules: dict[str, list[dict[str, str]]]) -> str:
    """The same rows as the XML return: a CHILD for each Header row."""
    renamed = {"CHILD": "CHILDID", "PLACE": "PL"}
    nested = {"Reviews": "AREVIEW", "Missing": "AMISSING", "PrevPerm": "PERMANENCE", "OC2": "OC2"}
    parts = []
    for row in modules["Header"]:
        mine = {module: [found for found in rows if found["CHILD"] == row["CHILD"]] for module, rows in modules.items()}
        flat = {**row, **{key: value for part in mine.get("OC3", []) for key, value in part.items()}}
        uasc = mine.get("UASC", [])
        flat |= {"UASC": "1" if uasc else "0", **({"DUC": uasc[0]["DUC"]} if uasc else {})}
        inner = "".join(_element(renamed.get(key, key), value) for key, value in flat.items())
        for module, tag in nested.items():
            inner += "".join(f"<{tag}>{_inside(part)}</{tag}>" for part in mine.get(module, []))
        outer = "".join(f"<EPISODE>{_inside(part, renamed)}</EPISODE>" for part in mine["Episodes"])
        parts.append(f"<CHILD><HEADER>{inner}</HEADER>{outer}</CHILD>")
    return f"<?xml version='1.0' encoding='utf-8'?>\n<EXPSSDA903>{''.join(parts)}</EXPSSDA903>"


def _inside(row: dict[str, str], renamed: dict[str, str] | None = None) -> str:
    kept = {key: value for key, value in row.items() if key not in ("CHILD", "DOB")}
    return "".join(_element((renamed or {}).get(key, key), value) for key, value in kept.items())


def _element(tag: str, value: str) -> str:
    return f"<{tag}>{escape(value)}</{tag}>"


__all__ = [
    "DOB",
    "EPISODE_COLUMNS",
    "HEADER_COLUMNS",
    "ROOT",
    "SAMPLE",
    "content",
    "csv_text",
    "day",
    "episode",
    "filler",
    "history",
    "issues_of",
    "load",
    "people_of",
    "person",
    "submissions",
    "typed_rows",
    "write_return",
    "xml_text",
]

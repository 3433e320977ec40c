"""Agreement: our daily counts and cs-demand-model's on the same returns, and an account of every difference.

Counts only: no child's id, date of birth or row is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import peer  # noqa: E402
from account import AGE, BANDS, CATEGORIES, REASONS, Account, Window, account, count, peer_rows  # noqa: E402
from make_files import EPISODES, HEADER  # noqa: E402
from placements import working_folder  # noqa: E402

from bond_eval.core.issues import IssueLog  # noqa: E402
from bond_eval.intake.authority import Authority  # noqa: E402
from bond_eval.intake.recognise import Stack, read_files  # noqa: E402
from bond_eval.intake.ssda903 import load_return  # noqa: E402
from bond_eval.intake.typed import NO_DAY, as_days, day_number, days_to_dates  # noqa: E402
from bond_eval.placements.counts import daily_counts  # noqa: E402
from bond_eval.placements.history import build_history  # noqa: E402

DATA = (HERE.parent.parent / "shared/fixtures/ssda903_annual_2017_2021", HERE.parent / "data/sample/salford")
COLUMNS = {
    "Episodes": EPISODES,
    "Header": HEADER,
}
NEEDED = {"Episodes": "DECOM", "Header": "DOB"}  # dates without which the peer stops


def run_peer(python: Path, files: Path, tables: Path) -> str:
    """Run the peer; "" where it came to an end, else the last line of its error."""
    tables.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(peer.command(python, files, "--tables", str(tables)), capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]


def plain_copy(path: Path, folder: Path) -> tuple[dict[str, str], int]:
    """The return as the peer can read it: (name of each copy -> the file that it was made from, rows left out).

    A folder a file named by a number, column names in capitals, dd/mm/yyyy, UTF-8; rows whose start or birth date
    cannot be read are left out. Columns that nothing counts by are blank.
    """
    files = read_files(path, IssueLog())
    names, left_out = {}, 0
    for module, columns in COLUMNS.items():
        stack = files.stacks[module]
        table = pd.DataFrame({column: _values(stack, column) for column in columns})
        usable = (table["CHILD"] != "") & (table[NEEDED[module]] != "")
        left_out += int((~usable).sum())
        for source in np.unique(stack.source):
            target = folder / str(1000 + source) / f"{module.lower()}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            table[usable & (stack.source == source)].to_csv(target, index=False)
            names[f"{target.parent.name}/{target.name}"] = files.names[source]
    return names, left_out


def _values(stack: Stack, column: str) -> np.ndarray:
    if column in ("DECOM", "DEC", "DOB"):
        days, _ = as_days(stack.text(column))
        return pd.Series(days_to_dates(days)).dt.strftime("%d/%m/%Y").fillna("").to_numpy()
    text = pd.Series(stack.text(column).at(np.arange(stack.rows)))
    return text.str.replace(r"^(\d+)\.0$", r"\1", regex=True).to_numpy()


def raw_rows(files: Path, taken: list[str]) -> pd.DataFrame:
    """Rows of the files that the peer took: child, start, end (days), known_end, has_header."""
    tables = [pd.read_csv(files / name, dtype=str) for name in taken]
    table = pd.concat(tables, ignore_index=True)
    headers = [pd.read_csv(path, dtype=str) for path in files.rglob("*header*.csv")]
    dates = {name: pd.to_datetime(table[name], format="%d/%m/%Y") for name in ("DECOM", "DEC")}
    start, end = (np.asarray(dates[name], dtype="datetime64[D]").astype(np.int64) for name in ("DECOM", "DEC"))
    end = np.where(dates["DEC"].isna(), np.int64(NO_DAY), end)
    known = np.where(end == NO_DAY, -1, end)
    with_header = table["CHILD"].isin(pd.concat(headers)["CHILD"])
    return pd.DataFrame(
        {"child": table["CHILD"], "start": start, "end": end, "known_end": known, "has_header": with_header}
    )


def compare(path: Path, python: Path, work: Path) -> tuple[Account, Window]:
    """Both sides on one return, and the account of what differs."""
    data = load_return(path, Authority(key="benchmark", name="Benchmark"))
    history = build_history(data, data.submissions["last_day"].max())
    window = Window(day_number(history.first_day), (history.as_of - history.first_day).days + 1)
    files, names = path, {name: name for name in data.submissions["name"]}
    problem = run_peer(python, files, work / "tables")
    if problem:
        print(f"  The peer cannot read it as supplied ({problem}).")
        files = work / "plain"
        names, left_out = plain_copy(path, files)
        print(f"  It is given a plain copy; {left_out} rows whose dates it could not read are left out of that.")
        problem = run_peer(python, files, work / "tables")
        if problem:
            raise SystemExit(f"The peer failed on the plain copy: {problem}")
    chosen = json.loads((work / "tables/files.json").read_text())
    theirs = peer_rows(pd.read_csv(work / "tables/rows.csv", dtype=str))
    _check_stock(pd.read_csv(work / "tables/stock.csv"), theirs, window)
    dropped = [names[name] for name in chosen["dropped"]]
    print(f"  Files that it dropped: {', '.join(dropped) or 'none'}.")
    result = account(history, data, theirs, raw_rows(files, chosen["taken"]), dropped, window)
    ours = daily_counts(history).by_category().sum(axis=1).to_numpy()
    if not np.array_equal(result.ours.sum(axis=(1, 2)), ours):
        raise SystemExit("The rows compared do not add up to our own daily counts.")
    return result, window


def _check_stock(stock: pd.DataFrame, rows: pd.DataFrame, window: Window) -> None:
    """The peer's rows have to add up to the stock that it publishes, or the account would be of something else."""
    day = np.asarray(stock["date"], dtype="datetime64[D]").astype(int) - window.first
    inside = (day >= 0) & (day < window.days)
    cube = np.zeros((window.days, len(CATEGORIES), len(BANDS) + 1))
    category, band = stock["category"].map(CATEGORIES.index), stock["age"].map(BANDS.index)
    cube[day[inside], category[inside], band[inside]] = stock["children"][inside]
    last = int(day[inside].max())  # its stock ends with the last date in the files
    if not np.array_equal(cube[: last + 1], count(rows, window)[: last + 1]):
        raise SystemExit("The peer's rows do not add up to its stock.")


def report(result: Account, window: Window) -> str:
    """Days equal before and after each reason is taken out: in totals, by category, by category and age."""
    rest = result.ours - result.theirs
    heads = f"{'totals':>8}{'category':>10}{'and age':>9}{'last day':>10}{'child-days':>12}"
    lines = [f"  {f'days equal of {window.days:,}; differences':44}{heads}", _line("as they are", rest, rest)]
    for name in (*[name for name in REASONS if name != AGE], AGE):
        if name in result.parts:
            rest = rest - result.parts[name]
            rows = "" if name == AGE else f" ({result.rows[name]} rows)"
            lines.append(_line(f"without: {name}{rows}", rest, result.parts[name]))
    lines.append(f"  rows that differ for no known reason: {result.unexplained}")
    lines += [f"  - {name}: {REASONS[name]}" for name in REASONS if name in result.parts]
    return "\n".join(lines)


def _line(label: str, rest: np.ndarray, part: np.ndarray) -> str:
    """Days on which nothing is left of the difference; what is left on the last day; child-days of this reason."""
    levels = (rest.sum(axis=(1, 2))[:, None], rest.sum(axis=2), rest.reshape(len(rest), -1))
    totals, categories, ages = (int((level == 0).all(axis=1).sum()) for level in levels)
    return f"  {label:44}{totals:8,}{categories:10,}{ages:9,}{int(rest[-1].sum()):+10,}{int(part.sum()):+12,}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "data", type=Path, nargs="*", help="returns to compare on (default: the fixture and the sample)"
    )
    parser.add_argument("--work", type=Path, help="folder for the peer's environment, kept for next time")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder where --work is not given")
    given = parser.parse_args()
    unexplained = 0
    with working_folder(given.work, given.keep) as work:
        python = peer.interpreter(work)
        for index, path in enumerate(given.data or DATA):
            if not path.exists():
                print(f"{path.name}: not here, left out")
                continue
            print(path.name)
            result, window = compare(path.resolve(), python, work / f"agreement-{index}")
            print(report(result, window))
            unexplained += result.unexplained
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

"""Ten annual looked-after returns of invented children: Header and Episodes a year, about 1.35 million episode rows.

Nothing here is anyone's record: careers are drawn from a seeded generator, postcodes begin with ZZ (a part of the
alphabet that the post does not use). The files are free of faults on purpose: both readers of the speed benchmark
must be able to use every row, so that they can be held to the same daily totals.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

FIRST_YEAR, YEARS = 2014, 10  # returns of 2014-15 to 2023-24: after the last the sex codes change
ROWS = 1_350_000
EPOCH = dt.date(1970, 1, 1)
SUPPORTED_FROM = dt.date(2023, 11, 1)  # registered supported accommodation (K3) follows H5
EPISODES = (
    "CHILD", "DECOM", "RNE", "LS", "CIN", "PLACE", "PLACE_PROVIDER", "DEC", "REC", "REASON_PLACE_CHANGE",
    "HOME_POST", "PL_POST", "URN",
)  # fmt: skip
HEADER = ("CHILD", "SEX", "DOB", "ETHNIC", "UPN", "MOTHER", "MC_DOB")
PLACES = ("U6", "U4", "U3", "U1", "U5", "K2", "R1", "P1", "A6", "H5", "P2", "S1", "R3", "K1", "T0", "K3")
YOUNGER = (0.38, 0.18, 0.10, 0.08, 0.03, 0.08, 0.01, 0.06, 0.04, 0.0, 0.0, 0.01, 0.01, 0.005, 0.015, 0.0)
OLDER = (0.26, 0.13, 0.04, 0.03, 0.0, 0.18, 0.01, 0.04, 0.0, 0.20, 0.07, 0.01, 0.005, 0.01, 0.015, 0.0)
PROVIDERS = {"P1": ("PR0",), "K2": ("PR4", "PR4", "PR4", "PR1", "PR5"), "U6": ("PR1", "PR1", "PR4", "PR5"), "T0": ("",)}
ETHNICITIES = ("WBRI",) * 14 + ("MWBC", "BAFR", "APKN", "AOTH", "OOTH", "MOTH")
LEAVING = ("E4A", "E4A", "E4B", "E8", "E41", "E13")
REASONS = ("CARPL", "CARPL", "LAREQ", "CREQB", "CHILD", "OTHER")


@dataclass(frozen=True)
class Careers:
    """Episodes of all children, ordered by child and start; days since 1970, the last episode's end included."""

    birth: np.ndarray
    child: np.ndarray
    start: np.ndarray
    end: np.ndarray
    opens: np.ndarray  # begins a period of care
    closes: np.ndarray  # ends one


def _day(day: dt.date) -> int:
    return (day - EPOCH).days


def _pick(rng: np.random.Generator, values: tuple[str, ...], size: int, shares: np.ndarray | None = None) -> np.ndarray:
    shares = None if shares is None else shares / shares.sum()
    return np.array(values, dtype=object)[rng.choice(len(values), size, p=shares)]


def careers(rng: np.random.Generator, children: int) -> Careers:
    """Chains of episodes: each starts on the day that the one before ends, some after a time at home."""
    first, last = _day(dt.date(FIRST_YEAR - 4, 4, 1)), _day(dt.date(FIRST_YEAR + YEARS, 3, 31))
    entry = rng.integers(first, last, children)
    age = np.where(rng.random(children) < 0.2, rng.integers(0, 365, children), rng.integers(0, 17 * 365, children))
    birth = entry - age
    count = np.minimum(rng.geometric(0.2, children), 30)
    child = np.repeat(np.arange(children), count)
    begins = np.append(True, child[1:] != child[:-1])
    length = np.maximum(rng.lognormal(5.1, 1.2, len(child)).astype(np.int64), 1)
    returns = ~begins & (rng.random(len(child)) < 0.06)
    wait = np.where(returns, rng.integers(30, 500, len(child)), 0)
    moved = np.cumsum(length + wait)
    before = (moved - length - wait)[np.flatnonzero(begins)]
    end = entry[child] + moved - before[child]
    start = end - length
    eighteen = (birth + int(18 * 365.25))[child]
    keep = start < eighteen
    child, start, end, returns = child[keep], start[keep], np.minimum(end, eighteen)[keep], returns[keep]
    opens = np.append(True, child[1:] != child[:-1]) | returns
    return Careers(birth, child, start, end, opens, np.append(opens[1:], True))


def _postcodes(rng: np.random.Generator, size: int) -> np.ndarray:
    letters = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), dtype=object)
    area, unit = rng.integers(1, 100, size).astype(str), rng.integers(1, 10, size).astype(str)
    end = letters[rng.integers(0, 20, size)] + letters[rng.integers(0, 20, size)]
    return np.array("ZZ", dtype=object) + area.astype(object) + " " + unit.astype(object) + end


def episode_columns(rng: np.random.Generator, life: Careers) -> dict[str, np.ndarray]:
    """Codes of every episode; a change of legal status alone keeps the placement, its provider and address."""
    rows, children = len(life.child), len(life.birth)
    rne = np.where(life.opens, "S", _pick(rng, ("P", "L", "B", "T"), rows, np.array([0.6, 0.25, 0.1, 0.05])))
    run = np.cumsum(rne != "L") - 1
    heads = np.flatnonzero(rne != "L")
    older = life.start[heads] - life.birth[life.child[heads]] >= 16 * 365.25
    young, old = (_pick(rng, PLACES, len(heads), np.array(shares)) for shares in (YOUNGER, OLDER))
    place = np.where(older, old, young)
    place[np.isin(place, ("H5", "P2")) & (life.start[heads] >= _day(SUPPORTED_FROM))] = "K3"
    provider = _pick(rng, ("PR1", "PR4", "PR4", "PR5"), len(heads))
    for code, choices in PROVIDERS.items():
        mine = place == code
        provider[mine] = _pick(rng, choices, int(mine.sum()))
    # One home in five thousand or so serves many children, and an agency's carers share its registration.
    homes, addresses = rng.integers(1_000_000, 2_999_999, 6_000).astype(str), _postcodes(rng, 40_000)
    urn = np.where(np.isin(place, ("P1", "T0")), "", homes[rng.integers(0, len(homes), len(heads))])
    rec = np.where(life.closes, _pick(rng, LEAVING, rows), "X1")
    at_18 = life.closes & (life.end >= life.birth[life.child] + int(18 * 365.25))
    moves = np.append(rne[1:] != "L", False) & ~life.closes
    return {
        "RNE": rne,
        "LS": _pick(rng, ("C2", "C2", "C1", "V2", "V2", "E1"), rows),
        "CIN": _pick(rng, ("N1", "N1", "N5", "N4", "N3", "N2", "N8"), children)[life.child],
        "PLACE": place[run],
        "PLACE_PROVIDER": provider[run],
        "REC": np.where(at_18, "E17", rec),
        "REASON_PLACE_CHANGE": np.where(moves, _pick(rng, REASONS, rows), ""),
        "HOME_POST": _postcodes(rng, children)[life.child],
        "PL_POST": addresses[rng.integers(0, len(addresses), len(heads))][run],
        "URN": urn[run],
    }


def header_columns(rng: np.random.Generator, life: Careers) -> dict[str, np.ndarray]:
    """One row a child. No girl is a mother here, so MOTHER and MC_DOB stay blank."""
    size = len(life.birth)
    letters = np.array(list("ABCDEFGHJKLMNPQRTUVWXYZ"), dtype=object)
    blank = np.full(size, "", dtype=object)
    return {
        "CHILD": (np.arange(size) + 1_000_001).astype(str),
        "SEX": _pick(rng, ("1", "1", "1", "2", "2"), size),
        "DOB": dates(life.birth),
        "ETHNIC": _pick(rng, ETHNICITIES, size),
        "UPN": letters[rng.integers(0, 23, size)] + rng.integers(10**11, 10**12, size).astype(str).astype(object),
        "MOTHER": blank,
        "MC_DOB": blank,
    }


def dates(days: np.ndarray) -> np.ndarray:
    """Days since 1970 as dd/mm/yyyy."""
    low = int(days.min())
    table = [(EPOCH + dt.timedelta(days=day)).strftime("%d/%m/%Y") for day in range(low, int(days.max()) + 1)]
    return np.array(table, dtype=object)[days - low]


def in_year(life: Careers, year: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows that the return beginning in `year` holds, which of them are open at its end)."""
    first, last = _day(dt.date(year, 4, 1)), _day(dt.date(year + 1, 3, 31))
    rows = np.flatnonzero((life.start <= last) & (life.end >= first))
    return rows, life.end[rows] > last


def write_csv(path: Path, names: tuple[str, ...], columns: dict[str, np.ndarray], rows: np.ndarray) -> None:
    table = pa.table({name: pa.array(columns[name][rows], pa.string()) for name in names})
    with path.open("wb") as stream:
        stream.write((",".join(names) + "\r\n").encode())
        pacsv.write_csv(table, stream, pacsv.WriteOptions(include_header=False, quoting_style="none", eol="\r\n"))


def make(folder: Path, rows: int, seed: int) -> int:
    """Write the ten folders (named by the year in which the return ends) and return the number of episode rows."""
    pilot = careers(np.random.default_rng(seed), 5_000)
    a_child = sum(len(in_year(pilot, FIRST_YEAR + year)[0]) for year in range(YEARS)) / len(pilot.birth)
    rng = np.random.default_rng(seed)
    life = careers(rng, max(int(rows / a_child), 1))
    columns, header = episode_columns(rng, life), header_columns(rng, life)
    columns |= {"CHILD": header["CHILD"][life.child], "DECOM": dates(life.start), "DEC": dates(life.end)}
    closing = ("DEC", "REC", "REASON_PLACE_CHANGE")
    written = 0
    for year in range(FIRST_YEAR, FIRST_YEAR + YEARS):
        mine, still_open = in_year(life, year)
        part = {name: values[mine] for name, values in columns.items()}
        part |= {name: np.where(still_open, "", part[name]) for name in closing}
        target = folder / str(year + 1)
        target.mkdir(parents=True, exist_ok=True)
        # As exports are: a child's rows together, the children in no order that a reader could rely on.
        place = rng.permutation(len(life.birth))[life.child[mine]]
        write_csv(target / "episodes.csv", EPISODES, part, np.argsort(place, kind="stable"))
        write_csv(target / "header.csv", HEADER, header, rng.permutation(np.unique(life.child[mine])))
        written += len(mine)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the ten folders are written")
    parser.add_argument("--rows", type=int, default=ROWS, help="episode rows in all, about")
    parser.add_argument("--seed", type=int, default=2021)
    given = parser.parse_args()
    print(f"{make(given.folder, given.rows, given.seed):,} episode rows in {YEARS} returns")


if __name__ == "__main__":
    main()

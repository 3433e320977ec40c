"""Forecast error beside cs-demand-model 0.5.1 and the last value carried forward, where the truth is known.

Synthetic authorities in which nothing changed (the sample's null world) are written without faults, each side is
fitted at the same quarters' ends on the same two years, and its forecast is held against the true number of children
in the peer's four categories. Nothing is fitted to the result: what loses is printed as it is.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ORIGINS = ("2018-03-31", "2018-09-30", "2019-03-31")
HORIZONS = (6, 12)  # months
YEARS = 2  # of the window, on both sides
SEEDS = 8
CATEGORIES = ("FOSTERING", "RESIDENTIAL", "SUPPORTED", "OTHER", "ALL")


def targets(origin: str) -> list[str]:
    """The month's end at each horizon."""
    from bond_eval.core.periods import month_end

    return [month_end(dt.date.fromisoformat(origin), months).isoformat() for months in HORIZONS]


def peer_side(files: str, asked: dict[str, list[str]]) -> None:
    """Run by the peer's own Python: its documented way from files to a daily prediction, as its command line does."""
    import pandas as pd
    from cs_demand_model import (
        Config,
        DemandModellingDataContainer,
        ModelPredictor,
        PopulationStats,
        fs_datastore,
    )

    config = Config()
    stats = PopulationStats(DemandModellingDataContainer(fs_datastore(files), config).enriched_view, config)
    found = {}
    for origin, days in asked.items():
        end = pd.Timestamp(origin)
        predictor = ModelPredictor.from_model(stats, end - pd.DateOffset(years=YEARS), end)
        path = predictor.predict((pd.Timestamp(days[-1]) - end).days)
        sums = path.T.groupby([column[1] for column in path.columns]).sum().T
        found[origin] = {day: sums.loc[pd.Timestamp(day)].to_dict() for day in days}
    print(json.dumps(found))


def our_side(folder: Path, asked: dict[str, list[str]]) -> dict[str, dict[str, dict[str, list[int]]]]:
    """Median and 95% limits of our forecast in the peer's categories, and the last value carried forward."""
    import numpy as np

    from bond_eval.intake.authority import Authority
    from bond_eval.intake.ssda903 import load_return
    from bond_eval.placements.categories import CATEGORIES as OURS
    from bond_eval.placements.demand import fit, latest_window, population
    from bond_eval.placements.demand_paths import simulate
    from bond_eval.placements.history import build_history

    groups = {
        "FOSTERING": ("IFA", "In-house fostering", "Connected carers"),
        "RESIDENTIAL": ("Outside placement", "In-house residential"),
        "SUPPORTED": ("Supported",),
    }
    named = [next((name for name, those in groups.items() if category in those), "OTHER") for category in OURS]
    into = np.array([[name in (group, "ALL") for name in CATEGORIES] for group in named])
    data = load_return(folder, Authority(key="benchmark", name="Benchmark"))
    history = build_history(data, data.submissions["last_day"].max())
    found: dict[str, dict[str, dict[str, list[int]]]] = {}
    for origin, days in asked.items():
        end = dt.date.fromisoformat(origin)
        start = population(history, end)
        nights = (dt.date.fromisoformat(days[-1]) - end).days
        made = simulate(fit(history, latest_window(history, end, YEARS)), start, end, nights, seed=1)
        last = (start.by_category() @ into).tolist()
        found[origin] = {}
        for day in days:
            draws = made.night(dt.date.fromisoformat(day)).astype(int) @ into
            lower, median, upper = np.quantile(draws, [0.025, 0.5, 0.975], axis=0, method="nearest").tolist()
            found[origin][day] = {"median": median, "lower": lower, "upper": upper, "last": last}
    return found


def authority(folder: Path, seed: int, children: int) -> dict[str, list[int]]:
    """Write one authority's annual returns without faults; its true numbers by day, in CATEGORIES.

    Annual returns alone: of the part-year's and the year's file the peer would drop one.
    """
    import pandas as pd
    from account import PLACES

    from bond_eval.sample.dice import Dice
    from bond_eval.sample.modules import returns
    from bond_eval.sample.render import files
    from bond_eval.sample.world import build_world

    world = build_world(seed, children, "null")
    made = {name: tables for name, tables in returns(world).items() if "to" not in name}
    for name, content in files(Dice(seed, 6), made)[0].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    rows = world.episodes
    rows = rows[~rows["LS"].isin(["V3", "V4"])].assign(group=rows["PLACE"].map(PLACES).fillna(3).astype(int))
    truth = {}
    for day in {day for origin in ORIGINS for day in targets(origin)}:
        there = rows[(rows["DECOM"] <= day) & (rows["DEC"].isna() | (rows["DEC"] > pd.Timestamp(day)))]
        counts = there["group"].value_counts().reindex(range(4), fill_value=0).tolist()
        truth[day] = [*counts, sum(counts)]
    return truth


def errors(work: Path, python: Path, seed: int, children: int) -> list[dict[str, object]]:
    """One row an origin, horizon and category: the absolute error of each, and whether our 95% band held the truth."""
    from agreement import plain_copy

    folder, plain = work / f"null-{seed}", work / f"plain-{seed}"
    truth = authority(folder, seed, children)
    asked = {origin: targets(origin) for origin in ORIGINS}
    plain_copy(folder, plain)
    began = time.perf_counter()
    mine = our_side(folder, asked)
    between = time.perf_counter()
    command = [str(python), str(Path(__file__).resolve()), "--side", str(plain), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"The peer failed: {done.stderr.strip().splitlines()[-1]}")
    theirs = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"  seed {seed}: {between - began:.1f} s and {time.perf_counter() - between:.1f} s", flush=True)
    rows = []
    for origin, days in asked.items():
        for months, day in zip(HORIZONS, days, strict=True):
            for place, name in enumerate(CATEGORIES):
                true, our, other = truth[day][place], mine[origin][day], theirs[origin][day]
                peer = sum(other.get(one, 0.0) for one in (CATEGORIES[:4] if name == "ALL" else (name,)))
                rows.append({
                    "category": name, "months": months, "true": true,
                    "bond_eval": abs(our["median"][place] - true), "cs-demand-model": abs(peer - true),
                    "last value": abs(our["last"][place] - true),
                    "inside 95%": our["lower"][place] <= true <= our["upper"][place],
                })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many authorities")
    parser.add_argument("--children", type=int, default=600, help="about how many are looked after in each")
    parser.add_argument("--work", type=Path, help="folder for the files and the peer's environment, kept for next time")
    parser.add_argument("--python", type=Path, help="Python of an environment in which the peer is installed already")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder where --work is not given")
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        return peer_side(given.side[0], json.loads(given.side[1]))
    sys.path[:0] = [str(HERE.parent), str(HERE)]
    import pandas as pd
    import peer
    from placements import working_folder

    with working_folder(given.work, given.keep) as work:
        python = given.python or peer.interpreter(work)
        rows = [row for seed in range(1, given.seeds + 1) for row in errors(work, python, seed, given.children)]
    table = pd.DataFrame(rows).groupby(["months", "category"], sort=False).mean()
    print(f"Mean absolute error, children, over {given.seeds} authorities × {len(ORIGINS)} origins, and coverage:")
    print(table.round(2).to_string())
    return None


if __name__ == "__main__":
    main()

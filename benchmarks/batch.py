"""Ten notebooks five ways, in turn: stock papermill, stock in two processes, ours with one and two workers, the floor.

The floor is the same cells in one plain Python process with one import of the libraries: no kernel, no file written.
Every way runs in a fresh process against one release that was built before; all ways of a round stand side by side, the
first in turn each round, and the ratios are of one round. Wall time is of the whole process, its imports included;
processor time is of that process and all below it. Then nbval of the whole reference run, ordinary and forked kernels.
Stops where ours shows anything that stock papermill does not. Linux only (elsewhere ours is stock).
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Of the first stage, of every room: quality, counts, cohorts, moves, a trend, three programmes, equity, money.
TEN = (
    "00_data_quality",
    "01_placement_trends",
    "02_baseline_cohorts",
    "03_placement_moves",
    "04_did_the_trend_change",
    "10_route29",
    "12_achieving_change_together",
    "13_domestic_abuse",
    "21_equity",
    "31_cost_avoidance",
)
PARAMETERS = {
    "authority": "salford",
    "quarter": "2020-21-Q2",
    "data": "data/sample/salford",
    "audience": "public",
    "seed": 2021,
}
FLOOR = "floor"
WAYS = ("stock", "stock, 2 processes", "ours, 1 worker", "ours, 2 workers", FLOOR)
# (way, of which way, what the ratio must be)
TARGETS = (
    ("ours, 2 workers", FLOOR, "at most", 1.3),
    ("ours, 1 worker", FLOOR, "at most", 1.8),
    ("stock", "ours, 2 workers", "at least", 4.0),
)
NBVAL = ("nbval, ordinary kernels", "nbval, forked kernels", "nbval, forked, 2 workers")
NBVAL_TARGET = 2.5
Measured = dict[str, tuple[float, float]]  # way -> wall seconds, processor seconds


def stock_one(work: Path, name: str) -> str:
    """One notebook by papermill's own engine in jupyter_client's own kernel."""
    import papermill

    place = work / "places" / name
    place.mkdir(parents=True)
    source, target = str(ROOT / "notebooks" / f"{name}.ipynb"), str(work / f"{name}.ipynb")
    papermill.execute_notebook(source, target, PARAMETERS, kernel_name="python3", progress_bar=False, cwd=str(place))
    return name


def stock(work: Path, names: Sequence[str], processes: int) -> None:
    """Stock papermill, in this process or in several."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from bond_eval.workbook.execute import kernel_environment

    os.environ.update(kernel_environment(work / "release", work))
    if processes == 1:
        for name in names:
            stock_one(work, name)
        return
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for future in [pool.submit(stock_one, work, name) for name in names]:
            future.result()


def ours(work: Path, names: Sequence[str], workers: int) -> None:
    """As `bond-eval run` does; what the notebooks' own time was is left for the profile."""
    from bond_eval.workbook import kernels
    from bond_eval.workbook.execute import Job, execute_all, kernel_environment

    jobs = []
    for name in names:
        place = work / "places" / name
        place.mkdir(parents=True)
        jobs.append(Job(name, ROOT / "notebooks" / f"{name}.ipynb", work / f"{name}.ipynb", place, PARAMETERS, 300))
    outcomes = []
    execute_all(jobs, workers, kernel_environment(work / "release", work), outcomes.append)
    kernels.close()
    if any(outcome.raised for outcome in outcomes):
        raise SystemExit(f"It did not run: {outcomes}")
    (work / "seconds.json").write_text(json.dumps({outcome.name: outcome.seconds for outcome in outcomes}))


def floor(work: Path, names: Sequence[str]) -> None:
    """The cells as plain Python; the last expression of each is rendered, as a kernel would."""
    began = time.perf_counter()
    os.environ["BOND_RELEASE"] = str(work / "release")
    import matplotlib.pyplot  # noqa: F401
    import pandas  # noqa: F401

    import bond_eval.evidence.book  # noqa: F401

    imported = time.perf_counter() - began
    for name in names:
        content = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
        names_known = {"__name__": "__main__", "display": _rendered}
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
                    _plain("".join(cell["source"]), names_known)
                if "parameters" in cell["metadata"].get("tags", []):
                    names_known.update(PARAMETERS)
    (work / "seconds.json").write_text(
        json.dumps({"imports": imported, "cells": time.perf_counter() - began - imported})
    )


def _plain(source: str, known: dict[str, object]) -> None:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), known)
    if isinstance(last, ast.Expr):
        _rendered(eval(compile(ast.Expression(last.value), "cell", "eval"), known))


def _rendered(*values: object) -> None:
    """What a kernel makes of a value that is displayed."""
    for value in values:
        for show in ("__repr__", "_repr_mimebundle_", "_repr_html_"):
            if value is not None and hasattr(value, show):
                getattr(value, show)()


BY_NAME: dict[str, Callable[[Path, Sequence[str]], None]] = {
    "stock": lambda work, names: stock(work, names, 1),
    "stock, 2 processes": lambda work, names: stock(work, names, 2),
    "ours, 1 worker": lambda work, names: ours(work, names, 1),
    "ours, 2 workers": lambda work, names: ours(work, names, 2),
    FLOOR: floor,
}


def timed(command: Sequence[str], log: Path, **variables: str) -> tuple[float, float]:
    """Wall and processor seconds of a process with all below it. Raises SystemExit where it fails."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, **variables}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with log.open("w") as file:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{log.read_text()[-3000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def one_round(turn: int, base: Path, release: Path, names: Sequence[str]) -> Measured:
    """Every way once, beginning with another each time."""
    measured: Measured = {}
    for way in WAYS[turn % len(WAYS) :] + WAYS[: turn % len(WAYS)]:
        work = base / f"{turn}_{WAYS.index(way)}"
        shutil.copytree(release, work / "release")
        command = [sys.executable, str(Path(__file__).resolve()), "--way", way, "--work", str(work), *names]
        measured[way] = timed(command, work / "log")
    differ = [name for name in names if _shown(base / f"{turn}_0", name) != _shown(base / f"{turn}_3", name)]
    if differ:
        raise SystemExit(f"Ours does not show what stock papermill shows: {', '.join(differ)}.")
    return measured


def _shown(work: Path, name: str) -> list[object]:
    content = json.loads((work / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [(cell["source"], cell.get("execution_count"), cell.get("outputs")) for cell in content["cells"]]


def nbval_round(turn: int, base: Path, files: Sequence[str]) -> Measured:
    """nbval three ways."""
    from bond_eval.workbook.kernels import ORDINARY

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", *files]
    parallel = ["-n", "2", "--dist", "loadscope"]
    log, measured = base / f"nbval_{turn}", {}
    for way in NBVAL[turn % 3 :] + NBVAL[: turn % 3]:
        more = parallel if way == NBVAL[2] else []
        measured[way] = timed([*command, *more], log, **{ORDINARY: "1" if way == NBVAL[0] else ""})
    return measured


def table(rounds: Sequence[Measured], ways: Sequence[str]) -> list[str]:
    """Seconds of each way: lowest, median, highest of the rounds."""
    lines = [f"{'':26}{'wall seconds':^24}{'processor':>10}", f"{'':26}{'min':>8}{'median':>8}{'max':>8}{'median':>10}"]
    for way in ways:
        wall, processor = zip(*(measured[way] for measured in rounds), strict=True)
        middle = f"{statistics.median(wall):8.1f}"
        lines.append(f"{way:26}{min(wall):8.1f}{middle}{max(wall):8.1f}{statistics.median(processor):10.1f}")
    return lines


def ratio(rounds: Sequence[Measured], way: str, other: str) -> str:
    """The ratio of two ways in each round, its median first; then of their processor time."""
    walls = [measured[way][0] / measured[other][0] for measured in rounds]
    processors = statistics.median(measured[way][1] / measured[other][1] for measured in rounds)
    each = ", ".join(f"{wall:.2f}" for wall in walls)
    return f"{way} / {other}: {statistics.median(walls):.2f} (each round {each}; processor {processors:.2f})"


def verdict(rounds: Sequence[Measured], way: str, other: str, side: str, target: float) -> tuple[str, bool]:
    """The ratio beside its target, and whether it is met."""
    found = statistics.median(measured[way][0] / measured[other][0] for measured in rounds)
    met = found <= target if side == "at most" else found >= target
    words = "PASS" if met else "SHORT OF TARGET"
    return f"{ratio(rounds, way, other)}; {side} {target}: {words}", met


def profile(base: Path, turn: int, names: Sequence[str], measured: Measured) -> list[str]:
    """Where the time of ours and of the floor goes in one round."""
    plain = json.loads((base / f"{turn}_4" / "seconds.json").read_text())
    lines = [f"{FLOOR}: imports {plain['imports']:.1f} s, cells {plain['cells']:.1f} s"]
    for way in ("ours, 1 worker", "ours, 2 workers"):
        work, workers = base / f"{turn}_{WAYS.index(way)}", int(way.split()[1])
        seconds = json.loads((work / "seconds.json").read_text())
        cells = sum(_cells(work / f"{name}.ipynb") for name in names)
        whole, rest = sum(seconds.values()), measured[way][0] - sum(seconds.values()) / workers
        lines.append(
            f"{way}: cells {cells:.1f} s and kernels' start and end {whole - cells:.1f} s (the first waits for the "
            f"server's imports), over {workers}; before the first, after the last and idle {rest:.1f} s"
        )
    return lines


def _cells(path: Path) -> float:
    content = json.loads(path.read_text(encoding="utf-8"))
    return sum(cell["metadata"]["papermill"]["duration"] or 0.0 for cell in content["cells"])


def build(folder: Path) -> None:
    """The release that every way reads; its tables are kept, so that nbval finds them too."""
    from bond_eval.core.periods import Quarter
    from bond_eval.evidence.shelf import kept_release

    kept = kept_release(ROOT / "data" / "sample" / "salford", "salford", Quarter.parse("2020-21-Q2"), "public", 2021)
    folder.mkdir()
    kept.save(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks, the ten where none is named")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--small", action="store_true", help="three notebooks, one round: does it run? (no fair figure)"
    )
    parser.add_argument("--nbval-rounds", type=int, default=1, help="0 leaves nbval out")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if given.way:
        BY_NAME[given.way](given.work, given.names)
        return
    names, rounds = given.names or TEN, 1 if given.small else given.rounds
    names = names[1:4] if given.small else names
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        build(base / "release")
        print(
            f"{len(names)} notebooks ({', '.join(names)}), {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
        )
        batch = []
        for turn in range(rounds):
            batch.append(one_round(turn, base, base / "release", names))
            print(*profile(base, turn, names, batch[-1]), sep="\n", flush=True)
        print(*table(batch, WAYS), sep="\n")
        for target in TARGETS:
            print(verdict(batch, *target)[0])
        for pair in (("stock", "ours, 1 worker"), ("stock, 2 processes", "ours, 2 workers"), ("stock", FLOOR)):
            print(ratio(batch, *pair))
        print(f"Outputs of ours and of stock papermill: equal, cell by cell, in all {len(names)} notebooks", flush=True)
        if given.nbval_rounds:
            reference = "outputs/reference/notebooks"
            files = [f"{reference}/{name}.ipynb" for name in names] if given.small else [reference]
            checked = [nbval_round(turn, base, files) for turn in range(given.nbval_rounds)]
            print(*table(checked, NBVAL), sep="\n")
            print(verdict(checked, NBVAL[0], NBVAL[1], "at least", NBVAL_TARGET)[0])
            print(ratio(checked, NBVAL[0], NBVAL[2]))


if __name__ == "__main__":
    main()

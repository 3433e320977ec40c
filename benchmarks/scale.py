"""From a laptop to a region: cost by number of children, jobs a minute with 1 and 2 workers, ten authorities at once.

`steps` (default): one authority of each size, each in a fresh process: processor seconds of reading, stitching, every
table, the disclosure plan and the gate, how each grows from one size to the next (1: in proportion), and the peak
memory. `jobs`: a small batch with one and with two workers. `region`: 10 authorities x 4 quarters, whole, with the peak
resident memory of the batch and all below it. All children are synthetic. Linux and macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
QUARTERS = ("2019-20-Q3", "2019-20-Q4", "2020-21-Q1", "2020-21-Q2")
LIGHT = ("00_data_quality", "01_placement_trends")
SLOWEST, LIMIT_MB, LINEAR = 8, 4096, 1.2
FIRST_SEED = 2021  # of the first authority of a batch; the others' follow it
GROUPS = ("write the sample", "read", "stitch", "tables", "disclosure plan", "gate")


@contextlib.contextmanager
def clock(spent: dict[str, float], name: str) -> Iterator[None]:
    """Add the processor seconds of a block to a name."""
    began = time.process_time()
    try:
        yield
    finally:
        spent[name] += time.process_time() - began


def timed(spent: dict[str, float], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with the processor seconds of its calls added to a name."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        with clock(spent, name):
            return function(*args, **named)

    return call


def one_size(children: int, work: Path) -> None:
    """All steps for one authority of a size, in this process; prints what they took as JSON."""
    sys.path.insert(0, str(ROOT))
    from bond_eval.core.periods import Quarter
    from bond_eval.evidence import view as views
    from bond_eval.evidence.disclosure import collapsed, make_plan
    from bond_eval.evidence.gate import protect
    from bond_eval.evidence.registry import registered

    spent: dict[str, float] = defaultdict(float)
    for name in ("load_return", "load_finance", "load_register", "load_measures", "build_history"):
        label = "stitch" if name == "build_history" else f"read: {name}"
        setattr(views, name, timed(spent, label, getattr(views, name)))
    view = views.load_view(work / str(children), "scale", Quarter.parse(QUARTERS[-1]), "public", 2021)
    built = {}
    for id, spec in sorted(registered().items()):
        with clock(spent, f"table {id}"):
            built[id] = (spec, collapsed(spec, spec.build(view)))
    with clock(spent, "disclosure plan"):
        plan = make_plan(built, {"as_of": view.as_of.isoformat(), "baseline": view.baseline.isoformat()})
    with clock(spent, "gate"):
        for spec, frame in built.values():
            protect(spec, frame, "public", plan)
    counted = int(view.counts.on(view.as_of).to_numpy().sum())
    print(json.dumps({"spent": spent, "peak": peak_mb(), "looked_after": counted}))


def peak_mb() -> float:
    """Peak resident memory of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def write(children: int, work: Path) -> float:
    """Write a sample of a size in a process of its own; its seconds."""
    code = "import sys; from pathlib import Path; from bond_eval.sample import write_sample\n"
    code += "write_sample(Path(sys.argv[1]), children=int(sys.argv[2]))"
    began = time.perf_counter()
    line = [sys.executable, "-c", code, str(work / str(children)), str(children)]
    subprocess.run(line, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    return time.perf_counter() - began


def steps(sizes: list[int], work: Path) -> None:
    """Every size in turn, and how the cost of each step grows."""
    found = []
    for children in sizes:
        written = write(children, work) if not (work / str(children)).exists() else math.nan
        line = [sys.executable, str(Path(__file__).resolve()), "one", "--sizes", str(children), "--work", str(work)]
        done = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
        spent = {"write the sample": written, **done["spent"]}
        spent |= {"read": sum(n for name, n in spent.items() if name.startswith("read: "))}
        spent |= {"tables": sum(n for name, n in spent.items() if name.startswith("table "))}
        found.append((children, spent))
        whole = sum(spent[name] for name in GROUPS[1:])
        over = "" if done["peak"] <= LIMIT_MB else f", OVER THE LIMIT of {LIMIT_MB:,} MB"
        each, looked_after = 1000 * whole / children, done["looked_after"]
        print(f"{children:,} children ({looked_after:,} on the last day): {whole:.1f} processor s (not writing them), "
              f"{each:.2f} ms a child, peak {done['peak']:,.0f} MB{over}", flush=True)  # fmt: skip
        for name in GROUPS:
            print(f"  {name:18}{spent[name]:9.2f} s {1000 * spent[name] / children:9.3f} ms a child", flush=True)
    for (few, before), (many, after) in itertools.pairwise(found):
        print(f"From {few:,} to {many:,} children: power of growth (1: in proportion, less: better)")
        told = [*GROUPS[1:], *sorted(after, key=lambda name: -after[name])]
        slow = [name for name in dict.fromkeys(told) if name in GROUPS or after[name] > 0.02 * sum(after.values())]
        for name in slow[: len(GROUPS) + SLOWEST]:
            power = math.log(after[name] / max(before[name], 1e-3)) / math.log(many / few)
            mark = "  more than in proportion" if power > LINEAR else ""
            print(f"  {name:34}{before[name]:9.2f} s to {after[name]:9.2f} s: {power:5.2f}{mark}", flush=True)


class Watch:
    """Peak resident memory of this process and all below it, MB, looked at ten times a second."""

    def __enter__(self) -> Watch:
        self.peak, self._end = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        import psutil

        own = psutil.Process()
        while not self._end.wait(0.1):
            size = 0
            for process in [own, *own.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    size += process.memory_info().rss
            self.peak = max(self.peak, size / 1024**2)


def batch(work: Path, authorities: int, quarters: tuple[str, ...], only: tuple[str, ...], how: tuple[int, int]) -> None:
    """One batch of so many authorities; `how`: children of each, and workers. Prints jobs a minute and peak memory."""
    sys.path.insert(0, str(ROOT))
    from bond_eval.workbook.batch import run_batch
    from bond_eval.workbook.batch_plan import Planned
    from bond_eval.workbook.progress import Lines

    children, workers = how
    names = [f"authority-{number}" for number in range(authorities)]
    for seed, name in enumerate(names, FIRST_SEED):
        if not (work / name).exists():
            from bond_eval.sample import write_sample

            write_sample(work / name, seed=seed, children=children, world="null")
    plan = [Planned(name, quarter, str(work / name), only=only) for quarter in quarters for name in names]
    with tempfile.TemporaryDirectory(dir=work) as out, Watch() as watch:
        for turn in ("", ", again with nothing changed"):
            began = time.perf_counter()
            report = run_batch(plan, out, workers, progress=Lines(sys.stderr))
            minutes = (time.perf_counter() - began) / 60
            ended = ", ".join(sorted({result.status for result in report.results}))
            print(f"{len(plan)} jobs of {children} children, {len(only) or 'all'} notebooks, {workers} workers{turn}: "
                  f"{60 * minutes:.0f} s, {len(plan) / minutes:.2f} jobs a minute ({ended})", flush=True)  # fmt: skip
    verdict = "PASS" if watch.peak <= LIMIT_MB else "OVER THE LIMIT"
    print(f"  peak of all processes together {watch.peak:,.0f} MB (limit {LIMIT_MB:,} MB): {verdict}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("steps", "jobs", "region", "one"), default="steps")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000], help="children of an authority")
    parser.add_argument("--children", type=int, default=100, help="children of each authority of jobs and region")
    parser.add_argument("--authorities", type=int, default=10, help="authorities of region")
    parser.add_argument("--quarters", type=int, default=4, choices=range(1, 5), help="quarters of region")
    parser.add_argument("--workers", type=int, nargs="+", default=[2], help="workers of region, one batch for each")
    parser.add_argument("--work", type=Path, help="folder for the samples, kept for next time")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        work = given.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bond-eval-scale-")))
        work.mkdir(parents=True, exist_ok=True)
        if given.what == "one":
            one_size(given.sizes[0], work)
        elif given.what == "steps":
            steps(given.sizes, work)
        elif given.what == "jobs":
            for workers in (1, 2):
                batch(work, 2, QUARTERS[-2:], LIGHT, (given.children, workers))
        else:
            for workers in given.workers:
                batch(work, given.authorities, QUARTERS[-given.quarters :], (), (given.children, workers))


if __name__ == "__main__":
    main()

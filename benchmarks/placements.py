"""Speed and memory: ten annual returns read, checked, stitched and counted by day, by us and by cs-demand-model.

The same task from the same files, each time in a fresh process, the two sides in turn so that whatever else the
machine does meets both. Wall time and peak memory are of the whole process, start of the interpreter included.
Runs on Linux and macOS (it asks the kernel for each process's own figures).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import peer

HERE = Path(__file__).resolve().parent
TARGET, GOAL, MEMORY = 10.0, 20.0, 1 / 3
SIDES = ("bond_eval", peer.PEER.replace("==", " "))


@dataclass(frozen=True)
class Run:
    """One process: seconds of wall time and of processor time, peak resident MB, children on each 31 March."""

    seconds: float
    processor: float
    peak: float
    year_ends: dict[str, int]


def ours(files: Path) -> None:
    """The task on our side: run in a process of its own."""
    sys.path.insert(0, str(HERE.parent))
    from bond_eval.intake.authority import Authority
    from bond_eval.intake.ssda903 import load_return
    from bond_eval.placements.counts import daily_counts
    from bond_eval.placements.history import build_history

    data = load_return(files, Authority(key="benchmark", name="Benchmark"))
    counts = daily_counts(build_history(data, data.submissions["last_day"].max()))
    totals = counts.by_category().sum(axis=1)
    year_ends = totals[(totals.index.month == 3) & (totals.index.day == 31)]
    print(json.dumps({"year_ends": {str(day.date()): int(count) for day, count in year_ends.items()}}))


def measure(command: list[str]) -> Run:
    """Run to the end and take the kernel's figures for that one process. Raises SystemExit where it fails.

    A process's peak is never less than what its parent held when it was started, so nothing large is imported here.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0), errors.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command[:2])} failed:\n{errors.read()[-2000:]}")
        year_ends = json.load(output)["year_ends"]
    megabytes = usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    return Run(seconds, usage.ru_utime + usage.ru_stime, megabytes, year_ends)


def commands(files: Path, python: Path) -> tuple[list[str], list[str]]:
    """What each side is asked to run on a folder of returns."""
    return [sys.executable, str(Path(__file__).resolve()), "--side", str(files)], peer.command(python, files)


def make_files(folder: Path, rows: int) -> None:
    """In a process of its own: what it holds in memory would count as the peak of every later run."""
    part = folder.with_suffix(".part")  # a folder by its own name is always whole
    subprocess.run([sys.executable, str(HERE / "make_files.py"), str(part), "--rows", str(rows)], check=True)
    part.rename(folder)


def compare(files: Path, python: Path, pairs: int) -> list[tuple[Run, Run]]:
    """`pairs` runs of each side, ours and the peer's in turn. Raises SystemExit where they count differently."""
    runs = []
    for pair in range(pairs):
        mine, theirs = (measure(command) for command in commands(files, python))
        differ = [day for day, count in mine.year_ends.items() if theirs.year_ends.get(day) != count]
        if differ:
            raise SystemExit(f"The two do not count the same children on {', '.join(differ)}: no comparison of speed.")
        print(f"  pair {pair + 1}: {mine.seconds:.1f} s and {theirs.seconds:.1f} s", flush=True)
        runs.append((mine, theirs))
    return runs


def report(runs: list[tuple[Run, Run]]) -> str:
    """The table, the ratio of each pair's wall time and peak memory, and the verdict on both."""
    lines = [f"{'':24}{'wall seconds':^24}{'processor':>10}{'peak MB':>9}"]
    lines.append(f"{'':24}{'min':>8}{'median':>8}{'max':>8}{'median':>10}{'max':>9}")
    for name, side in zip(SIDES, zip(*runs, strict=True), strict=True):
        wall = [run.seconds for run in side]
        processor, peak = statistics.median(run.processor for run in side), max(run.peak for run in side)
        figures = f"{min(wall):8.1f}{statistics.median(wall):8.1f}{max(wall):8.1f}{processor:10.1f}{peak:9.0f}"
        lines.append(f"{name:24}{figures}")
    speed = statistics.median(theirs.seconds / mine.seconds for mine, theirs in runs)
    memory = statistics.median(mine.peak / theirs.peak for mine, theirs in runs)
    lines.append(f"speed: {speed:.1f} times as fast (target {TARGET:.0f}, goal {GOAL:.0f}): {_speed_verdict(speed)}")
    verdict = "PASS" if memory < MEMORY else "SHORT OF TARGET"
    lines.append(f"memory: {memory:.2f} of its peak (target under {MEMORY:.2f}): {verdict}")
    lines.append(f"children on each 31 March: the same on both sides, {len(runs[0][0].year_ends)} of them")
    return "\n".join(lines)


def _speed_verdict(speed: float) -> str:
    if speed >= GOAL:
        return "PASS, goal reached"
    return "PASS, short of the goal" if speed >= TARGET else "SHORT OF TARGET"


@contextlib.contextmanager
def working_folder(given: Path | None, keep: bool) -> Iterator[Path]:
    """The folder for the files and the peer's environment; a temporary one goes at the end unless it is to be kept."""
    if given or keep:
        folder = given or Path(tempfile.mkdtemp(prefix="bond-eval-benchmark-"))
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        print(f"kept: {folder}")
    else:
        with tempfile.TemporaryDirectory(prefix="bond-eval-benchmark-") as name:
            yield Path(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_350_000, help="episode rows in all, about")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each side")
    parser.add_argument("--quick", action="store_true", help="one pair of runs on a tenth of the rows")
    parser.add_argument("--work", type=Path, help="folder for the files and the peer's environment, kept for next time")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder where --work is not given")
    parser.add_argument("--side", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        return ours(given.side)
    rows, pairs = (given.rows // 10, 1) if given.quick else (given.rows, given.pairs)
    with working_folder(given.work, given.keep) as work:
        python = peer.interpreter(work)
        files, warm = work / f"files-{rows}", work / "files-5000"
        for folder, size in ((warm, 5_000), (files, rows)):
            if not folder.exists():
                make_files(folder, size)
        for command in commands(warm, python):  # compiles what is not compiled yet, on neither side's clock
            measure(command)
        print(report(compare(files, python, pairs)))
    return None


if __name__ == "__main__":
    main()

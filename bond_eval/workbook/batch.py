"""Many runs: those of an authority one after another, authorities side by side, each in a process of its own.

Nothing is remembered but what the runs publish: a second batch asks every run again, and what did not change is
reused by the run itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bond_eval.core import formats
from bond_eval.core.errors import InputError
from bond_eval.core.places import MANIFEST
from bond_eval.workbook.batch_job import COLUMNS, REFUSED, JobResult, carry_out
from bond_eval.workbook.batch_plan import Planned
from bond_eval.workbook.cluster import workers
from bond_eval.workbook.locks import interruptible
from bond_eval.workbook.progress import Progress
from bond_eval.workbook.settings import DONE, FAILED, INCOMPLETE
from bond_eval.workbook.store import exists, is_url, joined, lasting, write

SUMMARY = "summary.csv"
# Not that it is older: where a scheduler is lost, a worker may put a run there that is not heard of any more.
STANDS = "The run that stands there is not one that this batch saw end."


@dataclass(frozen=True)
class BatchReport:
    """How each run ended, in the plan's order, and what the audit found in the regional page."""

    results: tuple[JobResult, ...]
    falls: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 where every run is whole, 3 where the audit refused a run or the regional page, else 1."""
        found = {result.status for result in self.results}
        return 3 if self.falls or REFUSED in found else 1 if found - {DONE} else 0

    def lines(self) -> list[str]:
        """The summary as a terminal shows it."""
        heads = COLUMNS[:-1]
        rows = [heads, *(tuple(result.row()[head] for head in heads) for result in self.results)]
        widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
        table = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        said = [f"{result.name}: {result.message}" for result in self.results if result.message]
        whole = sum(result.status == DONE for result in self.results)
        return [*table, *said, f"{whole} of {formats.plural(len(self.results), 'run')} whole.", *self.falls]


def run_batch(
    plan: Sequence[Planned], out: str, jobs: int = 2, scheduler: str = "", progress: Any = None, retries: int = 2
) -> BatchReport:
    """Run a plan: `jobs` at once here, or on the Dask cluster at `scheduler`. `out`: a folder or URL.

    Writes the runs, logs/NAME.log, summary.csv, region.html and region.csv. A run whose process dies is begun again up
    to `retries` times. Raises InputError where nothing can be begun, and KeyboardInterrupt once every run begun has
    ended, or on a cluster has had the time to.
    """
    from bond_eval.workbook.region import as_csv, publish_region

    out = lasting(out) if is_url(out) else str(Path(out).resolve())
    told, batch = progress or Progress(), uuid.uuid4().hex[:12]
    write(joined(out, "logs", "README.txt"), b"A log for each run of the last batch: steps and times, nothing else.\n")
    with interruptible(), workers(jobs, scheduler, batch, told.note) as pool:
        told.begin([job.name for job in plan])
        try:
            found = _run_all(pool, plan, (out, batch, retries), told)
        finally:
            told.end()
    failed = {name for name, one in found.items() if one.stands or one.status in (FAILED, REFUSED)}
    stale = {
        job.name for job in plan if job.name in failed and exists(joined(out, job.authority, job.folder, MANIFEST))
    }
    for name in stale:
        if found[name].status != INCOMPLETE:  # which says so itself
            found[name] = replace(found[name], message=f"{found[name].message} {STANDS}")
    results = tuple(found[job.name] for job in plan)
    write(joined(out, SUMMARY), as_csv([result.row() for result in results], COLUMNS).encode("utf-8"))
    told.note("Laying the authorities side by side")
    return BatchReport(results, publish_region(plan, out, stale))


def _run_all(pool: Executor, plan: Sequence[Planned], how: tuple[str, str, int], told: Any) -> dict[str, JobResult]:
    """Every job, each once the one before it in its chain has ended, well or ill."""
    chains: dict[tuple[str, str], list[Planned]] = {}
    for job in sorted(plan, key=lambda job: job.quarter, reverse=True):
        chains.setdefault(job.chain, []).append(job)
    # The longest chain decides how long all takes.
    heads = sorted(chains.values(), key=len, reverse=True)
    running: dict[Future[JobResult], tuple[Planned, list[Planned]]] = {}
    found: dict[str, JobResult] = {}

    def begin(chain: list[Planned]) -> None:
        if chain:
            job = chain.pop()
            running[pool.submit(carry_out, job, *how)] = (job, chain)

    for chain in heads:
        begin(chain)
    while running:
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            job, chain = running.pop(future)
            found[job.name] = _result(job, future)
            told.done(found[job.name])
            begin(chain)
    return found


def _result(job: Planned, future: Future[JobResult]) -> JobResult:
    """What a job gave; a failure where a cluster gives it up, since worker after worker was lost with it."""
    try:
        return future.result()
    except (InputError, OSError) as error:
        said = str(error) if isinstance(error, InputError) else f"It could not be begun ({type(error).__name__})."
    except Exception as error:  # distributed raises classes of its own, and the others are to go on
        kind = type(error).__name__
        what = "its workers have too little memory" if kind == "KilledWorker" else "its scheduler is still there"
        said = f"Given up by the cluster ({kind}): see whether {what}."
    return JobResult.of(job, status=FAILED, message=said)

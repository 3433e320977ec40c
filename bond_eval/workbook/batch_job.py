"""One run of a batch, in a process of its own: begun by `carry_out`, here or on a worker of a cluster.

The process holds on to the one that began it by its standard input: where that closes (interrupted, killed, the
machine of the worker gone), the run ends as it does at Ctrl-C. Its temporary files lie in a folder that goes with it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from bond_eval.core.atomic import write_json
from bond_eval.core.errors import InputError
from bond_eval.core.places import python_path
from bond_eval.workbook.batch_plan import Planned
from bond_eval.workbook.locks import interrupt, private_folder
from bond_eval.workbook.settings import DONE, FAILED, INCOMPLETE, RunReport
from bond_eval.workbook.store import is_url, joined, read, run_at, write

GRACE = 20.0  # seconds that a run has to clear up once it is to end
ATTEMPT = "Attempt "
REFUSED = "refused"
COLUMNS = ("authority", "quarter", "audience", "status", "notebooks", "done", "reused", "failed", "attempts", "seconds",
           "message")  # fmt: skip
_LIVE: dict[subprocess.Popen[bytes], str] = {}  # process -> its batch
_ENDED: set[str] = set()  # batches: a worker of a cluster may serve others


@dataclass(frozen=True)
class JobResult:
    """How a run of a batch ended. `notebooks`: how many were asked for, of which so many are `done`, `unchanged` since
    an earlier run, or not whole (`failed`); `attempts`: how often it was begun; `stands`: as of a RunReport."""

    name: str
    authority: str
    quarter: str
    audience: str
    status: str
    notebooks: int = 0
    done: int = 0
    unchanged: int = 0
    failed: int = 0
    attempts: int = 0
    seconds: float = 0.0
    message: str = ""
    stands: bool = False

    @property
    def reused(self) -> bool:
        """True where all of it is that of an earlier run."""
        return self.status == DONE and self.notebooks == self.unchanged

    def row(self) -> dict[str, str]:
        """A row of the summary."""
        told = asdict(self)
        return {name: _text(told["unchanged" if name == "reused" else name]) for name in COLUMNS}

    @classmethod
    def of(cls, job: Planned, **parts: Any) -> JobResult:
        """The result of a planned run."""
        return cls(job.name, job.authority, job.quarter, job.audience, **parts)


def carry_out(job: Planned, out: str, batch: str, retries: int) -> JobResult:
    """Run a planned job in a process of its own; one that dies is begun again, `retries` times.

    `batch` names this batch, so that attempts on other machines are counted too.
    """
    for _ in range(retries + 1):
        if batch in _ENDED:
            break
        if found := _attempt({"job": asdict(job), "out": out, "batch": batch, "retries": retries}):
            return found
    return JobResult.of(job, status=FAILED, attempts=retries + 1, message=_died(retries + 1))


def end_all(batch: str) -> int:
    """Tell every run of a batch that this process began to end, as at Ctrl-C; how many of them are still there."""
    _ENDED.add(batch)
    running = [process for process, of in list(_LIVE.items()) if of == batch]
    for process in running:
        _let_go(process)
    return len(running)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _died(times: int) -> str:
    return f"Its process died {times} times: see whether the machine has too little memory."


def _attempt(task: Mapping[str, Any]) -> JobResult | None:
    """What the process left; None where it died."""
    with private_folder() as folder:
        private = str(folder)
        write_json(Path(private, "task.json"), dict(task))
        kept = {"TMPDIR": private, "TEMP": private, "TMP": private, "PYTHONPATH": python_path()}
        process = subprocess.Popen(
            [sys.executable, "-m", "bond_eval.workbook.batch_job", private],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # a traceback may hold a value; what went wrong is in the log, in our words
            env=os.environ | kept,
            start_new_session=True,  # Ctrl-C is passed on once, by closing its input
        )
        _LIVE[process] = task["batch"]
        try:
            if task["batch"] in _ENDED:  # in the moment in which it was begun
                _let_go(process)
            process.wait()
        finally:
            del _LIVE[process]
            _let_go(process)
        answer = read(str(Path(private, "result.json")))
        return JobResult(**json.loads(answer)) if answer else None


class _Log:
    """The log of a job, in the words of the run's progress: a line a step and a notebook, with the time."""

    def __init__(self, place: str, batch: str) -> None:
        before = (read(place) or b"").decode("utf-8")
        self.place, self.text = place, before if before.startswith(f"Batch {batch}\n") else f"Batch {batch}\n"
        self.attempts = self.text.count(f" {ATTEMPT}") + 1
        self.note(f"{ATTEMPT}{self.attempts}")

    def note(self, text: str) -> None:
        self._add(text)
        write(self.place, self.text.encode("utf-8"))

    def write(self, text: str) -> None:
        """As a stream, for the lines of a run's progress. In a store a line is worth no request of its own."""
        if text.strip():
            self._add(text.strip())
            if not is_url(self.place):
                write(self.place, self.text.encode("utf-8"))

    def flush(self) -> None:
        """Nothing is held back."""

    def _add(self, text: str) -> None:
        self.text += f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} UTC {text}\n"


def run_job(job: Planned, out: str, log: Any) -> JobResult:
    """Run a planned job in this process, whatever comes of it; `log` is a stream for its lines."""
    started = time.perf_counter()
    try:
        from bond_eval.workbook.progress import Lines
        from bond_eval.workbook.run import run_workbook

        told = Lines(log)
        report = run_at(job.data, out, job.settings, lambda settings: run_workbook(settings, told), told.note)
    except InputError as error:
        return JobResult.of(job, status=FAILED, message=str(error), seconds=time.perf_counter() - started)
    except Exception as error:  # one job's trouble is not the others'; its text may hold a value
        said = f"The run ended with {type(error).__name__}: run this quarter alone to see why."
        return JobResult.of(job, status=FAILED, message=said, seconds=time.perf_counter() - started)
    return JobResult.of(job, **_counted(report), seconds=time.perf_counter() - started)


def _counted(report: RunReport) -> dict[str, Any]:
    """Status and numbers of a run that came to its end."""
    results = report.results
    bad = [result.name for result in results if not result.done]
    message = f"Not whole: {', '.join(bad)}.{' The earlier run stands.' * report.stands}" if bad else ""
    if report.refused:  # what the audit found are counts of children, which no log may hold
        message = "The audit found what may not be published: run this quarter alone to see it."
    return {
        "status": REFUSED if report.refused else INCOMPLETE if bad else DONE,
        "notebooks": len(results),
        "done": len(results) - len(bad),
        "unchanged": sum(result.reused for result in results),
        "failed": len(bad),
        "message": message,
        "stands": report.stands,
    }


def _text(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _watch(lifeline: IO[bytes]) -> None:
    """End this process as Ctrl-C would once nobody holds the other end."""
    while os.read(lifeline.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(130)


def main(private: str) -> None:
    """The process: reads the task in a private folder, leaves its result there."""
    task = json.loads(Path(private, "task.json").read_text(encoding="utf-8"))
    job = Planned(**task["job"] | {"only": tuple(task["job"]["only"])})
    signal.signal(signal.SIGTERM, interrupt)
    threading.Thread(target=_watch, args=(sys.stdin.buffer,), daemon=True).start()
    try:
        log = _Log(joined(task["out"], "logs", f"{job.name}.log"), task["batch"])
        if log.attempts > task["retries"] + 1:
            found = JobResult.of(job, status=FAILED, message=_died(log.attempts - 1))
        else:
            found = run_job(job, task["out"], log)
        said = asdict(found) | {"attempts": log.attempts}
        log.note(f"{found.status} in {found.seconds:.1f} s {found.message}".strip())
    except InputError as error:  # the log itself cannot be written
        said = asdict(JobResult.of(job, status=FAILED, message=str(error), attempts=1))
    write_json(Path(private, "result.json"), said)


if __name__ == "__main__":
    main(sys.argv[1])

"""Runs the workbook for one authority and quarter. What it publishes appears whole, or the last run stays."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bond_eval.core.atomic import replaced_folder, write_json, write_text
from bond_eval.core.periods import Quarter
from bond_eval.workbook.cells import assess, cut_off
from bond_eval.workbook.collect import as_file, collect
from bond_eval.workbook.execute import Job, Outcome, execute_all, kernel_environment
from bond_eval.workbook.manifest import MANIFEST, TIMINGS, manifest, provenance, timings
from bond_eval.workbook.progress import Silent
from bond_eval.workbook.settings import (
    DONE,
    INCOMPLETE,
    NotebookResult,
    Progress,
    RunReport,
    RunSettings,
    chosen,
    notebook_names,
)
from bond_eval.workbook.tidy import Scrubber, text_of, tidy

__all__ = ["Builder", "Performed", "RunReport", "RunSettings", "perform", "run_workbook", "write_pages", "write_parts"]

Builder = Callable[[Path, str, Quarter, str, int], Any]


@dataclass(frozen=True)
class Performed:
    """A run before it is written: tidied notebooks by name, their results in order, findings, and the release."""

    settings: RunSettings
    release: Any
    notebooks: Mapping[str, Any]
    results: tuple[NotebookResult, ...]
    found: list[dict[str, Any]]
    left_out: tuple[str, ...]


def run_workbook(settings: RunSettings, progress: Progress | None = None, build: Builder | None = None) -> RunReport:
    """Build the release, run the notebooks, and publish pages, tables, findings and manifest in settings.folder.

    A notebook that fails does so alone; the report tells and its exit status is 1. `build` makes the release
    (evidence.release.build_release where None). Raises InputError, leaving the last run as it was, where the data
    cannot be used, a notebook named is not there, two findings share an id, or the folder cannot be written.
    """
    started = time.perf_counter()
    with replaced_folder(settings.folder) as work:
        done = perform(settings, progress or Silent(), build)
        write_parts(work, done)
        write_pages(work, done)
        write_json(work / TIMINGS, timings(done.results, time.perf_counter() - started))
    return RunReport(settings.folder, done.results, time.perf_counter() - started)


def perform(settings: RunSettings, progress: Progress, build: Builder | None = None) -> Performed:
    """Build the release and run the notebooks asked for; writes nothing but in a private folder that is removed."""
    names = notebook_names(settings.notebooks)
    wanted = chosen(names, settings.only)
    progress.note(f"Reading {settings.parameters()['data']} and building the tables")
    release = (build or _builder())(
        settings.data, settings.authority, settings.quarter, settings.audience, settings.seed
    )
    with _private_folder() as private:
        executed, results = _execute(settings, wanted, release, private, progress)
        scrubber = Scrubber([private, settings.data.resolve().parent, settings.data.resolve()])
    public = settings.audience == "public"
    notebooks = {name: tidy(notebook, public, scrubber) for name, notebook in sorted(executed.items())}
    # What a notebook said before it failed was not followed by its own checks.
    sound = {name: notebooks[name] for name in wanted if results[name].status in (DONE, INCOMPLETE)}
    ordered = tuple(results[name] for name in wanted)
    left_out = tuple(name for name in names if name not in wanted)
    return Performed(settings, release, notebooks, ordered, collect(sound), left_out)


def write_parts(folder: Path, done: Performed) -> None:
    """Write what does not depend on the machine or the moment: notebooks, tables and findings.json."""
    facts = done.release.facts
    for name, notebook in done.notebooks.items():
        write_text(folder / "notebooks" / f"{name}.ipynb", text_of(notebook))
    for table, text in done.release.csv_files().items():
        write_text(folder / "tables" / f"{table}.csv", text)
    content = as_file(facts["authority"], facts["quarter"], facts["audience"], done.found)
    write_json(folder / "findings.json", content)


def write_pages(folder: Path, done: Performed) -> None:
    """Write pages and index, then the manifest, which names every file before it."""
    from bond_eval.workbook.publish import publish

    source = provenance(done.settings, done.release.facts, done.left_out)
    tables = sorted(done.release.csv_files())
    publish(folder, done.release.facts, done.notebooks, done.results, done.found, source, tables)
    write_json(folder / MANIFEST, manifest(folder, source, done.results))


def _execute(
    settings: RunSettings, names: Sequence[str], release: Any, private: Path, progress: Progress
) -> tuple[dict[str, Any], dict[str, NotebookResult]]:
    # The release lies apart from the kernels' working folders, and neither is published.
    shelf = private / "release"
    shelf.mkdir()
    release.save(shelf)
    executed: dict[str, Any] = {}
    results: dict[str, NotebookResult] = {}
    jobs = {name: _job(settings, name, private) for name in names}

    def ended(outcome: Outcome) -> None:
        executed[outcome.name] = _read(jobs[outcome.name])
        results[outcome.name] = assess(outcome.name, executed[outcome.name], outcome)
        cut_off(executed[outcome.name], results[outcome.name])
        progress.done(results[outcome.name])

    progress.begin(names)
    try:
        execute_all(list(jobs.values()), settings.jobs, kernel_environment(shelf, private), ended)
    finally:
        progress.end()
    return executed, results


def _job(settings: RunSettings, name: str, private: Path) -> Job:
    place = private / "places" / name
    place.mkdir(parents=True)
    return Job(
        name=name,
        source=settings.notebooks.resolve() / f"{name}.ipynb",
        target=private / f"{name}.ipynb",
        place=place,
        parameters=settings.parameters(),
        cell_timeout=settings.cell_timeout,
    )


def _read(job: Job) -> Any:
    import nbformat

    if job.target.exists():
        return nbformat.read(job.target, as_version=4)
    notebook = nbformat.read(job.source, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


@contextmanager
def _private_folder() -> Iterator[Path]:
    # A kernel that is being ended may still write for a moment, which must not end the run.
    with tempfile.TemporaryDirectory(prefix="bond-eval-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def _builder() -> Builder:
    from bond_eval.evidence.release import build_release

    return build_release

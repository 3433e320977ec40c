"""Runs the workbook for one authority and quarter. What it publishes appears whole, or the last run stays."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bond_eval.core.atomic import replaced_folder, write_json, write_text
from bond_eval.core.findings import FILE as FINDINGS
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
    stage_of,
)
from bond_eval.workbook.stages import earlier_findings, missing_notebooks
from bond_eval.workbook.tidy import Scrubber, text_of, tidy

__all__ = ["Builder", "Performed", "RunReport", "RunSettings", "perform", "run_workbook", "write_pages", "write_parts"]

Builder = Callable[..., Any]  # data, authority, quarter, audience, seed, and seals where there are any


@dataclass(frozen=True)
class Performed:
    """A run before it is written: tidied notebooks by name, their results in order, findings, and the release."""

    settings: RunSettings
    release: Any
    notebooks: Mapping[str, Any]
    results: tuple[NotebookResult, ...]
    tables: Mapping[str, str]
    found: list[dict[str, Any]]
    missing: Mapping[str, str]
    earlier: list[dict[str, Any]]
    left_out: tuple[str, ...]


def run_workbook(settings: RunSettings, progress: Progress | None = None, build: Builder | None = None) -> RunReport:
    """Build the release, run the notebooks, and publish pages, tables, findings and manifest in settings.folder.

    A notebook that fails does so alone; the report tells and its exit status is 1. `build` makes the release
    (evidence.release.build_release where None). Raises InputError, leaving the last run as it was, where the data
    cannot be used, a notebook named is not there, two findings share an id, the folder cannot be written, or what the
    last run of the quarter sealed was changed since.
    """
    from bond_eval.workbook.seals import earlier_seals, own_seals, write_seals

    started = time.perf_counter()
    sealed = own_seals(settings)
    with replaced_folder(settings.folder) as work:
        done = perform(settings, progress or Silent(), build, earlier_seals(settings))
        write_parts(work, done)
        write_seals(work, settings, sealed, done.tables)
        write_pages(work, done)
        write_json(work / TIMINGS, timings(done.results, time.perf_counter() - started))
    return RunReport(settings.folder, done.results, time.perf_counter() - started)


def perform(
    settings: RunSettings, progress: Progress, build: Builder | None = None, seals: Sequence[Any] = ()
) -> Performed:
    """Build the release and run the notebooks asked for; writes nothing but in a private folder that is removed.

    `seals`: what earlier quarters sealed (workbook.seals.earlier_seals); a builder is told of them where there are any.
    """
    names = notebook_names(settings.notebooks)
    wanted = chosen(names, settings.only)
    stages = {name: stage_of(settings.notebooks / f"{name}.ipynb") for name in names}
    progress.note(f"Reading {settings.parameters()['data']} and building the tables")
    known: dict[str, Any] = {"seals": tuple(seals)} if seals else {}
    if build is None and settings.audience == "public":
        from bond_eval.evidence.disclosure import earlier as published

        # What was shown before must not give away, by a difference, what is withheld now.
        known["previous"] = [published(folder, quarter) for quarter, folder in settings.earlier_runs()]
    release = (build or _builder())(
        settings.data, settings.authority, settings.quarter, settings.audience, settings.seed, **known
    )
    earlier = earlier_findings(settings, release.facts, wanted, stages)
    run = _Run(settings, release, stages, progress)
    second_tables: dict[str, str] = {}
    with _private_folder() as private:
        # The release lies apart from the kernels' working folders, and neither is published.
        shelf = private / "release"
        shelf.mkdir()
        release.save(shelf)
        run.scrubber = Scrubber([private, settings.data.resolve().parent, settings.data.resolve()])
        progress.begin(wanted)
        try:
            run.execute([name for name in wanted if stages[name] == 1], shelf)
            missing = missing_notebooks(run.results, stages, earlier)
            second = [name for name in wanted if stages[name] == 2]
            if second:
                content = as_file(release.facts, run.found(), missing, earlier)
                write_json(shelf / FINDINGS, content)
                second_tables = _second_tables(content)
                run.execute(second, shelf)
        finally:
            progress.end()
    ordered = tuple(run.results[name] for name in wanted)
    left_out = tuple(name for name in names if name not in wanted)
    tables = release.csv_files() | second_tables
    return Performed(settings, release, run.notebooks, ordered, tables, run.found(), missing, earlier, left_out)


def write_parts(folder: Path, done: Performed) -> None:
    """Write what does not depend on the machine or the moment: notebooks, tables and findings.json."""
    facts = done.release.facts
    for name, notebook in sorted(done.notebooks.items()):
        write_text(folder / "notebooks" / f"{name}.ipynb", text_of(notebook))
    for table, text in done.tables.items():
        write_text(folder / "tables" / f"{table}.csv", text)
    if getattr(done.release, "plan", None) is not None:
        write_json(folder / "disclosure_plan.json", done.release.plan.as_json())
    write_json(folder / "tables" / "schema.json", {"tables": _schema(done.tables)})
    write_json(folder / FINDINGS, as_file(facts, done.found, done.missing, done.earlier))


def write_pages(folder: Path, done: Performed) -> None:
    """Write pages and index, then the manifest, which names every file before it."""
    from bond_eval.workbook.publish import publish

    source = provenance(done.settings, done.release.facts, done.left_out)
    facts, earlier = done.release.facts, done.settings.earlier_runs()
    before = earlier[-1][1] if earlier else None
    publish(folder, facts, done.notebooks, done.results, done.found, source, sorted(done.tables), before)
    write_json(folder / MANIFEST, manifest(folder, source, done.results))


@dataclass
class _Run:
    """What grows while notebooks run: tidied notebooks and results by name."""

    settings: RunSettings
    release: Any
    stages: Mapping[str, int]
    progress: Progress
    scrubber: Scrubber = field(default_factory=Scrubber)
    notebooks: dict[str, Any] = field(default_factory=dict)
    results: dict[str, NotebookResult] = field(default_factory=dict)

    def execute(self, names: Sequence[str], shelf: Path) -> None:
        """Run these notebooks, in kernels that find the release on `shelf`."""
        private = shelf.parent
        jobs = {name: _job(self.settings, name, private) for name in names}

        def ended(outcome: Outcome) -> None:
            notebook = _read(jobs[outcome.name])
            result = self.results[outcome.name] = assess(outcome.name, notebook, outcome)
            cut_off(notebook, result)
            self.notebooks[outcome.name] = tidy(notebook, self.settings.audience == "public", self.scrubber)
            self.progress.done(result)

        if jobs:
            execute_all(list(jobs.values()), self.settings.jobs, kernel_environment(shelf, private), ended)

    def found(self) -> list[dict[str, Any]]:
        """Findings of notebooks that came out: what one said before it failed was not followed by its own checks."""
        sound = {n: book for n, book in self.notebooks.items() if self.results[n].status in (DONE, INCOMPLETE)}
        return collect(sound, self.stages)


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


def _second_tables(content: Mapping[str, Any]) -> dict[str, str]:
    """CSV of each table that is made from findings."""
    from bond_eval.evidence.found import from_content, second_stage
    from bond_eval.evidence.registry import of_findings

    found = from_content(content)
    return {id: second_stage(id, found, content["audience"]).to_csv() for id in sorted(of_findings())}


def _schema(tables: Iterable[str]) -> dict[str, Any]:
    """What each column of each table is, so that no reader need guess which are counts of children."""
    from bond_eval.evidence.registry import of_findings, registered

    known, parts = {**registered(), **of_findings()}, ("title", "notebook", "row", "labels", "values", "margins")
    return {id: {part: asdict(known[id])[part] for part in parts} for id in sorted(tables) if id in known}


def _builder() -> Builder:
    from bond_eval.evidence.release import build_release

    return build_release

"""Runs the workbook for one authority and quarter. What it publishes appears whole, or the last run stays."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bond_eval.core.atomic import replaced_folder, write_json, write_text
from bond_eval.core.errors import InputError
from bond_eval.core.findings import FILE as FINDINGS
from bond_eval.core.places import MANIFEST, TIMINGS, hashes
from bond_eval.workbook import ledger, reuse
from bond_eval.workbook.attack import Refused, attack, weak, write_tables
from bond_eval.workbook.cells import assess, cut_off
from bond_eval.workbook.collect import as_file, collect
from bond_eval.workbook.execute import Job, Outcome, execute_all, kernel_environment, warm
from bond_eval.workbook.locks import STATE, alone, interruptible, private_folder
from bond_eval.workbook.manifest import manifest, provenance, timings
from bond_eval.workbook.parameters import Declared, declared, dials
from bond_eval.workbook.progress import Progress
from bond_eval.workbook.settings import DONE, INCOMPLETE, NotebookResult, RunReport, RunSettings, chosen, notebook_names
from bond_eval.workbook.stages import earlier_findings, missing_notebooks
from bond_eval.workbook.tidy import Scrubber, text_of, tidy

Builder = Callable[..., Any]  # data, authority, quarter, audience, seed, and seals where there are any
_LITTLE = 1 << 20  # bytes: with less room left, what a notebook could not write is no fault of its own


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

    What an earlier run made is used again where nothing that it is made of has changed. A notebook that fails does so
    alone; the report tells, and its exit status is 1. The last run stays where it was whole and this one is not, and
    where the audit finds what may not be published: the status is then 3. `build` makes the release
    (evidence.release.build_release where None). Raises InputError, leaving the last run as it was, where parameters or
    data cannot be used, a file was changed while it was read, a notebook named is not there, two findings share an id,
    the folder cannot be written or is held by another run, or what the last run of the quarter sealed was changed.
    """
    started = time.perf_counter()
    progress, asked = progress or Progress(), _asked(settings)
    facts = {"quarter": str(settings.quarter), "audience": settings.audience, "notebooks": asked.wanted}
    log_file = settings.folder.parent / ledger.FILE
    with (
        interruptible(),
        alone(settings.folder, settings.wait, progress.note),
        ledger.told(log_file, **facts, left_out=asked.left_out) as log,
    ):
        kept = settings.folder.parent / STATE / settings.folder.name
        files, program = reuse.inputs(settings, asked.wanted), reuse.program()
        store = reuse.Store(kept, progress.note, settings.force, files, program)
        under = reuse.run_key(settings, store, asked.left_out)
        if build is None and (last := reuse.unchanged(settings, store, under)):
            progress.note(f"Nothing has changed since the last run: all {len(last)} notebooks are reused")
            for result in last:
                _log_end(log, result)
            report = RunReport(settings.folder, last, time.perf_counter() - started)
        else:
            report = _made(asked, progress, build, store, log)
            if build is None and not report.refused:
                reuse.keep_run(settings, store, under, report.results)
        log(ledger.RUN_ENDED, status=report.exit_status, error="")
    return report


def _made(asked: _Asked, progress: Progress, build: Builder | None, store: reuse.Store, log: ledger.Log) -> RunReport:
    """The run made and put in place, unless the audit refuses it or one that was whole would go for one that is not."""
    from bond_eval.workbook.seals import earlier_seals, own_seals, write_seals

    settings, started = asked.settings, time.perf_counter()
    sealed, refused, stands = own_seals(settings), tuple[str, ...](), False
    try:
        with replaced_folder(settings.folder) as work:
            done = perform(settings, progress, build, earlier_seals(settings), store, log)
            write_parts(work, done)
            write_seals(work, settings, sealed, done.tables)
            write_pages(work, done)
            write_json(work / TIMINGS, timings(done.results, time.perf_counter() - started))
            reuse.check(settings, store, asked.wanted)
            attack(work, settings, progress, log)
            if not all(result.done for result in done.results) and (stands := _stands(asked)):
                raise Refused(())
    except Refused as refusal:
        refused, stands = refusal.lines, stands or _stands(asked)
    except BaseException:
        reuse.check(settings, store, asked.wanted, refuse=False)
        raise
    return RunReport(settings.folder, done.results, time.perf_counter() - started, refused, stands)


def _stands(asked: _Asked) -> bool:
    """True where the last run is there, whole, and no smaller than this one was to be."""
    folder = asked.settings.folder
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        names = {book["name"] for book in told["notebooks"] if book["status"] == DONE}
        there = told["files"].items() <= hashes(folder).items()
        whole = len(names) == len(told["notebooks"]) and (not told["left_out"] or names >= set(asked.wanted))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False  # there is none, or it is not of this program's making
    return there and whole


@dataclass(frozen=True)
class _Asked:
    """What a run is asked for, checked: all notebooks, those to run, what each says of itself, and their own dials."""

    settings: RunSettings
    names: list[str]
    wanted: list[str]
    says: Mapping[str, Declared]
    dials: Mapping[str, dict[str, Any]]

    @property
    def stages(self) -> dict[str, int]:
        return {name: said.stage for name, said in self.says.items()}

    @property
    def left_out(self) -> list[str]:
        return [name for name in self.names if name not in self.wanted]


def _asked(settings: RunSettings) -> _Asked:
    names = notebook_names(settings.notebooks)
    wanted = chosen(names, settings.only)
    says = {name: declared(settings.notebooks / f"{name}.ipynb") for name in names}
    return _Asked(settings, names, wanted, says, dials(settings.dials, [says[name] for name in wanted]))


def perform(
    settings: RunSettings,
    progress: Progress,
    build: Builder | None = None,
    seals: Sequence[Any] = (),
    store: reuse.Store | None = None,
    log: ledger.Log = ledger.silent,
) -> Performed:
    """Build the release and run the notebooks asked for; writes nothing but in a private folder that is removed.

    `seals`: what earlier quarters sealed (workbook.seals.earlier_seals); a builder is told of them where there are any.
    `store`: what may be used again; `log`: told of each notebook.
    """
    asked, store = _asked(settings), store or reuse.Store()
    stages = asked.stages
    release, under = _release(settings, progress, build, seals, store)
    second_tables: dict[str, str] = {}
    with private_folder() as private:
        # The release lies apart from the kernels' working folders, and neither is published.
        shelf = private / "release"
        shelf.mkdir()
        release.save(shelf)
        kept = reuse.Kept.of(release, shelf).as_json()
        if under:
            store.put(reuse.RELEASE, under, kept)
        earlier = earlier_findings(settings, release.facts, asked.wanted, stages)
        scrubber = Scrubber([private, settings.data.resolve().parent, settings.data.resolve()])
        run = _Run(asked, kept["tables"], progress, store, log, scrubber)
        progress.begin(asked.wanted)
        try:
            run.execute([name for name in asked.wanted if stages[name] == 1], shelf, reuse.key(kept))
            missing = missing_notebooks(run.results, stages, earlier)
            second = [name for name in asked.wanted if stages[name] == 2]
            if second:
                content = as_file(release.facts, run.found(), missing, earlier)
                write_json(shelf / FINDINGS, content)
                second_tables = _second_tables(content)
                run.execute(second, shelf, reuse.key(kept, content))
        finally:
            progress.end()
    ordered = tuple(run.results[name] for name in asked.wanted)
    tables, left_out = kept["tables"] | second_tables, tuple(asked.left_out)
    return Performed(settings, release, run.notebooks, ordered, tables, run.found(), missing, earlier, left_out)


def _release(
    settings: RunSettings, progress: Progress, build: Builder | None, seals: Sequence[Any], store: reuse.Store
) -> tuple[Any, str]:
    """The release, and under what to keep it ("" for one that is kept already, or is another builder's)."""
    under = reuse.release_key(settings, store) if build is None else ""
    if under and (last := store.get(reuse.RELEASE, under)):
        progress.note("Nothing that the tables are made of has changed: they are those of the last run")
        return reuse.Kept(**last), ""
    warm()  # kernels come up while the tables are built
    progress.note(f"Reading {settings.parameters()['data']} and building the tables: this may take a minute or more")
    known: dict[str, Any] = {"seals": tuple(seals)} if seals else {}
    if build is None and settings.audience == "public":
        from bond_eval.evidence.disclosure import earlier as published

        # What was shown before must not give away, by a difference, what is withheld now.
        known["previous"] = [published(folder, quarter) for quarter, folder in settings.earlier_runs()]
        known |= {"attack": weak(settings, progress)} if settings.audit else {}
    made = (build or _builder())(
        settings.data, settings.authority, settings.quarter, settings.audience, settings.seed, **known
    )
    return made, under


def write_parts(folder: Path, done: Performed) -> None:
    """Write what does not depend on the machine or the moment: notebooks, tables and findings.json."""
    facts = done.release.facts
    for name, notebook in sorted(done.notebooks.items()):
        write_text(folder / "notebooks" / f"{name}.ipynb", text_of(notebook))
    write_tables(folder, done.tables, getattr(done.release, "plan", None))
    write_json(folder / FINDINGS, as_file(facts, done.found, done.missing, done.earlier))


def write_pages(folder: Path, done: Performed) -> None:
    """Write pages and index, then the manifest, which names every file before it."""
    from bond_eval.workbook.publish import Pages, publish

    facts, before = done.release.facts, done.settings.run_before()
    source = provenance(done.settings, facts, done.left_out)
    publish(Pages(folder, facts, done.notebooks, done.results, done.found, source, done.tables, before))
    write_json(folder / MANIFEST, manifest(folder, source, done.results))


@dataclass
class _Run:
    """What grows while notebooks run: tidied notebooks and results by name."""

    asked: _Asked
    tables: Mapping[str, str]
    progress: Progress
    store: reuse.Store
    log: ledger.Log
    scrubber: Scrubber
    notebooks: dict[str, Any] = field(default_factory=dict)
    results: dict[str, NotebookResult] = field(default_factory=dict)

    def execute(self, names: Sequence[str], shelf: Path, reads: str) -> None:
        """Run these notebooks, in kernels that find the release on `shelf`; `reads`: SHA-256 of what lies there."""
        settings, says = self.asked.settings, self.asked.says
        keys = {name: self._key(name, reads) for name in names}
        todo = [name for name in names if not self._reused(name, keys[name])]
        jobs = {name: _job(self.asked, name, shelf.parent) for name in todo}

        def ended(outcome: Outcome) -> None:
            notebook, name = _read(jobs[outcome.name]), outcome.name
            result = assess(name, notebook, outcome, says[name], self.tables)
            if not result.done and shutil.disk_usage(shelf).free < _LITTLE:
                raise InputError(f"No room is left in {shelf.parent.parent}: make room there and run again.")
            cut_off(notebook, result)
            kept = tidy(notebook, settings.audience == "public", self.scrubber)
            if result.done:
                self.store.put(name, keys[name], {"result": asdict(result), "notebook": text_of(kept)})
            self._took(result, kept)

        def begun(name: str) -> None:
            self.log(ledger.BEGUN, notebook=name)

        if jobs:
            execute_all(list(jobs.values()), settings.jobs, kernel_environment(shelf, shelf.parent), ended, begun)

    def found(self) -> list[dict[str, Any]]:
        """Findings of notebooks that came out: what one said before it failed was not followed by its own checks."""
        sound = {n: book for n, book in self.notebooks.items() if self.results[n].status in (DONE, INCOMPLETE)}
        return collect(sound, self.asked.stages)

    def _key(self, name: str, reads: str) -> str:
        settings = self.asked.settings
        return reuse.key(
            self.store.program, self.asked.says[name].digest, settings.parameters(), self.asked.dials[name], reads
        )

    def _reused(self, name: str, key: str) -> bool:
        import nbformat

        last = self.store.get(name, key)
        if last:
            result = NotebookResult(**last["result"] | {"seconds": 0.0, "reused": True})
            self._took(result, nbformat.reads(last["notebook"], as_version=4))
        return bool(last)

    def _took(self, result: NotebookResult, notebook: Any) -> None:
        self.results[result.name], self.notebooks[result.name] = result, notebook
        _log_end(self.log, result)
        self.progress.done(result)


def _log_end(log: ledger.Log, result: NotebookResult) -> None:
    facts = {name: getattr(result, name) for name in ("status", "cell", "error", "reused")}
    log(ledger.ENDED, notebook=result.name, **facts)


def _job(asked: _Asked, name: str, private: Path) -> Job:
    settings, place = asked.settings, private / "places" / name
    place.mkdir(parents=True)
    return Job(
        name=name,
        source=settings.notebooks.resolve() / f"{name}.ipynb",
        target=private / f"{name}.ipynb",
        place=place,
        parameters=settings.parameters() | asked.dials[name],
        cell_timeout=settings.cell_timeout,
        memory_mb=settings.memory_mb,
    )


def _read(job: Job) -> Any:
    import nbformat

    try:
        return nbformat.read(job.target, as_version=4)
    except (OSError, ValueError, KeyError, AttributeError):
        pass  # it was not begun, or the disk was full: what there is to see is the notebook as it was
    notebook = nbformat.read(job.source, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _second_tables(content: Mapping[str, Any]) -> dict[str, str]:
    """CSV of each table that is made from findings."""
    from bond_eval.evidence.found import from_content, second_stage
    from bond_eval.evidence.registry import of_findings

    found = from_content(content)
    return {id: second_stage(id, found, content["audience"]).to_csv() for id in sorted(of_findings())}


def _builder() -> Builder:
    from bond_eval.evidence.release import build_release

    return build_release

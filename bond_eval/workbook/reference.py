"""The run of the sample quarter that is committed: what it gave then, to be compared with what it gives now."""

from __future__ import annotations

import time
from pathlib import Path

from bond_eval.core.atomic import replaced_folder
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS, REFERENCE_RUN, SAMPLE, short_form
from bond_eval.workbook.progress import Silent
from bond_eval.workbook.run import Builder, perform, write_parts
from bond_eval.workbook.settings import Progress, RunReport, RunSettings

AUTHORITY, QUARTER = "salford", Quarter(2020, 2)


def write_reference(
    target: Path = REFERENCE_RUN,
    data: Path = SAMPLE,
    notebooks: Path = NOTEBOOKS,
    jobs: int = 2,
    progress: Progress | None = None,
    build: Builder | None = None,
) -> RunReport:
    """Run the sample quarter and put notebooks, tables, findings.json and release.json in `target`.

    No page and no manifest: those hold pictures, versions and commits, which differ between machines. Raises
    InputError, leaving `target` as it was, where any notebook is not whole.
    """
    started = time.perf_counter()
    settings = RunSettings(data, AUTHORITY, QUARTER, out=target.parent, jobs=jobs, notebooks=notebooks)
    with replaced_folder(target) as work:
        done = perform(settings, progress or Silent(), build)
        unsound = [f"{result.name}: {result.message}" for result in done.results if not result.done]
        if unsound:
            raise InputError(f"{short_form(target)} stays as it was, since not every notebook is whole. {unsound[0]}")
        write_parts(work, done)
        # Notebooks opened outside a run find their tables here.
        done.release.save(work)
    return RunReport(target, done.results, time.perf_counter() - started)

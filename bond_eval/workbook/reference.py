"""The run of the sample quarter that is committed: what it gave then, to be compared with what it gives now."""

from __future__ import annotations

import time
from pathlib import Path

from bond_eval.core.atomic import replaced_folder
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS, REFERENCE_RUN, SAMPLE, short_form
from bond_eval.workbook.attack import Refused, attack
from bond_eval.workbook.locks import interruptible
from bond_eval.workbook.progress import Progress
from bond_eval.workbook.run import Builder, perform, write_parts
from bond_eval.workbook.settings import RunReport, RunSettings
from bond_eval.workbook.tidy import without_drawings

AUTHORITY, QUARTER = "salford", Quarter(2020, 2)


def write_reference(
    target: Path = REFERENCE_RUN,
    data: Path = SAMPLE,
    notebooks: Path = NOTEBOOKS,
    build: Builder | None = None,
    audit: bool = True,
) -> RunReport:
    """Run the sample quarter and put notebooks, tables, findings.json and release.json in `target`.

    No page and no manifest: those hold pictures, versions and commits, which differ between machines. Leaves `target`
    as it was where the audit finds what may not be published (the report says what), and raises InputError where any
    notebook is not whole.
    """
    started, progress, refused = time.perf_counter(), Progress(), tuple[str, ...]()
    settings = RunSettings(data, AUTHORITY, QUARTER, out=target, notebooks=notebooks, audit=audit)
    try:
        with interruptible(), replaced_folder(target) as work:
            done = perform(settings, progress, build)
            unsound = [f"{result.name}: {result.message}" for result in done.results if not result.done]
            if unsound:
                kept = f"{short_form(target)} stays as it was, since not every notebook is whole"
                raise InputError(f"{kept}: run the quarter by itself to see why. {unsound[0]}")
            for notebook in done.notebooks.values():
                without_drawings(notebook)
            write_parts(work, done)
            attack(work, settings, progress)
            # Notebooks opened outside a run find here what the tables just attacked hold, in another form.
            done.release.save(work)
    except Refused as refusal:
        refused = refusal.lines
    return RunReport(target, done.results, time.perf_counter() - started, refused)

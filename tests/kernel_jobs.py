"""Tiny notebooks run as a batch runs them, and what must not be left behind."""

import os
import tempfile
import threading
from pathlib import Path

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

from bond_eval.workbook.execute import Job, execute_all, kernel_environment

OUR_FOLDERS = "bond-k-*"


def job(folder, name, *cells, cell_timeout=300, memory_mb=None, parameters=()):
    """A notebook of these code cells, ready to run; no cell of theirs is slow, but the machine may be busy."""
    source, place = folder / "nbs" / f"{name}.ipynb", folder / "places" / name
    source.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), source)
    return Job(name, source, folder / f"{name}.ipynb", place, dict(parameters), cell_timeout, memory_mb)


def run(folder, jobs, workers=2):
    """Outcomes by name."""
    shelf = folder / "release"
    shelf.mkdir(exist_ok=True)
    outcomes = []
    execute_all(jobs, workers, kernel_environment(shelf, folder), outcomes.append)
    assert len({outcome.name for outcome in outcomes}) == len(outcomes) == len(jobs)
    return {outcome.name: outcome for outcome in outcomes}


def outputs(job):
    """What the code cells of an executed notebook show, each as a list."""
    cells = nbformat.read(job.target, as_version=4).cells
    return [cell.outputs for cell in cells if cell.cell_type == "code"]


def printed(job):
    """The text that the last cell printed."""
    return "".join(output.text for output in outputs(job)[-1] if output.output_type == "stream")


def below(pid=None):
    """Processes below one, those of other sessions too."""
    return {process.pid for process in psutil.Process(pid or os.getpid()).children(recursive=True)}


def folders():
    """Folders of sockets that are there now."""
    return set(Path(tempfile.gettempdir()).glob(OUR_FOLDERS))


def start_a_thread():
    """Do what a server of processes must not do."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()

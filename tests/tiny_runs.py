"""A workbook of three light notebooks and a release without builders, for whole runs in a few seconds.

Run as a program, it is the command line itself on that workbook: `tiny_runs.py BASE run ...`, where BASE holds the
notebooks (nbs) and the data.
"""

import hashlib
import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bond_eval.core.findings import FINDING_MIME
from bond_eval.core.periods import Quarter
from bond_eval.workbook import manifest, reuse, settings
from bond_eval.workbook import run as runner
from bond_eval.workbook.execute import Outcome
from bond_eval.workbook.settings import RunSettings

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
QUARTER = Quarter(2020, 2)
NAMES = ("01_counts", "02_moves", "41_answers")
PARAMETERS = """authority = "salford"
quarter = "2020-21-Q2"
data = "data"
audience = "public"
seed = 0
window = 24"""
CELL = """import hashlib, os, pathlib, time
from IPython.display import display
shelf = pathlib.Path(os.environ["BOND_RELEASE"])
files = sorted(shelf.iterdir()) if stage == 2 else [shelf / "release.json"]
seen = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
time.sleep(0.2)"""
SHOW = f"""figure = {{"image/png": "{PNG}", "text/plain": "x"}}
display(figure, metadata={{"image/png": {{"alt": "A line."}}}}, raw=True)
for number in range(3):
    display({{"{FINDING_MIME}": dict(
        id=f"{{topic}}.f{{number}}", statement=f"What was read is {{seen}}, over {{window}} months.", questions=["Q01"],
        kind="descriptive", unit="months", value=42, interval=[36, 48], no_interval="", n=42, period="now",
        method="count", strength="Complete count", source="table x", caveats=[]), "text/plain": "x"}}, raw=True)"""


def notebook(name, *cells):
    """A notebook that shows one figure and three findings, each with a digest of the release it read."""
    stage = 2 if name.startswith("4") else 1
    parameters = new_code_cell(PARAMETERS)
    parameters.metadata["tags"] = ["parameters"]
    first = new_code_cell(f'topic, stage = "{name[3:]}", {stage}\n{CELL}')
    head = [new_markdown_cell(f"# What of {name[3:]}?\n\nThe panel asks."), parameters]
    made = new_notebook(cells=[*head, first, *map(new_code_cell, cells), new_code_cell(SHOW)])
    made.metadata["bond_eval"] = {"stage": stage}
    return made


def laid_out(base, names=NAMES):
    """Write data and notebooks below `base`."""
    for folder in ("data", "nbs"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    (base / "data" / "episodes.csv").write_text("CHILD\nsynthetic\n", encoding="utf-8")
    for name in names:
        nbformat.write(notebook(name), base / "nbs" / f"{name}.ipynb")
    return base


def settings_of(base, **other):
    """The run of `base`, not audited unless asked for."""
    usual = {"out": base / "out", "notebooks": base / "nbs", "audit": False}
    return RunSettings(base / "data", "salford", QUARTER, **(usual | other))


class Release:
    """What the runner needs of a release: two tables and a digest of the data."""

    def __init__(self, data, quarter, audience, seed):
        digest = hashlib.sha256((data / "episodes.csv").read_bytes()).hexdigest()
        self.facts = {
            "authority": "salford", "authority_name": "Salford", "published": "salford", "synthetic": True,
            "quarter": str(quarter), "as_of": quarter.end.isoformat(), "audience": audience, "seed": seed,
            "inputs": [{"file": "episodes.csv", "sha256": digest, "rows": 1230}], "other_inputs": [], "issues": {},
        }  # fmt: skip

    def save(self, folder):
        (folder / "release.json").write_text(json.dumps(self.facts), encoding="utf-8")

    def csv_files(self):
        return {"at_date": "date,children\n2020-09-30,42\n", "moves": "kind,moves\nout,c\nin,12\n"}


def build(data, authority, quarter, audience, seed, **known):
    """The builder of the tiny release."""
    return Release(data, quarter, audience, seed)


def executed(ran):
    """In place of kernels: what the notebooks would show. The names of those that ran are added to `ran`."""

    def execute(jobs, workers, environment, done, begun):
        for job in jobs:
            begun(job.name)
            ran.append(job.name)
            book = nbformat.read(job.source, as_version=4)
            shelf = Path(environment["BOND_RELEASE"])
            read = sorted(shelf.iterdir()) if job.name.startswith("4") else [shelf / "release.json"]
            content = b"".join(path.read_bytes() for path in read) + json.dumps(job.parameters).encode()
            figure = new_output("display_data", data={"image/png": PNG}, metadata={"image/png": {"alt": "A line."}})
            for cell in book.cells:
                if cell.cell_type == "code":
                    cell.execution_count = 1
            found = [_finding(job.name, number, content) for number in range(3)]
            book.cells[-1].outputs = [figure, *[new_output("display_data", data={FINDING_MIME: f}) for f in found]]
            nbformat.write(book, job.target)
            done(Outcome(job.name, "", 0.1))

    return execute


def _finding(name, number, content):
    return {
        "id": f"{name[3:]}.f{number}", "statement": f"It is {hashlib.sha256(content).hexdigest()}.",
        "questions": ["Q01"], "kind": "descriptive", "unit": "months", "value": 42, "interval": [36, 48],
        "no_interval": "", "n": 42, "period": "now", "method": "count", "strength": "Complete count",
        "source": "table x", "caveats": [], "table": "", "completeness": "", "decision": "",
    }  # fmt: skip


def bytes_of(folder):
    """Path -> content of each file that a run publishes (timings are not)."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "timings.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def runs(events):
    """The runs that a ledger tells of, oldest first: number, statuses by notebook, exit status (None: it was cut)."""
    found = {}
    for event in events:
        if event["event"] == "run begun":
            statuses = dict.fromkeys([*event["notebooks"], *event["left_out"]], "not run")
            found[event["seq"]] = SimpleNamespace(run=event["seq"], statuses=statuses, ended=None)
        elif event["event"] == "notebook ended":
            found[event["run"]].statuses[event["notebook"]] = "reused" if event["reused"] else event["status"]
        elif event["event"] == "run ended":
            found[event["run"]].ended = event["status"]
    return list(found.values())


def standing_still(setattr, nowhere):
    """Let nobody who works on the package, or commits, change what a run is made of."""
    for module in (manifest, reuse):
        for name in ("PACKAGE", "REFERENCE"):
            setattr(module, name, nowhere)
        setattr(module, "git_state", lambda root: None)


def main():
    """The command line, on the tiny workbook."""
    from bond_eval import cli
    from bond_eval.workbook import kernels, kernels_engine

    # All else would only take time.
    kernels.KERNELS = ("ipykernel.kernelapp", "matplotlib_inline.backend_inline")
    kernels_engine.lighten()
    standing_still(setattr, Path(sys.argv[1]) / "nowhere")
    base, *words = sys.argv[1:]
    usual = {"notebooks": Path(base) / "nbs", "audit": "--audited" in words, "wait": 1 if "--brief" in words else 60}
    settings.RunSettings = partial(RunSettings, **usual)
    runner._builder = lambda: build
    places = ["--data", f"{base}/data", "--out", f"{base}/out", "--authority", "salford"]
    sys.argv = ["bond-eval", "run", *places, *(word for word in words if word not in ("--audited", "--brief"))]
    cli.main()


if __name__ == "__main__":
    main()

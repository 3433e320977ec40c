"""Forked kernels show what ordinary ones show, and each is on its own."""

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import nbformat
import papermill
import pytest
from jupyter_client.manager import KernelManager

from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS, ROOT, SAMPLE
from bond_eval.evidence.shelf import kept_release
from bond_eval.workbook import execute, kernels
from tests.kernel_jobs import job, outputs, printed, run

linux = pytest.mark.skipif(not kernels.forks(), reason="kernels are forked on Linux only")
REAL = ["03_placement_moves", "31_cost_avoidance"]
TEN = ["00", "01", "02", "10", "12", "13", "21", "22", "30", "34"]
PARAMETERS = {"authority": "salford", "quarter": "2020-21-Q2", "data": "data/sample/salford", "audience": "public"}
SHOWS = (
    "import matplotlib.pyplot as plt, numpy, pandas",
    "plt.plot([1, 3, 2]); plt.title('Left open, so shown at the end of the cell')",
    "figure, axes = plt.subplots(); axes.bar([1, 2], [3, 4]); figure",
    "plt.plot([1, 2]); plt.show(); print(plt.get_backend(), plt.isinteractive())",
    "pandas.DataFrame({'a': [1, 2]})",
    "import sys, warnings, os; warnings.warn('seen'); print(sys.path[-1:], __name__, os.path.basename(sys.argv[0]))",
    "import os; os.system('echo from a child'); print(sorted(os.listdir()), repr(sys.stdin))",
    "%matplotlib inline\n%pwd",
    "input('x')",
)


def cells(notebook):
    """Code cells as they came out, without what differs from one moment, process or folder to the next."""
    kept = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown = json.loads(json.dumps(cell.outputs))
            for output in shown:
                output.pop("traceback", None)
            kept.append((cell.source, cell.execution_count, without_machine(shown)))
    return kept


def without_machine(shown):
    text = json.dumps(shown)
    for word in ("ipykernel_", "/places/"):
        while word in text:
            start = text.index(word)
            text = text[:start] + text[start + len(word) :].lstrip("0123456789abcdefghijklmnopqrstuvwxyz_")
    return text


def stock(folder, jobs):
    """The same notebooks by papermill's own engine and jupyter_client's own kernels, in a process of their own."""
    call = """import papermill, sys, json
for source, target, place, parameters in json.loads(sys.argv[1]):
    papermill.execute_notebook(source, target, parameters, cwd=place, kernel_name="python3", language="python",
                               progress_bar=False)"""
    given = []
    for each in jobs:
        place = folder / "places" / f"{each.name}_stock"
        place.mkdir()
        given.append([str(each.source), str(folder / f"{each.name}_stock.ipynb"), str(place), dict(each.parameters)])
    environment = {**os.environ, **execute.kernel_environment(folder / "release", folder)}
    subprocess.run([sys.executable, "-c", call, json.dumps(given)], env=environment, stderr=subprocess.PIPE)
    return [nbformat.read(target, as_version=4) for _, target, *_ in given]


def compare(folder, names):
    shelf = folder / "release"
    shelf.mkdir()
    # Kept on the shelf, where nbval finds it too.
    kept_release(SAMPLE, "salford", Quarter.parse("2020-21-Q2"), "public", 2021).save(shelf)
    jobs = []
    for name in names:
        source = next(NOTEBOOKS.glob(f"{name}*.ipynb"))
        place = folder / "places" / source.stem
        place.mkdir(parents=True)
        jobs.append(execute.Job(source.stem, source, folder / source.name, place, {**PARAMETERS, "seed": 2021}, 300))
    assert {outcome.raised for outcome in run(folder, jobs).values()} == {""}
    for each, theirs in zip(jobs, stock(folder, jobs), strict=True):
        ours = nbformat.read(each.target, as_version=4)
        assert cells(ours) == cells(theirs), each.name
        shown = [output for cell in ours.cells for output in cell.get("outputs", [])]
        assert sum("image/png" in output.get("data", {}) for output in shown) >= 1


@linux
def test_real_notebooks_show_what_stock_papermill_shows_figures_and_all(tmp_path):
    compare(tmp_path, REAL)


@linux
@pytest.mark.full
def test_ten_notebooks_show_what_stock_papermill_shows(tmp_path):
    compare(tmp_path, TEN)


@linux
def test_a_cell_finds_the_shell_backend_streams_and_paths_of_an_ordinary_kernel(tmp_path):
    ours = job(tmp_path, "shows", *SHOWS)
    assert run(tmp_path, [ours])["shows"].raised == "StdinNotImplementedError"
    (theirs,) = stock(tmp_path, [ours])
    mine = nbformat.read(ours.target, as_version=4)
    for one, other in zip(cells(mine), cells(theirs), strict=True):
        assert one == other
    assert [sum("image/png" in o.get("data", {}) for o in shown) for shown in outputs(ours)[1:4]] == [1, 2, 1]


@linux
def test_kernels_draw_their_own_random_numbers_unless_seeded(tmp_path):
    draws = "import random, numpy; print(random.random(), numpy.random.rand(), numpy.random.default_rng().random())"
    seeded = "import random, numpy; random.seed(1); numpy.random.seed(1); print(random.random(), numpy.random.rand())"
    jobs = [job(tmp_path, f"{kind}_{n}", cell) for kind, cell in (("free", draws), ("seeded", seeded)) for n in (1, 2)]
    run(tmp_path, jobs)
    free_1, free_2, seeded_1, seeded_2 = (printed(each).split() for each in jobs)
    assert not set(free_1) & set(free_2) and len(free_1) == 3
    assert seeded_1 == seeded_2 != []


@linux
def test_each_kernel_is_a_process_of_its_own_with_private_sockets_and_its_own_folder(tmp_path):
    tells = """import json, os, stat, zmq
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
folder = os.path.dirname(app.connection_file)
modes = [os.stat(f).st_mode & 0o777 for f in (folder, os.path.dirname(folder))]
secret = stat.S_IMODE(os.stat(app.connection_file).st_mode)
pandas_was_there = 'pandas' in __import__('sys').modules
print(json.dumps([os.getpid(), app.ip, app.transport, modes, secret, app.session.key.decode(), os.getcwd(),
                  pandas_was_there, sorted(os.listdir(folder)), 'BOND_NURSERY' in os.environ]))"""
    jobs = [job(tmp_path, f"tells_{n}", tells) for n in (1, 2)]
    run(tmp_path, jobs)
    told = [json.loads(printed(each)) for each in jobs]
    for (_, address, transport, modes, secret, *_, place, imported, files, server_known), each in zip(
        told, jobs, strict=True
    ):
        assert transport == "ipc" and os.path.isabs(address) and len(address) < 80
        assert modes == [0o700, 0o700] and secret & 0o077 == 0
        assert len(files) == 6 and Path(place) == each.place.resolve() and imported and not server_known
        assert not Path(address).parent.exists()
    for part in (0, 1, 5):
        assert told[0][part] != told[1][part]


@linux
def test_a_server_forks_while_it_has_one_thread_only(tmp_path):
    started = kernels.Server(("threading", "tests.kernel_jobs:start_a_thread"))
    with pytest.raises(kernels.ServerLost):
        kernels.Forked(started.address, kernels.Request("os:getpid", (), dict(os.environ), str(tmp_path)))
    assert started.process.wait(10) != 0
    started.close()
    assert not started.folder.exists()


@linux
def test_what_goes_wrong_in_a_forked_process_is_told_without_its_values(tmp_path, capfd):
    started = kernels.Server(())
    asked = kernels.Request("builtins:int", ("1042, 04/11/2019",), dict(os.environ), str(tmp_path))
    assert kernels.Forked(started.address, asked).wait(60) == 1
    started.close()
    said = capfd.readouterr().err
    assert said.startswith("ValueError in kernels_server.py, line ") and "1042" not in said


@linux
def test_who_waits_for_a_kernel_that_died_is_told(tmp_path):
    kernels.register()
    manager = KernelManager(kernel_name=kernels.NAME)
    manager.start_kernel(cwd=str(tmp_path))
    # A client that came before the sockets would look again only after a tenth of a second.
    assert len(list(Path(manager.provisioner.folder).glob("k-*"))) == 5
    client = manager.client()
    client.start_channels()
    manager.provisioner.process.close()
    with pytest.raises(RuntimeError, match="The kernel died before it replied"):
        client.wait_for_ready(300)
    client.stop_channels()
    manager.cleanup_resources()


@linux
def test_a_long_temporary_folder_gives_a_short_address(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    made = kernels._short_folder()
    made.rmdir()
    assert len(str(made)) < 40


def test_where_kernels_are_not_forked_the_results_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv(kernels.ORDINARY, "1")
    assert not kernels.forks()
    good = job(tmp_path, "good", *SHOWS[:4])
    dies, slow = job(tmp_path, "dies", "import os; os._exit(3)"), job(tmp_path, "slow", "while 1: 1", cell_timeout=2)
    full = job(tmp_path, "full", "len(bytearray(2 * 2**30))", memory_mb=1000)
    outcomes = run(tmp_path, [good, dies, slow, full])
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "good": "",
        "dies": "died",
        "slow": "timed out",
        "full": "out of memory" if sys.platform == "linux" else "",
    }
    monkeypatch.delenv(kernels.ORDINARY)
    if kernels.forks():
        again = job(tmp_path / "again", "good", *SHOWS[:4])
        run(tmp_path / "again", [again])
        one, other = (nbformat.read(each.target, as_version=4) for each in (good, again))
        assert cells(one) == cells(other)


def test_entry_points_and_kernelspec_name_what_is_there():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    for group in ("jupyter_client.kernel_provisioners", "papermill.engine"):
        assert EntryPoint(kernels.NAME, project[group][kernels.NAME], group).load()
    spec = json.loads((kernels.JUPYTER / "kernels" / kernels.NAME / "kernel.json").read_text(encoding="utf-8"))
    assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == kernels.NAME


def test_the_engine_needs_no_papermill_until_it_is_used():
    check = """import sys; from bond_eval.workbook.kernels_engine import ForkedEngine
heavy = {"papermill", "nbclient", "jupyter_client", "pandas", "zmq"} & set(sys.modules)
import papermill.engines as engines
engines.papermill_engines.register("bond-forked", ForkedEngine)
assert engines.papermill_engines.get_engine("bond-forked").nb_language(None, "python") == "python"
sys.exit(", ".join(heavy) or 0)"""
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@linux
def test_nbval_takes_forked_kernels_and_still_compares(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys; 'pandas' in sys.modules")])
    notebook.cells[0].update(
        execution_count=1, outputs=[nbformat.v4.new_output("execute_result", {"text/plain": "True"})]
    )
    notebook.cells[0].outputs[0].execution_count = 1
    nbformat.write(notebook, tmp_path / "here.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}"]
    command += [f"--confcutdir={ROOT}", "--nbval", "-p", "no:cacheprovider", "-p", "conftest", str(tmp_path)]

    def status(**more):
        return subprocess.run(command, cwd=ROOT, env={**os.environ, **more}, capture_output=True).returncode

    assert status() == 0
    assert status(**{kernels.ORDINARY: "1"}) == 1, "an ordinary kernel begins without pandas"


def test_papermill_by_name_writes_the_notebook_once(tmp_path, monkeypatch):
    from bond_eval.workbook import kernels_engine

    kernels_engine.register()
    monkeypatch.setenv(kernels.ORDINARY, "1")
    written = []
    monkeypatch.setattr("papermill.engines.write_ipynb", lambda notebook, path: written.append(path))
    one = job(tmp_path, "one", "1", "2")
    papermill.execute_notebook(
        one.source, one.target, engine_name=kernels.NAME, kernel_name="python3", language="python"
    )
    assert written == [str(one.target)]

"""The workbook in JupyterLab, in Chromium with no other host: its first page, Run All Cells, and what is kept."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import nbformat
import pytest

from bond_eval.core.findings import FINDING_MIME
from bond_eval.core.places import NOTEBOOKS, REFERENCE_RUN, ROOT, digests
from tests.browser.test_site_in_browser import ARGS, CHROMIUM

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not on this machine: install Debian's package chromium"),
]
LAUNCHER = NOTEBOOKS / "README.md"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
# What JupyterLab keeps of a person, each in a folder of the test's.
PRIVATE = (
    "HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR",
    "JUPYTERLAB_WORKSPACES_DIR", "JUPYTERLAB_SETTINGS_DIR",
)  # fmt: skip
BOOK = "jupyterapp.shell.currentWidget"
CELLS = f"[...{BOOK}.content.model.cells].filter(cell => cell.type === 'code')"
READY = f"{BOOK}?.sessionContext?.session?.kernel?.status === 'idle'"
RAN = f"""{READY} && {CELLS}.every(cell => cell.executionState !== 'running') && ({CELLS}.every(cell =>
  cell.executionCount) || {CELLS}.some(cell => cell.outputs.toJSON().some(out => out.output_type === 'error')))"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A copy of what `make lab` opens, so that nothing a test does can reach the project's own files."""
    place = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "jupyter"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    return place


@pytest.fixture(scope="module")
def server(place):
    """JupyterLab's address and token; it listens on this machine alone, and is ended by its own process."""
    own = {name: str(place / "private" / name.lower()) for name in PRIVATE}
    # A server that asked another host for anything would ask this port, which nothing listens on.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = os.environ | own | nowhere | {"PYTHONPATH": str(ROOT), "no_proxy": "localhost,127.0.0.1"}
    environment["JUPYTER_CONFIG_PATH"] = str(place / "jupyter")
    options = ["--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root", "--LabApp.expose_app_in_browser=True"]
    with (place / "log.txt").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], cwd=place, env=environment, stdout=log, stderr=log
        )
        try:
            yield _address(process, place)
        finally:
            process.terminate()
            process.wait(30)


def _address(process, place):
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        for path in (place / "private" / "jupyter_runtime_dir").glob("jpserver-*.json"):
            try:
                told = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                continue  # half written
            return told["url"], told["token"]
        time.sleep(0.1)
    raise AssertionError((place / "log.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def lab(server):
    """A page of JupyterLab as it opens by itself; what it asks of another host fails the test that comes to see."""
    from playwright.sync_api import sync_playwright

    (address, token), asked = server, []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(300_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(f"{address}?token={token}")
        page.wait_for_selector(".jp-MarkdownViewer h1")
        yield page
        browser.close()
    ours = (address, "data:", "blob:", address.replace("http", "ws", 1))
    # The last is where the server itself would be told to go out: for news, or for newer versions.
    out = [url for url in asked if not url.startswith(ours) or re.search(r"lab/api/(news|update)", url)]
    assert asked and out == []


def _read(folder, name):
    return nbformat.read(folder / f"{name}.ipynb", as_version=4)


def _open(page, name):
    page.evaluate("jupyterapp.commands.execute('docmanager:open', {path: 'notebooks/README.md'})")
    page.click(f".jp-MarkdownViewer a:text-is('{name}')")
    page.wait_for_function(f"{BOOK}.context?.path === 'notebooks/{name}.ipynb' && {READY}")


def _run_all(page):
    """Run → Run All Cells, and the notebook as it then stands."""
    page.click(".lm-MenuBar-item:has-text('Run')")
    page.click(".lm-Menu-item:has-text('Run All Cells')")
    page.wait_for_function(RAN, timeout=900_000, polling=200)
    return nbformat.from_dict(page.evaluate(f"{BOOK}.content.model.toJSON()"))


def _close(page):
    page.evaluate(
        f"{BOOK}.sessionContext.shutdown().then(() => {{ {BOOK}.context.model.dirty = false; {BOOK}.close() }})"
    )


def _outputs(book):
    return [out for cell in book.cells if cell.cell_type == "code" for out in cell.outputs]


def _findings(book):
    return [out["data"][FINDING_MIME]["id"] for out in _outputs(book) if FINDING_MIME in out.get("data", {})]


def _came_out_whole(book, name):
    wrong = [out for out in _outputs(book) if out.output_type == "error" or out.get("name") == "stderr"]
    assert wrong == [], name
    assert _findings(book) == _findings(_read(REFERENCE_RUN / "notebooks", name)) and len(_findings(book)) >= 3, name
    assert any("image/png" in out.get("data", {}) for out in _outputs(book)), name


def test_the_first_page_lists_every_notebook_with_its_question(lab):
    """It opens by itself, as a page to read, and nothing asks a question first."""
    assert lab.evaluate(f"{BOOK}.context.path") == "notebooks/README.md"
    assert lab.locator(".jp-Dialog").count() == 0
    rows = [row.split("\t") for row in lab.locator(".jp-MarkdownViewer tr:has(a)").all_inner_texts()]
    assert rows == [[name, _read(NOTEBOOKS, name).cells[0].source.splitlines()[0].removeprefix("# ")] for name in NAMES]


@pytest.mark.parametrize("name", ["01_placement_trends", "41_evaluation_questions"])
def test_a_notebook_runs_from_top_to_bottom_and_keeps_no_output(lab, place, name):
    """One of the first stage and one that reads the findings of the others, which lie in outputs/reference."""
    before = digests(REFERENCE_RUN) | digests(NOTEBOOKS)
    _open(lab, name)
    _came_out_whole(_run_all(lab), name)
    lab.keyboard.press("Control+s")
    lab.wait_for_function(f"!{BOOK}.context.model.dirty")
    _close(lab)
    assert _read(place / "notebooks", name) == _read(NOTEBOOKS, name)
    assert digests(REFERENCE_RUN) | digests(NOTEBOOKS) == before


def _change(page, **parameters):
    """Type other values into the parameters cell, as a person does: it is the first cell with code."""
    cell = page.locator(".jp-CodeCell").first
    text = cell.locator(".cm-content").inner_text()
    for name, value in parameters.items():
        text, changed = re.subn(f'(?m)^{name} = ".*"$', f'{name} = "{value}"', text)
        assert changed == 1, text
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def _said(book):
    return "\n".join(str(out.get("data", {}).get("text/plain", out.get("text", ""))) for out in _outputs(book))


def test_another_quarter_in_the_parameters_cell_is_another_quarters_evidence(lab):
    _open(lab, "01_placement_trends")
    tagged = f"{CELLS}.map(cell => cell.getMetadata('tags')?.includes('parameters') ?? false)"
    assert lab.evaluate(tagged)[0] is True
    _change(lab, quarter="2020-21-Q1")
    book = _run_all(lab)
    _close(lab)
    assert [out for out in _outputs(book) if out.output_type == "error"] == []
    assert "used up to 30 June 2020" in _said(book) and "30 September 2020" not in _said(book)


def test_what_cannot_be_opened_is_one_sentence_in_the_cell(lab):
    _open(lab, "01_placement_trends")
    _change(lab, data="nowhere", quarter="2020-21-Q1")
    book = _run_all(lab)
    _close(lab)
    (error,) = [out for out in _outputs(book) if out.output_type == "error"]
    assert error["traceback"] == [f"bond-eval: {error['evalue']}"] and error["evalue"].startswith(
        "Data 'nowhere' is not"
    )


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_runs_from_top_to_bottom(lab, name):
    _open(lab, name)
    _came_out_whole(_run_all(lab), name)
    _close(lab)


@pytest.mark.full
def test_findings_of_another_quarter_are_made_once_for_the_notebooks_that_read_them(lab):
    for first in (True, False):
        _open(lab, "41_evaluation_questions")
        _change(lab, quarter="2019-20-Q4")
        book = _run_all(lab)
        _close(lab)
        assert [out for out in _outputs(book) if out.output_type == "error"] == []
        assert "31 March 2020" in _said(book) and len(_findings(book)) >= 3
        # Whoever opened the quarter before has made them already.
        assert first or "run once" not in _said(book)

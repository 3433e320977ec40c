"""Whole runs of tiny notebooks in real kernels: how they end, what is published, and what never is."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import ROOT
from bond_eval.workbook.reference import write_reference
from bond_eval.workbook.run import run_workbook
from bond_eval.workbook.settings import RunSettings

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ALT = 'Line: children in outside placements fell from 48 to 42 "quoted" <script>alt</script>'
PARAMETERS = """authority = "x"
quarter = "x"
data = "x"
audience = "public"
seed = 0
window = 24"""
SHOW = f"""
from IPython.display import display
def finding(id, statement):
    data = dict(id=id, statement=statement, questions=["Q01"], kind="descriptive", unit="children", value=42,
                interval=[36, 48], no_interval="", n=42, period="to 30 September 2020", method="Count",
                strength="Complete count", source="table placements", caveats=["A <script>caveat</script>."])
    mime = "application/vnd.bond-eval.finding+json"
    display({{mime: data, "text/plain": statement, "text/html": "<p>raw</p>"}}, raw=True)
def figure(alt):
    display({{"image/png": "{PNG}", "text/plain": alt}}, metadata={{"image/png": {{"alt": alt}}}}, raw=True)
"""
ENVIRONMENT = """import os, pathlib
release = pathlib.Path(os.environ["BOND_RELEASE"])
assert (release / "release.json").exists()
assert os.environ["PYTHONHASHSEED"] == "0" and os.environ["OMP_NUM_THREADS"] == "1"
assert not list(pathlib.Path.cwd().iterdir()) and release not in pathlib.Path.cwd().parents
assert (authority, quarter, data, seed, window) == ("salford", "2020-21-Q2", "data", 7, 24)"""
PLACES = """import sys, tempfile, bond_eval
print(os.getcwd(), pathlib.Path.home(), sys.executable, bond_eval.__file__, tempfile.gettempdir(), release)
display({"text/html": f"<p>{bond_eval.__file__}</p>", "text/plain": os.getcwd()}, raw=True)
import warnings; warnings.warn("value 977")"""
HTML = """display({"text/html": "<table><thead><tr><th>A</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
         "<script>alert(1)</script><img src=x onerror=alert(1)>"}, raw=True)"""


def _notebook(title, *cells, own=""):
    parameters = new_code_cell(PARAMETERS)
    parameters.metadata["tags"] = ["parameters"]
    start = [new_markdown_cell(f"# {title}\n\nThe panel asks this."), parameters, new_code_cell(SHOW)]
    return new_notebook(cells=[*start, *cells]) if not own else new_notebook(cells=[*start, new_code_cell(own)])


def _emit(prefix, count):
    return "\n".join(
        f'finding("{prefix}.f{i}", "Number {i}: 42 children <script>alert({i})</script> were placed.")'
        for i in range(count)
    )


def _good(prefix="good"):
    return _notebook(
        "Have outside placements *fallen*?",
        new_code_cell(ENVIRONMENT),
        new_code_cell(PLACES),
        new_markdown_cell(
            "## Method\n\n$$y_t = \\beta_0 + \\frac{a}{b}$$\n\n[Guide](https://www.example.gov.uk/guide)"
        ),
        new_code_cell(f"figure({ALT!r})"),
        new_code_cell(HTML),
        new_markdown_cell("## Findings\n\n### Findings"),
        new_code_cell(_emit(prefix, 3)),
    )


def _bad():
    raising = "value = 1000 + 42\nraise ValueError(f'child {value} at ' + os.getcwd())"
    return _notebook(
        "Does it fail?",
        new_code_cell("import os\n" + _emit("bad", 3)),
        new_code_cell(raising),
        new_code_cell("print(1)"),
    )


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nbs")
    written = {
        "01_good": _good(),
        "02_bad": _bad(),
        "03_dies": _notebook(
            "Does it die?", new_code_cell("1"), new_code_cell("import os; os._exit(3)"), new_code_cell("2")
        ),
        "04_few": _notebook("Has it enough?", own=_emit("few", 1)),
    }
    for name, notebook in written.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


class FakeRelease:
    """What the runner needs of a release."""

    def __init__(self, audience):
        self.facts = {
            "authority": "salford",
            "authority_name": "Salford <script>city</script>",
            "synthetic": True,
            "quarter": "2020-21-Q2",
            "as_of": "2020-09-30",
            "audience": audience,
            "seed": 7,
            "inputs": [
                {"file": "Episodes<b>.csv", "sha256": "ab" * 32, "rows": 1230},
                {"file": "UASC.csv", "sha256": "cd" * 32, "rows": 4},
            ],
            "issues": {"note": 2, "warning": 1},
        }

    def save(self, folder):
        (folder / "release.json").write_text("{}", encoding="utf-8")

    def csv_files(self):
        return {"placements_at_date": "date,children\n2020-09-30,42\n", "moves": "a\nc\n"}


def _build(data, authority, quarter, audience, seed):
    assert (authority, quarter, seed) == ("salford", Quarter(2020, 2), 7)
    return FakeRelease(audience)


def _settings(tmp, notebooks, **changes):
    data = tmp / "data"
    data.mkdir(exist_ok=True)
    usual = {"out": tmp / "out", "notebooks": notebooks, "seed": 7, "audit": False}
    return RunSettings(data, "salford", Quarter(2020, 2), **(usual | changes))


@pytest.fixture(scope="module")
def public(tmp_path_factory, notebooks):
    return run_workbook(_settings(tmp_path_factory.mktemp("public"), notebooks), build=_build)


@pytest.fixture(scope="module")
def internal(tmp_path_factory, notebooks):
    settings = _settings(tmp_path_factory.mktemp("internal"), notebooks, audience="internal", only=("02",), jobs=1)
    return run_workbook(settings, build=_build)


def _texts(folder):
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in _files(folder)}


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _beside(folder):
    return sorted(path.name for path in folder.parent.iterdir())


def _pages(folder):
    return {name: BeautifulSoup(text, "html.parser") for name, text in _texts(folder).items() if name.endswith(".html")}


def test_each_notebook_ends_as_it_does_and_the_others_complete(public):
    ended = {result.name: (result.status, result.cell, result.error) for result in public.results}
    assert ended == {
        "01_good": ("done", None, ""),
        "02_bad": ("failed", 5, "ValueError"),
        "03_dies": ("died", 5, "DeadKernelError"),
        "04_few": ("incomplete", None, ""),
    }
    assert public.exit_status == 1
    few = public.results[3]
    assert few.message == "It has 1 finding where 3 are needed; it has no figure."
    good = public.results[0]
    assert (good.findings, good.figures, good.warnings, good.title) == (3, 1, 1, "Have outside placements *fallen*?")


def test_findings_are_of_whole_notebooks_by_notebook_and_cell(public):
    content = json.loads((public.folder / "findings.json").read_text(encoding="utf-8"))
    assert (content["authority"], content["quarter"], content["audience"]) == ("salford", "2020-21-Q2", "public")
    found = [(finding["notebook"], finding["cell"], finding["id"]) for finding in content["findings"]]
    assert found == [("01_good", 10, f"good.f{i}") for i in range(3)] + [("04_few", 4, "few.f0")]


def test_no_trace_of_the_machine_is_left(public, internal):
    traces = [str(ROOT), str(Path.home()), sys.prefix, tempfile.gettempdir() + "/", "bond-eval-", "ipykernel_"]
    for report in (public, internal):
        for name, text in _texts(report.folder).items():
            found = [trace for trace in traces if re.search(re.escape(trace) + r"(?![\w])", text)]
            assert not found, (name, found)


def test_public_notebooks_keep_neither_error_text_nor_warnings(public):
    texts = _texts(public.folder)
    assert not [
        name for name, text in texts.items() if "1042" in text or "value 977\n" in text or "UserWarning" in text
    ]
    error = [
        output
        for cell in _cells(public, "02_bad")
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert [(output.ename, output.evalue, output.traceback) for output in error] == [("ValueError", "", [])]


def test_internal_edition_keeps_the_traceback_and_is_marked(internal):
    assert internal.folder.name == "2020-21-Q2-internal"
    pages = _pages(internal.folder)
    assert set(pages) == {"index.html", "pages/02_bad.html"}
    assert all(page.text.count("OFFICIAL-SENSITIVE") >= 2 for page in pages.values())
    assert "ValueError: child 1042 at" in pages["pages/02_bad.html"].text
    assert pages["index.html"].find("code", string=re.compile("--seed 7 --internal --only 02$"))


def test_public_pages_are_not_marked_and_say_that_the_data_is_synthetic(public):
    for page in _pages(public.folder).values():
        assert "OFFICIAL" not in page.text and "Synthetic data: no real child" in page.text


def _cells(report, name):
    return nbformat.read(report.folder / "notebooks" / f"{name}.ipynb", as_version=4).cells


def test_executed_notebooks_are_valid_and_normal(public, notebooks):
    for path in (public.folder / "notebooks").iterdir():
        kept = nbformat.read(path, as_version=4)
        nbformat.validate(kept)
        assert kept.metadata == {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
        assert [cell.id for cell in kept.cells] == [f"cell-{i:02d}" for i in range(1, len(kept.cells) + 1)]
        assert all(set(cell.metadata) <= {"tags"} for cell in kept.cells)
        source = [cell.source for cell in nbformat.read(notebooks / path.name, as_version=4).cells]
        injected = [cell for cell in kept.cells if "injected-parameters" in cell.metadata.get("tags", [])]
        assert len(injected) == 1 and 'data = "data"' in injected[0].source
        assert [cell.source for cell in kept.cells if cell not in injected] == source


def test_the_same_inputs_give_the_same_bytes(public, notebooks, tmp_path):
    again = run_workbook(_settings(tmp_path, notebooks, jobs=1), build=_build)
    first, second = (
        {path.relative_to(r.folder): path.read_bytes() for path in _files(r.folder)} for r in (public, again)
    )
    assert set(first) == set(second)
    assert [str(path) for path in first if first[path] != second[path]] == ["timings.json"]


def test_manifest_names_every_file_and_nothing_that_passes(public):
    manifest = json.loads((public.folder / "manifest.json").read_text(encoding="utf-8"))
    named = {path.relative_to(public.folder).as_posix(): path for path in _files(public.folder)}
    assert set(manifest["files"]) == set(named) - {"manifest.json", "timings.json"}
    for name, digest in manifest["files"].items():
        assert digest == hashlib.sha256(named[name].read_bytes()).hexdigest()
    assert manifest["complete"] is False
    assert [item["status"] for item in manifest["notebooks"]] == ["done", "failed", "died", "incomplete"]
    assert manifest["command"] == "bond-eval run --data data --authority salford --quarter 2020-21-Q2 --seed 7"
    assert manifest["notebooks"][0]["warnings"] == 1 and "pandas" in manifest["versions"]
    assert "release.json" not in named


def test_rows_of_a_file_are_a_count_of_children_and_stay_internal(public, internal):
    shown = [json.loads((report.folder / "manifest.json").read_text(encoding="utf-8")) for report in (public, internal)]
    assert [[item.get("rows") for item in manifest["inputs"]] for manifest in shown] == [[None, None], [1230, 4]]
    assert [manifest["rows_read"] for manifest in shown] == [1234, 1234]
    indexes = [_pages(report.folder)["index.html"].text for report in (public, internal)]
    assert ["1,230" in index for index in indexes] == [False, True]
    assert all("2 files, 1,234 rows" in index for index in indexes)


def test_pages_ask_nothing_of_another_host_and_run_no_script(public):
    for name, page in _pages(public.folder).items():
        for element in page.find_all(True):
            assert element.name not in ("script", "link", "iframe", "object", "embed", "base", "form"), name
            for key, value in element.attrs.items():
                assert not key.startswith("on"), (name, key)
                if key in ("src", "href", "srcset", "action", "data", "poster", "background"):
                    assert not re.match(r"\s*(?!data:image/)(?:[a-z]+:|//)", value, re.IGNORECASE), (name, value[:80])
        assert not re.search(r"@import|url\(", page.style.text), name
        policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
        assert policy == (
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        )


def test_every_text_from_data_is_escaped(public):
    for name, page in _pages(public.folder).items():
        assert "Salford <script>city</script>" in page.text, name
    index = _pages(public.folder)["index.html"]
    assert "Episodes<b>.csv" in index.text and "<script>alert(0)</script>" in index.text


def test_a_page_has_alt_text_folded_code_anchors_and_contents(public):
    page = _pages(public.folder)["pages/01_good.html"]
    assert page.html["lang"] == "en-GB" and page.find("meta", attrs={"name": "viewport"})
    assert page.title.text.startswith("Have outside placements fallen?")
    assert [h1.text for h1 in page.find_all("h1")] == ["Have outside placements fallen?"]
    assert page.select_one("figure > img")["alt"] == ALT
    assert all(image.get("alt", "").strip() for image in page.find_all("img"))
    assert "No description has been provided" not in str(page)
    assert [a["href"] for a in page.select("nav.contents a")] == ["#method", "#findings"]
    assert [section["id"] for section in page.select("section.finding")] == [f"finding-good.f{i}" for i in range(3)]
    first = page.select_one("section.finding").text
    assert (
        "Interval: 36 to 48 children" in first and "Strength: Complete count" in first and "A <script>caveat" in first
    )
    code = page.select("details.code .highlight")
    assert len(code) == 6 and not [pre for pre in page.select(".highlight") if not pre.find_parent("details")]
    assert not page.select("details[open]")
    frame = page.select_one("div.table")
    assert (frame["tabindex"], frame["role"], frame["aria-label"]) == ("0", "group", "Table of cell 8")
    assert page.select_one("img.math")["alt"] == "y_t = \\beta_0 + \\frac{a}{b}"
    facts = {dt.text: dt.find_next("dd").text for dt in page.select("details.parameters dt")}
    assert facts["window"] == "24" and facts["authority"] == "salford" and facts["data"] == "data"
    skip = page.find("a")
    assert skip["href"] == "#main" and page.find(id="main").name == "main"


def test_links_between_files_lead_somewhere_and_ids_are_unique(public):
    pages = _pages(public.folder)
    for name, page in pages.items():
        ids = [element["id"] for element in page.find_all(id=True)]
        assert len(ids) == len(set(ids)), name
        for link in page.find_all("a", href=True):
            target, _, fragment = unquote(link["href"]).partition("#")
            path = (public.folder / name).parent / target if target else public.folder / name
            assert path.is_file(), (name, link["href"])
            if fragment:
                there = pages[path.resolve().relative_to(public.folder.resolve()).as_posix()]
                assert there.find(id=fragment), (name, link["href"])


def test_pages_turn_to_the_neighbours(public):
    page = _pages(public.folder)["pages/02_bad.html"]
    assert page.find("a", rel="prev")["href"] == "01_good.html" and page.find("a", rel="next")["href"] == "03_dies.html"
    assert "Cell 5 raised ValueError" in page.select_one(".notice").text


def test_index_tells_what_is_missing_and_shows_headlines(public):
    index = _pages(public.folder)["index.html"]
    notice = index.select_one(".notice").text
    assert "3 of 4 notebooks did not come out whole" in notice and "Its kernel died in cell 5" in notice
    links = [a["href"] for a in index.select(".headlines .weigh a")]
    assert links == ["pages/01_good.html#finding-good.f0", "pages/04_few.html#finding-few.f0"]
    assert [tag.text for tag in index.select(".list .tag")] == ["Complete", "Failed", "Stopped", "Incomplete"]
    assert "No run of an earlier quarter lies beside this one" in index.find(id="changes").find_next("p").text
    assert [a["href"] for a in index.select(".files a")] == ["tables/moves.csv", "tables/placements_at_date.csv"]


def test_only_runs_what_is_asked_for_and_keeps_every_table(notebooks, tmp_path):
    report = run_workbook(_settings(tmp_path, notebooks, only=("01",)), build=_build)
    assert [result.name for result in report.results] == ["01_good"] and report.exit_status == 0
    tables = sorted(path.name for path in (report.folder / "tables").iterdir())
    assert tables == ["moves.csv", "placements_at_date.csv", "schema.json"]
    assert "left out: 02_bad, 03_dies, 04_few" in _pages(report.folder)["index.html"].text


def test_a_lost_worker_takes_nobody_with_it(tmp_path):
    folder = tmp_path / "nbs"
    folder.mkdir()
    nbformat.write(_notebook("Loses its worker", own="import os; os.kill(os.getppid(), 9)"), folder / "01_lost.ipynb")
    nbformat.write(_good(), folder / "02_good.ipynb")
    report = run_workbook(_settings(tmp_path, folder, jobs=1), build=_build)
    assert [result.status for result in report.results] == ["died", "done"]


def test_a_build_that_fails_leaves_the_last_run(notebooks, tmp_path):
    settings = _settings(tmp_path, notebooks)
    settings.folder.mkdir(parents=True)
    (settings.folder / "index.html").write_text("last", encoding="utf-8")

    def refuse(*_):
        raise InputError("The return has no Episodes file.")

    with pytest.raises(InputError, match="no Episodes"):
        run_workbook(settings, build=refuse)
    assert _beside(settings.folder) == [".cache", "2020-21-Q2", "ledger.jsonl"]
    assert (settings.folder / "index.html").read_text(encoding="utf-8") == "last"


def test_a_finding_given_twice_leaves_the_last_run(tmp_path):
    folder = tmp_path / "nbs"
    folder.mkdir()
    nbformat.write(_notebook("One", own=_emit("same", 1) + "\n" + _emit("same", 1)), folder / "01_one.ipynb")
    settings = _settings(tmp_path, folder)
    settings.folder.mkdir(parents=True)
    with pytest.raises(InputError, match=r"same\.f0 is given by 01_one in cell 4 and by 01_one in cell 4"):
        run_workbook(settings, build=_build)
    assert list(settings.folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(notebooks, tmp_path):
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match="Choose another --out"):
        run_workbook(_settings(tmp_path, notebooks), build=_build)


def test_reference_holds_no_page_and_is_kept_where_a_notebook_is_not_whole(tmp_path):
    folder, data, target = tmp_path / "nbs", tmp_path / "data", tmp_path / "reference"
    for made in (folder, data):
        made.mkdir()
    notebook = _notebook("Whole", new_code_cell(f"figure({ALT!r})\n" + _emit("whole", 3)))
    nbformat.write(notebook, folder / "01_whole.ipynb")

    def build(data, authority, quarter, audience, seed):
        assert (authority, str(quarter), audience) == ("salford", "2020-21-Q2", "public")
        return FakeRelease(audience)

    write_reference(target, data, folder, build=build, audit=False)
    names = [path.relative_to(target).as_posix() for path in _files(target)]
    tables = ["tables/moves.csv", "tables/placements_at_date.csv", "tables/schema.json"]
    assert names == ["findings.json", "notebooks/01_whole.ipynb", "release.json", *tables]
    before = _texts(target)
    nbformat.write(_bad(), folder / "01_whole.ipynb")
    with pytest.raises(InputError, match=r"reference stays as it was.*01_whole: Cell 5 raised ValueError"):
        write_reference(target, data, folder, build=build, audit=False)
    assert _texts(target) == before


STOPPED = """
import sys
from pathlib import Path
from bond_eval.core.periods import Quarter
from bond_eval.workbook.run import run_workbook
from bond_eval.workbook.settings import RunSettings

class Release:
    facts = {}
    def save(self, folder):
        (folder / "release.json").write_text("{}")
    def csv_files(self):
        return {}

if __name__ == "__main__":
    base = Path(sys.argv[1])
    settings = RunSettings(base / "data", "salford", Quarter(2020, 2), out=base / "out", notebooks=base / "nbs")
    try:
        run_workbook(settings, build=lambda *_: Release())
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_ctrl_c_leaves_no_kernel_and_no_half_run(tmp_path):
    for name in ("data", "nbs"):
        (tmp_path / name).mkdir()
    pid_file = tmp_path / "pid"
    slow = f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(120)"
    nbformat.write(_notebook("Slow", own=slow), tmp_path / "nbs" / "01_slow.ipynb")
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "private")}
    (tmp_path / "private").mkdir()
    running = subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment)
    try:
        _until(lambda: pid_file.exists() and pid_file.read_text())
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 130
    finally:
        running.kill()
    kernel = int(pid_file.read_text())
    _until(lambda: not _alive(kernel))
    assert _beside(tmp_path / "out" / "salford" / "2020-21-Q2") == [".cache", "ledger.jsonl"]
    assert list((tmp_path / "private").glob("bond-eval-*")) == []


def _alive(pid):
    try:
        # A process that has ended but was not yet collected still answers to signals.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(met):
    for _ in range(300):
        if met():
            return
        time.sleep(0.1)
    raise AssertionError("waited for 30 seconds")


# Two stages ------------------------------------------------------------------------------------------------------

READ = """from pathlib import Path
import os
from bond_eval.evidence.found import find_findings
found = find_findings({}, Path(os.environ["BOND_RELEASE"]))
display({"text/markdown": "read " + " ".join(found.ids), "text/plain": "x"}, raw=True)
display(found)
print("missing", dict(found.missing), sorted(found.unlinked))"""


def _second(title="Which questions can be answered?"):
    notebook = _notebook(title, new_code_cell(READ), new_code_cell(f"figure({ALT!r})\n" + _emit("answers", 3)))
    notebook.metadata["bond_eval"] = {"stage": 2}
    return notebook


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """A first run of three notebooks, the second-stage one first by name, one of the others failing."""
    base = tmp_path_factory.mktemp("staged")
    for name, notebook in (("00_reads", _second()), ("01_good", _good()), ("02_bad", _bad())):
        nbformat.write(notebook, base / f"{name}.ipynb")
    return base, run_workbook(_settings(base, base), build=_build)


def _printed(report, name="00_reads"):
    return "".join(out.text for cell in _cells(report, name) for out in cell.get("outputs", []) if "text" in out)


def _findings_file(report):
    return json.loads((report.folder / "findings.json").read_text(encoding="utf-8"))


def test_a_second_stage_notebook_reads_what_the_first_stage_found(staged):
    _, report = staged
    assert {result.name: result.status for result in report.results}["00_reads"] == "done"
    content = _findings_file(report)
    ids = {item["id"]: item["stage"] for item in content["findings"]}
    assert ids == {f"answers.f{i}": 2 for i in range(3)} | {f"good.f{i}": 1 for i in range(3)}
    assert content["missing"] == {"02_bad": "Cell 5 raised ValueError; the cells after it did not run."}
    assert "read good.f0 good.f1 good.f2" in _texts(report.folder)["notebooks/00_reads.ipynb"]
    assert f"missing {content['missing']} []" in _printed(report)


def test_the_same_quarter_twice_gives_the_same_findings_of_both_stages(staged, tmp_path):
    base, report = staged
    again = run_workbook(_settings(tmp_path, base, jobs=1), build=_build)
    first, second = ((run.folder / "findings.json").read_bytes() for run in (report, again))
    assert first == second and b'"stage": 2' in first


def test_findings_read_lead_to_their_place_on_their_page(staged):
    _, report = staged
    page = _pages(report.folder)["pages/00_reads.html"]
    links = [link["href"] for link in page.select("table a")]
    assert links == [f"01_good.html#finding-good.f{i}" for i in range(3)]
    assert _pages(report.folder)["pages/01_good.html"].find(id="finding-good.f0")
    assert "<script>" not in page.select_one("table").decode()


def test_only_a_second_stage_notebook_takes_the_last_runs_findings_even_twice(staged, tmp_path):
    base, report = staged
    settings = _settings(tmp_path, base, only=("00",))
    settings.folder.parent.mkdir(parents=True)
    shutil.copytree(report.folder, settings.folder)
    for _ in range(2):
        again = run_workbook(settings, build=_build)
        content = _findings_file(again)
        assert [item["id"] for item in content["findings"]] == [f"answers.f{i}" for i in range(3)]
        assert [item["id"] for item in content["earlier"]] == [f"good.f{i}" for i in range(3)]
        assert content["missing"] == {"02_bad": "was not run"}
        assert "['01_good']" in _printed(again)
        # There is no page of that notebook in this run.
        assert not _pages(again.folder)["pages/00_reads.html"].select("table a")


def test_only_a_second_stage_notebook_without_an_earlier_run_says_so(staged, tmp_path):
    base, report = staged
    settings = _settings(tmp_path, base, only=("00",))
    with pytest.raises(InputError, match="00_reads reads the findings of the others, and no earlier run of salford"):
        run_workbook(settings, build=_build)
    settings.folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(report.folder, settings.folder, dirs_exist_ok=True)
    (settings.folder / "findings.json").write_text(
        json.dumps(_findings_file(report) | {"inputs": "of other files"}), encoding="utf-8"
    )
    with pytest.raises(InputError, match="from the same files has any"):
        run_workbook(settings, build=_build)


def test_a_notebook_of_the_first_stage_cannot_read_findings(tmp_path):
    folder = tmp_path / "nbs"
    folder.mkdir()
    nbformat.write(_notebook("Reads too soon", own=READ), folder / "01_soon.ipynb")
    report = run_workbook(_settings(tmp_path, folder), build=_build)
    assert (report.results[0].status, report.results[0].error) == ("failed", "InputError")

"""Every number has an address: one click from a finding, figure or table to its builder, files with hash, and tests."""

import datetime as dt
import importlib
import json
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from bond_eval.core.places import REFERENCE, REFERENCE_RUN, ROOT, digests
from bond_eval.evidence.registry import of_findings, registered
from bond_eval.workbook import pdf, site, why
from bond_eval.workbook.publish import Pages
from bond_eval.workbook.site import publish_run
from bond_eval.workbook.site_pages import write_tables
from bond_eval.workbook.traced import tables_by_cell, tables_of
from bond_eval.workbook.why import addresses, naming_tests
from tests.published import BOOKS, small_run

TO_TABLE = re.compile(r"(?:\.\./)?tables\.html#(table-\w+)")


def released(folder, books):
    """The pages of a release by file, attacked elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf, "browser", lambda: None)
        patch.setattr(site, "_attack", lambda *_: None)
        made = publish_run(small_run(folder / "run", books), folder / "to", day=dt.date(2020, 11, 10)).folder
    return made, {path.name: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
                  for path in made.rglob("*.html")}  # fmt: skip


def led_to(part):
    """Ids of the tables that the links of a part of a page lead to."""
    return [found[1] for link in part.find_all("a", href=True) if (found := TO_TABLE.fullmatch(link["href"]))]


def check(folder, pages):
    """Everything that shows a number leads to an address that is whole; gives how many findings and figures did."""
    found = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["findings"]
    ids = {tag["id"] for tag in pages["tables.html"].find_all(id=True)}
    for finding in found:
        wanted = [f"table-{finding['table']}"]
        on_page = pages[f"{finding['notebook']}.html"].find("section", id=f"finding-{finding['id']}")
        assert led_to(on_page) == wanted and wanted[0] in ids, finding["id"]
        assert led_to(pages["findings.html"].find("li", id=f"finding-{finding['id']}")) == wanted, finding["id"]
    figures = 0
    for name in {f"{finding['notebook']}.html" for finding in found}:
        for figure in pages[name].find_all("figure"):
            assert len(led_to(figure)) == 1 and led_to(figure)[0] in ids, name
            figures += 1
        for table in pages[name].select(".cell > .output .table"):
            cell = table.find_parent("div", class_="cell")
            own = [link for link in led_to(cell) if link in ids]
            assert own or "Finding" in table.get_text(), f"{name} {cell.get('id')}"
    return len(found), figures


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return released(tmp_path_factory.mktemp("release"), BOOKS)


def test_findings_figures_and_tables_lead_to_their_address(release):
    findings, figures = check(*release)
    assert findings >= 9 and figures >= 3


def test_each_address_is_whole_and_true(release):
    folder, pages = release
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    known = {f"data/reference/{name}": digest for name, digest in digests(REFERENCE).items()}
    known |= {item["file"]: item["sha256"] for item in (*manifest["inputs"], *manifest["release"]["other_inputs"])}
    sections = pages["tables.html"].find_all("section")
    assert {section.h2["id"].removeprefix("table-") for section in sections} == {
        path.stem for path in (folder / "tables").glob("*.csv")
    }
    tested = 0
    for section in sections:
        told = {part.dt.get_text(): part.dd for part in section.find_all("div")}
        module, _, builder = told["Builder"].get_text().rpartition(".")
        assert callable(getattr(importlib.import_module(module), builder))
        assert told["Method"].get_text() and told["Source"].get_text() and led_to_csv(folder, told["Rows"])
        files = told["Files, and how their SHA-256 begins"]
        assert files.find_all("code")
        for name, short in re.findall(r"([\w./-]+\.csv) ([0-9a-f]{12})", files.get_text(" ", strip=True)):
            assert known[name].startswith(short), name
        for code in told["Tests"].find_all("code"):
            path, _, test = code.get_text().partition("::")
            assert (ROOT / path).is_file() and (not test or f"def {test}(" in (ROOT / path).read_text("utf-8"))
            tested += bool(test)
        assert told["Tests"].find_all("code"), section.h2["id"]
        assert told["Shown on"].find("a") or told["Findings"].find("a")
    assert tested > 20


def led_to_csv(folder, part):
    return (folder / part.find("a")["href"]).is_file()


def test_nothing_of_a_machine_or_of_how_many_children_a_file_has_is_told(release):
    _, pages = release
    rows = [item["rows"] for item in json.loads((REFERENCE_RUN / "release.json").read_text())["facts"]["inputs"]]
    text = pages["tables.html"].get_text(" ")
    assert str(ROOT) not in text and not re.search(r"/(?:home|root|tmp)/", text)
    assert rows and not re.search(r"\d+ rows?\b", text)


def test_a_table_says_where_what_it_is_of_was_not_given(tmp_path):
    facts = json.loads((REFERENCE_RUN / "release.json").read_text(encoding="utf-8"))["facts"]
    for given in (facts["other_inputs"], []):
        told = facts | {"other_inputs": given}
        write_tables(Pages(tmp_path, told, {}, [], [], {}, ["programme_funnel", "placements_at_date"]))
        page = BeautifulSoup((tmp_path / "tables.html").read_text(encoding="utf-8"), "html.parser")
        found = ["; no register was given" in section.get_text() for section in page.find_all("section")]
        assert found == [not given, False]
        assert page.section.dl.dt.get_text() == "Rows" and page.section.details.dl.dt.get_text() == "Builder"


@pytest.mark.full
def test_the_whole_reference_release_has_an_address_for_everything(tmp_path):
    books = sorted(path.stem for path in (REFERENCE_RUN / "notebooks").glob("*.ipynb"))
    folder, pages = released(tmp_path, books)
    findings, figures = check(folder, pages)
    assert findings > 100 and figures >= 28


def test_a_table_is_followed_through_names_loops_and_numbers():
    source = [
        'a, b = book.table("one"), book.table("two")\nbook.chart("bars", a)\nbook.finding("x", "y", table=a)',
        'last = b.last("n")\ntext = f"{last} of them"',
        "book.say(text)",
        'pair = [book.table(name) for name in ("three", "two")]\nfor part in pair:\n    display(part)',
        'a = 1\na\nbook.say("none")',
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in source])
    known = ("one", "two", "three")
    assert tables_by_cell(book, known) == {1: [], 2: [], 3: ["two"], 4: ["three", "two"], 5: []}
    assert tables_of(book, known) == set(known) and tables_of(book, ("two",)) == {"two"}
    assert tables_by_cell(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = (")]), known) == {}


def test_a_test_is_found_through_its_fixture_and_a_field_of_the_same_name_is_none(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(
        'def made():\n    return read("tables/placed.csv")\n\n\ndef test_one(made):\n    assert made\n\n\n'
        'def test_two():\n    assert {"placed": 1}\n\n\ndef test_three():\n    build()\n', encoding="utf-8"
    )  # fmt: skip
    assert naming_tests(tmp_path / "tests", ("placed",)) == ["tests/test_a.py::test_one"]
    assert naming_tests(tmp_path / "tests", ("placed", "build()"))[1:] == ["tests/test_a.py::test_three"]


# Words of a source, in any case, and the files beside the return that they stand for.
STAND_FOR = {"dfe": r"\bDfE\b", "finance": r"\bfinance files\b", "register": r"\bregister\b", "measures": r"measures/",
             "sealed.json": r"\bsealed\.json\b", "postcodes.csv": r"\bpostcodes\.csv\b"}  # fmt: skip
OF_RETURN = (
    r"SSDA903|\breturn\b|Episodes|stitching|the files\b(?! on)|scorecard|computed measures|findings\.json|check`"
)


def test_every_source_leads_to_the_files_that_it_speaks_of_and_to_no_others():
    facts = json.loads((REFERENCE_RUN / "release.json").read_text(encoding="utf-8"))["facts"]
    sealed = {"file": "2020-21-Q1/sealed.json", "sha256": "a" * 64}
    beside = {item["file"]: item["sha256"] for item in (*facts["other_inputs"], sealed)}
    known = {f"data/reference/{name}": digest for name, digest in digests(REFERENCE).items()}
    of_scorecard = ("finance", "register", "measures")
    made = addresses([*registered(), *of_findings()], facts | {"other_inputs": [*facts["other_inputs"], sealed]})
    assert len(made) > 150
    for one in made:
        files = dict(one.files)
        assert all((known | beside)[name] == digest for name, digest in files.items()), one.id
        wanted = {name for name in known if re.search(rf"(?<![\w.-]){re.escape(Path(name).name)}", one.source)}
        assert wanted <= files.keys(), one.id
        for group, words in STAND_FOR.items():
            there = {name for name in beside if group in (name.split("/")[0], Path(name).name)}
            assert there and (there <= files.keys() or not re.search(words, one.source)), (one.id, group)
            if "scorecard" in one.source and group in of_scorecard:
                assert there <= files.keys(), (one.id, group)
        assert one.own == bool(re.search(OF_RETURN, one.source)), one.id
        assert one.own or files, one.id


def test_what_was_not_given_is_said_and_not_put_down_to_the_return(tmp_path):
    facts = json.loads((REFERENCE_RUN / "release.json").read_text(encoding="utf-8"))["facts"]
    write_tables(Pages(tmp_path, facts | {"other_inputs": []}, {}, [], [], {}, ["neighbour_latest"]))
    page = BeautifulSoup((tmp_path / "tables.html").read_text(encoding="utf-8"), "html.parser").section.dl.get_text()
    assert "none, since no such file was given" in page and "the return" not in page


def test_a_table_of_findings_has_an_address_and_one_that_is_gone_has_none(monkeypatch):
    facts = json.loads((REFERENCE_RUN / "release.json").read_text(encoding="utf-8"))["facts"]
    monkeypatch.setattr(why, "TESTS", Path("nowhere"))
    (one,) = addresses(("evaluation_answers", "no_such_table"), facts)
    assert one.builder == "bond_eval.evidence.tables.evaluation_questions.evaluation_answers" and one.tests == ()

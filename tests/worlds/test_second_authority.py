"""A second authority, made from a few lines of data: its own categories, only a return, and every page says what lacks.

Its children are synthetic; what is quoted of others' papers is real, and named as theirs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from pathlib import Path

import pytest

from bond_eval.audit import audit
from bond_eval.audit.leaks import Confidential, leaks
from bond_eval.audit.read import Published
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import NOTEBOOKS
from bond_eval.evidence.registry import registered
from bond_eval.evidence.release import _facts
from bond_eval.evidence.view import View, load_view
from bond_eval.intake.reference import CATEGORIES
from bond_eval.placements.categories import OUTSIDE, category_of, in_use
from bond_eval.sample import build_world, write_sample
from bond_eval.sample.setting import setting
from bond_eval.workbook.front import PAPERS
from bond_eval.workbook.run import run_workbook
from bond_eval.workbook.settings import RunSettings
from tests.worlds.test_answers_by_input import findings

QUARTER = Quarter.parse("2020-21-Q2")
NOT_USED = ("Connected carers", "Secure", "Residential school", "Parent and child")
# Notebooks that speak of the authority's own records, and the file that each lacks.
LACK = {"06": "the folder dfe", "10": "register/cases.csv", "31": "fees or unit costs", "23": "register/activity"}
# Papers of others, which a page about them may name: pages that are marked so, and the wider evidence.
OF_OTHERS = (*PAPERS, "07", "22", "36", "41", "42")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandwell") / "data"
    write_sample(folder, authority="sandwell", children=150)
    return folder


@pytest.fixture(scope="module")
def view(folder: Path) -> View:
    return load_view(folder, "sandwell", QUARTER, "public", 2021)


def foreign(found: list[dict]) -> list[str]:
    """Statements about the authority's own records that speak of another's."""
    return [
        item["statement"]
        for item in found
        if item["notebook"][:2] not in OF_OTHERS and re.search("Salford|Cabinet|BOND", item["statement"])
    ]


def test_it_is_made_from_data_and_supplies_a_return_alone(folder: Path, tmp_path: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {"authority.toml", CATEGORIES, "postcodes.csv", "truth.json", "2019-20"} <= names
    assert not names & {"finance", "measures", "register", "dfe"}
    assert (
        'name = "Sandwell (synthetic)"\ncode = "E08000028"\nold_code = "333"' in (folder / "authority.toml").read_text()
    )
    assert "Salford" not in (folder / "authority.toml").read_text() and "£" not in (folder / "README.md").read_text()
    report = write_sample(tmp_path, authority="sandwell", children=30)
    assert report.world == "null" and report.children == 30
    assert build_world(children=30, authority="sandwell").rows != build_world(children=30, world="null").rows
    with pytest.raises(ValueError, match=r"one of salford, sandwell, not 'x': use one or add it to authorities\.toml"):
        write_sample(tmp_path, authority="x")
    with pytest.raises(ValueError, match="world must be one of null, effect, not 'published'"):
        write_sample(tmp_path, authority="sandwell", world="published")


def test_its_own_categories_are_used_and_said(folder: Path, view: View) -> None:
    own = view.data.categories
    assert category_of("S1", "PR4", 2019, own) == OUTSIDE and category_of("S1", "PR4", 2019) == "Residential school"
    assert set(NOT_USED).isdisjoint(in_use(own)) and set(NOT_USED) < set(in_use())
    placements = view.history.placements
    schools = placements["place"].astype(str).eq("S1")
    assert schools.any() and (placements.loc[schools, "category"] == OUTSIDE).all()
    table = registered()["placements_at_date"].build(view)
    assert set(NOT_USED).isdisjoint(table["category"]) and OUTSIDE in set(table["category"])
    digest = hashlib.sha256((folder / CATEGORIES).read_bytes()).hexdigest()
    assert {"file": CATEGORIES, "sha256": digest, "rows": 0} in _facts(view)["inputs"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("place,provider\nK2,PR4\n", "should have the columns place, provider and category"),
        ("place,provider,category\nK22,PR4,IFA\n", "line 2: place 'K22' is not known"),
        ("place,provider,category\nK2,PR4|PR9,IFA\n", "line 2: provider 'PR9' is not known"),
        ("place,provider,category\nK2,PR4,IFA\nK2,*,Elsewhere\n", "line 3: category 'Elsewhere' is not known"),
        (
            "place,provider,valid_from,category\nK2,PR4,last year,IFA\n",
            "line 2: write valid_from and valid_to as years",
        ),
    ],
)
def test_a_table_of_categories_that_is_wrong_is_refused_by_line(tmp_path: Path, text: str, says: str) -> None:
    from bond_eval.intake.reference import own_categories

    (tmp_path / CATEGORIES).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(says)):
        own_categories(tmp_path)


def test_every_table_can_be_built_and_pages_name_what_is_missing(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    for id, spec in registered().items():
        frame = spec.build(view)
        assert {*spec.labels, *(value.name for value in spec.values)} <= set(frame.columns), id
    board = registered()["scorecard"].build(view)
    assert set(board.loc[board["shown"] == "", "side"]) == {""} != set(board["side"])
    found = findings(view, (*LACK, "01", "11", "34"), monkeypatch).items
    for notebook, words in LACK.items():
        assert any(words in item["statement"] for item in found if item["notebook"].startswith(notebook)), notebook
    assert foreign(found) == []
    assert not [item for item in found if item["id"] == "route29.unsaid" and "Q01" in item["questions"]], "no answer"
    schools = next(item for item in found if item["id"] == "transforming_care.schools")
    assert "not told apart by the authority's own categories" in schools["statement"] and schools["value"] is None
    proposal = [item["statement"] for item in found if item["notebook"].startswith("34")]
    assert any("£287,500" in statement for statement in proposal)


def test_a_birth_on_a_day_that_every_page_speaks_of_is_no_leak() -> None:
    lockdown, other = dt.date(2020, 3, 23), dt.date(2020, 3, 24)
    births = Confidential(births=frozenset({lockdown, other}))
    for text, falls in (("the lockdown of 23 March 2020", 0), ("on 24 March 2020", 1), ("2020-03-23, 2020-03-24", 1)):
        assert len(list(leaks(Published(raw=[("a.html", text)]), births))) == falls, text


@pytest.mark.full
def test_the_whole_site_is_complete_attacked_and_speaks_of_nobody_else(tmp_path: Path) -> None:
    write_sample(tmp_path / "data", authority="sandwell")
    report = run_workbook(RunSettings(tmp_path / "data", "sandwell", QUARTER, tmp_path / "out"))
    assert [(result.name, result.message) for result in report.results if not result.done] == []
    assert report.exit_status == 0 and not audit(report.folder, tmp_path / "data").falls
    found = json.loads((report.folder / "findings.json").read_text(encoding="utf-8"))["findings"]
    assert len({item["notebook"] for item in found}) == len(list(NOTEBOOKS.glob("*.ipynb"))) and foreign(found) == []
    front = (report.folder / "index.html").read_text(encoding="utf-8")
    brief = front.partition('<section class="brief"')[2].partition("</section>")[0]
    assert "Sandwell (synthetic)" in front and "<li>" in brief and "Salford" not in brief
    for page in (report.folder / "pages").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "placement_categories.csv before" in text or " files of Sandwell" not in text, page.name
        assert "made so that the published counts" not in text, page.name
    assert setting("sandwell").children == 800

"""A release is published whole, never changed, revised with a reason, and refused where it may not be published."""

import datetime as dt
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from bond_eval.audit import Fall, Report
from bond_eval.audit.verify import verify
from bond_eval.cli import app
from bond_eval.core.atomic import write_json
from bond_eval.core.errors import InputError
from bond_eval.core.places import digests
from bond_eval.workbook import pdf, site
from bond_eval.workbook.attack import Refused
from bond_eval.workbook.site import publish_run
from tests.published import small_run

DAY = dt.date(2020, 11, 10)
BOOK = ("02_baseline_cohorts",)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "\u202eevil\u202c\u2066x\u2069",
    "{{ 7 * 7 }}{% raw %}",
    "w" * 10_000,
]


@pytest.fixture(autouse=True)
def no_browser(monkeypatch):
    """The PDF is tested with the browser; here it would only take time."""
    monkeypatch.setattr(pdf, "browser", lambda: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("runs") / "salford" / "2020-21-Q2", BOOK)


@pytest.fixture(scope="module")
def published(run, tmp_path_factory):
    """One release that was really attacked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf, "browser", lambda: None)
        return publish_run(run, tmp_path_factory.mktemp("published"), day=DAY)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(site, "_attack", lambda *_: None)


def _pages(folder):
    return {
        path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in sorted(folder.rglob("*.html"))
    }


def _copied(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "run"))


def _altered(run, tmp_path, change):
    """A run whose findings.json is changed by `change`, with a manifest that fits."""
    folder = _copied(run, tmp_path)
    content = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    change(content["findings"])
    write_json(folder / "findings.json", content)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    named = {name: digest for name, digest in digests(folder).items() if name != "manifest.json"}
    write_json(folder / "manifest.json", manifest | {"files": named})
    return folder


def _reworded(findings):
    findings[0]["statement"] = "Other words for the same number."


def test_a_release_is_whole_and_its_checksums_hold(published):
    assert published.folder.parts[-3:] == ("salford", "2020-21-Q2", "revision-1") and published.new
    names = {path.name for path in published.folder.iterdir()}
    assert {"index.html", "findings.html", "methods.html", "data.html", "pages", "tables", "notebooks"} <= names
    assert {"findings.json", "manifest.json", "tables.xlsx", "ro-crate-metadata.json"} <= names
    named, differs = verify(published.folder)
    assert named > 12 and differs == []
    for path, page in _pages(published.folder).items():
        assert "Revision 1, published 10 November 2020: first publication" in page.footer.get_text(), path
    assert "no Chromium" in (published.folder / "index.html").read_text(encoding="utf-8")


def test_the_same_content_again_changes_nothing(run, published):
    before = digests(published.folder.parent)
    again = publish_run(run, published.folder.parents[2], day=dt.date(2021, 1, 1), reason="none")
    assert (again.number, again.new) == (1, False) and digests(published.folder.parent) == before


@pytest.mark.usefixtures("quick")
def test_equal_content_gives_equal_bytes(run, published, tmp_path):
    other = publish_run(run, tmp_path, day=DAY)
    assert digests(other.folder) == digests(published.folder)


@pytest.mark.usefixtures("quick")
def test_other_content_makes_a_revision_and_keeps_the_first(run, published, tmp_path):
    to = tmp_path / "to"
    shutil.copytree(published.folder.parents[2], to)
    first = digests(to / "salford" / "2020-21-Q2" / "revision-1")
    altered = _altered(run, tmp_path, _reworded)
    with pytest.raises(InputError, match="Revision 1 has other content: say why this one replaces it with --reason"):
        publish_run(altered, to, day=DAY)
    with pytest.raises(InputError, match="give a --date that is not before it"):
        publish_run(altered, to, day=dt.date(2020, 11, 9), reason="x")
    second = publish_run(altered, to, day=dt.date(2020, 12, 1), reason="A sentence was <wrong>")
    home = second.folder.parent
    assert second.number == 2 and digests(home / "revision-1") == first
    for page in _pages(second.folder).values():
        assert "Revision 2, published 1 December 2020: A sentence was <wrong>." in page.footer.get_text()
    listed = BeautifulSoup((home / "index.html").read_text(encoding="utf-8"), "html.parser").find_all("li")
    assert [item.a["href"] for item in listed] == ["revision-2/index.html", "revision-1/index.html"]
    assert "A sentence was <wrong>" in listed[0].get_text()
    assert not publish_run(altered, to, day=DAY).new


def test_a_release_that_was_changed_stops_the_next(run, published, tmp_path):
    to = tmp_path / "to"
    shutil.copytree(published.folder.parents[2], to)
    (to / "salford" / "2020-21-Q2" / "revision-1" / "index.html").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="revision-1 of 2020-21-Q2 is not as it was published"):
        publish_run(run, to, day=DAY)


def test_a_run_that_may_not_be_published_is_refused(run, published, tmp_path):
    internal = small_run(tmp_path / "internal", BOOK, audience="internal")
    part = small_run(tmp_path / "part", BOOK, status="failed")
    changed = _copied(run, tmp_path)
    (changed / "findings.json").write_text("{}", encoding="utf-8")
    refused = {
        internal: "OFFICIAL-SENSITIVE and is never published",
        part: r"is incomplete \(02_baseline_cohorts\)",
        changed: "is not as the run left it",
        published.folder: "is not the folder of a run",
        tmp_path: "cannot be read",
    }
    for folder, words in refused.items():
        with pytest.raises(InputError, match=words):
            publish_run(folder, tmp_path / "to", day=DAY)
    assert not (tmp_path / "to" / "salford" / "2020-21-Q2").exists()


@pytest.mark.usefixtures("quick")
def test_an_incomplete_run_says_so_on_every_page(tmp_path):
    release = publish_run(small_run(tmp_path / "run", BOOK, status="failed"), tmp_path / "to", day=DAY, incomplete=True)
    for page in _pages(release.folder).values():
        assert "This release is incomplete." in page.header.get_text()


def test_what_the_audit_finds_is_not_published(run, tmp_path):
    def leak(findings):
        findings[0]["statement"] = "Of these 3 children have become looked after."

    folder = _altered(run, tmp_path, leak)
    with pytest.raises(Refused) as refusal:
        publish_run(folder, tmp_path / "to", day=DAY)
    assert any("3 children" in line for line in refusal.value.lines)
    assert not (tmp_path / "to" / "salford" / "2020-21-Q2").exists()
    done = CliRunner().invoke(app, ["publish", str(folder), "--to", str(tmp_path / "to"), "--date", "2020-11-10"])
    assert done.exit_code == 3 and "Nothing was published." in done.output


@pytest.mark.parametrize(("kind", "again"), [("recovered", True), ("beside", True), ("small", False)])
def test_what_falls_beside_an_earlier_quarter_says_how_to_run_again(published, tmp_path, monkeypatch, kind, again):
    shutil.copytree(published.folder.parents[1], tmp_path / "salford")
    (tmp_path / "salford" / "2020-21-Q3").mkdir()  # as a refusal once left it: no release to compare with
    notes, falls = list[str](), Report({}, (Fall(kind, ("a",), "b"),))
    monkeypatch.setattr(site, "audit", lambda work, previous: falls if previous.parent.name == "2020-21-Q2" else None)
    with pytest.raises(Refused) as refusal:
        site._attack(tmp_path, tmp_path / "salford" / "2020-21-Q4", [], notes.append)
    more = ": run it again with the run of 2020-21-Q2 in the same output folder, to allow for it"
    assert refusal.value.lines[-1] == f"Nothing was published{more * again}."
    assert notes == ["Attacking the site, as one would who has nothing else but revision-1 of 2020-21-Q2"]


@pytest.mark.usefixtures("quick")
def test_the_command_says_where_the_release_is(run, tmp_path):
    for words in ("is published", "holds the same already; nothing was written"):
        done = CliRunner().invoke(app, ["publish", str(run), "--to", str(tmp_path), "--date", "2020-11-10"])
        assert done.exit_code == 0 and f"Revision 1 {words}" in done.output
    wrong = CliRunner().invoke(app, ["publish", str(run), "--to", str(tmp_path), "--date", "10/11/2020"])
    assert isinstance(wrong.exception, InputError)


def test_every_link_leads_somewhere(published):
    pages = _pages(published.folder.parent)
    ids = {path: {tag["id"] for tag in page.find_all(id=True)} for path, page in pages.items()}
    seen = 0
    for path, page in pages.items():
        every = [tag["id"] for tag in page.find_all(id=True)]
        assert len(every) == len(set(every)), path.name
        for link in page.find_all("a", href=True):
            file, _, fragment = unquote(link["href"]).partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.is_file(), f"{path.name}: {link['href']}"
            assert not fragment or fragment in ids[target], f"{path.name}: {link['href']}"
            seen += 1
    assert seen > 100


def test_each_finding_has_a_permanent_link_and_stands_on_the_list(published):
    found = json.loads((published.folder / "findings.json").read_text(encoding="utf-8"))["findings"]
    pages = {path.stem: page for path, page in _pages(published.folder).items()}
    for finding in found:
        block = pages[finding["notebook"]].find(id=f"finding-{finding['id']}")
        assert block.find("a", href=f"#finding-{finding['id']}") and finding["statement"] in block.get_text()
        assert finding["statement"] in pages["findings"].get_text()


def test_no_page_can_run_or_fetch_anything(published):
    for path, page in _pages(published.folder).items():
        policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline';") and "*" not in policy
        scripts = page.find_all("script")
        assert len(scripts) == (path.name == "findings.html") and ("script-src 'sha256-" in policy) == bool(scripts)
        assert not [name for tag in page.find_all(True) for name in tag.attrs if name.startswith("on")]
        assert not page.find_all(["link", "iframe", "object", "embed", "base"])
        for tag in page.find_all(src=True):
            assert tag["src"].startswith("data:image/"), path.name
        assert page.html["lang"] == "en-GB" and page.find("main") and page.find("a", class_="skip")


@pytest.mark.usefixtures("quick")
def test_text_from_data_stays_text(tmp_path):
    """Name of the authority, names of files, findings, titles and alt texts that try to be something else."""
    hostile = " ".join(HOSTILE)
    run = small_run(tmp_path / "plain", BOOK)
    inputs = [{"file": f"{text[:60]}`|.csv", "sha256": "0" * 64, "rows": 7} for text in HOSTILE]
    facts = {"authority_name": hostile, "inputs": inputs}
    run = _altered(
        small_run(tmp_path / "hostile", BOOK, **facts), tmp_path, lambda found: found[0].update(statement=f"{hostile}.")
    )
    folder = publish_run(run, tmp_path / "to", day=DAY, reason=hostile).folder
    for path, page in _pages(folder).items():
        text = page.get_text()
        assert "<script>alert(1)</script>" in text and "{{ 7 * 7 }}{% raw %}" in text, path.name
        assert len(page.find_all("script")) == (path.name == "findings.html")
        assert not page.find_all("img", src="x") and not re.search("[\u202a-\u202e\u2066-\u2069]", str(page))
        assert not [name for tag in page.find_all(True) for name in tag.attrs if name.startswith("on")]

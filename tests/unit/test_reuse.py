"""What is unchanged is reused, what is changed is not, and nobody can tell from what is published."""

import json
import shutil
from itertools import pairwise

import nbformat
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.workbook import reuse
from bond_eval.workbook import run as runner
from bond_eval.workbook.execute import Outcome
from bond_eval.workbook.progress import Progress
from bond_eval.workbook.reuse import Store, inputs
from bond_eval.workbook.settings import RunSettings
from bond_eval.workbook.tidy import text_of
from tests.tiny_runs import NAMES, Release, build, bytes_of, executed, laid_out, notebook, settings_of, standing_still


class Notes(Progress):
    """Keeps what is said."""

    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


def _page(pages):
    """In place of pages: what they are made of."""
    shown = {result.name: [result.status, result.message, text_of(pages.notebooks[result.name])]
             for result in pages.results}  # fmt: skip
    rest = [pages.found, pages.provenance, sorted(pages.tables), pages.earlier]
    (pages.folder / "index.html").write_text(json.dumps([pages.facts, shown, rest], default=str), encoding="utf-8")


class Tiny:
    """Runs the tiny workbook without kernels. `ran`: notebooks that were executed; `built`: how many releases."""

    def __init__(self, base, monkeypatch):
        self.base, self.ran, self.built, self.notes = laid_out(base), [], 0, []
        monkeypatch.setattr(runner, "execute_all", executed(self.ran))
        monkeypatch.setattr(runner, "warm", lambda: None)
        monkeypatch.setattr(runner, "_builder", lambda: self._build)
        monkeypatch.setattr("bond_eval.workbook.publish.publish", _page)
        standing_still(monkeypatch.setattr, self.base / "nowhere")

    def _build(self, *given, **known):
        self.built += 1
        return build(*given, **known)

    def __call__(self, **other):
        """(report, notebooks executed, releases built)"""
        notes, before = Notes(), self.built
        self.ran.clear()
        report = runner.run_workbook(settings_of(self.base, **other), notes)
        self.notes = notes.said
        return report, list(self.ran), self.built - before


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    return Tiny(tmp_path, monkeypatch)


def test_a_run_without_a_change_does_nothing_and_says_so(tiny):
    first, ran, built = tiny()
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    assert (ran, built) == (list(NAMES), 1) and not any(result.reused for result in first.results)
    again, ran, built = tiny()
    assert (ran, built, again.exit_status) == ([], 0, 0)
    assert [(result.name, result.status, result.reused) for result in again.results] == [
        (name, "done", True) for name in NAMES
    ]
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == before
    assert tiny.notes == ["Nothing has changed since the last run: all 3 notebooks are reused"]


def _touch_data(tiny):
    (tiny.base / "data" / "episodes.csv").write_text("CHILD\nother\n", encoding="utf-8")


def _new_data(tiny):
    (tiny.base / "data" / "more.csv").write_text("x\n", encoding="utf-8")


def _edit(tiny, name, place=0, text="# Another title?"):
    book = nbformat.read(tiny.base / "nbs" / f"{name}.ipynb", as_version=4)
    book.cells[place].source = text
    nbformat.write(book, tiny.base / "nbs" / f"{name}.ipynb")


def _earlier(tiny):
    folder = tiny.base / "out" / "salford" / "2020-21-Q1" / "tables"
    folder.mkdir(parents=True)
    (folder / "moves.csv").write_text("kind,moves\nout,c\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "other", "again", "built"),
    [
        (_touch_data, {}, list(NAMES), 1),
        (_new_data, {}, [], 1),  # the release is made anew, and is the same
        (_earlier, {}, [], 1),
        (lambda tiny: _edit(tiny, "02_moves"), {}, ["02_moves"], 0),
        (lambda tiny: _edit(tiny, "02_moves", -1, "1"), {}, ["02_moves"], 0),
        (lambda tiny: None, {"seed": 7}, list(NAMES), 1),
        (lambda tiny: None, {"dials": {"window": 6}}, list(NAMES), 0),
        (lambda tiny: None, {"force": True}, list(NAMES), 1),
    ],
)
def test_what_is_changed_is_run_again_and_the_rest_is_as_if_run(tiny, tmp_path, change, other, again, built):
    tiny()
    change(tiny)
    report, ran, made = tiny(**other)
    assert (ran, made) == (again, built)
    assert {result.name for result in report.results if not result.reused} == set(again)
    reused = bytes_of(report.folder)
    shutil.rmtree(tiny.base / "out" / "salford" / ".cache")
    fresh, ran, _ = tiny(**other)
    assert ran == list(NAMES) and bytes_of(fresh.folder) == reused


def test_a_change_of_findings_runs_the_second_stage_again(tiny):
    tiny()
    _edit(tiny, "01_counts", 2, "1")
    assert tiny()[1] == ["01_counts"]  # its findings are the same
    book = notebook("01_counts")
    book.cells[1].source += "\nnew = 1"
    nbformat.write(book, tiny.base / "nbs" / "01_counts.ipynb")
    assert tiny()[1] == ["01_counts"]
    _edit(tiny, "02_moves", -1, "1")
    (tiny.base / "nbs" / "02_moves.ipynb").rename(tiny.base / "nbs" / "03_steps.ipynb")
    assert tiny()[1] == ["03_steps", "41_answers"]


@pytest.mark.parametrize("part", ["PACKAGE", "lock", "versions"])
def test_a_change_of_the_program_runs_all_again(tiny, tmp_path, monkeypatch, part):
    tiny()
    root = tmp_path / "root"
    (root / "data" / "reference").mkdir(parents=True)
    if part == "PACKAGE":
        (root / "new.py").write_text("", encoding="utf-8")
        monkeypatch.setattr(reuse, "PACKAGE", root)
    elif part == "lock":
        (root / "requirements.lock").write_text("x==2", encoding="utf-8")
        monkeypatch.setattr(reuse, "ROOT", root)
    else:
        monkeypatch.setattr(reuse, "versions", lambda: {"pandas": "99"})
    assert tiny()[1:] == (list(NAMES), 1)


def test_a_change_of_the_commit_makes_new_pages_from_old_notebooks(tiny, monkeypatch):
    tiny()
    monkeypatch.setattr(reuse, "git_state", lambda root: {"commit": "ab" * 20, "clean": True})
    report, ran, built = tiny()
    assert (ran, built) == ([], 0) and all(result.reused for result in report.results)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b.replace(b"done", b"dome"), lambda b: b"", lambda b: b[3:]]
)
def test_a_damaged_entry_is_made_anew_with_a_line_that_says_so(tiny, damage):
    before = bytes_of(tiny()[0].folder)
    entry = tiny.base / "out" / "salford" / ".cache" / "2020-21-Q2" / "02_moves"
    entry.write_bytes(damage(entry.read_bytes()))
    (entry.parent / "_run").unlink()
    report, ran, _ = tiny()
    assert ran == ["02_moves"] and "What was kept of 02_moves is damaged, so it is made anew." in tiny.notes
    assert bytes_of(report.folder) == before


def test_a_file_of_the_last_run_that_was_changed_is_made_anew(tiny):
    report = tiny()[0]
    before = bytes_of(report.folder)
    for spoil in (lambda path: path.write_text("x", encoding="utf-8"), lambda path: path.unlink()):
        spoil(report.folder / "tables" / "moves.csv")
        again, ran, _ = tiny()
        assert ran == [] and bytes_of(again.folder) == before
        assert tiny.notes[0].startswith("Files of 2020-21-Q2 are not as the last run left them")


def _dies(tiny, monkeypatch):
    """Let 02_moves die; gives what ran notebooks before."""
    execute = runner.execute_all

    def fails(jobs, workers, environment, done, begun):
        execute([job for job in jobs if job.name != "02_moves"], workers, environment, done, begun)
        for job in jobs:
            if job.name == "02_moves":
                tiny.ran.append(job.name)
                done(Outcome(job.name, "DeadKernelError", 0.1, "died"))

    monkeypatch.setattr(runner, "execute_all", fails)
    return execute


def test_what_failed_is_not_kept(tiny, monkeypatch):
    execute = _dies(tiny, monkeypatch)
    first, ran, _ = tiny()
    assert (first.exit_status, ran) == (1, ["01_counts", "02_moves", "41_answers"])
    again, ran, _ = tiny()
    assert (again.exit_status, ran) == (1, ["02_moves"])
    monkeypatch.setattr(runner, "execute_all", execute)
    whole, ran, _ = tiny()
    assert (whole.exit_status, ran) == (0, ["02_moves", "41_answers"])
    assert tiny()[1] == []


@pytest.mark.parametrize(
    ("last", "now", "harm", "stands"),
    [
        ({}, {}, "", True),
        ({"only": ("02",)}, {"only": ("02",)}, "", True),
        ({"only": ("02",)}, {}, "", False),  # a part gives way to more
        ({}, {}, "tables/moves.csv", False),
        ({}, {}, "manifest.json", False),
    ],
)
def test_a_run_that_was_whole_stands_where_the_next_is_not(tiny, monkeypatch, last, now, harm, stands):
    folder = tiny(**last)[0].folder
    if harm:
        (folder / harm).unlink()
    before = bytes_of(folder)
    _dies(tiny, monkeypatch)
    report = tiny(force=True, **now)[0]
    assert (report.exit_status, report.stands, bytes_of(folder) == before) == (1, stands, stands)
    told = "The earlier run of 2020-21-Q2 stands, since it was whole and this one lacks 02_moves (died): "
    told += f"{folder.parent / 'ledger.jsonl'} is the log,"
    assert report.kept() == [f"{told} and another --out shows the pages."] * stands


def test_an_interrupted_run_goes_on_where_it_was(tiny, monkeypatch):
    execute = runner.execute_all

    def stopped(jobs, *rest):
        execute(jobs[:1], *rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "execute_all", stopped)
    with pytest.raises(KeyboardInterrupt):
        tiny()
    monkeypatch.setattr(runner, "execute_all", execute)
    report, ran, built = tiny()
    assert (ran, built) == (["02_moves", "41_answers"], 0)
    shutil.rmtree(tiny.base / "out" / "salford" / ".cache")
    assert bytes_of(tiny()[0].folder) == bytes_of(report.folder)


@pytest.mark.parametrize("where", ["data/episodes.csv", "data/new.csv", "nbs/01_counts.ipynb"])
def test_a_file_changed_while_it_is_read_is_refused_and_nothing_of_it_is_kept(tiny, monkeypatch, where):
    before, execute = bytes_of(tiny()[0].folder), runner.execute_all
    _edit(tiny, "02_moves")

    def meanwhile(jobs, *rest):
        execute(jobs, *rest)
        (tiny.base / where).write_text(json.dumps(nbformat.v4.new_notebook()), encoding="utf-8")

    monkeypatch.setattr(runner, "execute_all", meanwhile)
    name = where.replace("nbs", "notebooks")
    with pytest.raises(InputError, match=f"{name} was changed while the run was reading it, so nothing is published"):
        tiny()
    assert bytes_of(tiny.base / "out" / "salford" / "2020-21-Q2") == before
    assert list((tiny.base / "out" / "salford" / ".cache" / "2020-21-Q2").iterdir()) == []


def test_outputs_that_lie_among_the_data_are_no_change_of_them(tiny):
    for expected in (list(NAMES), []):
        assert tiny(out=tiny.base / "data" / "out")[1] == expected


def test_the_editions_and_quarters_share_nothing(tiny):
    tiny()
    assert tiny(audience="internal")[1] == list(NAMES)
    folders = sorted(path.name for path in (tiny.base / "out" / "salford" / ".cache").iterdir() if path.is_dir())
    assert folders == ["2020-21-Q2", "2020-21-Q2-internal"]


def test_beside_a_single_file_only_what_is_read_with_it_counts(tmp_path):
    base = laid_out(tmp_path)
    (base / "data" / "finance").mkdir()
    for name in ("finance/fees.csv", "authority.toml", "unrelated.csv"):
        (base / "data" / name).write_text("x", encoding="utf-8")
    single = RunSettings(base / "data" / "episodes.csv", "salford", Quarter(2020, 2), base / "out")
    found = [name for name in inputs(single) if name.startswith("data/")]
    assert found == ["data/episodes.csv", "data/authority.toml", "data/finance/fees.csv"]


def test_an_entry_is_given_back_only_under_its_key(tmp_path):
    store = Store(tmp_path, print)
    store.put("a", "k1", {"x": 1})
    assert (store.get("a", "k1"), store.get("a", "k2"), store.get("b", "k1")) == ({"x": 1}, None, None)
    assert Store(tmp_path, print, force=True).get("a", "k1") is None
    store.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_release_that_is_kept_is_the_release(tmp_path):
    laid_out(tmp_path)
    made = Release(tmp_path / "data", Quarter(2020, 2), "public", 1)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    made.save(tmp_path / "one")
    kept = reuse.Kept(**json.loads(json.dumps(reuse.Kept.of(made, tmp_path / "one").as_json())))
    kept.save(tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert (kept.facts, kept.csv_files(), kept.plan) == (made.facts, made.csv_files(), None)


# The audit --------------------------------------------------------------------------------------------------------


def test_what_the_audit_refuses_is_not_put_in_place(tiny, monkeypatch):
    good = tiny(audit=True)[0]
    assert (good.exit_status, good.refused) == (0, ())
    before = bytes_of(good.folder)
    leaky = {"at_date": "date,children\n2020-09-30,3\n"}
    monkeypatch.setattr(Release, "csv_files", lambda self: leaky)
    _touch_data(tiny)
    for _ in range(2):  # what was refused once is refused again
        report = tiny(audit=True)[0]
        assert report.exit_status == 3 and any("children" in line for line in report.refused)
        assert bytes_of(report.folder) == before and "where the earlier run stands" in report.kept()[-1]
    assert tiny(audit=True, audience="internal")[0].exit_status == 0
    left = [path.name for path in report.folder.parent.iterdir() if path.name.startswith(".")]
    assert left == [".cache"]


def test_the_audit_is_given_the_data_and_the_newest_earlier_run(tiny, monkeypatch):
    for quarter in ("2019-20-Q4", "2020-21-Q1"):
        (tiny.base / "out" / "salford" / quarter).mkdir(parents=True)
    seen = []

    def attacked(folder, against, previous):
        seen.append((folder.name.startswith(".2020-21-Q2."), against.name, previous.name))
        return type("Report", (), {"falls": (), "lines": lambda self: []})()

    monkeypatch.setattr("bond_eval.audit.audit", attacked)
    tiny(audit=True)
    assert seen == [(True, "data", "2020-21-Q1")]


def test_keys_differ_for_all_that_they_are_made_of():
    keys = [reuse.key(*parts) for parts in (("a",), ("a", ""), ("b",), ({"a": 1},), ({"a": "1"},), ())]
    assert len(set(keys)) == len(keys) and all(first != second for first, second in pairwise(keys))

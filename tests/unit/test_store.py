"""Data and outputs in a store: whole or not there, only what changed is sent, and no message holds a key."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
from typer.testing import CliRunner

from bond_eval.cli import app
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import ROOT, digests
from bond_eval.workbook import store
from bond_eval.workbook.settings import RunReport, RunSettings


@pytest.fixture
def memory():
    """An empty store in memory."""
    files = fsspec.filesystem("memory")
    files.store.clear(), files.pseudo_dirs.clear()
    files.pseudo_dirs.append("")
    yield files
    files.store.clear(), files.pseudo_dirs.clear()


def _run(folder, **files):
    """A folder of a run with these files and the manifest that names them."""
    for name, text in files.items():
        place = folder / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    named = {name: digest for name, digest in digests(folder).items() if name not in ("manifest.json", "timings.json")}
    (folder / "manifest.json").write_text(json.dumps({"files": named}), encoding="utf-8")
    return folder


def test_what_is_put_there_comes_back(tmp_path, memory):
    run = _run(tmp_path / "run", index="a page", tables__a="1", timings="9")
    store.push(run, "memory://out/north/2020-21-Q1")
    back = store.fetch("memory://out/north/2020-21-Q1", tmp_path / "back")
    assert digests(back) == digests(run) and store.read("memory://out/north/2020-21-Q1/none") is None
    assert store.exists("memory://out/north") and not store.exists("memory://out/south")


def test_the_manifest_is_the_first_to_go_and_the_last_to_come(tmp_path, memory, monkeypatch):
    """Cut at any file: no manifest is there, so that nobody takes the folder for a run."""
    run, url = _run(tmp_path / "run", a="1", b="2", c="3"), "memory://out/run"
    store.push(run, url)
    _run(run, a="10", b="20", c="30")
    puts, whole = [], type(memory).put_file

    def cut(self, local, remote, **more):
        assert not self.exists("/out/run/manifest.json")
        puts.append(remote)
        if len(puts) == 2:
            raise ConnectionError("key=SECRET")
        return whole(self, local, remote, **more)

    monkeypatch.setattr(type(memory), "put_file", cut)
    with pytest.raises(InputError, match="could not be written: ConnectionError") as caught:
        store.push(run, url)
    assert "SECRET" not in str(caught.value) and caught.value.__cause__ is None
    assert store.read(f"{url}/manifest.json") is None
    store.push(run, url)
    assert digests(store.fetch(url, tmp_path / "back")) == digests(run)


def test_only_what_changed_is_sent_and_what_is_gone_is_taken_away(tmp_path, memory, monkeypatch):
    run, url = _run(tmp_path / "run", a="1", b="2", old="x"), "memory://out/run"
    store.push(run, url)
    sent, whole = [], type(memory).put_file
    monkeypatch.setattr(
        type(memory), "put_file", lambda s, mine, name, **m: sent.append(name) or whole(s, mine, name, **m)
    )
    store.push(run, url)
    assert sent == [], "nothing changed"
    (run / "old").unlink()
    store.push(_run(run, b="3"), url)
    assert sent == ["/out/run/b"] and not store.exists(f"{url}/old")
    memory.rm_file("/out/run/a")
    store.push(run, url)
    assert sent == ["/out/run/b", "/out/run/a"], "what was lost there is sent again"


def test_a_name_that_leads_out_of_its_folder_is_refused(tmp_path, memory):
    memory.store["/data/x/../../../escaped"] = memory._open("/data/y", "wb")
    with pytest.raises(InputError, match="leads out of its folder"):
        store.fetch("memory://data/x", tmp_path / "in" / "x")
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("url, says", [
    ("memory://nowhere/at/all", "is not there"),
    ("nosuch://place", "could not be fetched: ValueError"),
    ("ftp://user:SECRET@127.0.0.1:1/folder?token=SECRET", "could not be fetched: ConnectionRefusedError"),
])  # fmt: skip
def test_what_a_store_says_is_one_sentence_without_secrets(tmp_path, memory, url, says):
    with pytest.raises(InputError, match=says) as caught:
        store.fetch(url, tmp_path / "x")
    assert "SECRET" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_store_whose_package_is_missing_says_what_to_install(tmp_path):
    """In a process of its own, where s3fs is not to be found."""
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "from bond_eval.core.errors import InputError\nfrom bond_eval.workbook.store import exists\n"
        "try:\n    exists('s3://bucket/x')\nexcept InputError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip().endswith("what reads s3:// is not installed: pip install -e '.[s3]'."), done.stderr


def _reads(seen):
    """A run that tells what it was given, and publishes it."""

    def run(settings):
        there = sorted(path.relative_to(settings.out).as_posix() for path in settings.out.rglob("*") if path.is_file())
        seen.append(SimpleNamespace(data=settings.data, there=there))
        text = (settings.data / "count.txt").read_text(encoding="utf-8")
        _run(settings.folder, index=text, sealed="of this quarter")
        return RunReport(settings.folder, (), 0.0)

    return run


def _settings(quarter):
    return lambda *, data, out: RunSettings(data=data, authority="north", quarter=Quarter.parse(quarter), out=out)


def test_a_run_reads_the_earlier_quarters_that_are_whole_and_its_own_last_one(tmp_path, memory):
    store.write("memory://in/north/count.txt", b"42")
    for name in ("2020-21-Q1", "2020-21-Q2", "2020-21-Q4", "2019-20-Q4-internal"):
        store.push(_run(tmp_path / name, index=name), f"memory://out/north/{name}")
    store.write("memory://out/north/2019-20-Q4/index", b"cut off: it has no manifest")
    store.write("memory://out/north/2020-21-Q3/sealed", b"kept from a run that was cut off")
    seen = []
    report = store.run_at("memory://in/north", "memory://out", _settings("2020-21-Q3"), _reads(seen))
    folders = {name.split("/")[1] for name in seen[0].there}
    assert folders == {"2020-21-Q1", "2020-21-Q2", "2020-21-Q3"} and "north/2020-21-Q3/sealed" in seen[0].there
    assert seen[0].data.name == "north" and not seen[0].data.exists(), "what was fetched is gone"
    assert store.read("memory://out/north/2020-21-Q3/index") == b"42" and report.folder == Path("north/2020-21-Q3")


def test_paths_are_used_where_they_lie(tmp_path):
    (tmp_path / "north").mkdir()
    (tmp_path / "north" / "count.txt").write_text("7", encoding="utf-8")
    seen = []
    report = store.run_at(str(tmp_path / "north"), str(tmp_path / "out"), _settings("2020-21-Q1"), _reads(seen))
    assert seen[0].data == tmp_path / "north" and report.folder == tmp_path / "out" / "north" / "2020-21-Q1"
    url = f"file://{tmp_path}"
    store.run_at(f"{url}/north", f"{url}/out2", _settings("2020-21-Q1"), _reads(seen))
    assert digests(tmp_path / "out2") == digests(tmp_path / "out")


def _keeps(refused=()):
    """A run that keeps what may be used again beside its folder, and tells what was kept before."""

    def run(settings):
        home = settings.folder.parent
        kept = home / ".cache" / settings.folder.name / "01"
        before = kept.read_text(encoding="utf-8") if kept.exists() else "nothing"
        _run(settings.folder, index=before)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("kept", encoding="utf-8")
        with (home / "ledger.jsonl").open("a", encoding="utf-8") as ledger:
            ledger.write("run\n")
        return RunReport(settings.folder, (), 0.0, tuple(refused))

    return run


def test_what_may_be_used_again_and_the_ledger_go_to_the_store_and_come_back(memory):
    store.write("memory://in/north/count.txt", b"42")
    how = ("memory://in/north", "memory://out", _settings("2020-21-Q3"))
    for before, runs in ((b"nothing", b"run\n"), (b"kept", b"run\nrun\n")):
        store.run_at(*how, _keeps())
        assert store.read("memory://out/north/2020-21-Q3/index") == before
        assert store.read("memory://out/north/ledger.jsonl") == runs


def test_a_run_that_the_audit_refuses_is_not_put_there(memory):
    store.write("memory://in/north/count.txt", b"42")
    how = ("memory://in/north", "memory://out", _settings("2020-21-Q3"))
    store.run_at(*how, _keeps())
    report = store.run_at(*how, _keeps(["it is exactly 4"]))
    assert report.exit_status == 3 and store.read("memory://out/north/2020-21-Q3/index") == b"nothing"
    assert store.read("memory://out/north/ledger.jsonl") == b"run\nrun\n"


def test_the_command_run_takes_urls(memory, monkeypatch):
    store.write("memory://in/north/count.txt", b"42")
    seen = []
    monkeypatch.setattr("bond_eval.workbook.run.run_workbook", lambda settings, _: _reads(seen)(settings))
    words = ["run", "--data", "memory://in/north", "--out", "memory://out", "--authority", "north"]
    done = CliRunner().invoke(app, [*words, "--quarter", "2020-21-Q1"])
    assert done.exit_code == 0, done.output
    assert "The site is at memory://out/north/2020-21-Q1/index.html" in done.output
    assert store.read("memory://out/north/2020-21-Q1/index") == b"42"

"""Data and outputs in a store: whole or not there, only what changed is sent, and no message holds a key."""

import json
import os
import platform
import subprocess
import sys
from functools import partial
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
from bond_eval.workbook.ledger import Ledger
from bond_eval.workbook.settings import RunReport, RunSettings


@pytest.fixture
def memory(monkeypatch):
    """An empty store in memory, which needs no time to settle."""
    monkeypatch.setattr(store, "SETTLE", 0.01)
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


def _keeps(refused=(), meanwhile=lambda: None):
    """A run that keeps what may be used again beside its folder, and tells what was kept before."""

    def run(settings):
        home = settings.folder.parent
        kept = home / ".cache" / settings.folder.name / "01"
        before = kept.read_text(encoding="utf-8") if kept.exists() else "nothing"
        _run(settings.folder, index=before)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("kept", encoding="utf-8")
        run = Ledger(home / "ledger.jsonl").add("run begun")
        meanwhile()
        Ledger(home / "ledger.jsonl").add("run ended", run=run)
        return RunReport(settings.folder, (), 0.0, tuple(refused))

    return run


def _events():
    lines = store.read("memory://out/north/ledger.jsonl").splitlines()
    return [json.loads(line) for line in lines]


def test_what_may_be_used_again_and_the_ledger_go_to_the_store_and_come_back(memory):
    store.write("memory://in/north/count.txt", b"42")
    how = ("memory://in/north", "memory://out", _settings("2020-21-Q3"))
    for number, before in enumerate((b"nothing", b"kept"), 1):
        store.run_at(*how, _keeps())
        assert store.read("memory://out/north/2020-21-Q3/index") == before
        assert [event["seq"] for event in _events()] == list(range(1, 2 * number + 1))


def test_a_run_that_the_audit_refuses_is_not_put_there(memory):
    store.write("memory://in/north/count.txt", b"42")
    how = ("memory://in/north", "memory://out", _settings("2020-21-Q3"))
    store.run_at(*how, _keeps())
    report = store.run_at(*how, _keeps(["it is exactly 4"]))
    assert report.exit_status == 3 and store.read("memory://out/north/2020-21-Q3/index") == b"nothing"
    assert len(_events()) == 4


def test_the_command_run_takes_urls(memory, monkeypatch, tmp_path):
    """Folders of a store are made where they are missing; one that ends with the process is refused."""
    store.write("memory://in/north/count.txt", b"42")
    monkeypatch.setattr("bond_eval.workbook.run.run_workbook", lambda settings, _: _keeps()(settings))
    words = ["run", "--data", "memory://in/north", "--authority", "north", "--quarter", "2020-21-Q1", "--out"]
    out = f"file://{tmp_path}/new/out"
    done = CliRunner().invoke(app, [*words, out])
    assert done.exit_code == 0, done.output
    assert f"The site is at {out}/north/2020-21-Q1/index.html" in done.output
    home = tmp_path / "new" / "out" / "north"
    assert (home / ".cache" / "2020-21-Q1" / "01").read_text() == "kept" and (home / "2020-21-Q1" / "index").exists()
    done = CliRunner().invoke(app, [*words, "memory://out"])
    assert isinstance(done.exception, InputError) and "ends with it" in str(done.exception)


HOW = ("memory://in/north", "memory://out", _settings("2020-21-Q3"))


@pytest.mark.parametrize("ends", [KeyboardInterrupt, InputError])
def test_a_run_that_is_ended_keeps_what_the_next_goes_on_from(memory, ends):
    store.write("memory://in/north/count.txt", b"42")

    def ended():
        raise ends

    with pytest.raises(ends):
        store.run_at(*HOW, _keeps(meanwhile=ended))
    assert not store.exists("memory://out/north/2020-21-Q3") and len(_events()) == 1
    store.run_at(*HOW, _keeps())
    assert store.read("memory://out/north/2020-21-Q3/index") == b"kept"
    assert [(event["seq"], event.get("run")) for event in _events()] == [(1, None), (2, None), (3, 2)]


def test_no_event_is_lost_where_both_editions_run_at_once(memory):
    store.write("memory://in/north/count.txt", b"42")
    internal = partial(RunSettings, authority="north", quarter=Quarter.parse("2020-21-Q3"), audience="internal")
    second = partial(store.run_at, *HOW[:2], internal, _keeps())
    store.run_at(*HOW, _keeps(meanwhile=second))
    assert [(event["seq"], event.get("run")) for event in _events()] == [(1, None), (2, 1), (3, None), (4, 3)]


def test_a_second_run_is_told_who_holds_the_quarter_and_a_dead_one_holds_nobody_up(memory, monkeypatch):
    store.write("memory://in/north/count.txt", b"42")
    said = []

    def second():
        hasty = partial(RunSettings, authority="north", quarter=Quarter.parse("2020-21-Q3"), wait=0.3)
        with pytest.raises(InputError, match="wait until it has ended") as caught:
            store.run_at(*HOW[:2], hasty, _keeps(), said.append)
        said.append(str(caught.value))

    store.run_at(*HOW, _keeps(meanwhile=second))
    words = f"A run of north 2020-21-Q3 is going on (process {os.getpid()} on {platform.node()} since "
    assert all(text.startswith(words) for text in said) and said[0].endswith(": waiting for it to end.") and said[1:]
    place = "memory://out/north/.cache/2020-21-Q3.holder"
    assert not store.exists(place) and len(_events()) == 2
    monkeypatch.setattr(store, "STALE", 0.5)
    store.write(place, b"of a process that is gone")
    store.run_at(*HOW, _keeps())
    assert not store.exists(place) and len(_events()) == 4


def test_a_holder_that_lives_on_is_waited_for(memory, monkeypatch):
    """However long it takes: it is written anew."""
    monkeypatch.setattr(store, "STALE", 0.6)
    monkeypatch.setattr(store, "BEAT", 0.1)
    said, target = [], Path("north/2020-21-Q3")
    with store.alone_there("memory://out/north", target, 0, said.append) as held:
        with pytest.raises(InputError), store.alone_there("memory://out/north", target, 1.5, said.append):
            pytest.fail("both held it")
        held()


@pytest.mark.parametrize("name, says", [
    (".cache/2020-21-Q3.holder", "A run of north 2020-21-Q3 is going on"),
    ("2020-21-Q3/manifest.json", "north 2020-21-Q3 was put there by another run meanwhile: run again."),
])  # fmt: skip
def test_nothing_is_put_over_what_another_run_put_there(memory, name, says):
    store.write("memory://in/north/count.txt", b"42")
    place = f"memory://out/north/{name}"
    with pytest.raises(InputError, match=says):
        store.run_at(*HOW, _keeps(meanwhile=lambda: store.write(place, b"another's")))
    assert store.read(place) == b"another's" and not store.exists("memory://out/north/2020-21-Q3/index")

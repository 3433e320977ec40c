"""Batches here, on a Dask cluster and over an S3 store: order, failures, kills, interruptions, and the same bytes.

The quick tests run a stand-in in place of the workbook, in the same processes and by the same ways; those marked full
run the workbook itself.
"""

import contextlib
import csv
import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest

from bond_eval.core.errors import InputError
from bond_eval.core.places import ROOT, digests
from bond_eval.workbook.batch import _result, run_batch
from bond_eval.workbook.batch_plan import Planned, read_plan
from bond_eval.workbook.cluster import workers
from bond_eval.workbook.store import joined, read, write

# Publishes what it was given: the data, and which earlier quarters it saw. Says so where nothing changed.
STAND_IN = """
import os, sys, time, types
def run_workbook(settings, progress):
    from types import SimpleNamespace as Result
    from bond_eval.core.atomic import replaced_folder, write_json, write_text
    from bond_eval.core.errors import InputError
    from bond_eval.core.places import digests
    from bond_eval.workbook.settings import RunReport
    count = (settings.data / "count.txt").read_text()
    progress.note(f"Reading {settings.data.name}")
    progress.note(f"{settings.cell_timeout} s, {settings.memory_mb} MB, force {settings.force}")
    if count == "bad":
        raise InputError("count.txt holds no count: supply it again.")
    if count == "worse":
        raise ValueError("child 977")
    before = [str(quarter) for quarter, _ in settings.earlier_runs()]
    facts = {"authority_name": settings.authority, "synthetic": True, "as_of": settings.quarter.end.isoformat()}
    page, old = f"{count} after {before}", settings.folder / "index.html"
    reused = old.exists() and old.read_text() == page
    if not reused:
        time.sleep(90 if count == "slow" else float(os.environ.get("STAND_IN_SECONDS", "0")))
        with replaced_folder(settings.folder) as work:
            write_text(work / "index.html", page)
            write_text(work / "tables" / "placements_at_date.csv",
                       f"date,category,children\\n{settings.quarter.end},All,{count}\\n")
            write_json(work / "timings.json", time.time())
            named = {n: d for n, d in digests(work).items() if n != "timings.json"}
            write_json(work / "manifest.json", {"release": facts, "files": named})
    whole = count != "part"
    results = [Result(name="00_data_quality", done=True, reused=reused), Result(name="01_x", done=whole, reused=reused)]
    return RunReport(folder=settings.folder, results=tuple(results), seconds=0.0, stands=not whole)
sys.modules["bond_eval.workbook.run"] = module = types.ModuleType("bond_eval.workbook.run")
module.run_workbook = run_workbook
"""
QUARTERS = ("2020-21-Q1", "2020-21-Q2")
HOW = ("--timeout", "700", "--memory", "900", "--force")
APART = ("timings.json", "summary.csv", "ledger.jsonl")  # what tells of times


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Every process of a batch runs the stand-in."""
    return _stand_in(tmp_path, monkeypatch)


def _stand_in(folder, patch):
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(STAND_IN, encoding="utf-8")
    patch.setenv("PYTHONPATH", f"{folder / 'site'}{os.pathsep}{ROOT}")
    return folder


def _plan(place, counts):
    """Two quarters of each authority, whose data hold this count; `place` is a folder or URL."""
    for name, count in counts.items():
        write(joined(str(place), "data", name, "count.txt"), str(count).encode())
    return [Planned(name, quarter, joined(str(place), "data", name)) for quarter in QUARTERS for name in counts]


def _published(out):
    """What was published, timings apart."""
    found = digests(Path(out))
    kept = {name: digest for name, digest in found.items() if Path(name).name not in APART and ".cache/" not in name}
    return {name: digest for name, digest in kept.items() if not name.startswith("logs/")}


def _summary(out):
    rows = csv.DictReader(io.StringIO(read(joined(str(out), "summary.csv")).decode()))
    return {f"{row['authority']}-{row['quarter']}": row for row in rows}


def _until(found, seconds=60.0):
    """Wait for something to be there, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not come in time")


def _processes(out, name):
    """Processes of the run of a name: those whose private folder holds its task."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            line = process.cmdline()
            if "bond_eval.workbook.batch_job" in line:
                task = Path(line[-1], "task.json").read_text(encoding="utf-8")
                if str(out) in task and name in task.replace('", "', "-").replace('"', ""):
                    found.append(process)
    return found


def _jobs(out):
    """Every process of a batch that runs a job."""
    return _processes(out, "")


def test_quarters_follow_one_another_and_a_second_batch_runs_nothing_anew(stand_in):
    plan, out = _plan(stand_in, {"north": 42, "south": 57}), stand_in / "out"
    report = run_batch(plan[::-1], str(out), jobs=2)
    assert report.exit_status == 0 and [result.name for result in report.results] == [job.name for job in plan[::-1]]
    assert (out / "north" / "2020-21-Q1" / "index.html").read_text() == "42 after []"
    assert (out / "south" / "2020-21-Q2" / "index.html").read_text() == "57 after ['2020-21-Q1']"
    log = (out / "logs" / "north-2020-21-Q2.log").read_text()
    assert "Attempt 1\n" in log and "Reading north" in log and "done in" in log
    assert not any("42" in line.partition(" UTC ")[2] for line in log.splitlines()), "what was read is in no log"
    first = _published(out)
    assert {"region.html", "region.csv"} < first.keys()
    again = run_batch(plan, str(out), jobs=1)
    assert [result.reused for result in again.results] == [1, 1, 1, 1] and _published(out) == first
    row = _summary(out)["south-2020-21-Q2"]
    assert (row["status"], row["notebooks"], row["done"], row["attempts"]) == ("done", "2", "2", "1")
    assert "4 of 4 runs whole." in again.lines()


def test_a_run_that_fails_does_so_alone_and_nothing_of_a_child_is_told(stand_in):
    plan = _plan(stand_in, {"bad": "bad", "part": "part", "south": 57, "worse": "worse"})
    report = run_batch(plan, str(stand_in / "out"), jobs=2)
    assert report.exit_status == 1
    told = {name: (row["status"], row["message"]) for name, row in _summary(stand_in / "out").items()}
    assert told["bad-2020-21-Q1"] == ("failed", "count.txt holds no count: supply it again.")
    assert told["worse-2020-21-Q2"] == ("failed", "The run ended with ValueError: run this quarter alone to see why.")
    assert told["part-2020-21-Q1"] == ("incomplete", "Not whole: 01_x. The earlier run stands.")
    assert told["south-2020-21-Q2"] == ("done", "")
    texts = [path.read_text() for path in (stand_in / "out").rglob("*") if path.suffix in (".log", ".csv", ".html")]
    assert not any("977" in text for text in texts)
    page = (stand_in / "out" / "region.html").read_text()
    assert '<th scope="row">part (run failed)</th>' in page and '<th scope="row">south</th>' in page
    assert "bad-2020-21-Q1: count.txt holds no count: supply it again." in report.lines()
    write(str(stand_in / "data" / "south" / "count.txt"), b"bad")
    run_batch(plan[2:3], str(stand_in / "out"), jobs=1)
    assert _summary(stand_in / "out")["south-2020-21-Q1"]["message"].endswith("not one that this batch saw end.")
    page = (stand_in / "out" / "region.html").read_text()
    assert "</span></a> (run failed)</td>" in page and '<th scope="row">south (run failed)</th>' in page


@pytest.mark.parametrize(
    "kind, says", [("KilledWorker", "too little memory"), ("CancelledError", "scheduler is still")]
)
def test_what_a_cluster_gives_up_is_told_as_far_as_it_is_known(kind, says):
    given_up = Future()
    given_up.set_exception(type(kind, (Exception,), {})())
    assert says in _result(Planned("north", "2020-21-Q1", "data"), given_up).message


def test_what_ends_with_the_process_is_refused_before_anything_runs(stand_in):
    with pytest.raises(InputError, match="memory://out lies in the memory of one process"):
        run_batch(_plan(stand_in, {"north": 42}), "memory://out")


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """What a batch of two authorities publishes where nothing happens to it."""
    folder = tmp_path_factory.mktemp("calm")
    with pytest.MonkeyPatch.context() as patch:
        _stand_in(folder, patch)
        assert run_batch(_plan(folder, {"north": 42, "south": 57}), str(folder / "out"), jobs=2).exit_status == 0
    return _published(folder / "out")


@pytest.fixture
def undisturbed(stand_in, calm):
    """A plan, and what it gives where nothing happens to it."""
    return _plan(stand_in, {"north": 42, "south": 57}), calm


@contextlib.contextmanager
def _batch(plan, out, *more):
    """A batch by its command, in a process that is told to end if it has not."""
    rows = ["authority,quarter,data,notebooks"]
    rows += [f"{job.authority},{job.quarter},{job.data},{';'.join(job.only)}" for job in plan]
    path = Path(out).parent / "plan.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    code = "from bond_eval.cli import main; main()"
    command = [sys.executable, "-c", code, "batch", str(path), "--out", str(out), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.mark.skipif(os.name != "posix", reason="signals as Linux and macOS have them")
def test_a_killed_run_is_begun_again_and_counted(undisturbed, stand_in, monkeypatch):
    plan, calm = undisturbed
    monkeypatch.setenv("STAND_IN_SECONDS", "1.5")
    out = stand_in / "out"
    with _batch(plan, out) as batch:
        _until(lambda: _processes(out, "quarter: 2020-21-Q1") and (out / "logs" / "north-2020-21-Q1.log").exists())
        _until(lambda: "Reading" in (out / "logs" / "north-2020-21-Q1.log").read_text())
        killed = next(one for one in _jobs(out) if "north" in Path(one.cmdline()[-1], "task.json").read_text())
        killed.kill()
        said, errors = batch.communicate(timeout=120)
    assert batch.returncode == 0, said + errors
    attempts = {name: row["attempts"] for name, row in _summary(out).items()}
    assert attempts == {**dict.fromkeys(attempts, "1"), "north-2020-21-Q1": "2"}
    assert _published(out) == calm and not list(out.rglob(".2020*")), "nothing half done is left"


def test_a_run_that_keeps_dying_is_given_up(undisturbed, stand_in, monkeypatch):
    """The stand-in ends its own process, each time."""
    site = stand_in / "site" / "sitecustomize.py"
    site.write_text(STAND_IN.replace('if count == "bad":', 'if count == "42":\n        os._exit(9)\n    if 0:'))
    report = run_batch(undisturbed[0], str(stand_in / "out"), jobs=2, retries=1)
    found = {result.name: (result.status, result.attempts) for result in report.results}
    assert found["north-2020-21-Q1"] == ("failed", 2) and found["south-2020-21-Q2"] == ("done", 1)
    assert report.exit_status == 1 and "died 2 times" in report.results[0].message


@pytest.mark.skipif(os.name != "posix", reason="signals as Linux and macOS have them")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.full)])
def test_a_batch_that_is_ended_leaves_no_process_and_goes_on_later(undisturbed, stand_in, monkeypatch, how):
    plan, calm = undisturbed
    monkeypatch.setenv("STAND_IN_SECONDS", "2")
    out, private = stand_in / "out", stand_in / "private"
    private.mkdir()
    monkeypatch.setenv("TMPDIR", str(private))
    with _batch(plan, out, *HOW) as batch:
        _until(lambda: all((out / "logs" / f"{name}-2020-21-Q1.log").exists() for name in ("north", "south")))
        running = _until(lambda: len(found := _jobs(out)) == 2 and found)
        _until(lambda: "700 s, 900 MB, force True" in (out / "logs" / "north-2020-21-Q1.log").read_text())
        batch.send_signal(how)
        _, errors = batch.communicate(timeout=60)
    killed = how == signal.SIGKILL
    assert batch.returncode == (-signal.SIGKILL if killed else 130), errors
    assert psutil.wait_procs(running, timeout=30 if killed else 0.1)[1] == []
    if not killed:
        assert errors.count("interrupted; what was there before is untouched") == 1 and "Traceback" not in errors
        assert list(private.iterdir()) == []
    assert not list(out.rglob("manifest.json"))
    monkeypatch.setenv("STAND_IN_SECONDS", "0")
    assert run_batch(plan, str(out), jobs=2).exit_status == 0 and _published(out) == calm


# A cluster -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _cluster(folder):
    """A Dask scheduler and two workers on loopback, processes of their own: (address, the workers)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, begun = f"tcp://127.0.0.1:{port}", []
    own = ["--host", "127.0.0.1", "--no-dashboard"]
    commands = [["dask_scheduler", "--port", str(port)]]
    commands += [["dask_worker", address, "--no-nanny", "--nthreads", "1", "--local-directory", str(folder)]] * 2
    try:
        for name, *rest in commands:
            line = [sys.executable, "-m", f"distributed.cli.{name}", *rest, *own]
            begun.append(subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder))
        yield address, begun[1:]
    finally:
        for process in begun[::-1]:
            process.kill()  # a worker asked to end may wait for its scheduler for a minute
        for process in begun:
            process.wait(timeout=30)


def _kill_worker_in_mid_run(cluster, log, seconds=400):
    """Kill -9 the worker that runs the job of a log once it is at work; gives that job's processes."""
    _until(lambda: log.exists() and "Reading" in log.read_text(), seconds)
    name = log.stem

    def owner():
        for worker in cluster:
            for child in psutil.Process(worker.pid).children():
                with contextlib.suppress(psutil.Error, OSError):
                    task = Path(child.cmdline()[-1], "task.json").read_text(encoding="utf-8")
                    if all(f'"{part}"' in task for part in name.split("-", 1)):
                        return worker, [child, *child.children(recursive=True)]
        return None

    worker, family = _until(owner)
    worker.kill()
    return family


@pytest.mark.skipif(os.name != "posix", reason="signals as Linux and macOS have them")
def test_a_cluster_gives_the_same_bytes_after_an_interruption_and_a_lost_worker(undisturbed, stand_in, monkeypatch):
    plan, calm = undisturbed
    monkeypatch.setenv("STAND_IN_SECONDS", "1.5")
    out = stand_in / "out"
    with _cluster(stand_in) as (address, cluster):
        slow = _plan(stand_in / "slow", {"east": "slow", "west": "slow"})
        with _batch(slow, stand_in / "slow" / "out", "--scheduler", address) as batch:
            running = _until(lambda: len(found := _jobs(stand_in / "slow")) == 2 and found)
            batch.send_signal(signal.SIGTERM)  # as Ctrl-C, which a batch here is ended by above
            _, errors = batch.communicate(timeout=60)
        assert batch.returncode == 130 and "Ending the runs on the cluster" in errors, errors
        assert psutil.wait_procs(running, timeout=5)[1] == [], "no run of the batch is there any more"
        with _batch(plan, out, "--scheduler", address, *HOW) as batch:
            family = _kill_worker_in_mid_run(cluster, out / "logs" / "south-2020-21-Q1.log")
            said, errors = batch.communicate(timeout=120)
        assert sum(worker.poll() is None for worker in cluster) == 1
    assert batch.returncode == 0, said + errors
    assert psutil.wait_procs(family, timeout=30)[1] == [], "the run of a lost worker ends with it"
    assert "700 s, 900 MB, force True" in (out / "logs" / "south-2020-21-Q2.log").read_text()
    attempts = {name: row["attempts"] for name, row in _summary(out).items()}
    assert attempts == {**dict.fromkeys(attempts, "1"), "south-2020-21-Q1": "2"}
    assert _published(out) == calm


def test_a_scheduler_that_does_not_answer_and_a_package_that_is_missing_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("bond_eval.workbook.cluster.WAIT", 0.2)
    with (
        pytest.raises(InputError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"),
        workers(2, "tcp://127.0.0.1:1"),
    ):
        pass
    with pytest.raises(InputError, match="--scheduler 'foo' is no address"), workers(2, "foo"):
        pass
    from distributed import LocalCluster

    said = []
    with LocalCluster(n_workers=0, host="127.0.0.1", protocol="tcp://", dashboard_address=None) as empty:
        where = empty.scheduler_address
        with (
            pytest.raises(InputError, match=f"No worker is at {where}: begin one"),
            workers(2, where, note=said.append, patience=0.2),
        ):
            pass
    assert said == [f"No worker is at {where} yet: one is waited for, 0 s in all."]
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install -e '.\[cluster\]'"), workers(2, "tcp://127.0.0.1:1"):
        pass


# A store ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(monkeypatch):
    """An S3 store on loopback with a bucket that is empty."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    made = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test", "AWS_DEFAULT_REGION": "eu-west-2"}
    for name, value in (made | {"AWS_SECRET_ACCESS_KEY": "verysecret", "NO_PROXY": host}).items():
        monkeypatch.setenv(name, value)
    where = {"LocationConstraint": made["AWS_DEFAULT_REGION"]}
    boto3.client("s3").create_bucket(Bucket="region", CreateBucketConfiguration=where)
    yield "s3://region"
    # What the server holds outlives it in this process.
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    server.stop()


def _fetched(url, folder):
    from bond_eval.workbook.store import fetch

    return _published(fetch(url, folder))


def test_data_plan_and_outputs_may_lie_in_s3(stand_in, bucket):
    calm = stand_in / "calm"
    # The second quarter of one authority alone, since every run that asks a store takes its time.
    run_batch(_plan(stand_in, {"north": 42, "south": 57})[:3], str(calm), jobs=2)
    plan = _plan(bucket, {"north": 42, "south": 57})[:3]
    rows = ["authority,quarter,data", *(f"{job.authority},{job.quarter},{job.data}" for job in plan)]
    write(f"{bucket}/plan.csv", "\n".join(rows).encode())
    jobs = read_plan(f"{bucket}/plan.csv")
    assert [job.data for job in jobs] == [job.data for job in plan]
    with pytest.raises(InputError, match="it is not there"):
        write("s3://elsewhere/out/x", b"")  # no bucket is made
    report = run_batch(jobs, f"{bucket}/out", jobs=2)
    assert report.exit_status == 0, report.lines()
    assert _fetched(f"{bucket}/out", stand_in / "fetched") == _published(calm)
    assert read(f"{bucket}/out/north/2020-21-Q2/index.html") == b"42 after ['2020-21-Q1']"
    assert b"Attempt 1" in read(f"{bucket}/out/logs/south-2020-21-Q1.log")
    write(f"{bucket}/data/south/count.txt", b"58")
    again = run_batch(jobs, f"{bucket}/out")
    assert [result.reused for result in again.results] == [1, 0, 1], "only what changed"
    assert b"2020-06-30,All,100," in read(f"{bucket}/out/region.csv")


def test_a_store_that_refuses_is_told_without_its_key(stand_in, bucket):
    report = run_batch([Planned("north", "2020-21-Q1", "s3://elsewhere/data")], str(stand_in / "out"), jobs=1)
    assert report.exit_status == 1
    assert report.results[0].message.startswith("s3://elsewhere/data") and "secret" not in str(report).lower()


# The workbook itself ---------------------------------------------------------------------------------------------

TEN = tuple(f"town{number}" for number in range(10))


def _real_plan(folder, names, quarters, only):
    """A batch of small authorities without an effect; their data lie in the folder."""
    from bond_eval.sample import write_sample

    for number, name in enumerate(names):
        write_sample(folder / "data" / name, seed=2021 + number, children=100 + 5 * number, world="null")
    data = {name: str(folder / "data" / name) for name in names}
    return [Planned(name, quarter, data[name], only=only) for quarter in quarters for name in names]


@pytest.mark.full
@pytest.mark.parametrize(
    ("names", "quarters", "only", "lost"),
    [
        (("north", "south"), QUARTERS, ("00_data_quality", "01_placement_trends"), "south-2020-21-Q1"),
        (TEN, ("2019-20-Q3", "2019-20-Q4", *QUARTERS), (), "town6-2020-21-Q2"),
    ],
    ids=["two by two", "ten by four"],
)
def test_the_workbook_gives_the_same_bytes_here_and_on_a_cluster_with_a_worker_killed(
    tmp_path, monkeypatch, names, quarters, only, lost
):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    plan, here, there = _real_plan(tmp_path, names, quarters, only), tmp_path / "here", tmp_path / "there"
    with _batch(plan, here, "--jobs", "2") as batch:
        said, errors = batch.communicate()
    assert batch.returncode == 0, said + errors
    first = _published(here)
    assert all((here / job.authority / job.folder / "index.html").is_file() for job in plan)
    again = run_batch(plan, str(here), jobs=2)
    assert all(result.reused for result in again.results) and _published(here) == first
    with _cluster(tmp_path) as (address, cluster), _batch(plan, there, "--scheduler", address) as batch:
        family = _kill_worker_in_mid_run(cluster, there / "logs" / f"{lost}.log", 3 * 3600)
        said, errors = batch.communicate()
        assert batch.returncode == 0, said + errors
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert _summary(there)[lost]["attempts"] == "2"
    assert _published(there) == first

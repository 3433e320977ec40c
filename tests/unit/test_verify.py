"""Whether the files of a run are those that its manifest names."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bond_eval.audit.verify import verify
from bond_eval.core.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "2020-21-Q2"
    (folder / "tables").mkdir(parents=True)
    files = {"index.html": b"<p>page</p>", "tables/a.csv": b"a\n1\n", "tables/b.csv": b"b\n2\n"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    (folder / "manifest.json").write_text(json.dumps({"files": digests}))
    (folder / "timings.json").write_text("{}")
    return folder


def _command(folder):
    words = [sys.executable, "-m", "bond_eval.cli", "verify", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, cwd=ROOT)


def test_a_run_as_it_was_written(run):
    assert verify(run) == (3, [])
    done = _command(run)
    assert (done.returncode, done.stdout) == (0, "All 3 files are those that the manifest names.\n")


def test_changed_missing_and_added_files_are_named(run):
    (run / "index.html").write_bytes(b"<p>pagE</p>")
    (run / "tables" / "b.csv").unlink()
    (run / "tables" / "c.csv").write_bytes(b"c\n")
    lines = [
        "index.html: is not the file that was published",
        "tables/b.csv: is not there",
        "tables/c.csv: is not in the manifest",
    ]
    assert verify(run) == (3, lines)
    done = _command(run)
    assert done.returncode == 1 and done.stdout.splitlines() == lines


@pytest.mark.parametrize("content", ["{", "{}", '{"files": 3}', "[]", None])
def test_no_manifest_is_said_in_a_sentence(run, content):
    (run / "manifest.json").unlink()
    if content is not None:
        (run / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest\.json of 2020-21-Q2 cannot be read"):
        verify(run)
    done = _command(run)
    assert done.returncode == 2 and "Traceback" not in done.stderr

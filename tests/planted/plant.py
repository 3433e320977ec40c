"""Plants the faults of faults.toml one at a time in a copy of the project, and runs the test that each must fail."""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("faults.toml")
SEED = "BOND_EVAL_PLANTED"  # chooses other faults than the commit does
A_RUN = 3
_LEFT = {"outputs", "mutants", "build", "dist"}


@dataclass(frozen=True)
class Fault:
    """`old`: text that stands once in `file`; `new`: what takes its place; `test`: node id that must fail.

    `long`: the test takes more than some seconds, so that only `make test-full` plants it.
    """

    file: str
    old: str
    new: str
    stands_for: str
    test: str
    long: bool = False

    @property
    def room(self) -> str:
        """The room of the package, "cli", or "reference" for a table of facts."""
        first, second, *_ = Path(self.file).with_suffix("").parts
        return second if first == "bond_eval" else "reference"

    @property
    def name(self) -> str:
        """For a test's id and for the command line."""
        return f"{self.room}-" + re.sub(r"[^a-z0-9]+", "-", self.stands_for.lower()).strip("-")


@cache
def faults() -> tuple[Fault, ...]:
    """The list, in its order."""
    return tuple(Fault(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["fault"])


def seed() -> str:
    """What today's faults hang on: the commit, so that each has others and each machine the same."""
    asked = ["git", "rev-parse", "HEAD"]
    try:
        commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "no commit"
    return os.environ.get(SEED, commit)


def chosen(by: str, count: int = A_RUN) -> tuple[Fault, ...]:
    """`count` faults of as many rooms, none of them long, in the order of a hash of `by`."""
    order = sorted(
        (fault for fault in faults() if not fault.long),
        key=lambda fault: hashlib.sha256(f"{by} {fault.name}".encode()).digest(),
    )
    rooms = {fault.room: fault for fault in reversed(order)}
    return tuple(sorted(rooms.values(), key=order.index)[:count])


def wrong(fault: Fault) -> str:
    """Why a fault cannot be planted, or "" where it can."""
    path = ROOT / fault.file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text.count(fault.old) != 1:
        return f"its text stands {text.count(fault.old)} times in {fault.file}"
    if path.suffix == ".py":
        compile(text.replace(fault.old, fault.new), fault.file, "exec")
    return "" if is_a_test(fault.test) else f"there is no test {fault.test}"


def is_a_test(node: str) -> bool:
    """True for the node id of a test, or the path of a file of tests, that stands in the tree; nothing is run."""
    where, _, name = node.partition("::")
    path = ROOT / where
    if not path.is_file():
        return False
    inside = [one.name for one in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(one, ast.FunctionDef)]
    return name.partition("[")[0] in inside if name else any(one.startswith("test_") for one in inside)


def copy(to: Path) -> Path:
    """The project without its outputs, but for the reference run, in a new folder."""
    to.mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.is_dir() and not path.name.startswith(".") and path.name not in _LEFT:
            shutil.copytree(path, to / path.name)
        elif path.is_file():
            shutil.copy2(path, to / path.name)
    shutil.copytree(ROOT / "outputs" / "reference", to / "outputs" / "reference")
    return to


@contextmanager
def planted(tree: Path, fault: Fault) -> Iterator[None]:
    """The fault in a copy, until the end of the block."""
    path = tree / fault.file
    before = path.read_bytes()
    stamp = path.stat()
    path.write_text(before.decode("utf-8").replace(fault.old, fault.new), encoding="utf-8", newline="")
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def run(tree: Path, *tests: str) -> tuple[int, str]:
    """(exit status of pytest, what it printed) of these tests alone, in a copy: 0 all pass, 1 some failed."""
    # Compiled files are made for neither: one of a fault would outlive it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    told = kept | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "full or not full", *tests]
    done = subprocess.run(command, cwd=tree, env=told, capture_output=True, text=True, timeout=900)
    return done.returncode, done.stdout + done.stderr

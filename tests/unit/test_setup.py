"""The project's own set-up: what is locked, what conda would install, and what must not be committed."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {"linux": ("posix", "Linux"), "darwin": ("posix", "Darwin"), "win32": ("nt", "Windows")}

ENTRY = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\$")
HASH = re.compile(r"^ {4}--hash=sha256:[0-9a-f]{64}(?: \\)?$")
COMMENT = re.compile(r"^ {4}#")
MACHINE_PATH = re.compile(
    r"(?<![\w.~<>-])/(?:root|work|home/\w+|Users/\w+|tmp/\w+|opt/\w+)\b|\b[A-Za-z]:\\{1,2}Users\b"
)


def _locked() -> dict[str, dict]:
    """Each package of the lock: its version, marker and number of hashes."""
    packages: dict[str, dict] = {}
    current = None
    for line in LOCK.splitlines():
        if entry := ENTRY.match(line):
            assert entry["name"] not in packages, f"{entry['name']} is locked at two versions"
            marker = Marker(entry["marker"]) if entry["marker"] else None
            current = packages[entry["name"]] = {
                "version": Version(entry["version"]),
                "marker": marker,
                "hashes": 0,
            }
        elif HASH.match(line) and current is not None:
            current["hashes"] += 1
        else:
            assert COMMENT.match(line), f"neither a pin, a hash nor a comment: {line!r}"
    return packages


def _direct() -> list[Requirement]:
    groups = (
        PROJECT["project"]["dependencies"],
        PROJECT["dependency-groups"]["dev"],
        PROJECT["build-system"]["requires"],
    )
    return [Requirement(text) for group in groups for text in group]


def _environments() -> list[dict[str, str]]:
    return [
        default_environment()
        | {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "sys_platform": platform,
            "os_name": os_name,
            "platform_system": system,
        }
        for python in PYTHONS
        for platform, (os_name, system) in PLATFORMS.items()
    ]


def _lock_command() -> str:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    return next(line for line in makefile.splitlines() if "pip compile" in line)


def _project_files() -> list[Path]:
    """The files git tracks, and those it would be offered next."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no git, or not a clone")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_lock_holds_no_address():
    assert not re.search(r"://|@ |--(?:extra-)?index|--find-links|--trusted-host|file:", LOCK)
    assert "--no-emit-index-url" in _lock_command()


def test_every_locked_package_has_a_hash_and_one_version():
    bare = [name for name, entry in _locked().items() if entry["hashes"] == 0]
    assert bare == []
    assert len(_locked()) > 100


@pytest.mark.parametrize("requirement", _direct(), ids=str)
def test_direct_dependency_is_locked_for_every_python_and_platform(requirement):
    entry = _locked().get(canonicalize_name(requirement.name))
    assert entry is not None, f"{requirement.name} is not in requirements.lock: run make lock"
    assert requirement.specifier.contains(entry["version"])
    assert entry["hashes"] >= 1
    for environment in _environments():
        assert entry["marker"] is None or entry["marker"].evaluate(environment)


def test_lock_keeps_pandas_3():
    locked = _locked()
    assert locked["pandas"]["version"].major == 3
    assert "lifelines" not in locked, "lifelines declares pandas<3"


def test_every_statement_of_the_python_version_agrees():
    allowed = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [f"3.{minor}" for minor in range(8, 20) if allowed.contains(f"3.{minor}.0")]
    assert minors == list(PYTHONS)
    classified = [text.rsplit(" ", 1)[-1] for text in PROJECT["project"]["classifiers"] if "Python ::" in text]
    assert classified == minors
    oldest = minors[0]
    assert f"--python-version {oldest} " in _lock_command()
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert PROJECT["tool"]["mypy"]["python_version"] == oldest
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "for p in " + " ".join(f"python{minor}" for minor in minors) in makefile


def test_conda_takes_everything_from_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, from_pip = environment["dependencies"]
    assert python.startswith("python=") and python.removeprefix("python=") in PYTHONS
    assert pip == "pip"
    assert from_pip == {"pip": ["-r requirements.lock"]}


def test_ci_script_can_be_run():
    listed = subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr


def test_no_file_names_a_place_on_somebodys_machine():
    found = []
    for path in _project_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {match[0]}"
            for number, line in enumerate(text.splitlines(), 1)
            if (match := MACHINE_PATH.search(line))
        ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("read('" + "/ro" + "ot/x.csv')", True),
        ("see " + "/ho" + "me/jane/notes", True),
        ("C:\\" + "Users\\jane", True),
        ('"C:\\\\' + 'Users\\\\jane"', True),
        ("https://www.example.gov.uk/work/plan", False),
        ("tests/work/x and ../root/y", False),
    ],
)
def test_the_search_for_machine_paths_knows_one(line, found):
    assert bool(MACHINE_PATH.search(line)) is found


def test_extracts_and_runs_are_kept_out_of_git():
    kept_out = ["data/salford/episodes.csv", "outputs/salford/2020-21-Q2/index.html", ".venv/pyvenv.cfg"]
    kept = ["data/sample/x.csv", "data/reference/x.csv", "data/README.md", "outputs/reference/tables/x.csv"]
    command = ["git", "check-ignore", "--no-index", *kept_out, *kept]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no git")
    if answer.returncode > 1:
        pytest.skip("not a clone")
    assert answer.stdout.split() == kept_out

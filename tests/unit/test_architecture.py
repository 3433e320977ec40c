"""Which room knows whom, what an import costs, and the shape of modules and notebooks."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bond_eval"
# From the room that all stand on to the one that nobody imports.
ORDER = ("core", "intake", "placements", "programmes", "economics", "evidence", "workbook", "cli")
# Rooms that stand beside the order, and what each may import beside itself.
ASIDE = {"methods": {"core"}, "sample": {"core"}, "audit": {"core", "methods", "intake"}}
HEAVY = ("pandas", "papermill", "statsmodels", "nbconvert", "matplotlib", "scipy", "pyarrow", "numpy")
MOST_LINES, MOST_ARGUMENTS = 400, 9
# A finding is what it is: each argument is one of its columns; those of a command are its options.
MANY_ARGUMENTS = {
    ("evidence/book.py", "finding"),
    ("cli.py", "run"),
}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(path):
    """The room of a file; the package's own __init__ is the door, and belongs to none."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imported(tree, path):
    """Rooms of this package that a module imports, inside functions and strings of types too."""
    package = ("bond_eval", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            stem = ".".join(part for part in (base, node.module) if part)
            names = [f"{stem}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            names = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "bond_eval" and len(parts) > 1:
                yield parts[1]


def allowed(room):
    """Rooms that a room may import."""
    if room in ASIDE:
        return {room, *ASIDE[room]}
    below = set(ORDER[: ORDER.index(room) + 1])
    if room not in ("core", "intake"):
        below.add("methods")
    if room in ("workbook", "cli"):
        below |= {"audit"}
    return below | ({"sample"} if room == "cli" else set())


def test_every_room_has_its_place():
    assert {room_of(path) for path in modules()} <= {"", *ORDER, *ASIDE}


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_one_way(path):
    room = room_of(path)
    met = set(imported(ast.parse(path.read_text(encoding="utf-8")), path))
    if room:
        known = {other for other in met if (PACKAGE / other).is_dir() or (PACKAGE / f"{other}.py").is_file()}
        assert known <= allowed(room), f"{room} may not know {sorted(known - allowed(room))}"


def test_the_reader_of_imports_sees_what_it_should():
    """The arrows that the test above would have to refuse."""
    source = (
        "def f():\n    from bond_eval.workbook.run import g\n    import bond_eval.cli\n"
        "from ..evidence import book\nfrom bond_eval import placements, Quarter\n"
        "import importlib\nimportlib.import_module('bond_eval.audit.attack')\n"
    )
    met = set(imported(ast.parse(source), PACKAGE / "intake" / "x.py"))
    assert met == {"workbook", "cli", "evidence", "placements", "audit", "Quarter"}
    assert allowed("intake") == {"core", "intake"}
    assert "audit" not in allowed("evidence")
    assert "methods" in allowed("placements")


def test_importing_the_package_is_quick():
    code = f"import sys, bond_eval; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_no_library_of_numbers():
    code = (
        "import sys\nfrom bond_eval import cli\nsys.argv = ['bond-eval', '--help']\n"
        f"try:\n    cli.main()\nexcept SystemExit:\n    pass\nprint([n for n in {HEAVY!r} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_modules_and_functions_are_small_and_say_what_they_are(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what it is for"
    name = path.relative_to(PACKAGE).as_posix()
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"bare except on line {node.lineno}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (name, node.name) not in MANY_ARGUMENTS:
            assert arguments_of(node) <= MOST_ARGUMENTS, f"{node.name} has {arguments_of(node)} arguments"


def arguments_of(function):
    """How many arguments a function takes, beside the one that it is a method of."""
    arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return sum(one.arg not in ("self", "cls") for one in arguments)


def test_the_exceptions_are_still_needed():
    for name, function in MANY_ARGUMENTS:
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
        assert found and arguments_of(found[0]) > MOST_ARGUMENTS


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WRITERS = {"open", "write", "writelines", "write_text", "write_bytes", "savefig", "mkdir"}
WRITERS |= {"to_csv", "to_excel", "to_parquet", "to_json", "to_pickle", "to_html"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_the_agreed_shape(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert len(cells) <= 15
    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith("# ")
    marks = {mark for cell in cells for mark in "".join(cell["source"]) if mark < " "}
    assert marks <= {"\n"}, "TeX whose backslash was read as that of a tab or a page break"
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code[0] is tagged[0]
    for cell in code:
        assert not cell["outputs"], "no outputs are stored"
        assert cell["execution_count"] is None
        source = "".join(cell["source"])
        assert len(source.splitlines()) <= 10
        assert_plain(ast.parse(source))


def assert_plain(tree):
    """No functions, no writing, no silenced warnings, nothing imported but bond_eval and pandas."""
    for node in ast.walk(tree):
        assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            assert set(names) <= {"bond_eval", "pandas"}, names
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            # bond_eval.open opens the workbook, not a file.
            ours = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "bond_eval"
            assert ours or name not in WRITERS, name
            assert name not in ("filterwarnings", "simplefilter", "exec", "eval", "__import__"), name
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_"), f"private {node.attr}"


@pytest.mark.parametrize(
    "source",
    [
        "def f(): pass", "x = lambda: 1", "import scipy", "from bond_eval.core import places", "open('a')",
        "frame.to_csv('a')", "import warnings\nwarnings.filterwarnings('ignore')", "book._plan",
    ],
)  # fmt: skip
def test_the_shape_would_be_refused(source):
    with pytest.raises(AssertionError):
        assert_plain(ast.parse(source))

"""A new authority's folder, and what the command line says to a newcomer: examples, next steps, completion."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from bond_eval.cli import app, main
from bond_eval.core.errors import InputError
from bond_eval.intake.authority import FIELDS, read_authority
from bond_eval.intake.start import unset, write_start
from bond_eval.intake.templates import template_files
from tests.helpers import EPISODE_COLUMNS, ROOT, SAMPLE, csv_text, filler, write_return

COMMANDS = typer.main.get_command(app).commands


def parsed(line: str) -> None:
    """Raise where a line "bond-eval …" names no command, or gives one an option or argument that it does not take."""
    program, name, *words = shlex.split(line)
    assert program == "bond-eval" and name in COMMANDS, line
    COMMANDS[name].make_context(name, words, resilient_parsing=False)


@pytest.fixture
def folder(tmp_path):
    done = CliRunner().invoke(app, ["init", str(tmp_path / "my-authority"), "--name", 'Our "own" Council'])
    assert done.exit_code == 0 and "START-HERE.md" in done.output
    return tmp_path / "my-authority"


def test_the_settings_are_read_and_every_field_is_told(folder):
    assert read_authority(folder / "extracts", "my-authority").name == 'Our "own" Council'
    text = (folder / "extracts" / "authority.toml").read_text(encoding="utf-8")
    told = set(re.findall(r"^(?:# )?(\w+) = ", text, re.M))
    assert told == set(FIELDS)
    (folder / "extracts" / "authority.toml").write_text(re.sub("(?m)^# (?=\\w+ = )", "", text), encoding="utf-8")
    assert read_authority(folder / "extracts", "x").synthetic, "each line can be used as it stands"


def test_the_forms_are_those_of_the_templates(folder):
    files = {path.relative_to(folder / "templates").as_posix() for path in (folder / "templates").rglob("*.*")}
    assert files == set(template_files())


def test_the_commands_are_commands_of_ours_and_fit_the_folder(folder):
    text = (folder / "START-HERE.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("bond-eval ")]
    assert [line.split()[1] for line in lines] == ["check", "run", "publish", "run", "compare"]
    for line in lines:
        parsed(line)
    assert all(f"{folder.as_posix()} --authority my-authority" in line for line in lines[:2])
    written = {path.name for path in (folder / "templates").iterdir()}
    formless = {name for name in re.findall(r"`extracts/(\w+)/`", text) if name not in written}
    assert formless == {"dfe"} and "For `dfe` there is no\nform" in text
    with pytest.raises(Exception, match="No such option"):
        parsed("bond-eval check x --nothing")


def test_the_first_command_runs_once_files_are_there_and_says_what_is_missing_before(folder):
    runner, extracts = CliRunner(), folder / "extracts"
    done = runner.invoke(app, ["check", str(extracts)])
    assert isinstance(done.exception, InputError) and "extracts" in str(done.exception)
    write_return(extracts, {"2019-20": filler(2019)})
    done = runner.invoke(app, ["check", str(extracts), "--authority", "my-authority"])
    assert done.exit_code == 0 and "8 rows in" in done.output
    (following,) = [line for line in done.output.splitlines() if "Next: " in line]
    assert "end with 2019-20-Q4" in following
    assert re.findall(r"authority\.toml gives no (\w+): ", done.output) == ["code", "programme_date"]
    assert unset(SAMPLE, "salford") == []
    parsed(following.partition("Next: ")[2])
    done = runner.invoke(app, ["check", str(folder), "--authority", "my-authority"])
    assert done.exit_code == 0 and "8 rows in" in done.output, "the folder that init made will do"


def test_a_folder_that_holds_anything_is_refused_and_left(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(InputError, match="nothing is overwritten"):
        write_start(tmp_path / "mine")
    with pytest.raises(InputError, match="nothing is overwritten"):
        write_start(tmp_path / "mine" / "kept.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["kept.txt"]
    (tmp_path / "empty").mkdir()
    assert "START-HERE.md" in write_start(tmp_path / "empty")


def test_a_name_is_made_of_the_folders_or_refused(tmp_path):
    write_start(tmp_path / "North & East")
    text = (tmp_path / "North & East" / "START-HERE.md").read_text(encoding="utf-8")
    assert "# North East: start here" in text and f"'{(tmp_path / 'North & East').as_posix()}' --auth" in text
    with pytest.raises(InputError, match="no letter or digit"):
        write_start(tmp_path / "---")


def test_the_programs_own_help_has_an_example_and_is_plain_where_nobody_sees_boxes():
    done = CliRunner().invoke(app, ["--help"])
    assert re.findall(r"(?m)^  (\w+)  +[A-Z]", done.output)[:4] == ["init", "check", "run", "publish"]
    room = 80 - 2 - 6 - max(len(name) for name in COMMANDS)  # of a terminal's line, as click has it
    assert not [name for name, one in COMMANDS.items() if one.get_short_help_str(room).endswith("...")], "cut"
    text = " ".join(done.output.split())
    example = re.search(r"Example: (bond-eval [\w -]+)\.", text)
    assert example and done.output.isascii()
    parsed(example[1])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_ends_in_an_example_that_can_be_typed(name):
    command = COMMANDS[name]
    assert command.help and command.help.strip().endswith("."), "it says what it does"
    assert command.epilog and command.epilog.startswith(f"Example: bond-eval {name}")
    parsed(command.epilog.removeprefix("Example: "))
    unsaid = [one.name for one in command.params if one.name != "help" and not getattr(one, "help", None)]
    assert not unsaid, "every argument and option says what it is"


NEXT = re.compile(r"[:;.,] (?:\w+ )?(?:give|use|write|put|run|name|choose|say|add|export|do not use|nearest)\b", re.I)
WRONG = {
    "check nowhere": "nowhere",
    "check {here}/binary": "a.csv",
    "check {here}/empty": "empty",
    "counts {here}/text --out {here}/x.csv": "text",
    "run --data nowhere --authority x": "nowhere",
    "run --data {here}/text": "--authority",
    "check {here}/text": "CHILD, DECOM",
    "run --quarter 2020": "2020",
    "run --only 99_nothing": "99_nothing",
    "check {here}/misspelt": "Episodes but has no column DECOM (it has DECOMM)",
    "publish {here}/nowhere": "There is no run in",
    "publish {here}/empty": "empty",
    "verify {here}/empty": "empty",
    "audit {here}/empty": "empty",
    "compare {here}/empty {here}/text": "empty",
    "compare {here}/nowhere {here}/text": "There is no run in",
    "why no.finding --run {here}/empty": "empty",
    "claims {here}/text/a.csv": "a.csv: a claims file",
    "claims {here}/nowhere.csv": "nowhere.csv",
    "sample --authority nowhere": "authorities.toml",
    "sample --out {here}/text": "text",
    "sample --world other": "other",
    "template {here}/text": "text",
    "init {here}/text": "text",
    "batch nowhere.csv": "nowhere.csv",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    here = tmp_path_factory.mktemp("wrong")
    episodes = csv_text(filler(2019), EPISODE_COLUMNS).replace("DECOM", "DECOMM").encode()
    files = {"binary/a.csv": b"\x00\x01\x02", "text/a.csv": b"a,b\n1,2\n", "misspelt/e.csv": episodes}
    for name, content in files.items():
        (here / name).parent.mkdir()
        (here / name).write_bytes(content)
    (here / "empty").mkdir()
    return here


@pytest.mark.parametrize("line", WRONG)
def test_what_goes_wrong_names_what_it_is_about_and_the_next_step(line, here):
    done = CliRunner().invoke(app, shlex.split(line.format(here=here.as_posix())))
    assert isinstance(done.exception, InputError), done.output
    text = str(done.exception)
    assert WRONG[line] in text and text.endswith(".") and "\n" not in text, text
    assert NEXT.search(text), f"it says no next step: {text}"


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_any_command_that_is_interrupted_says_so_once_with_status_130(monkeypatch, capsys, tmp_path, number):
    monkeypatch.setattr("bond_eval.intake.templates.write_templates", lambda folder: os.kill(os.getpid(), number))
    monkeypatch.setattr(sys, "argv", ["bond-eval", "template", str(tmp_path / "new")])
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # or it would end the tests where it is not heeded
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        left = signal.signal(signal.SIGTERM, before)
    said = "bond-eval: interrupted; what was there before is untouched, what was done is kept.\n"
    assert ended.value.code == 130 and capsys.readouterr() == ("", said)
    assert left == signal.SIG_IGN, "as it was"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell):
    """`bond-eval --install-completion` writes a script that asks the program itself; here it is asked."""
    code = "from bond_eval.cli import app; app(prog_name='bond-eval')"
    asked = {
        "_BOND_EVAL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "bond-eval ver",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "bond-eval ver",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=asked | {"PYTHONPATH": str(ROOT)}
    )
    assert "verify" in done.stdout and "audit" not in done.stdout, done.stderr[-500:]


# What a newcomer reads first -------------------------------------------------------------------------------------

PAGES = ("README.md", "docs/RUNNING.md", "notebooks/README.md")


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere_and_commands_can_be_typed(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text)
    assert links
    for path, part in links:
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), path
        heads = re.findall(r"(?m)^#+ (.*)$", target.read_text(encoding="utf-8")) if part else []
        assert not part or part in [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads], part
    for line in re.findall(r"(?m)^bond-eval .*$", text):
        parsed(line.partition("  #")[0])
    for target in re.findall(r"\bmake ([a-z-]+)", text):
        assert re.search(rf"(?m)^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8")), target


@pytest.mark.parametrize(
    ("line", "option", "begun", "offered"),
    [
        ("sample", "authority", "sa", ["salford", "sandwell"]),
        ("run", "authority", "san", ["sandwell"]),
        ("run", "only", "40", ["40_claims_register"]),
        ("why", "finding", "neighbours.looked", ["neighbours.looked_after"]),
        ("why --run nowhere", "finding", "n", []),
    ],
)
def test_a_shell_is_told_what_there_is(line, option, begun, offered):
    name, *words = line.split()
    command = COMMANDS[name]
    context = command.make_context(name, words, resilient_parsing=True)
    (found,) = [one for one in command.params if one.name == option]
    assert [item.value for item in found.shell_complete(context, begun)] == offered


def test_every_command_is_told_of():
    text = (ROOT / "docs" / "RUNNING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?m)^\| `bond-eval (\w+)", text)) == set(COMMANDS)


def test_the_list_of_questions_is_that_of_the_notebooks_and_tells_of_each_parameter():
    """The page that JupyterLab opens at; what stands in a parameters cell stands in its table too, word for word."""
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    said, told = {}, set(re.findall(r"(?m)^\| `(\w+ = [^`]+)`", text))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        said[path.stem] = "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")
        tagged = next(cell for cell in cells if "parameters" in cell["metadata"].get("tags", ()))
        assert told == set("".join(tagged["source"]).splitlines()), path.stem
    rows = re.findall(r"(?m)^\| \[(\w+)\]\((\w+)\.ipynb\) \| (.*) \|$", text)
    assert [(name, link) for name, link, _ in rows] == [(name, name) for name in said]
    assert {name: question for name, _, question in rows} == said
    # A number of them there would have to be mended with each notebook.
    assert "[the questions](notebooks/README.md#the-questions)" in (ROOT / "README.md").read_text(encoding="utf-8")

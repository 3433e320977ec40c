"""A plan is checked whole before anything runs: each problem a sentence with its row and what to do."""

import pytest
from typer.testing import CliRunner

from bond_eval.cli import app
from bond_eval.core.errors import InputError
from bond_eval.workbook.batch_plan import read_plan


@pytest.fixture
def plan(tmp_path):
    """Writes a plan beside a folder of data, and reads it."""
    (tmp_path / "returns").mkdir()

    def written(text, name="plan.csv", **how):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_plan(str(tmp_path / name), **how)

    return written


def _problems(written, *args, **how):
    with pytest.raises(InputError) as caught:
        written(*args, **how)
    return str(caught.value).splitlines()


def test_rows_of_csv_and_yaml_give_the_same_plan(plan, tmp_path):
    text = "Authority,quarter,data,notebooks,seed\nnorth,2020-21-Q2,returns,00; 01_placement_trends,7\n\n"
    listed = "- {authority: north, quarter: 2020-21-Q2, data: returns, notebooks: ['00', 01_placement_trends], seed: 7}"
    from_csv, from_yaml = plan("\ufeff" + text), plan(listed, "plan.yaml")
    assert from_csv == from_yaml and len(from_csv) == 1
    job = from_csv[0]
    assert (job.name, job.folder, job.audience, job.seed) == ("north-2020-21-Q2", "2020-21-Q2", "public", 7)
    assert job.only == ("00_data_quality", "01_placement_trends") and job.data == str(tmp_path / "returns")
    settings = job.settings(tmp_path, tmp_path / "out")
    assert settings.folder == tmp_path / "out" / "north" / "2020-21-Q2" and settings.only == job.only


def test_an_unknown_column_is_named_with_the_nearest(plan):
    lines = _problems(plan, "authority,quater,data\nnorth,2020-21-Q2,returns\n")
    assert lines == ["Plan plan.csv, line 2: column 'quater' is not known: the nearest is quarter."]
    assert "a cell beyond the header" in _problems(plan, "authority,quarter,data\nnorth,2020-21-Q2,returns,x\n")[0]


def test_every_row_is_looked_at_before_any_is_run(plan):
    rows = [
        "authority,quarter,data,audience,notebooks,seed",
        "north,2020-21-Q5,nowhere,public,,",
        "no/rth,2020-21-Q2,returns,public,,",
        "south,2020-22-Q2,returns,secret,99,x",
        ",2020-21-Q1,returns,,,",
        "east,2020-21-Q1,returns,public,01_placement_trend,",
        f"no/rth,2020-21-Q5,{'x' * 300},public,,",
    ]
    lines = _problems(plan, "\n".join(rows))
    said = {number: [line for line in lines if f"line {number}:" in line] for number in range(2, 8)}
    assert "2020-21-Q5" in said[2][0] and "'nowhere' is not there" in said[2][1]
    assert "'no/rth'" in said[3][0] and "letters, digits and hyphens" in said[3][0]
    assert [("2020-22-Q2" in line, "'secret'" in line, "'99'" in line, "seed 'x'" in line) for line in said[4]] == [
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, True),
    ]
    assert said[5] == ["Plan plan.csv, line 5: authority is missing: give one."]
    assert "the nearest is 01_placement_trends" in said[6][0]
    assert ["2020-21-Q5" in said[7][0], "xxx' is not there" in said[7][1], "'no/rth'" in said[7][2]] == [True] * 3
    assert len(lines) == 12


def test_one_quarter_of_one_authority_is_planned_once(plan):
    text = "authority,quarter,data\nnorth,2020-21-Q1,returns\nNorth,2020-21-Q1,returns\n"
    assert _problems(plan, text) == [
        "Plan plan.csv, line 3: North 2020-21-Q1 is planned in line 2 too: take one of them out."
    ]


def test_internal_runs_need_the_flag_and_do_not_clash_with_public_ones(plan):
    text = "authority,quarter,data,audience\nnorth,2020-21-Q1,returns,internal\nnorth,2020-21-Q1,returns,\n"
    assert "add --internal" in _problems(plan, text)[0]
    jobs = plan(text, internal=True)
    assert [job.name for job in jobs] == ["north-2020-21-Q1-internal", "north-2020-21-Q1"]
    assert jobs[0].chain != jobs[1].chain


@pytest.mark.parametrize("name, text, says", [
    ("plan.csv", "authority,quarter,data\n", "has no row"),
    ("plan.csv", "authority,Data,quarter,data \nnorth,a,2020-21-Q1,b\n", "line 1: column 'data' is there twice"),
    ("plan.csv", 'authority,quarter,data\nnorth,"' + "x" * 131_073, "line 2: it is no CSV: see whether a quotation"),
    ("plan.yaml", "authority: [", "is not YAML"),
    ("plan.yaml", "authority: north", "should be a list of rows"),
])  # fmt: skip
def test_a_plan_that_says_nothing_is_refused(plan, name, text, says):
    assert says in _problems(plan, text, name)[0]


def test_a_plan_that_is_not_there_ends_the_command_before_anything_is_written(tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["batch", str(tmp_path / "plan.csv"), "--out", str(out)])
    assert isinstance(done.exception, InputError) and "is not there" in str(done.exception) and not out.exists()

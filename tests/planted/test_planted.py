"""Each fault of faults.toml is planted, and the test that it names must fail: a few a commit, all in the full run."""

import pytest

from tests.planted.plant import A_RUN, chosen, copy, faults, is_a_test, planted, run, seed, wrong

ROOMS = {"core", "intake", "placements", "programmes", "methods", "economics", "evidence", "workbook", "audit", "cli",
         "sample"}  # fmt: skip
ALL, TODAY = faults(), chosen(seed())


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return copy(tmp_path_factory.mktemp("planted") / "project")


def test_the_list_is_long_in_every_room_and_can_be_planted():
    assert len(ALL) >= 40 and {fault.room for fault in ALL} >= ROOMS
    assert len({fault.name for fault in ALL}) == len(ALL)
    assert {fault.name: why for fault in ALL if (why := wrong(fault))} == {}
    assert not is_a_test("tests/planted/test_planted.py::test_of_nothing") and not is_a_test("tests/planted/plant.py")


def test_another_commit_has_other_faults_and_the_same_the_same():
    found = {chosen(f"commit {number}") for number in range(40)}
    assert len(found) > 20 and all(len({fault.room for fault in few}) == A_RUN for few in found)
    assert len({fault for few in found for fault in few}) > 30 and chosen("commit 1") == chosen("commit 1")


@pytest.mark.parametrize("some", [TODAY, pytest.param(ALL, marks=pytest.mark.full)], ids=["today", "all"])
def test_the_named_tests_pass_where_nothing_is_planted(tree, some):
    status, told = run(tree, *dict.fromkeys(fault.test for fault in some))
    assert status == 0, told


@pytest.mark.parametrize(
    "fault", [pytest.param(f, id=f.name, marks=() if f in TODAY else pytest.mark.full) for f in ALL]
)
def test_a_planted_fault_is_seen(tree, fault):
    with planted(tree, fault):
        status, told = run(tree, fault.test)
    assert status == 1, f"{fault.stands_for} slipped by {fault.test} (faults of {seed()})\n{told}"

"""The synthetic Salford: its true counts, what its files say, and the faults planted in them."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from bond_eval.core.errors import InputError
from bond_eval.sample import World, build_world, write_sample

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "data" / "sample" / "salford"
FOLDERS = ["2015-16", "2016-17", "2017-18", "2018-19", "2019-20", "2020-21-to-30-September"]
CLOSES = [pd.Timestamp(year, 3, 31) for year in range(2016, 2021)] + [pd.Timestamp(2020, 9, 30)]
BASELINE, END = pd.Timestamp("2019-03-31"), pd.Timestamp("2020-09-30")
ASSURANCE, LOCKDOWN = pd.Timestamp("2019-09-04"), pd.Timestamp("2020-03-23")
PROGRAMME = pd.Timestamp("2020-02-01")
PLACES = {f"U{n}" for n in range(1, 7)} | {f"A{n}" for n in range(3, 7)} | {f"T{n}" for n in range(5)}
PLACES |= {"K1", "K2", "R1", "R2", "R3", "R5", "S1", "H5", "P1", "P2"}


def category(rows: pd.DataFrame) -> pd.Series:
    """Outside placement (op), agency fostering (ifa) or neither, from the codes alone."""
    private = rows["PLACE_PROVIDER"].isin(["PR4", "PR5"])
    outside = private | rows["PLACE_PROVIDER"].isin(["PR2", "PR3"])
    named = pd.Series("", index=rows.index)
    named[rows["PLACE"].isin(["K2", "R1"]) & outside] = "op"
    named[rows["PLACE"].isin(["U4", "U5", "U6"]) & private] = "ifa"
    return named


def open_on(rows: pd.DataFrame, on: pd.Timestamp) -> pd.DataFrame:
    return rows[(rows["DECOM"] <= on) & (rows["DEC"].isna() | (rows["DEC"] > on))]


def looked_after(rows: pd.DataFrame) -> pd.DataFrame:
    kept = rows[~rows["LS"].isin(["V3", "V4"])].copy()
    kept["CAT"] = category(kept)
    return kept


def stays(rows: pd.DataFrame) -> pd.DataFrame:
    """Unbroken stays in a category: first day, end, and the row that followed on the same day, if any."""
    rows = rows.sort_values(["CHILD", "DECOM"]).reset_index(drop=True)
    before = rows.shift()
    same = (rows["CHILD"] == before["CHILD"]) & (rows["DECOM"] == before["DEC"])
    same &= rows["CAT"] == before["CAT"]
    rows["STAY"] = (~same).cumsum()
    found = rows.groupby("STAY").agg(
        CHILD=("CHILD", "first"), CAT=("CAT", "first"), START=("DECOM", "first"), REC=("REC", "last")
    )
    last = rows.groupby("STAY").tail(1).set_index("STAY")
    found["END"], found["WHY"] = last["DEC"], last["REASON_PLACE_CHANGE"]
    following = rows.shift(-1).loc[rows.groupby("STAY").tail(1).index].set_axis(found.index)
    goes_on = (following["CHILD"] == found["CHILD"]) & (following["DECOM"] == found["END"])
    found["NEXT_PLACE"] = following["PLACE"].where(goes_on, "")
    found["NEXT_CAT"] = following["CAT"].where(goes_on, "")
    return found.reset_index(drop=True)


def years_old(born: pd.Series, on: pd.Series | pd.Timestamp) -> pd.Series:
    on = pd.Series(on, index=born.index) if isinstance(on, pd.Timestamp) else on
    early = (on.dt.month * 100 + on.dt.day) < (born.dt.month * 100 + born.dt.day)
    return on.dt.year - born.dt.year - early


@pytest.fixture(scope="module")
def world() -> World:
    return build_world()


@pytest.fixture(scope="module")
def rows(world: World) -> pd.DataFrame:
    return looked_after(world.episodes)


@pytest.fixture(scope="module")
def born(world: World) -> pd.Series:
    return world.people.set_index("CHILD")["DOB"]


@pytest.fixture(scope="module", params=[2021, 5])
def any_seed(request: pytest.FixtureRequest, world: World) -> World:
    """The published counts must not be the luck of one seed."""
    return world if request.param == 2021 else build_world(seed=request.param)


@pytest.fixture(scope="module")
def published(any_seed: World) -> pd.DataFrame:
    return looked_after(any_seed.episodes)


@pytest.mark.parametrize(
    ("on", "op", "ifa"),
    [
        ("2017-03-31", 25, 59),
        ("2018-03-31", 37, 67),
        ("2019-03-31", 48, 63),
        ("2020-03-31", 43, 43),
        (END, 42, 51),
    ],
)
def test_external_counts_are_the_published_ones(published, on, op, ifa):
    there = open_on(published, pd.Timestamp(on))["CAT"].value_counts()
    assert (there["op"], there["ifa"]) == (op, ifa)


def test_looked_after_totals_leave_short_breaks_out(any_seed, published):
    for on, total in (("2019-08-31", 582), ("2020-09-30", 572)):
        there = open_on(published, pd.Timestamp(on))
        assert (len(there), there["CHILD"].nunique()) == (total, total)
        assert len(open_on(any_seed.episodes, pd.Timestamp(on))) > total
    path = [len(open_on(published, on)) for on in CLOSES[:5]]
    assert path == [520, 535, 550, 572, 578]


def test_baseline_cohorts(published):
    base, end = open_on(published, BASELINE), open_on(published, END)
    for kind, left, new in (("op", 21, 15), ("ifa", 32, 20)):
        then, now = set(base.loc[base["CAT"] == kind, "CHILD"]), set(end.loc[end["CAT"] == kind, "CHILD"])
        assert (len(then - now), len(now - then)) == (left, new)


def baseline_leavers(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    found = stays(rows)
    found = found[(found["CAT"] == kind) & (found["START"] <= BASELINE) & (found["END"] > BASELINE)]
    assert found["CHILD"].is_unique
    return found


def test_first_destinations_of_those_who_left_outside_placements(published):
    left = baseline_leavers(published, "op")
    home = (left["NEXT_PLACE"] == "P1") | left["REC"].isin(["E4A", "E4B"])
    connected = left["NEXT_PLACE"].isin(["U1", "U2", "U3"])
    supported = left["NEXT_PLACE"].isin(["H5", "P2"]) | left["REC"].isin(["E5", "E6"])
    agency = left["NEXT_CAT"] == "ifa"
    assert [len(left), connected.sum(), agency.sum(), home.sum(), supported.sum()] == [21, 4, 3, 6, 8]
    early = left["END"] <= ASSURANCE
    assert [early.sum(), (early & home).sum(), (early & connected).sum()] == [7, 3, 4]


def test_first_destinations_of_those_who_left_agency_fostering(published):
    left = baseline_leavers(published, "ifa")
    outside = left["NEXT_CAT"] == "op"
    home = (left["NEXT_PLACE"] == "P1") | left["REC"].isin(["E4A", "E4B"])
    family = left["NEXT_PLACE"].str.startswith("U")
    grown = left["NEXT_PLACE"].isin(["H5", "P2"]) | left["REC"].isin(["E5", "E6", "E17", "E46", "E48"])
    assert [len(left), outside.sum(), family.sum(), home.sum(), grown.sum()] == [32, 6, 10, 8, 8]
    assert (left.loc[outside, "WHY"] == "CREQB").all()
    early_home = (left["END"] <= ASSURANCE) & home
    assert early_home.sum() == 3


def test_nobody_who_left_comes_back(published):
    for kind in ("op", "ifa"):
        left = baseline_leavers(published, kind)
        later = published[published["CAT"] == kind].merge(left[["CHILD", "END"]], on="CHILD")
        assert (later["DECOM"] < later["END"]).all()


def test_new_external_placements(any_seed, published):
    base, every = open_on(published, BASELINE), stays(published)
    dates = any_seed.people.set_index("CHILD")["DOB"]
    split = {}
    for kind in ("op", "ifa"):
        already = base.loc[base["CAT"] == kind, "CHILD"]
        mine = every[(every["CAT"] == kind) & ~every["CHILD"].isin(already)]
        new = mine[mine["END"].isna()]
        assert not mine["CHILD"].isin(new["CHILD"]).sum() - len(new), "one stay in the category each"
        births = new["CHILD"].map(dates)
        then, now = years_old(births, new["START"]) < 12, years_old(births, END) < 12
        assert (then == now).all()
        assert new["START"].min() > BASELINE
        split[kind] = (len(new), int(now.sum()), int((new["START"] >= LOCKDOWN).sum()))
        starts = published[(published["CAT"] == kind) & published["RNE"].isin(list("SPBTU"))]
        assert (starts[starts["CHILD"].isin(new["CHILD"])].groupby("CHILD").size() == 1).all()
    assert split == {"op": (15, 6, 8), "ifa": (20, 11, 11)}


def test_enough_young_children_in_outside_placements(published, any_seed):
    dates = any_seed.people.set_index("CHILD")["DOB"]
    for on in CLOSES:
        there = open_on(published, on)
        ages = years_old(there.loc[there["CAT"] == "op", "CHILD"].map(dates), on)
        assert (ages < 12).sum() >= 6
        assert (ages >= 12).mean() >= 0.5


def test_placement_starts_a_month(rows):
    starts = rows[rows["RNE"].isin(["S", "P", "B"]) & (rows["DECOM"] >= "2015-04-01")]
    month = starts["DECOM"].dt.to_period("M")
    external = month[starts["CAT"] != ""].value_counts()
    assert 5 <= external.sum() / 66 <= 9
    assert month.value_counts().between(18, 62).all()
    a_quarter = starts["DECOM"].dt.to_period("Q").value_counts()
    assert a_quarter["2020Q2"] < 0.75 * a_quarter["2019Q2"]


def test_outside_placements_rise_to_the_baseline_and_fall_after(rows):
    op = stays(rows).query("CAT == 'op'")
    for low, high, rising in (("2016-04-01", BASELINE, True), ("2019-04-01", CLOSES[4], False)):
        began = op["START"].between(pd.Timestamp(low), high).sum()
        ended = op["END"].between(pd.Timestamp(low), high).sum()
        assert bool(began > ended) is rising


def test_mixture_of_placements(rows):
    there = open_on(rows, CLOSES[3])
    share = there["PLACE"].value_counts(normalize=True)
    own = ((there["PLACE"].isin(["U4", "U5", "U6"])) & (there["PLACE_PROVIDER"] == "PR1")).mean()
    assert 0.36 < own < 0.5
    assert 0.14 < share[["U1", "U3"]].sum() < 0.26
    assert 0.06 < share["P1"] < 0.13
    assert (there["LS"].value_counts().idxmax(), there["CIN"].value_counts().idxmax()) == ("C2", "N1")


def test_moves_and_returns_to_care_are_those_of_a_real_authority(rows):
    rates = []
    for close in CLOSES[:5]:
        opens = close - pd.DateOffset(years=1) + pd.Timedelta(days=1)
        mine = rows[rows["CHILD"].isin(open_on(rows, close)["CHILD"]) & (rows["DECOM"] <= close)]
        mine = mine[mine["DEC"].isna() | (mine["DEC"] >= opens)]
        began = mine[mine["RNE"].isin(["S", "P", "B"]) & (mine["DECOM"] >= opens)].groupby("CHILD").size()
        here = mine[mine["DECOM"] < opens].groupby("CHILD").size().clip(upper=1)
        rates.append((began.add(here, fill_value=0) >= 3).mean())
    assert 0.06 < sum(rates) / 5 < 0.12
    left = rows[~rows["REC"].isin(["X1", ""]) & (rows["DEC"] < "2018-09-30")]
    back = left.merge(rows[rows["RNE"] == "S"], on="CHILD")
    gap = (back["DECOM_y"] - back["DEC_x"]).dt.days
    assert 0.04 < back.loc[(gap >= 0) & (gap < 730), "CHILD"].nunique() / len(left) < 0.1


def test_external_placements_inside_the_boundary(world, rows):
    inside = {post for post, code in world.postcodes if code == "E08000006"}
    began = rows[(rows["CAT"] != "") & rows["RNE"].isin(["S", "P", "B"])]
    assert 0.2 < began["PL_POST"].isin(inside).mean() < 0.36
    assert 140 <= len(world.postcodes) <= 160
    assert all(post.startswith("ZZ") for post, _ in world.postcodes)


@pytest.mark.parametrize("name", ["published", "null", "effect"])
def test_true_episodes_are_possible_lives(name, world, rows):
    truth = world if name == "published" else build_world(seed=3, children=300, world=name)
    table = truth.episodes
    dates = table["CHILD"].map(truth.people.set_index("CHILD")["DOB"])
    adult = dates + pd.DateOffset(years=18)
    assert (table["DEC"].fillna(END + pd.Timedelta(days=1)) <= adult).all(), "open past 18"
    assert (table["DECOM"] >= dates).all()
    assert (table["DEC"] > table["DECOM"]).where(table["DEC"].notna(), True).all()
    after = table.groupby("CHILD")["DECOM"].shift(-1)
    follows = after.notna()
    assert (table["DEC"] <= after)[follows].all(), "overlap"
    goes_on = table["REC"] == "X1"
    assert (table["DEC"] == after)[goes_on].all()
    assert not table["DEC"].isna()[follows].any()
    next_reason = table.groupby("CHILD")["RNE"].shift(-1)
    assert (next_reason[goes_on] != "S").all() and (next_reason[follows & ~goes_on] == "S").all()
    filled = table["REASON_PLACE_CHANGE"] != ""
    assert (filled == (goes_on & next_reason.isin(list("PTBU")))).all()


def test_reasons_for_new_episodes_say_what_changed(world):
    table = world.episodes
    inside = table[table["RNE"] != "S"].index
    before = table.shift().loc[inside]
    now = table.loc[inside]
    known = (before["CHILD"] == now["CHILD"]) & (before["DEC"] == now["DECOM"])
    now, before = now[known], before[known]
    assert ((now["LS"] != before["LS"]) == now["RNE"].isin(["L", "B", "U"])).all()
    site = (now["PLACE"] == before["PLACE"]) & (now["PL_POST"] == before["PL_POST"])
    assert site[now["RNE"] == "L"].all()
    same_carer = now["RNE"].isin(["T", "U"])
    assert (now["PLACE"] != before["PLACE"])[same_carer].all()
    approved = (before["PLACE"] == "U6") & (now["PLACE"] == "U4") & (now["PL_POST"] == before["PL_POST"])
    assert approved.sum() > 50 and same_carer[approved].all()


def test_codes_are_valid_for_their_years(world):
    table = world.episodes
    assert set(table["PLACE"]) <= PLACES
    temporary = table["PLACE"].str.startswith("T")
    assert ((table["PLACE_PROVIDER"] == "") == temporary).all()
    assert ((table["PLACE_PROVIDER"] == "PR0") == (table["PLACE"] == "P1")).all()
    old, new = table["REC"].isin(["E43", "E44"]), table["REC"].isin(["E45", "E46", "E47", "E48"])
    assert old.any() and new.any()
    assert (table.loc[old, "DEC"] < "2019-04-01").all() and (table.loc[new, "DEC"] >= "2019-04-01").all()
    assert set(table["CIN"]) <= {f"N{n}" for n in range(1, 9)}
    assert set(table["LS"]) <= {"C1", "C2", "E1", "V2", "V3", "V4", "J1", "L1", "L2"}
    adoption = table["PLACE"].str.startswith("A")
    assert (table.loc[adoption, "LS"] == "E1").mean() > 0.95
    assert set(world.people["SEX"]) == {"1", "2"}


def test_numbers_are_six_digits_and_unique(world):
    numbers = world.people["CHILD"]
    assert numbers.is_unique and numbers.between(100_000, 999_999).all()


# What the files say


def read(path: Path) -> pd.DataFrame:
    """A file's rows as text, whatever its encoding, case, blanks and line ends."""
    data = path.read_bytes()
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        content = data.decode("cp1252")
    lines = [line.split(",") for line in content.splitlines()]
    columns = [name.upper() for name in lines[0]]
    cells = [["" if cell in ('""', "NULL", "N/A") else cell for cell in line] for line in lines[1:]]
    return pd.DataFrame([line for line in cells if any(line)], columns=columns)


def day(value: str) -> pd.Timestamp:
    iso = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", value)
    parts = iso.groups() if iso else tuple(reversed(value.split("/")))
    try:
        return pd.Timestamp(date(*(int(part) for part in parts)))
    except (ValueError, TypeError):
        return pd.NaT


def episodes(folder: Path) -> pd.DataFrame:
    """All returns' episodes: impossible rows set aside, the latest file's row kept."""
    parts = [read(folder / name / "episodes.csv").assign(FILE=at) for at, name in enumerate(FOLDERS)]
    table = pd.concat(parts, ignore_index=True)
    table["DECOM"], table["DEC"] = table["DECOM"].map(day), table["DEC"].map(day)
    table = table[table["DECOM"].notna() & ~(table["DEC"] < table["DECOM"])]
    table = table.sort_values(["CHILD", "DECOM", "FILE"]).drop_duplicates(["CHILD", "DECOM"], keep="last")
    return table.assign(CHILD=table["CHILD"].astype(int)).reset_index(drop=True)


def mend(table: pd.DataFrame) -> pd.DataFrame:
    """Rules 1, 1A, 2, 4 and 5 applied to every row that one of them fits."""
    mended = []
    following = table.groupby("CHILD")[["DECOM", "RNE", "FILE"]].shift(-1)
    columns = zip(table["DEC"], table["REC"], table["FILE"], following.itertuples(index=False), strict=True)
    for dec, rec, file, (start, reason, later) in columns:
        close = CLOSES[file] + pd.Timedelta(days=1)
        if pd.isna(dec) and file < len(CLOSES) - 1:
            dec = close if pd.isna(start) else start if reason != "S" else min(start, close)
        elif not pd.isna(start) and later >= file:
            gap = rec == "X1" and dec < start and later > file
            dec = start if dec > start or gap else dec
        mended.append(dec)
    return table.assign(DEC=pd.Series(mended, index=table.index, dtype="datetime64[us]"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "salford"
    write_sample(out)
    return out


@pytest.fixture(scope="module")
def report(folder: Path):
    return write_sample(folder)


def test_the_cleaning_rules_restore_the_truth(world, folder):
    found, truth = mend(episodes(folder)), world.episodes
    spans = ["CHILD", "DECOM", "DEC"]
    pd.testing.assert_frame_equal(found[spans], truth[spans], check_dtype=False)
    raw = found[["LS", "PLACE", "PLACE_PROVIDER", "PL_POST"]]
    differ = (raw != truth[list(raw)]).any(axis=1)
    assert differ.sum() == 4, "one unknown place and three blank providers are never put right"
    right = category(truth).where(~differ, "")
    assert category(found).tolist() == right.tolist()


def test_the_rows_break_off_overlap_and_gape_as_reported(folder, report):
    table = episodes(folder)
    following = table.groupby("CHILD")[["DECOM", "RNE", "FILE"]].shift(-1)
    cut_off = table["DEC"].isna() & (table["FILE"] < len(FOLDERS) - 1)
    found = {
        "open_then_absent": cut_off & following["DECOM"].isna(),
        "open_then_new_period": cut_off & (following["RNE"] == "S"),
        "open_then_next_row": cut_off & following["RNE"].isin(list("PBTU")),
        "overlap": table["DEC"] > following["DECOM"],
        "gap_after_x1": (table["REC"] == "X1") & (table["DEC"] < following["DECOM"]),
    }
    assert {kind: int(rows.sum()) for kind, rows in found.items()} == {k: report.issues[k] for k in found}
    for kind, rows in found.items():
        noted = {(int(p.child), p.decom) for p in report.planted if p.kind == kind}
        firsts = table["DECOM"][rows].dt.strftime("%d/%m/%Y")
        assert set(zip(table["CHILD"][rows], firsts, strict=True)) == noted


EXPECTED = {
    "blank_lines": 2,
    "blank_provider": 3,
    "bom": 1,
    "comma_line": 2,
    "cp1252": 1,
    "crlf": 1,
    "dob_disagrees": 2,
    "duplicate_row": 5,
    "end_before_start": 2,
    "end_corrected_later": 2,
    "gap_after_x1": 2,
    "header_missing": 1,
    "iso_dates": 1,
    "lower_case_shuffled": 1,
    "na_word": 4,
    "null_word": 4,
    "open_then_absent": 3,
    "open_then_new_period": 2,
    "open_then_next_row": 4,
    "overlap": 3,
    "quoted_blank": 6,
    "unknown_place": 3,
    "unknown_sex": 1,
    "unreadable_end": 1,
    "unreadable_review": 1,
    "unreadable_start": 1,
}


def test_every_kind_of_fault_is_planted(report):
    issues = dict(report.issues)
    assert issues.pop("postcode_unlisted") >= 1
    assert issues == EXPECTED


def test_files_hold_the_faults_reported(folder, report):
    raw = [(folder / at / "episodes.csv").read_bytes() for at in FOLDERS]
    assert raw[2].startswith(b"\xef\xbb\xbf")
    assert raw[1].split(b"\n")[0].islower()
    assert raw[1].split(b"\n")[0] != raw[0].split(b"\n")[0].lower()
    assert re.search(rb",\d{4}-\d\d-\d\d,", raw[3])
    assert (raw[4].count(b",NULL,"), raw[4].count(b",N/A\n")) == (4, 4)
    assert (folder / "2017-18" / "header.csv").read_bytes().count(b'""') == 6
    assert b"r\xe9viewed" in (folder / "2015-16" / "reviews.csv").read_bytes()
    assert b"31/02/2018" in (folder / "2017-18" / "reviews.csv").read_bytes()
    assert raw[2].endswith(b"\n,,,,,,,,,,,,\n\n\n")
    assert b"31/02/2018" in raw[2]
    crlf = [path for path in folder.rglob("*.csv") if b"\r\n" in path.read_bytes()]
    assert [path.name for path in crlf] == ["oc2.csv"]
    table = pd.concat([read(folder / name / "episodes.csv").assign(FILE=name) for name in FOLDERS])
    assert table.duplicated().sum() == 5
    starts, ends = table["DECOM"].map(day), table["DEC"].map(day)
    assert ((ends < starts).sum(), starts.isna().sum()) == (2, 1)
    assert set(table["PLACE"]) - PLACES == {"X9", "U7"}


def test_headers_disagree_only_where_planted(folder, world):
    heads = pd.concat([read(folder / at / "header.csv").assign(FILE=at) for at in FOLDERS])
    births = heads.groupby("CHILD")["DOB"].nunique()
    assert (births > 1).sum() == 2
    last = heads.groupby("CHILD")["DOB"].last().map(day)
    last.index = last.index.astype(int)
    assert (last == world.people.set_index("CHILD")["DOB"].loc[last.index]).all()
    assert (heads["SEX"] == "9").sum() == 1
    missing = 0
    for at in FOLDERS:
        children = set(read(folder / at / "episodes.csv")["CHILD"])
        missing += len(children - set(heads.loc[heads["FILE"] == at, "CHILD"]))
    assert missing == 1


def test_other_modules_speak_of_children_in_the_header(folder):
    for at in FOLDERS:
        known = set(read(folder / at / "header.csv")["CHILD"])
        for path in (folder / at).glob("*.csv"):
            strangers = set(read(path)["CHILD"]) - known
            assert len(strangers) <= 1, f"{path.name} of {at}"
        names = {path.name for path in (folder / at).glob("*.csv")}
        assert ("oc2.csv" in names and "oc3.csv" in names) is (at != FOLDERS[-1])
        assert len(names) == (10 if at != FOLDERS[-1] else 8)
    scores = pd.to_numeric(read(folder / "2018-19" / "oc2.csv")["SDQ_SCORE"].replace("", None))
    assert scores.dropna().between(0, 40).all() and 8 < scores.mean() < 22
    for name in ("uasc.csv", "ad1.csv", "missing.csv", "placed_adoption.csv", "prev_perm.csv", "oc3.csv"):
        assert len(read(folder / "2018-19" / name)) > 0


def test_authority_file(folder):
    facts = tomllib.loads((folder / "authority.toml").read_text())
    assert facts == {
        "name": "Salford (synthetic)",
        "code": "E08000006",
        "old_code": "355",
        "baseline_date": date(2019, 3, 31),
        "programme_date": date(2020, 2, 1),
        "pandemic_date": date(2020, 3, 23),
        "published": "salford",
        "synthetic": True,
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_committed_sample_is_what_the_generator_writes(folder):
    fresh, kept = contents(folder), contents(COMMITTED)
    assert sorted(fresh) == sorted(kept)
    assert [name for name in fresh if fresh[name] != kept[name]] == []
    assert sum(map(len, kept.values())) < 1_800_000


def test_same_seed_same_bytes_and_another_seed_differs(folder, tmp_path):
    first = contents(folder)
    write_sample(folder)
    assert contents(folder) == first, "a second writing changes nothing and leaves no partial file"
    write_sample(tmp_path / "other", seed=2022)
    other = contents(tmp_path / "other")
    assert other.keys() == first.keys() and other["2018-19/episodes.csv"] != first["2018-19/episodes.csv"]


def test_null_world_folder_says_so_and_published_takes_its_truth_away(tmp_path):
    write_sample(tmp_path, children=60, world="null")
    facts = tomllib.loads((tmp_path / "authority.toml").read_text())
    assert (facts["name"], facts["published"]) == ("Salford (synthetic, null world)", "")
    assert '"world": "null"' in (tmp_path / "truth.json").read_text()
    write_sample(tmp_path, children=60)
    assert not (tmp_path / "truth.json").exists()


@pytest.mark.parametrize("there", ["2019-20/episodes.csv", "README.md", "authority.toml"])
def test_a_folder_of_somebody_else_is_never_written_into(tmp_path, there):
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("# Ours\n")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path.name} is there and no synthetic sample: name a new folder"):
        write_sample(tmp_path, children=1)
    with pytest.raises(InputError, match="no synthetic sample"):
        write_sample(tmp_path / there, children=1)
    assert contents(tmp_path) == before


def test_unknown_world_and_no_children_are_refused(tmp_path):
    with pytest.raises(ValueError, match="world must be one of"):
        write_sample(tmp_path, world="best")
    with pytest.raises(ValueError, match="at least 1"):
        write_sample(tmp_path, children=0)
    assert list(tmp_path.iterdir()) == []


def test_published_world_scales(tmp_path):
    for children, times in ((1200, 2), (60, 0.1)):
        rows = looked_after(build_world(children=children).episodes)
        there = open_on(rows, END)
        assert len(there) == pytest.approx(572 * times, abs=1)
        assert (there["CAT"] == "op").sum() == pytest.approx(42 * times, abs=3)


# The worlds of known effect


@pytest.fixture(scope="module")
def large() -> dict[str, tuple[pd.DataFrame, pd.Series]]:
    made = {}
    for name in ("null", "effect"):
        big = build_world(seed=11, children=6000, world=name)
        rows = looked_after(big.episodes)
        births = rows["CHILD"].map(big.people.set_index("CHILD")["DOB"])
        made[name] = (rows, births)
    return made


def op_rates(rows: pd.DataFrame, births: pd.Series) -> tuple[float, float]:
    """Entries to and departures from outside placements a year, ages 12 to 17, from 1 February 2020."""
    low = (births + pd.DateOffset(years=12)).clip(lower=PROGRAMME)
    begins = pd.concat([rows["DECOM"], low], axis=1).max(axis=1)
    exposed = (rows["DEC"].fillna(END).clip(upper=END) - begins).dt.days.clip(lower=0) / 365.25
    outside = rows["CAT"] == "op"
    before = rows.groupby("CHILD")[["CAT", "DEC"]].shift()
    came = outside & ~((before["CAT"] == "op") & (before["DEC"] == rows["DECOM"]))
    came &= (rows["DECOM"] > PROGRAMME) & (years_old(births, rows["DECOM"]) >= 12)
    after = rows.groupby("CHILD")[["CAT", "DECOM"]].shift(-1)
    stayed = (after["CAT"] == "op") & (after["DECOM"] == rows["DEC"])
    adult = rows["DEC"] == births + pd.DateOffset(years=18)
    left = outside & rows["DEC"].notna() & ~stayed & ~adult
    left &= (rows["DEC"] > PROGRAMME) & (years_old(births, rows["DEC"].fillna(END)) >= 12)
    return came.sum() / exposed[~outside].sum(), left.sum() / exposed[outside].sum()


def test_effect_world_halves_entry_and_quickens_leaving(large):
    (null_in, null_out), (effect_in, effect_out) = op_rates(*large["null"]), op_rates(*large["effect"])
    assert 0.36 < effect_in / null_in < 0.66
    assert 1.2 < effect_out / null_out < 1.9


def test_worlds_are_the_same_until_the_programme(large):
    starts = []
    for rows, _ in large.values():
        first = rows[(rows["DECOM"] < PROGRAMME) & (rows["CAT"] == "op") & rows["RNE"].isin(["S", "P", "B"])]
        starts.append(first[["CHILD", "DECOM"]].reset_index(drop=True))
    assert len(starts[0]) > 500
    # Lives are the same; a site or an order may differ in a child whose later life differs.
    assert len(starts[0].merge(starts[1])) / len(starts[0]) > 0.97


def test_null_world_peaks_at_the_baseline_and_has_the_shock(large):
    rows, _ = large["null"]
    op = {on: (open_on(rows, on)["CAT"] == "op").sum() for on in CLOSES}
    assert op[BASELINE] > 1.08 * op[CLOSES[2]] and op[BASELINE] > 1.08 * op[END]
    entered = rows.loc[rows["RNE"] == "S", "DECOM"]
    shock = entered.between("2020-03-23", "2020-06-30").sum()
    usual = entered.between("2019-03-23", "2019-06-30").sum()
    assert 0.55 < shock / usual < 0.78

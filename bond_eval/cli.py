"""The command line.

Every command: 0 done, 1 some notebook failed (`verify`: some file differs), 2 usage or input, 3 the audit found what
may not be published, 130 interrupted.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import REFERENCE_RUN, SAMPLE, find_data, short_form

if TYPE_CHECKING:
    import pandas as pd

    from bond_eval.intake.dfe import Dfe
    from bond_eval.intake.finance import Finance
    from bond_eval.intake.measures import Measures
    from bond_eval.intake.register import Register
    from bond_eval.intake.ssda903 import Return

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Evaluate a children's programme on an authority's looked-after-children return (SSDA903).",
    epilog="Exit status: 0 done, 1 some notebook failed or file differs, 2 usage or input, 3 the audit found what may "
    "not be published, 130 interrupted.",
)
DataArgument = Annotated[str, typer.Argument(help="Folder, folder a year, zip, XML or CSV that holds the return.")]
Authority = Annotated[str, typer.Option(help="Short name of the authority, used for folders.")]
Internal = Annotated[bool, typer.Option("--internal", help="Show raw values: OFFICIAL-SENSITIVE, never to publish.")]


def main() -> None:
    """Run the command line; a problem that a person can mend is one line on stderr and exit status 2."""
    try:
        app()
    except InputError as error:
        print(f"bond-eval: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("bond-eval: interrupted; what was there before is untouched.", file=sys.stderr)
        sys.exit(130)


@app.command(epilog="Example: bond-eval check extracts/2020-21-Q2 --csv issues.csv")
def check(
    data: DataArgument,
    csv: Annotated[Path | None, typer.Option(help="Also write the report as CSV.")] = None,
    authority: Authority = "authority",
    internal: Internal = False,
) -> None:
    """Read the files and report every defect by severity, with values masked and children as row numbers.

    The folders finance, register, measures and dfe beside the return are read too, on past a file that cannot be read.
    """
    import pandas as pd

    from bond_eval.core.atomic import write_text
    from bond_eval.core.issues import public

    loaded = _load(data, authority)
    reports = [loaded.issues]
    _print_accounts("", "modules", loaded.accounts)
    for folder, supplied in _beside(find_data(data), loaded).items():
        _print_accounts(f"{folder}: ", "forms", supplied.accounts)
        reports.append(supplied.issues.assign(file=f"{folder}/" + supplied.issues["file"].astype(str)))
    report = pd.concat(reports, ignore_index=True)
    report = report if internal else public(report)
    for (severity, rule, action), rows in report.groupby(["severity", "rule", "action"], sort=False):
        first = rows.iloc[0]
        where = f"{first['file']} line {first['line']}" if first["line"] else first["file"]
        column = f" {first['column']}" if first["column"] else ""
        value = f" value {first['value']!r}" if first["value"] else ""
        print(f"{severity:8}{rule:22}{len(rows):>7} {action:10} {first['problem']}; first: {where}{column}{value}")
    if report.empty:
        print("No issue was found.")
    if csv:
        write_text(csv, report.to_csv(index=False, lineterminator="\n"))
        print(f"The report is in {csv}.")


@app.command(epilog="Example: bond-eval counts data/sample/salford --out daily.csv")
def counts(
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="CSV to write: date, category, children.")],
    quarter: Annotated[str, typer.Option(help="Count to this quarter's end (default: all the data).")] = "",
    authority: Authority = "authority",
    internal: Internal = False,
) -> None:
    """Write children looked after on each day by category; 1 to 5 as c unless --internal.

    Days beside each other show single moves: the file is for those who may see the return, not to publish.
    """
    from bond_eval.core.atomic import write_text
    from bond_eval.evidence.gate import MINIMUM
    from bond_eval.placements.counts import daily_counts
    from bond_eval.placements.history import build_history

    loaded = _load(data, authority)
    daily = daily_counts(build_history(loaded, _as_of(quarter, loaded.submissions))).by_category()
    tidy = daily.rename_axis("date").reset_index().melt("date", var_name="category", value_name="children")
    if not internal:
        few = tidy["children"].between(1, MINIMUM - 1)
        tidy["children"] = tidy["children"].astype(object).mask(few, "c")
    write_text(
        out, tidy.sort_values(["date", "category"]).to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
    )
    print(f"{len(daily):,} days and {daily.shape[1]} categories are in {out}.")


@app.command(epilog="Example: bond-eval episodes data/sample/salford --out e.csv --audit a.csv --internal")
def episodes(
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="CSV to write: the stitched episodes, a row each.")],
    audit: Annotated[Path | None, typer.Option(help="CSV to write: every change made in stitching.")] = None,
    quarter: Annotated[str, typer.Option(help="As of this quarter's end (default: all the data).")] = "",
    authority: Authority = "authority",
    internal: Internal = False,
) -> None:
    """Write the stitched episodes and the audit. They are rows of children, so --internal is needed."""
    from bond_eval.core.atomic import write_text
    from bond_eval.placements.export import audit_rows, episode_rows
    from bond_eval.placements.history import build_history

    if not internal:
        raise InputError("Episodes are rows of children: add --internal, and keep the files where such data may lie.")
    if audit and audit.resolve() == out.resolve():
        raise InputError("--out and --audit name one file: give each its own.")
    loaded = _load(data, authority)
    history = build_history(loaded, _as_of(quarter, loaded.submissions))
    write_text(out, episode_rows(history, loaded).to_csv(index=False, lineterminator="\n"))
    print(f"{len(history.episodes):,} episodes are in {out} (OFFICIAL-SENSITIVE).")
    if audit:
        write_text(audit, audit_rows(history, loaded).to_csv(index=False, lineterminator="\n"))
        print(f"{len(history.audit):,} changes are in {audit} (OFFICIAL-SENSITIVE).")


@app.command(epilog="Example: bond-eval run --data extracts --authority salford --quarter 2020-21-Q2")
def run(
    data: Annotated[str, typer.Option(help="Folder, zip or file that holds the return.")] = short_form(SAMPLE),
    authority: Authority = "salford",
    quarter: Annotated[str, typer.Option(help="Financial quarter, such as 2020-21-Q2.")] = "2020-21-Q2",
    out: Annotated[Path, typer.Option(help="Folder for outputs; the run goes to OUT/AUTHORITY/QUARTER.")] = Path(
        "outputs"
    ),
    only: Annotated[list[str] | None, typer.Option(help="Run only this notebook (may be repeated).")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at once.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 2021,
    internal: Internal = False,
) -> None:
    """Execute the workbook and publish its pages, tables and findings."""
    from bond_eval.workbook.progress import for_terminal
    from bond_eval.workbook.run import RunSettings, run_workbook

    settings = RunSettings(
        data=find_data(data),
        authority=authority,
        quarter=Quarter.parse(quarter),
        out=out,
        only=tuple(only or ()),
        jobs=jobs,
        audience="internal" if internal else "public",
        seed=seed,
    )
    report = run_workbook(settings, for_terminal())
    print(f"The site is at {report.folder / 'index.html'}")
    raise typer.Exit(report.exit_status)


@app.command(epilog="Example: bond-eval reference")
def reference() -> None:
    """Make outputs/reference anew: the executed notebooks of the sample quarter that the tests re-run."""
    from bond_eval.workbook.reference import write_reference

    report = write_reference()
    print("outputs/reference is written.")
    raise typer.Exit(report.exit_status)


@app.command(epilog="Example: bond-eval sample --world null --out null-world")
def sample(
    out: Annotated[Path, typer.Option(help="Folder to write.")] = SAMPLE,
    world: Annotated[str, typer.Option(help="published, null or effect: the truth that is planted.")] = "published",
    children: Annotated[int, typer.Option(min=1, help="About how many are looked after at a time.")] = 600,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic children.")] = 2021,
) -> None:
    """Write synthetic returns of a Salford that holds no real child."""
    from bond_eval.sample import write_sample

    if world not in ("published", "null", "effect"):
        raise InputError(f"World {world!r} is not known: use published, null or effect.")
    if world != "published" and out.resolve() == SAMPLE.resolve():
        raise InputError(f"The sample itself holds the published world: give --out for the {world} world.")
    write_sample(out, seed=seed, children=children, world=world)
    print(f"A synthetic return ({world} world, seed {seed}) is in {out}.")


@app.command(epilog="Example: bond-eval claims our-cabinet-report.csv --json")
def claims(
    file: Annotated[Path | None, typer.Argument(help="Claims: claim_id, value, formula (default: ours).")] = None,
    facts: Annotated[Path | None, typer.Option(help="Your own facts: name, value.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Work published figures out again: lint a Cabinet report before it is published."""
    from bond_eval.core.places import REFERENCE
    from bond_eval.evidence.claims_lint import lint

    report = lint(file or REFERENCE / "claims.csv", facts)
    print(report.as_json() if as_json else report.as_text())


@app.command(epilog="Example: bond-eval why placement_trends.outside_now --run outputs/salford/2020-21-Q2")
def why(
    finding: Annotated[str, typer.Argument(help="Id of a finding, as findings.json has it.")],
    run: Annotated[Path, typer.Option(help="Folder of the run.")] = REFERENCE_RUN,
) -> None:
    """Print what a finding rests on: notebook, table, builder, method, input files and tests."""
    from bond_eval.workbook.why import chain

    for step, text in chain(run, finding):
        print(f"{step:10}{text}")


@app.command(epilog="Example: bond-eval compare outputs/salford/2020-21-Q1 outputs/salford/2020-21-Q2 --csv moved.csv")
def compare(
    earlier: Annotated[Path, typer.Argument(help="Folder of the earlier run.")],
    later: Annotated[Path, typer.Argument(help="Folder of the later run.")],
    out: Annotated[Path | None, typer.Option(help="Page to write (default: beside the later run).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write every movement as CSV.")] = None,
) -> None:
    """Show what moved between two runs, whether beyond noise, and which changes could explain it."""
    from bond_eval.workbook.compare import compare_runs
    from bond_eval.workbook.compare_page import lines, write_csv, write_page

    compared = compare_runs(earlier, later)
    page = out or later.parent / f"compare-{earlier.name}-{later.name}.html"
    write_page(compared, page)
    print("\n".join(lines(compared)))
    print(f"The page is at {page}.")
    if csv:
        write_csv(compared, csv)
        print(f"Every movement is in {csv}.")


@app.command(epilog="Example: bond-eval audit outputs/salford/2020-21-Q2 --against our-extracts")
def audit(
    folder: Annotated[Path, typer.Argument(help="Folder of a public run or site.")],
    against: Annotated[Path | None, typer.Option(help="The return, to search for its ids, births, postcodes.")] = None,
    previous: Annotated[Path | None, typer.Option(help="Folder of the release before, to compare with.")] = None,
) -> None:
    """Attack a published folder: small counts, withheld counts that can be worked out, and names; 3 where any falls."""
    from bond_eval.audit import audit as attack

    report = attack(folder, against, previous)
    print("\n".join(report.lines()))
    raise typer.Exit(3 if report.falls else 0)


@app.command(epilog="Example: bond-eval verify outputs/salford/2020-21-Q2")
def verify(folder: Annotated[Path, typer.Argument(help="Folder of a run.")]) -> None:
    """Check every file of a run against the SHA-256 in its manifest; 1 where one differs."""
    from bond_eval.audit.verify import verify as differences

    named, lines = differences(folder)
    print("\n".join(lines or [f"All {named:,} files are those that the manifest names."]))
    raise typer.Exit(1 if lines else 0)


@app.command(epilog="Example: bond-eval template our-extracts/templates")
def template(folder: Annotated[Path, typer.Argument(help="New or empty folder to write.")]) -> None:
    """Write an empty file of every form that may lie beside a return, and their data dictionary."""
    from bond_eval.intake.templates import write_templates

    names = write_templates(folder)
    print(f"{len(names)} files are in {folder}; README.md says what goes where.")


def _print_accounts(folder: str, kind: str, accounts: pd.DataFrame) -> None:
    total = accounts[["rows_in", "kept", "set_aside"]].sum()
    print(
        f"{folder}{total['rows_in']:,} rows in = {total['kept']:,} kept + {total['set_aside']:,} set aside, "
        f"{len(accounts)} {kind} of {accounts['file'].nunique()} files."
    )


def _beside(path: Path, loaded: Return) -> dict[str, Finance | Register | Measures | Dfe]:
    """What the folders beside a return hold, whatever of it can be read; those that are not there are left out."""
    from bond_eval.intake import dfe, finance, measures, register
    from bond_eval.intake.reference import read_reference

    folder, last = path if path.is_dir() else path.parent, _as_of("", loaded.submissions)
    ids = set(read_reference("measures.csv")["id"])
    found = {
        finance.FOLDER: finance.load_finance(folder / finance.FOLDER, loaded.children, last, strict=False),
        register.FOLDER: register.load_register(
            folder / register.FOLDER, loaded.children, loaded.people, last, strict=False
        ),
        measures.FOLDER: measures.load_measures(folder / measures.FOLDER, ids, last, strict=False),
        dfe.FOLDER: dfe.load_dfe(folder / dfe.FOLDER, strict=False),
    }
    return {name: supplied for name, supplied in found.items() if supplied is not None}


def _load(data: str, authority: str) -> Return:
    from bond_eval.intake.authority import read_authority
    from bond_eval.intake.ssda903 import load_return

    path = find_data(data)
    return load_return(path, read_authority(path if path.is_dir() else path.parent, authority))


def _as_of(quarter: str, submissions: pd.DataFrame) -> dt.date:
    from bond_eval.placements.stitch import check_covered

    if not quarter:
        return submissions["last_day"].max()
    wanted = Quarter.parse(quarter)
    check_covered(submissions, wanted)
    return wanted.end


if __name__ == "__main__":
    main()

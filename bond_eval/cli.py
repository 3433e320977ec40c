"""The command line; its help says what each exit status means, and lists commands in the order of their definition."""

from __future__ import annotations

import datetime as dt
import shlex
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bond_eval.core import SEED, formats
from bond_eval.core.atomic import write_text
from bond_eval.core.complete import Authority, Finding, Only, Synthetic
from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import REFERENCE_RUN, SAMPLE, find_data, short_form
from bond_eval.workbook.locks import interruptible

if TYPE_CHECKING:
    import pandas as pd

    from bond_eval.intake.ssda903 import Return
    from bond_eval.placements.history import History
    from bond_eval.workbook.settings import RunReport

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # Boxes are drawn for eyes at a terminal; a log or a screen reader gets plain lines.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    help="Evaluate a children's programme on an authority's looked-after-children return (SSDA903).",
    epilog="Example: bond-eval init my-authority. Exit status: 0 done, 1 some notebook failed or file differs, 2 usage "
    "or input, 3 the audit found what may not be published, 130 interrupted.",
)
DataArgument = Annotated[str, typer.Argument(help="Folder, folder a year, zip, XML or CSV that holds the return.")]
Internal = Annotated[bool, typer.Option("--internal", help="Show raw values: OFFICIAL-SENSITIVE, never to publish.")]
Force = Annotated[bool, typer.Option("--force", help="Run what is unchanged too.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds that a cell may take.")]
Memory = Annotated[int | None, typer.Option(min=1, help="Megabytes that a notebook may take (Linux).")]


def main() -> None:
    """Run the command line; a problem that a person can mend is one line on stderr and exit status 2."""
    try:
        with interruptible():
            app()
    except InputError as error:
        print(f"bond-eval: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code == 130:  # what typer makes of Ctrl-C
            print("bond-eval: interrupted; what was there before is untouched, what was done is kept.", file=sys.stderr)
        raise


@app.command(epilog="Example: bond-eval init my-authority --name 'My Authority'")
def init(
    folder: Annotated[Path, typer.Argument(help="New or empty folder, named after the authority.")],
    name: Annotated[str, typer.Option(help="The authority as it stands on pages (default: the folder's name).")] = "",
) -> None:
    """Make an authority's folder: settings, forms, what goes where."""
    from bond_eval.intake.start import START, write_start

    write_start(folder, name)
    print(f"The folder is ready: open {folder / START}, which says what to put where.")


@app.command(epilog="Example: bond-eval check extracts/2020-21-Q2 --csv issues.csv")
def check(
    data: DataArgument,
    csv: Annotated[Path | None, typer.Option(help="Also write the report as CSV.")] = None,
    authority: Authority = "authority",
    internal: Internal = False,
) -> None:
    """Report every defect of the files, and the command that is next.

    Values are masked, and children are row numbers. The folders finance, register, measures and dfe beside the return
    are read too, on past a file that cannot be read.
    """
    import pandas as pd

    from bond_eval.core.issues import public
    from bond_eval.intake.beside import read_beside
    from bond_eval.intake.start import unset

    loaded = _load(data, authority)
    reports = [loaded.issues]
    _print_accounts("", "modules", loaded.accounts)
    for folder, supplied in read_beside(find_data(data), loaded).items():
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
    last = Quarter.of(loaded.submissions["last_day"].max())
    told = f"--data {shlex.quote(data)} --authority {authority} --quarter {last}"
    print("\n".join([*unset(find_data(data), authority), f"The files end with {last}. Next: bond-eval run {told}"]))
    if csv:
        write_text(csv, report.to_csv(index=False, lineterminator="\n"))
        print(f"The report is in {csv}.")


@app.command(epilog="Example: bond-eval run --data extracts --authority salford --quarter 2020-21-Q2")
def run(
    data: Annotated[str, typer.Option(help="Folder, zip, file or URL that holds the return.")] = short_form(SAMPLE),
    authority: Authority = "",
    quarter: Annotated[str, typer.Option(help="Financial quarter, such as 2020-21-Q2.")] = "2020-21-Q2",
    out: Annotated[str, typer.Option(help="Folder or URL; the run goes to OUT/AUTHORITY/QUARTER.")] = "outputs",
    only: Only = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks at once.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = SEED,
    internal: Internal = False,
    force: Force = False,
    timeout: Timeout = 900,
    memory: Memory = None,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE of a notebook.")] = None,
) -> None:
    """Make a quarter's pages, tables and findings. What is unchanged is reused."""
    from bond_eval.workbook.parameters import read_pairs
    from bond_eval.workbook.progress import for_terminal
    from bond_eval.workbook.run import run_workbook
    from bond_eval.workbook.settings import RunSettings
    from bond_eval.workbook.store import is_url, joined, lasting, run_at, shown

    if not authority and data != short_form(SAMPLE):
        raise InputError("It is not said whose return this is: add --authority and a short name, such as my-authority.")
    settings = partial(
        RunSettings,
        authority=(authority := authority or "salford"),
        quarter=Quarter.parse(quarter),
        only=tuple(only or ()),
        jobs=jobs,
        audience="internal" if internal else "public",
        seed=seed,
        cell_timeout=timeout,
        memory_mb=memory,
        force=force,
        dials=read_pairs(parameter or ()),
        given=shown(data) if is_url(data) else "",
    )
    progress = for_terminal()
    report = run_at(data, lasting(out), settings, lambda made: run_workbook(made, progress), progress.note)
    _ended(report, f"The site is at {joined(out, authority, report.folder.name, 'index.html')}")


@app.command(epilog="Example: bond-eval publish outputs/salford/2020-21-Q2 --date 2020-11-10")
def publish(
    run: Annotated[Path, typer.Argument(help="Folder of a whole public run.")],
    to: Annotated[Path, typer.Option(help="Releases lie in TO/AUTHORITY/QUARTER.")] = Path("outputs/published"),
    reason: Annotated[str, typer.Option(help="Why this replaces the revision before it.")] = "",
    date: Annotated[str, typer.Option(help="Date on the pages, such as 2020-11-10 (default: today).")] = "",
    incomplete: Annotated[bool, typer.Option("--incomplete", help="Publish though not all of it came out.")] = False,
) -> None:
    """Publish a run as a site that is never changed again. Other content makes a new revision."""
    from bond_eval.workbook.attack import Refused
    from bond_eval.workbook.progress import for_terminal
    from bond_eval.workbook.site import publish_run

    try:
        day = dt.date.fromisoformat(date) if date else None
    except ValueError as error:
        raise InputError(f"--date {date!r} is not a date: write it as 2020-11-10.") from error
    try:
        release = publish_run(run, to, reason, day, incomplete, for_terminal())
    except Refused as refusal:
        print("\n".join(refusal.lines))
        raise typer.Exit(3) from None
    what = "is published" if release.new else "holds the same already; nothing was written"
    print(f"Revision {release.number} {what}: {release.folder / 'index.html'}")


@app.command(epilog="Example: bond-eval compare outputs/salford/2020-21-Q1 outputs/salford/2020-21-Q2 --csv moved.csv")
def compare(
    earlier: Annotated[Path, typer.Argument(help="Folder of the earlier run.")],
    later: Annotated[Path, typer.Argument(help="Folder of the later run.")],
    out: Annotated[Path | None, typer.Option(help="Page to write (default: beside the later run).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write every movement as CSV.")] = None,
) -> None:
    """Show what moved between two runs. It says whether beyond noise, and which changes could explain it."""
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


@app.command(epilog="Example: bond-eval why placement_trends.outside_now --run outputs/salford/2020-21-Q2")
def why(
    finding: Finding,
    run: Annotated[Path, typer.Option(help="Folder of a run.", show_default=short_form(REFERENCE_RUN))] = REFERENCE_RUN,
    every: Annotated[bool, typer.Option("--all", help="Name every test, not the first few.")] = False,
) -> None:
    """Print what a finding rests on, down to its files and tests."""
    from bond_eval.workbook.why import chain, shortened

    for step, text in (list if every else shortened)(chain(run, finding)):
        print(f"{step:10}{text}")


@app.command(epilog="Example: bond-eval audit outputs/salford/2020-21-Q2 --against our-extracts")
def audit(
    folder: Annotated[Path, typer.Argument(help="Folder of a public run or site.")],
    against: Annotated[Path | None, typer.Option(help="The return, to search for its ids, births, postcodes.")] = None,
    previous: Annotated[Path | None, typer.Option(help="Folder of the release before, to compare with.")] = None,
) -> None:
    """Attack a published folder for what it says of children. Exit status 3 where anything falls."""
    from bond_eval.audit import audit as attack

    report = attack(folder, against, previous)
    print("\n".join(report.lines()))
    raise typer.Exit(3 if report.falls else 0)


@app.command(epilog="Example: bond-eval verify outputs/salford/2020-21-Q2")
def verify(folder: Annotated[Path, typer.Argument(help="Folder of a run.")]) -> None:
    """Check every file of a run against its manifest. Exit status 1 where one differs."""
    from bond_eval.audit.verify import verify as differences

    named, lines = differences(folder)
    print("\n".join(lines or [f"All {named:,} files are those that the manifest names."]))
    raise typer.Exit(1 if lines else 0)


@app.command(epilog="Example: bond-eval batch plan.csv --out outputs --jobs 2")
def batch(
    plan: Annotated[str, typer.Argument(help="CSV or YAML: authority, quarter, data [, audience, notebooks, seed].")],
    out: Annotated[str, typer.Option(help="Folder or URL of the runs: OUT/AUTHORITY/QUARTER.")] = "outputs",
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once on this machine.")] = 2,
    scheduler: Annotated[str, typer.Option(help="Run on the Dask cluster at tcp://host:port instead.")] = "",
    retries: Annotated[int, typer.Option(min=0, help="How often a run whose process dies is begun again.")] = 2,
    internal: Internal = False,
    force: Force = False,
    timeout: Timeout = 900,
    memory: Memory = None,
) -> None:
    """Run many quarters and authorities; run again, it resumes. The authorities are laid side by side."""
    from bond_eval.workbook.batch import run_batch
    from bond_eval.workbook.batch_plan import read_plan
    from bond_eval.workbook.progress import for_terminal
    from bond_eval.workbook.region import PAGE
    from bond_eval.workbook.store import exists, joined

    planned = [replace(job, force=force, cell_timeout=timeout, memory_mb=memory) for job in read_plan(plan, internal)]
    report = run_batch(planned, out, jobs, scheduler, for_terminal("Runs"), retries)
    print("\n".join(report.lines()))
    if exists(page := joined(out, PAGE)):
        print(f"The runs are linked from {page}")
    raise typer.Exit(report.exit_status)


@app.command(epilog="Example: bond-eval claims our-cabinet-report.csv --json")
def claims(
    file: Annotated[Path | None, typer.Argument(help="Claims: claim_id, value, formula (default: ours).")] = None,
    facts: Annotated[Path | None, typer.Option(help="Your own facts: name, value.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Work the figures of a report out again, before it is published."""
    from bond_eval.core.places import REFERENCE
    from bond_eval.evidence.claims_lint import lint

    report = lint(file or REFERENCE / "claims.csv", facts)
    print(report.as_json() if as_json else report.as_text())


@app.command(epilog="Example: bond-eval template our-extracts/templates")
def template(folder: Annotated[Path, typer.Argument(help="New or empty folder to write.")]) -> None:
    """Write empty forms for finance, register and measures. With what columns mean; dfe takes the DfE's own files."""
    from bond_eval.intake.templates import write_templates

    print(f"{len(write_templates(folder))} files are in {folder}; README.md says what goes where.")


@app.command(epilog="Example: bond-eval counts data/sample/salford --out daily.csv")
def counts(
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="CSV to write: date, category, children.")],
    quarter: Annotated[str, typer.Option(help="Count to this quarter's end (default: all the data).")] = "",
    authority: Authority = "authority",
    internal: Internal = False,
) -> None:
    """Write children looked after on each day; 1 to 5 as c.

    Days beside each other show single moves: the file is for those who may see the return, not to publish.
    """
    from bond_eval.evidence.gate import MINIMUM
    from bond_eval.placements.counts import daily_counts

    daily = daily_counts(_history(_load(data, authority), quarter)).by_category()
    tidy = daily.rename_axis("date").reset_index().melt("date", var_name="category", value_name="children")
    if not internal:
        tidy["children"] = tidy["children"].astype(object).mask(tidy["children"].between(1, MINIMUM - 1), "c")
    tidy = tidy.sort_values(["date", "category"])
    write_text(out, tidy.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n"))
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
    from bond_eval.placements.export import audit_rows, episode_rows

    if not internal:
        raise InputError("Episodes are rows of children: add --internal, and keep the files where such data may lie.")
    if audit and audit.resolve() == out.resolve():
        raise InputError("--out and --audit name one file: give each its own.")
    history = _history(loaded := _load(data, authority), quarter)
    write_text(out, episode_rows(history, loaded).to_csv(index=False, lineterminator="\n"))
    print(f"{len(history.episodes):,} episodes are in {out} (OFFICIAL-SENSITIVE).")
    if audit:
        write_text(audit, audit_rows(history, loaded).to_csv(index=False, lineterminator="\n"))
        print(f"{len(history.audit):,} changes are in {audit} (OFFICIAL-SENSITIVE).")


@app.command(epilog="Example: bond-eval sample --world null --out null-world")
def sample(
    out: Annotated[Path | None, typer.Option(help="New folder, or a sample (default: data/sample/AUTHORITY).")] = None,
    authority: Synthetic = "salford",
    world: Annotated[str, typer.Option(help="published (Salford's usual), null or effect: the truth planted.")] = "",
    children: Annotated[int | None, typer.Option(min=1, help="About how many are looked after at a time.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic children.")] = SEED,
) -> None:
    """Write a synthetic return that holds no real child. Of Salford, or another authority."""
    from bond_eval.sample import write_sample

    folder = out or SAMPLE.with_name(authority)
    if (authority, world or "published") != ("salford", "published") and folder.resolve() == SAMPLE.resolve():
        raise InputError("The sample itself holds Salford's published world: give --out for any other.")
    try:
        report = write_sample(folder, seed=seed, children=children, world=world, authority=authority)
    except ValueError as error:
        raise InputError(f"{formats.capital(error)}.") from error
    print(f"A synthetic return ({report.world} world, seed {seed}) is in {folder}.")


@app.command(epilog="Example: bond-eval reference")
def reference() -> None:
    """Make outputs/reference anew: what the tests run again."""
    from bond_eval.workbook.reference import write_reference

    _ended(write_reference(), "outputs/reference is written.")


def _ended(report: RunReport, made: str) -> NoReturn:
    """Say what was made, or why nothing was, and end."""
    kept = report.kept()
    print("\n".join(kept) or made, file=sys.stderr if kept else sys.stdout)
    raise typer.Exit(report.exit_status)


def _print_accounts(folder: str, kind: str, accounts: pd.DataFrame) -> None:
    rows, kept, aside = accounts[["rows_in", "kept", "set_aside"]].sum()
    of = f"{len(accounts)} {kind} of {accounts['file'].nunique()} files"
    print(f"{folder}{rows:,} rows in = {kept:,} kept + {aside:,} set aside, {of}.")


def _load(data: str, authority: str) -> Return:
    from bond_eval.intake.authority import read_authority
    from bond_eval.intake.ssda903 import load_return

    path = find_data(data)
    return load_return(path, read_authority(path if path.is_dir() else path.parent, authority))


def _history(loaded: Return, quarter: str) -> History:
    """As of a quarter's end, or of all the data."""
    from bond_eval.placements.history import build_history
    from bond_eval.placements.stitch import check_covered

    if quarter:
        check_covered(loaded.submissions, Quarter.parse(quarter))
    return build_history(loaded, Quarter.parse(quarter).end if quarter else loaded.submissions["last_day"].max())


if __name__ == "__main__":
    main()

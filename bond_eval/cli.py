"""The command line. Every command: 0 done, 1 some notebook failed, 2 usage or input, 130 interrupted."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bond_eval.core.errors import InputError
from bond_eval.core.periods import Quarter
from bond_eval.core.places import SAMPLE, find_data, short_form

if TYPE_CHECKING:
    import pandas as pd

    from bond_eval.intake.ssda903 import Return

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Evaluate a children's programme on an authority's looked-after-children return (SSDA903).",
    epilog="Exit status: 0 done, 1 some notebook failed, 2 usage or input, 130 interrupted.",
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
    """Read the files and report every defect by severity, with values masked and children as row numbers."""
    from bond_eval.core.atomic import write_text
    from bond_eval.core.issues import public

    loaded = _load(data, authority)
    report = loaded.issues if internal else public(loaded.issues)
    accounts = loaded.accounts[["rows_in", "kept", "set_aside"]].sum()
    print(
        f"{accounts['rows_in']:,} rows in = {accounts['kept']:,} kept + {accounts['set_aside']:,} set aside, "
        f"{len(loaded.accounts)} modules of {loaded.accounts['file'].nunique()} files."
    )
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

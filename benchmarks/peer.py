"""cs-demand-model 0.5.1 in an environment of its own: installed here, and run there as a separate process.

Imported by the benchmarks (which never import the peer) and run by the peer's own interpreter, so this file
stands on the standard library alone until `_stock` is called.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PEER = "cs-demand-model==0.5.1"
# It pins pandas below 2 and prpc-python needs a Python that both still support.
PYTHONS = ("python3.11", "python3.10")


def interpreter(work: Path) -> Path:
    """The Python of the peer's environment in `work`, made and filled on first use.

    Raises SystemExit where no Python that the peer supports is there.
    """
    folder = work / "peer"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "installed").exists():
        base = sys.executable if sys.version_info[:2] == (3, 11) else next(filter(shutil.which, PYTHONS), None)
        if base is None:
            raise SystemExit(f"{PEER} needs one of {', '.join(PYTHONS)}: install one and try again.")
        print(f"Installing {PEER} in an environment of its own ...", flush=True)
        subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--only-binary", "pandas,numpy", PEER], check=True
        )
        (folder / "installed").touch()
    return python


def command(python: Path, files: Path, *options: str) -> list[str]:
    """How to run the peer on a folder of returns."""
    return [str(python), str(Path(__file__).resolve()), str(files), *options]


def _main() -> None:
    """Inside the peer's environment: its own documented way from files to daily stock."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files")
    parser.add_argument("--tables", type=Path, help="also write its stock, rows and choice of files into this folder")
    given = parser.parse_args()

    from cs_demand_model import Config, DemandModellingDataContainer, PopulationStats, fs_datastore

    config = Config()
    container = DemandModellingDataContainer(fs_datastore(given.files), config)
    stock = PopulationStats(container.enriched_view, config).stock
    totals = stock.sum(axis=1)
    year_ends = totals[(totals.index.month == 3) & (totals.index.day == 31)]
    print(json.dumps({"year_ends": {str(day.date()): int(count) for day, count in year_ends.items()}}))
    if given.tables:
        _write_tables(given.tables, container, stock)


def _write_tables(folder: Path, container, stock) -> None:
    """What the comparison needs: the stock, the rows it rests on, and which file it took for each calendar year."""
    from cs_demand_model.data.ssda903 import SSDA903TableType

    tidy = stock.stack()
    tidy.index = tidy.index.set_names(["date", "bin"])
    tidy = tidy.rename("children").reset_index()
    tidy["age"], tidy["category"] = tidy["bin"].str[0], tidy["bin"].str[1]
    tidy.drop(columns="bin").to_csv(folder / "stock.csv", index=False)
    rows = container.enriched_view
    rows = rows.assign(age=[age.name for age in rows["age_bin"]], category=[p.name for p in rows["placement_type"]])
    rows[["CHILD", "DECOM", "DEC", "LS", "PLACE", "age", "category"]].to_csv(folder / "rows.csv", index=False)
    episodes = [i for i in container.file_info if i.metadata.table == SSDA903TableType.EPISODES]
    taken: dict[int, str] = {}
    for info in episodes:  # it takes the first that it meets of one calendar year, and says nothing of the others
        taken.setdefault(info.metadata.year, info.name)
    chosen = {"taken": list(taken.values()), "dropped": [i.name for i in episodes if i.name not in taken.values()]}
    (folder / "files.json").write_text(json.dumps(chosen))


if __name__ == "__main__":
    _main()

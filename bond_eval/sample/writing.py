"""Writes a world as a folder of returns, each file whole or not at all."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bond_eval.core import SEED
from bond_eval.core.atomic import write_bytes
from bond_eval.core.errors import InputError

from .dfe import dfe_files
from .dice import Dice
from .faults import Faults, Planted
from .finance import finance_files
from .measures import measure_files
from .modules import Returns, returns
from .register import register_files, register_readme
from .register_lives import truth as register_truth
from .render import csv_bytes, files
from .world import WORLDS, World, build_world

# How a folder that this wrote is known again, by the first lines of its README.md.
OPENING = """# Synthetic looked-after returns

No real child, carer, home or postcode: everything here is drawn at random by `bond-eval sample`
"""
CATEGORY = ("place", "provider", "valid_from", "valid_to", "category", "note")


@dataclass(frozen=True)
class SampleReport:
    """What was written: the world, its size, and every fault planted, in the returns (`planted`) and the register."""

    world: str
    children: int
    planted: tuple[Planted, ...]
    register: tuple[Planted, ...]

    @property
    def issues(self) -> dict[str, int]:
        """How many faults of each kind a reader should meet."""
        return dict(sorted(Counter(planted.kind for planted in self.planted).items()))


def write_sample(
    out: Path, *, seed: int = SEED, children: int | None = None, world: str = "", authority: str = "salford"
) -> SampleReport:
    """Write a synthetic authority's looked-after returns and what it supplies beside them; report what was put in.

    The same authority, seed, size and world give the same bytes. `children` is about how many are looked after at a
    time; size and world are the authority's usual ones where they are not given. Raises ValueError for an unknown
    authority or world or fewer than one child, InputError where the folder cannot be written, or holds anything and
    its README.md does not begin as that of a sample.
    """
    page = out / "README.md"
    ours = page.is_file() and page.read_bytes().startswith(OPENING.encode())
    if out.exists() and not ours and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there and no synthetic sample: name a new folder, so that nothing is overwritten.")
    made = build_world(seed, children, world, authority)
    content, planted, registered = render_world(made)
    # The page comes first: what an interrupted command left is a sample too.
    for name in sorted(content, key=lambda name: name != page.name):
        write_bytes(out / name, content[name])
    if "truth.json" not in content:
        (out / "truth.json").unlink(missing_ok=True)
    return SampleReport(made.name, made.size, tuple(planted), tuple(registered))


def render_world(world: World) -> tuple[dict[str, bytes], list[Planted], list[Planted]]:
    """Every file of a world's folder by relative path, and the faults planted in the returns and in the register."""
    made: Returns = returns(world)
    planted = Faults(world, made).plant()
    content, odd = files(Dice(world.seed, 6), made)
    content["authority.toml"] = world.whose.authority_toml(world.name).encode()
    content["postcodes.csv"] = csv_bytes(("postcode", "authority"), world.postcodes)
    if own := world.whose.categories:
        content["placement_categories.csv"] = csv_bytes(CATEGORY, [[row.get(n, "") for n in CATEGORY] for row in own])
    supplies, more = world.whose.supplies, world.whose.about
    wrong: list[Planted] = []
    if "finance" in supplies:
        content |= finance_files(world)
    if "measures" in supplies:
        content |= measure_files(world)
    if "register" in supplies:
        register, wrong = register_files(world)
        content |= register
        more += register_readme(wrong)
    content["README.md"] = (_readme(world) + more).encode()
    if "dfe" in supplies:
        content |= dfe_files(world)
    if world.name != WORLDS[0]:
        truth = {"world": world.name, "seed": world.seed, "children": world.size, "planted": world.parameters}
        if "register" in supplies:
            truth["register"] = register_truth(world.name)
        content["truth.json"] = (json.dumps(truth, indent=2) + "\n").encode()
    return content, planted + odd, wrong


def _readme(world: World) -> str:
    return (
        f"{OPENING}(world {world.name}, seed {world.seed}, {world.size} children). Some faults are there on purpose.\n"
    )

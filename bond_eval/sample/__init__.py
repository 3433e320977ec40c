"""Synthetic sample data: SSDA903 returns of an authority that looks like Salford, and holds no real child."""

from .world import World, build_world
from .writing import SampleReport, write_sample

__all__ = ["SampleReport", "World", "build_world", "write_sample"]

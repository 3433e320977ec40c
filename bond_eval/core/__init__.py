"""Small frozen types, periods, formats and the one atomic writer. Knows no other room."""

from typing import Literal, get_args

Audience = Literal["public", "internal"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
SEED = 2021  # of everything random, where none is given

"""Made-up postcodes and provider numbers: one postcode to an establishment or carer area."""

from dataclasses import dataclass

from .dice import Dice
from .setting import Setting

FAR = {"op": ("WAL",), "adopt": ("SCO",)}
"""A rare placement in Scotland or Wales: the last of the postcodes outside, for these kinds."""

POOL = {
    "op": (11, 25),
    "ifa": (10, 22),
    "fost": (17, 5),
    "conn": (8, 4),
    "inres": (3, 0),
    "home": (10, 2),
    "adopt": (2, 6),
    "supp": (7, 3),
    "school": (1, 3),
    "secure": (0, 2),
    "pc": (2, 2),
    "health": (2, 1),
    "yoi": (0, 2),
}
"""Postcodes of each kind of placement: inside and outside the authority."""

INSIDE = {"op": 0.27, "ifa": 0.28, "fost": 0.88, "conn": 0.76, "home": 0.92, "supp": 0.7, "adopt": 0.3}
UNLISTED = ("ZZ90 1AA", "ZZ91 2BD", "ZZ92 3EF")
_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
_AGENCIES = 9


@dataclass(frozen=True)
class Site:
    """Where a placement is: its postcode, the provider's number, the authority it lies in."""

    post: str
    urn: str
    authority: str


class Places:
    """All the sites of the synthetic authority."""

    def __init__(self, dice: Dice, whose: Setting) -> None:
        self.own, self.fostering = whose.code, f"SC900{whose.old_code}"
        self.sites: dict[tuple[str, bool], list[Site]] = {}
        number = 0
        agencies = [f"SC98{dice.between(1000, 9999)}" for _ in range(_AGENCIES)]
        for kind, counts in POOL.items():
            for inside, count in zip((True, False), counts, strict=True):
                made = []
                for at in range(count):
                    number += 1
                    urn = self._urn(dice, kind, agencies)
                    lies = self.own if inside else _authority(dice, kind, at == count - 1, whose)
                    made.append(Site(_postcode(number), urn, lies))
                self.sites[kind, inside] = made

    def _urn(self, dice: Dice, kind: str, agencies: list[str]) -> str:
        """A provider's number: the authority's own service, an agency, an establishment, or none."""
        if kind in ("fost", "conn"):
            return self.fostering
        if kind == "ifa":
            return dice.one(agencies)
        if kind in ("home", "supp", "health", "yoi"):
            return ""
        return f"SC97{dice.between(1000, 9999)}"

    def listed(self) -> list[tuple[str, str]]:
        """Every listed postcode with the authority it lies in, in order."""
        return sorted((site.post, site.authority) for sites in self.sites.values() for site in sites)

    def home(self, dice: Dice) -> str:
        """A family's own postcode, inside the authority."""
        return dice.one(self.sites["home", True]).post

    def site(self, dice: Dice, kind: str, home: str, avoid: Site | None) -> Site:
        """A site for a new placement, not the one the child is leaving."""
        if kind == "home" and dice.chance(0.85):
            return Site(home, "", self.own)
        if kind in ("fost", "conn") and dice.chance(0.002):
            return Site(dice.one(UNLISTED), self.fostering, "")
        while True:
            sites = self.sites[kind, dice.chance(INSIDE.get(kind, 0.4))]
            site = dice.one(sites or self.sites[kind, True] or self.sites[kind, False])
            # A kind with a single site cannot avoid it.
            if avoid is None or site.post != avoid.post or sum(POOL[kind]) < 3:
                return site


def _postcode(number: int) -> str:
    district, unit = divmod(number, 9)
    first, second = _LETTERS[number * 7 % 20], _LETTERS[number * 3 % 20]
    return f"ZZ{district + 1} {unit + 1}{first}{second}"


def _authority(dice: Dice, kind: str, last: bool, whose: Setting) -> str:
    return FAR[kind][0] if last and kind in FAR else dice.weighted(whose.lies_in)

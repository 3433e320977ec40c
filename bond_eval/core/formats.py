"""Numbers and dates as a person would write them. Rates and percentages are rounded half-up, as the DfE does."""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal


def half_up(value: float, places: int = 0) -> float:
    """Round half away from zero on the decimal as written (2.675 to two places is 2.68).

    What binary fractions leave behind the ninth place is not of the number: 100 × (14/40 − 9/40) is 12.5.
    """
    quantum = Decimal(1).scaleb(-places)
    return float(Decimal(repr(round(float(value), 9))).quantize(quantum, rounding=ROUND_HALF_UP))


def number(value: float, places: int = 0) -> str:
    """12345.6 -> "12,346"; below nought with a minus and not a hyphen."""
    rounded = half_up(value, places)
    return f"{rounded:,.{places}f}".replace("-", "−") if rounded else f"{0:.{places}f}"


def percent(share: float, places: int = 0) -> str:
    """0.125 -> "13%". `share` is a fraction of 1."""
    return f"{number(share * 100, places)}%"


def money(pounds: float) -> str:
    """Pounds as the reader says them: £640, £2.8m; millions to one place, whole pounds below a million."""
    sign, size = ("−" if pounds < 0 else ""), abs(pounds)
    return f"{sign}£{number(size / 1e6, 1)}m" if size >= 1e6 else f"{sign}£{number(size)}"


def said(thousands: float) -> str:
    """£000 as people say them: -1268 -> "−£1.27m", 90 -> "£90k"."""
    size = abs(half_up(thousands))
    text = f"£{number(size / 1000, 2)}m" if size >= 1000 else f"£{number(size)}k"
    return f"−{text}" if size and thousands < 0 else text


def more(thousands: float) -> str:
    """£000 that something costs beyond something else: 1268 -> "£1.27m more", -90 -> "£90k less"."""
    return f"{said(abs(thousands))} {'less' if thousands < 0 else 'more'}"


def thousands(value: float) -> str:
    """£000 as a finance table shows them, a shortfall in brackets: -606 -> "(606)"."""
    text = number(abs(value))
    return f"({text})" if value < 0 and text != "0" else text


def date(day: dt.date) -> str:
    """31 March 2019."""
    return f"{day.day} {day:%B %Y}"


def month(day: dt.date) -> str:
    """March 2019."""
    return f"{day:%B %Y}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """plural(1, "child", "children") -> "1 child"."""
    return f"{number(count)} {one if count == 1 else (many or one + 's')}"


def listed(items: list[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def capital(text: object) -> str:
    """First letter upper-case, the rest as it is."""
    words = str(text)
    return words[:1].upper() + words[1:]


def lowered(text: str) -> str:
    """First letter lower-case, the rest as it is: to go on within a sentence."""
    return text[:1].lower() + text[1:]


def slug(text: str, joint: str = "-") -> str:
    """Small letters and figures alone, with one `joint` where anything else stood between: "A & B" -> "a-b"."""
    return re.sub(r"[^a-z0-9]+", joint, text.lower()).strip(joint)


def sentence(text: str) -> str:
    """First letter upper-case, one full stop at the end."""
    text = " ".join(text.split())
    return capital(text).rstrip(".") + "."

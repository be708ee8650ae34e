"""Numbers as a reader sees them. Missing numbers read "not estimable", never NaN."""

from __future__ import annotations

import math
import re
from typing import Any

MISSING = "not estimable"
MINUS = "−"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$@])")


def number(value: float | None, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` decimals."""
    if value is None:
        return MISSING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """Return ``value`` with its sign, so that a change reads as a change."""
    if value is None:
        return MISSING
    text = number(value, digits)
    return f"+{text}" if float(f"{value:.{digits}f}") > 0 else text


def interval(pair: list[float] | None, digits: int = 3, sign: bool = False) -> str:
    """Return ``low to high``."""
    if pair is None:
        return MISSING
    form = signed if sign else number
    return f"{form(pair[0], digits)} to {form(pair[1], digits)}"


def count(value: float | None) -> str:
    """Return a whole number with thin spaces between thousands; a mean count keeps one decimal."""
    if value is None:
        return MISSING
    whole = math.isclose(value, round(value), abs_tol=1e-9)
    return (f"{round(value):,}" if whole else f"{value:,.1f}").replace(",", "\u202f")


def percent(value: float | None) -> str:
    """Return a share as per cent."""
    return MISSING if value is None else f"{number(100 * value, 0)}\u202f%"


def seconds(value: float | None) -> str:
    """Return a duration in the unit a person would use."""
    if value is None:
        return MISSING
    if value < 90:
        return f"{value:.1f} s"
    if value < 5400:
        return f"{value / 60:.1f} min"
    return f"{value / 3600:.1f} h"


def quality(value: float | None, metric: str) -> str:
    """Return a quality number: copies are counted, everything else has three decimals."""
    return count(value) if metric in {"exact_copies", "near_copies"} else number(value)


def markdown(value: Any) -> str:  # noqa: ANN401 - anything a template prints
    """Return one line of text that Markdown shows as it is: no tag, no table cell, no emphasis."""
    text = " ".join(str(value).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", text)


def fence(text: str) -> str:
    """Return a code fence longer than any run of backticks in ``text``."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)

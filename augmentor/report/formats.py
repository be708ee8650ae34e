"""Numbers as a reader sees them. Missing numbers read "not estimable", never NaN."""

from __future__ import annotations

import math
import re
from typing import Any

from augmentor.core.points import MINUS, in_points

MISSING = "not estimable"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$@])")


def number(value: float | None, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` decimals."""
    if value is None:
        return MISSING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def points(value: float | None, sign: bool = True) -> str:
    """Return a difference of scores in points, see :func:`augmentor.core.points.in_points`."""
    if value is None:
        return MISSING
    return in_points(value, sign=sign)


def detectable(value: float | None) -> str:
    """Return the smallest visible effect in points; without one no effect of any size would be found."""
    return "none" if value is None else points(value, sign=False)


def tick(value: float) -> str:
    """Return a tick of an axis in points, with as many decimals as it needs."""
    return ("+" if value > 0 else "") + f"{100 * value:.6g}".replace("-", MINUS)


def interval(pair: list[float] | None) -> str:
    """Return ``low to high`` of a score."""
    return MISSING if pair is None else f"{number(pair[0])} to {number(pair[1])}"


def change(pair: list[float] | None) -> str:
    """Return ``low to high`` of a difference of two scores in [0, 1], in points.

    An end beyond what such a difference can be says only that the data do not limit it.
    """
    if pair is None:
        return MISSING
    low = points(pair[0]) if pair[0] >= -1 else f"\u2264 {MINUS}100"
    high = points(pair[1]) if pair[1] <= 1 else "\u2265 +100"
    return f"{low} to {high}"


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


def upper(text: str) -> str:
    """Return ``text`` with a capital first letter; abbreviations keep theirs."""
    return text[:1].upper() + text[1:]


def fence(text: str) -> str:
    """Return a code fence longer than any run of backticks in ``text``."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    return "`" * max(3, longest + 1)

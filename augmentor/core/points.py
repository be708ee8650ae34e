"""How a difference of scores is written: in points, hundredths of the metric."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"


def in_points(value: float, *, sign: bool = True) -> str:
    """Write a score in points; what rounds to zero keeps the digits that show its side of zero.

    Example:
        >>> in_points(0.0142), in_points(0.00004), in_points(0.05, sign=False)
        ('+1.4', '+0.004', '5.0')

    Args:
        value: in units of the metric, so that 0.01 is a point.
        sign: whether a gain has its plus; a loss has its minus in any case.

    Raises:
        ValueError: if the value is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number of points")
    text = f"{100 * value:.1f}"
    if float(text) == 0:
        # The side of zero carries the verdict, so a small bound gets the digits that show it.
        text = f"{100 * value:.2g}" if abs(value) > 1e-12 else "0.0"
    plus = "+" if sign and value > 1e-12 else ""
    return plus + text.replace("-", MINUS)

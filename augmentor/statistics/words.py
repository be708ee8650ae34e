"""How numbers, and what is compared, are named in sentences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """What a comparison is about.

    Attributes:
        name: begins a sentence, e.g. "Synthetic data".
        advice: what to do where it helps, e.g. "Train with synthetic data".
    """

    name: str
    advice: str


@dataclass(frozen=True)
class Named:
    """The two sides of a comparison.

    Attributes:
        arm: the model with synthesis.
        baseline: the one it is compared with.
        metric: in words, e.g. "balanced accuracy".
        subject: what the comparison is about.
    """

    arm: str
    baseline: str
    metric: str
    subject: Subject


def points(value: float, *, sign: bool = True) -> str:
    """Write a score in points: 0.0142 is "+1.4"; a value that rounds to zero is "0.0"."""
    text = f"{100 * value:.1f}"
    if float(text) == 0:
        # The side of zero carries the verdict, so a small bound gets the digits that show it.
        text = f"{100 * value:.2g}" if value else "0.0"
    return f"+{text}" if sign and value > 0 else text

"""How many synthetic samples each class gets.

One function turns a recipe's ``balance`` into counts, and nothing else in the package decides
how balanced an expanded dataset is: a synthesizer is asked for labels.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Literal

from augmentor.core.errors import ConfigError

Balance = Literal["balanced"] | float | dict[str, int]
"""``"balanced"``, a ratio above 0, or the number of synthetic samples by class name."""


def plan(counts: Mapping[str, int], balance: Balance) -> dict[str, int]:
    """Return how many synthetic samples each class gets.

    Args:
        counts: real training samples by class, in label order.
        balance: ``"balanced"`` brings every class up to the largest one. A ratio r > 0 brings every
            class up to ``ceil(r * largest)``: below 1 a partial balance, above 1 every class
            grows, the largest too. A mapping gives exactly that many synthetic samples to the
            classes it names and none to the others.

    Returns:
        Synthetic samples by class, for every class of ``counts`` in the same order, never
        negative: a class that has enough already gets 0.

    Raises:
        ConfigError: if a class is unknown, a number is negative or not whole, or a ratio is not
            a number above 0.

    Example:
        >>> plan({"normal": 60, "pneumonia": 540}, "balanced")
        {'normal': 480, 'pneumonia': 0}
        >>> plan({"normal": 60, "pneumonia": 540}, 0.5)
        {'normal': 210, 'pneumonia': 0}
    """
    if isinstance(balance, Mapping):
        return {name: _asked(counts, balance).get(name, 0) for name in counts}
    largest = max(counts.values(), default=0)
    target = largest if balance == "balanced" else math.ceil(_ratio(balance) * largest - 1e-9)
    return {name: max(0, target - n) for name, n in counts.items()}


def candidates(asked: Mapping[str, int], oversampling: float, minimum: int) -> dict[str, int]:
    """Return how many samples to generate by class, before the filters.

    Args:
        asked: what :func:`plan` returned.
        oversampling: candidates generated for each planned sample, at least 1; the filters need
            something to choose from.
        minimum: floor for every class, planned or not. The ``synthetic_only`` arm and the
            measurements need samples of every class, also of one that needs no more.

    Raises:
        ConfigError: if ``oversampling`` is below 1 or ``minimum`` is negative.
    """
    if not math.isfinite(oversampling) or oversampling < 1:
        raise ConfigError(
            f"oversampling is the number of candidates per sample, at least 1; got {oversampling}"
        )
    if minimum < 0:
        raise ConfigError(f"the floor of candidates per class cannot be negative, got {minimum}")
    # A little under the product, so that 1.1 * 10 = 11.000000000000002 asks for 11.
    return {name: max(minimum, math.ceil(oversampling * n - 1e-9)) for name, n in asked.items()}


def _ratio(balance: object) -> float:
    if isinstance(balance, bool) or not isinstance(balance, int | float):
        raise ConfigError(
            f"balance must be 'balanced', a ratio above 0 or samples by class ({{class: n}}), got {balance!r}"
        )
    if not math.isfinite(balance) or balance <= 0:
        raise ConfigError(f"a balance ratio must be above 0 (1 is the same as 'balanced'), got {balance!r}")
    return float(balance)


def _asked(counts: Mapping[str, int], balance: Mapping[str, int]) -> Mapping[str, int]:
    for name, n in balance.items():
        if name not in counts:
            near = difflib.get_close_matches(str(name), list(counts), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"the classes are {', '.join(counts)}"
            raise ConfigError(f"balance names the class {name!r}, which the data do not have; {hint}")
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise ConfigError(f"balance of {name!r} must be a whole number from 0 up, got {n!r}")
    return balance

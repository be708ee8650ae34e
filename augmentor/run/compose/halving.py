"""Successive halving of candidates (Jamieson and Talwalkar 2016, algorithm 1), whatever tries them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from augmentor.core.errors import ConfigError
from augmentor.core.facts.training import Attempt
from augmentor.run.candidates import rungs_of


@dataclass(frozen=True)
class Tried:
    """One candidate on one rung.

    Attributes:
        rung: from 1; 0 for one that was refused before.
        candidate: its name.
        images: real images shown to its critic.
        scores: on the validation part, one per seed, in [0, 1]; empty where it failed.
        reason: why it failed, else empty.
    """

    rung: int
    candidate: str
    images: int
    scores: tuple[float, ...] = ()
    reason: str = ""

    @property
    def mean(self) -> float:
        """Mean score over the seeds."""
        return statistics.fmean(self.scores)

    @property
    def standard_error(self) -> float | None:
        """Of that mean, over the seeds of the classifier alone; None of fewer than two."""
        n = len(self.scores)
        return statistics.stdev(self.scores) / n**0.5 if n > 1 else None

    def with_outcome(self, outcome: str) -> Attempt:
        """Return the facts of this attempt with its outcome."""
        return Attempt(
            rung=self.rung,
            candidate=self.candidate,
            images=self.images,
            mean=self.mean if self.scores else None,
            standard_error=self.standard_error,
            outcome=outcome,
            reason=self.reason,
        )


def halve(
    names: Sequence[str], attempt: Callable[[str, int], Tried], refused: Sequence[Tried] = ()
) -> tuple[str, list[Tried], list[Attempt]]:
    """Return the best of ``names`` by successive halving, every attempt, and the outcome of each.

    Args:
        names: candidates in the order of the recipe, in which of equals the first goes on.
        attempt: tries a name on a rung, counted from 1; a failure is an attempt without scores.
        refused: candidates that cannot be tried.

    Raises:
        ConfigError: if no attempt came to a score.
    """
    left, reserve = list(names), list[Tried]()
    tried, rows = list[Tried](), [one.with_outcome("refused") for one in refused]
    rungs = rungs_of(len(names))
    for rung in range(1, rungs + 1):
        here = [attempt(name, rung) for name in left]
        tried += here
        ranked = sorted((one for one in here if one.scores), key=lambda one: -one.mean)  # stable
        best = {one.candidate for one in ranked[: -(-len(left) // 2)]}
        # Where all that went on fail later, the best of those dropped before is still a generator.
        reserve = [one for one in ranked if one.candidate not in best] + reserve
        left = [name for name in left if name in best] or [one.candidate for one in reserve[:1]]
        final = rung == rungs or len(left) < 2
        for one in here:
            went = "chosen" if final else "went on"
            outcome = "failed" if one.reason else went if one.candidate in best else "dropped"
            rows.append(one.with_outcome(outcome))
        if final:
            break
    if not left:
        reasons = "; ".join(f"{one.candidate}: {one.reason}" for one in [*refused, *tried] if one.reason)
        raise ConfigError(
            f"none of the recipe's {len(names) + len(refused)} generators could be tried ({reasons}); name "
            "others in candidates, or set candidates to [] and fix synthesizer"
        )
    return left[0], tried, rows

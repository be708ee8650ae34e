"""What a finished run came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from augmentor.core.errors import AugmentorError


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: the run folder.
        sentence: the verdict in one sentence.
        reused: the steps taken from earlier runs.
        seconds: wall-clock seconds of this run.
        advice: what to train with, by the validation part alone.
        further: the verdict of every further model, and whether all agree.
    """

    folder: Path
    sentence: str
    reused: tuple[str, ...]
    seconds: float
    advice: str = ""
    further: tuple[str, ...] = ()


class NotPublished(AugmentorError):  # noqa: N818 - reads as the sentence it reports
    """A run that finished but broke a guard rail of its recipe; its outputs are kept.

    Attributes:
        outcome: the finished run.
        reasons: a sentence for each rail.
    """

    exit_code = 3

    def __init__(self, outcome: Outcome, reasons: tuple[str, ...]) -> None:
        super().__init__(
            f"not published: {'; '.join(reasons)}. The run is kept in {outcome.folder}; the dataset "
            "published before stays in place. Look at the report, then change the recipe, its guard, or "
            "the data"
        )
        self.outcome, self.reasons = outcome, reasons

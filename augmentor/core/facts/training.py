"""Facts of what is trained before the evaluation: judge, choice of the generator, generator."""

from __future__ import annotations

from typing import Any

from augmentor.core.facts.base import Facts


class JudgeFacts(Facts):
    """The cross-fitted task classifier.

    Attributes:
        networks: how many there are; each fold of the training part is judged by the one that did not see it.
        held_out: held-out samples that it compares with.
    """

    networks: int
    held_out: int


class Attempt(Facts):
    """What one candidate came to on one rung of successive halving.

    Attributes:
        rung: from 1; 0 for a candidate that was refused before.
        candidate: its name.
        images: real images shown to its critic.
        mean: mean validation score over the seeds; None where it failed.
        standard_error: of that mean, over the seeds of the classifier alone; None of fewer than two.
        outcome: "chosen", "went on", "dropped", "failed" or "refused".
        reason: why it failed, else empty.
    """

    rung: int
    candidate: str
    images: int
    mean: float | None
    standard_error: float | None
    outcome: str
    reason: str


class ChooseFacts(Facts):
    """Which of the recipe's generators is trained in full.

    Attributes:
        chosen: its name.
        arm: the arm that candidates were scored in.
        share: synthetic share of a batch in that arm.
        images: real images that the whole training shows.
        sentence: for a reader of the report.
        tried: every attempt, in order.
    """

    chosen: str
    arm: str
    share: float
    images: int
    sentence: str
    tried: tuple[Attempt, ...]


class ScoreFacts(Facts):
    """Validation scores of one share of synthetic rows, one score per seed."""

    share: float
    scores: tuple[float, ...]


class TrialFacts(Facts):
    """Validation scores at every share that was tried."""

    tried: tuple[ScoreFacts, ...]


class TrainFacts(Facts):
    """The training of the generator.

    Attributes:
        history: a row per stretch of training, losses and checkpoint scores by name.
        chosen_checkpoint: the checkpoint that the weights are from: images, step and scores.
    """

    history: tuple[dict[str, Any], ...]
    chosen_checkpoint: dict[str, Any]

    @property
    def training_samples_held(self) -> int:
        """How many training samples the generator's own files hold: 0 for networks alone."""
        return int(self.chosen_checkpoint.get("training_samples_held", 0))

    @property
    def training_data_warning(self) -> tuple[str, ...]:
        """What readers of a report and of a model card must know of training samples in a file."""
        if not self.training_samples_held:
            return ()
        return (
            f"The generator's file holds {self.training_samples_held} training samples, from which its "
            "synthetic ones start: whoever gets the file gets them. Synthetic samples are changed training "
            "samples of richer classes.",
        )

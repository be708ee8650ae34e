"""Facts of the evaluation, of one split and of several folds."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from augmentor.core.facts.base import Facts
from augmentor.core.facts.quality import MissingNumber

ONE_GENERATOR = (
    "The answer is conditional on one GAN: all seeds share it, so the interval covers training the "
    "classifier again and other test cases, not training the generator again."
)
MANY_GENERATORS = (
    "Verdict and answers are over all folds, each with a generator of its own: they hold for these data, "
    "trained on as here, and do not cover other data in their place. Arms, classes, samples and copies are "
    "shown for the first fold, and their intervals are conditional on its one GAN."
)


DELTAS: Final = {
    "best_without": "delta",
    "control": "delta_control",
    "fixed": "delta_fixed",
    "hindsight": "delta_hindsight",
}
"""What a synthetic arm is held against, and what the change is called in the results, where its ends have
"_low" and "_high" behind it. In order: the arm without synthesis that is best on the validation part, the
arm's own control, the arm that was fixed beforehand, the arm without synthesis that is best on the test
part."""


class VerdictFacts(Facts):
    """The verdict in words.

    Attributes:
        word: helps, hurts, equivalent or inconclusive.
        arm: the synthetic arm that was judged.
        baseline: the arm without synthesis that it was compared with.
        sentence: the verdict in plain words.
        reason: what the word rests on, see :class:`augmentor.statistics.paired_verdict.PairedVerdict`.
        about: whether the arm has synthetic samples, "synthetic_rows", or the critic's start alone,
            "critic_start".
        against: the arms that it was held against, by role, a key of :data:`DELTAS`.
        beside: the gain over a fixed baseline and over the best in hindsight, in a sentence.
    """

    word: str
    arm: str
    baseline: str
    sentence: str
    reason: str = ""
    about: str = "synthetic_rows"
    against: dict[str, str] = Field(default_factory=dict)
    beside: str = ""


class AnswerFacts(Facts):
    """One question, answered apart; see :class:`augmentor.experiment.answers.Answer`."""

    question: Literal["synthetic_rows", "critic_start"]
    asked: str
    sentence: str
    word: str | None = None
    reason: str = ""
    arm: str | None = None
    control: str | None = None


class RecommendationFacts(Facts):
    """What to train with by the validation part alone; see :mod:`augmentor.statistics.advice`."""

    use: bool
    arm: str
    gain: float
    standard_error: float
    sentence: str


class FitCounts(Facts):
    """Fits that were trained, and fits that an earlier evaluation had left."""

    trained: int
    reused: int


class ArmFacts(Facts):
    """What a reader needs to know of an arm: its title, what it is, and whether it has synthetic rows."""

    title: str
    description: str = ""
    synthetic: bool = False


class DecisionFacts(Facts):
    """How an arm chooses a class; see :class:`augmentor.downstream.decision.DecisionRule`."""

    strength: float
    how: str


class ModelFacts(Facts):
    """What every arm trained.

    Attributes:
        name: of the model in results, where there are several; no two of a run have one.
        label: what it is.
        files: SHA-256 of the files that decide what it is, by their names.
        pretrained: whether it began with weights from elsewhere; None where nobody said.
        pretrained_on: what those were trained on, in the user's words.
        input: what it was given of a sample, in words; "" for samples as they are.
    """

    name: str
    label: str
    files: dict[str, str] = Field(default_factory=dict)
    pretrained: bool | None = False
    pretrained_on: str = ""
    input: str = ""


class EvaluateFacts(Facts):
    """What an evaluation found, besides its numbers.

    Attributes:
        model: what every arm trained; None in runs of earlier versions.
        primary_metric: what choices and the verdict are made by.
        verdict: of this split.
        recommendation: by the validation part alone.
        share: synthetic share of the judged arm; None where it has none.
        share_of: the share of each mixing arm.
        share_by: "validation" where shares were chosen, "recipe" where they were given.
        share_seeds: fits that each choice of a share was averaged over; 0 where it was given.
        left_out: classes without synthetic rows in the arm that leaves harmful classes out of the best
            mixing arm; None without that arm.
        seeds: numbers of the seed column.
        classifier_seeds: the seeds that they stand for.
        answers: two questions, answered apart.
        specificity: at which sensitivities are shown; None where none are.
        classifier: what every arm trained.
        arms: what each arm of the recipe is, by name.
        resolved_to: for each arm that was derived on the validation part, the name of the arm it came to be.
        versions: for each class, how many augmented versions of each of its training rows there are, the
            untouched one included.
        tried: for each arm, how many settings of its own were tried on the validation part; 1 where it has
            nothing to choose.
        decisions: for each arm, how it chooses a class; empty where the metric does not ask for classes, or
            all are equally frequent in the training part.
        controls: for each synthetic arm, the arm that differs from it in synthesis alone.
        skipped: for each arm that was left out, why.
        not_estimable_arms: numbers of arms without a value, and why.
        notes: what a reader must know.
        limits: what the numbers do not say.
        predictions: name of the file of predictions.
        fits: how many were trained and reused.
    """

    primary_metric: str
    verdict: VerdictFacts
    recommendation: RecommendationFacts
    share: float | None = None
    share_of: dict[str, float] = Field(default_factory=dict)
    share_by: str = "recipe"
    share_seeds: int = 0
    left_out: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = ()
    classifier_seeds: tuple[int, ...] = ()
    answers: tuple[AnswerFacts, ...] = ()
    specificity: float | None = None
    classifier: str = ""
    model: ModelFacts | None = None
    arms: dict[str, ArmFacts] = Field(default_factory=dict)
    resolved_to: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, int] = Field(default_factory=dict)
    tried: dict[str, int] = Field(default_factory=dict)
    decisions: dict[str, DecisionFacts] = Field(default_factory=dict)
    controls: dict[str, str] = Field(default_factory=dict)
    skipped: dict[str, str] = Field(default_factory=dict)
    not_estimable_arms: tuple[MissingNumber, ...] = ()
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    predictions: str = ""
    fits: FitCounts = FitCounts(trained=0, reused=0)


class FoldFacts(Facts):
    """What one fold came to, every choice made on its own validation part.

    Attributes:
        arm: the synthetic arm that was chosen.
        baseline: the arm without synthesis that was chosen.
        control: the arm that differs from the first in synthesis alone, None where it was not trained.
        before: the baseline's mean score on the fold's test part.
        after: the arm's.
        n_train: training cases.
        n_test: test cases.
        split_seed: decides the validation part.
        training_seed: of generator and classifiers.
        generator: the generator that the fold chose, where it had a choice.
    """

    arm: str
    baseline: str
    control: str | None
    before: float
    after: float
    n_train: int
    n_test: int
    split_seed: int
    training_seed: int
    generator: str | None = None


class FoldsFacts(Facts):
    """The answer over all folds: every case was tested once.

    Attributes:
        folds: each fold's answer.
        word: the verdict's.
        reason: what the word rests on, see :class:`augmentor.statistics.paired_verdict.PairedVerdict`.
        sentence: the verdict's.
        answers: the two questions, answered over all folds.
        n_test: test cases of all folds together.
    """

    folds: tuple[FoldFacts, ...]
    word: str
    reason: str
    sentence: str
    answers: tuple[AnswerFacts, ...]
    n_test: int

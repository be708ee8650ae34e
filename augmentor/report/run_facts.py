"""The facts of a whole run: what its steps said, and how it was made. A report is made of these and results.

It is in this room because the report reads it; :mod:`augmentor.run` puts it together.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from augmentor.core.facts.base import Facts
from augmentor.core.facts.evaluation import (
    MANY_GENERATORS,
    ONE_GENERATOR,
    EvaluateFacts,
    FoldsFacts,
    ModelFacts,
    VerdictFacts,
)
from augmentor.core.facts.quality import MeasureFacts, MissingNumber, WarningFacts
from augmentor.core.facts.samples import FilterFacts, LabelMinimumFacts, LoadFacts, SampleFacts, Skipped
from augmentor.core.facts.training import ChooseFacts, JudgeFacts, TrainFacts
from augmentor.statistics.agreement import agreement


class FurtherModel(Facts):
    """The answer of one more model in the same run."""

    evaluate: EvaluateFacts
    folds: FoldsFacts | None = None


class RunFacts(Facts):
    """What every step said, whole, and how the run came about.

    Attributes:
        load: the data.
        evaluate: the evaluation.
        measure: fidelity, diversity and copies.
        judge: the judge.
        choose: the choice of the generator; None where the recipe names one.
        train: the generator's training; None where the samples were made elsewhere.
        sample: the candidates.
        label_minimum: the label filter's minimum, where one was chosen.
        filter: what was kept.
        copies_of_test: the look for copies of test cases; None where the samples were made here.
        folds: the answer over all folds, where the data are divided into folds.
        further_models: the answers of models beside the first.
        other: facts of further steps, as JSON by the step's name.
        recipe: as it was run, as JSON.
        origin_notes: what a reader must know first, of how this run came about.
        closing_notes: what a reader must know last, of how its numbers may be used.
        seconds: what each step took when it was done, by this run or an earlier one.
        device: what the networks trained on.
        versions: of the packages that decide results.
        digests: of the recipe, and the key of each step.
    """

    load: LoadFacts
    evaluate: EvaluateFacts
    measure: MeasureFacts = MeasureFacts()
    judge: JudgeFacts | None = None
    choose: ChooseFacts | None = None
    train: TrainFacts | None = None
    sample: SampleFacts | None = None
    label_minimum: LabelMinimumFacts | None = None
    filter: FilterFacts | None = None
    copies_of_test: WarningFacts | None = None
    folds: FoldsFacts | None = None
    further_models: tuple[FurtherModel, ...] = ()
    other: dict[str, dict[str, Any]] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    origin_notes: tuple[str, ...] = ()
    closing_notes: tuple[str, ...] = ()
    seconds: dict[str, float] = Field(default_factory=dict)
    device: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    digests: dict[str, str] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the data are called, for people."""
        return self.load.title or self.load.dataset

    @property
    def licence(self) -> str:
        """Of the data, as their card says; empty where nobody said."""
        return str((self.load.card or {}).get("licence", ""))

    @property
    def verdict(self) -> VerdictFacts:
        """The verdict of the run: over all folds where there are several."""
        verdict = self.evaluate.verdict
        if self.folds is None:
            return verdict
        return verdict.model_copy(
            update={"word": self.folds.word, "reason": self.folds.reason, "sentence": self.folds.sentence}
        )

    def of_model(self, number: int) -> RunFacts:
        """Return the facts as if the model of that number, counted from 0, were the only one."""
        if not number:
            return self.model_copy(update={"further_models": ()})
        one = self.further_models[number - 1]
        return self.model_copy(update={"evaluate": one.evaluate, "folds": one.folds, "further_models": ()})

    @property
    def models(self) -> list[ModelFacts]:
        """What was trained, the first model first; none in runs of earlier versions."""
        every = [self.evaluate, *(one.evaluate for one in self.further_models)]
        return [one.model for one in every if one.model is not None]

    @property
    def further_sentences(self) -> tuple[str, ...]:
        """The verdict of each further model, and a last sentence on whether all agree."""
        every = [self.of_model(number) for number in range(1 + len(self.further_models))]
        named = {one.evaluate.model.name: one.verdict for one in every if one.evaluate.model}
        if len(named) < 2:
            return ()
        said = [f"{name}: {found.sentence}" for name, found in named.items()]
        return (*said[1:], agreement({name: found.word for name, found in named.items()}))

    @property
    def notes(self) -> list[str]:
        """What a reader must know, in the order in which things happened."""
        sampled = self.sample.notes if self.sample else ()
        return [*self.origin_notes, *self.load.notes, *sampled, *self.evaluate.notes, *self.closing_notes]

    @property
    def limits(self) -> list[str]:
        """What the numbers do not say."""
        evaluated = list(self.evaluate.limits)
        if self.folds:
            evaluated = [MANY_GENERATORS, *(text for text in evaluated if text != ONE_GENERATOR)]
        return [
            *(self.sample.limits if self.sample else ()),
            *evaluated,
            *(self.copies_of_test.warnings if self.copies_of_test else ()),
            *self.measure.limits,
            *(self.train.training_data_warning if self.train else ()),
        ]

    @property
    def skipped(self) -> list[Skipped]:
        """Files that could not be used, real ones first."""
        return [*self.load.skipped, *(self.sample.skipped if self.sample else ())]

    @property
    def not_estimable(self) -> list[MissingNumber]:
        """Numbers without a value, and why."""
        return [*self.measure.not_estimable, *self.evaluate.not_estimable_arms]

"""What the steps of one run work with: its recipe, cache, device, progress, and what is done already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from augmentor.core.errors import DataError
from augmentor.core.facts.samples import LabelMinimumFacts
from augmentor.core.facts.training import ChooseFacts
from augmentor.core.files import sha256_file, sha256_json
from augmentor.core.progress import Progress
from augmentor.data.cards import Card
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.values import Workers
from augmentor.quality.filters_spec import FiltersSpec
from augmentor.run.completed import CompletedSteps
from augmentor.run.engine import Engine
from augmentor.run.forbidden_augmentations import evaluation_without, synthesizer_without
from augmentor.run.recipe import Recipe
from augmentor.store.cache import StepCache, tree_digest
from augmentor.store.test_access import read_access_log
from augmentor.synthesizers.method_spec import MethodSpec

if TYPE_CHECKING:
    from augmentor.quality.judge import TaskJudge


@dataclass
class RunContext:
    """One recipe over one cache.

    Attributes:
        recipe: what to do.
        cache: where the outputs of finished steps lie.
        device: "cpu", "cuda" or "mps"; already resolved.
        progress: receives messages on how far the work is.
        engine: what spreads the fits, and holds a slot on the device.
        completed: the outputs of the steps done so far.
    """

    recipe: Recipe
    cache: StepCache
    device: str
    progress: Progress
    engine: Engine = field(default_factory=Engine)
    completed: CompletedSteps = field(default_factory=CompletedSteps)

    def with_recipe(self, recipe: Recipe, completed: Iterable[str] = ()) -> RunContext:
        """Return a context for another recipe that starts with the outputs of the steps ``completed``."""
        return RunContext(
            recipe, self.cache, self.device, self.progress, self.engine, self.completed.only(completed)
        )

    def workers(self, folder: Path) -> Workers:
        """Return what fits are run on, with their files in ``folder``."""
        return Workers(folder, self.recipe.execution.processes, self.engine.mapper, self.progress)

    @property
    def seed(self) -> int:
        """The seed that all of the run's seeds derive from."""
        return self.recipe.training.seed

    @property
    def dataset(self) -> str:
        """The dataset's name or path.

        Raises:
            DataError: if the recipe names none.
        """
        if self.recipe.dataset is None:
            raise DataError(f"recipe {self.recipe.name} names no dataset; say which with --data PATH")
        return self.recipe.dataset

    @property
    def data(self) -> Path | None:
        """Where the bytes lie, if not where the dataset's card says."""
        return None if self.recipe.data is None else Path(self.recipe.data)

    @cached_property
    def source_digest(self) -> str:
        """Hash of the bytes that the data come from, as they were when it was first asked for."""
        return self.digest_source()

    def digest_source(self) -> str:
        """Return the hash of the bytes that the data come from, as they are now.

        Of a table that names pictures it is that of the table and of every file it names.
        """
        from augmentor.data.load import named_files, source_path

        path = source_path(self.dataset, data=self.data)
        if path is None:
            return "embedded"
        files = named_files(path, self.card, self.recipe.columns)
        if files is None:
            return tree_digest(path)
        return sha256_json([sha256_file(path), *([name, sha256_file(file)] for name, file in files)])

    @cached_property
    def card(self) -> Card | None:
        """The dataset's card, None without one."""
        from augmentor.data.load import find_card

        return find_card(self.dataset)

    @property
    def card_digest(self) -> str | None:
        """Hash of what the dataset's card says, None without one."""
        return None if self.card is None else sha256_json(self.card.model_dump(mode="json"))

    @property
    def evaluation(self) -> EvaluationSpec:
        """The recipe's evaluation without the augmentations that the card forbids."""
        return evaluation_without(self.recipe.evaluation, self.card.avoid if self.card else ())

    @property
    def synthesizer(self) -> MethodSpec:
        """The recipe's synthesizer, or the one chosen, without the augmentations that the card forbids."""
        spec = self.recipe.synthesizer
        if "choose" in self.completed:
            spec = self.recipe.generators[self.completed.facts("choose", ChooseFacts).chosen]
        return self.permitted(spec)

    def permitted(self, spec: MethodSpec) -> MethodSpec:
        """Return ``spec`` without the augmentations that the card forbids."""
        return synthesizer_without(spec, self.card.avoid if self.card else ())

    @property
    def filters(self) -> FiltersSpec:
        """The recipe's filters, with the label filter's minimum that was chosen, where one was."""
        spec = self.recipe.filters
        if "label_minimum" in self.completed:
            return spec.at(self.completed.facts("label_minimum", LabelMinimumFacts).minimum)
        return spec

    @property
    def access_log(self) -> dict[str, str]:
        """When each evaluation read this test part, by the key of the evaluation."""
        return read_access_log(self.cache.root, self.completed.parts["test"].digest)

    def load_judge(self) -> TaskJudge:
        """Return the judge of this run, with the parts that it was fitted on."""
        from augmentor.quality.judge import TaskJudge

        parts = self.completed.parts
        return TaskJudge.load(
            self.completed.folder("judge"), train=parts["train"], held_out=parts["validation"]
        )

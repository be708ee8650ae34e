"""What a run is made from and what its finished steps left: everything that is read and not worked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.errors import DataError
from augmentor.core.persist import read_samples, read_synthetic
from augmentor.core.progress import Progress
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.spec import EvaluationSpec
from augmentor.run.compose.folds import STEP
from augmentor.run.engine import Engine
from augmentor.run.forbidden_augmentations import evaluation_without, synthesizer_without
from augmentor.run.recipe import Recipe
from augmentor.store.cache import StepCache, StepOutput, tree_digest
from augmentor.store.seen_rows import SEEN_ROWS
from augmentor.store.test_access import read_access_log
from augmentor.synthesizers.method_spec import MethodSpec

if TYPE_CHECKING:
    from augmentor.quality.judge import TaskJudge
    from augmentor.synthesizers.critic import KeptCritic

CRITIC = "critic"
"""Folder beside the generator's files that the critic is kept in."""


@dataclass
class Found:
    """One recipe over one cache, and what its steps have left there.

    Attributes:
        recipe: what to do.
        cache: where finished steps are kept.
        device: "cpu", "cuda" or "mps"; already resolved.
        progress: told where the work stands.
        done: the steps finished so far, in order.
        engine: what spreads the fits and gives turns on the device.
    """

    recipe: Recipe
    cache: StepCache
    device: str
    progress: Progress
    done: dict[str, StepOutput] = field(default_factory=dict)
    engine: Engine = field(default_factory=Engine, kw_only=True)

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict of the run: over all outer splits where there are several."""
        verdict: dict[str, Any] = self.words("evaluate")["verdict"]
        if STEP in self.done:
            outer = self.words(STEP)
            return {**verdict, "word": outer["word"], "sentence": outer["sentence"]}
        return verdict

    @property
    def foreign(self) -> bool:
        """Whether the synthetic samples are read instead of made."""
        return False

    @property
    def name(self) -> str:
        """Names the folder of the runs."""
        return self.recipe.name

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe as it was run, as JSON."""
        return self.recipe.model_dump(mode="json")

    @property
    def notes(self) -> list[str]:
        """What a reader must know of how this run came about; a kind of run may have something to say."""
        return []

    def leave(self, folder: Path) -> None:
        """Write into the run folder what only this kind of run has."""

    @property
    def seed(self) -> int:
        """The seed that all of the run's seeds derive from."""
        return self.recipe.training.seed

    @cached_property
    def source_digest(self) -> str:
        """Hash of the bytes the data comes from."""
        from augmentor.data.load import source_path

        path = source_path(self._dataset, data=self._data)
        return tree_digest(path) if path is not None else "embedded"

    @cached_property
    def avoid(self) -> tuple[str, ...]:
        """Augmentations that would change what a label means, as the dataset's card says."""
        from augmentor.data.load import find_card

        card = find_card(self._dataset)
        return tuple(card.avoid) if card else ()

    @property
    def evaluation_spec(self) -> EvaluationSpec:
        """The recipe's evaluation without the augmentations that the card avoids."""
        return evaluation_without(self.recipe.evaluation, self.avoid)

    @property
    def synthesizer_spec(self) -> MethodSpec:
        """The recipe's synthesizer, or the one chosen, without the augmentations that the card avoids."""
        spec = self.recipe.synthesizer
        if self.recipe.chooses:
            spec = self.recipe.generators[self.words("choose")["chosen"]]
        return synthesizer_without(spec, self.avoid)

    @property
    def parts(self) -> dict[str, Samples]:
        """The training, validation and test parts."""
        folder = self.done["load"].folder
        return {name: read_samples(folder / name) for name in ("train", "validation", "test")}

    @property
    def synthetic(self) -> SyntheticSet:
        """The filtered synthetic set, rejects included."""
        return read_synthetic(self.done["filter"].folder / "synthetic")

    @property
    def critic(self) -> KeptCritic | None:
        """The critic that the training left, None where it left none."""
        from augmentor.synthesizers.critic import KeptCritic

        folder = self.done["train"].folder / CRITIC if "train" in self.done else None
        return KeptCritic.load(folder) if folder is not None and folder.is_dir() else None

    @property
    def traversals(self) -> tuple[Samples, list[dict[str, Any]]] | None:
        """Samples along the generator's codes and what each row of them is; None without codes."""
        folder = self.done["sample"].folder / "traversals"
        if not folder.is_dir():
            return None
        rows: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        return read_samples(folder), rows

    @property
    def results(self) -> Results:
        """Every measured number of the run."""
        counts = Results.read(self.done["filter"].folder / "results.parquet")
        quality = Results.read(self.done["measure"].folder / "results.parquet")
        found = counts.joined(quality)
        for step in ("evaluate", STEP, "choose"):
            if step in self.done:
                found = found.joined(Results.read(self.done[step].folder / "results.parquet"))
        return found

    @property
    def seen_rows(self) -> dict[str, dict[str, list[str]]]:
        """For every step that learns, the digests of the rows it was given, by part."""
        files = {step: kept.folder / SEEN_ROWS for step, kept in self.done.items()}
        return {
            step: json.loads(path.read_text(encoding="utf-8"))
            for step, path in files.items()
            if path.is_file()
        }

    @property
    def access_log(self) -> dict[str, str]:
        """When each evaluation read this test part, by the key of the evaluation."""
        return read_access_log(self.cache.root, self.parts["test"].digest)

    def load_judge(self, parts: Mapping[str, Samples]) -> TaskJudge:
        """Return the judge of this run beside the ``parts`` it was fitted on."""
        from augmentor.quality.judge import TaskJudge

        return TaskJudge.load(self.done["judge"].folder, train=parts["train"], held_out=parts["validation"])

    def words(self, step: str) -> dict[str, Any]:
        """Return the facts that ``step`` left beside its numbers."""
        text = (self.done[step].folder / "facts.json").read_text(encoding="utf-8")
        facts: dict[str, Any] = json.loads(text)
        return facts

    @property
    def _dataset(self) -> str:
        if self.recipe.dataset is None:
            raise DataError(f"recipe {self.recipe.name} names no dataset; say which with --data PATH")
        return self.recipe.dataset

    @property
    def _data(self) -> Path | None:
        return None if self.recipe.data is None else Path(self.recipe.data)

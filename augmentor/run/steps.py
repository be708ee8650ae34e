"""The steps of a run, each a plain function over finished files.

Load, judge, train, sample, filter, measure, evaluate: every step reads what the steps before it
left in the cache and leaves its own. A recipe that names several generators chooses one before train.
Publishing, in :mod:`augmentor.run.publish`, turns them into the run folder. Prefect runs these same
functions one task each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.files import write_json
from augmentor.core.persist import read_synthetic, write_samples, write_synthetic
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.spec import check_shape
from augmentor.quality.feature_names import features_key
from augmentor.quality.filters_spec import FiltersSpec
from augmentor.run.completed import CRITIC, Found
from augmentor.run.compose.folds import STEP, check_outer, work_outer
from augmentor.run.distributed import rank_count, release_ranks, start_training_on_ranks
from augmentor.run.sampling import mark, sample
from augmentor.store.cache import StepOutput
from augmentor.store.seen_rows import SEEN_ROWS, near_across, near_duplicate_note, record_seen_rows
from augmentor.store.test_access import record_test_access

if TYPE_CHECKING:
    from augmentor.quality.judge import TaskJudge
    from augmentor.synthesizers.build import Built

DATA_ROOMS = ("core", "data")
GAN_ROOMS = (*DATA_ROOMS, "modalities", "nets", "objectives", "training", "synthesizers", "metrics")
FILTER_ROOMS = (*GAN_ROOMS, "quality")
EXPERIMENT_ROOMS = (*FILTER_ROOMS, "downstream", "statistics", "experiment")
CHOICE_ROOMS = EXPERIMENT_ROOMS


@dataclass
class Steps(Found):
    """One recipe's steps over one cache; each is worked once, or taken from an earlier run."""

    def load(self) -> StepOutput:
        """Read the data, skip what cannot be read, split it, and cut the training part."""
        recipe = self.recipe
        inputs = {
            "dataset": recipe.dataset,
            "source": self.source_digest,
            "image": recipe.image.model_dump(mode="json"),
            "series": recipe.series.model_dump(mode="json"),
            "split": recipe.split.model_dump(mode="json"),
            "scarcity": recipe.scarcity.model_dump(mode="json"),
            "record": "shape",
        }
        kept = self._keep("load", inputs, DATA_ROOMS, self._load)
        # Before hours of training, not after them.
        check_shape(self.recipe.evaluation, tuple(self.words("load")["shape"]))
        check_outer(self.recipe.evaluation.outer_splits, self.words("load")["split"])
        return kept

    def judge(self) -> StepOutput:
        """Train the cross-fitted task classifier on the training part."""
        inputs = {
            "load": self._key("load"),
            "judge": self.recipe.judge.model_dump(mode="json"),
            "seed": self.seed,
            "record": SEEN_ROWS,
        }
        return self._keep("judge", inputs, GAN_ROOMS, self._judge)

    def choose(self) -> StepOutput:
        """Choose among the recipe's generators, for a recipe that names several."""
        from augmentor.run.compose.choose import inputs_of, work_choice

        self._key("judge")
        return self._keep(
            "choose", inputs_of(self), CHOICE_ROOMS, lambda output, _: work_choice(self, output)
        )

    def train(self) -> StepOutput:
        """Train the generator on the training part, resuming from the last whole state."""
        if self.recipe.chooses:
            self._key("choose")  # settles the synthesizer
        inputs = {
            "judge": self._key("judge"),
            "synthesizer": self.synthesizer_spec.model_dump(mode="json"),
            "training": self.recipe.training.model_dump(mode="json"),
            "device": self.device,
            "threads": self.recipe.execution.threads,
            "record": SEEN_ROWS,
        }
        if rank_count() > 1:
            inputs["processes"] = rank_count()  # another order of additions changes the last bits
        kept = self._keep("train", inputs, GAN_ROOMS, self._train)
        release_ranks()
        return kept

    def help(self, work: Path) -> None:
        """Train with the first process of ``torchrun``, which keeps what comes out.

        The steps before are kept already, so they are read and not worked. The states are in ``work``.
        """
        self.judge()
        self._fit(work)

    def sample(self) -> StepOutput:
        """Make more samples than the plan needs, so that filters have something to choose from."""
        inputs = {
            "train": self._key("train"),
            "balance": self.recipe.balance,
            "filters": self.recipe.filters.model_dump(mode="json"),
        }
        return self._keep("sample", inputs, FILTER_ROOMS, self._sample)

    def filter(self) -> StepOutput:
        """Mark which samples are kept, and why the others are not."""
        inputs: dict[str, Any] = {
            "sample": self._key("sample"),
            "judge": self._key("judge"),
            "filters": self.recipe.filters.model_dump(mode="json"),
        }
        rooms: tuple[str, ...] = FILTER_ROOMS
        if self.recipe.evaluation.mixing.label_minimums:
            inputs["evaluation"] = self.evaluation_spec.model_dump(
                mode="json", exclude={"features", "outer_splits"}
            )
            inputs["seed"] = self.seed
            rooms = CHOICE_ROOMS
        return self._keep("filter", inputs, rooms, self._filter)

    def measure(self) -> StepOutput:
        """Measure fidelity, diversity and copies beside the same numbers for real data."""
        features = features_key(self.recipe.evaluation.features)
        inputs = {"filter": self._key("filter"), "features": features}
        return self._keep("measure", inputs, CHOICE_ROOMS, self._measure)

    def evaluate(self) -> StepOutput:
        """Train the arms' classifiers and score them on real held-out data."""
        inputs = {
            "filter": self._key("filter"),
            "evaluation": self.evaluation_spec.model_dump(mode="json", exclude={"features", "outer_splits"}),
            "seed": self.seed,
        }
        kept = self._keep("evaluate", inputs, EXPERIMENT_ROOMS, self._evaluate)
        if self.recipe.evaluation.outer_splits > 1 and STEP not in self.done:
            self.done[STEP] = work_outer(self)
        return kept

    def _key(self, step: str) -> str:
        if step not in self.done:
            getattr(self, step)()
        return self.done[step].key

    def _keep(
        self,
        step: str,
        inputs: Mapping[str, Any],
        rooms: tuple[str, ...],
        build: Callable[[Path, Path], None],
    ) -> StepOutput:
        if step not in self.done:
            self.done[step] = self.cache.get_or_build(
                step,
                self.cache.key(step, inputs, rooms),
                build,
                waiting=lambda owner: self.progress.log(
                    f"{step}: waiting for {owner}, which is doing the same"
                ),
                damaged=lambda: self.progress.log(f"{step}: the kept files are damaged; working it again"),
            )
            kept = self.done[step]
            self.progress.log(
                f"{step}: reused from an earlier run"
                if kept.reused
                else f"{step}: done in {kept.seconds:.1f} s"
            )
        return self.done[step]

    def _load(self, output: Path, _: Path) -> None:
        from augmentor.data.duplicates import near_duplicates
        from augmentor.data.load import load
        from augmentor.data.split import split
        from augmentor.modalities.table import modality_of

        recipe = self.recipe
        loaded = load(
            self._dataset,
            image=recipe.image,
            series=recipe.series,
            data=self._data,
            progress=self.progress,
        )
        parts = split(loaded, split=recipe.split, scarcity=recipe.scarcity)
        skipped = [f"skipped: {item.path}: {item.reason}" for item in loaded.skipped[:5]]
        skipped += [f"{len(loaded.skipped)} files skipped in all"] if len(loaded.skipped) > 5 else []
        for note in (*skipped, *loaded.notes, *parts.notes):
            self.progress.log(f"load: {note}")
        for name in ("train", "validation", "test"):
            (output / name).mkdir()
            write_samples(output / name, getattr(parts, name))
        near = near_across(parts.parts, near_duplicates(parts.parts, loaded.fingerprints))
        write_json(
            output / "facts.json",
            {
                "dataset": loaded.name,
                "title": loaded.card.title if loaded.card else loaded.name,
                "card": loaded.card.model_dump(mode="json") if loaded.card else None,
                "classes": list(parts.train.classes),
                "shape": list(modality_of(parts.train).fit_codec(parts.train).shape),
                "layout": loaded.layout,
                "notes": [*loaded.notes, *parts.notes, *near_duplicate_note(near, loaded.kind)],
                "near_duplicates": near,
                "skipped": [{"path": str(item.path), "reason": item.reason} for item in loaded.skipped],
                "removed": [
                    {
                        "id": item.id,
                        "duplicate_of": item.duplicate_of,
                        "part": item.part,
                        "reason": item.reason,
                    }
                    for item in parts.removed
                ],
                "split": parts.kind,
                "source": self.source_digest,
                "digests": parts.digests(),
            },
        )

    def _judge(self, output: Path, _: Path) -> None:
        from augmentor.quality.judge import TaskJudge

        parts = self.parts
        judge = TaskJudge.fit(
            parts["train"],
            held_out=parts["validation"],
            seed=derive_seed(self.seed, "judge"),
            updates=self.recipe.judge.updates,
            folds=self.recipe.judge.folds,
            processes=self.recipe.execution.processes,
            progress=self.progress,
        )
        judge.save(output)
        record_seen_rows(output, {name: parts[name] for name in ("train", "validation")})

    def _train(self, output: Path, work: Path) -> None:
        with self.engine.device_slot(self.device):
            start_training_on_ranks(work)
            synthesizer = self._fit(work)
        synthesizer.save(output)
        if synthesizer.critic is not None:
            synthesizer.critic.save(output / CRITIC)
        record_seen_rows(output, {"train": self.parts["train"]})
        write_json(
            output / "facts.json",
            {"training": synthesizer.history, "chosen_checkpoint": synthesizer.chosen},
        )

    def _fit(self, work: Path) -> Built:
        from augmentor.synthesizers.build import build

        parts = self.parts
        synthesizer = build(self.synthesizer_spec, self.recipe.training)
        synthesizer.fit(
            parts["train"],
            seed=self.recipe.training.seed,
            judge=self.load_judge(parts),
            progress=self.progress,
            folder=work,
            device=self.device,
            threads=self.recipe.execution.threads,
        )
        return synthesizer

    def _sample(self, output: Path, _: Path) -> None:
        from augmentor.quality.plan import candidates, plan
        from augmentor.synthesizers.build import load_synthesizer

        train = self.parts["train"]
        wanted = plan(train.counts, self.recipe.balance)
        making = candidates(wanted, self.recipe.filters.oversampling, self.recipe.filters.minimum_candidates)
        seed = derive_seed(self.seed, "sample")
        with self.engine.device_slot(self.device):
            synthesizer = load_synthesizer(self.done["train"].folder, device=self.device)
            synthetic = sample(synthesizer, making, train.classes, seed=seed)
            traversals = synthesizer.traverse(seed=derive_seed(seed, "traversals"))
        if traversals is not None:
            (output / "traversals").mkdir()
            write_samples(output / "traversals", traversals.samples)
            write_json(output / "traversals" / "rows.json", traversals.rows)
        (output / "candidates").mkdir()
        write_synthetic(output / "candidates", synthetic)
        write_json(output / "facts.json", {"plan": wanted, "candidates": making})

    def _filter(self, output: Path, work: Path) -> None:
        parts = self.parts
        judge = self.load_judge(parts)
        candidates = read_synthetic(self.done["sample"].folder / "candidates")
        wanted = self.words("sample")["plan"]
        spec, rows = self._strength(candidates, judge, wanted, parts, work)
        selection = mark(candidates, judge=judge, plan=wanted, spec=spec, foreign=self.foreign)
        (output / "synthetic").mkdir()
        write_synthetic(output / "synthetic", selection.synthetic)
        dataset = self.words("load")["dataset"]
        counts = Results.from_rows(
            {"dataset": dataset, "split": split, "metric": "count", "class": name, "value": float(n)}
            for split, part in parts.items()
            for name, n in part.counts.items()
        )
        tried = Results.from_rows({"dataset": dataset, **row} for row in rows)
        counts.joined(selection.results(dataset)).joined(tried).write(output / "results.parquet")
        write_json(
            output / "facts.json",
            {
                "unusable": dict(selection.unusable),
                "short": dict(selection.shortfall),
                "filters": spec.model_dump(mode="json"),
            },
        )

    def _strength(
        self,
        candidates: SyntheticSet,
        judge: TaskJudge,
        wanted: Mapping[str, int],
        parts: Mapping[str, Samples],
        work: Path,
    ) -> tuple[FiltersSpec, list[dict[str, Any]]]:
        """Return the filters, with the label minimum that does best on the validation part if asked."""
        spec = self.recipe.filters
        levels = {level: spec.at(level) for level in self.recipe.evaluation.mixing.label_minimums}
        if not levels:
            return spec, []
        from augmentor.experiment.strength import choose_label_minimum

        level, rows = choose_label_minimum(
            parts["train"],
            parts["validation"],
            {
                level: mark(candidates, judge=judge, plan=wanted, spec=one).synthetic
                for level, one in levels.items()
            },
            self.evaluation_spec,
            seed=derive_seed(self.seed, "strength"),
            processes=self.recipe.execution.processes,
            mapper=self.engine.mapper,
            folder=work,
            progress=self.progress,
        )
        return levels[level], rows

    def _measure(self, output: Path, _: Path) -> None:
        from augmentor.quality.measure import measure

        parts = self.parts
        judge = self.load_judge(parts)
        results, facts = measure(
            parts["train"],
            parts["validation"],
            self.synthetic,
            judge,
            dataset=self.words("load")["dataset"],
            seed=derive_seed(self.seed, "measure"),
            features=self.recipe.evaluation.features,
        )
        results.write(output / "results.parquet")
        write_json(output / "facts.json", facts)

    def _evaluate(self, output: Path, work: Path) -> None:
        from augmentor.experiment.evaluate import evaluate

        parts = self.parts
        evaluation = evaluate(
            parts["train"],
            parts["validation"],
            parts["test"],
            self.synthetic,
            self.evaluation_spec,
            dataset=self.words("load")["dataset"],
            seed=derive_seed(self.seed, "evaluate"),
            processes=self.recipe.execution.processes,
            mapper=self.engine.mapper,
            folder=work,
            critic=self.critic,
            progress=self.progress,
            # The work folder bears the key of the step.
            opening=lambda: record_test_access(self.cache.root, parts["test"].digest, work.stem),
        )
        evaluation.results.write(output / "results.parquet")
        shutil.copyfile(work / "predictions.npz", output / "predictions.npz")
        write_json(output / "facts.json", evaluation.facts)

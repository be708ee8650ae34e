"""Finishing the fits of an experiment: those that are there are read, the others are trained."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from augmentor.core.files import atomic_folder, sha256_bytes, sha256_json
from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import Arm, name_of, needs_critic, pattern_of
from augmentor.experiment.draw import NO_ROWS, KnownRows, marks_of, passing
from augmentor.experiment.fit import (
    CRITIC,
    SMOTE_POOL,
    FitJob,
    forget_shared,
    read_fit,
    run_fit,
    write_shared,
)
from augmentor.experiment.oversample import repeated_rows, smote
from augmentor.experiment.pool import Augmentation, affordable_versions, draw_pool
from augmentor.experiment.selected import SELECTIONS, select
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.values import Workers
from augmentor.modalities.table import modality_of
from augmentor.synthesizers.critic import KeptCritic

STAGE = "evaluation"
POOL_STAGE = "augmented pool"
FORMAT = 1
"""Raised when the meaning of stored fits changes, so that old ones are not taken for new."""


class Runner:
    """Knows which fits there are and trains the missing ones; the pools are drawn if one is missing.

    Args:
        train: the training part.
        synthetic: the candidates.
        parts: the parts to predict, "validation" and "test".
        spec: the recipe's evaluation.
        seed: everything random is derived from it.
        workers: where the fits are run; the pools in its folder do not stay.
        critic: the generator's critic, where an arm needs it.
    """

    def __init__(
        self,
        train: Samples,
        synthetic: SyntheticSet,
        parts: Mapping[str, Samples],
        spec: EvaluationSpec,
        *,
        seed: int,
        workers: Workers,
        critic: KeptCritic | None = None,
    ) -> None:
        self.modality = modality_of(train)
        self.spec = spec = spec.with_model_for(self.modality)
        self.train, self.synthetic, self.parts = train, synthetic, dict(parts)
        self.workers, self.folder, self.progress = workers, workers.folder, workers.progress
        self.critic = critic if any(map(needs_critic, spec.named_arms.values())) else None
        self.codec = self.modality.fit_codec(train)
        self.policy = spec.augmentation.resolved().without(self.modality.lacking)
        arms = [pattern_of(arm) for arm in spec.named_arms.values()]
        self.oversamplers = {arm.oversample for arm in arms}
        self.selections = {arm.rows.synthetic for arm in arms} & set(SELECTIONS)
        levelling = _levelling(train) if "smote" in self.oversamplers else 0
        self.rows = len(train) + len(synthetic) + levelling
        self.versions = affordable_versions(
            spec.augmentation.pool_versions,
            self.rows,
            self.codec.pack(train.x)[:1].nbytes,
            spec.augmentation.pool_megabytes * 1_000_000,
        )
        if self.policy.changes_nothing:
            self.versions = 1
        self.pool_seed = derive_seed(seed, "pool")
        self.content = sha256_json(
            {
                "format": FORMAT,
                "parts": [part.digest for part in (train, synthetic.samples, *self.parts.values())],
                "marks": sha256_bytes(synthetic.kept.tobytes(), passing(synthetic).tobytes()),
                "codec": self.codec.to_json(),
                "policy": self.policy.model_dump(mode="json"),
                "versions": self.versions,
                "seed": self.pool_seed,
                "oversamplers": sorted(self.oversamplers),
                "selections": sorted(self.selections),
                **({} if self.critic is None else {"critic": self.critic.digest}),
            }
        )
        self.seeds = [derive_seed(seed, "classifier", number) for number in range(spec.seeds)]
        self.files = tuple(spec.digests().values())
        self.trained = self.reused = 0

    def job(self, arm: Arm, share: float | None, number: int, *, without: tuple[int, ...] = ()) -> FitJob:
        """Return the job of ``arm`` at the seed of that number.

        ``without`` are labels whose synthetic rows take no part.
        """
        spec = self.spec
        made = FitJob(
            shared=self.folder / f"shared-{self.content[:16]}",
            target=self.folder,
            content=self.content,
            arm=arm,
            question=spec.downstream,
            model=spec.model,
            seed=self.seeds[number],
            share=share,
            anneal=spec.mixing.anneal and arm.by_share,
            without=without,
            files=self.files,
        )
        # For people only; the key tells fits apart.
        label = name_of(arm).replace(" ", "_")
        return replace(made, target=self.folder / "fits" / f"{label}-{number}-{made.key[:16]}.npz")

    def run(self, jobs: Sequence[FitJob]) -> None:
        """Finish the fits of ``jobs`` that are not finished."""
        missing = [job for job in jobs if read_fit(job, "validation") is None]
        self.reused += len(jobs) - len(missing)
        before = self.reused + self.trained
        self.progress.update(STAGE, before)
        if missing:
            self._share(missing[0].shared)
            self.workers.mapper(
                run_fit,
                missing,
                processes=self.workers.processes,
                done=lambda n: self.progress.update(STAGE, before + n),
            )
        self.trained += len(missing)

    def clean(self) -> None:
        """Remove the pools, also those of runs that were killed: they can be drawn again, byte for byte."""
        forget_shared()
        for pattern in ("shared-*", ".shared-*"):
            for place in self.folder.glob(pattern):
                shutil.rmtree(place, ignore_errors=True)

    def _share(self, folder: Path) -> None:
        if folder.exists():
            return
        self.clean()
        self.progress.start(POOL_STAGE, self.rows)
        before = len(self.train) + len(self.synthetic)
        x = self.codec.pack(self.train.x)
        repeated, levelled, levelled_y = NO_ROWS, x[:0], self.train.y[:0]
        if "random" in self.oversamplers:
            repeated = repeated_rows(self.train.y, seed=self.pool_seed)
        if "smote" in self.oversamplers:
            levelled, levelled_y = smote(x, self.train, seed=self.pool_seed)
        selected = select(
            self.train,
            self.synthetic,
            self.selections,
            seed=self.pool_seed,
            processes=self.workers.processes,
        )
        known = KnownRows(
            self.train.y,
            self.synthetic.samples.y,
            {**marks_of(self.synthetic), **selected},
            self.train.n_classes,
            repeated=repeated,
            smote_y=levelled_y,
        )
        question = self.spec.downstream
        targets = {
            "real": question.targets(self.train),
            "synthetic": question.targets(self.synthetic.samples),
        }
        made = self.codec.pack(self.synthetic.samples.x)
        with atomic_folder(folder) as temporary:
            write_shared(temporary, self.codec, known, targets, self.parts)
            self._draw(temporary / "pool_real.npy", x, before=0)
            self._draw(temporary / "pool_synthetic.npy", made, before=len(x))
            if self.critic is not None:
                self.critic.save(temporary / CRITIC)
            if "smote" in self.oversamplers:
                self._draw(temporary / SMOTE_POOL, levelled, before=before)
        self.progress.finish(POOL_STAGE)

    def _draw(self, target: Path, x: npt.NDArray[Any], *, before: int) -> None:
        draw_pool(
            x,
            Augmentation(self.policy, self.modality, self.codec.window),
            versions=self.versions,
            seed=derive_seed(self.pool_seed, target.stem),
            target=target,
            processes=self.workers.processes,
            done=lambda n: self.progress.update(POOL_STAGE, before + n),
        )


def _levelling(train: Samples) -> int:
    counts = [n for n in train.counts.values() if n]
    return max(counts, default=0) * len(counts) - sum(counts)

"""Finishing the fits of an experiment: those that are there are read, the others are trained."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.files import atomic_folder, sha256_bytes, sha256_json
from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import CLASSICAL, Arm, name_of, needs_critic, pattern_of
from augmentor.experiment.augmentation_spec import FROM_DRAWS
from augmentor.experiment.draw import NO_ROWS, KnownRows, marks_of, passing
from augmentor.experiment.fit import (
    CRITIC,
    REAL,
    SMOTE,
    SYNTHETIC,
    FitJob,
    forget_shared,
    pool_file,
    read_fit,
    run_fit,
    write_shared,
)
from augmentor.experiment.oversample import repeated_rows, smote
from augmentor.experiment.pool import Augmentation, draw_pool
from augmentor.experiment.pretrain import pretrain_job, run_pretrain
from augmentor.experiment.selected import SELECTIONS, select
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.starts import LABELLED, UNLABELLED
from augmentor.experiment.values import Workers
from augmentor.experiment.versions import RowCounts, plan_versions
from augmentor.modalities.table import modality_of
from augmentor.synthesizers.critic import KeptCritic

STAGE = "evaluation"
POOL_STAGE = "augmented pool"
START_STAGE = "starts of the critic's network"
VIEWS = "randaugment"
"""The policy of views that are told apart without labels."""
FORMAT = 2
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
        arms = [pattern_of(arm) for arm in spec.named_arms.values()]
        self.oversamplers = {arm.oversample for arm in arms}
        self.selections = {arm.rows.synthetic for arm in arms} & set(SELECTIONS)
        wanted, passed = spec.augmentation, passing(synthetic)
        self.versions = plan_versions(
            None if wanted.pool_versions == FROM_DRAWS else wanted.pool_versions,
            RowCounts(train.y, synthetic.samples.y, passed, train.n_classes),
            spec.model.updates * spec.model.batch,
            row_bytes=self.codec.pack(train.x)[:1].nbytes,
            budget_bytes=wanted.pool_megabytes * 1_000_000,
            smote="smote" in self.oversamplers,
        )
        self.pool_seed = derive_seed(seed, "pool")
        self.content = sha256_json(
            {
                "format": FORMAT,
                "parts": [part.digest for part in (train, synthetic.samples, *self.parts.values())],
                "marks": sha256_bytes(synthetic.kept.tobytes(), passed.tobytes()),
                "codec": self.codec.to_json(),
                "policy": wanted.resolved().without(self.modality.lacking).model_dump(mode="json"),
                "forbid": sorted(wanted.forbid),
                "versions": [
                    wanted.pool_versions,
                    wanted.pool_megabytes,
                    spec.model.updates,
                    spec.model.batch,
                ],
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
            folder = missing[0].shared
            self._share(folder)
            starts = {job.arm.start for job in missing} & {LABELLED, UNLABELLED}
            starts = {start for start in starts if not (folder / start).exists()}
            views = {(REAL, self._views(start)) for start in starts}
            self._draw(views | {pool for job in missing for pool in job.pools}, folder)
            self._pretrain(sorted(starts), folder)
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
        x = self.codec.pack(self.train.x)
        repeated, levelled_y = NO_ROWS, self.train.y[:0]
        if "random" in self.oversamplers:
            repeated = repeated_rows(self.train.y, seed=self.pool_seed)
        if SMOTE in self.oversamplers:
            levelled_y = smote(x, self.train, seed=self.pool_seed)[1]
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
        with atomic_folder(folder) as temporary:
            write_shared(temporary, self.codec, known, targets, self.parts)
            if self.critic is not None:
                self.critic.save(temporary / CRITIC)

    def _draw(self, pools: Collection[tuple[str, str]], folder: Path) -> None:
        """Draw those of the pools, each of a kind of rows under a policy, that are not there yet."""
        missing = sorted(pool for pool in pools if not pool_file(folder, *pool).exists())
        if not missing:
            return
        rows = {kind: self._rows(kind) for kind in {kind for kind, _ in missing}}
        self.progress.start(POOL_STAGE, sum(len(rows[kind][0]) for kind, _ in missing))
        before = 0
        for kind, name in missing:
            x, versions = rows[kind]
            draw_pool(
                x,
                Augmentation(self.spec.augmentation.policy_of(name), self.modality, self.codec.window),
                versions=versions,
                seed=derive_seed(self.pool_seed, kind, name),
                target=pool_file(folder, kind, name),
                processes=self.workers.processes,
                done=lambda n, before=before: self.progress.update(POOL_STAGE, before + n),  # type: ignore[misc]
            )
            before += len(x)
        self.progress.finish(POOL_STAGE)

    def _views(self, start: str) -> str:
        """Return the policy whose versions a start is trained on: without labels it has to change more."""
        strong = self.spec.augmentation.policy_of(VIEWS)
        return VIEWS if start == UNLABELLED and not self.modality.is_idle(strong) else CLASSICAL

    def _pretrain(self, starts: Sequence[str], folder: Path) -> None:
        """Train what classifiers start from on the critic's network, each once for all seeds."""
        if not starts:
            return
        self.progress.start(START_STAGE, len(starts))
        jobs = [
            pretrain_job(folder, self.content, start, self._views(start), self.pool_seed) for start in starts
        ]
        self.workers.mapper(
            run_pretrain,
            jobs,
            processes=self.workers.processes,
            done=lambda n: self.progress.update(START_STAGE, n),
        )
        self.progress.finish(START_STAGE)

    def _rows(self, kind: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """Return the packed rows of a kind and how many versions each of them has."""
        if kind == SYNTHETIC:
            return self.codec.pack(self.synthetic.samples.x), self.versions.synthetic
        x = self.codec.pack(self.train.x)
        if kind == REAL:
            return x, self.versions.real
        levelled, y = smote(x, self.train, seed=self.pool_seed)
        return levelled, self.versions.smote[y]

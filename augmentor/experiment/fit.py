"""One fit of one arm at one seed: a job small enough to be sent to another process.

What all fits share (pools, labels, the parts to predict) lies in one folder of plain arrays that
every process maps into memory. What a fit finds, its probabilities, is a file that appears whole or
not at all: a run that was killed goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.errors import DataError
from augmentor.core.files import atomic_file, sha256_json, write_text
from augmentor.core.samples import Samples
from augmentor.core.seeds import generator
from augmentor.core.synthetic import SyntheticSet
from augmentor.core.version import __version__
from augmentor.experiment.arms import Arm
from augmentor.experiment.classifiers import CLASSIFIERS, fit_table, table_rows
from augmentor.experiment.draw import Picked, pick, rows_of
from augmentor.experiment.heads import retrain_head
from augmentor.experiment.remedies import LOSSES, MIXES, class_weights
from augmentor.modalities.base import Codec
from augmentor.modalities.table import load_codec
from augmentor.nets.classifier import Classifier, SmallResNet
from augmentor.nets.standard_classifiers import NETWORKS
from augmentor.synthesizers.critic import KeptCritic
from augmentor.training.classifier import fit_network, one_thread, predict

Predictor = Callable[[Tensor], npt.NDArray[np.float64]]
"""Encoded samples (N, C, *spatial) to class probabilities (N, K)."""

PREDICTED = ("validation", "test")
SMOTE_POOL = "pool_smote.npy"
CRITIC = "critic"
"""Folder of the critic, where an arm starts from it or takes its network."""
MARK = "mark_"
"""Before the names of marks, in the file of what all fits share."""
AT_ONCE = 2048
"""Images encoded together when predicting, so that large parts need little memory."""


@dataclass(frozen=True)
class FitJob:
    """All that decides a fit, and where its files lie.

    Attributes:
        shared: folder of :func:`write_shared`; its content is named by ``content``.
        target: the file that the probabilities are written to.
        content: SHA-256 of everything in ``shared``.
        arm: the declaration.
        share: synthetic share, None where the arm has none.
        without: labels whose synthetic rows take no part.
        anneal: whether the share falls to zero.
        seed: of weights and batches.
        updates: number of optimiser steps.
        batch: rows of a batch.
        learning_rate: the highest learning rate.
        channels: width of the first stage, or None.
        classifier: name in :data:`augmentor.experiment.classifiers.CLASSIFIERS`.
    """

    shared: Path
    target: Path
    content: str
    arm: Arm
    share: float | None
    anneal: bool
    seed: int
    updates: int
    batch: int
    learning_rate: float
    channels: int | None
    classifier: str = "small_resnet"
    without: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """SHA-256 of all that decides the probabilities; the places of files do not."""
        settings = {name: value for name, value in asdict(self).items() if name not in {"shared", "target"}}
        settings["arm"] = self.arm.model_dump(mode="json")
        settings["versions"] = [__version__, torch.__version__]
        return sha256_json(settings)


def write_shared(
    folder: Path,
    codec: Codec,
    train: Samples,
    synthetic: SyntheticSet,
    parts: dict[str, Samples],
    marks: Mapping[str, npt.NDArray[np.bool_]],
    *,
    repeated: npt.NDArray[np.int64],
    smote_y: npt.NDArray[np.int64],
) -> None:
    """Write what all fits share, pools excepted, into the existing ``folder``.

    ``marks``, ``repeated`` and ``smote_y`` are as in :func:`augmentor.experiment.draw.rows_of`.
    """
    write_text(folder / "codec.json", codec.to_json())
    np.savez(
        folder / "rows.npz",
        real_y=train.y,
        synthetic_y=synthetic.samples.y,
        n_classes=np.array(train.n_classes),
        repeated=repeated,
        smote_y=smote_y,
        **{MARK + name: mask for name, mask in marks.items()},  # type: ignore[arg-type]  # as above
    )
    for name, part in parts.items():
        np.save(folder / f"{name}.npy", codec.pack(part.x))


@dataclass(frozen=True, eq=False)
class _Shared:
    codec: Codec
    real: npt.NDArray[np.generic]
    synthetic: npt.NDArray[np.generic]
    smote: npt.NDArray[np.generic] | None
    rows: dict[str, npt.NDArray[np.generic]]
    parts: dict[str, npt.NDArray[np.generic]]

    def batch(self, picked: Picked, arm: Arm) -> Tensor:
        """Return the encoded images (B, C, *spatial) of the rows picked for ``arm``."""
        other = self.synthetic
        if arm.oversample == "smote":
            assert self.smote is not None  # drawn by the runner, whose arms ask for it
            other = self.smote
        x = np.empty((len(picked.row), *self.real.shape[2:]), self.real.dtype)
        for mask, pool in ((~picked.synthetic, self.real), (picked.synthetic, other)):
            x[mask] = pool[picked.row[mask], picked.version[mask]]
        return torch.from_numpy(self.codec.encode(x))


@lru_cache(maxsize=1)
def _load(folder: Path, content: str) -> _Shared:
    with np.load(folder / "rows.npz", allow_pickle=False) as stored:
        rows = {name: stored[name] for name in stored.files}
    return _Shared(
        codec=load_codec((folder / "codec.json").read_text(encoding="utf-8")),
        real=_mapped(folder / "pool_real.npy"),
        synthetic=_mapped(folder / "pool_synthetic.npy"),
        smote=_mapped(folder / SMOTE_POOL) if (folder / SMOTE_POOL).exists() else None,
        rows=rows,
        parts={
            name: _mapped(folder / f"{name}.npy") for name in PREDICTED if (folder / f"{name}.npy").exists()
        },
    )


def _mapped(path: Path) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def forget_shared() -> None:
    """Let go of the files that :func:`run_fit` keeps mapped between fits."""
    _load.cache_clear()


def run_fit(job: FitJob) -> None:
    """Train the classifier of ``job`` and write its probabilities to ``job.target``.

    The file holds ``validation`` (M, K) and, where it was handed over, ``test`` (N, K), float64, and
    the job's key.
    """
    with one_thread():
        shared = _load(job.shared, job.content)
        model = _train(job, shared)
        found = {name: _predict(model, shared, part) for name, part in shared.parts.items()}
    with atomic_file(job.target) as temporary, temporary.open("wb") as handle:
        np.savez(handle, key=np.array(job.key), **found)  # type: ignore[arg-type]  # allow_pickle is no array


def read_fit(job: FitJob, part: str) -> npt.NDArray[np.float64] | None:
    """Return the probabilities of one part, or None where the fit has not been finished."""
    try:
        # np.load leaves a damaged file open when it opened it itself.
        with job.target.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
            if str(stored["key"]) != job.key:
                return None
            probabilities: npt.NDArray[np.float64] = stored[part]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(f"{job.target} is damaged ({error}); remove it and run again") from error
    return probabilities


def _train(job: FitJob, shared: _Shared) -> Predictor:
    indices = ("real_y", "synthetic_y", "repeated", "smote_y")
    labels = {name: shared.rows[name].astype(np.int64) for name in indices}
    marks = {
        name.removeprefix(MARK): mask.astype(np.bool_)
        for name, mask in shared.rows.items()
        if name.startswith(MARK)
    }
    n_classes = int(shared.rows["n_classes"])
    rows = rows_of(
        job.arm, labels["real_y"], labels["synthetic_y"], marks, n_classes,
        seed=job.seed, repeated=labels["repeated"], smote_y=labels["smote_y"], without=job.without,
    )  # fmt: skip
    mix = MIXES.get(job.arm.mix)

    shape = tuple(shared.real.shape[2:])
    counts = torch.from_numpy(np.bincount(labels["real_y"], minlength=n_classes)).double()

    def picked(step: int) -> Picked:
        return pick(
            job.arm, rows, step=step, updates=job.updates, batch=job.batch,
            versions=shared.real.shape[1], share=job.share or 0.0, seed=job.seed, anneal=job.anneal,
        )  # fmt: skip

    if CLASSIFIERS[job.classifier].table:
        steps = table_rows(job.updates, job.batch, int(np.prod(shape))) // job.batch
        return _tabular(job, shared, [picked(step) for step in range(steps)], counts)

    def draw(step: int) -> tuple[Tensor, Tensor]:
        found = picked(step)
        x, y = shared.batch(found, job.arm), torch.from_numpy(found.y)
        if mix is None:
            return x, y
        weights = torch.nn.functional.one_hot(y, n_classes).to(x.dtype)
        return mix(x, weights, generator(job.seed, "mix", step))

    def network() -> Classifier:
        if job.arm.start == "random":
            return NETWORKS[job.classifier](shape, n_classes, job.channels)
        return KeptCritic.load(job.shared / CRITIC).classifier(trained=job.arm.start == "critic")

    model = fit_network(
        network,
        draw,
        updates=job.updates,
        seed=job.seed,
        learning_rate=job.learning_rate,
        loss=LOSSES[job.arm.loss](counts),
    )
    if job.arm.head != "trained":
        assert isinstance(model, SmallResNet)  # the recipe refuses such an arm with another network
        retrain_head(model, draw, counts.long().numpy(), job.arm.head, seed=job.seed)
    return partial(predict, model)


def _tabular(job: FitJob, shared: _Shared, batches: list[Picked], counts: Tensor) -> Predictor:
    x = np.concatenate([shared.batch(found, job.arm).flatten(1).numpy() for found in batches])
    y = np.concatenate([found.y for found in batches])
    weight = class_weights(counts).numpy()[y] if job.arm.loss == "class_weighted" else None
    fitted = fit_table(job.classifier, x, y, weight, n_classes=len(counts), seed=job.seed)
    return lambda images: fitted(images.flatten(1).numpy())


def _predict(model: Predictor, shared: _Shared, x: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    found = [
        model(torch.from_numpy(shared.codec.encode(np.asarray(x[start : start + AT_ONCE]))))
        for start in range(0, len(x), AT_ONCE)
    ]
    return np.concatenate(found) if found else np.zeros((0, int(shared.rows["n_classes"])))

"""One fit of one arm at one seed: a job small enough to be sent to another process.

What all fits share (pools, labels, targets, the parts to predict) lies in one folder of plain arrays that
every process maps into memory. What a fit finds, its predictions, is a file that appears whole or
not at all: a run that was killed goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.errors import DataError
from augmentor.core.files import atomic_file, sha256_json, write_text
from augmentor.core.samples import Samples
from augmentor.core.version import __version__
from augmentor.downstream.base import Downstream, Predictor
from augmentor.downstream.model_spec import ModelSpec
from augmentor.experiment.arms import Arm
from augmentor.experiment.draw import Drawing, KnownRows, Picked, RowsByClass, pick, rows_of
from augmentor.experiment.pool import Pool, read_pool
from augmentor.modalities.base import Codec
from augmentor.modalities.table import load_codec
from augmentor.training.classifier import one_thread

PREDICTED = ("validation", "test")
REAL, SYNTHETIC, SMOTE = "real", "synthetic", "smote"
"""The kinds of rows that have pools."""
CRITIC = "critic"
"""Folder of the critic, where an arm starts from it or takes its network."""
MARK, TARGET = "mark_", "target_"
"""Before the names of marks and of targets, in the file of what all fits share."""
AT_ONCE = 2048
"""Samples encoded together when predicting, so that large parts need little memory."""


@dataclass(frozen=True)
class FitJob:
    """All that decides a fit, and where its files lie.

    Attributes:
        shared: folder of :func:`write_shared`; its content is named by ``content``.
        target: the file that the predictions are written to.
        content: SHA-256 of everything in ``shared``.
        arm: the declaration.
        question: what the model is trained for.
        model: the model and its budget.
        seed: of weights and batches.
        share: synthetic share, None where the arm has none.
        anneal: whether the share falls to zero.
        without: labels whose synthetic rows take no part.
        files: SHA-256 of the model's files.
    """

    shared: Path
    target: Path
    content: str
    arm: Arm
    question: Downstream
    model: ModelSpec
    seed: int
    share: float | None = None
    anneal: bool = False
    without: tuple[int, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def pools(self) -> tuple[tuple[str, str], ...]:
        """The pools that batches are taken from: kind of rows and policy."""
        others = {SYNTHETIC} if self.arm.rows.synthetic != "none" and not self.arm.rows.copies else set()
        others |= {SMOTE} if self.arm.oversample == "smote" else set()
        return tuple((kind, self.arm.augmentation) for kind in (REAL, *sorted(others)))

    @property
    def key(self) -> str:
        """SHA-256 of all that decides the predictions; the places of files do not."""
        return sha256_json(
            {
                "content": self.content,
                "arm": self.arm.model_dump(mode="json"),
                "model": self.model.model_dump(mode="json"),
                "seed": self.seed,
                "share": self.share,
                "anneal": self.anneal,
                "without": self.without,
                "files": self.files,
                "versions": [__version__, torch.__version__],
            }
        )


def write_shared(
    folder: Path,
    codec: Codec,
    known: KnownRows,
    targets: Mapping[str, npt.NDArray[np.generic]],
    parts: Mapping[str, Samples],
) -> None:
    """Write what all fits share, pools excepted, into the existing ``folder``.

    Args:
        folder: where to write.
        codec: encodes samples.
        known: labels and marks of all rows.
        targets: what is to be learnt of the "real" and of the "synthetic" rows, one entry per row.
        parts: the parts to predict.
    """
    write_text(folder / "codec.json", codec.to_json())
    arrays = {
        "real_y": known.real_y,
        "synthetic_y": known.synthetic_y,
        "n_classes": np.array(known.n_classes),
        "repeated": known.repeated,
        "smote_y": known.smote_y,
        **{MARK + name: mask for name, mask in known.marks.items()},
        **{TARGET + name: values for name, values in targets.items()},
    }
    np.savez(folder / "rows.npz", **arrays)  # type: ignore[arg-type]  # allow_pickle is no array
    for name, part in parts.items():
        np.save(folder / f"{name}.npy", codec.pack(part.x))


@dataclass(frozen=True, eq=False)
class Shared:
    """What all fits share."""

    folder: Path
    codec: Codec
    known: KnownRows
    targets: dict[str, npt.NDArray[np.generic]]
    parts: dict[str, npt.NDArray[np.generic]]
    pools: dict[tuple[str, str], Pool] = field(default_factory=dict)

    def pool(self, kind: str, policy: str) -> Pool:
        """Return the pool of a kind of rows; the runner has drawn those that its jobs need."""
        if (kind, policy) not in self.pools:
            self.pools[kind, policy] = read_pool(pool_file(self.folder, kind, policy))
        return self.pools[kind, policy]

    def batch(self, picked: Picked, arm: Arm) -> Tensor:
        """Return the encoded samples (B, C, *spatial) of the rows picked for ``arm``."""
        real = self.pool(REAL, arm.augmentation)
        x = np.empty((len(picked.row), *real.values.shape[1:]), real.values.dtype)
        others = SMOTE if arm.oversample == "smote" else SYNTHETIC
        for mask, kind in ((~picked.synthetic, REAL), (picked.synthetic, others)):
            if mask.any():
                x[mask] = self.pool(kind, arm.augmentation).take(picked.row[mask], picked.place[mask])
        return torch.from_numpy(self.codec.encode(x))

    def target(self, picked: Picked, arm: Arm) -> Tensor:
        """Return what is to be learnt of the same rows (B, ...)."""
        real, other = self.targets["real"], self.targets["synthetic"]
        if arm.oversample == "smote":
            other = self.known.smote_y  # such rows have a class and nothing else
        found = np.empty((len(picked.row), *real.shape[1:]), real.dtype)
        for mask, values in ((~picked.synthetic, real), (picked.synthetic, other)):
            found[mask] = values[picked.row[mask]]
        return torch.from_numpy(found)


@dataclass(frozen=True, eq=False)
class _ArmBatches:
    """The batches of one fit."""

    shared: Shared
    arm: Arm
    by_class: RowsByClass
    drawing: Drawing

    @property
    def shape(self) -> tuple[int, ...]:
        return self.shared.codec.shape

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        return self.shared.known.counts

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        picked = pick(self.arm, self.by_class, self.drawing, step)
        return self.shared.batch(picked, self.arm), self.shared.target(picked, self.arm)

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        picked = pick(self.arm, self.by_class, self.drawing, step)
        return 2 * picked.row + picked.synthetic


@lru_cache(maxsize=1)
def load_shared(folder: Path, content: str) -> Shared:
    """Return what :func:`write_shared` wrote, mapped into memory; ``content`` names it."""
    with np.load(folder / "rows.npz", allow_pickle=False) as stored:
        rows = {name: stored[name] for name in stored.files}
    found = {
        before: {name.removeprefix(before): rows[name] for name in rows if name.startswith(before)}
        for before in (MARK, TARGET)
    }
    return Shared(
        folder=folder,
        codec=load_codec((folder / "codec.json").read_text(encoding="utf-8")),
        known=KnownRows(
            rows["real_y"],
            rows["synthetic_y"],
            found[MARK],
            int(rows["n_classes"]),
            repeated=rows["repeated"],
            smote_y=rows["smote_y"],
        ),
        targets=found[TARGET],
        parts={
            name: _mapped(folder / f"{name}.npy") for name in PREDICTED if (folder / f"{name}.npy").exists()
        },
    )


def pool_file(folder: Path, kind: str, policy: str) -> Path:
    """Return the file of a pool: of "real", "synthetic" or "smote" rows, under a policy's name."""
    return folder / f"pool_{kind}_{policy}.npy"


def _mapped(path: Path) -> npt.NDArray[np.generic]:
    array: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def forget_shared() -> None:
    """Let go of the files that :func:`run_fit` keeps mapped between fits."""
    load_shared.cache_clear()


def run_fit(job: FitJob) -> None:
    """Train the model of ``job`` and write its predictions to ``job.target``.

    The file holds ``validation`` (M, ...) and, where it was handed over, ``test`` (N, ...), float64, and
    the job's key.
    """
    with one_thread():
        shared = load_shared(job.shared, job.content)
        predictor = _train(job, shared)
        found = {name: _predict(predictor, shared.codec, part) for name, part in shared.parts.items()}
    with atomic_file(job.target) as temporary, temporary.open("wb") as handle:
        np.savez(handle, key=np.array(job.key), **found)  # type: ignore[arg-type]  # allow_pickle is no array


def read_fit(job: FitJob, part: str) -> npt.NDArray[np.float64] | None:
    """Return the predictions of one part, or None where the fit has not been finished."""
    try:
        # np.load leaves a damaged file open when it opened it itself.
        with job.target.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
            if str(stored["key"]) != job.key:
                return None
            predictions: npt.NDArray[np.float64] = stored[part]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(f"{job.target} is damaged ({error}); remove it and run again") from error
    return predictions


def _train(job: FitJob, shared: Shared) -> Predictor:
    drawing = Drawing(
        updates=job.model.updates,
        batch=job.model.batch,
        seed=job.seed,
        share=job.share or 0.0,
        anneal=job.anneal,
    )
    rows = rows_of(job.arm, shared.known, seed=job.seed, without=job.without)
    return job.question.fit(
        job.model,
        job.arm.training,
        _ArmBatches(shared, job.arm, rows, drawing),
        seed=job.seed,
        critic=job.shared / job.arm.start,
    )


def _predict(predictor: Predictor, codec: Codec, x: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    # One batch of none where there is nothing to predict, so that the predictions have their shape.
    starts = range(0, len(x), AT_ONCE) or range(1)
    found = [predictor(torch.from_numpy(codec.encode(np.asarray(x[i : i + AT_ONCE])))) for i in starts]
    return np.concatenate(found)

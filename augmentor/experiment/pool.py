"""The augmented pool: versions of every sample, drawn once a run and shared by all fits.

How many there are of each is decided in :mod:`augmentor.experiment.versions`. A transform costs as much as a
tenth of a training step on one small image, so augmenting inside
every fit would make training ten times slower; ten seeds of six arms would pay it sixty times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError
from augmentor.core.files import atomic_file
from augmentor.core.parallel import processes_to_use, run_parallel
from augmentor.core.seeds import derive_seed
from augmentor.modalities.base import Bound, Modality
from augmentor.modalities.policies import AnyPolicy

WORTH_A_PROCESS = 15_000
"""Versions to draw that pay for starting another process (it imports albumentations, two seconds)."""
CHUNKS_A_PROCESS = 4

Window: TypeAlias = tuple[Bound, Bound]


@dataclass(frozen=True)
class Augmentation:
    """How versions of packed samples are drawn.

    Attributes:
        policy: what may be changed; what the modality does not have is left out.
        modality: of the samples; changes them.
        window: (low, high) of packed values, for all channels or one per channel; brightness, contrast
            and noise are shares of it, and changed samples are clipped to it.
    """

    policy: AnyPolicy
    modality: Modality
    window: Window

    @property
    def changes_nothing(self) -> bool:
        """Whether every version would be the sample itself."""
        return self.modality.is_idle(self.policy)


@dataclass(frozen=True, eq=False)
class Pool:
    """The versions of some rows, one row's after the other's.

    Attributes:
        values: (T, C, *spatial) packed samples.
        starts: (N + 1,) where each row's versions start; the last entry is T.
    """

    values: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]

    def take(self, row: npt.NDArray[np.int64], place: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        """Return for each of B rows the version (B, C, *spatial) at its place in [0, 1) among the row's own.

        A place of 0 is the untouched sample.
        """
        counts = self.starts[row + 1] - self.starts[row]
        taken: npt.NDArray[Any] = self.values[self.starts[row] + (place * counts).astype(np.int64)]
        return taken


def read_pool(target: Path) -> Pool:
    """Return the pool that :func:`draw_pool` wrote to ``target``, its values mapped into memory."""
    values = np.load(target, mmap_mode="r", allow_pickle=False)
    return Pool(values, np.load(_starts_of(target), allow_pickle=False))


def _starts_of(target: Path) -> Path:
    return target.with_suffix(".starts.npy")


@dataclass(frozen=True)
class _Chunk:
    path: str
    rows: tuple[int, int]
    starts: tuple[int, ...]
    augmentation: Augmentation
    seed: int


def draw_pool(
    x: npt.NDArray[Any],
    augmentation: Augmentation,
    *,
    versions: npt.NDArray[np.int64],
    seed: int,
    target: Path,
    processes: int | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the pool of packed samples to ``target``, whole or not at all; :func:`read_pool` reads it.

    The first version of each row is the untouched one, the others are changed; where the augmentation changes
    nothing the untouched one is all there is. Each row has its own stream of random numbers, so neither the
    number of processes, nor the other rows, nor how many more versions follow change a byte.

    Args:
        x: packed samples (N, C, *spatial), as :meth:`augmentor.modalities.base.Codec.pack` returns them.
        augmentation: what is changed, and how.
        versions: (N,) number of versions of each row, at least one.
        seed: of all draws.
        target: the file, its name ending in .npy; where rows start stands in a second file beside it.
        processes: how many processes may be used; None for one per core.
        done: called with the number of finished rows.

    Raises:
        ConfigError: if a row has no version to draw.
    """
    if versions.min(initial=1) < 1:
        raise ConfigError(
            f"a pool needs at least one version of each row (the untouched sample), got {versions.min()}"
        )
    if augmentation.changes_nothing:
        versions = np.ones(len(x), np.int64)
    starts = np.concatenate([[0], np.cumsum(versions)]).astype(np.int64)
    total = int(starts[-1])
    with atomic_file(target) as temporary:
        pool = np.lib.format.open_memmap(temporary, mode="w+", dtype=x.dtype, shape=(total, *x.shape[1:]))
        pool[starts[:-1]] = x
        pool.flush()
        del pool
        if total > len(x):
            count = processes_to_use(processes, total // WORTH_A_PROCESS)
            parts = min(len(x), count * CHUNKS_A_PROCESS)
            # Rows have very different numbers of versions: chunks hold about equally many of these.
            edges = np.unique(np.searchsorted(starts, np.linspace(0, total, parts + 1))).tolist()
            chunks = [
                _Chunk(str(temporary), (a, b), tuple(starts[a : b + 1].tolist()), augmentation, seed)
                for a, b in pairwise(edges)
            ]
            run_parallel(_draw_chunk, chunks, processes=count, done=lambda n: done(edges[n]))
        with atomic_file(_starts_of(target)) as beside, beside.open("wb") as handle:
            np.save(handle, starts)


def _draw_chunk(chunk: _Chunk) -> None:
    how = chunk.augmentation
    pool = np.lib.format.open_memmap(Path(chunk.path), mode="r+")
    change = how.modality.changer(how.policy)
    low, high = (
        np.atleast_1d(np.asarray(bound, float)).reshape(-1, *(1,) * (pool.ndim - 2)) for bound in how.window
    )
    # A channel of one value stays that value.
    span = np.where(high > low, high - low, 1.0)
    for row, (start, stop) in zip(range(*chunk.rows), pairwise(chunk.starts), strict=True):
        unit = np.clip((pool[start].astype(np.float64) - low) / span, 0.0, 1.0).astype(np.float32)
        for place in range(start + 1, stop):
            seed = derive_seed(chunk.seed, "version", row) if place == start + 1 else -1
            values = np.clip(change(unit, seed).astype(np.float64) * span + low, low, high)
            pool[place] = np.rint(values) if pool.dtype.kind in "iu" else values
    pool.flush()

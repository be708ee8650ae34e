"""The augmented pool: many versions of every sample, drawn once a run and shared by all fits.

A transform costs as much as a tenth of a training step on one small image, so augmenting inside
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
from augmentor.modalities.policies import Policy

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

    policy: Policy
    modality: Modality
    window: Window

    @property
    def changes_nothing(self) -> bool:
        """Whether every version would be the sample itself."""
        return self.policy.without(self.modality.lacking).changes_nothing


@dataclass(frozen=True)
class _Chunk:
    path: str
    start: int
    stop: int
    augmentation: Augmentation
    seed: int


def draw_pool(
    x: npt.NDArray[Any],
    augmentation: Augmentation,
    *,
    versions: int,
    seed: int,
    target: Path,
    processes: int | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the pool of packed samples to ``target``, whole or not at all.

    The file is a ``.npy`` array (N, versions, C, *spatial) of packed samples: version 0 is the
    untouched one, the others are changed. Each row has its own stream of random
    numbers, so neither the number of processes nor the other rows change a byte.

    Args:
        x: packed samples (N, C, *spatial), as :meth:`augmentor.modalities.base.Codec.pack` returns them.
        augmentation: what is changed, and how.
        versions: number of versions V, at least one.
        seed: of all draws.
        target: the file.
        processes: how many processes may be used; None for one per core.
        done: called with the number of finished rows.

    Raises:
        ConfigError: if there is no version to draw.
    """
    if versions < 1:
        raise ConfigError(f"a pool needs at least one version (the untouched sample), got {versions}")
    with atomic_file(target) as temporary:
        pool = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=x.dtype, shape=(len(x), versions, *x.shape[1:])
        )
        pool[:, 0] = x
        if augmentation.changes_nothing:
            pool[:, 1:] = x[:, None]
        pool.flush()
        del pool
        if augmentation.changes_nothing or versions == 1 or not len(x):
            return
        count = processes_to_use(processes, len(x) * (versions - 1) // WORTH_A_PROCESS)
        edges = np.linspace(0, len(x), min(len(x), count * CHUNKS_A_PROCESS) + 1).astype(int).tolist()
        chunks = [_Chunk(str(temporary), start, stop, augmentation, seed) for start, stop in pairwise(edges)]
        run_parallel(_draw_chunk, chunks, processes=count, done=lambda n: done(edges[n]))


def affordable_versions(asked: int, rows: int, row_bytes: int, budget_bytes: int) -> int:
    """Return how many versions of ``rows`` images fit in the budget: at least 2, at most ``asked``."""
    return max(min(asked, 2), min(asked, budget_bytes // max(1, rows * row_bytes)))


def _draw_chunk(chunk: _Chunk) -> None:
    how = chunk.augmentation
    pool = np.lib.format.open_memmap(Path(chunk.path), mode="r+")
    change = how.modality.changer(how.policy)
    low, high = (
        np.atleast_1d(np.asarray(bound, float)).reshape(-1, *(1,) * (pool.ndim - 3)) for bound in how.window
    )
    # A channel of one value stays that value.
    span = np.where(high > low, high - low, 1.0)
    for row in range(chunk.start, chunk.stop):
        unit = np.clip((pool[row, 0].astype(np.float64) - low) / span, 0.0, 1.0).astype(np.float32)
        for version in range(1, pool.shape[1]):
            seed = derive_seed(chunk.seed, "version", row) if version == 1 else -1
            values = np.clip(change(unit, seed).astype(np.float64) * span + low, low, high)
            pool[row, version] = np.rint(values) if pool.dtype.kind in "iu" else values
    pool.flush()

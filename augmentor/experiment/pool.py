"""The augmented pool: many versions of every image, drawn once a run and shared by all fits.

A transform costs as much as a tenth of a training step on one small image, so augmenting inside
every fit would make training ten times slower; ten seeds of six arms would pay it sixty times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import atomic_file
from augmentor.core.parallel import processes_to_use, run_parallel
from augmentor.core.samples import Samples
from augmentor.core.seeds import derive_seed
from augmentor.experiment.policies import Policy, augmenter

WORTH_A_PROCESS = 15_000
"""Versions to draw that pay for starting another process (it imports albumentations, two seconds)."""
CHUNKS_A_PROCESS = 4


@dataclass(frozen=True)
class _Chunk:
    path: str
    start: int
    stop: int
    policy: Policy
    window: tuple[float, float]
    seed: int


def draw_pool(
    samples: Samples,
    policy: Policy,
    *,
    window: tuple[float, float],
    versions: int,
    seed: int,
    target: Path,
    processes: int | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the pool of ``samples`` to ``target``, whole or not at all.

    The file is a ``.npy`` array (N, versions, C, H, W) in the data's own dtype and units: version 0
    is the untouched image, the others are drawn by ``policy``. Each row has its own stream of random
    numbers, so neither the number of processes nor the other rows change a byte.

    Args:
        samples: images of shape (C, H, W); any shape where the policy changes nothing.
        policy: what may be changed.
        window: (low, high) in the data's units; brightness, contrast and noise are shares of it, and
            changed images are clipped to it.
        versions: number of versions V, at least one.
        seed: of all draws.
        target: the file.
        processes: how many processes may be used; None for one a core.
        done: called with the number of finished rows.

    Raises:
        ConfigError: if there is no version to draw.
        DataError: if the samples are no images and the policy is not "none".
    """
    x = samples.array
    if versions < 1:
        raise ConfigError(f"a pool needs at least one version (the untouched image), got {versions}")
    if not policy.changes_nothing and x.ndim != 4:
        raise DataError(
            f"classical policies change images of shape (C, H, W), got {samples.shape}; "
            "set evaluation.policy=none for other data"
        )
    with atomic_file(target) as temporary:
        pool = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=x.dtype, shape=(len(x), versions, *x.shape[1:])
        )
        pool[:, 0] = x
        if policy.changes_nothing:
            pool[:, 1:] = x[:, None]
        pool.flush()
        del pool
        if policy.changes_nothing or versions == 1 or not len(x):
            return
        count = processes_to_use(processes, len(x) * (versions - 1) // WORTH_A_PROCESS)
        edges = np.linspace(0, len(x), min(len(x), count * CHUNKS_A_PROCESS) + 1).astype(int).tolist()
        chunks = [
            _Chunk(str(temporary), start, stop, policy, window, seed) for start, stop in pairwise(edges)
        ]
        run_parallel(_draw_chunk, chunks, processes=count, done=lambda n: done(edges[n]))


def affordable_versions(asked: int, rows: int, row_bytes: int, budget_bytes: int) -> int:
    """Return how many versions of ``rows`` images fit in the budget: at least 2, at most ``asked``."""
    return max(min(asked, 2), min(asked, budget_bytes // max(1, rows * row_bytes)))


def _draw_chunk(chunk: _Chunk) -> None:
    pool = np.lib.format.open_memmap(Path(chunk.path), mode="r+")
    augment = augmenter(chunk.policy)
    low, high = chunk.window
    for row in range(chunk.start, chunk.stop):
        image = np.moveaxis((pool[row, 0].astype(np.float64) - low) / (high - low), 0, -1)
        unit = np.ascontiguousarray(np.clip(image, 0.0, 1.0), dtype=np.float32)
        for version in range(1, pool.shape[1]):
            seed = derive_seed(chunk.seed, "version", row) if version == 1 else -1
            changed = np.moveaxis(augment(unit, seed), -1, 0).astype(np.float64)
            pool[row, version] = _in_units(changed * (high - low) + low, pool.dtype, low, high)
    pool.flush()


def _in_units(
    values: npt.NDArray[np.float64], dtype: np.dtype[np.generic], low: float, high: float
) -> npt.NDArray[np.generic]:
    values = np.clip(values, low, high)
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)

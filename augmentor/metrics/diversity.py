"""Diversity of the samples of a class, relative to the real ones of that class.

The known failure of a small conditional GAN is one image per class at perfect label fidelity (mode
collapse). Distances within a class reveal it: their mean falls to zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from augmentor.metrics.distances import mean_distance
from augmentor.metrics.estimate import Estimate, NotEstimable, features, pair

PAIRS = {2: 200, 3: 40}
"""Random pairs by dimension."""
AT_ONCE = {2: 10_000, 3: 16}
"""Pairs compared at once: those of volumes fill gigabytes with the means of their windows."""


def within_distance(x: npt.ArrayLike) -> Estimate:
    """Return the mean Euclidean distance over pairs of different rows of ``x`` (N, D), from 0 up."""
    rows = features(x, "class")
    if len(rows) < 2:
        return NotEstimable(f"a distance needs two samples, got {len(rows)}")
    return mean_distance(rows)


def diversity_ratio(real: npt.ArrayLike, fake: npt.ArrayLike) -> Estimate:
    """Return the mean distance within ``fake`` over that within ``real``: 1 as varied, 0 one image.

    Both are unbiased for any number of rows, so sets of different sizes can be compared.
    """
    a, b = pair(real, fake)
    if len(a) < 2 or len(b) < 2:
        return NotEstimable(f"a distance needs two samples, got {len(a)} real and {len(b)} fake")
    reference = mean_distance(a)
    if reference == 0:
        return NotEstimable("the real samples are all alike")
    return mean_distance(b) / reference


def within_ms_ssim(
    x: npt.NDArray[np.floating], *, data_range: float, pairs: int | None = None, seed: int = 0
) -> Estimate:
    """Return the mean multi-scale structural similarity of random pairs of one class.

    Odena et al., "Conditional Image Synthesis with Auxiliary Classifier GANs", ICML 2017, section
    4.2: high similarity within a class is a sign of collapse. The index is Wang et al. 2003 with as
    many of its five scales as the size allows.

    Args:
        x: (N, C, H, W) images or (N, C, D, H, W) volumes of one class.
        data_range: highest minus lowest possible value.
        pairs: random pairs to compare; None for 200, of volumes (each costs a hundred images) 40.
        seed: chooses the pairs.
    """
    if x.ndim not in (4, 5):
        return NotEstimable(
            f"structural similarity compares neighbours along two or three axes, got samples of the shape "
            f"{x.shape[1:]}"
        )
    if len(x) < 2:
        return NotEstimable(f"a pair needs two samples, got {len(x)}")
    scales, window = _scales(min(x.shape[2:]))
    if scales < 2:
        return NotEstimable(f"samples of {'x'.join(map(str, x.shape[:1:-1]))} have no second scale")
    import torch  # here, so that the numbers above need no torch
    from monai.metrics.regression import MultiScaleSSIMMetric

    rng = np.random.default_rng(seed)
    pairs = pairs or PAIRS[x.ndim - 2]
    first = rng.integers(0, len(x), pairs)
    second = (first + rng.integers(1, len(x), pairs)) % len(x)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    metric = MultiScaleSSIMMetric(
        spatial_dims=x.ndim - 2,
        data_range=data_range,
        kernel_size=window,
        weights=tuple(weights / weights.sum()),
    )
    images = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
    bite = AT_ONCE[x.ndim - 2]
    values = [
        torch.as_tensor(metric(images[first[k : k + bite]], images[second[k : k + bite]])).double()
        for k in range(0, pairs, bite)
    ]
    return float(torch.cat([value.flatten() for value in values]).mean())


def _scales(size: int) -> tuple[int, int]:
    """Return how many scales fit a side of ``size`` pixels and the window (odd) that makes them fit."""
    window = 11 if size >= 44 else 7 if size >= 28 else 5
    scales = 1
    # The second condition is monai's own.
    while scales < 5 and size // 2**scales >= window and size // scales**2 >= window:
        scales += 1
    return scales, window

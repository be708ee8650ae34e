"""Diversity within a class, in distances and structural similarity."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from augmentor.metrics.diversity import _scales, diversity_ratio, within_distance, within_ms_ssim
from augmentor.metrics.estimate import NotEstimable


def test_mean_distance_of_gaussians():
    """Two draws of N(0, s²) in one dimension differ by N(0, 2 s²): mean distance 2 s / sqrt(pi).

    1,000 rows: the standard error is about 1 %.
    """
    x = np.random.default_rng(0).normal(scale=3, size=(1000, 1))
    assert within_distance(x) == pytest.approx(2 * 3 / np.sqrt(np.pi), rel=0.05)


def test_the_ratio_is_fake_over_real():
    """Fails when the arguments are swapped: half as wide is 0.5 and not 2."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(300, 5))
    assert diversity_ratio(real, 0.5 * real + 7) == pytest.approx(0.5)
    assert diversity_ratio(real, np.repeat(real[:1], 50, axis=0)) == 0.0
    assert diversity_ratio(real, real) == 1.0


def test_the_number_of_rows_does_not_bias_it():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(500, 8))
    few = [diversity_ratio(real, rng.normal(size=(4, 8))) for _ in range(300)]
    assert np.mean(few) == pytest.approx(1, abs=0.03)


def test_no_ratio_without_two_rows_or_spread():
    x = np.random.default_rng(0).normal(size=(5, 2))
    assert isinstance(diversity_ratio(x, x[:1]), NotEstimable)
    assert isinstance(diversity_ratio(x[:1], x), NotEstimable)
    assert "all alike" in str(diversity_ratio(np.ones((4, 2)), x))
    assert isinstance(within_distance(x[:1]), NotEstimable)


def test_structural_similarity_is_one_for_one_image_and_falls_with_variety():
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, size=(1, 1, 32, 32))
    noise = rng.uniform(-1, 1, size=(12, 1, 32, 32))
    same = within_ms_ssim(np.repeat(image, 12, axis=0), data_range=2.0)
    mixed = within_ms_ssim(0.7 * image + 0.3 * noise, data_range=2.0)
    different = within_ms_ssim(noise, data_range=2.0)
    assert same == pytest.approx(1, abs=1e-4)
    assert different < mixed < same
    assert within_ms_ssim(noise, data_range=2.0) == different


def wang(a, b, data_range, weights, window):
    """Wang, Simoncelli and Bovik 2003 for one pair, by scipy's convolutions, in float64."""
    edge = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * 1.5**2))
    kernel = np.outer(edge, edge) / edge.sum() ** 2
    c1, c2, result = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2, 1.0
    for place, weight in enumerate(weights):
        ma, mb, aa, bb, ab = (convolve2d(v, kernel, mode="valid") for v in (a, b, a * a, b * b, a * b))
        structure = (2 * (ab - ma * mb) + c2) / (aa - ma**2 + bb - mb**2 + c2)
        if place == len(weights) - 1:
            structure = structure * (2 * ma * mb + c1) / (ma**2 + mb**2 + c1)
        result *= max(structure.mean(), 0.0) ** weight
        a, b = (v.reshape(len(v) // 2, 2, len(v) // 2, 2).mean(axis=(1, 3)) for v in (a, b))
    return result


@pytest.mark.parametrize("size", [32, 48, 96])
def test_structural_similarity_is_the_papers(size):
    """The same pairs by the formula; 1e-4 for float32."""
    rng = np.random.default_rng(0)
    base = rng.uniform(-1, 1, size=(1, 1, size, size))
    x = np.clip(base + 0.4 * rng.normal(size=(6, 1, size, size)), -1, 1).astype(np.float32)
    scales, window = _scales(size)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    dealt = np.random.default_rng(5)
    first = dealt.integers(0, 6, 30)
    second = (first + dealt.integers(1, 6, 30)) % 6
    values = [
        wang(x[i, 0].astype(np.float64), x[j, 0].astype(np.float64), 2.0, weights / weights.sum(), window)
        for i, j in zip(first, second, strict=True)
    ]
    assert within_ms_ssim(x, data_range=2.0, pairs=30, seed=5) == pytest.approx(np.mean(values), abs=1e-4)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [((5, 1, 8, 8), "second scale"), ((1, 1, 32, 32), "two samples"), ((5, 2, 32), "two or three axes")],
)
def test_structural_similarity_that_is_not_estimable_gives_the_reason(shape, reason):
    assert reason in str(within_ms_ssim(np.zeros(shape), data_range=2.0))


def test_structural_similarity_of_volumes_knows_a_repeated_one_from_noise():
    rng = np.random.default_rng(0)
    noise = rng.uniform(-1, 1, (6, 1, 28, 28, 28)).astype(np.float32)
    same = np.repeat(noise[:1], 6, axis=0)
    assert within_ms_ssim(same, data_range=2.0, pairs=4) == pytest.approx(1, abs=1e-5)
    assert within_ms_ssim(noise, data_range=2.0, pairs=20) < 0.2

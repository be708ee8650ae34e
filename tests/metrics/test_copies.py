"""Near copies: every planted kind is found, and strangers are not called copies."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from augmentor.core.errors import DataError
from augmentor.metrics.copies import LONGEST, centre, nearest_image, shrink, standardised
from augmentor.metrics.scale import distance_scale


def textures(n, seed, shape=(1, 16, 16)):
    """Smooth random images in [-1, 1], edges included, so that shifting is close to copying."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, *shape))
    for axis in range(2, x.ndim):
        for _ in range(2):
            x = (x + np.roll(x, 1, axis) + np.roll(x, -1, axis)) / 3
    return (0.9 * x / np.abs(x).max()).astype(np.float32)


PLANTED = {
    "exact": lambda x: x,
    "shifted right": lambda x: np.roll(x, 1, -1),
    "shifted up and left": lambda x: np.roll(x, (-1, -1), (-2, -1)),
    "5 % brighter": lambda x: x + 0.1,
    "5 % more contrast": lambda x: 1.05 * x,
    "mirrored": lambda x: x[..., ::-1].copy(),
    "mirrored and shifted": lambda x: np.roll(x[..., ::-1], 1, -2).copy(),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_copies_are_found_beside_their_source(kind):
    train = textures(80, 0)
    distance, index = nearest_image(PLANTED[kind](train), train)
    np.testing.assert_array_equal(index, np.arange(80))
    # float32 products: sqrt(2 - 2 r) of an exact copy is up to sqrt(2 * 1e-6).
    assert distance.max() < 2e-3


@pytest.mark.parametrize("shape", [(1, 20), (3, 12, 16), (1, 8, 8, 8)])
def test_any_number_of_dimensions(shape):
    train = textures(20, 0, shape)
    moved = np.roll(train, 1, axis=2)
    assert nearest_image(moved, train)[1].tolist() == list(range(20))
    assert nearest_image(textures(20, 1, shape), train)[0].min() > 0.1


@pytest.mark.parametrize("mirror", [False, True])
def test_distances_are_scipys_correlation_distances_over_all_moves(mirror):
    """scipy's correlation distance is 1 - r; ours is sqrt(2 - 2 r), the least over nine moves (and mirrored).

    2e-3: float32 products, see above.
    """
    queries, train = textures(12, 0, (1, 9, 8)), textures(15, 1, (1, 9, 8))
    forms = [train, train[..., ::-1]] if mirror else [train]
    moved = [form[..., i : i + 7, j : j + 6] for form in forms for i in range(3) for j in range(3)]
    inner = queries[..., 1:-1, 1:-1].reshape(12, -1)
    full = np.min([cdist(inner, view.reshape(15, -1), "correlation") for view in moved], axis=0)
    distance, index = nearest_image(queries, train, mirror=mirror)
    np.testing.assert_array_equal(index, full.argmin(axis=1))
    np.testing.assert_allclose(distance, np.sqrt(2 * full.min(axis=1)), atol=2e-3)


def test_strangers_are_as_far_as_other_strangers():
    """The threshold at 1 % calls about 1 % of fresh images copies: 600 fresh ones, at most 3 %."""
    train, held_out, fresh = textures(150, 0), textures(400, 1), textures(600, 2)
    y = np.zeros(600, dtype=np.int64)
    scale = distance_scale(nearest_image(held_out, train)[0], y[:400], 1, 0.01)
    assert (scale.relative_to_threshold(nearest_image(fresh, train)[0], y) < 1).mean() <= 0.03
    assert (scale.relative_to_threshold(nearest_image(train, train)[0], y[:150]) < 1).all()


def test_mirroring_can_be_left_out():
    train = textures(30, 0)
    assert nearest_image(train[..., ::-1].copy(), train, mirror=False)[0].min() > 0.1


def test_own_group_is_left_out():
    train = textures(30, 0)
    twice = np.concatenate([train, train])
    alone = np.arange(60)
    patient = np.tile(np.arange(30), 2)
    distance, index = nearest_image(twice, twice, exclude=(alone, alone))
    assert distance.max() < 2e-3
    assert (index % 30 == alone % 30).all()
    distance, index = nearest_image(twice, twice, exclude=(patient, patient))
    assert distance.min() > 0.1
    assert np.isinf(nearest_image(train, train, exclude=(alone[:30] * 0, alone[:30] * 0))[0]).all()


def test_images_without_contrast_are_near_to_nothing():
    train = textures(5, 0)
    flat = np.full((2, 1, 16, 16), 0.3, dtype=np.float32)
    assert nearest_image(flat, train)[0] == pytest.approx([np.sqrt(2)] * 2)
    assert nearest_image(flat, flat)[0] == pytest.approx([np.sqrt(2)] * 2)
    assert not standardised(flat).any()


def test_large_images_are_averaged_down_and_small_ones_left_alone():
    x = np.arange(2 * 100 * 40, dtype=np.float32).reshape(1, 2, 100, 40)
    small = shrink(x)
    assert small.shape == (1, 2, 25, 20)
    assert small[0, 0, 0, 0] == x[0, 0, :4, :2].mean()
    assert max(shrink(np.zeros((1, 1, 64, 33)))[0, 0].shape) <= LONGEST[2]
    np.testing.assert_array_equal(shrink(x[..., :8, :8]), x[..., :8, :8])
    assert centre(small).shape == (1, 2, 23, 18)
    assert centre(np.zeros((1, 1, 4, 4), np.float32)).shape == (1, 1, 4, 4)


def test_nothing_to_compare_to_is_refused():
    with pytest.raises(DataError, match="no training sample"):
        nearest_image(textures(2, 0), textures(2, 0)[:0])
    for shape in ((3, 4), (1, 1, 2, 2, 2, 2)):
        with pytest.raises(DataError, match=r"\(N, C, \*S\)"):
            shrink(np.zeros(shape))
    with pytest.raises(DataError, match="no scale"):
        distance_scale(np.array([0.0, np.inf]), np.zeros(2, dtype=np.int64), 1, 0.01)


def test_a_rare_class_keeps_its_own_median_and_borrows_the_tail():
    """Distances of class 1 are exactly three times those of class 0, which has 1,000 times the rows:
    the relative quantile is common, so the threshold of class 1 is three times that of class 0.
    A class without rows takes the common median."""
    rng = np.random.default_rng(0)
    many = rng.uniform(1, 2, 999)
    few = 3 * np.array([1.0, np.median(many), 2.0])
    y = np.r_[np.zeros(999), np.ones(3)].astype(np.int64)
    scale = distance_scale(np.r_[many, few], y, 3, 0.05)
    assert scale.threshold[1] == pytest.approx(3 * scale.threshold[0])
    assert scale.threshold[0] == pytest.approx(np.quantile(many, 0.05), rel=0.02)
    assert scale.median[2] == np.median(np.r_[many, few])
    np.testing.assert_allclose(scale.relative_to_median(few, y[-3:])[1], 1.0)


def test_repeats_in_the_real_data_do_not_pull_the_threshold_to_zero():
    y = np.zeros(100, dtype=np.int64)
    distance = np.r_[np.zeros(50), np.linspace(1, 2, 50)]
    assert distance_scale(distance, y, 1, 0.01).threshold[0] > 0.9


@pytest.mark.parametrize("shape", [(3, 300), (1, 20, 20, 20)])
@pytest.mark.parametrize(
    "plant", [lambda x: x, lambda x: 1.05 * x, lambda x: x[..., ::-1].copy(), lambda x: np.roll(x, 2, -1)]
)
def test_copies_of_series_and_volumes_are_found_beside_their_source(shape, plant):
    """Two steps or voxels are at most one block of the averaged grid (300 / 128 and 20 / 16)."""
    train = textures(12, 0, shape)
    small = shrink(train)
    assert max(small.shape[2:]) <= LONGEST[len(shape) - 1] < max(shape)
    strangers, _ = nearest_image(shrink(textures(12, 1, shape)), small)
    found, index = nearest_image(shrink(plant(train)), small)
    np.testing.assert_array_equal(index, np.arange(12))
    assert found.max() < 0.7 * strangers.min()

"""Distances in blocks against scipy's, and what they refuse."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from sklearn.neighbors import NearestNeighbors

from augmentor.core.errors import DataError
from augmentor.metrics.distances import (
    mean_distance,
    nearest,
    nearest_other,
    neighbour_radius,
    squared_blocks,
)


@pytest.fixture(params=[(100_000, 512), (333, 16)], ids=["one block", "many blocks"])
def rows(request, monkeypatch):
    block, tile = request.param
    monkeypatch.setattr("augmentor.metrics.distances.BLOCK", block)
    monkeypatch.setattr("augmentor.metrics.distances.TILE", tile)
    rng = np.random.default_rng(0)
    return rng.normal(size=(150, 7)) + 50, rng.normal(size=(90, 7)) + 50


def test_blocks_cover_every_pair_once(rows):
    a, b = rows
    whole = np.concatenate([block.copy() for _, block in squared_blocks(a, b)])
    # 1e-10: the expansion loses about seven of float64's sixteen digits at most.
    np.testing.assert_allclose(whole, cdist(a, b, "sqeuclidean"), rtol=1e-10, atol=1e-10)
    assert len(whole) == len(a)


def test_nearest_rows_are_scipys(rows):
    a, b = rows
    full = cdist(a, b)
    distance, index = nearest(a, b)
    np.testing.assert_array_equal(index, full.argmin(axis=1))
    np.testing.assert_allclose(distance, full.min(axis=1), rtol=1e-12)


def test_a_row_is_not_its_own_neighbour(rows):
    a, _ = rows
    full = cdist(a, a)
    np.fill_diagonal(full, np.inf)
    distance, index = nearest_other(a)
    np.testing.assert_array_equal(index, full.argmin(axis=1))
    np.testing.assert_allclose(distance, full.min(axis=1), rtol=1e-12)


@pytest.mark.parametrize("k", [1, 4])
def test_radius_agrees_with_scikit_learn(rows, k):
    a, b = rows
    theirs = NearestNeighbors(n_neighbors=k + 1).fit(a).kneighbors(a)[0][:, k]
    np.testing.assert_allclose(neighbour_radius(a, k), theirs, rtol=1e-9)
    both = np.concatenate([a, b])
    pooled = NearestNeighbors(n_neighbors=k + 1).fit(both).kneighbors(a)[0][:, k]
    np.testing.assert_allclose(neighbour_radius(a, k, b), pooled, rtol=1e-9)


def test_mean_distance_is_scipys(rows):
    assert mean_distance(rows[0]) == pytest.approx(pdist(rows[0]).mean(), rel=1e-10)


@pytest.mark.parametrize("tile", [4, 512])
def test_of_equally_near_rows_the_first_one_is_named(tile, monkeypatch):
    monkeypatch.setattr("augmentor.metrics.distances.TILE", tile)
    # Whole numbers with mean zero: every sum is exact, so that copies tie wherever their tile ends.
    half = np.arange(1.0, 10.0).reshape(3, 3) ** 2
    rows = np.concatenate([half, -half])
    _, index = nearest(rows, np.concatenate([rows, rows[::-1], rows]))
    assert index.tolist() == [0, 1, 2, 3, 4, 5]


def test_without_rows_there_are_no_distances():
    distance, index = nearest(np.zeros((0, 3)), np.zeros((2, 3)))
    assert (distance.shape, index.shape) == ((0,), (0,))


def test_equal_rows_are_at_distance_zero_also_far_from_the_origin():
    a = np.full((3, 5), 1e8) + np.arange(3)[:, None]
    assert nearest(a, a)[0].tolist() == [0.0, 0.0, 0.0]


def test_nothing_to_be_near_to_is_refused():
    with pytest.raises(DataError, match="no row"):
        nearest(np.zeros((2, 3)), np.zeros((0, 3)))
    with pytest.raises(DataError, match="two rows"):
        nearest_other(np.zeros((1, 3)))
    with pytest.raises(DataError, match="two rows"):
        mean_distance(np.zeros((1, 3)))
    with pytest.raises(DataError, match="3-th nearest of 3"):
        neighbour_radius(np.zeros((3, 2)), 3)

"""Changes of series and volumes: each does what its name says, by seed, within the window."""

import numpy as np
import pytest

from augmentor.core.kinds import SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.experiment.pool import Augmentation, draw_pool, read_pool
from augmentor.modalities.policies import POLICIES, Policy
from augmentor.modalities.table import MODALITIES, modality_of
from augmentor.modalities.warps import Warp, affine, apply_warp, draw_mask, draw_warp, masked, rotation

KINDS = {"series": SERIES, "volume": VOLUME}
SHAPES = {"series": (3, 40), "volume": (2, 8, 10, 12)}


def samples(kind, dtype, n=3):
    x = np.random.default_rng(0).uniform(0, 200, (n, *SHAPES[kind])).astype(dtype)
    ids = np.array([f"r{row}" for row in range(n)])
    return Samples(x, np.zeros(n, np.int64), ("a", "b"), ids, value_range=(0, 255), kind=KINDS[kind])


def drawn(folder, part, policy, *, window=(0.0, 255.0), name="pool.npy", seed=0, versions=4):
    draw_pool(
        part.array,
        Augmentation(policy, modality_of(part), window),
        versions=np.full(len(part), versions),
        seed=seed,
        target=folder / name,
        processes=1,
    )
    return read_pool(folder / name).values.reshape(len(part), -1, *part.shape)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_serves_every_kind(tmp_path, name, kind, dtype):
    part = samples(kind, dtype)
    found = drawn(tmp_path, part, POLICIES[name])
    count = 1 if name == "none" else 4
    assert (found.dtype, found.shape) == (part.array.dtype, (3, count, *SHAPES[kind]))
    assert 0 <= found.min() <= found.max() <= 255
    np.testing.assert_array_equal(found[:, 0], part.array)
    assert name == "none" or (found[:, 1:] != found[:, :1]).any()
    np.testing.assert_array_equal(drawn(tmp_path, part, POLICIES[name], name="again.npy"), found)
    if name != "none":
        assert (drawn(tmp_path, part, POLICIES[name], name="other.npy", seed=1) != found).any()


@pytest.mark.parametrize("kind", SHAPES)
def test_rows_do_not_depend_on_each_other(tmp_path, kind):
    part = samples(kind, "float32")
    both = drawn(tmp_path, part, POLICIES["light"])
    np.testing.assert_array_equal(
        drawn(tmp_path, part.take([0]), POLICIES["light"], name="one.npy")[0], both[0]
    )


@pytest.mark.parametrize(
    ("name", "kind", "axis"),
    [
        ("flip_horizontal", "series", -1),
        ("flip_horizontal", "volume", -1),
        ("flip_vertical", "volume", -2),
        ("flip_depth", "volume", -3),
    ],
)
def test_a_flip_mirrors_its_axis_and_nothing_else(name, kind, axis):
    x = np.random.default_rng(0).random(SHAPES[kind]).astype(np.float32)
    found = [MODALITIES[kind].changer(Policy(**{name: True}))(x, seed) for seed in range(12)]
    mirrored = np.flip(x, axis)
    assert {np.array_equal(one, x) for one in found} == {True, False}
    assert all(np.array_equal(one, x) or np.array_equal(one, mirrored) for one in found)


def test_quarter_turns_keep_to_planes_with_equal_sides():
    x = np.random.default_rng(0).random((1, 4, 6, 6)).astype(np.float32)
    turns = [np.rot90(x, k, (2, 3)) for k in range(4)]
    found = [MODALITIES["volume"].changer(Policy(quarter_turns=True))(x, seed) for seed in range(20)]
    seen = {k for one in found for k, turn in enumerate(turns) if np.array_equal(one, turn)}
    assert seen == {0, 1, 2, 3}
    uneven = np.random.default_rng(0).random((1, 4, 5, 6)).astype(np.float32)
    np.testing.assert_array_equal(MODALITIES["volume"].changer(Policy(quarter_turns=True))(uneven, 3), uneven)


def test_a_shift_by_whole_cells_moves_and_repeats_the_edge():
    x = np.arange(8, dtype=np.float32)[None]
    np.testing.assert_allclose(affine(x, np.eye(1), np.array([2.0]), "edge")[0], [0, 0, 0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(
        affine(x, np.eye(1), np.array([2.0]), "reflected")[0], [2, 1, 0, 1, 2, 3, 4, 5]
    )


def test_a_quarter_turn_about_the_first_axis_is_numpys():
    """A quarter turn takes (row, column) to (-column, row), so the place (i, j) reads (-j, i) from the
    centre; numpy's rot90 reads (j, -i), the turn the other way round."""
    x = np.random.default_rng(0).random((1, 3, 5, 5)).astype(np.float32)
    turned = affine(x, rotation(np.array([1.0, 0, 0]), np.pi / 2), np.zeros(3), "edge")
    np.testing.assert_allclose(turned, np.rot90(x, 3, (2, 3)), atol=1e-5)
    matrix = rotation(np.array([0.6, 0.0, 0.8]), 0.7)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.trace(matrix), 1 + 2 * np.cos(0.7))


def test_a_segmented_shape_keeps_its_two_values():
    x = np.zeros((1, 12, 12, 12), np.float32)
    x[0, 3:9, 4:9, 5:8] = 1
    for seed in range(5):
        assert set(np.unique(MODALITIES["volume"].changer(POLICIES["shapes"])(x, seed))) == {0.0, 1.0}


def test_level_and_amplitude_are_drawn_channel_by_channel():
    x = np.tile(np.array([0.4, 0.6], np.float32), (3, 20))
    found = np.stack([MODALITIES["series"].changer(Policy(brightness=0.1))(x, seed) for seed in range(60)])
    moved = (found - x).mean(axis=2)
    assert np.abs(moved).max() <= 0.1 + 1e-6
    changed = np.abs(moved).max(axis=1) > 0
    assert 0.3 < changed.mean() < 0.7
    assert (moved[changed][:, 0] != moved[changed][:, 1]).all()
    scaled = np.stack([MODALITIES["series"].changer(Policy(contrast=0.2))(x, seed) for seed in range(60)])
    np.testing.assert_allclose(scaled.mean(axis=2), 0.5, atol=1e-6)
    amplitude = np.ptp(scaled, axis=2) / 0.2
    assert 0.8 - 1e-5 <= amplitude.min() < 0.9
    assert 1.1 < amplitude.max() <= 1.2 + 1e-5


@pytest.mark.parametrize("shape", SHAPES.values())
def test_a_mask_is_one_box_of_the_mean(shape):
    x = np.random.default_rng(0).random(shape).astype(np.float32)
    rng = np.random.default_rng(1)
    for _ in range(20):
        hidden = masked(x, draw_mask(x.shape, 0.5, rng)) != x
        sides = [
            np.flatnonzero(hidden.any(axis=tuple(a for a in range(x.ndim) if a != k)))
            for k in range(1, x.ndim)
        ]
        assert hidden.sum() == shape[0] * np.prod([len(side) for side in sides])
        assert all(np.ptp(side) + 1 == len(side) <= 0.5 * n for side, n in zip(sides, shape[1:], strict=True))


def test_a_channel_has_its_own_window_and_one_of_one_value_keeps_it(tmp_path):
    x = np.zeros((2, 2, 16), np.float32)
    x[:, 0] = 7.0
    x[:, 1] = np.linspace(-1000, 1000, 16)
    ids = np.array(["a", "b"])
    part = Samples(x, np.zeros(2, np.int64), ("a", "b"), ids, value_range=(-1000, 1000), kind=SERIES)
    found = drawn(
        tmp_path, part, Policy(brightness=0.3, noise=0.1), window=((7.0, -1000.0), (7.0, 1000.0)), versions=8
    )
    assert (found[:, :, 0] == 7.0).all()
    assert (found[:, 1:, 1] != x[:, None, 1]).any()
    assert np.abs(found[:, :, 1]).max() <= 1000


@pytest.mark.parametrize("kind", SHAPES)
def test_what_is_drawn_is_applied_and_nothing_is_drawn_while_applying(kind):
    x = np.random.default_rng(0).random(SHAPES[kind]).astype(np.float32)
    np.testing.assert_array_equal(apply_warp(Warp(), x, "edge"), x)
    policy = POLICIES["series" if kind == "series" else "microscopy"]
    drawn_by, again = np.random.default_rng(3), np.random.default_rng(3)
    warp = draw_warp(policy, x.shape, drawn_by)
    state = drawn_by.bit_generator.state
    one, two = (apply_warp(warp, x, policy.border) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert drawn_by.bit_generator.state == state
    np.testing.assert_array_equal(apply_warp(draw_warp(policy, x.shape, again), x, policy.border), one)

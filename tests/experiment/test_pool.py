import numpy as np
import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.experiment import pool as pool_module
from augmentor.experiment.pool import Augmentation, draw_pool, read_pool
from augmentor.modalities.image_transforms import augmenter
from augmentor.modalities.policies import POLICIES, Policy, resolve, transforms
from augmentor.modalities.table import MODALITIES

SHAPES = {"series": (2, 40), "image": (1, 10, 10), "volume": (1, 8, 8, 8)}
RANGES = {"uint8": (0, 255), "uint16": (0, 4095), "float32": (-2.0, 3.0)}


def images(n=6, channels=1, dtype="uint8", size=12, seed=0):
    low, high = RANGES[dtype]
    x = np.random.default_rng(seed).uniform(low, high, (n, channels, size, size)).astype(dtype)
    ids = np.array([f"row{i}" for i in range(n)])
    return Samples(x, np.zeros(n, np.int64), ("a", "b"), ids, value_range=(low, high), kind=IMAGE)


def drawn(tmp_path, samples, policy, versions=4, seed=0, name="pool.npy", **options):
    """Return the pool (N, V, C, H, W) of rows that all have the same number of versions."""
    pool = ragged(tmp_path, samples, policy, [versions] * len(samples), seed, name, **options)
    return pool.values.reshape(len(samples), -1, *samples.shape)


def ragged(tmp_path, samples, policy, versions, seed=0, name="pool.npy", **options):
    draw_pool(
        samples.array,
        Augmentation(policy, MODALITIES["image"], samples.value_range),
        versions=np.array(versions),
        seed=seed,
        target=tmp_path / name,
        **options,
    )
    return read_pool(tmp_path / name)


@pytest.mark.parametrize("dtype", RANGES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_keeps_units_range_shape_and_the_untouched_image(tmp_path, name, dtype, channels):
    samples = images(channels=channels, dtype=dtype)
    found = drawn(tmp_path, samples, POLICIES[name], processes=1)
    low, high = RANGES[dtype]
    assert found.dtype == samples.array.dtype
    assert found.shape == (6, 1 if name == "none" else 4, channels, 12, 12)
    assert found.min() >= low
    assert found.max() <= high
    np.testing.assert_array_equal(found[:, 0], samples.array)
    assert name == "none" or not np.array_equal(found[:, 2], found[:, 1])


def test_the_number_of_processes_and_the_other_rows_never_change_a_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(pool_module, "WORTH_A_PROCESS", 5)
    samples = images(n=9)
    one = drawn(tmp_path, samples, POLICIES["medical"], processes=1, name="one.npy")
    two = drawn(tmp_path, samples, POLICIES["medical"], processes=2, name="two.npy")
    part = drawn(tmp_path, samples.take(range(4)), POLICIES["medical"], processes=1, name="part.npy")
    more = drawn(tmp_path, samples, POLICIES["medical"], versions=6, processes=1, name="more.npy")
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one[:4], part)
    np.testing.assert_array_equal(one, more[:, :4])
    other = drawn(tmp_path, samples, POLICIES["medical"], seed=1, processes=1, name="other.npy")
    assert not np.array_equal(one[:, 1], other[:, 1])


def test_a_pool_that_fails_leaves_no_file(tmp_path):
    def fail(_):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        drawn(tmp_path, images(), POLICIES["light"], processes=1, done=fail)
    assert list(tmp_path.iterdir()) == []


def test_each_row_has_its_own_number_of_versions_and_a_place_is_a_share_of_them(tmp_path):
    samples = images(n=3)
    pool = ragged(tmp_path, samples, POLICIES["light"], [1, 4, 2], processes=1)
    even = drawn(tmp_path, samples, POLICIES["light"], versions=4, processes=1, name="even.npy")
    assert pool.starts.tolist() == [0, 1, 5, 7]
    row, place = np.array([0, 1, 1, 1, 2]), np.array([0.999, 0.0, 0.25, 0.999, 0.5])
    wanted = [samples.array[0], samples.array[1], even[1, 1], even[1, 3], even[2, 1]]
    np.testing.assert_array_equal(pool.take(row, place), wanted)


def test_progress_ends_at_all_rows(tmp_path):
    told = []
    drawn(tmp_path, images(n=7), POLICIES["light"], processes=1, done=told.append)
    assert told == sorted(told)
    assert told[-1] == 7


def test_horizontal_flips_mirror_left_and_right_and_nothing_else(tmp_path):
    samples = images(n=3)
    found = drawn(tmp_path, samples, Policy(flip_horizontal=True), versions=20, processes=1)
    mirrored = samples.array[:, None, :, :, ::-1]
    is_same = (found == samples.array[:, None]).all(axis=(2, 3, 4))
    is_mirrored = (found == mirrored).all(axis=(2, 3, 4))
    assert (is_same | is_mirrored).all()
    assert is_same[:, 1:].any()
    assert is_mirrored[:, 1:].any()


def test_channels_stay_channels(tmp_path):
    x = np.zeros((1, 3, 8, 8), np.uint8)
    x[:, 0], x[:, 1], x[:, 2] = 200, 100, 10
    samples = Samples(x, np.zeros(1, np.int64), ("a", "b"), np.array(["0"]), value_range=(0, 255), kind=IMAGE)
    found = drawn(tmp_path, samples, Policy(shift=0.2, rotate=20), processes=1)
    np.testing.assert_array_equal(found, np.broadcast_to(x[:, None], found.shape))


def test_brightness_is_a_share_of_the_window():
    augment = augmenter(Policy(brightness=0.1))
    image = np.full((4, 4, 1), 0.5, np.float32)
    values = np.array([augment(image, seed).mean() for seed in range(200)])
    assert np.abs(values - 0.5).max() <= 0.1 + 1e-6
    assert np.abs(values - 0.5).max() > 0.08
    assert (values == 0.5).mean() == pytest.approx(0.5, abs=0.15)  # half of the versions take part


@pytest.mark.parametrize("name", transforms())
def test_every_transform_of_a_policy_does_something_alone_and_can_be_forbidden(name):
    value = (
        True
        if isinstance(getattr(Policy(), name), bool)
        else {"rotate": 30, "shear": 20, "blur": 1.0}.get(name, 0.3)
    )
    policy = Policy(**{name: value})
    for kind, shape in SHAPES.items():
        x = np.random.default_rng(0).random(shape).astype(np.float32)
        change = MODALITIES[kind].changer(policy)
        changed = any(np.abs(change(x, seed) - x).max() > 0.01 for seed in range(10))
        assert changed == (name not in MODALITIES[kind].lacking), kind
    assert resolve(policy, (name,)).changes_nothing


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="unknown policy 'x'; known policies: none, light"):
        resolve("x")
    with pytest.raises(ConfigError, match="cannot forbid mirror"):
        resolve("light", ("mirror",))


def test_what_a_kind_does_not_have_is_left_out():
    everything = Policy(shift=0.1, rotate=5, shear=5, flip_vertical=True, flip_depth=True, quarter_turns=True)
    series, image, volume = (MODALITIES[kind].lacking for kind in ("series", "image", "volume"))
    assert everything.used(series) == ("rotate", "shear", "flip_vertical", "flip_depth", "quarter_turns")
    assert everything.without(series) == Policy(shift=0.1)
    assert everything.used(image) == ("flip_depth",)
    assert everything.without(volume) == everything


def test_no_version_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="at least one version"):
        drawn(tmp_path, images(), POLICIES["light"], versions=0)

import numpy as np
import pytest
from flat_spec import evaluation
from imblearn.over_sampling import SMOTE

from augmentor.core.errors import ConfigError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.experiment.arms import Arm
from augmentor.experiment.before_training import check_shape
from augmentor.experiment.oversample import (
    MOST_VALUES,
    check_oversampling,
    repeated_rows,
    smote,
    too_small,
)

CLASSES = ("many", "some", "pair", "one", "none")
COUNTS = (12, 5, 2, 1, 0)


def samples(counts=COUNTS, *, shape=(1, 4, 3), dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    x = rng.integers(0, 256, (len(y), *shape)).astype(dtype)
    ids = np.array([f"r{i}" for i in range(len(y))])
    return Samples(
        x, y, CLASSES[: len(counts)], ids, value_range=(0, 255), kind={3: SERIES, 4: IMAGE, 5: VOLUME}[x.ndim]
    )


def levelled(train, *, seed):
    return smote(train.array, train, seed=seed)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(1, 4, 3), (3, 4, 4), (2, 9), (1, 3, 2, 4)])
def test_classes_become_level_in_the_datas_own_units(shape, dtype):
    train = samples(shape=shape, dtype=dtype)
    x, y = levelled(train, seed=1)
    assert x.dtype == dtype
    assert x.shape == (len(y), *shape)
    assert (np.bincount(np.concatenate([train.y, y]), minlength=5) == (12, 12, 12, 12, 0)).all()
    assert train.array.min() <= x.min() <= x.max() <= train.array.max()


def test_every_row_lies_between_two_rows_of_its_class():
    """x = a + t (b - a) with t in [0, 1]: distances add up, |x - a| + |x - b| = |a - b|."""
    train = samples(dtype=np.float32)
    x, y = levelled(train, seed=1)
    rows = train.array[train.y == 1].reshape(5, -1).astype(float)
    for made in x[y == 1].reshape(-1, 12).astype(float):
        gaps = [
            np.linalg.norm(made - a) + np.linalg.norm(made - b) - np.linalg.norm(a - b)
            for a in rows
            for b in rows
        ]
        assert min(gaps) < 1e-3
        assert np.linalg.norm(made - rows, axis=1).min() > 0  # and is none of them


def test_rows_are_those_of_the_library_rounded():
    train = samples((12, 5))
    x, _ = levelled(train, seed=7)
    other, _ = levelled(samples((12, 5), dtype=np.float32), seed=7)
    np.testing.assert_array_equal(x, np.rint(other))
    state = {}

    class Spy(SMOTE):
        def __init__(self, **options):
            state.update(options)
            super().__init__(**options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imblearn.over_sampling.SMOTE", Spy)
        levelled(train, seed=7)
    assert state["k_neighbors"] == 4  # five rows have four neighbours
    again, _ = SMOTE(**state).fit_resample(train.array.reshape(17, -1).astype(np.float32), train.y)
    np.testing.assert_array_equal(x.reshape(-1, 12), np.rint(again[17:]))


def test_a_class_of_one_or_two_rows_repeats_them_and_is_named():
    train = samples()
    x, y = levelled(train, seed=1)
    assert too_small(train) == ["pair", "one"]
    assert too_small(samples((1, 1))) == []  # level already
    for label in (2, 3):
        own = {row.tobytes() for row in train.array[train.y == label]}
        assert {row.tobytes() for row in x[y == label]} <= own


def test_random_repeats_level_the_classes_with_their_own_rows():
    y = samples().y
    rows = repeated_rows(y, seed=4)
    assert np.bincount(y[rows], minlength=4).tolist() == [0, 7, 10, 11]
    np.testing.assert_array_equal(rows, repeated_rows(y, seed=4))
    assert not np.array_equal(rows, repeated_rows(y, seed=5))
    assert not len(repeated_rows(np.zeros(3, np.int64), seed=0))


def test_a_level_set_gets_nothing():
    x, y = levelled(samples((4, 4)), seed=0)
    assert x.shape == (0, 1, 4, 3)
    assert not len(y)


def test_samples_too_large_are_refused_with_what_to_do():
    spec = evaluation(arms=("real", "filtered", "oversampled"))
    check_shape(spec, (1, 64, 64))
    with pytest.raises(ConfigError, match=r"arm oversampled .* 12,288 values .*\(3, 64, 64\).* 4,096"):
        check_shape(spec, (3, 64, 64))
    check_oversampling([Arm(), Arm(oversample="random")], (3, 512, 512))
    assert MOST_VALUES == 64 * 64
    with pytest.raises(ConfigError, match="means nothing"):
        levelled(samples((3, 2), shape=(1, 65, 64)), seed=0)

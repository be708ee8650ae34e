from dataclasses import replace

import numpy as np
import pytest

from augmentor.core.errors import DataError
from augmentor.experiment.arms import PRESETS, Arm, arms_of, name_of
from augmentor.experiment.draw import ANNEALED_BY, Drawing, KnownRows, pick, rows_of

REAL_Y = np.repeat([0, 1, 2], [50, 10, 3])
SYNTHETIC_Y = np.repeat([1, 2], [20, 30])
KEPT = np.tile([True, False], 25)
PASSED = KEPT | (np.arange(50) % 10 == 1)
MARKS = {"kept": KEPT, "passing": PASSED, "diverse": PASSED, "influential": PASSED}
KNOWN = KnownRows(REAL_Y, SYNTHETIC_Y, MARKS, 3)


ARMS = arms_of(
    [
        *(arm for arm in PRESETS.values() if isinstance(arm, Arm)),
        {"rows": {"synthetic": "all", "mixing": "pooled"}},
        {"rows": {"synthetic": "passing", "mixing": "first"}},
        {"rows": {"synthetic": "kept", "copies": True}},
        {"oversample": "random"},
        {"rows": "passing"},
        {"rows": "diverse", "mix": "mixup"},
        {"rows": "passing", "sampling": "natural", "loss": "class_weighted"},
    ]
)
WEIGHTED = name_of(Arm(rows="passing", sampling="natural", loss="class_weighted"))


def draws(name, *, steps=400, batch=32, share=0.25, seed=0, anneal=False):
    arm = ARMS[name]
    rows = rows_of(arm, KNOWN, seed=seed)
    drawing = Drawing(steps, batch, seed, share, anneal)
    return [pick(arm, rows, drawing, step) for step in range(steps)]


def labels_of(picked):
    return np.where(picked.synthetic, SYNTHETIC_Y[np.minimum(picked.row, 49)], REAL_Y[picked.row])


@pytest.mark.parametrize("name", ARMS)
def test_every_batch_is_full_and_every_row_carries_its_own_label(name):
    for picked in draws(name, steps=30):
        assert len(picked.row) == len(picked.place) == len(picked.synthetic) == 32
        np.testing.assert_array_equal(labels_of(picked), picked.y)
        if ARMS[name].rows.copies or ARMS[name].rows.synthetic == "none":
            assert not picked.synthetic.any()


@pytest.mark.parametrize(
    "name", [name for name, arm in ARMS.items() if arm.sampling == "balanced" and arm.rows.real]
)
def test_balanced_batches_hold_every_class_equally_often(name):
    counts = np.array([np.bincount(p.y, minlength=3) for p in draws(name)])
    assert set(np.unique(counts)) == {10, 11}  # 32 = 3 * 10 + 2 left over
    # Each class gets one of the two places left over with probability 2/3: sd of the mean is 0.024.
    np.testing.assert_allclose(counts.mean(0), 32 / 3, atol=0.1)


def test_the_real_arm_follows_the_natural_frequencies_and_touches_no_image():
    picked = draws("real")
    share = np.bincount(np.concatenate([p.y for p in picked]), minlength=3) / (400 * 32)
    # sd of a share over 12,800 independent draws is at most 0.0036.
    np.testing.assert_allclose(share, np.array([50, 10, 3]) / 63, atol=0.015)
    assert all((p.place == 0).all() for p in picked)


def test_augmented_arms_use_all_versions_and_the_untouched_image_among_them():
    places = np.concatenate([p.place for p in draws("classical")])
    assert 0 <= places.min() <= places.max() < 1
    np.testing.assert_allclose(np.bincount((5 * places).astype(int)) / len(places), 0.2, atol=0.02)
    assert all((p.place == 0).all() for p in draws("balanced", steps=20))


@pytest.mark.parametrize("share", [0.0, 0.25, 0.4, 0.9])
def test_the_share_holds_for_every_class_with_kept_rows_in_every_batch(share):
    picked = draws("filtered", share=share)
    for k in (1, 2):
        made = np.array([p.synthetic[p.y == k].sum() for p in picked])
        size = np.array([(p.y == k).sum() for p in picked])
        assert np.all(np.abs(made - share * size) < 1)  # never off by a whole row
        assert made.sum() / size.sum() == pytest.approx(share, abs=0.01)
    assert not any(p.synthetic[p.y == 0].any() for p in picked)  # nothing was kept for class 0


def test_only_the_rows_an_arm_asks_for_are_drawn():
    used = {
        name: np.unique(np.concatenate([p.row[p.synthetic] for p in draws(name)]))
        for name in ("rows=all,pooled", "filtered", "synthetic_only")
    }
    np.testing.assert_array_equal(used["rows=all,pooled"], np.arange(50))
    np.testing.assert_array_equal(used["filtered"], np.flatnonzero(KEPT))
    np.testing.assert_array_equal(used["synthetic_only"], np.flatnonzero(PASSED))


def test_pooled_rows_of_a_class_are_equally_likely():
    picked = draws("rows=all,pooled")
    share = np.mean(np.concatenate([p.synthetic[p.y == 1] for p in picked]))
    assert share == pytest.approx(20 / 30, abs=0.03)  # 20 synthetic beside 10 real rows


def test_synthetic_only_draws_no_real_row_and_only_classes_it_has():
    for picked in draws("synthetic_only", steps=20):
        assert picked.synthetic.all()
        assert set(picked.y) == {1, 2}


def test_a_share_of_zero_is_the_classical_arm_batch_for_batch():
    for one, other in zip(draws("filtered", share=0.0), draws("classical"), strict=True):
        np.testing.assert_array_equal(one.row, other.row)
        np.testing.assert_array_equal(one.place, other.place)


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_every_class_that_has_rows_that_passed_is_mixed_at_the_same_share(share):
    picked = draws("rows=passing", share=share)
    for k in np.unique(SYNTHETIC_Y[PASSED]):
        made = np.concatenate([p.synthetic[p.y == k] for p in picked])
        assert made.mean() == pytest.approx(share, abs=0.01)
    used = np.unique(np.concatenate([p.row[p.synthetic] for p in picked]))
    np.testing.assert_array_equal(used, np.flatnonzero(PASSED))


def test_pretraining_is_synthetic_for_the_first_half_and_the_classical_arm_for_the_second():
    picked, classical = draws("rows=passing,first", steps=60), draws("classical", steps=60)
    for k in np.unique(SYNTHETIC_Y[PASSED]):
        made = np.array([p.synthetic[p.y == k].mean() for p in picked])
        assert made[:30].min() == 1
        assert made[30:].max() == 0
    for one, other in zip(picked[30:], classical[30:], strict=True):
        np.testing.assert_array_equal(one.row, other.row)
        np.testing.assert_array_equal(one.place, other.place)


def test_annealing_falls_linearly_to_zero_at_three_quarters():
    picked = draws("filtered", share=0.8, anneal=True, steps=400, batch=96)
    made = np.array([p.synthetic[p.y == 2].mean() for p in picked])
    assert made[int(ANNEALED_BY * 400) :].max() == 0
    assert made[:10].mean() == pytest.approx(0.8, abs=0.05)
    assert made[145:155].mean() == pytest.approx(0.4, abs=0.05)  # halfway down


def test_copies_stand_in_for_kept_rows_with_real_rows_of_the_class():
    rows = rows_of(ARMS["rows=kept,copies"], KNOWN, seed=3)
    assert [len(index) for index in rows.synthetic] == [0, 10, 15]
    for k, index in enumerate(rows.synthetic):
        assert set(REAL_Y[index]) <= {k}


def test_the_batch_depends_on_seed_and_step_and_on_nothing_before():
    first, again = draws("filtered", steps=6), draws("filtered", steps=6)
    np.testing.assert_array_equal(first[5].row, again[5].row)
    assert not np.array_equal(first[4].row, first[5].row)
    assert not np.array_equal(first[5].row, draws("filtered", steps=6, seed=1)[5].row)


def test_nothing_to_draw_is_refused():
    none = replace(KNOWN, marks=dict.fromkeys(MARKS, np.zeros(50, np.bool_)))
    with pytest.raises(DataError, match="no row to draw"):
        rows_of(ARMS["synthetic_only"], none, seed=0)
    only_kept = Arm(rows={"synthetic": "kept", "mixing": "pooled", "real": False})
    with pytest.raises(DataError, match="no row to draw for the arm rows=kept,no_real"):
        rows_of(only_kept, none, seed=0)


REPEATED = np.concatenate([np.tile(np.arange(50, 60), 4), np.tile(np.arange(60, 63), 16)[:47]])
SMOTE_Y = np.repeat([1, 2], [40, 47])


def oversampling(name, steps=200):
    rows = rows_of(ARMS[name], replace(KNOWN, repeated=REPEATED, smote_y=SMOTE_Y), seed=0)
    return rows, [pick(ARMS[name], rows, Drawing(steps, 32, 0, 0.5), step) for step in range(steps)]


def test_random_oversampling_draws_real_rows_and_no_other():
    rows, picked = oversampling("oversample=random")
    assert [len(a) + len(b) for a, b in zip(rows.real, rows.synthetic, strict=True)] == [50, 50, 50]
    for one in picked:
        assert not one.synthetic.any()
        np.testing.assert_array_equal(REAL_Y[one.row], one.y)


def test_smote_rows_take_part_as_often_as_they_are_among_the_rows_of_their_class():
    _, picked = oversampling("oversampled")
    y, made, row = (np.concatenate([getattr(p, name) for p in picked]) for name in ("y", "synthetic", "row"))
    np.testing.assert_array_equal(SMOTE_Y[row[made]], y[made])
    np.testing.assert_array_equal(REAL_Y[row[~made]], y[~made])
    # 6400 / 3 draws a class: the sd of a share is at most 0.011.
    shares = [made[y == label].mean() for label in range(3)]
    np.testing.assert_allclose(shares, [0, 40 / 50, 47 / 50], atol=0.04)


def test_oversampling_uses_no_synthetic_row_of_the_generator():
    for name in ("oversampled", "oversample=random"):
        assert not ARMS[name].is_synthetic
        rows = rows_of(ARMS[name], KNOWN, seed=0)
        assert not any(len(part) for part in rows.synthetic)


def test_a_share_does_not_change_how_often_a_class_comes_where_classes_are_not_balanced():
    picked = draws(WEIGHTED, share=0.5)
    share = np.bincount(np.concatenate([p.y for p in picked]), minlength=3) / (400 * 32)
    # As for the real arm; with synthetic rows counted it would be 50, 22 and 20 of 92.
    np.testing.assert_allclose(share, np.array([50, 10, 3]) / 63, atol=0.015)
    y, made = (np.concatenate([getattr(p, name) for p in picked]) for name in ("y", "synthetic"))
    # About 2,000 and 600 draws: the sd of a share is at most 0.02.
    np.testing.assert_allclose([made[y == label].mean() for label in range(3)], [0, 0.5, 0.5], atol=0.08)

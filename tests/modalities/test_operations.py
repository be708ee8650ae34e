"""TrivialAugment's and RandAugment's operations: each against its closed form, and how they are drawn."""

import numpy as np
import pytest

from augmentor.experiment.augmentation_spec import AugmentationSpec
from augmentor.modalities.operations import CHANGES, WARPS, chooser
from augmentor.modalities.policies import OPERATIONS, POLICIES, ChosenPolicy
from augmentor.modalities.table import MODALITIES

SHAPES = {"series": (2, 40), "image": (3, 12, 12), "volume": (1, 8, 8, 8)}
GREY = np.random.default_rng(0).uniform(0.2, 0.8, (1, 12, 12)).astype(np.float32)
ONE = ChosenPolicy(strength=1.0)


class Signs:
    """A stream whose two-sided operations go the way of ``random() < 0.5``: up."""

    def random(self):
        return 0.0


def applied(name, x=GREY, strength=1.0):
    return CHANGES[name](x, strength, Signs())


def test_the_table_of_names_and_the_operations_are_the_same():
    assert set(OPERATIONS) == {"identity", *WARPS, *CHANGES}
    for modality in MODALITIES.values():
        assert set(modality.operations) <= set(OPERATIONS)


@pytest.mark.parametrize("kind", SHAPES)
def test_each_operation_of_a_kind_does_something_alone_and_can_be_forbidden(kind):
    modality = MODALITIES[kind]
    x = np.random.default_rng(1).uniform(0.2, 0.8, SHAPES[kind]).astype(np.float32)
    for name in modality.operations[1:]:
        change = chooser(ONE, (name,))
        found = change(x, 3)
        assert (found.shape, found.dtype) == (x.shape, np.float32)
        assert np.abs(found - x).max() > 0.01, name
        assert 0 <= found.min() <= found.max() <= 1
        np.testing.assert_array_equal(chooser(ONE.without([name]), (name,))(x, 3), x)


def test_values_are_changed_as_the_papers_say():
    np.testing.assert_allclose(applied("brightness"), 1.9 * GREY, rtol=1e-6)
    mean = GREY.mean()
    np.testing.assert_allclose(applied("contrast"), mean + 1.9 * (GREY - mean), rtol=1e-5)
    np.testing.assert_allclose(applied("solarise"), 1 - GREY)
    np.testing.assert_allclose(applied("solarise", strength=0.5), np.where(GREY >= 0.5, 1 - GREY, GREY))
    assert len(np.unique(applied("posterise"))) <= 16  # four bits
    stretched = applied("autocontrast")
    assert (stretched.min(), stretched.max()) == (0, 1)
    ranks = applied("equalise").ravel()
    assert (ranks.min(), ranks.max()) == (0, 1)
    assert ranks.mean() == pytest.approx(0.5, abs=0.02)  # uniform on [0, 1]
    assert (np.diff(ranks[np.argsort(GREY.ravel())]) >= -1e-6).all()  # order stays


def test_a_flat_sample_survives_what_stretches_its_values():
    flat = np.full((1, 6, 6), 0.3, np.float32)
    for name in ("autocontrast", "equalise", "contrast"):
        np.testing.assert_allclose(applied(name, flat), flat, rtol=1e-6)


def test_colour_moves_channels_from_their_mean_and_is_not_drawn_for_grey_samples():
    x = np.random.default_rng(0).uniform(0.3, 0.6, (3, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(applied("colour", x), x.mean(0) + 1.9 * (x - x.mean(0)), rtol=1e-4)
    change = chooser(ONE, ("identity", "colour"))
    assert all((change(GREY, seed) == GREY).all() for seed in range(20))


def test_a_shift_goes_along_one_side_and_a_turn_keeps_the_centre():
    x = np.zeros((1, 21, 21), np.float32)
    x[0, 10, 10] = 1
    change = chooser(ChosenPolicy(strength=10 / 21 / 0.31 * 0.5, border="edge"), ("shift",))
    places = {tuple(np.argwhere(change(x, seed)[0] > 0.5)[0]) for seed in range(40)}
    assert places == {(5, 10), (15, 10), (10, 5), (10, 15)}
    assert chooser(ONE, ("rotate",))(x, 0)[0, 10, 10] == pytest.approx(1, abs=1e-5)


def test_trivialaugment_draws_one_operation_uniformly_and_randaugment_two_of_one_strength():
    trivial, rand = POLICIES["trivial"], POLICIES["randaugment"]
    assert (trivial.number, trivial.strength) == (1, "uniform")
    assert (rand.number, rand.strength) == (2, 0.3)
    operations = ("brightness", "identity")
    flat = np.full((1, 1, 1), 0.5, np.float32)
    change = chooser(trivial, operations)
    factors = np.array([change(flat, seed)[0, 0, 0] for seed in range(800)]) / 0.5
    assert (factors == 1).mean() == pytest.approx(0.5, abs=0.07)  # identity is one of two
    moved = np.abs(factors[factors != 1] - 1)
    assert moved.mean() == pytest.approx(0.45, abs=0.05)  # half of 0.9: strength is uniform
    change = chooser(rand, operations)
    found = {round(float(change(flat, seed)[0, 0, 0]) / 0.5, 4) for seed in range(100)}
    assert found == {1.0, 1.27, 0.73, round(1.27**2, 4), round(0.73**2, 4), round(1.27 * 0.73, 4)}


def test_what_a_recipe_forbids_holds_for_every_policy_and_a_kind_without_operations_has_none():
    spec = AugmentationSpec(policy="light", forbid=("solarise", "rotate"))
    assert spec.resolved().rotate == 0
    assert set(spec.policy_of("trivial").forbid) == {"solarise", "rotate"}
    assert MODALITIES["image"].is_idle(ONE.without(MODALITIES["image"].operations))
    assert not MODALITIES["image"].is_idle(ONE)
    own = AugmentationSpec(policy={"number": 3, "strength": 0.5})
    assert own.resolved() == ChosenPolicy(number=3, strength=0.5)

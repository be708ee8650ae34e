import numpy as np
import pytest
import torch
from blob_parts import blobs, marked
from flat_spec import evaluation

from augmentor.experiment import selected
from augmentor.experiment.draw import passing
from augmentor.experiment.selected import (
    SELECTIONS,
    calibration,
    influence,
    k_centre,
    select,
    surprise,
    taken,
)
from augmentor.experiment.usable import usable_arms


def test_k_centre_takes_the_row_farthest_from_all_that_are_there():
    points = np.array([[0.0], [1.0], [4.0], [10.0], [11.0]])
    # From 0: 11 is farthest (11 away), then 4 (4 from 0, 7 from 11), then 10 and 1 tie at 1: the first.
    assert k_centre(points, np.array([[0.0]]), 4).tolist() == [4, 2, 1, 3]
    assert k_centre(points, np.zeros((0, 1)), 2).tolist() == [0, 4]


def test_no_row_is_taken_twice_even_where_rows_are_alike():
    assert sorted(k_centre(np.zeros((4, 2)), np.zeros((1, 2)), 4).tolist()) == [0, 1, 2, 3]


def test_influence_is_what_a_step_takes_off_the_held_out_loss():
    rng = np.random.default_rng(0)
    features, held = rng.normal(size=(6, 4)), rng.normal(size=(9, 4))
    y, held_y = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 0, 0, 1, 1, 2, 2])
    layer = torch.nn.Linear(4, 3).double()

    def told(x, labels):
        return surprise(layer(torch.from_numpy(x)).detach().numpy(), labels)

    def held_loss():
        loss = torch.nn.functional.cross_entropy(
            layer(torch.from_numpy(held)), torch.from_numpy(held_y), reduction="none"
        )
        return float(torch.stack([loss[held_y == k].mean() for k in range(3)]).mean().detach())

    found = influence(features, told(features, y), held, told(held, held_y), held_y)
    before = held_loss()
    start = [p.detach().clone() for p in layer.parameters()]
    for row in range(6):
        loss = torch.nn.functional.cross_entropy(
            layer(torch.from_numpy(features[row : row + 1])), torch.from_numpy(y[row : row + 1])
        )
        step = torch.autograd.grad(loss, list(layer.parameters()))
        with torch.no_grad():
            for p, g in zip(layer.parameters(), step, strict=True):
                p -= 1e-6 * g
        length = np.sqrt(sum(float((g**2).sum()) for g in step))
        # A finite difference of 1e-6 leaves an error of its order.
        assert (before - held_loss()) / 1e-6 / length == pytest.approx(found[row], abs=1e-4)
        with torch.no_grad():
            for p, s in zip(layer.parameters(), start, strict=True):
                p.copy_(s)


def test_half_of_each_class_is_taken_and_only_of_those_that_passed(monkeypatch):
    monkeypatch.setattr(selected, "UPDATES", 40)
    train = blobs((30, 12), 0)
    synthetic = marked(blobs((20, 30), 4, prefix="made"))
    synthetic.kept[:6] = False
    synthetic.reason[:6] = "label"
    masks = select(train, synthetic, ["diverse", "influential"], seed=0, processes=1)
    passed = passing(synthetic)
    assert set(masks) == set(SELECTIONS)
    for mask in masks.values():
        assert not (mask & ~passed).any()
        for label in range(2):
            here = synthetic.samples.y == label
            assert (mask & here).sum() == taken((passed & here).sum())
    again = select(train, synthetic, ["influential"], seed=0, processes=1)
    np.testing.assert_array_equal(again["influential"], masks["influential"])
    assert not np.array_equal(masks["diverse"], masks["influential"])


def test_the_calibration_makes_sure_logits_as_sure_as_they_are_right():
    # Right three times of four at logits (5, 0): a probability of 3/4 is a difference of log 3.
    logits = np.tile([[5.0, 0.0], [0.0, 5.0]], (4, 1))
    y = np.array([0, 1, 0, 1, 0, 1, 1, 0])
    slope, offsets = calibration(logits, y)
    # The ridge of 1e-3 draws the slope a little towards 1.
    assert slope == pytest.approx(np.log(3) / 5, rel=0.05)
    np.testing.assert_allclose(offsets, 0, atol=1e-3)


def test_the_calibration_takes_a_leaning_away():
    # Logits that say (1/4, 3/4) of both classes alike: rows of either class deserve (1/2, 1/2).
    logits = np.tile([0.0, np.log(3)], (6, 1))
    slope, offsets = calibration(logits, np.array([0, 0, 0, 0, 0, 1]))
    assert slope * np.log(3) + offsets[1] - offsets[0] == pytest.approx(0, abs=0.02)


def test_rows_with_the_wrong_label_are_not_influential():
    train = blobs((40, 40), 3, noise=0.2)
    made = blobs((30, 30), 43, prefix="made", noise=0.2)
    wrong = np.arange(60) % 3 == 0
    made.y[wrong] = 1 - made.y[wrong]
    mask = select(train, marked(made), ["influential"], seed=3, processes=1)["influential"]
    # Twenty are wrong; of half the rows chance would take ten.
    assert mask[wrong].sum() <= 2


def test_nothing_asked_fits_nothing(monkeypatch):
    monkeypatch.setattr("augmentor.experiment.selected.fit_folds", lambda *_, **__: pytest.fail("fitted"))
    assert select(blobs((5, 5), 0), marked(blobs((5, 5), 1)), [], seed=0, processes=1) == {}


def test_an_arm_that_cannot_divide_a_class_is_left_out_with_the_reason():
    train = blobs((20, 1), 0)
    choosing = [{"rows": name, "mix": "mixup"} for name in SELECTIONS]
    spec = evaluation(arms=["classical", *choosing])
    left, skipped = usable_arms(spec, train, marked(blobs((5, 5), 1)))
    assert list(left) == ["classical"]
    assert list(skipped) == ["rows=diverse mix=mixup", "rows=influential mix=mixup"]
    assert all("cannot be divided" in reason for reason in skipped.values())

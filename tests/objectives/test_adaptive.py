"""The adaptive controller against a critic that overfits as far as it is let."""

import math

import pytest
import torch

from augmentor.core.errors import ConfigError
from augmentor.objectives.adaptive import AdaptiveProbability
from augmentor.objectives.adversarial import ADVERSARIAL


def overfitting_critic(probability, generator, batch=64):
    """Real logits N(2 (1 - p), 1): sure of its training set, and less so the stronger the augmentation.

    E[sign] = erf(2 (1 - p) / sqrt 2), which is 0.6 at 2 (1 - p) = 0.84162, so at p = 0.57919.
    """
    return torch.randn(batch, generator=generator) + 2 * (1 - probability)


BALANCE = 1 - 0.8416212335729143 / 2


def test_balance_point_is_where_the_sign_is_at_the_target():
    assert math.erf(2 * (1 - BALANCE) / math.sqrt(2)) == pytest.approx(0.6, abs=1e-12)


@pytest.mark.parametrize("start", [0.0, 0.8])
def test_settles_where_the_overfitting_critic_is_at_the_target(start):
    controller, generator = AdaptiveProbability(images=50_000, start=start), torch.Generator().manual_seed(0)
    course = [controller.update(overfitting_critic(controller.probability, generator)) for _ in range(4000)]
    # A step is 256 / 50,000 = 0.005; averaged over the second half the walk is within a few steps.
    late = torch.tensor(course[2000:])
    assert late.mean().item() == pytest.approx(BALANCE, abs=0.015)
    assert (late - BALANCE).abs().max().item() < 0.08


@pytest.mark.parametrize(("logit", "end"), [(1.0, 0.8), (-1.0, 0.0)])
def test_runs_to_its_bounds_and_stays(logit, end):
    controller = AdaptiveProbability(images=1000, start=0.4)
    for _ in range(100):
        controller.update(torch.full((32,), logit))
        assert 0 <= controller.probability <= 0.8
    assert controller.probability == end


def test_speed_is_counted_in_images_whatever_the_batch():
    for batch in (10, 50):
        controller = AdaptiveProbability(images=10_000, interval=4, maximum=1.0)
        for _ in range(4000 // batch):
            controller.update(torch.ones(batch))
        assert controller.probability == pytest.approx(0.4, abs=1e-9)


def test_moves_only_at_the_interval_and_by_all_signs_since():
    controller = AdaptiveProbability(images=100, interval=3, start=0.5, target=0.5)
    # Signs 1, 1, -1 in batches of 4: a mean of 1/3, below 0.5, although the last two alone would say 0.
    assert controller.update(torch.full((4,), 9.0)) == 0.5
    assert controller.update(torch.full((4,), 0.1)) == 0.5
    assert controller.update(torch.full((4,), -5.0)) == pytest.approx(0.5 - 12 / 100)
    assert controller.sign == pytest.approx(1 / 3)


def test_at_the_target_exactly_it_stands_still():
    controller = AdaptiveProbability(images=100, interval=1, start=0.5, target=0.5)
    controller.update(torch.tensor([1.0, 1.0, 1.0, -1.0]))
    assert controller.probability == 0.5


def test_state_resumes_between_adjustments_to_the_same_course():
    logits = torch.randn(23, 8, generator=torch.Generator().manual_seed(1)) + 0.8
    whole, first, second = (AdaptiveProbability(images=500, start=0.4) for _ in range(3))
    for row in logits[:10]:  # two past an adjustment
        whole.update(row), first.update(row)
    state = first.state_dict()
    assert all(type(value) is float for value in state.values())
    second.load_state_dict(state)
    for row in logits[10:]:
        assert second.update(row) == whole.update(row)
    assert second.state_dict() == whole.state_dict()
    assert 0 < whole.probability < 0.8
    assert whole.probability != 0.4


def test_logits_that_carry_a_graph_are_let_go():
    controller, logits = AdaptiveProbability(), torch.ones(4, requires_grad=True)
    controller.update(2 * logits)
    assert not controller._signs.requires_grad


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_every_loss_gives_a_confidence_that_controls_it(name):
    confidence = ADVERSARIAL[name].real_confidence
    for real, fake, end in ((6.0, -6.0, 0.8), (-6.0, 6.0, 0.0)):
        controller = AdaptiveProbability(images=100, start=0.4)
        for _ in range(20):
            controller.update(confidence(torch.full((8,), real), torch.full((8,), fake)))
        assert controller.probability == end


@pytest.mark.parametrize(
    "options",
    [
        {"target": 1.0},
        {"images": 0},
        {"interval": 0},
        {"maximum": 0.0},
        {"maximum": 1.1},
        {"start": 0.9},
        {"start": -0.1},
    ],
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=f"Adaptive augmentation needs {next(iter(options))}"):
        AdaptiveProbability(**options)

"""Mode seeking against hand-made pairs."""

import pytest
import torch

from augmentor.objectives.diversity import mode_seeking

SHAPES = [(6, 2, 5), (6, 3, 4, 4), (6, 1, 2, 3, 4)]


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_constant_distances_give_the_closed_form(shape):
    # Images 0.5 apart everywhere, latents 2 apart everywhere: ratio 1/4, loss 1 / (1/4 + floor).
    image, latent = normal(*shape), normal(6, 10, seed=1)
    loss = mode_seeking(image, image - 0.5, latent, latent + 2, floor=0.05)
    torch.testing.assert_close(loss, torch.full((6,), 1 / 0.30, dtype=torch.float64))


def test_convention_images_apart_are_good_and_latents_apart_demand_more():
    image, latent = normal(6, 1, 8), normal(6, 4, seed=1)
    base = mode_seeking(image, image + 1, latent, latent + 1)
    assert (mode_seeking(image, image + 2, latent, latent + 1) < base).all()
    assert (mode_seeking(image, image + 1, latent, latent + 2) > base).all()


def test_one_group_takes_means_before_the_ratio():
    # Image distances 0 and 1, latent distances 1 and 3: the ratio is (0 + 1) / (1 + 3), not a mean of ratios.
    zeros = torch.zeros(2, 1, dtype=torch.float64)
    images, latents = torch.tensor([[0.0], [1.0]]).double(), torch.tensor([[1.0], [3.0]]).double()
    loss = mode_seeking(zeros, images, zeros, latents, floor=0.01)
    torch.testing.assert_close(loss, torch.full((2,), 1 / 0.26, dtype=torch.float64))


def test_with_labels_each_class_has_its_own_ratio():
    zeros = torch.zeros(5, 1, dtype=torch.float64)
    images = torch.tensor([[1.0], [0.0], [3.0], [0.0], [2.0]]).double()
    latents = torch.tensor([[1.0], [1.0], [1.0], [3.0], [2.0]]).double()
    labels = torch.tensor([4, 7, 4, 7, 0])
    # Class 4: (1 + 3) / (1 + 1) = 2; class 7: 0 / 4 = 0, collapsed; class 0: 2 / 2 = 1.
    loss = mode_seeking(zeros, images, zeros, latents, labels=labels, floor=0.1)
    expected = torch.tensor([1 / 2.1, 10.0, 1 / 2.1, 10.0, 1 / 1.1], dtype=torch.float64)
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("labels", [None, torch.tensor([0, 0, 1, 1, 1, 2])])
def test_near_collapse_loss_and_slope_stay_bounded(labels):
    latent, image = normal(6, 4, dtype=torch.float32), normal(6, 1, 8, dtype=torch.float32)
    for apart in (0.0, 1e-30, 1e-6, 1e-3):
        other = (image + apart).requires_grad_()
        loss = mode_seeking(image, other, latent, latent + 1, labels=labels, floor=0.01)
        (gradient,) = torch.autograd.grad(loss.mean(), other)
        # Slope in the ratio at most 1 / floor^2 = 1e4; a mean over 48 values spreads it.
        assert (loss <= 100.001).all()
        assert gradient.isfinite().all()
        assert gradient.abs().max() <= 1e4 / 8
    same = mode_seeking(image, image, latent, latent)
    torch.testing.assert_close(same, torch.full((6,), 100.0))


def test_descending_it_spreads_the_images():
    latent, other_latent = normal(8, 4), normal(8, 4, seed=1)
    images = (0.01 * normal(16, 1, 3, seed=2)).requires_grad_()
    before = (images[:8] - images[8:]).abs().mean().item()
    optimiser = torch.optim.SGD([images], lr=1e-2)
    for _ in range(20):
        optimiser.zero_grad()
        mode_seeking(images[:8], images[8:], latent, other_latent).mean().backward()
        optimiser.step()
    assert (images[:8] - images[8:]).abs().mean().item() > 2 * before


def test_gradcheck_of_mode_seeking():
    inputs = tuple(normal(4, 3, seed=seed).requires_grad_() for seed in range(4))
    labels = torch.tensor([0, 1, 0, 1])
    assert torch.autograd.gradcheck(lambda *pair: mode_seeking(*pair), inputs)
    assert torch.autograd.gradcheck(lambda *pair: mode_seeking(*pair, labels=labels), inputs)


def test_half_precision_is_lifted_before_the_difference():
    # Their difference, 101.0078125, is 101 in bfloat16.
    images = torch.full((4, 3), 1.0078125, dtype=torch.bfloat16)
    other = torch.full((4, 3), -100.0, dtype=torch.bfloat16)
    latents = torch.zeros(4, 2)
    loss = mode_seeking(images, other, latents, latents + 1)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, torch.full((4,), 1 / 101.0178125), rtol=1e-6, atol=0)


def test_mode_seeking_refuses_what_would_broadcast():
    with pytest.raises(ValueError, match="equal shapes"):
        mode_seeking(torch.zeros(4, 2), torch.zeros(1, 2), torch.zeros(4, 3), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="equal shapes"):
        mode_seeking(torch.zeros(4, 2), torch.zeros(4, 2), torch.zeros(4, 3), torch.zeros(4, 1))
    with pytest.raises(ValueError, match="positive floor"):
        mode_seeking(*torch.zeros(4, 4, 2), floor=0.0)

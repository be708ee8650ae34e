"""The path length against the Jacobian of a linear generator."""

import math

import pytest
import torch

from augmentor.core.errors import ConfigError
from augmentor.objectives.path_length import PathLength


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sides", [(6,), (3, 4), (2, 3, 2)])
def test_linear_generator(sides):
    # g(w) = A w, so J^T y = A^T y for each row's noise y, scaled by 1 / sqrt(positions).
    positions = math.prod(sides)
    matrix = torch.randn(2 * positions, 5, dtype=torch.float64, generator=seeded(1))
    latents = torch.randn(4, 5, dtype=torch.float64, generator=seeded(2)).requires_grad_()
    images = (latents @ matrix.T).view(4, 2, *sides)
    noise = torch.randn(images.shape, generator=seeded(3)).double().flatten(1) / math.sqrt(positions)
    length = (noise @ matrix).norm(dim=1)
    regulariser = PathLength(decay=0.9)
    loss = regulariser(images, latents, generator=seeded(3))
    mean = 0.1 * length.mean()
    torch.testing.assert_close(loss, (length - mean).square(), rtol=1e-5, atol=1e-6)
    assert regulariser.state_dict()["mean"] == pytest.approx(mean.item(), rel=1e-5)


def test_an_orthogonal_generator_at_its_mean_has_no_penalty_and_a_stretched_one_has():
    # Karras 2020, appendix C: the loss is least where J is orthogonal up to a scale. Expected length of
    # J^T y for J = a I in 2000 dimensions is a sqrt(2000) with little spread.
    def settled(scales):
        latents = torch.randn(64, 2000, generator=seeded(1)).requires_grad_()
        regulariser, generator = PathLength(decay=0.5), seeded(2)
        for _ in range(12):
            loss = regulariser((latents * scales).view(64, 2000, 1), latents, generator=generator)
        return (loss.mean() / regulariser.state_dict()["mean"] ** 2).item()

    even = torch.ones(2000)
    stretched = torch.zeros(2000)
    stretched[:20] = 10.0  # the same mean square, carried by a hundredth of the directions
    # Variance over squared mean of a chi distribution with k degrees is about 1 / (2 k).
    assert settled(even) == pytest.approx(1 / 4000, rel=0.5)
    assert settled(stretched) == pytest.approx(1 / 40, rel=0.5)


def test_with_a_style_for_each_layer_the_squared_length_is_the_mean_over_layers():
    one = torch.randn(3, 4, dtype=torch.float64, generator=seeded()).requires_grad_()
    layers = one.detach()[:, None].repeat(1, 2, 1).requires_grad_()
    image = torch.tanh(one).view(3, 1, 4)
    # Only the first of two layers matters, so the squared length is halved.
    layered = torch.tanh(layers[:, 0]).view(3, 1, 4)
    single, double = PathLength(decay=0.0), PathLength(decay=0.0)
    single(image, one, generator=seeded(1))
    double(layered, layers, generator=seeded(1))
    ratio = double.state_dict()["mean"] / single.state_dict()["mean"]
    assert ratio == pytest.approx(math.sqrt(0.5), rel=1e-5)


def test_second_order_derivatives_for_the_generators_weights():
    latents = torch.randn(3, 4, dtype=torch.float64, generator=seeded()).requires_grad_()
    weight = torch.randn(4, 6, dtype=torch.float64, generator=seeded(1)).requires_grad_()

    def penalty(weight):
        # A decay near 1 keeps the average, which carries no gradient, out of the finite differences.
        images = torch.tanh(latents @ weight).view(3, 1, 6)
        return PathLength(decay=1 - 1e-12)(images, latents, generator=seeded(2))

    assert torch.autograd.gradcheck(penalty, weight)


def test_state_resumes_bit_for_bit():
    latents = torch.randn(3, 4, generator=seeded()).requires_grad_()
    whole, first, second = PathLength(), PathLength(), PathLength()

    def call(regulariser, seed):
        return regulariser(torch.tanh(latents).view(3, 1, 4), latents, generator=seeded(seed))

    call(whole, 1), call(first, 1)
    state = first.state_dict()
    assert type(state["mean"]) is float
    second.load_state_dict(state)
    assert torch.equal(call(second, 2), call(whole, 2))
    assert second.state_dict() == whole.state_dict()


def test_decay_out_of_range_is_refused():
    with pytest.raises(ConfigError, match="Path length needs a decay"):
        PathLength(decay=-0.1)

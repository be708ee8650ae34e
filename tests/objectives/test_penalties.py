"""Gradient penalties: critics of known gradient, float64 second derivatives, seams in every dimension."""

import math

import pytest
import torch
from torch import nn

from augmentor.objectives.penalties import (
    PENALTIES,
    RANDOM_PENALTIES,
    bind,
    clip_weights,
    consistency,
    gradient_penalty,
    input_gradient,
    r1,
    r2,
)

SHAPES = [(5, 2, 7), (5, 3, 4, 6), (5, 1, 3, 4, 2)]
NAMES = [*PENALTIES, *RANDOM_PENALTIES]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def linear(weight):
    """D(x) = <w, x>, with gradient w everywhere."""
    return lambda x: x.flatten(1) @ weight


def quadratic(x):
    """D(x) = |x|^2 / 2, with gradient x: it tells where the penalty was taken."""
    return 0.5 * x.flatten(1).square().sum(1)


@pytest.mark.parametrize("shape", SHAPES)
def test_linear_critic_has_its_weight_as_gradient(shape):
    weight = normal(math.prod(shape[1:]))
    real, fake = normal(*shape, seed=1), normal(*shape, seed=2)
    half_square = torch.full((5,), float(weight.square().sum()) / 2, dtype=torch.float64)
    torch.testing.assert_close(r1(linear(weight), real, fake), half_square)
    torch.testing.assert_close(r2(linear(weight), real, fake), half_square)
    expected = torch.full((5,), (float(weight.norm()) - 1) ** 2, dtype=torch.float64)
    torch.testing.assert_close(gradient_penalty(linear(weight), real, fake, generator=seeded()), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_convention_r1_is_taken_at_real_rows_and_r2_at_fake_rows(shape):
    real, fake = normal(*shape, seed=1), 3 * normal(*shape, seed=2)
    torch.testing.assert_close(r1(quadratic, real, fake), quadratic(real))
    torch.testing.assert_close(r2(quadratic, real, fake), quadratic(fake))


def test_gradient_penalty_is_taken_on_the_line_between_paired_rows():
    # D = |x|^2 / 2 has gradient x, so the penalty is (|x| - 1)^2 at x = u real + (1 - u) fake. With real
    # rows 4 e1 and fake rows 2 e1, |x| = 2 + 2u and the penalty (1 + 2u)^2, u being the drawn numbers.
    real, fake = torch.zeros(6, 2, 3), torch.zeros(6, 2, 3)
    real[:, 0, 0], fake[:, 0, 0] = 4.0, 2.0
    share = torch.rand(6, generator=seeded(7))
    penalty = gradient_penalty(quadratic, real, fake, generator=seeded(7))
    torch.testing.assert_close(penalty, (1 + 2 * share).square())
    assert penalty.std() > 0.1


def test_gradient_penalty_draws_from_its_generator_only():
    real, fake = normal(4, 1, 5, seed=1), normal(4, 1, 5, seed=2)
    state = torch.get_rng_state()
    first = gradient_penalty(quadratic, real, fake, generator=seeded(3))
    again = gradient_penalty(quadratic, real, fake, generator=seeded(3))
    other = gradient_penalty(quadratic, real, fake, generator=seeded(4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_gradient_penalty_refuses_rows_it_cannot_pair():
    with pytest.raises(ValueError, match="equal shapes"):
        gradient_penalty(quadratic, torch.zeros(4, 2), torch.zeros(3, 2), generator=seeded())


def test_gradient_penalty_of_a_dead_critic_is_one_with_a_finite_gradient():
    weight = torch.zeros(6, requires_grad=True)
    penalty = gradient_penalty(linear(weight), torch.ones(3, 6), torch.zeros(3, 6), generator=seeded())
    torch.testing.assert_close(penalty, torch.ones(3), atol=1e-5, rtol=0)
    penalty.sum().backward()
    assert weight.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
class TestEveryPenalty:
    def test_derivatives_for_the_weights(self, name, shape):
        """First and second derivatives of the penalty in the critic's weights, in float64."""
        size = math.prod(shape[1:])
        inner, outer = normal(size, 3, seed=3) / size**0.5, normal(3, seed=4)
        inner.requires_grad_(), outer.requires_grad_()
        real, fake = normal(*shape, seed=1)[:2], normal(*shape, seed=2)[:2]

        def penalty(inner, outer):
            return bind(name, seeded())(lambda x: torch.tanh(x.flatten(1) @ inner) @ outer, real, fake)

        assert torch.autograd.gradcheck(penalty, (inner, outer))
        assert torch.autograd.gradgradcheck(penalty, (inner, outer))

    def test_shape_sign_and_precision(self, name, shape):
        size = math.prod(shape[1:])
        weight = normal(size, dtype=torch.float32)
        real, fake = normal(*shape, seed=1, dtype=torch.float32), normal(*shape, seed=2, dtype=torch.float32)
        seen = []

        def critic(x):
            out = torch.tanh(x.flatten(1) @ weight[:, None])[:, 0]
            seen.append((out.dtype, torch.is_autocast_enabled("cpu")))
            return out

        full = bind(name, seeded())(critic, real, fake)
        with torch.autocast("cpu", torch.bfloat16):
            under_autocast = bind(name, seeded())(critic, real, fake)
        assert full.shape == (len(real),)
        assert full.dtype == torch.float32
        assert (full >= 0).all()
        assert torch.equal(full, under_autocast)
        assert set(seen) == {(torch.float32, False)}
        half = bind(name, seeded())(critic, real.bfloat16(), fake.bfloat16())
        assert half.dtype == torch.float32

    def test_never_trains_the_generator_and_works_without_gradients_around_it(self, name, shape):
        real = normal(*shape, seed=1).requires_grad_()
        fake = normal(*shape, seed=2).requires_grad_()
        weight = normal(math.prod(shape[1:])).requires_grad_()
        # A critic with curvature: of a linear one the penalty would not depend on the samples anyway.
        bind(name, seeded())(lambda x: linear(weight)(x.tanh()), real, fake).sum().backward()
        assert real.grad is None
        assert fake.grad is None
        assert weight.grad.abs().sum() > 0
        with torch.no_grad():
            assert bind(name, seeded())(linear(weight), real, fake).shape == (len(real),)


def test_an_unknown_penalty_is_a_key_error():
    with pytest.raises(KeyError):
        bind("r3", seeded())


def test_input_gradient_saves_a_pass_and_gives_the_same_r1():
    critic = nn.Sequential(
        nn.Flatten(), nn.Linear(8, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0)
    ).double()
    real = normal(3, 2, 4).requires_grad_()
    shared = 0.5 * input_gradient(critic(real), real).square().sum(1)
    torch.testing.assert_close(shared, r1(critic, real, real))


def test_penalty_goes_through_the_augmentation_to_the_raw_sample():
    # D(T(x)) with T(x) = 3x and D = <w, x> has gradient 3w at x: nine times the penalty of D alone.
    weight, real = normal(6), normal(4, 6)
    through = r1(lambda x: linear(weight)(3 * x), real, real)
    torch.testing.assert_close(through, 9 * r1(linear(weight), real, real))


def test_consistency_by_hand_and_on_real_rows_only():
    # D = <1, x>, T(x) = x + 1 on 3 values: the logits differ by 3, the penalty is 9.
    critic = linear(torch.ones(3))
    real, fake = torch.randn(4, 3, generator=seeded()), torch.full((4, 3), torch.nan)
    torch.testing.assert_close(
        consistency(critic, real, fake, augment=lambda x: x + 1), torch.full((4,), 9.0)
    )
    assert consistency(critic, real, fake, augment=lambda x: x).tolist() == [0.0] * 4


def test_consistency_trains_the_critic_in_full_precision():
    weight = normal(3, dtype=torch.float32).requires_grad_()
    real = normal(4, 3, dtype=torch.float32)
    plain = consistency(linear(weight), real, real, augment=lambda x: 2 * x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(consistency(linear(weight), real, real, augment=lambda x: 2 * x), plain)
    # D(x) - D(2x) = -<w, x>, so the gradient of its square is 2 <w, x> x.
    (gradient,) = torch.autograd.grad(plain.sum(), weight)
    torch.testing.assert_close(gradient, (2 * (real @ weight)[:, None] * real).sum(0).detach())


def test_clip_weights_clamps_parameters_and_leaves_buffers_and_small_ones():
    module = nn.BatchNorm1d(3)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([-2.0, 0.005, 5.0]))
        module.running_mean.fill_(7.0)
    clip_weights(module, 0.01)
    torch.testing.assert_close(module.weight.detach(), torch.tensor([-0.01, 0.005, 0.01]))
    assert module.running_mean.tolist() == [7.0] * 3
    for bound in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive bound"):
            clip_weights(module, bound)

"""Adversarial losses against closed forms, where two Gaussians give the optimal critic."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from augmentor.objectives.adversarial import ADVERSARIAL

# Densities of N(mu, 1) and N(-mu, 1) on a fine grid: expectations below are integrals, exact to ~1e-10.
GRID = torch.linspace(-14, 14, 20_001, dtype=torch.float64)
STEP = float(GRID[1] - GRID[0])
MU = 0.7
P = torch.exp(-0.5 * (GRID - MU) ** 2) / math.sqrt(2 * math.pi)
Q = torch.exp(-0.5 * (GRID + MU) ** 2) / math.sqrt(2 * math.pi)
NOTHING = torch.zeros_like(GRID)
LOG_RATIO = 2 * MU * GRID  # log p - log q


def expected_critic_loss(name, critic):
    """E_p[loss's real part] + E_q[its fake part] for the losses that are a sum of the two."""
    loss = ADVERSARIAL[name].critic
    constant = loss(NOTHING, NOTHING)  # f(0) + g(0); the parts are separated by holding the other at 0
    real_part, fake_part = loss(critic, NOTHING), loss(NOTHING, critic)
    return float(((P * real_part).sum() + (Q * fake_part).sum()) * STEP - constant[0])


def total_variation():
    # TV(N(mu,1), N(-mu,1)) = 2 Phi(mu) - 1 = erf(mu / sqrt 2)
    return math.erf(MU / math.sqrt(2))


def test_cross_entropy_at_the_optimal_critic_is_log_4_minus_twice_the_jensen_shannon_divergence():
    middle = (P + Q) / 2
    divergence = float(
        (0.5 * P * (P / middle).log() + 0.5 * Q * (Q / middle).log()).nan_to_num().sum() * STEP
    )
    for name in ("minimax", "non_saturating"):
        assert expected_critic_loss(name, LOG_RATIO) == pytest.approx(math.log(4) - 2 * divergence, abs=1e-8)


def test_least_squares_at_the_optimal_critic_is_a_quarter_of_the_pearson_form():
    # D* = p / (p + q): E = 1/2 int (p q^2 + q p^2) / (p + q)^2 = 1/2 int p q / (p + q).
    value = float((0.5 * P * Q / (P + Q)).sum() * STEP)
    assert expected_critic_loss("least_squares", torch.sigmoid(LOG_RATIO)) == pytest.approx(value, abs=1e-8)


def test_hinge_at_the_optimal_critic_is_2_minus_twice_the_total_variation():
    value = 2 - 2 * total_variation()
    assert expected_critic_loss("hinge", torch.sign(LOG_RATIO)) == pytest.approx(value, abs=1e-5)


def test_wasserstein_with_a_unit_slope_is_minus_the_distance_of_the_means():
    assert expected_critic_loss("wasserstein", GRID) == pytest.approx(-2 * MU, abs=1e-8)


def test_relativistic_at_the_log_ratio_is_below_log_2_and_no_scaling_improves_it():
    # For pairs (x, x') ~ p q the optimal difference is log p(x)q(x') - log q(x)p(x'), that is the difference
    # of log ratios: a logistic regression between the two orders of a pair.
    coarse = slice(None, None, 40)
    x, weight_p, weight_q = GRID[coarse], P[coarse] * STEP * 40, Q[coarse] * STEP * 40
    real = x[:, None].expand(-1, len(x)).reshape(-1)
    fake = x[None, :].expand(len(x), -1).reshape(-1)
    weight = (weight_p[:, None] * weight_q[None, :]).reshape(-1)

    def risk(scale):
        loss = ADVERSARIAL["relativistic"].critic(scale * 2 * MU * real, scale * 2 * MU * fake)
        return float((weight * loss).sum())

    best = risk(1.0)
    assert best < math.log(2) - 0.1
    assert all(risk(scale) > best + 1e-6 for scale in (0.9, 1.1))


@pytest.mark.parametrize(
    ("name", "undecided", "critic", "generator"),
    [
        ("minimax", 0.0, math.log(4), -math.log(2)),
        ("non_saturating", 0.0, math.log(4), math.log(2)),
        ("least_squares", 0.5, 0.25, 0.125),
        ("wasserstein", 0.3, 0.0, -0.3),
        ("hinge", 0.0, 2.0, 0.0),
        ("relativistic", 0.3, math.log(2), math.log(2)),
    ],
)
def test_values_where_the_critic_cannot_tell(name, undecided, critic, generator):
    game = ADVERSARIAL[name]
    logits = torch.full((4,), undecided, dtype=torch.float64)
    torch.testing.assert_close(game.critic(logits, logits), torch.full_like(logits, critic))
    torch.testing.assert_close(game.generator(logits, logits), torch.full_like(logits, generator))
    if name != "wasserstein":
        torch.testing.assert_close(game.real_confidence(logits, logits), torch.zeros_like(logits))


def test_cross_entropy_agrees_with_an_independent_implementation():
    real, fake = torch.randn(2, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    reference = binary_cross_entropy_with_logits(real, ones, reduction="none")
    reference = reference + binary_cross_entropy_with_logits(fake, zeros, reduction="none")
    torch.testing.assert_close(ADVERSARIAL["minimax"].critic(real, fake), reference)
    torch.testing.assert_close(
        ADVERSARIAL["non_saturating"].generator(real, fake),
        binary_cross_entropy_with_logits(fake, ones, reduction="none"),
    )
    torch.testing.assert_close(
        ADVERSARIAL["minimax"].generator(real, fake),
        torch.log(1 - torch.sigmoid(fake)),
        rtol=1e-6,
        atol=1e-9,
    )


def test_least_squares_by_hand():
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([3.0, -1.0])
    assert ADVERSARIAL["least_squares"].critic(real, fake).tolist() == [5.0, 1.0]
    assert ADVERSARIAL["least_squares"].generator(real, fake).tolist() == [2.0, 2.0]


def test_hinge_by_hand():
    real, fake = torch.tensor([2.0, 0.0, -1.0]), torch.tensor([-2.0, 0.0, 1.0])
    assert ADVERSARIAL["hinge"].critic(real, fake).tolist() == [0.0, 2.0, 4.0]
    assert ADVERSARIAL["hinge"].generator(real, fake).tolist() == [2.0, 0.0, -1.0]


@pytest.mark.parametrize("name", ADVERSARIAL)
class TestEveryGame:
    def test_convention_the_critic_wants_real_above_fake_and_the_generator_the_reverse(self, name):
        game = ADVERSARIAL[name]
        high, low = torch.tensor([1.5]), torch.tensor([-0.5])
        assert game.critic(high, low) < game.critic(low, high)
        assert game.generator(low, high) < game.generator(high, low)
        assert game.real_confidence(high, low) > 0 > game.real_confidence(low, high)

    def test_gradients_pull_the_right_way(self, name):
        game = ADVERSARIAL[name]
        real = torch.tensor([0.1, -0.2], requires_grad=True)
        fake = torch.tensor([0.0, 0.3], requires_grad=True)
        on_real, on_fake = torch.autograd.grad(game.critic(real, fake).sum(), (real, fake))
        assert (on_real < 0).all()
        assert (on_fake >= 0).all()
        assert on_fake[1] > 0
        (pull,) = torch.autograd.grad(game.generator(real, fake).sum(), fake)
        assert (pull < 0).all()

    def test_relativistic_is_true_where_the_generator_needs_the_real_logits(self, name):
        game = ADVERSARIAL[name]
        fake = torch.tensor([0.3, -1.0])
        looks = not torch.equal(
            game.generator(torch.tensor([0.0, 1.0]), fake), game.generator(torch.tensor([2.0, -3.0]), fake)
        )
        assert looks == game.relativistic

    def test_float32_agrees_with_float64_even_at_extreme_logits(self, name):
        game = ADVERSARIAL[name]
        values = torch.tensor([-80.0, -5.0, -0.1, 0.0, 0.2, 7.0, 80.0])
        real, fake = values, values.flip(0)
        for side in (game.critic, game.generator, game.real_confidence):
            single, double = side(real, fake), side(real.double(), fake.double())
            assert single.dtype == torch.float32
            assert single.isfinite().all()
            torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-5)

    def test_half_precision_is_lifted(self, name):
        game = ADVERSARIAL[name]
        half = torch.tensor([0.5, -1.0], dtype=torch.bfloat16)
        for side in (game.critic, game.generator, game.real_confidence):
            assert side(half, half).dtype == torch.float32
            assert side(half, half).shape == (2,)

    def test_gradcheck(self, name):
        game = ADVERSARIAL[name]
        real, fake = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        real.requires_grad_(), fake.requires_grad_()
        assert torch.autograd.gradcheck(game.critic, (real, fake))
        assert torch.autograd.gradcheck(game.generator, (real, fake))

    def test_shapes_that_would_broadcast_are_refused(self, name):
        game = ADVERSARIAL[name]
        for real, fake in ((torch.zeros(4, 1), torch.zeros(4)), (torch.zeros(4), torch.zeros(1))):
            for side in (game.critic, game.generator):
                with pytest.raises(ValueError, match="one shape"):
                    side(real, fake)


@pytest.mark.parametrize("name", ["wasserstein", "relativistic"])
def test_a_constant_added_to_all_logits_changes_nothing(name):
    game = ADVERSARIAL[name]
    real, fake = torch.tensor([0.5, -1.0]), torch.tensor([0.1, 0.2])
    torch.testing.assert_close(game.critic(real + 5, fake + 5), game.critic(real, fake))
    torch.testing.assert_close(game.real_confidence(real + 5, fake + 5), game.real_confidence(real, fake))


def test_the_saturating_loss_saturates_where_the_critic_wins_and_the_other_does_not():
    logits = torch.tensor([-12.0], requires_grad=True)
    (weak,) = torch.autograd.grad(ADVERSARIAL["minimax"].generator(logits, logits).sum(), logits)
    (strong,) = torch.autograd.grad(ADVERSARIAL["non_saturating"].generator(logits, logits).sum(), logits)
    # -sigmoid(-12) and -sigmoid(12)
    assert weak.item() == pytest.approx(-6.1e-6, rel=1e-2)
    assert strong.item() == pytest.approx(-1.0, abs=1e-4)

"""Adversarial losses: what the critic and the generator each minimise, as functions of the logits.

Every side takes ``(real_logits, fake_logits)``, both of shape ``(B,)`` and both raw critic outputs
(no sigmoid), and returns the unreduced loss ``(B,)`` in at least float32. Larger logits mean "more real".
Both sides see both, so a relativistic loss needs no path of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

Side = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class AdversarialLoss:
    """An adversarial loss: what the critic and the generator minimise.

    Attributes:
        critic: ``(real_logits, fake_logits) -> (B,)``, minimised by the critic.
        generator: ``(real_logits, fake_logits) -> (B,)``, minimised by the generator.
        relativistic: True where the generator's loss depends on the real logits. Where it is False the caller
            may skip the critic's pass over the real batch and pass any tensor of the right shape.
        real_confidence: ``(real_logits, fake_logits) -> (B,)``, positive where the critic takes the real row
            for real, zero where it is undecided. Its sign controls adaptive augmentation. Losses that fix the
            logits only up to a constant (Wasserstein, relativistic) compare with the fake row instead.
    """

    critic: Side
    generator: Side
    relativistic: bool
    real_confidence: Side


def _logits(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Check the shapes and lift half precision to float32 (float64 stays)."""
    if real.ndim != 1 or real.shape != fake.shape:
        raise ValueError(
            "An adversarial loss takes real and fake logits of one shape (B,), "
            f"received {tuple(real.shape)} and {tuple(fake.shape)}; squeeze the critic's output."
        )
    dtype = torch.promote_types(torch.promote_types(real.dtype, fake.dtype), torch.float32)
    return real.to(dtype), fake.to(dtype)


def cross_entropy_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``-log D(x) - log(1 - D(G(z)))``, Goodfellow 2014, eq. 1, with ``D = sigmoid(logit)``.

    The optimal logit is ``log p(x) - log q(x)``; the mean loss there is ``log 4 - 2 JSD(p, q)``, thus
    ``log 4`` where the generator is perfect.
    """
    real, fake = _logits(real, fake)
    return softplus(-real) + softplus(fake)


def minimax_generator(real: Tensor, fake: Tensor) -> Tensor:
    """``log(1 - D(G(z)))``, Goodfellow 2014, eq. 1: saturates where the critic wins.

    ``-log 2`` where the critic is undecided.
    """
    _, fake = _logits(real, fake)
    return -softplus(fake)


def non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """``-log D(G(z))``, Goodfellow 2014, section 3. ``log 2`` where the critic is undecided."""
    _, fake = _logits(real, fake)
    return softplus(-fake)


def least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``(D(x) - 1)^2 / 2 + D(G(z))^2 / 2``, Mao 2017, eq. 9 (0-1 coding).

    The optimal critic is ``p / (p + q)``, so 1/2 and a loss of 1/4 where the generator is perfect.
    """
    real, fake = _logits(real, fake)
    return 0.5 * ((real - 1).square() + fake.square())


def least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    """``(D(G(z)) - 1)^2 / 2``, Mao 2017, eq. 9. 1/8 where the critic is undecided."""
    _, fake = _logits(real, fake)
    return 0.5 * (fake - 1).square()


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``D(G(z)) - D(x)``, Arjovsky 2017, eq. 3.

    With a critic of Lipschitz constant 1 its minimum is minus the Wasserstein-1 distance; 0 where the
    generator is perfect. Needs weight clipping or a gradient penalty, without which it has no minimum.
    """
    real, fake = _logits(real, fake)
    return fake - real


def linear_generator(real: Tensor, fake: Tensor) -> Tensor:
    """``-D(G(z))``: the generator's loss in the Wasserstein (Arjovsky 2017) and hinge (Lim 2017) GANs."""
    _, fake = _logits(real, fake)
    return -fake


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``max(0, 1 - D(x)) + max(0, 1 + D(G(z)))``, Lim and Ye 2017; Miyato 2018, eq. 16.

    The optimal critic is ``sign(p - q)`` and the mean loss there ``2 - 2 TV(p, q)``, so 2 where the
    generator is perfect.
    """
    real, fake = _logits(real, fake)
    return torch.relu(1 - real) + torch.relu(1 + fake)


def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """``softplus(-(D(x) - D(G(z))))`` over pairs, Jolicoeur-Martineau 2019; Huang 2024, eq. 2.

    ``log 2`` where the generator is perfect. Adding a constant to all logits changes nothing.
    """
    real, fake = _logits(real, fake)
    return softplus(fake - real)


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """``softplus(-(D(G(z)) - D(x)))`` over pairs, the mirror image of :func:`relativistic_critic`."""
    real, fake = _logits(real, fake)
    return softplus(real - fake)


def _about_zero(real: Tensor, fake: Tensor) -> Tensor:
    return _logits(real, fake)[0]


def _about_half(real: Tensor, fake: Tensor) -> Tensor:
    return _logits(real, fake)[0] - 0.5


def _against_fake(real: Tensor, fake: Tensor) -> Tensor:
    real, fake = _logits(real, fake)
    return real - fake


ADVERSARIAL: Mapping[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(cross_entropy_critic, minimax_generator, False, _about_zero),
    "non_saturating": AdversarialLoss(cross_entropy_critic, non_saturating_generator, False, _about_zero),
    "least_squares": AdversarialLoss(least_squares_critic, least_squares_generator, False, _about_half),
    "wasserstein": AdversarialLoss(wasserstein_critic, linear_generator, False, _against_fake),
    "hinge": AdversarialLoss(hinge_critic, linear_generator, False, _about_zero),
    "relativistic": AdversarialLoss(relativistic_critic, relativistic_generator, True, _against_fake),
}

"""The conditional variational autoencoder's loss (Kingma and Welling 2014; Sohn 2015)."""

from __future__ import annotations

import torch
from torch import Tensor

from augmentor.core.ranks import all_gather


def negative_elbo(rebuilt: Tensor, real: Tensor, mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two terms of the negative evidence lower bound, each divided by the values of a sample.

    Sohn 2015, section 4: the expected negative log likelihood of a sample under its reconstruction
    plus the divergence of q(z | x, y) = N(mean, exp(log_variance)) from the standard normal prior
    (Kingma 2014, appendix B). The likelihood is a Gaussian with one variance for all values, set where the
    likelihood of the batch is largest, the mean squared error itself (Rybkin 2021, sigma-VAE): no weight
    between the two terms is left to choose.

    Args:
        rebuilt: reconstructions (B, C, *spatial).
        real: the samples (B, C, *spatial).
        mean: (B, L) of the posterior.
        log_variance: (B, L) of the posterior.

    Returns:
        Two scalars: reconstruction, 0.5 · log(mean squared error) up to a constant, and divergence, at
        least 0. Both in nats for each value of a sample.

    Raises:
        ValueError: if a pair differs in shape.
    """
    if rebuilt.shape != real.shape or mean.shape != log_variance.shape:
        raise ValueError(
            "the evidence bound compares pairs of equal shapes, received samples "
            f"{tuple(rebuilt.shape)} and {tuple(real.shape)}, posterior {tuple(mean.shape)} and "
            f"{tuple(log_variance.shape)}"
        )
    dtype = torch.promote_types(rebuilt.dtype, torch.float32)
    error = (rebuilt.to(dtype) - real.to(dtype)).square().flatten(1).mean(1)
    # One likelihood for the whole batch: the mean over the rows of all processes.
    error = all_gather(error).mean()
    # A perfect reconstruction would have an infinite likelihood.
    reconstruction = 0.5 * (error + 1e-6).log()
    mean, log_variance = mean.to(dtype), log_variance.to(dtype)
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return reconstruction, divergence / real[0].numel()

"""Memory layout of tensors: channels last, in which convolutions of two and three dimensions run fastest."""

from __future__ import annotations

import torch
from torch import Tensor


def memory_format(ndim: int) -> torch.memory_format:
    """Return the layout in which convolutions of ``ndim`` dimensions run fastest, CPU and GPU alike."""
    return {2: torch.channels_last, 3: torch.channels_last_3d}.get(ndim, torch.contiguous_format)


def channels_last(x: Tensor) -> Tensor:
    """Return ``x`` (B, C, *grid) in the layout of :func:`memory_format`.

    With mixed layouts torch reads memory in strides: a mean over cells or a leaky ReLU then takes several
    times as long.
    """
    ndim = x.ndim - 2
    if x.shape[1] == 1 and ndim > 1:
        # One channel lies alike in every layout, so torch would leave the strides, by which a 1x1
        # convolution chooses the layout of what it makes. Only a view says which is meant.
        return x.squeeze(1).unsqueeze(-1).movedim(-1, 1)
    return x.contiguous(memory_format=memory_format(ndim))


def channels_last_gradient(x: Tensor) -> Tensor:
    """Return ``x`` (B, C, *grid), whose gradient will come in the layout of :func:`memory_format`.

    Asked for where ``x`` is flattened, as the gradient comes back in the order of the flat numbers.
    """
    if x.requires_grad and x.ndim > 3:
        # A second derivative of a batch of no rows comes as None.
        x.register_hook(lambda gradient: None if gradient is None else channels_last(gradient))
    return x

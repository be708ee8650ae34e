"""The downstream classifier: a small residual network, written once for 1, 2 and 3 dimensions.

Its size lets ten seeds of six arms train in minutes on two cores: above 16 pixels the first
convolution halves the resolution, because full-resolution stages cost more than all others
together. Group normalisation takes the place of batch normalisation at the same cost: a batch that
mixes real and synthetic rows then never shifts the statistics a real test image is judged by.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from augmentor.core.errors import ConfigError

CONVOLUTIONS: Final[dict[int, type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]]] = {
    1: nn.Conv1d,
    2: nn.Conv2d,
    3: nn.Conv3d,
}
POOLS: Final = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}

FULL_RESOLUTION = 16
"""Up to this many pixels a side the first stage keeps the resolution."""
LAST_SIZE = 4
"""Stages are added until the longest side is at most this long."""
MAX_STAGES = 5


class Classifier(nn.Module):
    """What every classifier network has in common.

    Attributes:
        shape: (C, *spatial) of one sample.
        n_classes: number of classes K.
        at_once: samples that predictions are made of together.

    Raises:
        ConfigError: if there are fewer than two classes.
    """

    at_once: int = 512

    def __init__(self, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        if n_classes < 2:
            raise ConfigError(f"a classifier needs at least two classes, got {n_classes}")
        self.shape, self.n_classes = tuple(shape), n_classes


class ClassifierBlock(nn.Module):
    """Two 3-wide convolutions beside a shortcut (He 2016, figure 2; shortcut D of He 2019).

    Maps (B, C_in, *S) to (B, C_out, *ceil(S / stride)); values are unbounded. The last
    normalisation starts at zero, so that a fresh block is its shortcut (Goyal 2017, section 5.1).
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int, ndim: int) -> None:
        super().__init__()
        convolution = CONVOLUTIONS[ndim]
        self.stride, self.ndim = stride, ndim
        self.first = convolution(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(groups_of(outputs), outputs)
        self.second = convolution(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(groups_of(outputs), outputs)
        nn.init.zeros_(self.second_norm.weight)
        same = inputs == outputs
        self.shortcut: nn.Module = nn.Identity() if same else convolution(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output (B, C_out, *ceil(S / stride))."""
        inner = functional.relu(self.first_norm(self.first(x)))
        inner = self.second_norm(self.second(inner))
        # Odd sizes: ceil_mode averages over the pixels that exist, matching the padded convolution.
        passed = POOLS[self.ndim](x, 2, ceil_mode=True) if self.stride == 2 else x
        return functional.relu(inner + self.shortcut(passed))


class SmallResNet(Classifier):
    """A residual classifier for samples of one shape.

    Args:
        shape: (C, *spatial) of one sample, with one to three spatial dimensions.
        n_classes: number of classes K, at least two.
        channels: width of the first stage; each later stage doubles it, up to eight times.
            None chooses 16 (8 in three dimensions).

    Raises:
        ConfigError: if the shape has no network, or there are fewer than two classes.
    """

    def __init__(self, shape: tuple[int, ...], n_classes: int, channels: int | None = None) -> None:
        super().__init__(shape, n_classes)
        ndim = len(shape) - 1
        if ndim not in CONVOLUTIONS or min(shape) < 1:
            raise ConfigError(
                f"the classifier takes samples of shape (C, *spatial) with 1 to 3 spatial dimensions, "
                f"got {tuple(shape)}; tables need another classifier"
            )
        self.channels = channels if channels is not None else (8 if ndim == 3 else 16)
        widths, stem_stride = stages(max(shape[1:]), self.channels)
        self.stem = CONVOLUTIONS[ndim](shape[0], widths[0], 3, stride=stem_stride, padding=1)
        previous = [widths[0], *widths[:-1]]
        self.blocks = nn.Sequential(
            *(
                ClassifierBlock(inputs, outputs, stride=1 if number == 0 else 2, ndim=ndim)
                for number, (inputs, outputs) in enumerate(zip(previous, widths, strict=True))
            )
        )
        self.head = nn.Linear(widths[-1], n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the pooled features (B, D), non-negative, of ``x`` (B, C, *spatial) in [-1, 1]."""
        maps: Tensor = self.blocks(functional.relu(self.stem(x)))
        return maps.flatten(2).mean(2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, K) of ``x`` (B, C, *spatial) in [-1, 1]."""
        logits: Tensor = self.head(self.features(x))
        return logits


def stages(size: int, channels: int) -> tuple[tuple[int, ...], int]:
    """Return the width of every stage and the stride of the stem for a longest side of ``size``."""
    stem_stride = 1 if size <= FULL_RESOLUTION else 2
    size = -(-size // stem_stride)
    widths = [channels]
    while size > LAST_SIZE and len(widths) < MAX_STAGES:
        size = -(-size // 2)
        widths.append(min(channels * 2 ** len(widths), channels * 8))
    return tuple(widths), stem_stride


def groups_of(channels: int) -> int:
    """Return how many groups normalise ``channels``: groups of at least 8 channels where possible."""
    return next(groups for groups in range(max(1, channels // 8), 0, -1) if channels % groups == 0)

"""Networks whose weights are published: how each is built, and how a file of its weights is read.

A file is read strictly: every tensor but those of the last layer must be there, with its shape, and no other.
The last layer is replaced by one of the classes of the data; what the file has for it is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.nets.efficientnet_lite import EfficientNetLite0
from augmentor.nets.prepared import IMAGENET_MEAN, IMAGENET_STD, last_linear

DENSENET_SIDE = 29
"""DenseNet-121 halves the resolution five times, the last time by pooling 2 x 2 pixels that must exist."""
COUNTER = "num_batches_tracked"
"""Ending of what batch normalisation counts and never reads; files may have it or not."""
SHOWN = 3


@dataclass(frozen=True)
class Published:
    """A network with published weights.

    Attributes:
        build: (spatial dimensions, channels, classes) to the network.
        stem: name of the first convolution in a file, which says how many channels the weights take.
        renamed: name of a tensor in a file to its name in our network.
        mean: that the publishers take off images in [0, 1].
        std: that they divide by.
    """

    build: Callable[[int, int, int], nn.Module]
    stem: str
    renamed: Callable[[str], str] = str
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


def _refuse_dimensions(name: str, dimensions: int) -> None:
    if not 1 <= dimensions <= 3:
        raise ConfigError(
            f"{name} takes samples of shape (C, *spatial) with 1 to 3 spatial dimensions, got {dimensions}"
        )


def _resnet(depth: int, dimensions: int, channels: int, n_classes: int) -> nn.Module:
    from monai.networks import nets

    _refuse_dimensions(f"resnet{depth}", dimensions)
    # The projecting shortcuts of the published networks have no bias.
    network: nn.Module = getattr(nets, f"resnet{depth}")(
        spatial_dims=dimensions,
        n_input_channels=channels,
        num_classes=n_classes,
        conv1_t_stride=2,
        bias_downsample=False,
    )
    return network


def resnet18(dimensions: int, channels: int, n_classes: int) -> nn.Module:
    """Return MONAI's ResNet-18 (He 2016, table 1)."""
    return _resnet(18, dimensions, channels, n_classes)


def resnet50(dimensions: int, channels: int, n_classes: int) -> nn.Module:
    """Return MONAI's ResNet-50 (He 2016, table 1), with the stride in the 3-wide convolution."""
    return _resnet(50, dimensions, channels, n_classes)


def densenet121(dimensions: int, channels: int, n_classes: int) -> nn.Module:
    """Return MONAI's DenseNet-121 (Huang 2017, table 1)."""
    from monai.networks.nets import DenseNet121

    _refuse_dimensions("densenet121", dimensions)
    network: nn.Module = DenseNet121(spatial_dims=dimensions, in_channels=channels, out_channels=n_classes)
    return network


def efficientnet_lite0(dimensions: int, channels: int, n_classes: int) -> nn.Module:
    """Return our EfficientNet-Lite0, which is for images.

    Raises:
        ConfigError: for other samples.
    """
    if dimensions != 2:
        raise ConfigError(
            f"efficientnet_lite0 takes images, and these samples have {dimensions} spatial dimensions; "
            "take resnet18, resnet50 or densenet121"
        )
    return EfficientNetLite0(channels, n_classes)


def of_densenet(name: str) -> str:
    """Return what a tensor of the published DenseNet is called in MONAI's.

    Example:
        >>> of_densenet("features.denseblock1.denselayer2.norm.1.weight")
        'features.denseblock1.denselayer2.layers.norm1.weight'
    """
    name = re.sub(r"(\.denselayer\d+)\.(norm|conv)\.?(\d)", r"\1.layers.\2\3", name)
    return re.sub(r"^classifier\.", "class_layers.out.", name)


PUBLISHED: Final[Mapping[str, Published]] = {
    "resnet18": Published(resnet18, "conv1.weight"),
    "resnet50": Published(resnet50, "conv1.weight"),
    "densenet121": Published(densenet121, "features.conv0.weight", of_densenet),
    # Its publishers scale 8-bit values by 127 and 128.
    "efficientnet_lite0": Published(
        efficientnet_lite0, "_conv_stem.weight", mean=(127 / 255,), std=(128 / 255,)
    ),
}
"""By the name that a recipe has for it."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, as float32 where they are numbers with a fraction.

    Raises:
        ConfigError: if the file cannot be read, or holds values that are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(str(path))
    except (OSError, SafetensorError, ValueError) as error:
        raise ConfigError(
            f"evaluation.model.weights: {path} cannot be read as safetensors ({_line(error)}); other formats "
            "are converted with safetensors.torch.save_file(torch.load(file, weights_only=True), new_file)"
        ) from error
    tensors = {name: one.float() if one.is_floating_point() else one for name, one in found.items()}
    wrong = [name for name, one in tensors.items() if not bool(torch.isfinite(one).all())]
    if wrong:
        raise ConfigError(f"evaluation.model.weights: {path} holds values that are not finite, in {wrong[0]}")
    return tensors


def channels_of(published: Published, tensors: Mapping[str, Tensor], path: Path) -> int:
    """Return how many channels weights take.

    Raises:
        ConfigError: if they are those of another network.
    """
    stem = tensors.get(published.stem)
    if stem is None or stem.ndim < 3:
        some = ", ".join(list(tensors)[:SHOWN])
        raise ConfigError(
            f"evaluation.model.weights: {path} holds another network's weights: there is no "
            f"{published.stem}; it begins with {some or 'nothing'}"
        )
    return int(stem.shape[1])


def load_all_but_last(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a network, all but those of its last linear layer, which stays as it was drawn.

    Args:
        network: whose names of tensors are those of ``tensors``.
        tensors: what a file holds.
        source: what it is called in messages.

    Raises:
        ConfigError: if a tensor is missing, is there without a use, or has another shape.
    """
    found = last_linear(network)
    last = {f"{found[0]}.{name}" for name in ("weight", "bias")} if found else set()
    wanted = {name: one for name, one in network.state_dict().items() if name not in last}
    missing = [name for name in wanted if name not in tensors and not name.endswith(COUNTER)]
    unknown = [name for name in tensors if name not in wanted and name not in last]
    shapes = [
        f"{name} has {tuple(tensors[name].shape)}, the network {tuple(one.shape)}"
        for name, one in wanted.items()
        if name in tensors and tensors[name].shape != one.shape
    ]
    for what, names in (("lacks", missing), ("has no use for", unknown), ("does not fit:", shapes)):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise ConfigError(
                f"evaluation.model.weights: {source} {what} {', '.join(names[:SHOWN])}{more}; weights "
                "are read strictly, all but those of the last layer"
            )
    network.load_state_dict({name: tensors.get(name, one) for name, one in wanted.items()}, strict=False)


def _line(error: Any) -> str:  # noqa: ANN401 - any exception
    return " ".join(str(error).split())[:200]

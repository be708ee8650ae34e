"""From what a recipe says of a model's input to a network that prepares its samples so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import nn

from augmentor.core.errors import ConfigError
from augmentor.downstream.base import Form
from augmentor.downstream.model_spec import InputSpec, ModelSpec, Normalisation
from augmentor.nets.classifier import Classifier
from augmentor.nets.prepared import IMAGENET_MEAN, IMAGENET_STD, Preparation, Prepared
from augmentor.nets.published import PUBLISHED, channels_of, load_all_but_last, read_weights
from augmentor.nets.standard_classifiers import Wrapped

SIGNED: Final = Normalisation(mean=(0.5,), std=(0.5,))
NORMALISATIONS: Final[Mapping[str, Normalisation]] = {
    "signed": SIGNED,
    "unit": Normalisation(mean=(0.0,), std=(1.0,)),
    "imagenet": Normalisation(mean=IMAGENET_MEAN, std=IMAGENET_STD),
}
"""By the names that a recipe has for them."""


def preparation(
    spec: ModelSpec, shape: Sequence[int], *, channels: int, usual: Normalisation = SIGNED
) -> Preparation:
    """Return the preparation of samples (C, *spatial) that ``spec`` asks for.

    Args:
        spec: whose ``input`` says it.
        shape: of one sample.
        channels: that the network takes.
        usual: what "auto" stands for.

    Raises:
        ConfigError: if channels do not fit.
    """
    asked = spec.input.normalisation
    if isinstance(asked, str):
        asked = usual if asked == "auto" else NORMALISATIONS[asked]
    return Preparation(tuple(shape), channels=channels, size=spec.input.size, mean=asked.mean, std=asked.std)


def prepared(
    network: nn.Module, spec: ModelSpec, form: Form, *, channels: int, usual: Normalisation = SIGNED
) -> Classifier:
    """Return a network of the samples as the data have them; arguments as of :func:`preparation`."""
    made = preparation(spec, form.shape, channels=channels, usual=usual)
    return Prepared(form.shape, form.n_classes, network, made)


def published(name: str, spec: ModelSpec, form: Form) -> Classifier:
    """Return a network of :data:`augmentor.nets.published.PUBLISHED`, with the weights that the recipe names.

    With weights it takes the channels that they take, and "auto" is the normalisation of their publishers.

    Args:
        name: of the network.
        spec: weights and input.
        form: of the samples.

    Raises:
        ConfigError: if weights or samples do not fit.
    """
    known, dimensions = PUBLISHED[name], len(form.shape) - 1
    if spec.weights is None:
        channels = spec.given(form.shape)[0]
        network = known.build(dimensions, channels, form.n_classes)
        if spec.input == InputSpec():
            return Wrapped(form.shape, form.n_classes, network)
        return prepared(network, spec, form, channels=channels)
    path = Path(spec.weights).expanduser()
    read = read_weights(path)
    channels = channels_of(known, read, path)
    if spec.input.channels not in (None, channels):
        raise ConfigError(
            f"evaluation.model.input.channels is {spec.input.channels}, and the weights take {channels}"
        )
    network = known.build(dimensions, channels, form.n_classes)
    load_all_but_last(network, {known.renamed(key): one for key, one in read.items()}, str(path))
    usual = Normalisation(mean=known.mean, std=known.std)
    return prepared(network, spec, form, channels=channels, usual=usual)


def try_network(model: Classifier, spec: ModelSpec, form: Form) -> None:
    """Give a network two samples of nothing, so that what is wrong is said before hours of training.

    Raises:
        ConfigError: if nothing in it can be trained, it does not take them, or does not give logits (2, K).
    """
    if not any(one.requires_grad for one in model.parameters()):
        raise ConfigError(
            f"evaluation.model: nothing in the network of {spec.name} can be trained (requires_grad)"
        )
    try:
        with torch.no_grad():
            found = model.eval()(torch.zeros(2, *form.shape))
    except Exception as error:
        raise ConfigError(
            f"evaluation.model: the network of {spec.name} does not take samples of the shape "
            f"{spec.given(form.shape)}: {' '.join(str(error).split())[:300]}"
        ) from error
    if not isinstance(found, torch.Tensor) or found.shape != (2, form.n_classes):
        got = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise ConfigError(
            f"evaluation.model: the network of {spec.name} must give logits (B, {form.n_classes}), got {got} "
            "for two samples"
        )

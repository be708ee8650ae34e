"""Networks of other packages: timm's by name, and those of MONAI bundles on the disk. Nothing is downloaded.

A bundle's configuration may hold Python ("$..."), and names classes to be made. Here it is read as data: the
network must be one of MONAI's, and its arguments plain values, or references to plain values of the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.errors import ConfigError
from augmentor.downstream.base import Form
from augmentor.downstream.kinds import Network
from augmentor.downstream.model_spec import ModelSpec, Normalisation

if TYPE_CHECKING:
    from torch import Tensor, nn

    from augmentor.nets.classifier import Classifier

TIMM_EXTRA = "pip install 'gan-augmentor[timm]'"
CONFIGURATIONS = ("inference", "evaluate", "train")
FORMATS = ("json", "yaml", "yml")
NETWORK_KEYS = ("network_def", "network", "net")
WEIGHTS = ("model.safetensors", "model.pt")
MOST_BYTES = 1_000_000
"""Of a bundle's configuration."""


def timm_network(spec: ModelSpec, form: Form) -> Classifier:
    """Return a network of timm with the weights that the recipe names, and a last layer for the classes.

    Raises:
        ConfigError: if timm is not installed, has no such network, or weights or samples do not fit.
    """
    from augmentor.downstream.prepared import prepared
    from augmentor.nets.prepared import last_linear
    from augmentor.nets.published import load_all_but_last, read_weights

    try:
        timm = import_module("timm")
    except ImportError as error:
        raise ConfigError(
            f"evaluation.model.name {spec.name} needs the package timm, which is not installed: {TIMM_EXTRA}"
        ) from error
    name = spec.name.removeprefix("timm:")
    read = None if spec.weights is None else read_weights(Path(spec.weights).expanduser())
    channels = spec.input.channels or form.shape[0]
    try:
        network = timm.create_model(name, pretrained=False, num_classes=form.n_classes, in_chans=channels)
        settings: Mapping[str, Any] = network.default_cfg
        stem = f"{settings.get('first_conv', '')}.weight"
        if read is not None and stem in read and read[stem].shape[1] != channels:
            channels = int(read[stem].shape[1])
            network = timm.create_model(name, pretrained=False, num_classes=form.n_classes, in_chans=channels)
    except Exception as error:
        raise ConfigError(
            f"evaluation.model.name: timm cannot make {name!r}: {' '.join(str(error).split())[:300]}"
        ) from error
    last = last_linear(network)
    if last is None or settings.get("classifier") not in (None, last[0]):
        raise ConfigError(
            f"evaluation.model.name: {spec.name} does not end in a linear layer, which is replaced by one of "
            "the classes; take another network"
        )
    if read is not None:
        load_all_but_last(network, read, str(spec.weights))
    known = Normalisation(mean=(0.5,), std=(0.5,))
    if read is not None and channels == len(settings["mean"]):
        known = Normalisation(mean=tuple(settings["mean"]), std=tuple(settings["std"]))
    return prepared(network, spec, form, channels=channels, usual=known)


@dataclass(frozen=True)
class Bundle(Network):
    """A network of a MONAI bundle's folder, with its weights and a last layer for the classes."""

    needs: tuple[str, ...] = ("weights",)

    def files(self, spec: ModelSpec) -> dict[str, Path]:
        """Return configuration and weights."""
        assert spec.weights is not None  # needed, as the recipe was told
        folder = Path(spec.weights).expanduser()
        return {path.relative_to(folder).as_posix(): path for path in bundle_files(folder)}


def bundle_files(folder: Path) -> tuple[Path, Path]:
    """Return the file of the configuration and that of the weights of a bundle.

    Raises:
        ConfigError: if the folder has none.
    """
    names = [f"configs/{name}.{form}" for name in CONFIGURATIONS for form in FORMATS]
    settings = [folder / name for name in names if (folder / name).is_file()]
    weights = [folder / "models" / name for name in WEIGHTS if (folder / "models" / name).is_file()]
    for found, what in ((settings, names), (weights, [f"models/{name}" for name in WEIGHTS])):
        if not found:
            raise ConfigError(
                f"evaluation.model.weights: {folder} is no MONAI bundle: it has none of {', '.join(what)}"
            )
    return settings[0], weights[0]


def bundle_network(spec: ModelSpec, form: Form) -> Classifier:
    """Return the network of a bundle with its weights, and a last layer for the classes.

    Raises:
        ConfigError: if the bundle cannot be read as data, or does not fit the samples.
    """
    from torch import nn

    from augmentor.downstream.prepared import prepared
    from augmentor.nets.prepared import last_linear, replace

    assert spec.weights is not None  # needed, as the recipe was told
    settings, weights = bundle_files(Path(spec.weights).expanduser())
    network = declared_network(settings)
    tensors = _tensors(weights)
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise ConfigError(
            f"evaluation.model.weights: {weights} does not fit the network of {settings}: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    last = last_linear(network)
    if last is None:
        raise ConfigError(
            f"evaluation.model.weights: the network of {settings} has no linear layer, which would be "
            "replaced by one of the classes; save its encoder as TorchScript and name that"
        )
    replace(network, last[0], nn.Linear(last[1].in_features, form.n_classes))
    convolutions = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    first = next((one for one in network.modules() if isinstance(one, convolutions)), None)
    channels = spec.input.channels or (first.in_channels if first is not None else form.shape[0])
    return prepared(network, spec, form, channels=channels)


def declared_network(path: Path) -> nn.Module:
    """Return the network that a bundle's configuration declares, its weights drawn anew.

    Raises:
        ConfigError: if it is not one of MONAI's with plain arguments.
    """
    from monai.networks import nets
    from torch import nn

    values = _settings(path)
    key = next((one for one in NETWORK_KEYS if isinstance(values.get(one), Mapping)), None)
    if key is None:
        raise ConfigError(f"evaluation.model.weights: {path} declares no network ({', '.join(NETWORK_KEYS)})")
    given = {name: value for name, value in values[key].items() if name != "_desc_"}
    target = str(given.pop("_target_", ""))
    kind = getattr(nets, target.removeprefix("monai.networks.nets."), None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise ConfigError(
            f"evaluation.model.weights: {path} asks for {target!r}, and of a bundle only networks of "
            "monai.networks.nets are made"
        )
    arguments = {name: _plain(value, values, path) for name, value in given.items()}
    try:
        network: nn.Module = kind(**arguments)
    except Exception as error:
        raise ConfigError(
            f"evaluation.model.weights: MONAI cannot make the {target} of {path}: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    return network


def _settings(path: Path) -> Mapping[str, Any]:
    from augmentor.core.spec import read_yaml

    if path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"evaluation.model.weights: {path} is larger than {MOST_BYTES} bytes")
    if path.suffix != ".json":
        return read_yaml(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"evaluation.model.weights: {path} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _plain(value: Any, values: Mapping[str, Any], path: Path, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Return an argument with references to plain values of the file resolved."""
    if isinstance(value, list):
        return [_plain(one, values, path, depth + 1) for one in value]
    if isinstance(value, str) and value.startswith("@") and depth < len(values) and value[1:] in values:
        return _plain(values[value[1:]], values, path, depth + 1)
    if isinstance(value, Mapping) or (isinstance(value, str) and value[:1] in ("$", "@", "%")):
        raise ConfigError(
            f"evaluation.model.weights: {path} gives its network {str(value)[:80]!r}, which would have to be "
            "run; of a bundle only plain values are read. Write the value into a copy of the file"
        )
    return value


def _tensors(path: Path) -> dict[str, Tensor]:
    import torch

    from augmentor.nets.published import read_weights

    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ConfigError(
            f"evaluation.model.weights: {path} cannot be read as weights alone: "
            f"{' '.join(str(error).split())[:200]}"
        ) from error
    for name in ("model", "state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not all(isinstance(one, torch.Tensor) for one in found.values()):
        raise ConfigError(f"evaluation.model.weights: {path} holds no weights by name")
    return dict(found)

"""From a declaration to networks and losses: where the names of the five seams become functions."""

from __future__ import annotations

import torch

from augmentor.core.errors import ConfigError
from augmentor.core.seeds import derive_seed
from augmentor.nets.architectures import ARCHITECTURES, Maker, networks, refuse_shape
from augmentor.nets.conditional import Critic, Encoder
from augmentor.nets.flow import FlowNetwork
from augmentor.nets.layers import memory_format
from augmentor.nets.per_class import PerClassCritic, PerClassGenerator
from augmentor.nets.sizing import auto_gamma
from augmentor.nets.stargan import StarGANGenerator
from augmentor.objectives.adaptive import AdaptiveProbability
from augmentor.objectives.adversarial import ADVERSARIAL
from augmentor.objectives.diffaugment import Augment, make_augment
from augmentor.objectives.lecam import LeCam
from augmentor.objectives.path_length import PathLength
from augmentor.objectives.penalties import PENALTIES, RANDOM_PENALTIES
from augmentor.synthesizers.spec import FAMILIES, SynthesizerSpec
from augmentor.training.regulators import Regulators
from augmentor.training.spec import TrainingSpec
from augmentor.training.steps import Objective

ADAPTIVE_SHARE = 0.25
"""Share of the training in which the adaptive probability can go from 0 to 1."""


def initial_networks(
    spec: SynthesizerSpec, shape: tuple[int, ...], n_classes: int, seed: int, device: torch.device
) -> tuple[Maker, Critic | Encoder | None]:
    """Return generator and critic with weights that depend on ``seed`` alone, on ``device``.

    A rectified flow has no second network.

    Weights are drawn on the CPU, so that every device starts alike, and torch's own stream is left
    as it was.

    Raises:
        ConfigError: if samples of ``shape`` have no network, the family is not meant for them, or it
            translates between classes and there is one.
    """
    dimensions = FAMILIES[spec.family].dimensions
    if len(shape) - 1 not in dimensions:
        raise ConfigError(
            f"family {spec.family!r} is for samples of {' or '.join(map(str, dimensions))} spatial "
            f"dimensions, these are of shape {tuple(shape)}; family 'dcgan' is the same for any number"
        )
    if spec.objective == "stargan" and n_classes < 2:
        raise ConfigError("objective 'stargan' translates between classes, and needs at least two of them")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        generator: Maker
        critic: Critic | Encoder | None = None
        if spec.objective == "flow":
            refuse_shape("flow", shape)
            generator = FlowNetwork(spec, shape, n_classes)
        elif spec.conditioning == "apart":
            refuse_shape("cyclegan", shape)
            generator = PerClassGenerator(spec, shape, n_classes)
            critic = PerClassCritic(spec, shape, n_classes, ARCHITECTURES[spec.architecture].trunk)
        else:
            generator, critic = networks(spec, shape, n_classes, variational=spec.objective == "variational")
            if spec.objective == "stargan":
                generator = StarGANGenerator(spec, shape, n_classes)
    layout = memory_format(len(shape) - 1)
    for network in (generator, *([] if critic is None else [critic])):
        network.to(device=device, memory_format=layout)  # type: ignore[call-overload]  # torch omits this pair
    return generator, critic


def objective_of(spec: SynthesizerSpec, training: TrainingSpec, shape: tuple[int, ...]) -> Objective:
    """Return what the networks minimise on samples of ``shape``, with "auto" weights resolved."""
    gamma = auto_gamma(shape[1:])
    weights = {name: gamma if weight == "auto" else float(weight) for name, weight in spec.used.items()}
    augment, translates = _augment(spec), spec.objective == "stargan"
    return Objective(
        adversarial=ADVERSARIAL[spec.adversarial] if spec.objective == "adversarial" or translates else None,
        penalties={name: w for name, w in weights.items() if name in {*PENALTIES, *RANDOM_PENALTIES}},
        every=training.penalty_every,
        augment=augment,
        mode_seeking=spec.mode_seeking,
        critic_steps=training.turns,
        clip=weights.get("clip", 0.0),
        lecam=weights.get("lecam", 0.0),
        consistency=weights.get("consistency", 0.0),
        altered=_altered(spec),
        path_length=weights.get("path_length", 0.0),
        auxiliary=spec.auxiliary_weight,
        fakes_named=not translates,
        cycle=spec.stargan.cycle if translates else 0.0,
        identity=weights.get("identity", 0.0),
        codes=spec.codes,
        flow=spec.flow if spec.objective == "flow" else None,
    )


def regulators_of(spec: SynthesizerSpec, training: TrainingSpec) -> Regulators:
    """Return the regularisers with a memory that ``spec`` asks for, at their beginning."""
    adaptive = None
    if spec.augmentation_probability == "adaptive":
        adaptive = AdaptiveProbability(
            target=spec.augmentation_target, images=max(1, int(ADAPTIVE_SHARE * training.images))
        )
    return Regulators(
        lecam=LeCam() if "lecam" in spec.used else None,
        path_length=PathLength() if "path_length" in spec.used else None,
        adaptive=adaptive,
    )


def _augment(spec: SynthesizerSpec) -> Augment | None:
    """Return what stands in front of the critic, None for nothing."""
    chance = spec.augmentation_probability
    if not spec.augmentation or chance == 0:
        return None
    return make_augment(
        spec.augmentation,
        strength=spec.augmentation_strength,
        # The controller's own probability takes its place at every call.
        probability=1.0 if chance == "adaptive" else chance,
        forbid=spec.forbid,
    )


def _altered(spec: SynthesizerSpec) -> Augment | None:
    """Return the augmentation that consistency is about: the recipe's groups, else small shifts."""
    if "consistency" not in spec.used:
        return None
    return make_augment(
        spec.augmentation or ("translation",), strength=spec.augmentation_strength, forbid=spec.forbid
    )

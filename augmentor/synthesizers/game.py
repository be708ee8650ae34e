"""What every game of a generator against a critic shares: its objective, its regularisers, its critic."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from torch import Tensor, nn

from augmentor.nets.sizing import auto_gamma
from augmentor.nets.spec import CodesSpec
from augmentor.objectives.adaptive import AdaptiveProbability
from augmentor.objectives.adversarial import ADVERSARIAL
from augmentor.objectives.diffaugment import Augment, make_augment
from augmentor.objectives.lecam import LeCam
from augmentor.objectives.path_length import PathLength
from augmentor.objectives.penalties import PENALTIES, RANDOM_PENALTIES
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.game_spec import GameSpec
from augmentor.synthesizers.model import GenerativeModel
from augmentor.training.adversarial import AdversarialStep, GanNetworks, Objective
from augmentor.training.batches import Batch
from augmentor.training.regulators import Regulators
from augmentor.training.spec import TrainingSpec
from augmentor.training.step import Losses, StepContext, precision

Fields = TypeVar("Fields", bound=GameSpec)
Generating = TypeVar("Generating", bound=nn.Module)

ADAPTIVE_SHARE = 0.25
"""Share of the training in which the adaptive probability can go from 0 to 1."""


class GameModel(GenerativeModel[Fields, GanNetworks[Generating]], Generic[Fields, Generating]):
    """A generator against a critic, whatever the generator starts from and minimises besides.

    Attributes:
        objective: what both minimise, with "auto" weights resolved.
        weights: weight of each regulariser that is used, by name.
    """

    def __init__(self, spec: Fields, training: TrainingSpec, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__(spec, training, shape, n_classes)
        gamma = auto_gamma(shape[1:])
        self.weights = {
            name: gamma if weight == "auto" else float(weight) for name, weight in spec.used.items()
        }
        self.regulators = regulators_of(spec, training)
        self.objective = Objective(
            loss=ADVERSARIAL[spec.adversarial],
            penalties={
                name: weight
                for name, weight in self.weights.items()
                if name in {*PENALTIES, *RANDOM_PENALTIES}
            },
            every=training.penalty_every,
            augment=_augment(spec),
            critic_steps=training.critic_updates,
            clip=self.weights.get("clip", 0.0),
            lecam=self.weights.get("lecam", 0.0),
            consistency=self.weights.get("consistency", 0.0),
            altered=_altered(spec),
            auxiliary=self.auxiliary_weight,
            classify_fakes=self.classifies_fakes,
            codes=self.codes,
        )

    @property
    @abstractmethod
    def auxiliary_weight(self) -> float:
        """Weight of the auxiliary classifier's cross-entropy, where the critic has one."""

    @property
    def classifies_fakes(self) -> bool:
        """Whether the critic learns classes from generated rows too."""
        return True

    @property
    def codes(self) -> CodesSpec:
        """Parts of the latent that the critic reads off a sample."""
        return CodesSpec()

    @abstractmethod
    def start(self, batch: Batch) -> Tensor:
        """Return what the generator starts from: latents (B, L) or samples (B, C, *spatial)."""

    @abstractmethod
    def terms(
        self, step: AdversarialStep, networks: GanNetworks[Generating], fake: Tensor
    ) -> Iterable[Tensor]:
        """Return the scalars that the generator minimises besides the adversarial loss, in order."""

    def step(self, networks: GanNetworks[Generating], batch: Batch, context: StepContext) -> Losses:
        """Update the critic, then (on its step) the generator."""
        step = AdversarialStep(
            networks, self.objective, batch, context, self.regulators, precision(batch.real.device)
        )
        return step.run(self.start(batch), lambda fake: self.terms(step, networks, fake))

    def kept_critic(self, networks: GanNetworks[Generating]) -> KeptCritic | None:
        """Return the critic, None where there is one for each class."""
        if not self.spec.leaves_critic:
            return None
        return KeptCritic.of(
            networks.critic.module, self.spec.network, self.shape, self.n_classes, role="critic"
        )


def regulators_of(spec: GameSpec, training: TrainingSpec) -> Regulators:
    """Return the regularisers that remember earlier steps, as far as ``spec`` asks for them."""
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


def _augment(spec: GameSpec) -> Augment | None:
    """Return the augmentation in front of the critic, None for none."""
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


def _altered(spec: GameSpec) -> Augment | None:
    """Return the augmentation that consistency is about: the recipe's groups, else small shifts."""
    if "consistency" not in spec.used:
        return None
    return make_augment(
        spec.augmentation or ("translation",), strength=spec.augmentation_strength, forbid=spec.forbid
    )

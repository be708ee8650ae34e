"""The arms of the experiment, each a declaration of what a batch is made of.

Weights, schedule, batch size, number of updates and code path are the same for all of them; an arm
only says which rows it draws, how often, in which versions, and with which loss. A new arm is a new
entry of :data:`ARMS`; one that draws real rows alone gets its twin with synthetic rows by :data:`TWINS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

Head = Literal["trained", "covariance", "generated"]
SyntheticRows = Literal["none", "all", "kept", "passing", "diverse", "influential"]
Oversampler = Literal["none", "random", "smote"]
Start = Literal["random", "critic", "untrained_critic"]


@dataclass(frozen=True)
class Arm:
    """How an arm draws its batches.

    Attributes:
        label: what a report says about it.
        synthetic: which synthetic rows take part: "all" of them, the "kept" ones, the "passing" ones
            (kept, or surplus: they passed the filters but were not needed), or of these the most "diverse"
            or "influential" half (see :mod:`augmentor.experiment.selected`).
        real: whether real training rows take part.
        balanced: whether every class is equally often in a batch; else its natural frequency.
        augmented: whether rows come in all versions of the classical policy; else untouched.
        by_share: whether a chosen share of each class's rows in a batch is synthetic; else real and
            synthetic rows of a class are equally likely.
        copies: whether a copy of a real row of the class stands in for every synthetic row.
        synthetic_first: the part of the updates, from the first on, in which every row of a class that
            has synthetic ones is synthetic; after it none is. 0 mixes throughout.
        oversampler: what levels the classes: rows repeated at "random", rows of "smote", or "none"
            (see :mod:`augmentor.experiment.oversample`); no synthetic row takes part.
        head: whether the last layer stays as it was "trained", or is trained again with features of a shared
            "covariance" or of a small GAN, "generated" (see :mod:`augmentor.experiment.heads`).
        start: what the classifier starts from: "random" weights of its own network, those of the "critic" on
            the critic's network, or random ones there, "untrained_critic", which tells what the network is
            worth without them.
        loss: name in :data:`augmentor.experiment.remedies.LOSSES`.
        mix: name in :data:`augmentor.experiment.remedies.MIXES`.
    """

    label: str
    synthetic: SyntheticRows = "none"
    real: bool = True
    balanced: bool = True
    augmented: bool = True
    by_share: bool = False
    copies: bool = False
    synthetic_first: float = 0.0
    oversampler: Oversampler = "none"
    head: Head = "trained"
    start: Start = "random"
    loss: str = "cross_entropy"
    mix: str = "none"

    @property
    def is_synthetic(self) -> bool:
        """Whether synthesis has a part in the arm: rows, features or a start (not copies of real rows)."""
        made = self.head != "trained" or self.start == "critic"
        return made or (self.synthetic != "none" and not self.copies)


_DECLARED: Final[dict[str, Arm]] = {
    "real": Arm(
        "real images as they are, at their natural class frequencies", balanced=False, augmented=False
    ),
    "balanced": Arm("real images as they are, every class equally often", augmented=False),
    "classical": Arm("real images, balanced, with classical augmentation"),
    "synthetic": Arm("classical plus all synthetic images", synthetic="all"),
    "filtered": Arm(
        "classical plus the kept synthetic images, at a share chosen on the validation part",
        synthetic="kept",
        by_share=True,
    ),
    "with_synthetic": Arm(
        "the best arm without synthetic images, with synthetic images in every class at a chosen share and "
        "nothing else changed",
        synthetic="passing",
        by_share=True,
    ),
    "from_critic": Arm(
        "the best arm without synthetic images, on the network of the generator's critic with its weights to "
        "start from",
        start="critic",
    ),
    "critic_network": Arm(
        "the best arm without synthetic images, on the network of the generator's critic with random weights",
        start="untrained_critic",
    ),
    "critic_and_rows": Arm(
        "as from_critic, with synthetic images in every class at a chosen share",
        start="critic",
        synthetic="passing",
        by_share=True,
    ),
    "diverse": Arm(
        "as spread_mixup, with the half of the synthetic images that lie farthest from real ones and from "
        "each other",
        synthetic="diverse",
        by_share=True,
        mix="mixup",
    ),
    "influential": Arm(
        "as spread_mixup, with the half of the synthetic images whose training steps lower the loss of "
        "held-out training images most",
        synthetic="influential",
        by_share=True,
        mix="mixup",
    ),
    "classwise": Arm(
        "the best of the mixing arms, without synthetic images of the classes where they do harm on the "
        "validation part",
        synthetic="passing",
        by_share=True,
    ),
    "pretrained": Arm(
        "synthetic images that passed the filters for the first half of the updates, then classical",
        synthetic="passing",
        synthetic_first=0.5,
    ),
    "synthetic_only": Arm(
        "synthetic images that passed the filters, and no real one", synthetic="passing", real=False
    ),
    "covariance_transfer": Arm(
        "classical, the last layer trained again with Gaussian features whose covariance rich classes lend",
        head="covariance",
    ),
    "feature_gan": Arm(
        "classical, the last layer trained again with features of a conditional WGAN-GP", head="generated"
    ),
    "duplicated": Arm(
        "classical plus copies of real images in the place of the kept synthetic ones",
        synthetic="kept",
        by_share=True,
        copies=True,
    ),
    "oversampled": Arm(
        "classical plus rows of SMOTE, drawn between real ones until the classes are level",
        oversampler="smote",
    ),
    "random_oversampled": Arm(
        "classical, with rows of the smaller classes repeated at random until the classes are level",
        oversampler="random",
    ),
    "class_weighted": Arm(
        "real images, classical augmentation, loss weighted by inverse class frequency",
        balanced=False,
        loss="class_weighted",
    ),
    "focal": Arm("real images, classical augmentation, focal loss", balanced=False, loss="focal"),
    "logit_adjusted": Arm(
        "real images, classical augmentation, logits adjusted by the class frequencies",
        balanced=False,
        loss="logit_adjusted",
    ),
    "mixup": Arm("classical plus mixup", mix="mixup"),
    "weighted_mixup": Arm(
        "real images, classical augmentation, loss weighted by inverse class frequency, and mixup",
        balanced=False,
        loss="class_weighted",
        mix="mixup",
    ),
    "cutmix": Arm("classical plus cutmix", mix="cutmix"),
}

TWINS: Final[dict[str, str]] = {
    "real": "spread_real",
    "balanced": "spread_balanced",
    "classical": "spread",
    "class_weighted": "spread_weighted",
    "focal": "spread_focal",
    "logit_adjusted": "spread_logit_adjusted",
    "mixup": "spread_mixup",
    "weighted_mixup": "spread_weighted_mixup",
    "cutmix": "spread_cutmix",
}
"""Each arm that draws real rows alone, and the same arm with synthetic rows: its twin.

The synthetic rows come at one share in every class, so that what is synthetic does not tell the class, and
how often a class comes does not change.
"""


def twin(name: str) -> Arm:
    """Return the arm ``name`` of :data:`TWINS` with synthetic rows and nothing else changed."""
    label = f"{_DECLARED[name].label}; of every class a chosen share synthetic, of rows that pass the filters"
    return replace(_DECLARED[name], label=label, synthetic="passing", by_share=True)


FROM_CRITIC: Final = {name: f"critic_start_{name}" for name in TWINS}
"""The same arms on the generator's critic, with its weights to start from."""

CRITIC_NETWORK: Final = {name: f"critic_network_{name}" for name in TWINS}
"""The same arms on the critic's network with random weights: what the network is worth by itself."""

CRITIC_AND_ROWS: Final = {name: f"critic_start_{other}" for name, other in TWINS.items()}
"""The twins on the generator's critic: a start and synthetic rows."""


def _on_critic(name: str, start: Start) -> Arm:
    words = "with its weights to start from" if start == "critic" else "with random weights"
    whole = {**_DECLARED, **{other: twin(plain) for plain, other in TWINS.items()}}[name]
    label = f"{whole.label}; on the network of the generator's critic {words}"
    return replace(whole, label=label, start=start)


ARMS: Final[dict[str, Arm]] = {
    **_DECLARED,
    **{other: twin(name) for name, other in TWINS.items()},
    **{other: _on_critic(name, "critic") for name, other in FROM_CRITIC.items()},
    **{other: _on_critic(name, "untrained_critic") for name, other in CRITIC_NETWORK.items()},
    **{CRITIC_AND_ROWS[name]: _on_critic(other, "critic") for name, other in TWINS.items()},
}

SYNTHETIC_ARMS: Final = tuple(name for name, arm in ARMS.items() if arm.is_synthetic)
WITH_SYNTHETIC = "with_synthetic"
CLASSWISE = "classwise"
FOLLOWERS: Final[dict[str, dict[str, str]]] = {
    WITH_SYNTHETIC: TWINS,
    "from_critic": FROM_CRITIC,
    "critic_network": CRITIC_NETWORK,
    "critic_and_rows": CRITIC_AND_ROWS,
}
"""Arms that follow the best arm of real rows alone, and what each becomes by what that one is."""

CONTROLS: Final[dict[str, str]] = {
    **dict.fromkeys(("synthetic", "filtered", "pretrained"), "classical"),
    **dict.fromkeys(("covariance_transfer", "feature_gan"), "classical"),
    **dict.fromkeys(("diverse", "influential"), "mixup"),
    **{other: name for name, other in TWINS.items()},
    **{FROM_CRITIC[name]: CRITIC_NETWORK[name] for name in TWINS},
    **{CRITIC_AND_ROWS[name]: CRITIC_NETWORK[name] for name in TWINS},
}
"""Each arm of real rows and something synthetic, with the same arm that has nothing from the generator."""

LATE: Final = (*FOLLOWERS, CLASSWISE)
"""Arms that are settled when others are fitted: on the validation part they become one of those."""


def controls_of(names: Collection[str], became: Mapping[str, str]) -> dict[str, str]:
    """Return the arms of ``names`` whose control is among them too, each with that control.

    Args:
        names: the arms of one evaluation.
        became: what those of :data:`LATE` were settled to be.
    """
    known = {became.get(name, name): name for name in reversed(list(names))}
    wanted = {name: CONTROLS.get(became.get(name, name), "") for name in names}
    return {name: known[control] for name, control in wanted.items() if control in known}


def needs_critic(name: str) -> bool:
    """Return whether the arm ``name`` takes the generator's critic, its weights or only its network."""
    return ARMS[name].start != "random"


def starts_alone(name: str) -> bool:
    """Return whether the arm ``name`` takes the critic's weights and no synthetic row."""
    arm = ARMS.get(name)
    return arm is not None and arm.start == "critic" and arm.synthetic == "none"


def check_arms(names: tuple[str, ...]) -> None:
    """Refuse a list of arms that cannot give a verdict.

    Raises:
        ValueError: if a name is unknown or twice there, or one side of the comparison is missing.
    """
    for name in names:
        if name not in ARMS:
            near = difflib.get_close_matches(name, ARMS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known arms: {_listed(ARMS)}"
            raise ValueError(f"unknown arm {name!r}; {hint}")
    if len(set(names)) != len(names):
        raise ValueError(f"every arm is named once, got {', '.join(names)}")
    mixing = [name for name, arm in ARMS.items() if arm.by_share and arm.is_synthetic and name != CLASSWISE]
    if CLASSWISE in names and not set(mixing) & set(names):
        raise ValueError(
            f"classwise leaves classes out of the best of {_listed(mixing)}; add one of these to "
            f"{', '.join(names)}"
        )
    following = [name for name in names if name in FOLLOWERS]
    if following and not set(TWINS) & set(names):
        raise ValueError(
            f"{following[0]} changes one thing about the best of {', '.join(TWINS)}; add one of these to "
            f"{', '.join(names)}"
        )
    with_synthetic = [name for name, arm in ARMS.items() if arm.is_synthetic and arm.real]
    without = [name for name, arm in ARMS.items() if not arm.is_synthetic]
    for side, word in ((with_synthetic, "real and synthetic"), (without, "no synthetic")):
        if not set(side) & set(names):
            raise ValueError(
                f"a verdict compares an arm with {word} images against another; "
                f"add one of {_listed(side)} to {', '.join(names) or 'the empty list'}"
            )


def _listed(names: Collection[str]) -> str:
    """Return the names for a reader, those made for the critic as a pattern: there is one for every arm."""
    made = {*FROM_CRITIC.values(), *CRITIC_NETWORK.values(), *CRITIC_AND_ROWS.values()}
    shown = [name for name in names if name not in made]
    starts = {name.split("_")[1] for name in names if name in made}
    return ", ".join([*shown, *(f"critic_{start}_ARM" for start in sorted(starts))])

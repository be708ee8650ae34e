"""The field's named families: a method, and the fields that make each what it is. Torch-free.

A family sets only what distinguishes it; everything else (batches in runs of one class, the average of the
generator's weights, transitional labels, checkpoints, translations in front of the critic, a weak mode
seeking loss) is the pipeline's and the same for all, so that a benchmark compares families and not
recipes. Families published without labels get theirs from the conditioning seam.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Family:
    """A named preset of a method.

    Attributes:
        paper: the paper, and the section or equation.
        method: a name in :data:`augmentor.synthesizers.methods.METHODS`.
        fields: of that method, that it sets where a recipe does not.
        training: fields of the training that "auto" stands for, if not the general ones.
        dimensions: spatial dimensions that it is meant for.
    """

    paper: str
    method: str
    fields: Mapping[str, Any]
    training: Mapping[str, Any] = field(default_factory=dict)
    dimensions: tuple[int, ...] = (1, 2, 3)


_CLASSIC = {"learning_rate": 2e-4, "betas": (0.5, 0.999)}
"""Radford 2015, section 3: Adam with a first moment of 0.5 keeps batch-normed networks from oscillating."""

FAMILIES: dict[str, Family] = {
    "residual": Family(
        "Huang 2024 (R3GAN), its loss and penalties on the smallest residual networks; the project's own",
        "adversarial",
        {"adversarial": "relativistic", "regularisers": {"r1": "auto", "r2": "auto"}},
    ),
    "vanilla": Family(
        "Goodfellow 2014, section 3: multilayer perceptrons; its heuristic loss, or adversarial: minimax for "
        "equation 1",
        "adversarial",
        {"architecture": "mlp", "adversarial": "non_saturating", "minibatch_group": 0},
        _CLASSIC,
    ),
    "dcgan": Family(
        "Radford 2015, section 3: strided convolutions, batch normalisation, leaky rectifiers",
        "adversarial",
        {"architecture": "dcgan", "adversarial": "non_saturating", "minibatch_group": 0},
        _CLASSIC,
    ),
    "cgan": Family(
        "Mirza and Osindero 2014, equation 2: the label is an input of both networks",
        "adversarial",
        {
            "architecture": "mlp",
            "conditioning": "concat",
            "adversarial": "non_saturating",
            "minibatch_group": 0,
        },
        {"learning_rate": 5e-4, "betas": (0.5, 0.999)},
    ),
    "acgan": Family(
        "Odena 2017, equations 2 and 3: the critic also names the class",
        "adversarial",
        {
            "architecture": "dcgan",
            "conditioning": "auxiliary",
            "adversarial": "non_saturating",
            "minibatch_group": 0,
        },
        _CLASSIC,
    ),
    "projection": Family(
        "Miyato and Koyama 2018, equation 3; spectral norm and hinge as in Miyato 2018, equations 8 and 16",
        "adversarial",
        {
            "adversarial": "hinge",
            "spectral_norm": True,
            "minibatch_group": 0,
        },
        {"learning_rate": 1e-3, "betas": (0.0, 0.9)},
    ),
    "wgan": Family(
        "Arjovsky 2017, algorithm 1: the Wasserstein game, the critic's weights clipped",
        "adversarial",
        {
            "architecture": "dcgan",
            "critic_norm": "none",
            "conditioning": "concat",
            "adversarial": "wasserstein",
            "regularisers": {"clip": 0.05},
            "minibatch_group": 0,
        },
        {"learning_rate": 1e-3, "betas": (0.0, 0.9), "critic_steps": 2},
    ),
    "wgan-gp": Family(
        "Gulrajani 2017, equation 3, algorithm 1: the Wasserstein game, a gradient penalty at every step",
        "adversarial",
        {
            "architecture": "dcgan",
            "critic_norm": "layer",
            "adversarial": "wasserstein",
            "regularisers": {"gradient_penalty": 10.0},
            "minibatch_group": 0,
        },
        {"learning_rate": 1e-3, "betas": (0.0, 0.9), "critic_steps": 3, "regularise_every": 1},
    ),
    "lsgan": Family(
        "Mao 2017, equation 9: least squares on the networks of DCGAN",
        "adversarial",
        {"architecture": "dcgan", "adversarial": "least_squares", "minibatch_group": 0},
        _CLASSIC,
    ),
    "infogan": Family(
        "Chen 2016, equations 5 and 6: codes that the critic reads off a sample, on the networks of DCGAN",
        "adversarial",
        {
            "architecture": "dcgan",
            "adversarial": "non_saturating",
            "codes": {"categorical": 4, "continuous": 2, "weight": 0.5},
            "minibatch_group": 0,
        },
        _CLASSIC,
    ),
    "pggan": Family(
        "Karras 2018: growth with fade-in, equalised learning rate, pixel norm, minibatch deviation, WGAN-GP",
        "adversarial",
        {
            "architecture": "progressive",
            "adversarial": "wasserstein",
            "regularisers": {"gradient_penalty": 10.0},
        },
        {"learning_rate": 2e-3, "betas": (0.0, 0.99), "regularise_every": 1},
    ),
    "stylegan": Family(
        "Karras 2019: mapping network, adaptive instance normalisation, noise, style mixing; R1",
        "adversarial",
        {
            "architecture": "adain",
            "adversarial": "non_saturating",
            "regularisers": {"r1": "auto"},
            "style_mixing": 0.5,
        },
        {"learning_rate": 5e-3},
    ),
    "stylegan2": Family(
        "Karras 2020: weight demodulation, skip generator, residual critic, lazy R1, path lengths",
        "adversarial",
        {
            "architecture": "style",
            "adversarial": "non_saturating",
            "regularisers": {"r1": "auto", "path_length": 2.0},
            "style_mixing": 0.5,
        },
        {"learning_rate": 5e-3},
    ),
    "r3gan": Family(
        "Huang 2024: relativistic pairs, R1 and R2, residual networks of grouped convolutions",
        "adversarial",
        {
            "architecture": "r3gan",
            "adversarial": "relativistic",
            "regularisers": {"r1": "auto", "r2": "auto"},
        },
    ),
    "gan3d": Family(
        "Wu 2016, section 3.1: DCGAN with three-dimensional kernels",
        "adversarial",
        {"architecture": "dcgan", "adversarial": "non_saturating", "minibatch_group": 0},
        _CLASSIC,
        dimensions=(3,),
    ),
    "cvae": Family(
        "Kingma and Welling 2014, section 3; Sohn 2015, section 4: a variational autoencoder given the label",
        "variational",
        {"latent": 16},
        {"learning_rate": 1e-3, "betas": (0.9, 0.999)},
    ),
    "flow": Family(
        "Liu, Gong and Liu 2022, equation 1: a rectified flow, whose network regresses the straight way from "
        "noise to a sample; times as in Esser 2024, section 3.1",
        "flow",
        {},
        {"learning_rate": 1e-3, "betas": (0.9, 0.99)},
    ),
    "translation": Family(
        "Kim, Jeong and Shin 2020 (M2m), equation 1, algorithm 1: samples of richer classes, moved down a "
        "classifier's gradient until it takes them for the rare one; holds training samples",
        "class_translation",
        {},
        {"learning_rate": 3e-3},
    ),
    "stargan": Family(
        "Choi 2018 (StarGAN), equations 2 to 8: one generator from a sample and a label to that sample in "
        "another class, and back; the Wasserstein game, a critic that also names the class; holds training "
        "samples",
        "unpaired_translation",
        {"adversarial": "wasserstein", "regularisers": {"gradient_penalty": 10.0}},
        {"learning_rate": 1e-3, "betas": (0.5, 0.999), "critic_steps": 2, "regularise_every": 1},
    ),
    "cyclegan": Family(
        "Zhu 2017 (CycleGAN), equations 2 and 3, least squares as in section 4, identity loss as in section "
        "5.2: a generator of its own into each class from all others, and back; a critic of its own for each "
        "class; holds training samples",
        "unpaired_translation",
        {
            "networks": "per_class",
            "adversarial": "least_squares",
            # Lambda is 10 in the paper. Against a perfect critic the generator can gain 0.5 (Mao
            # 2017, equation 9), so a translation would have to be undone to 0.05 a value before it pays, and
            # short trainings stay at the identity. The identity loss weighs half of lambda, as in the paper.
            "cycle": 1.0,
            "regularisers": {"identity": 0.5},
        },
        {"learning_rate": 1e-3, "betas": (0.5, 0.999)},
    ),
}
"""Every family by name; the first of a method is its usual one."""

DEFAULT_FAMILY = "residual"
"""The family of a recipe that names neither family nor method."""


def usual_family(method: str) -> str | None:
    """Return the method's first family, None where it has none.

    Example:
        >>> usual_family("variational")
        'cvae'
    """
    return next((name for name, family in FAMILIES.items() if family.method == method), None)

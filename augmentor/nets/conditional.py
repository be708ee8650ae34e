"""Conditional generator, critic and encoder around any architecture.

An architecture gives a body (vector to sample) and a trunk (sample to features). What all architectures share
is here: how labels and codes enter, how features become logits, and the value range of a sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from augmentor.nets.conditioning import CONDITIONINGS, Projection
from augmentor.nets.layers import linear
from augmentor.nets.spec import CodesSpec, NetworkSpec

LABEL_WIDTH = 32
"""Dimension of the generator's label vector."""

MEAN_STYLE_DECAY = 0.995
"""Of the moving mean of styles, for truncation (Karras 2019, appendix B)."""


class CriticOutput(NamedTuple):
    """The outputs of a critic's heads.

    Attributes:
        logits: (B,), larger is more real.
        classes: (B, K) logits of the auxiliary classifier, None without one.
        codes: (B, categorical + continuous): logits of the categorical code and means of the
            continuous ones, None without codes.
    """

    logits: Tensor
    classes: Tensor | None
    codes: Tensor | None


class Generator(nn.Module):
    """From a latent and a label to a sample in [-1, 1].

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes.
        make_body: ``(spec, inputs, shape) -> body``; the body maps (B, inputs) and a source of random
            numbers to (B, C, *spatial), before the tanh. A body with styles has ``styles`` (vector
            to style) and ``render`` (style to sample); one that grows has ``grow``, ``stages`` and ``fade``.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        shape: tuple[int, ...],
        n_classes: int,
        make_body: Callable[[NetworkSpec, int, tuple[int, ...]], nn.Module],
    ) -> None:
        super().__init__()
        self.latent, self.codes, self.styled = spec.latent, spec.codes, spec.styled
        self.mixing, self.truncation = spec.style_mixing, spec.truncation
        self.embedding = CONDITIONINGS[spec.conditioning].embedding(n_classes, LABEL_WIDTH)
        self.body = make_body(spec, spec.latent + self.embedding.width, shape)

    def forward(
        self, z: Tensor, y: Tensor, label_weight: float = 1.0, draws: torch.Generator | None = None
    ) -> Tensor:
        """Return samples (B, C, *spatial) in [-1, 1].

        Args:
            z: latents (B, latent), standard normal.
            y: labels (B,).
            label_weight: weight of the label, 0 (ignored) to 1.
            draws: where noise inside the network and style mixing come from; None leaves both out.
        """
        if self.styled:
            return self.render(self.styles(z, y, label_weight), draws, mixing=self.mixing)
        return torch.tanh(self.body(self.vector(z, y, label_weight), draws))

    def vector(self, z: Tensor, y: Tensor, label_weight: float) -> Tensor:
        """Return the body's input (B, latent + label width): codes take the latent's first numbers."""
        return torch.cat([code_latents(z, self.codes), self.embedding(y, label_weight)], 1)

    def styles(self, z: Tensor, y: Tensor, label_weight: float = 1.0) -> Tensor:
        """Return the styles (B, W) of an architecture that has them."""
        made: Tensor = self.body.styles(self.vector(z, y, label_weight))  # type: ignore[operator]  # styled bodies
        return made

    def render(self, styles: Tensor, draws: torch.Generator | None = None, *, mixing: float = 0.0) -> Tensor:
        """Return samples in [-1, 1] for styles (B, W): mixed in training, truncated in sampling."""
        made: Tensor = self.body.render(styles, draws, mixing, self.truncation)  # type: ignore[operator]  # styled bodies
        return torch.tanh(made)

    @property
    def stages(self) -> int:
        """Resolutions that the network grows through; 1 for one that does not grow."""
        return int(getattr(self.body, "stages", 1))

    def grow(self, position: float) -> None:
        """Set the resolution: the integer part is a stage, the fraction how far the next one is faded in."""
        if self.stages > 1:
            self.body.grow(position)  # type: ignore[operator]  # bodies that grow

    def fade(self, real: Tensor) -> Tensor:
        """Return real samples at the present resolution, blended as the generator's are."""
        if self.stages == 1:
            return real
        faded: Tensor = self.body.fade(real)  # type: ignore[operator]  # bodies that grow
        return faded


class Critic(nn.Module):
    """From a sample and its label to one logit; larger means more real.

    Args:
        spec: the network's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes.
        make_trunk: ``(spec, shape) -> trunk``; the trunk maps (B, C, *spatial) to (B, F) and has
            F as ``features``. It gets one channel more where the conditioning adds a label plane.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        shape: tuple[int, ...],
        n_classes: int,
        make_trunk: Callable[[NetworkSpec, tuple[int, ...]], nn.Module],
    ) -> None:
        super().__init__()
        conditioning = CONDITIONINGS[spec.conditioning]
        # Batch statistics of real and fake rows together would give them away, or hide them.
        self.separate = spec.norms[1] == "batch"
        self.plane = LabelPlane(shape[1:], n_classes) if conditioning.plane else None
        planes = 1 if conditioning.plane else 0
        self.trunk = make_trunk(spec, (shape[0] + planes, *shape[1:]))
        features = self.trunk.features
        assert isinstance(features, int)
        self.head: nn.Module = conditioning.head(features, n_classes)
        self.classifier = linear(features, n_classes) if conditioning.classifier else None
        self.reader = linear(features, spec.codes.numbers) if spec.codes.numbers else None
        if spec.spectral_norm:
            # A label's plane only shifts the input, and the other heads are no part of the logit.
            _normalise_spectrally(self.trunk)
            _normalise_spectrally(self.head)

    def forward(self, x: Tensor, y: Tensor, label_weight: float = 1.0) -> Tensor:
        """Return logits (B,).

        Args:
            x: samples (B, C, *spatial) in [-1, 1]; with a minibatch group of k, each run of k rows
                is one group and should share its label.
            y: labels (B,).
            label_weight: weight of the label, 0 (ignored) to 1.
        """
        return self.outputs(x, y, label_weight).logits

    def outputs(self, x: Tensor, y: Tensor, label_weight: float = 1.0) -> CriticOutput:
        """Return the outputs of all heads; arguments as :meth:`forward`."""
        if self.plane is not None:
            x = torch.cat([x, self.plane(y, label_weight)], 1)
        h = self.trunk(x)
        return CriticOutput(
            self.head(h, y, label_weight),
            None if self.classifier is None else self.classifier(h),
            None if self.reader is None else self.reader(h),
        )

    def grow(self, position: float) -> None:
        """Set the resolution, as :meth:`Generator.grow`."""
        if hasattr(self.trunk, "grow"):
            self.trunk.grow(position)  # type: ignore[operator]  # trunks that grow


class LabelPlane(nn.Module):
    """A learnt channel for each class beside the sample (Mirza and Osindero 2014, section 3.2)."""

    def __init__(self, spatial: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.spatial = spatial
        self.rows = nn.Embedding(n_classes, math.prod(spatial))

    def forward(self, y: Tensor, label_weight: float) -> Tensor:
        """Return (B, 1, *spatial), ``label_weight`` times the planes of labels ``y`` (B,)."""
        rows: Tensor = self.rows(y)
        planes: Tensor = (rows * label_weight).view(-1, 1, *self.spatial)
        return planes


class Encoder(nn.Module):
    """From a sample and its label to a Gaussian over latents: the approximate posterior of a VAE.

    Kingma and Welling 2014, section 3; with the label, Sohn 2015, section 4.

    Args: as :class:`Critic`.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        shape: tuple[int, ...],
        n_classes: int,
        make_trunk: Callable[[NetworkSpec, tuple[int, ...]], nn.Module],
    ) -> None:
        super().__init__()
        conditioned = spec.conditioning != "none"
        self.plane = LabelPlane(shape[1:], n_classes) if conditioned else None
        alone = spec.model_copy(update={"minibatch_group": 0})
        self.trunk = make_trunk(alone, (shape[0] + (1 if conditioned else 0), *shape[1:]))
        features = self.trunk.features
        assert isinstance(features, int)
        self.mean, self.log_variance = linear(features, spec.latent), linear(features, spec.latent)
        with torch.no_grad():
            self.log_variance.weight.mul_(0.1)

    def forward(self, x: Tensor, y: Tensor, label_weight: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return means and log variances, (B, latent) each, of the latents of samples (B, C, *spatial)."""
        if self.plane is not None:
            x = torch.cat([x, self.plane(y, label_weight)], 1)
        h = self.trunk(x)
        return self.mean(h), self.log_variance(h)

    def grow(self, position: float) -> None:
        """Set the resolution, as :meth:`Generator.grow`."""
        if hasattr(self.trunk, "grow"):
            self.trunk.grow(position)  # type: ignore[operator]  # trunks that grow


def code_latents(z: Tensor, codes: CodesSpec) -> Tensor:
    """Return latents (B, L) whose first numbers are turned into code values.

    The first ``categorical`` numbers become a one-hot of the largest of them (uniform over its values,
    as the numbers are alike), scaled to the length of what it replaces; the next ``continuous`` ones
    are codes as they are. So codes need no draw of their own.
    """
    if not codes.categorical:
        return z
    head = z[:, : codes.categorical]
    one_hot = functional.one_hot(head.argmax(1), codes.categorical).to(z.dtype)
    values: Tensor = torch.cat([one_hot * math.sqrt(codes.categorical), z[:, codes.categorical :]], 1)
    return values


def _normalise_spectrally(module: nn.Module) -> None:
    for layer in list(module.modules()):
        if isinstance(layer, Projection):
            # The spectral norm bounds the rows already; with the division they would hardly count.
            layer.scale = 1.0
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Embedding):
            spectral_norm(layer)

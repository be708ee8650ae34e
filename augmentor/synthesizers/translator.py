"""From labels to samples by translation: the classifiers, and the training samples to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from augmentor.core.samples import IntArray, Samples
from augmentor.core.seeds import derive_seed
from augmentor.modalities.base import Codec
from augmentor.nets.classifier import SmallResNet, memory_format
from augmentor.objectives.translation import low_pass, translation_loss, translation_step
from augmentor.synthesizers.sampler import check_labels, row_ids, torch_threads
from augmentor.synthesizers.spec import SynthesizerSpec
from augmentor.synthesizers.starts import Starts

CHUNK = 32
"""Rows translated together, always: a row's bits then never depend on how many are asked."""


class Translated(NamedTuple):
    """Samples and where they come from.

    Attributes:
        x: (N, C, *spatial) float32 in [-1, 1].
        confidence: (N,) the guide's probability of the asked class.
        start: (N,) which of the kept training samples each began as.
    """

    x: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    start: IntArray


@dataclass(frozen=True, eq=False)
class Translator:
    """Two classifiers and training samples: all that translates.

    Attributes:
        spec: the declaration.
        codec: from the networks' range to the data's units.
        classes: class names in label order.
        value_range: of the training data.
        guide: g, whose probability of the asked class decides.
        other: f, whose logit of the source class is held down.
        starts: the training samples.
        device: where the classifiers lie.
    """

    spec: SynthesizerSpec
    codec: Codec
    classes: tuple[str, ...]
    value_range: tuple[float, float] | None
    guide: SmallResNet
    other: SmallResNet
    starts: Starts
    device: torch.device

    def sample(self, labels: IntArray, seed: int) -> Samples:
        """Return one sample for each label (N,); sample i depends on (seed, i, label i) alone."""
        labels = check_labels(labels, self.classes)
        bounds = self.value_range
        return Samples(
            kind=self.codec.kind,
            x=self.codec.decode(self.translate(labels, seed).x),
            y=labels,
            classes=self.classes,
            ids=row_ids(seed, len(labels)),
            value_range=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        )

    def translate(self, labels: IntArray, seed: int) -> Translated:
        """Return one translation for each label (N,), accepted or the best of its attempts."""
        made = Translated(
            np.zeros((len(labels), *self.codec.shape), dtype=np.float32),
            np.zeros(len(labels), dtype=np.float32),
            np.zeros(len(labels), dtype=np.int64),
        )
        # One thread: the sums of a larger number would be split elsewhere and round differently.
        with torch_threads(1):
            for first in range(0, len(labels), CHUNK):
                asked = labels[first : first + CHUNK]
                rows = slice(first, first + len(asked))
                found = self._chunk(asked, seed, first // CHUNK)
                made.x[rows], made.confidence[rows], made.start[rows] = found
        return made

    def config(self) -> dict[str, Any]:
        """Return all but weights and training samples as JSON values."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "codec": self.codec.to_json(),
            "classes": list(self.classes),
            "shape": list(self.codec.shape),
            "value_range": None if self.value_range is None else [float(bound) for bound in self.value_range],
            "counts": list(self.starts.counts),
        }

    def _chunk(self, labels: IntArray, seed: int, number: int) -> Translated:
        count = len(labels)
        targets = torch.zeros(CHUNK, dtype=torch.int64)
        targets[:count] = torch.from_numpy(labels)
        best = torch.zeros(CHUNK, *self.codec.shape)
        confidence = torch.full((CHUNK,), -1.0)
        # Rows that nobody asked for are not tried again.
        confidence[count:] = 1.0
        start = torch.zeros(CHUNK, dtype=torch.int64)
        for attempt in range(self.spec.translation.attempts):
            draws = torch.Generator().manual_seed(derive_seed(seed, "translation", number, attempt))
            places = self.starts.places(targets, draws)
            x, sure = self._descend(places, targets, draws)
            better = (confidence < self.spec.translation.gamma) & (sure > confidence)
            best[better], confidence[better], start[better] = x[better], sure[better], places[better]
            if bool((confidence >= self.spec.translation.gamma).all()):
                break
        return Translated(best[:count].numpy(), confidence[:count].numpy(), start[:count].numpy())

    def _descend(self, places: Tensor, targets: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return translations (B, C, *spatial) of the starts, and the guide's probabilities (B,)."""
        asked, layout = self.spec.translation, memory_format(len(self.codec.shape) - 1)
        sources = torch.from_numpy(self.starts.labels)[places].to(self.device)
        targets = targets.to(self.device)
        matrices = tuple(m.to(self.device) for m in low_pass(self.codec.shape[1:], asked.smoothness))

        def noise() -> Tensor:
            return torch.randn(CHUNK, *self.codec.shape, generator=draws).to(self.device)

        x = self.starts.begun(places, self.codec, draws).to(self.device)
        # The source's logit is the target's own where a class borrows from itself.
        weight = asked.penalty * (sources != targets)
        for _ in range(asked.steps):
            moving = self._sure(x, targets) < asked.gamma
            if not bool(moving.any()):
                break
            seen = (x + 0.5 * asked.noise * noise()).contiguous(memory_format=layout).requires_grad_()
            loss = translation_loss(self.guide(seen), self.other(seen), targets, sources, weight)
            (gradient,) = torch.autograd.grad(loss.sum(), seen)
            moved = translation_step(x, gradient, matrices, asked.step)
            x = torch.where(moving.view(-1, *[1] * (x.ndim - 1)), moved, x)
        return x.cpu().contiguous(), self._sure(x, targets).cpu()

    def _sure(self, x: Tensor, targets: Tensor) -> Tensor:
        """Return the guide's probability (B,) of the asked classes."""
        layout = memory_format(len(self.codec.shape) - 1)
        with torch.no_grad():
            logits: Tensor = self.guide(x.contiguous(memory_format=layout))
        return torch.softmax(logits.float(), 1).gather(1, targets[:, None])[:, 0]

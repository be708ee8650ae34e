"""From labels to samples by translation: two classifiers, and the training samples to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from augmentor.core.conditions import Conditions
from augmentor.core.progress import Progress
from augmentor.core.samples import IntArray
from augmentor.core.seeds import derive_seed
from augmentor.nets.classifier import SmallResNet
from augmentor.nets.layout import memory_format
from augmentor.objectives.translation import low_pass, translation_loss, translation_step
from augmentor.synthesizers.class_translation.spec import ClassTranslationSpec
from augmentor.synthesizers.sampler import Rows, Sampler, padded, torch_threads
from augmentor.synthesizers.starts import Starts


class Classifiers(nn.Module):
    """Both classifiers of Kim 2020, equation 1, as one module.

    Attributes:
        guide: g, whose probability of the target class decides.
        other: f, whose logit of the source class is held down.
    """

    def __init__(self, guide: SmallResNet, other: SmallResNet) -> None:
        super().__init__()
        self.guide, self.other = guide, other


class Translated(NamedTuple):
    """Rows and where they come from.

    Attributes:
        x: (N, C, *spatial) float32 in [-1, 1].
        confidence: (N,) the guide's probability of the target class.
        start: (N,) which of the kept training samples each began as.
    """

    x: Rows
    confidence: npt.NDArray[np.float32]
    start: IntArray


@dataclass(frozen=True, eq=False)
class TranslationSampler(Sampler):
    """Two classifiers and training samples: all that translates.

    Attributes:
        spec: how samples are moved.
    """

    network: Classifiers
    shape: tuple[int, ...]
    device: torch.device
    spec: ClassTranslationSpec
    starts: Starts
    chunk: ClassVar[int] = 32

    def make(self, conditions: Conditions, seed: int, number: int) -> Rows:
        """Return the rows of one chunk."""
        return self._chunk(conditions.labels, seed, number).x

    def translate(self, labels: IntArray, seed: int) -> Translated:
        """Return one translation for each label (N,), accepted or the best of its attempts."""
        chunks = range(0, len(labels), self.chunk)
        with torch_threads(1):
            parts = [
                self._chunk(labels[first : first + self.chunk], seed, number)
                for number, first in enumerate(chunks)
            ]
        return Translated(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def facts(self, classes: Sequence[str], judged: int, seed: int, progress: Progress) -> dict[str, Any]:
        """Return, and log, the share of each class's translations that the guide accepts."""
        labels = np.arange(len(classes)).repeat(judged)
        sure = self.translate(labels, seed).confidence >= self.spec.gamma
        accepted = {name: float(sure[labels == label].mean()) for label, name in enumerate(classes)}
        shares = ", ".join(f"{name} {share:.0%}" for name, share in accepted.items())
        progress.log(f"accepted translations, of {judged} each: {shares}")
        return {"accepted": accepted, **super().facts(classes, judged, seed, progress)}

    def _chunk(self, labels: IntArray, seed: int, number: int) -> Translated:
        count = len(labels)
        targets = padded(labels, self.chunk)
        best = torch.zeros(self.chunk, *self.shape)
        confidence = torch.full((self.chunk,), -1.0)
        # Rows that fill up the chunk are not tried again.
        confidence[count:] = 1.0
        start = torch.zeros(self.chunk, dtype=torch.int64)
        for attempt in range(self.spec.attempts):
            draws = torch.Generator().manual_seed(derive_seed(seed, "translation", number, attempt))
            places = self.starts.places(targets, draws)
            x, sure = self._descend(places, targets, draws)
            better = (confidence < self.spec.gamma) & (sure > confidence)
            best[better], confidence[better], start[better] = x[better], sure[better], places[better]
            if bool((confidence >= self.spec.gamma).all()):
                break
        return Translated(best[:count].numpy(), confidence[:count].numpy(), start[:count].numpy())

    def _descend(self, places: Tensor, targets: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return translations (B, C, *spatial) of the starts, and the guide's probabilities (B,)."""
        spec, layout = self.spec, memory_format(len(self.shape) - 1)
        sources = torch.from_numpy(self.starts.labels)[places].to(self.device)
        targets = targets.to(self.device)
        matrices = tuple(m.to(self.device) for m in low_pass(self.shape[1:], spec.starts.smoothness))

        def noise() -> Tensor:
            return torch.randn(self.chunk, *self.shape, generator=draws).to(self.device)

        x = self.starts.initial(places, draws).to(self.device)
        # The source's logit is the target's own where a class borrows from itself.
        weight = spec.penalty * (sources != targets)
        for _ in range(spec.steps):
            moving = self._sure(x, targets) < spec.gamma
            if not bool(moving.any()):
                break
            noisy = (x + 0.5 * spec.noise * noise()).contiguous(memory_format=layout).requires_grad_()
            logits = self.network.guide(noisy), self.network.other(noisy)
            loss = translation_loss(*logits, targets, sources, weight)
            (gradient,) = torch.autograd.grad(loss.sum(), noisy)
            moved = translation_step(x, gradient, matrices, spec.step)
            x = torch.where(moving.view(-1, *[1] * (x.ndim - 1)), moved, x)
        return x.cpu().contiguous(), self._sure(x, targets).cpu()

    def _sure(self, x: Tensor, targets: Tensor) -> Tensor:
        """Return the guide's probability (B,) of the target classes."""
        layout = memory_format(len(self.shape) - 1)
        with torch.no_grad():
            logits: Tensor = self.network.guide(x.contiguous(memory_format=layout))
        return torch.softmax(logits.float(), 1).gather(1, targets[:, None])[:, 0]

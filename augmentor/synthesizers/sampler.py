"""From labels to samples in data units: what is left of a GAN once it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from augmentor.core.errors import ConfigError
from augmentor.core.samples import IntArray, Samples
from augmentor.core.seeds import derive_seed
from augmentor.modalities.base import Codec
from augmentor.synthesizers.spec import SynthesizerSpec
from augmentor.synthesizers.starts import Starts

BoolArray = npt.NDArray[np.bool_]

CHUNK = 64
"""Rows made together, always: a row's bits then never depend on how many are asked."""


@dataclass(frozen=True, eq=False)
class Sampler:
    """A generator with all that turns its output into samples.

    Attributes:
        spec: the networks' declaration, sizes resolved.
        codec: from the networks' range to the data's units.
        classes: class names in label order.
        shape: (C, *spatial) of one sample.
        value_range: of the training data.
        generator: ``g(z, y, strength, draws)``.
        device: where it lies.
        starts: training samples that take the place of latents; None where samples start from noise.
    """

    spec: SynthesizerSpec
    codec: Codec
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    value_range: tuple[float, float] | None
    generator: nn.Module
    device: torch.device
    starts: Starts | None = None

    def sample(self, labels: IntArray, seed: int, wanted: BoolArray | None = None) -> Samples:
        """Return one sample for each label (N,); sample i depends on (seed, i, label i) alone.

        Args:
            labels: (N,).
            seed: all randomness derives from it.
            wanted: (N,) rows that are needed, None for all; the others may be left blank.

        Raises:
            ConfigError: if a label is out of range.
        """
        labels = check_labels(labels, self.classes)
        rows = np.zeros((len(labels), *self.shape), dtype=np.float32)
        # One thread: the sums of a larger number would be split elsewhere and round differently.
        with torch_threads(1), torch.inference_mode():
            for start in range(0, len(labels), CHUNK):
                if wanted is not None and not wanted[start : start + CHUNK].any():
                    continue
                asked = labels[start : start + CHUNK]
                rows[start : start + len(asked)] = self._chunk(
                    asked, derive_seed(seed, "latents", start // CHUNK)
                )
        return Samples(
            kind=self.codec.kind,
            x=self.codec.decode(rows),
            y=labels,
            classes=self.classes,
            ids=row_ids(seed, len(labels)),
            # Floats whatever the training data had: JSON does not tell 0 from 0.0, digests do.
            value_range=None
            if self.value_range is None
            else (float(self.value_range[0]), float(self.value_range[1])),
        )

    def config(self) -> dict[str, Any]:
        """Return all but the weights and training samples as JSON values."""
        return {
            **({} if self.starts is None else {"counts": list(self.starts.counts)}),
            "spec": self.spec.model_dump(mode="json"),
            "codec": self.codec.to_json(),
            "classes": list(self.classes),
            "shape": list(self.shape),
            "value_range": None if self.value_range is None else [float(bound) for bound in self.value_range],
        }

    def tensors(self) -> dict[str, Tensor]:
        """Return all that is saved: the generator's weights, and training samples if there are any."""
        return {**self.generator.state_dict(), **({} if self.starts is None else self.starts.tensors())}

    def _chunk(self, labels: IntArray, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        draws = torch.Generator().manual_seed(seed)
        filled = torch.zeros(CHUNK, dtype=torch.int64)
        filled[: len(labels)] = torch.from_numpy(labels)
        if self.starts is None:
            begin = torch.randn(CHUNK, self.spec.numbers(self.shape), generator=draws)
        else:
            begin = self.starts.begun(self.starts.places(filled, draws), self.codec, draws)
        made: Tensor = self.generator(begin.to(self.device), filled.to(self.device), 1.0, draws)
        return made[: len(labels)].float().cpu().contiguous().numpy()


def check_labels(labels: IntArray, classes: tuple[str, ...]) -> IntArray:
    """Return ``labels`` (N,) as int64.

    Raises:
        ConfigError: if the shape differs or a label is out of range.
    """
    labels = np.asarray(labels, dtype=np.int64)
    if labels.ndim != 1 or (len(labels) and not 0 <= labels.min() <= labels.max() < len(classes)):
        raise ConfigError(
            f"labels must be of shape (N,) with values in [0, {len(classes)}) for the classes "
            f"{list(classes)}, got shape {labels.shape}"
            + (f" and values from {labels.min()} to {labels.max()}" if labels.size else "")
        )
    return labels


def row_ids(seed: int, count: int) -> npt.NDArray[np.str_]:
    """Return the names of ``count`` samples drawn with ``seed``."""
    return np.array([f"gan-{seed:x}-{row:06d}" for row in range(count)], dtype=np.str_)


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let torch use ``threads`` threads inside the block, and as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)

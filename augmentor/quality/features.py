"""Feature spaces in which real and synthetic samples are compared."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import sha256_file
from augmentor.core.samples import FloatArray, Samples
from augmentor.quality.feature_names import check_features
from augmentor.quality.judge import TaskJudge
from augmentor.training.classifier import one_thread

AT_ONCE = 256


class FeatureSpace(Protocol):
    """A space in which samples are points."""

    @property
    def name(self) -> str:
        """Part of the name of every distance measured here, as in ``kid_task``."""

    @property
    def description(self) -> str:
        """The space in words, for the report's protocol."""

    @property
    def digest(self) -> str | None:
        """SHA-256 of the user's network, else None."""

    def blocks(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Return features (F, N, W), one block for each fold of the judge."""


@dataclass(frozen=True)
class TaskSpace:
    """The standardised features of the classifiers cross-fitted on the training part."""

    judge: TaskJudge
    name: str = "task"
    description: str = "Features are those of classifiers cross-fitted on the training part."
    digest: str | None = None

    def blocks(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Return each network's features (F, N, W); a training row is new to the network of its fold."""
        networks, width = self.judge.centres.shape
        rows = self.judge.features(samples).reshape(len(samples), networks, width)
        return np.asarray(rows.transpose(1, 0, 2) * np.sqrt(networks), dtype=np.float64)


@dataclass(frozen=True)
class PixelSpace:
    """The values of the samples themselves, scaled to [-1, 1] and laid out flat."""

    judge: TaskJudge
    name: str = "pixels"
    description: str = "Features are the values of the samples themselves, scaled to [-1, 1]."
    digest: str | None = None

    def blocks(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Return the same pixels for every fold: the protocol is that of the task features."""
        return _for_every_fold(self.judge, self.judge.pixels(samples))


@dataclass(frozen=True)
class NetworkSpace:
    """The output of a TorchScript network that the user provides.

    The network is called on the CPU with float32 (N, C, *spatial) in [-1, 1] and returns (N, ...), which
    is laid out flat. TorchScript holds code, and loading it runs that code: name only files you trust.
    """

    judge: TaskJudge
    path: Path
    name: str = "net"

    @property
    def description(self) -> str:
        """The space in words."""
        return f"Features are the outputs of the network {self.path.name} (SHA-256 {self.digest[:16]})."

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256_file(self.path)

    @cached_property
    def module(self) -> Any:  # noqa: ANN401 - a script module takes and returns any module
        """The loaded network.

        Raises:
            ConfigError: if the file is no TorchScript network.
        """
        check_features(str(self.path))
        try:
            with warnings.catch_warnings():
                # torch recommends torch.export, whose files are tied to one version of torch.
                warnings.simplefilter("ignore", DeprecationWarning)
                return torch.jit.load(str(self.path), map_location="cpu").eval()
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                f"evaluation.features: {self.path} is not a TorchScript network "
                f"({_first_line(error)}); save one with torch.jit.save(torch.jit.trace(...))"
            ) from error

    def blocks(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Return the network's features for every fold.

        Raises:
            DataError: if the network cannot take the samples, or gives no finite row for each.
        """
        x = self.judge.encode(samples)
        found = []
        try:
            with one_thread(), torch.inference_mode():
                for start in range(0, len(x), AT_ONCE):
                    found.append(self.module(x[start : start + AT_ONCE]).flatten(1).double().numpy())
        except (RuntimeError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise DataError(
                f"the network {self.path.name} cannot take samples of shape (N, "
                f"{', '.join(map(str, self.judge.codec.shape))}) in [-1, 1]: {_last_line(error)}"
            ) from error
        rows = np.concatenate(found) if found else np.zeros((0, 1))
        if len(rows) != len(x) or not np.isfinite(rows).all():
            raise DataError(
                f"the network {self.path.name} must give one row of finite numbers for each sample, got "
                f"{rows.shape} for {len(x)} samples"
                + ("" if np.isfinite(rows).all() else " with values that are not finite")
            )
        return _for_every_fold(self.judge, rows)


def feature_space(features: str, judge: TaskJudge) -> FeatureSpace:
    """Return the space that a recipe names: "task", "pixels" or the path of a TorchScript file.

    Raises:
        ConfigError: if there is no such file.
    """
    if features == "task":
        return TaskSpace(judge)
    if features == "pixels":
        return PixelSpace(judge)
    check_features(features)
    return NetworkSpace(judge, Path(features).expanduser())


def _for_every_fold(judge: TaskJudge, rows: FloatArray) -> npt.NDArray[np.float64]:
    return np.broadcast_to(rows, (len(judge.models), *rows.shape))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].rstrip(".")

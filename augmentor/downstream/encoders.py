"""A frozen encoder from a file, TorchScript or ONNX, under a linear head.

An encoder takes float32 (N, C, *spatial), prepared as the recipe's ``input`` says, and gives one row for each
sample. TorchScript holds code, and loading it runs that code: name only files you trust. ONNX holds none.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import ConfigError
from augmentor.downstream.base import Batches, Form, Predictor, Training
from augmentor.downstream.kinds import ClassifierKind, not_on_one_table, not_on_own_network
from augmentor.downstream.model_spec import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

Rows: TypeAlias = npt.NDArray[np.float32]
ONNX_EXTRA = "pip install 'gan-augmentor[onnx]'"


@dataclass(frozen=True, eq=False)
class Loaded:
    """An encoder that is ready.

    Attributes:
        encode: prepared samples (N, C, *spatial) to features (N, ...).
        channels: that it takes, None where its file does not say.
        exactly: samples that it takes at once, None for any number.
    """

    encode: Callable[[Tensor], npt.NDArray[Any]]
    channels: int | None = None
    exactly: int | None = None


@dataclass(frozen=True)
class Encoder(ClassifierKind):
    """An encoder of a file under a linear head.

    Attributes:
        load: reads the file.
    """

    table: bool = True
    reads: tuple[str, ...] = ("weights", "input")
    needs: tuple[str, ...] = ("weights",)
    load: Callable[[Path], Loaded] | None = None

    def why_not(self, spec: ModelSpec, training: Training, form: Form | None) -> str:
        """Return why not: the head learns from one table."""
        return not_on_own_network(training) or not_on_one_table(f"frozen {spec.name}", training)

    def idle(self, spec: ModelSpec) -> str:
        """Return as for every model; a frozen encoder has no learning rate."""
        if spec.learning_rate is not None:
            return f"model.learning_rate has no effect on frozen {spec.name}; leave it out"
        return super().idle(spec)

    def check(self, spec: ModelSpec, form: Form) -> None:
        """Encode two samples of nothing."""
        import torch

        self._encoder(spec, form)(torch.zeros(2, *form.shape))

    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Fit the head on what the encoder gives."""
        from augmentor.downstream.fit_classifier import fit_on_features

        encode = self._encoder(spec, Form(batches.shape, len(batches.counts)))
        return fit_on_features(encode, spec, training, batches, seed=seed)

    def _encoder(self, spec: ModelSpec, form: Form) -> Callable[[Tensor], Rows]:
        """Return samples as the data have them (N, C, *spatial), N above 0, to features (N, D)."""
        import torch

        from augmentor.downstream.prepared import preparation
        from augmentor.nets.prepared import at_once

        assert self.load is not None
        assert spec.weights is not None  # needed, as the recipe was told
        path = Path(spec.weights).expanduser()
        loaded = self.load(path)
        own, said = loaded.channels, spec.input.channels
        if own is not None and said not in (None, own):
            raise ConfigError(f"evaluation.model.input.channels is {said}, and {path.name} takes {own}")
        prepare = preparation(spec, form.shape, channels=own or said or form.shape[0])
        most = loaded.exactly or at_once(prepare, form.shape)

        def encode(x: Tensor) -> Rows:
            found = []
            for part in x.split(most):
                with torch.inference_mode():
                    given = prepare(part)
                if loaded.exactly is not None and len(part) < most:
                    given = torch.cat([given, given[:1].expand(most - len(part), *given.shape[1:])])
                found.append(_rows(loaded, given.contiguous(), path)[: len(part)])
            return np.concatenate(found)

        return encode


def _rows(loaded: Loaded, given: Tensor, path: Path) -> Rows:
    try:
        rows = np.asarray(loaded.encode(given), np.float32)
    except Exception as error:
        raise ConfigError(
            f"evaluation.model: the encoder {path.name} does not take float32 samples {tuple(given.shape)}: "
            f"{' '.join(str(error).split())[-300:]}; size, channels and normalisation are model.input's"
        ) from error
    rows = rows.reshape(len(rows), -1) if rows.ndim else rows
    if rows.ndim != 2 or len(rows) != len(given) or not rows.size or not np.isfinite(rows).all():
        raise ConfigError(
            f"evaluation.model: the encoder {path.name} must give one row of finite numbers for each sample, "
            f"got {rows.shape} for {len(given)} samples"
        )
    return rows


def load_torchscript(path: Path) -> Loaded:
    """Return the encoder of a TorchScript file, on the CPU.

    Raises:
        ConfigError: if it is none.
    """
    import torch

    try:
        with warnings.catch_warnings():
            # torch recommends torch.export, whose files are tied to one version of torch.
            warnings.simplefilter("ignore", DeprecationWarning)
            network = torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"evaluation.model.weights: {path} is not a TorchScript network "
            f"({' '.join(str(error).split())[:200]}); save one with torch.jit.save(torch.jit.trace(...))"
        ) from error

    def encode(x: Tensor) -> npt.NDArray[Any]:
        with torch.inference_mode():
            found: npt.NDArray[Any] = network(x).float().numpy()
        return found

    return Loaded(encode)


def load_onnx(path: Path) -> Loaded:
    """Return the encoder of an ONNX file: its first input and its first output, on one thread.

    The file is read as a whole, so that weights in files beside it, which nobody would have hashed, are not.

    Raises:
        ConfigError: if onnxruntime is not installed, or the file is not ONNX with one input.
    """
    try:
        runtime = import_module("onnxruntime")
    except ImportError as error:
        raise ConfigError(
            f"evaluation.model.name onnx needs the package onnxruntime, which is not installed: {ONNX_EXTRA}"
        ) from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(
            path.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ConfigError(
            f"evaluation.model.weights: {path} cannot be read as one ONNX file, weights included: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        got = ", ".join(f"{one.name} {one.type}" for one in inputs)
        raise ConfigError(
            f"evaluation.model.weights: an encoder takes one input of float32, {path} takes {got or 'none'}"
        )
    name, shape = inputs[0].name, inputs[0].shape
    first = session.get_outputs()[0].name

    def encode(x: Tensor) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = session.run([first], {name: x.numpy()})[0]
        return found

    batch, channels = (one if isinstance(one, int) else None for one in (*shape[:2], None, None)[:2])
    return Loaded(encode, channels=channels, exactly=batch)

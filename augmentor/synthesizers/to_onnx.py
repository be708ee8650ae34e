"""Generators as ONNX files, checked in onnxruntime against torch before they are kept."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import json_text
from augmentor.core.version import __version__
from augmentor.modalities.array_codec import ArrayCodec
from augmentor.synthesizers.fitted import FittedModel
from augmentor.synthesizers.per_class import FittedPerClass
from augmentor.synthesizers.sampler import GeneratorSampler, torch_threads
from augmentor.synthesizers.synthesizer import Synthesizer

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
"""What writing and checking need; the extra ``onnx``."""
TOLERANCE = 1e-4
"""Largest difference between onnxruntime and torch, as a share of the value range."""
OPSET = 18
NOTE = "makes synthetic samples, which show no real case; no diagnosis, no evidence about patients"


class ExportedGenerator(nn.Module):
    """A generator with the way back to the data's own units.

    Attributes:
        low: lowest value of each channel, or of all.
        span: highest less lowest.
        width: the same, infinite for a channel of one value, which is 0 to the network.

    Args:
        model: one fitted model.
    """

    low: Tensor
    span: Tensor
    width: Tensor

    def __init__(self, model: FittedModel) -> None:
        super().__init__()
        codec, sampler = model.form.codec, model.sampler
        assert isinstance(codec, ArrayCodec)
        self.network = sampler.network
        self.from_samples = sampler.starts is not None
        axes = (1, -1, *(1,) * (len(model.form.shape) - 1))
        low, high = (torch.tensor(bound, dtype=torch.float32).reshape(axes) for bound in codec.windows)
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("span", high - low, persistent=False)
        self.register_buffer("width", torch.where(high > low, high - low, torch.inf), persistent=False)

    def forward(self, source: Tensor, label: Tensor | None = None) -> Tensor:
        """Return samples (B, C, *S) float32 in the data's own units, not rounded.

        Args:
            source: latents (B, L), or for a translation samples (B, C, *S) in the data's own units.
            label: classes (B,) int64; None for a model of one class, which knows no other.
        """
        if self.from_samples:
            source = ((source - self.low) / self.width * 2 - 1).clamp(-1, 1)
        labels = torch.zeros_like(source[:, 0], dtype=torch.int64) if label is None else label
        made: Tensor = self.network(source, labels, 1.0, None)
        return (made.clamp(-1, 1) + 1) / 2 * self.span + self.low


def write_onnx(folder: Path, synthesizer: Synthesizer) -> dict[str, Any]:
    """Write ``generator.onnx``, or one ``generator-<label>.onnx`` for each class, and ``generator.json``.

    Each is run in onnxruntime on 1 and on 5 rows and compared with torch. ``generator.json`` says what goes
    in and comes out, and the largest difference found.

    Args:
        folder: that exists.
        synthesizer: fitted.

    Returns:
        The content of generator.json.

    Raises:
        ConfigError: if the method has no network that makes samples in one pass, or samples are no arrays.
        DataError: if onnxruntime does not give what torch gives.
    """
    models, classes, several = _models(synthesizer)
    files: list[dict[str, Any]] = []
    for label, model in enumerate(models):
        check_exportable(model)
        name = f"generator-{label:03d}.onnx" if several else "generator.onnx"
        files.append({"file": name, "largest_difference": _write(folder / name, model, synthesizer, several)})
        if several:
            files[-1]["class"] = classes[label]
    said = {**_described(models[0], several), "classes": list(classes), "files": files}
    said |= {"synthesizer": synthesizer.digest, "gan_augmentor": __version__, "note": NOTE}
    (folder / "generator.json").write_text(json_text(said), encoding="utf-8")
    return said


def _models(synthesizer: Synthesizer) -> tuple[list[FittedModel], tuple[str, ...], bool]:
    """Return the fitted models, the names of the classes, and whether there is a model for each."""
    fitted = synthesizer.fitted
    if isinstance(fitted, FittedPerClass):
        return fitted.models, fitted.classes, True
    assert isinstance(fitted, FittedModel)
    return [fitted], fitted.form.classes, False


def check_exportable(model: FittedModel) -> None:
    """Refuse a model that ONNX cannot hold.

    Raises:
        ConfigError: saying why.
    """
    if not isinstance(model.sampler, GeneratorSampler):
        raise ConfigError(
            f"method {model.spec.method!r} makes a sample by many steps of descent, not by one pass of a "
            "network; ONNX holds generators of the other methods. `augmentor generate` makes samples of this"
        )
    if not isinstance(model.form.codec, ArrayCodec):
        raise ConfigError(
            f"ONNX is written for samples that are arrays, not for {model.form.codec.kind.plural}"
        )


def _described(model: FittedModel, several: bool) -> dict[str, Any]:
    sampler, bounds = model.sampler, model.form.value_range
    assert isinstance(sampler, GeneratorSampler)
    assert bounds is not None  # samples of arrays have one
    source = (
        {
            "name": "source",
            "type": "float32",
            "shape": ["batch", *model.form.shape],
            "units": "the data's own",
        }
        if sampler.starts is not None
        else {
            "name": "source",
            "type": "float32",
            "shape": ["batch", sampler.latent],
            "units": "standard normal",
        }
    )
    label = {"name": "label", "type": "int64", "shape": ["batch"], "units": "index of the class"}
    codec = model.form.codec
    assert isinstance(codec, ArrayCodec)
    return {
        "inputs": [source] if several else [source, label],
        "outputs": [
            {
                "name": "sample",
                "type": "float32",
                "shape": ["batch", *model.form.shape],
                "units": "the data's own; whole numbers are not rounded yet",
            }
        ],
        "kind": codec.kind.name,
        "dtype_of_the_data": codec.dtype,
        "value_range": list(bounds),
        "tolerance": TOLERANCE,
    }


def _write(path: Path, model: FittedModel, synthesizer: Synthesizer, several: bool) -> float:
    """Write one file; return the largest difference to torch, as a share of the value range."""
    import onnx

    module = ExportedGenerator(model).cpu().eval()
    draws = torch.Generator().manual_seed(0)
    example = _inputs(model, 5, draws, several)
    batch = torch.export.Dim("batch", min=1)
    try:
        with _quiet():
            program = torch.onnx.export(
                module,
                example,
                dynamo=True,
                opset_version=OPSET,
                input_names=["source", "label"][: len(example)],
                output_names=["sample"],
                dynamic_shapes=tuple({0: batch} for _ in example),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise ConfigError(
            f"torch cannot write the network of method {model.spec.method!r} as ONNX: {reason}"
        ) from error
    assert program is not None  # with dynamo=True
    proto = program.model_proto
    proto.doc_string = NOTE
    onnx.helper.set_model_props(proto, {"synthesizer": synthesizer.digest, "gan_augmentor": __version__})
    onnx.save_model(proto, path)
    difference = max(_difference(path, module, _inputs(model, rows, draws, several)) for rows in (1, 5))
    bounds = model.form.value_range
    assert bounds is not None
    share = difference / (bounds[1] - bounds[0])
    check_difference(share)
    return share


def check_difference(share: float) -> None:
    """Refuse a file that computes something else than torch.

    Args:
        share: largest difference, as a share of the value range; infinite where onnxruntime does not run it.

    Raises:
        DataError: saying how far off it is.
    """
    if not share <= TOLERANCE:
        raise DataError(
            f"onnxruntime gives samples that differ from torch's by {share:.2g} of the value range, over "
            f"{TOLERANCE:g}; the file was not kept. Please report this with the recipe"
        )


def _inputs(model: FittedModel, rows: int, draws: torch.Generator, several: bool) -> tuple[Tensor, ...]:
    sampler = model.sampler
    assert isinstance(sampler, GeneratorSampler)
    if sampler.starts is None:
        source = torch.randn(rows, sampler.latent, generator=draws)
    else:
        bounds = model.form.value_range
        assert bounds is not None
        source = torch.rand(rows, *model.form.shape, generator=draws) * (bounds[1] - bounds[0]) + bounds[0]
    return (source,) if several else (source, torch.arange(rows) % len(model.form.classes))


def _difference(path: Path, module: nn.Module, inputs: tuple[Tensor, ...]) -> float:
    """Return the largest difference between onnxruntime and torch on these inputs."""
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument, RuntimeException

    with torch.inference_mode(), torch_threads(1):
        expected: npt.NDArray[np.float32] = module(*inputs).numpy()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    try:
        (found,) = session.run(None, dict(zip(names, (one.numpy() for one in inputs), strict=True)))
    except (InvalidArgument, RuntimeException):
        return float("inf")  # the export fixed a shape, say
    return float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's own progress and warnings out of the user's terminal."""
    loggers = [logging.getLogger(name) for name in ("onnxscript", "torch.onnx", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

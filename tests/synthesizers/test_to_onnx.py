"""Generators as ONNX: what else than one network from latents is written, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from augmentor.core.errors import ConfigError, DataError
from augmentor.synthesizers import to_onnx
from augmentor.synthesizers.to_onnx import TOLERANCE, ExportedGenerator, check_difference, write_onnx


def fitted(gan, blobs, **spec):
    synthesizer = gan({"width": 4, **spec}, images=64, batch=8, checkpoints=1)
    synthesizer.fit(blobs((1, 8, 8)), seed=0)
    return synthesizer


def test_a_network_for_each_class_is_a_file_for_each(tmp_path, gan, blobs, monkeypatch):
    # An export takes seconds; what is written is the same as for one network.
    written = []
    monkeypatch.setattr(
        to_onnx, "_write", lambda path, model, *others: written.append((path.name, model)) or 0.0
    )
    synthesizer = fitted(gan, blobs, family="dcgan", per_class=True)
    said = write_onnx(tmp_path, synthesizer)
    assert [one["class"] for one in said["files"]] == ["dark", "bright"]
    assert [one["file"] for one in said["files"]] == [name for name, _ in written]
    assert [model for _, model in written] == synthesizer.fitted.models
    assert [one["name"] for one in said["inputs"]] == ["source"]
    assert said == json.loads((tmp_path / "generator.json").read_text(encoding="utf-8"))


def test_an_export_of_a_network_without_labels_takes_any_number_of_rows(gan, blobs):
    module = ExportedGenerator(fitted(gan, blobs, family="dcgan", per_class=True).fitted.models[0]).eval()
    rows = {0: torch.export.Dim("batch", min=1)}
    program = torch.export.export(module, (torch.randn(5, 8),), dynamic_shapes=(rows,)).module()
    latents = torch.randn(3, 8)
    torch.testing.assert_close(program(latents), module(latents))


def test_a_translation_takes_samples_in_their_own_units(tmp_path, gan, blobs, monkeypatch):
    monkeypatch.setattr(to_onnx, "_write", lambda *given: 0.0)
    synthesizer = fitted(gan, blobs, family="cyclegan")
    assert write_onnx(tmp_path, synthesizer)["inputs"][0] == {
        "name": "source",
        "type": "float32",
        "shape": ["batch", 1, 8, 8],
        "units": "the data's own",
    }
    module = ExportedGenerator(synthesizer.fitted).eval()
    rows = {0: torch.export.Dim("batch", min=1)}
    x = torch.from_numpy(blobs((1, 8, 8)).array[:5].astype(np.float32))
    given = (x, torch.tensor([1, 1, 1, 1, 1]))
    program = torch.export.export(module, given, dynamic_shapes=(rows, rows)).module()
    # The classes that it was exported with do not matter, nor how many rows there were.
    labels = torch.tensor([0, 1, 0])
    made, bright = program(x[:3], labels), program(x[:3], torch.ones_like(labels))
    torch.testing.assert_close(made, module(x[:3], labels))
    torch.testing.assert_close(made[1], bright[1])
    assert (made[0] - bright[0]).abs().max() > 0.01  # each class has a network of its own
    assert 0 <= made.min() <= made.max() <= 255


def test_a_method_that_descends_is_refused(tmp_path, gan, blobs):
    with pytest.raises(ConfigError, match=r"many steps of descent.*augmentor generate"):
        write_onnx(tmp_path, fitted(gan, blobs, family="translation"))


def test_a_file_that_computes_something_else_is_refused():
    check_difference(TOLERANCE)
    with pytest.raises(DataError, match=r"differ from torch's by 0\.00012 of the value range"):
        check_difference(1.2e-4)
    with pytest.raises(DataError, match="by inf of"):
        check_difference(float("inf"))

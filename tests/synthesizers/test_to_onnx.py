"""Generators as ONNX: what else than one network from latents is written, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest

from augmentor.core.errors import ConfigError, DataError
from augmentor.synthesizers.to_onnx import TOLERANCE, check_difference, write_onnx


def fitted(gan, blobs, **spec):
    synthesizer = gan({"width": 4, **spec}, images=64, batch=8, checkpoints=1)
    synthesizer.fit(blobs((1, 8, 8)), seed=0)
    return synthesizer


def test_a_network_for_each_class_is_a_file_for_each(tmp_path, gan, blobs):
    said = write_onnx(tmp_path, fitted(gan, blobs, family="dcgan", per_class=True))
    assert [one["class"] for one in said["files"]] == ["dark", "bright"]
    assert [one["name"] for one in said["inputs"]] == ["source"]
    assert said == json.loads((tmp_path / "generator.json").read_text(encoding="utf-8"))
    for one in said["files"]:
        session = onnxruntime.InferenceSession(tmp_path / one["file"], providers=["CPUExecutionProvider"])
        assert [i.name for i in session.get_inputs()] == ["source"]


def test_a_translation_takes_samples_in_their_own_units(tmp_path, gan, blobs):
    said = write_onnx(tmp_path, fitted(gan, blobs, family="cyclegan"))
    assert said["inputs"][0] == {
        "name": "source",
        "type": "float32",
        "shape": ["batch", 1, 8, 8],
        "units": "the data's own",
    }
    session = onnxruntime.InferenceSession(tmp_path / "generator.onnx", providers=["CPUExecutionProvider"])
    x = blobs((1, 8, 8)).array[:3].astype(np.float32)
    (made,) = session.run(None, {"source": x, "label": np.array([1, 1, 1])})
    (other,) = session.run(None, {"source": x, "label": np.array([0, 0, 1])})
    assert made.shape == x.shape
    np.testing.assert_array_equal(made[2], other[2])
    assert np.abs(made[:2] - other[:2]).max() > 0.01  # each class has a network of its own
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

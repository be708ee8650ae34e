"""The table of modalities: each row under its own name, and clear words where there is none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, Kind
from augmentor.core.samples import Samples
from augmentor.modalities.policies import transforms
from augmentor.modalities.table import MODALITIES, load_codec, modality_of

SAMPLES = Samples(
    np.arange(64, dtype=np.uint8).reshape(4, 1, 4, 4),
    np.array([0, 1, 0, 1]),
    ("a", "b"),
    np.arange(4).astype(np.str_),
    value_range=(0, 255),
    kind=IMAGE,
)


@pytest.mark.parametrize("name", MODALITIES)
def test_a_modality_stands_under_the_name_of_its_kind(name):
    assert MODALITIES[name].kind.name == name
    assert set(MODALITIES[name].lacking) <= set(transforms())


def test_samples_of_a_kind_without_a_modality_are_refused():
    assert modality_of(SAMPLES) is MODALITIES["image"]
    with pytest.raises(DataError, match="no modality 'smell'; there are series, image, volume"):
        modality_of(replace(SAMPLES, kind=Kind("smell", "smells", "molecule")))


def test_a_codec_of_a_modality_that_is_not_there_is_refused():
    codec = modality_of(SAMPLES).fit_codec(SAMPLES)
    values = json.loads(codec.to_json())
    assert values["codec"] == "image"
    with pytest.raises(DataError, match="a codec of series, image, volume is needed, got 'smell'"):
        load_codec(json.dumps({**values, "codec": "smell"}))


def test_packing_an_array_copies_nothing():
    codec = modality_of(SAMPLES).fit_codec(SAMPLES)
    assert codec.pack(SAMPLES.x) is SAMPLES.x
    np.testing.assert_array_equal(codec.encode(codec.pack(SAMPLES.x)), codec.encode(SAMPLES.x))

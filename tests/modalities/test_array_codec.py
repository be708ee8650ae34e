"""The codec of arrays: exact round trips, fitted on the training part, and its conventions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.modalities.array_codec import ArrayCodec
from augmentor.modalities.table import load_codec, modality_of


def samples(x: Any, value_range: tuple[float, float] = (0, 255)) -> Samples:
    return Samples(
        x=x,
        y=np.zeros(len(x), dtype=np.int64),
        classes=("a", "b"),
        ids=np.arange(len(x)).astype(np.str_),
        value_range=value_range,
        kind={3: SERIES, 4: IMAGE, 5: VOLUME}[x.ndim],
    )


def fit(train: Samples) -> ArrayCodec:
    codec = modality_of(train).fit_codec(train)
    assert isinstance(codec, ArrayCodec)
    return codec


def every(dtype: Any, top: int) -> np.ndarray:
    values = np.arange(top + 1, dtype=dtype)
    return np.resize(values, (len(values) // 64 + 1, 1, 8, 8))


def test_8_bit_uses_the_value_range_not_the_training_values() -> None:
    x = np.full((2, 1, 4, 4), 100, dtype=np.uint8)
    codec = fit(samples(x))
    assert (codec.low, codec.high) == (0, 255)
    ends = np.array([0, 51, 255, 255], dtype=np.uint8).reshape(1, 1, 2, 2)
    small = ArrayCodec(0, 255, "uint8", (1, 2, 2), IMAGE)
    # 51 is a fifth of 255, so 2 / 5 - 1.
    np.testing.assert_allclose(small.encode(ends).ravel(), [-1, -0.6, 1, 1], atol=1e-6)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint8, 16), (np.uint16, 65535)])
def test_every_whole_number_comes_back(dtype: Any, top: int) -> None:
    x = every(dtype, top)
    codec = fit(samples(x, (0, top)))
    z = codec.encode(x)
    assert z.dtype == np.float32
    assert z.min() == -1
    assert z.max() == 1
    back = codec.decode(z)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, x)


@settings(max_examples=80, deadline=None)
@given(low=st.integers(0, 65000), span=st.integers(1, 535), seed=st.integers(0, 1000))
def test_16_bit_windows_come_back_exactly(low: int, span: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(low, low + span + 1, (3, 1, 4, 4)).astype(np.uint16)
    x[0, 0, 0, :2] = low, low + span
    codec = fit(samples(x, (0, 65535)))
    assert (codec.low, codec.high) == (low, low + span)
    np.testing.assert_array_equal(codec.decode(codec.encode(x)), x)


def test_floats_come_back_to_float32_precision() -> None:
    x = np.random.default_rng(0).uniform(-3, 7, (5, 3, 4, 4)).astype(np.float32)
    codec = fit(samples(x, (-10, 10)))
    np.testing.assert_allclose(codec.decode(codec.encode(x)), x, atol=10 * 2**-22)


def test_values_beyond_the_training_window_are_clipped() -> None:
    x = np.array([100, 200, 150, 150], dtype=np.uint16).reshape(1, 1, 2, 2)
    codec = fit(samples(x, (0, 65535)))
    other = np.array([0, 65535, 100, 200], dtype=np.uint16).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(codec.encode(other).ravel(), [-1, 1, -1, 1])
    np.testing.assert_array_equal(codec.decode(codec.encode(other)).ravel(), [100, 200, 100, 200])


def test_decoding_clips_and_rounds_to_the_nearest() -> None:
    codec = ArrayCodec(0, 16, "uint8", (1, 2, 2), IMAGE)
    z = np.array([-5, 5, -1 + 2 * 3.4 / 16, -1 + 2 * 3.6 / 16], dtype=np.float32).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(codec.decode(z).ravel(), [0, 16, 3, 4])


def test_json_gives_the_same_codec() -> None:
    codec = ArrayCodec(0.1, 1 / 3, "float32", (3, 5, 7), IMAGE)
    assert load_codec(codec.to_json()) == codec
    for text in ("{}", "no json", '{"codec": "table"}', "[]"):
        with pytest.raises(DataError, match="codec"):
            load_codec(text)


def test_augmented_floats_in_the_units_of_the_data_are_encoded() -> None:
    codec = ArrayCodec(0, 255, "uint8", (1, 2, 2), IMAGE)
    np.testing.assert_allclose(codec.encode(np.full((1, 1, 2, 2), 127.5)), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda codec: codec.encode(np.zeros((1, 2, 2), np.uint8)), "shape"),
        (lambda codec: codec.encode(np.zeros((1, 2, 2, 1), np.uint8)), "shape"),
        (
            lambda codec: codec.encode(np.zeros((1, 1, 2, 2), np.uint16)),
            "fitted on uint8 images, got uint16",
        ),
        (lambda codec: codec.decode(np.full((1, 1, 2, 2), np.nan)), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        call(ArrayCodec(0, 255, "uint8", (1, 2, 2), IMAGE))


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (np.full((2, 1, 4, 4), 9, np.uint16), "nothing to learn"),
        (np.zeros((0, 1, 4, 4), np.uint8), "got none"),
        (np.zeros((2, 1, 4, 4), np.int32), "dtype int32"),
    ],
)
def test_what_cannot_be_fitted_is_refused(x: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        fit(samples(x, (0, 65535)))


def series(x: Any) -> Samples:
    return Samples(
        x,
        np.zeros(len(x), np.int64),
        ("a", "b"),
        np.arange(len(x)).astype(np.str_),
        None,
        (-1e4, 1e4),
        kind=SERIES,
    )


def test_every_channel_of_a_series_has_the_window_of_its_training_values() -> None:
    """A pressure of 1000 +- 10 beside a flow of +-0.1: with one window the flow would have one value."""
    x = np.zeros((2, 3, 4), np.float32)
    x[:, 0] = [[990, 1000, 1005, 1010]] * 2
    x[:, 1] = [[-0.1, 0, 0.05, 0.1]] * 2
    x[:, 2] = 7
    codec = fit(series(x))
    low, high = codec.windows
    np.testing.assert_allclose([low, high], [[990, -0.1, 7], [1010, 0.1, 7]], rtol=1e-6)
    z = codec.encode(x)
    np.testing.assert_allclose(z[0, 0], [-1, 0, 0.5, 1], atol=1e-5)
    np.testing.assert_allclose(z[0, 1], [-1, 0, 0.5, 1], atol=1e-5)
    assert (z[:, 2] == 0).all()
    np.testing.assert_allclose(codec.decode(z), x, rtol=1e-6, atol=1e-7)
    assert (codec.decode(np.full_like(z, 0.3))[:, 2] == 7).all()
    assert load_codec(codec.to_json()) == codec


def test_colours_share_a_window_and_contrasts_of_a_volume_do_not() -> None:
    rng = np.random.default_rng(0)
    scale = np.array([1, 10, 100], np.float32)
    colours = rng.random((2, 3, 4, 4), np.float32) * scale[:, None, None]
    assert isinstance(fit(samples(colours, (0, 100))).low, float)
    contrasts = rng.random((2, 3, 4, 4, 4), np.float32) * scale[:, None, None, None]
    _, high = fit(samples(contrasts, (0, 100))).windows
    np.testing.assert_allclose(high, contrasts.max(axis=(0, 2, 3, 4)))
    one = fit(samples(np.full((2, 1, 4, 4, 4), 9, np.uint8)))
    assert (one.low, one.high) == (0, 255)


@pytest.mark.parametrize("shape", [(2, 12), (3, 4, 4), (1, 4, 4, 4)])
def test_training_values_come_back_in_every_dimension(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, *shape)).astype(np.uint8)
    codec = fit(samples(x))
    np.testing.assert_array_equal(codec.decode(codec.encode(x)), x)
    assert load_codec(codec.to_json()) == codec
    with pytest.raises(DataError, match="are needed, got"):
        codec.encode(x[:, :, ..., :-1])


def test_windows_must_fit_the_channels() -> None:
    with pytest.raises(DataError, match="one window, or one for each of the 3 channels"):
        ArrayCodec((0.0, 0.0), (1.0, 1.0), "float32", (3, 8), IMAGE)
    with pytest.raises(DataError, match="nothing to learn in series of one value"):
        fit(series(np.ones((2, 2, 8), np.float32)))


@pytest.mark.parametrize(("shape", "kind"), [((2, 12), SERIES), ((3, 4, 4), IMAGE), ((1, 4, 4, 4), VOLUME)])
def test_codecs_written_before_kinds_had_names_are_read(shape: tuple[int, ...], kind: Any) -> None:
    codec = ArrayCodec(0.0, 255.0, "uint8", shape, kind)
    before = json.dumps({**json.loads(codec.to_json()), "codec": "image"})
    assert load_codec(before) == codec

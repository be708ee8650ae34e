"""The decoder in a process of its own, spoken to in this one: what it is sent and what it answers."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from make_scans import as_bytes, dicom_set
from pydicom.uid import RLELossless

from augmentor.data.readers import dicom_worker


def asked(*requests: tuple[bytes, int, bytes]) -> list[tuple[bytes, bytes]]:
    """Return what the worker answers."""
    inward, outward = io.BytesIO(), io.BytesIO()
    for plugin, frames, data in requests:
        dicom_worker._send(inward, plugin, frames.to_bytes(8, "little"), data)
    inward.seek(0)
    dicom_worker.serve(inward, outward)
    outward.seek(0)
    return [(dicom_worker._receive(outward), dicom_worker._receive(outward)) for _ in requests]


def packed(pixels: np.ndarray) -> bytes:
    dataset = dicom_set(pixels)
    dataset.compress(RLELossless)
    return as_bytes(dataset)


def test_pixels_come_back_whole_and_damage_is_an_answer_that_ends_nothing() -> None:
    pixels = np.arange(30, dtype=np.uint16).reshape(5, 6)
    frames = np.arange(60, dtype=np.uint16).reshape(2, 5, 6)
    good, several = packed(pixels), packed(frames)
    answers = asked(
        (b"pydicom", 1, good),
        (b"pydicom", 1, b"no DICOM"),
        (b"pydicom", 2, several),
        (b"pydicom", 1, several),
    )
    assert [word for word, _ in answers] == [b"done", b"failed", b"done", b"done"]
    found = [np.load(io.BytesIO(data)) for word, data in answers if word == b"done"]
    assert np.array_equal(found[0], pixels)
    assert np.array_equal(found[1], frames)
    assert np.array_equal(found[2], frames[:1])  # as many frames as were asked for
    assert pydicom.dcmread(io.BytesIO(good)).file_meta.TransferSyntaxUID == RLELossless


def test_a_request_that_is_cut_off_ends_the_worker() -> None:
    outward = io.BytesIO()
    dicom_worker.serve(io.BytesIO((100).to_bytes(8, "little") + b"short"), outward)
    assert outward.getvalue() == b""

"""NumPy archives: layouts that are read, and every fault with a message to act on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augmentor.core.errors import DataError
from augmentor.data.cards import Card
from augmentor.data.load import load
from augmentor.data.readers.npz import read_npz
from augmentor.data.readers.reading import Reading
from augmentor.data.spec import ImageSpec

RNG = np.random.default_rng(5)
Write = Callable[..., Path]


def pictures(n: int, *shape: int, dtype: Any = np.uint8) -> np.ndarray:
    return RNG.integers(0, 256, (n, *(shape or (6, 6)))).astype(dtype)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(**arrays: Any) -> Path:
        path = tmp_path / "set.npz"
        np.savez(path, **arrays)
        return path

    return make


def official(n: int = 4, **change: Any) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = pictures(n)
        arrays[f"{part}_labels"] = (np.arange(n) % 2)[:, None].astype(np.uint8)
    return {**arrays, **change}


def test_the_official_split_is_kept_row_by_row(write: Write) -> None:
    arrays = official()
    loaded = load(str(write(**arrays)))
    assert (loaded.name, loaded.layout) == ("set", "npz")
    assert list(loaded.parts) == ["train", "validation", "test"]
    for part, prefix in (("train", "train"), ("validation", "val"), ("test", "test")):
        np.testing.assert_array_equal(loaded.parts[part].array[:, 0], arrays[f"{prefix}_images"])
        np.testing.assert_array_equal(loaded.parts[part].y, [0, 1, 0, 1])
    assert list(loaded.parts["test"].ids) == ["test/0", "test/1", "test/2", "test/3"]
    assert loaded.classes == ("0", "1")


@pytest.mark.parametrize(("x", "y"), [("images", "labels"), ("x", "y"), ("X", "y")])
def test_undivided_archives(write: Write, x: str, y: str) -> None:
    loaded = load(str(write(**{x: pictures(3), y: np.array([5, 7, 5])})))
    assert loaded.parts["all"].counts == {"5": 2, "7": 1}


@pytest.mark.parametrize("shape", [(6, 6, 3), (3, 6, 6)], ids=["channels last", "channels first"])
def test_colour_in_both_orders(write: Write, shape: tuple[int, ...]) -> None:
    x = pictures(4, *shape)
    part = load(str(write(images=x, labels=np.array([0, 1, 0, 1])))).parts["all"]
    np.testing.assert_array_equal(part.array, x if shape[0] == 3 else np.moveaxis(x, 3, 1))


def test_colour_and_size_as_requested(write: Write) -> None:
    path = str(write(images=pictures(4, 8, 12, 3), labels=np.array([0, 1, 0, 1])))
    assert load(path).parts["all"].shape == (3, 8, 12)
    small = load(path, image=ImageSpec(size=4, colour="grey"))
    assert small.parts["all"].shape == (1, 4, 4)
    assert int(small.originals.sides[0, 1]) == 12


def test_three_equal_channels_are_grey(write: Write) -> None:
    x = np.repeat(pictures(2)[..., None], 3, axis=3)
    part = load(str(write(images=x, labels=np.array([0, 1])))).parts["all"]
    np.testing.assert_array_equal(part.array, x[..., :1].transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("dtype", "scale", "expected", "bounds"),
    [
        (np.uint8, 1, np.uint8, (0, 255)),
        (np.uint16, 200, np.uint16, (0, 65535)),
        (np.int64, 1, np.uint8, (0, 255)),
        (np.int32, 200, np.uint16, (0, 65535)),
        (np.float64, 1 / 255, np.float32, (0, 1)),
        (np.float32, 1, np.float32, (0, 255)),
    ],
)
def test_dtypes_and_their_ranges(write: Write, dtype: Any, scale: float, expected: Any, bounds: Any) -> None:
    x = (pictures(2, dtype=np.float64) * scale).astype(dtype)
    x[0, 0, 0] = 255 * scale
    part = load(str(write(images=x, labels=np.array([0, 1])))).parts["all"]
    assert part.array.dtype == expected
    assert part.value_range == bounds
    np.testing.assert_allclose(part.array[:, 0], x, rtol=1e-6)


def test_negative_floats_have_the_range_of_tanh(write: Write) -> None:
    x = np.linspace(-1, 1, 32, dtype=np.float32).reshape(2, 4, 4)
    assert load(str(write(images=x, labels=np.array([0, 1])))).parts["all"].value_range == (-1, 1)


def test_text_labels_and_named_classes(write: Write) -> None:
    path = str(write(images=pictures(3), labels=np.array(["<script>", "b", "<script>"])))
    assert load(path).parts["all"].counts == {"<script>": 2, "b": 1}
    path = str(write(images=pictures(2), labels=np.array([1, 1]), classes=np.array(["x", "y"])))
    assert load(path).parts["all"].counts == {"x": 0, "y": 2}


def objects() -> np.ndarray:
    return np.array([{"a": 1}, {"b": 2}], dtype=object)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"pictures": pictures(2)}, r"holds the arrays \['pictures'\]; needed are train_images"),
        ({"train_images": pictures(2)}, "'train_images' without 'train_labels'"),
        ({"val_labels": np.array([0, 1])}, "'val_labels' without 'val_images'"),
        ({"images": objects(), "labels": np.array([0, 1])}, "never unpickled"),
        ({"images": pictures(2), "labels": objects()}, "'labels' .*never unpickled"),
        ({"images": pictures(3), "labels": np.array([0, 1])}, "3 samples and 2 labels"),
        ({"images": pictures(2), "labels": np.array([0, -1])}, "labels out of range: -1 is negative"),
        ({"images": pictures(2), "labels": np.array([0.0, 1.0])}, "whole numbers or text, got float64"),
        ({"images": pictures(2), "labels": np.array([[0, 1], [1, 0]])}, "several labels per sample"),
        (
            {"images": pictures(2), "labels": np.array([0, 2]), "classes": np.array(["a", "b"])},
            "0 to 1 is allowed",
        ),
        ({"images": np.zeros((2, 6, 6, 6, 6, 6), np.uint8), "labels": np.array([0, 1])}, "modality: volume"),
        ({"images": pictures(2, 6, 6, 4), "labels": np.array([0, 1])}, "4 channels"),
        ({"images": np.zeros(2), "labels": np.array([0, 1])}, "holds no images"),
        ({"images": np.full((2, 4, 4), np.nan), "labels": np.array([0, 1])}, "not finite"),
        ({"images": np.full((2, 4, 4), 1e6), "labels": np.array([0, 1])}, "value_range"),
        ({"images": np.full((2, 4, 4), 70_000), "labels": np.array([0, 1])}, "0 to 65535 can be used"),
        ({"images": np.full((2, 4, 4), "a"), "labels": np.array([0, 1])}, "dtype <U1"),
        ({"images": np.zeros((0, 4, 4), np.uint8), "labels": np.zeros(0, int)}, "holds no images"),
        (official(val_images=pictures(4, 5, 5)), "share dtype and shape"),
    ],
)
def test_every_fault_is_reported(write: Write, arrays: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        load(str(write(**arrays)))


@pytest.mark.parametrize("content", [b"", b"just text", b"PK\x03\x04 broken zip"])
def test_a_file_that_is_no_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set.npz cannot be read as an .npz archive"):
        load(str(path))


def test_a_damaged_archive_and_a_single_array(write: Write, tmp_path: Path) -> None:
    path = write(**official(50))
    data = bytearray(path.read_bytes())
    data[500:900] = bytes(400)
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="cannot be read"):
        load(str(path))
    np.save(tmp_path / "one.npy", pictures(2))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(DataError, match="single NumPy array"):
        load(str(tmp_path / "one.npz"))


def card(**change: Any) -> Card:
    return Card.model_validate({"name": "c", "title": "C", "kind": "npz", "classes": ["a", "b"], **change})


def test_a_card_names_classes_range_and_groups(write: Write) -> None:
    arrays = official(
        train_patient=np.array([1, 1, 2, 2]), val_patient=np.arange(4), test_patient=np.arange(4)
    )
    path = write(**arrays)
    loaded = read_npz(path, Reading("c", card=card(group="patient", value_range=[0, 300])))
    assert loaded.classes == ("a", "b")
    assert loaded.parts["train"].value_range == (0, 300)
    assert loaded.parts["train"].group is not None
    assert list(loaded.parts["train"].group) == ["1", "1", "2", "2"]
    with pytest.raises(DataError, match="no array 'train_lesion'"):
        read_npz(path, Reading("c", card=card(group="lesion")))
    with pytest.raises(DataError, match="card says 0 to 16"):
        read_npz(path, Reading("c", card=card(value_range=[0, 16])))


def test_labels_beyond_the_classes_of_the_card(write: Write) -> None:
    path = write(**official(train_labels=np.array([0, 1, 2, 0])))
    with pytest.raises(DataError, match=r"run from 0 to 2, and the classes are \['a', 'b'\]"):
        read_npz(path, Reading("c", card=card()))


def test_synthetic_rows_of_an_earlier_run_are_left_out(write: Write) -> None:
    arrays = official(
        train_source=np.array(["real", "synthetic", "real", "real"]), train_patient=np.arange(4)
    )
    arrays |= {"val_patient": np.arange(4), "test_patient": np.arange(4)}
    loaded = read_npz(write(**arrays), Reading("c", card=card(group="patient")))
    assert len(loaded.parts["train"]) == 3
    assert loaded.parts["train"].group is not None
    assert list(loaded.parts["train"].group) == ["0", "2", "3"]
    np.testing.assert_array_equal(loaded.parts["train"].array[1, 0], arrays["train_images"][2])
    assert "1 synthetic rows of train were left out" in loaded.notes[0]

"""Files that lie about themselves, are none, or are far larger than they look."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augmentor
from augmentor.core.errors import ConfigError, DataError
from augmentor.core.kinds import IMAGE
from augmentor.data.cards import Card
from augmentor.data.load import load
from augmentor.data.readers import npz_arrays
from augmentor.data.readers.groups import searched

Make = Callable[..., Path]


def header_only(shape: tuple[int, ...], data: bytes = b"") -> bytes:
    """The bytes of a .npy array of that shape, with other data than it says."""
    handle = io.BytesIO()
    np.lib.format.write_array_header_1_0(handle, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return handle.getvalue() + data


def archive(path: Path, members: dict[str, bytes], **arrays: Any) -> Path:
    np.savez(path, **arrays)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as target:
        for name, data in members.items():
            target.writestr(name, data)
    return path


GOOD = {"images": np.zeros((4, 5, 5), np.uint8), "labels": np.array([0, 1, 0, 1])}


def test_an_array_that_nobody_needs_is_never_inflated_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "set.npz", {"other.npy": header_only((9,), bytes(9))}, **GOOD)
    read: list[int] = []
    reading = npz_arrays.read_npy
    monkeypatch.setattr(npz_arrays, "read_npy", lambda h, size: read.append(size) or reading(h, size))
    loaded = load(path)
    assert len(read) == len(GOOD)
    assert loaded.notes == ("arrays of set.npz that were not read: other",)


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (header_only((2**40,)), "its header says uint8"),
        (header_only((4, 5, 5), bytes(99)), "which are 100 bytes, and 99 are there"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70_000, "no .npy array"),
        (b"not an array", "no .npy array"),
    ],
)
def test_an_array_that_lies_about_its_size_is_refused_before_it_is_read(
    tmp_path: Path, member: bytes, told: str
) -> None:
    path = archive(tmp_path / "set.npz", {"images.npy": member}, labels=GOOD["labels"])
    with pytest.raises(DataError, match=told):
        load(path)


def test_an_array_beyond_the_free_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path / "set.npz", {}, **GOOD)
    monkeypatch.setattr(npz_arrays, "free_memory", lambda: 50)
    with pytest.raises(DataError, match="of memory are free"):
        load(path)


def test_a_file_that_lies_about_its_shape_is_skipped_and_the_others_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(3):
            np.save(tmp_path / label / f"{number}.npy", rng.normal(size=(2, 40)).astype(np.float32))
    (tmp_path / "a" / "huge.npy").write_bytes(header_only((2**50, 2, 40)))
    (tmp_path / "b" / "empty.npy").write_bytes(header_only((0, 40)))
    loaded = load(tmp_path)
    assert loaded.parts["all"].counts == {"a": 3, "b": 3}
    told = {item.path: item.reason for item in loaded.skipped}
    assert "its header says" in told["a/huge.npy"]
    assert "holds no value" in told["b/empty.npy"]


def test_samples_without_a_value_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=np.zeros((30, 0, 28), np.uint8), labels=np.arange(30) % 2)
    with pytest.raises(DataError, match=r"shape \(30, 0, 28\), so its samples hold no value"):
        load(tmp_path / "set.npz")


def test_a_pattern_that_never_ends_is_stopped() -> None:
    with pytest.raises(ConfigError, match="a repeat inside a repeat"):
        searched("^(?P<group>(a+)+)b", ["a" * 60], seconds=0.5)
    assert searched(r"^(?P<group>[^_]+)_", ["p1_2.png", "none.png"]) == ["p1", None]


@pytest.mark.parametrize("pattern", ["(" * 400, "(?P<group>" + "x" * 600 + ")"])
def test_patterns_that_are_none_are_refused_in_a_card(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"not a regular expression|at most 500"):
        Card.model_validate(
            {"name": "c", "title": "C", "kind": "folder", "classes": ["a", "b"], "group": pattern}
        )


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("valid_images", "valid_labels"), ["train", "validation"]),
        (("X_validation", "y_validation"), ["train", "validation"]),
        (("x_Test", "y_Test"), ["train", "test"]),
        (("images_dev", "labels_dev"), ["train", "validation"]),
    ],
)
def test_parts_under_any_usual_name_are_read(
    tmp_path: Path, names: tuple[str, str], parts: list[str]
) -> None:
    x, y = np.zeros((4, 5, 5), np.uint8), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "set.npz", train_images=x, train_labels=y, **{names[0]: x, names[1]: y})
    loaded = load(tmp_path / "set.npz")
    assert list(loaded.parts) == parts
    assert loaded.notes == ()


def test_two_names_of_one_part_are_refused(tmp_path: Path) -> None:
    x, y = np.zeros((4, 5, 5), np.uint8), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "s.npz", train_images=x, train_labels=y, X_train=x, y_train=y)
    with pytest.raises(DataError, match="'train_images' and 'X_train', which mean the same part"):
        load(tmp_path / "s.npz")


def test_parts_of_one_wide_dtype_keep_one_dtype(tmp_path: Path) -> None:
    wide, narrow = np.full((4, 5, 5), 900, np.int32), np.full((4, 5, 5), 200, np.int32)
    y = np.array([0, 1, 0, 1])
    np.savez(tmp_path / "s.npz", train_images=wide, train_labels=y, test_images=narrow, test_labels=y)
    parts = load(tmp_path / "s.npz").parts
    assert {part.array.dtype for part in parts.values()} == {np.dtype(np.uint16)}
    assert int(parts["test"].array.max()) == 200


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.eye(3)[[0, 1, 2, 0]], r"one-hot.*argmax\(axis=1\)"),
        (np.array([[1, 1], [0, 1], [1, 0], [0, 0]]), "multi-label"),
        (np.arange(8).reshape(4, 2), "several labels per sample"),
    ],
)
def test_labels_in_several_columns_name_the_way(tmp_path: Path, labels: Any, told: str) -> None:
    np.savez(tmp_path / "s.npz", images=np.zeros((4, 5, 5), np.uint8), labels=labels)
    with pytest.raises(DataError, match=told):
        load(tmp_path / "s.npz")


def test_what_is_no_path_is_explained() -> None:
    with pytest.raises(DataError, match=r"shape \(4, 5, 5\) has no labels.*augmentor.Samples"):
        augmentor.load(np.zeros((4, 5, 5)))  # type: ignore[arg-type] # what a user may try
    with pytest.raises(DataError, match="got dict"):
        augmentor.load({"x": 1})  # type: ignore[arg-type] # what a user may try


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("scan.mnc", "MINC"),
        ("scan.dcm.gz", "a packed DICOM file: unpack it"),
        ("photo.heic", "convert it to JPEG or PNG"),
        ("grey.ppm", "PPM"),
        ("set.tar", "pack it as .zip"),
        ("table.xlsx", "save it as CSV"),
    ],
)
def test_formats_that_are_not_read_are_named_with_the_way(make_folder: Make, name: str, told: str) -> None:
    folder = make_folder({"a": 0, "b": 0})
    (folder / "a" / name).write_bytes(b"x")
    with pytest.raises(DataError, match=rf"1 files .*{told}"):
        load(folder)
    with pytest.raises(DataError, match=told):
        load(folder / "a" / name)


def test_a_phones_picture_of_several_is_its_first(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})
    one, two = (Image.new("RGB", (12, 12), colour) for colour in ("red", "blue"))
    one.save(folder / "a" / "phone.jpg", format="MPO", save_all=True, append_images=[two])
    loaded = load(folder)
    row = loaded.parts["all"].array[list(loaded.parts["all"].ids).index("a/phone.jpg")]
    assert row[0].min() > 200
    assert row[2].max() < 50
    assert any("phone's several (MPO)" in note for note in loaded.notes)


def test_the_suffixes_that_browsers_give_jpegs_are_read(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})
    Image.new("L", (12, 12), 9).save(folder / "a" / "web.jfif", format="JPEG")
    assert len(load(folder).parts["all"]) == 3


@pytest.mark.parametrize(
    ("y", "way"),
    [
        (np.zeros((3, 1), np.int64), r"y.reshape\(-1\)"),
        (np.eye(3, dtype=np.int64), r"y.argmax\(axis=1\)"),
        (np.zeros(3, np.uint8), r"y.astype\(np.int64\)"),
        (np.array(["a", "b", "c"]), "number the classes from 0"),
    ],
)
def test_labels_of_another_form_name_the_way_in_python(y: Any, way: str) -> None:
    x, ids = np.zeros((3, 1, 4, 4), np.uint8), np.array(list("abc"))
    with pytest.raises(DataError, match=way):
        augmentor.Samples(x, y, ("a", "b", "c"), ids, value_range=(0, 255), kind=IMAGE)

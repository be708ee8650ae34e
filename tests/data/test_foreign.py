"""Anyone's synthetic pictures, read in the shape and units of the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.readers.foreign import foreign_path, match_classes
from augmentor.modalities.export import export
from augmentor.modalities.foreign import read_foreign

DIGEST = "d" * 64


def real(dtype: Any = np.uint8, *, channels: int = 1, top: float = 255, size: int = 6) -> Samples:
    x = np.random.default_rng(0).uniform(0, top, (6, channels, size, size))
    return Samples(
        x=(x if dtype == np.float32 else np.rint(x)).astype(dtype),
        y=np.arange(6) % 2,
        classes=("<cat>", "dog"),
        ids=np.array([f"real{row}" for row in range(6)]),
        value_range=(0, top),
        kind=IMAGE,
    )


def made(like: Samples, n: int = 5) -> SyntheticSet:
    assert like.value_range is not None
    x = np.random.default_rng(1).uniform(0, like.value_range[1], (n, *like.shape))
    samples = Samples(
        x=(x if like.array.dtype == np.float32 else np.rint(x)).astype(like.array.dtype),
        y=np.arange(n) % 2,
        classes=like.classes,
        ids=np.array([f"made{row}" for row in range(n)]),
        value_range=like.value_range,
        kind=IMAGE,
    )
    kept = np.ones(n, dtype=np.bool_)
    kept[-1] = False
    table = pd.DataFrame(
        {"synthesizer": "a" * 64, "seed": 2**62 + np.arange(n), "score": np.linspace(0, 1, n)}
    )
    return SyntheticSet(samples, table, kept, np.where(kept, "", "label").astype(np.str_))


def read(source: Path, like: Samples, layout: Any = "folder") -> Any:
    return read_foreign(foreign_path(source), like, layout=layout, digest=DIGEST)


def pictures(folder: Path, counts: dict[str, int], *, size: int = 6, colour: bool = False) -> Path:
    rng = np.random.default_rng(3)
    for name, n in counts.items():
        (folder / name).mkdir(parents=True)
        for row in range(n):
            shape = (size, size, 3) if colour else (size, size)
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(folder / name / f"{row}.png")
    return folder


@pytest.mark.parametrize("layout", ["folder", "memory"])
@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint8, 16), (np.uint16, 65535)])
def test_the_expanded_folder_comes_back_bit_by_bit(
    tmp_path: Path, dtype: Any, top: float, layout: Any
) -> None:
    like = real(dtype, top=top)
    given = made(like)
    export(tmp_path / "run" / "expanded", like, given, layout=layout, name="pets")
    found = read(tmp_path / "run", like, layout)  # a run folder stands for its expanded/
    assert found.kind == "expanded"
    order = np.argsort([name[-10:] for name in found.synthetic.samples.ids])  # by number, not by class
    assert np.array_equal(found.synthetic.samples.array[order], given.kept_samples.array)
    assert np.array_equal(found.synthetic.samples.y[order], given.kept_samples.y)
    table = found.synthetic.provenance.iloc[order]
    assert set(table["synthesizer"]) == {"a" * 64}
    assert table["seed"].tolist() == [2**62 + row for row in range(4)]
    assert table["score"].tolist() == pytest.approx([0, 0.25, 0.5, 0.75])
    assert "6 pictures that metadata.csv does not call synthetic" in " ".join(found.notes)
    assert found.synthetic.kept.all()


def test_floats_come_back_to_sixteen_bits(tmp_path: Path) -> None:
    like = real(np.float32, top=1.0)
    given = made(like)
    export(tmp_path / "expanded", like, given, layout="npz", name="pets")
    (tmp_path / "expanded" / "pets.npz").unlink()
    found = read(tmp_path / "expanded", like, "npz").synthetic.samples
    assert found.array.dtype == np.float32
    order = np.argsort([name[-10:] for name in found.ids])
    # A 16-bit step is 1 / 65535; half of it is the worst rounding.
    assert np.abs(found.array[order] - given.kept_samples.array).max() <= 0.5001 / 65535


def test_the_archive_of_an_expanded_dataset_gives_its_synthetic_rows(tmp_path: Path) -> None:
    like = real(np.float32, top=1.0)
    given = made(like)
    export(tmp_path / "expanded", like, given, layout="npz", name="pets")
    found = read(tmp_path / "expanded" / "pets.npz", like, "npz")
    assert found.kind == "npz"
    assert np.array_equal(found.synthetic.samples.array, given.kept_samples.array)
    assert np.array_equal(found.synthetic.samples.y, given.kept_samples.y)
    assert set(found.synthetic.provenance["synthesizer"]) == {DIGEST}
    assert found.synthetic.provenance["seed"].isna().all()


def test_a_plain_folder_of_another_size_and_colour(tmp_path: Path) -> None:
    source = pictures(tmp_path / "made", {"dog": 3}, size=12, colour=True)
    found = read(source, real())
    samples = found.synthetic.samples
    assert (found.kind, samples.shape, samples.counts) == ("folder", (1, 6, 6), {"<cat>": 0, "dog": 3})
    assert "3 synthetic pictures of another size (e.g. 12 x 12) were brought to 6 x 6" in found.notes[0]
    assert "3 synthetic pictures in colour were made grey" in found.notes[1]
    # Area averaging of the grey (BT.601) picture, to the rounding of two steps.
    with Image.open(source / "dog" / "0.png") as image:
        grey = np.asarray(image).astype(float) @ [0.299, 0.587, 0.114]
    blocks = grey.reshape(6, 2, 6, 2).mean(axis=(1, 3))
    assert np.abs(samples.array[0, 0] - blocks).max() <= 1


def test_the_folder_name_that_export_gives_a_class_is_known(tmp_path: Path) -> None:
    found = read(pictures(tmp_path / "made", {"_cat_": 2, "dog": 1}), real())
    assert found.synthetic.samples.counts == {"<cat>": 2, "dog": 1}


def test_stored_pictures_of_eight_bits_are_never_stretched_for_a_folder(tmp_path: Path) -> None:
    like = real(top=16)
    (tmp_path / "made" / "dog").mkdir(parents=True)
    (tmp_path / "made" / "_cat_").mkdir()
    Image.fromarray(np.full((6, 6), 7, dtype=np.uint8)).save(tmp_path / "made" / "dog" / "0.png")
    assert set(read(tmp_path / "made", like).synthetic.samples.array.ravel()) == {7}
    Image.fromarray(np.full((6, 6), 17, dtype=np.uint8)).save(tmp_path / "made" / "dog" / "1.png")
    with pytest.raises(DataError, match="values from 7 to 17, beyond the 0 to 16 of the real data"):
        read(tmp_path / "made", like)


def archive(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_an_archive_by_numbers_text_and_class_list(tmp_path: Path) -> None:
    x = np.arange(3 * 36, dtype=np.uint8).reshape(3, 6, 6)
    by_number = read(archive(tmp_path / "a.npz", train_images=x, train_labels=[[1], [0], [1]]), real())
    by_name = read(archive(tmp_path / "b.npz", images=x, labels=["dog", "<cat>", "dog"]), real())
    turned = read(archive(tmp_path / "c.npz", images=x, labels=[0, 1, 0], classes=["dog", "<cat>"]), real())
    for found in (by_number, by_name, turned):
        assert found.synthetic.samples.y.tolist() == [1, 0, 1]
        assert np.array_equal(found.synthetic.samples.array[:, 0], x)


def test_only_the_training_part_of_a_divided_archive_is_read(tmp_path: Path) -> None:
    x, y = np.zeros((2, 6, 6), np.uint8), np.array([0, 1])
    source = archive(tmp_path / "a.npz", train_images=x, train_labels=y, test_images=x + 9, test_labels=y)
    found = read(source, real())
    assert len(found.synthetic) == 2
    assert found.notes == ("only train_images was read, not ['test']",)


def test_floats_for_whole_numbers_are_rounded_and_reported(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.npz", images=np.full((2, 6, 6), 41.6), labels=[0, 1])
    found = read(source, real())
    assert set(found.synthetic.samples.array.ravel()) == {42}
    assert found.notes == ("synthetic values were rounded to whole numbers",)


IMAGES = np.full((2, 6, 6), 7, dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (
            {"images": IMAGES + np.uint16(249), "labels": [0, 1]},
            "values from 256 to 256, beyond the 0 to 255",
        ),
        ({"images": IMAGES / 255, "labels": [0, 1]}, "they seem to be scaled"),
        ({"images": IMAGES / 3.5 - 3, "labels": [0, 1]}, "values from -1 to -1, beyond the 0 to 255"),
        ({"images": IMAGES, "labels": [0, 2]}, "run from 0 to 2.*so 0 to 1 is allowed"),
        ({"images": IMAGES, "labels": ["dog", "dogs"]}, "class 'dogs'.*is it meant to be 'dog'?"),
        ({"images": IMAGES, "labels": [0, 1], "classes": ["dog", "fish"]}, "the class 'fish'"),
        ({"images": IMAGES, "labels": [0, 1], "value_range": [0, 1]}, "value_range is 0 to 1.*0 to 255"),
        ({"images": IMAGES, "labels": [0]}, "one label per sample"),
        ({"val_images": IMAGES, "val_labels": [0, 1]}, r"has the parts \['validation'\]"),
        ({"pictures": IMAGES}, "needed are train_images and train_labels"),
        (
            {"train_images": IMAGES, "train_labels": [0, 1], "train_source": ["real", "real"]},
            "no synthetic image",
        ),
    ],
)
def test_archives_that_cannot_be_used_give_the_reason(
    tmp_path: Path, arrays: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read(archive(tmp_path / "a.npz", **arrays), real())


def test_places_that_cannot_be_used_give_the_reason(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken" / "dog"
    broken.mkdir(parents=True)
    (broken / "a.png").write_bytes(b"")
    for name, words in [
        ("nowhere", "there is no file or folder"),
        ("rows.csv", "is a table; synthetic samples come as"),
        ("notes.txt", "cannot be read; synthetic samples come as"),
        ("empty", "is empty"),
        ("broken", r"1 files were skipped, e.g. dog/a.png: the file is empty"),
    ]:
        with pytest.raises(DataError, match=words):
            read(tmp_path / name, real())
    with pytest.raises(DataError, match=r"the class 'dgo'.*is it meant to be 'dog'"):
        read(pictures(tmp_path / "typo", {"dgo": 1}), real())


def test_real_pictures_that_are_no_square_need_the_same_shape(tmp_path: Path) -> None:
    like = real()
    wide = Samples(
        like.array[:, :, :4], like.y, like.classes, like.ids, value_range=like.value_range, kind=IMAGE
    )
    with pytest.raises(DataError, match=r"6 x 6 pixels and the real .*6 x 4, no square"):
        read(archive(tmp_path / "a.npz", images=IMAGES, labels=[0, 1]), wide)
    with pytest.raises(DataError, match="has 6 x 6 pixels and the real pictures 6 x 4, no square"):
        read(pictures(tmp_path / "made", {"dog": 1}), wide)


def test_match_classes_prefers_true_names() -> None:
    assert match_classes(["_a_", "<a>"], ("<a>", "_a_"), "x") == {"_a_": 1, "<a>": 0}

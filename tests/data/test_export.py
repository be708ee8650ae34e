"""The expanded dataset: pictures, metadata, archive, and reading all of it back."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.transforms import Lambdad

from augmentor.core.cells import guarded_cell, plain_cell
from augmentor.core.errors import DataError, StorageError
from augmentor.core.kinds import IMAGE
from augmentor.core.pseudonyms import pseudonyms
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.cards import load_card
from augmentor.data.load import load
from augmentor.data.torch_dataset import ExpandedDataset
from augmentor.data.writers.export import class_folders, safe_name
from augmentor.modalities.export import export

KEPT = np.array([True, False, True])


def samples(
    n: int,
    dtype: Any = np.uint8,
    *,
    channels: int = 1,
    top: float = 255,
    classes: tuple[str, ...] = ("a", "b"),
    seed: int = 0,
    group: Any = None,
) -> Samples:
    x = np.random.default_rng(seed).uniform(0, top, (n, channels, 5, 6))
    return Samples(
        x=(x if dtype == np.float32 else np.rint(x)).astype(dtype),
        y=np.arange(n) % len(classes),
        classes=classes,
        ids=np.array([f"id{row}" for row in range(n)]),
        value_range=(0, top),
        group=group,
        kind=IMAGE,
    )


def synthetic(like: Samples, **provenance: Any) -> SyntheticSet:
    assert like.value_range is not None
    top = like.value_range[1]
    made = samples(3, like.array.dtype, channels=like.shape[0], top=top, classes=like.classes, seed=9)
    table = pd.DataFrame({"synthesizer": ["s" * 64] * 3, "seed": [2**62 + n for n in range(3)], **provenance})
    return SyntheticSet(made, table, KEPT, np.where(KEPT, "", "copy"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_kept_row_is_there_with_its_source(tmp_path: Path) -> None:
    train = samples(4, group=np.array(["p", "p", "q", "r"]))
    made = synthetic(train, label_confidence=[0.25, 0.5, 1 / 3])
    export(tmp_path / "expanded", train, made, layout="folder", name="mine")
    rows = rows_of(tmp_path / "expanded/metadata.csv")
    assert [row["file_name"] for row in rows] == [
        "train/a/real-000000.png",
        "train/b/real-000001.png",
        "train/a/real-000002.png",
        "train/b/real-000003.png",
        "train/a/synthetic-000000.png",
        "train/a/synthetic-000001.png",
    ]
    assert rows[1] == {
        "file_name": "train/b/real-000001.png",
        "label": "1",
        "class": "b",
        "source": "real",
        "original_id": "id1",
        "synthesizer": "",
        "seed": "",
        "group": rows[0]["group"],  # of the same patient; see the test of pseudonyms
        "label_confidence": "",
    }
    assert rows[5]["source"] == "synthetic"
    assert rows[5]["original_id"] == "id2"
    assert rows[5]["seed"] == str(2**62 + 2)  # a float would have lost the last digits
    assert float(rows[5]["label_confidence"]) == 1 / 3
    inner = rows_of(tmp_path / "expanded/train/metadata.csv")
    assert [row["file_name"] for row in inner] == [row["file_name"].removeprefix("train/") for row in rows]
    for number, row in enumerate(rows):
        written = cv2.imread(str(tmp_path / "expanded" / row["file_name"]), cv2.IMREAD_UNCHANGED)
        expected = [*train.array, *made.samples.array[KEPT]][number]
        np.testing.assert_array_equal(written, expected[0])
    assert len(list((tmp_path / "expanded").rglob("*.png"))) == 6
    assert not list((tmp_path / "expanded").glob("*.npz"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_pictures_come_back_bit_by_bit(tmp_path: Path, dtype: Any, top: int, channels: int) -> None:
    train = samples(4, dtype, channels=channels, top=top)
    export(tmp_path / "out", train, synthetic(train), layout="folder", name="mine")
    loaded = load(str(tmp_path / "out"))
    part = loaded.parts["train"]
    assert part.array.dtype == dtype
    order = [list(part.ids).index(f"train/{'ab'[n % 2]}/real-{n:06d}.png") for n in range(4)]
    np.testing.assert_array_equal(part.array[order], train.array)
    # What was made here is never taken for real afterwards.
    assert len(part) == 4
    assert len(loaded.skipped) == 2


def test_an_archive_holds_the_units_of_the_data(tmp_path: Path) -> None:
    train = samples(4, top=16, channels=3)
    made = synthetic(train)
    export(tmp_path / "out", train, made, layout="memory", name="../my set")
    path = tmp_path / "out" / "_my set.npz"
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["train_images"].shape == (6, 5, 6, 3)
        assert arrays["train_labels"].shape == (6, 1)
        np.testing.assert_array_equal(arrays["train_images"][:4].transpose(0, 3, 1, 2), train.array)
        assert list(arrays["train_source"]) == ["real"] * 4 + ["synthetic"] * 2
    again = load(str(path)).parts["train"]
    assert again.value_range == (0, 16)
    assert again.classes == ("a", "b")
    np.testing.assert_array_equal(again.array, train.array)
    png = cv2.imread(str(tmp_path / "out/train/a/real-000000.png"), cv2.IMREAD_UNCHANGED)[:, :, ::-1]
    expected = np.rint(train.array[0].transpose(1, 2, 0) * (255 / 16))
    np.testing.assert_array_equal(png, expected)
    assert "value = 0 + png / 255 * 16" in (tmp_path / "out/README.md").read_text(encoding="utf-8")


def test_floats_are_written_with_16_bits(tmp_path: Path) -> None:
    train = samples(4, np.float32, top=1.0)
    export(tmp_path / "out", train, synthetic(train), layout="npz", name="mine")
    png = cv2.imread(str(tmp_path / "out/train/a/real-000000.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(png / 65535, train.array[0, 0], atol=0.5 / 65535 + 1e-7)


HOSTILE = ("<script>alert(1)</script>", "../../etc", "CON", "a/b", "A/B", "", ".", "tab\tname", "Zellkörper")


def test_hostile_class_names_stay_inside_and_come_back(tmp_path: Path) -> None:
    train = samples(18, classes=HOSTILE)
    export(tmp_path / "deep/out", train, synthetic(train), layout="folder", name="mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    folders = sorted(path.name for path in (tmp_path / "deep/out/train").iterdir() if path.is_dir())
    assert len(folders) == len({name.casefold() for name in folders}) == len(HOSTILE)
    rows = rows_of(tmp_path / "deep/out/metadata.csv")
    assert {int(row["label"]): row["class"] for row in rows} == dict(enumerate(HOSTILE))
    text = (tmp_path / "deep/out/README.md").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert ExpandedDataset.from_folder(tmp_path / "deep/out").classes == HOSTILE


def test_plain_class_names_are_folder_names() -> None:
    assert class_folders(("normal", "Zellkörper", "smooth muscle", "T-cell")) == [
        "normal",
        "Zellkörper",
        "smooth muscle",
        "T-cell",
    ]
    assert class_folders(("a/b", "a?b", "A_B")) == ["a_b", "a_b-1", "A_B-2"]
    assert safe_name("nul.txt") == "_nul.txt"
    assert safe_name("x" * 500) == "x" * 60


def test_the_readme_says_what_the_card_says(tmp_path: Path) -> None:
    train = samples(4)
    export(tmp_path / "out", train, synthetic(train), layout="npz", name="x", card=load_card("dermamnist"))
    text = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert "licence of the real images: CC BY-NC 4.0" in text
    assert "| a | train/a | 2 | 2 |" in text
    assert "| b | train/b | 2 | 0 |" in text
    assert "show no real case" in text


def test_nothing_kept_writes_the_real_part(tmp_path: Path) -> None:
    train = samples(4)
    none = synthetic(train)
    none = SyntheticSet(none.samples, none.provenance, np.zeros(3, bool), np.full(3, "copy"))
    export(tmp_path / "out", train, none, layout="npz", name="x")
    assert len(ExpandedDataset.from_folder(tmp_path / "out")) == 4


def test_an_existing_folder_is_never_overwritten_and_a_fault_leaves_nothing(tmp_path: Path) -> None:
    train = samples(4)
    (tmp_path / "out").mkdir()
    with pytest.raises(StorageError, match="exists already"):
        export(tmp_path / "out", train, synthetic(train), layout="npz", name="x")
    with pytest.raises(DataError, match=r"share their classes"):
        export(tmp_path / "new", train, synthetic(samples(4, classes=("a", "c"))), layout="npz", name="x")
    four = samples(4, channels=4)
    with pytest.raises(DataError, match="1 or 3 channels, got 4"):
        export(tmp_path / "new", four, synthetic(four), layout="npz", name="x")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_torch_dataset_of_real_and_kept_rows() -> None:
    train = samples(4, top=16)
    made = synthetic(train)
    dataset = ExpandedDataset(train, made)
    assert len(dataset) == 6
    x, label = dataset[5]
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x.numpy(), made.samples.array[2] / 16, rtol=1e-6)
    assert label == 0
    assert dataset[3][1] == 1
    assert dataset.is_synthetic.tolist() == [False] * 4 + [True] * 2
    assert len(ExpandedDataset(train, made, kept_only=False)) == 7
    assert len(ExpandedDataset(train)) == 4
    flipped = ExpandedDataset(train, made, transform=lambda x: x.flip(-1))
    assert torch.equal(flipped[0][0], dataset[0][0].flip(-1))
    batch = next(iter(torch.utils.data.DataLoader(dataset, batch_size=6)))
    assert batch[0].shape == (6, 1, 5, 6)
    assert batch[1].tolist() == dataset.targets.tolist() == [0, 1, 0, 1, 0, 0]
    with pytest.raises(DataError, match="must share"):
        ExpandedDataset(train, synthetic(samples(4)))


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint8, 16), (np.uint16, 65535)])
def test_a_torch_dataset_from_the_folder_equals_the_one_from_memory(
    tmp_path: Path, dtype: Any, top: int
) -> None:
    train = samples(4, dtype, top=top, channels=3)
    made = synthetic(train)
    export(tmp_path / "out", train, made, layout="folder", name="x")
    memory, disk = ExpandedDataset(train, made), ExpandedDataset.from_folder(tmp_path / "out")
    assert disk.classes == memory.classes
    for one, two in zip(memory, disk, strict=True):
        assert one[1] == two[1]
        # Stretching 0..16 onto 0..255 rounds by at most half a grey level.
        assert torch.allclose(one[0], two[0], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no expanded dataset"),
        ("file_name,label\n", "no expanded dataset"),
        ("file_name,label,class,source\n", "names no file"),
        ("file_name,label,class,source\n../secret.png,0,a,real\n", "leads out"),
        ("file_name,label,class,source\nmissing.png,0,a,real\n", "cannot be read"),
        ("file_name,label,class,source\nok.png,1,a,real\n", "must count 0, 1"),
    ],
)
def test_a_damaged_folder_is_reported(tmp_path: Path, text: str | None, told: str) -> None:
    folder = tmp_path / "expanded"
    folder.mkdir()
    for path in (tmp_path / "secret.png", folder / "ok.png"):
        cv2.imwrite(str(path), np.zeros((4, 4), np.uint8))
    if text is not None:
        (folder / "metadata.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        ExpandedDataset.from_folder(folder)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    train = samples(4)
    for name in ("one", "two"):
        export(tmp_path / name, train, synthetic(train), layout="folder", name="x")
    files = sorted(
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()
    )
    assert len(files) == 9
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)


FORMULAS = ("=cmd|' /C calc'!A0", "=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "'=quoted", "plain", "it's")


def test_no_cell_of_a_table_is_a_formula_and_names_come_back(tmp_path: Path) -> None:
    train = samples(16, classes=FORMULAS)
    train = replace(train, ids=np.array([f"={row}" for row in range(16)]))
    made = synthetic(train, **{"=score": [0.5, -0.5, -1.0]})
    export(tmp_path / "out", train, made, layout="folder", name="x", parts={"train": train})
    for place in ("metadata.csv", "train/metadata.csv", "split.csv"):
        text = (tmp_path / "out" / place).read_text(encoding="utf-8")
        for row in csv.reader(text.splitlines()):
            texts = [cell for cell in row if cell not in {"-0.5", "-1.0"}]
            assert not [cell for cell in texts if cell.startswith(("=", "+", "-", "@"))]
    dataset = ExpandedDataset.from_folder(tmp_path / "out")
    assert dataset.classes == FORMULAS
    assert list(dataset.rows["original_id"][:2]) == ["=0", "=1"]
    assert dataset.rows["=score"].iloc[-1] == -1.0
    again = load(str(tmp_path / "out"))  # what is synthetic is known by the same table
    assert len(again.parts["train"]) == 16


@given(st.text())
def test_a_guarded_cell_gives_its_text_back_and_is_no_formula(text: str) -> None:
    cell = guarded_cell(text)
    assert plain_cell(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_groups_are_pseudonyms_that_agree_between_the_tables(tmp_path: Path) -> None:
    train = samples(4, group=np.array(["Anna", "Anna", "Bert", ""]))
    test = replace(samples(2, group=np.array(["Cleo", "Cleo"])), ids=np.array(["t0", "t1"]))
    parts = {"train": train, "test": test}
    export(tmp_path / "out", train, synthetic(train), layout="folder", name="x", parts=parts)
    split = rows_of(tmp_path / "out/split.csv")
    assert [(row["id"], row["part"], row["class"]) for row in split] == [
        ("id0", "train", "a"),
        ("id1", "train", "b"),
        ("id2", "train", "a"),
        ("id3", "train", "b"),
        ("t0", "test", "a"),
        ("t1", "test", "b"),
    ]
    anna, again, bert, nobody, cleo, _ = (row["group"] for row in split)
    assert anna == again
    assert nobody == ""
    assert len({anna, bert, cleo}) == 3
    assert {len(name) for name in (anna, bert, cleo)} == {16}
    assert [row["group"] for row in rows_of(tmp_path / "out/metadata.csv")] == [
        anna, anna, bert, "", "", "",
    ]  # fmt: skip
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"Anna" not in written
    # Another test part, another key: names of different exports cannot be laid side by side.
    other = replace(test, group=np.array(["Dora", "Dora"]))
    export(
        tmp_path / "new", train, synthetic(train), layout="folder", name="x", parts={**parts, "test": other}
    )
    assert rows_of(tmp_path / "new/split.csv")[0]["group"] != anna


def test_pseudonyms_are_a_keyed_hash() -> None:
    # HMAC-SHA-256 of RFC 4231, test case 2, cut to 16 signs.
    assert pseudonyms(["what do ya want for nothing?", ""], "Jefe") == ["5bdcc146bf60754e", ""]


def test_the_readme_tells_of_split_csv_only_where_there_is_one(tmp_path: Path) -> None:
    train = samples(4)
    export(tmp_path / "with", train, synthetic(train), layout="folder", name="x", parts={"train": train})
    export(tmp_path / "without", train, synthetic(train), layout="folder", name="x")
    assert "split.csv" in (tmp_path / "with/README.md").read_text(encoding="utf-8")
    assert "split.csv" not in (tmp_path / "without/README.md").read_text(encoding="utf-8")
    assert not (tmp_path / "without/split.csv").exists()


def test_rows_taken_out_of_the_table_are_left_out_in_the_own_units(tmp_path: Path) -> None:
    train = samples(4, top=16)
    export(tmp_path / "out", train, synthetic(train), layout="npz", name="x")
    whole = ExpandedDataset.from_folder(tmp_path / "out")
    table = (tmp_path / "out/metadata.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "out/metadata.csv").write_text("".join([*table[:2], *table[3:]]), encoding="utf-8")
    fewer = ExpandedDataset.from_folder(tmp_path / "out")
    assert fewer.data.samples.value_range == (0, 16)
    np.testing.assert_array_equal(fewer.data.samples.array, whole.data.samples.array[[0, 2, 3, 4, 5]])


def test_an_expanded_dataset_serves_other_libraries() -> None:
    train = samples(4, top=16, channels=3)
    dataset = ExpandedDataset(train, synthetic(train))
    assert repr(dataset) == ("ExpandedDataset(6 images of shape (3, 5, 6): 4 real, 2 synthetic; a 4, b 2)")
    assert dataset.class_to_idx == {"a": 0, "b": 1}
    x, y = dataset.to_keras()
    assert x.shape == (6, 5, 6, 3)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[2].transpose(2, 0, 1), dataset[2][0].numpy())
    assert y.tolist() == dataset.targets.tolist()
    monai = dataset.to_monai(transform=Lambdad("image", lambda image: image * 2))
    assert len(monai) == 6
    item = monai[5]
    assert (item["label"], item["is_synthetic"]) == (0, True)
    assert torch.equal(item["image"], dataset[5][0] * 2)
    batch = next(iter(torch.utils.data.DataLoader(monai, batch_size=2)))
    assert batch["image"].shape == (2, 3, 5, 6)

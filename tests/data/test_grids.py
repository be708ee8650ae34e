"""Volumes and series from archives and .npy folders, exported and read back, by the rules for images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.duplicates import exact_duplicates, near_duplicates
from augmentor.data.inspect import inspect
from augmentor.data.inspection_text import inspection_lines
from augmentor.data.load import load
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.foreign import foreign_path
from augmentor.data.spec import ImageSpec, SeriesSpec
from augmentor.data.split import split
from augmentor.data.torch_dataset import ExpandedDataset
from augmentor.modalities.export import export
from augmentor.modalities.foreign import read_foreign

KINDS = {kind.name: kind for kind in (SERIES, IMAGE, VOLUME)}
SHAPES = {"series": (2, 40), "image": (1, 8, 8), "volume": (1, 6, 8, 10)}
DTYPES = {"series": np.float32, "image": np.uint8, "volume": np.uint8}
RNG = np.random.default_rng(0)


def rows(kind: str, n: int, seed: int = 0) -> Any:
    x = np.random.default_rng(seed).uniform(0, 200, (n, *SHAPES[kind]))
    return x.astype(DTYPES[kind])


def samples(kind: str, n: int, seed: int = 0) -> Samples:
    return Samples(
        x=rows(kind, n, seed),
        y=np.arange(n) % 2,
        classes=("a", "b"),
        ids=np.array([f"id{seed}-{row}" for row in range(n)]),
        value_range=(0.0, 255.0),
        kind=KINDS[kind],
    )


def write(folder: Path, **arrays: Any) -> Path:
    path = folder / "set.npz"
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return path


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (np.zeros((9, 6, 7, 8), np.uint8), (1, 6, 7, 8)),
        (np.zeros((9, 2, 6, 7, 8), np.uint8), (2, 6, 7, 8)),
        (np.zeros((9, 6, 7, 8, 2), np.uint8), (2, 6, 7, 8)),
        (np.zeros((9, 4, 129), np.float32), (4, 129)),
        (np.zeros((9, 129, 4), np.float32), (4, 129)),
        (np.zeros((9, 28, 28), np.uint8), (1, 28, 28)),
        (np.zeros((9, 28, 28, 3), np.uint8), (1, 28, 28)),  # three equal channels are grey
        (np.zeros((9, 3, 28, 28), np.uint8), (1, 28, 28)),
    ],
)
def test_the_shape_tells_what_an_archive_holds(tmp_path: Path, x: Any, shape: tuple[int, ...]) -> None:
    loaded = load(str(write(tmp_path, images=x, labels=np.arange(9) % 2)))
    assert loaded.parts["all"].shape == shape
    assert any("was read as" in note for note in loaded.notes) == (loaded.kind.name != "image")


def test_a_card_says_what_the_shape_does_not(tmp_path: Path) -> None:
    card = tmp_path / "card.yaml"
    path = write(tmp_path, x=np.ones((9, 20), np.float32), y=np.array(["no", "yes", "no"] * 3))
    with pytest.raises(DataError, match="modality: volume or series"):
        load(str(path))
    card.write_text(
        "name: s\ntitle: S\nkind: npz\nmodality: series\nclasses: ['no', 'yes']\n", encoding="utf-8"
    )
    loaded = load(str(card), data=path)
    assert loaded.parts["all"].shape == (1, 20)
    assert loaded.parts["all"].counts == {"no": 6, "yes": 3}
    assert loaded.notes == ()


def test_x_train_and_y_train_are_parts_and_lengths_are_evened(tmp_path: Path) -> None:
    x = rows("series", 12)
    x[:, :, 30:] = np.nan
    x[0, 1] = np.nan
    path = write(tmp_path, X_train=x[:8], y_train=["u"] * 4 + ["v"] * 4, X_test=x[8:], y_test=["u", "v"] * 2)
    loaded = load(str(path), series=SeriesSpec(length=16))
    assert {part: made.shape for part, made in loaded.parts.items()} == {"train": (2, 16), "test": (2, 16)}
    assert loaded.parts["train"].counts == {"u": 3, "v": 4}
    assert loaded.parts["train"].ids[0] == "train/1"
    assert [item.path for item in loaded.skipped] == ["train/0"]
    assert set(loaded.originals.sides[:, 0].tolist()) == {30}
    with pytest.raises(DataError, match="'X_train' without 'y_train'"):
        load(str(write(tmp_path, X_train=x)))


def test_volumes_come_in_the_requested_size(tmp_path: Path) -> None:
    path = write(tmp_path, images=np.full((6, 12, 8, 10), 7, np.uint8), labels=np.arange(6) % 2)
    assert load(str(path)).parts["all"].shape == (1, 12, 8, 10)
    loaded = load(str(path), image=ImageSpec(size=4))
    assert loaded.parts["all"].shape == (1, 4, 4, 4)
    assert (loaded.parts["all"].array == 7).all()
    assert "12 x 8 x 10 voxels were brought to 4 a side" in loaded.notes[1]


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"images": np.zeros((4, 9, 6, 7, 8), np.uint8)}, "at most 4 channels"),
        ({"images": np.full((4, 2, 40), np.inf)}, "holds infinite values"),
        ({"images": np.full((4, 6, 7, 8), np.nan)}, "not finite"),
        ({"images": np.full((4, 6, 7, 8), 5e3)}, "value_range"),
    ],
)
def test_faults_are_reported(tmp_path: Path, arrays: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        load(str(write(tmp_path, **arrays, labels=np.arange(4) % 2)))


def folder_of(root: Path, kind: str, n: int = 6) -> Path:
    for row, x in enumerate(rows(kind, n)):
        place = root / "ab"[row % 2]
        place.mkdir(parents=True, exist_ok=True)
        np.save(place / f"case{row}.npy", x[0] if kind == "volume" else x)
    return root


@pytest.mark.parametrize("kind", ["series", "volume"])
def test_class_folders_of_arrays_are_read(tmp_path: Path, kind: str) -> None:
    root = folder_of(tmp_path / "set", kind)
    (root / "a" / "broken.npy").write_bytes(b"no array")
    loaded = load(str(root))
    assert loaded.kind.name == kind
    assert loaded.parts["all"].shape == SHAPES[kind]
    assert loaded.parts["all"].counts == {"a": 3, "b": 3}
    np.testing.assert_array_equal(loaded.parts["all"].array[1], rows(kind, 6)[2])
    assert "cannot be read as a .npy array" in loaded.skipped[0].reason


def test_series_files_may_differ_in_length_and_nothing_else(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "set", "series")
    np.save(root / "a" / "long.npy", np.ones((2, 60), np.float32))
    loaded = load(str(root))
    assert loaded.parts["all"].shape == (2, 40)
    assert "40 to 60 steps" in loaded.notes[-1]
    np.save(root / "a" / "odd.npy", np.ones((3, 40), np.float32))
    with pytest.raises(DataError, match=r"odd.npy float32 \(3, 40\)"):
        load(str(root))
    (root / "a" / "odd.npy").unlink()
    (root / "a" / "p.png").write_bytes(b"x")
    with pytest.raises(DataError, match="1 of 8 files are pictures"):
        load(str(root))


def test_a_pickled_array_is_never_opened(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "set", "series")
    np.save(root / "a" / "bad.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "never unpickled" in load(str(root)).skipped[0].reason


@pytest.mark.parametrize("kind", SHAPES)
def test_planted_duplicates_are_found_in_every_kind(kind: str) -> None:
    part = samples(kind, 30)
    x = part.array.copy()
    x[7] = x[3]
    top = x.max()
    x[11] = np.clip(x[5] * 0.98 + 0.01 * top, 0, top).astype(x.dtype)
    loaded = {"all": Samples(x, part.y, part.classes, part.ids, value_range=(0, 255), kind=part.kind)}
    assert exact_duplicates(loaded) == [("id0-3", "id0-7")]
    found = near_duplicates(loaded, FINGERPRINTS[kind])
    assert [(pair.first, pair.second) for pair in found] == [("id0-5", "id0-11")]


@pytest.mark.parametrize("kind", SHAPES)
def test_an_inspection_speaks_of_the_kind(tmp_path: Path, kind: str) -> None:
    x = rows(kind, 60)
    x[40] = x[2]
    path = write(
        tmp_path, images=x[:, 0] if kind != "series" else x, labels=np.arange(60) % 2, value_range=(0, 255)
    )
    found = inspect(path)
    text = "\n".join(inspection_lines(found))
    plural = {"series": "series", "image": "images", "volume": "volumes"}[kind]
    assert f"60 {plural}, 2 classes" in text
    assert f"exact duplicates: 1 {plural} in 1 groups" in text
    assert ("height" in text, "depth 6," in text, "steps 40" in text) == (
        kind != "series",
        kind == "volume",
        kind == "series",
    )
    assert found.blockers == ()


def test_splits_of_volumes_share_nothing(tmp_path: Path) -> None:
    x = rows("volume", 40)
    x[30] = x[1]
    loaded = load(str(write(tmp_path, images=x[:, 0], labels=np.arange(40) % 2)))
    parts = split(loaded).parts
    digests = [set(part.row_digests) for part in parts.values()]
    assert not (digests[0] & digests[1] | digests[0] & digests[2] | digests[1] & digests[2])


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[str], tuple[Path, Samples, SyntheticSet]]:
    def make(kind: str) -> tuple[Path, Samples, SyntheticSet]:
        train, made = samples(kind, 6), samples(kind, 5, seed=3)
        kept = np.array([True, True, False, True, True])
        table = pd.DataFrame({"synthesizer": "a" * 64, "seed": 2**62 + np.arange(5)})
        synthetic = SyntheticSet(made, table, kept, np.where(kept, "", "copy"))
        export(tmp_path / "expanded", train, synthetic, layout="npz", name="set")
        return tmp_path / "expanded", train, synthetic

    return make


Exported = Callable[[str], tuple[Path, Samples, SyntheticSet]]


@pytest.mark.parametrize("kind", SHAPES)
def test_an_expanded_dataset_is_read_back_in_every_way(exported: Exported, kind: str) -> None:
    folder, train, synthetic = exported(kind)
    kept = synthetic.kept_samples
    ending = "png" if kind == "image" else "npy"
    assert len(list(folder.glob(f"train/*/*.{ending}"))) == 10
    # As a team's own training data: everything, in [0, 1].
    dataset = ExpandedDataset.from_folder(folder)
    assert dataset.is_synthetic.tolist() == [False] * 6 + [True] * 4
    np.testing.assert_allclose(dataset[7][0].numpy(), kept.array[1].astype(np.float32) / 255, atol=1e-6)
    # As someone's synthetic data: the synthetic rows, bit for bit, from the folder and from the archive.
    for source in (folder, folder / "set.npz"):
        found = read_foreign(foreign_path(source), train, layout="npz", digest="d" * 64).synthetic.samples
        order = np.lexsort(found.array.reshape(len(found), -1).T)
        wanted = np.lexsort(kept.array.reshape(len(kept), -1).T)
        np.testing.assert_array_equal(found.array[order], kept.array[wanted])
        np.testing.assert_array_equal(found.y[order], kept.y[wanted])
    # As data of its own: the real rows alone.
    for source in (folder, folder / "set.npz"):
        loaded = load(str(source))
        assert sum(len(part) for part in loaded.parts.values()) == 6
        assert next(iter(loaded.parts.values())).shape == train.shape
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert ("numpy.load(file, allow_pickle=False)" in readme) == (kind != "image")


def test_foreign_series_of_another_length_are_brought_to_the_real_one(tmp_path: Path) -> None:
    real = samples("series", 6)
    path = write(tmp_path, X_train=np.full((3, 2, 55), 9.0), y_train=["a", "b", "a"])
    found = read_foreign(path, real, layout="npz", digest="d" * 64)
    assert found.synthetic.samples.shape == (2, 40)
    assert "resampled to 40" in found.notes[0]
    for values, told in (
        (np.full((3, 3, 40), 9.0), "3 channels"),
        (np.full((3, 2, 40), 900.0), "beyond the 0 to 255"),
    ):
        with pytest.raises(DataError, match=told):
            read_foreign(
                write(tmp_path, X_train=values, y_train=["a", "b", "a"]), real, layout="npz", digest="d" * 64
            )


def test_a_folder_of_pictures_is_no_source_of_volumes(tmp_path: Path) -> None:
    place = tmp_path / "made" / "a"
    place.mkdir(parents=True)
    (place / "p.png").write_bytes(b"x")
    with pytest.raises(DataError, match="1 of 1 files are pictures"):
        read_foreign(tmp_path / "made", samples("volume", 4), layout="npz", digest="d" * 64)


@pytest.mark.parametrize("kind", ["series", "volume"])
def test_a_damaged_array_or_a_path_that_leads_out_is_reported(exported: Exported, kind: str) -> None:
    folder, _, _ = exported(kind)
    file = next(folder.glob("train/a/*.npy"))
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(DataError, match=f"the array train/a/{file.name}"):
        ExpandedDataset.from_folder(folder)
    table = pd.read_csv(folder / "metadata.csv")
    table["file_name"] = "../../x.npy"
    table.to_csv(folder / "metadata.csv", index=False)
    with pytest.raises(DataError, match=r"x\.npy"):
        ExpandedDataset.from_folder(folder)

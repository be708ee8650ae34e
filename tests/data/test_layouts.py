"""Layouts in which people keep pictures: patients, parts, links, archives, debris."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augmentor.core.errors import ConfigError, DataError
from augmentor.data.cards import Card
from augmentor.data.load import load
from augmentor.data.loaded import Loaded
from augmentor.data.readers.folder import read_folder
from augmentor.data.readers.reading import Reading
from augmentor.data.readers.split_names import part_of
from augmentor.data.split import split

Make = Callable[..., Path]


def packed(folder: Path, target: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, inside + path.relative_to(folder).as_posix())
    return target


def digests(loaded: Loaded) -> dict[str, str]:
    return {part: samples.digest for part, samples in loaded.parts.items()}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes in three parts, some pictures in colour."""
    root = tmp_path_factory.mktemp("layouts") / "cells"
    rng = np.random.default_rng(0)
    for part, n in (("train", 4), ("val", 2), ("test", 2)):
        for label in ("red", "white"):
            folder = root / part / label
            folder.mkdir(parents=True)
            for number in range(n):
                pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{label}{part}{number}.png")
    return root


def rows_of(root: Path) -> list[dict[str, str]]:
    return [
        {"path": path.relative_to(root).as_posix(), "label": path.parts[-2], "split": path.parts[-3]}
        for path in sorted(root.rglob("*.png"), key=lambda path: path.name)
    ]


def as_csv(original: Path, root: Path) -> Path:
    shutil.copytree(original, root)
    lines = [",".join(row.values()) for row in rows_of(original)]
    (root / "labels.csv").write_text("\n".join(["path,label,split", *lines]) + "\n", encoding="utf-8")
    return root / "labels.csv"


def as_hugging_face(original: Path, root: Path) -> Path:
    shutil.copytree(original, root)
    for part in ("train", "val", "test"):
        rows = [row for row in rows_of(original) if row["split"] == part]
        lines = [f"{row['path'].removeprefix(part + '/')},{row['label']}" for row in rows]
        text = "\n".join(["file_name,label", *lines])
        (root / part / "metadata.csv").write_text(text, encoding="utf-8")
        for row in rows:  # no class folders: the label is in the table alone
            (root / row["path"]).rename(root / part / Path(row["path"]).name)
            shutil.rmtree(root / part / row["label"], ignore_errors=True) if not any(
                (root / part / row["label"]).iterdir()
            ) else None
        flat = text.replace("red/", "").replace("white/", "")
        (root / part / "metadata.csv").write_text(flat, encoding="utf-8")
    return root


def as_monai(original: Path, root: Path) -> Path:
    shutil.copytree(original, root)
    names = {"0": "red", "1": "white"}
    code = {name: int(label) for label, name in names.items()}
    lists: dict[str, object] = {
        key: [
            {"image": f"./{row['path']}", "label": code[row["label"]]}
            for row in rows_of(original)
            if row["split"] == part
        ]
        for key, part in (("training", "train"), ("validation", "val"), ("test", "test"))
    }
    (root / "dataset.json").write_text(json.dumps({"name": "cells", "labels": names, **lists}))
    return root / "dataset.json"


def as_zip(original: Path, root: Path) -> Path:
    root.mkdir()
    return packed(original, root / "cells.zip", inside="cells/")


def as_links(original: Path, root: Path) -> Path:
    """As git-annex keeps them: the files in a hidden folder of the same data set, links in their places."""
    shutil.copytree(original, root / "cells")
    store = root / ".git" / "annex"
    store.mkdir(parents=True)
    for number, path in enumerate(sorted((root / "cells").rglob("*.png"))):
        path.rename(store / f"{number}.png")
        path.symlink_to(os.path.relpath(store / f"{number}.png", path.parent))
    return root


@pytest.mark.parametrize("write", [as_csv, as_monai, as_zip, as_links])
def test_one_data_set_in_any_layout_gives_the_same_digest(
    original: Path, tmp_path: Path, write: Callable[[Path, Path], Path]
) -> None:
    loaded = load(write(original, tmp_path / "set"))
    assert digests(loaded) == digests(load(original))
    assert loaded.skipped == ()


def test_a_hugging_face_folder_with_labels_in_its_tables_alone_gives_the_same_pictures(
    original: Path, tmp_path: Path
) -> None:
    loaded, known = load(as_hugging_face(original, tmp_path / "set")), load(original)
    for part, samples in known.parts.items():
        assert loaded.parts[part].counts == samples.counts
        assert sorted(loaded.parts[part].row_digests) == sorted(samples.row_digests)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("train", "train"), ("Training", "train"), ("seg_train", "train"), ("1_train", "train")),
        *(
            ("valid", "validation"),
            ("validation", "validation"),
            ("val", "validation"),
            ("dev", "validation"),
        ),
        *(("TEST", "test"), ("test_set", "test"), ("test-images", "test"), ("testing", "test")),
        *(("pretrain", None), ("cat", None), ("train_test", None), ("devices", None), ("1", None)),
    ],
)
def test_names_of_parts(name: str, part: str | None) -> None:
    assert part_of(name) == part


def test_parts_of_unusual_names_are_parts(make_folder: Make) -> None:
    folder = make_folder({"seg_train/a": 2, "seg_train/b": 1, "dev/a": 1, "seg_test/b": 1})
    assert list(load(folder).parts) == ["train", "validation", "test"]


def test_folders_below_the_classes_are_patients(make_folder: Make) -> None:
    folder = make_folder({"ill/p1": 2, "ill/p2": 1, "well/p2": 2, "well/p3": 1, "well/p4": 1})
    loaded = load(folder)
    part = loaded.parts["all"]
    assert part.counts == {"ill": 3, "well": 4}
    assert part.group is not None
    assert list(part.group) == ["p1", "p1", "p2", "p2", "p2", "p3", "p4"]
    assert "taken as patients, 4 in all" in loaded.notes[0]


def test_folders_above_the_classes_are_patients(make_folder: Make) -> None:
    folder = make_folder({"p1/ill": 2, "p1/well": 1, "p2/well": 2, "p3/ill": 1})
    part = load(folder).parts["all"]
    assert part.classes == ("ill", "well")
    assert part.group is not None
    assert list(part.group) == ["p1", "p1", "p1", "p2", "p2", "p3"]
    assert list(part.y) == [0, 0, 1, 1, 1, 0]


def test_patients_below_classes_in_parts(make_folder: Make) -> None:
    folder = make_folder({"train/a/p1": 1, "train/b/p2": 1, "test/a/p3": 1, "test/b/p4": 1})
    parts = load(folder).parts
    assert {name: part.group is not None and list(part.group) for name, part in parts.items()} == {
        "train": ["p1", "p2"],
        "test": ["p3", "p4"],
    }


def test_a_card_says_which_level_is_the_class(make_folder: Make) -> None:
    folder = make_folder({"a/x": 1, "b/y": 1})
    card = Card.model_validate({"name": "c", "title": "C", "kind": "folder", "classes": ["x", "y"]})
    part = read_folder(folder, Reading("c", card=card)).parts["all"]
    assert part.counts == {"x": 1, "y": 1}
    assert part.group is not None
    assert list(part.group) == ["a", "b"]


def test_one_folder_of_the_same_name_in_every_class_says_nothing(make_folder: Make) -> None:
    part = load(make_folder({"a/images": 2, "b/images": 1})).parts["all"]
    assert part.counts == {"a": 2, "b": 1}
    assert part.group is None


def test_parts_without_classes_are_refused_and_are_no_classes(make_folder: Make) -> None:
    with pytest.raises(DataError, match="nothing says which class a picture has"):
        load(make_folder({"train": 2, "test": 2}))


def test_a_class_called_train_among_other_classes_is_a_class(make_folder: Make) -> None:
    assert load(make_folder({"train": 2, "car": 2})).classes == ("car", "train")


def test_debris_of_operating_systems_is_ignored(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1, "__MACOSX/a": 1, "@eaDir": 1})
    for name in ("a/Thumbs.db", "b/desktop.ini", ".DS_Store", "a/._p00.png"):
        (folder / name).write_bytes(b"debris")
    loaded = load(folder)
    assert (loaded.classes, loaded.skipped) == (("a", "b"), ())


def test_a_link_to_a_file_that_was_not_fetched_says_how_to_fetch_it(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})
    (folder / "a" / "later.png").symlink_to("../.git/annex/objects/x")
    (reason,) = [item.reason for item in load(folder).skipped]
    assert "datalad get" in reason


def test_what_is_no_regular_file_is_skipped_and_never_waited_for(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})
    os.mkfifo(folder / "a" / "pipe.png")
    (folder / "b" / "link.png").symlink_to("../a/pipe.png")
    assert {item.path: item.reason.split(" (")[0] for item in load(folder).skipped} == {
        "a/pipe.png": "it is no regular file",
        "b/link.png": "it is no regular file",
    }


def test_the_home_folder_may_be_written_as_a_tilde(
    make_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"a": 1, "b": 1})
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load(f"~/{folder.name}").parts["all"].counts == {"a": 1, "b": 1}


def test_an_archive_never_leads_outside_and_says_what_it_leaves(make_folder: Make, tmp_path: Path) -> None:
    folder = make_folder({"a": 2, "b": 2})
    target = packed(folder, tmp_path / "set.zip")
    picture = (folder / "a/p00.png").read_bytes()
    link = zipfile.ZipInfo("b/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(target, "a") as archive:
        for name in ("../outside.png", "/etc/root.png", "a/../../b.png", "__MACOSX/a/._p.png"):
            archive.writestr(name, picture)
        archive.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/p01.png", picture)
    before = sorted(tmp_path.rglob("*"))
    loaded = load(target)
    assert sorted(tmp_path.rglob("*")) == before
    assert loaded.parts["all"].counts == {"a": 1, "b": 2}
    told = {item.path: item.reason for item in loaded.skipped}
    assert set(told) == {"../outside.png", "/etc/root.png", "a/../../b.png", "b/link.png", "a/p01.png"}
    assert "not followed" in told["b/link.png"]
    assert "twice" in told["a/p01.png"]


def test_archives_that_cannot_be_read_say_why(make_folder: Make, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match="cannot be read as a zip archive"):
        load(broken)
    target = packed(make_folder({"a": 2, "b": 2}), tmp_path / "set.zip")
    data = bytearray(target.read_bytes())
    at = data.index(b"a/p00.png") + 20
    data[at : at + 60] = bytes(60)
    target.write_bytes(bytes(data))
    (item,) = load(target).skipped
    assert item.path == "a/p00.png"


def test_a_class_is_left_out_on_request(make_folder: Make) -> None:
    folder = make_folder({"a": 12, "b": 12, "rare": 2})
    with pytest.raises(DataError, match="--exclude-class rare"):
        split(load(folder))
    loaded = load(folder, exclude=["rare"])
    assert loaded.classes == ("a", "b")
    assert "2 cases of 'rare' were left out" in loaded.notes[0]
    assert split(loaded).train.counts == {"a": 6, "b": 6}
    with pytest.raises(ConfigError, match="did you mean 'rare'"):
        load(folder, exclude=["rares"])
    with pytest.raises(ConfigError, match="at least two are needed"):
        load(folder, exclude=["rare", "a"])


def test_a_class_of_an_archive_of_arrays_is_left_out_too(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 5, 5), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=x, labels=np.array(["a", "b", "c", "a", "b", "c"]))
    part = load(tmp_path / "set.npz", exclude=["b"]).parts["all"]
    assert part.classes == ("a", "c")
    assert list(part.y) == [0, 1, 0, 1]
    np.testing.assert_array_equal(part.array[:, 0], x[[0, 2, 3, 5]])

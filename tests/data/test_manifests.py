"""Tables that name pictures: what their columns mean, and what they get wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from augmentor.core.errors import ConfigError, DataError
from augmentor.data.card_draft import draft_card
from augmentor.data.cards import Card
from augmentor.data.inspect import inspect
from augmentor.data.load import load, named_files
from augmentor.data.loaded import Loaded
from augmentor.data.spec import ColumnsSpec, ReadingSpec
from augmentor.run.recipe import load_recipe

Write = Callable[..., Path]
NAMES = [f"p{number // 2}_{number % 2}.png" for number in range(8)]
LABELS = ["ill", "ill", "well", "well", "ill", "ill", "well", "well"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures side by side in a folder called images."""
    root = tmp_path_factory.mktemp("manifests")
    (root / "images").mkdir()
    rng = np.random.default_rng(0)
    for name in NAMES:
        Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8)).save(root / "images" / name)
    return root


@pytest.fixture
def write(pictures: Path, tmp_path: Path) -> Write:
    """Write a table beside the pictures; columns by name."""

    def make(name: str = "labels.csv", text: str | None = None, **columns: Any) -> Path:
        (tmp_path / "images").mkdir()
        for picture in NAMES:
            (tmp_path / "images" / picture).hardlink_to(pictures / "images" / picture)
        target = tmp_path / name
        if text is not None:
            target.write_text(text, encoding="utf-8")
            return target
        table = pd.DataFrame({key.replace("__", " "): value for key, value in columns.items()})
        if name.endswith(".csv"):
            table.to_csv(target, index=False)
        elif name.endswith(".parquet"):
            table.to_parquet(target)
        else:
            table.to_json(target, orient="records", lines=True)
        return target

    return make


PATHS = [f"images/{name}" for name in NAMES]


def labels_by_id(loaded: Loaded) -> dict[str, str]:
    return {
        str(name): part.classes[y]
        for part in loaded.parts.values()
        for name, y in zip(part.ids, part.y, strict=True)
    }


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet", "labels.jsonl"])
def test_columns_are_found_by_name_and_content(write: Write, name: str) -> None:
    path = write(
        name,
        row=range(8),
        image=PATHS,
        dx=LABELS,
        Patient__ID=["p0", "p0", "p1", "p1", "p2", "p2", "p3", "p3"],
        set=["train"] * 4 + ["valid"] * 2 + ["TEST"] * 2,
        sex=["f", "m"] * 4,
    )
    loaded = load(path)
    assert labels_by_id(loaded) == dict(zip(PATHS, LABELS, strict=True))
    assert {part: len(samples) for part, samples in loaded.parts.items()} == {
        "train": 4,
        "validation": 2,
        "test": 2,
    }
    group = loaded.parts["train"].group
    assert group is not None
    assert list(group) == ["p0", "p0", "p1", "p1"]
    assert loaded.columns == ColumnsSpec(
        path="image", label="dx", group="Patient ID", split="set", subgroup="sex"
    )
    subgroup = loaded.parts["train"].subgroup
    assert subgroup is not None
    assert list(subgroup) == ["f", "m"] * 2
    assert "patient from 'Patient ID'" in loaded.notes[0]
    assert "not used: row" in loaded.notes[0]


def test_rows_in_any_order_give_the_same_samples(write: Write, tmp_path: Path) -> None:
    first = load(write(path=PATHS, label=LABELS)).parts["all"].digest
    order = np.random.default_rng(1).permutation(8)
    pd.DataFrame({"path": PATHS, "label": LABELS}).iloc[order].to_csv(tmp_path / "labels.csv", index=False)
    assert load(tmp_path / "labels.csv").parts["all"].digest == first


def test_a_flat_folder_with_a_table_beside_it_is_recognised(write: Write) -> None:
    path = write(file=NAMES, category=LABELS)
    assert labels_by_id(load(path.parent)) == dict(zip(PATHS, LABELS, strict=True))


def test_names_without_folder_or_suffix_are_looked_for(write: Write) -> None:
    path = write(image_id=[name.removesuffix(".png") for name in NAMES], label=LABELS)
    assert labels_by_id(load(path)) == dict(zip(PATHS, LABELS, strict=True))


def test_separators_and_byte_order_marks_of_spreadsheets(write: Write) -> None:
    lines = [f"images\\{name};{label}" for name, label in zip(NAMES, LABELS, strict=True)]
    path = write(text="\ufeffpath;label\r\n" + "\r\n".join(lines))
    assert labels_by_id(load(path)) == dict(zip(PATHS, LABELS, strict=True))


def test_columns_that_are_asked_for_are_taken(write: Write) -> None:
    path = write(path=PATHS, label=LABELS, stain=["x", "y"] * 4, slide=list("aabbccdd"))
    loaded = load(path, columns=ColumnsSpec(label="stain", group="slide"))
    part = loaded.parts["all"]
    assert part.classes == ("x", "y")
    assert part.group is not None
    assert list(part.group) == list("aabbccdd")
    with pytest.raises(ConfigError, match=r"--label-column .* names the column 'stian'"):
        load(path, columns=ColumnsSpec(label="stian"))


def test_one_hot_columns_are_converted_when_asked(write: Write) -> None:
    ill = [int(label == "ill") for label in LABELS]
    path = write(path=PATHS, ill=ill, well=[1 - value for value in ill])
    with pytest.raises(DataError, match="add --label-column ill,well"):
        load(path)
    loaded = load(path, columns=ColumnsSpec(label="ill,well"))
    assert labels_by_id(loaded) == dict(zip(PATHS, LABELS, strict=True))
    assert load(path, columns=ColumnsSpec(label="ill")).classes == ("0", "1")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"a": [1, 1, 0, 0, 1, 1, 0, 1], "b": [1, 0, 1, 0, 1, 0, 1, 0]}, "multi-label"),
        ({"label": ["x|y", "x", "y", "x", "y", "x", "y", "x"]}, "several labels a picture, e.g. 'x"),
        ({"label": ["[1, 0]"] * 8}, "several labels a picture"),
        ({"label": ["images/p0_0.png"] * 8}, r"names files \(masks\)"),
        ({"first": list("aabbaabb"), "second": list("abababba")}, "may be one of"),
        ({}, "does not say which column holds the class"),
    ],
)
def test_labels_that_are_none(write: Write, columns: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        load(write(path=PATHS, **columns))


def test_pictures_with_several_rows_of_different_classes_are_multi_label(write: Write) -> None:
    path = write(path=PATHS * 2, label=LABELS + LABELS[::-1])
    with pytest.raises(DataError, match=r"gives 8 of 8 pictures several classes"):
        load(path)


def test_rows_that_cannot_be_used_are_skipped_with_their_number(write: Write) -> None:
    rows = [f"{path},{label}" for path, label in zip(PATHS[:7], LABELS, strict=False)]
    odd = ["images/none.png,ill", "../secret.png,ill", "/etc/x.png,ill", "images/p3_1.png,", ",ill"]
    loaded = load(write(text="\n".join(["path,label", *rows, *odd])))
    told = {item.path: item.reason for item in loaded.skipped}
    assert "the file is not there (labels.csv, row 9)" in told["images/none.png"]
    assert "leads out of the folder" in told["../secret.png"]
    assert "leads out of the folder" in told["/etc/x.png"]
    assert "names no class" in told["images/p3_1.png"]
    assert "names no file" in told["(no path)"]
    assert len(loaded.parts["all"]) == 7


def test_pictures_that_no_row_names_are_told(write: Write) -> None:
    loaded = load(write(path=PATHS[:6], label=LABELS[:6]))
    assert any("2 pictures are not named by labels.csv" in note for note in loaded.notes)


def test_class_folders_go_before_a_table_beside_them(make_folder: Callable[..., Path]) -> None:
    folder = make_folder({"a": 1, "b": 1})
    (folder / "labels.csv").write_text("path,label\na/p00.png,x\nb/p00.png,y\n", encoding="utf-8")
    loaded = load(folder)
    assert loaded.classes == ("a", "b")
    assert "labels.csv beside them was not read" in loaded.notes[0]
    assert load(folder, columns=ColumnsSpec(label="label")).classes == ("x", "y")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no whole table"),
        ("path,label\n", "no row below its header"),
        ("path,path\nx,y\n", "several columns called 'path'"),
        ("images/p0_0.png,ill\nimages/p0_1.png,well\n", "seems to have no header"),
        ("path,label\nimages/gone.png,ill\n", "names files in the column 'path' that are not there"),
        ("age,dose\n1,2\n", "none of them names files"),
        ("a,b\n1,2,3,4\n", "no whole table"),
        ("a\0b,c\n", "zero bytes"),
    ],
)
def test_tables_that_cannot_be_used(write: Write, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        load(write(text=text))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("d.json", "[" * 100_000, "nested too deeply|is no JSON"),
        ("d.json", '{"numTraining": 3}', "no list of samples"),
        ("d.json", '{"training": [{"image": "a.nii.gz", "label": "a_seg.nii.gz"}]}', "a.nii.gz|none of them"),
        ("d.jsonl", '{"path": "a.png"}\n[1, 2]\n', "line 2: a sample is an object"),
        ("d.parquet", "PAR1 and no more", "no whole parquet file"),
    ],
)
def test_lists_that_cannot_be_used(write: Write, name: str, text: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        load(write(name, text=text))


def test_parquet_with_the_pictures_inside_says_what_to_do(write: Write) -> None:
    path = write("d.parquet", image=[{"bytes": b"x", "path": "a.png"}] * 2, label=["a", "b"])
    with pytest.raises(DataError, match="holds the pictures themselves"):
        load(path)


def test_a_card_drafted_from_a_table_is_all_that_a_run_needs(write: Write, tmp_path: Path) -> None:
    table = write(path=PATHS, label=LABELS, finding2=list("xxyyxxyy"), who=list("aabbccdd"))
    found = inspect(table, reading=ReadingSpec(columns=ColumnsSpec(group="who")))
    (tmp_path / "cards").mkdir()
    card = tmp_path / "cards" / "mine.yaml"
    card.write_text(draft_card(found, data=table, beside=card.parent), encoding="utf-8")
    assert "path: ../labels.csv" in card.read_text(encoding="utf-8")
    again = load(card)
    assert again.parts["all"].digest == found.loaded.parts["all"].digest
    recipe = load_recipe("default", data=card)
    assert (recipe.dataset, recipe.data, recipe.name) == (str(card), None, "default-mine")
    with pytest.raises(ConfigError, match="names the dataset digits already"):
        load_recipe("digits", data=card)


def test_the_files_of_a_table_are_those_that_its_digest_covers(write: Write) -> None:
    path = write(path=PATHS[:6], label=LABELS[:6])
    named = named_files(path, None, ColumnsSpec())
    assert named is not None
    assert [name for name, _ in named] == PATHS[:6]
    assert named_files(path.parent, None, ColumnsSpec()) is None


def test_a_card_leaves_classes_out(write: Write) -> None:
    path = write(path=PATHS, label=[*LABELS[:6], "odd", "odd"])
    known = {"name": "c", "title": "C", "kind": "folder", "classes": ["ill", "odd", "well"]}
    drafted = draft_card(inspect(path, reading=ReadingSpec(exclude_classes=("odd",))))
    assert "exclude_classes:\n- odd" in drafted
    with pytest.raises(ValueError, match="exclude_classes names 'rare'"):
        Card.model_validate({**known, "exclude_classes": ["rare"]})


def test_json_of_the_decathlon_names_classes(write: Write) -> None:
    listed = [
        {"image": f"./{path}", "label": int(label == "ill")}
        for path, label in zip(PATHS, LABELS, strict=True)
    ]
    path = write("dataset.json", text=json.dumps({"labels": {"0": "well", "1": "ill"}, "training": listed}))
    loaded = load(path)
    assert list(loaded.parts) == ["train"]
    assert labels_by_id(loaded) == dict(zip(PATHS, LABELS, strict=True))


def test_a_path_out_of_the_folder_is_not_followed(write: Write) -> None:
    paths = ["../../secret.png", "/etc/passwd.png", *(f"images/{name}" for name in NAMES[2:])]
    found = load(str(write(path=paths, label=LABELS)))
    assert [item.reason for item in found.skipped] == [
        f"its path leads out of the folder of the table; move the table or the files (labels.csv, row {row})"
        for row in (2, 3)
    ]

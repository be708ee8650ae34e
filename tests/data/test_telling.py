"""What tells the class without the picture, and what inspect says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.data.card_draft import draft_card
from augmentor.data.group_names import guess_groups
from augmentor.data.inspect import inspect
from augmentor.data.inspection_text import inspection_lines
from augmentor.data.load import load
from augmentor.data.loaded import Loaded, Originals
from augmentor.data.spec import ColumnsSpec, ReadingSpec
from augmentor.data.telling import (
    blank_rows,
    few_cases_warnings,
    left_one_out,
    patient_warnings,
    telling_properties,
)

Make = Callable[..., Path]
RNG = np.random.default_rng(3)


def by_hand(codes: Any, y: Any, k: int) -> float:
    """The same number, case by case, with exact fractions of ties."""
    sizes = np.bincount(y, minlength=k)
    right = np.zeros(k)
    for at in range(len(y)):
        others = np.delete(np.arange(len(y)), at)
        own = sizes - (np.arange(k) == y[at])
        same = [np.sum((codes[others] == codes[at]) & (y[others] == c)) for c in range(k)]
        shares = np.array([same[c] / max(own[c], 1) if sizes[c] else -1 for c in range(k)])
        ties = shares == shares.max()
        right[y[at]] += ties[y[at]] / ties.sum()
    return float(np.mean([right[c] / sizes[c] for c in range(k) if sizes[c]]))


@pytest.mark.parametrize("seed", range(5))
def test_leaving_one_out_is_the_count_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes, y = rng.integers(0, 6, 40), rng.integers(0, 3, 40)
    assert left_one_out(codes, y, 4) == pytest.approx(by_hand(codes, y, 4), abs=1e-12)


def test_a_value_for_each_case_tells_nothing() -> None:
    assert left_one_out(np.arange(50), np.arange(50) % 2, 2) == 0.5


def save(folder: Path, n: int, size: int = 12, dtype: Any = np.uint8, top: int = 256, **options: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    suffix = options.pop("suffix", "png")
    for number in range(n):
        pixels = RNG.integers(0, top, (size, size)).astype(dtype)
        Image.fromarray(pixels).save(folder / f"{folder.name}{number:02d}.{suffix}", **options)


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        ({"size": 24}, {"size": 16}, "size in pixels"),
        ({}, {"dtype": np.uint16, "top": 4096}, "bit depth"),
        ({}, {"suffix": "jpg"}, "file format"),
        ({"suffix": "jpg", "quality": 95}, {"suffix": "jpg", "quality": 60}, "compression"),
        ({"suffix": "tif"}, {"suffix": "tif", "software": "scanner 2"}, "device or software tag"),
    ],
)
def test_a_property_that_alone_tells_the_class_is_told(
    tmp_path: Path, a: dict[str, Any], b: dict[str, Any], name: str
) -> None:
    save(tmp_path / "a", 14, **a)
    save(tmp_path / "b", 14, **b)
    told = {item.name: item for item in telling_properties(load(tmp_path))}
    assert told[name].accuracy == 1
    assert told[name].chance == 0.5
    assert any(f"the {name} alone tells the class: 100%" in line for line in inspect(tmp_path).warnings)


def test_properties_shared_by_all_classes_are_not_told(tmp_path: Path) -> None:
    for label in "ab":
        save(tmp_path / label, 12, size=12)
        for number in range(12):
            Image.fromarray(RNG.integers(0, 256, (20, 20), dtype=np.uint8)).save(
                tmp_path / label / f"x{number}.jpg"
            )
    assert telling_properties(load(tmp_path)) == []


def test_blank_pictures_are_told_by_part_and_class(make_folder: Make) -> None:
    folder = make_folder({"train/a": 4, "train/b": 4, "test/a": 2, "test/b": 2})
    for name in ("train/a/p00.png", "test/a/p01.png"):
        Image.new("L", (12, 12), 7).save(folder / name)
    warnings = inspect(folder).warnings
    assert any("2 images are blank" in line and "1 in train, 1 in test" in line for line in warnings)
    for path in folder.rglob("b/*.png"):
        Image.new("L", (12, 12), int(path.name[1:3])).save(path)
    assert any("every one of the 6 images of 'b' is blank" in line for line in inspect(folder).warnings)


def test_blank_rows_hold_one_value() -> None:
    x = RNG.integers(0, 9, (4, 1, 3, 3)).astype(np.uint8)
    x[1], x[3] = 0, 8
    samples = Samples(
        x,
        np.zeros(4, np.int64),
        ("a",),
        np.array(list("abcd")),
        value_range=(0, 255),
        kind=IMAGE,
    )
    assert blank_rows(samples).tolist() == [False, True, False, True]


def grouped(y: list[int], group: list[str], make_samples: Callable[..., Samples]) -> Loaded:
    samples = make_samples(y, group=group)
    originals = Originals.uniform(len(y), sides=(6, 6), channels=1, bits=8)
    return Loaded("g", None, {"all": samples}, "folder", originals)


def test_patients_that_tell_the_class_and_classes_of_few_patients(
    make_samples: Callable[..., Samples],
) -> None:
    group = [f"p{number // 3}" for number in range(30)]
    told = patient_warnings(grouped([0] * 18 + [1] * 12, group, make_samples))
    assert "10 of the 10 patients with several cases have them all in one" in told[0]
    assert "'a' 6, 'b' 4" in told[0]
    assert "the cases of 'b' come from 4 patients" in told[1]
    mixed = patient_warnings(grouped([0, 1] * 15, group, make_samples))
    assert mixed == []
    one = patient_warnings(grouped([0, 1] * 15, ["big"] * 20 + [f"s{n}" for n in range(10)], make_samples))
    assert [line for line in one if "more than half of the cases of 'a' come from one patient (big)" in line]


def test_the_few_cases_of_a_class_are_told_with_the_way_out() -> None:
    told = few_cases_warnings({"a": 30, "b": 1, "c": 5, "d": 6, "e": 0})
    assert [line.split(" in all")[0] for line in told] == ["'b' has 1 case", "'c' has 5 cases"]
    assert "--exclude-class b" in told[0]


@pytest.mark.parametrize(
    ("names", "group", "n"),
    [
        ([f"p{number // 3:02d}_{number % 3}.png" for number in range(60)], "p00", 20),
        (
            [f"BloodImage_{number // 4:05d}_{number % 4:02d}.jpg" for number in range(80)],
            "BloodImage_00000",
            20,
        ),
        ([f"{chr(97 + number // 5)}{chr(97 + number % 5)}-x-1.png" for number in range(60)], None, 0),
        ([f"anna{chr(97 + number // 4)}_{number}.png" for number in range(60)], "annaa", 15),
        ([f"img_{number:04d}.png" for number in range(60)], None, 0),
        ([f"{number:04d}.png" for number in range(60)], None, 0),
    ],
)
def test_patients_are_guessed_from_names_that_repeat(names: list[str], group: str | None, n: int) -> None:
    found = guess_groups(names, 2)
    assert (found.group if found else None, found.n if found else 0) == (group, n)


def test_guessed_patients_are_offered_and_not_taken(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(12):
            Image.fromarray(RNG.integers(0, 256, (8, 8), dtype=np.uint8)).save(
                tmp_path / label / f"{label}p{number // 2}_{number % 2}.png"
            )
    found = inspect(tmp_path)
    assert found.loaded.parts["all"].group is None
    assert any("'ap0' in 'ap0_0.png', 12 in all" in line for line in found.warnings)
    assert "# group: '^(?P<group>[^0-9]*[0-9]+)[_-]'" in draft_card(found)


def test_copies_across_classes_and_contrary_labels_are_told(tmp_path: Path) -> None:
    save(tmp_path / "a", 12)
    save(tmp_path / "b", 12)
    pixels = np.asarray(Image.open(tmp_path / "a" / "a00.png")).astype(int)
    Image.fromarray(np.clip(pixels + RNG.integers(-2, 3, pixels.shape), 0, 255).astype(np.uint8)).save(
        tmp_path / "b" / "near.png"
    )
    (tmp_path / "b" / "same.png").write_bytes((tmp_path / "a" / "a01.png").read_bytes())
    found = inspect(tmp_path)
    assert (len(found.near), found.near_contrary) == (1, 1)
    assert any("1 of 1 nearly equal pairs have different labels" in line for line in found.warnings)
    assert any("a/a01.png as 'a', b/same.png as 'b'" in line for line in found.warnings)
    assert "near duplicates:  1 pairs, 0 across parts, 1 across classes" in inspection_lines(found)


def test_a_subgroup_is_counted_and_told_where_it_tells_the_class(tmp_path: Path) -> None:
    save(tmp_path / "images", 40)
    names = sorted(path.name for path in (tmp_path / "images").iterdir())
    rows = [f"images/{name},{'ill' if at < 20 else 'well'},{'mf'[at < 18]}" for at, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,who", *rows]), encoding="utf-8")
    found = inspect(tmp_path, reading=ReadingSpec(columns=ColumnsSpec(subgroup="who")))
    assert "subgroup 'who': 22 m, 18 f" in inspection_lines(found)
    assert any("the subgroup 'who' alone tells the class: 95%" in line for line in found.warnings)

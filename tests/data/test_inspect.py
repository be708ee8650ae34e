"""Duplicates that are found and those that are not, and what an inspection says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.data import duplicates
from augmentor.data.card_draft import draft_card
from augmentor.data.cards import read_card
from augmentor.data.duplicates import exact_duplicates, near_duplicates
from augmentor.data.inspect import half_width, inspect
from augmentor.data.inspection_text import inspection_lines
from augmentor.data.readers.fingerprints import image_fingerprints
from augmentor.data.spec import ImageSpec, ScarcitySpec, SplitSpec

Make = Callable[..., Path]


def smooth(n: int, seed: int = 0, channels: int = 1) -> np.ndarray:
    """Pictures with structure: blurred noise over the whole range of grey levels."""
    noise = np.random.default_rng(seed).normal(size=(n, channels, 32, 32))
    blurred = gaussian_filter(noise, (0, 0, 2, 2))
    spread = np.abs(blurred).max(axis=(1, 2, 3), keepdims=True)
    return np.rint(127.5 + 90 * blurred / spread).astype(np.uint8)


def part(x: np.ndarray, prefix: str) -> Samples:
    return Samples(
        x=x,
        y=np.arange(len(x)) % 2,
        classes=("a", "b"),
        ids=np.array([f"{prefix}{row}" for row in range(len(x))]),
        value_range=(0, 255),
        kind=IMAGE,
    )


def test_fingerprints_are_correlations_of_what_is_not_shared() -> None:
    x = smooth(20)
    prints = image_fingerprints(x, side=32)
    # An independent route to the same numbers: standardise, centre over pictures, correlate.
    rows = x.reshape(20, -1).astype(float)
    rows = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
    rows -= rows.mean(0)
    expected = rows @ rows.T / np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(rows, axis=1))
    np.testing.assert_allclose(prints @ prints.T, expected, atol=1e-5)


def test_what_all_pictures_share_does_not_make_them_alike() -> None:
    disc = np.hypot(*np.mgrid[-16:16, -16:16]) < 14
    x = np.clip(disc * 200 + (smooth(30).astype(float) - 127) * 0.05, 0, 255).astype(np.uint8)
    plain = x.reshape(30, -1).astype(float)
    assert np.corrcoef(plain)[0, 1] > 0.99  # as a raw correlation all of them are near duplicates
    assert near_duplicates({"all": part(x, "r")}, image_fingerprints) == []


def test_slight_changes_are_found_across_parts_and_others_are_not() -> None:
    train, other = smooth(40), smooth(10, seed=1)
    rng = np.random.default_rng(2)
    other[0] = np.clip(train[3] * 1.1, 0, 255)
    other[1] = np.clip(train[4] + rng.normal(0, 2, train[4].shape), 0, 255)
    other[2] = train[5]
    other[3] = np.roll(train[6], 3, axis=2)
    parts = {"train": part(train, "t"), "test": part(other, "v")}
    assert exact_duplicates(parts) == [("t5", "v2")]
    assert {(pair.first, pair.second) for pair in near_duplicates(parts, image_fingerprints)} == {
        ("t3", "v0"),
        ("t4", "v1"),
    }
    assert all(0.99 <= pair.correlation <= 1 for pair in near_duplicates(parts, image_fingerprints))
    assert near_duplicates(parts, image_fingerprints, threshold=1.1) == []


def test_blocks_miss_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    x = smooth(25)
    x[[7, 24]] = np.clip(x[[2, 23]].astype(int) + 1, 0, 255)
    whole = near_duplicates({"all": part(x, "r")}, image_fingerprints)
    assert {(pair.first, pair.second) for pair in whole} == {("r2", "r7"), ("r23", "r24")}
    monkeypatch.setattr(duplicates, "BLOCK_ROWS", 4)
    blocks = near_duplicates({"all": part(x, "r")}, image_fingerprints)
    assert {(pair.first, pair.second) for pair in blocks} == {("r2", "r7"), ("r23", "r24")}


def test_very_many_pictures_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    x = smooth(20)
    x[19] = np.clip(x[0].astype(int) + 1, 0, 255)
    monkeypatch.setattr(duplicates, "MAX_COMPARED", 10)
    assert [
        (pair.first, pair.second) for pair in near_duplicates({"all": part(x, "r")}, image_fingerprints)
    ] == [("r0", "r19")]


def test_flat_pictures_are_like_nothing() -> None:
    x = smooth(6)
    x[0], x[1] = 10, 200
    assert near_duplicates({"all": part(x, "r")}, image_fingerprints) == []
    assert near_duplicates({}, image_fingerprints) == []


def test_half_width_is_that_of_the_normal_approximation() -> None:
    # 1.96 * sqrt(0.85 * 0.15 / 624) = 0.02802
    assert half_width(624) == pytest.approx(0.02802, abs=1e-5)
    assert half_width(100, 0.5) == pytest.approx(0.098)


def test_an_inspection_of_a_troubled_folder(make_folder: Make) -> None:
    folder = make_folder({"train/a": 30, "train/b": 6, "test/a": 8, "test/b": 5}, size=(12, 12))
    (folder / "test/a/p00.png").write_bytes((folder / "train/a/p00.png").read_bytes())
    (folder / "test/a/broken.png").write_text("no picture", encoding="utf-8")
    Image.new("RGB", (12, 12), "red").save(folder / "train/a/red.png")
    found = inspect(folder)
    assert found.counts == {"train": {"a": 31, "b": 6}, "test": {"a": 8, "b": 5}}
    assert found.exact == (("train/a/p00.png", "test/a/p00.png"),)
    assert found.exact_across == 1
    assert found.channels == {1: 49, 3: 1}
    assert found.bits == {8: 50}
    assert found.sides == ((12, 12, 12), (12, 12, 12))
    assert found.imbalance == pytest.approx(39 / 11)
    assert found.kind == "official"
    assert found.parts["test"] == {"a": 8, "b": 5}
    # 30 left of 31 once the duplicate is out; of 30 and 6 a fifth is held out for validation.
    assert found.parts["train"] == {"a": 24, "b": 5}
    assert found.to_generate == {"a": 0, "b": 19}
    assert found.blockers == ()
    assert [item.path for item in found.skipped] == ["test/a/broken.png"]
    text = "\n".join(inspection_lines(found))
    for line in (
        "data: 50 images, 2 classes, read as folder",
        "49 grey, 1 colour",
        "test/a/broken.png: the content is no PNG",
        "what a run would do (official split, balanced):",
        "the test part has 13 cases: an accuracy of 85% is known to +-19.4 points",
        "patients (or specimens) are not known",
        "a run can start",
    ):
        assert line in text, line


def test_what_stands_against_a_run_is_a_blocker_not_an_error(make_folder: Make) -> None:
    found = inspect(make_folder({"only": 12}))
    assert found.kind is None
    assert "one class only" in found.blockers[0]
    assert inspection_lines(found)[-1] == "a run would stop before training"
    scarce = inspect(make_folder({"a": 20, "b": 20}, root="two"), scarcity=ScarcitySpec(per_class={"a": 99}))
    assert "asks for 99" in scarce.blockers[0]
    refused = inspect("digits", split_spec=SplitSpec(minimum_per_class=500))
    assert "500 training cases" in refused.blockers[0]


def test_mixed_sizes_are_looked_at_and_warned_of(make_folder: Make) -> None:
    folder = make_folder({"a": 12})
    make_folder({"b": 12}, size=(20, 30))
    found = inspect(folder)
    assert found.sides[0] == (12, 16, 20)
    assert found.sides[1] == (12, 21, 30)
    assert "all were brought to 16 x 16" in found.notes[0]
    sized = inspect(folder, image=ImageSpec(size=10))
    assert sized.loaded.parts["all"].shape == (1, 10, 10)
    assert "size" not in sized.warnings[0]


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        inspect(tmp_path)


def test_lines_hold_no_sign_that_moves_a_cursor(make_folder: Make) -> None:
    folder = make_folder({"a": 8, "b\u202edrow\u009b31m": 8})
    text = "\n".join(inspection_lines(inspect(folder)))
    assert "\u202e" not in text
    assert "\u009b" not in text


def test_a_drafted_card_is_a_card(make_folder: Make, tmp_path: Path) -> None:
    folder = make_folder({"<script>: x": 12, "no": 12}, root="my set!")
    found = inspect(folder)
    path = tmp_path / "draft.yaml"
    path.write_text(draft_card(found), encoding="utf-8")
    card = read_card(path)
    assert card.classes == ["<script>: x", "no"]
    assert (card.name, card.kind, card.split, card.image_size) == ("my_set", "folder", "stratified", 12)
    assert card.rows == {"all": 24}
    assert "unknown" in draft_card(found)
    assert "(?P<group>" in draft_card(found)
    again = inspect(path, data=folder)
    assert again.loaded.card == card
    assert again.loaded.notes == ()


def test_a_known_card_is_drafted_from_itself(tmp_path: Path) -> None:
    path = tmp_path / "digits.yaml"
    path.write_text(draft_card(inspect("digits")), encoding="utf-8")
    card = read_card(path)
    assert card.value_range == (0, 16)
    assert card.avoid == ["horizontal_flip", "vertical_flip"]
    assert card.rows == {"all": 1797}


def test_inspecting_loads_no_torch() -> None:
    rooms = "augmentor.data.inspect, augmentor.data.split, augmentor.modalities.export"
    code = f"import sys, {rooms}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_groups_are_not_warned_of_where_they_are_known(make_folder: Make, tmp_path: Path) -> None:
    folder = make_folder({"a": 20, "b": 20})
    card = tmp_path / "mine.yaml"
    card.write_text(
        "name: mine\ntitle: M\nkind: folder\nclasses: [a, b]\ngroup: '^(?P<group>p\\d\\d)'\n",
        encoding="utf-8",
    )
    found = inspect(card, data=folder)
    assert found.kind == "grouped"
    assert not any("patients" in warning for warning in found.warnings)
    assert found.loaded.parts["all"].group is not None

"""Which bytes a name or a path stands for."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pytest
import yaml
from sklearn.datasets import load_digits

from augmentor.core.errors import DataError
from augmentor.data import fetch as fetching
from augmentor.data.cards import load_card
from augmentor.data.fetch import cached_file, fetch
from augmentor.data.load import find_card, load, source_path
from augmentor.data.spec import ImageSpec


def medmnist_like(path: Path) -> Path:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = rng.integers(0, 256, (6, 28, 28), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(6)[:, None] % 2
    np.savez(path, **arrays)
    return path


def test_digits_are_those_of_scikit_learn() -> None:
    loaded = load("digits")
    part = loaded.parts["all"]
    reference = load_digits()
    np.testing.assert_array_equal(part.array[:, 0], reference.images)
    np.testing.assert_array_equal(part.y, reference.target)
    assert part.array.dtype == np.uint8
    assert (part.value_range, loaded.layout, loaded.notes) == ((0, 16), "memory", ())
    assert source_path("digits") is None
    assert load("digits", image=ImageSpec(size=16)).parts["all"].shape == (1, 16, 16)


@pytest.mark.parametrize("name", ["folder", "file"])
def test_data_overrides_where_the_bytes_are(tmp_path: Path, name: str) -> None:
    path = medmnist_like(tmp_path / "pneumoniamnist.npz")
    data = tmp_path if name == "folder" else path
    assert source_path("pneumoniamnist", data=data) == path
    loaded = load("pneumoniamnist", data=data)
    assert loaded.classes == ("normal", "pneumonia")
    assert "not the official file" in loaded.notes[0]
    assert "the card pneumoniamnist says {'train': 4708" in loaded.notes[1]


def test_a_path_is_read_without_a_card_and_a_card_file_with_it(tmp_path: Path) -> None:
    path = medmnist_like(tmp_path / "set.npz")
    assert find_card(str(path)) is None
    assert load(str(path)).classes == ("0", "1")
    assert load("", data=path).classes == ("0", "1")
    card = tmp_path / "mine.yaml"
    card.write_text(yaml.safe_dump({"name": "mine", "title": "M", "kind": "npz", "classes": ["x", "y"]}))
    assert load(str(card), data=path).classes == ("x", "y")
    with pytest.raises(
        DataError, match="card mine does not say where the data lies; say it with --data PATH"
    ):
        load(str(card))


@pytest.mark.parametrize(
    ("dataset", "data", "told"),
    [
        ("pneumoniamnst", None, "Did you mean pneumoniamnist"),
        ("", None, "--data PATH"),
        ("pneumoniamnist", "missing.npz", r"no file or folder .*missing.npz"),
        ("digits", "table.csv", "takes no --data"),
        ("", "table.csv", "is no whole table"),
        ("", "slides.pptx", "neither a folder of classes nor"),
        ("", "tables", "The table there is of no use either"),
        ("", "two", "holds 2 .npz files; name one"),
        ("bccd_cells", None, "--data PATH"),
    ],
)
def test_what_is_not_there_says_what_to_do(tmp_path: Path, dataset: str, data: str | None, told: str) -> None:
    (tmp_path / "table.csv").touch()
    (tmp_path / "slides.pptx").touch()
    for name in ("tables/a.csv", "two/a.npz", "two/b.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=told):
        load(dataset, data=tmp_path / data if data else None)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Serve bytes without a network; the list holds the addresses asked for."""
    asked: list[str] = []

    class Answer:
        def __call__(self, url: str, output: str, _: object) -> None:
            asked.append(url)
            Path(output).write_bytes(b"these are the bytes")

    monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: Answer())
    return asked


def test_nothing_is_downloaded_unless_asked(cache: Path, no_network: list[str]) -> None:
    with pytest.raises(
        DataError, match=r"bloodmnist is not on this machine: .*--data PATH, or download it once"
    ):
        load("bloodmnist")
    assert no_network == []
    assert not cache.exists()


def test_a_download_with_a_wrong_md5_is_refused(cache: Path, no_network: list[str]) -> None:
    with pytest.raises(DataError, match="the download of bloodmnist failed"):
        load("bloodmnist", download=True)
    assert len(no_network) == 1
    assert no_network[0].endswith("/bloodmnist.npz?download=1")
    assert not cached_file(load_card("bloodmnist")).exists()


def test_a_download_is_verified_kept_and_not_repeated(
    cache: Path, no_network: list[str], tmp_path: Path
) -> None:
    card = load_card("bloodmnist")
    md5 = hashlib.md5(b"these are the bytes").hexdigest()
    card = card.model_copy(update={"md5": md5})
    path = fetch(card)
    assert path == cached_file(card)
    assert path.is_relative_to(cache)
    assert fetch(card).read_bytes() == b"these are the bytes"
    assert len(no_network) == 1
    assert fetch(card, tmp_path / "elsewhere").parent == tmp_path / "elsewhere"
    assert fetching.md5_of(path) == md5


def test_a_damaged_file_in_the_cache_is_reported(cache: Path) -> None:
    path = cached_file(load_card("bloodmnist"))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    with pytest.raises(DataError, match="its MD5 is not 7053d0359d"):
        load("bloodmnist")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bccd_cells", "names no file"),
        ("chestmnist", "cannot be used"),
        ("digits", "inside an installed package"),
    ],
)
def test_what_cannot_be_fetched(name: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        fetch(name)


def test_an_official_file_in_the_cache_is_read_without_notes(
    cache: Path, shared: Callable[[str], Path]
) -> None:
    path = cached_file(load_card("retinamnist"))
    path.parent.mkdir(parents=True)
    shutil.copy(shared("retinamnist/retinamnist.npz"), path)
    assert load("retinamnist").notes == ()

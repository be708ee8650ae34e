"""``augmentor cards --fetch``: the only way that anything is downloaded; here nothing is."""

from __future__ import annotations

import pytest

from augmentor.core.errors import DataError
from augmentor.data.cards import card_names, load_card


@pytest.fixture
def fetched(monkeypatch, tmp_path) -> list[str]:
    """Replace the download by a note of what was asked, and the cache by an empty folder."""
    names: list[str] = []

    def fetch(card, folder=None, *, progressbar=False):
        names.append(card.name)
        if card.url is None:
            raise DataError(f"the card {card.name} names no file to download; give the data by --data PATH")
        return tmp_path / "cache" / f"{card.name}.npz"

    monkeypatch.setattr("augmentor.data.fetch.fetch", fetch)
    monkeypatch.setattr("augmentor.data.fetch.cache_folder", lambda: tmp_path / "cache")
    return names


def test_the_place_is_the_last_line_and_the_source_is_reported(command, fetched, tmp_path):
    ended = command("cards", "--fetch", "bloodmnist")
    assert (ended.code, fetched) == (0, ["bloodmnist"])
    assert ended.out == f"{tmp_path / 'cache' / 'bloodmnist.npz'}\n"
    card = load_card("bloodmnist")
    assert str(card.url) in ended.err
    assert card.licence in ended.err


def test_a_file_that_is_there_is_not_announced_as_a_download(command, fetched, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "bloodmnist.npz").touch()
    ended = command("cards", "--fetch", "bloodmnist")
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("name", "words"),
    [("bloodmist", "did you mean bloodmnist"), ("bccd_cells", "--data PATH"), ("digits", "--data PATH")],
)
def test_what_cannot_be_fetched_is_reported(command, fetched, name, words):
    ended = command("cards", "--fetch", name)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_nothing_is_fetched_by_listing(command, fetched):
    ended = command("cards")
    assert (ended.code, fetched) == (0, [])
    assert [line.split()[0] for line in ended.out.splitlines()] == card_names()


def test_a_missing_official_file_names_the_command(command, fetched, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (
        ("inspect", "bloodmnist"),
        ("run", "default", "--no-prefect", "--set", "dataset=bloodmnist"),
    ):
        ended = command(*words)
        assert (ended.code, ended.out, fetched) == (2, "", [])
        assert "`augmentor cards --fetch bloodmnist`" in ended.err

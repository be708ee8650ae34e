"""Dataset cards: every shipped one is whole, and faults in a card are told."""

from pathlib import Path

import pytest

from augmentor.core.errors import ConfigError, DataError
from augmentor.data.cards import Card, card_names, list_cards, load_card, read_card
from augmentor.data.load import load

MEDMNIST_2D = {
    "pathmnist": 9,
    "chestmnist": 14,
    "dermamnist": 7,
    "octmnist": 4,
    "pneumoniamnist": 2,
    "retinamnist": 5,
    "breastmnist": 2,
    "bloodmnist": 8,
    "tissuemnist": 8,
    "organamnist": 11,
    "organcmnist": 11,
    "organsmnist": 11,
}
NO_FILE_TO_FETCH = {"indoor_movement"}
"""Published as text files, one a case; the archive is made from them."""
GOOD = {"name": "mine", "title": "Mine", "kind": "folder", "classes": ["a", "b"]}


@pytest.mark.parametrize("card", list_cards(), ids=lambda card: card.name)
def test_every_shipped_card_is_whole(card: Card) -> None:
    for field in ("licence", "source", "citation", "target"):
        assert getattr(card, field) not in {"unknown", "class"}, field
    assert (card.image_size is None) == (card.modality == "series")
    assert card.rows
    assert ("test" in card.rows) == (card.split == "official")
    if card.kind == "npz" and card.name not in NO_FILE_TO_FETCH:
        assert card.url is not None
        assert f"/{card.name}.npz" in card.url


def test_every_2d_medmnist_set_has_a_card_with_all_its_classes() -> None:
    others = {"digits", "bccd_cells", "adrenalmnist3d", "indoor_movement"}
    assert set(MEDMNIST_2D) | others == set(card_names())
    for name, classes in MEDMNIST_2D.items():
        assert len(load_card(name).classes) == classes


def test_the_md5_are_those_of_the_published_files() -> None:
    # From info.py of the medmnist package, version 3.0.2.
    assert load_card("pneumoniamnist").md5 == "28209eda62fecd6e6a2d98b1501bb15f"
    assert load_card("bloodmnist").md5 == "7053d0359d879ad8a5505303e11de1dc"
    assert load_card("organamnist").md5 == "68e3f8846a6bd62f0c9bf841c0d9eacc"
    assert load_card("adrenalmnist3d").md5 == "bbd3c5a5576322bc4cdfea780653b1ce"
    assert len({card.md5 for card in list_cards() if card.md5}) == len(MEDMNIST_2D) + 1
    assert load_card("dermamnist").licence == "CC BY-NC 4.0"


def test_a_multi_label_set_is_described_and_refused_with_its_reason() -> None:
    assert load_card("chestmnist").task == "multi-label"
    with pytest.raises(DataError, match="several findings at once"):
        load("chestmnist", data=Path("anything.npz"))


def test_a_flip_is_warned_of_where_the_side_is_the_label() -> None:
    assert "horizontal_flip" in load_card("organamnist").avoid
    assert load_card("bloodmnist").avoid == []


def test_an_unknown_card_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean bloodmnist"):
        load_card("bloodmnst")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"clases": ["a"]}, "did you mean 'classes'"),
        ({"classes": ["a", "a"]}, "unique"),
        ({"classes": ["a"]}, "at least 2"),
        ({"group": "^([a-z]+)_"}, "named 'group'"),
        ({"group": "("}, "not a regular expression"),
        ({"value_range": [5, 5]}, "must rise"),
        ({"url": "https://example.org/a.npz"}, "come together"),
        ({"url": "http://example.org/a.npz", "md5": "0" * 32}, "pattern"),
        ({"name": "../mine"}, "pattern"),
    ],
)
def test_a_fault_in_a_card_is_reported(change: dict[str, object], told: str, tmp_path: Path) -> None:
    import yaml

    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **change}), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        read_card(path)


def test_class_names_that_look_like_numbers_stay_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitle: t\nkind: folder\nclasses: [0, 1]\n", encoding="utf-8")
    assert load_card(str(path)).classes == ["0", "1"]

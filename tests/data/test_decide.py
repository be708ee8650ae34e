"""What one sample is, decided when it is read: the card, the files, else the shape."""

import pytest

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.data.cards import Card
from augmentor.data.readers.decide import decide_kind


def card(modality):
    return Card(name="a", title="A", kind="npz", classes=["a", "b"], modality=modality)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((9, 6, 500), SERIES),
        ((9, 500, 6), SERIES),
        ((9, 28, 28), IMAGE),
        ((9, 17, 500), IMAGE),
        ((9, 28, 28, 3), IMAGE),
        ((9, 3, 28, 28), IMAGE),
        ((9, 28, 28, 4), IMAGE),
        ((9, 28, 28, 28), VOLUME),
        ((9, 1, 28, 28, 28), VOLUME),
        ((9, 5), IMAGE),
    ],
)
def test_without_a_card_the_shape_decides_and_a_note_reports_it(shape, kind):
    found, notes = decide_kind(shape, None, "a.npz")
    assert found == kind
    assert bool(notes) == (kind != IMAGE)
    assert all("a.npz" in note and f"was read as {kind.plural}" in note for note in notes)


def test_the_card_goes_before_the_shape():
    for kind in (SERIES, IMAGE, VOLUME):
        assert decide_kind((9, 28, 28), card(kind.name), "a.npz") == (kind, [])


def test_picture_files_are_images_and_a_card_that_says_otherwise_is_refused():
    assert decide_kind(None, None, "folder") == (IMAGE, [])
    assert decide_kind(None, card("image"), "folder") == (IMAGE, [])
    with pytest.raises(DataError, match="folder holds pictures, and its card says modality: volume"):
        decide_kind(None, card("volume"), "folder")


def test_a_kind_that_archives_cannot_hold_is_refused():
    with pytest.raises(DataError, match=r"modality: table, and folders .* hold series, image, volume"):
        decide_kind((9, 28, 28), card("table"), "a.npz")

"""What one sample of a folder or an archive is: decided here, once, when it is read."""

from __future__ import annotations

from typing import Final

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME, Kind
from augmentor.data.cards import Card

READ: Final[dict[str, Kind]] = {kind.name: kind for kind in (SERIES, IMAGE, VOLUME)}
"""The kinds that folders and .npz archives hold, by their names in a card."""
MOST_CHANNELS = 16
"""An axis of at most so many entries may be the channels of a series, where nobody says."""


def decide_kind(shape: tuple[int, ...] | None, card: Card | None, where: str) -> tuple[Kind, list[str]]:
    """Return what one sample is, and a note where that was read off the shape.

    The rule, in this order:

    1. Picture files (PNG, JPEG, TIFF, ...) are images.
    2. Arrays are what the dataset card says with ``modality``.
    3. Arrays of five axes (N, C, D, H, W) are volumes. So are those of four where no axis that could
       hold the channels of an image has 1, 3 or (the last one) 4 entries.
    4. Arrays of three axes are series where one of the two after the first is short (at most 16
       channels) and the other at least four times as long.
    5. All other arrays are images.

    Args:
        shape: of the whole array (N, ...), before any axis is moved; None for picture files.
        card: what is known about the data.
        where: names the source in the note.

    Raises:
        DataError: if the card names a kind that folders and archives cannot hold, or says of picture
            files that they are no images.

    Example:
        >>> decide_kind((100, 6, 500), None, "a.npz")[0].name
        'series'
    """
    said = None if card is None else card.modality
    if said is not None and said not in READ:
        raise DataError(
            f"the card of {where} says modality: {said}, and folders and .npz archives hold {', '.join(READ)}"
        )
    if shape is not None:
        check_sides(shape, where)
    if shape is None:
        if said not in (None, IMAGE.name):
            raise DataError(
                f"{where} holds pictures, and its card says modality: {said}; write each {said} as a .npy "
                "array, or correct the card"
            )
        return IMAGE, []
    if said is not None:
        return READ[said], []
    kind = _of_shape(shape)
    if kind == IMAGE:
        return kind, []
    return kind, [
        f"{where} has the shape {shape} and was read as {kind.plural}; if that is wrong, write a "
        "dataset card that says modality: series, image or volume"
    ]


def check_sides(shape: tuple[int, ...], where: str) -> None:
    """Refuse samples without a single value.

    Raises:
        DataError: if a side of the shape (N, ...) beyond the first is 0.
    """
    if 0 in shape[1:]:
        raise DataError(f"{where} has the shape {shape}, so its samples hold no value; write them again")


def _of_shape(shape: tuple[int, ...]) -> Kind:
    if len(shape) == 5 or (len(shape) == 4 and shape[1] not in (1, 3) and shape[3] not in (1, 3, 4)):
        return VOLUME
    if len(shape) == 3:
        short, long = sorted(shape[1:])
        if short <= MOST_CHANNELS and long >= 4 * short:
            return SERIES
    return IMAGE

"""What one sample is - a series, an image or a volume - and what it is called.

The kind follows from the number of spatial dimensions alone. Texts are written for images; for the
other kinds :meth:`Kind.say` puts the right nouns in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from augmentor.core.errors import DataError

Modality: TypeAlias = Literal["series", "image", "volume"]

# Not inside a quotation, a path, an address or a setting's name: those are the user's words.
_NOUNS = re.compile(
    r"(?<![\w'\"`./=-])(an |An )?(image|picture|pixel)(s?)(?![\w'\"`/=]|\.\w|:\w)", re.IGNORECASE
)


@dataclass(frozen=True)
class Kind:
    """A kind of sample.

    Attributes:
        name: the noun, one sample.
        plural: several of them.
        cell: one position of the grid.
        ndim: spatial dimensions.
    """

    name: Modality
    plural: str
    cell: str
    ndim: int

    def say(self, text: str) -> str:
        """Return ``text``, which speaks of images, pictures and pixels, in the words of this kind.

        Words in quotation marks, paths and ``key=value`` settings stay as they are.
        """
        return text if self.ndim == 2 else _NOUNS.sub(self._noun, text)

    def _noun(self, found: re.Match[str]) -> str:
        article, word, many = found.groups(default="")
        noun = self.cell if word.lower() == "pixel" else self.name
        if many:
            noun = self.plural if noun == self.name else f"{noun}s"
        if word[0].isupper():
            noun = noun.capitalize()
        # "image" takes "an", and every noun that stands in for it takes "a".
        return f"{article[:1]} {noun}" if article else noun


KINDS: Final[dict[Modality, Kind]] = {
    "series": Kind("series", "series", "value", 1),
    "image": Kind("image", "images", "pixel", 2),
    "volume": Kind("volume", "volumes", "voxel", 3),
}


def kind_of(shape: Sequence[int]) -> Kind:
    """Return the kind of samples of ``shape`` (C, *spatial).

    Raises:
        DataError: if there are no or more than three spatial dimensions.
    """
    for kind in KINDS.values():
        if len(shape) == kind.ndim + 1:
            return kind
    raise DataError(
        f"samples have the shape (C, *spatial) with one (series), two (image) or three (volume) spatial "
        f"dimensions, got {tuple(shape)}"
    )

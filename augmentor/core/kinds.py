"""What one sample is - a series, an image, a volume - and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A kind of sample; whoever reads the data says which it is.

    Attributes:
        name: the noun for one sample, which also names its modality, e.g. "volume".
        plural: several of them, e.g. "volumes".
        cell: one of the values that a sample is made of, e.g. "voxel".
    """

    name: str
    plural: str
    cell: str

    @property
    def with_article(self) -> str:
        """One sample, e.g. "a volume"."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


SERIES: Final = Kind("series", "series", "value")
IMAGE: Final = Kind("image", "images", "pixel")
VOLUME: Final = Kind("volume", "volumes", "voxel")

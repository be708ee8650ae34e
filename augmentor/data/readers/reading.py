"""How data is to be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from augmentor.core.progress import Progress, Silent
from augmentor.data.cards import Card
from augmentor.data.spec import ColumnsSpec, ImageSpec, SeriesSpec


@dataclass(frozen=True)
class Reading:
    """How data is to be read.

    Attributes:
        name: of the dataset.
        image: size and colour that images are brought to, and the size of volumes.
        series: length that series are brought to, and how.
        card: what is known about the data; None where nothing is.
        progress: gets the number of files read.
        columns: what the columns of a table that names the pictures mean; those that are None are found.
        exclude: classes that are left out.
    """

    name: str
    image: ImageSpec = field(default_factory=ImageSpec)
    series: SeriesSpec = field(default_factory=SeriesSpec)
    card: Card | None = None
    progress: Progress = field(default_factory=Silent)
    columns: ColumnsSpec = field(default_factory=ColumnsSpec)
    exclude: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names that the card lists, without those that are left out; None without a card."""
        if self.card is None:
            return None
        return tuple(name for name in self.card.classes if name not in self.exclude)

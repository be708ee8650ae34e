"""The nouns of a report: what its samples are called, put into texts that leave room for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from augmentor.core.kinds import IMAGE, SERIES, VOLUME, Kind

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Text = TypeVar("Text", bound="DataclassInstance")


@dataclass(frozen=True)
class Noun:
    """What samples are called. Texts are written for images; these fields stand where another noun may.

    Attributes:
        image: one sample.
        images: several.
        an_image: one, with its article.
        pixel: one value of a sample.
        pixels: several.
    """

    image: str
    images: str
    an_image: str
    pixel: str
    pixels: str

    @classmethod
    def of(cls, kind: Kind) -> Noun:
        """Return the nouns of a kind of sample."""
        return cls(kind.name, kind.plural, kind.with_article, kind.cell, f"{kind.cell}s")

    def fill(self, text: str) -> str:
        """Return ``text`` with its fields filled in.

        For texts of this package alone: braces in a user's own words are not fields.

        Example:
            >>> Noun.of(VOLUME).fill("too close to {an_image}")
            'too close to a volume'
        """
        return text.format(**asdict(self))

    def filled(self, value: Text) -> Text:
        """Return a dataclass of texts with their fields filled in."""
        texts = {item.name: getattr(value, item.name) for item in fields(value)}
        return replace(value, **{name: self.fill(text) for name, text in texts.items()})


def kind_in(summary: Mapping[str, Any]) -> Kind:
    """Return the kind of sample that a summary is about; images where it does not say.

    The summaries of earlier versions hold its name alone.
    """
    kind = summary.get("kind") or IMAGE.name
    if isinstance(kind, Mapping):
        return Kind(**kind)
    return next((one for one in (SERIES, IMAGE, VOLUME) if one.name == kind), IMAGE)


def noun_in(summary: Mapping[str, Any]) -> Noun:
    """Return the nouns of a summary."""
    return Noun.of(kind_in(summary))

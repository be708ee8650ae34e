"""The pictures of the report: real, kept and rejected samples of every class, and likely copies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.report.png import data_uri
from augmentor.report.vocabulary import Vocabulary
from augmentor.report.wording import noun_in

Images = npt.NDArray[np.uint8]

# The page must stay under 6 MB; its text and charts need well under 2 MB even with 40 classes.
BUDGET = 3_800_000
PER_GROUP = (12, 8, 6, 4, 3, 2, 1)
LARGEST_SIDE = 96


@dataclass(frozen=True)
class Tile:
    """One picture: its address, its text alternative and the label printed under it."""

    src: str
    alt: str
    label: str
    width: int
    height: int


@dataclass(frozen=True)
class Group:
    """Tiles of one kind."""

    kind: str
    title: str
    tiles: list[Tile]


@dataclass(frozen=True)
class Copy:
    """A synthetic sample beside the real training sample that lies closest to it."""

    synthetic: Tile
    real: Tile
    class_name: str
    ratio: float | None
    kept: bool


@dataclass(frozen=True)
class Gallery:
    """All pictures of a report.

    Attributes:
        classes: name and groups of tiles of every class.
        copies: the most copy-like samples.
        shrunk: by how much the pictures were thinned to fit the page.
        note: a sentence on what the pictures show.
        lines: whether they are drawings of lines.
        traversals: for each code of the generator, rows of tiles along it by class.
    """

    classes: list[tuple[str, list[Group]]]
    copies: list[Copy]
    shrunk: int = 1
    note: str = ""
    lines: bool = False
    traversals: tuple[tuple[str, list[tuple[str, list[Tile]]]], ...] = ()


def read_gallery(folder: Path, words: Vocabulary) -> Gallery | None:
    """Read ``gallery.npz`` and ``gallery.json`` in ``folder``; None where a run kept no pictures.

    Args:
        folder: of the run.
        words: say why samples were rejected.

    Raises:
        DataError: if one of the two files is missing or damaged, or names a picture that is not there.
    """
    arrays, listing = folder / "gallery.npz", folder / "gallery.json"
    if not arrays.exists() and not listing.exists():
        return None
    try:
        with np.load(arrays, allow_pickle=False) as found:
            images = found["images"]
        index = json.loads(listing.read_text(encoding="utf-8"))
        return _fitting(_checked(images), index, words)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"cannot read the pictures {arrays} and {listing}: {error}") from error


def _checked(images: npt.NDArray[Any]) -> Images:
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[3] not in {1, 3}:
        raise ValueError(
            f"images must be uint8 of shape (N, H, W, 1 or 3), got {images.dtype} {images.shape}"
        )
    return images


def _fitting(images: Images, index: Mapping[str, Any], words: Vocabulary) -> Gallery:
    """Show as many tiles as fit the budget; where one per group is still too many, show them smaller."""
    panels = int(index.get("panels", 1))
    step = max(1, -(-max(images.shape[1], images.shape[2] // panels) // (2 * LARGEST_SIDE)))
    while True:
        smaller = images[:, ::step, ::step] if step > 1 else images

        # Every count of tiles tried shares the pictures already packed.
        @cache
        def address(place: int, smaller: Images = smaller) -> str:
            return data_uri(np.ascontiguousarray(smaller[place]))

        for most in PER_GROUP:
            gallery = _Builder(images, index, address, step, words).gallery(most)
            if _weight(gallery) <= BUDGET:
                return gallery
        if max(smaller.shape[1:3]) <= 8:
            return gallery
        step *= 2


def _weight(gallery: Gallery) -> int:
    tiles = [tile for _, groups in gallery.classes for group in groups for tile in group.tiles]
    tiles += [tile for _, rows in gallery.traversals for _, row in rows for tile in row]
    tiles += [tile for copy in gallery.copies for tile in (copy.synthetic, copy.real)]
    return sum(len(tile.src) + 160 for tile in tiles)


class _Builder:
    """Turns the index into tiles."""

    def __init__(
        self,
        images: Images,
        index: Mapping[str, Any],
        address: Callable[[int], str],
        step: int,
        words: Vocabulary,
    ) -> None:
        self.images, self.index, self.address, self.step, self.words = images, index, address, step, words
        self.noun = noun_in(index)
        self.size = _shown_size(images.shape[1], images.shape[2], int(index.get("panels", 1)))

    def gallery(self, most: int) -> Gallery:
        classes = [(str(entry["name"]), self.groups(entry, most)) for entry in self.index.get("classes", [])]
        copies = [self.copy(entry) for entry in self.index.get("copies", [])[: max(most, 4)]]
        return Gallery(
            classes,
            copies,
            self.step,
            note=str(self.index.get("note", "")),
            lines=bool(self.index.get("lines")),
            traversals=self.traversals(),
        )

    def traversals(self) -> tuple[tuple[str, list[tuple[str, list[Tile]]]], ...]:
        """Return for each code its title and, class by class, the tiles along it."""
        rows: dict[str, list[tuple[str, list[Tile]]]] = {}
        for entry in self.index.get("traversals", []):
            code, name = str(entry["code"]), str(entry["class"])
            tiles = [
                self.tile(index, f"{name}, {code} at {value}", value)
                for index, value in zip(entry["images"], map(_level, entry["values"]), strict=True)
            ]
            rows.setdefault(code, []).append((name, tiles))
        return tuple(rows.items())

    def groups(self, entry: Mapping[str, Any], most: int) -> list[Group]:
        name = str(entry["name"])
        rejected = sorted(entry.get("rejected", []), key=lambda item: str(item["reason"]))
        chosen = _round_robin(rejected, most)
        real, kept = entry.get("real", [])[:most], entry.get("kept", [])[:most]
        return [
            Group("real", "Real", [self.tile(i, f"{name}, real {self.noun.image}") for i in real]),
            Group("kept", "Synthetic, kept", [self.tile(i, f"{name}, synthetic, kept") for i in kept]),
            Group("rejected", "Synthetic, rejected", [self.rejected(name, item) for item in chosen]),
        ]

    def rejected(self, name: str, item: Mapping[str, Any]) -> Tile:
        why = self.words.reason_label(str(item["reason"]))
        return self.tile(item["index"], f"{name}, synthetic, rejected: {why}", why)

    def copy(self, entry: Mapping[str, Any]) -> Copy:
        name = str(entry["class"])
        ratio = entry.get("ratio")
        finite = isinstance(ratio, int | float) and np.isfinite(ratio)
        return Copy(
            self.tile(entry["synthetic"], f"{name}, synthetic {self.noun.image}", "synthetic"),
            self.tile(entry["real"], f"{name}, the closest real training {self.noun.image}", "closest real"),
            name,
            float(ratio) if finite and ratio is not None else None,
            bool(entry.get("kept")),
        )

    def tile(self, index: int, alt: str, label: str = "") -> Tile:
        if not 0 <= int(index) < len(self.images):
            raise ValueError(f"picture {index} is asked for, there are {len(self.images)}")
        return Tile(self.address(int(index)), alt, label, *self.size)


def _level(value: float) -> str:
    """Return a code's value: whole numbers are names of a kind, the others have one decimal."""
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def _round_robin(items: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """Return up to ``most`` items that show every reason before any reason twice."""
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        by_reason.setdefault(str(item["reason"]), []).append(item)
    turns = max((len(group) for group in by_reason.values()), default=0)
    mixed = [group[turn] for turn in range(turns) for group in by_reason.values() if turn < len(group)]
    return sorted(mixed[:most], key=lambda item: str(item["reason"]))


def _shown_size(height: int, width: int, panels: int = 1) -> tuple[int, int]:
    """Return (width, height) on the page: whole multiples of the pixels where they are small.

    Of a picture of several ``panels`` side by side, a panel is a little smaller than a picture.
    """
    side = max(height, width // panels)
    factor = (
        max(1, round((68 if panels == 1 else 48) / side)) if side <= LARGEST_SIDE else LARGEST_SIDE / side
    )
    return round(width * factor), round(height * factor)

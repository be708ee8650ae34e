"""What the folders between a dataset and its pictures mean: classes, patients, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from augmentor.core.errors import DataError
from augmentor.data.readers.formats import may_hold_sample
from augmentor.data.readers.places import Listing, joined

LAYOUT = (
    "pictures lie in class folders: [train|val|test/]class/picture.png (or jpg, jpeg, tif, tiff, bmp, "
    "webp, gif; or .npy for volumes and series), with a folder for each patient where there are any "
    "(class/patient/picture.png or patient/class/picture.png), or a table (.csv, .parquet, .jsonl) names "
    "each picture's path and label"
)
_ROLES = frozenset(
    {
        *("images", "imgs", "masks", "mask", "labels", "label", "annotations", "segmentations"),
        *("ground_truth", "gt"),
    }
)
"""Folders of these names are neither classes nor patients."""


@dataclass(frozen=True)
class Nesting:
    """How pictures lie below the parent of the classes.

    Attributes:
        deep: whether they lie two folders down, not one.
        classes_inside: whether the inner folder is the class and the outer one the patient.
        group_of: the patient of a file by its id, None where folders name none.
        notes: what a user should know.
    """

    deep: bool = False
    classes_inside: bool = False
    group_of: Callable[[str], str] | None = None
    notes: tuple[str, ...] = ()


def nesting_of(
    listing: Listing, parents: Sequence[str], where: str, classes: Sequence[str] | None = None
) -> Nesting:
    """Decide what the folders below ``parents`` are.

    One picture directly in a folder of the first level makes the first level the classes. Else the level
    with fewer different names is the classes and the other one the patients, for a class has several
    patients; with a card, the level whose names it lists. One name at the second level ("images" in every
    class) means nothing.

    Args:
        listing: of the dataset.
        parents: the folders that hold the first level: the dataset itself, or those of its parts.
        where: names the dataset in errors.
        classes: the class names, where they are known.

    Raises:
        DataError: if both levels have as many names, so that nothing tells which are the classes.
    """
    outer: set[str] = set()
    inner: set[str] = set()
    for parent in parents:
        for entry in listing.entries(parent):
            if not entry.folder:
                continue
            place = joined(parent, entry.name)
            below = _with_pictures(listing, place)
            if below is None:
                return Nesting()
            if below:
                outer.add(entry.name)
                inner |= below
    if not inner or {name.lower() for name in outer} <= _ROLES:
        return Nesting()
    if len(inner) == 1:
        return Nesting(deep=True)
    known = set(classes or ())
    if outer <= known and not inner <= known:
        return _patients_inside(inner)
    if inner <= known and not outer <= known:
        return _classes_inside(outer)
    if len(outer) == len(inner):
        raise DataError(
            f"{where} has {len(outer)} folders ({_some(outer)}) with {len(inner)} different folders in them "
            f"({_some(inner)}), and nothing tells which are the classes and which the patients; name the "
            "classes in a dataset card (classes: [...]), or write a table with the columns path, label and "
            "patient"
        )
    return _patients_inside(inner) if len(outer) < len(inner) else _classes_inside(outer)


def _patients_inside(names: set[str]) -> Nesting:
    return Nesting(
        deep=True,
        group_of=lambda name: name.split("/")[-2],
        notes=(
            f"the folders below the classes ({_some(names)}) were taken as patients, {len(names)} in all: "
            "the pictures of one stay together",
        ),
    )


def _classes_inside(names: set[str]) -> Nesting:
    return Nesting(
        deep=True,
        classes_inside=True,
        group_of=lambda name: name.split("/")[-3],
        notes=(
            f"the folders above the classes ({_some(names)}) were taken as patients, {len(names)} in all: "
            "the pictures of one stay together",
        ),
    )


def _with_pictures(listing: Listing, place: str) -> set[str] | None:
    """Return the names of the folders in ``place`` that hold pictures; None where it holds some itself."""
    folders = []
    for entry in listing.entries(place):
        if entry.folder:
            folders += [entry.name] if not entry.link else []
        elif may_hold_sample(entry.name):
            return None
    return {name for name in folders if any(_samples(listing, joined(place, name)))}


def _some(names: set[str]) -> str:
    few = sorted(names)[:3]
    return ", ".join(few) + (", ..." if len(names) > len(few) else "")


def _samples(listing: Listing, place: str) -> Iterator[str]:
    return (
        entry.name for entry in listing.entries(place) if not entry.folder and may_hold_sample(entry.name)
    )

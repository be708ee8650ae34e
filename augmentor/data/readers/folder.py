"""Reader of folders of pictures, and of tables that name pictures; those of .npy arrays are passed on."""

from __future__ import annotations

import difflib
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.parallel import processes_to_use
from augmentor.core.progress import Progress
from augmentor.core.samples import Samples
from augmentor.core.scratch import collect, free_bytes
from augmentor.data.cards import Card
from augmentor.data.loaded import PARTS, Loaded, Originals, SkippedFile
from augmentor.data.readers.array_files import read_array_files
from augmentor.data.readers.decide import decide_kind
from augmentor.data.readers.files import Files, Found
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.formats import ARRAY
from augmentor.data.readers.groups import groups_of
from augmentor.data.readers.manifest import manifest_tree, tables_beside
from augmentor.data.readers.pictures import Picture, UnreadablePicture, decode, head_size, to_square
from augmentor.data.readers.places import Listing, listed
from augmentor.data.readers.reading import Reading
from augmentor.data.readers.scan_files import read_scan_files
from augmentor.data.readers.scan_formats import is_scan
from augmentor.data.readers.streamed import Streamed, stream
from augmentor.data.readers.tree import Tree, leave_out, read_metadata, walk
from augmentor.data.spec import ColumnsSpec, ImageSpec

MAX_BYTES = 4 * 2**30
"""More decoded pixels than this are refused: a size must be chosen first."""

LARGEST_AS_IS = 128
"""Pictures of one shared size are used as they are up to this side in pixels."""

DEFAULT_SIZE = 64
"""The side of pictures without a chosen size, where their own cannot be kept."""

FILES_AT_ONCE = 16
LOOKED_AT = 64
"""Files whose heads are read to see whether all share one size."""

Result = TypeVar("Result")


class SizeNeeded(DataError):  # noqa: N818 - reads as what it says
    """The pictures cannot be used at their own sizes: one must be chosen."""


@dataclass(frozen=True, eq=False)
class ReadPicture:
    """A picture that was read, at the requested size."""

    found: Found
    picture: Picture


def read_folder(path: Path, how: Reading) -> Loaded:
    """Read every picture, or every .npy array, of a folder or a zip archive.

    Class folders are read as they lie. Where there are none, or only one, and a table beside the pictures
    names them (labels.csv, metadata.csv, ...), it is read by that table; so it is where a column is asked
    for. Files that cannot be used are skipped, with the reason.

    Classes are the card's, or the folder names in sorted order; rows come sorted by path. A sample's
    id is its path below the folder where the classes begin. Pictures of 8 bits in a set that also has 16
    bits are widened (255 becomes 65535). With colour "auto" the set is rgb if any picture shows a colour.
    Where neither the recipe nor the card names a size, :func:`default_size` does, and a note says so.

    Raises:
        DataError: if there is nothing to read, or the layout is not understood.
        SizeNeeded: if the pictures are too many bytes at their size.
    """
    with listed(path) as listing:
        tables = tables_beside(listing) if how.columns.named else []
        if how.columns.named and not tables:
            raise DataError(
                f"columns are named ({', '.join(how.columns.named)}), and {path} holds no table "
                "(.csv, .tsv, .parquet, .jsonl, .json) at its top"
            )
        if tables:
            return _read_tree(*manifest_tree(listing, tables, how.columns), how, path)
        return _read_tree(*_laid_out(listing, how), how, path)


def read_manifest(path: Path, how: Reading) -> Loaded:
    """Read the pictures (or .npy arrays) that the table ``path`` names; they lie beside it or below.

    Raises:
        ConfigError: if a column that is asked for is not there.
        DataError: if the table cannot be read, or names nothing that can be.
    """
    with listed(path.parent) as listing:
        return _read_tree(*manifest_tree(listing, [path.name], how.columns), how, path)


def _laid_out(listing: Listing, how: Reading) -> tuple[Tree, ColumnsSpec]:
    """Return the files of class folders, or where there are none those that a table beside names."""
    try:
        tree = walk(listing, classes=how.classes)
    except DataError as layout:
        tables = _tables_or_none(listing)
        if not tables:
            raise
        try:
            return manifest_tree(listing, tables, how.columns)
        except DataError as table:
            raise DataError(f"{layout}. The table there is of no use either: {table}") from table
    if len(tree.classes) > 1:
        beside = [name for name in _tables_or_none(listing) if not name.endswith(".json")]
        if beside and not read_metadata(tree.root):
            tree.notes.append(
                f"classes were taken from the folders; {beside[0]} beside them was not read: to read the "
                "labels from it, name it as the data"
            )
        return tree, ColumnsSpec()
    tables = _tables_or_none(listing)
    return manifest_tree(listing, tables, how.columns) if tables else (tree, ColumnsSpec())


def _tables_or_none(listing: Listing) -> list[str]:
    try:
        return tables_beside(listing)
    except DataError:
        return []


def _read_tree(tree: Tree, columns: ColumnsSpec, how: Reading, root: Path) -> Loaded:
    """Read the files of ``tree``."""
    image, card = how.image, how.card
    every = tuple(card.classes) if card else tuple(tree.classes)
    leave_out(tree, how.exclude)
    classes = _classes(tree.classes, how, root)
    if any(item.id.lower().endswith(ARRAY) for item in tree.found):
        return replace(read_array_files(tree, classes, how, str(root)), columns=columns, listed=every)
    if _of_one_sort(tree, image):
        return replace(read_scan_files(tree, classes, how, str(root)), columns=columns, listed=every)
    kind, _ = decide_kind(None, card, str(root))
    read, note = _decoded(tree.found, image, image.size or (card.image_size if card else None), how.progress)
    x, found = read.x, tree.found.pick(read.index)
    skipped = [*tree.skipped, *read.skipped]
    if not len(x):
        first = f", e.g. {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise DataError(
            f"no picture in {root} can be read ({len(skipped)} files were skipped{first}); "
            "[split/]class/picture.png (or jpg, tif, bmp, webp, gif) is the layout"
        )
    groups, unmatched = groups_of(found, card, tree)
    notes = [*([note] if note else []), *read.notes, *unmatched]
    samples = Samples(
        x=x,
        y=np.fromiter((classes.index(item.label) for item in found), dtype=np.int64, count=len(found)),
        classes=classes,
        ids=collect((item.id for item in found), f"U{found.longest}"),
        group=groups,
        subgroup=tree.subgroups([item.id for item in found]),
        value_range=_value_range(x, card, root),
        kind=kind,
    )
    return Loaded(
        name=how.name,
        card=card,
        parts=_by_part(samples, found),
        layout="folder",
        originals=_described(read.originals, samples, tree),
        skipped=tuple(skipped),
        notes=(*tree.notes, *notes),
        fingerprints=FINGERPRINTS[kind.name],
        listed=every,
        columns=columns,
    )


def _described(originals: Originals, samples: Samples, tree: Tree) -> Originals:
    """Return the originals with the labels, and the columns of a table, in the order of the samples."""
    columns = dict(originals.columns)
    for name, by_id in tree.properties.items():
        values, codes = np.unique([by_id[str(one)] for one in samples.ids], return_inverse=True)
        columns[f"subgroup {name!r}"] = ([str(value) for value in values], codes.astype(np.int32))
    return replace(originals, columns=columns, labels=samples.y)


def _of_one_sort(tree: Tree, image: ImageSpec) -> bool:
    """Return whether most files are medical ones, and skip those of the other sort."""
    scans = tree.found.where(lambda item: is_scan(item.name, image))
    if len(scans) in (0, len(tree.found)):
        return bool(len(scans))
    others = tree.found.where(lambda item: not is_scan(item.name, image))
    medical = len(scans) >= len(others)
    tree.found, left = (scans, others) if medical else (others, scans)
    wanted, odd = ("medical files", "none") if medical else ("pictures or arrays", "a medical one")
    reason = f"most files are {wanted} and this is {odd}, and a dataset is of one sort; move it elsewhere"
    tree.skipped += [SkippedFile(item.id, reason) for item in left]
    return medical


def _value_range(x: npt.NDArray[Any], card: Card | None, root: Path) -> tuple[float, float]:
    if card is None or card.value_range is None:
        return 0.0, float(np.iinfo(x.dtype).max)
    low, high = card.value_range
    if x.min() < low or x.max() > high:
        raise DataError(
            f"{root} holds values from {x.min()} to {x.max()}, and its card says {low:g} to {high:g}; "
            "correct value_range in the card"
        )
    return low, high


def _by_part(samples: Samples, found: Files) -> dict[str, Samples]:
    names = (*PARTS, "all")
    where = np.fromiter((names.index(item.part) for item in found), dtype=np.int8, count=len(found))
    return {
        part: samples if (where == number).all() else samples.take(where == number)
        for number, part in enumerate(names)
        if (where == number).any()
    }


def _classes(found: Sequence[str], how: Reading, root: Path) -> tuple[str, ...]:
    if how.card is None or how.classes is None:
        return tuple(found)
    unknown = [name for name in found if name not in how.classes]
    if unknown:
        near = difflib.get_close_matches(unknown[0], how.classes, n=1)
        hint = f"; is {unknown[0]!r} meant to be {near[0]!r}?" if near else ""
        raise DataError(
            f"{root} has the classes {list(found)}, and the card {how.card.name} knows "
            f"{list(how.classes)}{hint}. Rename the folders (or labels), or use the data without this card"
        )
    return how.classes


def _decoded(
    found: Files, image: ImageSpec, size: int | None, progress: Progress
) -> tuple[Streamed, str | None]:
    """Decode every file at ``size``; without one at :func:`default_size`, which a note then tells.

    Most sets have one size, and then each file is opened once: only where a later one differs, all heads
    are read for the sizes.
    """
    if size is not None:
        return stream(_one_size(found, size, progress), image), None
    some = found[:: max(1, len(found) // LOOKED_AT)]
    if default_size(some) == (None, None):
        with suppress(SizeNeeded):
            read = stream(_one_size(found, None, progress), image)
            broken = {item.path for item in read.skipped}
            if not broken or default_size([*some, *found.where(lambda item: item.id in broken)])[0] is None:
                return read, None
    size, note = default_size(found)
    return stream(_one_size(found, size, progress), image), note


def default_size(found: Sequence[Found]) -> tuple[int | None, str | None]:
    """Return the side pictures are brought to where nobody chose one, and the note that tells it.

    None, and no note: all share one size of at most :data:`LARGEST_AS_IS` a side and keep it. Else
    :data:`DEFAULT_SIZE`, or less where half the pictures are smaller than that: growing them would
    only invent pixels. Only the heads of the files are read.
    """
    sizes = Counter(size for _, size in _threaded(found, _head_size) if size)
    if not sizes or (len(sizes) == 1 and max(min(sizes)) <= LARGEST_AS_IS):
        return None, None
    half = int(np.median(np.repeat([min(size) for size in sizes], list(sizes.values()))))
    side = min(DEFAULT_SIZE, max(4, half - half % 4))
    (low, lower), (high, higher) = min(sizes), max(sizes)
    what = (
        f"the pictures have {len(sizes)} sizes, from {lower} x {low} to {higher} x {high} pixels"
        if len(sizes) > 1
        else f"the pictures have {lower} x {low} pixels, which is slow to train on"
    )
    return side, (
        f"{what}; all were brought to {side} x {side} (the largest centred square, resized). "
        "--set image.size=... chooses another size"
    )


def _head_size(item: Found) -> tuple[int, int] | None:
    try:
        with item.open() as handle:
            return head_size(handle)
    except OSError:
        return None  # reported when it is decoded


def read_pictures(
    found: Sequence[Found], size: int | None, progress: Progress
) -> tuple[list[ReadPicture], list[SkippedFile]]:
    """Decode every file that was found, at the requested size; also return those that cannot be used.

    Raises:
        SizeNeeded: if pictures of several sizes, or too many bytes of them, come without a size.
    """
    read: list[ReadPicture] = []
    skipped: list[SkippedFile] = []
    decoded = 0
    for number, (item, result) in enumerate(_one_size(found, size, progress), start=1):
        if isinstance(result, str):
            skipped.append(SkippedFile(item.id, result))
        else:
            read.append(ReadPicture(item, result))
            decoded += result.pixels.nbytes
        if decoded > MAX_BYTES:
            raise SizeNeeded(
                f"the first {number} of {len(found)} pictures fill {decoded / 2**30:.1f} GiB; choose a "
                "smaller "
                "size, e.g. --set image.size=64"
            )
    return read, skipped


def _one_size(
    found: Sequence[Found], size: int | None, progress: Progress
) -> Iterator[tuple[Found, Picture | str]]:
    """Yield every file with its picture at the requested size, or with the reason why it cannot be used.

    Raises:
        SizeNeeded: if pictures of several sizes come without a size, or all of them fill the disk.
    """
    first: ReadPicture | None = None
    progress.start("reading", len(found))
    decoded = _threaded(found, lambda item: _one(item, size))
    for number, (item, result) in enumerate(decoded, start=1):
        if not isinstance(result, str):
            if first is None:
                first = ReadPicture(item, result)
                _check_room(len(found), result)
            _check_sizes(first, ReadPicture(item, result), size)
        progress.update("reading", number)
        yield item, result
    progress.finish("reading")


def _check_room(n: int, first: Picture) -> None:
    free, needed = free_bytes(), n * first.pixels.nbytes
    if needed > free:
        raise SizeNeeded(
            f"{n} pictures of {first.pixels.shape[1]} x {first.pixels.shape[0]} pixels fill "
            f"{needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free where they are kept during the "
            "work; choose a smaller size, e.g. --set image.size=64, or make room"
        )


def _check_sizes(first: ReadPicture, last: ReadPicture, size: int | None) -> None:
    one, two = first.picture, last.picture
    if size is None and (one.width, one.height) != (two.width, two.height):
        raise SizeNeeded(
            f"the pictures have different sizes, e.g. {first.found.id} {one.width} x {one.height} and "
            f"{last.found.id} {two.width} x {two.height} pixels; say which size they are brought to, e.g. "
            "--set image.size=32"
        )


def _threaded(found: Sequence[Found], work: Callable[[Found], Result]) -> Iterator[tuple[Found, Result]]:
    """Yield every file with what ``work`` makes of it, in order, made by several threads."""

    def job(lot: Sequence[Found]) -> list[Result]:
        return [work(item) for item in lot]

    workers = min(8, processes_to_use(None, len(found)))
    # Pillow warns about odd files (huge, broken EXIF); what matters of that becomes a reason. Filters
    # are the process's, so they are set here, around all threads, and not in each of them.
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")
        # In bites, so that a stop (too many bytes, Ctrl-C) does not wait for a whole dataset.
        for start in range(0, len(found), 256):
            bite = found[start : start + 256]
            # A thread takes a lot at a time: for small pictures the handing over costs more than the work.
            lots = [bite[place : place + FILES_AT_ONCE] for place in range(0, len(bite), FILES_AT_ONCE)]
            for lot, results in zip(lots, pool.map(job, lots), strict=True):
                yield from zip(lot, results, strict=True)


def _one(item: Found, size: int | None) -> Picture | str:
    try:
        picture = decode(item.read())
    except UnreadablePicture as error:
        return str(error)
    except OSError as error:
        return f"the file cannot be opened: {error.strerror or error}"
    if size is None:
        return picture
    small = to_square(picture.pixels, size)
    return replace(picture, pixels=small)

"""Load samples by a card, a card file or a path."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import Samples
from augmentor.data.cards import Card, card_names, load_card
from augmentor.data.fetch import cached_file, fetch, md5_of
from augmentor.data.loaded import Loaded, Originals
from augmentor.data.readers.arrays import find_range, shaped
from augmentor.data.readers.embedded import EMBEDDED
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.folder import read_manifest
from augmentor.data.readers.formats import is_readable, way_of
from augmentor.data.readers.manifest import manifest_tree
from augmentor.data.readers.places import listed
from augmentor.data.readers.reading import Reading
from augmentor.data.readers.table import reader_of
from augmentor.data.spec import ColumnsSpec, ImageSpec, SeriesSpec

FORMS = (
    "a folder of classes, a zip archive of one, a table that names pictures (.csv, .tsv, .parquet, .jsonl, "
    ".json), an .npz file, or a dataset card (.yaml)"
)


def load(
    dataset: str | Path,
    *,
    image: ImageSpec | None = None,
    series: SeriesSpec | None = None,
    data: Path | None = None,
    columns: ColumnsSpec | None = None,
    exclude: Sequence[str] = (),
    progress: Progress | None = None,
    download: bool = False,
) -> Loaded:
    """Read a dataset.

    Args:
        dataset: the name of a shipped card, the path of a card file (.yaml), or the path of a folder of
            classes, a zip archive of one, a table that names pictures, or an .npz file, which is then read
            by inspection. Empty: ``data`` is read.
        image: size and colour that images are brought to, and the size of volumes.
        series: length that series are brought to, and how.
        data: path of the data, overriding the card.
        columns: what the columns of a table mean, before what the card says of them.
        exclude: classes that are left out, beside those that the card leaves out.
        progress: gets the number of files read.
        download: fetch the card's official file if it is not on this machine; verified and kept.

    Raises:
        ConfigError: if the card is unknown or invalid.
        DataError: if the data is missing, cannot be used, or disagrees with its card.
    """
    dataset = _as_text(dataset)
    image = image or ImageSpec()
    card = find_card(dataset)
    path = source_path(dataset, data=data, download=download)
    if path is None:
        assert card is not None
        if exclude or (columns is not None and columns.named):
            raise ConfigError(f"the dataset {card.name} is read whole; no column or class can be chosen")
        return _embedded(card, image)
    name = card.name if card else _name(path)
    read = reader_of(path)
    assert read is not None  # source_path refuses the others
    how = Reading(
        name,
        image,
        series or SeriesSpec(),
        card,
        progress or Silent(),
        columns=(columns or ColumnsSpec()).over(card.columns if card else ColumnsSpec()),
        exclude=tuple(dict.fromkeys([*(card.exclude_classes if card else ()), *exclude])),
    )
    loaded = read(path, how)
    return replace(loaded, notes=(*loaded.notes, *_against_card(loaded, path)))


def _as_text(dataset: object) -> str:
    """Return the name or path of a dataset as text.

    Raises:
        DataError: for anything else, an array say, with what to do with it.
    """
    if isinstance(dataset, str | Path):
        return str(dataset)
    if isinstance(dataset, np.ndarray):
        raise DataError(
            f"an array of the shape {dataset.shape} has no labels, and a path or a card's name is read here; "
            "make samples of it: augmentor.Samples(x, y, classes, ids, value_range=(0, 255), "
            "kind=augmentor.core.kinds.IMAGE) with x (N, C, H, W) and y (N,), or save it with numpy.savez as "
            "images and labels and load that file"
        )
    raise DataError(
        f"a dataset is a card's name or a path, got {type(dataset).__name__}; samples in memory are made "
        "with augmentor.Samples"
    )


def find_card(dataset: str) -> Card | None:
    """Return the card that ``dataset`` names, or None where it is a path to data.

    Raises:
        ConfigError: if it is a card file that is not valid.
        DataError: if it is neither a card nor an existing path, or a card that cannot be used.
    """
    if not dataset:
        return None
    if not dataset.endswith((".yaml", ".yml")) and dataset not in card_names():
        if Path(dataset).expanduser().exists():
            return None
        near = difflib.get_close_matches(dataset, card_names(), n=2, cutoff=0.6)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise DataError(
            f"there is no file or folder {dataset}, and no dataset card of that name.{hint} "
            f"Cards: {', '.join(card_names())}"
        )
    card = load_card(dataset)
    if card.refused:
        raise DataError(f"the dataset {card.name} cannot be used: {card.refused}")
    return card


def source_path(dataset: str, *, data: Path | None = None, download: bool = False) -> Path | None:
    """Return the folder or .npz file that :func:`load` would read; None for an embedded dataset.

    Raises:
        DataError: if it is missing or of a kind that is not read.
    """
    card = find_card(dataset)
    if card and card.kind == "embedded":
        if data is not None:
            raise DataError(
                f"the dataset {card.name} is inside an installed package and takes no --data, got {data}; "
                "for "
                "your own data use a recipe without a dataset, or --set dataset=PATH"
            )
        return None
    if data is None and card is not None:
        if card.path is not None and dataset.endswith((".yaml", ".yml")):
            return _kind_checked(Path(dataset).parent / Path(card.path).expanduser(), card)
        return _official(card, download)
    if data is None and not dataset:
        raise DataError("no dataset is named; say where the data is with --data PATH")
    return _kind_checked(data if data is not None else Path(dataset), card)


def _official(card: Card, download: bool) -> Path:
    if card.url is None:
        raise DataError(
            f"the card {card.name} does not say where the data lies; say it with --data PATH"
            + (f" (it comes from {card.source})" if card.source != "unknown" else "")
        )
    path = cached_file(card)
    if not path.exists() and download:
        return fetch(card)
    if not path.exists():
        raise DataError(
            f"the dataset {card.name} is not on this machine: {path} does not exist. Say where it is with "
            f"--data PATH, or download it once with `augmentor cards --fetch {card.name}`"
        )
    if md5_of(path) != card.md5:
        raise DataError(
            f"{path} is damaged (its MD5 is not {card.md5}); remove it, then download it again with "
            f"`augmentor cards --fetch {card.name}`"
        )
    return path


def named_files(path: Path, card: Card | None, columns: ColumnsSpec) -> list[tuple[str, Path]] | None:
    """Return id and path of every file that the table ``path`` names; None where it is no table.

    Raises:
        ConfigError: if a column that is asked for is not there.
        DataError: if the table cannot be read.
    """
    if path.is_dir() or reader_of(path) is not read_manifest:
        return None
    known = columns.over(card.columns if card else ColumnsSpec())
    with listed(path.parent) as listing:
        tree, _ = manifest_tree(listing, [path.name], known)
    return [(item.id, path.parent / item.id) for item in tree.found]


def _kind_checked(path: Path, card: Card | None) -> Path:
    path = path.expanduser()
    if not path.exists():
        raise DataError(f"there is no file or folder {path}; --data takes {FORMS}")
    if path.is_dir():
        archives = sorted(item for item in path.glob("*.npz") if not item.name.startswith("."))
        folders = [item for item in path.iterdir() if item.is_dir() and not item.name.startswith(".")]
        named = [item for item in archives if card and item.stem == card.name]
        if archives and not folders:
            if len(named) != 1 and len(archives) > 1:
                raise DataError(f"{path} holds {len(archives)} .npz files; name one of them")
            return (named or archives)[0]
        return path
    if reader_of(path) is not None:
        return path
    if not path.is_file():
        raise DataError(f"{path} is no regular file (a pipe, socket or device); --data takes {FORMS}")
    if is_readable(path.name):
        raise DataError(f"{path} is one sample; name the folder that holds the classes. --data takes {FORMS}")
    way = way_of(path.name)
    raise DataError(
        f"{path} is neither a folder of classes nor of any other form that is read"
        f"{f' ({way})' if way else ''}; --data takes {FORMS}"
    )


def _name(path: Path) -> str:
    return path.resolve().stem if path.is_file() else path.resolve().name or "data"


def _embedded(card: Card, image: ImageSpec) -> Loaded:
    if card.name not in EMBEDDED:
        raise DataError(
            f"the card {card.name} is of the kind embedded, and only {sorted(EMBEDDED)} are inside "
            "installed packages"
        )
    x, y = EMBEDDED[card.name]()
    pixels = shaped({"all": x}, image, image.size or card.image_size)["all"]
    samples = Samples(
        x=pixels,
        y=y,
        classes=tuple(card.classes),
        ids=np.array([f"all/{row}" for row in range(len(y))], dtype=np.str_),
        value_range=find_range({"all": x}, card.value_range, card.name),
        kind=IMAGE,
    )
    originals = Originals.uniform(len(y), sides=x.shape[1:3], channels=x.shape[3], bits=8)
    return Loaded(
        card.name,
        card,
        {"all": samples},
        "memory",
        originals,
        fingerprints=FINGERPRINTS[samples.kind.name],
    )


def _against_card(loaded: Loaded, path: Path) -> list[str]:
    card = loaded.card
    if card is None:
        return []
    notes = []
    if path.is_file() and card.md5 and md5_of(path) != card.md5:
        notes.append(
            f"{path.name} is not the official file of {card.name} (its MD5 differs); it is read as it is"
        )
    found = {part: len(samples) for part, samples in loaded.parts.items()}
    expected = {str(part): n for part, n in card.rows.items()}
    if expected and found != expected:
        notes.append(f"the card {card.name} says {expected} {loaded.kind.plural}, and {found} were read")
    return notes

"""Official dataset files: their place in the user's cache, and their download on request."""

from __future__ import annotations

import hashlib
from pathlib import Path

from augmentor.core.errors import DataError
from augmentor.core.files import storage_errors
from augmentor.data.cards import Card, load_card


def cache_folder() -> Path:
    """Return the folder of downloaded datasets in the user's cache."""
    import pooch  # slow to import, and only a card without --data comes here

    return Path(pooch.os_cache("gan-augmentor")) / "datasets"


def cached_file(card: Card, folder: Path | None = None) -> Path:
    """Return the path of the official file of ``card`` once it is downloaded."""
    return (folder or cache_folder()) / f"{card.name}.npz"


def fetch(card: Card | str, folder: Path | None = None, *, progressbar: bool = False) -> Path:
    """Download the official file of a card, once, and verify its MD5; return its path.

    Args:
        card: the card, or its name.
        folder: where to keep it; the user's cache by default.
        progressbar: show a progress bar.

    Raises:
        DataError: if the card names no file, the download fails, or the MD5 differs.
    """
    import pooch

    if isinstance(card, str):
        card = load_card(card)
    if card.refused:
        raise DataError(f"the dataset {card.name} cannot be used: {card.refused}")
    if card.kind == "embedded":
        raise DataError(
            f"the dataset {card.name} is inside an installed package; nothing is downloaded for it"
        )
    if card.url is None or card.md5 is None:
        raise DataError(f"the card {card.name} names no file to download; give the data by --data PATH")
    target = cached_file(card, folder)
    try:
        with storage_errors(target):
            path = pooch.retrieve(
                card.url,
                known_hash=f"md5:{card.md5}",
                fname=target.name,
                path=target.parent,
                progressbar=progressbar,
            )
    except (OSError, ValueError) as error:  # requests' errors are OSErrors, a wrong hash a ValueError
        raise DataError(
            f"the download of {card.name} failed: {' '.join(str(error).split())[:300]}. Try again, or "
            "fetch the "
            f"file by other means from {card.source} and give it by --data PATH"
        ) from error
    return Path(path)


def md5_of(path: Path) -> str:
    """Return the MD5 of a file's bytes, as hexadecimal text; it identifies, it does not protect."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

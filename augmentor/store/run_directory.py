"""The directory of one recipe's runs: its lock, which dataset is published, and which runs are kept."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from augmentor.core.files import storage_errors
from augmentor.store.cache import LOCKS, locked

PUBLISHED = "published"
STAMP = re.compile(r"\d{8}-\d{6}(-\d+)?")


@contextmanager
def run_directory_lock(
    out: Path, name: str, waiting: Callable[[str], None] = lambda _: None
) -> Iterator[Path]:
    """Lock the directory ``<out>/<name>`` against other runs that publish, and yield it.

    Args:
        out: the folder of all runs.
        name: the recipe's folder.
        waiting: called with who holds it, when another run is publishing.
    """
    folder = out / name
    locks = out / ".cache" / LOCKS
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        locks.mkdir(parents=True, exist_ok=True)
    with locked(locks / f"{name}.lock", waiting):
        for left in folder.glob(".*.tmp"):  # of a run that was killed while it published
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        yield folder


def switch(folder: Path, run: Path) -> None:
    """Point ``<folder>/published`` at the expanded dataset of ``run``, in one step.

    A reader sees the dataset before or the one after, never none. The link is relative, so that
    the folder of all runs can be moved.
    """
    link, temporary = folder / PUBLISHED, folder / f".{PUBLISHED}.{os.getpid()}.tmp"
    with storage_errors(link):
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(Path(run.name) / "expanded")
        os.replace(temporary, link)


def published_run(folder: Path) -> Path | None:
    """Return the run whose dataset is published in ``folder``, or None."""
    link = folder / PUBLISHED
    return folder / link.readlink().parent if link.is_symlink() else None


def finished_runs(folder: Path) -> list[Path]:
    """Return the run folders in ``folder``, oldest first."""
    found = [
        path
        for path in folder.iterdir()
        if STAMP.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]
    return sorted(found, key=lambda path: [int(part) for part in path.name.split("-")])


def retire(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest ``keep`` runs, never the published one; return what was removed.

    A run leaves under another name first, so that what bears a run's name is whole.
    """
    gone = surplus(folder, keep)
    for path in gone:
        leaving = path.with_name(f".{path.name}.retired.tmp")
        with storage_errors(path):
            os.replace(path, leaving)
        shutil.rmtree(leaving, ignore_errors=True)
    return gone


def surplus(folder: Path, keep: int) -> list[Path]:
    """Return the runs that :func:`retire` removes, oldest first."""
    published = published_run(folder)
    return [path for path in finished_runs(folder)[:-keep] if path != published]

"""Making room: finished steps that no finished run came from are removed, while nobody works."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from augmentor.core.errors import ConfigError
from augmentor.core.files import storage_errors
from augmentor.store.cache import LOCKS
from augmentor.store.held_file import HeldFile
from augmentor.store.log import LOGS
from augmentor.store.run_directory import finished_runs
from augmentor.store.test_access import FOLDER

NO_STEPS = (LOGS, LOCKS, FOLDER)
"""Folders of the cache that hold no steps: logs, locks, and the test-set access log."""
Step = tuple[str, str]
"""A step's name and its key."""


class Lease(HeldFile):
    """A share in ``<out>/.cache`` that a run holds while it works, so that nothing is pruned under it."""

    def __init__(self, out: Path) -> None:
        super().__init__(out / ".cache" / LOCKS / ".lease.lock", os.O_RDWR)
        assert self._handle is not None  # just opened
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Return whether nobody else holds a share; if so, nobody gets one before :meth:`close`."""
        if self._handle is None:
            return False
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._handle, fcntl.LOCK_SH)  # a refused change may have lost the share
            return False
        return True


@dataclass(frozen=True)
class Freed:
    """What was removed.

    Attributes:
        steps: how many steps, finished or interrupted.
        size: bytes.
    """

    steps: int = 0
    size: int = 0

    @property
    def message(self) -> str:
        """The same as a sentence."""
        number = "1 step" if self.steps == 1 else f"{self.steps} steps"
        return f"freed {self.size / 1e6:,.1f} MB: {number} that no run came from"


def prune(out: Path) -> Freed:
    """Remove every step under ``out`` that no finished run came from, interrupted work included.

    Raises:
        ConfigError: if there is no such folder, a run is under way, or a run does not say what it needs.
    """
    if not (out / ".cache").is_dir():
        raise ConfigError(f"--out {out}: there are no finished steps here; augmentor run makes them")
    lease = Lease(out)
    try:
        if not lease.alone():
            raise ConfigError(
                f"a run is under way in {out} and may need any step; prune when it has ended "
                "(`augmentor runs` lists what is running)"
            )
        return remove(out, kept_steps(out), needed(out))
    finally:
        lease.close()


def prune_after(out: Path, lease: Lease, gone: Iterable[Step]) -> Freed:
    """Remove the steps that only removed runs came from; nothing while others work."""
    if not lease.alone():
        return Freed()
    return remove(out, gone, needed(out))


def needed(out: Path) -> set[Step]:
    """Return the steps that the finished runs under ``out`` came from.

    Raises:
        ConfigError: if a run does not say.
    """
    folders = [path for path in out.iterdir() if path.is_dir() and path.name[:1] != "."]
    return {step for folder in folders for run in finished_runs(folder) for step in steps_of(run)}


def steps_of(run: Path) -> set[Step]:
    """Return the steps that ``run`` came from, as its manifest says.

    Raises:
        ConfigError: if it cannot be read.
    """
    try:
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        return {(str(name), str(step["key"])) for name, step in manifest["steps"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{run} does not say which steps it came from ({type(error).__name__}: {error}); nothing was "
            "pruned. Remove that run's folder, or put its manifest.json back"
        ) from error


def kept_steps(out: Path) -> set[Step]:
    """Return every step there is something of: finished, interrupted, or left by a killed process."""
    return {
        (folder.name, path.name.removeprefix(".").split(".")[0])
        for folder in (out / ".cache").iterdir()
        if folder.is_dir() and folder.name not in NO_STEPS
        for path in folder.iterdir()
    }


def remove(out: Path, steps: Iterable[Step], spared: set[Step]) -> Freed:
    """Remove ``steps`` but those ``spared``; each leaves its name first, so that what bears one is whole."""
    count = size = 0
    for name, key in sorted(set(steps) - spared):
        folder = out / ".cache" / name
        places = [folder / key, *folder.glob(f"{key}.*"), *folder.glob(f".{key}.*")]
        there = [place for place in places if place.exists()]
        count += any(place.is_dir() for place in there)
        for place in there:
            size += weight(place)
            leaving = folder / f".{key}.pruned.tmp"
            with storage_errors(place):
                shutil.rmtree(leaving, ignore_errors=True)
                if place.is_dir() and place != leaving:
                    os.replace(place, leaving)
            shutil.rmtree(leaving, ignore_errors=True)
            with suppress(FileNotFoundError, IsADirectoryError):
                place.unlink()
    return Freed(count, size)


def weight(place: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)

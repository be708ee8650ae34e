"""Finished steps kept by content: the same inputs, settings and code are never computed twice.

A step's key is a hash of what goes in: the sub-specs of the recipe that it reads, the keys of the steps
before it, and the source of the code it runs. Prefect's own cache is off by default and ignores
the code a task calls, so this one is ours and serves runs with and without Prefect alike.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from augmentor.core.files import (
    atomic_folder,
    canonical_json,
    sha256_bytes,
    sha256_chunks,
    sha256_file,
    sha256_json,
    storage_errors,
    write_json,
)
from augmentor.core.scratch import scratch_in

DONE = "done.json"
LOCKS = "locks"
"""Folder of the cache with the locks of run directories."""
DECISIVE_PACKAGES = (
    "torch",
    "numpy",
    "monai",
    "scikit-learn",
    "imbalanced-learn",
    "albumentations",
    "pillow",
)


@dataclass(frozen=True)
class StepOutput:
    """The output of a finished step.

    Attributes:
        step: the step's name.
        key: hash of what went in.
        folder: where the files lie.
        reused: whether an earlier run made them.
        seconds: how long it took to make them now; 0 where they were reused.
    """

    step: str
    key: str
    folder: Path
    reused: bool
    seconds: float


class StepCache:
    """Finished steps under one root, safe to use while other runs use the same root.

    Attributes:
        root: ``<out>/.cache``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def key(self, step: str, inputs: Mapping[str, Any], code: Sequence[str]) -> str:
        """Return the key of ``step`` for JSON-able ``inputs`` and the source of ``code``.

        Args:
            step: names the step.
            inputs: everything that the output depends on.
            code: packages and modules of this package, e.g. "data" or "run.sampling".
        """
        return sha256_json(
            {
                "step": step,
                "inputs": inputs,
                "code": source_digest(tuple(code)),
                "packages": {name: version(name) for name in DECISIVE_PACKAGES},
            }
        )[:32]

    def get_or_build(
        self,
        step: str,
        key: str,
        build: Callable[[Path, Path], None],
        *,
        waiting: Callable[[str], None] = lambda _: None,
        damaged: Callable[[], None] = lambda: None,
    ) -> StepOutput:
        """Return the finished step, building it if no run has done so before.

        Args:
            step: names the step.
            key: what :meth:`key` returned.
            build: called with an empty folder for the output, which appears whole or not at
                all, and a work folder that outlives an interruption, for checkpoints.
            waiting: called with who holds the step, when another run is building it.
            damaged: called with a message when files are not those that were written; then the step is
                built again.
        """
        final = self.root / step / key
        if intact(final):
            return StepOutput(step, key, final, reused=True, seconds=0.0)
        with storage_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
        with locked(final.with_suffix(".lock"), waiting):
            if intact(final):
                return StepOutput(step, key, final, reused=True, seconds=0.0)
            if final.exists():
                damaged()
                os.replace(final, final.with_name(f".{final.name}.damaged.tmp"))
            work = final.with_suffix(".work")
            with storage_errors(work):
                work.mkdir(exist_ok=True)
            sweep(final)
            begun = time.monotonic()
            with atomic_folder(final) as output, scratch_in(work):
                build(output, work)
                seconds = time.monotonic() - begun
                write_json(
                    output / DONE,
                    {"step": step, "key": key, "seconds": round(seconds, 3), "files": listing(output)},
                )
            shutil.rmtree(work, ignore_errors=True)
        return StepOutput(step, key, final, reused=False, seconds=seconds)


def listing(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder`` but the one that says it is done."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / DONE)
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def intact(folder: Path) -> bool:
    """Return whether ``folder`` is a finished step whose files are those that were written."""
    try:
        done = json.loads((folder / DONE).read_text(encoding="utf-8"))
        return bool(done["files"] == listing(folder))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def sweep(target: Path) -> None:
    """Remove what a killed process left half-written for ``target``; call it under target's lock."""
    for left in target.parent.glob(f".{target.name}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def locked(path: Path, waiting: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock at ``path``; the kernel lets go of it when its process ends, however it ends."""
    with storage_errors(path), path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            waiting(handle.read().strip() or "another run")
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        handle.truncate()
        handle.write(f"process {os.getpid()} on {socket.gethostname()}")
        handle.flush()
        yield


@functools.cache
def source_digest(code: tuple[str, ...]) -> str:
    """Return a hash of the source of packages and modules, so that changed code is never served stale.

    Args:
        code: dotted names below this package, e.g. "data" or "run.sampling".

    Raises:
        ValueError: if there is no such package or module.
    """
    package = Path(__file__).resolve().parents[1]
    parts = []
    for name in sorted(code):
        place = package.joinpath(*name.split("."))
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        for path in files:
            if not path.is_file():
                raise ValueError(f"there is no package or module {package.name}.{name}")
            parts += [path.relative_to(package).as_posix().encode(), path.read_bytes()]
    return sha256_bytes(*parts)


def tree_digest(path: Path) -> str:
    """Return a hash of a file's bytes, or of every file's path and bytes below a folder."""
    if path.is_file():
        return sha256_file(path)
    return sha256_chunks(_tree_json(path))


def _tree_json(root: Path) -> Iterator[bytes]:
    """Yield the canonical JSON of ``[[path, SHA-256], ...]`` for the files below ``root``, piece by piece."""
    yield b"["
    comma = b""
    for path in _files_below(str(root)):
        relative = Path(path).relative_to(root).as_posix()
        yield comma + canonical_json([relative, sha256_file(Path(path))]).encode()
        comma = b","
    yield b"]"


def _files_below(folder: str) -> Iterator[str]:
    """Yield the files in the order of their path's parts; only one folder's names are held at a time.

    Hidden files are left out, and links to folders are not followed.
    """
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in names:
        place = os.path.join(folder, name)
        if is_folder:
            yield from _files_below(place)
        elif not name.startswith(".") and os.path.isfile(place):
            yield place

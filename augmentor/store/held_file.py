"""A file that is held open, and the kernel's lock on it with it."""

from __future__ import annotations

import os
from pathlib import Path

from augmentor.core.files import storage_errors


class HeldFile:
    """A file that stays open until :meth:`close`, or until nothing refers to this object.

    The kernel lets go of its locks when the process ends, however it ends.

    Args:
        path: the file; folders above it are made.
        flags: those of :func:`os.open`, besides that the file is made where there is none.

    Raises:
        StorageError: if it cannot be opened.
    """

    def __init__(self, path: Path, flags: int) -> None:
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle: int | None = os.open(path, flags | os.O_CREAT, 0o666)

    def close(self) -> None:
        """Close the file and give up its locks; closing it again does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()

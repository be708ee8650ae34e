"""Full training states on disk: safetensors and JSON, whole or not at all, the previous one kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import (
    atomic_file,
    read_sealed_json,
    sha256_file,
    storage_errors,
    write_sealed_json,
)
from augmentor.core.ranks import rank

KEPT = 2
"""States kept: the newest, and the one before as a fall-back."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write ``tensors`` to ``path``, whole or not at all, and return the file's SHA-256."""
    # Copies: the file format wants plain layout and one storage each.
    plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    with atomic_file(path) as temporary:
        # A full disk surfaces as the library's own error; the plain write check below names it.
        try:
            save_file(plain, temporary)
        except SafetensorError as error:
            with storage_errors(path):
                raise OSError(28 if "space" in str(error).lower() else 5, str(error)) from error
    return sha256_file(path)


def read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """Read what :func:`write_tensors` wrote.

    Raises:
        DataError: if the file is missing, truncated or not the one that was written.
    """
    try:
        found = sha256_file(path)
    except OSError as error:
        raise DataError(f"cannot read the weights {path}: {error.strerror or error}") from error
    if found != sha256:
        raise DataError(
            f"the weights {path} are damaged or were altered: their SHA-256 is {found[:12]}..., but "
            f"{sha256[:12]}... was written; restore the file from a copy or train again"
        )
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise DataError(f"cannot read the weights {path}: {error}") from error


class Checkpoints:
    """The states of one training in one folder.

    Args:
        folder: where they lie; None keeps nothing.
        fingerprint: names the training (settings, data, seed); a state of another is refused.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self.folder, self.fingerprint = folder, fingerprint

    def save(self, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Write the state after ``step``; the JSON is written last and makes it count.

        Of several processes the first one writes.
        """
        if self.folder is None or rank() != 0:
            return
        stem = f"state-{step:09d}"
        sha256 = write_tensors(self.folder / f"{stem}.safetensors", tensors)
        body = {"fingerprint": self.fingerprint, "step": step, "sha256": sha256, "facts": dict(facts)}
        write_sealed_json(self.folder / f"{stem}.json", body)
        # Two names of one step can only differ by a rollback; older steps are never newer states.
        for path in self._heads()[KEPT:]:
            path.unlink(missing_ok=True)
            path.with_suffix(".safetensors").unlink(missing_ok=True)

    def newest(self, log: Callable[[str], None]) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return tensors and facts of the newest whole state, or None; damaged ones go to ``log``.

        Raises:
            ConfigError: if the folder holds the states of another training.
        """
        for path in self._heads():
            try:
                body = read_sealed_json(path, "the training state")
                if body["fingerprint"] != self.fingerprint:
                    raise ConfigError(
                        f"{self.folder} holds the states of another training (other data, settings or seed); "
                        "choose another folder, or remove this one to start anew"
                    )
                return read_tensors(path.with_suffix(".safetensors"), body["sha256"]), body["facts"]
            except DataError as error:
                log(f"{error}; falling back to the state before it")
        return None

    def _heads(self) -> list[Path]:
        """The JSON files, newest first."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(self.folder.glob("state-*.json"), reverse=True)

"""Files that appear whole or not at all, and the hashes that name their content."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from augmentor.core.errors import DataError, StorageError


@contextmanager
def storage_errors(target: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write ``target`` into a :class:`StorageError`.

    A refusal that names a file elsewhere (one that could not be read, say) goes on as it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageError(
                f"no space left while writing {target}; free some space or choose another "
                "folder with --out, then run the same command again: finished steps are kept"
            ) from error
        refusals = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}
        if error.errno in refusals and _concerns(error, target):
            raise StorageError(
                f"cannot write {target}: {error.strerror}; choose a folder you may write to with --out"
            ) from error
        raise


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it to ``target`` if the block succeeds."""
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            # mkstemp makes the file private; a finished output has the user's usual mode.
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder; rename it to ``target`` if the block succeeds.

    Raises:
        StorageError: if ``target`` exists already, or the place cannot be written.
    """
    with storage_errors(target):
        if target.exists():
            raise StorageError(f"{target} exists already; choose another folder, or remove it")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            os.replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with atomic_file(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write ``value`` as indented JSON; NaN and infinity are refused, never written."""
    write_text(target, json_text(value))


def write_sealed_json(target: Path, body: Mapping[str, Any]) -> None:
    """Write ``body`` with its own SHA-256 under ``checksum``; see :func:`read_sealed_json`."""
    write_json(target, {**body, "checksum": sha256_json(body)})


def read_sealed_json(path: Path, what: str) -> dict[str, Any]:
    """Return the body that :func:`write_sealed_json` wrote.

    Args:
        path: the file.
        what: what it is, for the error: "the training state".

    Raises:
        DataError: if it is missing, truncated or altered.
    """
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        checksum = body.pop("checksum")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"cannot read {what} {path}: {error}") from error
    if checksum != sha256_json(body):
        raise DataError(f"{what} {path} is damaged or was altered: its checksum does not fit")
    return body


def json_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return ``value`` as indented JSON, as a file holds it; NaN and infinity are refused."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the one JSON text of ``value``: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_bytes(*parts: bytes) -> str:
    """Return the SHA-256 of the concatenated ``parts`` as hexadecimal text."""
    return sha256_chunks(parts)


def sha256_chunks(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of the concatenated ``parts``, of which one at a time is held."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal text."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the SHA-256 of :func:`canonical_json` of ``value``."""
    return sha256_bytes(canonical_json(value).encode())


def inside(root: Path, relative: str) -> Path:
    """Join ``relative`` to ``root`` and refuse a result that lies outside ``root``."""
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise StorageError(f"the path {relative!r} leads out of {root}; paths must stay inside it")
    return path


def _concerns(error: OSError, target: Path) -> bool:
    """Return whether ``error`` is about ``target``, what is beside or below it, or a folder it lies in."""
    if not isinstance(error.filename, str | bytes):
        return True
    place, wanted = Path(os.path.abspath(os.fsdecode(error.filename))), Path(os.path.abspath(target))
    return place.is_relative_to(wanted.parent) or wanted.is_relative_to(place)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Test-set access log: when the test part was read for scores, and by which evaluations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from augmentor.core.errors import StorageError
from augmentor.core.files import storage_errors, write_json
from augmentor.store.cache import locked

FOLDER = "opened"
"""Folder of the logs below the cache, one file for each test part."""


def record_test_access(cache: Path, test_digest: str, key: str) -> None:
    """Log that the evaluation ``key`` compares predictions with the labels of a test part now.

    An evaluation that is logged already keeps its first time, so that a resumed one does not move it.

    Args:
        cache: root of the finished steps.
        test_digest: names the test part, see ``Samples.digest``.
        key: names settings and code of the evaluation.

    Raises:
        StorageError: if the log cannot be written or is damaged.
    """
    path = _path(cache, test_digest)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        known = read_access_log(cache, test_digest)
        if key not in known:
            write_json(path, {**known, key: datetime.now(tz=UTC).isoformat(timespec="seconds")})


def read_access_log(cache: Path, test_digest: str) -> dict[str, str]:
    """Return when each evaluation read the test part (UTC, ISO 8601), by key, the first one first.

    Raises:
        StorageError: if the log is damaged.
    """
    path = _path(cache, test_digest)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        times = {str(key): datetime.fromisoformat(at) for key, at in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{path} logs the accesses to the test part and cannot be read ({error}); remove it to begin anew"
        ) from error
    return {key: found[key] for key in sorted(times, key=times.__getitem__)}


def repeated_access_note(accesses: dict[str, str]) -> list[str]:
    """Return the note for a reader where several evaluations have read one test part."""
    if len(accesses) < 2:
        return []
    return [
        f"{len(accesses)} evaluations with different settings or code have read this test part, this run's "
        "among them. To keep the one that scored best there would be a choice on the test part, and its "
        "interval too good to be true"
    ]


def _path(cache: Path, test_digest: str) -> Path:
    return cache / FOLDER / f"{test_digest[:32]}.json"

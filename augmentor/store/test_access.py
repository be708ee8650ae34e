"""When the test part was opened, and by how many evaluations: a book kept beside the finished steps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from augmentor.core.errors import StorageError
from augmentor.core.files import storage_errors, write_json
from augmentor.store.cache import locked

BOOK = "opened"


def note_opening(cache: Path, test_digest: str, key: str) -> None:
    """Write down that the evaluation ``key`` holds predictions against the labels of a test part now.

    An evaluation that is written down already keeps its first time, so a resumed one does not move it.

    Args:
        cache: root of the finished steps.
        test_digest: names the test part, see ``Samples.digest``.
        key: names settings and code of the evaluation.

    Raises:
        StorageError: if the book cannot be written or is damaged.
    """
    path = _path(cache, test_digest)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        known = openings(cache, test_digest)
        if key not in known:
            write_json(path, {**known, key: datetime.now(tz=UTC).isoformat(timespec="seconds")})


def openings(cache: Path, test_digest: str) -> dict[str, str]:
    """Return when each evaluation opened the test part (UTC, ISO 8601), by key, the first one first.

    Raises:
        StorageError: if the book is damaged.
    """
    path = _path(cache, test_digest)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        times = {str(key): datetime.fromisoformat(at) for key, at in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StorageError(
            f"{path} says when the test part was opened and cannot be read ({error}); remove it to begin anew"
        ) from error
    return {key: found[key] for key in sorted(times, key=times.__getitem__)}


def told_openings(opened: dict[str, str]) -> list[str]:
    """Return the note for a reader where several evaluations have opened one test part."""
    if len(opened) < 2:
        return []
    return [
        f"{len(opened)} evaluations with different settings or code have opened this test part, this run's "
        "among them. To keep the one that scored best there would be a choice on the test part, and its "
        "interval too good to be true"
    ]


def _path(cache: Path, test_digest: str) -> Path:
    return cache / BOOK / f"{test_digest[:32]}.json"

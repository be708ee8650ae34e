"""Names of files that hold the name or id of a patient, and what they are called instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def safe_ids(names: Sequence[str], secrets: Mapping[str, tuple[str, ...]]) -> tuple[list[str], int]:
    """Return names in which no path element holds what a DICOM head calls its patient, and how many changed.

    An element that does becomes ``file-000012``, by its place in the sorted names: a hash of it could be
    tried out.

    Args:
        names: paths of files below the dataset's folder; ``#0003`` may follow, for a frame.
        secrets: by path, the texts of at least four signs that name the patient, in small letters.

    Example:
        >>> safe_ids(["a/smith.dcm", "a/x.dcm"], {"a/smith.dcm": ("smith",)})
        (['a/file-000000.dcm', 'a/x.dcm'], 1)
    """
    elements = {
        element
        for name in names
        for element in name.rpartition("#")[0].split("/") + name.split("/")
        if _told(element, secrets.get(name.rpartition("#")[0] or name) or secrets.get(name, ()))
    }
    number = {element: place for place, element in enumerate(sorted(elements))}

    def called(element: str) -> str:
        bare, hash_sign, frame = element.partition("#")
        known = number.get(element, number.get(bare))
        if known is None:
            return element
        suffix = f".{bare.rpartition('.')[2]}" if bare.lower().endswith((".dcm", ".ima", ".dicom")) else ""
        return f"file-{known:06d}{suffix}{hash_sign}{frame}"

    result = ["/".join(map(called, name.split("/"))) for name in names]
    return result, sum(new != old for new, old in zip(result, names, strict=True))


def _told(element: str, secrets: Sequence[str]) -> bool:
    low = element.casefold()
    return any(secret in low for secret in secrets)

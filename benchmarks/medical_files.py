"""Every test file that pydicom and nibabel ship, read or refused: docs/reference/medical_files.md.

Each file goes through the function that reads one medical file, twice: as it is, and with image.stack=frames
where it asks how its frames are used. A file whose name is of no format that is read gets the reason that it
would get in a class folder. Anything but a result or a reason is a failure of the package, and of this
script.

    python benchmarks/medical_files.py
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import nibabel
import pydicom
from provenance import ROOT, said

from augmentor.data.readers.formats import way_of
from augmentor.data.readers.scan import Scan, UnreadableScan
from augmentor.data.readers.scan_formats import format_of, read_scan
from augmentor.data.readers.scan_shape import settled
from augmentor.data.spec import ImageSpec

PAGE = ROOT / "docs" / "reference" / "medical_files.md"
PACKAGES = {"pydicom": Path(pydicom.__file__).parent / "data", "nibabel": Path(nibabel.__file__).parent}
CODE = (".py", ".pyc", ".pyi")
HEAD = """# Medical files, one by one

Every test file that pydicom {pydicom} and nibabel {nibabel} ship with their packages, as this package reads
it: {read} of {n} are read, {refused} are refused with the reason, and none stops the program. How such files
are read is in [Medical files](../howto/medical_files.md). Printed by {said}.

A value range in brackets is what the file's bits allow. `stack=frames` is said where the file holds several
pictures and is read only when the recipe says how they are used.
"""


def files() -> Iterator[tuple[str, Path]]:
    """Yield (package, file) of every test file."""
    for package, root in PACKAGES.items():
        for path in sorted(root.rglob("*")):
            test = "data" in path.relative_to(root.parent).parts
            if path.is_file() and test and path.suffix not in CODE and not path.name.startswith("."):
                yield package, path


def outcome(path: Path) -> tuple[str, str]:
    """Return ("read" or "refused", what was read or why not)."""
    if format_of(path.name) is None:
        return "refused", way_of(path.name) or "it is of no kind that is read"
    try:
        return "read", shown(_read(path, None))
    except UnreadableScan as error:
        if "image.stack" not in str(error):
            return "refused", str(error)
    try:
        return "read", f"stack=frames: {shown(_read(path, 'frames'))}"
    except UnreadableScan as error:
        return "refused", str(error)


def _read(path: Path, stack: str | None) -> list[Scan]:
    data = path.read_bytes()
    scans = read_scan(data, path.name, stack=stack, beside=lambda name: (path.parent / name).read_bytes())
    for scan in scans:
        settled(scan, ImageSpec(), None)
    return scans


def shown(scans: list[Scan]) -> str:
    """Describe what a file gave, in a few words."""
    first = scans[0]
    sides = " x ".join(map(str, first.x.shape[1:]))
    colour = " in colour" if len(first.x) == 3 else ""
    many = f"{len(scans)} times " if len(scans) > 1 else ""
    values = f"{first.x.min():g} to {first.x.max():g}"
    bounds = "" if first.bounds is None else f" [{first.bounds[0]:g} to {first.bounds[1]:g}]"
    remarks = "".join(f"; {remark}" for remark in first.remarks)
    unit = f" {first.units}" if first.units else ""
    return f"{many}{first.kind.with_article} of {sides}{colour}, {values}{unit}{bounds}{remarks}"


def main() -> int:
    """Write the page; return 1 where a file raised anything else than a reason."""
    rows, counts, broken = [], Counter(), []
    for package, path in files():
        try:
            kind, what = outcome(path)
        except Exception as error:  # exactly what must never happen
            broken.append(f"{path}: {type(error).__name__}: {error}")
            continue
        counts[kind] += 1
        name = path.relative_to(PACKAGES[package]).as_posix()
        rows.append(f"| {package} | `{name}` | {kind} | {what.replace('|', '/').replace('<', '&lt;')} |")
    head = HEAD.format(
        pydicom=version("pydicom"),
        nibabel=version("nibabel"),
        n=len(rows),
        said=said(),
        read=counts["read"],
        refused=counts["refused"],
    )
    table = ["| package | file | outcome | what |", "|---|---|---|---|", *rows]
    PAGE.write_text(head + "\n" + "\n".join(table) + "\n", encoding="utf-8")
    print(f"{len(rows)} files: {counts['read']} read, {counts['refused']} refused, {len(broken)} tracebacks")
    print("\n".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

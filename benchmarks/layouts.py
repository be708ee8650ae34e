"""One real data set in six layouts gives the same samples: folders, CSV, Hugging Face, MONAI, zip, links.

Run: python benchmarks/layouts.py PATH (a folder of parts and classes, e.g. that of the BCCD cells); it prints
the digest of each layout and leaves with 1 where they differ. The table is in benchmarks/layouts.md.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from augmentor.core.files import sha256_json
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec

Row = tuple[str, str, str]
"""Path below the data set, part, class."""
PARTS = {"train": "training", "val": "validation", "test": "test"}


def rows_of(root: Path) -> list[Row]:
    """Return path, part and class of every picture of ``part/class/picture``."""
    paths = sorted(path.relative_to(root) for path in root.glob("*/*/*"))
    return [(path.as_posix(), path.parts[0], path.parts[1]) for path in paths]


def linked(root: Path, target: Path) -> None:
    """Make the pictures of ``root`` again below ``target``, without copying their bytes where that can be."""
    for name, _, _ in rows_of(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link((root / name).resolve(), target / name)
        except OSError:  # another disk
            (target / name).write_bytes((root / name).read_bytes())


def as_csv(root: Path, target: Path) -> Path:
    """Write a table with path, class and part."""
    linked(root, target)
    with (target / "labels.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["image", "diagnosis", "split"])
        writer.writerows((name, label, part) for name, part, label in rows_of(root)[::-1])
    return target / "labels.csv"


def as_hugging_face(root: Path, target: Path) -> Path:
    """Write a metadata.csv for each part, as `datasets` reads an image folder."""
    linked(root, target)
    by_part: dict[str, list[Row]] = defaultdict(list)
    for row in rows_of(root):
        by_part[row[1]].append(row)
    for part, rows in by_part.items():
        lines = [f"{name.removeprefix(part + '/')},{label}" for name, _, label in rows]
        text = "\n".join(["file_name,label", *lines])
        (target / part / "metadata.csv").write_text(text, encoding="utf-8")
    return target


def as_monai(root: Path, target: Path) -> Path:
    """Write one JSON list a part, with labels as numbers and their names beside."""
    linked(root, target)
    rows = rows_of(root)
    names = sorted({label for _, _, label in rows})
    lists = {
        key: [{"image": f"./{name}", "label": names.index(label)} for name, own, label in rows if own == part]
        for part, key in PARTS.items()
    }
    named = {str(code): name for code, name in enumerate(names)}
    (target / "dataset.json").write_text(json.dumps({"labels": named, **lists}), encoding="utf-8")
    return target / "dataset.json"


def as_zip(root: Path, target: Path) -> Path:
    """Pack the folder."""
    target.mkdir()
    with zipfile.ZipFile(target / "set.zip", "w") as archive:
        for name, _, _ in rows_of(root):
            archive.write(root / name, f"set/{name}")
    return target / "set.zip"


def as_links(root: Path, target: Path) -> Path:
    """Keep the files hidden and number them, and links in their places, as git-annex does."""
    store = target / ".git" / "annex"
    store.mkdir(parents=True)
    for number, (name, _, _) in enumerate(rows_of(root)):
        place = target / "set" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        kept = store / f"{number}{place.suffix}"
        kept.write_bytes((root / name).read_bytes())
        place.symlink_to(os.path.relpath(kept, place.parent))
    return target


LAYOUTS: dict[str, Callable[[Path, Path], Path]] = {
    "class folders": lambda root, _: root,
    "CSV": as_csv,
    "Hugging Face": as_hugging_face,
    "MONAI JSON": as_monai,
    "zip": as_zip,
    "links": as_links,
}


def main(root: Path) -> int:
    """Print the digest of the samples in each layout; return 1 where one differs."""
    digests = {}
    for name, write in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as folder:
            where = write(root, Path(folder) / "set")
            loaded = load(where, image=ImageSpec(size=32))
            counts = {part: len(samples) for part, samples in loaded.parts.items()}
            # The digest covers pixels, labels, ids, class names and groups of every part, in order.
            parts = {part: samples.digest for part, samples in loaded.parts.items()}
            digests[name] = sha256_json(parts)
            print(f"| {name} | {counts} | {len(loaded.skipped)} | `{digests[name][:16]}` |", flush=True)
    return int(len(set(digests.values())) > 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""Shards of WebDataset: tar files in which the files of one sample share their name."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from augmentor.core.files import json_text
from augmentor.core.seeds import generator
from augmentor.data.expanded import Expanded
from augmentor.data.export_spec import ExportOptions
from augmentor.data.writers.card import plain
from augmentor.data.writers.formats.base import ARTIFICIAL, encoded, ending, row_facts, write_card


def write(folder: Path, data: Expanded, options: ExportOptions) -> None:
    """Write ``train-000000.tar``, ... with ``<name>.png`` or ``.npy``, ``.cls`` and ``.json`` of each row.

    Rows are shuffled once: readers take a shard from front to back, and real rows would come first.
    """
    order = generator(0, "webdataset").permutation(len(data.samples))
    facts = row_facts(data)
    size = options.samples_per_shard
    for number, start in enumerate(range(0, len(order), size)):
        path = folder / f"train-{number:06d}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
            for row in order[start : start + size]:
                name, said = data.samples.ids[row], dict(facts[row])
                if said["source"] == "synthetic":
                    said["note"] = ARTIFICIAL
                _add(shard, f"{name}.{ending(data.samples)}", encoded(data.samples, int(row)))
                _add(shard, f"{name}.cls", str(int(data.samples.y[row])).encode())
                _add(shard, f"{name}.json", json_text(said).encode())
    write_card(
        folder,
        data,
        0.0,
        files=f"`train-*.tar`: of each sample `.{ending(data.samples)}`, `.cls` (its label) and `.json` "
        f"(its class, "
        "source and provenance). Labels are "
        + ", ".join(f"{label} {plain(name)}" for label, name in enumerate(data.samples.classes))
        + ".",
    )


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    # A new TarInfo has no owner, and the time 0: the same rows give the same bytes.
    member = tarfile.TarInfo(name)
    member.size = len(content)
    shard.addfile(member, io.BytesIO(content))

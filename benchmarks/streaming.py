"""Peak memory and time a batch of a folder of 20,000 and of 200,000 pictures of 64 pixels.

Run ``python benchmarks/streaming.py``; it writes the folders (a temporary place, removed afterwards), loads,
splits and draws batches in a process of its own for each size, prints a table and writes streaming.md beside
itself. ``--sizes 2000 20000`` is quicker.

What counts is anonymous memory, which a machine must have: pages that are mapped from a file are a
cache, which the kernel drops when memory is short. It is read from /proc every 5 ms while the work goes
on; the whole resident set, cache included, stands beside it.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIDE, CLASSES, BATCHES, BATCH = 64, 4, 300, 32


def write_folder(root: Path, count: int) -> None:
    """Write ``count`` different grey pictures into class folders: a smooth background and some noise."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    for label in range(CLASSES):
        (root / f"class-{label}").mkdir(parents=True)
    for number in range(count):
        waves = rng.uniform(1, 9, 4)
        base = 120 + 60 * np.sin(waves[0] * rows + waves[1]) + 60 * np.cos(waves[2] * columns + waves[3])
        coarse = rng.integers(-12, 12, (8, 8)).repeat(8, 0).repeat(8, 1)
        pixels = np.clip(base + coarse, 0, 255).astype(np.uint8)
        place = root / f"class-{number % CLASSES}" / f"{number:07d}.png"
        Image.fromarray(pixels).save(place, compress_level=1)


class Memory:
    """The highest anonymous memory of this process, in MB, read again and again by a thread."""

    def __init__(self) -> None:
        self.peak, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self.look()

    def look(self) -> float:
        """Return the anonymous memory now."""
        now = field("RssAnon")
        self.peak = max(self.peak, now)
        return now

    def restart(self) -> float:
        """Return the peak since the last call and begin anew."""
        self.look()
        found, self.peak = self.peak, 0.0
        return found


def field(name: str) -> float:
    """Return a field of /proc/self/status in MB."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def work(folder: Path) -> dict[str, float]:
    """Load, split and draw batches; return peaks in MB and times in seconds."""
    import torch

    from augmentor.core.progress import Silent
    from augmentor.data.duplicates import near_duplicates
    from augmentor.data.load import load
    from augmentor.data.split import split
    from augmentor.modalities.table import modality_of
    from augmentor.training.batches import Batches, BatchRules, EncodedRows

    memory, clock = Memory(), time.perf_counter
    found = {"start": memory.restart()}
    begun = clock()
    loaded = load(str(folder), progress=Silent())
    found |= {"load_s": clock() - begun, "load": memory.restart()}
    begun = clock()
    parts = split(loaded)
    found |= {"split_s": clock() - begun, "split": memory.restart()}
    fingerprints = loaded.fingerprints
    del loaded
    codec = modality_of(parts.train).fit_codec(parts.train)
    batches = Batches(
        EncodedRows(parts.train.array, codec.encode),
        torch.from_numpy(parts.train.y),
        CLASSES,
        BatchRules(BATCH, 0.5, latent=64),
        device=torch.device("cpu"),
        layout=torch.contiguous_format,
    )
    draws = torch.Generator().manual_seed(0)
    times = []
    for _ in range(BATCHES):
        begun = clock()
        batches.draw(draws)
        times.append(clock() - begun)
    found |= {"batch_ms": 1000 * float(np.median(times)), "batches": memory.restart()}
    begun = clock()
    near_duplicates(parts.parts, fingerprints)
    found |= {"near_s": clock() - begun, "near": memory.restart()}
    return {**found, "resident": field("VmHWM"), "train": float(len(parts.train))}


def measure(count: int, place: Path) -> dict[str, float]:
    """Write a folder of ``count`` pictures, work on it in a process of its own, and remove it."""
    folder = place / str(count)
    print(f"writing {count:,} pictures ...", flush=True)
    write_folder(folder, count)
    try:
        command = [sys.executable, __file__, "--work", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.stderr) from error
    finally:
        shutil.rmtree(folder)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--place", type=Path, help="where the folders are written; by default in memory")
    parser.add_argument("--work", type=Path)
    asked = parser.parse_args()
    if asked.work is not None:
        print(json.dumps(work(asked.work)))
        return
    fast = Path("/dev/shm")  # the writing of files is not what is measured
    with tempfile.TemporaryDirectory(dir=asked.place or (fast if fast.is_dir() else None)) as place:
        rows = {count: measure(count, Path(place)) for count in asked.sizes}
    lines = [
        "# Folders larger than memory",
        "",
        f"Grey pictures of {SIDE} x {SIDE} pixels in {CLASSES} class folders, one process; peak anonymous "
        "memory in MB by stage (pages mapped from the scratch file are a cache and counted under resident "
        f"only); time a batch of {BATCH}, the median of {BATCHES}. torch imported and nothing loaded is the "
        "stage start. "
        "Near duplicates are looked for among at most 30,000 pictures. "
        f"{platform.machine()}, Python {platform.python_version()}.",
        "",
        "| pictures | start | load | split | batches | peak of these | near duplicates | resident "
        "| load, s | split, s | near, s | batch, ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    peaks = []
    for count, row in rows.items():
        peaks.append(max(row[name] for name in ("start", "load", "split", "batches")))
        cells = [row[name] for name in ("start", "load", "split", "batches")] + [peaks[-1], row["near"]]
        values = " | ".join(f"{value:.0f}" for value in [*cells, row["resident"]])
        lines.append(
            f"| {count:,} | {values} | {row['load_s']:.0f} | {row['split_s']:.1f} | {row['near_s']:.1f} "
            f"| {row['batch_ms']:.2f} |"
        )
    growth = max(peaks) / min(peaks) - 1
    lines += ["", f"The highest peak is {100 * growth:.1f} % above the lowest; the limit is 10 %."]
    print("\n".join(lines[4:]))
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

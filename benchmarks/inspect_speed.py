"""Time and memory of `augmentor inspect` on many small files, beside listing and decoding them bare.

Run: python benchmarks/inspect_speed.py [FILES [REPEATS]]; the table is in benchmarks/inspect_speed.md. The
seconds are those of the processor (all threads), which do not depend on what else the machine does.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 28
CLASSES = 4
LOT = 256


def make(root: Path, n: int) -> None:
    """Write ``n`` grey pictures of 28 x 28 pixels, no two alike, in four classes."""
    rng = np.random.default_rng(0)
    for label in range(CLASSES):
        (root / f"class{label}").mkdir(parents=True)
    for number in range(n):
        coarse = rng.integers(0, 256, (7, 7), dtype=np.uint8)
        pixels = np.kron(coarse, np.ones((4, 4), np.uint8)) ^ rng.integers(0, 8, (SIDE, SIDE), dtype=np.uint8)
        Image.fromarray(pixels).save(
            root / f"class{number % CLASSES}" / f"{number:07d}.png", compress_level=1
        )


def bare(root: Path) -> int:
    """List all files and decode each to an array, by as many threads as the reader takes."""
    paths = [Path(place, name) for place, _, names in os.walk(root) for name in sorted(names)]

    def decode(lot: list[Path]) -> int:
        total = 0
        for path in lot:
            with Image.open(io.BytesIO(path.read_bytes())) as image:
                total += np.asarray(image).nbytes
        return total

    lots = [paths[start : start + LOT] for start in range(0, len(paths), LOT)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return sum(pool.map(decode, lots))


def measured(what: str, root: Path) -> tuple[float, float]:
    """Return seconds and the peak of memory in MiB of one of both, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, what, str(root)], capture_output=True, text=True, check=True
    )
    seconds, peak = done.stdout.split()[-2:]
    return float(seconds), float(peak)


def work(what: str, root: Path) -> None:
    """Do one of both and print its seconds and its peak of memory."""
    if what == "bare":
        begun = time.process_time()
        bare(root)
    else:
        from augmentor.data.inspect import inspect
        from augmentor.data.inspection_text import inspection_lines

        begun = time.process_time()
        found = inspect(root)
        assert len(inspection_lines(found)) > CLASSES
    seconds = time.process_time() - begun
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(n: int, repeats: int) -> None:
    """Make the files, measure both several times, and print a row."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        make(root, n)
        runs = [(measured("bare", root), measured("inspect", root)) for _ in range(repeats)]
    plain, whole = (min(run[at][0] for run in runs) for at in (0, 1))
    peaks = [max(run[at][1] for run in runs) for at in (0, 1)]
    print(f"| {n:,} | {plain:.1f} | {whole:.1f} | {whole / plain:.2f} | {peaks[0]:.0f} | {peaks[1]:.0f} |")


if __name__ == "__main__":
    if sys.argv[1:2] in (["bare"], ["inspect"]):
        work(sys.argv[1], Path(sys.argv[2]))
    else:
        given = [int(word) for word in sys.argv[1:]]
        main(*(given + [200_000, 3][len(given) :]))

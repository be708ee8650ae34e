"""Damaged files through every reader: no traceback, no hang, bounded memory, nothing lost in silence.

Each trial damages one valid file (bits flipped, cut off, bytes of the head replaced, a piece taken out,
doubled or zeroed) and lays it into a dataset of good files, or makes it the dataset where it is one (.npz,
.zip, tables). `load` reads that dataset in a process of its own, and ends in one of four ways:

- *read*: the damaged file is a sample. Where the file was cut off, its values are those of the whole file:
  else pixels were lost in silence.
- *skipped*: it is in the list of skipped files, with the reason.
- *refused*: the dataset is refused with an error made for users.
- *lost*: neither, which must not happen; nor may anything else raised, a process killed by a signal, or one
  that takes more than ten seconds.

    python benchmarks/fuzz_readers.py [TRIALS] [SEED]
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fuzz_seeds import SEEDS, Seed
from provenance import ROOT, said

from augmentor.core.errors import AugmentorError
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec

LIMIT_SECONDS = 10.0
LIMIT_BYTES = 2 * 2**30
GOOD = 2
PAGE = ROOT / "benchmarks" / "fuzz_readers.md"


@dataclass(frozen=True)
class Outcome:
    """How one trial ended; ``text`` is the reason or the traceback."""

    end: str
    text: str
    seconds: float
    mib: float


def bits(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Flip 1 to 64 bits anywhere."""
    for place in rng.integers(0, 8 * len(data), int(rng.integers(1, 65))):
        data[place // 8] ^= 1 << (place % 8)
    return data


def cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Cut the file off anywhere."""
    return data[: int(rng.integers(0, len(data)))]


def head(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Replace 1 to 8 bytes within the first 512: with 0, 255, the highest or lowest sign, or anything."""
    for place in rng.integers(0, min(512, len(data)), int(rng.integers(1, 9))):
        data[place] = int(rng.choice([0, 255, 127, 128, int(rng.integers(0, 256))]))
    return data


def piece(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Take a piece out, double it, or fill it with zeros."""
    start = int(rng.integers(0, len(data)))
    end = min(len(data), start + int(rng.integers(1, 257)))
    how = int(rng.integers(0, 3))
    middle = (bytearray(), data[start:end] * 2, bytearray(end - start))[how]
    return data[:start] + middle + data[end:]


DAMAGE = {"bits flipped": bits, "cut off": cut, "head changed": head, "piece moved": piece}


def trial(seed: Seed, damaged: bytes, was_cut: bool) -> Outcome:
    """Read the damaged file among good ones in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        where, name = _laid_out(seed, damaged, Path(place))
        reading, writing = os.pipe()
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(seed, where, name, was_cut, writing)
        os.close(writing)
        text = _answer(reading, child)
        _, status, usage = os.wait4(child, 0)
        seconds = time.monotonic() - start
    mib = usage.ru_maxrss / 1024
    if text is None:
        return Outcome("hang", f"{seed.name} took more than {LIMIT_SECONDS:g} s", seconds, mib)
    if os.WIFSIGNALED(status):
        return Outcome("killed", f"signal {os.WTERMSIG(status)}", seconds, mib)
    end, reason = json.loads(text)
    return Outcome(end, reason, seconds, mib)


def _laid_out(seed: Seed, damaged: bytes, place: Path) -> tuple[Path, str]:
    """Write the dataset; return what is loaded and the id of the damaged file, empty where it is all."""
    data = place / "data"
    for label in ("a", "b"):
        (data / label).mkdir(parents=True)
    if seed.whole:
        for label in ("a", "b"):
            for number, good in enumerate(seed.good[:GOOD]):
                (data / label / f"{number}.png").write_bytes(good)
        target = data / seed.file
        target.write_bytes(damaged)
        return target, ""
    for label in ("a", "b"):
        for number, good in enumerate(seed.good[:GOOD]):
            (data / label / f"good{number}-{seed.file}").write_bytes(good)
    (data / "a" / f"odd1-{seed.file}").write_bytes(damaged)
    return data, f"a/odd1-{seed.file}"


def _answer(reading: int, child: int) -> str | None:
    """Return what the child wrote; None, and end it, where it takes too long."""
    text, until = b"", time.monotonic() + LIMIT_SECONDS
    with os.fdopen(reading, "rb") as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                os.kill(child, signal.SIGKILL)
                return None
            more = os.read(pipe.fileno(), 65536)
            if not more:
                return text.decode() or '["killed", ""]'
            text += more


def _child(seed: Seed, where: Path, name: str, was_cut: bool, writing: int) -> None:
    """Load the dataset, write how it ended, and end this process."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30 + before, 8 * 2**30 + before))
    try:
        result = _loaded(seed, where, name, was_cut)
    except AugmentorError as error:
        result = ("refused", str(error))
    except BaseException:  # exactly what must never happen
        result = ("traceback", traceback.format_exc())
    os.write(writing, json.dumps(result).encode()[:60000])
    os._exit(0)


def _loaded(seed: Seed, where: Path, name: str, was_cut: bool) -> tuple[str, str]:
    loaded = load(str(where), image=ImageSpec(size=8, stack=seed.stack))
    if not name:
        return "read", ""
    skipped = {item.path: item.reason for item in loaded.skipped}
    if name in skipped:
        return "skipped", skipped[name]
    for samples in loaded.parts.values():
        mine = [row for row, one in enumerate(samples.ids) if str(one).partition("#")[0] == name]
        good = [row for row, one in enumerate(samples.ids) if "a/good0-" in str(one)]
        if not mine:
            continue
        same = len(mine) == len(good) and np.array_equal(samples.array[mine], samples.array[good])
        if was_cut and not same:
            return "lost", "a file that was cut off was read, with other values"
        return "read", "" if same else "other values"
    return "lost", f"{name} is neither among the samples nor among the skipped files"


def main() -> int:
    """Run the trials and write the table; return 1 where one ended as none may."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seed_number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    rng = np.random.default_rng(seed_number)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    worst, highest, faults = 0.0, 0.0, []
    plain = 0.0
    for seed in SEEDS:
        whole = trial(seed, seed.good[0], True)
        plain = max(plain, whole.mib)
        if whole.end != "read":
            print(f"{seed.name} is not read when it is whole: {whole.end} {whole.text}")
            return 1
    for number in range(trials):
        seed = SEEDS[number % len(SEEDS)]
        how = list(DAMAGE)[(number // len(SEEDS)) % len(DAMAGE)]
        damaged = bytes(DAMAGE[how](bytearray(seed.good[0]), rng))
        found = trial(seed, damaged, how == "cut off")
        rows[seed.name][found.end] += 1
        worst, highest = max(worst, found.seconds), max(highest, found.mib)
        if found.end in ("traceback", "hang", "killed", "lost") or found.mib * 2**20 > LIMIT_BYTES:
            faults.append((number, seed.name, how, found))
            print(f"trial {number}, {seed.name}, {how}: {found.end} ({found.mib:.0f} MiB)\n{found.text}")
    _write(rows, trials, seed_number, worst, (plain, highest), faults)
    print(f"{trials} trials, {len(faults)} faults, longest {worst:.2f} s, most memory {highest:.0f} MiB")
    return 1 if faults else 0


def _write(
    rows: dict[str, Counter[str]],
    trials: int,
    seed: int,
    worst: float,
    memory: tuple[float, float],
    faults: list[tuple[int, str, str, Outcome]],
) -> None:
    ends = ("read", "skipped", "refused")
    bad = Counter(found.end for _, _, _, found in faults)
    lines = [
        "# Damaged files through every reader",
        "",
        f"Printed by {said()}: {trials} damaged files (seed {seed}) over {len(SEEDS)} kinds of files, each "
        "read in a process of its own among good files.",
        "",
        f"Tracebacks {bad['traceback']}, processes killed {bad['killed']}, over {LIMIT_SECONDS:g} s "
        f"{bad['hang']}, lost in silence {bad['lost']}. The longest took {worst:.2f} s. The most memory was "
        f"{memory[1]:.0f} MiB; undamaged files take up to {memory[0]:.0f} MiB.",
        "",
        "Read: used as a sample; a flipped bit in plain pixels cannot be seen, and a cut file counts only "
        "where its values are whole. Skipped: listed with the reason. Refused: the dataset, with an error "
        "for users.",
        "",
        "| file | " + " | ".join(ends) + " | faults |",
        "|---|" + "---:|" * (len(ends) + 1),
    ]
    for name, counts in rows.items():
        others = sum(counts.values()) - sum(counts[end] for end in ends)
        lines.append(f"| {name} | " + " | ".join(str(counts[end]) for end in ends) + f" | {others} |")
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""Whether another checkout yields the same numbers, bit for bit, on the same machine and packages.

Tiny runs of the command line are worked in a checkout and what they leave is hashed: rows of results,
weights, predictions, samples, verdicts. ``compare`` knows which names were changed on purpose.

    python benchmarks/same_numbers.py record --checkout . --dialect after --out after.json
    python benchmarks/same_numbers.py compare benchmarks/same_numbers/before.json after.json

``before.json`` is of commit a134708, recorded with ``--dialect before``. Where package versions or the
processor differ, record that commit again in a worktree and compare with that file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from same_numbers_names import RENAMED_ARMS, RENAMED_FACTS, RENAMED_FILES, RENAMED_REASONS, canonical
from same_numbers_runs import OPTIONS, RUNS, commands_of

LEFT_OUT_METRICS: dict[str, str] = {}
"""Metrics that are not the same in two runs of one checkout, each with the reason. None so far."""


def short_hash(parts: Iterable[bytes | str]) -> str:
    """Return the first 10 hexadecimal digits of the SHA-256 of ``parts``, whose bounds count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:10]


def array_hash(array: np.ndarray) -> str:
    """Return a hash of type, shape and bytes; of texts, of the texts."""
    if array.dtype.kind in "OUT":
        return short_hash(str(value) for value in array)
    return short_hash([str(array.dtype), str(array.shape), np.ascontiguousarray(array).tobytes()])


def hashed_rows(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return, by arm and metric: how many rows, two hashes and the first value.

    The first hash is of whole rows, the second of their values alone, so that a difference in names can be
    told from one in numbers.
    """
    groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for raw in table.to_dict("records"):
        value = float(raw.pop("value"))
        row = canonical(raw)
        metric = row.pop("metric")
        if metric in LEFT_OUT_METRICS:
            continue
        arm = row.pop("arm", "-")
        groups[arm, metric].append((json.dumps(row, sort_keys=True), value.hex()))
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for (arm, metric), rows in sorted(groups.items()):
        rows.sort()
        whole = short_hash(words + value for words, value in rows)
        values = short_hash(sorted(value for _, value in rows))
        found[arm][metric] = f"{len(rows)} {whole} {values} {float.fromhex(rows[0][1]):.6g}"
    return dict(found)


def hashed_weights(folder: Path) -> dict[str, list[str]]:
    """Return two hashes of every file of weights, by stem: of tensors by name, and of tensors alone."""
    from safetensors.numpy import load_file

    found: dict[str, list[str]] = defaultdict(list)
    for path in folder.rglob("*.safetensors"):
        tensors = {name: array_hash(array) for name, array in load_file(path).items()}
        named = short_hash(f"{name} {digest}" for name, digest in sorted(tensors.items()))
        found[RENAMED_FILES.get(path.stem, path.stem)].append(
            f"{named} {short_hash(sorted(tensors.values()))}"
        )
    return {stem: sorted(entry) for stem, entry in sorted(found.items())}


def hashed_samples(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Return hashes of every set of samples below ``root``, by the name of its folder, each set once."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for path in root.rglob("samples.npz"):
        with np.load(path, allow_pickle=False) as archive:
            entry: dict[str, Any] = {"n": len(archive["y"])}
            entry |= {name: array_hash(archive[name]) for name in sorted(archive.files)}
        origin = path.with_name("provenance.parquet")
        if origin.is_file():
            table = pd.read_parquet(origin)
            reasons = table.pop("reason").map(lambda word: RENAMED_REASONS.get(word, word))
            entry |= {
                "kept": array_hash(table.pop("kept").to_numpy()),
                "reason": array_hash(reasons.to_numpy()),
            }
            entry["reasons"] = {word or "kept": int(n) for word, n in sorted(reasons.value_counts().items())}
            # Not the synthesizer's own hash: it is of files whose layout may change.
            scores = (array_hash(table[name].to_numpy()) for name in table if name != "synthesizer")
            entry["scores"] = sorted(scores)
        found[RENAMED_FILES.get(path.parent.name, path.parent.name)][json.dumps(entry, sort_keys=True)] = (
            entry
        )
    return {name: [sets[key] for key in sorted(sets)] for name, sets in sorted(found.items())}


def verdict_words(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return verdict and recommendation of a run, and what its following arms became."""

    def arm(name: str) -> str:
        return RENAMED_ARMS.get(name, name)

    verdict = {RENAMED_FACTS.get(key, key): value for key, value in summary["verdict"].items()}
    low, high = verdict.pop("ci", None) or (verdict.pop("low", None), verdict.pop("high", None))
    advice = {RENAMED_FACTS.get(key, key): value for key, value in summary["recommendation"].items()}
    numbers = {
        **{name: verdict.get(name) for name in ("word", "gain", "before", "after", "minimum_detectable")},
        **{"low": low, "high": high, "arm": arm(verdict["arm"]), "baseline": arm(verdict["baseline"])},
        **{f"advice {name}": advice.get(name) for name in ("use", "gain", "standard_error")},
        "advice arm": arm(advice["arm"]),
    }
    entry = {name: value.hex() if isinstance(value, float) else str(value) for name, value in numbers.items()}
    became = (summary.get("resolved_to") or summary.get("became") or {}).items()
    return {**entry, **{f"became {arm(one)}": arm(other) for one, other in sorted(became)}}


def described_run(folder: Path) -> dict[str, Any]:
    """Return everything that is compared of one run folder."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    with np.load(folder / "predictions.npz", allow_pickle=False) as archive:
        predictions = {name: array_hash(archive[name]) for name in sorted(archive.files)}
    entry = {
        "words": verdict_words(summary),
        "rows": hashed_rows(pd.read_parquet(folder / "results.parquet")),
        "weights": hashed_weights(folder),
        "predictions": predictions,
        "pictures": short_hash(sorted(path.read_bytes() for path in (folder / "expanded").rglob("*.png"))),
    }
    if (folder / "sweep.json").is_file():
        members = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))["members"]
        entry["members"] = {str(one["number"]): json.dumps(one["tried"]) for one in members}
    return entry


def run_folders(root: Path) -> list[Path]:
    """Return the finished run folders, in the order in which they were made."""
    found = [
        path.parent for path in root.glob("runs/[!.]*/*/results.parquet") if not path.parent.is_symlink()
    ]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def write_foreign(folder: Path) -> None:
    """Write synthetic digits, each the mean of two real ones, as class folders and as an archive."""
    from PIL import Image
    from sklearn.datasets import load_digits

    real = load_digits()
    made, labels = [], []
    for label in range(10):
        rows = real.images[real.target == label][:40]
        place = folder / "folders" / str(label)
        place.mkdir(parents=True)
        for number, image in enumerate((rows[::2] + rows[1::2]) / 2):
            made.append(image)
            labels.append(label)
            Image.fromarray(np.round(image * 255 / 16).astype(np.uint8)).save(place / f"{number:03d}.png")
    np.savez(folder / "made.npz", images=np.array(made, dtype=np.float32), labels=np.array(labels))


def work(name: str, args: argparse.Namespace, root: Path) -> tuple[dict[str, Any], float]:
    """Work the commands of one run in ``root``; return what they left, and the seconds.

    A folder that is there already is only described anew, say after a change of the words of names.
    """
    begun = time.monotonic()
    there = root.exists()
    if not there:
        root.mkdir()  # fresh: nothing may be reused
        write_foreign(root / "made")
    for command in () if there else commands_of(name, args.dialect):
        text = f"{command} {OPTIONS[command.split()[0]]}"
        places = {"<data>": args.data, "<made>": root / "made", "<run>": (run_folders(root) or [""])[0]}
        words = text.split()
        for old, new in places.items():
            words = [word.replace(old, str(new)) for word in words]
        call(args.checkout, root, ["-m", "augmentor", *words], name)
    runs: dict[str, Any] = {}
    for folder in run_folders(root):
        parent = RENAMED_FILES.get(folder.parent.name, folder.parent.name)
        number = sum(key.split(" #")[0] == parent for key in runs) + 1
        runs[parent if number == 1 else f"{parent} #{number}"] = described_run(folder)
    return {"runs": runs, "samples": hashed_samples(root)}, time.monotonic() - begun


def call(checkout: Path, root: Path, words: list[str], name: str) -> str:
    """Run this interpreter with the checkout's package; return its stdout, or end with what went wrong."""
    settings = {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=root, env={**os.environ, **settings}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{name}: {' '.join(words)} ended with {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def record(args: argparse.Namespace) -> int:
    """Work every run in the checkout and write what came out."""
    import torch

    args.checkout = args.checkout.resolve()
    args.data = (args.data or args.checkout / ".." / "shared" / "data").resolve()
    top = args.keep.resolve() if args.keep else Path(tempfile.mkdtemp(prefix="same-numbers-"))
    top.mkdir(parents=True, exist_ok=True)
    where = call(args.checkout, top, ["-c", "import augmentor; print(augmentor.__file__)"], "the package")
    if not Path(where.strip()).is_relative_to(args.checkout):
        raise SystemExit(f"the package of {args.checkout} is hidden by {where.strip()}")
    names = args.only or list(RUNS)

    def one(name: str) -> dict[str, Any]:
        entry, seconds = work(name, args, top / name)
        print(f"{name:18} {seconds:6.1f} s", flush=True)
        return entry

    with ThreadPoolExecutor(args.jobs) as pool:
        runs = dict(zip(names, pool.map(one, names), strict=True))
    packages = ("torch", "numpy", "scikit-learn", "monai", "albumentations", "imbalanced-learn", "pillow")
    on = {name: version(name) for name in packages}
    on |= {"python": platform.python_version(), "processor": torch.backends.cpu.get_cpu_capability()}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(
        json.dumps({"on": on, "runs": runs}, indent=0, sort_keys=True) + "\n", encoding="utf-8"
    )
    if not args.keep:
        shutil.rmtree(top)
    return 0


def flat(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return what one run's record says, by place; the names of a record are brought up to date here too."""
    found: dict[str, str] = {}
    for folder, sets in entry["samples"].items():
        place = f"samples | {RENAMED_FILES.get(folder, folder)}"
        for number, one in enumerate(sets, start=1):
            found |= {
                f"{place} | set {number} | {name}": json.dumps(value, sort_keys=True)
                for name, value in one.items()
            }
    for raw_parent, run in entry["runs"].items():
        parent = RENAMED_FILES.get(raw_parent, raw_parent)
        for arm, metrics in run["rows"].items():
            for metric, value in metrics.items():
                key = canonical({"metric": metric, "arm": "" if arm == "-" else arm})
                found[f"{parent} | rows | {key['metric']} | {key.get('arm', '-')}"] = value
        for key, value in run["predictions"].items():
            split, _, arm = key.partition("/")
            named = f"{split} | {RENAMED_ARMS.get(arm, arm)}"
            found[f"{parent} | predictions | {named}"] = value
        for stem, files in run["weights"].items():
            found[f"{parent} | weights | {RENAMED_FILES.get(stem, stem)}"] = " ".join(files)
        for key, value in run["words"].items():
            # Each word by itself: "became ARM", and values that are an arm's name.
            name = " ".join(RENAMED_ARMS.get(word, word) for word in key.split())
            found[f"{parent} | words | {name}"] = RENAMED_ARMS.get(value, value)
        found |= {f"{parent} | members | {key}": value for key, value in run.get("members", {}).items()}
        found[f"{parent} | pictures"] = run["pictures"]
    return found


def difference_of(place: str, before: str, after: str) -> tuple[bool, str]:
    """Return whether a difference counts, and what it is."""
    if " | weights | " in place:
        tensors = [sorted(text.split()[1::2]) for text in (before, after)]
        if tensors[0] == tensors[1]:
            return False, "tensors have other names and the same bytes"
    if " | rows | " in place:
        old, new = before.split(), after.split()
        if (old[0], old[2]) == (new[0], new[2]):
            return True, f"{old[0]} rows with the same values under other names (class, seed, ...)"
        return True, f"{old[0]} rows, first {old[3]}; now {new[0]} rows, first {new[3]}"
    return True, f"{before[:300]}; now {after[:300]}"


def compare(args: argparse.Namespace) -> int:
    """Say whether two records are equal, or list what differs."""
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (args.before, args.after))
    for name in sorted(key for key in before["on"] if before["on"][key] != after["on"].get(key)):
        print(f"note: {name} was {before['on'][name]} and is {after['on'].get(name)}: last bits may differ")
    differences = compared = 0
    for name in args.only or sorted({*before["runs"], *after["runs"]}):
        if not (name in before["runs"] and name in after["runs"]):
            print(f"{name}: only in the record {'before' if name in before['runs'] else 'after'}")
            differences += 1
            continue
        old, new = flat(before["runs"][name]), flat(after["runs"][name])
        for place in sorted({*old, *new}):
            compared += 1
            if old.get(place) == new.get(place):
                continue
            if place not in old or place not in new:
                counts, text = True, "is gone" if place in old else "is new"
            else:
                counts, text = difference_of(place, old[place], new[place])
            differences += counts
            print(f"{'' if counts else 'note: '}{name} | {place}: {text}")
    print(f"{differences} differences in {compared} places" if differences else f"equal in {compared} places")
    return 1 if differences else 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.set_defaults(do=lambda _: parser.print_help() or 0)  # `make bench` calls every file bare
    verbs = parser.add_subparsers()
    one = verbs.add_parser("record", help="work the runs in a checkout")
    one.add_argument("--checkout", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--dialect", choices=("before", "after"), default="after", help="whose arguments")
    one.add_argument("--data", type=Path, help="the data sets; ../shared/data beside the checkout without it")
    one.add_argument(
        "--keep", type=Path, help="work in this folder and leave all there; runs that are there are described"
    )
    one.add_argument("--only", nargs="+", choices=list(RUNS), metavar="RUN")
    one.add_argument("--jobs", type=int, default=1, help="runs at once; changes no number")
    one.set_defaults(do=record)
    two = verbs.add_parser("compare", help="exit code 1 where two records differ")
    two.add_argument("before", type=Path)
    two.add_argument("after", type=Path)
    two.add_argument("--only", nargs="+", metavar="RUN")
    two.set_defaults(do=compare)
    args = parser.parse_args()
    return int(args.do(args))


if __name__ == "__main__":
    sys.exit(main())

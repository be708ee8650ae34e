"""Faults on purpose: runs killed at random moments, full disks, flipped bytes, two runs at once.

Every run is a whole run of a tiny recipe (two classes, 8 px). After each fault the same command
runs again and must end with the outputs of a run that nothing disturbed, byte for byte; and at no
moment may a file or folder under its final name be half-written. Rounds are kept in a JSON-lines
file, so that the campaign itself goes on where it was stopped. Only on Linux, where `fork` starts a
run without importing the libraries again.

    python benchmarks/faults.py --kills 100 --minutes 10 --table benchmarks/faults.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from urllib.request import urlopen

os.environ.setdefault("OMP_NUM_THREADS", "1")

from faults_bench import CHANGED, Bench, resumed, stage

HOST = "127.0.0.1"
LOADED = (  # what a run imports on its way, so that a forked run starts at once
    "albumentations",
    "augmentor.modalities.export",
    "augmentor.data.load",
    "augmentor.data.split",
    "augmentor.experiment.evaluate",
    "augmentor.quality.measure",
    "augmentor.report.render",
    "augmentor.report.summarise",
    "augmentor.quality.plan",
    "augmentor.synthesizers.build",
    "augmentor.quality.candidate_scores",
    "augmentor.quality.judge",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "torch._dynamo",
)


def kill(bench: Bench, out: Path, rng: random.Random) -> tuple[str, str]:
    """SIGKILL the run and all its children at a random moment, once or twice."""
    moments = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        pid = bench.start(out)
        time.sleep(rng.uniform(0.02, 1.0) * bench.seconds / (1 + len(moments)))
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(pid, signal.SIGKILL)
        bench.wait(pid)
        moments.append(stage(out))
    return "+".join(moments), resumed(bench, out)


def flipped_checkpoint(bench: Bench, out: Path, rng: random.Random) -> tuple[str, str]:
    """Kill during training, then flip one byte of the newest training state."""
    pid = bench.start(out)
    states: list[Path] = []
    while len(states) < 2 and os.waitpid(pid, os.WNOHANG)[0] == 0:
        time.sleep(0.01)
        states = sorted(out.glob(".cache/train/*.work/state-*.json"))
    os.killpg(pid, signal.SIGKILL)
    bench.wait(pid)
    newest = sorted(out.glob(".cache/train/*.work/state-*.json"))[-1]
    target = newest.with_suffix(rng.choice((".json", ".safetensors")))
    flip(target, rng)
    return target.suffix, resumed(bench, out, target)


def flipped_step(bench: Bench, out: Path, rng: random.Random) -> tuple[str, str]:
    """Flip one byte of a file of a finished step; the run after it must notice and work it again."""
    shutil.copytree(bench.root / "whole", out, symlinks=True)
    step = rng.choice(("load", "judge", "train", "sample", "filter", "evaluate"))
    files = [
        path for path in out.glob(f".cache/{step}/*/**/*") if path.is_file() and path.name != "done.json"
    ]
    flip(rng.choice(sorted(files)), rng)
    code = bench.wait(bench.start(out))
    if code != 0:
        return step, f"left with {code}"
    return step, resumed(bench, out)


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def two_at_once(bench: Bench, out: Path, rng: random.Random) -> tuple[str, str]:
    """Start the same run twice at nearly the same time; both must end well and alike."""
    first = bench.start(out)
    time.sleep(rng.uniform(0, 0.3) * bench.seconds)
    second = bench.start(out)
    codes = (bench.wait(first), bench.wait(second))
    if codes != (0, 0):
        return "", f"left with {codes}: {bench.log(out).read_text()[-600:]}"
    return "", resumed(bench, out)


class NotTried(Exception):  # noqa: N818 - a fault that could not be made
    """Says why."""


def lost_server(bench: Bench, out: Path, rng: random.Random) -> tuple[str, str]:
    """SIGKILL Prefect's server while the command runs; it must end by itself, whole or clearly."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    url = f"http://{HOST}:{port}/api"
    quiet = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    env = {**os.environ, **quiet, "PREFECT_HOME": str(bench.root / "prefect"), "PREFECT_API_URL": url}
    with bench.log(out).open("ab") as log:
        serve = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
        server = subprocess.Popen(serve, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            if not wait_until(lambda: answers(f"{url}/health"), 300):
                raise NotTried("the server did not start within five minutes")
            recipe = [
                "run",
                str(bench.root / "tiny.yaml"),
                "--data",
                str(bench.root / "data"),
                "--set",
                *CHANGED,
            ]
            command = [sys.executable, "-m", "augmentor", *recipe, "--out", str(out)]
            run = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.PIPE, text=True)
            step = rng.choice(("load", "judge", "train", "sample", "filter", "measure", "evaluate"))
            wait_until(
                lambda: run.poll() is not None or bool(list(out.glob(f".cache/{step}/*/done.json"))), 120
            )
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    try:
        said = run.communicate(timeout=300)[1]
    except subprocess.TimeoutExpired:
        run.kill()
        run.communicate()
        return f"after {step}", "the run went on for five minutes without the server"
    if run.returncode not in (0, 2) or "Traceback" in said:
        return f"after {step}", f"left with {run.returncode}: {said[-600:]}"
    return f"after {step}, left with {run.returncode}", resumed(bench, out)


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


def answers(url: str) -> bool:
    with suppress(OSError), urlopen(url, timeout=2):
        return True
    return False


def full_disk(bench: Bench, out: Path, rng: random.Random) -> tuple[str, str]:
    """Run on a file system with too little room, then give it room and run again."""
    small = rng.randrange(100, 1400)
    with mounted(out, f"size={small}k"):
        code = bench.wait(bench.start(out / "runs"))
        said = bench.log(out / "runs").read_text()
        if code == 0:
            raise NotTried(f"a disk of {small} kB is large enough")
        if "StorageError: no space left" not in said and "No space left" not in said:
            return f"{small} kB", f"not told: {said[-300:]}"
        subprocess.run(["mount", "-o", "remount,size=200m", str(out)], check=True)
        return "", resumed(bench, out / "runs")


def read_only(bench: Bench, out: Path, rng: random.Random) -> tuple[str, str]:
    """Run on a read-only file system, then make it writable and run again."""
    with mounted(out, "size=200m"):
        (out / "runs").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
        pid = bench.start(out / "runs")
        code = bench.wait(pid)
        subprocess.run(["mount", "-o", "remount,rw", str(out)], check=True)
        if code == 0:
            return "", "a run on a read-only file system claimed to be done"
        return "", resumed(bench, out / "runs")


class mounted:  # noqa: N801 - reads as a verb
    """A tmpfs at ``place`` while the block runs."""

    def __init__(self, place: Path, options: str) -> None:
        self.place, self.options = place, options

    def __enter__(self) -> None:
        self.place.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "augmentor", str(self.place)], check=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)


Fault = Callable[[Bench, Path, random.Random], tuple[str, str]]
FAULTS: dict[str, tuple[str, Fault]] = {
    "kill": ("SIGKILL at random moments, once or twice", kill),
    "checkpoint": ("one bit of the newest training state flipped", flipped_checkpoint),
    "step": ("one bit of a finished step flipped", flipped_step),
    "two": ("two runs of one recipe at once", two_at_once),
    "server": ("Prefect's server killed while the command runs", lost_server),
    "full": ("disk full, then room again", full_disk),
    "read-only": ("read-only file system, then writable again", read_only),
}


def table(rounds: list[dict[str, str]], seconds: float) -> str:
    lines = [
        "# Faults on purpose",
        "",
        f"Printed by `python benchmarks/faults.py`, Python {platform.python_version()}, CPU only, one "
        f"thread. One undisturbed run took {seconds:.1f} s. Survived: the run after the fault ended with "
        "the same results, predictions, generator weights and pictures as an undisturbed one, byte for "
        "byte, and nothing under its final name was half-written before or after.",
        "",
        "| fault | tried | survived | lost |",
        "|---|---:|---:|---:|",
    ]
    for name, (words, _) in FAULTS.items():
        mine = [row for row in rounds if row["fault"] == name]
        lost = sum(bool(row["lost"]) for row in mine)
        lines.append(f"| {words} | {len(mine)} | {len(mine) - lost} | {lost} |")
    where = Counter(part for row in rounds if row["fault"] == "kill" for part in row["where"].split("+"))
    places = ", ".join(f"{place} {n}" for place, n in where.most_common())
    lines += ["", f"How far killed runs had come: {places or 'none were killed'}.", ""]
    for row in rounds:
        if row["lost"]:
            lines.append(f"- lost: {row['fault']} ({row['where']}): {row['lost'][:300]}")
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100, help="runs that are killed")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first killed run, to share the work"
    )
    parser.add_argument("--others", type=int, default=5, help="rounds of every other fault")
    parser.add_argument("--minutes", type=float, default=10.0, help="stop after so long; run again to go on")
    parser.add_argument("--root", type=Path, default=Path("build/faults"), help="scratch folder")
    parser.add_argument("--table", type=Path, help="also write the table here")
    asked = parser.parse_args()
    asked.root.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * asked.minutes
    for name in LOADED:
        import_module(name)
    bench = Bench(asked.root.resolve())
    kept = asked.root / "rounds.jsonl"
    rounds = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    numbers = {
        name: range(asked.first, asked.kills) if name == "kill" else range(asked.others) for name in FAULTS
    }
    plan = [(name, n) for name in FAULTS for n in numbers[name]]
    plan.sort(key=lambda item: (item[1] * (1 if item[0] != "kill" else asked.others / asked.kills), item[0]))
    done = {(row["fault"], row["number"]) for row in rounds}
    for name, number in plan:
        if (name, number) in done or time.monotonic() > until:
            continue
        out = bench.root / f"{name}-{number}"
        shutil.rmtree(out, ignore_errors=True)
        for log in bench.root.glob(f"{out.name}*.log"):
            log.unlink()
        try:
            where, lost = FAULTS[name][1](bench, out, random.Random(f"{name} {number}"))
        except (subprocess.CalledProcessError, NotTried) as error:  # no right to mount, for instance
            print(f"{name} {number}: not tried: {error}", file=sys.stderr)
            continue
        row = {"fault": name, "number": number, "where": where, "lost": lost}
        rounds.append(row)
        with kept.open("a") as handle:
            handle.write(json.dumps(row) + "\n")
        print(f"{name} {number}: {where} {'LOST ' + lost if lost else 'survived'}", file=sys.stderr)
        if not lost:
            shutil.rmtree(out, ignore_errors=True)
    text = table(rounds, bench.seconds)
    print(text)
    if asked.table:
        asked.table.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""What Prefect costs: a run's wall time beyond its steps' own, with and without it; and an idle refresh.

Every run is the command line in a process of its own, on the tests' tiny recipe. Its own time is the sum
of what the finished steps say they took; the rest is start-up, Prefect, and publishing. The rest with
Prefect minus the rest without it is the overhead.

    python benchmarks/overhead.py --table benchmarks/overhead.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.request import urlopen

from PIL import Image

TINY = Path(__file__).resolve().parents[1] / "tests" / "conftest.py"
PORT = 4719
REFRESH = (
    "import sys; from augmentor.tasks.expand import shipped_flow; "
    "ended = shipped_flow('refresh')(recipe=sys.argv[1], data=sys.argv[2], out=sys.argv[3]); "
    "print('idle' if ended is None else 'reused: ' + (', '.join(ended.reused) or 'nothing'))"
)


def prepare(root: Path) -> None:
    """Write the tests' tiny images and recipe below ``root``."""
    spec = spec_from_file_location("tiny", TINY)
    assert spec is not None
    assert spec.loader is not None
    tiny = module_from_spec(spec)
    spec.loader.exec_module(tiny)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    tiny.write_tiny_images(root / "data", {"disc": 40, "ring": 24})
    (root / "tiny.yaml").write_text(tiny.TINY, encoding="utf-8")


def environment(root: Path, *, served: bool) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    own |= {"OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    own["PREFECT_HOME"] = str(root / ("prefect-served" if served else "prefect-cold"))
    return {**own, "PREFECT_API_URL": f"http://127.0.0.1:{PORT}/api"} if served else own


def worked() -> float:
    """Return the processor seconds of all ended children, a run's temporary server included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command: list[str], env: dict[str, str]) -> tuple[float, str]:
    begun = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} left with {done.returncode}: {done.stderr[-2000:]}")
    return time.monotonic() - begun, done.stdout.strip().splitlines()[-1]


def rest(root: Path, out: str, env: dict[str, str], *options: str) -> tuple[float, float, float]:
    """Run the recipe afresh; return the steps' own seconds, the rest of the wall, and processor time."""
    before = worked()
    shutil.rmtree(root / out, ignore_errors=True)
    recipe = [str(root / "tiny.yaml"), "--data", str(root / "data"), "--out", str(root / out)]
    wall, _ = timed([sys.executable, "-m", "augmentor", "run", *recipe, *options], env)
    places = (root / out).glob(".cache/*/*/done.json")
    own = sum(json.loads(place.read_text(encoding="utf-8"))["seconds"] for place in places)
    return own, wall - own, worked() - before


@contextmanager
def server(root: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(PORT)]
    with (root / "server.log").open("wb") as log:
        env = environment(root, served=True)
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            try:
                with urlopen(f"http://127.0.0.1:{PORT}/api/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def refresh(root: Path, out: str, env: dict[str, str]) -> tuple[float, str]:
    where = [str(root / "tiny.yaml"), str(root / "data"), str(root / out)]
    return timed([sys.executable, "-c", REFRESH, *where], env)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of every kind")
    parser.add_argument("--root", type=Path, default=Path("build/overhead"), help="scratch folder")
    parser.add_argument("--table", type=Path, help="also write the table here")
    asked = parser.parse_args()
    root = asked.root.resolve()
    prepare(root)
    cold, warm = environment(root, served=False), environment(root, served=True)
    kinds = {
        "without Prefect": ("plain", cold, ["--no-prefect"]),
        "temporary server": ("cold", cold, []),
        "running server": ("served", warm, []),
    }
    own: dict[str, list[float]] = {kind: [] for kind in kinds}
    left: dict[str, list[float]] = {kind: [] for kind in kinds}
    used: dict[str, list[float]] = {kind: [] for kind in kinds}
    with server(root):
        for number in range(asked.rounds + 1):  # the first fills the caches of the disk and is not counted
            for kind, (out, env, options) in kinds.items():
                seconds, others, processor = rest(root, out, env, *options)
                if number:
                    own[kind].append(seconds)
                    left[kind].append(others)
                    used[kind].append(processor)
        idle = {kind: refresh(root, kinds[kind][0], kinds[kind][1]) for kind in list(kinds)[1:]}
        with Image.open(root / "data" / "ring" / "000.png") as old:
            old.transpose(Image.Transpose.ROTATE_90).save(root / "data" / "ring" / "new.png")
        new = refresh(root, "served", warm)
    base = statistics.median(left["without Prefect"])
    lines = [
        "# What Prefect costs",
        "",
        f"Printed by `python benchmarks/overhead.py`, Python {platform.python_version()}, CPU only, one "
        f"thread, {asked.rounds} runs of the tests' tiny recipe of every kind (median, lowest to highest, in "
        "seconds); "
        f"load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores. The rest is start-up, Prefect and "
        "publishing.",
        "",
        "| run | steps' own time | rest | rest beyond the run without Prefect | processor time in all |",
        "|---|---:|---:|---:|---:|",
    ]
    for kind in kinds:
        beyond = "-" if kind == "without Prefect" else f"{statistics.median(left[kind]) - base:.1f}"
        lines.append(
            f"| {kind} | {spread(own[kind])} | {spread(left[kind])} | {beyond} | {spread(used[kind])} |"
        )
    lines += ["", "| refresh | seconds, start-up included | what came out |", "|---|---:|---|"]
    for kind, (seconds, said) in idle.items():
        lines.append(f"| nothing new, {kind} | {seconds:.1f} | {said} |")
    lines.append(f"| one new image, running server | {new[0]:.1f} | {new[1]} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if asked.table:
        asked.table.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

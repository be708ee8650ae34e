"""The bench for faults: a tiny recipe, its undisturbed outputs, and what must hold after a fault."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from augmentor.core.files import sha256_file
from augmentor.run.compose.expand import run_job
from augmentor.run.recipe import Recipe, load_recipe
from augmentor.run.session import Job
from augmentor.store.cache import intact
from augmentor.store.run_directory import STAMP

TINY = Path(__file__).resolve().parents[1] / "tests" / "conftest.py"
CHANGED = [
    "training.images=160",
    "training.states=10",
    "judge.updates=4",
    "evaluation.arms=[real,balanced,filtered]",
    "evaluation.model.updates=6",
]
SAME = ("results.parquet", "predictions.npz", "generator/generator.safetensors", "expanded")


def tiny() -> ModuleType:
    """Return the tests' tiny folder of images and recipe."""
    spec = spec_from_file_location("tiny", TINY)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the module that they are in
    spec.loader.exec_module(module)
    return module


class Bench:
    """The recipe, its undisturbed outputs, and ways to run it in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if not (root / "data").is_dir():
            tiny().write_tiny_images(root / "data", {"disc": 40, "ring": 24})
        (root / "tiny.yaml").write_text(tiny().TINY, encoding="utf-8")
        self.recipe: Recipe = load_recipe(str(root / "tiny.yaml"), CHANGED, data=root / "data")
        shutil.rmtree(root / "whole", ignore_errors=True)
        begun = time.monotonic()
        code = self.wait(self.start(root / "whole"))
        if code != 0:
            raise SystemExit(f"the undisturbed run failed: {self.log(root / 'whole').read_text()}")
        self.seconds = time.monotonic() - begun
        self.expected = outputs(root / "whole")

    def start(self, out: Path) -> int:
        """Run the recipe into ``out`` in a forked process; return its number."""
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setpgid(0, 0)
            log = os.open(self.log(out), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            run_job(Job(self.recipe, out))
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)

    def log(self, out: Path) -> Path:
        """Return where the runs into ``out`` say what went wrong."""
        return self.root / f"{'-'.join(out.relative_to(self.root).parts)}.log"

    @staticmethod
    def wait(pid: int) -> int:
        """Return how process ``pid`` ended: its exit code, or minus the signal."""
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def outputs(out: Path) -> dict[str, str]:
    """Return the hash of everything that must come out the same, from the newest run."""
    run = sorted(path for path in (out / "tiny").iterdir() if STAMP.fullmatch(path.name))[-1]
    found = {}
    for name in SAME:
        place = run / name
        for path in [place] if place.is_file() else sorted(place.rglob("*.png")):
            found[path.relative_to(run).as_posix()] = sha256_file(path)
    return found


def half_written(out: Path, flipped: Path | None = None) -> list[str]:
    """Return what bears a final name without being whole, but the file that was ``flipped`` on purpose."""
    bad = []
    for step in (out / ".cache").glob("*"):
        if step.name in {"logs", "locks"}:
            continue
        for folder in step.iterdir():
            if folder.is_dir() and folder.suffix == "" and folder.name[0] != "." and not intact(folder):
                bad.append(str(folder))
            for head in folder.glob("state-*.json") if folder.suffix == ".work" else ():
                try:
                    json.loads(head.read_text(encoding="utf-8"))
                except ValueError:
                    bad += [] if head == flipped else [str(head)]
    for run in (out / "tiny").glob("*"):
        if STAMP.fullmatch(run.name):
            listed = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["outputs"]
            bad += [str(run / name) for name, sha in listed.items() if sha256_file(run / name) != sha]
    link = out / "tiny" / "published"
    if link.is_symlink() and not link.is_dir():
        bad.append(str(link))
    return bad


def resumed(bench: Bench, out: Path, flipped: Path | None = None) -> str:
    """Run again and return what is wrong with the outcome, or nothing."""
    bad = half_written(out, flipped)
    if bad:
        return f"half-written: {bad}"
    code = bench.wait(bench.start(out))
    if code != 0:
        return f"the second run left with {code}: {bench.log(out).read_text()[-600:]}"
    if outputs(out) != bench.expected:
        return "other outputs than the undisturbed run"
    if half_written(out):
        return f"half-written at the end: {half_written(out)}"
    left = [str(path) for path in out.rglob("*.tmp")]
    return f"left behind: {left}" if left else ""


def stage(out: Path) -> str:
    """Return how far the run had come: the last finished step, or "published"."""
    if any(STAMP.fullmatch(path.name) for path in (out / "tiny").glob("*")):
        return "published"
    order = ("evaluate", "measure", "filter", "sample", "train", "judge", "load")
    for step in order:
        if list((out / ".cache" / step).glob("*/done.json")):
            return f"after {step}"
    return "at the start"

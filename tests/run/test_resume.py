"""A real run, killed and interrupted while its generator trains, then run again to the end."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from augmentor.core.progress import Silent
from augmentor.run.compose.expand import run_job
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job

LONGER = ("training.images=1920", "training.states=24", "evaluation.arms=[classical, filtered]")
WAIT = 240


def heard() -> None:
    """Undo what a parent may have set: nohup and background jobs start children deaf to these."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Lines(Silent):
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.logged: list[str] = []

    def log(self, message: str) -> None:
        self.logged.append(message)


class Run:
    """``augmentor run --no-prefect`` in a process of its own."""

    def __init__(self, recipe: Path, data: Path, out: Path) -> None:
        self.out = out
        command = [sys.executable, "-m", "augmentor", "run", str(recipe), "--data", str(data)]
        self.process = subprocess.Popen(
            [*command, "--out", str(out), "--no-prefect", "--set", *LONGER],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=heard,
        )

    def states(self) -> list[str]:
        return sorted(path.name for path in self.out.glob(".cache/train/*.work/state-*.json"))

    def wait_for_state_after(self, known: list[str]) -> list[str]:
        """Return the saved states once there is one that is newer than ``known``."""
        newest = known[-1] if known else ""
        for _ in range(20 * WAIT):
            found = self.states()
            if found and found[-1] > newest:
                return found
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        self.process.kill()
        raise AssertionError(f"no new training state:\n{self.process.communicate()[0]}")

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        text, _ = self.process.communicate(timeout=WAIT)
        return self.process.returncode, text


@pytest.mark.slow
def test_killed_and_interrupted_training_ends_with_the_same_weights(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    whole = run_job(Job(load_recipe(str(tiny_recipe), LONGER, data=tiny_images), tmp_path / "whole"))
    out = tmp_path / "broken"
    for step in ("load", "judge"):  # these two need no second working
        shutil.copytree(tmp_path / "whole" / ".cache" / step, out / ".cache" / step)

    run = Run(tiny_recipe, tiny_images, out)
    seen = run.wait_for_state_after([])
    code, _ = run.stop(signal.SIGKILL)
    assert code == -signal.SIGKILL

    run = Run(tiny_recipe, tiny_images, out)
    run.wait_for_state_after(seen)
    code, text = run.stop(signal.SIGINT)
    assert code == 130
    assert "resuming after" in text
    assert "Traceback" not in text
    assert text.strip().splitlines()[-1].startswith("Interrupted (Ctrl-C).")
    assert not (out / "tiny").exists()

    lines = Lines()
    ended = run_job(Job(load_recipe(str(tiny_recipe), LONGER, data=tiny_images), out, progress=lines))
    assert any("resuming after" in line for line in lines.logged)
    for name in ("generator/generator.safetensors", "results.parquet", "predictions.npz"):
        assert (ended.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    leftovers = [path for path in (out / ".cache").rglob("*") if path.suffix in {".tmp", ".work"}]
    assert leftovers == []

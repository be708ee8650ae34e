"""Stand-ins for the rooms below, so that the command line is tested in milliseconds."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from augmentor.cli import faults


@dataclass
class Recorder:
    """What the stand-ins were called with, and what they shall do."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    work: Any = lambda progress: None

    def last(self, name: str) -> dict[str, Any]:
        return next(values for called, values in reversed(self.calls) if called == name)


@pytest.fixture(autouse=True)
def _no_debugging(monkeypatch):
    monkeypatch.delenv("AUGMENTOR_DEBUG", raising=False)
    faults.set_debugging(False)
    yield
    faults.set_debugging(False)


@pytest.fixture
def program():
    """Run ``python -m augmentor ARGUMENTS`` as a process of its own."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "augmentor", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def rooms(monkeypatch, tmp_path) -> Recorder:
    """Replace job, tasks and inspection by stand-ins that note their arguments."""
    seen = Recorder()

    def outcome(how: str):
        def perform(job):
            seen.calls.append((how, vars(job)))
            print("a library chatters on stdout")
            seen.work(job.progress)
            return types.SimpleNamespace(
                folder=tmp_path / "runs" / "fake" / "1",
                sentence="The  verdict,\non one line.",
                reused=seen_reused,
                advice="",
                further=(),
                seconds=1.0,
            )

        return perform

    seen_reused: tuple[str, ...] = ("load", "train")

    def load_recipe(name, assignments=(), data=None):
        seen.calls.append(("load_recipe", {"name": name, "assignments": list(assignments), "data": data}))
        return types.SimpleNamespace(name=name)

    def generate(run, counts, out, *, seed, device, progress):
        seen.calls.append(
            ("generate", {"run": run, "counts": dict(counts), "out": out, "seed": seed, "device": device})
        )
        seen.work(progress)
        return types.SimpleNamespace(folder=out, counts=counts, acceptance=("a: 3 of 4 kept",))

    def judge(how: str):
        def perform(real, synthetic, **options):
            options["progress"], progress = None, options["progress"]
            seen.calls.append((how, {"real": real, "synthetic": synthetic, **options}))
            return outcome("judged")(types.SimpleNamespace(progress=progress))

        return perform

    def rerender(run):
        seen.calls.append(("rerender", {"run": run}))
        return run / "report.html"

    def job(recipe, out, device, progress):
        return types.SimpleNamespace(recipe=recipe, out=out, device=device, progress=progress)

    stand_ins = {
        "augmentor.run.recipe": {
            "load_recipe": load_recipe,
            "list_recipes": lambda: [("default", "Any data."), ("digits", "")],
        },
        "augmentor.run.session": {"Job": job},
        "augmentor.run.compose.expand": {
            "run_job": outcome("run_job"),
            "check_ranks": lambda recipe: None,
        },
        "augmentor.tasks.expand": {
            "run_with_prefect": outcome("run_with_prefect"),
            "evaluate_with_prefect": judge("evaluate_with_prefect"),
        },
        "augmentor.run.generate": {"generate": generate},
        "augmentor.run.compose.external": {"evaluate_foreign": judge("evaluate_foreign")},
        "augmentor.data.cards": {
            "list_cards": lambda: [
                types.SimpleNamespace(name="digits", title="Handwritten\n digits", refused=None),
                types.SimpleNamespace(name="chestmnist", title="X-rays", refused="multi-label"),
            ]
        },
    }
    for name, members in stand_ins.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("augmentor.run.rerender.rerender", rerender)
    return seen


@pytest.fixture
def finished_run(tmp_path) -> Path:
    """A folder that looks like a finished run."""
    folder = tmp_path / "finished"
    folder.mkdir()
    for name in ("results.parquet", "facts.json", "recipe.yaml", "manifest.json"):
        (folder / name).touch()
    return folder

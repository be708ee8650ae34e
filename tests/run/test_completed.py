"""What is read from the outputs of completed steps: data parts once, all else where it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from augmentor.core.errors import DataError
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.facts.training import TrainFacts
from augmentor.core.progress import Silent
from augmentor.core.results import Results
from augmentor.run import completed as module
from augmentor.run.completed import RESULTS, CompletedSteps
from augmentor.run.context import RunContext
from augmentor.run.recipe import load_recipe
from augmentor.run.step import run_step
from augmentor.run.steps.load import LOAD
from augmentor.store.cache import StepCache, StepOutput


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> RunContext:
    """A run of digits whose data are loaded."""
    out = tmp_path_factory.mktemp("loaded")
    context = RunContext(load_recipe("digits"), StepCache(out), "cpu", Silent())
    run_step(LOAD, context)
    return context


def test_each_part_is_read_once_and_shared_with_other_recipes(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = module.read_samples

    def watched(folder: Path) -> Any:
        read.append(folder.name)
        return real(folder)

    monkeypatch.setattr(module, "read_samples", watched)
    parts = context.completed.only(["load"]).parts
    assert read == []
    for _ in range(2):
        assert len(parts["train"]) == len(context.completed.parts["train"])
    candidate = context.with_recipe(context.recipe, ["load"])
    assert candidate.completed.parts["train"] is parts["train"]
    assert read == ["train"]
    assert list(parts) == ["train", "validation", "test"]
    with pytest.raises(KeyError):
        parts["all"]


def test_facts_are_those_of_the_step(context: RunContext) -> None:
    facts = context.completed.facts("load", LoadFacts)
    assert facts is LOAD.of(context)
    assert (facts.dataset, facts.kind.name, len(facts.classes)) == ("digits", "image", 10)
    with pytest.raises(DataError, match="does not hold the facts"):
        context.completed.facts("load", TrainFacts)


def test_results_are_joined_step_by_step(context: RunContext, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "some").mkdir()
    rows = Results.from_rows([{"dataset": "digits", "metric": "brightness", "value": 1.0}])
    rows.write(tmp_path / "some" / RESULTS)
    outputs = {
        **context.completed.outputs,
        **{name: StepOutput(name, "k", tmp_path / name, False, 0.0) for name in ("none", "some")},
    }
    completed = CompletedSteps(outputs)
    counts = context.completed.results.table
    assert completed.results.table["metric"].tolist() == [*counts["metric"], "brightness"]
    per_class = context.completed.parts["train"].counts
    found = completed.results.where(metric="count", split="train")
    assert dict(zip(found["class"], found["value"], strict=True)) == per_class
    assert completed.critic is None
    assert completed.seen_rows == {}

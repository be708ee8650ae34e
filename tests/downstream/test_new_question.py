"""A question and an arm of somebody's own, defined here alone, run from a recipe to the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from augmentor.core.results import Results
from augmentor.core.samples import IntArray, Samples
from augmentor.downstream.base import Batches, Downstream, Floats, Metric, ModelKind, ModelSpec, Training
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.arms import PRESETS, Arm, Rows
from augmentor.report.run_facts import RunFacts
from augmentor.run.compose.expand import run_job
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job


class MeanValue(Downstream):
    """How bright is each sample? A regression: predictions (N,) are its mean value, in [0, 1]."""

    name = "mean_value"
    metrics: ClassVar[Mapping[str, Metric]] = {"closeness": Metric("closeness of the mean value")}
    models: ClassVar[Mapping[str, ModelKind]] = {"ridge": ModelKind("ridge regression on the values")}

    def targets(self, samples: Samples) -> NDArray[Any]:
        return samples.array.reshape(len(samples), -1).mean(axis=1) / 255.0

    def strata(self, samples: Samples) -> IntArray:
        return samples.y

    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Any:
        drawn = [batches.draw(step) for step in range(spec.updates)]
        x = torch.cat([rows.flatten(1) for rows, _ in drawn]).double().numpy()
        y = torch.cat([targets for _, targets in drawn]).double().numpy()
        design = np.column_stack([x, np.ones(len(x))])
        weights = np.linalg.solve(design.T @ design + 0.1 * np.eye(design.shape[1]), design.T @ y)

        def predict(rows: Tensor) -> Floats:
            flat = rows.flatten(1).double().numpy()
            found: Floats = np.column_stack([flat, np.ones(len(flat))]) @ weights
            return found

        return predict

    def score(self, predictions: Floats, samples: Samples, *, details: bool) -> Iterable[Mapping[str, Any]]:
        worth = self.contributions("closeness", predictions[None], samples)[0]
        means = [worth[samples.y == label].mean() for label in np.unique(samples.y)]
        yield {"metric": "closeness", "value": float(np.sum(means)), "greater_is_better": True}

    def contributions(self, metric: str, predictions: Floats, samples: Samples) -> Floats:
        worth = np.clip(1.0 - np.abs(predictions - self.targets(samples)), 0.0, 1.0)
        # The sum over strata of the mean over their cases is to be the mean over the strata.
        table: Floats = worth / len(np.unique(samples.y))
        return table


@pytest.mark.slow
def test_a_new_question_and_a_new_arm_run_from_recipe_to_report(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DOWNSTREAM, "mean_value", MeanValue())
    monkeypatch.setitem(PRESETS, "half_made", Arm(rows=Rows(synthetic="passing"), sampling="natural"))
    settings = [
        "training.images=64",
        "evaluation.model={question: mean_value, updates: 3}",
        "evaluation.primary_metric=closeness",
        "evaluation.arms=[real, classical, half_made]",
        "execution.processes=1",
    ]
    outcome = run_job(Job(load_recipe(str(tiny_recipe), settings, data=tiny_images), tmp_path, "cpu"))
    results = Results.read(outcome.folder / "results.parquet")
    facts = RunFacts.read(outcome.folder)
    assert facts.verdict.arm == "half_made"
    scores = results.where(arm="half_made", split="test", metric="closeness")["value"]
    assert scores.between(0.8, 1.0).all()
    assert len(scores) > 1
    text = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "closeness of the mean value" in text

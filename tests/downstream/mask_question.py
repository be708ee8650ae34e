"""A question that the package does not know: which pixels of a picture are bright, scored case by case.

It stands for segmentation: targets and predictions have the shape of a picture, and what a case is worth is
its Dice coefficient.
"""

from __future__ import annotations

import numpy as np
import torch

from augmentor.core.case_values import CaseValues
from augmentor.downstream.base import Downstream, Metric, ModelKind

BRIGHT = 128


class BrightPixels(Downstream):
    """Masks (N, H, W) of the bright pixels."""

    name = "bright_pixels"
    metrics = {"dice": Metric("mean Dice coefficient")}  # noqa: RUF012 - never changed, as in the package
    models = {  # noqa: RUF012 - never changed, as in the package
        "threshold": ModelKind("one threshold for all pixels"),
        "nothing": ModelKind("no pixel at all"),
    }

    def why_not(self, spec, training, form=None):
        return "" if training.mix == "none" else "pixels of mixed pictures have no mask"

    def targets(self, samples):
        return samples.array[:, 0] > BRIGHT

    def strata(self, samples):
        return samples.y

    def fit(self, spec, training, batches, *, seed, critic):
        """Learn the threshold between the darkest bright and the brightest dark pixel that was drawn."""
        x, mask = (torch.cat(parts) for parts in zip(*map(batches.draw, range(spec.updates)), strict=True))
        values = x[:, 0]
        middle = float((values[mask].min() + values[~mask].max()) / 2)
        level = middle if spec.name == "threshold" else np.inf
        # Seeds differ as they do for networks.
        level += 0.01 * np.random.default_rng(seed).normal()
        return lambda images: (images[:, 0] > level).double().numpy()

    def score(self, predictions, samples, *, details):
        values = self.by_stratum(predictions[None], samples)["dice"][0]
        yield {
            "metric": "dice",
            "class": None,
            "value": self.mean(values, samples),
            "greater_is_better": True,
        }
        for label in np.unique(samples.y):
            mine = values[samples.y == label]
            name = samples.classes[label]
            yield {"metric": "dice", "class": name, "value": mine.mean(), "greater_is_better": True}

    @staticmethod
    def mean(values, samples):
        return np.mean([values[samples.y == label].mean() for label in np.unique(samples.y)])

    def case_values(self, metric, predictions, samples):
        assert metric in self.metrics
        classes = len(np.unique(samples.y))
        return CaseValues(self.by_stratum(predictions, samples)["dice"], np.full(classes, 1 / classes))

    def by_stratum(self, predictions, samples):
        found, wanted = predictions > 0.5, self.targets(samples)
        both = (found & wanted).sum(axis=(-2, -1))
        return {"dice": 2 * both / np.maximum(1, found.sum(axis=(-2, -1)) + wanted.sum(axis=(-2, -1)))}

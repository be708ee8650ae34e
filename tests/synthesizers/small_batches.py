"""Tiny trainings step by step for tests of single steps, and what files with training samples must hold."""

import json

import numpy as np
import torch
from safetensors.torch import load_file

from augmentor.core.conditions import Conditions
from augmentor.nets.layout import memory_format
from augmentor.synthesizers.fitted import model_of
from augmentor.training.batches import Batches
from augmentor.training.state import State
from augmentor.training.step import StepContext

CPU = torch.device("cpu")


class Game:
    """A training that is played step by step, as the loop does it.

    Args:
        spec: the method's fields, its width a number.
        training: the budget.
        train: 8-bit samples of two classes.
    """

    def __init__(self, spec, training, train):
        self.model = model_of(spec, training, train.shape, 2)
        self.networks = self.model.networks(0, CPU)
        self.state = State.begin(self.networks, self.model.regulators)
        self.batches = small_batches(train, self.model.rules)

    @property
    def regulators(self):
        return self.model.regulators

    def batch(self, seed=0):
        return self.model.draw(self.batches, 0, torch.Generator().manual_seed(seed))

    def step(self, number=0, *, label_weight=1.0, seed=None, batch=None):
        """Play one step; the same numbers are drawn after the batch, whether it is given or not."""
        draws = torch.Generator().manual_seed(number if seed is None else seed)
        drawn = self.model.draw(self.batches, number, draws)
        context = StepContext(number, label_weight, draws)
        return self.model.step(self.networks, drawn if batch is None else batch, context)


def small_batches(train, rules):
    """Return batches of 8-bit samples (N, C, *spatial) of two classes, on the CPU."""
    return Batches(
        torch.from_numpy(train.array.astype(np.float32) / 127.5 - 1),
        torch.from_numpy(train.y),
        2,
        rules,
        device=CPU,
        layout=memory_format(len(train.shape) - 1),
    )


def samples_of(synthesizer, labels, seed=0):
    """Return the samples of the classes ``labels``."""
    return synthesizer.sample(Conditions(np.asarray(labels, dtype=np.int64)), seed=seed)


def check_held_samples(fitted, train, folder):
    """The file holds the samples of the lending class alone, and says so."""
    fitted.save(folder)
    held = load_file(folder / "generator.safetensors")
    assert torch.equal(held["starts"], torch.from_numpy(train.array[train.y == 1]))
    body = json.loads((folder / "synthesizer.json").read_text())
    assert "holds 32 training samples" in body["warning"]
    assert fitted.chosen["training_samples_held"] == 32


def check_labels(fitted):
    """Samples asked as class 0 are dark, 60 on the mean, and those of class 1 bright, 190, in 8-bit grey."""
    for label, real in enumerate((60, 190)):
        level = samples_of(fitted, [label] * 40).array.reshape(40, -1).mean(1)
        assert ((level > 125) == bool(label)).mean() > 0.95
        assert abs(level.mean() - real) < 30

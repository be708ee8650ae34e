"""Batches of tiny samples for tests of single steps, and what every file with training samples must hold."""

import json

import numpy as np
import torch
from safetensors.torch import load_file

from augmentor.nets.layers import memory_format
from augmentor.training.batches import Batches


def small_batches(train, latent, **more):
    """Return batches of eight of 8-bit samples (N, C, *spatial) of two classes, on the CPU."""
    return Batches(
        torch.from_numpy(train.array.astype(np.float32) / 127.5 - 1),
        torch.from_numpy(train.y),
        n_classes=2,
        batch=8,
        power=0.5,
        latent=latent,
        device=torch.device("cpu"),
        layout=memory_format(len(train.shape) - 1),
        **more,
    )


def check_held_samples(fitted, train, folder):
    """The file holds the samples of the lending class alone, and says so."""
    fitted.save(folder)
    held = load_file(folder / "generator.safetensors")
    assert torch.equal(held["starts"], torch.from_numpy(train.array[train.y == 1]))
    body = json.loads((folder / "synthesizer.json").read_text())
    assert "holds 32 training samples" in body["warning"]
    assert fitted.chosen["training_samples_held"] == 32


def check_labels(fitted):
    """Samples asked as class 0 are dark, those asked as class 1 bright, in 8-bit grey."""
    dark, bright = (fitted.sample(np.full(40, label, np.int64), seed=0).array.mean() for label in (0, 1))
    assert dark < 110
    assert bright > 150

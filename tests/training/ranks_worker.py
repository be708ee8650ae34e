"""Trainings that one process does alone, or each of several that ``torchrun`` started does its part of.

    python ranks_worker.py FOLDER/NAME ASKED

writes the state, the history and the regulators of every training that ``ASKED`` (JSON) names.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from augmentor.core import ranks
from augmentor.core.progress import Silent
from augmentor.synthesizers.fitted import model_of
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training import loop
from augmentor.training.batches import Batches
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State


def train_all(target: str, asked: Mapping[str, Mapping[str, Any]]) -> None:
    """Train each spec of ``asked`` on the same 40 rows and write what the first rank holds."""
    threads, precision = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    # In double precision what differs is the order of additions alone, far below any fault.
    torch.set_default_dtype(torch.float64)
    try:
        for name, fields in asked.items():
            train(Path(f"{target}-{name}"), fields)
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(precision)


def train(target: Path, fields: Mapping[str, Any]) -> None:
    shape, rows, cpu = (1, 8, 8), 40, torch.device("cpu")
    x = torch.rand(rows, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    # Unequal classes: the larger one has rows of every batch in both processes.
    y = (torch.arange(rows) % 4 == 3).long()
    spec = read_synthesizer({"width": 8, **fields}, "the test")
    training = TrainingSpec(images=16 * 12, batch=16, states=2, checkpoints=1)
    training = training.tuned(spec.preset.training)
    model = model_of(spec, training, shape, 2)
    state = State.begin(model.networks(0, cpu), model.regulators)
    batches = Batches(x, y, 2, model.rules, device=cpu, layout=torch.channels_last)
    loop.train(state, loop.Training(training, model, batches, 0, None, Checkpoints(None, ""), Silent()))
    if ranks.rank() == 0:
        tensors = {key: tensor.contiguous() for key, tensor in state.tensors().items()}
        save_file(tensors, target.with_suffix(".safetensors"))
        told = json.dumps([state.history, state.regulators.state_dict()])
        target.with_suffix(".json").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    ranks.init_process_group("cpu")
    train_all(sys.argv[1], json.loads(sys.argv[2]))
    ranks.destroy_process_group()

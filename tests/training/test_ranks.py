"""Two processes with half of each batch train what one process trains with the whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from augmentor.core import ranks
from augmentor.core.errors import ConfigError

WORKER = """
import json, sys
import torch
from safetensors.torch import save_file
from augmentor.core import ranks
from augmentor.core.progress import Silent
from augmentor.core.spec import parse
from augmentor.synthesizers.fitted import model_of
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training.spec import TrainingSpec
from augmentor.training import loop
from augmentor.training.batches import Batches
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.state import State

torch.set_num_threads(1)
# In double precision what differs is the order of additions alone, far below any fault.
torch.set_default_dtype(torch.float64)
ranks.init_process_group("cpu")
shape, rows, cpu = (1, 8, 8), 40, torch.device("cpu")
x = torch.rand(rows, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
# Unequal classes: the larger one has rows of every batch in both processes.
y = (torch.arange(rows) % 4 == 3).long()
for name, asked in json.loads(sys.argv[2]).items():
    spec = read_synthesizer({"width": 8, **asked}, "the test")
    training = TrainingSpec(images=16 * 12, batch=16, states=2, checkpoints=1)
    training = training.tuned(spec.preset.training)
    model = model_of(spec, training, shape, 2)
    state = State.begin(model.networks(0, cpu), model.regulators)
    batches = Batches(x, y, 2, model.rules, device=cpu, layout=torch.channels_last)
    loop.train(state, loop.Training(training, model, batches, 0, None, Checkpoints(None, ""), Silent()))
    if ranks.rank() == 0:
        tensors = {key: tensor.contiguous() for key, tensor in state.tensors().items()}
        save_file(tensors, f"{sys.argv[1]}-{name}.safetensors")
        with open(f"{sys.argv[1]}-{name}.json", "w") as handle:
            json.dump([state.history, state.regulators.state_dict()], handle)
ranks.destroy_process_group()
"""

ASKED: dict[str, dict[str, Any]] = {
    "default": {"mode_seeking": 1.0},
    "remembering": {
        "adversarial": "hinge",
        "regularisers": {"lecam": 0.1, "gradient_penalty": 1.0},
        "augmentation_probability": "adaptive",
    },
    "styles": {"family": "stylegan2"},
    "variational": {"family": "cvae"},
    # A process may have no row of a class, whose networks it still has to average with the others.
    "apart": {"family": "cyclegan", "regularisers": {"r1": 1.0, "identity": 0.5}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All trainings by one process and by two, each in one start: torch takes seconds to import."""
    folder = tmp_path_factory.mktemp("ranks")
    script = folder / "worker.py"
    script.write_text(WORKER, encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    for name, start in (("one", [sys.executable]), ("two", torchrun)):
        command = [*start, str(script), str(folder / name), json.dumps(ASKED)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_two_processes_train_what_one_trains(name: str, folder: Path) -> None:
    history, regulators = json.loads((folder / f"one-{name}.json").read_text())
    other_history, other_regulators = json.loads((folder / f"two-{name}.json").read_text())
    assert len(history) == len(other_history) >= 2
    for row, other in zip(history, other_history, strict=True):
        assert row == pytest.approx(other, rel=1e-6, abs=1e-9)
    assert regulators.keys() == other_regulators.keys()
    for key, value in regulators.items():
        # The anchors are remembered in single precision.
        assert other_regulators[key] == pytest.approx(value, rel=1e-5)
    one, two = (load_file(folder / f"{which}-{name}.safetensors") for which in ("one", "two"))
    assert one.keys() == two.keys()
    far = {key: float((two[key] - value).abs().max()) for key, value in one.items() if value.numel()}
    assert max(far.values()) < 1e-7, sorted(far.items(), key=lambda item: -item[1])[:3]


def test_without_torchrun_everything_is_as_it_is() -> None:
    x = torch.arange(6.0).reshape(3, 2).requires_grad_()
    assert ranks.all_gather(x) is x
    assert not ranks.all_gather_detached(x).requires_grad
    assert ranks.all_reduce_mean({"loss": 2.0}) == {"loss": 2.0}
    assert ranks.broadcast_from_rank_0("here") == "here"
    assert ranks.rank_slice(12, 4) == slice(0, 12)
    assert (ranks.world_size(), ranks.rank()) == (1, 0)
    plain, drawn = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    torch.testing.assert_close(
        ranks.draw_rows(torch.rand, (2, 3), generator=drawn, dim=1), torch.rand(2, 3, generator=plain)
    )


@pytest.mark.parametrize("rank", [0, 1])
def test_draws_of_a_rank_are_its_rows_of_the_whole(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "world_size", lambda: 2)
    monkeypatch.setattr(ranks, "rank", lambda: rank)
    whole = torch.rand(5, 12, 3, generator=torch.Generator().manual_seed(0))
    with ranks.global_batch(12):
        once = ranks.draw_rows(torch.rand, (5, 6, 3), generator=torch.Generator().manual_seed(0), dim=1)
    assert torch.equal(once, whole[:, 6 * rank : 6 * rank + 6])
    with ranks.global_batch(6):  # real rows, then generated ones
        twice = ranks.draw_rows(torch.rand, (5, 6, 3), generator=torch.Generator().manual_seed(0), dim=1)
    start = 3 * rank
    assert torch.equal(twice, torch.cat([whole[:, start : start + 3], whole[:, 6 + start : 9 + start]], 1))
    assert ranks.rank_slice(16, 4) == slice(8 * rank, 8 * rank + 8)
    with pytest.raises(ConfigError, match="multiple of 8"):
        ranks.rank_slice(12, 4)

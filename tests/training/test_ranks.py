"""Two processes with half of each batch train what one process trains with the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import ranks_worker
import torch
from ranks_worker import train_all
from safetensors.torch import load_file
from torch.distributed.run import main as torchrun

from augmentor.core import ranks
from augmentor.core.errors import ConfigError

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
    """All trainings by this process, and by two in one start: torch takes seconds to import."""
    folder = tmp_path_factory.mktemp("ranks")
    train_all(str(folder / "one"), ASKED)
    # What the command torchrun calls; it starts both processes and raises where one of them fails.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("GLOO_SOCKET_IFNAME", "lo")
        script = [ranks_worker.__file__, str(folder / "two"), json.dumps(ASKED)]
        torchrun(["--standalone", "--nproc-per-node=2", *script])
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

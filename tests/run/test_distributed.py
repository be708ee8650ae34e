"""What ``torchrun`` shares, and what it is refused for before any work."""

from __future__ import annotations

import pytest

from augmentor.core import ranks
from augmentor.core.errors import ConfigError
from augmentor.run.compose.expand import check_ranks, run_job, train_on_rank
from augmentor.run.compose.sweep import SweepSpec, run_sweep
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job
from augmentor.tasks.sweep import sweep_with_prefect


@pytest.fixture(params=["0", "1"], ids=["rank 0", "rank 1"])
def two_processes(request, monkeypatch):
    """Two ranks, which must not try to meet: nobody would come."""

    def never(device: str) -> None:
        raise AssertionError("the processes met before the refusal")

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", request.param)
    monkeypatch.setattr(ranks, "init_process_group", never)


@pytest.mark.usefixtures("two_processes")
@pytest.mark.parametrize("start", [run_job, train_on_rank])
@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("split.folds=3", r"split.folds=3 trains one .* 2 processes .* without torchrun"),
        ("candidates=[{family: cvae}]", r"2 candidates trains one .* 2 processes .* candidates=\[\]"),
    ],
)
def test_several_trainings_are_refused_under_torchrun(
    start, setting, reason, tiny_recipe, tiny_images, tmp_path
):
    recipe = load_recipe(str(tiny_recipe), [setting], data=tiny_images)
    with pytest.raises(ConfigError, match=reason):
        start(Job(recipe, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("two_processes")
@pytest.mark.parametrize("start", [run_sweep, sweep_with_prefect])
def test_a_sweep_is_refused_under_torchrun(start, tiny_recipe, tiny_images, tmp_path):
    job = Job(load_recipe(str(tiny_recipe), data=tiny_images), tmp_path / "out")
    with pytest.raises(ConfigError, match=r"a sweep trains one .* without torchrun"):
        start(job, SweepSpec(grid={"training.images": [64, 96]}))
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("two_processes")
def test_one_training_is_allowed_under_torchrun(tiny_recipe, tiny_images):
    check_ranks(load_recipe(str(tiny_recipe), data=tiny_images))


def test_without_torchrun_nothing_is_refused(tiny_recipe, tiny_images, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    check_ranks(load_recipe(str(tiny_recipe), ["split.folds=3"], data=tiny_images))

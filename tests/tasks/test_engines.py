"""Workers of Dask and Ray give what the process pool gives; turns on the GPU are held and given back."""

from __future__ import annotations

import importlib.util
import math
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.parallel import run_parallel
from augmentor.core.seeds import derive_seed
from augmentor.run.compose.expand import expansion, run_job
from augmentor.run.engine import plain_engine
from augmentor.run.recipe import ExecutionSpec, Recipe, load_recipe
from augmentor.run.session import Job, begin
from augmentor.store.log import RunLog

PACKAGES = {"dask": "prefect_dask", "ray": "prefect_ray"}


def needs(name: str) -> Any:
    missing = importlib.util.find_spec(PACKAGES[name]) is None
    return pytest.param(
        name, marks=pytest.mark.skipif(missing, reason=f"the extra [{name}] is not installed")
    )


RUNNERS = [needs(name) for name in PACKAGES]


class Lines:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.logged: list[str] = []

    def start(self, stage: str, total: int) -> None: ...

    def update(self, stage: str, done: int, info: object = None) -> None: ...

    def finish(self, stage: str) -> None: ...

    def log(self, message: str) -> None:
        self.logged.append(message)


def test_a_recipe_says_where_its_fits_run() -> None:
    assert ExecutionSpec().runner == "processes"
    assert ExecutionSpec(runner="dask", address="tcp://host:8786").address == "tcp://host:8786"
    with pytest.raises(ValueError, match="dask and ray only"):
        ExecutionSpec(address="tcp://host:8786")
    with pytest.raises(ValueError, match="runner"):
        ExecutionSpec.model_validate({"runner": "spark"})


def test_where_the_fits_run_does_not_change_what_a_recipe_is(tiny_recipe: Path, tiny_images: Path) -> None:
    plain = load_recipe(str(tiny_recipe), data=tiny_images)
    spread = load_recipe(str(tiny_recipe), ["execution.runner=ray", "execution.gpu_slot=a"], data=tiny_images)
    assert plain.digest == spread.digest


@pytest.mark.parametrize("setting", ["runner=dask", "runner=ray", "gpu_slot=mine"])
def test_what_only_prefect_has_is_refused_without_it(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, setting: str
) -> None:
    recipe = load_recipe(str(tiny_recipe), [f"execution.{setting}"], data=tiny_images)
    with pytest.raises(ConfigError, match=f"execution.{setting} works through Prefect"):
        run_job(Job(recipe, tmp_path))
    assert not list(tmp_path.iterdir())


def test_without_prefect_the_process_pool_works_and_nothing_is_waited_for() -> None:
    engine = plain_engine(ExecutionSpec())
    assert engine.mapper is run_parallel
    with engine.device_slot("cuda"):
        pass


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_extra_is_reported_with_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from augmentor.tasks.engines import mapper_of

    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    with pytest.raises(ConfigError, match=rf"pip install 'gan-augmentor\[{name}\]'"):
        mapper_of(ExecutionSpec.model_validate({"runner": name}))


def fails_on_two(number: int) -> int:
    if number == 2:
        raise DataError("two is not wanted")
    return number


@pytest.fixture(scope="module")
def dask_workers() -> Iterator[str]:
    """A running scheduler with a worker, as an operator would have one; Ray's fits are on two."""
    distributed = pytest.importorskip("distributed", reason="the extra [dask] is not installed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, memory_limit=0, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("prefect_dask") is None, reason="the extra [dask] is not installed"
)
def test_running_workers_are_used_in_order_and_errors_are_raised_as_themselves(
    prefect_server: str, dask_workers: str
) -> None:
    from augmentor.tasks.engines import mapper_of

    mapper = mapper_of(ExecutionSpec(runner="dask", address=dask_workers))
    told: list[int] = []
    assert mapper(derive_seed, [3, 1, 2], done=told.append) == [derive_seed(n) for n in (3, 1, 2)]
    assert told == [1, 2, 3]
    assert mapper(math.sqrt, []) == []
    with pytest.raises(DataError, match="two is not wanted"):
        mapper(fails_on_two, [1, 2, 3])


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("prefect_dask") is None, reason="the extra [dask] is not installed"
)
def test_without_an_address_dask_has_workers_of_its_own(prefect_server: str) -> None:
    from augmentor.tasks.engines import mapper_of

    assert mapper_of(ExecutionSpec(runner="dask"))(derive_seed, [3], processes=1) == [derive_seed(3)]


@pytest.fixture(scope="module")
def plain(
    tiny_recipe: Path, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    out = tmp_path_factory.mktemp("plain")
    return out, run_job(Job(recipe_of(tiny_recipe, tiny_images), out)).folder


def recipe_of(tiny_recipe: Path, tiny_images: Path, *settings: str) -> Recipe:
    # No arm waits for another's scores, so that the fits are one lot and workers start once.
    arms = "evaluation.arms=[classical, cutmix, {rows: {synthetic: all, mixing: pooled}}]"
    return load_recipe(str(tiny_recipe), [arms, *settings], data=tiny_images)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNNERS)
def test_results_are_those_of_the_process_pool(
    prefect_server: str,
    plain: tuple[Path, Path],
    tiny_recipe: Path,
    tiny_images: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    name: str,
) -> None:
    """On running workers of Dask, and on workers that Ray starts for the run."""
    from prefect.client.orchestration import get_client

    from augmentor.tasks.expand import run_with_prefect

    out, wanted = plain
    shutil.copytree(out / ".cache", tmp_path / ".cache")
    shutil.rmtree(tmp_path / ".cache" / "evaluate")
    workers = "processes=2"
    if name == "dask":
        workers = f"address={request.getfixturevalue('dask_workers')}"
    recipe = recipe_of(tiny_recipe, tiny_images, f"execution.runner={name}", f"execution.{workers}")
    # The server is the session's: other tests leave flows there, failed ones among them.
    with get_client(sync_client=True) as client:
        before = {run.id for run in client.read_flow_runs()}
    outcome = run_with_prefect(Job(recipe, tmp_path))
    assert "filter" in outcome.reused
    assert "evaluate" not in outcome.reused
    for file in ("results.parquet", "predictions.npz"):
        assert (outcome.folder / file).read_bytes() == (wanted / file).read_bytes(), file
    with get_client(sync_client=True) as client:
        runs = [run for run in client.read_flow_runs() if f" on {name}" in run.name and run.id not in before]
        fits = [run for run in client.read_task_runs() if run.flow_run_id in {flow.id for flow in runs}]
    assert {run.state_name for run in runs} == {"Completed"}
    assert len(fits) == len(recipe.evaluation.arms) * recipe.evaluation.seeds


def test_a_copy_of_a_runs_log_leaves_the_file_of_the_original_open(tmp_path: Path) -> None:
    from copy import copy

    log = RunLog(tmp_path / "a.jsonl", Lines())
    copied = copy(log)
    copied.event("from the copy")
    del copied
    log.event("from the original")
    log.close()
    assert [line.split('"event": ')[1] for line in log.path.read_text().splitlines()] == [
        '"from the original"}'
    ]


@pytest.fixture
def limit(prefect_server: str) -> Iterator[str]:
    """A global concurrency limit of one slot, as ``prefect gcl create`` makes it."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

    from augmentor.tasks.engines import GPU_SLOT

    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=GPU_SLOT, limit=1))
        yield GPU_SLOT
        client.delete_global_concurrency_limit_by_name(GPU_SLOT)


def held(name: str) -> int:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return int(client.read_global_concurrency_limit_by_name(name).active_slots)


def test_a_gpu_is_held_against_other_runs_and_given_back(limit: str) -> None:
    from prefect.concurrency.sync import concurrency

    from augmentor.tasks.engines import hold_gpu_slot

    lines = Lines()
    with hold_gpu_slot("cuda", None, lines):
        assert held(limit) == 1
        with pytest.raises(TimeoutError), concurrency(limit, timeout_seconds=0.2, strict=True):
            pytest.fail("a second run got the only slot")
    assert held(limit) == 0
    with pytest.raises(DataError), hold_gpu_slot("mps", limit, lines):
        raise DataError("the training failed")
    assert held(limit) == 0
    assert lines.logged == []


def test_waiting_is_reported_and_ends_when_the_other_run_frees_its_slot(limit: str) -> None:
    import threading

    from prefect.concurrency.sync import concurrency

    from augmentor.tasks.engines import hold_gpu_slot

    waiting, leave = threading.Event(), threading.Event()

    class Told(Lines):
        def log(self, message: str) -> None:
            super().log(message)
            leave.set()

    left: list[str] = []

    def other_run() -> None:
        with concurrency(limit, strict=True):
            waiting.set()
            if leave.wait(60):
                left.append("other run")

    lines = Told()
    other = threading.Thread(target=other_run)
    other.start()
    assert waiting.wait(60)
    with hold_gpu_slot("cuda", None, lines):
        assert left == ["other run"]
        assert held(limit) == 1
    other.join()
    assert lines.logged == [f"waiting for a slot of {limit} (1 in all): other runs use the device"]


def test_no_slot_is_held_on_a_cpu(limit: str) -> None:
    from augmentor.tasks.engines import hold_gpu_slot

    with hold_gpu_slot("cpu", limit, Lines()):
        assert held(limit) == 0


def test_without_a_limit_a_gpu_is_used_and_that_is_reported(prefect_server: str) -> None:
    from augmentor.tasks.engines import hold_gpu_slot

    lines = Lines()
    with hold_gpu_slot("cuda", None, lines):
        pass
    assert len(lines.logged) == 1
    assert "`prefect gcl create augmentor-gpu --limit 1`" in lines.logged[0]


def test_a_limit_that_the_recipe_names_must_exist(prefect_server: str) -> None:
    from augmentor.tasks.engines import hold_gpu_slot

    with (
        pytest.raises(ConfigError, match="prefect gcl create big-gpu --limit 1"),
        hold_gpu_slot("cuda", "big-gpu", Lines()),
    ):
        pytest.fail("the block ran without its slot")


def test_training_and_sampling_hold_a_slot_on_the_device(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    from augmentor.run.engine import Engine
    from augmentor.synthesizers.synthesizer import Synthesizer

    events: list[str] = []

    @contextmanager
    def device_slot(device: str) -> Iterator[None]:
        events.append(f"take {device}")
        yield
        events.append(f"give {device}")

    fit, sample = Synthesizer.fit, Synthesizer.sample
    monkeypatch.setattr(Synthesizer, "fit", lambda *a, **k: (events.append("fit"), fit(*a, **k))[1])
    monkeypatch.setattr(Synthesizer, "sample", lambda *a, **k: (events.append("sample"), sample(*a, **k))[1])
    recipe = load_recipe(str(tiny_recipe), ["training.images=32", "judge.updates=1"], data=tiny_images)
    session = begin(Job(recipe, tmp_path, "cpu"), expansion(recipe), Engine(device_slot=device_slot))
    for step in session.plan.steps[:4]:
        session.run_step(step)
    changes = [event for event, before in pairwise([*events, ""]) if event != before]
    assert changes == ["take cpu", "fit", "give cpu", "take cpu", "sample", "give cpu"]

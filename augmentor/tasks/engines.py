"""What Prefect provides to a run: Dask or Ray workers for its fits, and a slot on the GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from augmentor.tasks.quiet import settle

settle()  # before the first import of Prefect, which reads its settings then

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.task_runners import TaskRunner

from augmentor.core.errors import ConfigError
from augmentor.core.parallel import Mapper, processes_to_use, run_parallel
from augmentor.core.progress import Progress
from augmentor.run.engine import Engine
from augmentor.run.recipe import ExecutionSpec

Unit = TypeVar("Unit")
Result = TypeVar("Result")

_lot: ContextVar[Any] = ContextVar("augmentor_lot")
HOST = "127.0.0.1"
GPU_SLOT = "augmentor-gpu"
"""Concurrency limit that work on a GPU holds where the recipe names no other."""
LEASE = 300.0
"""Seconds after which the server takes a slot back from a process that was killed."""


def engine_of(execution: ExecutionSpec, progress: Progress) -> Engine:
    """Return the workers and device slots that ``execution`` asks for; call its parts inside a flow.

    Raises:
        ConfigError: if the runner's package is not installed.
    """

    def device_slot(device: str) -> Any:  # noqa: ANN401 - a context manager, which @contextmanager hides
        return hold_gpu_slot(device, execution.gpu_slot, progress)

    return Engine(mapper_of(execution), device_slot)


def mapper_of(execution: ExecutionSpec) -> Mapper:
    """Return what spreads units of work as ``execution`` says.

    Raises:
        ConfigError: if the runner's package is not installed.
    """
    if execution.runner == "processes":
        return run_parallel
    runners = {"dask": dask_runner, "ray": ray_runner}
    make = runners[execution.runner]
    make(execution.address, 1)  # a missing package is reported before anything is trained
    return Spread(execution.runner, execution.address, make)


@dataclass(frozen=True)
class Spread:
    """A :class:`augmentor.core.parallel.Mapper` whose units are Prefect tasks on Dask or Ray workers.

    Each call is a flow of its own, inside the flow that asks for it. Without an ``address`` it has
    workers of its own on this machine, which end with it.

    Attributes:
        name: "dask" or "ray".
        address: of running workers, or None.
        make: returns Prefect's task runner for an address and a number of workers.
    """

    name: str
    address: str | None
    make: Callable[[str | None, int], TaskRunner[Any]]

    def __call__(
        self,
        function: Callable[[Unit], Result],
        jobs: Sequence[Unit],
        *,
        processes: int | None = None,
        done: Callable[[int], None] = lambda _: None,
    ) -> list[Result]:
        """Return ``[function(job) for job in jobs]``; see :func:`augmentor.core.parallel.run_parallel`.

        ``processes`` is the number of workers started here; running workers are used as they are.
        """
        if not jobs:
            return []
        # Worked once, kept nowhere, never taken from a cache: a unit leaves its results in files of its own.
        title = getattr(function, "__name__", "unit").replace("_", " ").strip()
        unit = task(name=title, cache_policy=NO_CACHE, persist_result=False)(_work)
        spread = flow(
            name=f"spread-{self.name}",
            flow_run_name=f"{len(jobs)} x {title} on {self.name}",
            task_runner=self.make(self.address, processes_to_use(processes, len(jobs))),
            persist_result=False,
        )(_submit_all)
        # Neither a closure nor a parameter: Prefect sends the running flow along with every unit.
        token = _lot.set((unit, function, jobs, done))
        try:
            return cast("list[Result]", spread())
        finally:
            _lot.reset(token)


def _submit_all() -> list[Any]:
    unit, function, jobs, done = _lot.get()
    futures = [unit.submit(function, job) for job in jobs]
    results: list[Any] = []
    for future in futures:
        results.append(future.result())
        done(len(results))
    return results


def _work(function: Callable[[Unit], Result], job: Unit) -> Result:
    return function(job)


def dask_runner(address: str | None, workers: int) -> TaskRunner[Any]:
    """Return Prefect's Dask task runner: for the scheduler at ``address``, or with workers of its own.

    Raises:
        ConfigError: if prefect-dask is not installed.
    """
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise _not_installed("dask", error) from error
    if address is not None:
        return cast("TaskRunner[Any]", DaskTaskRunner(address=address))
    # One thread and no memory limit a worker, as in the process pool; every port on the loopback only.
    local = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "memory_limit": 0,
        "host": HOST,
        "dashboard_address": f"{HOST}:0",
    }
    return cast("TaskRunner[Any]", DaskTaskRunner(cluster_kwargs=local))


def ray_runner(address: str | None, workers: int) -> TaskRunner[Any]:
    """Return Prefect's Ray task runner: for the head at ``address``, or with workers of its own.

    Raises:
        ConfigError: if prefect-ray is not installed.
    """
    try:
        from prefect_ray import RayTaskRunner
    except ImportError as error:
        raise _not_installed("ray", error) from error
    if address is not None:
        return cast("TaskRunner[Any]", RayTaskRunner(address=address))
    local = {
        "num_cpus": workers,
        "include_dashboard": False,
        "log_to_driver": False,
        "logging_level": "error",
        "_node_ip_address": HOST,
        # Ray starts workers at nice 15; these are the run's own work, as those of the process pool are.
        "_system_config": {"worker_niceness": 0},
    }
    return cast("TaskRunner[Any]", RayTaskRunner(init_kwargs=local))


@contextmanager
def hold_gpu_slot(device: str, slot: str | None, progress: Progress) -> Iterator[None]:
    """Hold one slot of a Prefect global concurrency limit while the block uses ``device``.

    On a CPU nothing is held. While other runs hold all slots, the block waits. A process that is
    killed loses its slot after five minutes. A server that is lost during the block does not stop it.

    Args:
        device: "cpu", "cuda" or "mps".
        slot: name of the limit, which must exist; None for :data:`GPU_SLOT`, which need not.
        progress: receives a message while waiting, and where nothing is held although a GPU is used.

    Raises:
        ConfigError: if ``slot`` is named and there is no such limit.
    """
    if device == "cpu":
        yield
        return
    name = slot or GPU_SLOT
    create = f"`prefect gcl create {name} --limit 1`"
    try:
        with get_client(sync_client=True) as client:
            limit = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound as error:
        if slot is not None:
            raise ConfigError(
                f"execution.gpu_slot names the Prefect global concurrency limit {name!r}, which does not "
                f"exist; create it with {create}, or leave the setting out"
            ) from error
        progress.log(f"no other run is waited for on the {device} device; {create} makes runs take turns")
        yield
        return
    if limit.active_slots >= limit.limit:
        progress.log(f"waiting for a slot of {name} ({limit.limit} in all): other runs use the device")
    with concurrency(name, occupy=1, lease_duration=LEASE, strict=True, raise_on_lease_renewal_failure=False):
        yield


def _not_installed(extra: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"execution.runner={extra} needs packages that are not installed ({error}); "
        f"install them with: pip install 'gan-augmentor[{extra}]'"
    )

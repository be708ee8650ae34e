"""Independent jobs in parallel processes of one thread each.

Small convolutions gain little from a second thread and nearly twice from a second process, so
seeds and arms are spread over processes. Every job carries its own seed: the number of
processes never changes a result.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Mapper(Protocol):
    """Runs independent jobs, as :func:`run_parallel` does in processes of this machine."""

    def __call__(
        self,
        function: Callable[[Job], Result],
        jobs: Sequence[Job],
        *,
        processes: int | None = None,
        done: Callable[[int], None] = lambda _: None,
    ) -> list[Result]:
        """Return ``[function(job) for job in jobs]``, in that order; see :func:`run_parallel`."""
        ...


def processes_to_use(asked: int | None, jobs: int) -> int:
    """Return how many processes to start: ``asked`` or every core, never more than ``jobs``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(asked or cores, jobs))


def run_parallel(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    processes: int | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> list[Result]:
    """Return ``[function(job) for job in jobs]``, computed in several processes.

    Args:
        function: a module-level function (it is sent by name).
        jobs: picklable arguments.
        processes: how many processes; None for one per core. With one, everything runs here.
        done: called with the number of finished jobs after each one.
    """
    count = processes_to_use(processes, len(jobs))
    if count == 1:
        results = []
        for number, job in enumerate(jobs, start=1):
            results.append(function(job))
            done(number)
        return results
    saved = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_ignore_interrupt
    )
    try:
        futures = [pool.submit(function, job) for job in jobs]
        _await_all(futures, done)
        return [future.result() for future in futures]
    except BaseException:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _await_all(futures: Sequence[Future[Result]], done: Callable[[int], None]) -> None:
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
        done(len(futures) - len(waiting))


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the parent, which ends the children itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

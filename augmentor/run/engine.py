"""What an orchestrator provides to a run: workers for its fits, and a slot on the GPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from augmentor.core.errors import ConfigError
from augmentor.core.parallel import Mapper, run_parallel
from augmentor.run.recipe import ExecutionSpec


def _no_waiting(_: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Engine:
    """Workers and device slots; by default the processes of this machine, and no waiting.

    Attributes:
        mapper: spreads the classifier fits.
        device_slot: called with the device ("cpu", "cuda", "mps"); what it returns is held while the
            generator trains or samples on it.
    """

    mapper: Mapper = run_parallel
    device_slot: Callable[[str], AbstractContextManager[None]] = _no_waiting


def plain_engine(execution: ExecutionSpec) -> Engine:
    """Return the engine of a run without Prefect.

    Raises:
        ConfigError: if the recipe asks for workers or slots that only Prefect has.
    """
    for key, asked in (
        ("runner", None if execution.runner == "processes" else execution.runner),
        ("gpu_slot", execution.gpu_slot),
    ):
        if asked is not None:
            raise ConfigError(
                f"execution.{key}={asked} works through Prefect, and this run goes without it; use "
                "`augmentor run` without --no-prefect, or one of the flows, or leave the setting out"
            )
    return Engine()

"""A training over several processes that ``torchrun`` starts: the first one runs the job, the others help.

Only the generator's training is shared. The helpers wait for the first process, train with it, and are
dismissed; everything before and after, checkpoints and their judgement included, is the first one's.
"""

from __future__ import annotations

import os
from pathlib import Path

from augmentor.core.errors import ConfigError


def ranks_started() -> int:
    """Return how many processes ``torchrun`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_helper() -> bool:
    """Return whether this process is one that ``torchrun`` started beside the first."""
    return ranks_started() > 1 and os.environ.get("RANK", "0") != "0"


def refuse_helpers(asked: str, instead: str) -> None:
    """Refuse ``torchrun`` for what trains more than once: the helpers leave after the first training.

    Args:
        asked: what trains more than once, e.g. "a sweep".
        instead: what to do.

    Raises:
        ConfigError: if ``torchrun`` started more than one process.
    """
    if ranks_started() > 1:
        raise ConfigError(
            f"{asked} trains one generator after another, and torchrun, which started {ranks_started()} "
            f"processes here, shares the training of one; {instead}"
        )


def meet(device: str) -> None:
    """Wait for the other processes, where there are any; ``device`` is the one that is trained on."""
    if ranks_started() > 1:
        from augmentor.core import ranks

        ranks.init_process_group(device)


def call_helpers(work: Path) -> None:
    """Let the helpers begin the training whose states lie in ``work``."""
    if ranks_started() > 1:
        from augmentor.core import ranks

        ranks.broadcast_from_rank0(str(work))


def dismiss_helpers() -> None:
    """Let the helpers end: there is nothing more to train."""
    if ranks_started() > 1:
        from augmentor.core import ranks

        ranks.broadcast_from_rank0("")
        ranks.destroy_process_group()


def called() -> Path | None:
    """Wait to be called, and return the folder of the states; None if there is nothing (more) to train."""
    from augmentor.core import ranks

    said = ranks.broadcast_from_rank0("")
    return Path(said) if said else None

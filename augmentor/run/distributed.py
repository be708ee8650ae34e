"""A training over several processes (ranks) that ``torchrun`` starts: rank 0 runs the job.

Only the generator's training is shared. The other ranks wait for rank 0, train with it, and end;
everything before and after, checkpoints and their judgement included, is done by rank 0.
"""

from __future__ import annotations

import os
from pathlib import Path

from augmentor.core.errors import ConfigError


def rank_count() -> int:
    """Return how many processes ``torchrun`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_rank_0() -> bool:
    """Return whether this process runs the job; True without ``torchrun``."""
    return rank_count() == 1 or os.environ.get("RANK", "0") == "0"


def refuse_several_ranks(asked: str, instead: str) -> None:
    """Refuse ``torchrun`` for what trains more than once: the other ranks end after the first training.

    Args:
        asked: what trains more than once, e.g. "a sweep".
        instead: what to do.

    Raises:
        ConfigError: if ``torchrun`` started more than one process.
    """
    if rank_count() > 1:
        raise ConfigError(
            f"{asked} trains one generator after another, and torchrun, which started {rank_count()} "
            f"processes here, shares the training of one; {instead}"
        )


def join_ranks(device: str) -> None:
    """Wait for the other ranks, where there are any; ``device`` is the one that is trained on."""
    if rank_count() > 1:
        from augmentor.core import ranks

        ranks.init_process_group(device)


def start_training_on_ranks(work: Path) -> None:
    """Let the other ranks begin the training whose checkpoints are in ``work``; called by rank 0."""
    if rank_count() > 1:
        from augmentor.core import ranks

        ranks.broadcast_from_rank_0(str(work))


def release_ranks() -> None:
    """Let the other ranks end: there is nothing (more) to train; called by rank 0."""
    if rank_count() > 1:
        from augmentor.core import ranks

        ranks.broadcast_from_rank_0("")
        ranks.destroy_process_group()


def wait_for_training() -> Path | None:
    """Wait for rank 0; return the folder of the checkpoints, None if there is nothing (more) to train."""
    from augmentor.core import ranks

    folder = ranks.broadcast_from_rank_0("")
    return Path(folder) if folder else None

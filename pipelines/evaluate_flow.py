"""Judge synthetic samples that someone else made: the same filters, arms, statistics and report.

By hand: `augmentor evaluate REAL SYNTHETIC`.
"""

from __future__ import annotations

from pathlib import Path

from augmentor.tasks.expand import evaluate_all  # first: it settles Prefect's settings

# isort: split
from prefect import flow

from augmentor.run.outcome import Outcome
from augmentor.tasks.pages import write_what_to_do


@flow(
    name="evaluate",
    description="Measure what a classifier gains from existing synthetic samples; no generator is trained.",
    validate_parameters=True,
    persist_result=False,
    on_failure=[write_what_to_do],
    on_crashed=[write_what_to_do],
)
def evaluate(
    real: str,
    synthetic: str,
    recipe: str = "default",
    settings: list[str] | None = None,
    out: str = "runs",
    device: str = "auto",
) -> Outcome:
    """Evaluate one synthetic set against one dataset.

    Args:
        real: a dataset card's name, a card file, or the path of an image folder or .npz.
        synthetic: an image folder, an .npz, or a run folder.
        recipe: a shipped recipe or a YAML file: split, judge, filters and evaluation are its.
        settings: `dotted.key=value` assignments, as `--set` takes them.
        out: the folder of all runs.
        device: auto, cpu, cuda or mps.

    Returns:
        The run folder, the verdict in one sentence, the steps reused and the seconds taken.
    """
    return evaluate_all(real, synthetic, recipe, settings or (), Path(out), device)

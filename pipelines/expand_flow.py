"""Expand a dataset: train a generator, make balanced samples, measure the gain, publish.

Run it by hand with `augmentor run RECIPE`, every night with `augmentor serve RECIPE`, or on a work
pool with `augmentor deploy RECIPE`.
"""

from __future__ import annotations

from augmentor.tasks.expand import expand_all, job_of  # first: it settles Prefect's settings

# isort: split
from prefect import flow

from augmentor.run.outcome import Outcome
from augmentor.run.recipe import Recipe
from augmentor.tasks.pages import write_what_to_do


@flow(
    name="expand",
    description="Train a conditional GAN, make class-balanced samples, and measure what a classifier gains.",
    validate_parameters=True,
    persist_result=False,
    on_failure=[write_what_to_do],
    on_crashed=[write_what_to_do],
)
def expand(
    recipe: str | Recipe = "digits",
    data: str | None = None,
    settings: list[str] | None = None,
    out: str = "runs",
    device: str = "auto",
) -> Outcome:
    """Run one recipe from data to report.

    Args:
        recipe: a shipped recipe's name, the path of a YAML file, or the recipe's own values.
        data: where the data lies, for recipes that work on any data.
        settings: `dotted.key=value` assignments, as `--set` takes them.
        out: the folder of all runs.
        device: auto, cpu, cuda or mps.

    Returns:
        The run folder, the verdict in one sentence, the steps reused and the seconds taken.
    """
    return expand_all(job_of(recipe, data, settings, out, device))

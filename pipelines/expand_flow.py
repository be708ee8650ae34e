"""Expand a dataset: train a generator, make balanced samples, measure the gain, publish.

Run it by hand with `augmentor run RECIPE`, or deploy it:

    prefect deploy pipelines/expand_flow.py:expand
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.tasks.expand import (  # first: it settles Prefect's settings
    finish,
    open_session,
    say_what_to_do,
    work,
)

# isort: split
from prefect import flow

from augmentor.job.recipe import load_recipe, recipe_from_values
from augmentor.job.run import STEPS, Job, Outcome


@flow(
    name="expand",
    description="Train a conditional GAN, make class-balanced samples, and measure what a classifier gains.",
    validate_parameters=True,
    persist_result=False,
    on_failure=[say_what_to_do],
    on_crashed=[say_what_to_do],
)
def expand(
    recipe: str | dict[str, Any] = "digits",
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
    if isinstance(recipe, dict):
        checked = recipe_from_values(recipe)
    else:
        checked = load_recipe(recipe, settings or (), data=None if data is None else Path(data))
    session = open_session(Job(checked, Path(out), device))
    with session.recorded():
        for step in STEPS:
            work(session, step)
        return finish(session)

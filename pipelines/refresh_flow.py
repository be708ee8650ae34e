"""Expand a dataset again if its source or its recipe has changed since the last run, else stop at once.

`augmentor serve RECIPE --if-changed` runs it on a schedule; a night without new data costs seconds.
"""

from __future__ import annotations

from augmentor.tasks.expand import expand_all, job_of  # first: it settles Prefect's settings

# isort: split
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from augmentor.run.outcome import Outcome
from augmentor.run.recipe import Recipe
from augmentor.run.refresh import since_last_run
from augmentor.tasks.pages import pages, write_what_to_do


@flow(
    name="refresh",
    description="Run a recipe again if its source data or the recipe has changed, by content; else stop.",
    validate_parameters=True,
    persist_result=False,
    on_failure=[write_what_to_do],
    on_crashed=[write_what_to_do],
)
def refresh(
    recipe: str | Recipe = "digits",
    data: str | None = None,
    settings: list[str] | None = None,
    out: str = "runs",
    device: str = "auto",
) -> Outcome | None:
    """Run one recipe where there is something new.

    Args:
        recipe: a shipped recipe's name, the path of a YAML file, or the recipe's own values.
        data: where the data lies, for recipes that work on any data.
        settings: `dotted.key=value` assignments, as `--set` takes them.
        out: the folder of all runs.
        device: auto, cpu, cuda or mps.

    Returns:
        What `expand` returns, or None where nothing has changed.
    """
    job = job_of(recipe, data, settings, out, device)
    change = since_last_run(job.recipe, job.out.expanduser().resolve())
    then = "it runs again" if change.changed else "nothing was trained"
    get_run_logger().info("%s: %s; %s", job.recipe.name, change.sentence, then)
    pages.ask(
        create_markdown_artifact,
        key="refresh",
        markdown=f"**{job.recipe.name}**: {change.sentence}; {then}.\n",
        description="Whether anything has changed since the last run",
    )
    return expand_all(job) if change.changed else None

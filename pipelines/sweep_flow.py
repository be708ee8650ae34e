"""Try many synthesizer settings and mixing shares, choose on the validation part, run the best one.

By hand: `augmentor sweep RECIPE --grid KEY=[VALUE,VALUE]`.
"""

from __future__ import annotations

from augmentor.tasks.expand import job_of  # first: it settles Prefect's settings

# isort: split
from prefect import flow

from augmentor.run.compose.sweep import SweepSpec
from augmentor.run.outcome import Outcome
from augmentor.run.recipe import Recipe
from augmentor.tasks.pages import write_what_to_do
from augmentor.tasks.sweep import sweep_all


@flow(
    name="sweep",
    description="Try many settings, choose on the validation part, and run the best one to its report.",
    validate_parameters=True,
    persist_result=False,
    on_failure=[write_what_to_do],
    on_crashed=[write_what_to_do],
)
def sweep(
    recipe: str | Recipe = "digits",
    plan: SweepSpec = SweepSpec(),  # noqa: B008 - a frozen value
    data: str | None = None,
    settings: list[str] | None = None,
    out: str = "runs",
    device: str = "auto",
) -> Outcome:
    """Run one sweep from data to the report of its winner.

    Args:
        recipe: a shipped recipe's name, the path of a YAML file, or the recipe's own values.
        plan: what to try: a grid of settings, a list of them, or both; the shares to try are the
            recipe's evaluation.mixing.shares.
        data: where the data lies, for recipes that work on any data.
        settings: `dotted.key=value` assignments, as `--set` takes them.
        out: the folder of all runs.
        device: auto, cpu, cuda or mps.

    Returns:
        The winner's run folder, its verdict, the steps reused and the seconds taken.
    """
    return sweep_all(job_of(recipe, data, settings, out, device), plan)

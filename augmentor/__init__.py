"""Synthetic data augmentation with an honest answer.

The steps of a run as plain functions on five values, none of which needs Prefect; docs/api.md
has a runnable example of each. Names are imported when they are first used, so that
``import augmentor`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from augmentor.core.results import Results as Results
    from augmentor.core.samples import Samples as Samples
    from augmentor.core.synthetic import SyntheticSet as SyntheticSet
    from augmentor.data.export import export as export
    from augmentor.data.inspect import inspect as inspect
    from augmentor.data.load import load as load
    from augmentor.data.split import split as split
    from augmentor.data.torch_dataset import ExpandedDataset as ExpandedDataset
    from augmentor.experiment.evaluate import evaluate as evaluate
    from augmentor.experiment.quality import measure as measure
    from augmentor.job.foreign import evaluate_foreign as evaluate_foreign
    from augmentor.job.generate import generate as generate
    from augmentor.job.recipe import load_recipe as load_recipe
    from augmentor.job.reporting import write_report as write_report
    from augmentor.job.run import Job as Job
    from augmentor.job.run import run_job as run_job
    from augmentor.job.sampling import filter as filter
    from augmentor.job.sampling import sample as sample
    from augmentor.selection.plan import candidates as candidates
    from augmentor.selection.plan import plan as plan
    from augmentor.synthesizers.build import build as build
    from augmentor.synthesizers.build import load_synthesizer as load_synthesizer
    from augmentor.synthesizers.critic import load_classifier as load_classifier
    from augmentor.synthesizers.judge import TaskJudge as TaskJudge

_PLACES = {
    "ExpandedDataset": "data.torch_dataset",
    "Job": "job.run",
    "Results": "core.results",
    "Samples": "core.samples",
    "SyntheticSet": "core.synthetic",
    "TaskJudge": "synthesizers.judge",
    "build": "synthesizers.build",
    "candidates": "selection.plan",
    "evaluate": "experiment.evaluate",
    "evaluate_foreign": "job.foreign",
    "export": "data.export",
    "filter": "job.sampling",
    "generate": "job.generate",
    "inspect": "data.inspect",
    "load": "data.load",
    "load_classifier": "synthesizers.critic",
    "load_recipe": "job.recipe",
    "load_synthesizer": "synthesizers.build",
    "measure": "experiment.quality",
    "plan": "selection.plan",
    "run_job": "job.run",
    "sample": "job.sampling",
    "split": "data.split",
    "write_report": "job.reporting",
}

__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a public name when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"module 'augmentor' has no attribute {name!r}")
    return getattr(import_module(f"augmentor.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)

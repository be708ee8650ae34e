"""Synthetic data augmentation with an honest answer.

The steps of a run as plain functions on five values, none of which needs Prefect; docs/howto/python.md
has a runnable example of each. Names are imported when they are first used, so that
``import augmentor`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from augmentor.core.version import __version__

if TYPE_CHECKING:
    from augmentor.core.conditions import Conditions as Conditions
    from augmentor.core.results import Results as Results
    from augmentor.core.samples import Samples as Samples
    from augmentor.core.synthetic import SyntheticSet as SyntheticSet
    from augmentor.data.inspect import inspect as inspect
    from augmentor.data.load import load as load
    from augmentor.data.split import split as split
    from augmentor.data.torch_dataset import ExpandedDataset as ExpandedDataset
    from augmentor.experiment.evaluate import evaluate as evaluate
    from augmentor.experiment.values import Parts as Parts
    from augmentor.experiment.values import Workers as Workers
    from augmentor.experiment.verdict_of import verdict as verdict
    from augmentor.experiment.verdict_of import verdict_over_folds as verdict_over_folds
    from augmentor.modalities.export import export as export
    from augmentor.quality.judge import TaskJudge as TaskJudge
    from augmentor.quality.measure import measure as measure
    from augmentor.quality.plan import candidates as candidates
    from augmentor.quality.plan import plan as plan
    from augmentor.run.compose.expand import run_job as run_job
    from augmentor.run.compose.external import evaluate_foreign as evaluate_foreign
    from augmentor.run.generate import generate as generate
    from augmentor.run.recipe import load_recipe as load_recipe
    from augmentor.run.reporting import write_report as write_report
    from augmentor.run.sampling import filter as filter
    from augmentor.run.sampling import sample as sample
    from augmentor.run.session import Job as Job
    from augmentor.statistics.planning import detectable_gain as detectable_gain
    from augmentor.synthesizers.build import build as build
    from augmentor.synthesizers.build import load_synthesizer as load_synthesizer
    from augmentor.synthesizers.critic import load_classifier as load_classifier
    from augmentor.synthesizers.fitting import FitContext as FitContext
    from augmentor.synthesizers.synthesizer import Synthesizer as Synthesizer

_PLACES = {
    "Conditions": "core.conditions",
    "ExpandedDataset": "data.torch_dataset",
    "FitContext": "synthesizers.fitting",
    "Job": "run.session",
    "Parts": "experiment.values",
    "Results": "core.results",
    "Samples": "core.samples",
    "Synthesizer": "synthesizers.synthesizer",
    "SyntheticSet": "core.synthetic",
    "TaskJudge": "quality.judge",
    "Workers": "experiment.values",
    "build": "synthesizers.build",
    "candidates": "quality.plan",
    "detectable_gain": "statistics.planning",
    "evaluate": "experiment.evaluate",
    "evaluate_foreign": "run.compose.external",
    "export": "modalities.export",
    "filter": "run.sampling",
    "generate": "run.generate",
    "inspect": "data.inspect",
    "load": "data.load",
    "load_classifier": "synthesizers.critic",
    "load_recipe": "run.recipe",
    "load_synthesizer": "synthesizers.build",
    "measure": "quality.measure",
    "plan": "quality.plan",
    "run_job": "run.compose.expand",
    "sample": "run.sampling",
    "split": "data.split",
    "verdict": "experiment.verdict_of",
    "verdict_over_folds": "experiment.verdict_of",
    "write_report": "run.reporting",
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

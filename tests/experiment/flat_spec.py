"""Evaluations from fields without their sections, for tests: ``evaluation(seeds=2, updates=30)``."""

from augmentor.downstream.model_spec import ModelSpec
from augmentor.experiment.augmentation_spec import AugmentationSpec
from augmentor.experiment.spec import (
    EvaluationSpec,
    MixingSpec,
    StatisticsSpec,
)

SECTIONS = {
    "model": ModelSpec,
    "augmentation": AugmentationSpec,
    "mixing": MixingSpec,
    "statistics": StatisticsSpec,
}


def nested(**fields):
    """Return the fields as a recipe writes them, each in its section."""
    found = {}
    for name, value in fields.items():
        section = next((key for key, spec in SECTIONS.items() if name in spec.model_fields), None)
        if section is None:
            found[name] = value
        else:
            found.setdefault(section, {})[name] = value
    return found


def evaluation(**fields):
    """Return a spec that chooses on as few validation cases as there are, where it is not told otherwise."""
    return EvaluationSpec(**{"fewest_to_choose": 1, **nested(**fields)})


def changed(spec, **fields):
    """Return ``spec`` with the fields replaced, which are not checked again."""
    update = {}
    for name, value in nested(**fields).items():
        inner = name in SECTIONS and isinstance(value, dict)
        update[name] = getattr(spec, name).model_copy(update=value) if inner else value
    return spec.model_copy(update=update)

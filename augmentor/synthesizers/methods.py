"""The methods by name: the fields of each, and where its networks and training step are.

To add a method, write its fields (:class:`augmentor.synthesizers.method_spec.MethodSpec`) and its model
(:class:`augmentor.synthesizers.model.GenerativeModel`), and put both into :data:`METHODS`. Torch-free, so
that recipes are read quickly: a model is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augmentor.synthesizers.adversarial.spec import AdversarialSpec
from augmentor.synthesizers.class_translation.spec import ClassTranslationSpec
from augmentor.synthesizers.flow.spec import FlowSpec
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.unpaired_translation.spec import UnpairedTranslationSpec
from augmentor.synthesizers.variational.spec import VariationalSpec

if TYPE_CHECKING:
    from augmentor.synthesizers.model import GenerativeModel

    Model = type[GenerativeModel[Any, Any]]


@dataclass(frozen=True)
class Method:
    """One way to learn to make samples.

    Attributes:
        spec: the class of its fields.
        model: imports and returns the class that trains and samples.
    """

    spec: type[MethodSpec]
    model: Callable[[], Model]


def _adversarial() -> Model:
    from augmentor.synthesizers.adversarial.model import AdversarialModel

    return AdversarialModel


def _variational() -> Model:
    from augmentor.synthesizers.variational.model import VariationalModel

    return VariationalModel


def _flow() -> Model:
    from augmentor.synthesizers.flow.model import FlowModel

    return FlowModel


def _class_translation() -> Model:
    from augmentor.synthesizers.class_translation.model import ClassTranslationModel

    return ClassTranslationModel


def _unpaired_translation() -> Model:
    from augmentor.synthesizers.unpaired_translation.model import UnpairedTranslationModel

    return UnpairedTranslationModel


METHODS: dict[str, Method] = {
    "adversarial": Method(AdversarialSpec, _adversarial),
    "variational": Method(VariationalSpec, _variational),
    "flow": Method(FlowSpec, _flow),
    "class_translation": Method(ClassTranslationSpec, _class_translation),
    "unpaired_translation": Method(UnpairedTranslationSpec, _unpaired_translation),
}
"""Every method by name."""

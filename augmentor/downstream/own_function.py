"""A model from a function of the user's: "path/to/file.py:function" or "module:function".

Such a name runs code, so it is taken from the command line or from Python and refused in a recipe file
(:func:`augmentor.run.recipe.load_recipe`). The function is called with keyword arguments: ``shape``,
(C, *spatial) of what the model is given, and ``n_classes``, where it takes them, and the recipe's
``parameters``. It returns a torch module of (B, C, *spatial) to logits (B, K), which is trained as every
network is, or an estimator with scikit-learn's ``fit``, ``predict_proba`` and ``classes_``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from math import prod
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from augmentor.core.errors import ConfigError
from augmentor.core.files import canonical_json, sha256_file
from augmentor.downstream.base import Batches, Form, Predictor, Training
from augmentor.downstream.estimators import seeded, takes_weights, try_estimator
from augmentor.downstream.kinds import (
    ClassifierKind,
    not_on_one_table,
    not_on_own_network,
    table_rows,
)
from augmentor.downstream.model_spec import ModelSpec

if TYPE_CHECKING:
    from augmentor.nets.classifier import Classifier

PATTERN = r".+\.py:[A-Za-z_]\w*|[A-Za-z_][\w.]*:[A-Za-z_]\w*"


@dataclass(frozen=True)
class Built:
    """What a function returned, as far as arms depend on it: a network or not, and weights of rows or not."""

    network: bool
    weights: bool


@dataclass(frozen=True)
class OwnFunction(ClassifierKind):
    """A function of the user's that returns a torch module or an estimator."""

    pattern: str = PATTERN
    runs_code: bool = True
    reads: tuple[str, ...] = ("learning_rate", "input", "parameters")

    def why_not(self, spec: ModelSpec, training: Training, form: Form | None) -> str:
        """Return why not; whether it is a network or an estimator is only known where ``form`` is given."""
        reason = not_on_own_network(training)
        if reason or form is None:
            return reason
        built = _built(spec.model_dump_json(), self._digest(spec), form)
        return "" if built.network else not_on_one_table(spec.name, training, weights=built.weights)

    def files(self, spec: ModelSpec) -> dict[str, Path]:
        """Return the file that holds the function; files that it imports are not looked at."""
        place, _, _ = spec.name.rpartition(":")
        if place.endswith(".py"):
            path = Path(place).expanduser()
            return {path.name: path}
        try:
            found = find_spec(place)
        except ImportError as error:
            raise ConfigError(f"evaluation.model: there is no module {place}: {error}") from error
        if found is None or not found.origin or not Path(found.origin).is_file():
            raise ConfigError(
                f"evaluation.model: there is no module {place} with a source file; give the path of a file, "
                "such as my_model.py:build, or install the module"
            )
        return {place: Path(found.origin)}

    def pretrained(self, spec: ModelSpec) -> bool | None:
        """Return True where the recipe says what it was trained on, else None: only the author knows."""
        return True if spec.pretrained_on else None

    def describe(self, spec: ModelSpec) -> str:
        """Return the name without folders, which are nobody's business."""
        place, _, function = spec.name.rpartition(":")
        return f"{Path(place).name}:{function}, a model of the user's own"

    def check(self, spec: ModelSpec, form: Form) -> None:
        """Call the function once and try what it returns."""
        built = _built(spec.model_dump_json(), self._digest(spec), form)
        if built.network:
            from augmentor.downstream.prepared import try_network

            try_network(network(spec, form), spec, form)
        else:
            try_estimator(
                spec.name, lambda state: seeded(call(spec, form), spec.parameters, state), form.n_classes
            )

    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Train the network batch by batch, or fit the estimator on a table."""
        from augmentor.downstream.fit_classifier import fit_batches, fit_on_table

        form = Form(batches.shape, len(batches.counts))
        if _built(spec.model_dump_json(), self._digest(spec), form).network:
            return fit_batches(lambda: network(spec, form), spec, training, batches, seed=seed, critic=critic)
        rows = table_rows(spec.updates, spec.batch, prod(batches.shape))

        def make(state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
            return seeded(call(spec, form), spec.parameters, state)

        return fit_on_table(make, training, batches, steps=rows // spec.batch, seed=seed)

    def _digest(self, spec: ModelSpec) -> str:
        (path,) = self.files(spec).values()
        return sha256_file(path) if path.is_file() else ""


def call(spec: ModelSpec, form: Form) -> Any:  # noqa: ANN401 - a torch module or an estimator
    """Return what the function gives for samples of that form.

    Raises:
        ConfigError: if there is no such function, it fails, or gives neither of the two.
    """
    from torch import nn

    function = _function(spec.name)
    known = {"shape": spec.given(form.shape), "n_classes": form.n_classes}
    try:
        takes = inspect.signature(function).parameters
        made = function(**{name: known[name] for name in known if name in takes}, **spec.parameters)
    except Exception as error:
        raise ConfigError(
            f"evaluation.model: {spec.name} failed: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}; it is called with shape and n_classes, where it takes "
            f"them, and with the recipe's parameters {canonical_json(spec.parameters)}"
        ) from error
    if not isinstance(made, nn.Module) and not (hasattr(made, "fit") and hasattr(made, "predict_proba")):
        raise ConfigError(
            f"evaluation.model: {spec.name} returned {type(made).__name__}; a torch module of "
            "(B, C, *spatial) to logits (B, classes) is needed, or an estimator with fit and predict_proba"
        )
    return made


def network(spec: ModelSpec, form: Form) -> Classifier:
    """Return the network that the function gives, with the input that the recipe asks for."""
    from augmentor.downstream.prepared import prepared

    return prepared(call(spec, form), spec, form, channels=spec.given(form.shape)[0])


@lru_cache(maxsize=8)
def _built(said: str, digest: str, form: Form) -> Built:
    """Return what the function gives; ``digest`` tells versions of its file apart."""
    from torch import nn

    made = call(ModelSpec.model_validate_json(said), form)
    if isinstance(made, nn.Module):
        return Built(network=True, weights=True)
    return Built(network=False, weights=takes_weights(made))


def _function(name: str) -> Callable[..., Any]:
    place, _, function = name.rpartition(":")
    module = _from_file(Path(place).expanduser()) if place.endswith(".py") else _module(place)
    found = getattr(module, function, None)
    if not callable(found):
        raise ConfigError(f"evaluation.model: {place} has no function {function!r}")
    return found  # type: ignore[no-any-return]  # callable is all that is asked


def _module(place: str) -> ModuleType:
    try:
        return import_module(place)
    except Exception as error:
        raise ConfigError(
            f"evaluation.model: the module {place} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"evaluation.model: there is no file {path}; paths are read from where you are")
    name = f"augmentor_own_model_{sha256_file(path)[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # noqa: PT018 - a .py file has both
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            f"evaluation.model: {path} cannot be run: {type(error).__name__}: {error}"
        ) from error
    return module

"""Estimators of scikit-learn's kind on a table of rows: those built in, and any other by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np

from augmentor.core.errors import ConfigError
from augmentor.downstream.base import Form
from augmentor.downstream.fit_table import fit_table
from augmentor.downstream.kinds import Estimator
from augmentor.downstream.model_spec import ModelSpec

TREES = 200
ITERATIONS = 300
ROUNDS = 100
TRIAL_ROWS, TRIAL_COLUMNS = 12, 6
"""Rows of a class and values of a row that an estimator is tried on before anything is trained."""


def seeded(estimator: Any, given: Mapping[str, Any], state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    """Return an estimator with the seed of the fit and on one thread, where it has such parameters.

    Args:
        estimator: with scikit-learn's ``get_params``; others are returned as they are.
        given: parameters that the recipe names; a seed among them is kept.
        state: a 32-bit seed.
    """
    own = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    wanted = {"random_state": state, "n_jobs": 1}
    changed = {name: value for name, value in wanted.items() if name in own and name not in given}
    return estimator.set_params(**changed) if changed else estimator


def takes_weights(estimator: Any) -> bool:  # noqa: ANN401 - scikit-learn has no types
    """Return whether ``fit`` takes a ``sample_weight``."""
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(estimator, "sample_weight"))


def try_estimator(name: str, make: Callable[[int], Any], n_classes: int) -> None:
    """Fit an estimator once on a few random rows, so that what is wrong is said before hours of training.

    Raises:
        ConfigError: with what it said itself.
    """
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(n_classes), TRIAL_ROWS).astype(np.int64)
    x = rng.uniform(-1, 1, (len(y), TRIAL_COLUMNS)).astype(np.float32)
    try:
        found = fit_table(make, x, y, None, n_classes=n_classes, seed=0)(x)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"evaluation.model: {name} cannot be fitted on {len(y)} rows of {n_classes} classes: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        ) from error
    if found.shape != (len(y), n_classes) or not np.isfinite(found).all():
        raise ConfigError(
            f"evaluation.model: {name} gives no finite probability of each class for each row; "
            "an estimator needs fit, predict_proba and classes_ as scikit-learn's classifiers have them"
        )


@dataclass(frozen=True)
class ScikitLearn(Estimator):
    """A classifier of scikit-learn by its name, "sklearn:module.Class"."""

    def made(self, spec: ModelSpec, form: Form, state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """Return the estimator with the recipe's parameters."""
        return seeded(self._named(spec), spec.parameters, state)

    def idle(self, spec: ModelSpec) -> str:
        """Return as for every estimator; class and parameters are looked at too."""
        try:
            self._named(spec)
        except ConfigError as error:
            return str(error)
        if "n_jobs" in spec.parameters:
            return "model.parameters.n_jobs has no effect: every fit runs on one thread; leave it out"
        return super().idle(spec)

    def takes_weights(self, spec: ModelSpec, form: Form | None) -> bool:
        """Return whether its ``fit`` takes weights of rows."""
        try:
            return takes_weights(self._named(spec))
        except ConfigError:
            return True  # there is none such, which is refused when the recipe is read

    def check(self, spec: ModelSpec, form: Form) -> None:
        """Fit it once on a few random rows."""
        try_estimator(spec.name, lambda state: self.made(spec, form, state), form.n_classes)

    def describe(self, spec: ModelSpec) -> str:
        """Return the class and its parameters."""
        said = ", ".join(f"{name}={value}" for name, value in spec.parameters.items())
        return f"scikit-learn's {spec.name.rpartition('.')[2]}({said}) on the values laid out flat"

    def _named(self, spec: ModelSpec) -> Any:  # noqa: ANN401 - scikit-learn has no types
        place = spec.name.removeprefix("sklearn:").removeprefix("sklearn.")
        module, _, name = place.rpartition(".")
        example = "such as sklearn:ensemble.ExtraTreesClassifier"
        try:
            kind = getattr(import_module(f"sklearn.{module}"), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"model.name: scikit-learn has no {place!r}; name a module and a class, {example}"
            ) from error
        from sklearn.base import ClassifierMixin

        if not (isinstance(kind, type) and issubclass(kind, ClassifierMixin)):
            raise ConfigError(f"model.name: {spec.name} is no classifier of scikit-learn, {example}")
        try:
            made = kind(**spec.parameters)
        except TypeError as error:
            raise ConfigError(f"model.parameters do not fit {spec.name}: {error}") from error
        if not hasattr(made, "predict_proba"):
            raise ConfigError(
                f"model.name: {spec.name} gives no probabilities (predict_proba) with these parameters; "
                "take a classifier that does"
            )
        return made


def _logistic_regression(state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=ITERATIONS, random_state=state)


def _random_forest(state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(TREES, random_state=state, n_jobs=1)


def _gradient_boosting(state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=ROUNDS, early_stopping=False, random_state=state)


ESTIMATORS: Final[Mapping[str, Callable[[int], Any]]] = {
    "logistic_regression": _logistic_regression,
    "random_forest": _random_forest,
    "gradient_boosting": _gradient_boosting,
}
"""Name to a function of a 32-bit seed, giving the estimator (Cox 1958; Breiman 2001; Friedman 2001)."""

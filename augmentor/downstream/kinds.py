"""What every kind of classifier model offers: the seam that a row of the table of models is made of.

Networks see the batches of an arm one by one. Estimators want a table: they get the rows of as many of the
same batches as make a table of :func:`table_rows` rows. Free of torch until something is built.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.downstream.base import Batches, Form, ModelKind, Predictor, Training
from augmentor.downstream.model_spec import ModelSpec

if TYPE_CHECKING:
    from augmentor.nets.classifier import Classifier

MOST_ROWS = 8192
MOST_VALUES = 2**26
"""A table has at most so many rows, and (with float32 a quarter of a gigabyte) so many values."""


def table_rows(updates: int, batch: int, values: int) -> int:
    """Return the rows of a table: those of all updates, within the limits, and whole batches.

    Args:
        updates: of the recipe.
        batch: rows of a batch.
        values: values of one sample.
    """
    most = min(MOST_ROWS, max(batch, MOST_VALUES // max(1, values)))
    return min(updates, max(1, most // batch)) * batch


@dataclass(frozen=True)
class ClassifierKind(ModelKind, ABC):
    """A row of :data:`augmentor.downstream.models.MODELS`.

    Attributes:
        reads: fields of :class:`ModelSpec` that it has a use for, of those that only some models have.
        needs: fields of them that must be there.
    """

    reads: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def idle(self, spec: ModelSpec) -> str:
        """Return which setting has no effect on the model, or which is missing; "" where all is right."""
        idle = sorted(spec.said - set(self.reads))
        if idle:
            able = f"; it reads {', '.join(self.reads)}" if self.reads else ""
            return f"model.{idle[0]} has no effect on {spec.name}{able}; leave it out"
        missing = [name for name in self.needs if name not in spec.said]
        if missing:
            return f"model.{missing[0]} is needed: {spec.name} is {self.label}"
        return ""

    @abstractmethod
    def why_not(self, spec: ModelSpec, training: Training, form: Form | None) -> str:
        """Return why an arm cannot be trained with it, "" where it can, or where only ``form`` would tell."""

    def check(self, spec: ModelSpec, form: Form) -> None:
        """Refuse what cannot be built for such samples, before anything is trained.

        Raises:
            ConfigError: with what to do.
        """

    def files(self, spec: ModelSpec) -> dict[str, Path]:
        """Return the files that decide what the model is, by what they are called in a manifest."""
        if spec.weights is None:
            return {}
        path = Path(spec.weights).expanduser()
        return {path.name: path}

    def pretrained(self, spec: ModelSpec) -> bool | None:
        """Return whether it begins with weights from elsewhere; None where nobody can tell."""
        return spec.weights is not None

    def describe(self, spec: ModelSpec) -> str:
        """Return what a report calls it."""
        return self.label

    @abstractmethod
    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Train it; arguments as in :meth:`augmentor.downstream.base.Downstream.fit`."""


def not_on_one_table(name: str, training: Training, *, weights: bool = True) -> str:
    """Return why an arm cannot be trained on one table of rows, "" where it can.

    Args:
        name: the model's.
        training: what the arm asks.
        weights: whether the model takes weights of rows.
    """
    if training.mix != "none":
        return f"{training.mix} trains on mixed labels, and {name} takes one class per row"
    if training.loss == "class_weighted" and not weights:
        return f"{name} takes no weights of rows, and the arm weights classes"
    if training.loss not in ("cross_entropy", "class_weighted"):
        return f"{name} does not support custom losses, and the arm trains with {training.loss}"
    if training.rows_change:
        return f"it changes its rows during the training, and {name} sees one table"
    return ""


def not_on_own_network(training: Training) -> str:
    """Return why a network with a design of its own cannot be trained so, "" where it can."""
    if training.head != "trained":
        return "its features are those of small_resnet"
    if training.start != "random":
        return "it has a network of its own, which is compared with small_resnet"
    return ""


@dataclass(frozen=True)
class Network(ClassifierKind):
    """A network that is trained batch by batch, or stays frozen under a linear head.

    Attributes:
        build: makes the network; imports torch.
        stands_beside_critic: whether arms on the critic's network are held against it.
    """

    build: Callable[[ModelSpec, Form], Classifier] | None = None
    stands_beside_critic: bool = False

    def why_not(self, spec: ModelSpec, training: Training, form: Form | None) -> str:
        """Return why not: frozen ones learn from a table, and the critic's network is another."""
        reason = "" if self.stands_beside_critic else not_on_own_network(training)
        return reason or (not_on_one_table(f"frozen {spec.name}", training) if spec.frozen else "")

    def idle(self, spec: ModelSpec) -> str:
        """Return as for every model; without weights there is nothing to keep frozen."""
        if spec.channels is not None and "channels" not in self.reads:
            return f"model.channels is the width of small_resnet; {spec.name} has its own"
        if spec.frozen and "frozen" in self.reads and spec.weights is None:
            return f"model.frozen keeps pretrained weights, and {spec.name} has none; name them in weights"
        if spec.frozen and spec.learning_rate is not None:
            return f"model.learning_rate has no effect on frozen {spec.name}; leave it out"
        return super().idle(spec)

    def describe(self, spec: ModelSpec) -> str:
        """Return the label and what its weights begin with."""
        said = f"{self.label} ({spec.name})" if self.pattern else self.label
        said += ", pretrained" if spec.weights else ""
        return f"{said}, frozen under a linear head" if spec.frozen else said

    def check(self, spec: ModelSpec, form: Form) -> None:
        """Build it once and give it two samples, where weights or an input of its own could be wrong."""
        if spec.said & {"weights", "input"} or self.pattern:
            from augmentor.downstream.prepared import try_network

            try_network(self.made(spec, form), spec, form)

    def made(self, spec: ModelSpec, form: Form) -> Classifier:
        """Return the network, its new weights drawn from torch's global stream."""
        assert self.build is not None
        return self.build(spec, form)

    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Train all of it, or the head alone."""
        from augmentor.downstream.fit_classifier import fit_batches, fit_frozen

        form = Form(batches.shape, len(batches.counts))
        if spec.frozen:
            return fit_frozen(lambda: self.made(spec, form), spec, training, batches, seed=seed)
        return fit_batches(lambda: self.made(spec, form), spec, training, batches, seed=seed, critic=critic)


@dataclass(frozen=True)
class Estimator(ClassifierKind):
    """An estimator of scikit-learn's kind on a table of the values laid out flat."""

    table: bool = True

    @abstractmethod
    def made(self, spec: ModelSpec, form: Form, state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """Return the estimator that is not fitted yet, for a 32-bit seed.

        Raises:
            ConfigError: if there is none such.
        """

    def takes_weights(self, spec: ModelSpec, form: Form | None) -> bool:
        """Return whether it takes weights of rows; True where only ``form`` would tell."""
        return True

    def why_not(self, spec: ModelSpec, training: Training, form: Form | None) -> str:
        """Return why not: it sees one table with one class a row."""
        reason = not_on_own_network(training)
        if reason:
            return reason
        weights = training.loss != "class_weighted" or self.takes_weights(spec, form)
        return not_on_one_table(spec.name, training, weights=weights)

    def idle(self, spec: ModelSpec) -> str:
        """Return as for every model; a learning rate is nothing to it."""
        if spec.learning_rate is not None:
            return f"model.learning_rate has no effect on {spec.name}; leave it out"
        return super().idle(spec)

    def check(self, spec: ModelSpec, form: Form) -> None:
        """Make it once."""
        self.made(spec, form, 0)

    def fit(
        self, spec: ModelSpec, training: Training, batches: Batches, *, seed: int, critic: Path | None
    ) -> Predictor:
        """Fit it on the rows of as many batches as make a table."""
        from augmentor.downstream.fit_classifier import fit_on_table

        form = Form(batches.shape, len(batches.counts))
        rows = table_rows(spec.updates, spec.batch, prod(batches.shape))
        return fit_on_table(
            lambda state: self.made(spec, form, state), training, batches, steps=rows // spec.batch, seed=seed
        )


@dataclass(frozen=True)
class Standard(Estimator):
    """An estimator that is built in.

    Attributes:
        make: gives the estimator of a 32-bit seed.
    """

    make: Callable[[int], Any] | None = None

    def made(self, spec: ModelSpec, form: Form, state: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """Return the estimator."""
        assert self.make is not None
        return self.make(state)

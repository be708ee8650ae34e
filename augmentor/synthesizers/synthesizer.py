"""The synthesizer: fitted on samples, sampled by conditions, saved and loaded, whatever the method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError
from augmentor.core.samples import Samples
from augmentor.core.score import Judge
from augmentor.core.spec import parse
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.fitted import CONFIG, Fitted, FittedModel, read_config
from augmentor.synthesizers.fitting import FitContext, fit_model
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.per_class import FittedPerClass, fit_per_class
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.synthesizers.traverse import Traversals
from augmentor.training.spec import TrainingSpec


class Synthesizer:
    """Learns to make samples of each class.

    It does not balance classes: the conditions that it is given decide how many samples of each it makes.

    With a method that starts from training samples it HOLDS SOME OF THEM, in memory and in its file, see
    :mod:`augmentor.synthesizers.starts`.

    Args:
        spec: the method and its fields.
        training: budget and optimiser; "auto" becomes what the family asks for.

    Attributes:
        history: one JSON-able row a stretch of training: images, step, the method's losses, label_weight,
            learning_rate; at judged checkpoints also label_fidelity, coverage, merit and diversity
            {class: ratio}; after a rollback its reason; with a network per class its ``class``.
        chosen: images, step and scores of the checkpoint the weights are from; without a judge only images
            and step of the end; ``training_samples_held`` where there are any; with a network per class,
            ``classes``: what each chose.
        critic: what classifiers can start from, as it is at the end of training; None where there is none,
            before the training and after :meth:`load`.
    """

    def __init__(self, spec: MethodSpec, training: TrainingSpec) -> None:
        self.spec, self.training = spec, training.tuned(spec.preset.training)
        self._fitted: Fitted | None = None

    def fit(
        self,
        train: Samples,
        *,
        seed: int,
        judge: Judge | None = None,
        context: FitContext | None = None,
    ) -> None:
        """Train on ``train``, which is the training part and nothing else.

        The same call with the same folder after an interruption resumes from the last saved state.
        On a CPU with the same number of threads it ends with the same weights, bit for bit, as a
        training that was never interrupted; on a GPU the draws are the same, but kernels that add in
        no fixed order may differ in the last bits.

        Args:
            train: samples (N, C, *spatial) with at least one of each class.
            seed: all randomness derives from it.
            judge: scores samples of each checkpoint; the best checkpoint is kept. None keeps the last.
            context: where and how the work is done.

        Raises:
            DataError: if a class has no sample.
            ConfigError: if the method or the family has no network for such samples or so few classes, or
                the folder holds another training.
            TrainingFailed: if losses stop being finite twice.
        """
        fit = fit_per_class if self.spec.one_per_class else fit_model
        self._fitted = fit(self.spec, self.training, train, seed, judge, context or FitContext())

    def sample(self, conditions: Conditions, *, seed: int) -> Samples:
        """Return one sample for each condition, in the units of the training data.

        Sample i depends on ``seed``, i and condition i alone, not on how many are made.

        Raises:
            ConfigError: if the synthesizer is not fitted, a label is out of range, or the method does not
                take such conditions.
        """
        return self._ready().sample(conditions, seed)

    def traverse(self, *, seed: int) -> Traversals | None:
        """Return samples along each code of the generator, None where it has no codes.

        Args:
            seed: of all else that the samples are made from; the same seed gives the same samples.

        Raises:
            ConfigError: if the synthesizer is not fitted.
        """
        return self._ready().traverse(seed)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and settings (JSON with the weights' SHA-256) into ``folder``.

        Where training samples are stored beside the weights, the settings contain a warning. With a network
        per class each has a folder of its own.

        Raises:
            ConfigError: if the synthesizer is not fitted.
            StorageError: if the folder cannot be written.
        """
        self._ready().save(folder)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Synthesizer:
        """Return the synthesizer that :meth:`save` wrote.

        Args:
            folder: that holds its files.
            device: that it samples on: "cpu", "cuda" or "mps".

        Raises:
            DataError: if the files are missing, truncated, altered or of another version.
        """
        body = read_config(folder / CONFIG)
        where = str(folder / CONFIG)
        spec = read_synthesizer(body["spec"], where)
        loaded = cls(spec, parse(TrainingSpec, body["training"], where))
        read = FittedPerClass.load if spec.one_per_class else FittedModel.load
        loaded._fitted = read(folder, body, spec, loaded.training, device)
        return loaded

    @property
    def digest(self) -> str:
        """SHA-256 of the weights and of all that turns conditions into samples."""
        return self._ready().digest

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of the training; none before it."""
        return [] if self._fitted is None else self._fitted.history

    @property
    def chosen(self) -> dict[str, Any]:
        """What the weights are from; empty before the training."""
        return {} if self._fitted is None else self._fitted.chosen

    @property
    def critic(self) -> KeptCritic | None:
        """What classifiers can start from."""
        return None if self._fitted is None else self._fitted.critic

    @property
    def fitted(self) -> Fitted:
        """What the training left.

        Raises:
            ConfigError: if the synthesizer is not fitted.
        """
        return self._ready()

    def _ready(self) -> Fitted:
        if self._fitted is None:
            raise ConfigError(
                "the synthesizer is not fitted yet; call fit(train, seed=...) or load(folder) first"
            )
        return self._fitted

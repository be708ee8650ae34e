"""One model for each class, as Frid-Adar 2018 (section 3.2) trained one DCGAN for each type of lesion.

A composition over any method that allows it, see :class:`augmentor.synthesizers.method_spec.PerClassSpec`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from augmentor.core.conditions import Conditions
from augmentor.core.errors import DataError
from augmentor.core.files import sha256_json
from augmentor.core.samples import Samples, rows_at, rows_joined
from augmentor.core.score import CheckpointScore, Judge
from augmentor.core.seeds import derive_seed
from augmentor.core.spec import parse
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.fitted import (
    CONFIG,
    FittedModel,
    check_conditions,
    read_config,
    row_ids,
    write_config,
)
from augmentor.synthesizers.fitting import FitContext, fit_model
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.synthesizers.traverse import MOST_CLASSES, Traversals
from augmentor.training.spec import TrainingSpec


@dataclass(eq=False)
class FittedPerClass:
    """As many fitted models as classes.

    Attributes:
        spec: the method's fields.
        training: the budget of all models together.
        classes: class names in label order.
        models: one per class, which knows no other.
        history: the rows of all trainings, class after class, each with its ``class``; ``images``
            counts on from one to the next.
        chosen: images and steps in all, means of the chosen checkpoints' scores, and under ``classes``
            what each model chose.
        critic: None: there is one for each class.
    """

    spec: MethodSpec
    training: TrainingSpec
    classes: tuple[str, ...]
    models: list[FittedModel]
    history: list[dict[str, Any]] = field(init=False)
    chosen: dict[str, Any] = field(init=False)
    critic: KeptCritic | None = None

    def __post_init__(self) -> None:
        """Join the models' histories and choices."""
        self.history, self.chosen = _joined_history(self), _joined_choice(self)

    def sample(self, conditions: Conditions, seed: int) -> Samples:
        """Return one sample for each condition, made by the model of its class.

        Raises:
            ConfigError: if a label is out of range, or the method does not take such conditions.
        """
        check_conditions(conditions, self.classes, self.models[0].takes, self.spec.method)
        labels = conditions.labels
        # A model of one class knows no other label; row i does not depend on the other rows.
        alone = replace(conditions, labels=np.zeros_like(labels))
        parts, places = [], []
        for label, model in enumerate(self.models):
            wanted = labels == label
            parts.append(model.sample(alone, seed, wanted).take(wanted))
            places.append(np.flatnonzero(wanted))
        return replace(
            parts[0],
            x=rows_at(rows_joined([part.x for part in parts]), np.argsort(np.concatenate(places))),
            y=labels,
            classes=self.classes,
            ids=row_ids(seed, len(labels)),
        )

    def traverse(self, seed: int) -> Traversals | None:
        """Return samples along each code of the first classes' models, None where they have no codes."""
        found = [model.traverse(seed) for model in self.models[:MOST_CLASSES]]
        parts = [part for part in found if part is not None]
        if not parts:
            return None
        y = np.concatenate([np.full(len(part.samples), label) for label, part in enumerate(parts)])
        joined = replace(
            parts[0].samples,
            x=rows_joined([part.samples.x for part in parts]),
            y=y.astype(np.int64),
            classes=self.classes,
            ids=row_ids(seed, len(y)),
        )
        return Traversals(joined, [row for part in parts for row in part.rows])

    @property
    def digest(self) -> str:
        """SHA-256 of all models, in the order of the classes."""
        return sha256_json({"classes": list(self.classes), "networks": [one.digest for one in self.models]})

    def save(self, folder: Path) -> None:
        """Write each model into a folder of its own, and what joins them beside them.

        Raises:
            StorageError: if the folder cannot be written.
        """
        for label, model in enumerate(self.models):
            model.save(class_folder(folder, label))
        body = {
            "spec": self.spec.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
            "classes": list(self.classes),
            "digest": self.digest,
        }
        write_config(folder, body)

    @classmethod
    def load(
        cls,
        folder: Path,
        body: Mapping[str, Any],
        spec: MethodSpec,
        training: TrainingSpec,
        device: str,
    ) -> FittedPerClass:
        """Return what :meth:`save` wrote; arguments as :meth:`FittedModel.load`.

        Raises:
            DataError: if files are missing, truncated, altered or of another version.
        """
        models = []
        for label in range(len(body["classes"])):
            place = class_folder(folder, label)
            found, where = read_config(place / CONFIG), str(place / CONFIG)
            own = read_synthesizer(found["spec"], where)
            budget = parse(TrainingSpec, found["training"], where)
            models.append(FittedModel.load(place, found, own, budget, device))
        loaded = cls(spec, training, tuple(body["classes"]), models)
        # Each model vouches for its own files only; this holds them in the places they were saved in.
        if loaded.digest != body["digest"]:
            raise DataError(
                f"the networks in {folder} are not the ones that were saved there: one of the class folders "
                "was exchanged or altered; restore them from a copy or train again"
            )
        return loaded


def class_folder(folder: Path, label: int) -> Path:
    """Return where the model of the class ``label`` lies below ``folder``."""
    return folder / f"class-{label:03d}"


def fit_per_class(
    spec: MethodSpec,
    training: TrainingSpec,
    train: Samples,
    seed: int,
    judge: Judge | None,
    context: FitContext,
) -> FittedPerClass:
    """Train each class's model on the rows of that class; see :meth:`Synthesizer.fit`.

    The image budget is shared evenly, so that it costs what one conditional model costs.
    """
    share = training.model_copy(update={"images": max(32, training.images // train.n_classes)})
    # Whether each model gets an update of its own is decided by its share of the images.
    share = share.tuned(spec.preset.training)
    models = []
    for label, name in enumerate(train.classes):
        rows = train.take(train.y == label)
        alone = replace(rows, y=np.zeros(len(rows), dtype=np.int64), classes=(name,))
        context.progress.log(f"training the network of class {name} on {len(rows)} samples")
        folder = None if context.folder is None else class_folder(context.folder, label)
        models.append(
            fit_model(
                spec,
                share,
                alone,
                derive_seed(seed, "class", label),
                None if judge is None else _of_class(judge, train, label),
                replace(context, folder=folder),
            )
        )
    return FittedPerClass(spec, training, train.classes, models)


def _joined_history(fitted: FittedPerClass) -> list[dict[str, Any]]:
    history, shown = [], 0
    for name, model in zip(fitted.classes, fitted.models, strict=True):
        history += [{**row, "class": name, "images": shown + row["images"]} for row in model.history]
        shown += model.training.images
    return history


def _joined_choice(fitted: FittedPerClass) -> dict[str, Any]:
    each = {name: model.chosen for name, model in zip(fitted.classes, fitted.models, strict=True)}
    joined: dict[str, Any] = {
        "images": sum(chosen["images"] for chosen in each.values()),
        "step": sum(chosen["step"] for chosen in each.values()),
        "classes": each,
    }
    if all("merit" in chosen for chosen in each.values()):
        score = CheckpointScore(
            float(np.mean([chosen["label_fidelity"] for chosen in each.values()])),
            float(np.mean([chosen["coverage"] for chosen in each.values()])),
            {name: value for chosen in each.values() for name, value in chosen["diversity"].items()},
        )
        joined |= {
            "label_fidelity": score.label_fidelity,
            "coverage": score.coverage,
            "diversity": dict(score.diversity),
            "merit": score.merit,
        }
    return joined


def _of_class(judge: Judge, train: Samples, label: int) -> Judge:
    """Return the judge of samples that all are of class ``label``, though their model knows no other."""

    def judged(samples: Samples) -> CheckpointScore:
        y = np.full(len(samples), label, dtype=np.int64)
        return judge(replace(samples, y=y, classes=train.classes))

    return judged

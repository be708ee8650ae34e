"""One network for each class, as Frid-Adar 2018 (section 3.2) trained one DCGAN for each kind of lesion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.files import sha256_json, write_json
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import IntArray, Samples, rows_at, rows_joined
from augmentor.core.score import CheckpointScore, Judge
from augmentor.core.seeds import derive_seed
from augmentor.core.spec import parse
from augmentor.synthesizers.critic import KeptCritic
from augmentor.synthesizers.gan import CONFIG, FORMAT, GanSynthesizer, read_config
from augmentor.synthesizers.sampler import check_labels, row_ids
from augmentor.synthesizers.spec import SynthesizerSpec, TrainingSpec
from augmentor.synthesizers.traverse import MOST_CLASSES, Traversals

KIND = "per_class"


class PerClassSynthesizer:
    """As many GANs as classes behind one :class:`augmentor.core.synthetic.Synthesizer`.

    The image budget is shared evenly, so that it costs what one conditional network costs.

    Args:
        spec: each network's declaration; its conditioning is "none".
        training: the budget of all networks together, and the optimiser.

    Attributes:
        history: the rows of all trainings, class after class, each with its ``class``; ``images`` goes on
            counting from one to the next.
        chosen: images and steps in all, means of the chosen checkpoints' scores, and under ``classes``
            what each network chose.
        critic: None: there is one for each class.
    """

    def __init__(self, spec: SynthesizerSpec, training: TrainingSpec) -> None:
        self.spec, self.training = spec, training
        self.history: list[dict[str, Any]] = []
        self.chosen: dict[str, Any] = {}
        self.critic: KeptCritic | None = None
        self._networks: list[GanSynthesizer] = []
        self._classes: tuple[str, ...] = ()

    def fit(
        self,
        train: Samples,
        *,
        seed: int,
        judge: Judge | None = None,
        progress: Progress | None = None,
        folder: Path | None = None,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """Train each class's network on the rows of that class; arguments as :meth:`GanSynthesizer.fit`.

        Raises:
            DataError: if a class has no sample.
            ConfigError: if the shape has no network, or ``folder`` holds another training.
            TrainingFailed: if losses stop being finite twice.
        """
        progress = progress or Silent()
        share = max(32, self.training.images // train.n_classes)
        networks = []
        for label, name in enumerate(train.classes):
            rows = train.take(train.y == label)
            alone = replace(rows, y=np.zeros(len(rows), dtype=np.int64), classes=(name,))
            network = GanSynthesizer(self.spec, self.training.model_copy(update={"images": share}))
            progress.log(f"training the network of class {name} on {len(rows)} samples")
            network.fit(
                alone,
                seed=derive_seed(seed, "class", label),
                judge=None if judge is None else _of_class(judge, train, label),
                progress=progress,
                folder=None if folder is None else folder / f"class-{label:03d}",
                device=device,
                threads=threads,
            )
            networks.append(network)
        self._networks, self._classes = networks, train.classes
        self._tell()

    def sample(self, labels: IntArray, *, seed: int) -> Samples:
        """Return one sample for each label (N,), in the units of the training data.

        Sample i depends on ``seed``, i and label i alone, not on how many are asked.

        Raises:
            ConfigError: if the synthesizer is not fitted, or a label is out of range.
        """
        labels = check_labels(labels, self._ready())
        parts, places = [], []
        for label, network in enumerate(self._networks):
            wanted = labels == label
            parts.append(network.sample_where(wanted, seed=seed).take(wanted))
            places.append(np.flatnonzero(wanted))
        return replace(
            parts[0],
            x=rows_at(rows_joined([part.x for part in parts]), np.argsort(np.concatenate(places))),
            y=labels,
            classes=self._classes,
            ids=row_ids(seed, len(labels)),
        )

    def traverse(self, *, seed: int) -> Traversals | None:
        """Return samples along each code of the first classes' networks, None where they have no codes.

        Raises:
            ConfigError: if the synthesizer is not fitted.
        """
        classes = self._ready()
        found = [network.traverse(seed=seed) for network in self._networks[:MOST_CLASSES]]
        parts = [part for part in found if part is not None]
        if not parts:
            return None
        y = np.concatenate([np.full(len(part.samples), label) for label, part in enumerate(parts)])
        joined = replace(
            parts[0].samples,
            x=rows_joined([part.samples.x for part in parts]),
            y=y.astype(np.int64),
            classes=classes,
            ids=row_ids(seed, len(y)),
        )
        return Traversals(joined, [row for part in parts for row in part.rows])

    def save(self, folder: Path) -> None:
        """Write each network into a folder of its own, and what joins them into ``synthesizer.json``.

        Raises:
            ConfigError: if the synthesizer is not fitted.
            StorageError: if the folder cannot be written.
        """
        classes = self._ready()
        for label, network in enumerate(self._networks):
            network.save(folder / f"class-{label:03d}")
        body = {
            "format": FORMAT,
            "kind": KIND,
            "spec": self.spec.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
            "classes": list(classes),
            "digest": self.digest,
        }
        write_json(folder / CONFIG, {**body, "checksum": sha256_json(body)})

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> PerClassSynthesizer:
        """Return the synthesizer that :meth:`save` wrote.

        Raises:
            DataError: if files are missing, truncated, altered or of another version.
        """
        body = read_config(folder / CONFIG)
        networks = [
            GanSynthesizer.load(folder / f"class-{label:03d}", device)
            for label in range(len(body["classes"]))
        ]
        where = str(folder / CONFIG)
        loaded = cls(
            parse(SynthesizerSpec, body["spec"], where), parse(TrainingSpec, body["training"], where)
        )
        loaded._networks, loaded._classes = networks, tuple(body["classes"])
        # Each network vouches for its own files only; this holds them in the places they were saved in.
        if loaded.digest != body["digest"]:
            raise DataError(
                f"the networks in {folder} are not the ones that were saved there: one of the class folders "
                "was exchanged or altered; restore them from a copy or train again"
            )
        loaded._tell()
        return loaded

    @property
    def digest(self) -> str:
        """SHA-256 of all networks, in the order of the classes."""
        return sha256_json({"classes": list(self._ready()), "networks": [n.digest for n in self._networks]})

    def _ready(self) -> tuple[str, ...]:
        if not self._networks:
            raise ConfigError(
                "the synthesizer is not fitted yet; call fit(train, seed=...) or load(folder) first"
            )
        return self._classes

    def _tell(self) -> None:
        """Join the networks' histories and choices."""
        self.history, shown = [], 0
        for name, network in zip(self._classes, self._networks, strict=True):
            self.history += [
                {**row, "class": name, "images": shown + row["images"]} for row in network.history
            ]
            shown += network.training.images
        each = {name: n.chosen for name, n in zip(self._classes, self._networks, strict=True)}
        self.chosen = {
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
            self.chosen |= {
                "label_fidelity": score.label_fidelity,
                "coverage": score.coverage,
                "diversity": dict(score.diversity),
                "merit": score.merit,
            }


def _of_class(judge: Judge, train: Samples, label: int) -> Judge:
    """Return the judge of samples that all are of class ``label``, though their network knows no other."""

    def judged(samples: Samples) -> CheckpointScore:
        y = np.full(len(samples), label, dtype=np.int64)
        return judge(replace(samples, y=y, classes=train.classes))

    return judged

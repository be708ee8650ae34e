"""The outputs of a run's completed steps: their files, facts, samples and results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from augmentor.core.facts.base import Facts
from augmentor.core.persist import read_samples, read_synthetic
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.store.cache import StepOutput
from augmentor.store.seen_rows import SEEN_ROWS

if TYPE_CHECKING:
    from augmentor.synthesizers.critic import KeptCritic

PARTS = ("train", "validation", "test")
RESULTS = "results.parquet"
"""File that a step leaves its rows of results in."""
CANDIDATES = "candidates"
SYNTHETIC = "synthetic"
TRAVERSALS = "traversals"
CRITIC = "critic"
"""Folder beside the generator's files that the critic is kept in."""

F = TypeVar("F", bound=Facts)


class DataParts(Mapping[str, Samples]):
    """The training, validation and test part; each is read when it is first asked for, and once.

    Args:
        folder: output of the step that loaded the data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Samples] = {}

    def __getitem__(self, name: str) -> Samples:
        """Return the part ``name``."""
        if name not in PARTS:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = read_samples(self._folder / name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the parts."""
        return iter(PARTS)

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(PARTS)


@dataclass
class CompletedSteps:
    """The outputs of the steps that are done, in the order in which they were done.

    Attributes:
        outputs: by the step's name.
    """

    outputs: dict[str, StepOutput] = field(default_factory=dict)
    _facts: dict[str, Facts] = field(default_factory=dict, repr=False)

    def __contains__(self, name: str) -> bool:
        """Return whether the step ``name`` is done."""
        return name in self.outputs

    def only(self, names: Iterable[str]) -> CompletedSteps:
        """Return the outputs of the steps ``names`` alone; data parts that were read are shared."""
        chosen = CompletedSteps({name: self.outputs[name] for name in names})
        if "load" in chosen:
            chosen.parts = self.parts
        return chosen

    def folder(self, name: str) -> Path:
        """Return where the files of the step ``name`` lie."""
        return self.outputs[name].folder

    def key(self, name: str) -> str:
        """Return the key of the step ``name``."""
        return self.outputs[name].key

    def facts(self, name: str, kind: type[F]) -> F:
        """Return the facts of the step ``name``, which are of type ``kind``.

        Raises:
            DataError: if the file is missing or damaged.
        """
        found = self._facts.get(name)
        if not isinstance(found, kind):
            found = self._facts[name] = kind.read(self.folder(name))
        return found

    @cached_property
    def parts(self) -> DataParts:
        """The training, validation and test part."""
        return DataParts(self.folder("load"))

    @property
    def candidates(self) -> SyntheticSet:
        """The synthetic samples before any filter."""
        return read_synthetic(self.folder("sample") / CANDIDATES)

    @cached_property
    def synthetic(self) -> SyntheticSet:
        """The filtered synthetic set, rejects included."""
        return read_synthetic(self.folder("filter") / SYNTHETIC)

    @property
    def critic(self) -> KeptCritic | None:
        """The critic that the training left; None where it left none, or nothing was trained."""
        from augmentor.synthesizers.critic import KeptCritic

        folder = self.folder("train") / CRITIC if "train" in self else None
        return KeptCritic.load(folder) if folder is not None and folder.is_dir() else None

    @property
    def traversals(self) -> tuple[Samples, list[dict[str, Any]]] | None:
        """Samples along the generator's codes and what each row of them is; None without codes."""
        folder = self.folder("sample") / TRAVERSALS
        if not folder.is_dir():
            return None
        rows: list[dict[str, Any]] = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
        return read_samples(folder), rows

    @property
    def results(self) -> Results:
        """Every measured number, step by step."""
        found = Results.from_rows([])
        for output in self.outputs.values():
            if (output.folder / RESULTS).is_file():
                found = found.joined(Results.read(output.folder / RESULTS))
        return found

    @property
    def seen_rows(self) -> dict[str, dict[str, list[str]]]:
        """For every step that learns, the digests of the rows it was given, by part."""
        files = {name: output.folder / SEEN_ROWS for name, output in self.outputs.items()}
        return {
            name: json.loads(path.read_text(encoding="utf-8"))
            for name, path in files.items()
            if path.is_file()
        }

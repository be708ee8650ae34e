"""What an evaluation is given: three parts of real data, and where the work is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from augmentor.core.parallel import Mapper, run_parallel
from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import Samples


class ThreeParts(Protocol):
    """Anything with a training, a validation and a test part, such as what ``augmentor.split`` returns."""

    @property
    def train(self) -> Samples:
        """The only real rows that any arm trains on."""

    @property
    def validation(self) -> Samples:
        """Rows that neither the generator nor the filters saw; choices are made on them."""

    @property
    def test(self) -> Samples:
        """Rows that are scored at the end."""


@dataclass(frozen=True)
class Parts:
    """A training, a validation and a test part that share no case."""

    train: Samples
    validation: Samples
    test: Samples


@dataclass(frozen=True)
class Workers:
    """Where fits are run; never changes a result.

    Attributes:
        folder: scratch; finished fits stay in ``folder/fits``, so that a run that was killed or a second one
            with more seeds does not train them again.
        processes: how many processes; None for one per core.
        mapper: what spreads the fits; every place it runs them must see ``folder``.
        progress: receives every finished fit.
    """

    folder: Path
    processes: int | None = None
    mapper: Mapper = run_parallel
    progress: Progress = field(default_factory=Silent)

"""What a run is: its steps in order, and how it presents itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from augmentor.run.step import Step


@dataclass(frozen=True)
class Plan:
    """The steps of a run in order, and how its run folder presents it.

    Attributes:
        steps: run one after another; each stands after the steps that it reads.
        folder: name of the folder of the runs, below the folder of all runs.
        settings: the recipe as it is written into the run folder, as JSON.
        notes: what a reader must know of how this run came about.
        attachments: further files of the run folder, text by name.
    """

    steps: tuple[Step[Any], ...]
    folder: str
    settings: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    attachments: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the order of the steps.

        Raises:
            ValueError: if a name is there twice, or a step stands before one that it reads.
        """
        before: list[str] = []
        for step in self.steps:
            missing = [name for name in step.after if name not in before]
            if step.name in before or missing:
                reads = f"reads {', '.join(missing)}" if missing else "is there twice"
                raise ValueError(
                    f"the step {step.name} {reads}; the steps before it are {', '.join(before) or 'none'}"
                )
            before.append(step.name)

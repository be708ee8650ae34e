"""What a step reports besides its files and numbers: one typed model per step, written and read whole.

The models are in this room because four others share them: ``quality`` and ``experiment`` produce some,
``run`` produces the rest, ``report`` reads them all. Numbers belong to
:class:`augmentor.core.results.Results`; facts are words, names, counts and settings.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from augmentor.core.errors import DataError
from augmentor.core.files import write_json

FACTS = "facts.json"
"""File that a step leaves its facts in."""


class Facts(BaseModel):
    """Base of all facts: frozen, unknown fields refused, the same JSON written and read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

    def to_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return self.model_dump(mode="json")

    def write(self, folder: Path) -> None:
        """Write the facts into the existing ``folder``."""
        write_json(folder / FACTS, self.to_json())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what :meth:`write` wrote.

        Raises:
            DataError: if the file is missing, or not that of these facts.
        """
        path = folder / FACTS
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            faults = " ".join(str(error).split())
            raise DataError(f"{path} does not hold the facts of this version: {faults}") from error

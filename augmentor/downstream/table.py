"""The questions that models can be trained for."""

from __future__ import annotations

from typing import Final

from augmentor.downstream.base import Downstream
from augmentor.downstream.classification import Classification

DOWNSTREAM: Final[dict[str, Downstream]] = {one.name: one for one in (Classification(),)}
"""By the name that a recipe's ``evaluation.model.question`` has for it."""

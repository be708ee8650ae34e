"""From a recipe's declaration to a synthesizer, and from a saved folder back to one."""

from __future__ import annotations

from pathlib import Path

from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.synthesizer import Synthesizer
from augmentor.training.spec import TrainingSpec


def build(spec: MethodSpec, training: TrainingSpec) -> Synthesizer:
    """Return the unfitted synthesizer that ``spec`` declares.

    Example:
        >>> from augmentor.synthesizers.spec import read_synthesizer
        >>> build(read_synthesizer({"family": "cvae"}), TrainingSpec(images=6400)).training.steps
        200
    """
    return Synthesizer(spec, training)


def load_synthesizer(folder: Path, device: str = "cpu") -> Synthesizer:
    """Return the fitted synthesizer saved in ``folder``, to sample on ``device``: "cpu", "cuda" or "mps".

    Raises:
        DataError: if the files are missing, truncated, altered or of another version.
    """
    return Synthesizer.load(folder, device=device)

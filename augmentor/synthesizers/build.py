"""From a recipe's declaration to a synthesizer, and from a saved folder back to one."""

from __future__ import annotations

from pathlib import Path

from augmentor.synthesizers.gan import CONFIG, GanSynthesizer, read_config
from augmentor.synthesizers.per_class import KIND, PerClassSynthesizer
from augmentor.synthesizers.spec import SynthesizerSpec, TrainingSpec


def build(spec: SynthesizerSpec, training: TrainingSpec) -> GanSynthesizer | PerClassSynthesizer:
    """Return the unfitted synthesizer that ``spec`` declares.

    Example:
        >>> from augmentor.synthesizers.spec import SynthesizerSpec, TrainingSpec
        >>> build(SynthesizerSpec(), TrainingSpec(images=6400)).training.steps
        200
    """
    return PerClassSynthesizer(spec, training) if spec.per_class else GanSynthesizer(spec, training)


def load_synthesizer(folder: Path, device: str = "cpu") -> GanSynthesizer | PerClassSynthesizer:
    """Return the fitted synthesizer saved in ``folder``.

    Raises:
        DataError: if the files are missing, truncated, altered or of another version.
    """
    kind = read_config(folder / CONFIG)["kind"]
    return (PerClassSynthesizer if kind == KIND else GanSynthesizer).load(folder, device=device)

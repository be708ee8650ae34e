"""From a recipe's declaration to a synthesizer, and from a saved folder back to one."""

from __future__ import annotations

from pathlib import Path

from augmentor.synthesizers import per_class, translation
from augmentor.synthesizers.gan import CONFIG, GanSynthesizer, read_config
from augmentor.synthesizers.per_class import PerClassSynthesizer
from augmentor.synthesizers.spec import SynthesizerSpec, TrainingSpec
from augmentor.synthesizers.translation import TranslationSynthesizer

Built = GanSynthesizer | PerClassSynthesizer | TranslationSynthesizer


def build(spec: SynthesizerSpec, training: TrainingSpec) -> Built:
    """Return the unfitted synthesizer that ``spec`` declares.

    Example:
        >>> from augmentor.synthesizers.spec import SynthesizerSpec, TrainingSpec
        >>> build(SynthesizerSpec(), TrainingSpec(images=6400)).training.steps
        200
    """
    if spec.objective == "translation":
        return TranslationSynthesizer(spec, training)
    return PerClassSynthesizer(spec, training) if spec.per_class else GanSynthesizer(spec, training)


def load_synthesizer(folder: Path, device: str = "cpu") -> Built:
    """Return the fitted synthesizer saved in ``folder``.

    Raises:
        DataError: if the files are missing, truncated, altered or of another version.
    """
    kind = read_config(folder / CONFIG)["kind"]
    if kind == translation.KIND:
        return TranslationSynthesizer.load(folder, device=device)
    return (PerClassSynthesizer if kind == per_class.KIND else GanSynthesizer).load(folder, device=device)

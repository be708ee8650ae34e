"""Asking a synthesizer for counts by class."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from augmentor.core.errors import ConfigError
from augmentor.core.synthetic import Synthesizer, SyntheticSet


def sample(
    synthesizer: Synthesizer, counts: Mapping[str, int], classes: tuple[str, ...], *, seed: int
) -> SyntheticSet:
    """Return ``counts[name]`` samples of each class, in label order, all marked as kept.

    Args:
        synthesizer: a fitted synthesizer.
        counts: samples by class name; a class that is not named gets none.
        classes: the class names in label order.
        seed: the same seed gives the same samples.

    Raises:
        ConfigError: if a class is unknown.
    """
    unknown = [name for name in counts if name not in classes]
    if unknown:
        raise ConfigError(f"there is no class {unknown[0]!r}; the classes are {', '.join(classes)}")
    numbers = [counts.get(name, 0) for name in classes]
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), numbers)
    samples = synthesizer.sample(labels, seed=seed)
    return SyntheticSet(
        samples=samples,
        provenance=pd.DataFrame({"synthesizer": synthesizer.digest, "seed": np.full(len(labels), seed)}),
        kept=np.ones(len(labels), dtype=np.bool_),
        reason=np.full(len(labels), "", dtype=np.str_),
    )

"""Names of feature spaces in a recipe, checked before any training."""

from __future__ import annotations

from pathlib import Path

from augmentor.core.errors import ConfigError
from augmentor.core.files import sha256_file

BUILT_IN_FEATURES = ("task", "pixels")


def check_features(features: str) -> None:
    """Refuse a feature network whose file does not exist.

    Raises:
        ConfigError: naming the path.
    """
    if features not in BUILT_IN_FEATURES and not Path(features).expanduser().is_file():
        raise ConfigError(f"evaluation.features: there is no file {features}; it is read from where you are")


def features_key(features: str) -> str:
    """Return the identity of a feature space: the name, or the SHA-256 of the network's file.

    Raises:
        ConfigError: if there is no such file.
    """
    check_features(features)
    return features if features in BUILT_IN_FEATURES else sha256_file(Path(features).expanduser())

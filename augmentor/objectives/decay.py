"""The decay of an exponential moving average, checked."""

from __future__ import annotations

from augmentor.core.errors import ConfigError


def check_decay(name: str, decay: float) -> None:
    """Refuse a decay outside [0, 1).

    Raises:
        ConfigError: naming the regulariser ``name``.
    """
    if not 0 <= decay < 1:
        raise ConfigError(f"{name} needs a decay in [0, 1), received {decay}. Change it in the recipe.")

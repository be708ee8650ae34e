"""Which device the networks train on."""

from __future__ import annotations

from augmentor.core.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(asked: str) -> str:
    """Return "cpu", "cuda" or "mps" for what was asked; "auto" takes CUDA where there is one.

    Raises:
        ConfigError: if the device is unknown or not on this machine.
    """
    if asked not in DEVICES:
        raise ConfigError(f"--device {asked}: choose one of {', '.join(DEVICES)}")
    if asked == "cpu":
        return "cpu"
    import torch

    if asked in {"auto", "cuda"} and torch.cuda.is_available():
        return "cuda"
    if asked == "mps" and torch.backends.mps.is_available():
        return "mps"
    if asked == "auto":
        return "cpu"
    raise ConfigError(
        f"--device {asked}: this machine, or this build of torch, has no {asked} device; "
        "use --device auto or --device cpu"
    )

"""Which parameters of a progressively grown network its present resolution does not use."""

from __future__ import annotations

from torch import nn


def idle_parameters(network: nn.Module) -> set[str]:
    """Names of parameters above the present stage, and of other stages' 1x1 convolutions; none elsewhere."""
    growth = getattr(network, "growth", None)
    if growth is None:
        return set()
    used = {growth.top, growth.stage} if growth.alpha else {growth.top}
    above = {f"blocks.{stage}" for stage in range(growth.top + 1, growth.stages)}
    others = {
        f"{samples}.{stage}"
        for samples in ("to_samples", "from_samples")
        for stage in range(growth.stages)
        if stage not in used
    }
    return {name for name, _ in network.named_parameters() if ".".join(name.split(".")[:2]) in above | others}

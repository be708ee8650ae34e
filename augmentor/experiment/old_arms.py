"""What arms were called before they were given by their fields: an old recipe is told the new form."""

from __future__ import annotations

_PLAIN = {
    "real": {"sampling": "natural", "augmentation": "none"},
    "balanced": {"augmentation": "none"},
    "classical": {},
    "class_weighted": {"sampling": "natural", "loss": "class_weighted"},
    "weighted": {"sampling": "natural", "loss": "class_weighted"},
    "focal": {"sampling": "natural", "loss": "focal"},
    "logit_adjusted": {"sampling": "natural", "loss": "logit_adjusted"},
    "mixup": {"mix": "mixup"},
    "weighted_mixup": {"sampling": "natural", "loss": "class_weighted", "mix": "mixup"},
    "cutmix": {"mix": "cutmix"},
}
_ALONE = {
    "weighted_mixup": _PLAIN["weighted_mixup"],
    "diverse": {"rows": "diverse", "mix": "mixup"},
    "influential": {"rows": "influential", "mix": "mixup"},
    "covariance_transfer": {"head": "covariance"},
    "feature_gan": {"head": "generated"},
}


def new_form(old: str) -> str | None:
    """Return how a recipe writes the arm that was called ``old``; None where nothing was called so.

    Example:
        >>> new_form("critic_start_spread_cutmix")
        '{rows: passing, mix: cutmix, start: critic}'
    """
    fields: dict[str, str] = {}
    rest = old
    for prefix, start in (("critic_start_", "critic"), ("critic_network_", "untrained_critic")):
        if rest.startswith(prefix):
            rest, fields = rest.removeprefix(prefix), {"start": start}
    if rest == "spread" or rest.startswith("spread_"):
        rest, fields = rest.removeprefix("spread").lstrip("_") or "classical", {"rows": "passing", **fields}
    plain = _PLAIN.get(rest) if fields else _ALONE.get(old)
    if plain is None:
        return None
    found = {**plain, **fields}
    order = ("rows", "sampling", "augmentation", "loss", "mix", "start", "head")
    return "{" + ", ".join(f"{name}: {found[name]}" for name in order if name in found) + "}"

"""What arms were called before they were given by their fields, for the error that an old recipe gets."""

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
    "focal": _PLAIN["focal"],
    "weighted_mixup": _PLAIN["weighted_mixup"],
    "random_oversampled": {"oversample": "random"},
    "duplicated": {"rows": "{synthetic: kept, copies: true}"},
    "synthetic": {"rows": "{synthetic: all, mixing: pooled}"},
    "pretrained": {"rows": "{synthetic: passing, mixing: first}"},
    "critic_network": {"base": "best_real", "add": "{start: untrained_critic}"},
    "critic_and_rows": {"base": "best_real", "add": "{rows: passing, start: critic}"},
    "classwise": {"base": "best_mixing", "leave_out": "harmful_classes"},
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
    order = (
        *("base", "add", "leave_out"),
        *("rows", "sampling", "augmentation", "loss", "mix", "start", "oversample", "head"),
    )
    return "{" + ", ".join(f"{name}: {found[name]}" for name in order if name in found) + "}"

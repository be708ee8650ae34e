"""The words that :mod:`same_numbers` knows to be other ones in the newer checkout."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

# What is called otherwise in the newer checkout, as old name to new name. Applied to the rows of both
# checkouts, so that both come out in the new words.
RENAMED_COLUMNS: dict[str, str] = {"fold": "split"}
# An arm that had a name of its own, and the fields that it is given by.
_PLAIN = {
    "real": "sampling=natural augmentation=none",
    "balanced": "augmentation=none",
    "classical": "",
    "class_weighted": "sampling=natural loss=class_weighted",
    "focal": "sampling=natural loss=focal",
    "logit_adjusted": "sampling=natural loss=logit_adjusted",
    "mixup": "mix=mixup",
    "weighted_mixup": "sampling=natural loss=class_weighted mix=mixup",
    "cutmix": "mix=cutmix",
}
_ROWS = {"classical": "spread", "class_weighted": "spread_weighted"}
_SPREAD = {
    _ROWS.get(name, f"spread_{name}"): f"rows=passing {fields}".strip() for name, fields in _PLAIN.items()
}
RENAMED_ARMS: dict[str, str] = {
    **{name: _PLAIN[name] for name in ("focal", "weighted_mixup")},
    "random_oversampled": "oversample=random",
    "duplicated": "rows=kept,copies",
    "synthetic": "rows=all,pooled",
    "pretrained": "rows=passing,first",
    "critic_network": "best_real start=untrained_critic",
    "critic_and_rows": "best_real rows=passing start=critic",
    "classwise": "best_mixing leave_out=harmful_classes",
    **_SPREAD,
    **{f"critic_start_{n}": f"{fields} start=critic".strip() for n, fields in {**_PLAIN, **_SPREAD}.items()},
    **{f"critic_network_{n}": f"{fields} start=untrained_critic".strip() for n, fields in _PLAIN.items()},
    "diverse": "rows=diverse mix=mixup",
    "influential": "rows=influential mix=mixup",
    "covariance_transfer": "head=covariance",
    "feature_gan": "head=generated",
}
RENAMED_METRICS: dict[str, str] = {}
RENAMED_SETTINGS: dict[str, str] = {}
RENAMED_SPLITS: dict[str, str] = {}
RENAMED_CLASSES: dict[str, str] = {}
RENAMED_REASONS: dict[str, str] = {}
"""Why a synthetic row was not kept."""
RENAMED_FILES: dict[str, str] = {}
"""Folders of runs, folders of samples and the stems of files of weights."""
RENAMED_FACTS: dict[str, str] = {"delta": "gain"}
"""Keys of the verdict and of the recommendation in summary.json."""


def canonical(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row of results, or the key of a group of them, in the newer checkout's names.

    A setting that hangs on a metric, arm or data set by an @ (``accuracy@share=0.5``) goes into ``setting``.
    What is missing is left out, so a column that is empty throughout is the same as none.
    """
    fields = {RENAMED_COLUMNS.get(name, name): value for name, value in row.items()}
    found = {name: str(value) for name, value in fields.items() if not pd.isna(value) and str(value) != ""}
    settings = setting_words(found.pop("setting", ""))
    for name in ("dataset", "arm", "metric"):
        if name in found:
            found[name], *more = found[name].split("@")
            settings += more
    if "metric" in found:
        found["metric"], more = metric_words(found["metric"])
        settings += more
    words = sorted(RENAMED_SETTINGS.get(one, one) for one in settings if one)
    tables = {"arm": RENAMED_ARMS, "split": RENAMED_SPLITS, "class": RENAMED_CLASSES}
    for name, table in tables.items():
        if name in found:
            found[name] = table.get(found[name], found[name])
    if "metric" in found:
        found["metric"] = RENAMED_METRICS.get(found["metric"], found["metric"])
    return {**found, **({"setting": "@".join(words)} if words else {})}


def metric_words(metric: str) -> tuple[str, list[str]]:
    """Return a metric whose name bore a setting without it, and the setting's words.

    Example:
        >>> metric_words("reliability_scaled:03:count"), metric_words("kid_task_n20")
        (('reliability_count_scaled', ['bin=3']), ('kid_task', ['images=20']))
    """
    head, _, rest = metric.partition(":")
    if head in ("reliability", "reliability_scaled"):
        number, _, what = rest.partition(":")
        return f"reliability_{what}{head.removeprefix('reliability')}", [f"bin={int(number)}"]
    if rest:
        return head, [f"{'predicted' if head == 'confusion' else 'reason'}={rest}"]
    name, _, images = metric.rpartition("_n")
    return (name, [f"images={images}"]) if name and images.isdigit() else (metric, [])


def setting_words(text: str) -> list[str]:
    """Return the words ``name=value`` of a setting, whose values are JSON, as metrics once bore them.

    Example:
        >>> setting_words('candidate="cvae" label_minimum=0.0')
        ['candidate=cvae', 'label_minimum=0']
    """
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', text)
    values = ((name, json.loads(value)) for name, value in pairs)
    return [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values]

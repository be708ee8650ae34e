"""GAN-train accuracy: what a classifier that saw synthetic samples alone does on real ones.

GAN-train of Shmelkov 2018, section 3, which Ravuri and Vinyals 2019 call the classification accuracy
score (CAS). Its counterpart GAN-test, a classifier of real samples asked about synthetic ones, is the
label fidelity of :mod:`augmentor.quality.measure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SYNTHETIC = "synthetic_only"
REAL = ("classical", "balanced", "real")
"""What stands for real against real: the first trains just as ``synthetic_only`` does, but on real rows."""


def gan_train_rows(
    scores: Sequence[Mapping[str, Any]],
    metrics: Sequence[str],
    arms: Sequence[str],
    skipped: Mapping[str, str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return GAN-train and the same for real samples, as means over seeds, and what has no number.

    Args:
        scores: rows with arm, split, metric and value; those of the test part are read.
        metrics: the metrics to give.
        arms: the arms that were trained.
        skipped: for each arm that was left out the reason.

    Returns:
        Rows such as ``gan_train_accuracy`` with the splits "synthetic" and "real", and a list of
        {"split", "metric", "class", "reason"}.
    """
    sources = {
        "synthetic": SYNTHETIC if SYNTHETIC in arms else None,
        "real": next((name for name in REAL if name in arms), None),
    }
    reasons = {
        "synthetic": skipped.get(SYNTHETIC, f"the arm {SYNTHETIC} was not asked for"),
        "real": f"none of the arms {', '.join(REAL)} was asked for",
    }
    rows: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    for metric in metrics:
        for split, arm in sources.items():
            named = {"split": split, "metric": f"gan_train_{metric}", "class": None}
            if arm is None:
                reason = reasons[split].rstrip(".")
                missing.append(
                    {**named, "reason": f"not estimable, because {reason[:1].lower()}{reason[1:]}"}
                )
                continue
            values = [
                row["value"]
                for row in scores
                if (row["arm"], row["split"], row["metric"]) == (arm, "test", metric)
            ]
            rows.append({**named, "value": float(np.mean(values)), "greater_is_better": True})
    return rows, missing

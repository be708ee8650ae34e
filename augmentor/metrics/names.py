"""What the metrics of a classifier are called, in sentences, tables and figures: the one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

METRIC_WORDS: Final[Mapping[str, str]] = {
    "balanced_accuracy": "balanced accuracy",
    "macro_auroc": "macro AUROC",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "brier": "Brier score",
    "ece": "calibration error",
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
    "auroc": "AUROC",
    "sensitivity_at_specificity": "sensitivity at the fixed specificity",
    "specificity_reached": "specificity reached",
}

"""The words that :mod:`same_numbers` knows to be other ones in the newer checkout."""

from __future__ import annotations

# What is called otherwise in the newer checkout, as old name to new name. Applied to the rows of both
# checkouts, so that both come out in the new words.
RENAMED_COLUMNS: dict[str, str] = {"fold": "split"}
RENAMED_ARMS: dict[str, str] = {
    "critic_start_spread_cutmix": "rows=passing mix=cutmix start=critic",
    "critic_network_cutmix": "mix=cutmix start=untrained_critic",
    "critic_start_cutmix": "mix=cutmix start=critic",
    "critic_network_mixup": "mix=mixup start=untrained_critic",
    "critic_start_mixup": "mix=mixup start=critic",
    "weighted_mixup": "sampling=natural loss=class_weighted mix=mixup",
    "spread_weighted_mixup": "rows=passing sampling=natural loss=class_weighted mix=mixup",
    "spread_class_weighted": "rows=passing sampling=natural loss=class_weighted",
    "spread_mixup": "rows=passing mix=mixup",
    "spread_cutmix": "rows=passing mix=cutmix",
    "spread": "rows=passing",
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

"""Look-ups in the results table, and plain JSON values."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np

from augmentor.core.errors import DataError
from augmentor.core.files import sha256_json
from augmentor.core.results import Results, Scalar, read_setting, setting_text

Key = tuple[str | None, str | None, str | None, str, str | None]


class Rows:
    """The table as a dictionary from (arm, setting, split, metric, class) to the value of each seed.

    Args:
        results: rows of one dataset.

    Raises:
        DataError: if there are several datasets, or one number is there twice.
    """

    def __init__(self, results: Results) -> None:
        table = results.table
        datasets = sorted(table["dataset"].dropna().unique().tolist())
        if len(datasets) > 1:
            raise DataError(f"a report is about one dataset, the results hold {datasets}")
        columns = [
            table[name].astype(object).where(table[name].notna(), None).tolist() for name in table.columns
        ]
        self._values: dict[Key, dict[int | None, float]] = {}
        for _, arm, setting, seed, split, metric, class_, value, _ in zip(*columns, strict=True):
            seeds = self._values.setdefault((arm, setting, split, metric, class_), {})
            number = None if seed is None else int(seed)
            if number in seeds:
                raise DataError(
                    f"the results hold {metric!r} twice "
                    f"(arm {arm}, setting {setting}, {split}, seed {seed}, class {class_})"
                )
            seeds[number] = float(value)
        self._arms_of: dict[tuple[str | None, str, str | None], list[str | None]] = {}
        for arm, setting, split, metric, class_ in self._values:
            if setting is None:
                self._arms_of.setdefault((split, metric, class_), []).append(arm)
        self.digest = sha256_json(
            [
                [*(part or "" for part in key), "" if seed is None else seed, plain(value)]
                for key, seeds in self._values.items()
                for seed, value in seeds.items()
            ]
        )

    def value(
        self,
        metric: str,
        *,
        split: str,
        arm: str | None = None,
        class_: str | None = None,
        setting: Mapping[str, Scalar] | None = None,
    ) -> float | None:
        """Return the one finite value that belongs to no seed (or to a single one), else None.

        Without ``arm`` and ``setting`` the number may stand under any arm, as long as it is there once.

        Raises:
            DataError: if several seeds or arms hold the number.
        """
        if arm is None and setting is None:
            arms = self._arms_of.get((split, metric, class_), [None])
            if len(arms) > 1:
                raise DataError(f"{metric!r} ({split}, {class_}) is there for the arms {arms}, expected once")
            arm = arms[0]
        text = None if setting is None else setting_text(setting)
        seeds = self._values.get((arm, text, split, metric, class_), {})
        if None in seeds:
            return _finite(seeds[None])
        if len(seeds) > 1:
            raise DataError(
                f"{metric!r} ({arm}, {split}, {class_}) is there for {len(seeds)} seeds, expected once"
            )
        return _finite(next(iter(seeds.values()))) if seeds else None

    def by_seed(
        self,
        metric: str,
        *,
        arm: str | None,
        split: str,
        class_: str | None = None,
        setting: Mapping[str, Scalar] | None = None,
    ) -> dict[int, float]:
        """Return the finite values of every seed, in the order of the seeds, of rows with that setting."""
        text = None if setting is None else setting_text(setting)
        seeds = self._values.get((arm, text, split, metric, class_), {})
        return {
            s: v for s, v in sorted((s, v) for s, v in seeds.items() if s is not None) if math.isfinite(v)
        }

    def settings(
        self, metric: str, *, arm: str | None = None, split: str, class_: str | None = None
    ) -> list[dict[str, Scalar]]:
        """Return the settings of ``metric`` in ``split``, in the order of their rows."""
        wanted = (arm, split, metric, class_)
        return [read_setting(s) for a, s, f, m, c in self._values if s is not None and (a, f, m, c) == wanted]

    def arms(self) -> list[str]:
        """Return the arms in the order of their first row."""
        return list(dict.fromkeys(arm for arm, *_ in self._values if arm is not None))

    def scored_arms(self, metric: str) -> list[str]:
        """Return the arms that have ``metric`` on the test part."""
        return [arm for arm in self.arms() if (arm, None, "test", metric, None) in self._values]

    def seeds(self) -> list[int]:
        """Return every seed that occurs, sorted."""
        return sorted({s for seeds in self._values.values() for s in seeds if s is not None})


def spread(values: list[float]) -> tuple[float | None, float | None]:
    """Return mean and sample standard deviation (n - 1), None where there are too few values."""
    mean = statistics.fmean(values) if values else None
    return mean, statistics.stdev(values) if len(values) > 1 else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON-able value
    """Return ``value`` as plain JSON: string keys, lists, no NaN or infinity (None instead)."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [plain(inner) for inner in items]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return _finite(value)
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)

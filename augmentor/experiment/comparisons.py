"""Every comparison that a verdict, an answer or a table asks of the test part, each made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from augmentor.core.facts.evaluation import DELTAS
from augmentor.experiment.arms import Arm, controls_of
from augmentor.statistics.evidence import Evidence
from augmentor.statistics.paired_verdict import Paired


@dataclass(frozen=True)
class Comparisons:
    """The synthetic arms of one test part against the others.

    Attributes:
        tested: of the test part.
        arms: the arms by name, derived ones as they were settled.
        baseline: the arm without synthesis that was chosen on the validation part.
        fixed: the arm that was fixed beforehand; None where it was not trained.
        confidence: of the intervals, two-sided.
    """

    tested: Evidence
    arms: Mapping[str, Arm]
    baseline: str
    fixed: str | None
    confidence: float = 0.95
    _known: dict[tuple[str, str], Paired] = field(default_factory=dict)

    @property
    def synthetic(self) -> list[str]:
        """The arms that synthesis has a part in."""
        return [name for name in self.tested.values if self.arms[name].is_synthetic]

    @property
    def hindsight(self) -> str:
        """The arm without synthesis that turned out best on the test part, the first of equals."""
        means = self.tested.means
        return max((n for n in means if not self.arms[n].is_synthetic), key=means.__getitem__)

    def against(self, arm: str) -> dict[str, str]:
        """Return what a synthetic arm is held against, by role; a role that nothing has is absent."""
        control = controls_of({name: self.arms[name] for name in self.tested.values}).get(arm)
        named = zip(DELTAS, (self.baseline, control, self.fixed, self.hindsight), strict=True)
        return {role: name for role, name in named if name is not None}

    def pair(self, arm: str, role: str) -> Paired | None:
        """Return the comparison of an arm in that role, the same object where two roles have one arm."""
        other = self.against(arm).get(role)
        if other is None:
            return None
        if (arm, other) not in self._known:
            self._known[arm, other] = self.tested.paired(arm, other, self.confidence)
        return self._known[arm, other]

    def rows(self, metric: str, margin: float) -> list[dict[str, Any]]:
        """Return rows of the results: every arm's interval, and every change of the synthetic arms.

        Intervals of changes by stratum hold for all K strata together (Bonferroni: each at
        1 - (1 - confidence) / K).
        """
        found: list[dict[str, Any]] = []
        for name in self.tested.values:
            score = self.tested.score(name, self.confidence)
            found += [_row(name, f"{metric}_low", score.low), _row(name, f"{metric}_high", score.high)]
        for name in self.synthetic:
            for role in self.against(name):
                pair = self.pair(name, role)
                assert pair is not None
                ends = pair.interval.gain, pair.interval.low, pair.interval.high
                found += _change(name, DELTAS[role], ends)
                if role == "best_without" and pair.interval.detectable <= 1:
                    found.append(_row(name, "minimum_detectable", pair.interval.detectable, better=False))
            found.append(_row(name, "margin", margin, better=None))
            found += self._by_stratum(name)
        return found

    def _by_stratum(self, name: str) -> list[dict[str, Any]]:
        tested = self.tested
        present = [tested.names[int(k)] for k in tested.design.present]
        each = 1 - (1 - self.confidence) / len(present)
        found: list[dict[str, Any]] = []
        for kind in tested.by_stratum:
            for k, label in enumerate(present):
                change = tested.stratum_change(kind, name, self.baseline, k, each)
                found += _change(name, f"{kind}_delta", (change.gain, change.low, change.high), label)
        return found


def _change(arm: str, metric: str, values: Sequence[float], name: str | None = None) -> list[dict[str, Any]]:
    return [
        _row(arm, f"{metric}{end}", value, name=name)
        for end, value in zip(("", "_low", "_high"), values, strict=True)
    ]


def _row(
    arm: str, metric: str, value: float, *, better: bool | None = True, name: str | None = None
) -> dict[str, Any]:
    return {
        "arm": arm,
        "split": "test",
        "metric": metric,
        "class": name,
        "value": value,
        "greater_is_better": better,
    }

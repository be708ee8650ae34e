"""Many splits, each with a generator of its own, folded into one answer.

Within one split every interval is conditional on one test part and one trained generator. Splitting
again, and training everything again, shows both. The training parts of such splits overlap, so their
differences are correlated; Nadeau and Bengio (2003) allow for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from augmentor.core.facts.evaluation import OuterFacts, SplitFacts
from augmentor.core.points import in_points
from augmentor.statistics.paired_verdict import Word
from augmentor.statistics.significance import TestResult, nadeau_bengio
from augmentor.statistics.student import POWER, quantile


@dataclass(frozen=True)
class Folded:
    """The answer over all splits.

    Attributes:
        rows: rows for the results; ``seed`` is the number of the split.
        facts: word (by the rules of docs/concepts/verdict.md, from the interval over splits), sentence and
            p-value.
    """

    rows: list[dict[str, Any]]
    facts: OuterFacts


def fold_splits(
    splits: Sequence[SplitFacts], *, metric: str, margin: float, confidence: float = 0.95
) -> Folded:
    """Fold the splits by the corrected resampled t test.

    As in one split, each word is said only where the gain over the controls says it too, see
    ``SplitFacts.control``, and none but "inconclusive" where a split has no control.

    Args:
        splits: two or more.
        metric: the primary metric in words.
        margin: equivalence margin in units of the metric.
        confidence: of the interval.

    Raises:
        DataError: if there are fewer than two splits.
    """
    differences = np.array([one.after - one.before for one in splits])
    n_train = round(float(np.mean([one.n_train for one in splits])))
    n_test = round(float(np.mean([one.n_test for one in splits])))
    found = nadeau_bengio(differences, n_train=n_train, n_test=n_test, confidence=confidence)
    comparison = _word(found, margin)
    controls = [one.control for one in splits if one.control is not None]
    alone = None
    if len(controls) == len(splits):
        beyond = np.array([one.after for one in splits]) - np.array(controls)
        alone = nadeau_bengio(beyond, n_train=n_train, n_test=n_test, confidence=confidence)
    blocked = comparison != "inconclusive" and (alone is None or _word(alone, margin) != comparison)
    word: Word = "inconclusive" if blocked else comparison
    reach = quantile(found.degrees, (1 + confidence) / 2) + quantile(found.degrees, POWER)
    visible = reach * found.standard_error

    def row(name: str, value: float, seed: int | None = None, better: bool | None = True) -> dict[str, Any]:
        return {"seed": seed, "split": "test", "metric": name, "value": value, "greater_is_better": better}

    rows = [
        row("outer_delta_mean", found.estimate),
        row("outer_delta_low", max(found.low, -1.0)),
        row("outer_delta_high", min(found.high, 1.0)),
        row("outer_minimum_detectable", visible, better=False),
        row("outer_margin", margin, better=None),
    ]
    for number, one in enumerate(splits):
        rows += [row("outer_before", one.before, number), row("outer_after", one.after, number)]
        rows.append(row("outer_delta", one.after - one.before, number))
    says = {
        "helps": "Synthetic data helps",
        "hurts": "Synthetic data hurts",
        "equivalent": "Synthetic data makes no difference that matters",
        "inconclusive": "Inconclusive",
    }[word]
    sentence = (
        f"{says}: over {len(splits)} splits, each with a generator of its own, the chosen synthetic arm "
        f"changes {metric} by {in_points(found.estimate)} points on average against the chosen baseline "
        f"({100 * confidence:g} % interval {in_points(found.low)} to {in_points(found.high)}, corrected for "
        f"splits that share cases; margin {in_points(margin, sign=False)})."
    )
    if word in ("helps", "hurts") and -margin < found.low and found.high < margin:
        sentence += " It is smaller than the margin that was said to matter."
    if blocked and alone is None:
        sentence += " But not every split has a control, which differs in synthesis alone."
    elif blocked and alone is not None:
        sentence += (
            " But against the same arms without anything synthetic it is "
            f"{in_points(alone.estimate)} points ({in_points(alone.low)} to {in_points(alone.high)}): "
            "something else may be behind it."
        )
    facts = OuterFacts(
        splits=tuple(splits),
        p_value=found.p_value,
        n_train=n_train,
        n_test=n_test,
        word=word,
        sentence=sentence,
    )
    return Folded(rows, facts)


def _word(found: TestResult, margin: float) -> Word:
    if found.low > 0:
        return "helps"
    if found.high < 0:
        return "hurts"
    return "equivalent" if -margin < found.low and found.high < margin else "inconclusive"

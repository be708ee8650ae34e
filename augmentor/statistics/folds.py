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
from augmentor.statistics.significance import nadeau_bengio
from augmentor.statistics.variance import POWER, quantile
from augmentor.statistics.verdict import word_of
from augmentor.statistics.words import points


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

    "helps" is said only where the gain over the controls is above 0 too, see ``SplitFacts.control``.

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
    word, within = word_of(found.low, found.high, margin)
    beyond = np.array([one.after - (one.before if one.control is None else one.control) for one in splits])
    alone = nadeau_bengio(beyond, n_train=n_train, n_test=n_test, confidence=confidence)
    blocked = word == "helps" and alone.low <= 0
    if blocked:
        word = "inconclusive"
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
        f"changes {metric} by {points(found.estimate)} points on average against the chosen baseline "
        f"({100 * confidence:g} % interval {points(found.low)} to {points(found.high)}, corrected for splits "
        f"that share cases; margin {points(margin, sign=False)})."
    )
    if within and word in ("helps", "hurts"):
        sentence += " It is smaller than the margin that was said to matter."
    if blocked:
        sentence += (
            " But the same arms without anything synthetic may gain as much: against them it is "
            f"{points(alone.estimate)} points ({points(alone.low)} to {points(alone.high)})."
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

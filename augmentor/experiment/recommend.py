"""Whether to train with synthetic rows at all, said before the test part is opened.

Two questions are apart. The verdict says what the best synthetic arm does on the test part. The
recommendation says what a user should do, and may only use the validation part: the arm is recommended where
its mean gain there exceeds the gain's standard error, over seeds and cases. Where synthesis is useless that
happens in about one study of six, and then the arm is one that did no visible harm; in all others the gain
of following the recommendation is exactly zero. A stricter rule would give up small gains that are there, and
a rule at zero would take half of all useless arms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentor.downstream.scores import contributions
from augmentor.experiment.verdict import METRIC_WORDS, points
from augmentor.statistics.design import Design
from augmentor.statistics.intervals import UNSEEN
from augmentor.statistics.variance import components

WAYS = {
    "Synthetic data": "Train with synthetic data",
    "The critic's start": "Start from the generator's critic",
}
"""What to do, by what helps."""


@dataclass(frozen=True)
class Recommendation:
    """What to train with.

    Attributes:
        use: whether to add synthetic rows.
        arm: what to train: the synthetic arm, or the baseline where synthesis is not recommended.
        gain: mean validation gain of the synthetic arm over the baseline, in units of the metric.
        standard_error: of that gain, over seeds and validation cases; None where no class has two cases.
        sentence: the same in plain words.
    """

    use: bool
    arm: str
    gain: float
    standard_error: float | None
    sentence: str


def recommend(
    with_synthetic: NDArray[np.float64],
    without: NDArray[np.float64],
    y: NDArray[np.int64],
    groups: NDArray[Any] | None,
    *,
    subject: str,
    arm: str,
    baseline: str,
    metric: str,
    tested: bool = True,
) -> Recommendation:
    """Recommend the synthetic arm, or the baseline, by the one-standard-error rule (Breiman 1984, 3.4.3).

    Args:
        with_synthetic: probabilities (S, M, K) of the synthetic arm on the validation part.
        without: the same of the baseline, at the same seeds.
        y: (M,) labels.
        groups: (M,) groups, or None.
        subject: what the arm stands for: "Synthetic data" or "The critic's start".
        arm: the synthetic arm's name.
        baseline: the baseline's name.
        metric: the primary metric.
        tested: whether any synthetic row took part in the arm; one without cannot be recommended.
    """
    design = Design.of(y, groups)
    change = contributions(metric, with_synthetic, y) - contributions(metric, without, y)
    gain = float(design.class_means(change).sum(axis=1).mean())
    alone = all(units.size < 2 for _, units, _ in design.blocks)
    error = None if alone else components(change, design, UNSEEN.get(metric, 0.0)).standard_error
    use = tested and error is not None and gain > error
    what = METRIC_WORDS.get(metric, metric.replace("_", " "))
    spread = "not known" if error is None else points(error, sign=False)
    grounds = (
        f"on the validation part the arm {arm} changes {what} by {points(gain)} points over {baseline} "
        f"(standard error {spread})"
    )
    if not tested:
        said = "Leave synthetic data out: no synthetic sample passed the filters."
    elif error is None:
        said = f"Leave synthetic data out: {grounds}; a validation part of one case a class cannot tell more."
    elif use:
        said = f"{WAYS[subject]}, as the arm {arm} does: {grounds}."
    else:
        said = f"Leave synthetic data out: {grounds}, which is not more than chance would give."
    return Recommendation(use, arm if use else baseline, gain, error, said)

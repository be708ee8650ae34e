"""What one synthesizer's samples are worth on the validation part alone; a sweep scores its members by it.

The test part is not handed over, so that no choice between synthesizers can follow from it.
"""

from __future__ import annotations

from augmentor.core.errors import DataError
from augmentor.core.facts.training import ScoreFacts
from augmentor.core.leak import refuse_overlap
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import name_of
from augmentor.experiment.choose import choose_share
from augmentor.experiment.held_out import HeldOut
from augmentor.experiment.runner import STAGE, Runner
from augmentor.experiment.spec import EvaluationSpec, mixing_arm
from augmentor.experiment.usable import usable_arms
from augmentor.experiment.values import Workers
from augmentor.modalities.table import modality_of


def try_shares(
    train: Samples,
    validation: Samples,
    synthetic: SyntheticSet,
    spec: EvaluationSpec,
    *,
    seed: int,
    workers: Workers,
) -> list[ScoreFacts]:
    """Return the validation scores of the recipe's first mixing arm at every share of ``spec.mixing.shares``.

    Args:
        train: the training part.
        validation: rows that neither the generator nor the filters saw.
        synthetic: candidates with their marks.
        spec: shares, ``share_seeds`` (fits per share), updates and the primary metric.
        seed: everything random is derived from it; the same one as :func:`evaluate` is given.
        workers: where the fits are run.

    Returns:
        The scores (one per seed, in [0, 1]) at each share, ascending.

    Raises:
        DataError: if the validation part is empty or no synthetic row of a class passed the filters.
        LeakError: if a validation row is in the training part or among the synthetic rows.
    """
    if not len(validation):
        raise DataError("the validation part is empty; a sweep chooses on it")
    spec = spec.with_model_for(modality_of(train))
    arm = mixing_arm(spec)
    name = name_of(arm)
    refuse_overlap({"training": train, "synthetic": synthetic.samples}, {"validation": validation})
    only = spec.model_copy(update={"arms": (arm,), "seeds": spec.mixing.share_seeds})
    _, skipped = usable_arms(only, train, synthetic)
    if skipped:
        raise DataError(skipped[name])
    runner = Runner(
        train, synthetic, {"validation": validation}, only,
        seed=seed, workers=workers,
    )  # fmt: skip
    tried = {
        share: [runner.job(arm, share, i) for i in range(spec.mixing.share_seeds)]
        for share in spec.mixing.shares
    }
    jobs = [job for mine in tried.values() for job in mine]
    workers.progress.start(STAGE, len(jobs))
    runner.run(jobs)
    workers.progress.finish(STAGE)
    runner.clean()
    _, rows = choose_share(tried, HeldOut(spec, train, validation), name)
    scores: dict[float, list[float]] = {}
    for row in rows:
        scores.setdefault(row["setting"]["share"], []).append(float(row["value"]))
    return [ScoreFacts(share=share, scores=tuple(values)) for share, values in scores.items()]

"""The fits of an experiment and the choices between them that the validation part makes.

Every mixing arm chooses its share of synthetic rows. The arms of
:data:`augmentor.experiment.arms.FOLLOWERS` are the best arm of real rows with one thing changed, synthetic
rows or the critic's start: a verdict on that compares arms that differ in nothing else. The arm ``classwise``
takes the best mixing arm and leaves synthetic rows out of the classes where they do harm. The
test part has no say in any of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.progress import Progress
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import ARMS, CLASSWISE, FOLLOWERS, LATE, TWINS
from augmentor.experiment.decide import validation_means
from augmentor.experiment.draw import marks_of, passing
from augmentor.experiment.fits import FitJob, read_fit
from augmentor.experiment.recommend import recommend
from augmentor.experiment.runner import STAGE, Runner
from augmentor.experiment.selected import SELECTIONS
from augmentor.experiment.spec import EvaluationSpec


@dataclass(frozen=True)
class Fitted:
    """Every arm's finished fits, and what was chosen on the way.

    Attributes:
        jobs: for each arm one fit a seed.
        share_of: the share of each mixing arm.
        became: what each arm of :data:`augmentor.experiment.arms.LATE` became, as the arm's name.
        usual: the share of arms that choose none.
        trials: fits a share that the choice was averaged over; 0 where the recipe gave the share.
        left_out: names of the classes that ``classwise`` gives no synthetic row.
        rows: results of all that was tried.
    """

    jobs: dict[str, list[FitJob]]
    share_of: dict[str, float]
    usual: float
    trials: int
    left_out: tuple[str, ...]
    rows: list[dict[str, Any]]
    became: dict[str, str]


def fit_arms(
    runner: Runner, arms: Sequence[str], validation: Samples, spec: EvaluationSpec, progress: Progress
) -> Fitted:
    """Finish the fits of all arms, choosing shares and classes on the validation part.

    Args:
        runner: trains the fits.
        arms: names of the arms.
        validation: what choices are made on.
        spec: the recipe's evaluation.
        progress: told how many fits there will be.
    """
    by_share = [name for name in arms if ARMS[name].by_share and name not in LATE]
    plain = [name for name in arms if not ARMS[name].by_share and name not in LATE]
    choosers = [name for name in by_share if ARMS[name].is_synthetic] if len(spec.shares) > 1 else []
    following = [name for name in arms if name in FOLLOWERS]
    choose_late = any(ARMS[name].by_share for name in following) and len(spec.shares) > 1
    trials = min(spec.share_seeds, spec.seeds) if choosers or choose_late else 0
    tried = {name: _at_every_share(runner, name, spec, trials) for name in choosers}
    jobs = {name: [runner.job(name, None, i) for i in range(spec.seeds)] for name in plain}
    first = [job for one in jobs.values() for job in one]
    first += [job for shares in tried.values() for one in shares.values() for job in one]
    later = spec.seeds * len(by_share) - trials * len(choosers) + _fits_of_late(runner, arms, spec, trials)
    progress.start(STAGE, len(first) + later)
    runner.run(first)
    chosen = {name: choose_share(tried[name], validation, spec, name) for name in choosers}
    rows = [row for _, scores in chosen.values() for row in scores]
    share_of = {name: share for name, (share, _) in chosen.items()}
    # Copies take the places of the kept rows, so they take the filtered arm's share.
    usual = share_of.get("filtered", next(iter(share_of.values()), spec.shares[0]))
    share_of |= {name: usual for name in by_share if name not in share_of}
    jobs |= {name: [runner.job(name, share_of[name], i) for i in range(spec.seeds)] for name in by_share}
    known = {job.key for job in first}
    runner.run([job for name in by_share for job in jobs[name] if job.key not in known])
    became: dict[str, str] = {}
    mixing = [name for name in by_share if ARMS[name].is_synthetic]
    if following:
        base = _best([name for name in plain if name in TWINS], jobs, validation, spec.primary_metric)
        became = {name: FOLLOWERS[name][base] for name in following}
    for name in following:
        if not ARMS[name].by_share:
            jobs[name] = [runner.job(became[name], None, i) for i in range(spec.seeds)]
            runner.run(jobs[name])
            continue
        share_of[name], jobs[name], scores = _at_best_share(
            runner, name, became[name], validation, spec, trials
        )
        rows += scores
        mixing.append(name)
    dropped: tuple[int, ...] = ()
    if CLASSWISE in arms:
        best = _best(mixing, jobs, validation, spec.primary_metric)
        base, share = became.get(best, best), share_of[best]
        dropped, scores = _harmful(runner, base, share, jobs[best], validation, spec)
        rows += scores
        became[CLASSWISE], share_of[CLASSWISE] = base, share
        jobs[CLASSWISE] = [runner.job(base, share, i, without=dropped) for i in range(spec.seeds)]
        runner.run(jobs[CLASSWISE] if dropped else [])
    progress.finish(STAGE)
    left_out = tuple(validation.classes[label] for label in dropped)
    return Fitted(jobs, share_of, usual, trials, left_out, rows, became)


def _fits_of_late(runner: Runner, arms: Sequence[str], spec: EvaluationSpec, trials: int) -> int:
    """Return how many fits the arms of :data:`augmentor.experiment.arms.LATE` will ask for, at most."""
    fits = 0
    for name in set(arms) & set(FOLLOWERS):
        fits += spec.seeds + (trials * (len(spec.shares) - 1) if ARMS[name].by_share else 0)
    if CLASSWISE in arms:
        made = runner.synthetic.samples.counts
        fits += spec.share_seeds * sum(n > 0 for n in made.values()) + spec.seeds
    return fits


def _at_every_share(runner: Runner, arm: str, spec: EvaluationSpec, trials: int) -> dict[float, list[FitJob]]:
    return {share: [runner.job(arm, share, i) for i in range(trials)] for share in spec.shares}


def _at_best_share(
    runner: Runner, name: str, arm: str, validation: Samples, spec: EvaluationSpec, trials: int
) -> tuple[float, list[FitJob], list[dict[str, Any]]]:
    """Return the share at which ``arm`` does best, its fits there, and the scores of what was tried.

    The scores go by ``name``, what the arm is called in the recipe.
    """
    share = spec.shares[0]
    rows: list[dict[str, Any]] = []
    if len(spec.shares) > 1:
        tried = _at_every_share(runner, arm, spec, trials)
        runner.run([job for jobs in tried.values() for job in jobs])
        share, rows = choose_share(tried, validation, spec, name)
    jobs = [runner.job(arm, share, i) for i in range(spec.seeds)]
    runner.run(jobs[trials if rows else 0 :])
    return share, jobs, rows


def choose_share(
    tried: Mapping[float, Sequence[FitJob]], validation: Samples, spec: EvaluationSpec, arm: str
) -> tuple[float, list[dict[str, Any]]]:
    """Return the share with the best mean validation score (the smallest of equals), and all scores."""
    means: dict[float, float] = {}
    rows: list[dict[str, Any]] = []
    for share, jobs in sorted(tried.items()):
        found = _scores(jobs, validation, spec.primary_metric)
        rows += [
            _row(arm, i, f"{spec.primary_metric}@share={share:g}", value) for i, value in enumerate(found)
        ]
        means[share] = float(np.mean(found))
    return max(means, key=means.__getitem__), rows


def empty_arms(arms: Sequence[str], synthetic: SyntheticSet, left_out: Sequence[str] = ()) -> list[str]:
    """Return the synthetic arms that no synthetic row takes part in: they train on real rows alone."""
    left = {**dict.fromkeys(SELECTIONS, passing(synthetic)), **marks_of(synthetic)}
    found = [name for name in arms if ARMS[name].synthetic in left and not left[ARMS[name].synthetic].any()]
    there = {name for name, n in synthetic.samples.take(left["passing"]).counts.items() if n}
    if CLASSWISE in arms and there <= set(left_out):
        found.append(CLASSWISE)
    return list(dict.fromkeys(found))


def stacked(jobs: Sequence[FitJob], part: str) -> npt.NDArray[np.float64]:
    """Return the probabilities (S, N, K) that the fits wrote for a part.

    Raises:
        DataError: if a file is gone.
    """
    found = []
    for job in jobs:
        probabilities = read_fit(job, part)
        if probabilities is None:
            raise DataError(f"the fit {job.target} is gone; nothing else may write there: run again")
        found.append(probabilities)
    return np.stack(found)


def _best(
    names: Sequence[str], jobs: Mapping[str, Sequence[FitJob]], validation: Samples, metric: str
) -> str:
    means = {name: float(np.mean(_scores(jobs[name], validation, metric))) for name in names}
    return max(means, key=means.__getitem__)


def _harmful(
    runner: Runner,
    base: str,
    share: float,
    whole: Sequence[FitJob],
    validation: Samples,
    spec: EvaluationSpec,
) -> tuple[tuple[int, ...], list[dict[str, Any]]]:
    """Return the labels whose synthetic rows do harm in the arm ``base``, and the scores without each.

    Each class is left out alone, in ``share_seeds`` fits. It stays out where the mean validation score then
    rises by more than the rise's standard error: the rule that recommends an arm.
    """
    trials = min(spec.share_seeds, spec.seeds)
    # A selection takes rows of every class that has passing ones.
    used = marks_of(runner.synthetic).get(ARMS[base].synthetic, passing(runner.synthetic))
    labels = [int(label) for label in np.unique(runner.synthetic.samples.y[used])]
    tried = {label: [runner.job(base, share, i, without=(label,)) for i in range(trials)] for label in labels}
    runner.run([job for jobs in tried.values() for job in jobs])
    before = stacked(whole[:trials], "validation")
    dropped: list[int] = []
    rows: list[dict[str, Any]] = []
    for label, jobs in tried.items():
        name = validation.classes[label]
        without = stacked(jobs, "validation")
        said = recommend(
            without, before, validation.y, validation.group,
            arm=f"{base} without {name}", baseline=base, metric=spec.primary_metric,
        )  # fmt: skip
        if said.use:
            dropped.append(label)
        metric = f"{spec.primary_metric}@without={name}"
        values = _scores(jobs, validation, spec.primary_metric)
        rows += [_row(CLASSWISE, i, metric, value) for i, value in enumerate(values)]
    return tuple(dropped), rows


def _scores(jobs: Sequence[FitJob], validation: Samples, metric: str) -> list[float]:
    found = stacked(jobs, "validation")
    return [validation_means({"arm": one[None]}, validation.y, metric)["arm"] for one in found]


def _row(arm: str, seed: int, metric: str, value: float) -> dict[str, Any]:
    return {
        "arm": arm,
        "seed": seed,
        "split": "validation",
        "metric": metric,
        "value": value,
        "greater_is_better": True,
    }

"""The fits of an experiment and the choices between them that the validation part makes.

Every mixing arm chooses its share of synthetic rows. Arms that are derived from the best arm of real rows are
that one with something added, synthetic rows or the critic's start: a verdict on that compares arms that
differ in nothing else. Those derived from the best mixing arm leave synthetic rows out of the classes where
they do harm. The test part has no say in any of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.arms import AnyArm, Arm, Derived, Rows, changed_fields, is_mixing, name_of, settled
from augmentor.experiment.draw import marks_of, passing
from augmentor.experiment.evidence_of import evidence_of
from augmentor.experiment.fit import FitJob
from augmentor.experiment.held_out import HeldOut
from augmentor.experiment.runner import STAGE, Runner
from augmentor.experiment.selected import SELECTIONS
from augmentor.statistics.advice import exceeds_error


@dataclass(frozen=True)
class Fitted:
    """Every arm's finished fits, and what was chosen on the way.

    Attributes:
        arms: the arms by name, derived ones as they were settled.
        jobs: for each arm one fit per seed.
        base: name of the best arm of real rows alone, where one was looked for.
        share_of: the share of each arm that mixes rows at one.
        trials: fits per share that the choice was averaged over; 0 where the recipe gave the share.
        left_out: names of the classes that get no synthetic row in the arm that leaves some out.
        rows: results of all that was tried.
        tried: for each arm with a setting of its own to choose, how many were tried, shares or others.
    """

    arms: dict[str, Arm] = field(default_factory=dict)
    jobs: dict[str, list[FitJob]] = field(default_factory=dict)
    share_of: dict[str, float] = field(default_factory=dict)
    base: str | None = None
    trials: int = 0
    left_out: tuple[str, ...] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    tried: dict[str, int] = field(default_factory=dict)


def fit_arms(runner: Runner, arms: Mapping[str, AnyArm], held: HeldOut) -> Fitted:
    """Finish the fits of all arms, choosing shares, bases and classes on the validation part.

    Args:
        runner: trains the fits.
        arms: the arms by name.
        held: what choices are made on.
    """
    work = _Work(runner, arms, held)
    runner.progress.start(STAGE, work.at_most)
    work.fit_declared()
    work.fit_changed()
    work.fit_thinned()
    runner.progress.finish(STAGE)
    left_out = tuple(held.samples.classes[label] for label in work.dropped)
    ordered = {name: work.arms[name] for name in arms}
    return Fitted(ordered, work.jobs, work.share_of, work.base, work.trials, left_out, work.rows, work.tried)


class _Work:
    """The fits of one evaluation, kind of arm by kind of arm."""

    def __init__(self, runner: Runner, arms: Mapping[str, AnyArm], held: HeldOut) -> None:
        self.runner, self.held, self.spec = runner, held, runner.spec
        spec = runner.spec
        self.arms = {name: arm for name, arm in arms.items() if isinstance(arm, Arm)}
        derived = {name: arm for name, arm in arms.items() if isinstance(arm, Derived)}
        self.changed = {name: arm for name, arm in derived.items() if arm.base == "best_real"}
        self.thinned = [name for name, arm in derived.items() if arm.base == "best_mixing"]
        several = len(spec.mixing.shares) > 1 and held.may_choose
        self.several = several
        self.choosers = [name for name, arm in self.arms.items() if is_mixing(arm) and several]
        late = several and any(arm.pattern.by_share for arm in self.changed.values())
        self.trials = min(spec.mixing.share_seeds, spec.seeds) if self.choosers or late else 0
        self.jobs: dict[str, list[FitJob]] = {}
        self.share_of: dict[str, float] = {}
        self.rows: list[dict[str, Any]] = []
        self.base: str | None = None
        self.dropped: tuple[int, ...] = ()
        self.tried = dict.fromkeys(self.choosers, len(spec.mixing.shares)) if several else {}

    @property
    def at_most(self) -> int:
        """How many fits there will be, at most."""
        spec, trials = self.spec, self.trials
        fits = spec.seeds * len(self.arms) + trials * (len(spec.mixing.shares) - 1) * len(self.choosers)
        for arm in self.changed.values():
            fits += spec.seeds + (trials * (len(spec.mixing.shares) - 1) if arm.pattern.by_share else 0)
            fits += min(spec.mixing.share_seeds, spec.seeds) * len(arm.settings) * self.held.may_choose
        if self.thinned and self.held.may_choose:
            made = self.runner.synthetic.samples.counts
            fits += spec.mixing.share_seeds * sum(n > 0 for n in made.values()) + spec.seeds
        return fits

    def fit_declared(self) -> None:
        """Fit the arms whose fields the recipe gives, the mixing ones at the share that does best."""
        plain = {name: arm for name, arm in self.arms.items() if not arm.by_share}
        tried = {name: self._at_every_share(self.arms[name]) for name in self.choosers}
        self.jobs |= {name: self._every_seed(arm, None) for name, arm in plain.items()}
        first = [job for one in self.jobs.values() for job in one]
        first += [job for shares in tried.values() for one in shares.values() for job in one]
        self.runner.run(first)
        for name, shares in tried.items():
            share, scores = choose_share(shares, self.held, name)
            self.share_of[name] = share
            self.rows += scores
        mixing = {name: arm for name, arm in self.arms.items() if arm.by_share}
        self.share_of |= {
            name: self._given_share(arm) for name, arm in mixing.items() if name not in self.share_of
        }
        self.jobs |= {name: self._every_seed(arm, self.share_of[name]) for name, arm in mixing.items()}
        known = {job.key for job in first}
        self.runner.run([job for name in mixing for job in self.jobs[name] if job.key not in known])

    def fit_changed(self) -> None:
        """Fit the arms that are the best of real rows alone with something added."""
        if not self.changed:
            return
        self.base = self._best([name for name, arm in self.arms.items() if arm.is_real_alone])
        # What is tuned without synthesis comes first: synthesis is then added to the best of all that.
        for name, derived in sorted(self.changed.items(), key=lambda item: not item[1].settings):
            if derived.settings:
                self._tune(name, derived)
                continue
            arm = self.arms[name] = settled(derived, self.arms[self.base])
            share = None
            known: list[FitJob] = []
            if arm.by_share:
                share = self._middle_share
                if self.several:
                    tried = self._at_every_share(arm)
                    known = [job for jobs in tried.values() for job in jobs]
                    self.runner.run(known)
                    share, scores = choose_share(tried, self.held, name)
                    self.rows += scores
                    self.tried[name] = len(tried)
                self.share_of[name] = share
            self.jobs[name] = self._every_seed(arm, share)
            keys = {job.key for job in known}
            self.runner.run([job for job in self.jobs[name] if job.key not in keys])

    def _tune(self, name: str, derived: Derived) -> None:
        """Fit the best real arm at the setting that does best, and build on it from then on."""
        assert self.base is not None
        if not self.held.may_choose:
            self.arms[name], self.jobs[name] = self.arms[self.base], self.jobs[self.base]
            return
        tries = min(self.spec.mixing.share_seeds, self.spec.seeds)
        settings = {
            _setting(one): settled(derived.model_copy(update={"add": one}), self.arms[self.base])
            for one in derived.settings
        }
        tried = {key: [self.runner.job(arm, None, i) for i in range(tries)] for key, arm in settings.items()}
        self.runner.run([job for jobs in tried.values() for job in jobs])
        means = {}
        for key, jobs in tried.items():
            scores = self.held.scores(jobs)
            means[key] = float(np.mean(scores))
            self.rows += [
                _row(name, i, self.spec.primary_metric, {"tried": key}, value)
                for i, value in enumerate(scores)
            ]
        self.arms[name] = settings[max(means, key=means.__getitem__)]
        self.jobs[name] = self._every_seed(self.arms[name], None)
        self.tried[name] = len(settings)
        self.runner.run(self.jobs[name])
        self.base = name

    def fit_thinned(self) -> None:
        """Fit the best mixing arm without the synthetic rows of classes where they do harm."""
        for name in self.thinned:
            best = self._best([other for other, arm in self.arms.items() if is_mixing(arm)])
            arm, share = self.arms[best], self.share_of[best]
            self.dropped = self._harmful(name, best) if self.held.may_choose else ()
            self.arms[name], self.share_of[name] = arm, share
            self.jobs[name] = self._every_seed(arm, share, without=self.dropped)
            self.runner.run(self.jobs[name] if self.dropped else [])

    def _given_share(self, arm: Arm) -> float:
        # Copies take the places of synthetic rows, so they take the share of the arm that has these.
        for name, share in self.share_of.items():
            if self.arms[name] == arm.model_copy(update={"rows": Rows(synthetic=arm.rows.synthetic)}):
                return share
        return next(iter(self.share_of.values()), self._middle_share)

    @property
    def _middle_share(self) -> float:
        shares = self.spec.mixing.shares
        return shares[len(shares) // 2]

    def _every_seed(self, arm: Arm, share: float | None, without: tuple[int, ...] = ()) -> list[FitJob]:
        return [self.runner.job(arm, share, i, without=without) for i in range(self.spec.seeds)]

    def _at_every_share(self, arm: Arm) -> dict[float, list[FitJob]]:
        return {
            share: [self.runner.job(arm, share, i) for i in range(self.trials)]
            for share in self.spec.mixing.shares
        }

    def _best(self, names: Sequence[str]) -> str:
        if not self.held.may_choose:
            fixed = name_of(self.spec.statistics.fixed_baseline)
            return fixed if fixed in names else names[0]
        means = {name: float(np.mean(self.held.scores(self.jobs[name]))) for name in names}
        return max(means, key=means.__getitem__)

    def _harmful(self, name: str, best: str) -> tuple[int, ...]:
        """Return the labels whose synthetic rows do harm in the arm ``best``; the scores go by ``name``.

        Each class is left out alone, in ``share_seeds`` fits. It stays out where the mean validation score
        then rises by more than the rise's standard error: the rule that recommends an arm.
        """
        arm, share, classes = self.arms[best], self.share_of[best], self.held.samples.classes
        synthetic, spec, usual = self.runner.synthetic, self.spec, name_of(self.arms[best])
        trials = min(self.spec.mixing.share_seeds, self.spec.seeds)
        # A selection takes rows of every class that has passing ones.
        used = marks_of(synthetic).get(arm.rows.synthetic, passing(synthetic))
        labels = [int(label) for label in np.unique(synthetic.samples.y[used])]
        tried = {
            label: [self.runner.job(arm, share, i, without=(label,)) for i in range(trials)]
            for label in labels
        }
        self.runner.run([job for jobs in tried.values() for job in jobs])
        before = self.held.scored(self.jobs[best][:trials])
        dropped: list[int] = []
        for label, jobs in tried.items():
            left = classes[label]
            without = f"{usual} without {left}"
            found = evidence_of(spec, {without: self.held.scored(jobs), usual: before})
            if exceeds_error(found.paired(without, usual).interval):
                dropped.append(label)
            self.rows += [
                _row(name, i, spec.primary_metric, {"without": left}, value)
                for i, value in enumerate(self.held.scores(jobs))
            ]
        return tuple(dropped)


def choose_share(
    tried: Mapping[float, Sequence[FitJob]], held: HeldOut, arm: str
) -> tuple[float, list[dict[str, Any]]]:
    """Return the share with the best mean validation score (the smallest of equals), and all scores.

    Args:
        tried: for each share its fits.
        held: what the fits are scored on.
        arm: what the scores go by in the results.
    """
    means: dict[float, float] = {}
    rows: list[dict[str, Any]] = []
    for share, jobs in sorted(tried.items()):
        found = held.scores(jobs)
        rows += [
            _row(arm, i, held.spec.primary_metric, {"share": share}, value) for i, value in enumerate(found)
        ]
        means[share] = float(np.mean(found))
    return max(means, key=means.__getitem__), rows


def empty_arms(
    arms: Mapping[str, Arm],
    synthetic: SyntheticSet,
    thinned: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> list[str]:
    """Return the synthetic arms that no synthetic row takes part in: they train on real rows alone.

    Args:
        arms: the arms by name, derived ones as they were settled.
        synthetic: the candidates with their marks.
        thinned: names of the arms without the synthetic rows of ``left_out``.
        left_out: names of classes.
    """
    left = {**dict.fromkeys(SELECTIONS, passing(synthetic)), **marks_of(synthetic)}
    used = {name: arm.rows.synthetic for name, arm in arms.items()}
    found = [name for name, which in used.items() if which in left and not left[which].any()]
    there = {name for name, n in synthetic.samples.take(left["passing"]).counts.items() if n}
    if there <= set(left_out):
        found += [name for name in thinned if name in arms]
    return list(dict.fromkeys(found))


def _setting(added: Arm) -> str:
    """Return what a setting changes, in the words of a recipe."""
    return " ".join(f"{key}={value}" for key, value in changed_fields(added).items()) or "as it is"


def _row(arm: str, seed: int, metric: str, setting: Mapping[str, Any], value: float) -> dict[str, Any]:
    return {
        "arm": arm,
        "setting": setting,
        "seed": seed,
        "split": "validation",
        "metric": metric,
        "value": value,
        "greater_is_better": True,
    }

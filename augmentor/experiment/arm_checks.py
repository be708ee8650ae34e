"""Whether a list of arms can give a verdict."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from augmentor.experiment.arms import PRESETS, AnyArm, Arm, Derived, arms_of, is_mixing, pattern_of


def candidates_of(arm: AnyArm) -> tuple[Arm, ...]:
    """Return all that is known of what an arm may come to be: of one with settings, each of them."""
    settings = arm.settings if isinstance(arm, Derived) else ()
    return settings or (pattern_of(arm),)


def pairs_of(arms: Iterable[AnyArm]) -> list[tuple[AnyArm, Arm]]:
    """Return each arm beside all that it may come to be."""
    return [(arm, one) for arm in arms for one in candidates_of(arm)]


def check_arms(arms: Collection[AnyArm]) -> None:
    """Refuse a list of arms that cannot give a verdict.

    Raises:
        ValueError: if one is there twice, or one side of the comparison is missing.
    """
    named = arms_of(arms)
    listed = ", ".join(named) or "the empty list"
    for name, arm in named.items():
        if not isinstance(arm, Derived):
            continue
        if arm.base == "best_mixing" and not any(map(is_mixing, named.values())):
            raise ValueError(
                f"{name} leaves classes out of the best arm that mixes synthetic rows at a share; add one of "
                f"{_presets(is_mixing)} to {listed}"
            )
        if arm.base == "best_real" and not any(map(_is_base, named.values())):
            raise ValueError(
                f"{name} changes one thing about the best arm of real rows alone; add one of "
                f"{_presets(_is_base)} to {listed}"
            )
    for side, word in ((_has_both, "real and synthetic"), (_has_none, "no synthetic")):
        if not any(map(side, named.values())):
            raise ValueError(
                f"a verdict compares an arm with {word} rows against another; add one of "
                f"{_presets(side)} to {listed}"
            )


def _is_base(arm: AnyArm) -> bool:
    return isinstance(arm, Arm) and arm.is_real_alone


def _has_both(arm: AnyArm) -> bool:
    return pattern_of(arm).is_synthetic and pattern_of(arm).rows.real


def _has_none(arm: AnyArm) -> bool:
    return not pattern_of(arm).is_synthetic


def _presets(asked: Callable[[AnyArm], bool]) -> str:
    return ", ".join(name for name, arm in PRESETS.items() if asked(arm))

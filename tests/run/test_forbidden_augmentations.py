"""A card's avoided augmentations reach the classical policy and the critic's augmentation."""

from __future__ import annotations

from typing import get_args

import pytest
from method_fields import spec_of

from augmentor.data.cards import Avoid
from augmentor.experiment.spec import EvaluationSpec
from augmentor.modalities.policies import OPERATIONS, transforms
from augmentor.run.forbidden_augmentations import CLASSICAL, evaluation_without, synthesizer_without


def test_every_word_of_a_card_has_a_meaning() -> None:
    assert set(CLASSICAL) == set(get_args(Avoid))
    assert {name for names in CLASSICAL.values() for name in names} <= {*transforms(), *OPERATIONS}


@pytest.mark.parametrize("what", get_args(Avoid))
def test_the_classical_policy_leaves_forbidden_transforms_out(what: str) -> None:
    spec = EvaluationSpec(augmentation={"policy": "microscopy"})
    before, after = (one.augmentation.resolved() for one in (spec, evaluation_without(spec, [what])))
    for name in set(CLASSICAL[what]) & set(transforms()):
        assert getattr(before, name)
        assert not getattr(after, name)
    assert after.shift == before.shift


@pytest.mark.parametrize("what", get_args(Avoid))
def test_policies_that_draw_operations_do_not_draw_forbidden_ones(what: str) -> None:
    spec = evaluation_without(EvaluationSpec(), [what])
    for policy in ("trivial", "randaugment"):
        assert set(CLASSICAL[what]) & set(OPERATIONS) <= set(spec.augmentation.policy_of(policy).forbid)


def test_the_critic_sees_no_flip_where_none_is_allowed() -> None:
    spec = spec_of(augmentation=("geometry", "colour", "translation"))
    assert synthesizer_without(spec, ["horizontal_flip"]).augmentation == ("colour", "translation")
    assert synthesizer_without(spec, ["colour", "rotation"]).augmentation == ("translation",)
    assert synthesizer_without(spec, []).augmentation == spec.augmentation

from typing import get_args

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.objectives.adversarial import ADVERSARIAL
from augmentor.objectives.diffaugment import GROUPS
from augmentor.objectives.penalties import PENALTIES, RANDOM_PENALTIES
from augmentor.synthesizers.compose import objective_of
from augmentor.synthesizers.spec import (
    FAMILIES,
    AdversarialName,
    AugmentName,
    PenaltyName,
    SynthesizerSpec,
    TrainingSpec,
)


def test_the_names_of_the_spec_are_the_tables():
    assert set(get_args(AdversarialName)) == set(ADVERSARIAL)
    assert set(get_args(PenaltyName)) == {*PENALTIES, *RANDOM_PENALTIES}
    assert set(get_args(AugmentName)) == set(GROUPS)
    assert set(get_args(SynthesizerSpec.model_fields["family"].annotation)) in (set(FAMILIES), set())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_stands_on_its_own_and_a_given_field_wins(family):
    spec = parse(SynthesizerSpec, {"family": family}, "test")
    for name, value in FAMILIES[family].items():
        assert spec.model_dump(mode="json")[name] == value
    assert parse(SynthesizerSpec, {"family": family, "augmentation": ["cutout"]}, "test").augmentation == (
        "cutout",
    )


def test_a_dumped_spec_reads_back_the_same():
    spec = SynthesizerSpec(regularisers={"r1": 2.0}, augmentation=(), mode_seeking=0)
    assert parse(SynthesizerSpec, spec.model_dump(mode="json"), "test") == spec


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"regularisers": {}}, "does not converge without"),
        ({"regularisers": {"r1": 0, "r2": 0}}, "does not converge without"),
        ({"adversarial": "wasserstein"}, "no minimum unless"),
        ({"adversarial": "wasserstein", "regularisers": {"gradient_penalty": "auto"}}, "needs a number"),
        ({"adversarial": "hinge", "regularisers": {"gradient_penalty": 10, "r1": 1}}, "keep one kind"),
        ({"regularizers": {"r1": 1}}, "did you mean 'regularisers'"),
        ({"family": "residul"}, "residual"),
        ({"adversarial": "hinges"}, "'hinge'"),
        ({"minibatch_group": 3}, "0, 2 or 4"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(fields, said):
    with pytest.raises(ConfigError, match=said):
        parse(SynthesizerSpec, fields, "recipe x, synthesizer")


def test_auto_weights_follow_the_resolution_and_zero_leaves_a_penalty_out():
    spec = SynthesizerSpec(regularisers={"r1": "auto", "r2": 0.0})
    objective = objective_of(spec, TrainingSpec(), (1, 16, 16))
    assert objective.penalties == {"r1": pytest.approx(0.2)}
    assert objective.augment is not None
    assert objective_of(SynthesizerSpec(augmentation=()), TrainingSpec(), (1, 8, 8)).augment is None

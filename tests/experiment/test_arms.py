import re
from dataclasses import replace

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.experiment.arms import (
    ARMS,
    CONTROLS,
    CRITIC_AND_ROWS,
    FOLLOWERS,
    FROM_CRITIC,
    LATE,
    TWINS,
    check_arms,
    controls_of,
)
from augmentor.experiment.heads import HEADS
from augmentor.experiment.remedies import LOSSES, MIXES
from augmentor.experiment.selected import SELECTIONS
from augmentor.experiment.spec import DEFAULT_ARMS, EvaluationSpec
from augmentor.modalities.policies import POLICIES, Policy


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_names_a_loss_and_a_mixture_that_exist(name):
    arm = ARMS[name]
    assert arm.loss in LOSSES
    assert arm.mix in {"none", *MIXES}
    assert arm.real or arm.is_synthetic
    assert arm.head in {"trained", *HEADS}
    assert not arm.copies or arm.synthetic == "kept"
    assert not arm.by_share or arm.synthetic in {"kept", "passing", *SELECTIONS}
    assert 0 <= arm.synthetic_first < 1
    assert not (arm.by_share and arm.synthetic_first)


def test_the_usual_arms_differ_as_declared():
    plain, (network, added, start, only) = DEFAULT_ARMS[:6], (ARMS[name] for name in DEFAULT_ARMS[6:])
    real, balanced, classical, weighted, mixup, cutmix = (ARMS[name] for name in plain)
    assert (real.balanced, real.augmented) == (False, False)
    assert (balanced.balanced, balanced.augmented) == (True, False)
    assert (classical.balanced, classical.augmented, classical.synthetic) == (True, True, "none")
    assert (weighted.balanced, weighted.loss, weighted.is_synthetic) == (False, "class_weighted", False)
    assert (mixup.mix, mixup.is_synthetic) == ("mixup", False)
    assert (cutmix.mix, cutmix.is_synthetic) == ("cutmix", False)
    assert (added.synthetic, added.by_share, added.real) == ("passing", True, True)
    assert DEFAULT_ARMS[7] in FOLLOWERS
    assert CONTROLS[DEFAULT_ARMS[8]] == DEFAULT_ARMS[6]
    assert (network.start, network.is_synthetic) == ("untrained_critic", False)
    assert (start.start, start.synthetic, start.is_synthetic) == ("critic", "none", True)
    assert (only.synthetic, only.real) == ("passing", False)


@pytest.mark.parametrize(("plain", "twin"), TWINS.items())
def test_a_twin_is_its_arm_with_synthetic_rows_and_nothing_else(plain, twin):
    assert not ARMS[plain].is_synthetic
    assert replace(ARMS[twin], label=ARMS[plain].label, synthetic="none", by_share=False) == ARMS[plain]
    assert ARMS[twin].synthetic == "passing"


def test_every_arm_of_real_rows_alone_has_a_twin():
    alone = [
        name
        for name, arm in ARMS.items()
        if (arm.synthetic, arm.head, arm.start) == ("none", "trained", "random")
    ]
    assert set(TWINS) == {name for name in alone if ARMS[name].oversampler == "none"}
    assert len(set(TWINS.values())) == len(TWINS)


def test_filtered_gives_synthetic_rows_to_the_classes_that_lack_images_and_spread_to_all():
    synthetic, filtered, spread = ARMS["synthetic"], ARMS["filtered"], ARMS["spread"]
    assert (synthetic.synthetic, synthetic.by_share) == ("all", False)
    assert replace(filtered, label=spread.label, synthetic="passing") == spread


def test_synthetic_arms_are_these():
    assert {name for name, arm in ARMS.items() if arm.is_synthetic} == {
        "synthetic",
        "filtered",
        "with_synthetic",
        "diverse",
        "influential",
        "classwise",
        "pretrained",
        "synthetic_only",
        "covariance_transfer",
        "feature_gan",
        "from_critic",
        "critic_and_rows",
        *TWINS.values(),
        *FROM_CRITIC.values(),
        *CRITIC_AND_ROWS.values(),
    }


@pytest.mark.parametrize("plain", TWINS)
def test_arms_on_the_critic_differ_in_their_start_alone(plain):
    assert replace(ARMS[FROM_CRITIC[plain]], label="", start="random") == replace(ARMS[plain], label="")
    assert ARMS[FROM_CRITIC[plain]].start == "critic"
    rows, twin = ARMS[CRITIC_AND_ROWS[plain]], ARMS[TWINS[plain]]
    assert replace(rows, label="", start="random") == replace(twin, label="")
    assert rows.start == "critic"


@pytest.mark.parametrize(("arm", "control"), CONTROLS.items())
def test_a_control_is_its_arm_without_anything_synthetic(arm, control):
    mine = ARMS[arm]
    start = "untrained_critic" if mine.start == "critic" else mine.start
    plain = replace(
        mine, label="", start=start, synthetic="none", by_share=False, synthetic_first=0.0, head="trained"
    )
    assert plain == replace(ARMS[control], label="")
    assert mine.is_synthetic
    assert not ARMS[control].is_synthetic


def test_every_arm_of_real_and_synthetic_data_has_a_control_or_is_settled_late():
    late = {name for name in LATE if ARMS[name].is_synthetic}
    real = {name for name, arm in ARMS.items() if arm.is_synthetic and arm.real}
    assert set(CONTROLS) == real - late


def test_controls_are_those_of_what_arms_became():
    plain = ("classical", "cutmix", "critic_network")
    names = (*plain, "filtered", "with_synthetic", "classwise", "from_critic")
    became = {
        "with_synthetic": "spread_cutmix",
        "classwise": "filtered",
        "critic_network": "critic_network_cutmix",
        "from_critic": "critic_start_cutmix",
    }
    assert controls_of(names, became) == {
        "filtered": "classical",
        "with_synthetic": "cutmix",
        "classwise": "classical",
        "from_critic": "critic_network",
    }
    # Whose control is not there has none; synthetic_only has nothing real that could be its control.
    assert controls_of(("mixup", "filtered", "critic_start_mixup", "synthetic_only"), {}) == {}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("real", "filterd"), "unknown arm 'filterd'; did you mean 'filtered'?"),
        (("real", "xyz"), "known arms: real, balanced"),
        (("real", "filtered", "real"), "named once"),
        (
            ("real", "classical"),
            "add one of synthetic, filtered, with_synthetic, from_critic, critic_and_rows, diverse, "
            "influential, classwise, pretrained, covariance_transfer, feature_gan, spread_real",
        ),
        (
            ("oversampled", "with_synthetic"),
            "with_synthetic changes one thing about the best of real",
        ),
        (("real", "synthetic_only"), "add one of synthetic, filtered"),
        (("synthetic", "filtered"), "no synthetic images against another; add one of real"),
    ],
)
def test_arms_that_cannot_give_a_verdict_are_refused(names, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        check_arms(names)


def test_defaults_are_the_issues():
    spec = EvaluationSpec()
    assert spec.arms == DEFAULT_ARMS
    assert (spec.seeds, spec.margin, spec.primary_metric) == (10, 0.01, "balanced_accuracy")
    assert spec.synthetic_arms == ("with_synthetic", "critic_start_cutmix", "synthetic_only")


def test_shares_are_sorted_and_unique_and_a_policy_can_be_spelled_out_and_cut():
    spec = parse(
        EvaluationSpec,
        {"shares": [0.5, 0, 0.5], "policy": {"shift": 0.1, "flip_horizontal": True}, "forbid": ["shift"]},
        "r.yaml",
    )
    assert spec.shares == (0.0, 0.5)
    assert spec.resolved_policy() == Policy(flip_horizontal=True)
    dumped = spec.model_dump(mode="json")
    assert parse(EvaluationSpec, dumped, "again") == spec


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"arms": ["real", "filterd"]}, "did you mean 'filtered'"),
        ({"shares": []}, "at least one synthetic share"),
        ({"shares": [1.0]}, "less than 1"),
        ({"policy": "digit"}, "known policies: none, light"),
        ({"policy": {"shfit": 0.1}}, "did you mean 'shift'"),
        ({"forbid": ["flip"]}, "cannot forbid flip; transforms are: shift"),
        ({"primary_metric": "f1"}, "balanced_accuracy"),
        ({"seeds": 0}, "greater than or equal to 1"),
        ({"margin": 0}, "greater than 0"),
        ({"updatse": 3}, "did you mean 'updates'"),
    ],
)
def test_a_recipe_at_fault_is_told_what_is_allowed(values, reason):
    with pytest.raises(ConfigError, match=re.escape(reason)):
        parse(EvaluationSpec, values, "r.yaml")


@pytest.mark.parametrize("name", ["medical", "digits", "light"])
def test_policies_for_images_with_sides_never_mirror(name):
    policy = POLICIES[name]
    assert (policy.flip_horizontal, policy.flip_vertical, policy.quarter_turns) == (False, False, False)

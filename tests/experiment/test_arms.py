import re

import pytest
from flat_spec import nested

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.experiment.arm_checks import check_arms
from augmentor.experiment.arm_words import describe, subject, title
from augmentor.experiment.arms import (
    PRESETS,
    Arm,
    Derived,
    Rows,
    arm_of,
    arms_of,
    control,
    controls_of,
    name_of,
    needs_critic,
    pattern_of,
    settled,
    written,
)
from augmentor.experiment.spec import DEFAULT_ARMS, EvaluationSpec
from augmentor.modalities.policies import POLICIES, Policy

PASSING = Rows(synthetic="passing")
COPIES = Rows(synthetic="kept", copies=True)
POOLED = Arm(rows=Rows(synthetic="all", mixing="pooled"))
THINNED = Derived(base="best_mixing", leave_out="harmful_classes")
NETWORK = ("best_real start=untrained_critic", "The critic's network")
REAL_ALONE = (
    "real",
    "balanced",
    "classical",
    "class_weighted",
    "logit_adjusted",
    "mixup",
    "cutmix",
)


def test_the_usual_arms_differ_as_declared():
    assert [name_of(arm) for arm in DEFAULT_ARMS] == [
        *("real", "classical", "class_weighted", "logit_adjusted", "mixup", "cutmix", "tuned"),
        *("mix=cutmix start=untrained_critic", "mix=cutmix start=self_supervised"),
        "with_synthetic",
        "mix=cutmix start=critic",
        "synthetic_only",
    ]
    real, classical, weighted, adjusted, mixup, cutmix, tuned, network, views, added, start, only = (
        DEFAULT_ARMS
    )
    assert (real.sampling, real.augmentation) == ("natural", "none")
    assert (adjusted.sampling, adjusted.loss) == ("natural", "logit_adjusted")
    assert {one.augmentation for one in tuned.settings} == {"classical", "trivial", "randaugment"}
    assert views == control(views)
    assert classical == Arm()
    assert (weighted.sampling, weighted.loss, weighted.is_synthetic) == ("natural", "class_weighted", False)
    assert (mixup.mix, cutmix.mix) == ("mixup", "cutmix")
    assert added == Derived(base="best_real", add=Arm(rows=PASSING))
    assert control(start) == network
    assert (network.is_synthetic, start.is_synthetic) == (False, True)
    assert (only.rows.synthetic, only.rows.real) == ("passing", False)


def test_few_arms_have_a_name_of_their_own():
    assert list(PRESETS) == [
        *("real", "balanced", "classical", "class_weighted", "logit_adjusted", "mixup", "cutmix"),
        *("oversampled", "filtered", "synthetic_only", "tuned", "with_synthetic", "from_critic"),
    ]


def test_presets_of_real_rows_alone_and_synthetic_ones_are_these():
    arms = {name: arm for name, arm in PRESETS.items() if isinstance(arm, Arm)}
    assert tuple(name for name, arm in arms.items() if arm.is_real_alone) == REAL_ALONE
    assert [name for name, arm in PRESETS.items() if pattern_of(arm).is_synthetic] == [
        *("filtered", "synthetic_only", "with_synthetic", "from_critic"),
    ]
    assert [name for name, arm in PRESETS.items() if needs_critic(arm)] == ["from_critic"]


def test_pooled_rows_have_no_share_and_filtered_differs_from_passing_rows_in_these_alone():
    filtered = PRESETS["filtered"]
    assert filtered.by_share
    assert not POOLED.by_share
    assert filtered.model_copy(update={"rows": PASSING}) == arm_of({"rows": "passing"})


@pytest.mark.parametrize("base", REAL_ALONE)
def test_an_arm_derived_from_the_best_real_one_differs_from_it_in_what_is_added_alone(base):
    plain = PRESETS[base]
    both = settled(Derived(base="best_real", add=Arm(rows=PASSING, start="critic")), plain)
    assert (both.rows, both.start) == (PASSING, "critic")
    assert both.model_copy(update={"rows": Rows(), "start": "random"}) == plain
    assert control(both) == settled(Derived(base="best_real", add=Arm(start="untrained_critic")), plain)
    assert control(settled(PRESETS["with_synthetic"], plain)) == plain


@pytest.mark.parametrize(
    ("arm", "expected"),
    [
        (Arm(mix="cutmix", start="critic"), {"mix": "cutmix", "start": "untrained_critic"}),
        (Arm(rows=PASSING, mix="mixup"), "mixup"),
        (Arm(head="covariance"), "classical"),
        (Arm(rows=Rows(synthetic="passing", mixing="first")), "classical"),
        (PRESETS["synthetic_only"], "classical"),
        # Copies of real rows, a smote row and an untrained network are no synthesis.
        (Arm(rows=COPIES), {"rows": COPIES}),
        (PRESETS["oversampled"], "oversampled"),
        (Arm(start="untrained_critic"), {"start": "untrained_critic"}),
    ],
)
def test_a_control_is_the_same_arm_without_synthesis(arm, expected):
    assert control(arm) == arm_of(expected)
    assert not control(arm).is_synthetic
    assert control(control(arm)) == control(arm)


def test_controls_are_those_of_the_settled_arms():
    arms = {
        "classical": Arm(),
        "cutmix": Arm(mix="cutmix"),
        "network": Arm(mix="cutmix", start="untrained_critic"),
        "filtered": PRESETS["filtered"],
        "with_synthetic": Arm(rows=PASSING, mix="cutmix"),
        "thinned": PRESETS["filtered"],
        "from_critic": Arm(mix="cutmix", start="critic"),
    }
    assert controls_of(arms) == {
        "filtered": "classical",
        "with_synthetic": "cutmix",
        "thinned": "classical",
        "from_critic": "network",
    }
    # Whose control is not there has none; synthetic_only has nothing real that could be its control.
    others = arms_of(("mixup", "filtered", {"mix": "mixup", "start": "critic"}, "synthetic_only"))
    assert controls_of(others) == {}
    assert controls_of({**others, "classical": Arm()}) == {"filtered": "classical"}


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        ({}, "classical", "Classical augmentation"),
        ({"mix": "cutmix"}, "cutmix", "CutMix"),
        ({"mix": "cutmix", "start": "critic"}, "mix=cutmix start=critic", "CutMix, from the critic"),
        ({"rows": "passing"}, "rows=passing", "Classical augmentation with synthetic"),
        (
            {"rows": {"synthetic": "passing"}, "mix": "mixup"},
            "rows=passing mix=mixup",
            "Mixup with synthetic",
        ),
        (
            {"rows": {"synthetic": "all", "mixing": "pooled", "real": False}},
            "rows=all,no_real",
            "Synthetic only",
        ),
        (
            {"rows": {"synthetic": "kept", "mixing": "first"}, "loss": "focal", "sampling": "natural"},
            "rows=kept,first sampling=natural loss=focal",
            "Focal loss with synthetic first",
        ),
        (
            {"rows": "passing", "sampling": "natural", "augmentation": "none"},
            "rows=passing sampling=natural augmentation=none",
            "Real with synthetic",
        ),
        (
            {"base": "best_real", "add": {"rows": "passing", "start": "critic"}},
            "best_real rows=passing start=critic",
            "With synthetic, from the critic",
        ),
        ({"base": "best_real", "add": {"rows": "kept"}}, "best_real rows=kept", "Filtered synthetic"),
        (
            {"base": "best_mixing", "leave_out": "harmful_classes"},
            "best_mixing leave_out=harmful_classes",
            "Synthetic where it helps",
        ),
        ({"base": "best_real", "add": {"start": "untrained_critic"}}, *NETWORK),
        ({"sampling": "natural", "loss": "focal"}, "sampling=natural loss=focal", "Focal loss"),
        ({"oversample": "random"}, "oversample=random", "Random oversampling"),
        ({"rows": {"synthetic": "kept", "copies": True}}, "rows=kept,copies", "Duplicated real"),
        ({"rows": {"synthetic": "all", "mixing": "pooled"}}, "rows=all,pooled", "All synthetic"),
        ({"rows": {"synthetic": "passing", "mixing": "first"}}, "rows=passing,first", "Synthetic first"),
        ({"augmentation": "trivial"}, "augmentation=trivial", "TrivialAugment"),
        ({"augmentation": "medical"}, "augmentation=medical", "Medical augmentation"),
        (
            {"mix": "cutmix", "start": "self_supervised"},
            "mix=cutmix start=self_supervised",
            "CutMix, self-supervised",
        ),
        (
            {"base": "best_real", "settings": [{}, {"mix": "mixup", "sampling": "natural"}]},
            "best_real settings=|sampling=natural,mix=mixup",
            "Best of real rows, tuned",
        ),
    ],
)
def test_an_arm_of_fields_has_one_name_a_title_and_is_written_as_it_is_read(value, name, words):
    arm = arm_of(value)
    assert (name_of(arm), title(arm)) == (name, words)
    assert arm_of(written(arm)) == arm
    assert describe(arm)


def test_titles_and_descriptions_of_presets_distinguish_them():
    for words in (title, describe):
        assert len({words(arm) for arm in PRESETS.values()}) == len(PRESETS)


def test_a_verdict_is_about_the_critics_start_where_nothing_else_is_synthetic():
    assert subject(Arm(start="critic"))[0] == "The critic's start"
    for arm in (Arm(start="critic", rows=PASSING), Arm(head="covariance")):
        assert subject(arm)[0] == "Synthetic data"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("filterd", "unknown arm 'filterd'; did you mean 'filtered'?"),
        ("xyz", "known arms: real, balanced"),
        (3, "a preset's name or a mapping of fields, got 3"),
        ({"mix": "cutmx"}, "one of none, mixup, cutmix, got 'cutmx'"),
        ({"loss": "hinge"}, "one of cross_entropy, class_weighted, focal, logit_adjusted, got 'hinge'"),
        ({"mixx": "cutmix"}, "unknown key 'mixx'; did you mean 'mix'?"),
        ({"rows": "keep"}, "'none', 'all', 'kept'"),
        ({"rows": {"copies": True}}, "how synthetic rows take part; name these first"),
        ({"rows": {"synthetic": "all", "real": False}}, "without real rows there is nothing to mix"),
        ({"rows": "all", "oversample": "smote"}, "with real rows alone"),
        ({"head": "covariance", "mix": "mixup"}, "take mix and start out"),
        ({"base": "best_real"}, "needs what is added to it"),
        ({"base": "best_mixing", "add": {"mix": "mixup"}}, "leave_out: harmful_classes"),
        ({"base": "best_real", "add": {"head": "covariance"}}, "a head is trained again"),
        # What was a name of its own once is told the fields.
        ("critic_start_cutmix", "is now given by its fields: {mix: cutmix, start: critic}"),
        ("critic_network_real", "{sampling: natural, augmentation: none, start: untrained_critic}"),
        (
            "critic_start_spread_weighted",
            "{rows: passing, sampling: natural, loss: class_weighted, start: cr",
        ),
        ("spread", "is now given by its fields: {rows: passing}"),
        ("spread_mixup", "{rows: passing, mix: mixup}"),
        ("weighted_mixup", "{sampling: natural, loss: class_weighted, mix: mixup}"),
        ("diverse", "{rows: diverse, mix: mixup}"),
        ("feature_gan", "{head: generated}"),
        ("focal", "{sampling: natural, loss: focal}"),
        ("random_oversampled", "{oversample: random}"),
        ("duplicated", "is now given by its fields: {rows: {synthetic: kept, copies: true}}"),
        ("critic_network", "{base: best_real, add: {start: untrained_critic}}"),
        ("classwise", "{base: best_mixing, leave_out: harmful_classes}"),
    ],
)
def test_what_is_no_arm_is_refused_with_what_to_write(value, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        arm_of(value)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (("real", "filtered", "real"), "named once, got real twice"),
        (("mixup", "filtered", {"mix": "mixup"}), "named once, got mixup twice"),
        (
            ("real", "classical"),
            "add one of filtered, with_synthetic, from_critic to real, classical",
        ),
        (("oversampled", "with_synthetic"), "with_synthetic changes one thing about the best arm of real"),
        (("classical", POOLED, THINNED), "leave_out=harmful_classes leaves classes out of the best arm that"),
        (("real", "synthetic_only"), "add one of filtered, with_synthetic"),
        ((POOLED, "filtered"), "no synthetic rows against another; add one of real"),
    ],
)
def test_arms_that_cannot_give_a_verdict_are_refused(values, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        check_arms([arm_of(value) for value in values])


def test_defaults_are_the_issues():
    spec = EvaluationSpec()
    assert spec.arms == DEFAULT_ARMS
    assert (spec.seeds, spec.statistics.margin, spec.primary_metric) == (10, 0.01, "balanced_accuracy")


def test_shares_are_sorted_and_unique_and_a_policy_can_be_spelled_out_and_cut():
    spec = parse(
        EvaluationSpec,
        nested(shares=[0.5, 0, 0.5], policy={"shift": 0.1, "flip_horizontal": True}, forbid=["shift"]),
        "r.yaml",
    )
    assert spec.mixing.shares == (0.0, 0.5)
    assert spec.augmentation.resolved() == Policy(flip_horizontal=True)
    dumped = spec.model_dump(mode="json")
    assert parse(EvaluationSpec, dumped, "again") == spec
    assert dumped["arms"][:2] == ["real", "classical"]
    assert dumped["arms"][10] == {"mix": "cutmix", "start": "critic"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"arms": ["real", "filterd"]}, "did you mean 'filtered'"),
        (nested(shares=[]), "at least one synthetic share"),
        (nested(shares=[1.0]), "less than 1"),
        (nested(policy="digit"), "known policies: none, light"),
        (nested(policy={"shfit": 0.1}), "did you mean 'shift'"),
        (nested(forbid=["flip"]), "cannot forbid flip; transforms are: shift"),
        ({"primary_metric": "f1"}, "balanced_accuracy"),
        ({"seeds": 0}, "greater than or equal to 1"),
        (nested(margin=0), "greater than 0"),
        ({"model": {"updatse": 3}}, "unknown key 'model.updatse'; did you mean 'updates'"),
    ],
)
def test_a_refused_recipe_names_what_is_allowed(values, reason):
    with pytest.raises(ConfigError, match=re.escape(reason)):
        parse(EvaluationSpec, values, "r.yaml")


@pytest.mark.parametrize("name", ["medical", "digits", "light"])
def test_policies_for_images_with_sides_never_mirror(name):
    policy = POLICIES[name]
    assert (policy.flip_horizontal, policy.flip_vertical, policy.quarter_turns) == (False, False, False)

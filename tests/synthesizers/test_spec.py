"""What a recipe may ask for: families, names that are the tables', and every refusal with its reason."""

import re
from typing import get_args

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.objectives.adversarial import ADVERSARIAL
from augmentor.objectives.operations import GROUPS, OPERATIONS
from augmentor.objectives.penalties import PENALTIES, RANDOM_PENALTIES
from augmentor.synthesizers.compose import objective_of, regulators_of
from augmentor.synthesizers.families import FamilyName
from augmentor.synthesizers.spec import (
    FAMILIES,
    AdversarialName,
    AugmentName,
    OperationName,
    PenaltyName,
    SynthesizerSpec,
    TrainingSpec,
)
from augmentor.training.spec import GENERAL


def read(fields):
    return parse(SynthesizerSpec, fields, "recipe x, synthesizer")


def test_the_names_of_the_spec_are_the_tables():
    assert set(get_args(FamilyName)) == set(FAMILIES)
    assert set(get_args(AdversarialName)) == set(ADVERSARIAL)
    others = {"clip", "lecam", "consistency", "path_length", "identity"}
    assert set(get_args(PenaltyName)) == {*PENALTIES, *RANDOM_PENALTIES} | others
    assert set(get_args(AugmentName)) == set(GROUPS)
    assert set(get_args(OperationName)) == set(OPERATIONS)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_stands_on_its_own_and_says_whose_it_is(name):
    family = FAMILIES[name]
    spec = read({"family": name})
    dumped = spec.model_dump(mode="json")
    for field, value in family.spec.items():
        found = dumped[field]
        assert found == ({**found, **value} if isinstance(value, dict) else value), field
    assert set(family.spec) <= set(SynthesizerSpec.model_fields)
    assert set(family.training) <= set(GENERAL)
    tuned = TrainingSpec().tuned(family.training)
    assert parse(TrainingSpec, tuned.model_dump(mode="json"), "test") == tuned
    assert set(family.dimensions) <= {1, 2, 3}
    assert re.search(r"\b20\d\d\b", family.paper)
    objective_of(spec, tuned, (1, 8, 8))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_given_field_wins_over_the_familys(name):
    assert read({"family": name, "width": 20}).width == 20
    objective = read({"family": name}).objective
    if objective not in {"flow", "translation", "stargan"}:
        assert read({"family": name, "latent": 33}).latent == 33
    if objective == "adversarial":
        assert read({"family": name, "augmentation": ["cutout"]}).augmentation == ("cutout",)
        assert read({"family": name, "mode_seeking": 0.7}).mode_seeking == 0.7
    given = TrainingSpec(learning_rate=3e-5, critic_steps=7).tuned(FAMILIES[name].training)
    assert (given.rate, given.turns) == (3e-5, 7)


def test_given_regularisers_replace_the_familys():
    assert read({"family": "stylegan2", "regularisers": {"r1": 1.0}}).regularisers == {"r1": 1.0}


def test_a_setting_of_the_starts_leaves_the_familys_other_ones():
    asked = read({"family": "cyclegan", "stargan": {"starts": 7}}).stargan
    assert (asked.starts, asked.cycle) == (7, 1.0)
    assert read({"family": "cyclegan", "stargan": {"cycle": 10}}).stargan.cycle == 10
    assert read({"family": "stargan", "stargan": {"starts": 7}}).stargan.cycle == 10


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_can_be_trained_per_class_without_labels(name):
    if read({"family": name}).objective in {"translation", "stargan"}:
        with pytest.raises(ConfigError, match="per_class cannot act"):
            read({"family": name, "per_class": True})
        return
    assert read({"family": name, "per_class": True}).conditioning == "none"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_dumped_spec_reads_back_the_same(name):
    spec = read({"family": name})
    assert read(spec.model_dump(mode="json")) == spec


def test_a_dumped_spec_keeps_what_was_given():
    spec = SynthesizerSpec(regularisers={"r1": 2.0}, augmentation=(), mode_seeking=0)
    assert read(spec.model_dump(mode="json")) == spec


REFUSED = [
    # The game.
    ({"regularisers": {}}, "does not converge without"),
    ({"regularisers": {"r1": 0, "r2": 0}}, "does not converge without"),
    ({"adversarial": "wasserstein"}, "no minimum unless"),
    ({"family": "wgan", "spectral_norm": True}, "keep one of them"),
    ({"family": "wgan-gp", "regularisers": {"gradient_penalty": 10, "clip": 0.1}}, "keep one of them"),
    # Regularisers.
    ({"adversarial": "wasserstein", "regularisers": {"gradient_penalty": "auto"}}, "needs a number"),
    ({"adversarial": "hinge", "regularisers": {"gradient_penalty": 10, "r1": 1}}, "keep one kind"),
    ({"family": "dcgan", "regularisers": {"r1": 1}}, "one row at a time"),
    ({"family": "wgan-gp", "critic_norm": "batch"}, "one row at a time"),
    ({"regularisers": {"r1": 1, "path_length": 2}}, "is about styles"),
    ({"regularisers": {"r1": -1}}, "greater than or equal to 0"),
    # Labels.
    ({"per_class": True, "conditioning": "concat"}, "has no label to learn"),
    ({"family": "acgan", "auxiliary_weight": 0}, "never learns the label"),
    # Augmentation.
    ({"augmentation": [], "augmentation_probability": "adaptive"}, "nothing to adapt"),
    ({"augmentation": ["cutout"], "forbid": ["cutout"]}, "forbid leaves nothing"),
    ({"augmentation_probability": 1.5}, "less than or equal to 1"),
    ({"augmentation_target": 1.0}, "less than 1"),
    ({"forbid": ["mirror"]}, "'flip_horizontal'"),
    # The autoencoder has no critic.
    ({"family": "cvae", "conditioning": "projection"}, "choose concat or none"),
    ({"family": "cvae", "regularisers": {"r1": 1}}, "regularisers cannot act"),
    ({"family": "cvae", "augmentation": ["cutout"]}, "augmentation cannot act"),
    (
        {"family": "cvae", "mode_seeking": 0.1, "minibatch_group": 4},
        "mode_seeking, minibatch_group cannot act",
    ),
    ({"family": "cvae", "spectral_norm": True}, "spectral_norm cannot act"),
    ({"family": "cvae", "codes": {"categorical": 3}}, "codes cannot act"),
    ({"family": "translation", "per_class": True}, "per_class cannot act"),
    ({"family": "translation", "latent": 8}, "latent cannot act"),
    ({"family": "translation", "architecture": "dcgan"}, "architecture cannot act"),
    (
        {"family": "translation", "conditioning": "concat", "mode_seeking": 1},
        "conditioning, mode_seeking cannot",
    ),
    ({"family": "stargan", "per_class": True, "latent": 8}, "per_class, latent cannot act; leave them"),
    ({"family": "stargan", "architecture": "dcgan"}, "architecture cannot act; leave it"),
    ({"family": "stargan", "codes": {"categorical": 3}, "mode_seeking": 1}, "mode_seeking, codes cannot"),
    ({"family": "stargan", "conditioning": "projection"}, "the critic's second head"),
    ({"family": "stargan", "auxiliary_weight": 0}, "never learns the label"),
    ({"family": "stargan", "regularisers": {}}, "no minimum unless"),
    ({"family": "cyclegan", "per_class": True, "latent": 8}, "per_class, latent cannot act; leave them"),
    ({"family": "cyclegan", "architecture": "mlp", "mode_seeking": 1}, "architecture, mode_seeking cannot"),
    ({"family": "cyclegan", "conditioning": "none"}, "networks of their own"),
    ({"family": "cyclegan", "auxiliary_weight": 2}, "no auxiliary classifier.*got 2"),
    ({"family": "cyclegan", "adversarial": "wasserstein"}, "no minimum unless"),
    ({"conditioning": "apart"}, "objective 'adversarial' does not translate so; choose family: cyclegan"),
    ({"family": "cvae", "conditioning": "apart"}, "choose concat or none"),
    ({"regularisers": {"r1": 1, "identity": 1}}, "'adversarial' has no network that translates"),
    ({"family": "cyclegan", "regularisers": {"identity": "auto"}}, "identity needs a number"),
    ({"stargan": {"cycle": 3}}, "the objective is 'adversarial'"),
    ({"family": "translation", "stargan": {"starts": 3}}, "the objective is 'translation'"),
    ({"family": "flow", "latent": 8}, "latent cannot act"),
    (
        {"family": "flow", "architecture": "dcgan", "regularisers": {"r1": 1}},
        "architecture, regularisers cannot",
    ),
    ({"family": "flow", "conditioning": "concat"}, "the U-Net's own embedding"),
    ({"family": "flow", "flow": {"guidance": 2}}, "set flow.label_drop"),
    ({"family": "flow", "conditioning": "none", "flow": {"label_drop": 0.1}}, "looks at none"),
    ({"flow": {"steps": 3}}, "the objective is 'adversarial'"),
    ({"translation": {"steps": 3}}, "the objective is 'adversarial'"),
    ({"family": "cvae", "architecture": "style", "style_mixing": 0.5}, "style_mixing cannot act"),
    # Networks.
    ({"critic_norm": "batch"}, "architecture 'residual' has no critic_norm 'batch'"),
    ({"architecture": "mlp", "generator_norm": "pixel"}, "it can have 'none' or 'batch'"),
    ({"family": "dcgan", "spectral_norm": True}, "set critic_norm to 'none'"),
    ({"family": "dcgan", "critic_norm": "layer", "spectral_norm": True}, "set critic_norm to 'none'"),
    ({"family": "stylegan2", "spectral_norm": True}, "equalised learning rate"),
    ({"family": "pggan", "spectral_norm": True, "regularisers": {}}, "equalised learning rate"),
    ({"truncation": 0.7}, "choose 'style' or 'adain'"),
    ({"style_mixing": 0.5}, "choose 'style' or 'adain'"),
    ({"codes": {"categorical": 1}}, "carries no information"),
    ({"codes": {"continuous": 2, "weight": 0}}, "never learnt"),
    ({"codes": {"categorical": 5, "continuous": 3}, "latent": 8}, "raise latent"),
    ({"minibatch_group": 3}, "0, 2 or 4"),
    # Names.
    ({"regularizers": {"r1": 1}}, "did you mean 'regularisers'"),
    ({"family": "residul"}, "residual"),
    ({"adversarial": "hinges"}, "'hinge'"),
    ({"conditioning": "film"}, "'projection'"),
    ({"architecture": "unet"}, "'dcgan'"),
    ("dcgan", "valid dictionary"),
]


@pytest.mark.parametrize(("fields", "said"), REFUSED, ids=str)
def test_what_cannot_work_is_refused_with_the_reason(fields, said):
    with pytest.raises(ConfigError, match=said):
        read(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"adversarial": "wasserstein", "spectral_norm": True, "regularisers": {}},
        {"adversarial": "wasserstein", "regularisers": {"gradient_penalty": 10}},
        {"family": "dcgan", "critic_norm": "none", "spectral_norm": True},
        {"family": "dcgan", "critic_norm": "layer", "regularisers": {"r1": 1, "r2": 1}},
        {"family": "stylegan", "truncation": 0.7, "regularisers": {"r1": 1, "path_length": 2}},
        {"family": "cvae", "architecture": "style", "conditioning": "none"},
        {"regularisers": {"r1": 1, "r2": 0, "lecam": 0.1, "consistency": 10}},
        {"family": "acgan", "critic_norm": "layer", "codes": {"categorical": 4}},
        {"family": "cyclegan", "regularisers": {"r1": "auto"}, "minibatch_group": 4},
        {"family": "cyclegan", "adversarial": "wasserstein", "regularisers": {"gradient_penalty": 10}},
        {"family": "stargan", "regularisers": {"gradient_penalty": 10, "identity": 5}},
    ],
    ids=str,
)
def test_sensible_compositions_are_read(fields):
    assert read(fields).family == fields.get("family", "residual")


def test_auto_weights_follow_the_resolution_and_zero_leaves_a_penalty_out():
    spec = SynthesizerSpec(regularisers={"r1": "auto", "r2": 0.0})
    objective = objective_of(spec, TrainingSpec(), (1, 16, 16))
    assert objective.penalties == {"r1": pytest.approx(0.2)}
    assert objective.augment is not None
    assert objective_of(SynthesizerSpec(augmentation=()), TrainingSpec(), (1, 8, 8)).augment is None
    none = SynthesizerSpec(augmentation_probability=0)
    assert objective_of(none, TrainingSpec(), (1, 8, 8)).augment is None


def test_every_regulariser_reaches_its_place():
    weights = {"r1": 0.5, "lecam": 0.2, "consistency": 3.0, "path_length": 2.0}
    spec = read({"family": "stylegan2", "regularisers": weights, "forbid": ["cutout"]})
    objective = objective_of(spec, TrainingSpec(regularise_every=8, critic_steps=2), (1, 8, 8))
    assert objective.penalties == {"r1": 0.5}
    assert (objective.lecam, objective.consistency, objective.path_length) == (0.2, 3.0, 2.0)
    assert (objective.every, objective.critic_steps, objective.clip) == (8, 2, 0.0)
    assert objective.altered is not None
    regulators = regulators_of(spec, TrainingSpec())
    assert regulators.lecam is not None
    assert regulators.path_length is not None
    assert regulators.adaptive is None
    assert objective_of(read({"family": "wgan"}), TrainingSpec(), (1, 8, 8)).clip == 0.05
    assert objective_of(read({"family": "cvae"}), TrainingSpec(), (1, 8, 8)).adversarial is None


def test_adaptive_augmentation_aims_at_the_target_within_a_quarter_of_the_run():
    spec = read({"augmentation_probability": "adaptive", "augmentation_target": 0.4})
    adaptive = regulators_of(spec, TrainingSpec(images=8000)).adaptive
    assert adaptive is not None
    assert (adaptive.target, adaptive.images, adaptive.probability) == (0.4, 2000, 0.0)
    assert regulators_of(read({}), TrainingSpec()).adaptive is None


def test_forbidden_operations_are_left_out():
    spec = read({"augmentation": ["geometry", "cutout"], "forbid": ["flip_horizontal"]})
    augment = objective_of(spec, TrainingSpec(), (1, 8, 8)).augment
    assert augment is not None
    assert augment.operations == {"cutout", "flip_vertical", "flip_depth"}

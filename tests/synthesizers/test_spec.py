"""What a recipe may ask for: families, names that are the tables', and every refusal with its reason."""

import re
import subprocess
import sys
from typing import get_args

import pytest
from method_fields import spec_of

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.objectives.adversarial import ADVERSARIAL
from augmentor.objectives.operations import GROUPS, OPERATIONS
from augmentor.objectives.penalties import PENALTIES, RANDOM_PENALTIES
from augmentor.run.recipe import Recipe
from augmentor.synthesizers.families import FAMILIES, usual_family
from augmentor.synthesizers.fitted import model_of
from augmentor.synthesizers.game_spec import AdversarialName, AugmentName, OperationName, PenaltyName
from augmentor.synthesizers.methods import METHODS
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training.spec import GENERAL, TrainingSpec


def read(fields):
    return read_synthesizer(fields, "recipe x, synthesizer")


def test_the_names_of_the_spec_are_the_tables():
    assert {family.method for family in FAMILIES.values()} == set(METHODS)
    assert {name: method.spec.model_fields["method"].default for name, method in METHODS.items()} == {
        name: name for name in METHODS
    }
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
    assert (spec.family, spec.method) == (name, family.method)
    for field, value in family.fields.items():
        found = dumped[field]
        assert found == ({**found, **value} if isinstance(value, dict) else value), field
    assert isinstance(spec, METHODS[family.method].spec)
    assert set(family.training) <= set(GENERAL)
    tuned = TrainingSpec().tuned(family.training)
    assert parse(TrainingSpec, tuned.model_dump(mode="json"), "test") == tuned
    assert set(family.dimensions) <= {1, 2, 3}
    assert re.search(r"\b20\d\d\b", family.paper)
    assert spec.preset is family


@pytest.mark.parametrize("name", FAMILIES)
def test_a_given_field_wins_over_the_familys(name):
    assert read({"family": name, "width": 20}).width == 20
    method = FAMILIES[name].method
    if method in {"adversarial", "variational"}:
        assert read({"family": name, "latent": 33}).latent == 33
    if method == "adversarial":
        assert read({"family": name, "augmentation": ["cutout"]}).augmentation == ("cutout",)
        assert read({"family": name, "mode_seeking": 0.7}).mode_seeking == 0.7
    given = TrainingSpec(learning_rate=3e-5, critic_steps=7).tuned(FAMILIES[name].training)
    assert (given.rate, given.critic_updates) == (3e-5, 7)


def test_given_regularisers_replace_the_familys():
    assert read({"family": "stylegan2", "regularisers": {"r1": 1.0}}).regularisers == {"r1": 1.0}


def test_a_setting_of_the_starts_leaves_the_familys_other_ones():
    asked = read({"family": "cyclegan", "starts": {"held": 7}})
    assert (asked.starts.held, asked.starts.beta, asked.cycle) == (7, 0.999, 1.0)
    assert read({"family": "cyclegan", "cycle": 10}).cycle == 10
    assert read({"family": "stargan", "starts": {"held": 7}}).cycle == 10


@pytest.mark.parametrize("name", FAMILIES)
def test_families_of_a_latent_or_of_noise_can_be_trained_per_class_without_labels(name):
    if "translation" in FAMILIES[name].method:
        with pytest.raises(ConfigError, match=r"per_class' is a field of method 'adversarial' and"):
            read({"family": name, "per_class": True})
        return
    assert read({"family": name, "per_class": True}).conditioning == "none"


@pytest.mark.parametrize("name", METHODS)
def test_a_method_alone_is_its_usual_family(name):
    spec = read({"method": name})
    assert (spec.method, spec.family) == (name, usual_family(name))
    assert read({"method": name, "family": spec.family}) == spec


@pytest.mark.parametrize("name", FAMILIES)
def test_a_dumped_spec_reads_back_the_same(name):
    spec = read({"family": name})
    assert read(spec.model_dump(mode="json")) == spec


def test_a_dumped_spec_keeps_what_was_given():
    spec = spec_of(regularisers={"r1": 2.0}, augmentation=(), mode_seeking=0)
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
    # Fields of other methods.
    ({"family": "cvae", "regularisers": {"r1": 1}}, "'regularisers' is a field of method 'adversarial' and"),
    ({"family": "cvae", "augmentation": ["cutout"]}, "this is method 'variational', which has per_class"),
    ({"family": "cvae", "mode_seeking": 0.1, "codes": {}}, "'mode_seeking' is a field.*'codes' is a field"),
    ({"family": "translation", "latent": 8}, "'latent' is a field of method 'adversarial' and 'variational'"),
    ({"family": "stargan", "architecture": "dcgan"}, "'architecture' is a field of method 'adversarial'"),
    ({"family": "flow", "cycle": 3}, "'cycle' is a field of method 'unpaired_translation', and this is"),
    ({"family": "dcgan", "guidance": 2}, "'guidance' is a field of method 'flow'"),
    ({"method": "flow", "family": "cvae"}, "family 'cvae' is of method 'variational', got method 'flow'"),
    ({"method": "diffusion"}, "no such method; it can be adversarial, variational"),
    ({"family": "cvae", "conditioning": "projection"}, "'concat' or 'none'"),
    ({"family": "stargan", "auxiliary_weight": 0}, "never learn the label"),
    ({"family": "stargan", "regularisers": {}}, "no minimum unless"),
    ({"family": "stargan", "regularisers": {"path_length": 2}}, "no minimum unless"),
    ({"family": "stargan", "starts": {"hold": 3}}, "'starts.hold' is unknown; there are beta, smoothness"),
    ({"family": "cyclegan", "regularisers": {"path_length": 2}}, "is about styles, and method 'unpaired"),
    ({"family": "cyclegan", "networks": "alone"}, "'shared' or 'per_class'"),
    ({"family": "cyclegan", "auxiliary_weight": 2}, "no auxiliary classifier.*got 2"),
    ({"family": "cyclegan", "adversarial": "wasserstein"}, "no minimum unless"),
    ({"family": "cyclegan", "regularisers": {"identity": "auto"}}, "identity needs a number"),
    ({"regularisers": {"r1": 1, "identity": 1}}, "'adversarial' has no network that translates"),
    ({"family": "flow", "guidance": 2}, "set label_drop"),
    ({"family": "flow", "conditioning": "none", "label_drop": 0.1}, "conditioning 'none' ignores them"),
    # Words of older recipes.
    ({"objective": "flow"}, "'objective' is called 'synthesizer.method' now"),
    ({"family": "flow", "flow": {"steps": 3}}, "'flow' is called 'synthesizer.{times, steps"),
    ({"family": "stargan", "stargan": {"cycle": 3}}, "'stargan' is called 'synthesizer.cycle and"),
    ({"family": "translation", "translation": {}}, "'translation' is called 'synthesizer.{penalty"),
    ({"method": "stargan"}, "is 'stargan', which is called 'unpaired_translation' now"),
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
    ("dcgan", "needs a mapping of fields"),
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
        {"method": "flow", "label_drop": 0.1, "guidance": 2},
        {"regularisers": {"r1": 1, "r2": 0, "lecam": 0.1, "consistency": 10}},
        {"family": "acgan", "critic_norm": "layer", "codes": {"categorical": 4}},
        {"family": "cyclegan", "regularisers": {"r1": "auto"}},
        {"family": "cyclegan", "adversarial": "wasserstein", "regularisers": {"gradient_penalty": 10}},
        {"family": "stargan", "regularisers": {"gradient_penalty": 10, "identity": 5}},
    ],
    ids=str,
)
def test_sensible_compositions_are_read(fields):
    assert read(fields).family == fields.get("family", usual_family(fields.get("method", "adversarial")))


def model_with(fields, shape=(1, 8, 8), **budget):
    return model_of(read({"width": 8, **fields}), TrainingSpec(**budget), shape, 2)


def test_auto_weights_follow_the_resolution_and_zero_leaves_a_penalty_out():
    objective = model_with({"regularisers": {"r1": "auto", "r2": 0.0}}, (1, 16, 16)).objective
    assert objective.penalties == {"r1": pytest.approx(0.2)}
    assert objective.augment is not None
    assert model_with({"augmentation": ()}).objective.augment is None
    assert model_with({"augmentation_probability": 0}).objective.augment is None


def test_every_regulariser_reaches_its_place():
    weights = {"r1": 0.5, "lecam": 0.2, "consistency": 3.0, "path_length": 2.0}
    fields = {"family": "stylegan2", "regularisers": weights, "forbid": ["cutout"]}
    model = model_with(fields, regularise_every=8, critic_steps=2)
    objective = model.objective
    assert objective.penalties == {"r1": 0.5}
    assert (objective.lecam, objective.consistency, model.weights["path_length"]) == (0.2, 3.0, 2.0)
    assert (objective.every, objective.critic_steps, objective.clip) == (8, 2, 0.0)
    assert objective.altered is not None
    assert model.regulators.lecam is not None
    assert model.regulators.path_length is not None
    assert model.regulators.adaptive is None
    assert model_with({"family": "wgan"}).objective.clip == 0.05


def test_adaptive_augmentation_aims_at_the_target_within_a_quarter_of_the_run():
    fields = {"augmentation_probability": "adaptive", "augmentation_target": 0.4}
    adaptive = model_with(fields, images=8000).regulators.adaptive
    assert adaptive is not None
    assert (adaptive.target, adaptive.images, adaptive.probability) == (0.4, 2000, 0.0)
    assert model_with({}).regulators.adaptive is None


def test_forbidden_operations_are_left_out():
    fields = {"augmentation": ["geometry", "cutout"], "forbid": ["flip_horizontal"]}
    augment = model_with(fields).objective.augment
    assert augment is not None
    assert augment.operations == {"cutout", "flip_vertical", "flip_depth"}


def test_recipes_are_read_without_torch():
    code = (
        "import sys\n"
        "from augmentor.run.recipe import recipe_from_values\n"
        "recipe_from_values({'name': 'x', 'synthesizer': {'family': 'cyclegan'}})\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_recipe_keeps_every_field_of_its_method():
    recipe = Recipe(name="x", synthesizer={"family": "flow", "guidance": 2.0, "label_drop": 0.2})
    again = Recipe(**recipe.model_dump(mode="json"))
    assert again.synthesizer == recipe.synthesizer
    assert recipe.written["synthesizer"] == {"family": "flow", "guidance": 2.0, "label_drop": 0.2}


def test_a_recipe_says_where_a_field_of_another_method_stands():
    with pytest.raises(ConfigError, match=r"'synthesizer.latent' is a field of method 'adversarial' and"):
        parse(Recipe, {"name": "x", "synthesizer": {"family": "flow", "latent": 3}}, "here")
    with pytest.raises(ConfigError, match=r"synthesizer.width.*, got 'wide'"):
        parse(Recipe, {"name": "x", "synthesizer": {"width": "wide"}}, "here")

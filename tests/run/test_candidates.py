"""What a recipe may name to choose among, and how many images each rung shows."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from method_fields import spec_of

from augmentor.core.errors import ConfigError
from augmentor.core.files import sha256_json
from augmentor.core.spec import parse
from augmentor.experiment.spec import EvaluationSpec
from augmentor.run.candidates import FEWEST, generators_of, name_of, rung_images, rungs_of, trial_share
from augmentor.run.compose.expand import expansion
from augmentor.run.recipe import Recipe, recipe_from_values
from augmentor.synthesizers.families import FAMILIES
from augmentor.training.spec import TrainingSpec


def recipe_of(**values: Any) -> Recipe:
    return parse(Recipe, {"name": "x", **values}, "here")


def test_the_own_generator_is_first_and_each_is_there_once() -> None:
    recipe = recipe_of(candidates=[{"family": "cvae"}, {}, {"mode_seeking": 0.3}, {"family": "cvae"}])
    assert list(recipe.generators) == ["residual", "cvae", "residual mode_seeking=0.3"]
    assert recipe.generators["residual"] == recipe.synthesizer
    assert recipe.generators["cvae"] == spec_of(family="cvae")
    assert recipe.chooses
    assert not recipe_of(candidates=[{}]).chooses
    assert not recipe_of().chooses


def test_a_family_stands_for_itself_and_other_fields_are_laid_over() -> None:
    own = spec_of(width=24, mode_seeking=0.2)
    found = generators_of(own, [{"family": "residual"}, {"mode_seeking": 0.5}, {"regularisers": {"r1": 3}}])
    assert list(found.values()) == [
        own,
        spec_of(),
        spec_of(width=24, mode_seeking=0.5),
        spec_of(width=24, mode_seeking=0.2, regularisers={"r1": 3}),
    ]
    assert list(found) == [name_of(one) for one in found.values()]


def test_a_recipe_that_a_run_wrote_down_names_the_same_generators() -> None:
    """It sets every field of the synthesizer; a candidate's fields still decide what follows from them."""
    recipe = recipe_of(candidates=[{"per_class": True}, {"family": "acgan"}])
    again = recipe_from_values(recipe.model_dump(mode="json"))
    assert again.generators == recipe.generators
    assert again.digest == recipe.digest


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ([{}, {"famly": "cvae"}], r"number 2.*'famly' is unknown; did you mean 'family'"),
        (
            [{"family": "cvae", "mode_seeking": 1}],
            r"number 1.*'mode_seeking' is a field of method",
        ),
        ([{"family": "best"}], r"number 1.*no such family; it can be residual, "),
        (["cvae"], r"candidates\.0.*dictionary"),
    ],
)
def test_what_is_no_synthesizer_is_refused(candidates: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        recipe_of(candidates=candidates)


def test_candidates_are_compared_at_the_middle_share() -> None:
    assert trial_share(EvaluationSpec(mixing={"shares": (0.25, 0.5, 0.75, 0.9)})) == 0.5
    assert trial_share(EvaluationSpec(mixing={"shares": (0.0, 0.75)})) == 0.75
    with pytest.raises(ConfigError, match="none above 0"):
        recipe_of(candidates=[{"family": "cvae"}], evaluation={"mixing": {"shares": [0]}})
    assert not recipe_of(candidates=[{}], evaluation={"mixing": {"shares": [0]}}).chooses


def test_without_a_choice_digest_and_steps_ignore_candidates() -> None:
    recipe = recipe_of()
    without_effect = {
        "execution",
        "data",
        "description",
        "guard",
        "keep_runs",
        "budget",
        "candidates",
        "export",
    }
    assert recipe.digest == sha256_json(recipe.model_dump(mode="json", exclude=without_effect))
    assert recipe_of(candidates=[{}]).digest == recipe.digest
    assert recipe_of(candidates=[{"family": "cvae"}]).digest != recipe.digest
    usual = ["load", "judge", "train", "sample", "filter", "measure", "evaluate", "folds"]
    assert [step.name for step in expansion(recipe).steps] == usual
    with_choice = expansion(recipe_of(candidates=[{"family": "cvae"}])).steps
    assert [step.name for step in with_choice] == ["load", "judge", "choose", *usual[2:]]


# What a rung is.


def test_every_rung_halves_and_doubles() -> None:
    assert [rungs_of(n) for n in (1, 2, 3, 4, 5, 8, 9)] == [0, 1, 2, 2, 3, 3, 4]
    whole = TrainingSpec(images=64_000)
    assert [rung_images(whole, spec_of(), n, 3) for n in (2, 1)] == [16_000, 32_000]


@pytest.mark.parametrize("family", FAMILIES)
def test_few_images_still_give_every_generator_a_turn(family: Any) -> None:
    for images, batch in itertools.product((32, 100, 1_000), (4, 20, 32)):
        training = TrainingSpec(images=images, batch=batch)
        shown = rung_images(training, spec_of(family=family), 3, 5)
        assert FEWEST <= shown <= images
        try:
            training.tuned(FAMILIES[family].training)
        except ConfigError:
            continue  # the whole training is too short itself, and says so
        short = training.model_copy(update={"images": shown})
        assert short.tuned(FAMILIES[family].training).steps >= 1
    with pytest.raises(ConfigError, match=f"equal to {FEWEST}"):
        parse(TrainingSpec, {"images": FEWEST - 1}, "here")


def test_each_network_per_class_has_a_turn() -> None:
    training = TrainingSpec(images=1_000, batch=32)
    assert rung_images(training, spec_of(family="wgan-gp", per_class=True), 4, 5) == 5 * 3 * 32

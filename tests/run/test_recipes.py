"""Every shipped recipe and card loads, and every field that others rely on can be set."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
import yaml

from augmentor.core.errors import ConfigError
from augmentor.data.cards import card_names, load_card
from augmentor.experiment.arms import arm_of
from augmentor.quality.filters_spec import CopyFilter, FiltersSpec, LabelFilter
from augmentor.run.recipe import list_recipes, load_recipe, recipe_folder

RECIPES = [name for name, _ in list_recipes()]
NEEDED = {"digits", "default"}

# What issue 2 promises to be reachable by --set: assignment, field, and what it must then hold.
FIELDS: list[tuple[str, str, Any]] = [
    ("dataset=breastmnist", "dataset", "breastmnist"),
    ("image.size=24", "image.size", 24),
    ("scarcity.per_class={a: 5, 7: 3}", "scarcity.per_class", {"a": 5, "7": 3}),
    ("scarcity.seed=4", "scarcity.seed", 4),
    ("balance=balanced", "balance", "balanced"),
    ("balance=0.5", "balance", 0.5),
    ("balance={a: 10}", "balance", {"a": 10}),
    ("synthesizer.family=residual", "synthesizer.family", "residual"),
    ("training.images=6400", "training.images", 6400),
    ("training.seed=11", "training.seed", 11),
    ("filters=null", "filters.label", None),
    ("filters=[label, copies]", "filters.label", LabelFilter()),
    ("filters=[label, copies]", "filters.outliers", None),
    ("filters={label: {minimum: 0.25}}", "filters.label.minimum", 0.25),
    ("filters.copies.quantile=0.02", "filters.copies", CopyFilter(quantile=0.02)),
    ("evaluation.arms=[classical, filtered]", "evaluation.arms", (arm_of("classical"), arm_of("filtered"))),
    ("evaluation.seeds=3", "evaluation.seeds", 3),
    ("evaluation.model.updates=77", "evaluation.model.updates", 77),
    ("evaluation.primary_metric=macro_auroc", "evaluation.primary_metric", "macro_auroc"),
    ("evaluation.statistics.margin=0.02", "evaluation.statistics.margin", 0.02),
    ("execution.processes=2", "execution.processes", 2),
]


def shipped_recipe(name: str, assignments: list[str]) -> Any:
    # The recipe for any data needs to be told which.
    return load_recipe(name, [*(["dataset=digits"] if name == "default" else []), *assignments])


def test_the_promised_recipes_are_there_and_described():
    assert set(RECIPES) >= NEEDED
    assert all(words and words[0].isupper() and words.endswith(".") for _, words in list_recipes())


@pytest.mark.parametrize("name", RECIPES)
def test_every_shipped_recipe_loads(name):
    recipe = shipped_recipe(name, [])
    assert recipe.name == (name if name != "default" else "default-digits")
    if name != "default":
        assert recipe.dataset in card_names()
        card = load_card(str(recipe.dataset))
        assert card.refused is None
        assert set(recipe.scarcity.per_class) <= set(card.classes)
    # A recipe that writes itself out is the recipe that is read back.
    assert type(recipe).model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(("assignment", "field", "value"), FIELDS, ids=[row[0] for row in FIELDS])
def test_every_promised_field_can_be_set_and_takes_effect(name, assignment, field, value):
    recipe = shipped_recipe(name, [assignment])
    assert reduce(getattr, field.split("."), recipe) == value


@pytest.mark.parametrize(("assignment", "field", "value"), FIELDS, ids=[row[0] for row in FIELDS])
def test_every_promised_field_can_be_set_in_a_file(tmp_path, assignment, field, value):
    key, _, text = assignment.partition("=")
    values: Any = yaml.safe_load(text)
    for part in reversed(key.split(".")):
        values = {part: values}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"dataset": "digits", **values}), encoding="utf-8")
    (tmp_path / "bare.yaml").write_text("name: mine\ndataset: digits\n", encoding="utf-8")
    by_file = load_recipe(str(tmp_path / "mine.yaml"))
    assert by_file == load_recipe(str(tmp_path / "bare.yaml"), [assignment])
    assert reduce(getattr, field.split("."), by_file) == value


def test_filters_off_and_by_name_are_the_same_model_as_the_mapping():
    none = load_recipe("digits", ["filters=null"]).filters
    assert [none.label, none.copies, none.outliers, none.duplicates] == [None] * 4
    by_name = load_recipe("digits", ["filters=[label]"]).filters
    by_mapping = load_recipe("digits", ["filters={copies: null, outliers: null, duplicates: null}"]).filters
    assert by_name == by_mapping
    assert load_recipe("digits").filters == FiltersSpec()


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("filters=[labels]", "label"),
        ("balance=lvel", "'balanced', a ratio"),
        ("synthesizer.family=transformer", "residual"),
        ("evaluation.primary_metric=f1", "balanced_accuracy"),
        ("evaluation.arms=[reel]", "real"),
        ("evaluation.updates=9", "is called 'evaluation.model.updates' now"),
        ("evaluation.policy=digits", "is called 'evaluation.augmentation.policy' now"),
        ("evaluation.shares=[0.5]", "is called 'evaluation.mixing.shares' now"),
        ("evaluation.margin=0.02", "is called 'evaluation.statistics.margin' now"),
        ("evaluation.arms=[critic_start_cutmix]", "{mix: cutmix, start: critic}"),
        ("evaluation.seeds=0", "greater than or equal to 1"),
        ("execution.processes=0", "greater than or equal to 1"),
        ("image.size=2", "greater than or equal to 4"),
        ("training.seed=-1", "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_set_says_what_can(assignment, words):
    with pytest.raises(ConfigError, match=assignment.partition("=")[0].split(".")[-1]) as told:
        load_recipe("digits", [assignment])
    assert words in str(told.value)


def test_every_recipe_file_is_listed_and_nothing_else_lies_there():
    files = {path.name for path in recipe_folder().iterdir() if path.is_file()}
    assert {name for name in files if name.endswith(".yaml")} == {f"{name}.yaml" for name in RECIPES}
    assert {name for name in files if not name.endswith((".yaml", ".py"))} == set()


@pytest.mark.parametrize("name", card_names())
def test_every_card_loads_and_can_be_named_by_a_recipe(name):
    card = load_card(name)
    assert card.name == name
    assert load_recipe("default", [f"dataset={name}"]).dataset == name


def test_a_run_of_a_recipe_for_any_data_carries_the_name_of_its_data(tmp_path):
    for name in ("my photos", "scans"):
        (tmp_path / name).mkdir()
    named = {load_recipe("default", data=tmp_path / name).name for name in ("my photos", "scans")}
    assert named == {"default-my-photos", "default-scans"}
    assert load_recipe("default", ["dataset=retinamnist"]).name == "default-retinamnist"
    assert load_recipe("default", ["name=mine"], data=tmp_path / "scans").name == "mine"
    assert load_recipe("digits").name == "digits"

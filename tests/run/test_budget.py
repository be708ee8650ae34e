import pytest
from method_fields import spec_of

from augmentor.core.errors import ConfigError
from augmentor.core.spec import merge, parse
from augmentor.run.budget import BUDGETS
from augmentor.run.recipe import Recipe, list_recipes, load_recipe
from augmentor.training.spec import TrainingSpec

EMBEDDED = "digits"


@pytest.mark.parametrize("name", BUDGETS)
def test_every_budget_is_read_with_every_field_in_its_place(name):
    recipe = parse(Recipe, {"name": "x", "budget": name}, "here").model_dump(mode="json")
    assert recipe["candidates"] == BUDGETS[name].get("candidates", [])
    for section, fields in BUDGETS[name].items():
        if section == "candidates":
            continue
        assert merge(recipe[section], fields) == recipe[section]


def test_a_longer_budget_never_does_less():
    quick, standard, thorough = (
        parse(Recipe, {"name": "x", "budget": name}, "here") for name in ("quick", "standard", "thorough")
    )
    for less, more in ((quick, standard), (standard, thorough)):
        assert less.training.images < more.training.images
        assert less.judge.updates < more.judge.updates
        assert less.evaluation.seeds < more.evaluation.seeds
        assert less.evaluation.model.updates < more.evaluation.model.updates
        assert set(less.evaluation.arms) < set(more.evaluation.arms)
        assert set(less.evaluation.mixing.shares) < set(more.evaluation.mixing.shares)
        assert len(less.candidates) <= len(more.candidates)


def test_what_the_recipe_says_beats_the_budget():
    recipe = load_recipe(EMBEDDED, ["budget=quick", "training.images=320", "evaluation.seeds=3"])
    assert (recipe.training.images, recipe.evaluation.seeds) == (320, 3)
    assert recipe.evaluation.model.updates == 300
    assert recipe.judge.updates == BUDGETS["quick"]["judge"]["updates"]


def test_the_standard_budget_is_what_a_recipe_without_one_has():
    without, named = load_recipe(EMBEDDED), load_recipe(EMBEDDED, ["budget=standard"])
    assert without == named.model_copy(update={"budget": "standard"})
    assert without.digest == named.digest != load_recipe(EMBEDDED, ["budget=quick"]).digest


def test_the_written_recipe_does_not_repeat_its_budget_and_is_read_back_the_same():
    recipe = load_recipe(EMBEDDED, ["budget=thorough", "evaluation.seeds=7"])
    written = recipe.written
    assert written["budget"] == "thorough"
    assert written["evaluation"]["seeds"] == 7
    assert "training" not in written
    assert "arms" not in written["evaluation"]
    assert parse(Recipe, written, "again") == recipe


FOUR = ["residual", "projection", "r3gan", "cvae"]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ([], FOUR),
        (["synthesizer={}"], FOUR),
        (["candidates=[]"], ["residual"]),
        (["candidates=[{family: dcgan}]"], ["residual", "dcgan"]),
        # Who names a generator, even the default one, asked for that one.
        (["synthesizer.family=dcgan"], ["dcgan"]),
        (["synthesizer.family=residual"], ["residual"]),
        (["synthesizer.adversarial=relativistic"], ["residual"]),
        (["synthesizer.family=dcgan", "candidates=[{family: cvae}]"], ["dcgan", "cvae"]),
        (
            [
                "synthesizer.family=dcgan",
                "candidates=[{family: projection}, {family: r3gan}, {family: cvae}]",
            ],
            ["dcgan", "projection", "r3gan", "cvae"],
        ),
    ],
)
def test_a_thorough_run_chooses_where_nobody_named_a_generator(settings, names):
    recipe = load_recipe(EMBEDDED, ["budget=thorough", *settings])
    assert list(recipe.generators) == names
    assert recipe.training.images == 64_000
    # Through Prefect a recipe comes as its written values; from a run folder, with every field.
    assert parse(Recipe, recipe.written, "again") == recipe
    assert parse(Recipe, recipe.model_dump(mode="json"), "again") == recipe


def test_other_budgets_have_no_candidates():
    for name in ("quick", "standard"):
        assert load_recipe(EMBEDDED, [f"budget={name}"]).candidates == ()
    assert "candidates" not in load_recipe(EMBEDDED, ["candidates=[]"]).written
    assert Recipe(name="x", budget="thorough", synthesizer=spec_of()).candidates == ()


def test_a_section_that_is_finished_is_left_alone():
    assert Recipe(name="x", budget="quick", training=TrainingSpec(images=64)).training.images == 64


def test_without_a_label_filter_a_thorough_run_chooses_no_strength_of_it():
    recipe = load_recipe(EMBEDDED, ["budget=thorough", "filters.label=null"])
    assert recipe.evaluation.mixing.label_minimums == ()


@pytest.mark.parametrize("name", BUDGETS)
def test_every_budget_works_with_a_classifier_of_tables(name):
    recipe = load_recipe(EMBEDDED, [f"budget={name}", "evaluation.model.name=random_forest"])
    assert "mixup" not in recipe.evaluation.named_arms
    assert "class_weighted" in recipe.evaluation.named_arms


@pytest.mark.parametrize("wrong", ["slow", 3, ["quick"], None])
def test_another_budget_is_refused_with_what_is_allowed(wrong):
    with pytest.raises(ConfigError, match="'quick', 'standard' or 'thorough'"):
        parse(Recipe, {"name": "x", "budget": wrong}, "here")


def test_no_shipped_recipe_keeps_a_quick_run_from_being_quick():
    for name, _ in list_recipes():
        path = f"{name}"
        data = ["dataset=digits"] if name == "default" else []
        assert load_recipe(path, ["budget=quick", *data]).training.images <= 24_000

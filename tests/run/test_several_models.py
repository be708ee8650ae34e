"""Several models in one run, one of them the user's own: from recipe to report."""

from __future__ import annotations

import hashlib
import json

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.results import Results
from augmentor.run.compose.expand import expansion, run_job
from augmentor.run.recipe import load_recipe, model_assignments, recipe_from_values
from augmentor.run.refresh import since_last_run
from augmentor.run.session import Job

SET = [
    "training.images=64",
    "evaluation.arms=[classical, class_weighted, cutmix, {rows: passing}, {mix: cutmix, rows: passing}]",
    "evaluation.mixing.shares=[0.5]",
    "split.folds=2",
]
OWN = """\
from sklearn.neighbors import KNeighborsClassifier

def neighbours(n_neighbors=5):
    return KNeighborsClassifier(n_neighbors)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(own, tiny_recipe, tiny_images, tmp_path_factory):
    """Return recipe, folder of runs and outcome of a run with a network and the user's estimator."""
    out = tmp_path_factory.mktemp("out")
    models = ["small_resnet", f"{{name: '{own}:neighbours', parameters: {{n_neighbors: 3}}}}"]
    recipe = load_recipe(str(tiny_recipe), SET, data=tiny_images, models=models)
    return recipe, out, run_job(Job(recipe, out))


@pytest.mark.slow
def test_every_model_has_its_verdict_and_the_report_says_whether_they_agree(finished):
    _, _, outcome = finished
    summary = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    first, second = summary["models"]
    assert [first["name"], second["name"]] == ["small_resnet", "mine.py:neighbours"]
    assert {key: first["verdict"][key] for key in summary["verdict"]} == summary["verdict"]
    assert first["arms"] == summary["arms"]
    assert summary["agreement"].startswith("The 2 models ")
    assert outcome.further == (f"mine.py:neighbours: {second['verdict']['sentence']}", summary["agreement"])
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    for text in (summary["agreement"], second["verdict"]["sentence"].partition(":")[0], "mine.py:neighbours"):
        assert text in page
    escaped = summary["agreement"].replace("_", r"\_")
    assert escaped in (outcome.folder / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_numbers_of_a_further_model_bear_its_name_and_those_of_the_first_do_not(finished):
    _, _, outcome = finished
    results = Results.read(outcome.folder / "results.parquet")
    own = results.of("model", "mine.py:neighbours")
    first = results.where(metric="balanced_accuracy", split="test")
    assert set(first["arm"]) == {
        "classical", "class_weighted", "cutmix", "rows=passing", "rows=passing mix=cutmix"
    }  # fmt: skip
    assert set(own.where(metric="balanced_accuracy", split="test")["arm"]) == {"classical", "rows=passing"}
    assert own.value(metric="folds_delta") is not None
    before = [one.where(metric="fold_before")["value"].tolist() for one in (own, results)]
    assert len(before[0]) == len(before[1]) == 2
    assert before[0] != before[1]
    for name in ("predictions.npz", "predictions-2.npz"):
        assert (outcome.folder / name).is_file()


@pytest.mark.slow
def test_arms_that_the_own_model_cannot_train_are_listed_with_the_reason(finished):
    _, _, outcome = finished
    summary = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    arms = summary["models"][1]["arms"]
    assert "takes no weights of rows" in arms["class_weighted"]["reason"]
    assert "mixed labels" in arms["cutmix"]["reason"]
    notes = " ".join(summary["models"][1]["notes"])
    assert "Nobody said whether the model mine.py:neighbours begins with pretrained weights" in notes


@pytest.mark.slow
def test_the_manifest_holds_the_digest_of_the_models_file(finished, own):
    _, _, outcome = finished
    manifest = json.loads((outcome.folder / "manifest.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(own.read_bytes()).hexdigest()
    first, second = manifest["inputs"]["models"]
    assert (first["files"], second["files"]) == ({}, {"mine.py": digest})
    assert (first["pretrained"], second["pretrained"]) == (False, None)


@pytest.mark.slow
def test_a_changed_file_of_a_model_is_never_served_from_the_cache(finished, own):
    recipe, out, _ = finished
    assert run_job(Job(recipe, out)).reused[-1] == "folds_2"
    assert not since_last_run(recipe, out).changed
    own.write_text(OWN + "\n# another file\n", encoding="utf-8")
    changed = since_last_run(recipe, out)
    assert changed.changed
    assert "mine.py" in changed.sentence
    reused = run_job(Job(recipe, out)).reused
    assert "evaluate" in reused
    assert not {"evaluate_2", "folds_2"} & set(reused)
    own.write_text(OWN, encoding="utf-8")


def test_a_run_evaluates_each_model_in_a_step_of_its_own(own, tiny_recipe, tiny_images):
    recipe = load_recipe(str(tiny_recipe), SET, data=tiny_images, models=["mlp", "auto"])
    names = [step.name for step in expansion(recipe).steps]
    assert names[-4:] == ["evaluate", "evaluate_2", "folds", "folds_2"]
    assert recipe_from_values(recipe.written).evaluation == recipe.evaluation


@pytest.mark.parametrize("place", ["model: {name: %s}", "further_models: [{name: mlp}, {name: %s}]"])
@pytest.mark.parametrize("name", ["mine.py:build", "os:getcwd"])
def test_a_recipe_cannot_name_a_model_that_runs_code(tmp_path, tiny_images, place, name):
    path = tmp_path / "came.yaml"
    path.write_text(f"evaluation: {{{place % name}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"runs code.*--model"):
        load_recipe(str(path), data=tiny_images)
    path.write_text("name: came\n", encoding="utf-8")
    assert load_recipe(str(path), data=tiny_images, models=[name]).evaluation.model.name == name


def test_models_of_the_command_line_are_assignments():
    assert model_assignments([]) == []
    assert model_assignments(["resnet18", "{name: mlp, updates: 5}"]) == [
        'evaluation.model.name="resnet18"',
        'evaluation.further_models=[{"name": "mlp", "updates": 5}]',
    ]
    for text in ("{name: ", "{a b}: {"):
        with pytest.raises(ConfigError, match="--model"):
            model_assignments([text])

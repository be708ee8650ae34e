"""The level of the label filter, chosen on the validation part and on nothing else."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from flat_spec import evaluation, nested

from augmentor.core.errors import ConfigError
from augmentor.core.facts.training import ScoreFacts
from augmentor.core.files import sha256_file
from augmentor.core.kinds import IMAGE
from augmentor.core.persist import read_synthetic
from augmentor.core.samples import Samples
from augmentor.core.spec import parse
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment import label_minimum
from augmentor.experiment.label_minimum import choose_label_minimum
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.values import Workers
from augmentor.quality.filters_spec import FiltersSpec
from augmentor.run.compose.expand import run_job
from augmentor.run.generate import used_filters
from augmentor.run.recipe import Recipe, load_recipe
from augmentor.run.session import Job

SPEC = evaluation(shares=(0.25, 0.5), share_seeds=2, seeds=3, label_minimums=(0.8, 0, 0.5))


def test_levels_are_sorted_and_one_is_no_choice():
    assert SPEC.mixing.label_minimums == (0.0, 0.5, 0.8)
    assert EvaluationSpec().mixing.label_minimums == ()
    with pytest.raises(ConfigError, match="two or more levels"):
        parse(EvaluationSpec, nested(label_minimums=[0.5, 0.5]), "here")
    values = {"name": "x", "filters": {"label": False}, "evaluation": nested(label_minimums=[0, 0.5])}
    with pytest.raises(ConfigError, match="label filter, which is off"):
        parse(Recipe, values, "here")


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ({0.0: (0.7, 0.7), 0.5: (0.6, 0.9), 0.8: (0.7, 0.71)}, 0.5),
        ({0.0: (0.7, 0.8), 0.5: (0.8, 0.7), 0.8: (0.1, 0.1)}, 0.0),  # of equals the lowest
    ],
)
def test_the_best_mean_wins_and_every_score_is_a_row(scores, chosen, monkeypatch, tmp_path):
    asked = {}

    def tried(train, validation, synthetic, spec, *, seed, workers):
        assert (train, validation) == ("train", "validation")
        assert spec.mixing.shares == (0.5,)
        asked[synthetic] = (seed, workers.folder)
        return [ScoreFacts(share=0.5, scores=scores[synthetic])]

    monkeypatch.setattr(label_minimum, "try_shares", tried)
    level, rows = choose_label_minimum(
        "train", "validation", {k: k for k in reversed(scores)}, SPEC, seed=3, workers=Workers(tmp_path)
    )
    assert level == chosen
    assert len({folder for _, folder in asked.values()}) == 3
    assert {seed for seed, _ in asked.values()} == {3}
    table = pd.DataFrame(rows)
    assert set(table["split"]) == {"validation"}
    for value, both in scores.items():
        here = table[table["setting"] == {"label_minimum": value}]
        assert here["value"].tolist() == list(both)


def blobs(n, seed, prefix):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], n).astype(np.int64)
    x = rng.normal(110 + 50 * y[:, None, None, None], 25, (2 * n, 1, 6, 6)).clip(0, 255).astype(np.uint8)
    return Samples(
        x, y, ("a", "b"), np.array([f"{prefix}{i}" for i in range(2 * n)]), value_range=(0, 255), kind=IMAGE
    )


def marked(samples, kept):
    table = pd.DataFrame({"synthesizer": ["none"] * len(samples), "seed": [0] * len(samples)})
    return SyntheticSet(samples, table, kept, np.where(kept, "", "label").astype(np.str_))


@pytest.mark.slow
def test_a_level_that_keeps_wrong_labels_loses(tmp_path):
    """Half of the candidates carry the other label; the strict level rejects just those."""
    made = blobs(60, 3, "s")
    wrong = np.arange(120) % 2 == 0
    mixed = dataclasses.replace(made, y=np.where(wrong, 1 - made.y, made.y))
    spec = evaluation(shares=(0.9,), share_seeds=2, updates=40, batch=16, channels=4, policy="none")
    level, rows = choose_label_minimum(
        blobs(6, 1, "t"), blobs(40, 2, "v"),
        {0.0: marked(mixed, np.ones(120, np.bool_)), 0.5: marked(mixed, ~wrong)},
        spec, seed=0, workers=Workers(tmp_path, 1),
    )  # fmt: skip
    assert level == 0.5
    assert len(rows) == 4


@pytest.mark.slow
def test_a_run_keeps_what_the_chosen_level_keeps(tiny_recipe, tiny_images, tmp_path):
    few = "evaluation.arms=[classical, with_synthetic]"
    settings = [few, "filters.label={minimum: 0.5}", "evaluation.mixing.label_minimums=[0, 0.999]"]
    outcome = run_job(Job(load_recipe(str(tiny_recipe), settings, data=tiny_images), tmp_path))
    summary = json.loads((outcome.folder / "summary.json").read_text())
    levels = summary["label_minimums"]
    assert [row["label_minimum"] for row in levels["tried"]] == [0, 0.999]
    means = {row["label_minimum"]: row["mean"] for row in levels["tried"]}
    assert means[levels["chosen"]] == max(means.values())
    recipe = load_recipe(str(outcome.folder / "recipe.yaml"), data=tiny_images)
    used = used_filters(outcome.folder, recipe)
    assert used == recipe.filters.at(levels["chosen"])
    kept = read_synthetic(next((tmp_path / ".cache" / "filter").glob("*/synthetic")))
    rejected = (kept.reason == "label").sum()
    assert (rejected == 0) == (levels["chosen"] == 0)
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "Strength of the label filter" in page
    assert sha256_file(outcome.folder / "filters" / "filters.json")
    # Another choice is made anew, and filters that come out the same are the same step.
    again = [*settings[:2], "evaluation.mixing.label_minimums=[0, 0.5]"]
    other = run_job(Job(load_recipe(str(tiny_recipe), again, data=tiny_images), tmp_path))
    chosen = json.loads((other.folder / "summary.json").read_text())["label_minimums"]["chosen"]
    assert "label_minimum" not in other.reused
    assert ("filter" in other.reused) == (chosen == levels["chosen"])
    assert "train" in other.reused


def test_other_levels_leave_the_other_filters_as_they_are():
    spec = FiltersSpec()
    assert spec.at(0.8).label.minimum == 0.8
    assert spec.at(0.8).copies == spec.copies
    assert spec.at(0.5) == spec

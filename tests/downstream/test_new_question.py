"""A question, an arm and a mixture that are registered from the tests alone go from recipe to report."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mask_question import BrightPixels

from augmentor.core.errors import ConfigError
from augmentor.core.results import Results
from augmentor.core.spec import parse
from augmentor.downstream.remedies import MIXES
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.arms import PRESETS, Arm, Rows
from augmentor.experiment.spec import EvaluationSpec
from augmentor.run.compose.expand import run_job
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job

MASKS = [
    "evaluation.model={question: bright_pixels, updates: 4, batch: 16}",
    "evaluation.augmentation.policy=none",
    "evaluation.arms=[balanced, classical, synthetic_only, with_synthetic]",
    "evaluation.mixing.shares=[0.25, 0.5]",
]


@pytest.fixture
def question(monkeypatch):
    monkeypatch.setitem(DOWNSTREAM, BrightPixels.name, BrightPixels())


def finished(recipe, settings, images, out):
    outcome = run_job(Job(load_recipe(str(recipe), settings, data=images), out))
    summary = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    return outcome.folder, Results.read(outcome.folder / "results.parquet"), summary


@pytest.mark.slow
def test_another_question_goes_from_recipe_to_report(question, tiny_recipe, tiny_images, tmp_path):
    folder, results, summary = finished(tiny_recipe, MASKS, tiny_images, tmp_path)
    verdict = summary["verdict"]
    assert summary["primary_metric"] == "dice"
    assert "mean Dice coefficient" in verdict["sentence"]
    for split in ("validation", "test"):
        scores = results.where(metric="dice", split=split)
        assert set(scores["arm"]) == {"balanced", "classical", "synthetic_only", "with_synthetic"}
    # The metric is the mean of the numbers of both strata, and so is its change.
    arm = verdict["arm"]
    both = [results.where(arm=arm, metric="dice", split="test", class_=name) for name in ("disc", "ring")]
    whole = results.where(arm=arm, metric="dice", split="test")
    whole = whole[whole["class"].isna()].sort_values("seed")["value"].to_numpy()
    means = np.mean([one.sort_values("seed")["value"].to_numpy() for one in both], axis=0)
    np.testing.assert_allclose(whole, means)
    changes = [results.value(arm=arm, metric="dice_delta", class_=name) for name in ("disc", "ring")]
    assert results.value(arm=arm, metric="delta", split="test") == pytest.approx(np.mean(changes))
    tried = results.table[results.table["setting"].str.startswith("share=").fillna(False)]
    assert set(tried["metric"]) == {"dice"}
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        assert stored["test/classical"].shape[-2:] == (8, 8)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert verdict["sentence"] in page
    assert "one threshold for all pixels" in page


def test_a_question_says_which_metrics_models_and_arms_it_has(question):
    spec = parse(EvaluationSpec, {"model": {"question": "bright_pixels"}}, "here")
    assert (spec.primary_metric, spec.model.name) == ("dice", "auto")
    assert not {"mixup", "cutmix"} & set(spec.named_arms)
    for values, reason in (
        ({"model": {"question": "bright_pixel"}}, "is one of classification, bright_pixels"),
        ({"model": {"question": "bright_pixels", "name": "mlp"}}, "is one of auto, threshold, nothing"),
        (
            {"model": {"question": "bright_pixels"}, "primary_metric": "accuracy"},
            "primary_metric is one of dice",
        ),
        (
            {"model": {"question": "bright_pixels"}, "arms": ["cutmix", "filtered"]},
            "no model of bright_pixels can train the arm cutmix",
        ),
        (
            {"model": {"question": "bright_pixels", "name": "threshold"}, "arms": ["cutmix", "filtered"]},
            "cannot train the arm cutmix: pixels of mixed pictures have no mask",
        ),
    ):
        with pytest.raises(ConfigError, match=reason):
            parse(EvaluationSpec, values, "here")


def blend(x, y, rng):
    """Return the mean of every row and another: half of either label."""
    other = rng.permutation(len(x))
    return (x + x[other]) / 2, (y + y[other]) / 2


@pytest.mark.slow
def test_another_arm_and_mixture_go_from_recipe_to_report(monkeypatch, tiny_recipe, tiny_images, tmp_path):
    monkeypatch.setitem(MIXES, "blend", blend)
    monkeypatch.setitem(PRESETS, "blended", Arm(mix="blend", rows=Rows(synthetic="passing")))
    settings = [
        "evaluation.arms=[classical, blended, {mix: blend}, {mix: blend, start: critic}]",
        "evaluation.mixing.shares=[0.5]",
    ]
    folder, results, summary = finished(tiny_recipe, settings, tiny_images, tmp_path)
    scores = results.where(metric="balanced_accuracy", split="test")
    assert set(scores["arm"]) == {"classical", "blended", "mix=blend", "mix=blend start=critic"}
    titles = {name: arm["title"] for name, arm in summary["arms"].items()}
    assert titles["blended"] == "Blend with synthetic"
    assert titles["mix=blend start=critic"] == "Blend, from the critic"
    # Its control is found by what it is, not by a name.
    assert summary["gains"]["blended"]["alone"]["control"] == "mix=blend"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Blend with synthetic" in page

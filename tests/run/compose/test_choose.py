"""The choice among generators: successive halving, on the validation part and on nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from method_fields import spec_of

from augmentor.core.errors import ConfigError, DataError, LeakError, StorageError, TrainingFailed
from augmentor.core.progress import Silent
from augmentor.core.results import Results
from augmentor.core.spec import read_yaml
from augmentor.run import completed as completed_module
from augmentor.run.candidates import generators_of
from augmentor.run.compose import choose as module
from augmentor.run.compose.choose import suited
from augmentor.run.compose.expand import generation, run_job
from augmentor.run.compose.external import foreign_recipe
from augmentor.run.compose.halving import halve
from augmentor.run.compose.sweep import SweepSpec, run_sweep
from augmentor.run.context import RunContext
from augmentor.run.leak_check import check_leak
from augmentor.run.outcome import Outcome
from augmentor.run.recipe import Recipe, load_recipe, recipe_from_values
from augmentor.run.session import Job
from augmentor.run.step import Step, run_steps
from augmentor.run.steps import scoring
from augmentor.run.steps import train as training
from augmentor.store.cache import StepCache

THREE = "candidates=[{family: cvae}, {mode_seeking: 0.3}]"
SHORT = (
    "training.images=128",
    "evaluation.mixing.share_seeds=2",
    "evaluation.arms=[classical, with_synthetic]",
)


def test_a_family_for_other_dimensions_is_refused_before_rungs_are_counted() -> None:
    able, refused = suited(generators_of(spec_of(), [{"family": "gan3d"}]), (1, 8, 8))
    assert list(able) == ["residual"]
    assert "3 spatial dimensions" in refused[0].reason

    def never(name: str, rung: int) -> Any:
        raise AssertionError("one candidate alone needs no rung")

    assert halve(tuple(able), never, refused)[0] == "residual"


# With whole trainings.


def tiny(tiny_recipe: Path, tiny_images: Path, *settings: str) -> Recipe:
    return load_recipe(str(tiny_recipe), [*SHORT, THREE, *settings], data=tiny_images)


def after_steps(recipe: Recipe, out: Path, last: str) -> RunContext:
    """Return the context of a run whose steps up to ``last`` are done."""
    context = RunContext(recipe, StepCache(out / ".cache"), "cpu", Silent())
    steps = generation(recipe)
    names = [step.name for step in steps]
    run_steps(steps[: names.index(last) + 1], context)
    return context


def failing(family: str, error: Exception) -> Any:
    """Return a training that fails for ``family``."""
    real = training.fit

    def fit(context: RunContext, work: Path) -> Any:
        if context.synthesizer.family == family:
            raise error
        return real(context, work)

    return fit


@pytest.fixture(scope="module")
def ran(
    tiny_recipe: Path, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Recipe, Outcome]:
    """Two folds that choose among four generators, of which one cannot and one fails."""
    out = tmp_path_factory.mktemp("choice")
    settings = [
        "candidates=[{family: cvae}, {family: gan3d}, {mode_seeking: 0.3}]",
        "split.folds=2",
    ]
    recipe = load_recipe(str(tiny_recipe), [*SHORT, *settings], data=tiny_images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "fit", failing("cvae", TrainingFailed("losses <b>burst</b> | twice")))
        return out, recipe, run_job(Job(recipe, out))


@pytest.mark.slow
def test_the_chosen_one_is_trained_and_every_score_is_a_row(ran: tuple[Path, Recipe, Outcome]) -> None:
    _, recipe, outcome = ran
    choice = json.loads((outcome.folder / "summary.json").read_text())["generators"]
    rows = {(row["candidate"], row["rung"]): row for row in choice["tried"]}
    assert set(rows) == {
        ("gan3d", 0), ("residual", 1), ("cvae", 1), ("residual mode_seeking=0.3", 1),
        ("residual", 2), ("residual mode_seeking=0.3", 2),
    }  # fmt: skip
    assert rows["cvae", 1]["outcome"] == "failed"
    last = {name: row["mean"] for (name, rung), row in rows.items() if rung == 2}
    assert last[choice["chosen"]] == max(last.values())
    results = Results.read(outcome.folder / "results.parquet")
    for (name, rung), row in rows.items():
        setting = {"candidate": name, "images": row["images"]}
        values = results.where(metric="balanced_accuracy", split="validation", setting=setting)["value"]
        assert len(values) == (2 if row["mean"] is not None else 0)
        if len(values):
            assert row["images"] == (32, 64)[rung - 1]
            assert row["mean"] == pytest.approx(values.mean())
            assert row["standard_error"] == pytest.approx(values.std(ddof=1) / 2**0.5)
    made = json.loads((outcome.folder / "generator" / "synthesizer.json").read_text())
    assert made["spec"]["mode_seeking"] == recipe.generators[choice["chosen"]].mode_seeking
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    assert manifest["chosen_generator"] == choice["chosen"]
    assert {"choose", "train"} <= set(manifest["seen_rows"])
    assert f"{choice['chosen']} (chosen among 4" in (outcome.folder / "generator" / "README.md").read_text()
    assert recipe_from_values(read_yaml(outcome.folder / "recipe.yaml")).generators == recipe.generators


@pytest.mark.slow
def test_the_report_says_what_was_tried_and_how(ran: tuple[Path, Recipe, Outcome]) -> None:
    page = (ran[2].folder / "report.html").read_text(encoding="utf-8")
    assert "Generators tried" in page
    assert "losses &lt;b&gt;burst&lt;/b&gt; | twice" in page
    assert "<b>burst" not in page
    assert "compared on the validation part alone" in page
    assert "Generators that the folds chose, each for itself" in page
    text = (ran[2].folder / "report.md").read_text(encoding="utf-8")
    table = text.partition("## Generators tried")[2].partition("##")[0]
    assert "losses &lt;b&gt;burst&lt;/b&gt; \\| twice" in table
    assert table.count("\n| ") == 1 + 6


@pytest.mark.slow
def test_every_fold_chooses_for_itself(ran: tuple[Path, Recipe, Outcome]) -> None:
    out, _, outcome = ran
    folds = json.loads((outcome.folder / "summary.json").read_text())["folds"]["folds"]
    kept = [json.loads(path.read_text()) for path in out.glob(".cache/choose/*/facts.json")]
    assert len(kept) == 2
    assert sorted(one["generator"] for one in folds) == sorted(one["chosen"] for one in kept)


@pytest.mark.slow
def test_a_finished_choice_is_not_made_again(ran: tuple[Path, Recipe, Outcome]) -> None:
    """The candidate that failed would work now; the choice was made all the same."""
    out, recipe, _ = ran
    context = after_steps(recipe, out, "train")
    outputs = context.completed.outputs
    assert list(outputs) == ["load", "judge", "choose", "train"]
    assert outputs["train"].reused
    # The same generator without a choice is the very same training.
    alone = recipe.model_copy(update={"synthesizer": context.synthesizer, "candidates": ()})
    assert after_steps(alone, out, "train").completed.key("train") == outputs["train"].key


@pytest.mark.slow
def test_a_killed_choice_goes_on_and_comes_out_the_same(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(tiny_recipe, tiny_images)
    whole = after_steps(recipe, tmp_path / "whole", "choose").completed.folder("choose")
    rungs: list[bool] = []
    real = module.run_steps

    def stopped(steps: tuple[Step[Any], ...], context: RunContext) -> None:
        if len(rungs) == 3:
            raise KeyboardInterrupt
        counted(steps, context)

    def counted(steps: tuple[Step[Any], ...], context: RunContext) -> None:
        real(steps, context)
        rungs.append(context.completed.outputs["rung"].reused)

    with monkeypatch.context() as patch:
        patch.setattr(module, "run_steps", stopped)
        with pytest.raises(KeyboardInterrupt):
            after_steps(recipe, tmp_path / "broken", "choose")
        assert rungs == [False] * 3
    assert not list((tmp_path / "broken").glob(".cache/choose/*/done.json"))
    monkeypatch.setattr(module, "run_steps", counted)
    again = after_steps(recipe, tmp_path / "broken", "choose").completed.folder("choose")
    assert rungs[3:] == [True] * 3 + [False] * 2
    for name in ("facts.json", "results.parquet", "seen_rows.json"):
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_the_test_part_stays_closed_and_a_leak_would_be_found(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(tiny_recipe, tiny_images, "training.images=64")
    read: set[str] = set()
    real = completed_module.read_samples

    def watched(folder: Path) -> Any:
        read.add(folder.name)
        return real(folder)

    after_steps(recipe, tmp_path / "closed", "judge")
    with monkeypatch.context() as patch:
        patch.setattr(completed_module, "read_samples", watched)
        context = after_steps(recipe, tmp_path / "closed", "filter")
        assert read == {"train", "validation"}
        check_leak(context.completed)
        assert "test" in read  # the watch would have seen it
    # The fault: a rung is given all parts.
    monkeypatch.setattr(scoring, "SCORED_ON", ("train", "validation", "test"))
    context = after_steps(recipe, tmp_path / "open", "filter")
    with pytest.raises(LeakError, match="choose step's test"):
        check_leak(context.completed)


def test_only_a_candidates_own_errors_drop_it_out(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(tiny_recipe, tiny_images)
    ends: list[tuple[Exception, type[Exception], str]] = [
        (StorageError("no space left"), StorageError, "no space"),
        (LeakError("seen"), LeakError, "seen"),
        (DataError("nothing passed"), ConfigError, "none of the recipe's 3 generators .*nothing passed"),
    ]
    for error, kind, said in ends:

        def broken(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(module, "run_steps", broken)
        with pytest.raises(kind, match=said):
            after_steps(recipe, tmp_path, "choose")


def test_an_empty_validation_part_is_reported_before_any_training(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a candidate was tried")

    recipe = tiny(tiny_recipe, tiny_images)
    after_steps(recipe, tmp_path, "judge")
    monkeypatch.setattr(module, "run_steps", never)
    monkeypatch.setattr(completed_module, "read_samples", lambda _: [])
    with pytest.raises(DataError, match=r"validation part is empty.*candidates to \[\]"):
        after_steps(recipe, tmp_path, "choose")


# Where a choice has no place.


def test_a_sweep_refuses_a_recipe_that_chooses(tiny_recipe: Path, tiny_images: Path, tmp_path: Path) -> None:
    plan = SweepSpec(grid={"training.images": [64, 96]})
    with pytest.raises(ConfigError, match=r"3 generators \(residual, cvae.*candidates=\[\]"):
        run_sweep(Job(tiny(tiny_recipe, tiny_images), tmp_path), plan)
    assert not list(tmp_path.iterdir())


def test_candidates_are_refused_for_samples_from_elsewhere(tiny_images: Path) -> None:
    with pytest.raises(ConfigError, match="has no effect here"):
        foreign_recipe(str(tiny_images), "default", ["candidates=[]"])

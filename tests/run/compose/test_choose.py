"""The choice among generators: successive halving, on the validation part and on nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from augmentor.core.errors import ConfigError, DataError, LeakError, StorageError, TrainingFailed
from augmentor.core.progress import Silent
from augmentor.core.results import Results
from augmentor.core.spec import read_yaml
from augmentor.run import completed as found
from augmentor.run.candidates import generators_of, rungs_of
from augmentor.run.compose import choose as module
from augmentor.run.compose.choose import Attempt, RungSteps, halve, suited
from augmentor.run.compose.external import foreign_recipe
from augmentor.run.compose.sweep import SweepSpec, run_sweep
from augmentor.run.publish import check_leak
from augmentor.run.recipe import Recipe, load_recipe, recipe_from_values
from augmentor.run.session import Job, Outcome, run_job
from augmentor.run.steps import Steps
from augmentor.store.cache import StepCache
from augmentor.synthesizers.spec import SynthesizerSpec

THREE = "candidates=[{family: cvae}, {mode_seeking: 0.3}]"
SHORT = ("training.images=128", "evaluation.mixing.share_seeds=2")


def tried(scores: dict[str, list[Any]]) -> Any:
    """Return what tries a name: its score on each rung, or why it failed there."""

    def attempt(name: str, rung: int) -> Attempt:
        found = scores[name][rung - 1]
        if isinstance(found, str):
            return Attempt(rung, name, 10 * rung, reason=found)
        return Attempt(rung, name, 10 * rung, (found, found))

    return attempt


def test_the_better_half_goes_on_and_the_last_one_is_chosen() -> None:
    scores = {"a": [0.6, 0.9], "b": [0.5], "c": [0.7, 0.8], "d": [0.1]}
    chosen, every, rows = halve("abcd", tried(scores))
    assert chosen == "a"
    assert [(one.candidate, one.rung) for one in every] == [
        *(("a", 1), ("b", 1), ("c", 1), ("d", 1)),
        *(("a", 2), ("c", 2)),
    ]
    outcomes = [row["outcome"] for row in rows]
    assert outcomes == ["went on", "dropped", "went on", "dropped", "chosen", "dropped"]


def test_of_equals_the_one_named_first_goes_on() -> None:
    assert halve("ab", tried({"a": [0.5], "b": [0.5]}))[0] == "a"
    assert halve("abc", tried({"a": [0.1], "b": [0.5, 0.5], "c": [0.5, 0.5]}))[0] == "b"


@pytest.mark.parametrize("count", range(1, 12))
def test_any_number_of_candidates_ends_with_the_best(count: int) -> None:
    names = [f"n{i}" for i in range(count)]
    scores = {name: [i / count] * 5 for i, name in enumerate(names)}
    chosen, every, _ = halve(names, tried(scores))
    assert chosen == names[-1]
    assert len({one.rung for one in every}) == rungs_of(count)


def test_what_fails_is_listed_and_costs_nobody_else() -> None:
    chosen, _, rows = halve("abcd", tried({"a": ["no"], "b": [0.2, 0.2], "c": ["nor"], "d": [0.1, 0.3]}))
    assert chosen == "d"
    assert {row["candidate"]: row["reason"] for row in rows if row["outcome"] == "failed"} == {
        "a": "no",
        "c": "nor",
    }
    # The last one left is not tried again.
    assert halve("abc", tried({"a": ["no"], "b": [0.2], "c": ["no"]}))[0] == "b"
    # Where all that went on fail, the best of the others is still there.
    late = {"a": [0.9, "no"], "b": [0.5], "c": [0.8, "no"], "d": [0.6]}
    assert halve("abcd", tried(late))[0] == "d"


def test_the_run_fails_only_where_all_do() -> None:
    with pytest.raises(ConfigError, match=r"none of the recipe's 3 .*c: flat; a: no; b: nor"):
        halve("ab", tried({"a": ["no"], "b": ["nor"]}), [Attempt(0, "c", 0, reason="flat")])
    with pytest.raises(ConfigError, match="none of"):
        halve("", tried({}), [Attempt(0, "c", 0, reason="flat")])


def test_a_family_for_other_dimensions_is_refused_before_rungs_are_counted() -> None:
    able, refused = suited(generators_of(SynthesizerSpec(), [{"family": "gan3d"}]), (1, 8, 8))
    assert list(able) == ["residual"]
    assert "3 spatial dimensions" in refused[0].reason
    assert halve(tuple(able), tried({}), refused)[0] == "residual"


# With whole trainings.


def tiny(tiny_recipe: Path, tiny_images: Path, *settings: str) -> Recipe:
    return load_recipe(str(tiny_recipe), [*SHORT, THREE, *settings], data=tiny_images)


def steps_of(recipe: Recipe, out: Path) -> Steps:
    return Steps(recipe, StepCache(out / ".cache"), "cpu", Silent())


def failing(family: str, error: Exception) -> Any:
    """Return a training that fails for ``family``."""
    real = Steps._fit

    def fit(self: Steps, work: Path) -> Any:
        if self.synthesizer_spec.family == family:
            raise error
        return real(self, work)

    return fit


@pytest.fixture(scope="module")
def ran(
    tiny_recipe: Path, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Recipe, Outcome]:
    """Two splits that choose among four generators, of which one cannot and one fails."""
    out = tmp_path_factory.mktemp("choice")
    settings = [
        "candidates=[{family: cvae}, {family: gan3d}, {mode_seeking: 0.3}]",
        "evaluation.outer_splits=2",
    ]
    recipe = load_recipe(str(tiny_recipe), [*SHORT, *settings], data=tiny_images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Steps, "_fit", failing("cvae", TrainingFailed("losses <b>burst</b> | twice")))
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
    assert "Generators that the splits chose, each for itself" in page
    text = (ran[2].folder / "report.md").read_text(encoding="utf-8")
    table = text.partition("## Generators tried")[2].partition("##")[0]
    assert "losses &lt;b&gt;burst&lt;/b&gt; \\| twice" in table
    assert table.count("\n| ") == 1 + 6


@pytest.mark.slow
def test_every_split_chooses_for_itself(ran: tuple[Path, Recipe, Outcome]) -> None:
    out, _, outcome = ran
    outer = json.loads((outcome.folder / "summary.json").read_text())["outer"]
    kept = [json.loads(path.read_text()) for path in out.glob(".cache/choose/*/facts.json")]
    assert len(kept) == 2
    assert sorted(one["generator"] for one in outer["seeds"]) == sorted(one["chosen"] for one in kept)


@pytest.mark.slow
def test_a_finished_choice_is_not_made_again(ran: tuple[Path, Recipe, Outcome]) -> None:
    """The candidate that failed would work now; the choice was made all the same."""
    out, recipe, _ = ran
    steps = steps_of(recipe, out)
    assert steps.train().reused
    assert list(steps.done) == ["load", "judge", "choose", "train"]
    # The same generator without a choice is the very same training.
    alone = recipe.model_copy(update={"synthesizer": steps.synthesizer_spec, "candidates": ()})
    assert steps_of(alone, out).train().key == steps.done["train"].key


@pytest.mark.slow
def test_a_killed_choice_goes_on_and_comes_out_the_same(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(tiny_recipe, tiny_images)
    whole = steps_of(recipe, tmp_path / "whole").choose().folder
    worked: list[bool] = []
    real = RungSteps.rung

    def stopped(self: RungSteps) -> Any:
        if len(worked) == 3:
            raise KeyboardInterrupt
        kept = real(self)
        worked.append(kept.reused)
        return kept

    with monkeypatch.context() as patch:
        patch.setattr(RungSteps, "rung", stopped)
        with pytest.raises(KeyboardInterrupt):
            steps_of(recipe, tmp_path / "broken").choose()
        assert worked == [False] * 3
    assert not list((tmp_path / "broken").glob(".cache/choose/*/done.json"))
    monkeypatch.setattr(RungSteps, "rung", lambda self: worked.append(real(self).reused))
    again = steps_of(recipe, tmp_path / "broken").choose().folder
    assert worked[3:] == [True] * 3 + [False] * 2
    for name in ("facts.json", "results.parquet", "seen_rows.json"):
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_the_test_part_stays_closed_and_a_leak_would_be_found(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(tiny_recipe, tiny_images, "training.images=64")
    opened: set[str] = set()
    read = found.read_samples

    def watched(folder: Path) -> Any:
        opened.add(folder.name)
        return read(folder)

    steps = steps_of(recipe, tmp_path / "closed")
    steps.judge()
    with monkeypatch.context() as patch:
        for place in (found, module):
            patch.setattr(place, "read_samples", watched)
        steps.choose()
        assert opened == {"train", "validation"}
        steps.filter()
        assert "test" in opened  # the watch would have seen it
    check_leak(steps)
    # The fault: a rung is handed all parts.
    monkeypatch.setattr(RungSteps, "parts", found.Found.parts)
    steps = steps_of(recipe, tmp_path / "open")
    steps.filter()
    with pytest.raises(LeakError, match="choose step's test"):
        check_leak(steps)


def test_what_is_no_fault_of_a_candidate_ends_the_run(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(tiny_recipe, tiny_images)
    ends: list[tuple[Exception, type[Exception], str]] = [
        (StorageError("no space left"), StorageError, "no space"),
        (LeakError("seen"), LeakError, "seen"),
        (DataError("nothing passed"), ConfigError, "none of the recipe's 3 generators .*nothing passed"),
    ]
    for error, kind, said in ends:

        def broken(_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(RungSteps, "rung", broken)
        with pytest.raises(kind, match=said):
            steps_of(recipe, tmp_path).choose()


def test_an_empty_validation_part_is_told_before_any_training(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: object) -> None:
        raise AssertionError("a candidate was tried")

    monkeypatch.setattr(RungSteps, "rung", never)
    monkeypatch.setattr(module, "read_samples", lambda _: [])
    with pytest.raises(DataError, match=r"validation part is empty.*candidates to \[\]"):
        steps_of(tiny(tiny_recipe, tiny_images), tmp_path).choose()


# Where a choice has no place.


def test_a_sweep_refuses_a_recipe_that_chooses(tiny_recipe: Path, tiny_images: Path, tmp_path: Path) -> None:
    plan = SweepSpec(grid={"training.images": [64, 96]})
    with pytest.raises(ConfigError, match=r"3 generators \(residual, cvae.*candidates=\[\]"):
        run_sweep(Job(tiny(tiny_recipe, tiny_images), tmp_path), plan)
    assert not list(tmp_path.iterdir())


def test_samples_from_elsewhere_are_chosen_by_nobody(tiny_images: Path) -> None:
    with pytest.raises(ConfigError, match="has no effect here"):
        foreign_recipe(str(tiny_images), "default", ["candidates=[]"])

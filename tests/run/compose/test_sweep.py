"""A sweep: what it may vary, how it chooses, what it leaves, and that only the winner opens the test part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from augmentor.core.errors import ConfigError, StorageError
from augmentor.core.facts.training import ScoreFacts
from augmentor.core.progress import Silent
from augmentor.core.spec import parse
from augmentor.run import completed as completed_module
from augmentor.run.compose import sweep as module
from augmentor.run.compose.sweep import (
    Member,
    SweepSpec,
    choose,
    chosen_recipe,
    member_recipe,
    read_plan,
    run_sweep,
)
from augmentor.run.compose.sweep_table import Trial, sweep_markdown, sweep_rows
from augmentor.run.context import RunContext
from augmentor.run.outcome import Outcome
from augmentor.run.recipe import Recipe, load_recipe, recipe_from_values
from augmentor.run.session import Job
from augmentor.run.step import as_json
from augmentor.run.steps.scoring import TRIAL
from augmentor.store.cache import StepCache


def trial(number: int, reason: str = "", **shares: list[float]) -> Trial:
    tried = [ScoreFacts(share=float(name[1:]) / 100, scores=scores) for name, scores in shares.items()]
    settings, title = {"training.images": number}, f"training.images={number}"
    return Trial(number=number, settings=settings, title=title, tried=tried, reason=reason)


def test_a_grid_combines_every_value_and_a_list_comes_after_it() -> None:
    plan = SweepSpec(
        grid={"training.images": [64, 96], "synthesizer.mode_seeking": [0, 0.1]},
        members=[{"training.images": 64, "synthesizer.mode_seeking": 0}, {}],
    )
    assert plan.settings == [
        {"training.images": 64, "synthesizer.mode_seeking": 0},
        {"training.images": 64, "synthesizer.mode_seeking": 0.1},
        {"training.images": 96, "synthesizer.mode_seeking": 0},
        {"training.images": 96, "synthesizer.mode_seeking": 0.1},
        {},
    ]


@pytest.mark.parametrize(
    "key",
    [
        "dataset",
        "evaluation.model.updates",
        "split.seed",
        "training.seed",
        "image.size",
        "judge.folds",
        "guard",
    ],
)
def test_what_members_are_compared_by_cannot_vary(key: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot vary '{key}'"):
        parse(SweepSpec, {"grid": {key: [1, 2]}}, "sweep")


def test_plans_are_read_from_files_and_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("grid: {training.images: [1, 2]}\nmembers: [{training.batch: 8}]\n")
    plan = read_plan(file, ["training.images=[64,96]", "synthesizer.augmentation=[[], [colour]]"])
    assert plan.grid == {"training.images": [64, 96], "synthesizer.augmentation": [[], ["colour"]]}
    assert plan.members == [{"training.batch": 8}]
    for wrong in ("training.images", "training.images=64", "=[1,2]", "training.images=[1"):
        with pytest.raises(ConfigError, match="KEY="):
            read_plan(None, [wrong])
    with pytest.raises(ConfigError, match="no value"):
        read_plan(None, ["training.images=[]"])


def test_the_best_pair_on_validation_wins_and_the_first_of_equals() -> None:
    trials = [
        trial(1, s25=[0.5, 0.6], s50=[0.7, 0.7]),
        trial(2, "broke"),
        trial(3, s25=[0.8, 0.6], s50=[0.1, 0.2]),
    ]
    best, share = choose(trials)
    assert (best.number, share) == (1, 0.5)
    better = trial(4, s25=[0.71, 0.70])
    assert choose([*trials, better]) == (better, 0.25)


def test_without_any_score_there_is_nothing_to_choose() -> None:
    with pytest.raises(ConfigError, match=r"every member .* broke"):
        choose([trial(1, "broke"), trial(2, "broke too")])


def test_the_table_shows_every_member_best_first_failures_last() -> None:
    rows = sweep_rows(
        [trial(1, "Oops: a|b <i>"), trial(2, s25=[0.0, 0.0]), trial(3, s25=[0.5, 0.7])], "accuracy"
    )
    assert [row["member"] for row in rows] == [3, 2, 1]
    assert rows[0]["validation accuracy"] == 0.6
    assert rows[0]["sd over seeds"] == pytest.approx(0.1414, abs=1e-4)  # sqrt(2 * 0.1**2 / 1)
    text = sweep_markdown([trial(1, "Oops: a|b <i>"), trial(3, s25=[0.5])], "accuracy")
    assert "a\\|b &lt;i>" in text
    assert text.count("\n| ") == 3


def test_a_member_is_the_recipe_with_its_settings_as_if_written(tiny_recipe: Path, tiny_images: Path) -> None:
    base = load_recipe(str(tiny_recipe), data=tiny_images)
    wanted = load_recipe(
        str(tiny_recipe), ["synthesizer.augmentation=[]", "training.images=96"], data=tiny_images
    )
    assert member_recipe(base, {"synthesizer.augmentation": [], "training.images": 96}) == wanted
    # Through Prefect a recipe comes as its written values; a field that differs from the family's stays.
    assert wanted.synthesizer.augmentation == ()
    assert base.synthesizer.augmentation != ()
    assert recipe_from_values(wanted.written) == wanted
    chosen = chosen_recipe(base, [trial(64, s25=[0.5], s50=[0.6])])
    assert (chosen.training.images, chosen.evaluation.mixing.shares) == (64, (0.5,))


def test_another_family_sets_its_own_fields(tiny_recipe: Path, tiny_images: Path) -> None:
    base = load_recipe(str(tiny_recipe), data=tiny_images)
    wanted = load_recipe(str(tiny_recipe), ["synthesizer.family=acgan"], data=tiny_images)
    assert member_recipe(base, {"synthesizer.family": "acgan"}) == wanted
    assert member_recipe(recipe_from_values(base.written), {"synthesizer.family": "acgan"}) == wanted


def test_a_sweep_of_one_pair_is_refused(tiny_recipe: Path, tiny_images: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(tiny_recipe), ["evaluation.mixing.shares=[0.5]"], data=tiny_images)
    with pytest.raises(ConfigError, match="at least two"):
        run_sweep(Job(recipe, tmp_path), SweepSpec(grid={"training.images": [64]}))


def test_a_sweep_with_folds_is_refused(tiny_recipe: Path, tiny_images: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(tiny_recipe), ["split.folds=3"], data=tiny_images)
    with pytest.raises(ConfigError, match=r"split\.folds=1"):
        run_sweep(Job(recipe, tmp_path), SweepSpec(grid={"training.images": [64, 96]}))


@pytest.fixture(scope="module")
def swept(
    tiny_recipe: Path, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Recipe, Outcome]:
    """Three members, one of which cannot work."""
    out = tmp_path_factory.mktemp("sweep")
    recipe = load_recipe(str(tiny_recipe), ["training.images=64"], data=tiny_images)
    plan = SweepSpec(members=[{}, {"synthesizer.mode_seeking": 0}, {"training.images": 7}])
    return out, recipe, run_sweep(Job(recipe, out), plan)


@pytest.mark.slow
def test_the_winner_is_a_whole_run_with_the_table_of_all(swept: tuple[Path, Recipe, Outcome]) -> None:
    out, _, outcome = swept
    assert outcome.folder.parent == out / "tiny-sweep"
    told = json.loads((outcome.folder / "sweep.json").read_text())
    assert [len(member["tried"]) for member in told["members"]] == [3, 3, 0]
    assert "'training.images'" in told["members"][2]["reason"]
    best = max(
        (
            (sum(one["scores"]) / len(one["scores"]), m["settings"], one["share"])
            for m in told["members"]
            for one in m["tried"]
        ),
        key=lambda pair: pair[0],
    )
    ran = load_recipe(str(outcome.folder / "recipe.yaml"))
    assert ran.evaluation.mixing.shares == (best[2],)
    assert ran.synthesizer.mode_seeking == best[1].get("synthesizer.mode_seeking", 0.1)
    assert "training.images=7" in (outcome.folder / "sweep.md").read_text()
    report = (outcome.folder / "report.html").read_text(encoding="utf-8")
    assert "3 members (1 of them failed), 6 pairs of member and share" in report
    outputs = json.loads((outcome.folder / "manifest.json").read_text())["outputs"]
    assert {"sweep.json", "sweep.md"} <= set(outputs)


@pytest.mark.slow
def test_members_share_the_steps_they_have_in_common(swept: tuple[Path, Recipe, Outcome]) -> None:
    out, _, _ = swept
    finished = {
        name: len(list(out.glob(f".cache/{name}/*/done.json")))
        for name in ("load", "judge", "train", "trial")
    }
    assert finished == {"load": 1, "judge": 1, "train": 2, "trial": 2}


@pytest.mark.slow
def test_the_test_part_is_opened_for_the_winner_alone(
    swept: tuple[Path, Recipe, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, recipe, _ = swept
    assert len(list(out.glob(".cache/evaluate/*/done.json"))) == 1
    handed: list[set[str]] = []
    import augmentor.experiment.trial as trials

    real = trials.Runner

    def watched(train: Any, synthetic: Any, parts: Any, *rest: Any, **named: Any) -> Any:
        handed.append(set(parts))
        return real(train, synthetic, parts, *rest, **named)

    opened: list[str] = []
    read = completed_module.read_samples

    def watched_read(folder: Path) -> Any:
        opened.append(folder.name)
        return read(folder)

    monkeypatch.setattr(trials, "Runner", watched)
    monkeypatch.setattr(completed_module, "read_samples", watched_read)
    found = module.try_member(Member(1, {"synthesizer.mode_seeking": 0.05}, recipe, tmp_path, "cpu"))
    assert found.tried, found.reason
    assert handed == [{"validation"}]
    assert sorted(opened) == ["train", "validation"]  # each once, and no other


def test_a_full_disk_ends_the_sweep_and_a_members_own_error_does_not(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(str(tiny_recipe), data=tiny_images)
    member = Member(1, {}, recipe, tmp_path, "cpu")
    for error, fails in ((StorageError("no space left"), True), (MemoryError("too large"), False)):

        def broken(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(module, "run_steps", broken)
        if fails:
            with pytest.raises(StorageError):
                module.try_member(member)
        else:
            assert module.try_member(member).reason == "MemoryError: too large"


def test_scores_in_another_arm_are_another_trial(tmp_path):
    """Members are scored in the first mixing arm: its scores must not be taken for those of another."""
    read = []
    for arms in ("[classical, {rows: passing, mix: cutmix}]", "[classical, filtered]", "[mixup, filtered]"):
        recipe = load_recipe("digits", [f"evaluation.arms={arms}"])
        context = RunContext(recipe, StepCache(tmp_path), "cpu", Silent())
        read.append(as_json(TRIAL.reads(context)))
    first, other, same = read
    assert first != other
    # Arms that scoring a member does not read change nothing.
    assert other == same

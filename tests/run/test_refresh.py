"""What makes a run due, by content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from augmentor.core.files import write_json
from augmentor.core.progress import Silent
from augmentor.core.shipped import shipped
from augmentor.run.compose.expand import run_job
from augmentor.run.context import RunContext
from augmentor.run.recipe import load_recipe
from augmentor.run.refresh import since_last_run
from augmentor.run.session import Job
from augmentor.store.cache import StepCache


@pytest.mark.slow
def test_a_run_is_due_after_new_bytes_or_another_recipe_only(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(tiny_images, data)
    recipe = load_recipe(str(tiny_recipe), ["training.images=32"], data=data)
    first = since_last_run(recipe, out)
    assert (first.changed, first.last) == (True, None)
    outcome = run_job(Job(recipe, out))

    same = since_last_run(recipe, out)
    assert (same.changed, same.last) == (False, outcome.folder)
    one = data / "disc" / "000.png"
    one.touch()  # another time of change, the same bytes
    assert not since_last_run(recipe, out).changed
    guarded = load_recipe(str(tiny_recipe), ["training.images=32", "guard.minimum_gain=0"], data=data)
    assert not since_last_run(guarded, out).changed

    longer = since_last_run(load_recipe(str(tiny_recipe), ["training.images=64"], data=data), out)
    assert longer.changed
    assert "recipe" in longer.sentence
    shutil.copyfile(one, data / "ring" / "another.png")
    more = since_last_run(recipe, out)
    assert more.changed
    assert "source data" in more.sentence

    (outcome.folder / "manifest.json").write_text("{")
    assert since_last_run(recipe, out).last is None


def test_another_card_makes_a_run_due(tmp_path: Path, tiny_recipe: Path) -> None:
    card = tmp_path / "card.yaml"
    card.write_text((shipped("datasets") / "digits.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    recipe = load_recipe(str(tiny_recipe), [f"dataset={card}"])
    context = RunContext(recipe, StepCache(tmp_path / ".cache"), "cpu", Silent())
    run = tmp_path / "tiny" / "20260101-000000"
    run.mkdir(parents=True)
    inputs = {"source_sha256": context.source_digest, "card_sha256": context.card_digest}
    write_json(run / "manifest.json", {"recipe_sha256": recipe.digest, "inputs": inputs})
    assert not since_last_run(recipe, tmp_path).changed
    card.write_text(card.read_text(encoding="utf-8").replace("title: ", "title: New "), encoding="utf-8")
    found = since_last_run(recipe, tmp_path)
    assert found.changed
    assert "card has changed" in found.sentence

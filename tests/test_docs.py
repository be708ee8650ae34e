"""The documented examples run as they stand, and the reference is complete."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import augmentor
from augmentor.core.kinds import IMAGE
from augmentor.core.spec import parse
from augmentor.data.cards import Card
from augmentor.run.recipe import Recipe, recipe_from_values
from augmentor.synthesizers.methods import METHODS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def run_blocks(page: Path, names: dict) -> None:
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.slow
def test_the_python_page_runs_and_the_team_model_page_after_it(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    run_blocks(DOCS / "howto" / "python.md", names)
    assert names["page"].is_file()
    assert (tmp_path / "expanded" / "metadata.csv").is_file()
    assert names["images"].shape == (64, 1, 8, 8)
    assert names["more"].samples.counts["3"] == 5
    again = names["gan"].sample(augmentor.Conditions(names["more"].samples.y), seed=1)
    assert again.digest == names["more"].samples.digest
    assert names["gain"].facts.verdict.word in {"helps", "hurts", "equivalent", "inconclusive"}
    torch.save({"weight": torch.ones(2)}, "resnet50.pth")  # what a team has, to be converted
    run_blocks(DOCS / "howto" / "own_model.md", names)
    assert (tmp_path / "resnet50.safetensors").is_file()
    assert names["images"].shape == (32, 1, 8, 8)
    assert names["model"](names["images"]).shape == (32, 10)


def test_the_page_on_the_expanded_dataset_runs_as_it_stands(tmp_path, monkeypatch) -> None:
    import datasets

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    real = augmentor.Samples(
        np.random.default_rng(0).integers(0, 256, (12, 1, 8, 8), dtype=np.uint8),
        np.arange(12) % 2,
        ("normal", "rare"),
        np.array([f"r{n}" for n in range(12)]),
        value_range=(0, 255),
        kind=IMAGE,
    )
    made = augmentor.Samples(
        real.x[:4], real.y[:4], real.classes, real.ids[:4], value_range=(0, 255), kind=IMAGE
    )
    table = pd.DataFrame({"synthesizer": ["0" * 64] * 4, "seed": [1] * 4})
    synthetic = augmentor.SyntheticSet(made, table, np.ones(4, dtype=bool), np.full(4, ""))
    parts = {"train": real, "test": replace(real, ids=np.array([f"t{n}" for n in range(12)]))}
    augmentor.export(Path("expanded"), real, synthetic, layout="folder", name="x", parts=parts)
    names: dict = {}
    page = DOCS / "howto" / "use_expanded.md"
    for block in blocks(page):
        if "import keras" not in block:  # not a dependency, not even of tests
            exec(compile(block, str(page), "exec"), names)
    assert names["images"].shape == (16, 1, 8, 8)
    assert names["batch"]["image"].shape == (16, 1, 8, 8)
    assert names["x"].shape == (16, 8, 8, 1)
    assert names["loaded"].features["label"].names == ["normal", "rare"]
    assert list(names["test_ids"]) == [f"t{n}" for n in range(12)]
    assert names["classifier"].score(names["x"].reshape(16, -1), names["y"]) > 0.5


def test_every_python_block_of_the_pages_compiles() -> None:
    pages = [page for page in sorted(ROOT.glob("*.md")) + sorted(DOCS.rglob("*.md")) if blocks(page)]
    assert pages
    for page in pages:
        for block in blocks(page):
            compile(block, str(page), "exec")


def test_the_examples_use_public_names() -> None:
    text = "".join(block for page in DOCS.rglob("*.md") for block in blocks(page))
    assert set(re.findall(r"\baug\.(\w+)", text)) <= set(augmentor.__all__)


def test_the_api_page_lists_every_public_name_once() -> None:
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\.\. auto(?:class|function):: (\w+)$", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(set(augmentor.__all__) - {"__version__"})


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build hook behind docs/reference/recipe.md."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    return pytest.importorskip("recipe_fields")


def test_the_recipe_reference_has_every_field_with_a_meaning(reference: ModuleType) -> None:
    tables = {}
    for section in reference.sections():
        # Where one of several models can stand, one table each follows the other.
        tables[section.path] = tables.get(section.path, "") + reference.table(section)
    values = recipe_from_values({"name": "x"}).model_dump()
    for name, value in values.items():
        assert f"| `{name}` |" in tables[""]
        for field in value if isinstance(value, dict) and name in tables else ():
            assert f"| `{field}` |" in tables[name]
    for method in METHODS:
        assert f"`synthesizer`, method: {method}\n" in tables["synthesizer"]
    assert "| `seeds` | whole number ≥ 1, ≤ 1000 | `10` |" in tables["evaluation"]
    assert "whole number ≥ 1 or null | `null` |" in tables[""]


def test_recipes_on_the_pages_are_valid() -> None:
    found = 0
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            values = yaml.safe_load(block)
            if set(values) <= set(Recipe.model_fields) and "classes" not in values:
                recipe_from_values({"name": "x", **values})
                found += 1
            elif "classes" in values:
                parse(Card, values, page.name)
    assert found >= 8


def test_fields_named_on_the_pages_exist(reference: ModuleType) -> None:
    known = {
        f"{section.path}.{field}".lstrip(".")
        for section in reference.sections()
        for field in section.model.model_fields
    }
    parts = "|".join({path.partition(".")[0] for path in known if "." in path})
    for page in PAGES:
        text = re.sub(r"```yaml\n.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for path in re.findall(rf"(?<=[`\s])((?:{parts})\.[a-z_.]+[a-z_])(?=[`=\s])", text):
            assert path in known, f"{page.name} names {path}"


def test_a_recipe_field_without_a_meaning_stops_the_build(reference: ModuleType) -> None:
    class Bare(reference.BaseModel):
        """One field, not explained."""

        size: int = 1

    with pytest.raises(reference.ExtensionError, match="size has no meaning"):
        reference.table(reference.Section("image", Bare, Bare()))


def test_tests_named_on_the_pages_are_there() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"\btests/([a-z_]+/test_[a-z_]+)\.py", text)
        named += re.findall(r"(?<=\| )([a-z]+/test_[a-z_]+)", text)
        for name in named:
            assert (ROOT / "tests" / f"{name}.py").is_file(), f"{page.name} names tests/{name}.py"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90


def test_every_public_name_is_there() -> None:
    for name in augmentor.__all__:
        assert getattr(augmentor, name) is not None
    assert set(augmentor.__all__) <= set(dir(augmentor))
    # A name that is also a room would turn into the room as soon as somebody imports it.
    rooms = {path.name for path in Path(augmentor.__file__).parent.iterdir() if path.is_dir()}
    assert not set(augmentor.__all__) & rooms
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(augmentor, "nothing")  # noqa: B009 - the access is the test

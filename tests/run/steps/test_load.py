"""What the loading of the data says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augmentor.core.errors import DataError
from augmentor.core.facts.samples import NearTestDuplicate
from augmentor.core.kinds import IMAGE
from augmentor.core.progress import Silent
from augmentor.core.samples import Samples
from augmentor.data.duplicates import NearDuplicate
from augmentor.run.context import RunContext
from augmentor.run.recipe import load_recipe
from augmentor.run.steps.load import load, near_across, near_duplicate_note
from augmentor.store.cache import StepCache


def test_nearly_equal_samples_across_parts_are_named() -> None:
    def part(*names: str) -> Samples:
        n = len(names)
        return Samples(
            np.zeros((n, 1, 2, 2), np.uint8),
            np.zeros(n, np.int64),
            ("a",),
            np.array(names),
            value_range=(0, 255),
            kind=IMAGE,
        )

    where = {"train": part("t1", "t2"), "validation": part("v1"), "test": part("s1", "s2")}
    pairs = [
        NearDuplicate("t1", "s1", 0.99871),
        NearDuplicate("s2", "v1", 0.992),
        NearDuplicate("t1", "t2", 0.99),
        NearDuplicate("s1", "s2", 0.99),
    ]
    found = near_across(where, pairs)
    assert found == [
        NearTestDuplicate(part="train", id="t1", test="s1", correlation=0.9987),
        NearTestDuplicate(part="validation", id="v1", test="s2", correlation=0.992),
    ]
    assert "train t1 and test s1 (0.9987); validation v1 and test s2" in near_duplicate_note(found, IMAGE)[0]
    assert near_duplicate_note([], IMAGE) == []


def _pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name in range(12):
        Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8)).save(folder / f"{name}.png")


def _context(data: Path, root: Path) -> RunContext:
    return RunContext(load_recipe("default", data=data), StepCache(root / "cache"), "cpu", Silent())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "set").mkdir()
    for label in "ab":
        _pictures(tmp_path / "set" / label)
    return tmp_path / "set"


@pytest.fixture
def changed_on_the_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    def change(victim: Path) -> None:
        from augmentor.data import load as module

        reading = module.load

        def read(*args: object, **named: object) -> object:
            loaded = reading(*args, **named)  # type: ignore[arg-type] # whatever the step passes
            victim.write_bytes(victim.read_bytes() + b"\n")
            return loaded

        monkeypatch.setattr(module, "load", read)

    return change


def test_a_file_that_changes_while_the_data_is_read_stops_the_step(
    data: Path, tmp_path: Path, changed_on_the_way: Callable[[Path], None]
) -> None:
    changed_on_the_way(data / "a" / "3.png")
    context = _context(data, tmp_path)
    assert context.source_digest  # as the key of the step is made, before the read
    with pytest.raises(DataError, match="changed while they were read"):
        load(context, tmp_path, tmp_path)


def test_the_digest_of_a_table_covers_the_files_it_names_and_no_others(data: Path, tmp_path: Path) -> None:
    rows = [f"{label}/{name}.png,{label}" for label in "ab" for name in range(10)]
    (data / "labels.csv").write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    before = _context(data / "labels.csv", tmp_path).source_digest
    (data / "a" / "11.png").write_bytes(b"named by no row")
    (data / "notes.txt").write_text("beside", encoding="utf-8")
    assert _context(data / "labels.csv", tmp_path).source_digest == before
    (data / "a" / "3.png").write_bytes((data / "a" / "4.png").read_bytes())
    assert _context(data / "labels.csv", tmp_path).source_digest != before

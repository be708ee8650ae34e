"""Facts are written and read whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from augmentor.core.errors import DataError
from augmentor.core.facts.base import FACTS
from augmentor.core.facts.quality import MeasureFacts, MissingNumber, ShownCopy
from augmentor.core.facts.samples import LoadFacts
from augmentor.core.facts.training import TrainFacts
from augmentor.core.kinds import IMAGE


def test_what_was_written_is_read_back_the_same(tmp_path: Path) -> None:
    copy = ShownCopy(synthetic=3, real=1, real_id="x", class_="a", ratio=0.5, kept=False)
    missing = MissingNumber(split="synthetic", metric="kid", class_=None, reason="too few")
    facts = MeasureFacts(copies_shown=(copy,), not_estimable=(missing,), limits=("one",))
    facts.write(tmp_path)
    assert MeasureFacts.read(tmp_path) == facts
    written = json.loads((tmp_path / FACTS).read_text())
    assert written["copies_shown"][0]["class"] == "a"


@pytest.mark.parametrize("harm", ["missing", "damaged", "another step's", "an unknown field"])
def test_facts_that_cannot_be_read_are_refused(tmp_path: Path, harm: str) -> None:
    facts = LoadFacts(dataset="d", classes=("a",), kind=IMAGE, shape=(1, 8, 8))
    texts = {
        "damaged": "{",
        "another step's": json.dumps(MeasureFacts().to_json()),
        "an unknown field": json.dumps({**facts.to_json(), "colour": "red"}),
    }
    if harm in texts:
        (tmp_path / FACTS).write_text(texts[harm])
    with pytest.raises(DataError, match="does not hold the facts of this version"):
        LoadFacts.read(tmp_path)


def test_training_samples_in_the_generators_file_are_reported() -> None:
    assert TrainFacts(history=(), chosen_checkpoint={"images": 64}).training_data_warning == ()
    (warning,) = TrainFacts(history=(), chosen_checkpoint={"training_samples_held": 7}).training_data_warning
    assert warning.startswith("The generator's file holds 7 training samples")

"""The test-set access log, alone and in the manifest of real runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from augmentor.core.errors import StorageError
from augmentor.experiment import evaluate as evaluate_module
from augmentor.run.compose.expand import run_job
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job
from augmentor.store import test_access as module
from augmentor.store.test_access import read_access_log, record_test_access, repeated_access_note

DIGEST = "ab" * 32
START = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


class Clock:
    """A clock that moves on by an hour at every look."""

    fromisoformat = staticmethod(datetime.fromisoformat)
    looks = 0

    @classmethod
    def now(cls, tz):
        assert tz is UTC
        cls.looks += 1
        return START + timedelta(hours=cls.looks - 1)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(Clock, "looks", 0)
    monkeypatch.setattr(module, "datetime", Clock)


def test_an_evaluation_keeps_its_first_access_time(tmp_path, clock):
    for key in ("one", "one", "two", "one"):
        record_test_access(tmp_path, DIGEST, key)
    assert read_access_log(tmp_path, DIGEST) == {
        "one": "2026-01-31T23:59:59+00:00",
        "two": "2026-02-01T00:59:59+00:00",
    }
    assert list(read_access_log(tmp_path, DIGEST)) == ["one", "two"]
    assert read_access_log(tmp_path, "cd" * 32) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"one": 3}', '{"one": "yesterday"}'])
def test_a_damaged_log_is_refused(tmp_path, text):
    record_test_access(tmp_path, DIGEST, "one")
    next((tmp_path / "opened").glob("*.json")).write_text(text)
    with pytest.raises(StorageError, match="remove it to begin anew"):
        read_access_log(tmp_path, DIGEST)


def test_a_note_is_given_from_the_second_access_on():
    assert repeated_access_note({}) == repeated_access_note({"one": "2026-01-01"}) == []
    (note,) = repeated_access_note({"one": "2026-01-01", "two": "2026-01-02"})
    assert note.startswith("2 evaluations with different settings")


def manifest(run):
    return json.loads((run.folder / "manifest.json").read_text(encoding="utf-8"))["test_part"]


@pytest.mark.slow
def test_the_manifest_says_when_and_how_often_the_test_part_was_read(
    tiny_recipe, tiny_images, tmp_path, monkeypatch
):
    recipe = load_recipe(str(tiny_recipe), data=tiny_images)
    real = evaluate_module._score_rows

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate_module, "_score_rows", killed)
    with pytest.raises(KeyboardInterrupt):
        run_job(Job(recipe, tmp_path))
    log = next((tmp_path / ".cache" / "opened").glob("*.json"))
    begun = json.loads(log.read_text())
    (key,) = begun
    log.write_text(json.dumps({key: "2026-01-31T23:59:59+00:00"}))  # long ago
    monkeypatch.setattr(evaluate_module, "_score_rows", real)
    first = manifest(run_job(Job(recipe, tmp_path)))
    assert first == {
        "opened": "2026-01-31T23:59:59+00:00",
        "opened_first": "2026-01-31T23:59:59+00:00",
        "openings": 1,
    }
    assert manifest(run_job(Job(recipe, tmp_path))) == first  # all steps reused
    other = run_job(
        Job(load_recipe(str(tiny_recipe), ["evaluation.model.updates=9"], data=tiny_images), tmp_path)
    )
    second = manifest(other)
    assert second["openings"] == 2
    assert second["opened_first"] == first["opened"] < second["opened"]
    assert "2 evaluations with different settings" in (other.folder / "report.html").read_text(
        encoding="utf-8"
    )

import numpy as np
import pytest

from augmentor.downstream.case_values import case_values
from augmentor.statistics.evidence import Evidence
from augmentor.statistics.shift import shift_note


def scored(rng, right, seeds=5, cases=120):
    """Return probabilities (S, N, 2) and labels; each case has its own chance around ``right`` of a hit."""
    y = np.arange(cases) % 2
    chance = np.clip(rng.normal(right, 0.1, cases), 0, 1)
    hit = rng.random((seeds, cases)) < chance
    p = np.where(hit[..., None], np.eye(2)[y] * 0.8 + 0.1, 0.9 - np.eye(2)[y] * 0.8)
    return p, y


def evidence(p, y, metric, groups=None):
    return Evidence({"mixup": case_values(metric, p, y)}, y, ("a", "b"), groups=groups)


def note(first, second, metric="balanced_accuracy", groups=(None, None)):
    held, tested = (
        evidence(*part, metric, group) for part, group in zip((first, second), groups, strict=True)
    )
    return shift_note(held, tested, "mixup", "“Mixup”")


def test_parts_of_one_population_are_rarely_distinguished():
    rng = np.random.default_rng(0)
    alarms = sum(note(scored(rng, 0.8), scored(rng, 0.8, cases=300)) is not None for _ in range(300))
    # One in a hundred is the level: of 300, ten or more have a chance of 0.001.
    assert alarms < 10


@pytest.mark.parametrize("metric", ["balanced_accuracy", "accuracy", "macro_auroc"])
def test_another_population_is_named_with_both_scores(metric):
    rng = np.random.default_rng(1)
    said = note(scored(rng, 0.95), scored(rng, 0.7), metric)
    assert said.startswith("“Mixup” scores 9")
    assert "different populations" in said
    swapped = note(scored(rng, 0.7), scored(rng, 0.95), metric)
    first, second = (float(word) for word in swapped.split() if word.replace(".", "").isdigit())
    assert first < second


def test_a_patient_is_one_piece_of_evidence_whatever_the_number_of_images():
    """All images of two of six test patients are wrong: fifty images, but two patients."""
    y, patient = np.arange(150) % 2, np.arange(150) // 2 % 6
    right, wrong = np.eye(2)[y] * 0.8 + 0.1, 0.9 - np.eye(2)[y] * 0.8
    rng = np.random.default_rng(2)
    validation = np.where(rng.random((5, 150, 1)) < 0.95, right, wrong)
    test = np.broadcast_to(np.where(patient[:, None] < 2, wrong, right), (5, 150, 2))
    assert note((validation, y), (test, y))
    assert note((validation, y), (test, y), groups=(patient, patient)) is None


def test_a_part_of_one_case_a_class_or_without_spread_says_nothing():
    p, y = scored(np.random.default_rng(3), 0.9)
    assert note((p[:, :2], y[:2]), (p, y)) is None
    sure = np.broadcast_to(np.eye(2)[y], p.shape)
    assert note((sure, y), (sure, y)) is None

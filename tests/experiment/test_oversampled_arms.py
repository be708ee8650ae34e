"""The oversampled arms from the recipe to the results."""

import numpy as np
import pandas as pd
import pytest
from blob_parts import evaluated
from flat_spec import evaluation

from augmentor.core.errors import ConfigError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment import fit as fit_module

ARMS = ("classical", "filtered", "oversampled", "oversample=random")
SPEC = evaluation(
    arms=(*ARMS[:-1], {"oversample": "random"}),
    seeds=2,
    updates=6,
    batch=12,
    channels=4,
    shares=(0.5,),
    pool_versions=2,
)


def blobs(per_class, seed, prefix, shape=(1, 6, 6)):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(per_class)), per_class).astype(np.int64)
    x = rng.integers(0, 200, (len(y), *shape)) + 20 * y[:, None, None, None]
    ids = np.array([f"{prefix}{i}" for i in range(len(y))])
    return Samples(
        x.astype(np.uint8),
        y,
        ("a", "b", "c"),
        ids,
        value_range=(0, 255),
        kind={3: SERIES, 4: IMAGE, 5: VOLUME}[x.ndim],
    )


def given(shape=(1, 6, 6)):
    made = blobs((6, 6, 6), 4, "made", shape)
    table = pd.DataFrame({"synthesizer": ["none"] * 18, "seed": [0] * 18})
    marked = SyntheticSet(made, table, np.ones(18, np.bool_), np.full(18, "", np.str_))
    return (
        blobs((20, 6, 2), 1, "train", shape),
        blobs((9, 9, 9), 2, "validation", shape),
        blobs((10, 10, 10), 3, "test", shape),
        marked,
    )


def run(folder, parts=None, **options):
    return evaluated(parts or given(), SPEC, folder, dataset="d", **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(tmp_path_factory.mktemp("oversampled"))


def test_the_arms_are_scored_like_the_others_and_count_as_real(finished):
    scores = finished.results.where(metric="balanced_accuracy", split="test")
    assert scores.groupby("arm").size().to_dict() == dict.fromkeys(ARMS, 2)
    assert finished.facts.verdict.arm == "filtered"
    assert set(finished.results.where(metric="delta")["arm"]) == {"filtered"}


def test_a_tiny_class_is_reported(finished):
    assert any("“SMOTE” repeats the rows of c: it draws" in note for note in finished.facts.notes)


def test_the_arms_train_on_other_rows_than_the_classical_one(tmp_path, finished):
    """A runner that forgot to draw SMOTE's rows, or drew the generator's, gives equal predictions."""
    run(tmp_path)
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        one, two, three = (stored[f"test/{name}"] for name in ("classical", "oversampled", "filtered"))
    assert not np.allclose(one, two)
    assert not np.allclose(two, three)


def test_smote_batches_come_from_its_own_pool(tmp_path, monkeypatch):
    seen = []
    real = fit_module.Shared.batch

    def spy(self, picked, arm):
        found = real(self, picked, arm)
        if arm.oversample == "smote":
            pool = self.pool("smote", arm.augmentation)
            seen.append((pool.values.shape, int(picked.synthetic.sum())))
        return found

    monkeypatch.setattr(fit_module.Shared, "batch", spy)
    run(tmp_path)
    assert {shape for shape, _ in seen} == {(2 * (14 + 18), 1, 6, 6)}
    assert sum(n for _, n in seen) > 0


def test_large_images_are_refused_before_any_fit(tmp_path):
    with pytest.raises(ConfigError, match="arm oversampled"):
        run(tmp_path, given((1, 80, 80)))
    assert not list(tmp_path.iterdir())

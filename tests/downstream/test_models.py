"""Every classifier under the same protocol: arms, seeds, budget, and what it refuses."""

import re

import numpy as np
import pandas as pd
import pytest
from flat_spec import evaluation, nested
from sklearn.linear_model import LogisticRegression

from augmentor.core.errors import ConfigError
from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.core.spec import parse
from augmentor.core.synthetic import SyntheticSet
from augmentor.downstream.estimators import ESTIMATORS
from augmentor.downstream.fit_table import fit_table
from augmentor.downstream.kinds import MOST_ROWS, table_rows
from augmentor.downstream.model_spec import ModelSpec
from augmentor.downstream.models import MODELS
from augmentor.experiment.arms import arm_of, name_of, needs_critic
from augmentor.experiment.before_training import check_shape
from augmentor.experiment.fit import read_fit
from augmentor.experiment.runner import Runner
from augmentor.experiment.spec import DEFAULT_ARMS, EvaluationSpec
from augmentor.experiment.usable import usable_arms
from augmentor.experiment.values import Workers
from augmentor.modalities.table import modality_of
from augmentor.nets.published import DENSENET_SIDE, PUBLISHED

LARGE = ("resnet18", "densenet121")
BUILT_IN = ("small_resnet", "resnet18", "densenet121", "mlp", *ESTIMATORS)
UPDATES = {"densenet121": 2, "resnet18": 3, "small_resnet": 120, "mlp": 60}


def blobs(per_class, seed, prefix, side):
    """Return images whose class is which half is bright: clear, but no single pixel tells it."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(3), per_class).astype(np.int64)
    x = rng.normal(110, 40, (len(y), 1, side, side))
    x[y == 1, :, : side // 2] += 60
    x[y == 2, :, side // 2 :] += 60
    ids = np.array([f"{prefix}{i}" for i in range(len(y))])
    return Samples(
        x.clip(0, 255).astype(np.uint8),
        y,
        ("a", "b", "c"),
        ids,
        value_range=(0, 255),
        kind={3: SERIES, 4: IMAGE, 5: VOLUME}[x.ndim],
    )


def marked(samples):
    table = pd.DataFrame({"synthesizer": ["none"] * len(samples), "seed": [0] * len(samples)})
    n = len(samples)
    return SyntheticSet(samples, table, np.ones(n, np.bool_), np.full(n, "", np.str_))


def runner_of(folder, name, arms=("real", "classical", "filtered", "class_weighted"), **options):
    kind = MODELS[name]
    side = max(8, kind.least_side)
    spec = evaluation(
        arms=arms, seeds=2, updates=UPDATES.get(name, 12), batch=12, policy="none",
        name=name, shares=(0.5,), **options,
    )  # fmt: skip
    parts = {"validation": blobs((6, 6, 6), 2, "v", side), "test": blobs((8, 8, 8), 3, "x", side)}
    return Runner(
        blobs((24, 12, 6), 1, "t", side), marked(blobs((9, 9, 9), 4, "s", side)), parts, spec,
        seed=0, workers=Workers(folder, 1),
    )  # fmt: skip


def test_the_tables_agree():
    assert [name for name in MODELS if name in BUILT_IN] == list(BUILT_IN)
    assert set(PUBLISHED) < set(MODELS)
    assert {name for name in BUILT_IN if MODELS[name].table} == set(ESTIMATORS)
    assert MODELS["densenet121"].least_side == DENSENET_SIDE
    for name in BUILT_IN:
        assert evaluation(name=name).model.name == name
    with pytest.raises(ConfigError, match=r"model\.name is one of auto, small_resnet, resnet18"):
        parse(EvaluationSpec, nested(name="vgg"), "here")


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN)
def test_every_classifier_follows_the_protocol(name, tmp_path):
    runner = runner_of(tmp_path, name)
    test = runner.parts["test"]
    arms = [("real", None), ("classical", None), ("filtered", 0.5), ("class_weighted", None)]
    if name in LARGE:
        arms = arms[1:3]  # their steps take long; that they learn is MONAI's to show
    jobs = {arm: [runner.job(arm_of(arm), share, i) for i in range(2)] for arm, share in arms}
    runner.run([job for mine in jobs.values() for job in mine])
    found = {arm: [read_fit(job, "test") for job in mine] for arm, mine in jobs.items()}
    for arm, (one, two) in found.items():
        assert one.shape == (24, 3), arm
        np.testing.assert_allclose(one.sum(axis=1), 1)
        assert not np.array_equal(one, two), f"{arm}: two seeds predict alike"
        if name not in LARGE:
            # 24 cases of three classes by chance: 8 right, sd 2.3.
            assert (one.argmax(axis=1) == test.y).sum() >= 15, arm
    assert len({p[0].tobytes() for p in found.values()}) == len(arms)  # every arm trains on something else
    again = runner_of(tmp_path / "again", name)
    job = again.job(arm_of("classical"), None, 0)
    again.run([job])
    np.testing.assert_array_equal(read_fit(job, "test"), found["classical"][0])


def test_a_table_classifier_is_scikit_learns_on_the_rows_drawn(tmp_path, monkeypatch):
    import augmentor.downstream.fit_classifier as module

    seen = {}

    def spy(make, x, y, weight, **options):
        seen.update(x=x, y=y, weight=weight)
        return fit_table(make, x, y, weight, **options)

    monkeypatch.setattr(module, "fit_table", spy)
    runner = runner_of(tmp_path, "logistic_regression")
    job = runner.job(arm_of("class_weighted"), None, 0)
    runner.run([job])
    assert seen["x"].shape == (12 * 12, 64)
    train = runner.train.array.reshape(42, -1).astype(np.float64)
    encoded = {row.tobytes() for row in runner.codec.encode(runner.train.array).reshape(42, -1)}
    assert {row.tobytes() for row in seen["x"]} <= encoded
    assert len(np.unique(train, axis=0)) == 42
    # 42 rows, three classes of 24, 12, 6: w = 42 / (3 n).
    np.testing.assert_allclose(seen["weight"], np.array([42 / 72, 42 / 36, 42 / 18])[seen["y"]])
    test = runner.codec.encode(runner.parts["test"].array).reshape(24, -1)
    model = LogisticRegression(max_iter=300).fit(seen["x"], seen["y"], sample_weight=seen["weight"])
    np.testing.assert_allclose(read_fit(job, "test"), model.predict_proba(test), atol=1e-6)
    runner.run([runner.job(arm_of("classical"), None, 0)])
    assert seen["weight"] is None
    assert set(np.bincount(seen["y"])) == {48}  # balanced


def test_every_arm_gets_a_table_of_the_same_size():
    assert table_rows(600, 64, 64) == MOST_ROWS
    assert table_rows(3, 64, 64) == 192
    assert table_rows(10_000, 100, 64) == 8100
    assert table_rows(600, 64, 3 * 512 * 512) == 64  # never less than a batch
    assert table_rows(600, 2, 3 * 512 * 512) == 84
    assert table_rows(1, 20_000, 64) == 20_000


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_class_without_a_row_has_probability_zero(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    y = np.repeat([0, 2], 30).astype(np.int64)
    predict = fit_table(ESTIMATORS[name], x, y, None, n_classes=4, seed=0)
    found = predict(x)
    assert found.shape == (60, 4)
    assert (found[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert predict(x[:0]).shape == (0, 4)
    only = fit_table(ESTIMATORS[name], x, np.full(60, 3), None, n_classes=4, seed=0)(x)
    np.testing.assert_array_equal(only, np.eye(4)[np.full(60, 3)])


@pytest.mark.parametrize("name", BUILT_IN)
def test_where_no_arm_is_named_the_usual_ones_are_those_that_the_classifier_can_train(name):
    arms = parse(EvaluationSpec, nested(name=name), "here").arms
    # A model that sees one table has no batches to mix, and no logits to adjust.
    mixed = {arm_of(one) for one in ("mixup", "cutmix", "logit_adjusted")} if MODELS[name].table else set()
    bound = set() if name == "small_resnet" else set(filter(needs_critic, DEFAULT_ARMS))
    assert set(DEFAULT_ARMS) - set(arms) == mixed | bound


@pytest.mark.parametrize(
    ("name", "arm", "why"),
    [
        (
            "random_forest",
            {"rows": {"synthetic": "passing", "mixing": "first"}},
            "it changes its rows during the training",
        ),
        ("random_forest", {"rows": "diverse", "mix": "mixup"}, "mixup trains on mixed labels"),
        ("logistic_regression", "logit_adjusted", "logistic_regression does not support custom losses"),
        ("resnet18", {"head": "covariance"}, "its features are those of small_resnet"),
        ("mlp", "from_critic", "it has a network of its own"),
        ("gradient_boosting", {"start": "untrained_critic"}, "it has a network of its own"),
    ],
)
def test_an_arm_that_a_classifier_cannot_train_is_refused_when_the_recipe_is_read(name, arm, why):
    values = nested(name=name, arms=["classical", "filtered", arm])
    refusal = f"{name} cannot train the arm {name_of(arm_of(arm))}: {why}.*small_resnet"
    with pytest.raises(ConfigError, match=refusal):
        parse(EvaluationSpec, values, "here")
    assert parse(EvaluationSpec, {"arms": values["arms"]}, "here").arms[2] == arm_of(arm)


@pytest.mark.parametrize(
    "arm", ["class_weighted", "synthetic_only", "with_synthetic", {"oversample": "random"}]
)
def test_arms_of_other_rows_and_weights_can_be_trained_on_a_table(arm):
    values = nested(name="random_forest", arms=["classical", "filtered", arm])
    assert parse(EvaluationSpec, values, "here").arms[2] == arm_of(arm)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (nested(name="resnet18", channels=8), "channels is the width of small_resnet"),
        (nested(name="random_forest", anneal=True), "anneal needs batches one by one"),
        (
            nested(name="random_forest", learning_rate=0.1),
            "learning_rate has no effect on random_forest",
        ),
    ],
)
def test_settings_without_an_effect_are_refused(values, reason):
    with pytest.raises(ConfigError, match=re.escape(reason)):
        parse(EvaluationSpec, values, "here")


def test_images_too_small_for_the_classifier_are_refused_after_loading():
    check_shape(evaluation(name="densenet121"), (1, 29, 64))
    with pytest.raises(ConfigError, match=r"densenet121 needs at least 29 cells a side.*\(1, 28, 28\)"):
        check_shape(evaluation(name="densenet121"), (1, 28, 28))
    for name in set(BUILT_IN) - {"densenet121"}:
        EvaluationSpec().downstream.check_shape(name, (1, 4, 4))


def test_auto_is_the_usual_model_of_the_data_and_arms_it_cannot_train_are_left_out():
    spec = EvaluationSpec()
    train, made = blobs((8, 8, 8), 0, "real", 8), marked(blobs((8, 8, 8), 1, "made", 8))
    assert spec.model.name == "auto"
    found = spec.with_model_for(modality_of(train))
    assert (found.model.name, found.arms) == ("small_resnet", spec.arms)
    named = evaluation(name="resnet18")
    assert named.with_model_for(modality_of(train)) is named
    usual = spec.model_copy(update={"model": ModelSpec(name="gradient_boosting")})
    _, skipped = usable_arms(usual, train, made)
    assert "gradient_boosting takes one class per row" in skipped["mixup"]
    assert usable_arms(spec, train, made)[1].keys() < skipped.keys()

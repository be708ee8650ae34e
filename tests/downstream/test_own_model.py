"""Every row of the table of models keeps its contract; one's own models are checked before they train."""

import json

import numpy as np
import pytest
import torch
from flat_spec import nested

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.downstream.base import Form, Training
from augmentor.downstream.model_spec import InputSpec, ModelSpec, Normalisation
from augmentor.downstream.models import MODELS
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.before_training import check_models
from augmentor.experiment.spec import DEFAULT_ARMS, EvaluationSpec

CLASSIFICATION = DOWNSTREAM["classification"]
SHAPE, CLASSES = (1, 32, 32), 3
OWN = """\
import torch
from sklearn.neighbors import KNeighborsClassifier

def network(shape, n_classes, width=4):
    convolution = torch.nn.Conv2d(shape[0], width, 3, stride=2)
    return torch.nn.Sequential(
        convolution, torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
        torch.nn.Linear(width, n_classes),
    )

def neighbours(n_neighbors=3):
    return KNeighborsClassifier(n_neighbors)

def wrong_width(shape, n_classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(shape[0] * shape[1] * shape[2], 7))

def nothing(shape):
    return "a model"

def broken(shape):
    raise RuntimeError("no such backbone")
"""


class Halves:
    """Batches of bright left or right halves; rows come in two versions."""

    def __init__(self, shape=SHAPE, n_classes=CLASSES):
        self.shape, self.n_classes = shape, n_classes
        self.counts = np.array([12, 8, 4][:n_classes])

    def rows(self, step):
        return np.arange(6) + 3 * (step % 2)

    def draw(self, step):
        rng = np.random.default_rng(step)
        y = np.arange(6) % self.n_classes
        x = rng.normal(0, 0.3, (6, *self.shape))
        half = self.shape[-1] // 2
        x[y == 1, ..., :half] += 0.7
        x[y == 2, ..., half:] += 0.7
        return torch.from_numpy(x.clip(-1, 1)).float(), torch.from_numpy(y)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(OWN, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def examples(own):
    """A model of each row of the table, small enough to be trained here."""
    named = (name for name, kind in MODELS.items() if not kind.pattern and not kind.needs)
    trees = {"n_estimators": 9}
    return {
        **{name: ModelSpec(name=name) for name in named},
        "sklearn:CLASS": ModelSpec(name="sklearn:ensemble.ExtraTreesClassifier", parameters=trees),
        "FILE.py:FUNCTION": ModelSpec(name=f"{own}:network"),
    }


def test_every_row_has_an_example(examples):
    assert set(examples) == set(MODELS)


@pytest.mark.parametrize("row", MODELS)
def test_every_model_keeps_the_contract(row, examples):
    spec = examples[row].model_copy(update={"updates": 1, "batch": 6})
    kind = CLASSIFICATION.kind_of(spec.name)
    assert kind is MODELS[row]
    form = Form(SHAPE, CLASSES)
    read = parse(EvaluationSpec, {"model": spec.model_dump(exclude_unset=True)}, "here")
    assert read.model == spec
    CLASSIFICATION.check_model(spec, form)
    assert CLASSIFICATION.label(spec)
    assert all(len(digest) == 64 for digest in CLASSIFICATION.digests(spec).values())
    batches = Halves()
    x, _ = batches.draw(100)
    assert CLASSIFICATION.why_not(spec, Training(), form) == ""
    predict = CLASSIFICATION.fit(spec, Training(), batches, seed=5, critic=None)
    found = predict(x)
    assert found.shape == (6, CLASSES)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)
    assert predict(x[:0]).shape == (0, CLASSES)
    again = CLASSIFICATION.fit(spec, Training(), batches, seed=5, critic=None)(x)
    np.testing.assert_array_equal(again, found)
    # What is not refused is a mixture of two rows, whose label is shared.
    mixed = Training(mix="mixup")
    assert bool(CLASSIFICATION.why_not(spec, mixed, form)) == (kind.table or spec.frozen)


@pytest.mark.parametrize("row", MODELS)
def test_a_setting_that_a_model_has_no_use_for_is_refused(row, examples):
    spec = examples[row]
    every = {
        "learning_rate": 0.01, "channels": 4, "weights": "w.safetensors", "input": InputSpec(size=64),
        "frozen": True, "parameters": {"a": 1},
    }  # fmt: skip
    for field, value in every.items():
        if field in MODELS[row].reads:
            continue
        asked = spec.model_copy(update={field: value})
        assert field in CLASSIFICATION.idle_setting(asked), field


def test_any_classifier_of_scikit_learn_can_be_named_with_its_parameters():
    spec = ModelSpec(name="sklearn:svm.SVC", parameters={"C": 2.0})
    values = {"model": spec.model_dump(exclude_unset=True)}
    with pytest.raises(ConfigError, match=r"svm\.SVC gives no probabilities"):
        parse(EvaluationSpec, values, "here")
    named = {
        "nothing.Such": "scikit-learn has no",
        "linear_model.Ridge": "is no classifier",
        "model_selection.train_test_split": "is no classifier",
    }
    for name, reason in named.items():
        with pytest.raises(ConfigError, match=reason):
            parse(EvaluationSpec, nested(name=f"sklearn:{name}"), "here")
    extra = "sklearn:ensemble.ExtraTreesClassifier"
    with pytest.raises(ConfigError, match=r"parameters do not fit .*unexpected keyword argument 'trees'"):
        parse(EvaluationSpec, {"model": {"name": extra, "parameters": {"trees": 3}}}, "here")
    with pytest.raises(ConfigError, match="n_jobs has no effect"):
        parse(EvaluationSpec, {"model": {"name": extra, "parameters": {"n_jobs": 2}}}, "here")
    wrong = ModelSpec(name=extra, parameters={"n_estimators": -1})
    with pytest.raises(ConfigError, match=r"cannot be fitted on 36 rows of 3 classes.*n_estimators"):
        CLASSIFICATION.check_model(wrong, Form(SHAPE, CLASSES))


def test_an_estimator_gets_the_seed_of_the_fit_unless_its_own_is_named():
    batches, x = Halves(), Halves().draw(50)[0]

    def found(seed, **parameters):
        spec = ModelSpec(
            name="sklearn:ensemble.ExtraTreesClassifier", updates=2, batch=6,
            parameters={"n_estimators": 5, **parameters},
        )  # fmt: skip
        return CLASSIFICATION.fit(spec, Training(), batches, seed=seed, critic=None)(x)

    assert not np.array_equal(found(1), found(2))
    np.testing.assert_array_equal(found(1, random_state=7), found(2, random_state=7))


def test_arms_that_an_estimator_cannot_train_are_left_out_with_the_reason(own):
    form = Form(SHAPE, CLASSES)
    neighbours = ModelSpec(name="sklearn:neighbors.KNeighborsClassifier")
    weighted = Training(loss="class_weighted")
    assert "takes no weights of rows" in CLASSIFICATION.why_not(neighbours, weighted, form)
    forest = ModelSpec(name="sklearn:ensemble.ExtraTreesClassifier")
    assert CLASSIFICATION.why_not(forest, weighted, form) == ""
    mine = ModelSpec(name=f"{own}:neighbours")
    # That it is an estimator is known once the data are there and the function is called.
    assert CLASSIFICATION.why_not(mine, weighted) == ""
    assert "takes no weights of rows" in CLASSIFICATION.why_not(mine, weighted, form)
    assert "mixed labels" in CLASSIFICATION.why_not(mine, Training(mix="cutmix"), form)
    network = ModelSpec(name=f"{own}:network")
    assert CLASSIFICATION.why_not(network, Training(mix="cutmix"), form) == ""
    assert "network of its own" in CLASSIFICATION.why_not(network, Training(start="critic"))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("wrong_width", r"must give logits \(B, 3\), got \(2, 7\)"),
        ("nothing", "returned str; a torch module"),
        ("broken", "failed: RuntimeError: no such backbone"),
        ("absent", "has no function 'absent'"),
    ],
)
def test_a_function_that_gives_no_model_is_refused_before_anything_is_trained(own, function, reason):
    spec = parse(EvaluationSpec, nested(name=f"{own}:{function}"), "here")
    with pytest.raises(ConfigError, match=reason):
        check_models(spec, SHAPE, CLASSES)


def test_a_file_or_module_that_is_not_there_is_refused(tmp_path):
    for name in (f"{tmp_path}/none.py:build", "no_such_module_at_all:build"):
        with pytest.raises(ConfigError, match=r"no_such_module_at_all|none\.py"):
            check_models(parse(EvaluationSpec, nested(name=name), "here"), SHAPE, CLASSES)


def test_a_function_is_given_parameters_and_the_shape_after_its_input(own):
    asked = ModelSpec(
        name=f"{own}:network", input=InputSpec(size=9), parameters={"width": 6}, updates=2, batch=6
    )
    CLASSIFICATION.check_model(asked, Form(SHAPE, CLASSES))
    predict = CLASSIFICATION.fit(asked, Training(), Halves(), seed=0, critic=None)
    network = predict.args[0]
    assert network.preparation(torch.zeros(1, *SHAPE)).shape == (1, 1, 9, 9)
    assert network.network[0].out_channels == 6


def test_a_module_can_be_named_in_the_place_of_a_file(own, monkeypatch):
    monkeypatch.syspath_prepend(own.parent)
    spec = ModelSpec(name="mine:neighbours", parameters={"n_neighbors": 2})
    CLASSIFICATION.check_model(spec, Form(SHAPE, CLASSES))
    assert CLASSIFICATION.files(spec) == {"mine": own}
    assert CLASSIFICATION.label(spec) == "mine:neighbours, a model of the user's own"


def test_several_models_share_arms_and_each_leaves_out_what_it_cannot_train():
    values = {
        "model": {"name": "small_resnet", "updates": 7},
        "further_models": [{"name": "random_forest"}, {"name": "mlp", "updates": 9}],
    }
    spec = parse(EvaluationSpec, values, "here")
    assert spec.arms == DEFAULT_ARMS
    assert [model.updates for model in spec.models] == [7, 7, 9]
    assert spec.alone(1).model.name == "random_forest"
    assert spec.alone(1).further_models == ()
    assert spec.model_names == ("small_resnet", "random_forest", "mlp")
    twice = {**values, "further_models": [{"name": "mlp"}, {"name": "mlp", "updates": 5}]}
    assert parse(EvaluationSpec, twice, "here").model_names == ("small_resnet", "mlp", "mlp (3)")
    assert parse(EvaluationSpec, json.loads(spec.model_dump_json()), "here") == spec


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"further_models": [{"name": "auto"}]}, "names a model twice"),
        ({"further_models": [{"name": "vgg"}]}, "model.name is one of auto, small_resnet"),
        (
            {"arms": ["cutmix", {"mix": "cutmix", "rows": "passing"}], "further_models": [{"name": "mlp"}],
             "model": {"name": "random_forest"}},
            "without the arms that random_forest cannot train",
        ),
        ({"further_models": [{"name": "mlp", "channels": 3}]}, "channels is the width of small_resnet"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_asked_together_are_refused(values, reason):
    with pytest.raises(ConfigError, match=reason):
        parse(EvaluationSpec, values, "here")


def test_a_normalisation_needs_a_number_for_each_channel():
    with pytest.raises(ValueError, match="got 3 and 1"):
        Normalisation(mean=(0.1, 0.2, 0.3), std=(1.0,))

"""Pretrained networks: fine-tuned from a local file, or frozen under a linear head."""

import numpy as np
import pytest
import torch
from flat_spec import nested
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.downstream.base import Form, Training
from augmentor.downstream.linear_head import STRENGTHS, WITHOUT_CHOICE, fit_linear_head
from augmentor.downstream.model_spec import InputSpec, ModelSpec, Normalisation
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.model_facts import model_facts, model_notes
from augmentor.experiment.spec import EvaluationSpec
from augmentor.nets.prepared import IMAGENET_MEAN
from augmentor.nets.published import PUBLISHED

CLASSIFICATION = DOWNSTREAM["classification"]
FORM = Form((1, 12, 12), 2)


class Batches:
    shape, counts = FORM.shape, np.array([4, 4])

    def rows(self, step):
        return np.arange(8)

    def draw(self, step):
        y = torch.arange(8) % 2
        noise = torch.rand(8, *FORM.shape, generator=torch.Generator().manual_seed(step)) - 0.5
        return (noise + torch.where(y == 1, 0.4, -0.4)[:, None, None, None]).clamp(-1, 1), y


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a file of weights of ResNet-18 for colour images and seven classes."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "resnet18.safetensors"
    save_file(PUBLISHED["resnet18"].build(2, 3, 7).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def spec(weights):
    return ModelSpec(
        name="resnet18", weights=str(weights), input=InputSpec(size=32), updates=2, batch=8,
        pretrained_on="ImageNet-1k",
    )  # fmt: skip


def test_a_pretrained_network_begins_with_the_weights_and_a_new_last_layer(spec, weights):
    kind = CLASSIFICATION.kind(spec)
    network = kind.made(spec, FORM)
    source = PUBLISHED["resnet18"].build(2, 3, 7)
    before = network.network.layer1[0].conv1.weight
    from safetensors.torch import load_file

    source.load_state_dict(load_file(weights))
    assert torch.equal(before, source.layer1[0].conv1.weight)
    assert network.network.fc.out_features == 2
    # Grey images are repeated to three channels, brought to the size and normalised as the publishers do.
    given = network.preparation(torch.zeros(1, *FORM.shape))
    assert given.shape == (1, 3, 32, 32)
    np.testing.assert_allclose(given[0, :, 0, 0], [(0.5 - m) / s for m, s in zip(
        IMAGENET_MEAN, (0.229, 0.224, 0.225), strict=True
    )], rtol=1e-4)  # fmt: skip


def test_fine_tuning_moves_the_weights_and_freezing_does_not(spec):
    trained = CLASSIFICATION.fit(spec, Training(mix="cutmix"), Batches(), seed=0, critic=None)
    start = CLASSIFICATION.kind(spec).made(spec, FORM)
    moved = trained.args[0].network.layer1[0].conv1.weight - start.network.layer1[0].conv1.weight
    # Two steps of AdamW at most 3e-4 high move no weight by more than their sum, and a bit of decay.
    assert 0 < moved.abs().max() < 1e-3
    frozen = spec.model_copy(update={"frozen": True})
    predict = CLASSIFICATION.fit(frozen, Training(), Batches(), seed=0, critic=None)
    x, y = Batches().draw(9)
    assert (predict(x).argmax(1) == y.numpy()).mean() > 0.8
    assert "mixed labels" in CLASSIFICATION.why_not(frozen, Training(mix="cutmix"))
    assert CLASSIFICATION.why_not(frozen, Training(loss="class_weighted")) == ""


def test_a_learning_rate_that_is_named_is_used(spec, monkeypatch):
    import augmentor.downstream.fit_classifier as module

    seen = []

    def spy(build, draw, *, learning_rate, **options):
        seen.append(learning_rate)
        return module_fit(build, draw, learning_rate=learning_rate, **options)

    module_fit = module.fit_network
    monkeypatch.setattr(module, "fit_network", spy)
    small = ModelSpec(name="small_resnet", updates=1, batch=8)
    for one in (small, spec, spec.model_copy(update={"learning_rate": 0.01})):
        CLASSIFICATION.fit(one, Training(), Batches(), seed=0, critic=None)
    assert seen == [3e-3, 3e-4, 0.01]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "resnet18", "frozen": True}, "frozen keeps pretrained weights, and resnet18 has none"),
        ({"name": "small_resnet", "weights": "w.safetensors"}, "model.weights has no effect on small_resnet"),
        ({"name": "auto", "weights": "w.safetensors"}, "model.weights is for a model that is named"),
        (
            {"name": "resnet18", "weights": "w", "frozen": True, "learning_rate": 0.1},
            "learning_rate has no effect on frozen resnet18",
        ),
        ({"name": "mlp", "input": {"size": 64}}, "model.input has no effect on mlp"),
    ],
)
def test_settings_of_pretraining_without_an_effect_are_refused(fields, reason):
    with pytest.raises(ConfigError, match=reason):
        parse(EvaluationSpec, nested(model=fields), "here")


def test_weights_that_are_not_there_or_not_of_the_network_are_refused_before_training(spec, weights):
    gone = spec.model_copy(update={"weights": "nowhere.safetensors"})
    with pytest.raises(ConfigError, match=r"resnet18 needs the file nowhere\.safetensors"):
        CLASSIFICATION.check_model(gone, FORM)
    other = spec.model_copy(update={"name": "resnet50"})
    with pytest.raises(ConfigError, match=r"lacks|does not fit"):
        CLASSIFICATION.check_model(other, FORM)
    with pytest.raises(ConfigError, match="takes 3 channels and the samples have 2"):
        CLASSIFICATION.check_model(spec, Form((2, 12, 12), 2))
    CLASSIFICATION.check_model(ModelSpec(name="densenet121", input=InputSpec(size=32)), FORM)
    with pytest.raises(ConfigError, match="at least 29 cells a side"):
        CLASSIFICATION.check_model(ModelSpec(name="densenet121"), FORM)


def test_a_reader_is_told_what_the_weights_were_trained_on_and_that_they_may_know_the_test_set(spec):
    evaluation = EvaluationSpec(model=spec)
    facts = model_facts(evaluation)
    assert list(facts.files) == ["resnet18.safetensors"]
    assert (facts.pretrained, facts.pretrained_on) == (True, "ImageNet-1k")
    assert facts.input == "brought to 32 cells a side"
    (note,) = [one for one in model_notes(evaluation) if "pretrained" in one and "usual arm" not in one]
    assert note.startswith("The model resnet18 pretrained was pretrained on ImageNet-1k.")
    assert "may have seen the test set" in note
    silent = EvaluationSpec(model=spec.model_copy(update={"pretrained_on": ""}))
    assert "on data that nobody named" in " ".join(model_notes(silent))
    assert "critic" in " ".join(one for one in model_notes(evaluation) if "usual arm" in one)
    own = Normalisation(mean=(0.1,), std=(0.2,))
    other = spec.model_copy(update={"input": InputSpec(normalisation=own)})
    assert model_facts(EvaluationSpec(model=other)).input == "less the mean [0.1], divided by [0.2]"


def test_the_strength_of_the_head_is_the_best_of_folds_that_keep_versions_of_a_row_together():
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(24), 6)
    y = (np.arange(24) % 2)[rows]
    # Sixty features that tell rows apart and nothing else, one that tells classes a little: without groups
    # the weakest penalty would know every version of a row it has seen.
    x = np.concatenate([rng.normal(size=(24, 60))[rows], 0.8 * y[:, None] + rng.normal(size=(144, 1))], 1)
    x += rng.normal(0, 0.01, x.shape)
    found = fit_linear_head(x, y, rows, None, n_classes=3, seed=0)
    assert found.strength in STRENGTHS[:3]
    alone = fit_linear_head(x, y, np.arange(144), None, n_classes=3, seed=0)
    assert alone.strength == STRENGTHS[-1]
    z = (x - x.mean(0)) / x.std(0)
    model = LogisticRegression(C=found.strength, max_iter=200).fit(z, y)
    p = found.predict(x)
    np.testing.assert_allclose(p[:, :2], model.predict_proba(z), atol=1e-6)
    assert (p[:, 2] == 0).all()


def test_a_class_of_one_row_leaves_no_choice_and_one_class_none_to_predict():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 3)), np.repeat([0, 1], [16, 4])
    rows = np.where(y == 1, 99, np.arange(20))
    assert fit_linear_head(x, y, rows, None, n_classes=2, seed=0).strength == WITHOUT_CHOICE
    only = fit_linear_head(x, np.full(20, 1), rows, None, n_classes=3, seed=0).predict(x)
    np.testing.assert_array_equal(only, np.tile([0.0, 1.0, 0.0], (20, 1)))
    constant = np.concatenate([x, np.ones((20, 1))], 1)
    assert np.isfinite(
        fit_linear_head(constant, y, np.arange(20), None, n_classes=2, seed=0).predict(constant)
    ).all()


def test_a_weighted_head_is_the_head_of_repeated_rows():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 4)), np.arange(30) % 2
    x[:, 0] += y
    once = fit_linear_head(x, y, np.arange(30), np.full(30, 2.0), n_classes=2, seed=0)
    twice = LogisticRegression(C=once.strength, max_iter=200)
    z = (x - x.mean(0)) / x.std(0)
    twice.fit(np.repeat(z, 2, 0), np.repeat(y, 2))
    np.testing.assert_allclose(once.predict(x), twice.predict_proba(z), atol=1e-4)

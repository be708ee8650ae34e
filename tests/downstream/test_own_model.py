"""Every row of the table of models keeps its contract; one's own models are checked before they train."""

import json
import shutil
import sys
import warnings
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import torch
from flat_spec import nested
from safetensors.torch import load_file, save_file

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.downstream.base import Form, Training
from augmentor.downstream.model_spec import InputSpec, ModelSpec, Normalisation
from augmentor.downstream.models import MODELS
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.before_training import check_models
from augmentor.experiment.spec import EvaluationSpec

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


class Tiny(torch.nn.Module):
    """Stands for a network of timm, with what is read of one."""

    default_cfg = MappingProxyType(
        {"first_conv": "stem", "classifier": "head", "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.2, 0.2)}
    )

    def __init__(self, channels, classes):
        super().__init__()
        self.stem = torch.nn.Conv2d(channels, 4, 3, stride=2)
        self.head = torch.nn.Linear(4, classes)

    def forward(self, x):
        return self.head(self.stem(x).relu().mean((2, 3)))


def create_model(name, *, pretrained, num_classes, in_chans):
    assert not pretrained  # nothing is ever downloaded
    if name != "tiny":
        raise RuntimeError(f"Unknown model ({name})")
    return Tiny(in_chans, num_classes)


@pytest.fixture(scope="module")
def timm():
    """Put a module in the place of timm, which the tests do not need to be installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
        yield


BUNDLE = {
    "spatial": 2,
    "network_def": {
        "_target_": "DenseNet", "spatial_dims": "@spatial", "in_channels": 3, "out_channels": 5,
        "init_features": 8, "growth_rate": 4, "block_config": [1, 1],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with a TorchScript and an ONNX encoder, weights of timm's stand-in, and a bundle."""
    folder = tmp_path_factory.mktemp("files")
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 5, stride=4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(encoder, torch.zeros(1, 3, 32, 32)), str(folder / "encoder.pt"))
    write_onnx(folder / "encoder.onnx", batch="N")
    save_file(Tiny(3, 1000).state_dict(), folder / "tiny.safetensors")
    from monai.networks.nets import DenseNet

    (folder / "bundle" / "configs").mkdir(parents=True)
    (folder / "bundle" / "models").mkdir()
    (folder / "bundle" / "configs" / "inference.json").write_text(json.dumps(BUNDLE), encoding="utf-8")
    arguments = {key: value for key, value in BUNDLE["network_def"].items() if key != "_target_"}
    network = DenseNet(**{**arguments, "spatial_dims": 2})
    torch.save({"model": network.state_dict()}, folder / "bundle" / "models" / "model.pt")
    return folder


def write_onnx(path, *, batch, channels=3):
    """Write an encoder that sums each channel over 4 x 4 pixels, in strides of as much."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel = numpy_helper.from_array(np.ones((channels, 1, 4, 4), np.float32), "kernel")
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["maps"], strides=[4, 4], group=channels),
        helper.make_node("Flatten", ["maps"], ["rows"]),
    ]
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, channels, 32, 32])],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [batch, None])],
        [kernel],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)


@pytest.fixture(scope="module")
def examples(own, files, timm):
    """A model of each row of the table, small enough to be trained here."""
    named = (name for name, kind in MODELS.items() if not kind.pattern and not kind.needs)
    trees = {"n_estimators": 9}
    return {
        **{name: ModelSpec(name=name) for name in named},
        "sklearn:CLASS": ModelSpec(name="sklearn:ensemble.ExtraTreesClassifier", parameters=trees),
        "torchscript": ModelSpec(
            name="torchscript", weights=str(files / "encoder.pt"), input=InputSpec(channels=3)
        ),
        "onnx": ModelSpec(name="onnx", weights=str(files / "encoder.onnx")),
        "timm:NAME": ModelSpec(name="timm:tiny", weights=str(files / "tiny.safetensors")),
        "monai_bundle": ModelSpec(name="monai_bundle", weights=str(files / "bundle"), frozen=True),
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


@pytest.mark.parametrize("batch", ["N", 1, 4])
def test_an_onnx_encoder_is_given_as_many_samples_as_it_takes_and_its_channels(tmp_path, batch):
    write_onnx(tmp_path / "encoder.onnx", batch=batch)
    spec = ModelSpec(name="onnx", weights=str(tmp_path / "encoder.onnx"))
    encode = CLASSIFICATION.kind(spec)._encoder(spec, Form(SHAPE, CLASSES))
    x = torch.rand(6, *SHAPE) * 2 - 1
    sums = x.unfold(2, 4, 4).unfold(3, 4, 4).sum((4, 5)).flatten(1)
    np.testing.assert_allclose(encode(x), np.tile(sums.numpy(), 3), atol=1e-4)
    assert CLASSIFICATION.pretrained(spec)


@pytest.mark.parametrize("name", ["torchscript", "onnx"])
def test_an_encoder_that_cannot_be_used_is_refused_before_training(name, files, tmp_path):
    file = {"torchscript": "encoder.pt", "onnx": "encoder.onnx"}[name]
    form = Form(SHAPE, CLASSES)
    (tmp_path / file).write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match=r"is not a TorchScript|cannot be read as one ONNX"):
        CLASSIFICATION.check_model(ModelSpec(name=name, weights=str(tmp_path / file)), form)
    with pytest.raises(ConfigError, match=r"model\.weights is needed: .* is a frozen"):
        parse(EvaluationSpec, nested(name=name), "here")
    wrong = ModelSpec(name=name, weights=str(files / file), input=InputSpec(channels=1))
    with pytest.raises(ConfigError, match=r"does not take float32 samples|encoder\.onnx takes 3"):
        CLASSIFICATION.check_model(wrong, form)


@pytest.mark.parametrize(("name", "package"), [("onnx", "onnxruntime"), ("timm:resnet18", "timm")])
def test_a_package_that_is_not_installed_is_named_with_its_extra(name, package, files, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    weights = {"onnx": str(files / "encoder.onnx")}.get(name)
    extra = name.partition(":")[0]
    with pytest.raises(ConfigError, match=rf"{package}, which is not installed.*gan-augmentor\[{extra}\]"):
        CLASSIFICATION.check_model(ModelSpec(name=name, weights=weights), Form(SHAPE, CLASSES))


def test_a_network_of_timm_gets_its_weights_and_their_normalisation(examples, files):
    spec, form = examples["timm:NAME"], Form(SHAPE, CLASSES)
    model = CLASSIFICATION.kind(spec).made(spec, form)
    torch.testing.assert_close(
        model.network.stem.weight, load_file(files / "tiny.safetensors")["stem.weight"]
    )
    given = model.preparation(torch.zeros(1, *SHAPE))[0, :, 0, 0]
    torch.testing.assert_close(given, torch.tensor([0.5, 0.0, -0.5]))
    assert CLASSIFICATION.label(spec) == "a network of timm (timm:tiny), pretrained"
    with pytest.raises(ConfigError, match="timm cannot make 'huge': Unknown model"):
        CLASSIFICATION.check_model(ModelSpec(name="timm:huge"), form)


def test_a_bundle_is_read_as_data_and_what_would_have_to_be_run_is_refused(examples, files, tmp_path):
    spec, form = examples["monai_bundle"], Form(SHAPE, CLASSES)
    assert list(CLASSIFICATION.digests(spec)) == ["configs/inference.json", "models/model.pt"]
    network = CLASSIFICATION.kind(spec).made(spec, form).network
    assert network.class_layers.out.out_features == CLASSES
    saved = torch.load(files / "bundle" / "models" / "model.pt", weights_only=True)["model"]
    torch.testing.assert_close(network.features.conv0.weight, saved["features.conv0.weight"])
    shutil.copytree(files / "bundle", tmp_path / "bundle")
    path = tmp_path / "bundle" / "configs" / "inference.json"
    own = spec.model_copy(update={"weights": str(tmp_path / "bundle")})
    for changed, reason in (
        ({"in_channels": "$__import__('os').getcwd()"}, "would have to be run"),
        ({"in_channels": "@nowhere"}, "would have to be run"),
        ({"_target_": "subprocess.Popen"}, "only networks of monai.networks.nets"),
        ({"out_channels": 6}, "does not fit the network"),
        ({"more": 1}, "MONAI cannot make the DenseNet"),
    ):
        values = {**BUNDLE, "network_def": {**BUNDLE["network_def"], **changed}}
        path.write_text(json.dumps(values), encoding="utf-8")
        with pytest.raises(ConfigError, match=reason):
            CLASSIFICATION.check_model(own, form)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="declares no network"):
        CLASSIFICATION.check_model(own, form)
    path.unlink()
    with pytest.raises(ConfigError, match="is no MONAI bundle"):
        CLASSIFICATION.check_model(own, form)


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


def test_a_normalisation_needs_a_number_for_each_channel():
    with pytest.raises(ValueError, match="got 3 and 1"):
        Normalisation(mean=(0.1, 0.2, 0.3), std=(1.0,))

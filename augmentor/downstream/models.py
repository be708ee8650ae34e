"""The classifiers that a recipe can choose, one row for each kind (free of torch)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from augmentor.downstream.base import Form
from augmentor.downstream.encoders import Encoder, load_onnx, load_torchscript
from augmentor.downstream.estimators import ESTIMATORS, ROUNDS, TREES, ScikitLearn
from augmentor.downstream.kinds import ClassifierKind, Network, Standard
from augmentor.downstream.model_spec import ModelSpec
from augmentor.downstream.outside import Bundle, bundle_network, timm_network
from augmentor.downstream.own_function import OwnFunction

if TYPE_CHECKING:
    from augmentor.nets.classifier import Classifier


PRETRAINABLE = ("learning_rate", "weights", "input", "frozen")


def _standard(name: str, spec: ModelSpec, form: Form) -> Classifier:
    from augmentor.nets.standard_classifiers import NETWORKS

    return NETWORKS[name](form.shape, form.n_classes, spec.channels)


def _published(name: str, spec: ModelSpec, form: Form) -> Classifier:
    from augmentor.downstream.prepared import published

    return published(name, spec, form)


MODELS: Final[dict[str, ClassifierKind]] = {
    "small_resnet": Network(
        "a small residual network",
        reads=("learning_rate", "channels"),
        build=partial(_standard, "small_resnet"),
        stands_beside_critic=True,
    ),
    "resnet18": Network("ResNet-18", reads=PRETRAINABLE, build=partial(_published, "resnet18")),
    "resnet50": Network("ResNet-50", reads=PRETRAINABLE, build=partial(_published, "resnet50")),
    "densenet121": Network(
        "DenseNet-121", least_side=29, reads=PRETRAINABLE, build=partial(_published, "densenet121")
    ),
    "efficientnet_lite0": Network(
        "EfficientNet-Lite0", reads=PRETRAINABLE, build=partial(_published, "efficientnet_lite0")
    ),
    "mlp": Network(
        "a perceptron with two hidden layers on the values laid out flat",
        reads=("learning_rate",),
        build=partial(_standard, "mlp"),
    ),
    "logistic_regression": Standard(
        "logistic regression on the values laid out flat", make=ESTIMATORS["logistic_regression"]
    ),
    "random_forest": Standard(
        f"a random forest of {TREES} trees on the values laid out flat", make=ESTIMATORS["random_forest"]
    ),
    "gradient_boosting": Standard(
        f"{ROUNDS} rounds of gradient boosting on the values laid out flat",
        make=ESTIMATORS["gradient_boosting"],
    ),
    "sklearn:CLASS": ScikitLearn(
        "a classifier of scikit-learn on the values laid out flat",
        pattern=r"sklearn:[A-Za-z]\w*(\.\w+)+",
        reads=("parameters",),
    ),
    "torchscript": Encoder("a frozen TorchScript encoder under a linear head", load=load_torchscript),
    "onnx": Encoder("a frozen ONNX encoder under a linear head", load=load_onnx),
    "timm:NAME": Network("a network of timm", pattern=r"timm:[\w.]+", reads=PRETRAINABLE, build=timm_network),
    "monai_bundle": Bundle("a network of a MONAI bundle", reads=PRETRAINABLE, build=bundle_network),
    "FILE.py:FUNCTION": OwnFunction("a model of the user's own"),
}
"""Name, or for rows with a pattern what names look like, to the kind of model. Names are looked up first,
then patterns in this order."""

import pytest
import torch
from torch import nn

from augmentor.core.errors import ConfigError
from augmentor.nets.classifier import Classifier
from augmentor.nets.standard_classifiers import DENSENET_SIDE, NETWORKS

SHAPES = [(2, 40), (3, 32, 29), (1, 29, 30, 29)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_logits_and_learns_with_a_gradient_everywhere(name, shape):
    torch.manual_seed(0)
    model = NETWORKS[name](shape, 3, None)
    assert isinstance(model, Classifier)
    assert (model.shape, model.n_classes) == (shape, 3)
    logits = model(torch.randn(2, *shape))
    assert logits.shape == (2, 3)
    logits.square().sum().backward()
    # The small one starts its last normalisations at zero, which stops some gradients for one step.
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert missing == []


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_sizes_are_those_of_the_papers():
    """One colour and two-dimensional images of 1000 classes: 11.69 and 7.98 million weights."""
    assert parameters(NETWORKS["resnet18"]((3, 224, 224), 1000, None)) == 11_689_512
    assert parameters(NETWORKS["densenet121"]((3, 224, 224), 1000, None)) == 7_978_856
    # 784 x 256 + 256, 256 x 256 + 256, 256 x 10 + 10.
    assert parameters(NETWORKS["mlp"]((1, 28, 28), 10, None)) == 200_960 + 65_792 + 2_570


def test_resnet18_halves_the_resolution_five_times():
    model = NETWORKS["resnet18"]((1, 64, 64), 2, None)
    strides = [m.stride for m in model.modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    halvings = [s for s in strides if s in (2, (2, 2))]
    assert len(halvings) == 5 + 3  # stem, pooling, three stages, each stage's shortcut beside it


def test_too_small_for_densenet_is_refused_and_one_more_pixel_is_not():
    NETWORKS["densenet121"]((1, DENSENET_SIDE, 40), 2, None)(torch.zeros(2, 1, DENSENET_SIDE, 40))
    with pytest.raises(ConfigError, match="at least 29 pixels a side"):
        NETWORKS["densenet121"]((1, 40, DENSENET_SIDE - 1), 2, None)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mlp"])
def test_what_no_network_can_be_is_refused(name):
    with pytest.raises(ConfigError, match="width of small_resnet"):
        NETWORKS[name]((1, 32, 32), 2, 8)
    with pytest.raises(ConfigError, match="at least two classes"):
        NETWORKS[name]((1, 32, 32), 1, None)
    if name != "mlp":
        with pytest.raises(ConfigError, match="1 to 3 spatial dimensions"):
            NETWORKS[name]((1, 32, 32, 32, 32), 2, None)

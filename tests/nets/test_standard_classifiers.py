import pytest
import torch
from torch import nn

from augmentor.core.errors import ConfigError
from augmentor.nets.classifier import Classifier
from augmentor.nets.published import DENSENET_SIDE, PUBLISHED
from augmentor.nets.standard_classifiers import NETWORKS

SHAPES = [(2, 40), (3, 32, 29), (1, 29, 30, 29)]
IN_ANY_DIMENSION = ("resnet18", "resnet50", "densenet121")


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


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", IN_ANY_DIMENSION)
def test_every_published_network_gives_logits_and_learns_with_a_gradient_everywhere(name, shape):
    torch.manual_seed(0)
    model = PUBLISHED[name].build(len(shape) - 1, shape[0], 3)
    logits = model(torch.randn(2, *shape))
    assert logits.shape == (2, 3)
    logits.square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


def test_sizes_are_those_of_the_papers():
    """Colour images of 1000 classes; EfficientNet-Lite0 as its publishers count it."""
    found = {name: parameters(one.build(2, 3, 1000)) for name, one in PUBLISHED.items()}
    assert found == {
        "resnet18": 11_689_512,
        "resnet50": 25_557_032,
        "densenet121": 7_978_856,
        "efficientnet_lite0": 4_652_008,
    }
    # 784 x 256 + 256, 256 x 256 + 256, 256 x 10 + 10.
    assert parameters(NETWORKS["mlp"]((1, 28, 28), 10, None)) == 200_960 + 65_792 + 2_570


def test_resnet18_halves_the_resolution_five_times():
    model = PUBLISHED["resnet18"].build(2, 1, 2)
    strides = [m.stride for m in model.modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    halvings = [s for s in strides if s in (2, (2, 2))]
    assert len(halvings) == 5 + 3  # stem, pooling, three stages, each stage's shortcut beside it


def test_densenet_takes_the_smallest_side_that_the_table_of_models_names():
    network = PUBLISHED["densenet121"].build(2, 1, 2)
    assert network(torch.zeros(2, 1, DENSENET_SIDE, 40)).shape == (2, 2)
    with pytest.raises(RuntimeError):
        network(torch.zeros(2, 1, 40, DENSENET_SIDE - 1))


def test_what_no_network_can_be_is_refused():
    with pytest.raises(ConfigError, match="width of small_resnet"):
        NETWORKS["mlp"]((1, 32, 32), 2, 8)
    with pytest.raises(ConfigError, match="at least two classes"):
        NETWORKS["mlp"]((1, 32, 32), 1, None)
    for name in IN_ANY_DIMENSION:
        with pytest.raises(ConfigError, match="1 to 3 spatial dimensions"):
            PUBLISHED[name].build(4, 1, 2)
    with pytest.raises(ConfigError, match="efficientnet_lite0 takes images"):
        PUBLISHED["efficientnet_lite0"].build(3, 1, 2)

import pytest
import torch
from torch.nn import functional

from augmentor.core.errors import ConfigError
from augmentor.nets.classifier import ClassifierBlock, SmallResNet, groups_of, stages

SHAPES = [(1, 8, 8), (3, 28, 28), (1, 17, 31), (4, 65), (1, 9, 10, 11), (2, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_dimension_gives_logits_and_features_and_trains_every_parameter(shape):
    torch.manual_seed(0)
    model = SmallResNet(shape, 3, 8)
    x = torch.rand(5, *shape) * 2 - 1
    assert model(x).shape == (5, 3)
    assert model.features(x).shape == (5, model.head.in_features)
    assert bool((model.features(x) >= 0).all())
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    for _ in range(2):  # the zero at the end of each block opens in the first step
        optimiser.zero_grad()
        functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 0, 1])).backward()
        optimiser.step()
    if shape != (2, 1, 1):  # on one pixel the rim of every kernel only ever sees padding
        assert [n for n, v in model.named_parameters() if torch.equal(v, before[n])] == []


def test_one_row_does_not_depend_on_the_rows_beside_it():
    torch.manual_seed(1)
    model = SmallResNet((1, 12, 12), 2).train()
    x = torch.randn(6, 1, 12, 12)
    torch.testing.assert_close(model(x)[:2], model(x[:2]), rtol=1e-4, atol=1e-5)


def test_a_fresh_block_is_its_rectified_shortcut():
    block = ClassifierBlock(8, 8, stride=2, ndim=2)
    x = torch.randn(2, 8, 5, 5)
    expected = functional.relu(functional.avg_pool2d(x, 2, ceil_mode=True))
    torch.testing.assert_close(block(x), expected)


def test_stages_follow_the_resolution():
    assert stages(8, 16) == ((16, 32), 1)
    assert stages(28, 16) == ((16, 32, 64), 2)
    assert stages(64, 16) == ((16, 32, 64, 128), 2)
    assert stages(512, 16) == ((16, 32, 64, 128, 128), 2)


def test_groups_divide_the_channels():
    assert [groups_of(c) for c in (1, 4, 8, 16, 24, 20)] == [1, 1, 1, 2, 3, 2]


@pytest.mark.parametrize(("shape", "classes"), [((3,), 2), ((1, 2, 3, 4, 5), 2), ((1, 8, 8), 1)])
def test_a_shape_without_a_network_is_refused(shape, classes):
    with pytest.raises(ConfigError, match=r"spatial|at least two classes"):
        SmallResNet(shape, classes)

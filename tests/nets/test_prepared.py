"""A network's own input: resampling, channels and normalisation; and weights that are read strictly."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from augmentor.core.errors import ConfigError
from augmentor.nets.prepared import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Preparation,
    last_linear,
    resampling,
    without_last_linear,
)
from augmentor.nets.published import (
    PUBLISHED,
    channels_of,
    load_all_but_last,
    of_densenet,
    read_weights,
)


@pytest.mark.parametrize(("before", "after"), [(28, 64), (64, 28), (50, 7), (5, 16), (9, 9)])
def test_resampling_is_torchs_own_with_its_low_pass_filter(before, after):
    x = torch.rand(2, 3, before, before, generator=torch.Generator().manual_seed(0))
    found = Preparation((3, before, before), channels=3, size=after)(x)
    wanted = functional.interpolate(x, (after, after), mode="bilinear", antialias=True)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(resampling(before, after).sum(1), torch.ones(after))


def test_a_pattern_finer_than_the_new_grid_is_averaged_and_not_aliased():
    stripes = torch.tensor([1.0, -1.0]).repeat(16).expand(1, 1, 32, 32)
    assert Preparation((1, 32, 32), channels=1, size=8)(stripes).abs().max() < 0.2


@pytest.mark.parametrize("shape", [(1, 20), (1, 12, 20), (1, 6, 8, 10)])
def test_every_dimension_is_brought_to_the_size_and_one_channel_is_repeated(shape):
    x = torch.rand(2, *shape)
    found = Preparation(shape, channels=3, size=9)(x)
    assert found.shape == (2, 3, *(9 for _ in shape[1:]))
    torch.testing.assert_close(found[:, 0], found[:, 2])


def test_normalisation_is_that_of_values_in_zero_to_one():
    x = torch.rand(2, 3, 4, 4) * 2 - 1
    found = Preparation((3, 4, 4), channels=3, mean=IMAGENET_MEAN, std=IMAGENET_STD)(x)
    mean, std = (torch.tensor(one).reshape(1, 3, 1, 1) for one in (IMAGENET_MEAN, IMAGENET_STD))
    torch.testing.assert_close(found, ((x + 1) / 2 - mean) / std, atol=1e-5, rtol=1e-5)
    assert Preparation((3, 4, 4), channels=3)(x) is x
    torch.testing.assert_close(Preparation((3, 4, 4), channels=3, mean=[0], std=[1])(x), (x + 1) / 2)


def test_channels_without_a_rule_are_refused():
    with pytest.raises(ConfigError, match="takes 3 channels and the samples have 2"):
        Preparation((2, 8, 8), channels=3)
    with pytest.raises(ConfigError, match="has 3 means, and the network takes 1 channels"):
        Preparation((1, 8, 8), channels=1, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def test_the_last_layer_is_taken_off_and_what_it_was_given_is_left():
    network = PUBLISHED["resnet18"].build(2, 1, 4).eval()
    name, layer = last_linear(network)
    given = {}
    layer.register_forward_pre_hook(lambda _, inputs: given.update(x=inputs[0]))
    x = torch.rand(2, 1, 32, 32)
    network(x)
    without_last_linear(network)
    assert name == "fc"
    torch.testing.assert_close(network(x), given["x"])
    with pytest.raises(ConfigError, match="no linear layer"):
        without_last_linear(nn.Sequential(nn.Conv2d(1, 1, 1)))


def test_a_published_file_is_read_into_our_networks_by_its_own_names():
    """Names of torchvision's file of DenseNet-121, and of the older ones with a dot before the number."""
    for published in ("norm1.weight", "norm.1.weight"):
        name = of_densenet(f"features.denseblock1.denselayer2.{published}")
        assert name == "features.denseblock1.denselayer2.layers.norm1.weight"
    assert of_densenet("features.denseblock4.denselayer16.conv2.weight").endswith("layers.conv2.weight")
    assert of_densenet("features.norm5.bias") == "features.norm5.bias"
    assert of_densenet("classifier.bias") == "class_layers.out.bias"
    ours = PUBLISHED["densenet121"].build(2, 3, 2).state_dict()
    theirs = [name.replace(".layers.", ".").replace("class_layers.out", "classifier") for name in ours]
    assert [of_densenet(name) for name in theirs] == list(ours)


def patterned(network):
    """Return weights without chance: waves along each tensor, whose rows keep the size of what they weigh."""
    found = {}
    for place, (name, one) in enumerate(network.state_dict().items()):
        wave = torch.cos(torch.arange(one.numel(), dtype=torch.float64) * 0.7 + place).reshape(one.shape)
        if one.ndim > 1:
            wave = wave / one[0].numel() ** 0.5
        else:
            wave = wave / 2 + ("weight" in name or "var" in name)
        found[name] = wave.to(one.dtype)
    return found


@pytest.mark.parametrize(
    ("name", "logits"),
    [
        ("resnet18", [994.62897, 19018.2246, 35778.7773]),
        ("efficientnet_lite0", [6.844589, -15.420601, 19.226034]),
    ],
)
def test_networks_compute_what_the_published_ones_do(name, logits):
    """The numbers are those of torchvision 0.28's and of efficientnet_lite_pytorch 0.1's own networks."""
    network = PUBLISHED[name].build(2, 3, 3).eval()
    network.load_state_dict(patterned(network))
    x = torch.linspace(-1, 1, 3 * 37 * 37).reshape(1, 3, 37, 37)
    with torch.inference_mode():
        np.testing.assert_allclose(network(x).numpy()[0], logits, rtol=1e-3)


def test_weights_are_read_strictly_all_but_those_of_the_last_layer(tmp_path):
    from safetensors.torch import save_file

    source = PUBLISHED["resnet18"].build(2, 3, 7)
    tensors = {name: one.clone() for name, one in source.state_dict().items()}
    path = tmp_path / "resnet18.safetensors"
    save_file({name: one.half() if one.is_floating_point() else one for name, one in tensors.items()}, path)
    read = read_weights(path)
    assert read["conv1.weight"].dtype == torch.float32
    assert channels_of(PUBLISHED["resnet18"], read, path) == 3
    torch.manual_seed(1)
    network = PUBLISHED["resnet18"].build(2, 3, 2)
    before = network.fc.weight.clone()
    load_all_but_last(network, tensors, "file")
    assert torch.equal(network.fc.weight, before)
    torch.testing.assert_close(network.layer4[0].conv1.weight, source.layer4[0].conv1.weight)
    no_counts = {name: one for name, one in tensors.items() if "num_batches" not in name}
    load_all_but_last(network, no_counts, "file")
    for changed, reason in (
        ({**tensors, "more": torch.zeros(1)}, "has no use for more"),
        ({name: one for name, one in tensors.items() if name != "bn1.bias"}, r"lacks bn1\.bias"),
        (
            {**tensors, "conv1.weight": torch.zeros(64, 1, 7, 7)},
            r"not fit: conv1\.weight has \(64, 1, 7",
        ),
    ):
        with pytest.raises(ConfigError, match=reason):
            load_all_but_last(network, changed, "file")
    with pytest.raises(ConfigError, match=r"another network's weights: there is no features\.conv0"):
        channels_of(PUBLISHED["densenet121"], tensors, path)
    path.write_bytes(b"no weights at all")
    with pytest.raises(ConfigError, match="cannot be read as safetensors"):
        read_weights(path)
    save_file({"conv1.weight": torch.tensor([float("nan")])}, path)
    with pytest.raises(ConfigError, match="not finite"):
        read_weights(path)

"""Styles against naive forms of the papers' equations, and what a generator with styles promises."""

import math
from copy import deepcopy

import pytest
import torch
from torch.nn import functional

from augmentor.nets.architectures import adversarial_networks
from augmentor.nets.conditional import MEAN_STYLE_DECAY
from augmentor.nets.equalised import ACTIVATION_GAIN
from augmentor.nets.layers import SLOPE, downsample
from augmentor.nets.modulated import AdainConv, ModulatedConv, ModulatedOutput
from augmentor.nets.sizing import resolutions
from augmentor.nets.spec import NetworkSpec
from augmentor.nets.style import AdainBody, MappingNetwork, SkipBlock, SkipTrunk, StyleBody, neighbours
from augmentor.objectives.path_length import PathLength

BODIES = {"style": StyleBody, "adain": AdainBody}
CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def body_of(name, shape=(1, 8, 8), **changes):
    torch.manual_seed(0)
    body = BODIES[name](NetworkSpec(architecture=name, width=4, **changes), 6, shape)
    torch.nn.init.ones_(body.strengths)
    return body


def draws_of(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_the_modulated_convolution_against_one_set_of_weights_a_row(ndim):
    layer = ModulatedConv(ndim, 5, 7).double()
    torch.nn.init.normal_(layer.layer.bias)
    x, style = torch.randn(3, 5, *[4] * ndim).double(), torch.randn(3, 5).double()
    noise = torch.randn(3, 1, *[7] * ndim).double()
    weight = layer.layer.weight / math.sqrt(5 * 3**ndim)
    rows = []
    for row, s, added in zip(x, style, noise, strict=True):
        modulated = weight * s.view(1, 5, *[1] * ndim)  # equation 1
        norm = (modulated.square().flatten(1).sum(1) + 1e-8).sqrt()
        demodulated = modulated / norm.view(7, *[1] * (ndim + 1))  # equation 3
        repeated = functional.interpolate(row[None], size=[7] * ndim, mode="nearest")
        made = CONVOLUTIONS[ndim](repeated, demodulated, padding=1) * ACTIVATION_GAIN
        made = made + added[None] + layer.layer.bias.view(1, 7, *[1] * ndim)
        rows.append(torch.where(made > 0, made, SLOPE * made))
    torch.testing.assert_close(layer(x, style, noise, (7,) * ndim), torch.cat(rows))


def test_demodulation_takes_the_scale_of_a_style_away_and_keeps_its_direction():
    layer, x, style = ModulatedConv(2, 5, 7), torch.randn(3, 5, 4, 4), torch.rand(3, 5) + 0.5
    made = layer(x, style, None, (4, 4))
    torch.testing.assert_close(layer(x, 10 * style, None, (4, 4)), made, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(layer(x, style.flip(1), None, (4, 4)), made, atol=0.1)
    # Karras 2020, equation 2: unit variance before the activation, for inputs of unit variance.
    convolved = ModulatedConv(1, 64, 64).convolve(torch.randn(16, 64, 50), torch.rand(16, 64) + 0.5, (50,))
    assert convolved[..., 1:-1].std().item() == pytest.approx(ACTIVATION_GAIN, rel=0.05)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_the_output_layer_against_one_set_of_weights_a_row(ndim):
    layer = ModulatedOutput(ndim, 5, 2, gain=0.7)
    torch.nn.init.normal_(layer.layer.bias)
    x, style = torch.randn(3, 5, *[4] * ndim), torch.randn(3, 5)
    weight = layer.layer.weight * (0.7 / math.sqrt(5))
    rows = [
        CONVOLUTIONS[ndim](row[None], weight * s.view(1, 5, *[1] * ndim), layer.layer.bias)
        for row, s in zip(x, style, strict=True)
    ]
    torch.testing.assert_close(layer(x, style), torch.cat(rows))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_adaptive_instance_normalisation_sets_mean_and_deviation(ndim):
    layer = AdainConv(ndim, 5, 7)
    style = torch.randn(3, 14)
    made = layer(torch.randn(3, 5, *[4] * ndim), style, None, (6,) * ndim).flatten(2)
    scale, shift = style[:, :7], style[:, 7:]
    # Equation 1: y_s is the deviation (its sign turns the map over), y_b the mean.
    torch.testing.assert_close(made.mean(2), shift, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(made.std(2, correction=0), scale.abs(), atol=1e-3, rtol=1e-3)


def test_adaptive_instance_normalisation_against_its_definition():
    layer, x, style, noise = (
        AdainConv(2, 3, 4),
        torch.randn(2, 3, 5, 5),
        torch.randn(2, 8),
        torch.randn(2, 1, 5, 5),
    )
    made = functional.leaky_relu(layer.layer(x) + noise, SLOPE)
    mean = made.mean((2, 3), keepdim=True)
    deviation = ((made - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()
    expected = style[:, :4, None, None] * (made - mean) / deviation + style[:, 4:, None, None]
    torch.testing.assert_close(layer(x, style, noise, (5, 5)), expected)


@pytest.mark.parametrize("kind", [ModulatedConv, AdainConv])
def test_the_layers_second_derivatives_agree_with_differences(kind):
    layer = kind(1, 2, 2).double()
    x = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    style = torch.randn(2, len(layer.neutral), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: layer(a, b, None, (3,)), [x, style])
    assert torch.autograd.gradgradcheck(lambda a, b: layer(a, b, None, (3,)), [x, style])


def test_the_mapping_sees_directions_only_and_learns_a_tenth_as_fast():
    mapping = MappingNetwork(6)
    vector = torch.randn(5, 6)
    torch.testing.assert_close(mapping(3 * vector), mapping(vector))
    # Gains keep the second moment: a style's numbers have mean square about 1.
    assert MappingNetwork(96)(torch.randn(500, 96)).square().mean().item() == pytest.approx(1, abs=0.3)
    assert all(layer.rate == 0.1 for layer in mapping.layers)


def test_the_mean_style_moves_in_training_only():
    mapping = MappingNetwork(6)
    expected = torch.zeros(128)
    for _ in range(3):
        made = mapping(torch.randn(8, 6))
        expected = MEAN_STYLE_DECAY * expected + (1 - MEAN_STYLE_DECAY) * made.mean(0)
    torch.testing.assert_close(mapping.mean, expected)
    before = mapping.mean.clone()
    mapping.eval()(torch.randn(8, 6))
    assert torch.equal(mapping.mean, before)
    assert not mapping.mean.requires_grad
    assert "mean" in mapping.state_dict()


@pytest.mark.parametrize("name", BODIES)
def test_truncation_goes_from_the_mean_style_to_ones_own_and_in_evaluation_only(name):
    body = body_of(name)
    styles = body.styles(torch.randn(8, 6))
    torch.nn.init.normal_(body.mapping.mean)
    whole = body.render(styles, None)
    assert torch.equal(body.render(styles, None, truncation=0.3), whole)
    body.eval()
    assert torch.equal(body.render(styles, None, truncation=1.0), whole)
    centre = body.mapping.mean + 0.3 * (styles - body.mapping.mean)
    torch.testing.assert_close(body.render(styles, None, truncation=0.3), body.render(centre, None))
    nothing = body.render(styles, None, truncation=1e-7)
    torch.testing.assert_close(nothing, nothing[:1].expand_as(nothing), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(whole, whole[:1].expand_as(whole), atol=1e-2)


def test_neighbours_stay_within_their_run_of_four():
    rows = torch.arange(10)
    assert neighbours(rows).tolist() == [1, 2, 3, 0, 5, 6, 7, 4, 9, 8]
    assert neighbours(rows[:8, None]).shape == (8, 1)
    assert neighbours(rows[:1]).tolist() == [0]


@pytest.mark.parametrize("name", BODIES)
def test_mixing_takes_the_later_layers_from_the_neighbour(name):
    body = body_of(name, (1, 28, 28))
    styles = body.styles(torch.randn(8, 6))
    scales, other = body.affine(styles), neighbours(body.affine(styles))
    depths, layers = body.depths, len(body.synthesis.grids)
    assert layers == 5
    # Chance 0.9 is not below 0.5: nobody mixes. Chance 0.1: from convolution 1 + floor(u · 4) on.
    cuts = torch.tensor([0, 0.2, 0.3, 0.5, 0.7, 0.8, 0.99, 0.0]).view(8, 1)
    assert torch.equal(body._mix(scales, torch.stack([torch.full((8, 1), 0.9), cuts]), 0.5), scales)
    mixed = body._mix(scales, torch.stack([torch.full((8, 1), 0.1), cuts]), 0.5)
    for row, first in enumerate([1, 1, 2, 3, 3, 4, 4, 1]):
        early = depths < first
        assert torch.equal(mixed[row, early], scales[row, early])
        assert torch.equal(mixed[row, ~early], other[row, ~early])
        assert early.any()
        assert (~early).any()


@pytest.mark.parametrize("name", BODIES)
def test_mixing_is_for_training_and_keeps_classes_apart(name):
    body = body_of(name)
    vector = torch.randn(8, 6)
    styles = body.styles(vector)
    plain, mixed = (body.render(styles, draws_of(), mixing) for mixing in (0.0, 1.0))
    assert all(not torch.equal(*pair) for pair in zip(plain, mixed, strict=True))
    # Another style in the second run leaves the first alone.
    changed = torch.cat([styles[:4], styles[4:].flip(0) + 1])
    assert torch.equal(body.render(changed, draws_of(), 1.0)[:4], mixed[:4])
    assert torch.equal(body.render(styles, None, 1.0), body.render(styles, None, 0.0))
    body.eval()
    torch.testing.assert_close(body.render(styles, draws_of(), 1.0), plain)


@pytest.mark.parametrize("name", BODIES)
def test_as_many_numbers_are_drawn_whatever_the_mode(name):
    left = []
    for mixing, training in ((0.0, True), (1.0, True), (1.0, False)):
        body, draws = body_of(name).train(training), draws_of()
        body.render(torch.randn(8, 128), draws, mixing, 0.7)
        left.append(torch.rand(1, generator=draws))
    assert left[0] == left[1] == left[2]


@pytest.mark.parametrize("name", BODIES)
def test_the_same_draws_give_the_same_bits_and_others_other_noise(name):
    body = body_of(name, style_mixing=0.5, truncation=0.7).eval()
    vector = torch.randn(64, 6)
    made = body(vector, draws_of())
    assert torch.equal(body(vector, draws_of()), made)
    assert torch.equal(deepcopy(body)(vector, draws_of()), made)
    assert not torch.equal(body(vector, draws_of(1)), made)
    assert not torch.equal(body(vector), made)
    # Another row asked for in place of the last changes nothing else.
    changed = torch.cat([vector[:-1], vector[:1]])
    torch.testing.assert_close(body(changed, draws_of())[:-1], made[:-1])


def test_without_a_style_scales_are_one_and_shifts_zero():
    nothing = torch.zeros(1, 128)
    assert (body_of("style").affine(nothing) == 1).all()
    body = body_of("adain")
    for part in body.affine(nothing).split(body.sizes, 1):
        scale, shift = part.chunk(2, 1)
        assert (scale == 1).all()
        assert (shift == 0).all()


@pytest.mark.parametrize("name", BODIES)
def test_noise_starts_silent_and_its_strength_learns(name):
    torch.manual_seed(0)
    body = BODIES[name](NetworkSpec(architecture=name, width=4), 6, (1, 8, 8))
    vector = torch.randn(4, 6)
    torch.testing.assert_close(body(vector, draws_of()), body(vector, None))
    body(vector, draws_of()).square().sum().backward()
    assert (body.strengths.grad != 0).all()


def test_every_stage_adds_its_sample_in_stylegan2_and_the_last_alone_in_stylegan():
    body = body_of("style", (2, 28, 28)).eval()
    styles = body.styles(torch.randn(4, 6))
    whole = body.render(styles, None)
    parts = []
    for chosen in body.synthesis.outputs:
        alone = deepcopy(body)
        for name, output in alone.synthesis.outputs.items():
            if name != chosen:
                torch.nn.init.zeros_(output.layer.weight)
        parts.append(alone.render(styles, None))
    assert [
        len(torch.unique(part[0, 0])) <= cells for part, cells in zip(parts, (49, 196), strict=False)
    ] == [
        True,
        True,
    ]
    torch.testing.assert_close(sum(parts), whole)
    assert len(body_of("adain", (2, 28, 28)).synthesis.outputs) == 1


@pytest.mark.parametrize("shape", [(3, 9), (1, 33), (2, 4, 4), (1, 28, 28), (1, 9, 33), (2, 4, 5, 8)])
@pytest.mark.parametrize("name", BODIES)
def test_shapes_the_tanhs_slope_and_every_parameter_learns(name, shape):
    torch.manual_seed(0)
    generator, critic = adversarial_networks(NetworkSpec(architecture=name, width=8), shape, 3)
    z, y = torch.randn(32, 64), torch.arange(8).repeat_interleave(4) % 3
    made = generator(z, y, 1.0, draws_of())
    assert made.shape == (32, *shape)
    assert 0.05 < made.std() < 0.7
    logits = critic(made, y)
    assert logits.shape == (32,)
    logits.square().sum().backward()
    for network in (generator, critic):
        for parameter_name, parameter in network.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("kind", [ModulatedConv, AdainConv])
def test_under_autocast_maps_stay_in_half_precision(kind):
    layer = kind(2, 3, 4)
    style, noise = torch.randn(2, len(layer.neutral)), torch.randn(2, 1, 8, 8)
    x = torch.randn(2, 3, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        made = layer(x, style, noise, (8, 8))
    assert made.dtype == torch.bfloat16
    # bfloat16 keeps 8 bits: a few thousandths of numbers of the order of 1.
    torch.testing.assert_close(made.float(), layer(x, style, noise, (8, 8)), atol=0.1, rtol=0.05)


@pytest.mark.parametrize("name", BODIES)
def test_the_path_length_of_styles_against_a_whole_jacobian(name):
    torch.manual_seed(0)
    generator, _ = adversarial_networks(NetworkSpec(architecture=name, width=4, latent=6), (1, 8), 2)
    generator.double()
    z, y = torch.randn(4, 6, dtype=torch.float64), torch.zeros(4, dtype=torch.int64)
    styles = generator.styles(z, y)
    rule = PathLength()
    loss = rule(generator.render(styles), styles, generator=draws_of())
    noise = torch.randn((4, 1, 8), generator=draws_of()).double() / math.sqrt(8)
    for row in range(4):
        jacobian = torch.autograd.functional.jacobian(generator.render, styles[row : row + 1].detach())
        # float32 noise and mean inside the rule.
        length = torch.einsum("cp,cpw->w", noise[row], jacobian[0, :, :, 0]).norm()
        assert loss[row].item() == pytest.approx((length - rule._mean).square().item(), rel=1e-4)
    loss.sum().backward()
    assert generator.body.affine.weight.grad.abs().sum() > 0
    assert torch.isfinite(generator.body.synthesis.start.grad).all()


def test_a_skip_block_by_hand():
    block = SkipBlock((5,), (3,), 2, 3)
    x = torch.randn(4, 2, 5)
    pool = downsample((5,), (3,))
    branch = pool(functional.leaky_relu(block.first(x), SLOPE))
    branch = functional.leaky_relu(block.second(branch), SLOPE)
    torch.testing.assert_close(block(x), (block.skip(pool(x)) + branch) / math.sqrt(2))


@pytest.mark.parametrize("shape", [(1, 9), (2, 8, 9), (1, 4, 8, 5)])
def test_the_critics_penalty_has_the_slope_that_differences_give(shape):
    trunk = SkipTrunk(NetworkSpec(architecture="style", width=4), shape).double()
    x = torch.randn(4, *shape, dtype=torch.float64, requires_grad=True)
    weight = trunk.blocks[0].first.weight

    def penalty():
        (slope,) = torch.autograd.grad(trunk(x).square().sum(), x, create_graph=True)
        return slope.square().sum()

    (slope,) = torch.autograd.grad(penalty(), weight)
    direction, values = torch.randn_like(weight), []
    for step in (1e-5, -2e-5):
        weight.data.add_(direction, alpha=step)
        values.append(penalty().item())
    expected = (values[0] - values[1]) / 2e-5
    assert (slope * direction).sum().item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("group", [0, 2, 4])
def test_the_minibatch_statistic_ties_rows_of_a_group_only(group):
    trunk = SkipTrunk(NetworkSpec(architecture="style", width=4, minibatch_group=group), (1, 8, 8))
    x = torch.randn(8, 1, 8, 8)
    changed = x.clone()
    changed[0] += 1
    moved = (trunk(x) != trunk(changed)).any(1).nonzero().flatten().tolist()
    assert moved == list(range(max(group, 1)))
    assert len(trunk.blocks) == len(resolutions((8, 8))) - 1

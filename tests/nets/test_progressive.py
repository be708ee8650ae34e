"""Growth: what fades in, what stays, what the critic sees of it."""

from itertools import pairwise

import pytest
import torch
from idle_parameters import idle_parameters
from torch.nn import functional

from augmentor.core.errors import ConfigError
from augmentor.nets.architectures import adversarial_networks
from augmentor.nets.equalised import pixel_norm
from augmentor.nets.layers import downsample
from augmentor.nets.progressive import GrowingBody, GrowingTrunk, Pyramid
from augmentor.nets.sizing import resolutions
from augmentor.nets.spec import NetworkSpec

SHAPES = [(2, 9), (1, 28), (1, 33), (1, 9, 9), (1, 28, 28), (3, 33, 20), (1, 9, 8, 5)]


def body_of(shape, **changes):
    torch.manual_seed(0)
    return GrowingBody(NetworkSpec(architecture="progressive", width=4, **changes), 6, shape)


def trunk_of(shape, **changes):
    torch.manual_seed(0)
    return GrowingTrunk(NetworkSpec(architecture="progressive", width=4, **changes), shape)


def smaller(network, shape, stage):
    """Return a network whose full resolution is ``stage`` of ``network``, with the weights of its stages."""
    grid = resolutions(shape[1:])[stage]
    # Channels double towards coarser stages: those of a stage are the width of a network that ends there.
    spec = NetworkSpec(architecture="progressive", width=4 * 2 ** (network.stages - 1 - stage))
    if isinstance(network, GrowingBody):
        other = GrowingBody(spec, 6, (shape[0], *grid))
    else:
        other = GrowingTrunk(spec, (shape[0], *grid))
    theirs = network.state_dict()
    # The critic's features follow the width of full resolution, so its dense layer stays its own.
    kept = {name: theirs[name] for name in other.state_dict() if "position" not in name and "top" not in name}
    missing, unexpected = other.load_state_dict(kept, strict=False)
    assert all("position" in name or "top" in name for name in missing)
    assert not unexpected
    return other


def entering(network, name, x):
    """Return what enters the part ``name`` when the network gets ``x``."""
    seen = []
    hook = network.get_submodule(name).register_forward_pre_hook(lambda _, taken: seen.append(taken[0]))
    network(x)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_at_alpha_0_it_is_the_smaller_network_and_at_alpha_1_the_larger(shape):
    body, vector = body_of(shape), torch.randn(4, 6)
    grids = resolutions(shape[1:])
    for stage in range(body.stages - 1):
        body.grow(stage)
        coarse = body(vector)
        assert coarse.shape == (4, *shape)
        # Alpha 0, by an independent small network that holds the same weights.
        expected = smaller(body, shape, stage)(vector)
        for grid in grids[stage + 1 :]:
            expected = functional.interpolate(expected, size=grid, mode="nearest")
        assert torch.equal(coarse, expected)
        # Alpha 1: the larger network; in between, a straight line.
        body.grow(stage + 1)
        fine = body(vector)
        body.grow(stage + 0.25)
        torch.testing.assert_close(body(vector), 0.75 * coarse + 0.25 * fine)
        body.grow(stage + 1 - 2**-20)
        torch.testing.assert_close(body(vector), fine, atol=1e-4, rtol=1e-4)
        body.grow(stage + 2**-20)
        torch.testing.assert_close(body(vector), coarse, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_critic_fades_from_the_smaller_to_the_larger(shape):
    trunk = trunk_of(shape)
    x = torch.randn(4, *shape)
    grids = resolutions(shape[1:])
    for stage in range(trunk.stages - 1):
        maps = []
        for position in (stage, stage + 1, stage + 0.25):
            trunk.grow(position)
            maps.append(entering(trunk, f"blocks.{stage}", x))
        # Alpha 0 takes samples in at the stage, alpha 1 comes from the stage above; both enter its block.
        torch.testing.assert_close(maps[2], 0.75 * maps[0] + 0.25 * maps[1])
        # Alpha 0, by an independent small critic that looks at pooled samples.
        pooled = x
        for coarse, fine in reversed(list(pairwise(grids[stage:]))):
            pooled = downsample(fine, coarse)(pooled)
        trunk.grow(stage)
        expected = entering(smaller(trunk, shape, stage), "top", pooled)
        assert torch.equal(entering(trunk, "top", x), expected)


@pytest.mark.parametrize("grid", [(5,), (9,), (28,), (33,), (63,), (33, 20), (17, 9, 4)])
def test_up_and_down_again_gives_the_same_bits(grid):
    grids = resolutions(grid)
    pyramid = Pyramid(grids)
    for stage, low in enumerate(grids):
        x = torch.randn(2, 1, *low)
        assert torch.equal(pyramid.down(pyramid.up(x, stage, len(grids) - 1), len(grids) - 1, stage), x)


@pytest.mark.parametrize("position", [0, 0.5, 1, 1.75, 2])
def test_the_critic_sees_a_growing_generator_as_real_samples_are_faded(position):
    body, trunk = body_of((1, 28, 28)), trunk_of((1, 28, 28))
    for network in (body, trunk):
        network.grow(position)
    made = body(torch.randn(4, 6))
    assert made.shape == (4, 1, 28, 28)
    real = torch.randn(4, 1, 28, 28)
    faded = body.fade(real)
    assert faded.shape == real.shape
    # Blocks of equal cells, as large as the present resolution's, in both.
    block = {0: 4, 0.5: 2, 1: 2, 1.75: 1, 2: 1}[position]
    for x in (made, faded):
        tiles = x.unfold(2, block, block).unfold(3, block, block).flatten(4)
        assert torch.equal(tiles, tiles[..., :1].expand_as(tiles))
        if position < 2:
            assert not torch.equal(x, real)


def test_real_samples_fade_in_closed_form():
    body = body_of((1, 9))
    real = torch.arange(9.0).view(1, 1, 9)
    assert torch.equal(body.fade(real), real)
    body.grow(0)
    coarse = torch.tensor([0.5, 0.5, 2.5, 2.5, 4.5, 4.5, 6.5, 6.5, 8]).view(1, 1, 9)
    assert torch.equal(body.fade(real), coarse)
    body.grow(0.25)
    assert torch.equal(body.fade(real), 0.75 * coarse + 0.25 * real)


def test_growing_changes_nothing_in_lower_stages():
    body, vector = body_of((1, 28, 28)), torch.randn(4, 6)
    body.grow(0)
    before = body(vector)
    body.grow(1.5)
    optimiser = torch.optim.SGD(
        [p for n, p in body.named_parameters() if n.startswith(("blocks.1", "blocks.2"))], 1.0
    )
    body(vector).square().sum().backward()
    optimiser.step()
    body.grow(0)
    assert torch.equal(body(vector), before)


@pytest.mark.parametrize("shape", [(1, 9), (1, 28, 28), (1, 8, 9, 4)])
def test_all_but_the_idle_parameters_learn_at_every_position(shape):
    body, trunk = body_of(shape), trunk_of(shape)
    assert idle_parameters(body) == {
        f"to_samples.{stage}.{part}" for stage in range(body.stages - 1) for part in ("weight", "bias")
    }
    for position in [half / 2 for half in range(2 * body.stages - 1)]:
        for network, x in ((body, torch.randn(4, 6)), (trunk, torch.randn(4, *shape))):
            network.zero_grad()
            network.grow(position)
            network(x).square().sum().backward()
            idle = {name for name, value in network.named_parameters() if value.grad is None}
            assert idle == idle_parameters(network)
            for name, value in network.named_parameters():
                assert name in idle or value.grad.abs().sum() > 0, name


def test_a_network_of_one_stage_neither_grows_nor_idles():
    body = body_of((1, 4, 4))
    assert body.stages == 1
    assert idle_parameters(body) == set()
    body.grow(0)
    assert torch.equal(body.fade(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 4, 4))


def test_pixel_norm_is_there_or_left_out():
    for norm in ("pixel", "none"):
        body = body_of((1, 8, 8), generator_norm=norm)
        seen = []
        body.blocks[1].register_forward_hook(lambda _, __, made, seen=seen: seen.append(made))
        body(torch.randn(4, 6))
        assert torch.allclose(seen[0].square().mean(1), torch.ones(()), atol=1e-4) == (norm == "pixel")
        if norm == "pixel":
            torch.testing.assert_close(pixel_norm(seen[0]), seen[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("group", [0, 2, 4])
def test_the_minibatch_statistic_ties_rows_of_a_group_at_every_stage(group):
    trunk = trunk_of((1, 8, 8), minibatch_group=group)
    x = torch.randn(8, 1, 8, 8)
    changed = x.clone()
    changed[0] += 1
    for position in (0, 0.5, 1):
        trunk.grow(position)
        moved = (trunk(x) != trunk(changed)).any(1).nonzero().flatten().tolist()
        assert moved == list(range(max(group, 1)))


@pytest.mark.parametrize("position", [0.3, 1, 1.9])
def test_a_loaded_state_stands_where_the_saved_one_stood(position):
    body, other, vector = body_of((1, 28)), body_of((1, 28)), torch.randn(4, 6)
    body.grow(position)
    other.load_state_dict(body.state_dict())
    assert (other.growth.stage, other.growth.alpha) == (body.growth.stage, body.growth.alpha)
    assert torch.equal(other(vector), body(vector))


@pytest.mark.parametrize("position", [-0.1, 2.1, float("nan")])
def test_a_position_off_the_stages_is_refused(position):
    with pytest.raises(ConfigError, match="from position 0 to 2; asked for position"):
        body_of((1, 28)).grow(position)


@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_the_critic_is_twice_differentiable(position):
    torch.manual_seed(0)
    _, critic = adversarial_networks(NetworkSpec(architecture="progressive", width=4), (1, 8, 8), 2)
    critic.double().grow(position)
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    y = torch.zeros(4, dtype=torch.int64)
    (slope,) = torch.autograd.grad(critic(x, y).sum(), x, create_graph=True)
    penalty = slope.square().sum()
    weight = critic.trunk.blocks[0].layers[0].weight
    (moved,) = torch.autograd.grad(penalty, weight)
    # The penalty's slope along one weight, against a central difference.
    values = []
    for step in (1e-5, -1e-5):
        with torch.no_grad():
            weight[0, 0, 1, 1] += step
        (slope,) = torch.autograd.grad(critic(x, y).sum(), x)
        values.append(slope.square().sum().item())
        with torch.no_grad():
            weight[0, 0, 1, 1] -= step
    assert moved[0, 0, 1, 1].item() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-7)

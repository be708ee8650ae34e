"""Networks of their own for each class: each row goes through its own and through no other."""

import pytest
import torch

from augmentor.nets.architectures import ARCHITECTURES
from augmentor.nets.per_class import PerClassCritic, PerClassGenerator, by_class
from augmentor.nets.spec import NetworkSpec

SHAPES = [(2, 9), (1, 8, 8), (3, 33, 5), (1, 4, 8, 5)]
MIXED = torch.tensor([2, 0, 1, 0, 2, 2])


def spec(**fields):
    return NetworkSpec(**{"width": 8, "conditioning": "none", "minibatch_group": 0, **fields})


def generator(shape):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PerClassGenerator(spec(), shape, 3)


def critic(shape, **fields):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PerClassCritic(spec(**fields), shape, 3, ARCHITECTURES["residual"].trunk)


def inputs(shape, rows=6):
    return torch.rand(rows, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def touched(network):
    """Classes (in a parameter's name) of whose parameters one has a gradient other than 0."""
    assert all(weight.grad is not None for weight in network.parameters())
    return {int(name.split(".")[1]) for name, weight in network.named_parameters() if weight.grad.any()}


def test_rows_meet_the_network_of_their_label_and_come_back_in_their_order():
    """Closed form: network k multiplies by 10 to the k."""
    networks = [lambda x, y, k=k: x * 10**k for k in range(3)]
    x = torch.arange(1.0, 7.0)[:, None]
    assert by_class(networks, x, MIXED).flatten().tolist() == [100, 2, 30, 4, 500, 600]
    swapped = by_class(networks, x, 2 - MIXED)
    assert swapped.flatten().tolist() == [1, 200, 30, 400, 5, 6]
    seen = by_class([lambda x, y: y.float()] * 3, x, MIXED)
    assert seen.tolist() == MIXED.tolist()


def test_runs_of_one_class_stay_whole():
    y = torch.tensor([1, 1, 0, 0, 1, 1])
    met = []
    by_class([lambda x, y: met.append(x.flatten().tolist()) or x] * 2, torch.arange(6.0)[:, None], y)
    assert met == [[2.0, 3.0], [0.0, 1.0, 4.0, 5.0]]


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_keep_their_shape_and_range_in_every_number_of_dimensions(shape):
    made = generator(shape)(inputs(shape), MIXED)
    assert made.shape == (6, *shape)
    assert made.abs().max() <= 1
    assert critic(shape)(inputs(shape), MIXED).shape == (6,)


@pytest.mark.parametrize("make", [generator, critic])
@pytest.mark.parametrize("asked", [(0,), (1, 2)])
def test_only_the_networks_in_use_learn_and_the_others_gradients_are_zeros(make, asked):
    network, shape = make((1, 8, 8)), (1, 8, 8)
    y = torch.tensor(asked).repeat_interleave(6 // len(asked))
    network(inputs(shape), y).sum().backward()
    assert touched(network) == set(asked)


def test_gradients_of_gradients_reach_the_critic_in_use_alone():
    network, x = critic((1, 8, 8)), inputs((1, 8, 8)).requires_grad_()
    y = torch.ones(6, dtype=torch.int64)
    (slope,) = torch.autograd.grad(network(x, y).sum(), x, create_graph=True)
    slope.square().sum().backward()
    found = {
        name for name, weight in network.named_parameters() if weight.grad is not None and weight.grad.any()
    }
    assert found
    assert {name.split(".")[1] for name in found} == {"1"}


def test_each_class_is_judged_by_a_critic_of_its_own_and_by_no_label():
    network, x = critic((1, 8, 8)), inputs((1, 8, 8))
    said = [network.outputs(x, torch.full((6,), label)) for label in range(3)]
    assert all(part.classes is None and part.codes is None for part in said)
    mixed = network(x, MIXED)
    for row, label in enumerate(MIXED.tolist()):
        torch.testing.assert_close(mixed[row], said[label].logits[row])
        assert not torch.isclose(mixed[row], said[(label + 1) % 3].logits[row], atol=1e-4)
    # Nothing weighs a label that no network sees.
    assert torch.equal(network(x, MIXED, 0.0), mixed)


def test_groups_of_four_rows_stay_together_in_their_critic():
    """A critic of runs of one class says what it says of the class alone, and a class may have no row."""
    network = critic((1, 8, 8), minibatch_group=4)
    x, y = inputs((1, 8, 8), 12), torch.tensor([2, 0, 2]).repeat_interleave(4)
    alone = network(x[4:8], y[4:8])
    torch.testing.assert_close(network(x, y)[4:8], alone)


def test_training_and_evaluation_make_the_same_samples():
    network, x = generator((1, 8, 8)), inputs((1, 8, 8))
    trained = network(x, MIXED)
    torch.testing.assert_close(network.eval()(x, MIXED), trained)
    assert not torch.allclose(network(x, (MIXED + 1) % 3), trained, atol=1e-3)


def test_a_rows_bits_do_not_depend_on_the_labels_of_others():
    network, x = generator((1, 8, 8)).eval(), inputs((1, 8, 8), 64)
    y = torch.arange(64) % 3
    made = network(x, y)
    for label in range(3):
        alone = torch.where(torch.arange(64) < 5, y, torch.full_like(y, label))
        assert torch.equal(network(x, alone)[:5], made[:5])


def test_a_sample_there_and_back_passes_through_both_networks_of_two():
    """With two classes a cycle is the paper's F(G(x)): both mappings learn from one direction."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = PerClassGenerator(spec(), (1, 8, 8), 2)
    x, ones = inputs((1, 8, 8)), torch.ones(6, dtype=torch.int64)
    fake = network(x, ones)
    rebuilt = network(fake, 1 - ones)
    torch.testing.assert_close(fake, network.mappings[1](x, ones))
    torch.testing.assert_close(rebuilt, network.mappings[0](fake, ones))
    (rebuilt - x).abs().mean().backward()
    assert touched(network) == {0, 1}

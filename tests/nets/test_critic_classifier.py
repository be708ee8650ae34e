"""A classifier on a critic's network is that network, less what a test sample does not have."""

import pytest
import torch

from augmentor.nets.architectures import ARCHITECTURES, adversarial_networks
from augmentor.nets.conditional import Critic
from augmentor.nets.critic_classifier import ROLES, CriticClassifier
from augmentor.nets.spec import NetworkSpec

SHAPE = (1, 8, 8)
X = torch.randn(8, *SHAPE, generator=torch.Generator().manual_seed(5))


def made(role="critic", shape=SHAPE, **changes):
    """Return a critic with weights away from their start, and the classifier on it."""
    spec = NetworkSpec(**{"width": 8, "minibatch_group": 0} | changes)
    torch.manual_seed(0)
    critic = ROLES[role](spec, shape, 3)[1].eval()
    with torch.no_grad():
        for weight in critic.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    weights = critic.state_dict()
    return critic, CriticClassifier(spec, shape, 3, role=role, weights=weights).eval()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_its_features_are_the_critics(architecture):
    critic, classifier = made(architecture=architecture)
    with torch.no_grad():
        torch.testing.assert_close(classifier.features(X), critic.trunk(X))


def test_those_under_a_spectral_norm_too_and_the_bound_is_off():
    critic, classifier = made(spectral_norm=True)
    with torch.no_grad():
        torch.testing.assert_close(classifier.features(X), critic.trunk(X))
    assert not any("parametrizations" in name for name in classifier.state_dict())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_without_the_minibatch_statistic_a_row_does_not_see_the_others(architecture):
    _, classifier = made(architecture=architecture, minibatch_group=4)
    with torch.no_grad():
        alone = torch.cat([classifier(X[i : i + 1]) for i in range(8)])
        torch.testing.assert_close(classifier(X), alone)


@pytest.mark.parametrize("shape", [(2, 12), (1, 8, 8), (1, 6, 5, 4)])
def test_dropping_the_statistic_is_reading_it_as_zero(shape):
    critic, classifier = made(shape=shape, minibatch_group=4)
    top = critic.trunk.top
    positions = top.layer.in_features - classifier.trunk.top.layer.in_features
    with torch.no_grad():
        top.layer.weight[:, -positions:] = 0
        x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(classifier.features(x), critic.trunk(x))


def test_a_labels_plane_is_zero_as_it_was_while_labels_faded_in():
    critic, classifier = made(conditioning="concat")
    x = torch.cat([X, critic.plane(torch.zeros(8, dtype=torch.long), 0.0)], 1)
    with torch.no_grad():
        torch.testing.assert_close(classifier.features(X), critic.trunk(x))


def test_an_encoder_serves_as_well():
    encoder, classifier = made("encoder", conditioning="none")
    with torch.no_grad():
        torch.testing.assert_close(classifier.features(X), encoder.trunk(X))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_weight_learns(architecture):
    _, classifier = made(architecture=architecture)
    classifier.train()
    torch.nn.functional.cross_entropy(classifier(X), torch.arange(8) % 3).backward()
    idle = [name for name, weight in classifier.named_parameters() if weight.grad is None]
    # A grown network reads samples at its finest stage alone.
    assert all("from_samples" in name for name in idle)
    assert classifier(X).shape == (8, 3)


def test_without_weights_it_is_the_same_network_with_random_ones():
    spec = NetworkSpec(width=8)
    torch.manual_seed(1)
    one = CriticClassifier(spec, SHAPE, 3, role="critic", weights=None)
    torch.manual_seed(1)
    same = CriticClassifier(spec, SHAPE, 3, role="critic", weights=None)
    critic = adversarial_networks(spec, SHAPE, 3)[1]
    assert isinstance(critic, Critic)
    started = CriticClassifier(spec, SHAPE, 3, role="critic", weights=critic.state_dict())
    assert {n: w.shape for n, w in one.state_dict().items()} == {
        n: w.shape for n, w in started.state_dict().items()
    }
    assert torch.equal(one.trunk.first.weight, same.trunk.first.weight)
    assert not torch.equal(one.trunk.first.weight, started.trunk.first.weight)

"""Contract tests of every architecture, conditioning, normalisation and number of dimensions.

One table at a time: a conditioning does not know the architecture, and an architecture not the conditioning.
"""

from itertools import product
from typing import get_args

import pytest
import torch
from idle_parameters import idle_parameters

from augmentor.core.errors import ConfigError
from augmentor.nets.architectures import ARCHITECTURES, adversarial_networks, autoencoder_networks
from augmentor.nets.conditioning import CONDITIONINGS
from augmentor.nets.layout import memory_format
from augmentor.nets.spec import NORMS, ArchitectureName, ConditioningName, NetworkSpec

IMAGE = (1, 8, 8)
OTHER_SHAPES = [(3, 9), (2, 4, 5, 8)]
CLASSES = 3
EQUALISED = {"progressive", "style", "adain"}


def variants(architecture):
    """Every critic and generator that the architecture allows, as fields of the spec."""
    for generator, critic in product(*NORMS[architecture]):
        for spectral in (False, True):
            if not (spectral and (critic != "none" or architecture in EQUALISED)):
                yield {
                    "generator_norm": generator,
                    "critic_norm": critic,
                    "spectral_norm": spectral,
                }


CASES = [(architecture, fields) for architecture in ARCHITECTURES for fields in variants(architecture)]
PENALISED = [(architecture, fields) for architecture, fields in CASES if fields["critic_norm"] != "batch"]


def name_of(value):
    return "-".join(str(part) for part in value.values()) if isinstance(value, dict) else None


def pair(architecture, conditioning, shape, **changes):
    torch.manual_seed(0)
    fields = {"architecture": architecture, "conditioning": conditioning, "width": 4, "latent": 6}
    return adversarial_networks(NetworkSpec(**fields | changes), shape, CLASSES)


def draw(shape, rows=8, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(rows, 6, generator=generator, dtype=dtype)
    x = torch.randn(rows, *shape, generator=generator, dtype=dtype)
    return z, x, torch.arange(rows) // 4


def idle(network, part):
    """Parameters that a grown network keeps only for the way there."""
    return {f"{part}.{name}" for name in idle_parameters(network.get_submodule(part))}


def assert_learns(network, part):
    """Every parameter has a gradient beyond rounding; float64, so that rounding is below 1e-12."""
    unused = idle(network, part)
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == (name in unused), name
        assert name in unused or parameter.grad.abs().max() > 1e-12, name


def test_the_names_of_the_spec_are_the_tables():
    assert set(get_args(ArchitectureName)) == set(ARCHITECTURES) == set(NORMS)
    assert set(get_args(ConditioningName)) == set(CONDITIONINGS)


@pytest.mark.parametrize(
    ("architecture", "fields", "conditioning", "shape"),
    [
        *((architecture, fields, "projection", IMAGE) for architecture, fields in CASES),
        *(
            (architecture, {}, "projection", shape)
            for architecture in ARCHITECTURES
            for shape in OTHER_SHAPES
        ),
        *(("residual", {}, conditioning, IMAGE) for conditioning in CONDITIONINGS),
    ],
    ids=name_of,
)
def test_shapes_ranges_and_every_parameter_learns(architecture, fields, conditioning, shape):
    codes = {"categorical": 2, "continuous": 1}
    generator, critic = pair(architecture, conditioning, shape, codes=codes, **fields)
    generator.double()
    critic.double()
    z, _, y = draw(shape, dtype=torch.float64)
    # Noise inside a generator has a strength that learns.
    made = generator(z, y, draws=torch.Generator().manual_seed(2))
    assert made.shape == (8, *shape)
    assert made.abs().max() <= 1
    # The tanh starts where it has a slope.
    assert made.std() < 0.7
    said = critic.outputs(made, y)
    assert said.logits.shape == (8,)
    assert said.codes.shape == (8, 3)
    assert (said.classes is not None) == (conditioning == "auxiliary")
    # A non-linear loss: the sum of logits would leave constant terms without a gradient.
    loss = said.logits.square().sum() + said.codes.square().sum()
    if said.classes is not None:
        assert said.classes.shape == (8, CLASSES)
        loss = loss + said.classes.square().sum()
    loss.backward()
    assert_learns(generator, "body")
    assert_learns(critic, "trunk")


@pytest.mark.parametrize(
    ("architecture", "conditioning", "shape"),
    [
        *((architecture, "concat", IMAGE) for architecture in ARCHITECTURES),
        *(("residual", "concat", shape) for shape in OTHER_SHAPES),
        ("residual", "none", IMAGE),
    ],
)
def test_an_encoder_gives_a_gaussian_for_each_row_by_itself_and_learns(architecture, conditioning, shape):
    torch.manual_seed(0)
    spec = NetworkSpec(architecture=architecture, conditioning=conditioning, width=4, latent=6)
    spec = spec.model_copy(update={"critic_norm": "none"})
    _, encoder = autoencoder_networks(spec, shape, CLASSES)
    encoder.double()
    _, x, y = draw(shape, dtype=torch.float64)
    mean, log_variance = encoder(x, y)
    assert mean.shape == log_variance.shape == (8, 6)
    (mean.square() + log_variance.square()).sum().backward()
    assert_learns(encoder, "trunk")
    # Five rows are no multiple of a group, and a row's posterior does not depend on the others.
    torch.testing.assert_close(encoder(x[:5], y[:5])[0], mean[:5])
    moved = not torch.allclose(encoder(x, (y + 1) % CLASSES)[0], mean)
    assert moved == (conditioning == "concat")


SIZES = [(1, 4, 4), (1, 28, 28), (1, 33, 33), (2, 5, 12), (1, 129), (1, 9, 5, 4)]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_any_size_comes_out_exactly(architecture, shape):
    generator, critic = pair(architecture, "projection", shape)
    z, _, y = draw((1,), rows=4)
    with torch.no_grad():
        made = generator(z, y)
        assert made.shape == (4, *shape)
        assert made.dtype == torch.float32
        assert critic(made, y).shape == (4,)


@pytest.mark.parametrize(
    ("architecture", "conditioning"), [*product(ARCHITECTURES, ["projection"]), ("residual", "concat")]
)
def test_with_label_weight_0_labels_are_ignored_and_with_1_they_count(architecture, conditioning):
    shape = (1, 8, 8)
    generator, critic = pair(architecture, conditioning, shape)
    z, x, y = draw(shape)
    other = (y + 1) % CLASSES
    assert torch.equal(generator(z, y, 0.0), generator(z, other, 0.0))
    assert torch.equal(critic(x, y, 0.0), critic(x, other, 0.0))
    assert not torch.allclose(generator(z, y), generator(z, other))
    assert not torch.allclose(critic(x, y), critic(x, other))
    # Between the two it is a matter of degree.
    assert not torch.allclose(critic(x, y, 0.5), critic(x, y))
    assert not torch.allclose(critic(x, y, 0.5), critic(x, y, 0.0))


@pytest.mark.parametrize("conditioning", ["auxiliary", "none"])
def test_a_critic_without_the_label_as_input_never_uses_it(conditioning):
    generator, critic = pair("residual", conditioning, (1, 8, 8))
    z, x, y = draw((1, 8, 8))
    other = (y + 1) % CLASSES
    for first, second in zip(critic.outputs(x, y), critic.outputs(x, other), strict=True):
        assert (first is None and second is None) or torch.equal(first, second)
    assert torch.equal(generator(z, y), generator(z, other)) == (conditioning == "none")
    assert torch.equal(generator(z, y, 0.0), generator(z, other, 0.0))


@pytest.mark.parametrize(
    ("architecture", "group"), [*((name, 4) for name in ARCHITECTURES), ("residual", 0), ("residual", 2)]
)
def test_the_minibatch_statistic_ties_rows_of_a_group_only(architecture, group):
    fields = {"minibatch_group": group, "critic_norm": "none"}
    _, critic = pair(architecture, "projection", (1, 8, 8), **fields)
    _, x, y = draw((1, 8, 8))
    changed = x.clone()
    changed[0] += 1
    moved = ((critic(x, y) - critic(changed, y)).abs() > 1e-6).nonzero().flatten().tolist()
    assert moved == list(range(max(group, 1)))


@pytest.mark.parametrize(
    ("architecture", "fields", "conditioning"),
    [*((*case, "projection") for case in PENALISED), ("residual", {}, "concat")],
    ids=name_of,
)
def test_the_slope_of_a_gradient_penalty_is_the_one_that_differences_give(architecture, fields, conditioning):
    """(P(w + h v) - P(w - h v)) / 2h against <grad P, v>; in float64 the error is of the order of h²."""
    _, critic = pair(architecture, conditioning, (1, 8, 8), **fields)
    critic.double().eval()
    _, x, y = draw((1, 8, 8), dtype=torch.float64)
    x.requires_grad_()
    unused = idle(critic, "trunk")
    weights = [parameter for name, parameter in critic.named_parameters() if name not in unused]

    def penalty():
        (slope,) = torch.autograd.grad(critic(x, y).sum(), x, create_graph=True)
        return slope.square().sum()

    slopes = torch.autograd.grad(penalty(), weights, allow_unused=True)
    generator = torch.Generator().manual_seed(3)
    direction = [torch.randn(w.shape, generator=generator, dtype=w.dtype) for w in weights]
    predicted = sum((s * d).sum() for s, d in zip(slopes, direction, strict=True) if s is not None)
    ends, h = [], 1e-7
    for sign in (1, -2):
        with torch.no_grad():
            for weight, step in zip(weights, direction, strict=True):
                weight.add_(step, alpha=sign * h)
        ends.append(penalty().detach())
    assert predicted.abs() > 1e-5
    torch.testing.assert_close((ends[0] - ends[1]) / (2 * h), predicted, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [*((architecture, IMAGE) for architecture in ARCHITECTURES), *(("residual", s) for s in OTHER_SHAPES)],
)
def test_the_fast_layout_gives_the_same_numbers(architecture, shape):
    generator, critic = pair(architecture, "projection", shape)
    z, _, y = draw(shape)
    plain = generator(z, y)
    logits = critic(plain, y)
    layout = memory_format(len(shape) - 1)
    generator.to(memory_format=layout)
    critic.to(memory_format=layout)
    torch.testing.assert_close(generator(z, y), plain, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        critic(plain.contiguous(memory_format=layout), y), logits, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_size_that_is_not_resolved_is_refused(architecture):
    with pytest.raises(ValueError, match="'auto'"):
        adversarial_networks(NetworkSpec(architecture=architecture), (1, 8, 8), 2)


@pytest.mark.parametrize("shape", [(8,), (1, 2, 2), (1, 4, 4, 4, 4), (0, 8, 8)])
def test_shapes_without_a_network_are_refused(shape):
    with pytest.raises(ConfigError, match=r"shape \(C, \*spatial\)"):
        adversarial_networks(NetworkSpec(width=8), shape, 2)

"""Every loss and every penalty in a small training: a generator that only shifts noise finds the mean."""

import pytest
import torch
from torch import nn

from augmentor.objectives.adversarial import ADVERSARIAL
from augmentor.objectives.diffaugment import make_augment
from augmentor.objectives.lecam import LeCam
from augmentor.objectives.penalties import PENALTIES, RANDOM_PENALTIES, bind, clip_weights

# Weights as the papers have them, but for scale: these samples are eight numbers.
WEIGHTS = {"r1": 0.1, "r2": 0.1, "gradient_penalty": 1.0}
MEAN = 1.5


def train(name, penalties, *, sides=(4,), steps=200, augment=None, lecam=None, clip=None):
    """Train ``G(z) = z + shift`` against a small critic; return the learned shift's mean."""
    loss_pair, draws = ADVERSARIAL[name], torch.Generator().manual_seed(0)
    shape = (32, 2, *sides)
    size = torch.Size(shape[1:]).numel()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic = nn.Sequential(
            nn.Flatten(), nn.Linear(size, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0)
        )
    shift = nn.Parameter(torch.zeros(2, *sides))
    for_critic = torch.optim.Adam(critic.parameters(), 1e-2, betas=(0.0, 0.9))
    for_generator = torch.optim.Adam([shift], 3e-2, betas=(0.0, 0.9))
    late = []

    def judge(x):
        return critic(x if augment is None else augment(x, draws))

    for step in range(steps):
        real = torch.randn(shape, generator=draws) + MEAN
        fake = torch.randn(shape, generator=draws) + shift
        real_logits, fake_logits = judge(real), judge(fake.detach())
        loss = loss_pair.critic(real_logits, fake_logits).mean()
        for penalty in penalties:
            loss = loss + WEIGHTS[penalty] * bind(penalty, draws)(judge, real, fake).mean()
        if lecam is not None:
            loss = loss + 0.1 * lecam(real_logits, fake_logits).mean()
            lecam.update(real_logits, fake_logits)
        for_critic.zero_grad()
        loss.backward()
        for_critic.step()
        if clip is not None:
            clip_weights(critic, clip)
        for_generator.zero_grad()
        loss_pair.generator(judge(real), judge(fake)).mean().backward()
        for_generator.step()
        if step >= steps - 80:
            late.append(shift.detach().mean().item())
    return sum(late) / len(late)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_every_loss_finds_the_mean(name):
    assert train(name, ["r1"]) == pytest.approx(MEAN, abs=0.15)


@pytest.mark.parametrize("penalty", [*PENALTIES, *RANDOM_PENALTIES])
def test_every_penalty_lets_the_wasserstein_loss_find_the_mean(penalty):
    assert train("wasserstein", [penalty]) == pytest.approx(MEAN, abs=0.15)


def test_wasserstein_with_clipped_weights_finds_the_mean():
    assert train("wasserstein", [], clip=0.1) == pytest.approx(MEAN, abs=0.15)


def test_with_augmentation_and_lecam():
    augment = make_augment(["colour", "translation", "cutout", "geometry"])
    found = train("relativistic", ["r1", "r2"], sides=(4, 4), steps=250, augment=augment, lecam=LeCam())
    assert found == pytest.approx(MEAN, abs=0.2)

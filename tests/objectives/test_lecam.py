"""LeCam's moving averages against numbers worked out by hand."""

import pytest
import torch

from augmentor.core.errors import ConfigError
from augmentor.objectives.lecam import LeCam


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_by_hand():
    lecam = LeCam(decay=0.75)
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0])
    assert lecam(real, fake).tolist() == [0.0, 0.0]
    lecam.update(real, fake)  # anchors 2 and -0.5
    # (1 + 0.5)^2 + (-1 - 2)^2 and (3 + 0.5)^2 + (0 - 2)^2
    assert lecam(real, fake).tolist() == [11.25, 16.25]
    lecam.update(torch.tensor([6.0]), torch.tensor([1.5]))
    assert lecam.state_dict() == {"real": 3.0, "fake": 0.0, "started": 1.0}


def test_convention_each_side_is_drawn_to_the_other_sides_anchor():
    lecam = LeCam()
    lecam.update(torch.tensor([2.0]), torch.tensor([-2.0]))
    at_the_others = lecam(torch.tensor([-2.0]), torch.tensor([2.0]))
    at_its_own = lecam(torch.tensor([2.0]), torch.tensor([-2.0]))
    assert at_the_others.item() == 0
    assert at_its_own.item() == 32


def test_least_it_can_be_between_the_anchors():
    # Beside the Wasserstein loss D(G) - D(x): least at D(x) = a_F + 1/(2 lambda), D(G) = a_R - the same.
    lecam, weight = LeCam(), 0.5
    lecam.update(torch.tensor([0.5]), torch.tensor([-0.5]))
    real, fake = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.SGD([real, fake], lr=0.5)
    for _ in range(60):
        optimiser.zero_grad()
        (fake - real + weight * lecam(real, fake)).sum().backward()
        optimiser.step()
    assert real.item() == pytest.approx(-0.5 + 1, abs=1e-4)
    assert fake.item() == pytest.approx(0.5 - 1, abs=1e-4)


def test_gradients_and_precision():
    lecam = LeCam()
    lecam.update(torch.ones(2), torch.zeros(2))
    logits = torch.randn(2, 3, dtype=torch.float64, generator=seeded()).requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: lecam(logits[0], logits[1]), logits)
    assert (
        lecam(torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32
    )


def test_state_resumes_bit_for_bit():
    logits = torch.randn(20, 2, 4, generator=seeded())
    whole, first, second = LeCam(), LeCam(), LeCam()
    second.load_state_dict(first.state_dict())
    assert second(logits[0, 0], logits[0, 1]).tolist() == [0.0] * 4
    for real, fake in logits[:10]:
        whole.update(real, fake), first.update(real, fake)
    state = first.state_dict()
    assert all(type(value) is float for value in state.values())
    second.load_state_dict(state)
    for real, fake in logits[10:]:
        whole.update(real, fake), second.update(real, fake)
    assert second.state_dict() == whole.state_dict()
    assert torch.equal(second(*logits[0]), whole(*logits[0]))


def test_decay_out_of_range_is_refused():
    with pytest.raises(ConfigError, match=r"LeCam needs a decay in \[0, 1\)"):
        LeCam(decay=1.0)

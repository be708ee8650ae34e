import torch
from torch import nn

from augmentor.training.ema import Average, averaged


def test_the_average_in_closed_form():
    # From 0 towards a constant w: after n updates (1 - decay^n) w.
    module = nn.Linear(2, 1)
    average = averaged(module)
    with torch.no_grad():
        module.weight.fill_(3.0)
        average.weight.zero_()
    for _ in range(5):
        Average(average, module).update(0.8)
    torch.testing.assert_close(average.weight, torch.full((1, 2), 3 * (1 - 0.8**5)))


def test_buffers_are_copied_and_the_average_needs_no_gradient():
    module = nn.BatchNorm1d(2)
    average = averaged(module)
    module.running_mean.fill_(7.0)
    Average(average, module).update(0.99)
    assert average.running_mean.tolist() == [7.0, 7.0]
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert module.weight.requires_grad

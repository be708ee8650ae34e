import pytest
import torch

from augmentor.nets.blocks import Top
from augmentor.nets.layout import channels_last, channels_last_gradient, memory_format
from augmentor.nets.spec import NetworkSpec


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("grid", [(5,), (4, 5), (4, 5, 6)])
def test_laying_out_changes_where_numbers_lie_and_no_number(channels, grid):
    x = torch.randn(2, channels, *grid, requires_grad=True)
    made = channels_last(x)
    assert torch.equal(made, x)
    # One channel lies alike in every layout, but for its stride: what follows chooses a layout by that.
    layout = memory_format(len(grid))
    assert made.is_contiguous(memory_format=layout)
    assert made.stride() == torch.empty(2, channels, *grid).to(memory_format=layout, copy=True).stride()
    weight = torch.randn_like(x)
    (gradient,) = torch.autograd.grad((made * weight).sum(), x)
    assert torch.equal(gradient, weight)


def test_a_1x1_convolution_of_one_channel_goes_on_in_the_layout():
    x, weight = torch.randn(2, 1, 4, 5), torch.randn(8, 1, 1, 1)
    made = torch.nn.functional.conv2d(channels_last(x), weight)
    assert made.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(made, x * weight.view(1, 8, 1, 1))


@pytest.mark.parametrize("group", [0, 4])
def test_the_gradient_at_the_critics_end_comes_in_the_layout_of_what_came_in(group):
    torch.manual_seed(0)
    top = Top(NetworkSpec(width=4, minibatch_group=group), 3, 20, 8)
    rows = torch.randn(4, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    x = rows.clone().requires_grad_()
    seen = x * 1.0
    caught: list[torch.Tensor] = []
    out = top(seen)
    seen.register_hook(caught.append)
    out.square().sum().backward()
    assert caught[0].is_contiguous(memory_format=torch.channels_last)
    # The same numbers as those of a gradient that nobody laid out.
    plain = rows.contiguous().requires_grad_()
    top(plain).square().sum().backward()
    torch.testing.assert_close(x.grad, plain.grad)


def test_without_gradients_nothing_is_requested():
    x = torch.randn(2, 3, 4, 5)
    assert channels_last_gradient(x) is x

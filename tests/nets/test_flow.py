"""The flow's network and its integration: exact where it can be, any size, series too."""

import pytest
import torch
from monai.networks.nets.diffusion_model_unet import DiffusionUNetResnetBlock

from augmentor.nets.flow import FlowNetwork, Integration, SeriesBlock, integrate


def network(shape=(1, 8, 8), *, labelled=True, **integration):
    torch.manual_seed(0)
    made = FlowNetwork(shape, 2, 8, Integration(**integration), labelled=labelled)
    # MONAI starts the last convolutions at zero; any other weights will do.
    for weight in made.parameters():
        weight.data.add_(0.05 * torch.randn_like(weight))
    return made.eval()


@pytest.mark.parametrize("solver", ["euler", "heun"])
@pytest.mark.parametrize("steps", [1, 7])
def test_a_constant_field_is_walked_exactly(solver, steps):
    noise = torch.randn(3, 2, 4, dtype=torch.float64)
    found = integrate(lambda x, t: torch.full_like(x, 0.3), noise, steps, solver)
    assert torch.allclose(found, noise + 0.3, atol=1e-12)


def test_a_field_that_grows_with_time_is_exact_for_heun_and_a_half_step_short_for_euler():
    """The integral of t over [0, 1] is 1/2; Euler's sum over n steps is (1 - 1/n) / 2."""
    noise = torch.zeros(1, 1, dtype=torch.float64)
    field = lambda x, t: t.view(-1, 1).expand_as(x)  # noqa: E731 - one expression
    assert integrate(field, noise, 5, "heun").item() == pytest.approx(0.5)
    assert integrate(field, noise, 5, "euler").item() == pytest.approx(0.4)


def test_the_best_field_between_gaussians_carries_noise_to_data():
    """The flow of E[x1 - x0 | x_t] keeps the quantiles: x0 ends at m + s x0."""
    mean, spread = 0.7, 0.4

    def best(x, t):
        t = t.view(-1, 1)
        slope = (t * spread**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * spread**2)
        return mean + slope * (x - t * mean)

    noise = torch.linspace(-2, 2, 9, dtype=torch.float64).view(-1, 1)
    assert torch.allclose(integrate(best, noise, 100, "heun"), mean + spread * noise, atol=1e-3)
    assert not torch.allclose(integrate(best, noise, 3, "euler"), mean + spread * noise, atol=1e-3)


@pytest.mark.parametrize("shape", [(2, 9), (3, 9, 5), (1, 5, 8, 9)])
def test_any_size_in_one_two_and_three_dimensions(shape):
    flow = network(shape)
    made = flow(torch.randn(2, flow.latent), torch.tensor([0, 1]))
    assert made.shape == (2, *shape)
    assert made.abs().max() <= 1
    assert flow.velocity(torch.zeros(2, *shape), torch.rand(2), torch.tensor([0, 2])).shape == (2, *shape)


def test_label_time_and_point_all_matter():
    flow = network()
    x, t, y = torch.randn(2, 1, 8, 8), torch.tensor([0.2, 0.2]), torch.tensor([0, 0])
    plain = flow.velocity(x, t, y)
    assert not torch.allclose(plain, flow.velocity(x, t, 1 - y))
    assert not torch.allclose(plain, flow.velocity(x, t + 0.5, y))
    assert not torch.allclose(plain, flow.velocity(x + 0.1, t, y))


def test_guidance_goes_beyond_the_label_and_no_conditioning_ignores_it():
    """With one Euler step a sample is x0 + v, so guidance 2 lies at 2 v(label) - v(none)."""
    fields = {"steps": 1, "solver": "euler"}
    plain, guided = network(**fields), network(**fields, guidance=2)
    z, y = 0.1 * torch.randn(2, 64), torch.tensor([0, 1])
    label = plain(z, y)
    blank = plain(z, torch.full_like(y, plain.null_label))
    inside = (guided(z, y).abs() < 1) & (label.abs() < 1) & (blank.abs() < 1)
    assert inside.float().mean() > 0.5
    assert torch.allclose(guided(z, y)[inside], (2 * label - blank)[inside], atol=1e-5)
    deaf = network(labelled=False, **fields)
    assert torch.equal(deaf(z, y), deaf(z, 1 - y))


def test_a_block_for_series_is_monais_own_on_images_one_pixel_wide():
    """Beside a single column lies padding alone, so a kernel's middle column does what a 1-D kernel does."""
    torch.manual_seed(0)
    fields = {"in_channels": 4, "temb_channels": 6, "out_channels": 8, "norm_num_groups": 2}
    image, series = (DiffusionUNetResnetBlock(spatial_dims=n, **fields) for n in (2, 1))
    for (name, wide), (_, narrow) in zip(image.named_parameters(), series.named_parameters(), strict=True):
        wide.data.normal_()
        narrow.data.copy_(wide.data[..., wide.shape[-1] // 2] if wide.ndim == 4 else wide.data)
        assert narrow.ndim == wide.ndim - (wide.ndim == 4), name
    x, emb = torch.randn(3, 4, 10), torch.randn(3, 6)
    assert torch.allclose(SeriesBlock(series)(x, emb), image(x[..., None], emb)[..., 0], atol=1e-4)

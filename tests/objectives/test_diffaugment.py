"""Critic augmentation: exact moves, known ranges, differentiability, policies, one seed one result."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from augmentor.core.errors import ConfigError
from augmentor.objectives.diffaugment import make_augment
from augmentor.objectives.grid_transforms import rotations
from augmentor.objectives.operations import FLIPS, GROUPS, OPERATIONS

SHAPES = [(6, 2, 16), (6, 3, 8, 8), (6, 1, 8, 12), (6, 1, 8, 8, 8), (6, 2, 4, 4, 6)]
ALL = tuple(GROUPS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def only(operation, **options):
    """An augmentation of one operation."""
    group = next(group for group, members in GROUPS.items() if operation in members)
    augment = make_augment([group], **options)
    return type(augment)(frozenset({operation}), augment.strength, augment.probability)


def numbered(*shape):
    """A sample whose every value is different and not 0."""
    return torch.arange(1, 1 + int(np.prod(shape)), dtype=torch.float64).view(shape)


@pytest.mark.parametrize(
    ("group", "shape"),
    [
        *((group, (6, 3, 8, 8)) for group in ALL),
        *(("geometry", shape) for shape in SHAPES if len(shape) != 4),
    ],
)
class TestEveryGroup:
    def test_keeps_shape_dtype_and_changes_something(self, group, shape):
        for dtype in (torch.float32, torch.float64):
            x = normal(*shape, dtype=dtype)
            y = make_augment([group])(x, seeded())
            assert y.shape == x.shape
            assert y.dtype == dtype
            assert not torch.equal(y, x)

    def test_zero_strength_and_zero_probability_are_the_identity(self, group, shape):
        x = normal(*shape)
        assert torch.equal(make_augment([group], strength=0.0)(x, seeded()), x)
        assert torch.equal(make_augment([group], probability=0.0)(x, seeded()), x)
        assert torch.equal(make_augment([group])(x, seeded(), probability=0.0), x)

    def test_one_seed_one_result_and_the_draw_applies_to_other_tensors(self, group, shape):
        augment, x = make_augment([group]), normal(*shape)
        assert torch.equal(augment(x, seeded(3)), augment(x, seeded(3)))
        assert not torch.equal(augment(x, seeded(3)), augment(x, seeded(4)))
        other = normal(*shape, seed=9)
        torch.testing.assert_close(
            augment.apply(other, augment.draw(x, seeded(3))), augment(other, seeded(3)), rtol=0, atol=0
        )

    def test_takes_numbers_from_its_generator_only_and_always_as_many(self, group, shape):
        state, after = torch.get_rng_state(), set()
        for options in ({}, {"strength": 0.0}, {"probability": 0.0}, {"strength": 0.3}):
            generator = seeded(5)
            make_augment([group], **options)(normal(*shape), generator)
            after.add(tuple(generator.get_state().tolist()))
        assert len(after) == 1
        assert torch.equal(torch.get_rng_state(), state)

    def test_rows_are_treated_independently(self, group, shape):
        x = normal(1, *shape[1:]).expand(64, *shape[1:])
        assert len({tuple(row.tolist()) for row in make_augment([group])(x, seeded()).flatten(1)}) >= 2

    def test_derivatives(self, group, shape):
        x = normal(2, *shape[1:2], *[4] * (len(shape) - 2)).requires_grad_()
        augment = make_augment([group])
        assert torch.autograd.gradcheck(lambda x: augment(x, seeded()), x)
        assert torch.autograd.gradgradcheck(lambda x: augment(x, seeded()).tanh(), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_groups_together_are_differentiable_and_local_to_the_row(shape):
    x = normal(3, *shape[1:]).requires_grad_()
    y = make_augment(ALL)(x, seeded(1))
    (gradient,) = torch.autograd.grad(y[0].square().sum(), x)
    assert gradient[0].abs().sum() > 0
    assert gradient[1:].abs().sum() == 0


def test_no_group_is_the_identity():
    x = normal(4, 1, 8, 8)
    assert make_augment([])(x, seeded()) is x


def test_cached_tables_made_under_inference_mode_serve_training_too():
    augment, shape = make_augment(ALL, strength=0.77), (4, 3, 9, 9)
    with torch.inference_mode():
        augment(torch.ones(shape), seeded())
    x = torch.ones(shape, requires_grad=True)
    augment(x, seeded()).sum().backward()
    assert x.grad.shape == shape


def test_channels_last_input_gives_the_same_values():
    x, augment = normal(4, 3, 8, 8), make_augment(ALL)
    assert torch.equal(augment(x.to(memory_format=torch.channels_last), seeded()), augment(x, seeded()))


class TestColour:
    def test_brightness_adds_one_number_in_half_a_unit_either_way(self):
        x = normal(4000, 2, 3)
        difference = (only("brightness")(x, seeded()) - x).flatten(1)
        assert (difference.std(1) < 1e-12).all()
        added = difference[:, 0]
        # Uniform on (-1/2, 1/2): sd 0.2887, standard error of the mean 0.0046.
        assert added.abs().max() <= 0.5
        assert added.mean().item() == pytest.approx(0, abs=0.02)
        assert added.std().item() == pytest.approx(12**-0.5, abs=0.01)

    def test_contrast_scales_around_the_mean_of_the_sample(self):
        x = normal(4000, 2, 5) + 3
        y = only("contrast")(x, seeded())
        torch.testing.assert_close(y.flatten(1).mean(1), x.flatten(1).mean(1))
        factor = y.flatten(1).std(1) / x.flatten(1).std(1)
        assert 0.5 <= factor.min() < 0.52
        assert 1.48 < factor.max() <= 1.5

    def test_saturation_scales_around_the_mean_of_the_pixel(self):
        x = normal(4000, 3, 2, 2)
        y = only("saturation")(x, seeded())
        torch.testing.assert_close(y.mean(1), x.mean(1))
        factor = (y - y.mean(1, keepdim=True)).flatten(1).norm(dim=1)
        factor = factor / (x - x.mean(1, keepdim=True)).flatten(1).norm(dim=1)
        assert factor.min() < 0.02
        assert 1.98 < factor.max() <= 2 + 1e-9

    @pytest.mark.parametrize("channels", [1, 2, 4])
    def test_saturation_leaves_other_than_three_channels_alone(self, channels):
        x = normal(8, channels, 4, 4)
        assert torch.equal(only("saturation")(x, seeded()), x)

    def test_all_three_agree_with_doing_one_after_the_other(self):
        x, augment = normal(16, 3, 5, 4), make_augment(["colour"])
        drawn = augment.draw(x, seeded())

        def wide(value):
            return value.double()[:, None, None, None]

        expected = x + wide(drawn.brightness)
        grey = expected.mean(1, keepdim=True)
        expected = (expected - grey) * wide(drawn.saturation) + grey
        middle = expected.mean((1, 2, 3), keepdim=True)
        expected = (expected - middle) * wide(drawn.contrast) + middle
        torch.testing.assert_close(augment.apply(x, drawn), expected)

    def test_strength_scales_the_range(self):
        x = torch.zeros(2000, 1, 2)
        largest = only("brightness", strength=0.2)(x, seeded()).abs().max()
        assert 0.095 < largest <= 0.1


class TestTranslation:
    @pytest.mark.parametrize("sides", [(24,), (16, 24), (8, 16, 8)])
    def test_moves_by_whole_pixels_up_to_an_eighth_and_every_shift_occurs(self, sides):
        # One bright position in the middle: where it lies afterwards is the shift.
        x = torch.zeros(3000, 1, *sides)
        middle = tuple(side // 2 for side in sides)
        x[(slice(None), 0, *middle)] = 5.0
        y = only("translation")(x, seeded())
        places = (y[:, 0] != 0).nonzero()
        assert len(places) == 3000  # none lost, none doubled: the mass stays inside
        assert y.flatten(1).sum(1).tolist() == [5.0] * 3000
        shifts = places[:, 1:] - torch.tensor(middle)
        for axis, side in enumerate(sides):
            assert shifts[:, axis].unique().tolist() == list(range(-(side // 8), side // 8 + 1))
        if len(sides) > 1:
            # Axes move apart from each other: correlation of 3000 draws has standard error 0.018.
            assert abs(np.corrcoef(shifts[:, 0], shifts[:, 1])[0, 1]) < 0.08

    def test_agrees_with_padding_and_cropping(self):
        x, augment = numbered(1, 2, 16, 16).expand(50, 2, 16, 16), only("translation")
        y = augment(x, seeded())
        padded = np.pad(x[0].numpy(), ((0, 0), (2, 2), (2, 2)))
        possible = {
            padded[:, 2 - down : 18 - down, 2 - right : 18 - right].tobytes(): (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
        }
        found = [possible[row.numpy().tobytes()] for row in y]
        assert len(set(found)) > 10

    def test_strength_scales_the_reach(self):
        x = torch.zeros(500, 1, 32)
        x[:, :, 16] = 1.0
        shifts = only("translation", strength=0.5)(x, seeded())[:, 0].argmax(1) - 16
        assert shifts.unique().tolist() == [-2, -1, 0, 1, 2]


class TestCutout:
    @pytest.mark.parametrize("sides", [(8,), (8, 8), (7, 10), (4, 8, 6)])
    def test_sets_a_box_of_half_of_each_side_to_zero(self, sides):
        x = torch.ones(3000, 2, *sides)
        y = only("cutout")(x, seeded())
        assert torch.equal(y[:, 0], y[:, 1])
        gone = y[:, 0] == 0
        sizes = [int(side / 2 + 0.5) for side in sides]
        area = gone.flatten(1).sum(1)
        # The centre is anywhere on the grid, so the box may hang over the edge, never be larger.
        assert area.max().item() == np.prod(sizes)
        assert area.min().item() >= np.prod([size // 2 for size in sizes])
        for axis, (side, size) in enumerate(zip(sides, sizes, strict=True)):
            others = [other + 1 for other in range(len(sides)) if other != axis]
            along = gone.sum(others) > 0 if others else gone
            assert along.sum(1).max().item() == size
            assert (along.long().diff(dim=1).abs().sum(1) <= 2).all()  # one run, no gaps
            assert along.any(0).sum().item() == side  # reaches everywhere
            found = {tuple(row) for row in along.tolist()}
            assert found == {row[::-1] for row in found}  # both edges alike

    def test_what_is_kept_is_untouched(self):
        x = numbered(20, 1, 8, 8)
        y = only("cutout")(x, seeded())
        assert ((y == x) | (y == 0)).all()


class TestGeometry:
    @pytest.mark.parametrize("name", FLIPS)
    @pytest.mark.parametrize("sides", [(6,), (4, 6), (4, 4, 6)])
    def test_a_flip_mirrors_its_axis_two_times_in_five_and_twice_is_nothing(self, name, sides):
        axis = len(sides) - FLIPS.index(name) + 1
        x = numbered(1, 1, *sides).expand(400, 1, *sides)
        augment = only(name)
        drawn = augment.draw(x, seeded())
        y = augment.apply(x, drawn)
        if FLIPS.index(name) >= len(sides):
            assert torch.equal(y, x)  # a series has no vertical
            return
        flipped = (y != x).flatten(1).any(1)
        assert torch.equal(y[flipped], x[flipped].flip(axis))
        assert 120 < flipped.sum().item() < 200  # 160, standard deviation 10
        assert torch.equal(augment.apply(y, drawn), x)

    @pytest.mark.parametrize(
        ("sides", "count"),
        [((5,), 1), ((5, 5), 4), ((4, 6), 2), ((3, 3, 3), 24), ((3, 3, 4), 8), ((2, 3, 4), 4)],
    )
    def test_rotations_are_the_group_of_right_angle_turns(self, sides, count):
        x = numbered(1, 1, *sides)
        y = only("rotation")(x.expand(1500, 1, *sides), seeded())
        found = {row.tobytes() for row in y.numpy()}
        # Independent reference: everything quarter turns of single planes lead to, where the shape survives.
        reached, queue = {x[0].numpy().tobytes()}, [x[0, 0].numpy()]
        while queue:
            volume = queue.pop()
            for plane in pairwise(range(len(sides))):
                for turns in (1, 2):
                    turned = np.rot90(volume, turns, plane)
                    if turned.shape == sides and turned.tobytes() not in reached:
                        reached.add(turned.tobytes())
                        queue.append(turned)
        assert len(rotations(sides)) == count
        assert found == reached
        assert len(found) == count

    def test_geometry_covers_the_symmetries_of_the_square_and_the_original_stays_likeliest(self):
        # Flips of each axis have chance 0.4, rotations 0.4 (none), 0.2, 0.2, 0.2; two ways lead to each of
        # the eight: the identity 0.36 * 0.4 + 0.16 * 0.2 and so on.
        picture = np.arange(9.0).reshape(3, 3)
        expected = [
            (picture, 0.176),
            (np.rot90(picture, 2), 0.136),
            (np.rot90(picture, 1), 0.104),
            (np.rot90(picture, 3), 0.104),
            (picture[::-1], 0.144),
            (picture[:, ::-1], 0.144),
            (picture.T, 0.096),
            (np.rot90(picture, 2).T, 0.096),
        ]
        x = torch.tensor(picture).expand(8000, 1, 3, 3)
        y = make_augment(["geometry"])(x, seeded())[:, 0].numpy()
        for turned, share in expected:
            found = (y == turned).all((1, 2)).mean()
            assert found == pytest.approx(share, abs=0.017)  # four standard errors

    def test_values_are_permuted_never_changed(self):
        x = normal(20, 2, 5, 5)
        y = make_augment(["geometry"])(x, seeded())
        assert torch.equal(y.flatten(2).sort(2).values, x.flatten(2).sort(2).values)


class TestTogether:
    def test_moves_compose_to_a_symmetry_then_a_shift_that_brings_in_zeros(self):
        picture = np.arange(1.0, 65.0).reshape(8, 8)
        possible = set()
        for turned in [np.rot90(face, k) for face in (picture, picture.T) for k in range(4)]:
            padded = np.pad(turned, 1)
            possible |= {
                padded[down : down + 8, right : right + 8].tobytes()
                for down in range(3)
                for right in range(3)
            }
        y = make_augment(["translation", "geometry"])(torch.tensor(picture).expand(1500, 1, 8, 8), seeded())
        found = {row.numpy().tobytes() for row in y}
        assert found <= possible
        assert len(possible) == 72
        assert len(found) > 65

    def test_what_moves_in_or_is_cut_is_zero_whatever_the_colour(self):
        x = torch.full((300, 3, 8, 8), 10.0)
        augment = make_augment(["colour", "translation", "cutout"])
        y = augment(x, seeded())
        keep = augment.draw(x, seeded()).keep.view(300, 1, 8, 8).expand_as(y)
        assert (y[~keep] == 0).all()
        assert (y[keep] > 9).all()
        assert 0 < (~keep).float().mean() < 0.6

    def test_real_and_fake_get_the_same_treatment_from_generators_of_one_seed(self):
        # An augmentation that is linear without colour: T(a) + T(b) = T(a + b) only if the draws agree.
        augment = make_augment(["translation", "cutout", "geometry"])
        a, b = normal(32, 1, 8, 8), normal(32, 1, 8, 8, seed=1)
        together = augment(a + b, seeded(5))
        torch.testing.assert_close(augment(a, seeded(5)) + augment(b, seeded(5)), together)
        assert not torch.allclose(augment(a, seeded(5)) + augment(b, seeded(6)), together)


class TestPolicy:
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_a_forbidden_operation_leaves_its_group(self, operation):
        augment = make_augment(ALL, forbid=[operation])
        expected = set(OPERATIONS) - {operation} - ({"rotation"} if operation in FLIPS else set())
        assert augment.operations == expected

    def test_forbidding_the_horizontal_flip_leaves_no_way_to_a_mirror_image_or_a_half_turn(self):
        x = numbered(1, 1, 4, 4)
        y = make_augment(["geometry"], forbid=["flip_horizontal"])(x.expand(300, 1, 4, 4), seeded())
        found = {row.numpy().tobytes() for row in y}
        assert found == {x[0].numpy().tobytes(), x[0].flip(1).numpy().tobytes()}

    def test_forbidding_all_flips_and_nothing_else_to_do_is_the_identity(self):
        x = normal(50, 1, 4, 4)
        assert torch.equal(make_augment(["geometry"], forbid=FLIPS)(x, seeded()), x)

    def test_forbidding_one_operation_does_not_change_the_draws_of_the_others(self):
        x = normal(20, 1, 8, 8)
        with_all = make_augment(["colour", "cutout"]).draw(x, seeded())
        without = make_augment(["colour", "cutout"], forbid=["brightness"]).draw(x, seeded())
        assert without.brightness is None
        assert torch.equal(with_all.contrast, without.contrast)
        assert torch.equal(with_all.keep, without.keep)

    def test_probability_is_the_share_of_rows_touched(self):
        x = torch.ones(4000, 1, 8)
        for chance in (0.1, 0.7):
            touched = (only("brightness", probability=chance)(x, seeded()) != 1).flatten(1).any(1)
            assert touched.double().mean().item() == pytest.approx(chance, abs=0.03)  # 4 standard errors
            again = (only("brightness")(x, seeded(), probability=chance) != 1).flatten(1).any(1)
            assert torch.equal(touched, again)

    @pytest.mark.parametrize(
        ("arguments", "options", "message"),
        [
            (["color"], {}, "group color; allowed are colour"),
            (["colour"], {"forbid": ["mirror"]}, "operation mirror; allowed are brightness"),
            (["colour"], {"strength": 1.5}, "strength must lie in"),
            (["colour"], {"strength": float("nan")}, "strength must lie in"),
            (["colour"], {"probability": -0.1}, "probability must lie in"),
        ],
    )
    def test_bad_policies_are_refused_with_what_is_allowed(self, arguments, options, message):
        with pytest.raises(ConfigError, match=message):
            make_augment(arguments, **options)

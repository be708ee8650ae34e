from __future__ import annotations

import pytest

from augmentor.cli.data_options import DataOptions
from augmentor.core.errors import ConfigError


def test_tile_is_a_field_of_the_recipe_and_of_an_inspection() -> None:
    options = DataOptions(tile=512)
    assert options.assignments() == ["image.tile=512"]
    assert options.image.tile == 512
    assert DataOptions().image.tile is None


def test_tiles_that_are_too_small_are_refused_by_the_name_of_the_option() -> None:
    with pytest.raises(ConfigError, match=r"--tile.*16"):
        _ = DataOptions(tile=3).image

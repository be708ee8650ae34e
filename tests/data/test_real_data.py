"""The numbers of real sets, counted once by hand with another program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augmentor.core.errors import DataError
from augmentor.data.inspect import inspect
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec, ScarcitySpec, SplitSpec
from augmentor.data.split import split

Shared = Callable[[str], Path]


def test_pneumoniamnist_and_its_leaks(shared: Shared) -> None:
    data = shared("pneumoniamnist")
    found = inspect("pneumoniamnist", data=data)
    # 29 pictures repeat another: 27 groups with 56 members; 8 groups lie in train and validation.
    assert len(found.exact) == 27
    assert sum(len(group) - 1 for group in found.exact) == 29
    assert found.exact_across == 8
    assert found.near == ()
    assert found.to_generate == {"normal": 2270, "pneumonia": 0}
    made = split(found.loaded, scarcity=ScarcitySpec(per_class={"normal": 60, "pneumonia": 540}))
    # Two of the eight groups have two members in train: ten rows go.
    assert len(made.removed) == 10
    assert {item.part for item in made.removed} == {"train"}
    assert {item.reason for item in made.removed} == {"duplicate"}
    assert made.train.counts == {"normal": 60, "pneumonia": 540}
    assert made.validation.counts == {"normal": 135, "pneumonia": 389}
    assert made.test.counts == {"normal": 234, "pneumonia": 390}
    with pytest.raises(DataError, match="10 rows of pneumoniamnist are also"):
        split(found.loaded, split=SplitSpec(duplicates="refuse"))


def test_retinamnist_is_the_official_file_with_nearly_equal_pairs(shared: Shared) -> None:
    found = inspect("retinamnist", data=shared("retinamnist"))
    assert found.notes == ()
    assert found.counts["train"] == {"0": 486, "1": 128, "2": 206, "3": 194, "4": 66}
    assert found.exact == ()
    assert (len(found.near), found.near_across) == (26, 0)
    assert found.channels == {3: 1600}


def test_bccd_cells_keep_smear_images_together(shared: Shared) -> None:
    loaded = load("bccd_cells", data=shared("bccd_cells"), image=ImageSpec(size=32))
    assert loaded.notes == ()
    assert loaded.skipped == ()
    scarce = ScarcitySpec(per_class={"WBC": 30, "Platelets": 30, "RBC": 300})
    made = split(loaded, scarcity=scarce)
    assert made.train.counts == {"Platelets": 30, "RBC": 300, "WBC": 30}
    assert made.test.counts == {"Platelets": 69, "RBC": 803, "WBC": 71}
    assert made.removed == ()
    groups = [set(part.group) for part in made.parts.values() if part.group is not None]
    assert len(groups) == 3
    assert not (groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2])
    assert made.train.shape == (3, 32, 32)


def test_dsb2018_has_mixed_sizes_and_modes_and_no_split(shared: Shared) -> None:
    folder = shared("dsb2018_nuclei")
    loaded = load(str(folder / "images"), image=ImageSpec(size=32))
    assert loaded.parts["all"].counts == {"brightfield_grey": 16, "fluorescence": 541, "histology": 107}
    assert loaded.notes == ("557 grey and 107 colour pictures: all are used as rgb",)
    with pytest.raises(DataError, match="none directly"):
        load(str(folder))


@pytest.mark.parametrize("name", ["pima_diabetes", "ecoli"])
def test_tables_are_refused_by_name(shared: Shared, name: str) -> None:
    with pytest.raises(DataError, match="a later release"):
        load(str(shared(name)))


def test_adrenalmnist3d_is_the_official_file_of_volumes(shared: Shared) -> None:
    found = inspect("adrenalmnist3d", data=shared("adrenalmnist3d"))
    assert found.notes == ()
    assert found.counts["train"] == {"normal": 929, "hyperplasia": 259}
    assert (found.exact, found.near) == ((), ())
    assert next(iter(found.loaded.parts.values())).shape == (1, 28, 28, 28)


def test_indoor_movement_is_read_as_series_of_one_length(shared: Shared) -> None:
    found = inspect("indoor_movement", data=shared("indoor_movement"))
    assert found.counts == {"train": {"-1": 106, "1": 104}, "test": {"-1": 50, "1": 54}}
    assert found.sides == ((19, 41, 129),)
    assert next(iter(found.loaded.parts.values())).shape == (4, 36)
    assert np.isfinite(found.loaded.parts["train"].array).all()
    assert (found.exact, found.near) == ((), ())
    bare = load(str(shared("indoor_movement")))
    assert bare.kind.name == "series"

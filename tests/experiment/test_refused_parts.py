from dataclasses import replace

import numpy as np
import pytest
from blob_parts import evaluated, marked, parts

from augmentor.core.errors import DataError, LeakError
from augmentor.experiment.spec import EvaluationSpec


def run(folder, given):
    return evaluated(given, EvaluationSpec(), folder)


@pytest.mark.parametrize("pair", [("train", "test"), ("train", "validation"), ("validation", "test")])
def test_a_row_in_two_parts_is_a_leak(tmp_path, pair):
    train, validation, test, synthetic = parts()
    given = {"train": train, "validation": validation, "test": test}
    given[pair[0]] = replace(given[pair[0]], x=np.concatenate([given[pair[1]].x[:1], given[pair[0]].x[1:]]))
    with pytest.raises(LeakError, match=r"1 image of the (test|validation) part"):
        run(tmp_path, given=(*given.values(), synthetic))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", [1, 2])
def test_a_held_out_image_among_the_synthetic_ones_is_a_leak(tmp_path, part):
    given = parts()
    planted = marked(replace(given[part].take(range(3)), ids=np.array(["a", "b", "c"])))
    with pytest.raises(LeakError, match="3 images of the"):
        run(tmp_path, given=(*given[:3], planted))


def test_a_group_in_two_parts_is_a_leak(tmp_path):
    train, validation, test, synthetic = parts()
    one, other = (
        replace(p, group=np.array([f"{n}{i}" for i in range(len(p))])) for n, p in (("a", train), ("b", test))
    )
    other = replace(other, group=np.where(np.arange(len(other)) == 0, "a0", other.group))
    with pytest.raises(LeakError, match="1 group of the test part"):
        run(tmp_path, given=(one, validation, other, synthetic))


def test_parts_that_do_not_fit_are_refused(tmp_path):
    train, validation, test, synthetic = parts()
    with pytest.raises(DataError, match="the validation part is empty"):
        run(tmp_path, given=(train, validation.take([]), test, synthetic))
    wrong = replace(test, x=test.array[:, :, :5])
    with pytest.raises(DataError, match="the test part differs from the training part"):
        run(tmp_path, given=(train, validation, wrong, synthetic))

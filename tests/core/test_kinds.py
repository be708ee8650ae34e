"""Words of a kind: nouns are put in, what a user named stays."""

import pytest

from augmentor.core.errors import DataError
from augmentor.core.kinds import KINDS, kind_of

SAID = {
    "3 images": ("3 volumes", "3 series"),
    "an image is near": ("a volume is near", "a series is near"),
    "An image.": ("A volume.", "A series."),
    "each picture has 5 pixels": ("each volume has 5 voxels", "each series has 5 values"),
    "Images, pixel-identical to a training image.": (
        "Volumes, voxel-identical to a training volume.",
        "Series, value-identical to a training series.",
    ),
    "the class 'image' and --set image.size=32": ("the class 'image' and --set image.size=32",) * 2,
    "data:image/png;base64 imagery images/a.png": ("data:image/png;base64 imagery images/a.png",) * 2,
}


@pytest.mark.parametrize("text", SAID)
def test_nouns_fit_the_kind(text):
    assert (KINDS["volume"].say(text), KINDS["series"].say(text)) == SAID[text]
    assert KINDS["image"].say(text) == text


def test_the_shape_tells_the_kind():
    shapes = [(4, 36), (3, 8, 8), (1, 8, 8, 8)]
    assert [kind_of(shape).name for shape in shapes] == ["series", "image", "volume"]
    for shape in ((3,), (1, 2, 2, 2, 2)):
        with pytest.raises(DataError, match="one \\(series\\), two \\(image\\) or three"):
            kind_of(shape)

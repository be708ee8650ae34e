"""The part of a dataset that a folder, a column or an array names."""

from __future__ import annotations

import re

_PARTS = {
    "train": ("train", "training", "trn", "trainset", "trainingset", "traindata", "trainingdata"),
    "validation": ("val", "valid", "validation", "dev", "valset", "validset", "validationset", "devset"),
    "test": ("test", "testing", "tst", "testset", "testdata"),
}
_PART_OF = {name: part for part, names in _PARTS.items() for name in names}
_BESIDE = frozenset(
    ("seg", "set", "data", "dataset", "images", "imgs", "image", "img", "split", "part", "folder", "pictures")
)
"""Words that stand beside the name of a part and say nothing: seg_train, test_images, validation-set."""
USUAL = "train, training, val, valid, validation, dev, test, testing"


def part_of(name: str) -> str | None:
    """Return "train", "validation" or "test" where ``name`` means one of them, else None.

    Case, numbers and words that say nothing do not matter.

    Example:
        >>> [part_of(name) for name in ("TEST", "seg_train", "2_valid", "training-set", "cat")]
        ['test', 'train', 'validation', 'train', None]
    """
    words = [word for word in re.split(r"[\s_.\-]+", name.strip().lower()) if word and not word.isdigit()]
    telling = [word for word in words if word not in _BESIDE]
    return _PART_OF.get(telling[0]) if len(telling) == 1 else None

"""Names of the critic augmentation's operations. Torch-free, so that recipes are read quickly."""

from __future__ import annotations

from collections.abc import Collection, Mapping

GROUPS: Mapping[str, tuple[str, ...]] = {
    "colour": ("brightness", "saturation", "contrast"),
    "translation": ("translation",),
    "cutout": ("cutout",),
    "geometry": ("flip_horizontal", "flip_vertical", "flip_depth", "rotation"),
}
OPERATIONS = tuple(operation for group in GROUPS.values() for operation in group)
FLIPS = ("flip_horizontal", "flip_vertical", "flip_depth")
"""Flips of the last spatial axis, the one before, and the one before that."""


def operations_of(groups: Collection[str], forbid: Collection[str] = ()) -> frozenset[str]:
    """Return the operations of ``groups`` less the forbidden ones.

    As a half turn after a vertical flip is a horizontal flip, forbidding any flip leaves out rotations too.
    """
    found = {operation for group in groups for operation in GROUPS[group]} - set(forbid)
    return frozenset(found - {"rotation"} if set(forbid) & set(FLIPS) else found)

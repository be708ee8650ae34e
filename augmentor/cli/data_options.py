"""The options that say how data is read, shared by all commands that read some."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from augmentor.data.spec import ImageSpec, ReadingSpec

_GROUP = Group("Reading the data", sort_key=50)
Column = Annotated[str | None, Parameter(metavar="NAME", group=_GROUP)]


@Parameter(name="*")
@dataclass(frozen=True)
class DataOptions:
    """How the data is read.

    Args:
        path_column: Of a table that names pictures, the column with their paths; found where not named.
        label_column: The column with the class; several for one-hot labels, as A,B,C.
        group_column: The column with the patient (or specimen), none of which gets into two parts.
        split_column: The column with the part: train, validation or test.
        subgroup_column: A column by which cases are counted, tried for telling the class, and scored apart.
        exclude_class: Leave out a class; give it several times for several.
        tile: Cut whole-slide images and other large pictures into tiles of so many pixels a side.
    """

    path_column: Column = None
    label_column: Column = None
    group_column: Column = None
    split_column: Column = None
    subgroup_column: Column = None
    exclude_class: Annotated[
        tuple[str, ...], Parameter(name="--exclude-class", negative="", metavar="NAME", group=_GROUP)
    ] = ()
    tile: Annotated[int | None, Parameter(metavar="PIXELS", group=_GROUP)] = None

    @property
    def spec(self) -> ReadingSpec:
        """The same for what reads the data."""
        from augmentor.data.spec import ColumnsSpec, ReadingSpec

        return ReadingSpec(columns=ColumnsSpec(**self._named()), exclude_classes=self.exclude_class)

    def assignments(self) -> list[str]:
        """Return what is asked as ``--set`` assignments of a recipe."""
        # As JSON, which is YAML: a name may hold signs that mean something there.
        asked = [f"columns.{role}={json.dumps(name)}" for role, name in self._named().items()]
        if self.exclude_class:
            asked.append(f"exclude_classes={json.dumps(list(self.exclude_class))}")
        return asked if self.tile is None else [*asked, f"image.tile={self.tile}"]

    @property
    def image(self) -> ImageSpec:
        """What it says about pictures, for what reads the data without a recipe.

        Raises:
            ConfigError: if the tiles are too small or too large.
        """
        from augmentor.core.spec import parse
        from augmentor.data.spec import ImageSpec

        return parse(ImageSpec, {"tile": self.tile}, "--tile")

    def _named(self) -> dict[str, str]:
        given = {
            "path": self.path_column,
            "label": self.label_column,
            "group": self.group_column,
            "split": self.split_column,
            "subgroup": self.subgroup_column,
        }
        return {role: name for role, name in given.items() if name is not None}


ANY_DATA = DataOptions()

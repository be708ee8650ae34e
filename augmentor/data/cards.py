"""Dataset cards: one YAML file per dataset with its meaning, its source and how to read it."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from augmentor.core.errors import ConfigError
from augmentor.core.shipped import shipped
from augmentor.core.spec import Spec, parse, read_yaml
from augmentor.data.spec import ColumnsSpec

Avoid = Literal["horizontal_flip", "vertical_flip", "depth_flip", "rotation", "colour", "scale"]
Part = Literal["train", "validation", "test", "all"]
Text = Annotated[str, Field(min_length=1)]


class Card(Spec):
    """The description of a dataset.

    Attributes:
        name: short name, the file's stem; letters, digits, ``_`` and ``-``.
        title: one line for people.
        licence: licence of the data, e.g. "CC BY 4.0".
        source: page the data comes from.
        citation: the works to cite.
        kind: "embedded" (inside an installed package), "npz", "folder" of class folders, or the name of
            another form in which data lies on disk.
        modality: "image", "volume" or "series"; None decides by the files and their shape, see
            :func:`augmentor.data.readers.decide.decide_kind`.
        path: where the data lies, counted from the card's own folder: a folder, a zip archive, a table or
            an .npz file; so that `--data CARD.yaml` is all that a run needs.
        columns: what the columns of the table mean that names the pictures.
        exclude_classes: classes that are left out.
        url: where the official file is; used on request only.
        md5: MD5 of the official file, 32 hexadecimal digits.
        task: what a label is; "multi-label" sets are described but cannot be used.
        target: what the label means, e.g. "diagnosis".
        classes: class names in label order; for a folder, the folder names.
        group: how to find the patient (or specimen) of a case, so that no patient is in two parts: for a
            folder a regular expression with a group named ``group``, searched in the file name; for
            npz the name of an array (``NAME``, or ``train_NAME``, ``val_NAME``, ``test_NAME``).
        split: "official" if the data carries its split, else "stratified".
        rows: cases in each part of the official data; a difference is reported.
        value_range: (lowest, highest) value a pixel may take; None for the range of the dtype, and for
            series of floats for a round number beyond all values.
        image_size: side in pixels (or voxels) used where a recipe names none.
        avoid: augmentations that could change the label; for series a horizontal flip is time
            running backwards, and colour is level and amplitude.
        refused: why this dataset cannot be used, where it cannot.
        notes: notes for users of the data.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]
    title: Text
    licence: Text = "unknown"
    source: Text = "unknown"
    citation: Text = "unknown"
    kind: Text
    modality: Text | None = None
    path: Text | None = None
    columns: ColumnsSpec = ColumnsSpec()
    exclude_classes: list[str] = Field(default_factory=list)
    url: Annotated[str, Field(pattern=r"^https://")] | None = None
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    task: Literal["binary-class", "multi-class", "ordinal-regression", "multi-label"] = "multi-class"
    target: Text = "class"
    classes: Annotated[list[str], Field(min_length=2)]
    group: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    split: Literal["official", "stratified"] = "official"
    rows: dict[Part, int] = Field(default_factory=dict)
    value_range: tuple[float, float] | None = None
    image_size: Annotated[int, Field(ge=4, le=1024)] | None = None
    avoid: list[Avoid] = Field(default_factory=list)
    refused: str | None = None
    notes: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _agrees(self) -> Card:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"class names must be unique, got {self.classes}")
        if self.value_range is not None and self.value_range[0] >= self.value_range[1]:
            raise ValueError(f"value_range must rise, got {list(self.value_range)}")
        unknown = [name for name in self.exclude_classes if name not in self.classes]
        if unknown:
            raise ValueError(f"exclude_classes names {unknown[0]!r}, which is not among the classes")
        if (self.url is None) != (self.md5 is None):
            raise ValueError("url and md5 come together: what is downloaded is also verified")
        if self.kind == "folder" and self.group is not None:
            try:
                names = re.compile(self.group).groupindex
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"group is not a regular expression: {error}") from error
            if "group" not in names:
                raise ValueError("group needs a part named 'group', e.g. '^(?P<group>[^_]+)_'")
        return self


def read_card(path: Path) -> Card:
    """Read a card from a YAML file.

    Raises:
        ConfigError: if the file is no valid card.
    """
    return parse(Card, read_yaml(path), f"the dataset card {path}")


def card_names() -> list[str]:
    """Return the names of the shipped cards, sorted."""
    return sorted(path.stem for path in shipped("datasets").glob("*.yaml"))


def load_card(name: str) -> Card:
    """Return the shipped card called ``name``, or the card in the YAML file ``name``.

    Raises:
        ConfigError: if there is no such card, with the nearest names, or the file is no card.
    """
    if name.endswith((".yaml", ".yml")):
        return read_card(Path(name))
    names = card_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names)}"
        raise ConfigError(f"there is no dataset card called {name!r}; {hint}")
    return read_card(shipped("datasets") / f"{name}.yaml")


def list_cards() -> list[Card]:
    """Return the shipped cards, sorted by name."""
    return [load_card(name) for name in card_names()]

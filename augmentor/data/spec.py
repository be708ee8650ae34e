"""Options of a recipe about images, series, scarcity and splits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from augmentor.core.spec import Spec

Colour = Literal["auto", "grey", "rgb"]


class ImageSpec(Spec):
    """How images and volumes become arrays of one shape.

    Attributes:
        size: side in pixels of the square every picture becomes: the largest centred square is cut
            out and resized, by area averaging when it shrinks and bilinearly when it grows. None
            keeps the size of the data card, else the pictures' own size if they all share one of at
            most 128 a side; a folder of others is brought to 64 (or less, where they are smaller).
        colour: "grey" (1 channel), "rgb" (3 channels), or "auto": rgb if any picture shows a colour.
        stack: how files of several pages, frames or time points are used: "volume" (pages are depth),
            "frames" (each is a sample; those of one file stay together), "first" (the others are not
            used), "channels" (time points are channels). None skips such files, with the way to use
            them; frames that know their place in the patient are volumes without being asked.
        window: values of medical files: [lowest, highest] in the scanner's units (e.g. Hounsfield), to
            which they are cut; "file" for each file's own window, "percentile" for percentiles 0.5 to
            99.5 of each file, both brought to 0 to 1. None takes them as they are. What was done is
            kept, so that it can be undone.
        tile: side in pixels of the tiles that large pictures (whole-slide images) are cut into; each is a
            sample, and those of one slide stay together. None cuts nothing.
        spacing: millimetres between cells that medical files are resampled to; then ``size`` cuts or pads
            about the middle instead of resizing. None leaves the spacing.
    """

    size: Annotated[int, Field(ge=4, le=1024)] | None = None
    colour: Colour = "auto"
    stack: Literal["volume", "frames", "first", "channels"] | None = None
    window: tuple[float, float] | Literal["file", "percentile"] | None = None
    spacing: Annotated[float, Field(gt=0, le=100)] | None = None
    tile: Annotated[int, Field(ge=16, le=8192)] | None = None

    @field_validator("window")
    @classmethod
    def _rises(cls, window: tuple[float, float] | str | None) -> tuple[float, float] | str | None:
        if isinstance(window, tuple) and not -1e30 < window[0] < window[1] < 1e30:
            raise ValueError(f"window must rise: [lowest, highest], got {list(window)}")
        return window


class SeriesSpec(Spec):
    """How series become arrays of one length; other data has no use for it.

    Attributes:
        length: steps every series becomes. None keeps the length that all share (at most 512), else
            takes that of the training part's spans: their median for "resample", the longest for the
            others, as a multiple of 4.
        treatment: "resample" stretches every span to the length (averaging where it shrinks,
            interpolating where it grows): no step is padding, but durations are no longer seen.
            "pad_last" and "pad_zero" keep the time axis: shorter series go on with their last value
            or with 0, longer ones are cut.
    """

    length: Annotated[int, Field(ge=8, le=65536)] | None = None
    treatment: Literal["resample", "pad_last", "pad_zero"] = "resample"


class ColumnsSpec(Spec):
    """What the columns of a table mean that names pictures; a column that is not named is found.

    Attributes:
        path: the column with the path (or name) of each picture's file.
        label: the column with the class; several, of which one holds 1 and the others 0, are one-hot
            labels, and their names are the classes.
        group: the column with the patient (or specimen), so that none is in two parts.
        split: the column with the part: train, validation or test.
        subgroup: a column by which `inspect` counts the cases, and tells whether it alone tells the class,
            and by which a run's scores stand apart (sex, site, scanner).
    """

    path: Annotated[str, Field(min_length=1)] | None = None
    label: Annotated[str, Field(min_length=1)] | tuple[str, ...] | None = None
    group: Annotated[str, Field(min_length=1)] | None = None
    split: Annotated[str, Field(min_length=1)] | None = None
    subgroup: Annotated[str, Field(min_length=1)] | None = None

    @property
    def named(self) -> dict[str, str | tuple[str, ...]]:
        """The columns that are named, by what they mean."""
        return {key: value for key, value in self.model_dump().items() if value is not None}

    def over(self, base: ColumnsSpec) -> ColumnsSpec:
        """Return ``base`` with the columns that are named here in place of its own."""
        return ColumnsSpec(**{**base.named, **self.named})


class ReadingSpec(Spec):
    """What a person says about data before it is read.

    Attributes:
        columns: what the columns of a table mean.
        exclude_classes: classes that are left out.
    """

    columns: ColumnsSpec = ColumnsSpec()
    exclude_classes: tuple[str, ...] = ()


class ScarcitySpec(Spec):
    """How many training cases of a class to keep; validation and test parts stay whole.

    Attributes:
        per_class: class name to number of training cases; classes not named keep all.
        seed: decides which cases stay. A smaller number keeps a subset of a larger one.
    """

    per_class: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    seed: int = 0


class SplitSpec(Spec):
    """How training, validation and test parts are made and checked.

    Attributes:
        validation: share of the training part held out for validation, where the data has no
            official validation part.
        test: share of all cases held out for the test, where the data has no official test part and is not
            divided into folds.
        folds: how many folds the data are divided into. Each is the test part once, for a generator, filters
            and models that never saw it, so that every case is tested once, and the verdict is about all of
            them. 1 answers for one test part. "auto" is 1, but
            :data:`augmentor.data.folds.FOLDS` where the data have no test part of their own and one of them
            would hold fewer than :data:`augmentor.data.folds.FEW_TEST_CASES` cases (or groups) of a class.
            The budgets standard and thorough set "auto".
        fold: which fold is the test part, from 0; a run goes on from it to the others.
        seed: decides shares and folds; an official split does not depend on it.
        duplicates: what happens to a case that is also in a part nearer to the test (the same
            pixels, or the same patient where the card names a group): "remove" takes it out of the
            training (or validation) part, "refuse" stops the run.
        minimum_per_class: fewest training cases a class may have.
    """

    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    test: Annotated[float, Field(gt=0, lt=1)] = 0.3
    folds: Literal["auto"] | Annotated[int, Field(ge=1, le=100)] = 1
    fold: Annotated[int, Field(ge=0)] = 0
    seed: int = 0
    duplicates: Literal["remove", "refuse"] = "remove"
    minimum_per_class: Annotated[int, Field(ge=2)] = 4

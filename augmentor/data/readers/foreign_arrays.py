"""Synthetic series and volumes made by anyone: on the grid and in the units of the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from augmentor.core.progress import Progress
from augmentor.core.samples import Samples
from augmentor.data.readers.array_files import stacked
from augmentor.data.readers.files import Files
from augmentor.data.readers.foreign import FolderRows, check_range, in_real_units, range_of
from augmentor.data.readers.grids import gridded
from augmentor.data.spec import ImageSpec, SeriesSpec


class ForeignArrays:
    """Reads series and volumes as real ones are read; values are those of the data, never scaled."""

    def from_files(
        self,
        files: Files,
        like: Samples,
        *,
        as_stored: bool,
        where: str,
        progress: Progress,
    ) -> FolderRows:
        """Read .npy files, one sample each."""
        read, x, broken = stacked(files, progress)
        if not read:
            return FolderRows([], like.array[:0], broken, [])
        made, kept, notes = self.from_array(x, {}, like, where)
        found = [item for item, keep in zip(read, kept, strict=True) if keep]
        return FolderRows(found, made, broken, notes)

    def from_array(
        self, x: npt.NDArray[Any], arrays: Mapping[str, npt.NDArray[Any]], like: Samples, where: str
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_], list[str]]:
        """Bring series to the real ones' length, volumes to their side."""
        check_range(x, like, where)
        grids = gridded(
            {"all": x},
            like.kind,
            image=ImageSpec(),
            series=SeriesSpec(),
            card=None,
            where=where,
            like=like.shape,
            known_range=range_of(like),
        )
        made, notes = in_real_units(grids.x["all"], arrays, like, where)
        kept = grids.kept["all"]
        if not kept.all():
            notes.append(f"{int((~kept).sum())} synthetic rows have a channel without any value: left out")
        return made, kept, [*grids.notes, *notes]

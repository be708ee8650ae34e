"""Synthetic samples made by anyone, of any kind."""

from __future__ import annotations

from pathlib import Path

from augmentor.core.progress import Progress, Silent
from augmentor.core.samples import Samples
from augmentor.data.loaded import Layout
from augmentor.data.readers.foreign import Foreign
from augmentor.modalities.table import modality_of


def read_foreign(
    source: Path, like: Samples, *, layout: Layout, digest: str, progress: Progress | None = None
) -> Foreign:
    """Read synthetic samples in the shape, colour, dtype and units of ``like``.

    Of an expanded dataset (metadata.csv with a column ``source``, or an .npz with ``train_source``)
    only the synthetic rows are taken. Series and volumes (.npy files or an .npz) are in the units of
    the real data and brought to their length or side. Pictures are resized and recoloured by the rule
    for real ones. PNG values are read as :func:`augmentor.modalities.export.export` writes them: where the
    real data did not come as picture files, or the folder is an expanded dataset, the file's full
    depth stands for the real value range. Values of an .npz are never scaled.

    Args:
        source: what :func:`augmentor.data.readers.foreign.foreign_path` returned.
        like: real samples; their classes and labels count.
        layout: how the real data came.
        digest: SHA-256 of the source.
        progress: gets the number of files read.

    Raises:
        DataError: if nothing can be read, a class is not among the real ones, or values lie beyond
            the real value range.
    """
    return modality_of(like).read_synthetic(
        source, like, layout=layout, digest=digest, progress=progress or Silent()
    )

"""The modalities by name, and the modality of given samples."""

from __future__ import annotations

import json

from augmentor.core.errors import DataError
from augmentor.core.samples import Samples
from augmentor.modalities.base import Codec, Modality
from augmentor.modalities.image import ImageModality
from augmentor.modalities.series import SeriesModality
from augmentor.modalities.volume import VolumeModality

MODALITIES: dict[str, Modality] = {
    "series": SeriesModality(),
    "image": ImageModality(),
    "volume": VolumeModality(),
}


def modality_of(samples: Samples) -> Modality:
    """Return the modality of ``samples``: that of their kind, which their reader decided.

    Raises:
        DataError: if there is none of that name.
    """
    name = samples.kind.name
    if name not in MODALITIES:
        raise DataError(
            f"there is no modality {name!r}; there are {', '.join(MODALITIES)}. A new one is a row in "
            "augmentor.modalities.table.MODALITIES"
        )
    return MODALITIES[name]


def load_codec(text: str) -> Codec:
    """Return the codec of the JSON text that :meth:`~augmentor.modalities.base.Codec.to_json` wrote.

    Raises:
        DataError: if the text is not that of a codec.
    """
    try:
        values = json.loads(text)
        name = str(values["codec"])
        if name == "image":
            # Before modalities had codecs of their own, those of series and volumes said "image" too.
            name = {2: "series", 4: "volume"}.get(len(values["shape"]), name)
        if name not in MODALITIES:
            raise DataError(f"a codec of {', '.join(MODALITIES)} is needed, got {name!r}")
        return MODALITIES[name].load_codec(values)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"not the JSON of a codec: {error}") from error

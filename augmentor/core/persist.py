"""Samples and synthetic sets as files: npz without pickle, parquet for tables."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from augmentor.core.calibration import Calibration
from augmentor.core.errors import DataError
from augmentor.core.files import atomic_file, write_json
from augmentor.core.kinds import Kind
from augmentor.core.samples import Samples
from augmentor.core.scratch import chunks, on_disk
from augmentor.core.synthetic import SyntheticSet

ROWS = "x.npy"


def write_samples(folder: Path, samples: Samples) -> None:
    """Write ``samples`` into the existing ``folder``."""
    arrays: dict[str, Any] = {"y": samples.y, "ids": samples.ids.astype(np.str_)}
    if samples.group is not None:
        arrays["group"] = samples.group.astype(np.str_)
    if samples.subgroup is not None:
        arrays["subgroup"] = samples.subgroup.astype(np.str_)
    head: dict[str, Any] = {}
    if samples.calibration is not None:
        arrays |= {"scale": samples.calibration.scale, "spacing": samples.calibration.spacing}
        head["calibration"] = {"units": samples.calibration.units, "window": samples.calibration.window}
    if isinstance(samples.x, pd.DataFrame):
        with atomic_file(folder / "table.parquet") as temporary:
            samples.x.to_parquet(temporary)
    elif on_disk(samples.x):
        # Larger than memory, perhaps: a file of its own, which is mapped when it is read.
        with atomic_file(folder / ROWS) as temporary, temporary.open("wb") as handle:
            _write_rows(handle, samples.x)
    else:
        arrays["x"] = samples.x
    with atomic_file(folder / "samples.npz") as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, **arrays)
    write_json(
        folder / "samples.json",
        {
            "classes": list(samples.classes),
            "value_range": samples.value_range,
            "kind": asdict(samples.kind),
            **head,
        },
    )


def _write_rows(handle: IO[bytes], x: npt.NDArray[np.generic]) -> None:
    """Write a .npy file, a piece at a time."""
    header = {"descr": np.lib.format.dtype_to_descr(x.dtype), "fortran_order": False, "shape": x.shape}
    np.lib.format.write_array_header_1_0(handle, header)
    for piece in chunks(x):
        handle.write(np.ascontiguousarray(x[piece]).data)


def read_samples(folder: Path) -> Samples:
    """Read what :func:`write_samples` wrote.

    Raises:
        DataError: if the files are missing or damaged, or do not say what one sample is.
    """
    try:
        head = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
        # Opened here, because numpy leaves a damaged archive's file open.
        with (
            (folder / "samples.npz").open("rb") as handle,
            np.load(handle, allow_pickle=False) as arrays,
        ):
            parts = {name: arrays[name] for name in arrays.files}
        x: Any
        if "x" in parts:
            x = parts.pop("x")
        elif (folder / ROWS).exists():
            # As a plain array, like those of augmentor.core.scratch; still a view of the map.
            x = np.asarray(np.load(folder / ROWS, mmap_mode="r", allow_pickle=False))
        else:
            x = pd.read_parquet(folder / "table.parquet")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"cannot read the samples in {folder}: {error}") from error
    if "kind" not in head:
        raise DataError(
            f"the samples in {folder} were written by an earlier version and do not say what one sample is "
            "(a series, an image, a volume); run the recipe again"
        )
    bounds = head["value_range"]
    words = head.get("calibration")
    calibration = None if words is None else Calibration(parts.pop("scale"), parts.pop("spacing"), **words)
    return Samples(
        x=x,
        classes=tuple(head["classes"]),
        value_range=None if bounds is None else (bounds[0], bounds[1]),
        calibration=calibration,
        kind=Kind(**head["kind"]),
        **parts,
    )


def write_synthetic(folder: Path, synthetic: SyntheticSet) -> None:
    """Write ``synthetic`` into the existing ``folder``."""
    write_samples(folder, synthetic.samples)
    table = synthetic.provenance.assign(kept=synthetic.kept, reason=synthetic.reason)
    with atomic_file(folder / "provenance.parquet") as temporary:
        table.to_parquet(temporary, index=False)


def read_synthetic(folder: Path) -> SyntheticSet:
    """Read what :func:`write_synthetic` wrote.

    Raises:
        DataError: if the files are missing or damaged.
    """
    samples = read_samples(folder)
    try:
        table = pd.read_parquet(folder / "provenance.parquet")
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the provenance in {folder}: {error}") from error
    return SyntheticSet(
        samples=samples,
        provenance=table.drop(columns=["kept", "reason"]),
        kept=table["kept"].to_numpy(dtype=np.bool_),
        reason=table["reason"].to_numpy(dtype=np.str_),
    )

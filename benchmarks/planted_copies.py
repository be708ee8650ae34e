"""Are copies of training images among synthetic ones found? Recall by kind at 1 % false alarms.

Held-out real images stand for honest synthetic ones: they look as a perfect generator's would, and none
is a copy. Among them copies of training images are planted: exact, shifted by one pixel (the edge
repeated), brighter by 5 %, mirrored; then kinds that the search is not made for: saved as JPEG of quality
75, noise of 2 grey levels, shifted by two pixels, turned by 10 degrees, and 70 % of one training image
mixed with 30 % of the next. The score is the package's own: the distance to the nearest training
image over the distance of a near copy in its class (:func:`augmentor.quality.candidate_scores.copy_scale`).

- *at 1 % false alarms*: the threshold is the 1 % quantile of the scores of the honest images.
- *as shipped*: ratio below 1, the filter's own threshold, which it reads off the validation part; beside it
  the share of honest images (of the test part, never seen) that it takes for copies.

    python benchmarks/planted_copies.py [COPIES]
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from provenance import said

from augmentor.core.samples import Samples
from augmentor.core.seeds import generator
from augmentor.data.load import load
from augmentor.data.spec import ImageSpec, ScarcitySpec
from augmentor.data.split import split
from augmentor.quality.candidate_scores import copy_scale, copy_view, exact_copies
from augmentor.quality.filters_spec import CopyFilter
from augmentor.quality.judge import TaskJudge

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
WORLDS = {
    "digits": (None, None, {str(k): 8 if k % 2 else 60 for k in range(10)}),
    "pneumoniamnist": ("pneumoniamnist/pneumoniamnist.npz", None, {"normal": 60, "pneumonia": 540}),
    "bccd_cells": ("bccd_cells/images", 32, {"RBC": 300, "WBC": 30, "Platelets": 30}),
}


def shifted(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.concatenate([x[..., :1], x[..., :-1]], axis=-1)


def brighter(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip(np.rint(low + (x.astype(np.float64) - low) * 1.05), low, high).astype(x.dtype)


def jpeg(x: np.ndarray, low: float, high: float) -> np.ndarray:
    result = np.empty_like(x)
    for row, picture_ in enumerate(x):
        eight = np.rint((picture_.astype(np.float64) - low) / (high - low) * 255).astype(np.uint8)
        plane = eight[0] if len(eight) == 1 else np.moveaxis(eight, 0, 2)
        buffer = io.BytesIO()
        Image.fromarray(plane).save(buffer, "JPEG", quality=75)
        back = np.asarray(Image.open(buffer))
        back = back[None] if back.ndim == 2 else np.moveaxis(back, 2, 0)
        result[row] = np.rint(low + back / 255 * (high - low)).astype(x.dtype)
    return result


def noisy(x: np.ndarray, low: float, high: float) -> np.ndarray:
    noise = generator(0, "planted noise").normal(0, 2 / 255 * (high - low), x.shape)
    return np.clip(np.rint(x + noise), low, high).astype(x.dtype)


def turned(x: np.ndarray, low: float, high: float) -> np.ndarray:
    result = np.empty_like(x)
    for row, channel in np.ndindex(x.shape[:2]):
        plane = Image.fromarray(x[row, channel].astype(np.float32))
        fill = float(np.median(x[row, channel]))
        back = np.asarray(plane.rotate(10, Image.Resampling.BILINEAR, fillcolor=fill))
        result[row, channel] = np.clip(np.rint(back), low, high).astype(x.dtype)
    return result


def mixed(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.rint(0.7 * x.astype(np.float64) + 0.3 * np.roll(x, 1, axis=0)).astype(x.dtype)


KINDS = {
    "exact": lambda x, low, high: x.copy(),
    "shifted 1 px": shifted,
    "brightness +5 %": brighter,
    "mirrored": lambda x, low, high: np.ascontiguousarray(x[..., ::-1]),
    "JPEG 75": jpeg,
    "noise sd 2/255": noisy,
    "shifted 2 px": lambda x, low, high: shifted(shifted(x, low, high), low, high),
    "turned 10 degrees": turned,
    "70 % mixed with 30 %": mixed,
}


def parts(name: str) -> tuple[Samples, Samples, Samples] | None:
    """Return training, validation and test part as a recipe would cut them; None without the data."""
    place, size, counts = WORLDS[name]
    if place is not None and not (SHARED / place).exists():
        return None
    loaded = load(name, data=None if place is None else SHARED / place, image=ImageSpec(size=size))
    made = split(loaded, scarcity=ScarcitySpec(per_class=counts))
    return made.train, made.validation, made.test


def measure(name: str, copies: int) -> list[str]:
    """Return the rows of the table of one dataset."""
    found = parts(name)
    if found is None:
        return [f"| {name} | left out: its files are not on this machine | | | | |"]
    train, validation, test = found
    # The networks of the judge play no part in the search for copies: two updates are enough.
    judge = TaskJudge.fit(train, held_out=validation, seed=0, updates=2, processes=1)
    scale = copy_scale(judge, CopyFilter().quantile).scale
    images = copy_view(judge, train)
    low, high = train.value_range

    def ratios(samples: Samples) -> np.ndarray:
        distance, _ = judge.modality.nearest(copy_view(judge, samples), images)
        return scale.relative_to_threshold(distance, samples.y)

    honest = ratios(test)
    threshold = np.quantile(honest, 0.01)
    chosen = train.take(
        generator(0, "planted", name).choice(len(train), min(copies, len(train)), replace=False)
    )
    alarms = float((honest < 1).mean())
    lines = []
    for kind, change in KINDS.items():
        planted = replace(chosen, x=change(chosen.array, low, high))
        exact = exact_copies(planted, train)
        ratio = ratios(planted)
        lines.append(
            f"| {name} | {kind} | {len(planted)} | {np.mean((ratio < threshold) | exact):.1%} "
            f"| {np.mean((ratio < 1) | exact):.1%} | {alarms:.1%} of {len(test)} |"
        )
    return lines


def main() -> None:
    """Print the command, day and revision, and the table."""
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(said(), end="\n\n")
    print("| data | planted copies | n | recall at 1 % false alarms | recall as shipped | false alarms |")
    print("|---|---|---|---|---|---|")
    for name in WORLDS:
        for line in measure(name, copies):
            print(line, flush=True)


if __name__ == "__main__":
    main()

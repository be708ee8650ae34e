"""What our training loop costs beside a bare hand-written one, and images per second.

Run ``python benchmarks/train_step.py``; it prints a table and writes train_step.md beside itself. Both loops
train the same networks with the same losses on the same batches' shape; they take turns in short stretches,
and the fastest stretch of each counts: other work on the machine only ever adds time.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import softplus

from augmentor.core.files import write_text
from augmentor.core.progress import Silent
from augmentor.nets.layout import memory_format
from augmentor.synthesizers.adversarial.model import AdversarialModel
from augmentor.synthesizers.adversarial.spec import AdversarialSpec
from augmentor.synthesizers.sampler import torch_threads
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training import loop
from augmentor.training.batches import Batches
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State

IMAGES, CLASSES, CPU = 600, 10, torch.device("cpu")
STRETCHES = {8: (12, 16), 32: (10, 4), 64: (10, 4)}
"""Stretches, and steps in each, by side; whole rounds of four, so that each has its share of penalties."""


def ours(model: AdversarialModel) -> Callable[[], None]:
    """Return one step of our loop, drawing, schedules and average included."""
    budget, shape = model.training, model.shape
    state = State.begin(model.networks(0, CPU), model.regulators)
    x = torch.rand(IMAGES, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    batches = Batches(
        x,
        torch.arange(IMAGES) % CLASSES,
        CLASSES,
        model.rules,
        device=CPU,
        layout=memory_format(len(shape) - 1),
    )
    training = loop.Training(budget, model, batches, 0, None, Checkpoints(None, ""), Silent())
    draws, sums = torch.Generator(), loop.Sums()
    return lambda: sums.add(loop.one_step(state, training, draws))


def bare(model: AdversarialModel) -> Callable[[], None]:
    """Return one step written by hand: no tables, no checks, no schedules but the penalties' turn."""
    spec, budget, shape = model.spec, model.training, model.shape
    networks = model.networks(0, CPU)
    g, d = networks.generator.module, networks.critic.module
    average = deepcopy(g).requires_grad_(False)
    adam = [torch.optim.Adam(net.parameters(), lr=5e-4, betas=(0.0, 0.99), fused=True) for net in (g, d)]
    layout = memory_format(len(shape) - 1)
    data = torch.rand(IMAGES, *shape).mul_(2).sub_(1).contiguous(memory_format=layout)
    labels = torch.arange(IMAGES) % CLASSES
    weights, rows, number = tuple(g.parameters()), budget.batch, [0]
    gamma = model.objective.penalties["r1"]
    of_class = [torch.nonzero(labels == label).flatten() for label in range(CLASSES)]
    augment = model.objective.augment
    assert augment is not None
    random = torch.Generator().manual_seed(0)

    def seen(x: Tensor) -> Tensor:
        return augment(x, random)

    def slope(x: Tensor, y: Tensor) -> Tensor:
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(d(seen(x), y).sum(), x, create_graph=True)
        return 0.5 * gamma * gradient.flatten(1).square().sum(1).mean()

    def step() -> None:
        y = torch.randint(CLASSES, (rows // 4,), generator=random).repeat_interleave(4)
        place = torch.randint(len(of_class[0]), (rows,), generator=random)
        real = data[
            torch.stack([of_class[label][k] for label, k in zip(y.tolist(), place.tolist(), strict=True)])
        ]
        z = torch.randn(rows, spec.latent, generator=random)
        fake = g(z, y)
        fixed = fake.detach()
        real_logits, fake_logits = d(seen(torch.cat([real, fixed])), torch.cat([y, y])).chunk(2)
        loss = softplus(fake_logits - real_logits).mean()
        if number[0] % budget.penalty_every == 0:
            loss = loss + budget.penalty_every * (slope(real, y) + slope(fixed, y))
        adam[1].zero_grad()
        loss.backward()
        adam[1].step()
        logits = d(seen(fake), y)
        with torch.no_grad():
            real_logits = d(seen(real), y)
        apart = (fake[::2] - fake[1::2]).abs().flatten(1).mean(1)
        latent = (z[::2] - z[1::2]).abs().mean(1)
        same = (y[::2, None] == y[None, ::2]).float()
        same = same / same.sum(1, keepdim=True)
        seeking = (same @ latent / (same @ apart + 1e-2 * (same @ latent))).mean()
        loss = softplus(real_logits - logits).mean() + spec.mode_seeking * seeking
        adam[0].zero_grad()
        loss.backward(inputs=weights)
        adam[0].step()
        torch._foreach_lerp_(tuple(average.parameters()), weights, 0.01)
        number[0] += 1

    return step


def seconds(step: Callable[[], None], steps: int, clock: Callable[[], float]) -> float:
    """Return the seconds of ``steps`` steps by ``clock``."""
    begin = clock()
    for _ in range(steps):
        step()
    return clock() - begin


def measure(side: int, threads: int) -> tuple[float, float, int]:
    """Return the ratio ours / bare, our images per second, and the networks' width."""
    shape, budget = (1, side, side), TrainingSpec(images=10**6, transition=(0.0, 0.0))
    spec = AdversarialModel.sized(cast(AdversarialSpec, read_synthesizer({})), shape, IMAGES)
    model = AdversarialModel(spec, budget, shape, CLASSES)
    stretches, steps = STRETCHES[side]
    # One thread's processor time is its time on an idle machine; two threads wait for each other.
    clock = time.process_time if threads == 1 else time.perf_counter
    with torch_threads(threads):
        both = [ours(model), bare(model)]
        for step in both:
            seconds(step, 4, clock)
        best = [float("inf")] * 2
        for number in range(stretches):
            for which in (number % 2, 1 - number % 2):
                best[which] = min(best[which], seconds(both[which], steps, clock))
    return best[0] / best[1], budget.batch * steps / best[0], int(spec.width)


def main() -> None:
    """Measure, print and write the table."""
    lines = [
        "# Training step",
        "",
        "Ours against a bare hand-written loop of the same networks and losses, batches of 32, grey images, "
        "600 of them; one thread by processor time, two by the wall clock; "
        f"torch {torch.__version__} on {platform.machine()}. Target: ratio at most 1.05.",
        "",
        "| side | width | threads | ours / bare | images per second |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(lines[-2:]))
    for threads in (1, 2):
        for side in STRETCHES:
            ratio, rate, width = measure(side, threads)
            lines.append(f"| {side} | {width} | {threads} | {ratio:.3f} | {rate:.0f} |")
            print(lines[-1], flush=True)
    load, cores = os.getloadavg()[0], os.cpu_count()
    lines += [
        "",
        f"Load average at the end: {load:.1f} on {cores} cores; a busy machine hurts two threads most.",
    ]
    print(lines[-1])
    write_text(Path(__file__).with_suffix(".md"), "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""Where does a training step's time go, family by family?

For each family: the time of whole steps, beside the time that the same steps spend inside convolutions and
matrix products, forward, backward and twice backward. The ratio of the two is what normalisation, resampling,
activations, optimisers, augmentation and Python cost on top; 1.3 is the aim, and the table names the largest
of the rest.

    python benchmarks/family_step.py [--side 28] [--family NAME ...]

One thread, processor time (other work on the machine counts little), batches of 32 grey images, 600 of them,
10 classes. Writes family_step.md beside itself.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from augmentor.core.files import write_text
from augmentor.core.progress import Silent
from augmentor.nets.layout import memory_format
from augmentor.synthesizers.families import FAMILIES
from augmentor.synthesizers.fitted import model_of
from augmentor.synthesizers.methods import METHODS
from augmentor.synthesizers.sampler import torch_threads
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training import loop
from augmentor.training.batches import Batches
from augmentor.training.checkpoint import Checkpoints
from augmentor.training.spec import TrainingSpec
from augmentor.training.state import State

IMAGES, CLASSES, CPU = 600, 10, torch.device("cpu")
WARM, ROUNDS, STEPS = 8, 5, 8
"""Steps before measuring, stretches, steps in each: multiples of every family's turns and penalties."""

MEASURED = {"adversarial", "variational"}
"""Methods whose step this is about."""

PRODUCTS = {"convolution", "convolution_backward", "mm", "addmm", "bmm", "baddbmm"}


class Clock(TorchDispatchMode):
    """Adds up the processor time inside each operation, by name, backward passes included."""

    def __init__(self) -> None:
        super().__init__()
        self.spent: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        begin = time.thread_time()
        result = func(*args, **(kwargs or {}))
        self.spent[func._opname] += time.thread_time() - begin
        return result


def stepper(name: str, side: int) -> Callable[[], None]:
    """Return one step of a family's training, late enough that growing networks are whole."""
    shape = (1, side, side)
    spec = read_synthesizer({"family": name})
    budget = TrainingSpec(images=10**6, transition=(0.0, 0.0)).tuned(spec.preset.training)
    model = model_of(METHODS[spec.method].model().sized(spec, shape, IMAGES), budget, shape, CLASSES)
    state = State.begin(model.networks(0, CPU), model.regulators)
    # Past the growth: the last step's position is full resolution.
    state.step = 16 * (int(0.8 * budget.steps) // 16)
    x = torch.rand(IMAGES, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    batches = Batches(
        x, torch.arange(IMAGES) % CLASSES, CLASSES, model.rules, device=CPU, layout=memory_format(2)
    )
    training = loop.Training(budget, model, batches, 0, None, Checkpoints(None, ""), Silent())
    draws, sums = torch.Generator(), loop.Sums()
    return lambda: sums.add(loop.one_step(state, training, draws))


def seconds(step: Callable[[], None]) -> float:
    """Return the processor seconds of one stretch."""
    begin = time.process_time()
    for _ in range(STEPS):
        step()
    return time.process_time() - begin


def measure(name: str, side: int) -> tuple[float, float, list[tuple[str, float]]]:
    """Return milliseconds a step, milliseconds in products, and the largest other operations by share."""
    with torch_threads(1):
        step = stepper(name, side)
        for _ in range(WARM):
            step()
        # In turns: what else runs on the machine slows both alike.
        whole, inside, rest = [], [], Counter[str]()
        for _ in range(ROUNDS):
            whole.append(seconds(step))
            with Clock() as clock:
                seconds(step)
            inside.append(sum(spent for key, spent in clock.spent.items() if key in PRODUCTS))
            rest.update({key: spent for key, spent in clock.spent.items() if key not in PRODUCTS})
    total = sum(whole)
    shares = [(key, spent / total) for key, spent in rest.most_common(4)]
    return 1e3 * median(whole) / STEPS, 1e3 * median(inside) / STEPS, shares


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument(
        "--family",
        nargs="*",
        default=[name for name, family in FAMILIES.items() if family.method in MEASURED and name != "gan3d"],
    )
    arguments = parser.parse_args()
    lines = [
        "# Where a family's step spends its time",
        "",
        f"Grey images of {arguments.side} x {arguments.side}, batches of 32, one thread, processor time, "
        f"torch {torch.__version__}. Products: convolutions and matrix products, backward passes included. "
        "Made by `python benchmarks/family_step.py`.",
        "",
        "| family | ms a step | ms in products | ratio | images/s | largest of the rest, share of the step |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(lines[-2:]))
    for name in arguments.family:
        whole, inside, others = measure(name, arguments.side)
        rest = ", ".join(f"{key} {share:.0%}" for key, share in others)
        lines.append(
            f"| {name} | {whole:.1f} | {inside:.1f} | {whole / inside:.2f} | {32e3 / whole:.0f} | {rest} |"
        )
        print(lines[-1], flush=True)
    write_text(Path(__file__).with_suffix(".md"), "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""One network per class, as in CycleGAN: each row goes through the network of its label (Zhu 2017).

The paper has two mappings, G: X -> Y and F: Y -> X, and a critic for each side (section 3). For K classes
the natural extension is one mapping a target class, from any other class into it, and one critic a class,
which tells real samples of its class from translations into it. That is 2 K networks, where a mapping for
each pair of classes would take K (K - 1) of them beside the critics. With K = 2 they are exactly the paper's
F, G, D_X and D_Y.

No network sees a label; a row trains only the networks that it passes through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from augmentor.nets.conditional import Critic, CriticOutput
from augmentor.nets.spec import NetworkSpec
from augmentor.nets.stargan import StarGANGenerator


def by_class(networks: Sequence[Callable[[Tensor, Tensor], Tensor]], x: Tensor, y: Tensor) -> Tensor:
    """Return the output of each row's own network, (B, ...), in the order of the rows.

    A network whose class has no row gets a batch of none: its gradients are zeros then, not missing, so
    that processes which share a batch have as many to average, whatever classes they got.

    Args:
        networks: one per class, each maps rows of x and y.
        x: (B, C, *spatial); rows of one class keep their order, so runs of one class stay whole.
        y: (B,) classes.
    """
    order = torch.argsort(y, stable=True)
    counts = torch.bincount(y, minlength=len(networks)).tolist()
    rows, labels = (values.index_select(0, order).split(counts) for values in (x, y))
    made = torch.cat([network(*part) for network, *part in zip(networks, rows, labels, strict=True)])
    return made.index_select(0, torch.argsort(order))


class PerClassGenerator(nn.Module):
    """G_c(x) of Zhu 2017, section 3, one mapping per class c, a :class:`StarGANGenerator` without label.

    In training a mapping gets the rows of its target class. In evaluation each mapping in use gets all rows,
    and only its own are kept: the rounding of a row must not depend on how many others share its class.

    Args:
        spec: each network's declaration; ``width`` must be a number by now.
        shape: (C, *spatial) of one sample.
        n_classes: number of classes K.

    Attributes:
        stages: 1, as it does not grow.
    """

    stages = 1

    def __init__(self, spec: NetworkSpec, shape: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.mappings = nn.ModuleList(StarGANGenerator(spec, shape, 0) for _ in range(n_classes))

    def forward(
        self, x: Tensor, y: Tensor, label_weight: float = 1.0, draws: torch.Generator | None = None
    ) -> Tensor:
        """Return samples (B, C, *spatial) in [-1, 1].

        Args:
            x: samples (B, C, *spatial) in [-1, 1] of any classes.
            y: (B,) the classes they are to be of.
            label_weight: not needed; there is no label to weigh.
            draws: not needed; the same sample and class always give the same sample.
        """
        if self.training:
            return by_class(list(self.mappings), x, y)
        made = torch.zeros_like(x)
        # What is exported must not depend on the labels that it is traced with.
        labels = range(len(self.mappings)) if torch.compiler.is_exporting() else y.unique().tolist()
        for label in labels:
            own = (y == label).view(-1, *[1] * (x.ndim - 1))
            made = torch.where(own, self.mappings[label](x, y), made)
        return made


class PerClassCritic(Critic):
    """D_c(x) of Zhu 2017, section 3, one critic without label per class c.

    Args: as :class:`augmentor.nets.conditional.Critic`.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        shape: tuple[int, ...],
        n_classes: int,
        make_trunk: Callable[[NetworkSpec, tuple[int, ...]], nn.Module],
    ) -> None:
        nn.Module.__init__(self)
        critics = [Critic(spec, shape, n_classes, make_trunk) for _ in range(n_classes)]
        self.separate, self.plane = critics[0].separate, None
        # Under the names they have in one critic, for weight clipping.
        self.trunk = nn.ModuleList(critic.trunk for critic in critics)
        self.head = nn.ModuleList(critic.head for critic in critics)
        self.classifier = self.reader = None

    def outputs(self, x: Tensor, y: Tensor, label_weight: float = 1.0) -> CriticOutput:
        """Return logits alone; arguments as :meth:`Critic.forward`."""

        def critic(trunk: nn.Module, head: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
            return lambda rows, labels: head(trunk(rows), labels, label_weight)

        critics = [critic(*parts) for parts in zip(self.trunk, self.head, strict=True)]  # type: ignore[call-overload]  # they are lists here
        return CriticOutput(by_class(critics, x, y), None, None)

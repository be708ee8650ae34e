"""Networks of their own for each class, as in CycleGAN: a batch's rows go where their labels say (Zhu 2017).

The paper has two mappings, G: X -> Y and F: Y -> X, and a critic for each side (section 3). For K classes
the natural extension is one mapping a target class, from any other class into it, and one critic a class,
which tells real samples of its class from translations into it. That is 2 K networks, where a mapping for
each pair of classes would take K (K - 1) of them beside the critics. With K = 2 they are exactly the paper's
F, G, D_X and D_Y.

No network sees a label; a row teaches the networks that it passes through and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from augmentor.nets.players import Critic, Examined
from augmentor.nets.spec import NetworkSpec
from augmentor.nets.star import StarGenerator


def by_class(networks: Sequence[Callable[[Tensor, Tensor], Tensor]], x: Tensor, y: Tensor) -> Tensor:
    """Return what each row's own network makes of it, (B, ...), the rows in their order.

    A network whose class has no row gets a batch of none: its gradients are zeros then, not missing, so
    that processes which share a batch have as many to average, whatever classes they got.

    Args:
        networks: one for each class, each maps rows of x and y.
        x: (B, C, *spatial); rows of one class keep their order, so runs of one class stay whole.
        y: (B,) classes.
    """
    order = torch.argsort(y, stable=True)
    counts = torch.bincount(y, minlength=len(networks)).tolist()
    rows, labels = (values.index_select(0, order).split(counts) for values in (x, y))
    made = torch.cat([network(*part) for network, *part in zip(networks, rows, labels, strict=True)])
    return made.index_select(0, torch.argsort(order))


class ApartGenerator(nn.Module):
    """G_c(x) of Zhu 2017, section 3, one mapping for each class c, a :class:`StarGenerator` without label.

    In training a mapping sees the rows that ask for it. In evaluation each one that is asked for sees all
    rows, and its own are kept: so a row's last bits do not depend on how many others ask for its class.

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
        self.mappings = nn.ModuleList(StarGenerator(spec, shape, 0) for _ in range(n_classes))

    def forward(
        self, x: Tensor, y: Tensor, strength: float = 1.0, draws: torch.Generator | None = None
    ) -> Tensor:
        """Return samples (B, C, *spatial) in [-1, 1].

        Args:
            x: samples (B, C, *spatial) in [-1, 1] of any classes.
            y: (B,) the classes they are to be of.
            strength: not needed; there is no label to weigh.
            draws: not needed; the same sample and class always give the same sample.
        """
        if self.training:
            return by_class(list(self.mappings), x, y)
        made = torch.zeros_like(x)
        for label in y.unique().tolist():
            own = (y == label).view(-1, *[1] * (x.ndim - 1))
            made = torch.where(own, self.mappings[label](x, y), made)
        return made


class ApartCritic(Critic):
    """D_c(x) of Zhu 2017, section 3, one critic without label for each class c.

    Args: as :class:`augmentor.nets.players.Critic`.
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
        # The parts by the names they have in one critic, for those who bound the slope of each.
        self.trunk = nn.ModuleList(critic.trunk for critic in critics)
        self.head = nn.ModuleList(critic.head for critic in critics)
        self.classifier = self.reader = None

    def examine(self, x: Tensor, y: Tensor, strength: float = 1.0) -> Examined:
        """Return logits alone; arguments as :meth:`Critic.forward`."""

        def critic(trunk: nn.Module, head: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
            return lambda rows, labels: head(trunk(rows), labels, strength)

        critics = [critic(*parts) for parts in zip(self.trunk, self.head, strict=True)]  # type: ignore[call-overload]  # they are lists here
        return Examined(by_class(critics, x, y), None, None)

"""The last look before anything is published: was a test case seen by what learns, or made up again?"""

from __future__ import annotations

from augmentor.core.leak import refuse_overlap, refuse_seen
from augmentor.run.completed import CompletedSteps


def check_leak(completed: CompletedSteps) -> None:
    """Refuse to publish where a test case was seen by anything that learns, or is among the synthetics.

    Three witnesses, each on its own enough: the parts themselves (rows and groups), what every
    learning step recorded of the rows it was given, and the synthetic rows.

    Raises:
        LeakError: naming the step or part and the cases.
    """
    parts = dict(completed.parts)
    test = parts.pop("test")
    refuse_overlap({**parts, "synthetic": completed.synthetic.samples}, {"test": test})
    for step, given in completed.seen_rows.items():
        for part, digests in given.items():
            refuse_seen(f"{step} step's {part}", digests, test)

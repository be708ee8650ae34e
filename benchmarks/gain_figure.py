"""The picture of the final table of benchmarks/gain.py: each scenario's gain, with its interval."""

from __future__ import annotations

from pathlib import Path

from gain_scenarios import HERE, SCENARIOS
from gain_tables import Row, read

PICTURE = HERE.parent / "docs" / "gain.png"
SEEDS = ("0", "1", "2", "3", "4")


def draw(path: Path = PICTURE) -> None:
    """Draw the gain over the chosen baseline and over the arm that differs in synthesis alone."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = {name: Row(runs) for name in SCENARIOS if (runs := read("final", name, SEEDS))}
    if not rows:
        return
    figure, axis = plt.subplots(figsize=(7.6, 0.42 * len(rows) + 1.3))
    for place, row in enumerate(rows.values()):
        gain, low, high, _ = row.gain(recommended=False)
        control = row.over_control(recommended=False).interval
        for height, colour, sign, label, (middle, left, right) in (
            (-0.14, "#0a63b0", "o", "over the best without synthesis, by validation", (gain, low, high)),
            (
                0.14,
                "#b4530a",
                "D",
                "over the same training without synthesis",
                (control.gain, control.low, control.high),
            ),
        ):
            axis.errorbar(
                [100 * middle], [place + height], xerr=[[100 * (middle - left)], [100 * (right - middle)]],
                fmt=sign, color=colour, markersize=4.5, capsize=2.5, label=label if place == 0 else None,
            )  # fmt: skip
    axis.axvline(0, color="#66717d", linewidth=0.8)
    axis.set_yticks(range(len(rows)), [f"{name} ({SCENARIOS[name].rare})" for name in rows], fontsize=8)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    axis.set_xlabel("points of balanced accuracy on the test part, 95 % interval", fontsize=8)
    axis.tick_params(axis="x", labelsize=8)
    figure.legend(fontsize=8, loc="upper center", ncols=2, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.96))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)

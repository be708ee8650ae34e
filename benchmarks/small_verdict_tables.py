"""The tables of small_verdict.md, from the counts of small_verdict.py."""

from __future__ import annotations

import ast

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from scipy.stats import multinomial

from augmentor.statistics.planning import Study

WORLDS = ("quiet", "noisy", "alike", "unlike")
VARIANTS = {
    "shipped": "one unseen case each way, of the size of those seen, in the class where a case weighs most",
    "full size": "the same, always of full size (Bonett and Price in one class)",
    "half a case": "the same, of half that size",
    "every class": "lent to every class, of the size of those seen",
    "every class, full size": "lent to every class, of full size (Bonett and Price in each)",
    "nothing lent": "nothing lent, Student's t",
}


def tables(rows: pd.DataFrame) -> str:
    """Return all tables in Markdown."""
    rows = rows.copy()
    rows["n"] = [ast.literal_eval(counts)[0] for counts in rows["counts"]]
    for name in (
        "cover",
        "cover_here",
        "alike",
        "helps",
        "plain_helps",
        "false_helps",
        "false_hurts",
        "false_equivalent",
    ):
        rows[name] = 100 * rows[name] / rows["trials"]
    blocks = [
        ("Whole rule, all cells", _summary(rows)),
        (
            "One split, balanced accuracy: coverage by rare cases and kind of noise",
            _by_count(rows, "one split"),
        ),
        ("AUROC: coverage by rare cases and kind of noise", _by_count(rows, "AUROC")),
        ("The floor is no larger than it has to be", _exact()),
        ("What was tried", _tried(rows)),
        ("Many classes", _many(rows)),
        ("Folds", _folds(rows)),
        ("Power", _power(rows)),
    ]
    return "\n\n".join(f"## {title}\n\n{block}" for title, block in blocks)


def _table(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join(
        [
            "| " + " | ".join(head) + " |",
            "|" + "---|" * len(head),
            *("| " + " | ".join(x) + " |" for x in lines),
        ]
    )


def _summary(rows: pd.DataFrame) -> str:
    head = [
        "part",
        "cells",
        "trials",
        "most false helps, %",
        "most false hurts, %",
        "most false equivalent, %",
    ]
    head += ["coverage: least, median, %", "cells below 93 %", "cells above 98 %"]
    lines = []
    for part, here in [*rows.groupby("part", sort=False), ("**all**", rows)]:
        lines.append(
            [
                str(part),
                f"{len(here)}",
                f"{here['trials'].sum():,}",
                *[f"{here[k].max():.1f}" for k in ("false_helps", "false_hurts", "false_equivalent")],
                f"{here['cover_here'].min():.1f}, {here['cover_here'].median():.1f}",
                f"{(here['cover_here'] < 93).sum()}",
                f"{(here['cover_here'] > 98).sum()}",
            ]
        )
    return _table(head, lines)


def _by_count(rows: pd.DataFrame, part: str) -> str:
    mine = rows[rows["part"] == part]
    head = [
        "rare cases",
        *[f"{world}: least to most, % (no change seen, %)" for world in WORLDS],
        "mean width, points",
    ]
    lines = []
    for n, here in mine.groupby("n"):
        line = [f"{n}"]
        for world in WORLDS:
            these = here[here["world"] == world]
            cover = these["cover"]
            line.append(f"{cover.min():.1f} to {cover.max():.1f} ({these['alike'].mean():.0f})")
        lines.append([*line, f"{100 * here['width'].mean():.1f}"])
    return _table(head, lines)


def _exact() -> str:
    """Return exact coverages for one class alone, changed at every seed or not at all, by enumeration."""
    shares = ((0.02, 0.0), (0.02, 0.02), (0.05, 0.03), (0.1, 0.0), (0.2, 0.05), (0.4, 0.02), (0.7, 0.0))
    head = ["cases", *[f"{b:g} better, {c:g} worse" for b, c in shares]]
    lines = []
    for n in (2, 5, 9, 20, 40):
        b, c = (v.ravel() for v in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
        b, c = b[b + c <= n], c[b + c <= n]
        cells = []
        for p, q in shares:
            chance = multinomial.pmf(np.stack([b, c, n - b - c], axis=1), n, [p, q, 1 - p - q])
            d = p - q
            # Tango (1998): the score statistic, the share of worse cases estimated under the difference d.
            linear = -b - c + (2 * n - b + c) * d
            worse = (np.sqrt(np.maximum(linear**2 + 8 * n * c * d * (1 - d), 0)) - linear) / (4 * n)
            spread = np.sqrt(np.maximum(n * (2 * worse + d * (1 - d)), 1e-12))
            score = np.abs(b - c - n * d) / spread <= 1.96
            better, lost = (b + 1) / (n + 2), (c + 1) / (n + 2)
            half = stdtrit(n + 1, 0.975) * np.sqrt((better + lost - (better - lost) ** 2) / (n + 2))
            ours = np.abs(better - lost - d) <= half + 1e-12
            cells.append(f"{100 * chance[ours].sum():.1f} / {100 * chance[score].sum():.1f}")
        lines.append([f"{n}", *cells])
    return "Exact coverage in %, ours / Tango's score interval.\n\n" + _table(head, lines)


def _tried(rows: pd.DataFrame) -> str:
    mine = rows[rows["part"].isin(["one split", "many classes", "large"])]
    head = [
        "rule",
        "coverage: least, median, %",
        "cells below 93 %",
        "above 98 %",
        "mean width: one split",
        "many classes",
    ]
    lines = []
    for name, said in VARIANTS.items():
        if name == "shipped":
            cover, width = mine["cover"], mine["width"]
        else:
            cover, width = 100 * mine[f"{name}: cover"].dropna(), mine[f"{name}: width"]
        split = width[mine["part"] == "one split"].mean()
        many = width[mine["part"] == "many classes"].mean()
        lines.append(
            [
                said,
                f"{cover.min():.1f}, {cover.median():.1f}",
                f"{(cover < 93).sum()} of {len(cover)}",
                f"{(cover > 98).sum()}",
                f"{100 * split:.1f}",
                f"{100 * many:.1f}",
            ]
        )
    return _table(head, lines)


def _many(rows: pd.DataFrame) -> str:
    mine = rows[rows["part"].isin(["many classes", "large"])]
    head = ["test cases of each class", "coverage: least to most, %", "false helps, %", "false equivalent, %"]
    head += ["mean width, points"]
    lines = []
    for counts, here in mine.groupby("counts", sort=False):
        lines.append(
            [
                counts,
                f"{here['cover'].min():.1f} to {here['cover'].max():.1f}",
                f"{here['false_helps'].max():.1f}",
                f"{here['false_equivalent'].max():.1f}",
                f"{100 * here['width'].mean():.1f}",
            ]
        )
    return _table(head, lines)


def _folds(rows: pd.DataFrame) -> str:
    mine = rows[rows["part"] == "folds"]
    head = ["generators", "training parts", "coverage for these data, %", "for any training data, %"]
    head += ["any, with the correction of Nadeau and Bengio", "any, as if folds were alike", "false helps, %"]
    lines = []
    for (generator, data), here in mine.groupby(["generator", "data"], sort=False):
        spans = [here["cover_here"], here["cover"]]
        spans += [100 * here[f"{name}: cover"] for name in ("Nadeau and Bengio", "folds alike")]
        said = [f"{span.min():.1f} to {span.max():.1f}" for span in spans]
        lines.append([f"{generator:g}", f"{data:g}", *said, f"{here['false_helps'].max():.1f}"])
    return _table(head, lines)


def detectable(here: pd.DataFrame) -> float:
    """Return the gain found in 80 % of trials, between the steps simulated; infinite where none is."""
    here = here.sort_values("true")
    gains, found = here["true"].to_numpy(), np.maximum.accumulate(here["helps"].to_numpy())
    return float(np.interp(80, found, gains)) if found.max() >= 80 else float("inf")


def _power(rows: pd.DataFrame) -> str:
    mine = rows[rows["part"] == "power"]
    head = [
        "rare cases",
        "folds",
        "generators",
        "detectable, quiet seeds",
        "noisy seeds",
        "said beforehand: quiet",
        "noisy",
    ]
    lines = []
    found = {}
    for (n, folds, generator), here in mine.groupby(["n", "folds", "generator"]):
        seen = [detectable(here[here["world"] == world]) for world in ("quiet", "noisy")]
        found[n, folds, generator] = seen
        said = [
            Study(n, folds=folds, changed=changed, seed_spread=spread).expected().detectable
            for changed, spread in ((0.02, 0.01), (0.003, 0.05))
        ]
        lines.append(
            [f"{n}", f"{folds or 'one split'}", f"{generator:g}", *[_points(v) for v in (*seen, *said)]]
        )
    ratio = [b / a for a, b in zip(found[9, 0, 0.0], found[30, 5, 0.0], strict=True)]
    return _table(head, lines) + (
        f"\n\n9 rare of 90 cases in one split against 30 rare of 300 in five folds: the detectable gain is "
        f"{ratio[0]:.2f} (quiet seeds) and {ratio[1]:.2f} (noisy seeds) times as large."
    )


def _points(value: float) -> str:
    return f"{100 * value:.1f}" if np.isfinite(value) else "none"

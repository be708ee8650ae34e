"""An inspection as lines of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from augmentor.core.samples import Samples
from augmentor.data.inspection import Inspection

SHOWN = 10
SIDES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "series": (("steps",), ""),
    "image": (("height", "width"), " pixels"),
    "volume": (("depth", "height", "width"), " voxels"),
}
"""What the sides of a kind of sample are called, and their unit."""


def inspection_lines(found: Inspection, outlook: Sequence[str] = ()) -> list[str]:
    """Return the findings: what is there, duplicates, what a run would do, what stands against it.

    Args:
        found: the inspection.
        outlook: sentences on what a run can show and what it costs.
    """
    loaded = found.loaded
    first = next(iter(loaded.parts.values()))
    total = sum(len(part) for part in loaded.parts.values())
    kinds = "1 class" if len(loaded.classes) == 1 else f"{len(loaded.classes)} classes"
    lines = [f"{found.name}: {total} {loaded.kind.plural}, {kinds}, read as {loaded.layout}"]
    if loaded.card:
        lines.append(f"  {loaded.card.title}; licence {loaded.card.licence}")
    lines += ["", *_table(loaded.classes, found.counts)]
    names, unit = SIDES.get(loaded.kind.name, (("values",) * len(found.sides), ""))
    size = ", ".join(f"{name} {_spread(side)}" for name, side in zip(names, found.sides, strict=True))
    values = "" if first.value_range is None else "; values from {:g} to {:g}".format(*first.value_range)
    lines += [
        "",
        f"size      {size}{unit}",
        f"channels  {_channels(found)}",
        f"depth     {', '.join(f'{n} of {bits} bits' for bits, n in found.bits.items())}{values}",
        f"imbalance largest class {found.imbalance:.3g} times the smallest",
        f"run sees  {_form(first)}",
        *_columns(found),
    ]
    lines += ["", *_duplicates(found)]
    if found.skipped:
        lines += ["", f"{len(found.skipped)} files cannot be used:"]
        lines += _some([f"{item.path}: {item.reason}" for item in found.skipped])
    lines += ["", *_plan(found)]
    if outlook:
        lines += ["", "what a run can show and cost:", *(f"  {_plain(line)}" for line in outlook)]
    for title, items in (("notes", found.notes), ("warnings", found.warnings), ("blockers", found.blockers)):
        if items:
            lines += ["", f"{title}:", *(f"  - {item}" for item in items)]
    lines += ["", "a run would stop before training" if found.blockers else "a run can start"]
    return lines


def _columns(found: Inspection) -> list[str]:
    """Return how many samples have which value of each further property."""
    lines = []
    for name, (values, codes) in found.loaded.originals.columns.items():
        counts = sorted(zip(np.bincount(codes, minlength=len(values)), values, strict=True), reverse=True)
        more = f", and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
        lines.append(_plain(f"{name}: {', '.join(f'{n} {value}' for n, value in counts[:SHOWN])}{more}"))
    return lines


def _form(samples: Samples) -> str:
    if isinstance(samples.x, pd.DataFrame):
        return f"{len(samples.x.columns)} columns"
    return f"{' x '.join(map(str, samples.shape))} {samples.array.dtype}"


def _channels(found: Inspection) -> str:
    """Return what kinds of images there are, or how many channels volumes and series have."""
    if found.loaded.kind.name != "image":
        return ", ".join(map(str, found.channels))
    colours = {1: "grey", 3: "colour"}
    return ", ".join(f"{n} {colours[c]}" for c, n in found.channels.items())


def _table(classes: tuple[str, ...], counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    names = [_plain(name) for name in classes]
    wide = max(8, *(len(name) for name in names))
    columns = list(counts)
    head = f"{'class':<{wide}}" + "".join(f"{column:>12}" for column in columns)
    rows = [
        f"{shown:<{wide}}" + "".join(f"{counts[column][name]:>12}" for column in columns)
        for name, shown in zip(classes, names, strict=True)
    ]
    totals = "".join(f"{sum(counts[column].values()):>12}" for column in columns)
    return [head, *rows, f"{'all':<{wide}}{totals}"]


def _duplicates(found: Inspection) -> list[str]:
    extra = sum(len(group) - 1 for group in found.exact)
    lines = [
        f"exact duplicates: {extra} {found.loaded.kind.plural} in {len(found.exact)} groups, "
        f"{found.exact_across} groups across parts",
        f"near duplicates:  {len(found.near)} pairs, {found.near_across} across parts"
        + (f", {found.near_contrary} across classes" if found.near_contrary else ""),
    ]
    place = {str(name): part for part, rows in found.loaded.parts.items() for name in rows.ids}
    across = [group for group in found.exact if len({place[name] for name in group}) > 1]
    lines += _some([" = ".join(group) for group in across])
    lines += _some([f"{pair.first} ~ {pair.second} ({pair.correlation:.4f})" for pair in found.near])
    return lines


def _plan(found: Inspection) -> list[str]:
    if found.kind is None:
        return ["what a run would do: stop (see blockers)"]
    table = {**found.parts, "to generate": found.to_generate}
    return [f"what a run would do ({found.kind} split, balanced):", *_table(found.loaded.classes, table)]


def _spread(values: tuple[int, int, int]) -> str:
    low, middle, high = values
    return str(low) if low == high else f"{low} to {high} (median {middle})"


def _some(items: list[str]) -> list[str]:
    more = [f"  ... and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return [*(f"  {_plain(item)}" for item in items[:SHOWN]), *more]


def _plain(text: str) -> str:
    """Return ``text`` without signs that could move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)

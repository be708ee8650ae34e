"""The tables of benchmarks/gain.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gain_scenarios import BASELINES, CANDIDATES, HERE, ROWS, RUNG, SCENARIOS

from augmentor.core.files import write_text
from augmentor.experiment.arms import PRESETS, Arm, control, name_of, pattern_of
from augmentor.statistics.design import Design
from augmentor.statistics.paired_verdict import Paired, conclude
from augmentor.statistics.small_samples import Changes

MARGIN = 0.01
NETWORK = Arm(mix="cutmix", start="untrained_critic")
START = Arm(mix="cutmix", start="critic")
PLAIN = tuple(tried.name for tried in BASELINES)
FIXED = name_of(NETWORK)
"""The way without synthetic data that is best on average over the scenarios, on the test parts."""
PARTS = {4: "a quarter", 2: "half"}
HEAD = """# What synthetic data is worth

Points of balanced accuracy over the best that was found without synthetic data. Made by
`python benchmarks/gain.py`, which says what was done; the raw rows are in `gain.jsonl`.
"""
FINAL = """## The shipped default, on the test parts

Each row: the recipe untouched, {arms}. *Baseline* is the best without synthetic data, on the
validation part, for each generator by itself; *seen on the test part* is the one that a user who peeked
would have taken. *Judged* is the better on validation of `with_synthetic` (the best arm of real rows with
synthetic ones and nothing else changed) and `mix=cutmix start=critic` (CutMix from the generator's critic);
its gain and interval are over generator seeds (outer), classifiers and test cases, and "helps" is said only
where it gains over the arm that differs in synthesis alone too: for `mix=cutmix start=critic` the critic's
untrained network (`mix=cutmix start=untrained_critic`), for `with_synthetic` the arm that got the rows.
With one generator seed the interval is conditional on that generator. *Recommended* is what a user who
follows the recommendation gains: the judged arm's change where it was recommended, else exactly 0. *Of
the errors*: that gain as a share of the errors the baseline still makes. Coverage (of real validation
rows, in brackets that of real training rows) and diversity (1 is as varied as real): lowest class and
seed.
"""
SEARCH = """## The search, on validation parts

One generator seed, three classifier seeds, {images}. Gain over the best
baseline of the same scenario, in points (standard error over seeds and cases). The test parts were not read.
"""
HALVING = """## Successive halving, on validation parts

Jamieson and Talwalkar 2016, algorithm 1: every candidate shown a quarter of the images, the better half
of them half, the better half of those all, in the table above. A candidate is scored in the arm that is its
idea, else in `rows=passing mix=cutmix` at half a share: gain over the baseline, in points, the mean of the
scenarios; *dropped* is what did not come that far. Standard errors are about a point.
"""


@dataclass(frozen=True)
class Row:
    """What the generator seeds of one scenario come to."""

    runs: list[dict[str, Any]]

    def gain(self, *, recommended: bool) -> tuple[float, float, float, str]:
        """Return gain, interval and verdict word of the judged arm, or of following the recommendation."""
        first = self.runs[0]
        y = np.array([int(digit) for digit in first["y"]])
        tables = []
        for run in self.runs:
            arm = run["recommendation"]["arm"] if recommended else run["arm"]
            tables.append(_counts(run, arm) - _counts(run, run["baseline"]))
        change = np.stack(tables)
        if len(self.runs) == 1 and not recommended:
            low, high = first["interval"]
            return first["gain"], low, high, first["word"]
        if len(self.runs) == 1:
            used = first["recommendation"]["use"]
            low, high = first["interval"] if used else (0.0, 0.0)
            return first["gain"] if used else 0.0, low, high, first["word"] if used else "equivalent"
        found = conclude(_paired(change, y), self.over_control(recommended=recommended), MARGIN)
        return found.gain, found.low, found.high, found.word

    def over_control(self, *, recommended: bool) -> Paired:
        """Return the comparison with what differs from each arm in synthesis alone."""
        y = np.array([int(digit) for digit in self.runs[0]["y"]])
        tables = []
        for run in self.runs:
            arm = run["recommendation"]["arm"] if recommended else run["arm"]
            tables.append(_counts(run, arm) - _counts(run, _control(run, arm)))
        return _paired(np.stack(tables), y)

    def gain_over(self, name: str) -> float:
        """Return what the judged arms gain on the test part over one arm, the same for all generators."""
        return self.score("arm") - float(np.mean([self._accuracy(run, name) for run in self.runs]))

    def score(self, role: str) -> float:
        """Return the balanced accuracy of the runs' "baseline" or "arm" on the test part."""
        return float(np.mean([self._accuracy(run, run[role]) for run in self.runs]))

    def best_without(self) -> tuple[str, float]:
        """Return the way without synthetic data that turned out best on the test part, and its score."""
        there = [name for name in (*PLAIN, FIXED) if all(name in run["right"] for run in self.runs)]
        means = {name: np.mean([self._accuracy(run, name) for run in self.runs]) for name in there}
        best = max(means, key=means.__getitem__)
        return best, float(means[best])

    def _accuracy(self, run: dict[str, Any], arm: str) -> float:
        y = np.array([int(digit) for digit in self.runs[0]["y"]])
        right = _counts(run, arm)
        return float(np.mean([right[y == label].mean() for label in np.unique(y)]))


def _control(run: dict[str, Any], arm: str) -> str:
    """Return what differs from an arm in synthesis alone; a run says no more of it than validation scores."""
    named = {name_of(one): one for one in (*PRESETS.values(), NETWORK, START)}
    if arm == "with_synthetic":
        means = run["validation"]
        bases = [name for name in means if isinstance(named[name], Arm) and named[name].is_real_alone]
        return max(bases, key=lambda name: float(means[name]))
    known = named.get(arm)
    return name_of(control(known)) if isinstance(known, Arm) else str(run["baseline"])


def _paired(change: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Paired:
    """Compare by balanced accuracy: changes (generators, N), means over the classifiers."""
    design = Design.of(y)
    return Paired.of(Changes(change, np.full(design.present.size, 1 / design.present.size)), design)


def _counts(run: dict[str, Any], arm: str) -> np.ndarray[Any, Any]:
    return np.array([int(digit) for digit in run["right"][arm]]) / run["classifiers"]


def read(kind: str, scenario: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows that are there and did not fail."""
    rows = {row["name"]: row for row in ROWS if (row["kind"], row["scenario"]) == (kind, scenario)}
    return [rows[name] for name in names if name in rows and "failed" not in rows[name]]


def final_table() -> list[str]:
    """Return the lines of the table of the shipped default."""
    lines = [
        "| scenario | rare training images | baseline, % | best without, seen on the test part, % "
        "| judged arm (share), % | gain (95 % interval) "
        "| verdict | recommended | of the errors | coverage | diversity | generators "
        "| seconds: generator, all | peak MiB |",
        "|" + "---|" * 14,
    ]
    gains, words = [], []
    for name, scenario in SCENARIOS.items():
        runs = read("final", name, ("0", "1", "2", "3", "4"))
        if not runs:
            lines.append(f"| {name} | {scenario.rare} | not run |" + " |" * 11)
            continue
        row = Row(runs)
        gain, low, high, word = row.gain(recommended=False)
        advised, _, _, advised_word = row.gain(recommended=True)
        gains.append(advised)
        words.append(advised_word)
        before = row.score("baseline")
        baselines = _each(str(run["baseline"]) for run in runs)
        judged = _each(map(_judged, runs)) + f" {100 * row.score('arm'):.1f}"
        after = f"{row.best_without()[0]} {100 * row.best_without()[1]:.1f}"
        used = sum(run["recommendation"]["use"] for run in runs)
        generator, total = (np.mean([run[key] for run in runs]) for key in ("seconds_generator", "seconds"))
        cells = [
            name,
            scenario.rare,
            f"{baselines} {100 * before:.1f}",
            after,
            judged,
            f"{_points(gain)} ({_points(low)} to {_points(high)})",
            word,
            f"{_points(advised)} (in {used} of {len(runs)})",
            f"{100 * advised / max(1e-9, 1 - before):.0f} %",
            f"{_lowest(runs, 'coverage')} ({_lowest(runs, 'coverage_of_real')})",
            _lowest(runs, "diversity"),
            str(len(runs)),
            f"{generator:.0f}, {total:.0f}",
            f"{max(run['peak_mib'] for run in runs):.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    if gains:
        severe = [
            Row(runs).gain(recommended=True)[0]
            for name, scenario in SCENARIOS.items()
            if scenario.level == "severe" and (runs := read("final", name, ("0", "1", "2", "3", "4")))
        ]
        lines += [
            "",
            f"Mean gain of following the recommendation over {len(gains)} scenarios: "
            f"{_points(float(np.mean(gains)))} points; the severe ones alone "
            f"{_points(float(np.mean(severe))) if severe else 'not run'}. "
            f"Significant gains: {words.count('helps')}; significant losses: {words.count('hurts')}.",
        ]
    return lines


def held_against() -> list[str]:
    """Return the lines on what the judged arms gain on average, over four things without synthetic data."""
    rows = [Row(runs) for name in SCENARIOS if (runs := read("final", name, ("0", "1", "2", "3", "4")))]
    if not rows:
        return []
    chosen = [row.score("arm") - row.score("baseline") for row in rows]
    control = [row.over_control(recommended=False).interval.gain for row in rows]
    fixed = [row.gain_over(FIXED) for row in rows]
    hindsight = [row.gain_over(row.best_without()[0]) for row in rows]
    return [
        f"The judged arms' mean gain over {len(rows)} scenarios, in points, over",
        "",
        f"- the baseline that the validation part chose: {100 * np.mean(chosen):+.2f};",
        f"- the arm that differs in synthesis alone: {100 * np.mean(control):+.2f};",
        f"- one baseline for all, `{FIXED}`: {100 * np.mean(fixed):+.2f};",
        f"- the best without synthetic data in hindsight, by the test part: {100 * np.mean(hindsight):+.2f}.",
    ]


def search_table() -> list[str]:
    """Return the lines of the search's table."""
    lines = [
        "| scenario | candidate | baseline, % | gain of each arm (share) | label fidelity | lowest coverage "
        "| lowest diversity | generator, s |",
        "|" + "---|" * 8,
    ]
    for scenario in SCENARIOS:
        rows = {row["name"]: row for row in read("search", scenario, CANDIDATES)}
        for name in CANDIDATES:
            if name not in rows:
                failed = ROWS.get("search", scenario, name)
                if failed is not None:
                    lines.append(f"| {scenario} | {name} | failed: {failed['failed']} |" + " |" * 5)
                continue
            row = rows[name]
            gains = [
                f"{arm} {_points(found['gain'])} ({100 * found['standard_error']:.1f})"
                for arm, found in row["arms"].items()
                if arm not in PLAIN
            ]
            lines.append(
                f"| {scenario} | {name} | {row['baseline']} "
                f"{100 * row['arms'][row['baseline']]['mean']:.1f} | "
                f"{', '.join(gains)} | {row['label_fidelity'].get('all', float('nan')):.2f} | "
                f"{_lowest([row], 'coverage')} | {_lowest([row], 'diversity')} | "
                f"{_seconds(row['seconds_generator'])} |"
            )
    return lines


def rung_score(scenarios: Iterable[str], name: str) -> float:
    """Return the best arm's gain over the baseline, the mean of the scenarios, for a candidate on a rung.

    A candidate that failed in one of them is the worst of all.
    """
    gains = []
    for scenario in scenarios:
        rows = read("halving", scenario, (name,))
        if not rows:
            return float("-inf")
        (row,) = rows
        gains.append(max(found["gain"] for arm, found in row["arms"].items() if arm != row["baseline"]))
    return float(np.mean(gains))


def halving_table() -> list[str]:
    """Return the lines of the rungs of successive halving."""
    found: dict[str, list[str]] = {}
    for row in ROWS:
        if row["kind"] == "halving":
            found.setdefault(row["name"], []).append(row["scenario"])
    parts = sorted({int(name.rpartition(RUNG)[2]) for name in found}, reverse=True)
    if not parts:
        return []
    lines = [
        "| candidate | "
        + " | ".join(f"{PARTS.get(part, f'1/{part}')} of the images" for part in parts)
        + " |",
        "|" + "---|" * (len(parts) + 1),
    ]
    for candidate in CANDIDATES:
        names = [f"{candidate}{RUNG}{part}" for part in parts]
        if any(name in found for name in names):
            cells = [_points(rung_score(found[name], name)) if name in found else "dropped" for name in names]
            lines.append(f"| {candidate} | " + " | ".join(cells) + " |")
    return lines


def write() -> None:
    """Write gain.md from the finished rows."""
    ideas = [f"- `{name}`: {found.idea}." for name, found in CANDIDATES.items()]
    found = [
        HEAD,
        FINAL.format(arms="five classifiers for each of the generators"),
        *final_table(),
        "",
        *held_against(),
    ]
    images = "24,000 images shown (digits 60,000)"
    found += ["", SEARCH.format(images=images), *ideas, "", *search_table()]
    if rungs := halving_table():
        found += ["", HALVING, *rungs]
    write_text(HERE / "gain.md", "\n".join(found) + "\n")


def _lowest(runs: list[dict[str, Any]], key: str) -> str:
    values = [value for run in runs for name, value in run[key].items() if name != "all"]
    return f"{min(values):.2f}" if values else "-"


def _judged(run: dict[str, Any]) -> str:
    # Rows worked before the share of an arm without rows was None carry that of another arm.
    arm = PRESETS.get(run["arm"])
    shown = run["share"] is not None and arm is not None and pattern_of(arm).by_share
    return run["arm"] + (f" ({run['share']:g})" if shown else "")


def _seconds(value: float | None) -> str:
    return "reused" if value is None else f"{value:.0f}"


def _each(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"

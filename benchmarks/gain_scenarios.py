"""The twelve scenarios of benchmarks/gain.py, the candidates it tries, and where its results lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rows import Rows

from augmentor.core.progress import Silent
from augmentor.experiment.arms import Arm, arm_of, name_of
from augmentor.run.compose.expand import generation
from augmentor.run.context import RunContext
from augmentor.run.recipe import Recipe, load_recipe
from augmentor.run.step import run_steps
from augmentor.run.steps.measure import MEASURE
from augmentor.store.cache import StepCache

HERE = Path(__file__).parent
ROWS = Rows(HERE / "gain.jsonl", ("kind", "scenario", "name"))
"""Finished rows of this benchmark and, of the kind "curve", of learning_curve.py."""
RUNG = " over "
"""Between a candidate's name and the part of the images that a rung of successive halving shows it."""


@dataclass(frozen=True)
class Tried:
    """An arm and the share of synthetic rows that it is trained at.

    Attributes:
        arm: the arm.
        share: None where the arm mixes no synthetic rows at a share.
    """

    arm: Arm
    share: float | None = None

    @property
    def name(self) -> str:
        """What the rows of the benchmark call it."""
        return name_of(self.arm) + ("" if self.share is None else f" at {self.share:g}")


def _tried(*fields: str | dict[str, Any], share: float | None = None) -> tuple[Tried, ...]:
    arms = [arm_of(one) for one in fields]
    return tuple(Tried(arm, share) for arm in arms if isinstance(arm, Arm))


MIXUP_WEIGHTED = {"sampling": "natural", "loss": "class_weighted", "mix": "mixup"}
BASELINES = _tried("balanced", "classical", "class_weighted", "mixup", MIXUP_WEIGHTED, "cutmix")
"""What the best without synthetic data is chosen from, on the validation part."""


@dataclass(frozen=True)
class Scenario:
    """One set at one scarcity.

    Attributes:
        recipe: the shipped recipe.
        folder: below the data folder; None for a set that ships inside a package.
        counts: training images left of each class; empty for the set as it is.
        rare: the scarce images, for the table.
        level: "severe", "middle" or "mild".
    """

    recipe: str
    folder: str | None
    counts: dict[str, int]
    rare: str
    level: str


def _digits(odd: int, even: int) -> dict[str, int]:
    return {str(k): odd if k % 2 else even for k in range(10)}


def _grades(each: int) -> dict[str, int]:
    return {"0": 486, **{str(k): each for k in range(1, 5)}}


SCENARIOS = {
    "digits severe": Scenario("digits", None, _digits(8, 60), "8 of each odd class", "severe"),
    "digits middle": Scenario("digits", None, _digits(16, 60), "16 of each odd class", "middle"),
    "digits mild": Scenario("digits", None, _digits(30, 60), "30 of each odd class", "mild"),
    "chest severe": Scenario(
        "pneumoniamnist", "pneumoniamnist", {"normal": 15, "pneumonia": 540}, "15 normal", "severe"
    ),
    "chest middle": Scenario(
        "pneumoniamnist", "pneumoniamnist", {"normal": 60, "pneumonia": 540}, "60 normal", "middle"
    ),
    "chest mild": Scenario(
        "pneumoniamnist", "pneumoniamnist", {"normal": 150, "pneumonia": 540}, "150 normal", "mild"
    ),
    "retina severe": Scenario(
        "retinamnist", "retinamnist", _grades(16), "16 of each grade above none", "severe"
    ),
    "retina middle": Scenario(
        "retinamnist", "retinamnist", _grades(40), "40 of each grade above none", "middle"
    ),
    "retina mild": Scenario("retinamnist", "retinamnist", {}, "128, 206, 194, 66", "mild"),
    "cells severe": Scenario(
        "bccd_cells",
        "bccd_cells/images",
        {"WBC": 10, "Platelets": 10, "RBC": 300},
        "10 WBC, 10 platelets",
        "severe",
    ),
    "cells middle": Scenario(
        "bccd_cells",
        "bccd_cells/images",
        {"WBC": 30, "Platelets": 30, "RBC": 300},
        "30 WBC, 30 platelets",
        "middle",
    ),
    "cells mild": Scenario(
        "bccd_cells",
        "bccd_cells/images",
        {"WBC": 100, "Platelets": 100, "RBC": 300},
        "100 WBC, 100 platelets",
        "mild",
    ),
}


MIXED = {"rows": "passing"}
CUTMIX = {**MIXED, "mix": "cutmix"}
MIXINGS = (
    *_tried("filtered", share=0.5),
    *(
        tried
        for fields in (MIXED, {**MIXED, "mix": "mixup"}, CUTMIX)
        for share in (0.25, 0.5, 0.75)
        for tried in _tried(fields, share=share)
    ),
    *_tried({**MIXED, "sampling": "natural", "loss": "class_weighted"}, share=0.5),
    *_tried({**MIXED, **MIXUP_WEIGHTED}, share=0.25),
    *_tried({**MIXED, **MIXUP_WEIGHTED}, share=0.5),
    *_tried(
        {"rows": {"synthetic": "passing", "mixing": "first"}}, {"head": "covariance"}, {"head": "generated"}
    ),
)
"""Arms of the first candidate."""


@dataclass(frozen=True)
class Candidate:
    """One way to make synthetic rows.

    Attributes:
        settings: what it changes in the recipe, as ``--set`` does.
        idea: for the table.
        arms: that its samples are tried in, with their shares.
        rung: those of them that a rung of successive halving tries.
    """

    settings: tuple[str, ...] = ()
    idea: str = ""
    arms: tuple[Tried, ...] = _tried(MIXED, CUTMIX, share=0.5)
    rung: tuple[Tried, ...] = _tried(CUTMIX, share=0.5)


def _family(name: str, *more: str) -> tuple[str, ...]:
    return (f"synthesizer.family={name}", *more)


CANDIDATES = {
    "residual": Candidate(_family("residual"), "relativistic pairs, R1 and R2", MIXINGS),
    "residual, half of it": Candidate(
        _family("residual"),
        "selection: the diverse or the influential half",
        _tried({"rows": "diverse", "mix": "mixup"}, {"rows": "influential", "mix": "mixup"}, share=0.5),
        _tried({"rows": "diverse", "mix": "mixup"}, {"rows": "influential", "mix": "mixup"}, share=0.5),
    ),
    "residual, its critic": Candidate(
        _family("residual"),
        "the classifier starts from the critic",
        (
            *_tried({"start": "critic"}, {"mix": "cutmix", "start": "critic"}),
            *_tried({"start": "untrained_critic"}, {"mix": "cutmix", "start": "untrained_critic"}),
            *_tried({**CUTMIX, "start": "critic"}, share=0.5),
        ),
        _tried({"mix": "cutmix", "start": "critic"}),
    ),
    "projection": Candidate(_family("projection"), "projection critic, spectral norm, hinge"),
    "cvae": Candidate(_family("cvae"), "variational autoencoder"),
    "translation": Candidate(_family("translation"), "from the majority to the rare class (Kim 2020)"),
    "stargan": Candidate(_family("stargan"), "label-to-label translation (Choi 2018)"),
    "residual, short": Candidate(("training.images=12000",), "12,000 images shown"),
    "residual, long": Candidate(("training.images=64000",), "64,000 images shown"),
    "residual, level": Candidate(("training.class_power=0",), "the GAN sees every class equally often"),
    "residual, diverse": Candidate(("synthesizer.mode_seeking=0.3",), "mode seeking three times as strong"),
    "residual, small": Candidate(("synthesizer.width=16",), "half the width"),
    "residual, lecam": Candidate(
        ("synthesizer.regularisers={r1: auto, r2: auto, lecam: 0.1}",), "LeCam's regularisation"
    ),
    "residual, unfiltered": Candidate(("filters.label=null",), "no label filter"),
    "residual, strict": Candidate(("filters.label.minimum=0.9",), "only rows that the judge is sure of"),
    "residual, annealed": Candidate(("evaluation.mixing.anneal=true",), "the share falls to zero"),
    "residual, ada": Candidate(
        (
            "synthesizer.augmentation=[colour, translation, cutout]",
            "synthesizer.augmentation_probability=adaptive",
        ),
        "the critic's augmentation as strong as it needs (ADA, Karras 2020)",
    ),
    "residual, strong": Candidate(
        ("synthesizer.augmentation=[translation, cutout]", "synthesizer.augmentation_probability=1"),
        "shifts and cuts of every sample that the critic sees",
    ),
    "residual, free": Candidate(("synthesizer.regularisers={r1: auto}",), "R1 alone"),
    "cyclegan": Candidate(_family("cyclegan"), "a pair of mappings for each two classes (Zhu 2017)"),
    "r3gan": Candidate(_family("r3gan"), "the same loss on grouped convolutions"),
    "flow": Candidate(_family("flow"), "rectified flow on MONAI's network"),
}


def images_of(scenario: Scenario) -> int:
    """Return the images shown to a candidate's critic in the search."""
    return 60_000 if scenario.folder is None else 24_000


def recipe_of(scenario: Scenario, data: Path, settings: tuple[str, ...] = (), seed: int = 0) -> Recipe:
    """Return the shipped recipe at the scenario's scarcity, with one process for its fits."""
    counts = ", ".join(f'"{name}": {n}' for name, n in scenario.counts.items())
    where = data / scenario.folder if scenario.folder else None
    assignments = (f"scarcity.per_class={{{counts}}}", f"training.seed={seed}", "execution.processes=1")
    return load_recipe(scenario.recipe, (*assignments, *settings), where)


def prepared(recipe: Recipe, cache: Path) -> RunContext:
    """Return the context of a run worked up to the measured synthetic rows, or taken from the cache."""
    context = RunContext(recipe, StepCache(cache), "cpu", Silent())
    run_steps((*generation(recipe), MEASURE), context)
    return context


def quality_of(context: RunContext) -> dict[str, Any]:
    """Return label fidelity, coverage and diversity of the synthetic rows, and of the worst class."""
    table, synthetic = context.completed.results.table, context.completed.synthetic

    def of(metric: str, split: str) -> dict[str, float]:
        """Return the metric of every class, and of all under the name "all"."""
        rows = table[(table["metric"] == metric) & (table["split"] == split)]
        names = rows["class"].astype(object).fillna("all").astype(str)
        return dict(zip(names, rows["value"].astype(float), strict=True))

    passed = synthetic.kept | (synthetic.reason == "surplus")
    return {
        "label_fidelity": of("label_fidelity", "generated"),
        "coverage": of("coverage", "synthetic"),
        "coverage_of_real": of("coverage", "real"),
        "diversity": of("diversity", "synthetic"),
        "accepted": float(passed.mean()),
    }


def folder_of(kind: str, scenario: str, name: str) -> Path:
    """Return the working folder of a row, below the cache."""
    return Path(kind) / _plain(scenario) / _plain(name)


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in name).strip("_")

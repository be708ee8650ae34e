"""Judging anyone's synthetic samples: the whole evaluation and report, without training a generator."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augmentor.core.errors import ConfigError, LeakError, SuppliedLeakError
from augmentor.core.files import write_json
from augmentor.core.leak import refuse_overlap
from augmentor.core.persist import write_synthetic
from augmentor.core.progress import Progress, Silent
from augmentor.experiment.arms import check_arms, needs_critic
from augmentor.run.engine import Engine
from augmentor.run.recipe import ExecutionSpec, Recipe, load_recipe
from augmentor.run.session import Job, Outcome, Session, begin
from augmentor.run.steps import DATA_ROOMS, Steps
from augmentor.store.cache import StepOutput, tree_digest

if TYPE_CHECKING:
    from augmentor.core.samples import Samples
    from augmentor.quality.judge import TaskJudge

ORDER = ("load", "sample", "judge", "filter", "measure", "evaluate")
IDLE = (
    *("synthesizer", "candidates", "training", "balance"),
    *("filters.oversampling", "filters.minimum_candidates"),
)
"""Fields of a recipe that only a generator of our own has a use for."""
USED = ("training.seed",)
LIMIT = (
    "The synthetic images came from elsewhere, and what their generator had seen is not known here. "
    "Validation and test cases among them are refused, near copies of test cases are counted; a generator "
    "that learnt from these cases without copying them flatters the synthetic arms, and no test finds that."
)
CHANCE = 1e-3
"""Below this probability, near copies of test cases are no accident."""


@dataclass
class ForeignSteps(Steps):
    """The steps of a run whose synthetic samples are read instead of made.

    Attributes:
        source: the folder or .npz file of the synthetic samples.
    """

    source: Path = field(default=Path(), kw_only=True)

    def sample(self) -> StepOutput:
        """Read the synthetic samples and refuse those that are held-out cases."""
        inputs = {"load": self._key("load"), "synthetic": self.synthetic_digest}
        return self._keep("sample", inputs, DATA_ROOMS, self._read)

    @property
    def foreign(self) -> bool:
        """Whether the synthetic samples are read instead of made."""
        return True

    @cached_property
    def synthetic_digest(self) -> str:
        """Hash of the bytes the synthetic samples come from."""
        return tree_digest(self.source)

    @property
    def name(self) -> str:
        """Names the folder of the runs, apart from those that train."""
        return f"{self.recipe.name}-evaluate"

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe without what a generator of our own would have needed."""
        values = super().settings
        for key in IDLE:
            *parents, last = key.split(".")
            place = values
            for parent in parents:
                place = place[parent]
            place.pop(last)
        return {**values, "training": {"seed": self.seed}}

    def _measure(self, output: Path, work: Path) -> None:
        super()._measure(output, work)
        parts = self.parts
        judge = self.load_judge(parts)
        found = told_test_copies(judge, self.synthetic.samples, parts["test"])
        for sentence in found:
            self.progress.log(f"warning: {sentence}")
        facts = json.loads((output / "facts.json").read_text(encoding="utf-8"))
        write_json(output / "facts.json", {**facts, "limits": [*found, *facts["limits"]]})

    def _read(self, output: Path, _: Path) -> None:
        from augmentor.data.readers.foreign import read_foreign

        parts = self.parts
        found = read_foreign(
            self.source,
            parts["train"],
            layout=self.words("load")["layout"],
            digest=self.synthetic_digest,
            progress=self.progress,
        )
        held_out = {name: parts[name] for name in ("validation", "test")}
        try:
            refuse_overlap({"synthetic": found.synthetic.samples}, held_out)
        except LeakError as error:
            raise SuppliedLeakError(
                f"{error}. Take them out of {self.source}, and make sure that its generator was trained on "
                "the training part only"
            ) from error
        (output / "candidates").mkdir()
        write_synthetic(output / "candidates", found.synthetic)
        counts = found.synthetic.samples.counts
        write_json(
            output / "facts.json",
            {
                # Everything that passes the filters is wanted: nobody asked for a number.
                "plan": counts,
                "candidates": counts,
                "notes": list(found.notes),
                "limits": [LIMIT],
                "skipped": [{"path": item.path, "reason": item.reason} for item in found.skipped],
                "synthetic_source": {
                    "name": self.source.resolve().name,
                    "kind": found.kind,
                    "sha256": self.synthetic_digest,
                    "rows": len(found.synthetic),
                },
            },
        )


def begin_foreign(
    real: str,
    synthetic: Path | str,
    recipe: str,
    assignments: Sequence[str],
    out: Path,
    device: str,
    progress: Progress,
    engine_of: Callable[[ExecutionSpec, Progress], Engine] | None = None,
) -> Session:
    """Check what :func:`evaluate_foreign` is given and prepare its steps; nothing is worked yet.

    ``engine_of`` returns what Prefect lends; None without it.
    """
    from augmentor.data.readers.foreign import foreign_path

    source = foreign_path(Path(synthetic).expanduser())
    job = Job(foreign_recipe(real, recipe, assignments), out, device, progress)
    engine = engine_of(job.recipe.execution, progress) if engine_of else None
    return begin(job, lambda *parts: ForeignSteps(*parts, source=source), engine)


def evaluate_foreign(
    real: str,
    synthetic: Path | str,
    *,
    recipe: str = "default",
    assignments: Sequence[str] = (),
    out: Path | str = Path("runs"),
    device: str = "auto",
    progress: Progress | None = None,
) -> Outcome:
    """Judge synthetic samples of any origin as a run judges its own, and publish the report.

    Every synthetic row is wanted; the filters say which are kept. The run folder is
    ``<out>/<recipe>-evaluate/<stamp>`` with the files of a run, but without a generator.

    Args:
        real: a card's name, a card file, or the path of an image folder or .npz.
        synthetic: what :func:`augmentor.data.readers.foreign.read_foreign` reads, or a run folder.
        recipe: a shipped recipe or a YAML file: split, judge, filters and evaluation are its.
        assignments: ``dotted.key=value`` texts.
        out: the folder of all runs; finished steps are kept there and used again.
        device: "auto", "cpu", "cuda" or "mps".
        progress: told where the work stands.

    Raises:
        ConfigError: if the recipe does not hold together, or a field is set that has no effect.
        DataError: if real or synthetic data cannot be used.
        SuppliedLeakError: if a validation or test case is among the synthetic samples.
    """
    session = begin_foreign(real, synthetic, recipe, assignments, Path(out), device, progress or Silent())
    with session.recorded():
        for step in ORDER:
            getattr(session.steps, step)()
        return session.finish()


def told_test_copies(judge: TaskJudge, synthetic: Samples, test: Samples) -> list[str]:
    """Return a warning if more synthetic images are near copies of test cases than honest images are.

    Honest images are the validation part, which lies as near to the test part as chance and the same
    patients make it. Fisher's exact test, one-sided; the choice of what is near is that of the filter
    against training copies. Nothing is chosen or removed by what is found.
    """
    from scipy.stats import fisher_exact

    from augmentor.metrics.copies import nearest_image
    from augmentor.quality.candidate_scores import copy_scale, picture
    from augmentor.quality.filters_spec import CopyFilter

    scale = copy_scale(judge, CopyFilter().quantile).scale
    images = picture(judge, test)
    counts = []
    for samples in (synthetic, judge.held_out):
        distance, _ = nearest_image(picture(judge, samples), images)
        near = int((scale.relative_to_threshold(distance, samples.y) < 1).sum())
        counts.append([near, len(samples) - near])
    (made, _), (usual, _) = counts
    if fisher_exact(counts, alternative="greater").pvalue >= CHANCE:
        return []
    return [
        f"{made} of {len(synthetic)} synthetic images are near copies of test cases, and {usual} of "
        f"{len(judge.held_out)} validation images are as near to one. Their generator has probably seen the "
        "test part; a gain in this report may be that leak."
    ]


def foreign_recipe(real: str, recipe: str, assignments: Sequence[str]) -> Recipe:
    """Return the recipe for ``real``; a card's name goes before a folder of that name.

    Raises:
        ConfigError: if it does not hold together, or an assignment would have no effect.
        DataError: if ``real`` is neither a card nor a path.
    """
    from augmentor.data.load import find_card

    for assignment in assignments:
        key = assignment.partition("=")[0].strip()
        idle = any(key == field or key.startswith(f"{field}.") for field in IDLE)
        if idle and key not in USED:
            raise ConfigError(
                f"--set {key} has no effect here: the synthetic samples are given and all of them are "
                "wanted; what matters is split, image, judge, filters, evaluation and training.seed"
            )
    if find_card(real) is None:
        made = load_recipe(recipe, assignments, Path(real))
    else:
        # As JSON, which is YAML: a card file's path may hold signs that mean something there.
        made = load_recipe(recipe, [f"dataset={json.dumps(real)}", *assignments])
    try:
        # Samples from elsewhere come without a critic.
        check_arms(tuple(name for name in made.evaluation.arms if not needs_critic(name)))
    except ValueError as error:
        raise ConfigError(f"evaluation.arms, without a generator trained here: {error}") from error
    if made.evaluation.outer_splits > 1:
        raise ConfigError(
            f"evaluation.outer_splits is {made.evaluation.outer_splits}, and a generator of samples from "
            "elsewhere cannot be trained again for each split; set it to 1"
        )
    return made

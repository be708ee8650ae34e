"""The recipe: everything a run is, in one validated value."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from augmentor.core.errors import ConfigError
from augmentor.core.files import sha256_json
from augmentor.core.shipped import shipped
from augmentor.core.spec import Spec, override, parse, read_yaml
from augmentor.core.yaml_text import load_yaml
from augmentor.data.spec import ColumnsSpec, ImageSpec, ScarcitySpec, SeriesSpec, SplitSpec
from augmentor.downstream.table import DOWNSTREAM
from augmentor.experiment.spec import EvaluationSpec, check_trainable
from augmentor.quality.filters_spec import Balance, FiltersSpec
from augmentor.run.budget import BudgetName, with_budget, without_budget
from augmentor.run.candidates import generators_of, trial_share
from augmentor.run.export_spec import ExportSpec
from augmentor.run.guard import GuardSpec
from augmentor.synthesizers.method_spec import MethodSpec
from augmentor.synthesizers.spec import SynthesizerSpec, named, read_synthesizer
from augmentor.training.spec import TrainingSpec

NO_EFFECT = "has no effect on results"
"""Marks the fields of a recipe that no result depends on; the budget's acts through the fields it sets."""


class ExecutionSpec(Spec):
    """How the work is spread.

    Attributes:
        processes: processes for classifier fits and the augmented pool; None for one per core;
            never changes a result.
        threads: threads of the generator's training on a CPU; another number may change the last
            bits of its weights, so it belongs to the key of the training step.
        runner: what the classifier fits (arms x seeds) run on: "processes" of this machine, or the
            workers of "dask" or "ray", where each fit is a Prefect task; never changes a result.
        address: of a running Dask scheduler (tcp://host:8786) or Ray head (ray://host:10001) whose
            workers see the folder of the runs; None starts workers on this machine.
        gpu_slot: name of the Prefect global concurrency limit that training and sampling on a GPU
            hold, and that must exist; None holds "augmentor-gpu" where that exists.
    """

    processes: int | None = Field(default=None, ge=1)
    threads: int = Field(default=1, ge=1)
    runner: Literal["processes", "dask", "ray"] = "processes"
    address: str | None = Field(default=None, min_length=1)
    gpu_slot: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _address_has_a_reader(self) -> ExecutionSpec:
        if self.address is not None and self.runner == "processes":
            raise ValueError(
                f"execution.address ({self.address}) is read by the runners dask and ray only; "
                "set execution.runner=dask or ray, or leave the address out"
            )
        return self


class JudgeSpec(Spec):
    """The cross-fitted classifier that filters and checkpoints are judged by.

    Attributes:
        folds: folds of the training part; each fold is judged by a network that did not see it.
        updates: training steps of each fold's network.
    """

    folds: int = Field(default=3, ge=2, le=10)
    updates: int = Field(default=400, ge=1)


class Recipe(Spec):
    """Dataset, synthesizer, filters, arms and budget of one run.

    Attributes:
        name: names the folder of its runs; letters, digits, dot, dash and underscore.
        description: one line for ``augmentor recipes``.
        budget: "quick", "standard" or "thorough": images shown, seeds, updates and candidates where the
            recipe does not name them itself; see :data:`augmentor.run.budget.BUDGETS`.
        dataset: a shipped card's name, a card file, or a path to images; None where the recipe
            works on any data and ``--data`` must say which.
        columns: what the columns of a table mean that names the pictures; those not named are found.
        exclude_classes: classes that are left out.
        image: the size and colour that images are brought to, and the size of volumes.
        series: the length that series are brought to, and how.
        split: how parts are made where the data has no official ones.
        scarcity: cuts the training part, and nothing else.
        balance: "balanced", a ratio, or {class: n}; see :func:`augmentor.quality.plan.plan`.
        synthesizer: the generator: a family or a method, and its fields.
        candidates: other generators to choose from before the training, each a mapping of fields of a
            synthesizer: one with a ``family`` or a ``method`` stands for itself, one without is
            ``synthesizer`` with these fields replaced, and ``{}`` is ``synthesizer`` itself, which always is
            the first. The best by successive halving on the validation part is trained with the whole
            budget; see :mod:`augmentor.run.compose.choose`. A budget's own stand only where ``synthesizer``
            names nothing.
        training: its budget and optimiser.
        filters: which synthetic samples are kept.
        judge: the cross-fitted task classifier that filters and checkpoints are judged by.
        evaluation: arms, seeds, classifier budget, primary metric and margin.
        execution: processes, threads, runner and GPU slot.
        guard: limits that a run must keep for its dataset to be published.
        export: further forms in which the run writes its dataset and its generator.
        keep_runs: how many finished runs stay in the folder of runs; None keeps all. The published
            one always stays.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    description: Annotated[str, NO_EFFECT] = ""
    budget: Annotated[BudgetName, NO_EFFECT] = "standard"
    dataset: str | None = None
    columns: ColumnsSpec = ColumnsSpec()
    exclude_classes: tuple[str, ...] = ()
    image: ImageSpec = ImageSpec()
    series: SeriesSpec = SeriesSpec()
    split: SplitSpec = SplitSpec()
    scarcity: ScarcitySpec = ScarcitySpec()
    balance: Balance = "balanced"
    synthesizer: SynthesizerSpec = Field(default_factory=lambda: read_synthesizer({}))
    candidates: tuple[dict[str, Any], ...] = ()
    training: TrainingSpec = TrainingSpec()
    filters: FiltersSpec = FiltersSpec()
    judge: JudgeSpec = JudgeSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    execution: Annotated[ExecutionSpec, NO_EFFECT] = ExecutionSpec()
    guard: Annotated[GuardSpec, NO_EFFECT] = GuardSpec()
    export: Annotated[ExportSpec, NO_EFFECT] = ExportSpec()
    keep_runs: Annotated[int | None, NO_EFFECT] = Field(default=None, ge=1)
    data: Annotated[str | None, NO_EFFECT] = Field(
        default=None, description="where the bytes are, as --data says"
    )

    @model_validator(mode="before")
    @classmethod
    def _budgeted(cls, values: Any) -> Any:  # noqa: ANN401 - whatever the recipe holds
        if not isinstance(values, Mapping):
            return values
        # A budget that does not exist is refused by its field, with what is allowed.
        name = values.get("budget", cls.model_fields["budget"].default)
        return with_budget(values, name) if isinstance(name, str) else values

    @field_validator("description")
    @classmethod
    def _one_line(cls, text: str) -> str:
        return " ".join(text.split())

    @model_validator(mode="after")
    def _levels_have_a_filter(self) -> Recipe:
        if self.evaluation.mixing.label_minimums and self.filters.label is None:
            raise ValueError(
                "evaluation.mixing.label_minimums chooses the minimum of the label filter, which is off; "
                "remove one of the two"
            )
        return self

    @model_validator(mode="after")
    def _generators_can_be_compared(self) -> Recipe:
        try:
            if self.chooses:
                trial_share(self.evaluation)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    @model_validator(mode="after")
    def _arms_without_a_critic(self) -> Recipe:
        if not all(made.leaves_critic for made in self.generators.values()):
            # What is left when arms that start from a critic are left out.
            check_trainable(self.evaluation, critic=False)
        return self

    @property
    def generators(self) -> dict[str, MethodSpec]:
        """The generators to choose from by name, the recipe's own first; see :func:`generators_of`."""
        return generators_of(self.synthesizer, self.candidates)

    @property
    def chooses(self) -> bool:
        """Whether there is more than one."""
        return bool(self.candidates) and len(self.generators) > 1

    @property
    def digest(self) -> str:
        """SHA-256 of everything that can change a result."""
        idle = {name for name, field in type(self).model_fields.items() if NO_EFFECT in field.metadata}
        if not self.chooses:
            idle.add("candidates")
        return sha256_json(self.model_dump(mode="json", exclude=idle))

    @property
    def written(self) -> dict[str, Any]:
        """The values as a person would write them: what is set, without what the family sets by itself."""
        values = self.model_dump(mode="json", exclude_unset=True)
        if "synthesizer" in values:
            own = self.synthesizer
            usual = read_synthesizer(named(own)).model_dump(mode="json")
            preset = {"method", "family", *own.preset.fields}
            given = {
                key: v for key, v in values["synthesizer"].items() if key not in preset or v != usual[key]
            }
            values["synthesizer"] = {**named(own), **given}
        values["candidates"] = [dict(one) for one in self.candidates]
        return {**without_budget(values, self.budget), "name": self.name}


def recipe_folder() -> Path:
    """Return the folder of the shipped recipes."""
    return shipped("pipelines")


def list_recipes() -> list[tuple[str, str]]:
    """Return name and one-line description of every shipped recipe, sorted by name."""
    found = []
    for path in sorted(recipe_folder().glob("*.yaml")):
        values = read_yaml(path)
        found.append((path.stem, " ".join(str(values.get("description", "")).split())))
    return found


def load_recipe(
    name_or_path: str,
    assignments: Sequence[str] = (),
    data: Path | str | None = None,
    *,
    models: Sequence[str] = (),
) -> Recipe:
    """Read a shipped recipe or a YAML file, apply ``--set`` assignments and check it all.

    Args:
        name_or_path: a shipped recipe's name, or the path of a YAML file.
        assignments: ``dotted.key=value`` texts, applied in order.
        data: where the data lies; a recipe without ``dataset`` takes it as its dataset, and one that also
            has no ``name`` is called after its file and the data.
        models: models to ask, as ``--model`` names them; see :func:`model_assignments`.

    Raises:
        ConfigError: if there is no such recipe, it does not hold together, or its file names a model that
            runs code.
    """
    path = _recipe_path(name_or_path)
    values: dict[str, Any] = read_yaml(path)
    refuse_code(values, name_or_path)
    # A name that a person chose stays.
    unnamed = values.get("dataset") is None and "name" not in values
    unnamed = unnamed and not any(assignment.startswith("name=") for assignment in assignments)
    values.setdefault("name", path.stem)
    values = override(values, [*model_assignments(models), *assignments])
    if data is not None:
        values = _with_data(values, Path(data).expanduser())
    if unnamed and values.get("dataset") is not None:
        values["name"] = _name_with_data(str(values["name"]), Path(str(values["dataset"])).expanduser())
    recipe = parse(Recipe, values, f"recipe {name_or_path}")
    if recipe.dataset is None:
        raise ConfigError(
            f"recipe {recipe.name} works on any data: say which with --data PATH "
            "(a folder class/*.png of images or class/*.npy of volumes or series, a table that names "
            "pictures and labels, a MedMNIST-like .npz, or a dataset card)"
        )
    return recipe


def _with_data(values: dict[str, Any], location: Path) -> dict[str, Any]:
    """Return a recipe's values for the data (or the card of the data) at ``location``.

    Raises:
        ConfigError: if there is nothing, or a card comes to a recipe that names a dataset already.
    """
    if not location.exists():
        raise ConfigError(f"--data {location}: there is no such file or folder")
    own = values.get("dataset")
    if location.suffix.lower() not in {".yaml", ".yml"}:
        return {**values, "data": str(location), "dataset": str(location) if own is None else own}
    if own is not None:
        raise ConfigError(
            f"--data {location} is a dataset card, and recipe {values['name']} names the dataset {own} "
            f"already; to replace it, use --set dataset={location}"
        )
    return {**values, "dataset": str(location)}


def _name_with_data(name: str, dataset: Path) -> str:
    """Return a recipe's name that goes on with that of its data.

    So runs of one recipe on two data sets lie in two folders, each with a published one of its own.
    """
    whole = dataset.resolve()
    told = re.sub(r"[^A-Za-z0-9_]+", "-", whole.stem if whole.suffix and not whole.is_dir() else whole.name)
    return f"{name}-{told.strip('-')[:40] or 'data'}"


def refuse_code(values: Mapping[str, Any], recipe: str) -> None:
    """Refuse a recipe's file that names a model which runs code: it may have come with somebody's data.

    Args:
        values: what the file says.
        recipe: what it is called.

    Raises:
        ConfigError: naming the model, and how it can be asked for.
    """
    said = values.get("evaluation")
    said = said if isinstance(said, Mapping) else {}
    further = said.get("further_models")
    for model in (said.get("model"), *(further if isinstance(further, list) else ())):
        given = model if isinstance(model, Mapping) else {}
        question = DOWNSTREAM.get(str(given.get("question", "classification")))
        kind = question.kind_of(str(given.get("name", ""))) if question else None
        if kind is not None and kind.runs_code:
            raise ConfigError(
                f"recipe {recipe}: evaluation.model.name {given['name']!r} runs code of a file or a module, "
                "and a recipe may have come with somebody's data, so that no recipe can name it; take it out "
                f"and ask for it yourself: --model '{given['name']}', or the argument models of "
                "augmentor.load_recipe"
            )


def model_assignments(models: Sequence[str]) -> list[str]:
    """Return the ``--set`` assignments that name models, the first one as ``evaluation.model``.

    Args:
        models: each a model's name, or the fields of a
            :class:`~augmentor.downstream.model_spec.ModelSpec` as YAML, "{name: resnet18, weights: ...}".

    Raises:
        ConfigError: if one is neither.
    """
    found = []
    for text in models:
        fields: Any = {"name": text}
        if text.lstrip().startswith("{"):
            try:
                fields = load_yaml(text)
            except ConfigError as error:
                raise ConfigError(f"--model {text!r} is not a YAML mapping of fields: {error}") from error
        if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
            raise ConfigError(f"--model needs a model's name or {{name: ..., ...}}, got {text!r}")
        found.append(fields)
    if not found:
        return []
    first, *further = found
    return [
        *(f"evaluation.model.{key}={json.dumps(value)}" for key, value in first.items()),
        *([f"evaluation.further_models={json.dumps(further)}"] if further else []),
    ]


def recipe_from_values(values: dict[str, Any]) -> Recipe:
    """Return the recipe of a mapping, as the command line, Prefect and a run folder hold it."""
    return parse(Recipe, values, f"recipe {values.get('name', '')}")


def _recipe_path(name_or_path: str) -> Path:
    as_path = Path(name_or_path).expanduser()
    if as_path.suffix in {".yaml", ".yml"} or as_path.parent != Path("."):
        if not as_path.is_file():
            raise ConfigError(f"there is no recipe file {name_or_path}")
        return as_path
    names = [path.stem for path in sorted(recipe_folder().glob("*.yaml"))]
    if name_or_path in names:
        return recipe_folder() / f"{name_or_path}.yaml"
    near = difflib.get_close_matches(name_or_path, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "augmentor recipes lists them."
    raise ConfigError(
        f"there is no shipped recipe {name_or_path!r} ({', '.join(names)}); {hint} "
        "A recipe of your own is named by its path, ending in .yaml"
    )

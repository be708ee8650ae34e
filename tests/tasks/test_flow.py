"""The flows as Prefect loads and runs them, with a real training on a real (temporary) server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augmentor.core.errors import DataError
from augmentor.core.shipped import shipped
from augmentor.run.compose.expand import expansion, run_job
from augmentor.run.compose.folds import one_split
from augmentor.run.outcome import NotPublished, Outcome
from augmentor.run.recipe import Recipe, load_recipe
from augmentor.run.session import Job, begin

STEPS = {step.name: step.title for step in expansion(one_split(Recipe(name="x"))).steps}
FLOWS = sorted(path.name for path in shipped("pipelines").glob("*_flow.py"))


class Lines:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.logged: list[str] = []
        self.started: list[str] = []

    def start(self, stage: str, total: int) -> None:
        self.started.append(stage)

    def update(self, stage: str, done: int, info: object = None) -> None:
        pass

    def finish(self, stage: str) -> None:
        pass

    def log(self, message: str) -> None:
        self.logged.append(message)


@pytest.mark.parametrize("name", FLOWS)
def test_prefect_loads_every_flow(name: str) -> None:
    from prefect import Flow
    from prefect.flows import load_flow_from_entrypoint

    stem = name.removesuffix("_flow.py")
    flow = load_flow_from_entrypoint(f"{shipped('pipelines') / name}:{stem}", use_placeholder_flow=False)
    assert isinstance(flow, Flow)
    assert flow.name == stem
    assert flow.description
    # What Prefect's form shows beside each parameter comes from the docstring.
    undescribed = [key for key, value in flow.parameters.properties.items() if "description" not in value]
    assert undescribed == []


def recipe_of(tiny_recipe: Path, tiny_images: Path, *assignments: str) -> Recipe:
    return load_recipe(str(tiny_recipe), assignments, data=tiny_images)


@pytest.fixture(scope="session")
def first(
    prefect_server: str, tiny_recipe: Path, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Outcome]:
    from augmentor.tasks.expand import run_with_prefect

    out = tmp_path_factory.mktemp("flow")
    return out, run_with_prefect(Job(recipe_of(tiny_recipe, tiny_images), out))


def artifacts() -> dict[str, Any]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = client.read_artifacts()
    return {str(item.key): item for item in sorted(found, key=lambda item: str(item.created))}


@pytest.mark.slow
def test_flow_runs_and_leaves_its_artifacts(first: tuple[Path, Outcome]) -> None:
    out, outcome = first
    assert outcome.folder.parent == out / "tiny"
    assert outcome.reused == ()
    assert (outcome.folder / "report.html").is_file()
    found = artifacts()
    assert {"verdict", "gain", "report", "training"} <= set(found)
    assert outcome.sentence in str(found["verdict"].data)
    assert str(outcome.folder) in str(found["verdict"].data)
    assert "with_synthetic" in str(found["gain"].data)
    assert (outcome.folder / "report.html").as_uri() in str(found["report"].data)
    assert float(found["training"].data) == 100.0


@pytest.mark.slow
def test_flow_names_its_tasks_for_people(first: tuple[Path, Outcome]) -> None:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        names = {run.name for run in client.read_task_runs()}
    assert {*STEPS.values(), "Publish report, dataset and generator"} <= names


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_a_choice_of_generators_is_a_task(tiny_recipe: Path, tiny_images: Path, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client

    from augmentor.tasks.expand import run_with_prefect

    short = ("training.images=64", "candidates=[{family: cvae}]")
    outcome = run_with_prefect(Job(recipe_of(tiny_recipe, tiny_images, *short), tmp_path))
    with get_client(sync_client=True) as client:
        names = [run.name for run in client.read_task_runs()]
    assert names.count("Choose the generator") == 1
    assert "Generators tried" in (outcome.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_in_process_run_is_identical(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    _, by_flow = first
    plain = run_job(Job(recipe_of(tiny_recipe, tiny_images), tmp_path))
    assert plain.reused == ()
    assert plain.sentence == by_flow.sentence
    for name in ("results.parquet", "generator/generator.safetensors", "predictions.npz"):
        assert (plain.folder / name).read_bytes() == (by_flow.folder / name).read_bytes(), name
    mine = [p.relative_to(plain.folder) for p in sorted((plain.folder / "expanded").rglob("*.png"))]
    theirs = [p.relative_to(by_flow.folder) for p in sorted((by_flow.folder / "expanded").rglob("*.png"))]
    assert mine == theirs
    assert any("synthetic" in part for path in mine for part in path.parts)
    for path in mine:
        assert (plain.folder / path).read_bytes() == (by_flow.folder / path).read_bytes(), path


@pytest.mark.slow
def test_second_run_reuses_every_step_and_reports_it(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path
) -> None:
    from augmentor.tasks.expand import run_with_prefect

    out, before = first
    lines = Lines()
    again = run_with_prefect(Job(recipe_of(tiny_recipe, tiny_images), out, progress=lines))
    assert again.reused == tuple(STEPS)
    assert lines.started == []
    logged = [line for line in lines.logged if not line.startswith("ahead: ")]
    assert logged == [f"{step}: reused from an earlier run" for step in STEPS]
    assert len(lines.logged) == len(logged) + 1  # what the test part can show
    assert ", ".join(STEPS) in str(artifacts()["verdict"].data)
    assert again.folder != before.folder
    assert (again.folder / "results.parquet").read_bytes() == (before.folder / "results.parquet").read_bytes()


@pytest.mark.slow
def test_changed_evaluation_does_not_train_again(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path
) -> None:
    out, _ = first
    recipe = recipe_of(tiny_recipe, tiny_images, "evaluation.model.updates=9")
    outcome = run_job(Job(recipe, out))
    assert outcome.reused == ("load", "judge", "train", "sample", "filter", "measure")


@pytest.mark.slow
def test_changed_training_trains_again(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path
) -> None:
    out, _ = first
    recipe = recipe_of(tiny_recipe, tiny_images, "training.seed=1", "training.images=32")
    session = begin(Job(recipe, out), expansion(recipe))
    for step in session.plan.steps[:4]:
        session.run_step(step)
    completed = session.context.completed
    reused = {name: output.reused for name, output in completed.outputs.items()}
    assert reused == {"load": True, "judge": False, "train": False, "sample": False}
    assert len(np.unique(completed.candidates.samples.array, axis=0)) > 1


@pytest.mark.slow
def test_error_of_a_task_is_raised_as_itself(prefect_server: str, tiny_recipe: Path, tmp_path: Path) -> None:
    from augmentor.tasks.expand import run_with_prefect

    (tmp_path / "data" / "only").mkdir(parents=True)
    with pytest.raises(DataError):
        run_with_prefect(Job(recipe_of(tiny_recipe, tmp_path / "data"), tmp_path / "out"))


@pytest.mark.slow
def test_command_tells_the_error_of_a_task_in_one_paragraph(
    prefect_server: str, tiny_recipe: Path, tmp_path: Path
) -> None:
    (tmp_path / "data" / "only").mkdir(parents=True)
    command = [sys.executable, "-m", "augmentor", "run", str(tiny_recipe), "--data", str(tmp_path / "data")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")],
        env={**os.environ, "PREFECT_API_URL": prefect_server},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("augmentor: ")
    assert "class folder" in last
    assert done.stdout == ""
    assert not (tmp_path / "out" / "tiny").exists()


@pytest.mark.slow
def test_a_broken_rail_fails_the_flow_and_says_what_to_do(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path
) -> None:
    from prefect.client.orchestration import get_client

    from augmentor.tasks.expand import run_with_prefect

    out, _ = first
    with pytest.raises(NotPublished):
        run_with_prefect(Job(recipe_of(tiny_recipe, tiny_images, "guard.minimum_gain=1"), out))
    with get_client(sync_client=True) as client:
        newest = max(client.read_flow_runs(), key=lambda run: str(run.created))
    assert newest.state_name == "Failed"
    told = str(artifacts()["what-to-do"].data)
    assert "guard.minimum_gain 1" in told
    assert "the same parameters go on where this run stopped" in told


def flow_of(name: str) -> Any:
    from prefect.flows import load_flow_from_entrypoint

    place = shipped("pipelines") / f"{name}_flow.py"
    return load_flow_from_entrypoint(f"{place}:{name}", use_placeholder_flow=False)


@pytest.mark.slow
def test_refresh_stops_where_nothing_changed_and_runs_where_something_did(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    refresh = flow_of("refresh")
    out, _ = first
    before = sorted((out / "tiny").iterdir())
    assert refresh(recipe=str(tiny_recipe), data=str(tiny_images), out=str(out)) is None
    assert "nothing was trained" in str(artifacts()["refresh"].data)
    assert sorted((out / "tiny").iterdir()) == before
    outcome = refresh(
        recipe=str(tiny_recipe),
        data=str(tiny_images),
        settings=["evaluation.model.updates=7"],
        out=str(out),
    )
    assert "it runs again" in str(artifacts()["refresh"].data)
    assert "train" in outcome.reused
    assert "evaluate" not in outcome.reused


@pytest.mark.slow
def test_evaluate_judges_what_a_run_made(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    _, made = first
    outcome = flow_of("evaluate")(
        real=str(tiny_images), synthetic=str(made.folder), recipe=str(tiny_recipe), out=str(tmp_path)
    )
    assert outcome.folder.parent == tmp_path / "tiny-evaluate"
    assert not (outcome.folder / "generator").exists()
    assert outcome.sentence in str(artifacts()["verdict"].data)
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        assert "Read the synthetic samples" in {run.name for run in client.read_task_runs()}


@pytest.mark.slow
def test_a_sweep_shows_its_members_and_publishes_the_winner(
    first: tuple[Path, Outcome], tiny_recipe: Path, tiny_images: Path
) -> None:
    from prefect.client.orchestration import get_client

    from augmentor.run.compose.sweep import SweepSpec, run_sweep
    from augmentor.tasks.sweep import sweep_with_prefect

    out, _ = first
    job = Job(recipe_of(tiny_recipe, tiny_images), out)
    plan = SweepSpec(members=[{}, {"training.images": 7}])
    outcome = sweep_with_prefect(job, plan)
    assert outcome.folder.parent == out / "tiny-sweep"
    assert {"load", "judge", "train", "sample", "filter"} <= set(outcome.reused)
    table = str(artifacts()["sweep"].data)
    assert "training.images=7" in table
    assert "the recipe as it stands" in table
    with get_client(sync_client=True) as client:
        names = {run.name for run in client.read_task_runs()}
    assert {"Try 1 of 2: the recipe as it stands", "Try 2 of 2: training.images=7"} <= names
    plain = run_sweep(job, plan)
    assert (plain.folder / "results.parquet").read_bytes() == (
        outcome.folder / "results.parquet"
    ).read_bytes()


def test_settings_count_beside_a_recipes_own_values(tiny_recipe: Path, tiny_images: Path) -> None:
    from augmentor.core.errors import ConfigError
    from augmentor.tasks.expand import job_of

    values = recipe_of(tiny_recipe, tiny_images)
    wanted = recipe_of(tiny_recipe, tiny_images, "evaluation.model.updates=9")
    assert job_of(values, None, ["evaluation.model.updates=9"], "runs", "cpu").recipe == wanted
    named = job_of(str(tiny_recipe), str(tiny_images), ["evaluation.model.updates=9"], "runs", "cpu")
    assert named.recipe.digest == wanted.digest
    with pytest.raises(ConfigError, match="fields dataset and data"):
        job_of(values, str(tiny_images), None, "runs", "cpu")


def test_the_form_knows_the_recipe_and_refuses_what_it_does_not() -> None:
    from prefect.exceptions import ParameterTypeError

    expand = flow_of("expand")
    assert "minimum_gain" in str(expand.parameters.model_dump())
    with pytest.raises(ParameterTypeError, match="seeds"):
        expand.validate_parameters({"recipe": {"name": "x", "evaluation": {"seeds": 0}}})

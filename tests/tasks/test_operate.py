"""Deployments: the file at the root, the schedule, and what is told before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from augmentor.cli.operations import Scheduled
from augmentor.core.errors import ConfigError
from augmentor.core.shipped import shipped
from augmentor.run.recipe import load_recipe, recipe_from_values

ROOT = Path(__file__).resolve().parents[2]
FILE = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("deployment", FILE["deployments"], ids=lambda item: item["name"])
def test_every_deployment_names_a_flow_and_parameters_it_takes(deployment: dict[str, Any]) -> None:
    from prefect.flows import load_flow_from_entrypoint

    flow = load_flow_from_entrypoint(str(ROOT / deployment["entrypoint"]), use_placeholder_flow=False)
    assert set(deployment["parameters"]) <= set(flow.parameters.properties)
    if "recipe" in deployment["parameters"]:
        load_recipe(deployment["parameters"]["recipe"])
    assert deployment["work_pool"]["name"] == "augmentor"
    assert deployment["concurrency_limit"]["limit"] == 1
    for schedule in deployment.get("schedules", ()):
        assert schedule["timezone"] == "UTC"


def test_every_flow_has_a_deployment() -> None:
    deployed = {item["entrypoint"].split(":")[0] for item in FILE["deployments"]}
    assert deployed == {f"pipelines/{path.name}" for path in shipped("pipelines").glob("*_flow.py")}


@pytest.mark.parametrize("cron", ["", "every night", "99 2 * * *", "* * *"])
def test_a_wrong_schedule_is_reported_with_an_example(cron: str) -> None:
    from augmentor.tasks.operate import check_cron

    with pytest.raises(ConfigError, match="0 2"):
        check_cron(cron)


def test_a_right_schedule_is_in_utc() -> None:
    from augmentor.tasks.operate import check_cron

    schedule = check_cron("0 2 * * *")
    assert (schedule.cron, schedule.timezone) == ("0 2 * * *", "UTC")


def test_parameters_are_the_checked_recipe_with_places_that_hold_anywhere(
    tiny_recipe: Path, tiny_images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_images.parent)
    data = Path(tiny_images.name)
    name, parameters = Scheduled(data, device="cpu", assignments=["evaluation.seeds=3"]).parameters(
        str(tiny_recipe)
    )
    assert name == "tiny"
    assert parameters["out"] == str(tiny_images.parent / "runs")
    given = parameters["recipe"]
    assert isinstance(given, dict)
    wanted = load_recipe(str(tiny_recipe), ["evaluation.seeds=3"], data=tiny_images)
    assert recipe_from_values(given) == wanted


def test_a_wrong_recipe_is_reported_before_anything_starts(tiny_images: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'digits'"):
        Scheduled(tiny_images).parameters("digit")

"""A method of one's own: registered from this file alone, then trained, saved, loaded, resumed and sampled.

Nothing of the package is touched: the fields, the model, the row of the table and a family are here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pytest
import torch
from method_fields import spec_of
from pydantic import Field
from torch import Tensor, nn

from augmentor import sample
from augmentor.core.conditions import Conditions
from augmentor.core.errors import ConfigError
from augmentor.core.score import CheckpointScore
from augmentor.core.spec import parse
from augmentor.run.candidates import name_of
from augmentor.run.recipe import Recipe
from augmentor.synthesizers.build import build, load_synthesizer
from augmentor.synthesizers.families import FAMILIES, Family
from augmentor.synthesizers.fitting import FitContext
from augmentor.synthesizers.method_spec import PerClassSpec
from augmentor.synthesizers.methods import METHODS, Method
from augmentor.synthesizers.model import GenerativeModel
from augmentor.synthesizers.spec import read_synthesizer
from augmentor.training.networks import Optimised, initial_weights
from augmentor.training.spec import TrainingSpec


class GaussianSpec(PerClassSpec):
    """One Gaussian of independent values for each class."""

    method: Literal["gaussian"] = "gaussian"
    conditioning: Literal["class", "none"] = "class"
    spread: float = Field(default=1.0, gt=0)


class Gaussians(nn.Module):
    """Means and log standard deviations, (K, values) each."""

    def __init__(self, n_classes: int, shape: tuple[int, ...], spread: float) -> None:
        super().__init__()
        size = int(np.prod(shape))
        self.shape, self.spread = shape, spread
        self.mean = nn.Parameter(0.01 * torch.randn(n_classes, size))
        self.log_deviation = nn.Parameter(torch.zeros(n_classes, size))

    def forward(
        self, z: Tensor, y: Tensor, label_weight: float = 1.0, draws: torch.Generator | None = None
    ) -> Tensor:
        made = self.mean[y] + self.spread * self.log_deviation[y].exp() * z
        return made.view(-1, *self.shape).clamp(-1, 1)


@dataclasses.dataclass(frozen=True)
class GaussianNetworks:
    gaussians: Optimised[Gaussians]

    @property
    def trained(self) -> Mapping[str, Optimised[nn.Module]]:
        return {"gaussians": self.gaussians}

    @property
    def sampled(self) -> nn.Module:
        return self.gaussians.module


class GaussianModel(GenerativeModel[GaussianSpec, GaussianNetworks]):
    """Maximum likelihood by gradient."""

    def networks(self, seed, device):
        with initial_weights(seed):
            network = Gaussians(self.n_classes, self.shape, self.spec.spread)
        return GaussianNetworks(self.optimised(network, device))

    @property
    def latent(self):
        return int(np.prod(self.shape))

    def step(self, networks, batch, context):
        gaussians = networks.gaussians
        mean, deviation = (
            values[batch.labels] for values in (gaussians.module.mean, gaussians.module.log_deviation)
        )
        error = (batch.real.flatten(1) - mean) / deviation.exp()
        loss = (0.5 * error.square() + deviation).mean()
        gaussians.optimiser.zero_grad()
        loss.backward()
        gaussians.optimiser.step()
        return {"likelihood_loss": loss.detach()}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(METHODS, "gaussian", Method(GaussianSpec, lambda: GaussianModel))
    preset = Family("Gauss 1809", "gaussian", {"spread": 0.5}, {"learning_rate": 2e-2}, dimensions=(2,))
    monkeypatch.setitem(FAMILIES, "narrow", preset)


def training(**changes):
    return TrainingSpec(**{"images": 160, "batch": 8, "checkpoints": 2, "judged": 4, "states": 10} | changes)


def fitted(train, fields=None, **options):
    budget = training(**options.pop("budget", {}))
    synthesizer = build(spec_of(**{"family": "narrow", **(fields or {})}), budget)
    synthesizer.fit(train, seed=3, **options)
    return synthesizer


def brightness(synthesizer, label):
    return synthesizer.sample(Conditions(np.full(40, label)), seed=0).array.mean()


def test_a_recipe_asks_for_it_by_method_or_by_family_and_keeps_its_fields():
    by_method = parse(Recipe, {"name": "x", "synthesizer": {"method": "gaussian"}}, "here").synthesizer
    assert by_method == read_synthesizer({"family": "narrow"})
    recipe = parse(Recipe, {"name": "x", "synthesizer": {"family": "narrow", "spread": 2}}, "here")
    assert isinstance(recipe.synthesizer, GaussianSpec)
    assert recipe.synthesizer.spread == 2
    assert parse(Recipe, recipe.model_dump(mode="json"), "again").synthesizer == recipe.synthesizer
    assert name_of(recipe.synthesizer) == "narrow spread=2.0"
    with pytest.raises(ConfigError, match=r"'synthesizer\.latent' is a field of method 'adversarial'"):
        parse(Recipe, {"name": "x", "synthesizer": {"family": "narrow", "latent": 3}}, "here")
    with pytest.raises(ConfigError, match=r"'synthesizer\.spread' is a field of method 'gaussian'"):
        parse(Recipe, {"name": "x", "synthesizer": {"family": "cvae", "spread": 3}}, "here")


def test_it_learns_its_classes_in_the_common_loop_and_its_checkpoints_are_judged(blobs):
    def judge(samples):
        return CheckpointScore(float(samples.array.std()) / 255, 1.0, dict.fromkeys(samples.classes, 1.0))

    synthesizer = fitted(blobs(n=64), judge=judge, budget={"images": 3200})
    assert brightness(synthesizer, 0) < 90
    assert brightness(synthesizer, 1) > 160
    first, last = synthesizer.history[0], synthesizer.history[-1]
    assert last["likelihood_loss"] < first["likelihood_loss"]
    assert "critic_loss" not in last
    assert synthesizer.chosen["merit"] == max(row["merit"] for row in synthesizer.history if "merit" in row)
    assert synthesizer.training.rate == 2e-2
    assert synthesizer.critic is None


def test_what_is_saved_makes_the_same_samples_when_it_is_loaded(blobs, tmp_path):
    synthesizer = fitted(blobs())
    synthesizer.save(tmp_path)
    loaded = load_synthesizer(tmp_path)
    assert (loaded.digest, loaded.history, loaded.spec) == (
        synthesizer.digest,
        synthesizer.history,
        synthesizer.spec,
    )
    counts = {"dark": 3, "bright": 5}
    ours, theirs = (sample(one, counts, ("dark", "bright"), seed=1) for one in (synthesizer, loaded))
    assert ours.samples.digest == theirs.samples.digest
    assert ours.samples.counts == counts


def test_an_interrupted_training_goes_on_to_the_same_bits(blobs, tmp_path, listener):
    whole = fitted(blobs())
    with pytest.raises(KeyboardInterrupt):
        fitted(blobs(), context=FitContext(listener(stop_at=100), tmp_path))
    heard = listener()
    resumed = fitted(blobs(), context=FitContext(heard, tmp_path))
    assert any("resuming" in line for line in heard.lines)
    assert resumed.digest == whole.digest
    assert resumed.history == whole.history


def test_it_is_refused_where_its_family_or_its_conditions_do_not_fit(blobs):
    with pytest.raises(ConfigError, match="family 'narrow' is for samples of 2 spatial dimensions"):
        fitted(blobs((2, 9)))
    conditions = Conditions(np.array([0]), texts=np.array(["dark"]))
    with pytest.raises(ConfigError, match="'gaussian' makes samples from labels, and takes no texts"):
        fitted(blobs()).sample(conditions, seed=0)


def test_one_for_each_class_is_made_of_it_without_a_word_of_its_own(blobs, tmp_path):
    synthesizer = fitted(blobs(n=64), {"per_class": True}, budget={"images": 3200})
    assert {row["class"] for row in synthesizer.history} == {"dark", "bright"}
    assert brightness(synthesizer, 0) < 90 < 160 < brightness(synthesizer, 1)
    synthesizer.save(tmp_path)
    assert load_synthesizer(tmp_path).digest == synthesizer.digest

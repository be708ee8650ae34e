"""Arms that start from the critic: what they become, what they are held against, and without one."""

import numpy as np
import pytest
import torch
from blob_parts import evaluated, parts
from flat_spec import changed, evaluation

from augmentor.core.facts.evaluation import FitCounts
from augmentor.experiment.arms import PRESETS, Arm, Derived, arms_of, name_of, settled
from augmentor.nets.architectures import adversarial_networks
from augmentor.nets.spec import NetworkSpec
from augmentor.synthesizers.critic import KeptCritic

PLAIN = ("balanced", "classical")
NETWORK = Derived(base="best_real", add=Arm(start="untrained_critic"))
BOTH = Derived(base="best_real", add=Arm(rows="passing", start="critic"))
DERIVED = arms_of((NETWORK, "with_synthetic", "from_critic", BOTH))
SPEC = evaluation(
    arms=(*PLAIN, *DERIVED.values()),
    seeds=2,
    updates=30,
    batch=16,
    channels=4,
    shares=(0.25, 0.75),
    share_seeds=2,
    policy="none",
)


def kept(seed):
    """Return an untrained critic for the blobs, its weights drawn by ``seed``."""
    spec = NetworkSpec(width=4)
    torch.manual_seed(seed)
    critic = adversarial_networks(spec, (1, 6, 6), 2)[1]
    return KeptCritic(spec, (1, 6, 6), 2, "critic", critic.state_dict())


def run(folder, spec=SPEC, **options):
    return evaluated(parts(noise=0.2), spec, folder, **options)


def stored(folder, name):
    with np.load(folder / "predictions.npz", allow_pickle=False) as found:
        return found[f"test/{name}"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("critic")
    return folder, run(folder, critic=kept(0))


def test_they_are_the_best_real_arm_on_the_critics_network(finished):
    _, found = finished
    held = found.results.where(metric="balanced_accuracy", split="validation").groupby("arm")["value"].mean()
    best = max(PLAIN, key=lambda name: held[name])
    assert found.facts.resolved_to == {
        name: name_of(settled(arm, PRESETS[best])) for name, arm in DERIVED.items()
    }
    assert set(found.facts.share_of) == {"with_synthetic", name_of(BOTH)}
    assert sum("with its weights to start from" in note for note in found.facts.notes) == 2


def test_fit_for_fit_they_are_the_arms_they_were_resolved_to(finished, tmp_path):
    folder, found = finished
    base = PRESETS[max(PLAIN, key=lambda name: name in found.facts.notes[0])]
    named = [settled(DERIVED[name], base) for name in ("from_critic", name_of(NETWORK))]
    other = run(tmp_path, changed(SPEC, arms=(*PLAIN, *named)), critic=kept(0))
    assert list(other.facts.arms) == [*PLAIN, *map(name_of, named)]
    for name, arm in zip(("from_critic", name_of(NETWORK)), named, strict=True):
        assert found.facts.resolved_to[name] == name_of(arm)
        np.testing.assert_array_equal(stored(folder, name), stored(tmp_path, name_of(arm)))


def test_the_critics_weights_decide_the_start_and_nothing_else(finished, tmp_path):
    folder, _ = finished
    run(tmp_path, critic=kept(1))
    for name, same in (("from_critic", False), (name_of(NETWORK), True), ("classical", True)):
        equal = np.array_equal(stored(folder, name), stored(tmp_path, name))
        assert equal == same, name


def test_without_a_critic_they_are_left_out_with_the_reason(tmp_path):
    found = run(tmp_path)
    assert set(found.facts.skipped) == {name_of(NETWORK), "from_critic", name_of(BOTH)}
    assert all("has left no critic" in reason for reason in found.facts.skipped.values())
    assert found.facts.verdict.arm == "with_synthetic"


def test_a_shared_folder_of_another_critic_is_not_taken_for_this_one(tmp_path):
    arms = changed(SPEC, arms=("classical", NETWORK, "from_critic"))
    first, again, other = (run(tmp_path, arms, critic=kept(seed)) for seed in (0, 0, 1))
    assert first.facts.fits == FitCounts(trained=6, reused=0)
    assert again.facts.fits == FitCounts(trained=0, reused=6)
    assert other.facts.fits.trained == 6

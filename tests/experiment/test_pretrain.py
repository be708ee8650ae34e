"""The controls of a start from the critic: the same network, rows and computing time, without the critic."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from blob_parts import evaluated, parts
from flat_spec import evaluation
from test_from_critic import kept

from augmentor.experiment import pretrain
from augmentor.experiment import runner as runner_module
from augmentor.experiment.starts import BATCH, COST, updates_worth
from augmentor.synthesizers.critic import KeptCritic

STARTS = ("untrained_critic", "self_supervised", "critic")
NAMES = [f"start={start}" for start in STARTS]
SPEC = evaluation(
    arms=("classical", *({"start": start} for start in STARTS)),
    seeds=1,
    updates=4,
    batch=16,
    shares=(0.5,),
    policy="light",
    pool_versions=3,
)
SHOWN = 64
"""Images that the critic of these tests has been shown."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder, the evaluation, the starts that were written and how long each was trained."""
    folder, starts, updates = tmp_path_factory.mktemp("pretrain"), {}, []
    with pytest.MonkeyPatch.context() as patch:
        run, fit = pretrain.run_pretrain, pretrain.fit_network

        def watched(job):
            run(job)
            starts[job.start] = KeptCritic.load(job.shared / job.start)

        def counted(*args, **options):
            updates.append(options["updates"])
            return fit(*args, **options)

        patch.setattr(runner_module, "run_pretrain", watched)
        patch.setattr(pretrain, "fit_network", counted)
        found = evaluated(parts(noise=0.2), SPEC, folder, critic=replace(kept(0), images=SHOWN))
    return folder, found, starts, updates


def test_each_is_trained_once_for_as_long_as_the_generator_took(finished):
    _, found, starts, updates = finished
    assert sorted(starts) == sorted(STARTS[:2])
    assert updates == [updates_worth(SHOWN)] * 2 == [int(np.ceil(SHOWN * COST / BATCH))] * 2
    assert any(f"for {updates[0]} updates" in note for note in found.facts.notes)


def test_what_is_written_is_the_trained_network_and_a_fit_starts_from_it(finished):
    folder, _, starts, _ = finished
    for one in starts.values():
        states = []
        for seed in (0, 1):
            torch.manual_seed(seed)
            states.append(one.classifier().trunk.state_dict())
        assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
        assert not any(name.startswith("project") for name in one.weights)
    with np.load(folder / "predictions.npz", allow_pickle=False) as stored:
        found = [stored[f"test/{name}"] for name in NAMES]
    assert not any(np.array_equal(found[i], found[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_a_critic_that_was_shown_nothing_has_a_control_with_random_weights(tmp_path):
    job = pretrain.pretrain_job(tmp_path, "content", "untrained_critic", "classical", 0)
    kept(0).save(tmp_path / "critic")
    pretrain.run_pretrain(job)
    left = KeptCritic.load(tmp_path / "untrained_critic")
    assert left.weights == {}
    first, second = (left.classifier().head.weight for _ in range(2))
    assert not torch.equal(first, second)


def test_a_second_run_takes_the_fits_of_the_first(finished):
    folder, found, _, _ = finished
    again = evaluated(parts(noise=0.2), SPEC, folder, critic=replace(kept(0), images=SHOWN))
    assert (found.facts.fits.trained, again.facts.fits.trained) == (4, 0)

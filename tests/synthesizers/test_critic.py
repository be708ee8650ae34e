"""The critic that a training leaves: kept whole, refused when touched, and only where there is one."""

import pytest
import torch
from method_fields import spec_of

from augmentor import load_classifier
from augmentor.core.errors import DataError
from augmentor.synthesizers.build import build
from augmentor.synthesizers.critic import CONFIG, WEIGHTS, KeptCritic
from augmentor.synthesizers.families import FAMILIES
from augmentor.training.spec import TrainingSpec


@pytest.fixture(scope="module")
def fitted(blobs, gan):
    synthesizer = gan({"width": 4}, images=64)
    synthesizer.fit(blobs(), seed=0)
    return synthesizer


@pytest.mark.parametrize("family", FAMILIES)
def test_a_training_leaves_a_critic_where_its_settings_ask_for_one(family, blobs, gan):
    synthesizer = gan({"width": 4, "family": family}, images=32, batch=8)
    train = blobs((1, 4, 8, 4) if family == "gan3d" else (1, 8, 8))
    synthesizer.fit(train, seed=0)
    kept = synthesizer.critic
    assert (kept is not None) == synthesizer.spec.leaves_critic
    if kept is not None:
        classifier = kept.classifier()
        assert classifier(torch.zeros(4, *train.shape)).shape == (4, train.n_classes)


def test_a_network_for_each_class_leaves_none():
    spec = spec_of(family="dcgan", per_class=True)
    assert not spec.leaves_critic
    assert build(spec, TrainingSpec(images=64)).critic is None


def test_what_is_saved_is_read_again(fitted, tmp_path):
    fitted.critic.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {WEIGHTS, CONFIG}
    read = KeptCritic.load(tmp_path)
    assert (read.spec, read.shape, read.n_classes) == (
        fitted.critic.spec,
        fitted.critic.shape,
        fitted.critic.n_classes,
    )
    assert read.digest == fitted.critic.digest
    x = torch.randn(4, *read.shape)
    ours, theirs = (one.classifier().eval() for one in (fitted.critic, read))
    torch.testing.assert_close(ours.features(x), theirs.features(x), rtol=0, atol=0)
    trained, blank = (load_classifier(tmp_path, trained=flag) for flag in (True, False))
    torch.testing.assert_close(trained.eval().features(x), theirs.features(x), rtol=0, atol=0)
    assert not torch.allclose(blank.eval().features(x), theirs.features(x))


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_a_critic_that_was_touched_is_refused(fitted, tmp_path, name):
    fitted.critic.save(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=WEIGHTS if name == WEIGHTS else "cannot read the critic"):
        KeptCritic.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=r"critic"):
        KeptCritic.load(tmp_path)

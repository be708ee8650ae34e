"""Feature spaces: the judge's, pixels, and a TorchScript network of the user's."""

import hashlib
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.facts.quality import FeatureNetwork
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples
from augmentor.core.spec import parse
from augmentor.core.synthetic import SyntheticSet
from augmentor.experiment.before_training import check_shape
from augmentor.experiment.spec import EvaluationSpec
from augmentor.quality.feature_names import BUILT_IN_FEATURES, features_key
from augmentor.quality.features import feature_space
from augmentor.quality.judge import TaskJudge
from augmentor.quality.measure import measure


def blobs(n, seed, prefix):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], n).astype(np.int64)
    x = rng.normal(110 + 40 * y[:, None, None, None], 30, (2 * n, 1, 6, 6)).clip(0, 255).astype(np.uint8)
    return Samples(
        x, y, ("a", "b"), np.array([f"{prefix}{i}" for i in range(2 * n)]), value_range=(0, 255), kind=IMAGE
    )


@pytest.fixture(scope="module")
def judge():
    return TaskJudge.fit(blobs(18, 1, "t"), held_out=blobs(12, 2, "v"), seed=0, updates=10, processes=1)


@pytest.fixture(scope="module")
def made():
    rows = blobs(10, 3, "s")
    table = pd.DataFrame({"synthesizer": ["none"] * 20, "seed": [0] * 20})
    return SyntheticSet(rows, table, np.ones(20, np.bool_), np.full(20, "", np.str_))


def save(module, path, shape=(2, 1, 6, 6)):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and so is making it
        torch.jit.save(torch.jit.trace(module, torch.zeros(shape)), str(path))
    return str(path)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3, stride=3), torch.nn.Tanh())
    return net, save(net, tmp_path_factory.mktemp("net") / "eyes.pt")


@pytest.mark.parametrize("features", [*BUILT_IN_FEATURES, "net"])
def test_every_space_gives_one_row_a_sample_and_fold(features, judge, network):
    space = feature_space(network[1] if features == "net" else features, judge)
    assert space.name == features
    assert space.description.endswith(".")
    rows = space.blocks(judge.held_out)
    assert rows.shape[:2] == (3, 24)
    assert rows.dtype == np.float64
    assert space.blocks(judge.held_out.take(range(0))).shape[:2] == (3, 0)


def test_the_task_space_is_the_judges_with_its_distances(judge):
    """A squared distance in the judge's features is the mean of those in its blocks."""
    rows = judge.features(judge.held_out)
    blocks = feature_space("task", judge).blocks(judge.held_out)
    whole = ((rows[0] - rows[1]) ** 2).sum()
    assert whole == pytest.approx((((blocks[:, 0] - blocks[:, 1]) ** 2).sum(axis=1)).mean())


def test_pixels_are_the_encoded_values(judge):
    held = judge.held_out
    rows = feature_space("pixels", judge).blocks(held)
    np.testing.assert_allclose(rows[1], held.array.reshape(24, 36) / 127.5 - 1, atol=1e-6)


def test_a_network_gets_the_encoded_samples(judge, network):
    net, path = network
    space = feature_space(path, judge)
    x = torch.from_numpy(judge.held_out.array.astype(np.float32) / 127.5 - 1)
    expected = net(x).flatten(1).detach().numpy()
    np.testing.assert_allclose(space.blocks(judge.held_out)[2], expected, atol=1e-5)
    assert space.digest == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert features_key(path) == space.digest
    assert features_key("task") == "task"


@pytest.mark.parametrize("features", ["task", "pixels", "net"])
def test_numbers_are_named_by_their_space_and_stand_beside_real(features, judge, made, network):
    given = network[1] if features == "net" else features
    results, facts = measure(judge.train, judge.held_out, made, judge, dataset="d", seed=0, features=given)
    spaces = {m.split("_")[1] for m in results.table["metric"] if m.startswith(("kid_", "frechet_"))}
    assert spaces == {features}
    for split in ("synthetic", "real"):
        for kind in ("kid", "frechet"):
            plain = results.where(metric=f"{kind}_{features}", split=split)
            whole = plain[plain["class"].isna()]
            rows = results.table[results.table["metric"] == f"{kind}_{features}"]
            (value,) = rows[rows["setting"].notna() & (rows["split"] == split)]["value"]
            assert value == whole["value"].item()
            assert not whole["greater_is_better"].item()
    network_told = facts.feature_network
    assert (network_told is None) == (features != "net")
    if features == "net":
        assert network_told == FeatureNetwork(file="eyes.pt", sha256=features_key(given))
        assert "eyes.pt" in facts.quality_protocol


def test_label_fidelity_and_copies_do_not_depend_on_the_space(judge, made):
    one, two = (
        measure(judge.train, judge.held_out, made, judge, dataset="d", seed=0, features=name)[0].table
        for name in ("task", "pixels")
    )
    for metric in ("label_fidelity", "diversity", "near_copies", "membership_auroc"):
        a, b = (table[table["metric"] == metric]["value"].tolist() for table in (one, two))
        assert a == b != []
    a, b = (table[table["metric"] == "density"]["value"].tolist() for table in (one, two))
    assert a != b


class Odd(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        return {"few": x[:1].flatten(1), "nan": x.flatten(1) / 0 * 0, "whole": x.mean()}[self.kind]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("few", r"one row of finite numbers for each sample, got \(1, 36\) for 24 samples"),
        ("nan", "values that are not finite"),
        ("whole", r"eyes\.pt"),
    ],
)
def test_a_network_that_gives_something_else_is_refused(kind, reason, judge, tmp_path):
    space = feature_space(save(Odd(kind), tmp_path / "eyes.pt"), judge)
    with pytest.raises(DataError, match=reason):
        space.blocks(judge.held_out)


def test_a_network_for_other_samples_is_refused(judge, tmp_path):
    path = save(torch.nn.Conv2d(3, 2, 3), tmp_path / "eyes.pt", (2, 3, 6, 6))
    with pytest.raises(DataError, match=r"cannot take samples of shape \(N, 1, 6, 6\).*3 channels"):
        feature_space(path, judge).blocks(judge.held_out)


def test_what_is_no_network_is_refused(judge, tmp_path):
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(ConfigError, match="not a TorchScript network"):
        feature_space(str(tmp_path / "text.pt"), judge).blocks(judge.held_out)
    with pytest.raises(ConfigError, match="there is no file"):
        feature_space("nowhere.pt", judge)
    with pytest.raises(ConfigError, match="there is no file"):
        check_shape(EvaluationSpec(features="nowhere.pt"), (1, 6, 6))
    with pytest.raises(ConfigError, match=re.escape("'features': is task, pixels or the path of")):
        parse(EvaluationSpec, {"features": "inception"}, "here")

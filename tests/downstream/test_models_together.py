"""Several models in one evaluation: what they share, and what cannot be asked together."""

import json

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.spec import parse
from augmentor.experiment.spec import DEFAULT_ARMS, EvaluationSpec


def test_several_models_share_arms_and_each_leaves_out_what_it_cannot_train():
    values = {
        "model": {"name": "small_resnet", "updates": 7},
        "further_models": [{"name": "random_forest"}, {"name": "mlp", "updates": 9}],
    }
    spec = parse(EvaluationSpec, values, "here")
    assert spec.arms == DEFAULT_ARMS
    assert [model.updates for model in spec.models] == [7, 7, 9]
    assert spec.alone(1).model.name == "random_forest"
    assert spec.alone(1).further_models == ()
    assert spec.model_names == ("small_resnet", "random_forest", "mlp")
    twice = {**values, "further_models": [{"name": "mlp"}, {"name": "mlp", "updates": 5}]}
    assert parse(EvaluationSpec, twice, "here").model_names == ("small_resnet", "mlp", "mlp (3)")
    assert parse(EvaluationSpec, json.loads(spec.model_dump_json()), "here") == spec


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"further_models": [{"name": "auto"}]}, "names a model twice"),
        ({"further_models": [{"name": "vgg"}]}, "model.name is one of auto, small_resnet"),
        (
            {"arms": ["cutmix", {"mix": "cutmix", "rows": "passing"}], "further_models": [{"name": "mlp"}],
             "model": {"name": "random_forest"}},
            "without the arms that random_forest cannot train",
        ),
        ({"further_models": [{"name": "mlp", "channels": 3}]}, "channels is the width of small_resnet"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_asked_together_are_refused(values, reason):
    with pytest.raises(ConfigError, match=reason):
        parse(EvaluationSpec, values, "here")

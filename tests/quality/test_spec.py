"""Filters and balance as a recipe writes them."""

import subprocess
import sys

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec, parse
from augmentor.quality.filters_spec import FILTERS, Balance, FiltersSpec


class Part(Spec):
    balance: Balance = "balanced"
    filters: FiltersSpec = FiltersSpec()


def filters(value):
    return parse(Part, {"filters": value}, "recipe").filters


def on(spec):
    return tuple(name for name in FILTERS if getattr(spec, name) is not None)


def test_all_filters_are_on_by_default():
    assert on(Part().filters) == FILTERS
    assert on(filters({})) == on(filters(True)) == FILTERS


def test_a_list_turns_the_others_off():
    assert on(filters(["copies", "label"])) == ("label", "copies")


@pytest.mark.parametrize("value", [None, [], False])
def test_none_of_them(value):
    assert on(filters(value)) == ()


def test_a_mapping_leaves_the_others_on():
    spec = filters({"copies": False, "label": {"minimum": 0.3}, "outliers": True, "oversampling": 2})
    assert on(spec) == ("label", "outliers", "duplicates")
    assert spec.label is not None
    assert spec.label.minimum == 0.3
    assert spec.oversampling == 2.0


@pytest.mark.parametrize("value", [None, ["label"], {"copies": {"quantile": 0.05}}, {}])
def test_what_was_resolved_reads_back_the_same(value):
    spec = filters(value)
    assert filters(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["labels"], "did you mean 'label'"),
        ({"copy": False}, r"unknown key 'filters.copy'; did you mean 'copies'"),
        ({"label": {"minimun": 0.5}}, "did you mean 'minimum'"),
        ({"label": {"minimum": 1.5}}, "filters.label.minimum"),
        ({"copies": {"quantile": 0}}, "filters.copies.quantile"),
        ("label", "filters"),
    ],
)
def test_mistakes_are_explained(value, message):
    with pytest.raises(ConfigError, match=message):
        filters(value)


@pytest.mark.parametrize("value", ["balanced", 0.5, 2, {"a": 3, "b": 0}])
def test_balance_passes(value):
    assert parse(Part, {"balance": value}, "recipe").balance == value


@pytest.mark.parametrize("value", ["even", 0, -2, True, None, {"a": -1}, {"a": 1.5}, {"a": True}, []])
def test_balance_mistakes_are_refused(value):
    with pytest.raises(ConfigError, match="balance"):
        parse(Part, {"balance": value}, "recipe")


def test_the_specification_needs_no_torch():
    code = "import sys, augmentor.quality.filters_spec; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

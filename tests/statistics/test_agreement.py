import pytest

from augmentor.statistics.agreement import agreement


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"a": "helps", "b": "helps"}, "The 2 models agree: helps for each of a, b."),
        (
            {"a": "helps", "b": "inconclusive", "c": "helps"},
            "The 3 models do not contradict each other: helps for a and c, inconclusive for b.",
        ),
        ({"a": "helps", "b": "hurts"}, "The 2 models contradict each other: helps for a, hurts for b."),
        ({"a": "equivalent", "b": "helps"}, "The 2 models contradict each other: "),
        (
            {"a": "not estimable", "b": "equivalent"},
            "The 2 models do not contradict each other: not estimable for a, equivalent for b.",
        ),
    ],
)
def test_models_contradict_each_other_where_two_say_something_definite_and_different(words, said):
    found = agreement(words)
    assert found.startswith(said)
    assert "no independent studies" in found


def test_one_model_has_nobody_to_agree_with():
    assert agreement({"a": "helps"}) == ""

import pytest

from augmentor.core.errors import DataError
from augmentor.core.results import Results, read_setting, setting_text


def test_rows_of_a_setting_are_read_where_that_setting_is_requested(tmp_path) -> None:
    named = {"dataset": "d", "arm": "filtered", "split": "validation", "metric": "accuracy", "seed": 0}
    results = Results.from_rows(
        [{**named, "value": 0.9}]
        + [{**named, "value": share, "setting": {"share": share}} for share in (0.25, 0.5)]
    )
    results.write(tmp_path / "a.parquet")
    again = Results.read(tmp_path / "a.parquet")
    assert again.value(arm="filtered", metric="accuracy") == 0.9
    assert again.value(arm="filtered", metric="accuracy", setting={"share": 0.5}) == 0.5
    assert again.value(metric="accuracy", setting={"share": 0.75}) is None
    assert again.table["setting"].dropna().tolist() == ["share=0.25", "share=0.5"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"share": 0.5}, "share=0.5"),
        ({"images": 3200, "candidate": "vae width=8"}, 'candidate="vae width=8" images=3200'),
        ({"without": 'a "b" c=1'}, r'without="a \"b\" c=1"'),
        ({"share": 0.0}, "share=0"),
        ({}, ""),
    ],
)
def test_a_setting_is_written_in_one_way_and_read_back(values, text) -> None:
    assert setting_text(values) == setting_text(dict(reversed(values.items()))) == text
    assert read_setting(text) == values


def test_what_is_no_setting_is_refused() -> None:
    with pytest.raises(DataError, match="an identifier, got 'a b'"):
        setting_text({"a b": 1})
    with pytest.raises(DataError, match="finite, got share=nan"):
        setting_text({"share": float("nan")})
    for text in ("share", "share=", "share=half"):
        with pytest.raises(DataError, match=r"reads like 'share=0\.5'"):
            read_setting(text)


def test_a_table_put_under_a_setting_is_read_back_as_it_was() -> None:
    named = {"dataset": "d", "arm": "filtered", "split": "test", "metric": "accuracy", "seed": 0}
    first = Results.from_rows([{**named, "value": 0.9}, {**named, "value": 0.7, "setting": {"share": 0.5}}])
    other = Results.from_rows([{**named, "value": 0.8}])
    both = other.joined(first.under("model", "resnet18 (2)")).joined(first.under("model", "resnet18"))
    assert both.value(metric="accuracy") == 0.8
    assert both.value(metric="accuracy", setting={"model": "resnet18", "share": 0.5}) == 0.7
    for name in ("resnet18", "resnet18 (2)"):
        assert both.of("model", name).table.equals(first.table)
    assert len(both.of("model", "resnet1").table) == 0
    with pytest.raises(DataError, match="a setting model already"):
        first.under("model", "a").under("model", "b")

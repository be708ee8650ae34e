"""The five values refuse what does not hold together."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, Kind
from augmentor.core.persist import read_samples, read_synthetic, write_samples, write_synthetic
from augmentor.core.results import COLUMNS, Results
from augmentor.core.samples import Samples, concatenate
from augmentor.core.score import CheckpointScore
from augmentor.core.synthetic import SyntheticSet

ROW = Kind("row", "rows", "value")


def make(n: int = 6, *, group: bool = False) -> Samples:
    rng = np.random.default_rng(0)
    return Samples(
        x=rng.integers(0, 256, (n, 1, 4, 4)).astype(np.uint8),
        y=(np.arange(n) % 2).astype(np.int64),
        classes=("cat", "dog"),
        ids=np.array([f"train/{i}" for i in range(n)]),
        group=np.array([f"p{i // 2}" for i in range(n)]) if group else None,
        value_range=(0, 255),
        kind=IMAGE,
    )


def parts(samples: Samples) -> dict:
    return {
        "kind": samples.kind,
        "x": samples.x,
        "y": samples.y,
        "classes": samples.classes,
        "ids": samples.ids,
        "group": samples.group,
        "value_range": samples.value_range,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(5, np.int64)}, "one length"),
        ({"y": np.full(6, 2, np.int64)}, r"\[0, 2\)"),
        ({"y": np.full(6, -1, np.int64)}, r"\[0, 2\)"),
        ({"y": np.zeros(6, np.int32)}, "int64"),
        ({"classes": ("cat", "cat")}, "unique"),
        ({"ids": np.array(["a"] * 6)}, "ids must be unique"),
        ({"group": np.array(["a"])}, "one length"),
        ({"value_range": None}, "value_range"),
        ({"x": np.zeros((6, 4))}, r"\(N, C, \*spatial\)"),
    ],
)
def test_samples_refuse_parts_that_disagree(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Samples(**(parts(make()) | change))


def test_take_and_concatenate_keep_rows_together() -> None:
    samples = make(group=True)
    odd = samples.take(samples.y == 1)
    assert odd.counts == {"cat": 0, "dog": 3}
    assert odd.ids.tolist() == ["train/1", "train/3", "train/5"]
    assert odd.group is not None
    assert odd.group.tolist() == ["p0", "p1", "p2"]
    back = concatenate([odd, samples.take([0, 2, 4])])
    assert back.ids.tolist() == ["train/1", "train/3", "train/5", "train/0", "train/2", "train/4"]
    np.testing.assert_array_equal(back.array, samples.array[[1, 3, 5, 0, 2, 4]])


def test_concatenate_refuses_other_units() -> None:
    scaled = Samples(**(parts(make()) | {"value_range": (0, 16)}))
    with pytest.raises(DataError, match="value range"):
        concatenate([make(), scaled])


def test_row_digest_is_the_hash_of_head_and_bytes() -> None:
    samples = make(1)
    expected = hashlib.sha256(b"|u1(1, 4, 4)" + samples.array[0].tobytes()).hexdigest()
    assert samples.row_digests.tolist() == [expected]


def test_digest_sees_every_part() -> None:
    base = make(group=True)
    seen = {base.digest}
    for change in (
        {"x": base.array + 1},
        {"y": 1 - base.y},
        {"ids": base.ids[::-1]},
        {"group": np.array(["q"] * 6)},
        {"classes": ("dog", "cat")},
        {"value_range": (0, 16)},
    ):
        seen.add(Samples(**(parts(base) | change)).digest)
    assert len(seen) == 7


@pytest.mark.parametrize("group", [False, True])
def test_samples_survive_the_disk(tmp_path, group: bool) -> None:
    samples = make(group=group)
    write_samples(tmp_path, samples)
    assert read_samples(tmp_path).digest == samples.digest


def test_tables_survive_the_disk(tmp_path) -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    samples = Samples(table, np.array([0, 1]), ("n", "y"), np.array(["0", "1"]), kind=ROW)
    write_samples(tmp_path, samples)
    assert read_samples(tmp_path).digest == samples.digest


def test_damaged_samples_are_named(tmp_path) -> None:
    write_samples(tmp_path, make())
    (tmp_path / "samples.npz").write_bytes(b"PK broken")
    with pytest.raises(DataError, match="cannot read the samples"):
        read_samples(tmp_path)


def synthetic(kept: list[bool], reason: list[str]) -> SyntheticSet:
    return SyntheticSet(
        make(),
        pd.DataFrame(
            {"synthesizer": ["abc"] * 6, "seed": range(6), "label_confidence": np.linspace(0, 1, 6)}
        ),
        np.array(kept),
        np.array(reason),
    )


def test_synthetic_set_survives_the_disk(tmp_path) -> None:
    made = synthetic([True, False] * 3, ["", "copy"] * 3)
    write_synthetic(tmp_path, made)
    back = read_synthetic(tmp_path)
    assert back.samples.digest == made.samples.digest
    pd.testing.assert_frame_equal(back.provenance, made.provenance)
    assert back.reason.tolist() == made.reason.tolist()
    assert back.kept_samples.ids.tolist() == ["train/0", "train/2", "train/4"]


@pytest.mark.parametrize(
    ("kept", "reason"),
    [([True] * 6, ["copy"] + [""] * 5), ([False] + [True] * 5, [""] * 6)],
)
def test_reason_exactly_where_not_kept(kept, reason) -> None:
    with pytest.raises(DataError, match="reason exactly where"):
        synthetic(kept, reason)


def test_results_keep_types_and_refuse_missing_values(tmp_path) -> None:
    rows = [
        {"dataset": "d", "arm": "real", "seed": 1, "split": "test", "metric": "accuracy", "value": 0.5},
        {"dataset": "d", "metric": "count", "class": "cat", "split": "train", "value": 3},
    ]
    results = Results.from_rows(rows)
    assert list(results.table.columns) == list(COLUMNS)
    assert results.value(arm="real", metric="accuracy") == 0.5
    assert results.value(metric="count", class_="cat") == 3.0
    assert results.value(metric="absent") is None
    with pytest.raises(DataError, match="expected one"):
        results.value(dataset="d")
    with pytest.raises(DataError, match=r"missing values.*\['accuracy'\]"):
        Results.from_rows([rows[0] | {"value": float("nan")}])
    results.write(tmp_path / "a.parquet")
    results.write(tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    pd.testing.assert_frame_equal(Results.read(tmp_path / "a.parquet").table, results.table)


def test_results_refuse_a_column_they_would_lose() -> None:
    with pytest.raises(DataError, match="got also \\['fold'\\]"):
        Results.from_rows([{"dataset": "d", "fold": "test", "metric": "delta", "value": 0.1}])


def test_merit_is_the_geometric_mean_with_diversity_capped() -> None:
    # (0.8 * 0.5 * 0.2) ** (1/3) = 0.08 ** (1/3)
    score = CheckpointScore(0.8, 0.5, {"a": 0.2, "b": 3.0})
    assert score.lowest_diversity == 0.2
    assert score.merit == pytest.approx(0.08 ** (1 / 3))
    assert CheckpointScore(1.0, 1.0, {"a": 5.0}).merit == 1.0


def test_the_kind_is_kept_by_taking_joining_and_the_disk(tmp_path) -> None:
    samples = replace(make(), kind=ROW)
    write_samples(tmp_path, samples.take([0, 1]))
    assert read_samples(tmp_path).kind == ROW
    assert concatenate([samples, replace(samples, ids=samples.ids + "'")]).kind == ROW
    with pytest.raises(DataError, match="kind"):
        concatenate([samples, make()])


def test_samples_of_an_earlier_version_do_not_say_their_kind_and_are_refused(tmp_path) -> None:
    write_samples(tmp_path, make())
    head = json.loads((tmp_path / "samples.json").read_text(encoding="utf-8"))
    del head["kind"]
    (tmp_path / "samples.json").write_text(json.dumps(head), encoding="utf-8")
    with pytest.raises(DataError, match=r"do not say what one sample is .* run the recipe again"):
        read_samples(tmp_path)


def test_rows_of_numbers_and_texts_have_digests_of_their_own() -> None:
    table = pd.DataFrame({"a": [1.0, 1.0, 2.0, 1.0], "b": ["x", "x", "x", "y"], "c": ["yz", "yz", "yz", "z"]})
    ids = np.array(list("0123"))
    samples = Samples(table, np.zeros(4, dtype=np.int64), ("n", "y"), ids, kind=ROW)
    first, second, third, fourth = samples.row_digests
    assert first == second
    assert len({first, third, fourth}) == 3
    assert samples.take([1]).row_digests.tolist() == [first]
    assert samples.row_form == (("a", "float64"), ("b", str(table["b"].dtype)), ("c", str(table["b"].dtype)))

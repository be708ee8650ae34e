"""augmentor evaluate: anyone's synthetic samples through the steps of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augmentor.core.errors import ConfigError, DataError, LeakError, SuppliedLeakError
from augmentor.core.progress import Silent
from augmentor.core.results import Results
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.load import load
from augmentor.data.spec import ScarcitySpec
from augmentor.data.split import Split, split
from augmentor.quality.judge import TaskJudge
from augmentor.run.compose.external import evaluate_foreign, foreign_recipe
from augmentor.run.generate import generate
from augmentor.run.leak_check import check_leak
from augmentor.run.outcome import Outcome
from augmentor.run.steps.copies_of_test import copy_warnings
from augmentor.store.seen_rows import record_seen_rows

SHORT = [
    "judge.updates=20",
    "judge.folds=2",
    "evaluation.seeds=2",
    "evaluation.model.updates=8",
    "evaluation.model.channels=4",
    "evaluation.arms=[real, classical, {rows: {synthetic: all, mixing: pooled}}, filtered]",
    "evaluation.mixing.shares=[0.5]",
    "evaluation.augmentation.pool_versions=2",
    "execution.processes=1",
]


@pytest.fixture(scope="module")
def parts() -> Split:
    """The parts that the recipe ``digits`` makes."""
    recipe = foreign_recipe("digits", "digits", [])
    return split(load("digits", image=recipe.image), split=recipe.split, scarcity=recipe.scarcity)


def noisy(samples: Samples, rows: Any, *, sd: float = 4.0, seed: int = 0) -> Samples:
    chosen = samples.take(rows)
    x = chosen.array + np.random.default_rng(seed).normal(0, sd, chosen.array.shape)
    return replace(chosen, x=np.clip(np.rint(x), 0, 16).astype(chosen.array.dtype))


def write(path: Path, samples: Samples) -> Path:
    np.savez(path, images=samples.array[:, 0], labels=samples.y)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, parts: Split) -> Path:
    rows = np.random.default_rng(1).choice(len(parts.train), 120, replace=False)
    return write(tmp_path_factory.mktemp("made") / "made.npz", noisy(parts.train, rows))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def outcome(out: Path, source: Path) -> Outcome:
    return evaluate_foreign("digits", source, recipe="digits", assignments=SHORT, out=out, device="cpu")


@pytest.mark.slow
def test_the_run_folder_is_that_of_a_run_without_a_generator(outcome: Outcome, out: Path) -> None:
    assert outcome.folder.parent == out / "digits-evaluate"
    files = {path.name for path in outcome.folder.iterdir()}
    assert {
        "report.html",
        "report.md",
        "summary.json",
        "results.parquet",
        "expanded",
        "manifest.json",
    } <= files
    assert {"predictions.npz", "log.jsonl", "recipe.yaml", "facts.json"} <= files
    assert not {"generator", "filters"} & files
    assert outcome.reused == ()


@pytest.mark.slow
def test_the_summary_says_what_was_judged(outcome: Outcome, source: Path, parts: Split) -> None:
    summary = json.loads((outcome.folder / "summary.json").read_text())
    assert summary["verdict"]["word"] in {"helps", "hurts", "equivalent", "inconclusive"}
    assert summary["dataset"] == "digits"
    kept = sum(row["synthetic"] for row in summary["counts"].values())
    assert sum(row["generated"] for row in summary["counts"].values()) == 120
    assert all(row["real"] == parts.train.counts[name] for name, row in summary["counts"].items())
    results = Results.read(outcome.folder / "results.parquet")
    assert results.where(metric="rejected", setting={"reason": "surplus"})["value"].sum() == pytest.approx(
        sum(row["rejected"].get("surplus", 0) for row in summary["acceptance"].values())
    )
    metadata = pd.read_csv(outcome.folder / "expanded" / "metadata.csv", dtype=str)
    made = metadata[metadata["source"] == "synthetic"]
    assert len(made) == kept > 0
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    digest = manifest["inputs"]["synthetic_source"]["sha256"]
    assert set(made["synthesizer"]) == {digest}
    assert manifest["inputs"]["synthetic_source"]["name"] == source.name


@pytest.mark.slow
def test_the_manifest_holds_every_sample_and_what_the_judge_saw(outcome: Outcome, parts: Split) -> None:
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    assert manifest["inputs"]["sample_sha256"] == parts.digests()
    seen = manifest["seen_rows"]["judge"]
    assert {name: entry["rows"] for name, entry in seen.items()} == {
        "train": len(parts.train),
        "validation": len(parts.validation),
    }


@pytest.mark.slow
def test_the_report_claims_nothing_about_a_generator_it_did_not_train(outcome: Outcome) -> None:
    html = (outcome.folder / "report.html").read_text()
    text = (outcome.folder / "report.md").read_text()
    for page in (html, text):
        assert "made elsewhere and read as they are" in page
        assert "what their generator had seen is not known" in page
        assert "The generator, the filters and every scaler" not in page
    assert 'id="training"' not in html
    assert "#training" not in html
    assert "synthesizer:" not in (outcome.folder / "recipe.yaml").read_text()


@pytest.mark.slow
def test_the_same_command_again_reuses_every_step(outcome: Outcome, out: Path, source: Path) -> None:
    again = evaluate_foreign("digits", source, recipe="digits", assignments=SHORT, out=out, device="cpu")
    steps = {"load", "sample", "judge", "filter", "copies_of_test", "measure", "evaluate"}
    assert set(again.reused) == steps
    assert again.folder != outcome.folder
    for name in ("results.parquet", "summary.json"):
        mine, theirs = ((folder / name).read_bytes() for folder in (again.folder, outcome.folder))
        assert mine == theirs


@pytest.mark.slow
def test_the_filter_settings_matter_and_the_judge_is_reused(
    outcome: Outcome, out: Path, source: Path
) -> None:
    changed = evaluate_foreign(
        "digits", source, recipe="digits", assignments=[*SHORT, "filters=[]"], out=out, device="cpu"
    )
    assert set(changed.reused) == {"load", "sample", "judge"}
    summary = json.loads((changed.folder / "summary.json").read_text())
    assert sum(row["synthetic"] for row in summary["counts"].values()) == 120


@pytest.mark.slow
def test_a_report_is_written_where_nothing_is_kept(
    outcome: Outcome, out: Path, tmp_path: Path, parts: Split
) -> None:
    copies = write(tmp_path / "copies.npz", parts.train)
    told = evaluate_foreign("digits", copies, recipe="digits", assignments=SHORT, out=out, device="cpu")
    summary = json.loads((told.folder / "summary.json").read_text())
    assert sum(row["synthetic"] for row in summary["counts"].values()) == 0
    assert summary["copies"]["overall"]["exact_copies"]["synthetic"] == len(parts.train)
    assert len(summary["unusable"]) == 10
    assert any("No synthetic image was kept" in note for note in summary["notes"])
    assert "No synthetic image was kept" in (told.folder / "report.md").read_text()
    metadata = pd.read_csv(told.folder / "expanded" / "metadata.csv")
    assert set(metadata["source"]) == {"real"}


@pytest.mark.slow
def test_generate_refuses_an_evaluation_of_samples_from_elsewhere(outcome: Outcome, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="made elsewhere, and has no generator"):
        generate(outcome.folder, {"1": 3}, tmp_path / "more")


@pytest.mark.slow
@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_held_out_case_among_the_synthetics_is_refused(
    part: str, outcome: Outcome, out: Path, tmp_path: Path, parts: Split
) -> None:
    leak = getattr(parts, part).take([4])
    x = np.concatenate([noisy(parts.train, np.arange(20)).array, leak.array])
    np.savez(tmp_path / "made.npz", images=x[:, 0], labels=np.concatenate([parts.train.y[:20], [3]]))
    with pytest.raises(SuppliedLeakError, match=f"1 image of the {part} part is also in the synthetic part"):
        evaluate_foreign(
            "digits", tmp_path / "made.npz", recipe="digits", assignments=SHORT, out=out, device="cpu"
        )


@dataclass
class Finished:
    """What :func:`check_leak` looks at."""

    parts: dict[str, Samples]
    synthetic: SyntheticSet
    seen_rows: dict[str, dict[str, list[str]]] = field(default_factory=dict)


def finished(parts: Split, samples: Samples, **seen_rows: dict[str, list[str]]) -> Any:
    n = len(samples)
    table = pd.DataFrame({"synthesizer": ["s"] * n, "seed": [0] * n})
    made = SyntheticSet(samples, table, np.zeros(n, np.bool_), np.full(n, "copy"))
    return Finished(dict(parts.parts), made, seen_rows)


def test_publishing_refuses_a_test_case_that_any_step_saw(parts: Split) -> None:
    honest = noisy(parts.train, np.arange(5))
    rows = {name: [str(row) for row in part.row_digests] for name, part in parts.parts.items()}
    fine = {"train": rows["train"], "validation": rows["validation"]}
    check_leak(finished(parts, honest, judge=fine, train={"train": rows["train"]}))
    # A scaler, generator or judge that was handed one test row: refused, naming the step.
    with pytest.raises(LeakError, match="in the train step's train part: all/"):
        check_leak(finished(parts, honest, judge=fine, train={"train": [*rows["train"], rows["test"][7]]}))
    with pytest.raises(LeakError, match="in the judge step's validation part"):
        check_leak(finished(parts, honest, judge={"validation": rows["test"]}))
    # Kept or not: a rejected row was seen by the arm that takes them all.
    with pytest.raises(LeakError, match="in the synthetic part"):
        check_leak(finished(parts, parts.test.take([0])))
    mixed = replace(parts, train=parts.test.take(np.arange(9)))
    with pytest.raises(LeakError, match="9 images of the test part are also in the train part"):
        check_leak(finished(mixed, honest))


def test_the_record_of_seen_rows_lists_every_row(tmp_path: Path, parts: Split) -> None:
    record_seen_rows(tmp_path, {"train": parts.train})
    assert json.loads((tmp_path / "seen_rows.json").read_text()) == {"train": parts.digests()["train"]}


@pytest.mark.slow
def test_a_generator_that_copied_test_cases_is_reported_and_an_honest_one_is_not(parts: Split) -> None:
    judge = TaskJudge.fit(parts.train, held_out=parts.validation, seed=0, updates=1, processes=1)
    (told,) = copy_warnings(judge, noisy(parts.test, np.arange(40), sd=0.7), parts.test)
    assert told.startswith("40 of 40 synthetic images are near copies of test cases, and ")
    # Other real digits stand for a perfect generator's; copies of training images are another matter.
    pool = split(load("digits"), scarcity=ScarcitySpec()).train
    fresh = pool.take(~np.isin(pool.row_digests, parts.train.row_digests))
    assert copy_warnings(judge, fresh, parts.test) == []
    assert copy_warnings(judge, noisy(parts.train, np.arange(60), sd=0.7), parts.test) == []


def test_a_field_that_has_no_effect_is_refused() -> None:
    for key in ("training.images=5", "balance=1", "synthesizer.family=x", "filters.oversampling=2"):
        with pytest.raises(ConfigError, match=f"--set {key.split('=')[0]} has no effect here"):
            foreign_recipe("digits", "digits", [key])
    assert foreign_recipe("digits", "digits", ["training.seed=4", "filters.label=false"]).training.seed == 4


def test_real_is_a_card_or_a_path(tmp_path: Path) -> None:
    assert foreign_recipe("digits", "default", []).dataset == "digits"
    (tmp_path / "a").mkdir()
    recipe = foreign_recipe(str(tmp_path), "default", [])
    assert recipe.dataset == recipe.data == str(tmp_path)
    with pytest.raises(DataError, match=r"there is no file or folder digist.*Did you mean digits"):
        foreign_recipe("digist", "default", [])


def test_a_missing_source_is_reported_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file or folder"):
        evaluate_foreign("digits", tmp_path / "nowhere", out=tmp_path / "runs", progress=Silent())
    assert not (tmp_path / "runs").exists()

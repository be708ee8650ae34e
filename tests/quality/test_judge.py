"""The judge: what it calls good is good, cross-fitting keeps rows apart, and it comes back from disk."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.samples import Samples, concatenate
from augmentor.core.synthetic import SyntheticSet
from augmentor.metrics.estimate import NotEstimable
from augmentor.quality import cross_fit as folds_module
from augmentor.quality.candidate_scores import copy_scale, label_minimum, score_candidates
from augmentor.quality.cross_fit import assign_folds, augment
from augmentor.quality.filters import select
from augmentor.quality.filters_spec import FiltersSpec
from augmentor.quality.judge import TaskJudge
from augmentor.quality.measure import measure

CLASSES = ("zero", "one", "two", "three")
RARE = 9


def digits():
    """Four digits: 40 training rows a class, 9 of "three"; held-out rows, 3 of "three"; fresh rows."""
    data = load_digits(n_class=4)
    x, y = np.rint(data.images).astype(np.uint8)[:, None], data.target.astype(np.int64)
    parts = {"train": [], "held": [], "fresh": []}
    rng = np.random.default_rng(0)  # the file is ordered by writer
    for label in range(4):
        rows = rng.permutation(np.flatnonzero(y == label))
        n, m = (RARE, 3) if label == 3 else (40, 30)
        parts["train"] += list(rows[:n])
        parts["held"] += list(rows[n : n + m])
        parts["fresh"] += list(rows[80:])
    return [
        Samples(x[i], y[i], CLASSES, np.array([f"{name}{j}" for j in i]), value_range=(0, 16), kind=IMAGE)
        for name, i in parts.items()
    ]


@pytest.fixture(scope="module")
def parts():
    return digits()


@pytest.fixture(scope="module")
def judge(parts):
    return TaskJudge.fit(parts[0], held_out=parts[1], seed=0, updates=200, processes=1)


def renamed(samples, **changes):
    ids = np.array([f"s{i}" for i in range(len(samples))])
    return dataclasses.replace(samples, ids=ids, **changes)


def synthetic(samples):
    n = len(samples)
    table = pd.DataFrame({"synthesizer": ["x"] * n, "seed": [0] * n})
    return SyntheticSet(renamed(samples), table, np.ones(n, dtype=np.bool_), np.full(n, "", dtype=np.str_))


def one_image_a_class(samples, n=20):
    rows = np.concatenate([np.full(n, np.flatnonzero(samples.y == label)[0]) for label in range(4)])
    return Samples(
        samples.x[rows],
        samples.y[rows],
        CLASSES,
        np.arange(4 * n).astype(str),
        value_range=(0, 16),
        kind=IMAGE,
    )


def test_fresh_real_images_are_judged_good(judge, parts):
    score = judge(parts[2])
    assert score.label_fidelity > 0.9
    assert score.coverage > 0.85
    assert set(score.diversity) == set(CLASSES)
    assert 0.6 < score.lowest_diversity < 1.4
    assert score.merit > 0.8


def test_one_image_a_class_is_faithful_and_worth_nothing(judge, parts):
    score = judge(one_image_a_class(parts[2]))
    assert score.label_fidelity > 0.7
    assert score.lowest_diversity == pytest.approx(0, abs=1e-6)
    assert score.merit < 0.1


def test_wrong_labels_and_noise_are_judged_bad(judge, parts):
    fresh = parts[2]
    wrong = renamed(fresh, y=(fresh.y + 1) % 4)
    assert judge(wrong).label_fidelity < 0.1
    noise = np.random.default_rng(0).integers(0, 17, fresh.x.shape).astype(np.uint8)
    assert judge(renamed(fresh, x=noise)).coverage < 0.3


def test_order_of_the_samples_does_not_matter(judge, parts):
    fresh = parts[2]
    mixed = fresh.take(np.random.default_rng(0).permutation(len(fresh)))
    a, b = judge(fresh), judge(mixed)
    assert a.label_fidelity == b.label_fidelity
    assert a.coverage == pytest.approx(b.coverage)
    assert a.diversity == pytest.approx(b.diversity)


def test_a_class_without_samples_is_left_out(judge, parts):
    score = judge(parts[2].take(parts[2].y != 1))
    assert "one" not in score.diversity
    assert score.label_fidelity > 0.9
    nothing = judge(parts[2].take([]))
    assert (nothing.label_fidelity, nothing.coverage, nothing.merit) == (0.0, 0.0, 0.0)


def test_a_rare_class_borrows_training_rows_for_its_scale_only(judge, parts):
    reference = judge.references[3]
    assert len(reference.held_out) == 3
    assert len(reference.pixels) == len(reference.features) == 3 + RARE
    assert len(judge.references[0].pixels) == 30
    # Repeating training rows reaches the held-out rows less well than fresh rows do.
    fresh = judge.class_coverage(3, judge.features(parts[2].take(parts[2].y == 3)))
    assert fresh == 1.0
    assert isinstance(
        judge.class_coverage(3, np.zeros((0, judge.references[3].held_out.shape[1]))), NotEstimable
    )


def test_out_of_fold_probabilities_come_from_the_network_that_never_saw_the_row(judge):
    from augmentor.training.classifier import predict

    x = judge.encode(judge.train)
    for number, model in enumerate(judge.models):
        rows = judge.fold == number
        np.testing.assert_allclose(
            judge.out_of_fold[rows], predict(model, x[torch.from_numpy(rows)]), atol=1e-6
        )
    np.testing.assert_allclose(judge.out_of_fold.sum(axis=1), 1)


def test_no_network_is_given_the_rows_of_its_fold(parts, monkeypatch):
    jobs = []

    def record(function, given, *, processes):
        jobs.extend(given)
        return [folds_module.network_weights(folds_module.SmallResNet((1, 8, 8), 4)) for _ in given]

    monkeypatch.setattr(folds_module, "run_parallel", record)
    found = TaskJudge.fit(parts[0], held_out=parts[1], seed=0)
    x = found.encode(found.train).numpy()
    assert len(jobs) == 3
    for number, job in enumerate(jobs):
        np.testing.assert_array_equal(job.x, x[found.fold != number])
        np.testing.assert_array_equal(job.y, found.train.y[found.fold != number])
    assert len({job.seed for job in jobs}) == 3


def test_same_seed_same_judge(parts):
    """In two processes: tests/run/test_determinism.py."""
    settings = {"held_out": parts[1], "updates": 3, "processes": 1}
    one = TaskJudge.fit(parts[0], seed=5, **settings)
    two = TaskJudge.fit(parts[0], seed=5, **settings)
    assert one.digest == two.digest
    assert (one.fold == two.fold).all()


def test_saved_and_loaded_it_judges_the_same_and_holds_no_image(judge, parts, tmp_path):
    judge.save(tmp_path)
    back = TaskJudge.load(tmp_path, train=parts[0], held_out=parts[1])
    assert back(parts[2]) == judge(parts[2])
    assert back.digest == judge.digest
    np.testing.assert_array_equal(back.out_of_fold, judge.out_of_fold)
    assert {path.name for path in tmp_path.iterdir()} == {"judge.json", "judge.safetensors"}
    with pytest.raises(DataError, match="other samples"):
        TaskJudge.load(tmp_path, train=parts[2], held_out=parts[1])
    head = json.loads((tmp_path / "judge.json").read_text())
    (tmp_path / "judge.json").write_text(json.dumps(head | {"folds": 4}))
    with pytest.raises(DataError, match="cannot read the judge"):
        TaskJudge.load(tmp_path, train=parts[0], held_out=parts[1])
    (tmp_path / "judge.json").unlink()
    with pytest.raises(DataError, match="cannot read the judge"):
        TaskJudge.load(tmp_path, train=parts[0], held_out=parts[1])


def test_held_out_rows_that_are_training_rows_are_left_out(parts, monkeypatch):
    leaky = concatenate([parts[1], renamed(parts[0].take(range(5)))])
    found = TaskJudge.fit(parts[0], held_out=leaky, seed=0, updates=1, processes=1)
    assert len(found.held_out) == len(parts[1])


def test_what_does_not_fit_together_is_refused(judge, parts):
    train, held_out, _ = parts
    with pytest.raises(ConfigError, match="at least two folds"):
        TaskJudge.fit(train, held_out=held_out, seed=0, folds=1)
    other = dataclasses.replace(held_out, classes=("a", "b", "c", "d"))
    with pytest.raises(DataError, match="share classes"):
        TaskJudge.fit(train, held_out=other, seed=0)
    with pytest.raises(DataError, match="the judge knows"):
        judge(other)


def test_folds_spread_every_class(parts):
    fold = assign_folds(parts[0], 3, 0)
    for label, n in enumerate(parts[0].counts.values()):
        load = np.bincount(fold[parts[0].y == label], minlength=3)
        assert load.max() - load.min() <= 1
        assert load.sum() == n
    sizes = np.bincount(fold)
    assert sizes.max() - sizes.min() <= 1
    assert (assign_folds(parts[0], 3, 1) != fold).any()


def test_folds_keep_groups_together(parts):
    train = parts[0]
    group = (np.arange(len(train)) // 4).astype(str)
    fold = assign_folds(dataclasses.replace(train, group=group), 3, 0)
    for name in np.unique(group):
        assert len(np.unique(fold[group == name])) == 1
    with pytest.raises(DataError, match="'three' has 9 training rows in one group"):
        assign_folds(dataclasses.replace(train, group=np.where(train.y == 3, "g", group)), 3, 0)


@pytest.mark.parametrize("shape", [(2, 30), (1, 28, 14), (1, 8, 8, 8), (1, 3, 3)])
def test_augmentation_shifts_a_little_and_never_mirrors(shape):
    x = torch.zeros(200, *shape)
    middle = tuple(side // 2 for side in shape[1:])
    x[(slice(None), 0, *middle)] = 1.0
    made = augment(x, torch.Generator().manual_seed(0))
    assert made.shape == x.shape
    places = made[:, 0].flatten(1).argmax(1)
    for axis, place in enumerate(torch.unravel_index(places, shape[1:])):
        reach = max(1, round(shape[axis + 1] / 14)) if shape[axis + 1] > 3 else 0
        offsets = set((place - middle[axis]).tolist())
        assert offsets == set(range(-reach, reach + 1))


# Candidates and quality, with the same judge.


def test_planted_copies_are_refused_and_fresh_images_are_not(judge, parts):
    """Every kind at least 95 %; the filter is set to call 1 % of honest images copies."""
    train, _, fresh = parts
    x = train.x
    kinds = {
        "exact": x,
        "shifted": np.concatenate([x[..., 1:], x[..., -1:]], axis=-1),
        "brighter": np.clip(np.rint(1.05 * x), 0, 16).astype(np.uint8),
        "mirrored": x[..., ::-1].copy(),
    }
    for kind, planted in kinds.items():
        marks = score_candidates(renamed(train, x=planted), judge, FiltersSpec())
        found = (marks.copy_ratio < 1) | marks.exact_copy
        assert found.mean() >= 0.95, kind
        assert (marks.nearest_train_id == train.ids).mean() >= 0.95
    honest = score_candidates(fresh, judge, FiltersSpec())
    assert (honest.copy_ratio < 1).mean() < 0.05
    assert not honest.exact_copy.any()


def test_fresh_images_are_accepted_and_noise_is_not(judge, parts):
    fresh = parts[2]
    plan = dict.fromkeys(CLASSES, 50)
    good = select(synthetic(fresh), score_candidates(fresh, judge, FiltersSpec()), plan, FiltersSpec())
    share = good.acceptance["accepted"] / good.acceptance["candidates"]
    assert share.min() > 0.6
    noise = renamed(fresh, x=np.random.default_rng(0).integers(0, 17, fresh.x.shape).astype(np.uint8))
    bad = select(synthetic(noise), score_candidates(noise, judge, FiltersSpec()), plan, FiltersSpec())
    assert set(bad.unusable) == set(CLASSES)
    same = one_image_a_class(fresh)
    repeated = select(synthetic(same), score_candidates(same, judge, FiltersSpec()), plan, FiltersSpec())
    assert repeated.acceptance["accepted"].max() <= 1


def test_a_judge_that_does_not_know_a_class_does_not_refuse_it(judge):
    assert (label_minimum(judge, 0.5) <= 0.5).all()
    assert label_minimum(judge, 0.0).tolist() == [0.0] * 4
    blind = dataclasses.replace(judge, models=tuple(_uniform(model) for model in judge.models))
    np.testing.assert_allclose(label_minimum(blind, 0.5), 0.25)


def _uniform(model):
    other = folds_module.load_network(folds_module.network_weights(model), (1, 8, 8), 4, "cpu")
    torch.nn.init.zeros_(other.head.weight)
    torch.nn.init.zeros_(other.head.bias)
    return other


def test_few_held_out_images_are_joined_by_training_images(judge):
    """93 held-out images are enough for 2 %, except for the rare class with its three."""
    enough, joined = copy_scale(judge, 0.02), copy_scale(judge, 0.01)
    assert np.bincount(enough.y).tolist() == [30, 30, 30, 3 + RARE]
    assert np.bincount(joined.y).tolist() == [70, 70, 70, 3 + RARE]


def test_the_scale_of_a_rare_class_is_at_least_the_common_one(judge):
    known = copy_scale(judge, 0.02)
    assert known.far(judge, 0.99).median[3] >= np.median(known.distance)


@pytest.fixture(scope="module")
def measured(judge, parts):
    train, held_out, fresh = parts
    return measure(train, held_out, synthetic(fresh), judge, dataset="d", seed=0)


def test_fresh_real_images_measure_like_real(measured):
    """Unseen rows of the same source: every paired number near its real-to-real neighbour. The widest
    class has 13 rows a side and the rarest 3, averaged over 30 draws: tolerance 0.2."""
    results, _ = measured
    table = results.table
    for metric in ("label_fidelity", "precision", "density", "coverage", "alpha_precision"):
        pair = [
            table[(table["metric"] == metric) & (table["split"] == split) & table["class"].isna()][
                "value"
            ].item()
            for split in ("synthetic", "real")
        ]
        assert pair[0] == pytest.approx(pair[1], abs=0.2), metric


def test_every_number_stands_beside_the_same_for_real(measured):
    table = measured[0].table
    paired = table[~table["metric"].str.startswith("membership") & (table["split"] != "generated")]
    by_split = {
        split: set(zip(rows["metric"], rows["class"].fillna(""), strict=True))
        for split, rows in paired.groupby("split")
    }
    assert by_split["synthetic"] == by_split["real"]
    assert ("coverage", "three") in by_split["synthetic"]
    assert table.loc[table["metric"] == "kid_task", "setting"].str.fullmatch(r"images=\d+").any()


def test_what_could_not_be_measured_gives_the_reason(measured):
    missing = measured[1].not_estimable
    recall = [item for item in missing if item.metric == "recall" and item.class_ == "three"]
    assert recall
    assert all(item.reason.startswith("not estimable, because") for item in missing)
    json.dumps(measured[1].to_json(), allow_nan=False)


def test_memorised_images_are_called_so(judge, parts):
    train, held_out, fresh = parts
    mixed = concatenate([renamed(fresh.take(range(40))), dataclasses.replace(train.take(range(20)))])
    results, facts = measure(train, held_out, synthetic(mixed), judge, dataset="d", seed=0)
    assert results.value(metric="exact_copies", split="synthetic") == 20
    assert results.value(metric="copy_rate", split="synthetic") >= 20 / 60
    assert results.value(metric="exact_copies", split="real") == 0
    shown = facts.copies_shown
    assert [item.ratio for item in shown] == sorted(item.ratio for item in shown)
    assert all(item.synthetic - 40 == item.real for item in shown[:12])
    assert shown[0].real_id == train.ids[shown[0].real]
    copied = measure(train, held_out, synthetic(train), judge, dataset="d", seed=0)[0]
    assert copied.value(metric="membership_auroc", split="synthetic") == 1.0
    assert copied.value(metric="authenticity", split="synthetic") == 0.0
    assert copied.value(metric="nearest_ratio", split="synthetic") < 0.01


def test_the_same_seed_measures_the_same(measured, judge, parts):
    again = measure(parts[0], parts[1], synthetic(parts[2]), judge, dataset="d", seed=0)[0]
    pd.testing.assert_frame_equal(again.table, measured[0].table)


def test_scores_in_the_provenance_are_used(judge, parts):
    train, held_out, fresh = parts
    marks = score_candidates(fresh, judge, FiltersSpec())
    marked = select(synthetic(fresh), marks, dict.fromkeys(CLASSES, 20), FiltersSpec()).synthetic
    results, facts = measure(train, held_out, marked, judge, dataset="d", seed=0)
    plain, _ = measure(train, held_out, synthetic(fresh), judge, dataset="d", seed=0)
    assert results.value(metric="near_copies", split="synthetic") == plain.value(
        metric="near_copies", split="synthetic"
    )
    assert results.value(metric="near_copies", split="kept") == 0
    assert {item.kept for item in facts.copies_shown} <= {True, False}


def test_nothing_kept_is_said_and_not_measured(judge, parts):
    train, held_out, fresh = parts
    none = dataclasses.replace(
        synthetic(fresh), kept=np.zeros(len(fresh), dtype=np.bool_), reason=np.full(len(fresh), "label")
    )
    results, facts = measure(train, held_out, none, judge, dataset="d", seed=0)
    assert results.where(metric="precision", split="synthetic").empty
    assert any(item.metric == "precision" for item in facts.not_estimable)
    told = {(item.metric, item.split) for item in facts.not_estimable}
    assert {("copy_rate", "kept"), ("membership_auroc", "synthetic"), ("authenticity", "synthetic")} <= told
    numbers = set(zip(results.table["metric"], results.table["split"], strict=True))
    assert not told & {(m, f) for m, f in numbers if m in ("copy_rate", "membership_auroc", "authenticity")}
    assert results.value(metric="near_copies", split="kept") == 0


def test_another_training_part_is_refused(judge, parts):
    with pytest.raises(DataError, match="another training part"):
        measure(parts[2], parts[1], synthetic(parts[2]), judge, dataset="d", seed=0)

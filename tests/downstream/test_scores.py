"""Scores against scikit-learn and torchmetrics, their rules at the edges, and values of cases."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as sk

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.results import Results
from augmentor.downstream.case_values import PRIMARY_METRICS, case_values
from augmentor.downstream.scores import score
from augmentor.metrics.auroc import auroc, placements
from augmentor.metrics.calibration import brier, expected_calibration_error, reliability


def fake(seed, n=90, k=3, ties=False):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k)) + np.eye(k)[y]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if ties:
        # Tenths that still sum to one, so that scores tie and the argmax ties too.
        p = np.floor(p * 10)
        p[:, 0] += 10 - p.sum(axis=1)
        p /= 10
    return p, y.astype(np.int64)


def values(rows):
    return {(row["metric"], row["class"]): row["value"] for row in rows}


def confusion(rows):
    """Counts by predicted and true class."""
    return {
        (row["setting"]["predicted"], row["class"]): row["value"]
        for row in rows
        if row["metric"] == "confusion"
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("k", [2, 3, 6])
@pytest.mark.parametrize("ties", [False, True])
def test_agrees_with_scikit_learn(seed, k, ties):
    p, y = fake(seed, k=k, ties=ties)
    names = [f"c{i}" for i in range(k)]
    rows = score(p, y, names)
    got = values(rows)
    predicted = p.argmax(axis=1)
    assert got["balanced_accuracy", None] == pytest.approx(
        sk.balanced_accuracy_score(y, predicted), abs=1e-12
    )
    assert got["accuracy", None] == pytest.approx(sk.accuracy_score(y, predicted), abs=1e-12)
    assert got["macro_f1", None] == pytest.approx(
        sk.f1_score(y, predicted, labels=np.arange(k), average="macro", zero_division=0), abs=1e-12
    )
    truth = np.eye(k)[y]
    areas = [sk.roc_auc_score(truth[:, i], p[:, i]) for i in range(k)]
    assert got["macro_auroc", None] == pytest.approx(np.mean(areas), abs=1e-12)
    assert got["brier", None] == pytest.approx(
        sum(sk.brier_score_loss(truth[:, i], p[:, i]) for i in range(k)), abs=1e-12
    )
    parts = sk.precision_recall_fscore_support(y, predicted, labels=np.arange(k), zero_division=0)
    table, counts = sk.confusion_matrix(y, predicted, labels=np.arange(k)), confusion(rows)
    for i, name in enumerate(names):
        assert got["precision", name] == pytest.approx(parts[0][i], abs=1e-12)
        assert got["recall", name] == pytest.approx(parts[1][i], abs=1e-12)
        assert got["f1", name] == pytest.approx(parts[2][i], abs=1e-12)
        assert got["auroc", name] == pytest.approx(areas[i], abs=1e-12)
        for j, other in enumerate(names):
            assert counts[other, name] == table[i, j]


def test_confusion_class_is_the_true_one():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    counts = confusion(score(p, np.array([0, 1, 1]), ["a", "b"]))
    assert counts["a", "b"] == 1
    assert counts["b", "a"] == 0


def test_class_without_cases_has_no_row():
    p, y = fake(0, k=3)
    rows = score(p[y < 2], y[y < 2], ["a", "b", "c"])
    assert not [row for row in rows if row["class"] == "c"]
    got = values(rows)
    two = p[y < 2]
    assert got["balanced_accuracy", None] == pytest.approx((got["recall", "a"] + got["recall", "b"]) / 2)
    assert confusion(rows)["c", "a"] == ((y == 0) & (p.argmax(axis=1) == 2)).sum()
    assert np.isfinite([row["value"] for row in rows]).all()
    assert len(two) == sum(confusion(rows).values())


def test_one_class_has_no_auroc_but_has_the_rest():
    p, y = fake(0)
    rows = score(p[y == 1], y[y == 1], ["a", "b", "c"])
    assert {"recall", "balanced_accuracy"} <= {row["metric"] for row in rows}
    assert not [row for row in rows if "auroc" in row["metric"]]


def test_never_predicted_class_has_precision_zero():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])
    got = values(score(p, np.array([0, 1, 0]), ["a", "b"]))
    assert got["precision", "b"] == got["f1", "b"] == 0.0
    assert got["macro_f1", None] == pytest.approx(0.4)  # (2*2/(2*2+1) + 0) / 2


def test_rows_fit_results():
    p, y = fake(1)
    rows = [
        {"dataset": "d", "arm": "real", "seed": 0, "split": "test", **row} for row in score(p, y, list("abc"))
    ]
    results = Results.from_rows(rows)
    assert results.value(metric="recall", class_="a") is not None
    assert score(p, y, list("abc"), confusion=False)[-1]["metric"] != "confusion"


@pytest.mark.parametrize(
    ("p", "y"),
    [
        (np.array([[0.5, np.nan]]), np.array([0])),
        (np.array([[0.5, 0.6]]), np.array([0])),
        (np.array([[-0.5, 1.5]]), np.array([0])),
        (np.array([[0.5, 0.5]]), np.array([2])),
        (np.array([[0.5, 0.5]]), np.array([-1])),
        (np.array([[0.5, 0.5]]), np.array([0.0])),
        (np.array([[0.5, 0.5]]), np.array([0, 1])),
        (np.array([[0.2, 0.3, 0.5]]), np.array([0])),
        (np.zeros((0, 2)), np.zeros(0, int)),
    ],
)
def test_refuses_what_is_not_probabilities_and_labels(p, y):
    with pytest.raises(DataError):
        score(p, y, ["a", "b"])


def test_placements_by_brute_force():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 5, 40).astype(float)
    positive = rng.random(40) < 0.3
    got = placements(scores, positive)
    for i in range(40):
        others = scores[~positive] if positive[i] else scores[positive]
        wins = (scores[i] > others) if positive[i] else (scores[i] < others)
        assert got[i] == pytest.approx(np.mean(wins + 0.5 * (scores[i] == others)), abs=1e-12)
    # The convention: higher scores mean more positive.
    assert auroc(-scores, positive) == pytest.approx(1 - auroc(scores, positive), abs=1e-12)
    assert auroc(scores, ~positive) == pytest.approx(1 - auroc(scores, positive), abs=1e-12)
    assert auroc(positive.astype(float), positive) == 1.0


@pytest.mark.parametrize("metric", PRIMARY_METRICS)
@pytest.mark.parametrize("ties", [False, True])
def test_case_values_make_the_metric(metric, ties):
    p, y = fake(5, k=4, ties=ties)
    keep = y != 2  # one class absent
    p, y = p[keep], y[keep]
    found = case_values(metric, np.stack([p, p[:, [1, 0, 2, 3]]]), y)
    assert found.share * found.weights.sum() == pytest.approx(1)
    for row, q in zip(found.table, (p, p[:, [1, 0, 2, 3]]), strict=True):
        means = [row[y == k].mean() for k in np.unique(y)]
        total = found.share * found.weights @ means
        assert total == pytest.approx(values(score(q, y, list("abcd")))[metric, None], abs=1e-12)


@pytest.mark.parametrize("metric", PRIMARY_METRICS)
def test_chance_is_what_a_constant_answer_comes_to(metric):
    y = np.repeat([0, 1, 2], [5, 10, 25])
    constant = np.tile([0.2, 0.3, 0.5], (40, 1))
    found = case_values(metric, constant, y)
    assert found.chance == pytest.approx(values(score(constant, y, list("abc")))[metric, None])


def test_auroc_case_values_are_the_derivative_of_the_weighted_auroc():
    # Moving weight onto one case changes the weighted macro AUROC, sum_ij w_i w_j psi_ij over the
    # normalised weights of each class, by its centred value times its class's weight: a numerical derivative.
    p, y = fake(7, n=45, k=3)
    found = case_values("macro_auroc", p, y)
    c = found.weights[y] * found.table

    def weighted(w):
        shares = np.array([w[y == k].sum() for k in range(3)])
        counts = np.bincount(y)
        w = w / shares[y] * counts[y]  # class shares stay as they are: the draw is stratified
        areas = []
        for k in range(3):
            i, j = np.flatnonzero(y == k), np.flatnonzero(y != k)
            psi = (p[i, k][:, None] > p[j, k]) + 0.5 * (p[i, k][:, None] == p[j, k])
            areas.append(w[i] @ psi @ w[j] / (w[i].sum() * w[j].sum()))
        return np.mean(areas)

    for n in (0, 11, 30):
        step = 1e-6
        w = np.ones(45)
        w[n] += step
        same = y == y[n]
        expected = (c[n] - c[same].mean()) / same.sum()
        assert (weighted(w) - weighted(np.ones(45))) / step == pytest.approx(expected, abs=1e-5)


def test_case_values_refuse_unknown_metrics_and_one_class():
    p, y = fake(0)
    with pytest.raises(ConfigError, match="balanced_accuracy, macro_auroc, accuracy"):
        case_values("auc", p, y)
    with pytest.raises(DataError, match="two classes"):
        case_values("macro_auroc", p[y == 0], y[y == 0])


def test_auroc_of_two_gaussians_has_its_closed_form():
    """Scores N(d, 1) of positives and N(0, 1) of negatives: P(x > y) = Phi(d / sqrt 2), variance DeLong's.

    With labels and scores the wrong way round it would be 1 - that. Four standard errors at 4,000.
    """
    rng = np.random.default_rng(0)
    positive = np.arange(8000) < 4000
    scores = rng.normal(size=8000) + 1.2 * positive
    placed = placements(scores, positive)
    error = np.sqrt(sum(placed[side].var(ddof=1) / 4000 for side in (positive, ~positive)))
    assert abs(auroc(scores, positive) - norm.cdf(1.2 / np.sqrt(2))) < 4 * error < 0.03


def test_calibration_agrees_with_torchmetrics():
    torch = pytest.importorskip("torch")
    from torchmetrics.functional.classification import multiclass_calibration_error

    p, y = fake(2, n=300, k=4)
    other = multiclass_calibration_error(
        torch.tensor(p), torch.tensor(y), num_classes=4, n_bins=15, norm="l1"
    )
    assert expected_calibration_error(p, y) == pytest.approx(float(other), abs=1e-6)


def test_reliability_bins_hold_every_case_once():
    p, y = fake(2, n=200)
    bins = reliability(p, y)
    assert sum(b.count for b in bins) == 200
    assert all(b.low < b.confidence <= b.high for b in bins)
    assert sum(b.accuracy * b.count for b in bins) == pytest.approx((p.argmax(axis=1) == y).sum())


def test_a_probability_on_an_edge_belongs_to_the_bin_below():
    found = reliability(np.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]]), np.zeros(3, int), bins=4)
    assert [(b.low, b.high) for b in found] == [(0.25, 0.5), (0.5, 0.75), (0.75, 1.0)]


def test_calibration_closed_forms():
    # Sure and right: 0; sure and wrong: ECE 1, Brier 2; uniform over K: Brier 1 - 1/K.
    eye = np.eye(4)
    y = np.arange(4)
    assert expected_calibration_error(eye, y) == 0 == brier(eye, y)
    assert expected_calibration_error(eye, (y + 1) % 4) == 1
    assert brier(eye, (y + 1) % 4) == 2
    assert brier(np.full((4, 4), 0.25), y) == pytest.approx(0.75)
    # Says 0.8 on ten cases, right on six: |0.6 - 0.8|.
    p = np.tile([0.8, 0.2], (10, 1))
    assert expected_calibration_error(p, np.array([0] * 6 + [1] * 4)) == pytest.approx(0.2)

"""The words of the report: what arms, metrics, verdicts and reasons are called and mean.

Only words live here. Every number comes from :class:`augmentor.core.results.Results`. Texts hold fields
such as {image}, {images} and {pixel}, which :class:`Vocabulary` fills with the nouns of the samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from augmentor.metrics.names import METRIC_WORDS
from augmentor.report.wording import Noun

SHARE_BY = {"validation": "highest mean score on the validation part", "recipe": "set by the recipe"}
"""What the share of synthetic samples was chosen by."""


@dataclass(frozen=True)
class Metric:
    """How a metric is called, which group it belongs to and what it says.

    Attributes:
        label: name in running text and tables.
        group: "score", "fidelity", "diversity" or "copies".
        meaning: one line for a reader who does not know the metric.
        better: "higher", "lower" or "like real" (close to the real-against-real value).
    """

    label: str
    group: str
    meaning: str
    better: str = "higher"


METRICS: dict[str, Metric] = {
    name: Metric(METRIC_WORDS[name], "score", meaning, better)
    for name, meaning, better in (
        ("balanced_accuracy", "mean of the recalls of all classes", "higher"),
        ("macro_auroc", "mean over classes of the area under the ROC curve", "higher"),
        ("accuracy", "share of test cases classified correctly", "higher"),
        ("macro_f1", "mean of the F1 of all classes", "higher"),
        ("brier", "squared error of the probabilities", "lower"),
        ("ece", "expected calibration error", "lower"),
        ("recall", "share of a class's test cases that are found", "higher"),
        ("precision", "share of the cases called a class that are of it", "higher"),
        ("f1", "harmonic mean of precision and recall", "higher"),
        ("auroc", "area under the ROC curve of a class against the rest", "higher"),
        (
            "sensitivity_at_specificity",
            "share of a class's test cases found at a threshold set on the validation part",
            "higher",
        ),
        (
            "specificity_reached",
            "share of the other test cases that are not called the class there",
            "higher",
        ),
    )
}

SAMPLE_METRICS: dict[str, Metric] = {
    "gan_train_accuracy": Metric(
        "GAN-train accuracy (CAS)", "fidelity",
        "right on real test {images}, after training on synthetic {images} alone (real: on real ones alone)",
    ),
    "gan_train_balanced_accuracy": Metric(
        "GAN-train balanced accuracy", "fidelity", "the same, every class counting alike"
    ),
    "label_fidelity": Metric(
        "GAN-test accuracy (label fidelity)", "fidelity",
        "share that classifiers of real {images} call by the asked class",
    ),
    "precision": Metric("precision", "fidelity", "share of synthetic {images} that lie among the real ones"),
    "density": Metric("density", "fidelity", "how deep among the real {images} the synthetic ones lie"),
    "alpha_precision": Metric(
        "alpha-precision", "fidelity", "how evenly synthetic {images} fill the typical part of the real ones"
    ),
    "kid_task": Metric(
        "kernel distance", "fidelity", "KID in the task classifier's features; 0 is no difference", "lower"
    ),
    "frechet_task": Metric(
        "Fréchet distance", "fidelity", "in the task classifier's features; too large for small sets", "lower"
    ),
    "kid_pixels": Metric("kernel distance", "fidelity", "MMD of the {pixels}; 0 is no difference", "lower"),
    "frechet_pixels": Metric(
        "Fréchet distance", "fidelity", "in the {pixels}; too large for small sets", "lower"
    ),
    "kid_net": Metric(
        "kernel distance", "fidelity", "KID in the features of the named network; 0 is no difference", "lower"
    ),
    "frechet_net": Metric(
        "Fréchet distance", "fidelity", "in the features of the named network; too large for small sets",
        "lower",
    ),
    "recall": Metric("recall", "diversity", "share of real {images} that lie among the synthetic ones"),
    "coverage": Metric(
        "coverage", "diversity", "share of held-out real {images} with a synthetic one nearby"
    ),
    "beta_recall": Metric(
        "beta-recall", "diversity", "how evenly the real {images} are covered by the typical synthetic ones"
    ),
    "within_class_distance": Metric(
        "within-class distance", "diversity", "mean distance between {images} of one class", "like real"
    ),
    "within_class_ms_ssim": Metric(
        "within-class MS-SSIM", "diversity", "likeness of {images} of one class; 1 is one {image} repeated",
        "like real",
    ),
    "diversity": Metric(
        "diversity ratio", "diversity",
        "distance within a class over that of real {images}; 0 is one {image}", "like real",
    ),
    "exact_copies": Metric("exact copies", "copies", "{pixel}-identical to a training {image}", "lower"),
    "near_copies": Metric(
        "near copies", "copies", "closer to a training {image} than real {images} usually are", "lower"
    ),
    "copy_rate": Metric("copy rate", "copies", "share that are exact or near copies", "lower"),
    "nearest_ratio": Metric(
        "nearest ratio", "copies", "median distance to the nearest training {image}, over that of real ones",
        "like real",
    ),
    "authenticity": Metric(
        "authenticity", "copies", "share not closer to a training {image} than its nearest real neighbour"
    ),
    "membership_auroc": Metric(
        "membership attack, AUROC", "copies",
        "tells training from held-out {images}; 0.5 is guessing", "lower",
    ),
    "membership_auroc_control_low": Metric(
        "… control, low", "copies", "the same attack where there is nothing to tell, 95 % range", "no aim"
    ),
    "membership_auroc_control_high": Metric("… control, high", "copies", "upper end of the same", "no aim"),
    "membership_tpr_at_1_fpr": Metric(
        "membership attack, TPR at 1 % FPR", "copies", "training {images} found at one false alarm in 100",
        "lower",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A verdict word: its headline, its sign (never colour alone) and what to do."""

    headline: str
    sign: str
    meaning: str


WORDS: dict[str, Word] = {
    "helps": Word(
        "The synthetic {images} help",
        "▲",
        "The whole 95 % interval of the change lies above zero, and so does that of the change against the "
        "control, the same training without synthesis: on these held-out cases the model is better with it.",
    ),
    "hurts": Word(
        "The synthetic {images} hurt",
        "▼",
        "The whole 95 % interval of the change lies below zero, and so does that of the change against the "
        "control, the same training without synthesis: leave it out.",
    ),
    "equivalent": Word(
        "The synthetic {images} make no difference that matters",
        "=",
        "The whole 95 % interval of the change lies within the margin set before the run, and so does that "
        "of the change against the control: gain and loss are both too small to matter.",
    ),
    "inconclusive": Word(
        "No clear answer",
        "?",
        "This test cannot tell a gain from a loss. That is not evidence of no effect.",
    ),
}
CRITIC_HEADLINES: dict[str, str] = {
    "helps": "Starting from the GAN's critic helps",
    "hurts": "Starting from the GAN's critic hurts",
    "equivalent": "Starting from the GAN's critic makes no difference that matters",
}
"""Where the verdict is about an arm that has the critic's start and no synthetic sample."""
OPEN_MEANINGS: dict[str, str] = {
    "wide": "The 95 % interval of the change is too wide to tell a gain from a loss. This is not evidence "
    "of no effect; the sentence above says what it would take to tell.",
    "few_changed": "So few test cases came out differently with and without synthesis that chance explains "
    "it as well. This is not evidence of no effect; more test cases would tell.",
    "alike": "No test case came out differently with and without synthesis, and there are too few of them to "
    "conclude that none ever would. More test cases would tell.",
    "control": "The change against the best model without synthesis could be told, but the control, the "
    "same training without synthesis, does not confirm it. What made the difference may be something else, "
    "such as another way of training.",
    "no_control": "Without the control, the same training without synthesis, nothing can be said of "
    "synthesis: what made the difference may be something else. Add the control to the arms.",
    "unlearnt": "Neither model is better than guessing, so nothing can be learnt from comparing them. Train "
    "longer, or look at the data.",
    "nothing_tested": "No synthetic {image} took part, so nothing was tested.",
}
"""What "no clear answer" means, by the reason of the word."""
NOT_ESTIMABLE = Word(
    "No verdict could be estimated",
    "·",
    "The run holds no paired comparison of a synthetic arm with an arm of real {images}.",
)

YARDSTICKS: dict[str, str] = {
    "best_without": "Best without synthesis, on validation",
    "control": "Its control: the same without synthesis",
    "fixed": "Fixed beforehand",
    "hindsight": "Best without synthesis, in hindsight",
}
"""What an arm is held against, by the roles of :data:`augmentor.core.facts.evaluation.DELTAS`."""

REASONS: dict[str, str] = {
    "label": "looks like another class",
    "copy": "too close to a training {image}",
    "outlier": "unlike the real {images} of its class",
    "duplicate": "repeats another synthetic {image}",
    "surplus": "good, but not needed",
}

METHOD: tuple[str, ...] = (
    "The generator, the filters and every scaler saw the training part only. Checkpoints of the generator "
    "were chosen on held-out training data, the share of synthetic {images}, the arm and the baseline on the "
    "validation part. The test part was used once, at the end.",
    "Every arm trains the same classifier (those named for the critic its larger network) with the same "
    "number of updates, batch size, schedule and augmentation code, once for each seed. The baseline is the "
    "arm without synthesis that scored best on the validation part, so that synthesis must beat the best "
    "known alternative. Each word is also asked of the change against the control, the arm that differs in "
    "synthesis alone; without one the answer stays open.",
    "The change is paired: both arms are compared on the same test cases with the same seeds. Its 95 % "
    "interval treats seeds and test cases as samples, and counts in the class where a case weighs most one "
    "unseen case each way, so that it holds where cases are few. “Helps” and “hurts” need the whole "
    "interval on one side of zero and, where few cases decide, an exact test; “equivalent” needs it within "
    "the margin; all else is inconclusive. A point is a hundredth: 0.80 and 0.83 differ by 3 points.",
)

LIMITS: tuple[str, ...] = (
    "The answer holds for this dataset, this classifier and this one trained generator; another generator "
    "seed may give another answer.",
    "The intervals of the classes hold for all classes together, so they are wider than one class alone "
    "would need. Precision and F1 have no interval here.",
    "The search for copies finds {images} that lie close to a training {image}. Finding none is no proof of "
    "privacy.",
)


def arm_label(arms: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return what the arm ``name`` is called: its title in a summary's ``arms``, or the name itself."""
    return str(arms.get(name, {}).get("title") or name)


def metric_label(name: str) -> str:
    """Return what the score ``name`` is called."""
    known = METRICS.get(name)
    return known.label if known else name.replace("_", " ")


def sample_label(name: str) -> str:
    """Return what the measure ``name`` of a set of samples is called."""
    known = SAMPLE_METRICS.get(name)
    return known.label if known else name.replace("_", " ")


class Vocabulary:
    """The words of a report in the nouns of its samples.

    Args:
        noun: what samples are called.

    Attributes:
        metrics: by name, what scores are called and mean.
        sample_metrics: the same of measures of a set of samples.
        words: by verdict word.
        not_estimable: what is said where there is no verdict.
        share_by: what the share of synthetic samples was chosen by.
        yardsticks: what an arm is held against.
    """

    def __init__(self, noun: Noun) -> None:
        self.metrics = {name: noun.filled(metric) for name, metric in METRICS.items()}
        self.sample_metrics = {name: noun.filled(metric) for name, metric in SAMPLE_METRICS.items()}
        self.words = {name: noun.filled(word) for name, word in WORDS.items()}
        self.not_estimable = noun.filled(NOT_ESTIMABLE)
        self._open = {reason: noun.fill(text) for reason, text in OPEN_MEANINGS.items()}
        self.share_by = SHARE_BY
        self.yardsticks = YARDSTICKS
        self._reasons = {name: noun.fill(text) for name, text in REASONS.items()}

    def word_of(self, verdict: Mapping[str, Any]) -> Word:
        """Return headline, sign and meaning of a summary's verdict."""
        word = self.words.get(verdict["word"], self.not_estimable)
        if verdict.get("about") == "critic_start":
            word = replace(word, headline=CRITIC_HEADLINES.get(verdict["word"], word.headline))
        if verdict["word"] == "inconclusive":
            word = replace(word, meaning=self._open.get(verdict.get("reason") or "", word.meaning))
        return word

    def reason_label(self, reason: str) -> str:
        """Return what a filter's ``reason`` means."""
        return self._reasons.get(reason, reason)

    arm_label = staticmethod(arm_label)
    metric_label = staticmethod(metric_label)

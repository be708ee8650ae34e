"""The word about the generator's memory: its rule, its intervals, its false alarms, a trained generator."""

import numpy as np
import pandas as pd
import pytest
from method_fields import spec_of
from scipy.stats import binomtest

from augmentor.core.conditions import Conditions
from augmentor.core.kinds import IMAGE
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.load import load
from augmentor.data.spec import ScarcitySpec, SplitSpec
from augmentor.data.split import split
from augmentor.metrics.estimate import NotEstimable
from augmentor.metrics.membership import MembershipAttack
from augmentor.quality.judge import TaskJudge
from augmentor.quality.measure import measure
from augmentor.quality.memorisation import assess_memorisation, exact_interval
from augmentor.synthesizers.build import build
from augmentor.training.spec import TrainingSpec

BLIND = MembershipAttack(auroc=0.5, tpr=0.01, control=(0.4, 0.6))
SEEING = MembershipAttack(auroc=0.7, tpr=0.01, control=(0.4, 0.6))


@pytest.mark.parametrize(("count", "total"), [(0, 20), (3, 250), (20, 20), (7, 9)])
def test_the_interval_is_scipys_exact_one(count, total):
    theirs = binomtest(count, total).proportion_ci(method="exact")
    assert exact_interval(count, total) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(
    ("copies", "made", "alarms", "held_out", "found", "word"),
    [
        (140, 200, 3, 250, BLIND, "memorises"),
        (140, 200, 3, 250, SEEING, "memorises"),
        (3, 250, 140, 200, BLIND, "no sign"),  # the other way round: held-out images look like copies
        (3, 250, 3, 250, SEEING, "recognisable"),
        (2, 3, 0, 4, BLIND, "no sign"),  # 9 to 99 % against 0 to 60 %: too few to say
        (0, 200, 0, 250, MembershipAttack(0.5, 0.0, NotEstimable("few")), "no sign"),
        (0, 0, 3, 250, BLIND, "not estimable"),
        (5, 9, 0, 0, BLIND, "not estimable"),
    ],
)
def test_the_rule(copies, made, alarms, held_out, found, word):
    said = assess_memorisation(copies, made, alarms, held_out, found, IMAGE)
    assert said.word == word
    assert said.sentence.endswith(".")
    assert "nan" not in said.sentence


def test_an_auroc_below_the_control_is_no_sign():
    assert (
        assess_memorisation(3, 250, 3, 250, MembershipAttack(0.3, 0.0, (0.4, 0.6)), IMAGE).word == "no sign"
    )


def test_honest_samples_are_hardly_ever_called_memorised():
    """Both sides have the true rate 1 %, 300 samples and 250 held-out: two 95 % intervals that do not meet.

    In 2,000 draws at most 1 % (20); and the word does appear at a true rate of 10 %, in nearly all.
    """
    rng = np.random.default_rng(0)
    honest = [
        assess_memorisation(rng.binomial(300, 0.01), 300, rng.binomial(250, 0.01), 250, BLIND, IMAGE).word
        for _ in range(2000)
    ]
    copying = [
        assess_memorisation(rng.binomial(300, 0.1), 300, rng.binomial(250, 0.01), 250, BLIND, IMAGE).word
        for _ in range(200)
    ]
    assert honest.count("memorises") <= 20
    assert copying.count("memorises") > 180


@pytest.mark.slow
def test_a_generator_trained_to_memorise_twenty_images_is_called_so():
    """Two images of each digit, no augmentation, weak penalties, 300 steps; fresh images beside it."""
    parts = split(
        load("digits"),
        split=SplitSpec(minimum_per_class=2),
        scarcity=ScarcitySpec(per_class={str(k): 2 for k in range(10)}),
    )
    spec = spec_of(width=16, augmentation=(), mode_seeking=0.0, regularisers={"r1": 0.05, "r2": 0.05})
    generator = build(spec, TrainingSpec(images=9600, transition=(0.0, 0.0)))
    generator.fit(parts.train, seed=0)
    judge = TaskJudge.fit(parts.train, held_out=parts.validation, seed=0, updates=2, processes=1)

    def word(samples):
        table = pd.DataFrame({"synthesizer": ["none"] * len(samples), "seed": [0] * len(samples)})
        made = SyntheticSet(samples, table, np.ones(len(samples), np.bool_), np.full(len(samples), ""))
        return measure(parts.train, parts.validation, made, judge, dataset="digits", seed=0)

    results, facts = word(generator.sample(Conditions(np.arange(200) % 10), seed=1))
    assert facts.memorisation.word == "memorises"
    assert results.value(metric="copy_rate", split="synthetic") > 0.1
    assert results.value(metric="authenticity", split="synthetic") < results.value(
        metric="authenticity", split="real"
    )
    _, honest = word(parts.test.take(range(200)))
    assert honest.memorisation.word == "no sign"

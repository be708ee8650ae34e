"""Two questions, each of its own arm against its own control."""

import numpy as np
import pytest

from augmentor.core.kinds import IMAGE, SERIES
from augmentor.downstream.case_values import case_values
from augmentor.experiment.answers import answers
from augmentor.experiment.arm_words import title
from augmentor.experiment.arms import Arm
from augmentor.experiment.comparisons import Comparisons
from augmentor.statistics.evidence import Evidence

Y = np.repeat([0, 1], [40, 120])
ARMS = {
    "classical": Arm(),
    "mixup": Arm(mix="mixup"),
    "network": Arm(start="untrained_critic"),
    "with rows": Arm(rows="passing"),
    "from critic": Arm(start="critic"),
    "both": Arm(rows="passing", start="critic"),
}
MIDDLE = {"classical": 0.8, "mixup": 0.8, "network": 0.8, "with rows": 0.8, "from critic": 0.8, "both": 0.99}


def predicted(right, seed):
    """Return probabilities (6, N, 2): the first ``right`` of each class are right at every seed."""
    place = np.concatenate([np.arange(40) / 40, np.arange(120) / 120])
    hits = np.broadcast_to(place < right, (6, Y.size))
    return 0.8 * np.eye(2)[np.where(hits, Y, 1 - Y)] + 0.1


def told(rates, *, leave=(), validation=None, kind=IMAGE, **options):
    named = {name: arm for name, arm in ARMS.items() if name not in leave}
    values = {
        name: case_values("balanced_accuracy", predicted(rates[name], n), Y) for n, name in enumerate(named)
    }
    tested = Evidence(values, Y, ("rare", "common"))
    found = Comparisons(tested, named, "classical", None)
    means = {name: (validation or rates)[name] for name in named}
    titles = {name: title(arm) for name, arm in named.items()}
    rows, critic = answers(found, means, titles, kind, metric="balanced accuracy", margin=0.01, **options)
    assert (rows.question, critic.question) == ("synthetic_rows", "critic_start")
    return rows, critic


def test_each_question_has_the_arm_that_differs_in_its_one_thing():
    rows, critic = told({**MIDDLE, "with rows": 0.95, "from critic": 0.6})
    assert (rows.arm, rows.control, rows.word) == ("with rows", "classical", "helps")
    assert (critic.arm, critic.control, critic.word) == ("from critic", "network", "hurts")
    assert rows.asked == "Do the synthetic images help?"
    assert rows.sentence.startswith(
        "Yes. “Classical augmentation with synthetic” changes balanced accuracy by +15"
    )
    assert "the same training without synthetic images and the best model without synthesis" in rows.sentence
    assert critic.sentence.startswith("No, it does harm.")
    assert "Against “Classical augmentation”, the best model without synthesis, it is" in critic.sentence
    assert not any("=" in one.sentence for one in (rows, critic))


def test_an_arm_that_gains_over_its_control_alone_says_that_another_may_do_as_well():
    rates = {**MIDDLE, "network": 0.6, "from critic": 0.8}
    _, critic = told(rates)
    assert critic.word == "helps"
    assert critic.sentence.endswith(": that model may do as well.")


def test_without_its_control_a_question_stays_open_and_names_what_lacks():
    _, critic = told({**MIDDLE, "from critic": 0.99}, leave=("network",))
    assert (critic.word, critic.reason, critic.control) == ("inconclusive", "no_control", None)
    assert "“The critic's network”, the same network with random weights, was not trained" in critic.sentence


@pytest.mark.parametrize("leave", [("from critic", "both")])
def test_a_question_that_no_arm_can_tell_is_not_asked(leave):
    _, critic = told(MIDDLE, leave=leave)
    assert (critic.word, critic.arm) == (None, None)
    assert critic.sentence == "Not asked: no arm of this run can tell."


def test_an_arm_that_no_synthetic_row_took_part_in_tells_nothing():
    rows, _ = told(MIDDLE, empty=("with rows",))
    assert rows.word is None


def test_samples_are_called_what_they_are():
    assert told(MIDDLE, kind=SERIES)[0].asked == "Do the synthetic series help?"

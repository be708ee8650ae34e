"""Two questions answered apart: do the synthetic samples help, and does the start from the critic?

The verdict is about the one arm that was best on the validation part, whatever it owes that to. Here each
question has an arm of its own, held against the arm that differs from it in that one thing, and the gain over
the best arm without synthesis stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from augmentor.core.kinds import Kind
from augmentor.core.points import in_points
from augmentor.experiment.arm_words import quoted, title
from augmentor.experiment.arms import Arm, Rows, control
from augmentor.experiment.comparisons import Comparisons
from augmentor.statistics.paired_verdict import Paired, Reason, Word

Question = Literal["synthetic_rows", "critic_start"]

BELONGS: Final[Mapping[Question, Callable[[Arm], bool]]] = {
    "synthetic_rows": lambda arm: (
        arm.is_synthetic and arm.rows != Rows() and arm.rows.real and arm.start != "critic"
    ),
    "critic_start": lambda arm: arm.start == "critic" and arm.rows == Rows(),
}
"""Which arms a question is about: those that have its one thing from the generator, and no other."""
ASKED: Final[Mapping[Question, str]] = {
    "synthetic_rows": "Do the synthetic {plural} help?",
    "critic_start": "Does starting from the GAN's critic help?",
}
ALONE: Final[Mapping[Question, str]] = {
    "synthetic_rows": "the same training without synthetic {plural}",
    "critic_start": "the same network with random weights",
}
SAYS: Final[Mapping[Word, str]] = {
    "helps": "Yes",
    "hurts": "No, they do harm",
    "equivalent": "It makes no difference that matters",
    "inconclusive": "Not shown",
}

OPEN: Final[Mapping[str, str]] = {
    "alike": ": no test case came out differently",
    "few_changed": ": so few test cases came out differently that chance is not excluded",
    "wide": ": that leaves open whether it is a gain or a loss",
    "unlearnt": ": neither is better than chance",
}
"""Why an answer is open, by the reason of its word."""


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        question: which.
        asked: the question in words.
        word: helps, hurts, equivalent or inconclusive, of the gain over the arm's own control; None where no
            arm was trained that could tell.
        reason: what the word rests on; "" without a word.
        arm: the arm that the answer is about, the best of its kind on the validation part.
        control: the arm that differs from it in that one thing.
        sentence: the answer in plain words.
    """

    question: Question
    asked: str
    sentence: str
    word: Word | None = None
    reason: Reason | Literal[""] = ""
    arm: str | None = None
    control: str | None = None


def answers(
    found: Comparisons,
    validation: Mapping[str, float],
    titles: Mapping[str, str],
    kind: Kind,
    *,
    metric: str,
    margin: float,
    empty: Collection[str] = (),
) -> tuple[Answer, ...]:
    """Return the answers, each of the best arm of its kind on the validation part.

    Args:
        found: the comparisons on the test part.
        validation: mean validation score of each arm.
        titles: what the arms are called.
        kind: what a sample is called.
        metric: in words.
        margin: what a difference must exceed to matter.
        empty: arms that no synthetic row took part in; they tell nothing.
    """
    made = []
    for question, belongs in BELONGS.items():
        asked = ASKED[question].format(plural=kind.plural)
        mine = [name for name in validation if belongs(found.arms[name]) and name not in empty]
        if mine:
            arm = max(mine, key=validation.__getitem__)
            told = _Telling(found, question, arm, titles, kind)
            made.append(told.answer(asked, metric, margin))
        else:
            made.append(Answer(question, asked, "Not asked: no arm of this run can tell."))
    return tuple(made)


@dataclass(frozen=True)
class _Telling:
    """How one answer is put into words."""

    found: Comparisons
    question: Question
    arm: str
    titles: Mapping[str, str]
    kind: Kind

    def answer(self, asked: str, metric: str, margin: float) -> Answer:
        pair = self.found.pair(self.arm, "control")
        word: Word = "inconclusive"
        reason: Reason = "no_control"
        if pair is not None:
            word, reason = pair.word(margin)
        against = self.found.against(self.arm)
        says = SAYS[word]
        if word == "hurts" and self.question == "critic_start":
            says = "No, it does harm"
        parts = [f"{says}.", self._over_control(pair, reason, metric), self._over_best(pair, word)]
        return Answer(
            question=self.question,
            asked=asked,
            sentence=" ".join(filter(None, parts)),
            word=word,
            reason=reason,
            arm=self.arm,
            control=against.get("control"),
        )

    def _called(self, name: str) -> str:
        return quoted(self.titles.get(name, name))

    def _over_control(self, pair: Paired | None, reason: Reason, metric: str) -> str:
        alone = ALONE[self.question].format(plural=self.kind.plural)
        if pair is None:
            lacking = quoted(title(control(self.found.arms[self.arm])))
            return (
                f"{self._called(self.arm)} has no control in this run: {lacking}, {alone}, was not trained."
            )
        other = self.found.against(self.arm)["control"]
        best = " and the best model without synthesis" if other == self.found.baseline else ""
        return (
            f"{self._called(self.arm)} changes {metric} by {_span(pair)} against {self._called(other)}, "
            f"{alone}{best}{OPEN.get(reason, '')}."
        )

    def _over_best(self, pair: Paired | None, word: Word) -> str:
        best = self.found.pair(self.arm, "best_without")
        if best is None or best is pair:
            return ""
        text = (
            f"Against {self._called(self.found.baseline)}, the best model without synthesis, it is "
            f"{_span(best)}"
        )
        if word == "helps" and best.interval.low <= 0:
            text += ": that model may do as well"
        if word == "hurts" and best.interval.high >= 0:
            text += ": against that model no loss is shown"
        return f"{text}."


YARDSTICKS: Final[Mapping[str, tuple[str, str]]] = {
    "fixed": ("fixed beforehand", ""),
    "hindsight": ("the best without synthesis in hindsight", ", picked on the test part, which flatters it"),
}
"""By role, what a further yardstick is, and what is to be said of it where it is not the baseline itself."""


def beside(found: Comparisons, arm: str, titles: Mapping[str, str]) -> str:
    """Return the sentence on the judged arm's gain over the other yardsticks.

    Those are the baseline that was fixed beforehand, and the best without synthesis in hindsight.
    """
    against = found.against(arm)
    parts = []
    for role, (what, more) in YARDSTICKS.items():
        pair, other = found.pair(arm, role), against.get(role)
        if pair is None or other is None:
            continue
        called = quoted(titles[other])
        if other == found.baseline:
            parts.append(f"{called} is {what} too")
        else:
            parts.append(f"against {called}, {what}{more}, it is {_span(pair)}")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


def _span(pair: Paired) -> str:
    found = pair.interval
    return (
        f"{in_points(found.gain)} points ({100 * found.confidence:g} % interval {in_points(found.low)} to "
        f"{in_points(found.high)})"
    )

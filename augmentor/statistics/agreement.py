"""Whether the verdicts of several models on the same test cases agree, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

CAUTION = (
    "They were tested on the same cases, so they are no independent studies, and to keep the model with the "
    "better verdict would be a choice on the test part."
)


def agreement(words: Mapping[str, str]) -> str:
    """Return the sentence for two or more models; "" for one.

    Args:
        words: the word of each model's verdict, by the model's name.

    Example:
        >>> agreement({"small_resnet": "helps", "resnet18": "inconclusive"}).partition(".")[0]
        'The 2 models do not contradict each other: helps for small_resnet, inconclusive for resnet18'
    """
    if len(words) < 2:
        return ""
    every = set(words.values())
    count = f"The {len(words)} models"
    if len(every) == 1:
        return f"{count} agree: {every.pop()} for each of {', '.join(words)}. {CAUTION}"
    by_word: dict[str, list[str]] = {}
    for name, word in words.items():
        by_word.setdefault(word, []).append(name)
    said = ", ".join(f"{word} for {' and '.join(names)}" for word, names in by_word.items())
    # "inconclusive" is compatible with every other word; two definite words are not with each other.
    definite = every - {"inconclusive", "not estimable"}
    how = "contradict each other" if len(definite) > 1 else "do not contradict each other"
    return f"{count} {how}: {said}. {CAUTION}"

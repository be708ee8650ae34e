"""Titles and descriptions of arms, composed from their fields."""

from __future__ import annotations

from collections.abc import Mapping

from augmentor.experiment.arms import AnyArm, Arm, Derived, Rows, pattern_of

ROWS = {
    "all": ("all synthetic", "all synthetic ones"),
    "kept": ("filtered synthetic", "the synthetic ones that were kept"),
    "passing": ("synthetic", "synthetic ones that passed the filters"),
    "diverse": (
        "diverse synthetic",
        "the half of the synthetic ones that lie farthest from real ones and from each other",
    ),
    "influential": (
        "influential synthetic",
        "the half of the synthetic ones whose training steps lower the loss of held-out training rows most",
    ),
}
SAMPLING = {
    ("natural", "none"): "real",
    ("balanced", "none"): "balanced sampling",
    ("natural", "classical"): "natural frequencies",
}
AUGMENTATIONS = {
    "trivial": ("TrivialAugment", "one operation a picture at random strength (TrivialAugment)"),
    "randaugment": ("RandAugment", "two operations a picture (RandAugment)"),
}
LOSSES = {
    "class_weighted": ("class-weighted loss", "loss weighted by inverse class frequency"),
    "focal": ("focal loss", "focal loss"),
    "logit_adjusted": ("logit adjustment", "logits adjusted by the class frequencies"),
}
MIXES = {"mixup": "mixup", "cutmix": "CutMix"}
OVERSAMPLES = {
    "smote": ("SMOTE", "rows of SMOTE between real ones until the classes are level"),
    "random": ("random oversampling", "rows of the smaller classes repeated at random until all are level"),
}
HEADS = {
    "covariance": (
        "transferred features",
        "the last layer trained again with Gaussian features whose covariance rich classes lend",
    ),
    "generated": (
        "generated features",
        "the last layer trained again with features of a conditional WGAN-GP",
    ),
}
STARTS = {
    "critic": ("from the critic", "on the network of the generator's critic, with its weights to start from"),
    "untrained_critic": (
        "the critic's network",
        "on the network of the generator's critic, trained on real rows beforehand for as long as that was",
    ),
    "self_supervised": (
        "self-supervised",
        "on the network of the generator's critic, trained beforehand for as long on views of real rows "
        "without their labels (SimCLR)",
    ),
}
"""Of each choice what a title and what a description says."""
SYNTHETIC_DATA = ("Synthetic data", "Train with synthetic data")
CRITIC = ("The critic's start", "Start from the generator's critic")


def title(arm: AnyArm) -> str:
    """Return what the arm is called in tables and figures.

    Example:
        >>> title(Arm(rows=Rows(synthetic="passing"), mix="cutmix", start="critic"))
        'CutMix with synthetic, from the critic'
    """
    if isinstance(arm, Derived) and arm.base == "best_mixing":
        return "Synthetic where it helps"
    if isinstance(arm, Derived) and arm.settings:
        return "Best of real rows, tuned"
    pattern = pattern_of(arm)
    words = ", ".join(_traits(pattern))
    if pattern.rows == Rows(synthetic="passing") and isinstance(arm, Arm):
        words = f"{words or 'classical augmentation'} with synthetic"
    elif pattern.rows != Rows():
        words = f"{words} with {_rows_title(pattern.rows)}" if words else _rows_title(pattern.rows)
    if isinstance(arm, Derived) and pattern.rows.synthetic == "passing":
        words = f"with {words}"
    start = STARTS.get(pattern.start, ("",))[0]
    if not words and not start:
        words = "classical augmentation"
    whole = ", ".join(filter(None, (words, start)))
    return whole[:1].upper() + whole[1:]


def describe(arm: AnyArm) -> str:
    """Return in a sentence which rows the arm draws and what is made of them."""
    pattern = pattern_of(arm)
    if isinstance(arm, Derived):
        if arm.settings:
            return "the best arm of real rows alone, at the setting that does best on the validation part"
        if arm.base == "best_mixing":
            return (
                "the best of the arms that mix synthetic rows at a share, without those of the classes where "
                "they do harm on the validation part"
            )
        return "; ".join(["the best arm of real rows alone", *_changes(pattern)])
    usual = [
        "every class equally often" if pattern.sampling == "balanced" else "at natural class frequencies",
        _augmentation(pattern),
    ]
    who = "real rows" if pattern.rows.real else f"{ROWS[pattern.rows.synthetic][1]}, and no real one"
    return "; ".join([", ".join([who, *usual]), *_changes(pattern)])


def change(arm: Arm) -> str:
    """Return what an arm that is derived from the best real one changes in it.

    Example:
        >>> change(Arm(start="critic"))
        "on the network of the generator's critic, with its weights to start from"
    """
    return "; ".join(_changes(arm))


def titles(declared: Mapping[str, AnyArm], settled: Mapping[str, Arm]) -> dict[str, str]:
    """Return what every arm is called: a derived one by what it came to be, so that two never share a title.

    Args:
        declared: the arms by name as a recipe has them.
        settled: those that were trained, derived ones as they were settled.
    """
    found = {name: title(arm) for name, arm in declared.items()}
    taken = {found[name] for name, arm in declared.items() if isinstance(arm, Arm)}
    for name, arm in declared.items():
        if isinstance(arm, Derived) and arm.base == "best_real" and name in settled:
            better = title(settled[name])
            if better not in taken:
                found[name] = better
                taken.add(better)
    return found


def quoted(said: str) -> str:
    """Return a title as it stands in a sentence.

    Example:
        >>> quoted("Mixup")
        '“Mixup”'
    """
    return f"\N{LEFT DOUBLE QUOTATION MARK}{said}\N{RIGHT DOUBLE QUOTATION MARK}"


def subject(arm: Arm) -> tuple[str, str]:
    """Return what a verdict on the arm is about, to begin a sentence, and what to do where it helps."""
    return CRITIC if arm.start == "critic" and arm.rows == Rows() else SYNTHETIC_DATA


def _augmentation(arm: Arm) -> str:
    if arm.augmentation in ("classical", "none"):
        return "untouched" if arm.augmentation == "none" else "classical augmentation"
    return AUGMENTATIONS.get(arm.augmentation, ("", f"the augmentation policy {arm.augmentation}"))[1]


def _traits(arm: Arm) -> list[str]:
    other = "" if arm.augmentation in ("classical", "none") else arm.augmentation
    sampling = SAMPLING.get((arm.sampling, "classical" if other else arm.augmentation), "")
    if arm.loss != "cross_entropy":
        # A loss against imbalance draws the classes as they are, by itself.
        sampling = {"natural frequencies": "", "": "balanced sampling"}.get(sampling, sampling)
    loss = LOSSES.get(arm.loss, (arm.loss.replace("_", " "),))[0] if arm.loss != "cross_entropy" else ""
    mix = MIXES.get(arm.mix, arm.mix.replace("_", " ")) if arm.mix != "none" else ""
    made = (table.get(key, ("",))[0] for table, key in ((OVERSAMPLES, arm.oversample), (HEADS, arm.head)))
    changed = AUGMENTATIONS.get(other, (f"{other} augmentation",))[0] if other else ""
    return [word for word in (sampling, changed, loss, mix, *made) if word]


def _rows_title(rows: Rows) -> str:
    if rows.copies:
        return "duplicated real"
    if not rows.real:
        return "synthetic only"
    return "synthetic first" if rows.mixing == "first" else ROWS[rows.synthetic][0]


def _changes(arm: Arm) -> list[str]:
    rows = arm.rows
    found = []
    if rows.copies:
        found.append(f"copies of real rows in the place of {ROWS[rows.synthetic][1]}")
    elif rows.synthetic != "none" and rows.real:
        how = {
            "share": "of every class a chosen share: ",
            "pooled": "beside them, each equally likely: ",
            "first": "alone for the first half of the updates: ",
        }[rows.mixing]
        found.append(how + ROWS[rows.synthetic][1])
    for table, key in ((LOSSES, arm.loss), (OVERSAMPLES, arm.oversample), (HEADS, arm.head)):
        found += [table[key][1]] if key in table else []
    found += [MIXES.get(arm.mix, arm.mix)] if arm.mix != "none" else []
    return [*found, *([STARTS[arm.start][1]] if arm.start in STARTS else [])]

"""The arms of the experiment: each is a product of a few choices, and they differ in nothing else.

Weights, schedule, batch size, number of updates and code path are the same for all arms. A recipe names one
of :data:`PRESETS`, or gives the fields that differ from the arm ``classical``, or those of an arm that is
settled on the validation part::

    arms: [classical, cutmix, {mix: cutmix, start: critic}, {base: best_real, add: {rows: passing}}]

Results call an arm by the name of its preset, or by the fields that differ: ``mix=cutmix start=critic``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, PlainSerializer, field_validator, model_validator

from augmentor.core.errors import ConfigError
from augmentor.core.spec import Spec, parse
from augmentor.downstream.base import Head, Start, Training
from augmentor.downstream.remedies import LOSSES, MIXES
from augmentor.experiment.old_arms import new_form
from augmentor.modalities.policies import POLICIES

CLASSICAL: Final = "classical"
"""The augmentation of an arm that takes the recipe's own policy."""
SyntheticRows = Literal["none", "all", "kept", "passing", "diverse", "influential"]


class Rows(Spec):
    """Which rows an arm draws, and how real and synthetic ones are mixed.

    In a recipe ``rows: passing`` is short for ``rows: {synthetic: passing}``.

    Attributes:
        synthetic: which synthetic rows take part: "all" of them, the "kept" ones, the "passing" ones
            (kept, or surplus: they passed the filters but were not needed), or of these the most "diverse"
            or "influential" half (see :mod:`augmentor.experiment.selected`).
        mixing: "share": a part of each class's rows in a batch, chosen on the validation part, is synthetic;
            "pooled": real and synthetic rows of a class are equally likely; "first": all rows of a class
            that has synthetic ones are synthetic up to :data:`augmentor.experiment.draw.FIRST_PART` of the
            updates, and none is after it.
        real: whether real training rows take part.
        copies: whether a copy of a real row of the class stands in for every synthetic row.
    """

    synthetic: SyntheticRows = "none"
    mixing: Literal["share", "pooled", "first"] = "share"
    real: bool = True
    copies: bool = False

    @model_validator(mode="after")
    def _fields_agree(self) -> Rows:
        if self.synthetic == "none" and (self.mixing, self.real, self.copies) != ("share", True, False):
            raise ValueError("mixing, real and copies say how synthetic rows take part; name these first")
        if not self.real and (self.copies or self.mixing != "pooled"):
            raise ValueError(
                "without real rows there is nothing to mix or copy: {real: false, mixing: pooled}"
            )
        return self

    def __str__(self) -> str:
        """Return the choices in a word: "kept", "all,pooled", "kept,copies"."""
        words: list[str] = [self.synthetic]
        words += [self.mixing] if self.mixing != "share" and self.real else []
        words += [word for word, there in (("no_real", not self.real), ("copies", self.copies)) if there]
        return ",".join(words)


class Arm(Spec):
    """How an arm draws its batches and what the classifier makes of them. The defaults are ``classical``.

    Attributes:
        rows: which rows take part.
        sampling: whether every class is equally often in a batch, "balanced", or as often as in the
            training part, "natural".
        augmentation: whether rows come in versions of the recipe's own policy, "classical", or of a policy of
            :data:`augmentor.modalities.policies.POLICIES`, such as "trivial" or "randaugment"; or untouched,
            "none".
        loss: name in :data:`augmentor.downstream.remedies.LOSSES`.
        mix: "none" or a name in :data:`augmentor.downstream.remedies.MIXES`.
        start: what the classifier starts from: "random" weights of its own network; those of the "critic" on
            the critic's network; or, on that network, weights that the generator's training has no part in:
            trained on the labels of the same rows for as long, "untrained_critic", or without labels,
            "self_supervised" (see :mod:`augmentor.experiment.pretrain`).
        oversample: what levels the classes: rows repeated at "random", rows of "smote", or "none"
            (see :mod:`augmentor.experiment.oversample`); no synthetic row takes part.
        head: whether the last layer stays as it was "trained", or is trained again with features of a shared
            "covariance" or of a small GAN, "generated" (see :mod:`augmentor.downstream.heads`).

    Example:
        >>> name_of(Arm(mix="cutmix", start="critic"))
        'mix=cutmix start=critic'
    """

    rows: Rows = Rows()
    sampling: Literal["balanced", "natural"] = "balanced"
    augmentation: str = CLASSICAL
    loss: str = "cross_entropy"
    mix: str = "none"
    start: Start = "random"
    oversample: Literal["none", "random", "smote"] = "none"
    head: Head = "trained"

    @field_validator("rows", mode="before")
    @classmethod
    def _rows_by_name(cls, rows: object) -> object:
        return {"synthetic": rows} if isinstance(rows, str) else rows

    @field_validator("augmentation")
    @classmethod
    def _augmentation_known(cls, augmentation: str) -> str:
        if augmentation not in (CLASSICAL, *POLICIES):
            known = ", ".join((CLASSICAL, *POLICIES))
            raise ValueError(f"an augmentation is one of {known}, got {augmentation!r}")
        return augmentation

    @field_validator("loss")
    @classmethod
    def _loss_known(cls, loss: str) -> str:
        if loss not in LOSSES:
            raise ValueError(f"a loss is one of {', '.join(LOSSES)}, got {loss!r}")
        return loss

    @field_validator("mix")
    @classmethod
    def _mix_known(cls, mix: str) -> str:
        if mix not in ("none", *MIXES):
            raise ValueError(f"a mixture is one of {', '.join(('none', *MIXES))}, got {mix!r}")
        return mix

    @model_validator(mode="after")
    def _can_be_trained(self) -> Arm:
        if self.oversample != "none" and self.rows != Rows():
            raise ValueError("oversampling levels the classes with real rows alone; take rows or it out")
        if self.head != "trained" and (self.mix != "none" or self.start != "random"):
            raise ValueError(
                f"the {self.head} head is trained again on features of the usual network with one class per "
                "row; take mix and start out"
            )
        return self

    @property
    def by_share(self) -> bool:
        """Whether a share of each class's rows, chosen on the validation part, is synthetic."""
        return self.rows.synthetic != "none" and self.rows.mixing == "share"

    @property
    def weighs_classes_alike(self) -> bool:
        """Whether every class counts as much as another in the training, however many rows it has."""
        return self.sampling == "balanced" or self.loss in ("class_weighted", "logit_adjusted")

    @property
    def training(self) -> Training:
        """What the arm asks of a model besides its rows."""
        return Training(
            loss=self.loss,
            mix=self.mix,
            start=self.start,
            head=self.head,
            oversample=self.oversample,
            rows_change=self.rows.mixing == "first",
        )

    @property
    def is_synthetic(self) -> bool:
        """Whether synthesis has a part in the arm: rows, features or a start (not copies of real rows)."""
        return control(self) != self

    @property
    def is_real_alone(self) -> bool:
        """Whether the arm draws real rows, each of them once, and nothing comes from the generator."""
        made = self.rows == Rows() and self.oversample == "none"
        return made and (self.head, self.start) == ("trained", "random")


class Derived(Spec):
    """An arm that is settled on the validation part, when the arms it is derived from are fitted.

    Attributes:
        base: the arm that it starts from: of those of real rows alone the best on the validation part,
            "best_real", or of those that mix synthetic rows at a share, "best_mixing".
        add: fields that are set anew in the best real arm; what they leave at the default stays.
        settings: changes of the best real arm that are tried one by one, none (``{}``) among them if it is to
            stay what it is unless something does better; the arm is the one with the best mean validation
            score at the seeds that shares are chosen with, and other arms derived from the best real arm then
            start from this one. So the arms without synthesis get settings to choose from like those with.
        leave_out: from the best mixing arm: the synthetic rows of the classes where they do harm on the
            validation part, "harmful_classes".
    """

    base: Literal["best_real", "best_mixing"]
    add: Arm = Arm()
    settings: tuple[Arm, ...] = ()
    leave_out: Literal["nothing", "harmful_classes"] = "nothing"

    @model_validator(mode="after")
    def _says_what_is_derived(self) -> Derived:
        real = all(one.is_real_alone for one in self.settings)
        if self.settings and not (real and self.base == "best_real" and self.add == Arm()):
            raise ValueError(
                "settings are changes of best_real without anything synthetic, and nothing is added: "
                "{base: best_real, settings: [{}, {augmentation: trivial}]}"
            )
        if len(set(self.settings)) != len(self.settings) or len(self.settings) == 1:
            raise ValueError("settings are two or more, each of them once")
        added = self.add != Arm() or bool(self.settings)
        if self.base == "best_real" and (not added or self.leave_out != "nothing"):
            raise ValueError("best_real needs what is added to it, and that alone: {add: {rows: passing}}")
        if self.add.head != "trained":
            raise ValueError(
                "a head is trained again on rows of one class each, which not every best arm has"
            )
        if self.base == "best_mixing" and (self.add != Arm() or self.leave_out == "nothing"):
            raise ValueError("from best_mixing classes can be left out: {leave_out: harmful_classes}")
        return self

    @property
    def pattern(self) -> Arm:
        """What is known of the arm before it is settled: what is added, or that it mixes rows at a share."""
        return self.add if self.base == "best_real" else Arm(rows=Rows(synthetic="passing"))


AnyArm = Arm | Derived


TUNINGS: Final = (
    Arm(),
    Arm(augmentation="trivial"),
    Arm(augmentation="randaugment"),
    Arm(sampling="natural"),
    Arm(sampling="natural", loss="class_weighted"),
)
"""What is tried on the best real arm: stronger policies, and natural frequencies without or with weights."""

PRESETS: Final[dict[str, AnyArm]] = {
    "real": Arm(sampling="natural", augmentation="none"),
    "balanced": Arm(augmentation="none"),
    "classical": Arm(),
    "class_weighted": Arm(sampling="natural", loss="class_weighted"),
    "logit_adjusted": Arm(sampling="natural", loss="logit_adjusted"),
    "mixup": Arm(mix="mixup"),
    "cutmix": Arm(mix="cutmix"),
    "oversampled": Arm(oversample="smote"),
    "filtered": Arm(rows=Rows(synthetic="kept")),
    "synthetic_only": Arm(rows=Rows(synthetic="passing", mixing="pooled", real=False)),
    "tuned": Derived(base="best_real", settings=TUNINGS),
    "with_synthetic": Derived(base="best_real", add=Arm(rows=Rows(synthetic="passing"))),
    "from_critic": Derived(base="best_real", add=Arm(start="critic")),
}
"""The arms that have a name of their own; every other is named by its fields, see :func:`name_of`.

No seed, and no key of a fit, depends on an arm's name: an arm that loses its name here draws as before.
"""


def arm_of(value: object) -> AnyArm:
    """Return the arm that a recipe's entry stands for: a preset's name or a mapping of fields.

    Raises:
        ValueError: if there is no such preset, or the fields do not hold together.
    """
    if isinstance(value, Arm | Derived):
        return value
    if isinstance(value, str):
        if value in PRESETS:
            return PRESETS[value]
        now = new_form(value)
        if now:
            raise ValueError(f"the arm {value!r} is now given by its fields: {now}")
        near = difflib.get_close_matches(value, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known arms: {', '.join(PRESETS)}"
        raise ValueError(f"unknown arm {value!r}; {hint}; or give its fields, e.g. {{mix: cutmix}}")
    if not isinstance(value, Mapping):
        raise ValueError(f"an arm is a preset's name or a mapping of fields, got {value!r}")
    try:
        return parse(Derived, value, "an arm") if "base" in value else parse(Arm, value, "an arm")
    except ConfigError as error:
        raise ValueError(str(error)) from error


def changed_fields(arm: Arm) -> dict[str, Any]:
    """Return the fields that differ from ``classical``, in the order of :class:`Arm`."""
    return {name: value for name, value in arm if value != Arm.model_fields[name].default}


def name_of(arm: AnyArm) -> str:
    """Return the arm's name: its preset's, or one built from the fields that differ from ``classical``.

    Example:
        >>> name_of(Derived(base="best_real", add=Arm(mix="mixup")))
        'best_real mix=mixup'
    """
    for name, preset in PRESETS.items():
        if preset == arm:
            return name
    words: list[str] = [] if isinstance(arm, Arm) else [arm.base]
    fields = changed_fields(arm if isinstance(arm, Arm) else arm.add)
    words += [f"{key}={value}" for key, value in fields.items()]
    if isinstance(arm, Derived) and arm.settings:
        tried = (",".join(f"{k}={v}" for k, v in changed_fields(one).items()) for one in arm.settings)
        words.append("settings=" + "|".join(tried))
    if isinstance(arm, Derived) and arm.leave_out != "nothing":
        words.append(f"leave_out={arm.leave_out}")
    return " ".join(words)


def written(arm: AnyArm) -> str | dict[str, Any]:
    """Return the arm as a recipe writes it: a preset's name or the fields that differ, JSON-able."""
    for name, preset in PRESETS.items():
        if preset == arm:
            return name
    if isinstance(arm, Derived):
        added = {"add": _short(arm.add)} if arm.add != Arm() else {}
        tried = {"settings": [_short(one) for one in arm.settings]} if arm.settings else {}
        return {**arm.model_dump(mode="json", exclude_defaults=True), **added, **tried}
    return _short(arm)


def _short(arm: Arm) -> dict[str, Any]:
    fields = arm.model_dump(mode="json", exclude_defaults=True)
    if list(fields.get("rows", ())) == ["synthetic"]:
        fields["rows"] = fields["rows"]["synthetic"]
    return fields


ArmField = Annotated[AnyArm, BeforeValidator(arm_of), PlainSerializer(written)]
"""An arm as a field of a recipe."""


def arms_of(values: Iterable[object]) -> dict[str, AnyArm]:
    """Return the arms of a recipe's list by name, in its order.

    Raises:
        ValueError: if one is unknown, or there twice.
    """
    found: dict[str, AnyArm] = {}
    for value in values:
        arm = arm_of(value)
        name = name_of(arm)
        if name in found:
            raise ValueError(f"every arm is named once, got {name} twice")
        found[name] = arm
    return found


def pattern_of(arm: AnyArm) -> Arm:
    """Return the arm, or what is known of one that is yet to be settled."""
    return arm if isinstance(arm, Arm) else arm.pattern


def control(arm: Arm) -> Arm:
    """Return the same arm without synthesis: real rows alone, no trained critic, no made features.

    An arm without anything synthetic is its own control. A start from the critic becomes one from the same
    network trained on the real rows for as long, so that neither network nor computing time is an advantage.

    Example:
        >>> name_of(control(Arm(rows="passing", mix="cutmix", start="critic")))
        'mix=cutmix start=untrained_critic'
    """
    rows = arm.rows if arm.rows.copies else Rows()
    start = "untrained_critic" if arm.start == "critic" else arm.start
    return arm.model_copy(update={"rows": rows, "start": start, "head": "trained"})


def controls_of(arms: Mapping[str, Arm]) -> dict[str, str]:
    """Return the arms of real and synthetic rows whose control is among ``arms`` too, each with its name.

    Args:
        arms: the arms of one evaluation by name, derived ones as they were settled.
    """
    known = {arm: name for name, arm in reversed(list(arms.items()))}
    wanted = {name: control(arm) for name, arm in arms.items() if arm.is_synthetic and arm.rows.real}
    return {name: known[other] for name, other in wanted.items() if other in known}


def settled(derived: Derived, base: Arm) -> Arm:
    """Return what ``derived`` is, where ``base`` is the best of the arms that it starts from.

    Example:
        >>> name_of(settled(Derived(base="best_real", add=Arm(start="critic")), Arm(mix="cutmix")))
        'mix=cutmix start=critic'
    """
    return Arm(**{**dict(base), **changed_fields(derived.add)})


def needs_critic(arm: AnyArm) -> bool:
    """Return whether the arm takes the generator's critic, its weights or only its network."""
    return pattern_of(arm).start != "random"


def is_mixing(arm: AnyArm) -> bool:
    """Return whether the arm mixes synthetic rows at a share, and is not itself derived from such arms."""
    pattern = pattern_of(arm)
    late = isinstance(arm, Derived) and arm.base == "best_mixing"
    return pattern.by_share and pattern.is_synthetic and not late

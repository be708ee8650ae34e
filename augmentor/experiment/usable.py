"""Which parts may be compared, and which arms can be trained on them."""

from __future__ import annotations

from itertools import combinations

from augmentor.core.errors import DataError
from augmentor.core.leak import refuse_overlap
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.downstream.base import Form
from augmentor.experiment.arm_checks import candidates_of
from augmentor.experiment.arm_words import quoted, title
from augmentor.experiment.arms import CLASSICAL, AnyArm, needs_critic, pattern_of
from augmentor.experiment.draw import passing
from augmentor.experiment.selected import FOLDS, SELECTIONS
from augmentor.experiment.spec import EvaluationSpec
from augmentor.experiment.values import ThreeParts
from augmentor.modalities.table import modality_of
from augmentor.quality.cross_fit import assign_folds
from augmentor.synthesizers.critic import KeptCritic


def check_parts(parts: ThreeParts, synthetic: SyntheticSet) -> None:
    """Refuse parts that cannot be compared, or of which one has seen another.

    Raises:
        DataError: if a part is empty, or classes, shapes or dtypes differ.
        LeakError: if a row, or a group, of one real part is in another, or if a held-out row is
            among the synthetic ones.
    """
    train = parts.train
    real = {"training": train, "validation": parts.validation, "test": parts.test}
    for name, part in real.items():
        if not len(part):
            raise DataError(f"the {name} part is empty; an evaluation needs training, validation and test")
    for name, part in {**real, "synthetic": synthetic.samples}.items():
        form, wanted = ((one.kind.name, one.classes, one.row_form) for one in (part, train))
        if form != wanted:
            raise DataError(f"the {name} part differs from the training part: {form} against {wanted}")
    for one, other in combinations(real, 2):
        refuse_overlap({one: real[one]}, {other: real[other]})
    refuse_overlap({"synthetic": synthetic.samples}, {"validation": parts.validation, "test": parts.test})


def usable_arms(
    spec: EvaluationSpec, train: Samples, synthetic: SyntheticSet, critic: KeptCritic | None = None
) -> tuple[dict[str, AnyArm], dict[str, str]]:
    """Return the arms that can be trained, and for each of the others the reason why not."""
    arms, question = spec.named_arms, spec.downstream
    form = Form(modality_of(train).fit_codec(train).shape, train.n_classes)
    passed = synthetic.samples.take(passing(synthetic)).counts
    lacking = [name for name, n in train.counts.items() if n and not passed[name]]
    called = {name: quoted(title(arm)) for name, arm in arms.items()}
    skipped = {
        name: f"{called[name]} was left out: no synthetic {train.kind.name} of {', '.join(lacking)} passed "
        "the filters."
        for name, arm in arms.items()
        if not pattern_of(arm).rows.real and lacking
    }
    if critic is None:
        skipped |= {
            name: f"{called[name]} was left out: the generator has left no critic to start from."
            for name, arm in arms.items()
            if needs_critic(arm)
        }
    skipped |= {
        name: f"{called[name]} was left out: {why}."
        for name, arm in arms.items()
        for one in candidates_of(arm)
        if (why := question.refusal(spec.model, one.training, form))
    }
    modality = modality_of(train)
    for name, arm in arms.items():
        idle = {one.augmentation for one in candidates_of(arm)} - {CLASSICAL, "none"}
        idle = {one for one in idle if modality.is_idle(spec.augmentation.policy_of(one))}
        if idle:
            skipped[name] = (
                f"{called[name]} was left out: {train.kind.plural} have no operation that the policy "
                f"{min(idle)} may use."
            )
    choosing = [name for name, arm in arms.items() if pattern_of(arm).rows.synthetic in SELECTIONS]
    if choosing:
        try:
            assign_folds(train, FOLDS, 0)
        except DataError as error:
            skipped |= {name: f"{called[name]} was left out: {error}." for name in choosing}
    return {name: arm for name, arm in arms.items() if name not in skipped}, skipped

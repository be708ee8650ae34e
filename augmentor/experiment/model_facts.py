"""What a reader must know of the model that the arms train."""

from __future__ import annotations

from augmentor.core.facts.evaluation import ModelFacts
from augmentor.downstream.model_spec import InputSpec, ModelSpec
from augmentor.experiment.arm_words import quoted, title
from augmentor.experiment.arms import pattern_of
from augmentor.experiment.spec import DEFAULT_ARMS, EvaluationSpec


def model_facts(spec: EvaluationSpec) -> ModelFacts:
    """Return what the model is, with the SHA-256 of its files; "auto" is settled by now."""
    model, question = spec.model, spec.downstream
    return ModelFacts(
        name=spec.model_names[0],
        label=question.label(model),
        files=spec.digests(),
        pretrained=question.pretrained(model),
        pretrained_on=model.pretrained_on,
        input=input_words(model),
    )


def input_words(model: ModelSpec) -> str:
    """Return what the model is given of a sample, "" where that is the sample as it is.

    Example:
        >>> input_words(ModelSpec(name="resnet18", input=InputSpec(size=224)))
        'brought to 224 cells a side'
    """
    asked = model.input
    if asked == InputSpec():
        return ""
    said = [f"brought to {asked.size} cells a side"] if asked.size is not None else []
    if asked.channels is not None:
        said.append(f"given as {asked.channels} channels")
    if not isinstance(asked.normalisation, str):
        numbers = asked.normalisation
        said.append(f"less the mean {list(numbers.mean)}, divided by {list(numbers.std)}")
    elif asked.normalisation != "auto":
        said.append(f"normalisation {asked.normalisation}")
    return ", ".join(said)


def model_notes(spec: EvaluationSpec) -> list[str]:
    """Return the notes on a model: usual arms that it cannot train, and what pretraining may have seen."""
    model, question = spec.model, spec.downstream
    refused = {arm: question.refusal(model, pattern_of(arm).training) for arm in DEFAULT_ARMS}
    able = {arm for arm, why in refused.items() if not why}
    notes = []
    if able <= set(spec.named_arms.values()):
        # Arms were not chosen by hand; what is usual and cannot be trained is not missed in silence.
        notes = [
            f"The usual arm {quoted(title(arm))} was left out: {why}."
            for arm, why in refused.items()
            if why and arm not in spec.arms
        ]
    return [*notes, *_pretraining(spec)]


def _pretraining(spec: EvaluationSpec) -> list[str]:
    model, question = spec.model, spec.downstream
    name = spec.model_names[0]
    begun = question.pretrained(model)
    seen = (
        "A pretrained network may have seen the test set, or samples like it: all scores, with and without "
        "synthetic rows, may then be too good, and the gain too small or too large."
    )
    if begun:
        on = f"on {model.pretrained_on}" if model.pretrained_on else "on data that nobody named"
        return [f"The model {name} was pretrained {on}. {seen}"]
    if begun is None:
        said = f"Nobody said whether the model {name} begins with pretrained weights (model.pretrained_on)."
        return [f"{said} {seen}"]
    return []

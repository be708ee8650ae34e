"""The generator's model card, in Markdown."""

from __future__ import annotations

from augmentor.core.version import __version__
from augmentor.report.run_facts import RunFacts
from augmentor.run.completed import CRITIC
from augmentor.run.context import RunContext

CRITIC_CARD = (
    f"- **`{CRITIC}/`**: the critic that the generator was trained against. "
    f'`augmentor.load_classifier(folder / "{CRITIC}")` is a classifier that starts from it, as in the arm '
    "`{mix: cutmix, start: critic}`. A critic tells training cases from others more readily than samples do: "
    "share it as you would a classifier trained on these cases.\n"
)


def model_card(context: RunContext, facts: RunFacts) -> str:
    """Return the card of the generator that ``context`` trained.

    Args:
        context: with the training done.
        facts: of the whole run.
    """
    counts = ", ".join(f"{name} {n}" for name, n in context.completed.parts["train"].counts.items())
    train = facts.train
    assert train is not None
    family: str = context.synthesizer.name
    checkpoint: object = train.chosen_checkpoint
    if facts.choose is not None:
        among = len(context.recipe.generators)
        family = f"{facts.choose.chosen} (chosen among {among} by the validation part)"
    held = "".join(f"- **Holds training data**: {text}\n" for text in train.training_data_warning)
    start = "" if context.completed.critic is None else CRITIC_CARD
    return f"""# Generator of {facts.title}

A class-conditional generator trained by gan-augmentor {__version__} with the recipe `{context.recipe.name}`.

- **Trained on**: the training part only ({counts}); no validation or test case was seen.
- **Family**: {family}; images shown: {context.recipe.training.images:,}; seed {context.seed}.
- **Checkpoint**: chosen by label fidelity, coverage and diversity on held-out training data: {checkpoint}.
- **Licence of the training data**: {facts.licence or "not stated; ask its owner"}.
{held}{start}- **Use**: `augmentor generate RUN --count CLASS=N --out DIR`, or
  `augmentor.load_synthesizer(folder)`.
- **Not for**: diagnosis, release as anonymous data, or use as evidence about real patients. Samples may
  resemble training cases; the report lists the closest ones. This is not a privacy guarantee.
- **Verdict of its run**: {facts.verdict.sentence}
- **Recommended by the validation part alone**: {facts.evaluate.recommendation.sentence}
"""

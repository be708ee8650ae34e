import itertools

import pytest
from pydantic import ValidationError

from augmentor.core.errors import ConfigError
from augmentor.training.schedule import Calendar, ema_decay, growth, label_weight, learning_rate
from augmentor.training.spec import GENERAL, TrainingSpec


def spec(**changes):
    return TrainingSpec(**{"images": 3200, "batch": 32, "transition": (0.1, 0.3), **changes})


def test_the_label_rises_linearly_between_the_two_shares():
    assert [label_weight(spec(), step) for step in (0, 10, 20, 30, 99)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert label_weight(spec(transition=(0, 0)), 0) == 1


def test_the_learning_rate_falls_along_a_half_cosine_to_its_final_share():
    given = spec(learning_rate=1e-3, final_rate=0.2)
    assert [learning_rate(given, step) for step in (0, 50, 100)] == pytest.approx([1e-3, 0.6e-3, 0.2e-3])
    assert learning_rate(given, 50, 0.5) == pytest.approx(0.3e-3)


def test_after_a_half_life_an_old_weight_counts_half():
    given = spec(images=100_000, ema_half_life=1600, ema_warm_up=1.0)
    # 1600 images are 50 batches of 32.
    assert ema_decay(given, 10**6) ** 50 == pytest.approx(0.5)
    # Early on the half-life is the warm-up's share of the images shown: 0.05 * 3200 = 160, five batches.
    early = spec(images=100_000, ema_half_life=1600, ema_warm_up=0.05)
    assert ema_decay(early, 3200) ** 5 == pytest.approx(0.5)
    assert spec(images=5000).half_life == 100


def test_rows_states_and_checkpoints_fall_on_ends_of_rows():
    given = spec(images=32 * 1050, checkpoints=4, states=20, transition=(0.0, 0.2))
    calendar = Calendar.of(given, given.steps, given.checkpoints)
    assert calendar.last == 1050
    rows = [step for step in range(1, 1051) if calendar.row(step)]
    assert rows == list(range(10, 1051, 10))
    # After the transition (step 210), four equal stretches of 210 steps.
    assert sorted(calendar.judged) == [420, 630, 840, 1050]
    states = [step for step in range(1, 1051) if calendar.state(step)]
    assert set(states) <= set(rows)
    assert states[0] == 60
    assert states[-1] == 1050


@pytest.mark.parametrize("images", [32, 100, 3201, 7777])
def test_the_last_step_always_ends_a_row_a_state_and_a_checkpoint(images):
    given = spec(images=images)
    calendar = Calendar.of(given, given.steps, given.checkpoints)
    assert calendar.row(calendar.last)
    assert calendar.state(calendar.last)
    assert max(calendar.judged) == calendar.last
    assert all(calendar.row(step) for step in calendar.judged)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("batch", 30, "multiple of 4"),
        ("transition", (0.5, 0.2), "start <= end < 1"),
        ("transition", (0.5, 1.0), "start <= end < 1"),
        ("betas", (0.0, 1.0), r"\[0, 1\)"),
        ("images", 3, "greater than or equal to 32"),
    ],
)
def test_impossible_budgets_are_refused(field, value, said):
    with pytest.raises(ValidationError, match=said):
        TrainingSpec(**{field: value})


@pytest.mark.parametrize(("stages", "share"), [(2, 0.5), (4, 0.5), (3, 0.8)])
def test_resolutions_stand_and_fade_in_turn_until_the_growths_share_is_over(stages, share):
    # 2 (stages - 1) phases of equal length: in the even ones a resolution stands, in the odd ones the next
    # fades in linearly.
    given = spec(images=32 * 4800, growth=share)
    phase = 4800 * share / (2 * (stages - 1))
    for stage in range(stages - 1):
        start = 2 * stage * phase
        assert growth(given, start, stages) == growth(given, start + 0.999 * phase, stages) == stage
        assert growth(given, start + 1.25 * phase, stages) == pytest.approx(stage + 0.25)
        assert growth(given, start + 1.75 * phase, stages) == pytest.approx(stage + 0.75)
    positions = [growth(given, step, stages) for step in range(4800)]
    assert positions[0] == 0
    assert positions == sorted(positions)
    assert max(b - a for a, b in itertools.pairwise(positions)) < 1.01 / phase
    assert positions[int(4800 * share) :] == [stages - 1] * (4800 - int(4800 * share))


def test_a_network_of_one_resolution_stands_at_it():
    assert [growth(spec(), step, 1) for step in (0, 50, 99)] == [0, 0, 0]


def test_auto_is_the_familys_value_or_the_general_one_and_a_given_number_wins():
    general = TrainingSpec().tuned({})
    assert (general.rate, general.moments, general.penalty_every, general.critic_updates) == (
        5e-4,
        (0.0, 0.99),
        4,
        1,
    )
    family = {"learning_rate": 2e-4, "betas": (0.5, 0.999), "critic_steps": 3, "regularise_every": 1}
    tuned = TrainingSpec().tuned(family)
    assert (tuned.rate, tuned.moments, tuned.penalty_every, tuned.critic_updates) == (
        2e-4,
        (0.5, 0.999),
        1,
        3,
    )
    given = TrainingSpec(learning_rate=1e-3, betas=(0.1, 0.2), critic_steps=5, regularise_every=8)
    assert given.tuned(family) == given
    assert TrainingSpec(critic_steps=1).tuned(family).critic_updates == 1
    # What is resolved stays as it is.
    assert tuned.tuned({}) == tuned


def test_auto_counts_as_the_general_value_until_a_family_is_known():
    given = TrainingSpec()
    assert (given.rate, given.moments, given.penalty_every, given.critic_updates) == (
        GENERAL["learning_rate"],
        GENERAL["betas"],
        GENERAL["regularise_every"],
        GENERAL["critic_steps"],
    )
    assert set(GENERAL) == {
        name for name, field in TrainingSpec.model_fields.items() if field.default == "auto"
    }


@pytest.mark.parametrize(("images", "batch"), [(64, 32), (65, 32), (36, 16)])
def test_a_budget_with_one_turn_of_the_generator_is_taken_and_with_none_is_refused(images, batch):
    turns = -(-images // batch)
    short, enough = {"critic_steps": turns + 1}, {"critic_steps": turns}
    assert TrainingSpec(images=images, batch=batch).tuned(enough).critic_updates == turns
    with pytest.raises(ConfigError, match=f"images to {batch * (turns + 1)} or more"):
        TrainingSpec(images=images, batch=batch).tuned(short)
    # A number of the recipe's own counts as the family's does.
    with pytest.raises(ConfigError, match="never would"):
        TrainingSpec(images=images, batch=batch, **short).tuned({})

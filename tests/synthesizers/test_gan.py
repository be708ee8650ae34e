"""Small but real trainings: resuming, going back, saving, sampling."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from augmentor.core.errors import ConfigError, DataError, TrainingFailed
from augmentor.core.samples import Samples
from augmentor.core.score import CheckpointScore
from augmentor.core.seeds import derive_seed
from augmentor.nets.layers import memory_format
from augmentor.synthesizers.build import build, load_synthesizer
from augmentor.synthesizers.compose import initial_networks, objective_of
from augmentor.synthesizers.gan import GanSynthesizer
from augmentor.synthesizers.spec import FAMILIES, SynthesizerSpec, TrainingSpec
from augmentor.training import loop
from augmentor.training.batches import Batches
from augmentor.training.state import State
from augmentor.training.steps import train_step

TINY = {"width": 8, "latent": 8}


def blobs(shape=(1, 4, 4), *, dtype=np.uint8, n=24, seed=0):
    """Two classes of noise: one dark, one bright."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = np.clip(rng.normal(60 + 130 * y.reshape(-1, *[1] * len(shape)), 25, (n, *shape)), 0, 255).astype(
        dtype
    )
    return Samples(
        x=x,
        y=y.astype(np.int64),
        classes=("dark", "bright"),
        ids=np.array([f"r{i}" for i in range(n)]),
        value_range=(0, 255),
    )


def training(**changes):
    return TrainingSpec(
        **{"images": 40 * 8, "batch": 8, "checkpoints": 3, "judged": 4, "states": 10, **changes}
    )


def gan(**changes):
    return build(SynthesizerSpec(**TINY), training(**changes))


def weights(synthesizer):
    return synthesizer._ready().generator.state_dict()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first) and first.keys() == second.keys()


class Listener:
    """Remembers what it hears; with ``stop_at`` it ends the training there, as Ctrl-C would."""

    def __init__(self, stop_at=None):
        self.stop_at, self.lines, self.updates = stop_at, [], []

    def start(self, stage, total):
        self.stage, self.total = stage, total

    def update(self, stage, done, info=None):
        self.updates.append((done, dict(info)))
        if self.stop_at is not None and done >= self.stop_at:
            raise KeyboardInterrupt

    def finish(self, stage):
        self.finished = stage

    def log(self, message):
        self.lines.append(message)


@pytest.fixture(autouse=True)
def _every_step_is_heard(monkeypatch):
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)


def rising_judge():
    """Fidelity, coverage and diversity that follow the brightness of the samples: no constant."""

    def judge(samples):
        level = float(np.mean(samples.array.astype(np.float64))) / 255
        return CheckpointScore(level, 0.5, {"dark": 0.4, "bright": level})

    return judge


@pytest.mark.parametrize("stop_at", [1, 150, 170, 312])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path, stop_at):
    train, judge = blobs(), rising_judge()
    whole = gan()
    whole.fit(train, seed=3, judge=judge)
    with pytest.raises(KeyboardInterrupt):
        gan().fit(train, seed=3, judge=judge, folder=tmp_path / "work", progress=Listener(stop_at))
    resumed, listener = gan(), Listener()
    resumed.fit(train, seed=3, judge=judge, folder=tmp_path / "work", progress=listener)
    assert any("resuming" in line for line in listener.lines) == (stop_at > 40)
    assert same(weights(whole), weights(resumed))
    assert whole.history == resumed.history
    assert whole.chosen == resumed.chosen
    assert whole.digest == resumed.digest


def test_every_part_of_the_state_matters_to_the_bits(tmp_path):
    """The planted fault behind the test above: forgetting Adam's moments changes the end."""
    train = blobs()
    whole = gan()
    whole.fit(train, seed=3)
    with pytest.raises(KeyboardInterrupt):
        gan().fit(train, seed=3, folder=tmp_path, progress=Listener(200))
    real = State.restore

    def forgetful(self, tensors, facts):
        real(self, {name: tensor for name, tensor in tensors.items() if "adam" not in name}, facts)

    State.restore = forgetful
    try:
        resumed = gan()
        resumed.fit(train, seed=3, folder=tmp_path)
    finally:
        State.restore = real
    assert not same(weights(whole), weights(resumed))


def test_a_finished_training_is_not_done_again(tmp_path):
    train = blobs()
    first = gan()
    first.fit(train, seed=0, folder=tmp_path)
    listener, again = Listener(), gan()
    again.fit(train, seed=0, folder=tmp_path, progress=listener)
    assert listener.updates == []
    assert again.digest == first.digest


def test_a_corrupt_newest_state_falls_back_and_still_ends_with_the_same_bits(tmp_path):
    train = blobs()
    whole = gan()
    whole.fit(train, seed=3)
    with pytest.raises(KeyboardInterrupt):
        gan().fit(train, seed=3, folder=tmp_path, progress=Listener(200))
    newest = max(tmp_path.glob("*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:100])
    listener, resumed = Listener(), gan()
    resumed.fit(train, seed=3, folder=tmp_path, progress=listener)
    assert any("falling back" in line for line in listener.lines)
    assert same(weights(whole), weights(resumed))


def test_the_folder_of_another_training_is_refused(tmp_path):
    gan().fit(blobs(), seed=0, folder=tmp_path)
    with pytest.raises(ConfigError, match="another training"):
        gan().fit(blobs(), seed=1, folder=tmp_path)
    with pytest.raises(ConfigError, match="another training"):
        gan().fit(blobs(seed=1), seed=0, folder=tmp_path)


def poisoned(monkeypatch, *, at, times):
    """Make the generator's weights NaN after step ``at``, ``times`` times."""
    real, left = loop._one_step, [times]

    def step(state, *rest):
        losses = real(state, *rest)
        if state.step == at and left[0]:
            left[0] -= 1
            next(state.players.generator.parameters()).data.fill_(float("nan"))
        return losses

    monkeypatch.setattr(loop, "_one_step", step)


def test_one_non_finite_loss_goes_back_with_half_the_learning_rate(tmp_path, monkeypatch):
    poisoned(monkeypatch, at=18, times=1)
    listener, synthesizer = Listener(), gan(final_rate=1.0)
    synthesizer.fit(blobs(), seed=0, folder=tmp_path, progress=listener)
    (row,) = [row for row in synthesizer.history if "rollback" in row]
    assert row["step"] == 16
    assert row["learning_rate_factor"] == 0.5
    assert any("half the learning rate" in line for line in listener.lines)
    rates = {row["step"]: row["learning_rate"] for row in synthesizer.history if "rollback" not in row}
    assert rates[16] == pytest.approx(5e-4)
    assert rates[17] == rates[40] == pytest.approx(2.5e-4)
    assert all(torch.isfinite(tensor).all() for tensor in weights(synthesizer).values())
    json.dumps(synthesizer.history, allow_nan=False)


def test_a_rollback_survives_an_interruption(tmp_path, monkeypatch):
    poisoned(monkeypatch, at=18, times=1)
    whole = gan()
    whole.fit(blobs(), seed=0)
    monkeypatch.undo()
    monkeypatch.setattr(loop, "PROGRESS_SECONDS", 0.0)
    poisoned(monkeypatch, at=18, times=1)
    with pytest.raises(KeyboardInterrupt):
        # The listener first hears of step 18 after the rollback only at its second passing.
        gan().fit(blobs(), seed=0, folder=tmp_path, progress=Listener(8 * 30))
    resumed = gan()
    resumed.fit(blobs(), seed=0, folder=tmp_path)
    assert same(weights(whole), weights(resumed))
    assert whole.history == resumed.history


def test_the_second_non_finite_loss_ends_the_run_with_the_reason(monkeypatch):
    poisoned(monkeypatch, at=18, times=2)
    with pytest.raises(TrainingFailed, match=r"second time.*training\.learning_rate"):
        gan().fit(blobs(), seed=0)


def test_the_best_checkpoint_by_merit_is_kept_and_low_diversity_is_told():
    merits = iter([0.2, 0.9, 0.5])
    listener, synthesizer, seen = Listener(), gan(transition=(0.0, 0.25)), []

    def judge(samples):
        seen.append(samples)
        return CheckpointScore(next(merits), 1.0, {"dark": 1.0, "bright": 0.3})

    synthesizer.fit(blobs(), seed=0, judge=judge, progress=listener)
    judged = [row for row in synthesizer.history if "merit" in row]
    assert [row["step"] for row in judged] == [20, 30, 40]
    assert synthesizer.chosen["step"] == 30
    assert synthesizer.chosen["label_fidelity"] == 0.9
    assert judged[1]["diversity"] == {"dark": 1.0, "bright": 0.3}
    assert next(line for line in listener.lines if line.startswith("warning: low diversity")).endswith(
        "bright 0.30"
    )
    # What the judge saw at the chosen checkpoint is what the synthesizer makes afterwards.
    again = synthesizer.sample(seen[1].y, seed=derive_seed(0, "judged samples"))
    assert np.array_equal(again.array, seen[1].array)
    assert not np.array_equal(again.array, seen[2].array)
    assert seen[0].counts == {"dark": 4, "bright": 4}


def test_the_listener_hears_the_stage_its_length_and_the_losses():
    listener = Listener()
    gan().fit(blobs(), seed=0, progress=listener)
    assert (listener.stage, listener.total, listener.finished) == ("train", 320, "train")
    assert [done for done, _ in listener.updates] == list(range(8, 321, 8))
    assert set(listener.updates[0][1]) == {"critic_loss", "generator_loss"}


def test_threads_are_given_back():
    before = torch.get_num_threads()
    gan(images=32).fit(blobs(), seed=0, threads=before + 1)
    assert torch.get_num_threads() == before


def test_torchs_own_stream_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    synthesizer = gan(images=32)
    synthesizer.fit(blobs(), seed=0)
    synthesizer.sample(np.zeros(3, dtype=np.int64), seed=0)
    assert torch.equal(torch.rand(1), expected)


@pytest.fixture(scope="module")
def fitted():
    synthesizer = gan(images=64)
    synthesizer.fit(blobs(), seed=0)
    return synthesizer


def test_sample_i_depends_on_seed_i_and_its_label_alone(fitted):
    labels = np.arange(150, dtype=np.int64) % 2
    many = fitted.sample(labels, seed=7)
    assert np.array_equal(many.array[:70], fitted.sample(labels[:70], seed=7).array)
    changed = labels.copy()
    changed[3] = 1 - changed[3]
    moved = fitted.sample(changed, seed=7)
    assert np.array_equal(np.delete(many.array, 3, 0), np.delete(moved.array, 3, 0))
    assert not np.array_equal(many.array, fitted.sample(labels, seed=8).array)
    assert len(np.unique(many.row_digests)) == 150


def test_samples_come_in_the_units_of_the_data(fitted):
    samples = fitted.sample(np.array([1, 0, 1], dtype=np.int64), seed=0)
    assert samples.array.dtype == np.uint8
    assert samples.classes == ("dark", "bright")
    assert samples.y.tolist() == [1, 0, 1]
    assert samples.value_range == (0, 255)
    assert len(fitted.sample(np.zeros(0, dtype=np.int64), seed=0)) == 0


@pytest.mark.parametrize("labels", [[2], [-1], [[0]]])
def test_labels_out_of_range_are_refused(fitted, labels):
    with pytest.raises(ConfigError, match=r"\[0, 2\)"):
        fitted.sample(np.array(labels, dtype=np.int64), seed=0)


def test_an_unfitted_synthesizer_says_so(tmp_path):
    with pytest.raises(ConfigError, match="not fitted"):
        gan().sample(np.zeros(1, dtype=np.int64), seed=0)
    with pytest.raises(ConfigError, match="not fitted"):
        gan().save(tmp_path)


@pytest.mark.slow
def test_a_fresh_process_makes_the_same_bits(fitted, tmp_path):
    fitted.save(tmp_path)
    labels = np.arange(5, dtype=np.int64) % 2
    code = (
        "import sys, numpy as np, pathlib\n"
        "from augmentor.synthesizers.build import load_synthesizer\n"
        "s = load_synthesizer(pathlib.Path(sys.argv[1]))\n"
        "print(s.digest, s.sample(np.arange(5, dtype=np.int64) % 2, seed=9).digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [fitted.digest, fitted.sample(labels, seed=9).digest]


def test_save_and_load_keep_settings_history_and_digest(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load_synthesizer(tmp_path)
    assert loaded.digest == fitted.digest
    assert loaded.history == fitted.history
    assert loaded.chosen == fitted.chosen
    assert loaded.training == fitted.training
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator.safetensors", "synthesizer.json"]


@pytest.mark.parametrize("name", ["generator.safetensors", "synthesizer.json"])
@pytest.mark.parametrize("damage", ["cut", "altered", "removed"])
def test_truncated_altered_and_missing_files_are_refused(fitted, tmp_path, name, damage):
    fitted.save(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        # 0x01 flips a digit or a letter in the JSON and a mantissa bit in the weights.
        path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    else:
        path.unlink()
    with pytest.raises(DataError, match=r"damaged|cannot read"):
        GanSynthesizer.load(tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(2, 8), (1, 4, 5), (3, 4, 4), (1, 4, 4, 4)])
def test_every_family_runs_in_every_number_of_dimensions(family, shape, tmp_path):
    synthesizer = build(SynthesizerSpec(family=family, **TINY), training(images=32))
    train = blobs(shape, dtype=np.float32)
    synthesizer.fit(train, seed=0)
    labels = np.array([0, 1, 1], dtype=np.int64)
    samples = synthesizer.sample(labels, seed=0)
    assert samples.shape == shape
    assert samples.array.dtype == np.float32
    synthesizer.save(tmp_path)
    assert np.array_equal(load_synthesizer(tmp_path).sample(labels, seed=0).array, samples.array)


COMPOSITIONS = [
    {"adversarial": "minimax"},
    {"adversarial": "non_saturating"},
    {"adversarial": "least_squares"},
    {"adversarial": "hinge"},
    {"adversarial": "wasserstein", "regularisers": {"gradient_penalty": 10.0}},
    {"adversarial": "relativistic"},
    {"conditioning": "none"},
    {"minibatch_group": 0, "mode_seeking": 0.0, "augmentation": ()},
    {"augmentation": ("colour", "translation", "cutout", "geometry")},
]


@pytest.mark.parametrize("fields", COMPOSITIONS, ids=str)
def test_one_step_of_every_composition_changes_every_parameter(fields):
    train = blobs()
    spec = SynthesizerSpec(**TINY, **fields)
    generator, critic = initial_networks(spec, train.shape, 2, 0, torch.device("cpu"))
    before = [{name: p.detach().clone() for name, p in net.named_parameters()} for net in (generator, critic)]
    budget = training(transition=(0.0, 0.0))
    state = State.begin(generator, critic, budget)
    x = torch.from_numpy(train.array.astype(np.float32) / 127.5 - 1)
    batches = Batches(
        x,
        torch.from_numpy(train.y),
        n_classes=2,
        batch=8,
        power=0.5,
        latent=8,
        device=torch.device("cpu"),
        layout=memory_format(2),
    )
    draws = torch.Generator().manual_seed(0)
    objective = objective_of(spec, budget, train.shape)
    losses = train_step(state.players, objective, batches.draw(draws), step=0, strength=1.0, draws=draws)
    assert torch.isfinite(losses.critic)
    assert torch.isfinite(losses.generator)
    # A constant added to all logits cancels in these losses (in hinge while no logit is beyond its
    # margin), so the critic's last bias has no gradient.
    blind = {"relativistic", "wasserstein", "hinge"}
    free = {"head.unconditional.bias"} if spec.adversarial in blind else set()
    for network, old in zip((generator, critic), before, strict=True):
        assert {name for name, p in network.named_parameters() if torch.equal(old[name], p)} == (
            free if network is critic else set()
        )

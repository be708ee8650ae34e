import numpy as np
import pytest
import torch

from augmentor.core.errors import DataError
from augmentor.training.batches import Batches, BatchRules, distinct


def batches(counts, *, power=0.5, batch=32, sources="none"):
    y = torch.cat([torch.full((n,), label) for label, n in enumerate(counts)])
    # Shuffled, and each sample carries its own row number and class.
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    y = y[order]
    x = torch.stack([torch.arange(len(y)).float(), y.float()], 1)[:, :, None]
    return Batches(
        x,
        y,
        len(counts),
        BatchRules(batch, power, 5, sources),
        device=torch.device("cpu"),
        layout=torch.contiguous_format,
    )


def test_runs_of_four_share_a_class_and_labels_belong_to_their_samples():
    drawn = batches([8, 60, 30]).draw(torch.Generator().manual_seed(3))
    assert drawn.real.shape == (32, 2, 1)
    assert drawn.latents.shape == (32, 5)
    assert torch.equal(drawn.labels, drawn.labels[::4].repeat_interleave(4))
    assert torch.equal(drawn.real[:, 1, 0], drawn.labels.float())


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_classes_come_in_proportion_to_their_count_to_the_power(power):
    counts = np.array([8, 60, 240])
    source, generator = batches(counts, power=power), torch.Generator().manual_seed(0)
    seen = sum(torch.bincount(source.draw(generator).labels, minlength=3) for _ in range(2000)).numpy()
    # Systematic sampling: the mean number of runs is exact, its spread below one run a batch, so the
    # share of 2000 batches of 8 runs is within 5 / (8 * sqrt(2000)) of it.
    np.testing.assert_allclose(seen / seen.sum(), counts**power / (counts**power).sum(), atol=0.014)


def test_every_batch_holds_each_class_within_one_run_of_its_share():
    source, generator = batches([10, 10, 10], power=0.5, batch=32), torch.Generator().manual_seed(0)
    for _ in range(50):
        runs = torch.bincount(source.draw(generator).labels, minlength=3) / 4
        assert set(runs.tolist()) <= {2.0, 3.0}


def test_a_run_holds_no_sample_twice_and_every_sample_is_drawn_alike():
    source, generator = batches([6, 20], power=0.0, batch=8), torch.Generator().manual_seed(0)
    seen = torch.zeros(26)
    for _ in range(3000):
        rows = source.draw(generator).real[:, 0, 0].long().view(-1, 4)
        assert all(len(set(run.tolist())) == 4 for run in rows)
        seen += torch.bincount(rows.flatten(), minlength=26)
    # One run of each class a batch: 3000 * 4 / 6 draws of each of the six, binomial spread 26.
    six = seen[(source.x[:, 1, 0] == 0)]
    assert (six - 2000).abs().max() < 5 * (3000 * 4 / 6 * (1 - 4 / 6)) ** 0.5


def test_pairs_within_a_run_are_uniform():
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(20_000, 4, generator=generator, dtype=torch.float64).tolist()
    picked = torch.tensor([distinct(6, row) for row in uniform])
    pairs = torch.zeros(6, 6)
    for a in range(4):
        for b in range(4):
            if a != b:
                pairs.index_put_((picked[:, a], picked[:, b]), torch.ones(20_000), accumulate=True)
    off = pairs[~torch.eye(6, dtype=torch.bool)]
    assert pairs.diagonal().sum() == 0
    # 20000 * 12 ordered pairs over 30 cells: 8000 each, spread about 70.
    assert (off - 8000).abs().max() < 500


def test_a_class_smaller_than_a_run_repeats_its_samples():
    uniform = torch.rand(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).tolist()
    for count in (1, 2, 3):
        assert all(set(distinct(count, row)) == set(range(count)) for row in uniform)


def test_the_same_generator_state_gives_the_same_batch():
    for sources in ("none", "batch"):
        source = batches([8, 60], sources=sources)
        first, again, other = (source.draw(torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
        assert (first.sources is None) == (sources == "none")
        for a, b in zip(first, again, strict=True):
            assert a is b is None or torch.equal(a, b)
        assert not torch.equal(first.latents, other.latents)


def test_sources_are_the_rows_of_the_batch_in_another_order():
    drawn = batches([8, 60], sources="batch").draw(torch.Generator().manual_seed(5))
    order = torch.cdist(drawn.sources.flatten(1), drawn.real.flatten(1)).argmin(1)
    assert sorted(order.tolist()) != order.tolist()
    assert torch.equal(drawn.sources, drawn.real[order])
    assert torch.equal(drawn.origins, drawn.labels[order])


def test_sources_of_others_are_rows_of_every_other_class_and_never_of_the_own():
    counts = np.array([8, 60, 240])
    source, generator = batches(counts, sources="other classes"), torch.Generator().manual_seed(0)
    pairs, seen = torch.zeros(3, 3), torch.zeros(counts.sum())
    for _ in range(1000):
        drawn = source.draw(generator)
        # Each row carries its class: origins are those of the rows.
        assert torch.equal(drawn.sources[:, 1, 0], drawn.origins.float())
        pairs.index_put_((drawn.labels, drawn.origins), torch.ones(32), accumulate=True)
        seen += torch.bincount(drawn.sources[:, 0, 0].long(), minlength=len(seen))
    assert (pairs.diagonal() == 0).all()
    weights = np.sqrt(counts)
    for label in range(3):
        others = np.where(np.arange(3) == label, 0, weights)
        expected = others / others.sum()
        # Five standard deviations of a share of so many independent draws.
        spread = 5 * np.sqrt(0.25 / float(pairs[label].sum()))
        np.testing.assert_allclose(pairs[label] / pairs[label].sum(), expected, atol=spread)
    assert (seen > 0).all()


def test_sources_of_others_leave_the_rest_of_the_batch_as_it_is():
    plain, others = (
        batches([8, 60], sources=kind).draw(torch.Generator().manual_seed(5))
        for kind in ("none", "other classes")
    )
    assert torch.equal(plain.real, others.real)
    assert torch.equal(plain.latents, others.latents)
    assert torch.equal(others.origins, 1 - others.labels)


def test_a_power_given_to_a_draw_takes_the_place_of_the_rules():
    counts = [8, 60, 240]
    asked = batches(counts, power=0.0).draw(torch.Generator().manual_seed(5))
    given = batches(counts, power=1.0).draw(torch.Generator().manual_seed(5), power=0.0)
    assert torch.equal(asked.labels, given.labels)
    assert torch.equal(asked.real, given.real)


def test_a_class_without_samples_is_refused():
    with pytest.raises(DataError, match=r"classes \[1\] have none"):
        batches([4, 0, 4])

"""Every kind of sample as small pictures: what is shown where, on one scale for real and synthetic rows."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from augmentor.core.facts.quality import ShownCopy
from augmentor.core.kinds import IMAGE, SERIES, VOLUME
from augmentor.core.samples import Samples
from augmentor.core.synthetic import SyntheticSet
from augmentor.modalities.series import INKS, LANE, MOST_LANES, PAPER, WIDTH, plots
from augmentor.modalities.table import modality_of
from augmentor.modalities.volume import middle_slices
from augmentor.report.gallery import read_gallery
from augmentor.report.vocabulary import Vocabulary
from augmentor.report.wording import Noun
from augmentor.run.gallery import write_gallery

KINDS = {kind.name: kind for kind in (SERIES, IMAGE, VOLUME)}
SHAPES = {"series": (4, 30), "image": (1, 10, 12), "volume": (1, 6, 8, 10)}


def samples(kind, n=6, seed=0):
    x = np.random.default_rng(seed).integers(0, 256, (n, *SHAPES[kind])).astype(np.uint8)
    ids = np.array([f"{seed}-{row}" for row in range(n)])
    return Samples(x, np.arange(n) % 2, ("a", "b"), ids, value_range=(0, 255), kind=KINDS[kind])


def test_a_volume_shows_its_three_middle_slices():
    volume = np.arange(6 * 8 * 10).reshape(1, 1, 6, 8, 10)
    sheet = middle_slices(volume)[0, :, :, 0]
    assert sheet.shape == (8, 10 + 1 + 10 + 1 + 8)
    np.testing.assert_array_equal(sheet[:, :10], volume[0, 0, 3])
    np.testing.assert_array_equal(sheet[:6, 11:21], volume[0, 0, :, 4])
    np.testing.assert_array_equal(sheet[:6, 22:], volume[0, 0, :, :, 5])
    assert np.isnan(sheet[:, 10]).all()
    assert np.isnan(sheet[6:, 11:]).all()


def test_large_volumes_are_thinned_not_refused():
    assert middle_slices(np.zeros((1, 2, 200, 100, 50)))[0].shape == (67, 17 + 1 + 17 + 1 + 34, 1)


def test_a_series_rises_from_the_bottom_left_to_the_top_right_of_its_lane():
    rows = np.zeros((1, 2, 50))
    rows[0, 0] = np.linspace(-5, 5, 50)
    rows[0, 1] = 700
    picture = plots(rows, np.array([-5.0, 700.0]), np.array([5.0, 700.0]))[0]
    assert picture.shape == (2 * LANE, WIDTH, 3)
    paper = np.array(PAPER)
    drawn = (np.abs(picture[:LANE].astype(int) - paper).sum(axis=2) > 200).nonzero()
    order = np.argsort(drawn[1], kind="stable")
    down = drawn[0][order]
    assert down[0] > LANE - 8
    assert down[-1] < 8
    # The second lane's channel never changes: a level line in its own ink, in the middle of its lane.
    level = (np.abs(picture[LANE:].astype(int) - np.array(INKS[1])).sum(axis=2) < 30).nonzero()
    assert set(level[0].tolist()) <= set(range(LANE // 2 - 2, LANE // 2 + 2))
    assert np.ptp(level[1]) > 0.9 * WIDTH


def test_many_channels_show_the_first_and_one_alone_gets_more_room():
    many = plots(np.zeros((2, 20, 9)), np.zeros(20), np.ones(20))
    assert many.shape == (2, MOST_LANES * LANE, WIDTH, 3)
    assert plots(np.zeros((1, 1, 9)), np.zeros(1), np.ones(1)).shape == (1, 2 * LANE, WIDTH, 3)


@pytest.mark.parametrize("kind", SHAPES)
def test_pictures_share_the_scale_of_the_training_part(kind):
    train = samples(kind)
    paint = modality_of(train).preview(train).paint
    one = paint(train.array[:1])
    np.testing.assert_array_equal(paint(train.array)[:1], one)
    assert one.dtype == np.uint8
    assert one.shape[3] == (3 if kind == "series" else 1)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_gallery_of_every_kind_is_written_and_read(tmp_path, kind):
    train, made = samples(kind), samples(kind, seed=1)
    kept = np.array([True, True, True, False, False, True])
    reason = np.where(kept, "", "copy")
    synthetic = SyntheticSet(made, pd.DataFrame({"synthesizer": "s", "seed": np.zeros(6, int)}), kept, reason)
    copies = [ShownCopy(synthetic=3, real=1, real_id="0-1", class_="b", ratio=0.5, kept=False)]
    write_gallery(tmp_path, train, synthetic, copies, seed=0)
    assert json.loads((tmp_path / "gallery.json").read_text(encoding="utf-8"))["kind"] == asdict(KINDS[kind])
    gallery = read_gallery(tmp_path, Vocabulary(Noun.of(KINDS[kind])))
    assert gallery is not None
    assert gallery.lines == (kind == "series")
    assert "three middle slices" in gallery.note or kind != "volume"
    tile = gallery.classes[0][1][0].tiles[0]
    assert tile.alt == f"a, real {kind}"
    assert gallery.copies[0].real.alt.endswith(f"closest real training {kind}")
    rejected = gallery.classes[1][1][2].tiles[0]
    assert rejected.label == f"too close to a training {kind}"
    wide, tall = tile.width, tile.height
    # A slice of a volume is a little smaller than an image would be; lines are shown at half their size.
    expected = {"series": (96, 2 * LANE), "image": (72, 60), "volume": (30 * 5, 8 * 5)}[kind]
    assert (wide, tall) == expected

"""Datasets larger than memory: the same samples, splits and batches as in memory, in a flat amount of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from augmentor.core import scratch
from augmentor.core.files import sha256_file, sha256_json
from augmentor.core.kinds import IMAGE
from augmentor.core.persist import read_samples, write_samples
from augmentor.core.samples import Samples
from augmentor.core.scratch import on_disk
from augmentor.core.seeds import generator
from augmentor.core.synthetic import SyntheticSet
from augmentor.data.duplicates import exact_duplicates, near_duplicates
from augmentor.data.load import load
from augmentor.data.readers import streamed
from augmentor.data.readers.files import Files, Folder, Found
from augmentor.data.readers.folder import SizeNeeded
from augmentor.data.readers.pictures import Picture, to_channels
from augmentor.data.spec import ImageSpec
from augmentor.data.split import split
from augmentor.data.torch_dataset import ExpandedDataset
from augmentor.modalities.export import export
from augmentor.modalities.table import modality_of
from augmentor.store.cache import tree_digest
from augmentor.training.batches import Batches, BatchRules, EncodedRows

Make = Callable[..., Path]


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SPILL", 300)
    monkeypatch.setattr(scratch, "CHUNK", 200)
    monkeypatch.setattr(streamed, "BITE", 2)


def folder_of(make: Make) -> Path:
    """Two classes with a copy, a colour picture and a 16-bit one among the last."""
    folder = make({"a": 20, "b": 20})
    (folder / "b" / "p03.png").write_bytes((folder / "b" / "p01.png").read_bytes())
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(folder / "b" / "q.png")
    Image.fromarray(rng.integers(0, 2**16, (12, 12), dtype=np.uint16)).save(folder / "b" / "r.png")
    return folder


@pytest.mark.parametrize("colour", ["auto", "grey", "rgb"])
def test_a_folder_read_from_files_is_the_folder_read_in_memory(
    make_folder: Make, colour: Any, request: pytest.FixtureRequest
) -> None:
    folder, image = folder_of(make_folder), ImageSpec(colour=colour)
    plain = load(str(folder), image=image)
    wanted = split(plain)
    pairs = near_duplicates(plain.parts, plain.fingerprints)
    request.getfixturevalue("small_memory")
    loaded = load(str(folder), image=image)
    assert on_disk(loaded.parts["all"].array)
    assert not on_disk(plain.parts["all"].array)
    assert loaded.parts["all"].digest == plain.parts["all"].digest
    assert loaded.notes == plain.notes
    np.testing.assert_array_equal(loaded.originals.sides, plain.originals.sides)
    found = split(loaded)
    assert found.digests() == wanted.digests()
    assert {name: part.digest for name, part in found.parts.items()} == {
        name: part.digest for name, part in wanted.parts.items()
    }
    assert [len(group) for group in exact_duplicates(loaded.parts)] == [2]
    assert near_duplicates(loaded.parts, loaded.fingerprints) == pairs


def pictures(n: int, side: int = 12) -> Iterator[tuple[Found, Picture | str]]:
    """Grey of 8 bits, then colours, then 16 bits, then grey again; one in ten cannot be read."""
    for number in range(n):
        item = Found(Path("/data"), f"a/{number}.png", "all", "a")
        rng = generator(0, number)
        if number % 10 == 9:
            yield item, "broken"
            continue
        channels = 3 if number % 5 == 3 and number > n // 3 else 1
        deep = number % 7 == 2 and number > n // 2
        top, dtype = (2**16, np.uint16) if deep else (256, np.uint8)
        pixels = rng.integers(0, top, (side, side, channels)).astype(dtype)
        yield item, Picture(pixels, side, side, 16 if deep else 8)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize(("colour", "channels"), [("auto", 3), ("grey", 1), ("rgb", 3)])
def test_colours_and_depth_met_late_widen_what_came_before(colour: Any, channels: int) -> None:
    read = streamed.stream(pictures(60), ImageSpec(colour=colour))
    # The definition: widen to the set's depth, then bring to the set's channels.
    wanted = [
        to_channels(made.pixels.astype(np.uint16) * (257 if made.bits == 8 else 1), channels)
        for _, made in pictures(60)
        if not isinstance(made, str)
    ]
    np.testing.assert_array_equal(read.x, np.stack([np.moveaxis(row, 2, 0) for row in wanted]))
    assert read.x.dtype == np.uint16
    assert [item.path for item in read.skipped] == [f"a/{number}.png" for number in range(9, 60, 10)]
    assert read.index.tolist() == [number for number in range(60) if number % 10 != 9]
    assert len(read.notes) == 2


def test_memory_stays_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SPILL", 2**17)
    monkeypatch.setattr(scratch, "CHUNK", 2**15)

    def peak(n: int) -> int:
        tracemalloc.start()
        read = streamed.stream(pictures(n, side=24), ImageSpec())
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert on_disk(read.x)
        return found

    few, many = peak(300), peak(3000)
    # 2,700 more pictures of 24 x 24 x 3 x 2 bytes are 9 MB; a picture may cost a hundred bytes of its own.
    assert many - few < 2700 * 100 + 2**17


def test_too_little_disk_asks_for_a_size(make_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augmentor.data.readers.folder.free_bytes", lambda: 4 * 144 - 1)
    with pytest.raises(SizeNeeded, match=r"4 pictures of 12 x 12 .*image.size=64"):
        load(str(make_folder({"a": 2, "b": 2})))


@pytest.mark.usefixtures("small_memory")
def test_written_samples_are_mapped_when_they_are_read(make_folder: Make, tmp_path: Path) -> None:
    samples = load(str(folder_of(make_folder))).parts["all"]
    (tmp_path / "kept").mkdir()
    write_samples(tmp_path / "kept", samples)
    again = read_samples(tmp_path / "kept")
    assert on_disk(again.array)
    assert again.digest == samples.digest
    assert again.array.dtype == samples.array.dtype


def test_rows_encoded_when_drawn_are_the_rows_encoded_before(make_samples: Callable[..., Samples]) -> None:
    samples = make_samples([0, 1] * 20)
    codec = modality_of(samples).fit_codec(samples)
    x = samples.array
    drawn = []
    for rows in (torch.from_numpy(codec.encode(x)), EncodedRows(x, codec.encode)):
        batches = Batches(
            rows,
            torch.from_numpy(samples.y),
            2,
            BatchRules(8, 0.5, latent=4, sources="batch"),
            device=torch.device("cpu"),
            layout=torch.channels_last,
        )
        drawn.append(batches.draw(torch.Generator().manual_seed(3)))
    for one, two in zip(*drawn, strict=True):
        assert torch.equal(one, two)
        assert one.stride() == two.stride()


def test_files_come_in_the_order_of_their_ids() -> None:
    folders = [
        Folder("a", "all", "a", ["z.png", "é.png", "b.png"]),
        Folder("a b", "all", "a b", ["c.png"]),
        Folder("empty", "all", "empty", []),
        Folder("a-b", "all", "a-b", ["c.png", "a.png"]),
    ]
    files = Files(Path("/data"), folders)
    ids = [item.id for item in files]
    assert ids == sorted(ids)
    assert len(ids) == len(files) == 6
    assert files[1:3] == [files[1], files[2]]
    assert files[0] == Found(Path("/data"), "a b/c.png", "all", "a b")
    picked = files.pick([4, 0]).where(lambda item: item.label != "a b")
    assert [item.id for item in picked] == [ids[4]]
    assert files.longest == len("a b/c.png")


def test_a_tree_is_named_by_its_paths_and_bytes(tmp_path: Path) -> None:
    for place in ("a/x.png", "a b/x.png", "a/b/y.png", "a.png", ".hidden/z.png", "a/.z.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(place)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("."))
    wanted = [[path.relative_to(tmp_path).as_posix(), sha256_file(path)] for path in files]
    assert len(wanted) == 5
    assert tree_digest(tmp_path) == sha256_json(wanted)
    (tmp_path / "empty").mkdir()
    assert tree_digest(tmp_path / "empty") == sha256_json([])


@pytest.mark.usefixtures("small_memory")
def test_what_is_exported_is_read_back_from_files(make_folder: Make, tmp_path: Path) -> None:
    real = load(str(make_folder({"a": 12, "b": 12}))).parts["all"]
    made = Samples(
        x=255 - real.array[:4],
        y=real.y[:4],
        classes=real.classes,
        ids=np.array([f"s{number}" for number in range(4)]),
        value_range=real.value_range,
        kind=IMAGE,
    )
    table = pd.DataFrame({"synthesizer": ["0" * 64] * 4, "seed": [1] * 4})
    synthetic = SyntheticSet(
        made, table, np.array([True, False, True, True]), np.array(["", "label", "", ""])
    )
    export(tmp_path / "expanded", real, synthetic, layout="folder", name="mine")
    dataset = ExpandedDataset.from_folder(tmp_path / "expanded")
    direct = ExpandedDataset(real, synthetic)
    assert len(dataset) == len(direct) == 27
    assert on_disk(dataset.data.samples.array)
    assert on_disk(direct.data.samples.array)
    np.testing.assert_array_equal(dataset.data.samples.array, direct.data.samples.array)
    np.testing.assert_array_equal(direct.data.samples.array[24:], made.array[[0, 2, 3]])

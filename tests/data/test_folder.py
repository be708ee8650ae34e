"""Image folders: layouts, bad files, mixed sizes and modes, names and links."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augmentor.core.errors import DataError
from augmentor.data.cards import Card
from augmentor.data.load import load
from augmentor.data.loaded import Loaded
from augmentor.data.readers.folder import read_folder
from augmentor.data.readers.reading import Reading
from augmentor.data.spec import ImageSpec

Make = Callable[..., Path]


class Steps:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def start(self, stage: str, total: int) -> None:
        self.seen.append(("start " + stage, total))

    def update(self, stage: str, done: int, info: object = None) -> None:
        self.seen.append((stage, done))

    def finish(self, stage: str) -> None:
        self.seen.append(("finish " + stage, 0))

    def log(self, message: str) -> None:
        raise AssertionError(message)


def reasons(loaded: Loaded) -> dict[str, str]:
    return {item.path: item.reason for item in loaded.skipped}


def test_classes_without_split_folders(make_folder: Make) -> None:
    folder = make_folder({"b": 2, "a": 3})
    steps = Steps()
    loaded = load(str(folder), progress=steps)
    part = loaded.parts["all"]
    assert list(loaded.parts) == ["all"]
    assert (loaded.name, loaded.layout, loaded.card) == ("data", "folder", None)
    assert part.counts == {"a": 3, "b": 2}
    assert list(part.ids) == ["a/p00.png", "a/p01.png", "a/p02.png", "b/p00.png", "b/p01.png"]
    assert part.array.shape == (5, 1, 12, 12)
    assert part.array.dtype == np.uint8
    assert part.value_range == (0, 255)
    np.testing.assert_array_equal(part.array[4, 0], np.asarray(Image.open(folder / "b/p01.png")))
    assert steps.seen == [("start reading", 5), *(("reading", n) for n in range(1, 6)), ("finish reading", 0)]


@pytest.mark.parametrize(
    ("train", "val", "test"), [("train", "val", "test"), ("Training", "validation", "TESTING")]
)
def test_split_folders_by_their_usual_names(make_folder: Make, train: str, val: str, test: str) -> None:
    folder = make_folder({f"{train}/a": 2, f"{train}/b": 1, f"{val}/a": 1, f"{test}/b": 4})
    parts = load(str(folder)).parts
    assert {name: part.counts for name, part in parts.items()} == {
        "train": {"a": 2, "b": 1},
        "validation": {"a": 1, "b": 0},
        "test": {"a": 0, "b": 4},
    }


def test_a_wrapping_folder_is_entered_and_a_lone_split_folder_is_not(make_folder: Make) -> None:
    assert load(str(make_folder({"images/x/a": 1, "images/x/b": 1}))).parts["all"].counts == {"a": 1, "b": 1}
    lone = make_folder({"train/a": 1, "train/b": 1}, root="lone")
    assert list(load(str(lone)).parts) == ["train"]


def test_bad_files_are_skipped_and_listed(make_folder: Make) -> None:
    folder = make_folder({"a": 3, "b": 3})
    (folder / "a/empty.png").touch()
    (folder / "a/text.png").write_text("hello", encoding="utf-8")
    Image.new("RGB", (64, 64), "red").save(folder / "b/cut.jpg")
    data = (folder / "b/cut.jpg").read_bytes()
    (folder / "b/cut.jpg").write_bytes(data[: len(data) // 2])
    (folder / "b/.hidden.png").touch()
    (folder / "b/notes.txt").touch()
    loaded = load(str(folder))
    assert loaded.parts["all"].counts == {"a": 3, "b": 3}
    assert set(reasons(loaded)) == {"a/empty.png", "a/text.png", "b/cut.jpg", "b/notes.txt"}
    assert "zero bytes" in reasons(loaded)["a/empty.png"]
    assert "no PNG" in reasons(loaded)["a/text.png"]
    assert "damaged" in reasons(loaded)["b/cut.jpg"]
    assert "no kind that is read" in reasons(loaded)["b/notes.txt"]


def test_whatever_is_not_read_is_listed(make_folder: Make) -> None:
    folder = make_folder({"a": 2, "b": 2})
    (folder / "stray.png").write_bytes((folder / "a/p00.png").read_bytes())
    (folder / "readme.txt").write_text("beside the classes, part of none", encoding="utf-8")
    for name in ("a/heic.heic", "a/scan.dcm", "b/old/notes.txt", "b/old/more/p.png", "b/.cache/p.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"what it is does not matter")
    (folder / "a/gone.svg").symlink_to(folder / "nowhere.svg")
    (folder / "a/linked").symlink_to(folder / "b", target_is_directory=True)
    loaded = load(str(folder))
    assert loaded.parts["all"].counts == {"a": 2, "b": 2}
    told = reasons(loaded)
    other = ["a/gone.svg", "a/heic.heic", "a/linked", "b/old/notes.txt"]
    assert sorted(told) == sorted([*other, "a/scan.dcm", "b/old/more/p.png", "stray.png"])
    assert "most files are pictures" in told["a/scan.dcm"]
    assert all("no kind that is read" in told[name] for name in other)
    assert "below its class" in told["b/old/more/p.png"]
    assert "outside the class folders" in told["stray.png"]


def test_a_folder_of_other_kinds_alone_is_refused(make_folder: Make) -> None:
    folder = make_folder({"a": 0, "b": 0})
    (folder / "a/drawing.svg").touch()
    with pytest.raises(DataError, match="no class folder with pictures"):
        load(str(folder))


def test_webp_and_gif_are_read_and_films_are_skipped(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})
    values = np.random.default_rng(0).integers(0, 256, (12, 12), dtype=np.uint8)
    still = Image.fromarray(values)
    still.convert("RGB").save(folder / "a/one.webp", lossless=True)
    still.save(folder / "a/two.gif")
    for name in ("b/film.gif", "b/film.webp"):
        still.save(folder / name, save_all=True, append_images=[Image.fromarray(255 - values)])
    loaded = load(str(folder))
    part = loaded.parts["all"]
    assert list(part.ids) == ["a/one.webp", "a/p00.png", "a/two.gif", "b/p00.png"]
    for row in (0, 2):
        np.testing.assert_array_equal(part.array[row, 0], values)
    assert set(reasons(loaded)) == {"b/film.gif", "b/film.webp"}
    assert all("film of 2 pictures" in reason for reason in reasons(loaded).values())


def test_a_folder_of_bad_files_is_refused_with_the_first_reason(make_folder: Make) -> None:
    folder = make_folder({"a": 0, "b": 0})
    (folder / "a/empty.png").touch()
    with pytest.raises(DataError, match=r"no picture .* can be read \(1 files .*zero bytes"):
        load(str(folder))


def test_mixed_sizes_get_a_default_that_a_note_tells(make_folder: Make) -> None:
    folder = make_folder({"a": 2})
    make_folder({"b": 2}, size=(20, 30))
    loaded = load(str(folder))
    # The shorter sides are 12, 12, 20, 20; their median is 16.
    assert loaded.parts["all"].shape == (1, 16, 16)
    assert "2 sizes, from 12 x 12 to 30 x 20 pixels; all were brought to 16 x 16" in loaded.notes[0]
    assert "--set image.size=" in loaded.notes[0]
    sized = load(str(folder), image=ImageSpec(size=8))
    assert sized.parts["all"].shape == (1, 8, 8)
    assert sized.notes == ()
    assert sorted(set(sized.originals.sides[:, 1].tolist())) == [12, 30]
    assert sorted(set(sized.originals.sides[:, 0].tolist())) == [12, 20]


@pytest.mark.parametrize(
    ("size", "shape"),
    [((128, 128), (128, 128)), ((20, 36), (20, 36)), ((129, 129), (64, 64)), ((40, 300), (40, 40))],
)
def test_one_shared_size_is_kept_while_it_is_small(
    make_folder: Make, size: tuple[int, int], shape: tuple[int, int]
) -> None:
    loaded = load(str(make_folder({"a": 2, "b": 2}, size=size)))
    assert loaded.parts["all"].shape == (1, *shape)
    assert [("slow to train on" in note) for note in loaded.notes] == [True] * (shape != size)


def test_the_default_size_is_by_the_picture_as_it_is_seen(make_folder: Make) -> None:
    folder = make_folder({"a": 2, "b": 2}, size=(20, 36))
    turned = Image.new("L", (20, 36), 7)
    turned.getexif()[0x0112] = 6  # stored upright, shown lying: 36 wide and 20 high like the others
    turned.save(folder / "a" / "turned.jpg", exif=turned.getexif())
    assert load(str(folder)).parts["all"].shape == (1, 20, 36)


def test_mixed_modes_become_rgb_and_are_counted(make_folder: Make) -> None:
    folder = make_folder({"a": 2, "b": 2})
    Image.new("RGB", (12, 12), (10, 20, 30)).save(folder / "a/colour.png")
    Image.new("RGBA", (12, 12), (10, 20, 30, 0)).save(folder / "a/clear.png")
    loaded = load(str(folder))
    assert loaded.parts["all"].shape == (3, 12, 12)
    assert loaded.notes == (
        "5 grey and 1 colour pictures: all are used as rgb",
        "1 pictures: transparency was laid over black",
    )
    grey = load(str(folder), image=ImageSpec(colour="grey"))
    assert grey.parts["all"].shape == (1, 12, 12)
    assert "all are used as grey" in grey.notes[0]
    row = list(grey.parts["all"].ids).index("a/colour.png")
    # 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15
    assert set(grey.parts["all"].array[row].ravel()) == {18}


def test_16_bit_pictures_stay_and_8_bit_ones_beside_them_are_widened(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})
    deep = np.random.default_rng(0).integers(0, 65536, (12, 12), dtype=np.uint16)
    Image.fromarray(deep).save(folder / "b/deep.png")
    part = load(str(folder)).parts["all"]
    assert part.array.dtype == np.uint16
    assert part.value_range == (0, 65535)
    rows = list(part.ids)
    np.testing.assert_array_equal(part.array[rows.index("b/deep.png"), 0], deep)
    eight = np.asarray(Image.open(folder / "a/p00.png")).astype(int)
    np.testing.assert_array_equal(part.array[rows.index("a/p00.png"), 0], eight * 257)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "with space", "Zellkörper", "a&b;c", "..x"])
def test_any_folder_name_is_a_class(make_folder: Make, name: str) -> None:
    if "/" in name:
        name = name.replace("/", "")
    if name.startswith("."):
        folder = make_folder({"a": 1, "b": 1, name: 1})
        assert load(str(folder)).classes == ("a", "b")  # hidden, as every name with a leading dot
        return
    assert load(str(make_folder({"a": 1, name: 1}))).classes == tuple(sorted(["a", name]))


def test_links_out_of_the_folder_are_refused(make_folder: Make, tmp_path: Path) -> None:
    folder = make_folder({"a": 1, "b": 1})
    outside = make_folder({"secret": 1}, root="outside")
    os.symlink(outside / "secret/p00.png", folder / "a/link.png")
    os.symlink(outside / "secret", folder / "c", target_is_directory=True)
    os.symlink(folder / "a/p00.png", folder / "b/inside.png")
    loaded = load(str(folder))
    assert loaded.classes == ("a", "b")
    assert "b/inside.png" in loaded.parts["all"].ids
    assert {path: "leads out" in reason for path, reason in reasons(loaded).items()} == {
        "a/link.png": True,
        "c": True,
    }
    broken = folder / "a/broken.png"
    os.symlink(folder / "nothing.png", broken)
    assert "cannot be opened" in reasons(load(str(folder)))["a/broken.png"]


def test_names_that_are_no_text_are_skipped(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})
    (folder / "a" / "line\nbreak.png").write_bytes((folder / "a/p00.png").read_bytes())
    raw = os.fsencode(folder / "b") + b"/\xff.png"
    Path(os.fsdecode(raw)).write_bytes((folder / "a/p00.png").read_bytes())
    loaded = load(str(folder))
    assert sorted(loaded.parts["all"].ids) == ["a/p00.png", "b/p00.png"]
    assert {path: reason.split(";")[0] for path, reason in reasons(loaded).items()} == {
        "a/line?break.png": "its name holds control characters",
        "b/?.png": "its name is not valid UTF-8",
    }


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, "is empty"),
        ({"a": 0, "b": 0}, "holds no class folder with pictures"),
        ({".": 2}, "2 pictures outside class folders"),
        ({"train": 1, "train/a": 1, "test/a": 1}, "holds pictures outside class folders"),
        ({"train/a": 1, "other/a": 1}, r"split folders \(train\) beside \['other'\]"),
        ({"val/a": 1, "validation/a": 1}, "mean the same part"),
        ({"a": 1, "b/x": 1}, "in folders of its own and none directly"),
        ({"images/a": 1, "masks/a": 1}, "in folders of its own and none directly"),
        ({"a/x": 1, "b/y": 1}, "nothing tells which are the classes and which the patients"),
    ],
)
def test_layouts_that_are_not_understood(
    make_folder: Make, tmp_path: Path, counts: dict[str, int], told: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for place, n in counts.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for number in range(n):
            Image.new("L", (8, 8)).save(folder / place / f"{number}.png")
    with pytest.raises(DataError, match=told):
        load(str(folder))


def card(**change: object) -> Card:
    values = {"name": "mine", "title": "Mine", "kind": "folder", "classes": ["b", "a"], **change}
    return Card.model_validate(values)


def read(folder: Path, card: Card) -> Loaded:
    return read_folder(folder, Reading("mine", card=card, progress=Steps()))


def test_a_card_sets_label_order_groups_and_size(make_folder: Make) -> None:
    folder = make_folder({"a": 3, "b": 1})
    (folder / "a/p00.png").rename(folder / "a/other.png")
    loaded = read(folder, card(group=r"^(?P<group>p\d)\d", image_size=6))
    part = loaded.parts["all"]
    assert part.counts == {"b": 1, "a": 3}
    assert part.shape == (1, 6, 6)
    assert part.group is not None
    assert list(part.group) == ["only a/other.png", "p0", "p0", "p0"]
    assert "1 file names do not match" in loaded.notes[0]


def test_a_card_that_does_not_know_a_folder_says_which(make_folder: Make) -> None:
    with pytest.raises(DataError, match="is 'bb' meant to be 'b'"):
        read(make_folder({"a": 1, "bb": 1}), card())


def test_values_beyond_the_range_of_the_card_are_reported(make_folder: Make) -> None:
    with pytest.raises(DataError, match="card says 0 to 16"):
        read(make_folder({"a": 1, "b": 1}), card(value_range=[0, 16]))


def test_synthetic_pictures_of_an_earlier_run_are_never_read_as_real(make_folder: Make) -> None:
    folder = make_folder({"train/a": 2, "train/b": 2})
    (folder / "metadata.csv").write_text(
        "file_name,source\ntrain/a/p00.png,real\ntrain/a/p01.png,synthetic\n", encoding="utf-8"
    )
    loaded = load(str(folder))
    assert loaded.parts["train"].counts == {"a": 1, "b": 2}
    assert "synthetic" in reasons(loaded)["train/a/p01.png"]


def test_warnings_of_the_picture_library_do_not_leak(make_folder: Make) -> None:
    folder = make_folder({"a": 1, "b": 1})

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    # 90 million pixels: Pillow warns from 89 million, and this reader's own limit is 100 million.
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 9_500, 9_500, 8, 0, 0, 0, 0))
    (folder / "a/large.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")))
    assert "decompression bomb" not in reasons(load(str(folder)))["a/large.png"]

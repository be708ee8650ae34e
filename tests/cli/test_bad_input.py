"""Bad input through the real command line: one paragraph, exit code 2, nothing half-written."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

RNG = np.random.default_rng(0)


def picture(size: tuple[int, int] = (12, 12), mode: str = "L") -> Image.Image:
    """Return a noisy picture of ``size`` (width, height)."""
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], len(mode))
    return Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8))


def folder(root: Path, counts: dict[str, int]) -> Path:
    for name, n in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(n):
            picture().save(root / name / f"{number:02d}.png")
    root.mkdir(exist_ok=True)
    return root


def npz(root: Path, **arrays: object) -> Path:
    path = root.with_suffix(".npz")
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return path


def file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def of_only_bad_files(root: Path) -> Path:
    folder(root, {"a": 0, "b": 0})
    (root / "a" / "zero.png").touch()
    (root / "b" / "text.png").write_text("no picture")
    return root


X = np.zeros((20, 8, 8), np.uint8)
Y = np.arange(20) % 2
UNUSABLE = {
    "empty folder": (lambda root: folder(root, {}), "is empty; pictures lie in class folders"),
    "pictures without classes": (lambda root: folder(root, {".": 3}), "3 pictures outside class folders"),
    "one class only": (lambda root: folder(root, {"a": 20}), "has one class only (a: 20)"),
    "class of one image": (lambda root: folder(root, {"a": 20, "b": 1}), "'b' has 1 training case"),
    "only bad files": (of_only_bad_files, "no picture in"),
    "missing path": (lambda root: root, "there is no"),
    "a table": (lambda root: file(root.with_suffix(".csv"), b"a,b\n1,2\n"), "is a table"),
    "another file": (lambda root: file(root.with_suffix(".docx"), b"x"), "neither a folder of classes nor"),
    "missing labels": (lambda root: npz(root, train_images=X), "'train_images' without 'train_labels'"),
    "other arrays": (lambda root: npz(root, pixels=X), "needed are train_images and train_labels"),
    "object pictures": (
        lambda root: npz(root, images=np.array([1, "a", None], dtype=object), labels=[0, 1, 0]),
        "never unpickled",
    ),
    "object labels": (lambda root: npz(root, images=X, labels=Y.astype(object)), "never unpickled"),
    "negative labels": (lambda root: npz(root, images=X, labels=Y - 1), "labels count from 0"),
    "labels beyond the classes": (
        lambda root: npz(root, images=X, labels=Y + 1, classes=["a", "b"]),
        "0 to 1 is allowed",
    ),
    "half labels": (lambda root: npz(root, images=X, labels=Y + 0.5), "whole numbers or text"),
    "too few labels": (lambda root: npz(root, images=X, labels=Y[:5]), "one label per sample"),
    "not finite": (
        lambda root: npz(root, images=np.full((20, 8, 8), np.nan), labels=Y),
        "not finite (NaN or infinity)",
    ),
    "text named npz": (
        lambda root: file(root.with_suffix(".npz"), b"text"),
        "its 4 bytes are not those of a whole zip file; copy it again",
    ),
    "empty npz": (lambda root: file(root.with_suffix(".npz"), b""), "the file is empty; copy it again"),
    "cut npz": (
        lambda root: file(npz(root, images=X, labels=Y), root.with_suffix(".npz").read_bytes()[:900]),
        "not those of a whole zip file",
    ),
}
INSPECTED = {"one class only", "class of one image"}  # inspect shows these, and the blocker


def one_paragraph(ended: object) -> str:
    """Return the message, after checking that it is one paragraph without a traceback."""
    code, out, err = ended.code, ended.out, ended.err
    assert (code, out) == (2, ""), err
    told = [line for line in err.splitlines() if not re.match(r"(reading|looking|load):? ", line)]
    assert len(told) == 1, err
    assert told[0].startswith("augmentor: ")
    assert "Traceback" not in err
    assert "allow_pickle" not in err
    return told[0]


@pytest.mark.parametrize("name", UNUSABLE)
def test_data_that_cannot_be_used(command, tmp_path, name):
    make, words = UNUSABLE[name]
    data = make(tmp_path / "set")
    out = tmp_path / "runs"
    told = one_paragraph(command("run", "default", "--data", str(data), "--out", str(out), "--no-prefect"))
    assert words in told
    left = [path.relative_to(out) for path in out.rglob("*") if path.is_file()]
    assert [path for path in left if path.suffix not in {".jsonl", ".lock"}] == []
    assert not list(out.glob("default*"))
    inspected = command("inspect", str(data))
    if name in INSPECTED:
        assert inspected.code == 0
        assert words in inspected.out.split("blockers:")[1]
        assert inspected.out.endswith("a run would stop before training\n")
    else:
        assert words in one_paragraph(inspected)


def test_a_few_bad_files_and_mixed_pictures_do_not_stop_anything(command, tmp_path):
    data = folder(tmp_path / "set", {"a": 20, "b": 20})
    picture((40, 30), "RGB").save(data / "a" / "colour.jpg")
    picture((20, 50), "RGBA").save(data / "a" / "clear.png")
    picture().convert("P").save(data / "b" / "palette.png")
    picture().convert("1").save(data / "b" / "bits.bmp")
    Image.fromarray(RNG.integers(0, 65536, (9, 9), dtype=np.uint16)).save(data / "b" / "deep.tif")
    picture((60, 60), "RGB").save(data / "b" / "cut.jpg")
    whole = (data / "b" / "cut.jpg").read_bytes()
    (data / "b" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (data / "a" / "zero.png").touch()
    (data / "a" / "text.png").write_text("no picture")
    ended = command("inspect", str(data))
    assert ended.code == 0
    assert "45 images, 2 classes" in ended.out
    assert "3 files cannot be used:" in ended.out
    for line in (
        "a/zero.png: the file is empty",
        "a/text.png: the content is no PNG",
        "b/cut.jpg: the file is",
    ):
        assert line in ended.out
    assert "5 sizes, from 9 x 9 to 60 x 60 pixels; all were brought to 12 x 12" in ended.out
    assert "run sees  3 x 12 x 12 uint16" in ended.out
    assert ended.out.endswith("a run can start\n")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("evaluation.seds", "did you mean 'seeds'?"),
        ("trainin", "did you mean 'training'?"),
        ("image.qqq", "known keys: "),
        ("scarcity.per_clas", "did you mean 'per_class'?"),
    ],
)
@pytest.mark.parametrize("how", ["file", "set"])
def test_an_unknown_key(command, tmp_path, key, words, how):
    recipe, assignments = tmp_path / "mine.yaml", [f"{key}=3"]
    recipe.write_text("dataset: digits\n")
    if how == "file":
        outer, _, inner = key.partition(".")
        recipe.write_text(yaml.safe_dump({"dataset": "digits", outer: {inner: 3} if inner else 3}))
        assignments = []
    sets = ["--set", *assignments] if assignments else []
    told = one_paragraph(command("run", str(recipe), "--out", str(tmp_path / "runs"), "--no-prefect", *sets))
    assert f"unknown key {key!r}" in told
    assert words in told
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digitz"], "did you mean 'digits'?"),
        (["none.yaml"], "there is no recipe file none.yaml"),
        (["default"], "say which with --data PATH"),
        (["digits", "--data", "nowhere"], "--data nowhere: there is no such file or folder"),
        (["digits", "--set", "evaluation.seeds=many"], "'evaluation.seeds'"),
        (["digits", "--set", "evaluation.seeds.first=1", "evaluation.seeds=2", "training=[1]"], "'training'"),
        (["digits", "--set", "dataset=digitz"], "Did you mean digits?"),
        (["digits", "--set", "dataset=chestmnist"], "one label an image"),
        (["digits", "--set", "scarcity.per_class={zero: 3}"], "zero"),
    ],
)
def test_a_recipe_that_cannot_be_used(command, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in one_paragraph(command("run", *arguments, "--no-prefect"))


def test_no_space_to_write(command, tmp_path, tiny_images, tiny_recipe, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("augmentor.run.steps.load.write_samples", full)
    out = tmp_path / "runs"
    words = ("run", str(tiny_recipe), "--data", str(tiny_images), "--out", str(out), "--no-prefect")
    told = one_paragraph(command(*words))
    assert "no space left while writing" in told
    assert "choose another folder with --out" in told
    assert not list(out.glob(".cache/load/*/done.json"))
    assert not (out / "tiny").exists()


@pytest.mark.parametrize("kind", ["file", "below a file"])
def test_an_out_that_is_no_folder(command, tmp_path, tiny_images, tiny_recipe, kind):
    (tmp_path / "taken").write_text("mine")
    out = tmp_path / "taken" / ("runs" if kind == "below a file" else "")
    words = ("run", str(tiny_recipe), "--data", str(tiny_images), "--out", str(out), "--no-prefect")
    told = one_paragraph(command(*words))
    assert "cannot write" in told
    assert "--out" in told
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_an_out_that_may_not_be_written(command, tmp_path, tiny_images, tiny_recipe, monkeypatch, number):
    out, mkdir = tmp_path / "runs", os.mkdir

    def refusing(path, *options, **named):  # root may write everywhere, so a real one proves nothing
        if Path(path).is_relative_to(out):
            raise OSError(number, os.strerror(number), str(path))
        mkdir(path, *options, **named)

    monkeypatch.setattr(os, "mkdir", refusing)
    words = ("run", str(tiny_recipe), "--data", str(tiny_images), "--out", str(out), "--no-prefect")
    told = one_paragraph(command(*words))
    assert os.strerror(number) in told
    assert "choose a folder you may write to with --out" in told
    assert not out.exists()

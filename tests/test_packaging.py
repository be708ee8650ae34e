"""The package list agrees with the tree, and the wheel carries the shipped folders."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("pipelines", "datasets", "reports")


@pytest.fixture(scope="module")
def setuptools_table() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def shipped_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_the_package_list_is_the_tree(setuptools_table):
    listed = {name for name in setuptools_table["packages"] if "_shipped" not in name}
    there = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "augmentor").rglob("__init__.py")
    }
    assert listed == there
    rooms = {name.rpartition(".")[2] for name in setuptools_table["packages"] if "_shipped" in name}
    assert rooms == set(ROOMS)
    for name, folder in setuptools_table["package-dir"].items():
        assert (ROOT / folder).is_dir(), name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build a wheel from a copy of what is tracked or new, so that no build folder is left in the tree."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("augmentor", *ROOMS, "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-index"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(source)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_carries_every_shipped_file_and_module(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    assert {f"augmentor/_shipped/{name}" for name in shipped_files()} <= names
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "augmentor").rglob("*.py")}
    assert modules <= names
    assert "augmentor/py.typed" in names
    outside = {name for name in names if not name.startswith("augmentor/") and ".dist-info/" not in name}
    assert outside == set()


@pytest.mark.slow
def test_an_unpacked_wheel_finds_its_recipes_cards_and_templates(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "from augmentor.core.shipped import shipped\n"
        "from augmentor.data.cards import card_names\n"
        "from augmentor.run.recipe import list_recipes, load_recipe\n"
        f"for room in {ROOMS!r}: print(shipped(room))\n"
        "print(*[name for name, _ in list_recipes()])\n"
        "print(*card_names())\n"
        "load_recipe('digits')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    *rooms, recipes, cards = done.stdout.splitlines()
    assert rooms == [str(tmp_path / "site" / "augmentor" / "_shipped" / room) for room in ROOMS]
    assert recipes.split() == sorted(path.stem for path in (ROOT / "pipelines").glob("*.yaml"))
    assert cards.split() == sorted(path.stem for path in (ROOT / "datasets").glob("*.yaml"))


@pytest.mark.slow
def test_the_wheels_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (place,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = archive.read(place).decode()
        (entry,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "augmentor = augmentor.cli.app:main" in archive.read(entry).decode()
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata

"""The package's own rules: size of files and functions, and imports that only point downwards."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "augmentor"
FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 8
IMPORTS = re.compile(r"^ *from (augmentor[\w.]*) import (?:([\w, ]+)$|\(([\w,\s]+)\))", re.MULTILINE)
DOTTED = re.compile(r"(?<![\w/.-])augmentor(?:\.\w+)+")


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT).as_posix()}:{node.name}", node


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    doc = ast.get_docstring(node)
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    named = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    return len([argument for argument in named if argument.arg not in {"self", "cls"}])


@lru_cache
def names_of(module: str) -> frozenset[str]:
    """Return the names that a module of the package defines or imports, and the modules of a package."""
    path = ROOT / module.replace(".", "/")
    found = {part.stem for part in path.glob("*.py")} | {part.name for part in path.glob("*/")}
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.Name):
            found.add(node.id)
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found)


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("folder", ["augmentor", "benchmarks", "pipelines", "tests"])
def test_references_to_the_package_lead_somewhere(folder: str):
    """Imports in files that no type checker reads, and dotted names in docstrings and pages."""
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md"}]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if folder == "augmentor" else []
    lost = set()
    for path in [*files, *pages]:
        text = path.read_text(encoding="utf-8")
        found = [
            f"{match[1]}.{item.split()[0]}"
            for match in IMPORTS.finditer(text)
            for item in (match[2] or match[3]).split(",")
            if item.strip()
        ]
        for name in {*found, *DOTTED.findall(text)}:
            module, rest = name, ""
            while not is_module(module):
                module, _, rest = module.rpartition(".")
            if rest and not rest.startswith("__") and rest not in names_of(module):
                lost.add((str(path.relative_to(ROOT)), name))
    assert lost == set()


def test_no_file_is_longer_than_400_lines():
    counts = {path: path.read_text(encoding="utf-8").count("\n") for path in PACKAGE.rglob("*.py")}
    assert {str(path): n for path, n in counts.items() if n > FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines_without_its_docstring():
    assert {name for name, node in functions() if lines(node) > FUNCTION_LINES} == set()


def test_no_function_takes_more_than_8_parameters():
    assert {name for name, node in functions() if parameters(node) > PARAMETERS} == set()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Return a folder with a copy of the package and of the rules on its imports."""
    shutil.copytree(PACKAGE, tmp_path / "augmentor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def imports_refused(folder: Path) -> str:
    """Return what import-linter says of the package in ``folder`` where it refuses it, else nothing."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        (
            "core/seeds.py",
            "from augmentor.run.recipe import Recipe",
            "augmentor.core is not allowed to import",
        ),
        (
            "core/files.py",
            "if TYPE_CHECKING:\n    from augmentor.core.samples import Samples",
            "No cycles are allowed in augmentor.core",
        ),
    ],
    ids=["upward", "circle of types"],
)
def test_a_planted_import_is_refused(copied: Path, file: str, line: str, named: str):
    path = copied / "augmentor" / file
    path.write_text(path.read_text(encoding="utf-8") + f"\n\n{line}\n", encoding="utf-8")
    assert named in imports_refused(copied)

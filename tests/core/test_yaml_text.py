"""YAML that was written to do harm, or is misread: each ends in a sentence, at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from augmentor.core.errors import ConfigError
from augmentor.core.spec import override, parse, read_yaml
from augmentor.core.yaml_text import MOST_BYTES, MOST_DEPTH, MOST_NODES, load_yaml
from augmentor.data.cards import Card


def bomb(levels: int, repeats: int = 9) -> str:
    lines = ["a0: &a0 [x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * repeats)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (bomb(20), "counted with what aliases repeat"),
        ("a: &a [*a]", "'a' repeats itself"),
        ("a: &a {b: *a}", "'a' repeats itself"),
        ("[" * (MOST_DEPTH + 1), "nested more than"),
        ("{a: " * (MOST_DEPTH + 1), "nested more than"),
        ("- " * (MOST_DEPTH + 1) + "x", "nested more than"),
        ("a: " + "9" * 5000, "cannot be read"),
        ("a: 2024-99-99", "cannot be read"),
        ("? [a, b]\n: c", "a key is a single word|cannot be read"),
        ("a: 1\n" + "#" * MOST_BYTES, "characters"),
        ("[" + "1," * (MOST_NODES + 1) + "]", "more than"),
        ("a: 1\na: 2", "the key 'a' is there twice"),
    ],
)
def test_harmful_yaml_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_yaml(text)


def test_anchors_that_people_use_are_read() -> None:
    value = load_yaml("base: &b {x: 1}\nlist: [*b, *b]")
    assert value == {"base": {"x": 1}, "list": [{"x": 1}] * 2}


def test_settings_of_the_command_line_are_bounded_too() -> None:
    with pytest.raises(ConfigError, match=r"--set a: .* nested more than"):
        override({}, ["a=" + "[" * 100])


def test_a_pipe_is_no_recipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "r.yaml")
    with pytest.raises(ConfigError, match="no regular file"):
        read_yaml(tmp_path / "r.yaml")


@pytest.mark.parametrize(("word", "read"), [("yes", "True"), ("off", "False"), ("null", "None")])
def test_words_that_yaml_does_not_read_as_text_are_explained(word: str, read: str) -> None:
    values = load_yaml(f"name: c\ntitle: C\nkind: folder\nclasses: [{word}, maybe]")
    with pytest.raises(ConfigError, match=rf"'classes.0': YAML reads this word as {read} .*in quotes"):
        parse(Card, values, "the card")

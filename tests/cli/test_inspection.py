from __future__ import annotations

import io
import re
import sys
import types

import pytest

from augmentor.cli.inspection import show
from augmentor.data import card_draft, inspection_text
from augmentor.run import outlook


@pytest.fixture
def inspecting(monkeypatch):
    seen = []
    module = types.ModuleType("augmentor.data.inspect")

    def inspect(target, *, data, image, reading, progress):
        seen.append((target, data))
        print("a reader chatters")
        progress.log("looking for duplicates")
        return types.SimpleNamespace()

    module.inspect = inspect
    monkeypatch.setitem(sys.modules, "augmentor.data.inspect", module)
    monkeypatch.setattr(card_draft, "draft_card", lambda found, *, data, beside: "name: drafted\n")
    monkeypatch.setattr(outlook, "outlook", lambda found: ["With 3 test cases it can see nothing."])
    monkeypatch.setattr(
        inspection_text, "inspection_lines", lambda found, ahead: ["classes", *ahead, "", "  a\x1b[31m  3"]
    )
    return seen


def test_inspection_is_printed_to_stdout_without_control_characters(command, inspecting, tmp_path):
    ended = command("inspect", "photos", "--data", str(tmp_path))
    assert (ended.code, ended.out) == (
        0,
        "classes\nWith 3 test cases it can see nothing.\n\n  a\\x1b[31m  3\n",
    )
    assert ended.err == "a reader chatters\nlooking for duplicates\ntiming a few steps\n"
    assert inspecting == [("photos", tmp_path)]


def test_a_card_is_drafted_and_never_replaced_by_accident(command, inspecting, tmp_path):
    card = tmp_path / "cards" / "mine.yaml"
    ended = command("inspect", "photos", "--write-card", str(card))
    assert ended.code == 0
    assert card.read_text() == "name: drafted\n"
    assert f"augmentor run default --data {card}" in ended.err
    card.write_text("name: mine\n")
    again = command("inspect", "photos", "--write-card", str(card))
    assert (again.code, again.out) == (2, "")
    assert "--force" in again.err
    assert card.read_text() == "name: mine\n"
    assert command("inspect", "photos", "--write-card", str(card), "--force").code == 0
    assert card.read_text() == "name: drafted\n"


def test_a_terminal_gets_the_same_words_in_colour(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines = [
        "x: 3 pictures",
        "class  all",
        "[a]      3",
        "  more",
        "",
        "warnings:",
        "  - a first warning that is longer than the sixty signs of this terminal",
        "",
        "blockers:",
        "  - second \x1b[2J",
        "",
        "a run would stop before training",
    ]
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", screen)
    show(lines)
    drawn = screen.getvalue()
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in drawn.splitlines()]
    expected = [line.replace("\x1b", r"\x1b") for line in lines]
    expected[6:7] = ["  - a first warning that is longer than the sixty signs of", "    this terminal"]
    assert plain == expected
    assert "\x1b[33ma first" in drawn
    assert "\x1b[31msecond" in drawn
    assert "\x1b[1;31ma run would stop" in drawn


def test_the_shipped_digits_through_the_real_rooms(command):
    ended = command("inspect", "digits")
    assert ended.code == 0
    assert "1797 images, 10 classes" in ended.out
    assert ended.out.rstrip().endswith("a run can start")

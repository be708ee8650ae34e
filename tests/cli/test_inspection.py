from __future__ import annotations

import sys
import types

import pytest


@pytest.fixture
def inspecting(monkeypatch):
    seen = []
    module = types.ModuleType("augmentor.data.inspect")

    def inspect(target, *, data=None):
        seen.append((target, data))
        print("a reader chatters")
        return types.SimpleNamespace(to_lines=lambda: ["classes", "  a\x1b[31m  3"])

    module.inspect = inspect
    module.draft_card = lambda found: "name: drafted\n"
    monkeypatch.setitem(sys.modules, "augmentor.data.inspect", module)
    return seen


def test_inspection_is_printed_to_stdout_without_control_characters(command, inspecting):
    ended = command("inspect", "photos")
    assert (ended.code, ended.out) == (0, "classes\n  a\\x1b[31m  3\n")
    assert "a reader chatters" in ended.err
    assert inspecting == [("photos", None)]


def test_a_card_is_drafted_and_never_replaced_by_accident(command, inspecting, tmp_path):
    card = tmp_path / "cards" / "mine.yaml"
    ended = command("inspect", "photos", "--write-card", str(card))
    assert ended.code == 0
    assert card.read_text() == "name: drafted\n"
    assert str(card) in ended.err
    card.write_text("name: mine\n")
    again = command("inspect", "photos", "--write-card", str(card))
    assert (again.code, again.out) == (2, "")
    assert "--force" in again.err
    assert card.read_text() == "name: mine\n"
    assert command("inspect", "photos", "--write-card", str(card), "--force").code == 0
    assert card.read_text() == "name: drafted\n"

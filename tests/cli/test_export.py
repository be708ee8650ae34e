"""`augmentor export`: what it passes on, and what it refuses."""

from __future__ import annotations

import sys
import types

from augmentor.core.errors import ConfigError


def test_options_are_passed_on_and_the_folder_is_the_last_line(command, monkeypatch, tmp_path):
    calls = []

    def export_run(*given):
        calls.append(given)
        return given[2]

    monkeypatch.setitem(sys.modules, "augmentor.run.exports", types.SimpleNamespace(export_run=export_run))
    out = tmp_path / "out"
    options = ["--set", "spacing=[1,1]", "window=[0,9]"]
    ended = command("export", str(tmp_path), "--format", "dicom", "--out", str(out), *options)
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == str(out)
    assert calls == [(tmp_path, "dicom", out, ["spacing=[1,1]", "window=[0,9]"])]


def test_a_refusal_is_one_paragraph_and_code_2(command, monkeypatch, tmp_path):
    def export_run(*given):
        raise ConfigError("there is no format 'tiff'; there are folders, huggingface")

    monkeypatch.setitem(sys.modules, "augmentor.run.exports", types.SimpleNamespace(export_run=export_run))
    ended = command("export", str(tmp_path), "--format", "tiff", "--out", str(tmp_path / "out"))
    assert (ended.code, ended.out) == (2, "")
    assert "there is no format 'tiff'" in ended.err

"""The command that judges synthetic samples made elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from augmentor.core.errors import LeakError, SuppliedLeakError


def test_it_prints_verdict_and_folder_like_a_run(command, rooms, tmp_path):
    ended = command("evaluate", "--real", "digits", "--synthetic", "made/")
    assert ended.code == 0
    assert ended.out.splitlines() == ["The verdict, on one line.", str(tmp_path / "runs" / "fake" / "1")]
    assert "a library chatters on stdout" in ended.err
    assert "Reused from an earlier run: load, train." in ended.err
    assert "report.html" in ended.err
    assert rooms.last("evaluate_with_prefect") == {
        "real": "digits",
        "synthetic": Path("made"),
        "recipe": "default",
        "assignments": [],
        "out": Path("runs"),
        "device": "auto",
        "progress": None,
    }


def test_it_passes_every_option_on(command, rooms, tmp_path):
    ended = command(
        *(
            "evaluate",
            "--synthetic",
            "a.npz",
            "--set",
            "a=1",
            "b.c=[2]",
            "--real",
            "photos",
            "--recipe",
            "my.yaml",
        ),
        *("--out", str(tmp_path), "--device", "cpu"),
    )
    assert ended.code == 0
    asked = rooms.last("evaluate_with_prefect")
    assert (asked["real"], asked["synthetic"], asked["recipe"]) == ("photos", Path("a.npz"), "my.yaml")
    assert (asked["assignments"], asked["out"], asked["device"]) == (["a=1", "b.c=[2]"], tmp_path, "cpu")


def test_without_prefect_it_works_in_this_process(command, rooms):
    assert command("evaluate", "--real", "digits", "--synthetic", "made/", "--no-prefect").code == 0
    assert rooms.last("evaluate_foreign")["synthetic"] == Path("made")
    assert "evaluate_with_prefect" not in {name for name, _ in rooms.calls}


@pytest.mark.parametrize("given", [["--real", "digits"], ["--synthetic", "made"]])
def test_both_sides_are_needed(command, rooms, given):
    ended = command("evaluate", *given)
    assert ended.code == 2
    assert ended.out == ""
    assert "--synthetic" in ended.err or "--real" in ended.err


@pytest.mark.parametrize(("error", "code"), [(SuppliedLeakError("2 images leak"), 2), (LeakError("ours"), 1)])
def test_a_leak_in_what_was_supplied_is_input_and_one_of_ours_a_fault(command, rooms, error, code):
    def fail(_):
        raise error

    rooms.work = fail
    ended = command("evaluate", "--real", "digits", "--synthetic", "made")
    assert (ended.code, ended.out) == (code, "")
    assert str(error) in ended.err


def test_the_whole_command_refuses_tables_and_wrong_places(command, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    for source, words in (
        ("rows.csv", "is a table; synthetic samples come as"),
        ("nowhere", "there is no file or folder"),
    ):
        ended = command(
            "evaluate",
            "--real",
            "digits",
            "--synthetic",
            str(tmp_path / source),
            "--out",
            str(tmp_path / "runs"),
        )
        assert ended.code == 2
        assert words in ended.err
        assert ended.out == ""
    assert not (tmp_path / "runs").exists()

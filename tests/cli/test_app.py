"""The contract of the command line: arguments, exit codes, and what goes to which stream."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import augmentor
from augmentor.cli.app import guarded
from augmentor.core.errors import ConfigError, TrainingFailed

COMMANDS = ("run", "inspect", "generate", "evaluate", "report", "recipes", "cards")


def raising(error):
    def work(_progress):
        raise error

    return work


def test_run_prints_verdict_and_folder_last_and_nothing_else_to_stdout(command, rooms, tmp_path):
    ended = command("run", "digits")
    assert ended.code == 0
    assert ended.out.splitlines() == ["The verdict, on one line.", str(tmp_path / "runs" / "fake" / "1")]
    assert "a library chatters on stdout" in ended.err
    assert "Reused from an earlier run: load, train." in ended.err
    assert str(tmp_path / "runs" / "fake" / "1" / "report.html") in ended.err


def test_run_keeps_the_output_of_children_off_stdout(command, rooms):
    rooms.work = lambda _: subprocess.run([sys.executable, "-c", "print('a child')"], check=True)
    ended = command("run", "digits")
    assert "a child" not in ended.out
    assert "a child" in ended.err


def test_run_passes_every_option_on(command, rooms, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    words = f"run --set a=1 b.c=[2] my.yaml --data {data} --out {out} --device cpu --set d={{x: 3}}"
    ended = command(*words.split(" ", 12)[:12], "d={x: 3}")
    assert ended.code == 0
    loaded = rooms.last("load_recipe")
    assert loaded == {"name": "my.yaml", "assignments": ["a=1", "b.c=[2]", "d={x: 3}"], "data": data}
    job = rooms.last("run_with_prefect")
    assert (job["out"], job["device"], job["recipe"].name) == (out, "cpu", "my.yaml")


def test_run_defaults(command, rooms):
    command("run", "digits")
    job = rooms.last("run_with_prefect")
    assert (job["out"], job["device"]) == (Path("runs"), "auto")
    assert rooms.last("load_recipe")["data"] is None


def test_a_device_that_is_not_there_is_reported_before_any_work(command, rooms):
    ended = command("run", "digits", "--device", "mps")  # Apple's, and the tests run on Linux
    assert (ended.code, ended.out) == (2, "")
    assert "no mps device" in ended.err
    assert [name for name, _ in rooms.calls] == ["load_recipe"]


def test_no_prefect_runs_in_process(command, rooms):
    assert command("run", "digits", "--no-prefect").code == 0
    assert [name for name, _ in rooms.calls] == ["load_recipe", "run_job"]


def test_progress_is_plain_lines_on_stderr(command, rooms):
    def work(progress):
        progress.start("train", 10)
        progress.log("hello")
        progress.finish("train")

    rooms.work = work
    ended = command("run", "digits")
    assert "train: started, 10 images\nhello\ntrain: done in " in ended.err
    assert "train" not in ended.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", ended.err + ended.out)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("unknown key 'seds'; did you mean 'seeds'?"), 2, "did you mean 'seeds'?"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "no space left"),
        (MemoryError(), 2, "memory"),
        (TrainingFailed("losses stayed infinite"), 1, "losses stayed infinite."),
        (ZeroDivisionError("division by zero"), 1, "ZeroDivisionError: division by zero."),
        (KeyboardInterrupt(), 130, "the same command goes on"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--no-prefect",)])
def test_faults_of_a_run(command, rooms, error, code, words, how):
    rooms.work = raising(error)
    ended = command("run", "digits", *how)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("place", ["option", "environment"])
def test_debug_shows_the_traceback(command, rooms, monkeypatch, place):
    rooms.work = raising(ZeroDivisionError("division by zero"))
    if place == "environment":
        monkeypatch.setenv("AUGMENTOR_DEBUG", "1")
    ended = command("run", "digits", *(["--debug"] if place == "option" else []))
    assert ended.code == 1
    assert "Traceback (most recent call last)" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("rum digits", "run"),
        ("run", "RECIPE"),
        ("run digits --devise cpu", "--device"),
        ("run digits --device gpu", '"auto", "cpu", "cuda", "mps"'),
        ("run digits --set", "--set"),
        ("run digits more", "'more'"),
        ("run digits --no-prefekt", "--no-prefect"),
        ("inspect", "PATH|CARD"),
        ("report", "RUN"),
        ("generate x --out y", "--count"),
        ("generate x --count a=1", "--out"),
        ("generate x --out y --count a=1 --seed many", "many"),
        ("recipes --all", "--all"),
    ],
)
def test_arguments_that_cannot_be_used(command, arguments, words):
    ended = command(*arguments.split())
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert "--help` says what it takes." in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_generate(command, rooms, finished_run, tmp_path):
    out = tmp_path / "more"
    words = ["generate", str(finished_run), "--count", "a=3", "b c=4", "--out", str(out), "--seed", "7"]
    ended = command(*words, "--device", "cpu")
    assert ended.code == 0
    assert ended.out.splitlines() == [str(out)]
    assert "a: 3 of 4 kept" in ended.err
    assert rooms.last("generate") == {
        "run": finished_run,
        "counts": {"a": 3, "b c": 4},
        "out": out,
        "seed": 7,
        "device": "cpu",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--count": "a=x"}, "whole number"),
        ({"--seed": "-1"}, "at least 0"),
        ({"--out": "."}, "exists already"),
        ({"run": "nowhere"}, "no run folder nowhere"),
        ({"run": "."}, "results.parquet"),
    ],
)
def test_generate_refuses_before_any_work(command, rooms, finished_run, tmp_path, monkeypatch, change, words):
    monkeypatch.chdir(tmp_path)
    asked = {"run": str(finished_run), "--count": "a=1", "--out": "more", "--seed": "0", **change}
    ended = command("generate", asked.pop("run"), *(part for pair in asked.items() for part in pair))
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert rooms.calls == []


def test_report(command, rooms, finished_run):
    ended = command("report", str(finished_run))
    assert (ended.code, ended.out) == (0, f"{finished_run / 'report.html'}\n")


def test_report_of_no_run(command):
    ended = command("report", "nowhere")
    assert (ended.code, ended.out) == (2, "")
    assert "no run folder nowhere" in ended.err


def test_lists_have_one_line_each(command, rooms):
    assert command("recipes").out == "default  Any data.\ndigits\n"
    assert command("cards").out == (
        "digits      Handwritten digits\nchestmnist  X-rays (described only; it cannot be run)\n"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(command, name):
    ended = command(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert f"Usage: augmentor {name}" in ended.out
    if name not in {"recipes", "cards"}:
        assert f"augmentor {name} " in ended.out.split("For example:")[1]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_command(command, arguments):
    ended = command(*arguments)
    assert ended.code == 0
    for name in COMMANDS:
        assert re.search(rf"^\W*{name}\s", ended.out, re.MULTILINE)


def test_version(command):
    assert command("--version").out == f"augmentor {augmentor.__version__}\n"


# From here on: processes of their own.

WAITING = """
import signal, sys, types
from augmentor.cli import app
names = ["augmentor.run.recipe", "augmentor.run.session", "augmentor.run.compose.expand"]
recipe, session, run = (types.ModuleType(name) for name in names)
recipe.load_recipe = lambda *_: None
session.Job = types.SimpleNamespace
def run_job(job):
    print("ready", flush=True)
    signal.pause()
run.run_job = run_job
run.check_ranks = lambda recipe: None
sys.modules |= dict(zip(names, (recipe, session, run)))
app.main(["run", "digits", "--no-prefect"])
"""


def heard() -> None:
    """Undo what a parent may have set: nohup and background jobs start children deaf to these."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stop_from_outside_says_that_the_state_is_kept(number, code):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard,
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate()
    finally:
        watchdog.cancel()
        process.kill()
    assert process.returncode == code
    assert out == ""
    assert err.startswith("Interrupted (")
    assert "the same command goes on where this one stopped." in err
    assert "Traceback" not in err


def test_a_hangup_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    seen = []
    try:
        assert guarded(lambda: seen.append(signal.getsignal(signal.SIGHUP))) == 0
        assert seen == [signal.SIG_IGN]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys\n"
        "from augmentor.cli.app import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'prefect', 'pandas', 'numpy', 'pydantic', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["augmentor", "augmentor.cli"])
def test_the_package_runs_as_a_module(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"augmentor {augmentor.__version__}\n")


def test_a_reader_that_leaves_early_is_no_fault():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "augmentor", "--version"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_run_through_the_real_program(program, tmp_path):
    done = program("report", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("augmentor: there is no run folder nowhere;")


def test_an_encoding_without_the_characters_is_no_fault(program, tmp_path):
    done = program("report", "niño☃", cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert "ni?o?" in done.stderr

"""Guarded runs end to end, the index of runs, and its page."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from augmentor.core.errors import ConfigError, DataError
from augmentor.core.progress import Silent
from augmentor.report.index import Entry, render_index
from augmentor.run.compose.expand import expansion, run_job
from augmentor.run.outcome import NotPublished, Outcome
from augmentor.run.recipe import load_recipe
from augmentor.run.runs import list_runs
from augmentor.run.session import Job, begin
from augmentor.store.log import KEPT_LOGS, RunLog, forget_old_logs


@pytest.fixture(scope="module")
def history(
    tiny_recipe: Path, tiny_images: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Outcome]]:
    """A good run, one that breaks two rails, and one that failed; most steps are shared."""
    out = tmp_path_factory.mktemp("history")
    good = run_job(Job(load_recipe(str(tiny_recipe), ["guard.minimum_gain=-1"], data=tiny_images), out))
    rails = ["guard.minimum_gain=0.9", "guard.maximum_copy_rate=0", "guard.minimum_coverage=1"]
    with pytest.raises(NotPublished) as broken:
        run_job(Job(load_recipe(str(tiny_recipe), rails, data=tiny_images), out))
    empty = out.parent / f"{out.name}-empty"
    (empty / "only").mkdir(parents=True)
    with pytest.raises(DataError):
        run_job(Job(load_recipe(str(tiny_recipe), data=empty), out))
    assert "guard.minimum_gain" in broken.value.reasons[0]
    return out, [good, broken.value.outcome]


@pytest.mark.slow
def test_a_broken_rail_keeps_the_outputs_and_what_was_published(history: tuple[Path, list[Outcome]]) -> None:
    out, (good, broken) = history
    assert good.folder != broken.folder
    assert (out / "tiny" / "published").resolve() == (good.folder / "expanded").resolve()
    state = json.loads((broken.folder / "state.json").read_text())
    assert state["good"] is False
    assert any("guard.minimum_gain 0.9" in reason for reason in state["reasons"])
    assert (broken.folder / "expanded").is_dir()
    assert "This dataset is not published" in (broken.folder / "report.html").read_text(encoding="utf-8")
    manifest = json.loads((broken.folder / "manifest.json").read_text())
    assert "state.json" in manifest["outputs"]
    assert "not published" not in (good.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_guard_changes_no_step_and_no_digest(
    history: tuple[Path, list[Outcome]], tiny_recipe: Path, tiny_images: Path
) -> None:
    _, (good, broken) = history
    assert broken.reused == ("load", "judge", "train", "sample", "filter", "measure", "evaluate")
    plain = load_recipe(str(tiny_recipe), data=tiny_images)
    guarded = load_recipe(str(tiny_recipe), ["guard.minimum_gain=0.9", "keep_runs=3"], data=tiny_images)
    assert plain.digest == guarded.digest
    assert (good.folder / "results.parquet").read_bytes() == (broken.folder / "results.parquet").read_bytes()


@pytest.mark.slow
def test_the_index_lists_every_run(history: tuple[Path, list[Outcome]]) -> None:
    out, (good, broken) = history
    by_state = {entry.state: entry for entry in list_runs(out)}
    entries = [by_state.pop(state) for state in ("published", "not published", "failed")]
    assert not by_state
    assert [entry.folder for entry in entries] == [str(good.folder), str(broken.folder), ""]
    summary = json.loads((good.folder / "summary.json").read_text())
    assert entries[0].gain == summary["verdict"]["delta"]
    assert list(entries[0].interval or ()) == summary["verdict"]["ci"]
    assert entries[0].word == summary["verdict"]["word"]
    assert entries[0].copy_rate == summary["copies"]["overall"]["copy_rate"]["synthetic"]
    assert entries[0].seconds is not None
    assert "class folder" in entries[2].reason
    assert all(entry.recipe == "tiny" for entry in entries)


@pytest.mark.slow
def test_the_command_reports_a_broken_rail_and_exits_with_3(
    history: tuple[Path, list[Outcome]], tiny_recipe: Path, tiny_images: Path, command: Any
) -> None:
    out, _ = history
    asked = ["run", str(tiny_recipe), "--data", str(tiny_images), "--out", str(out), "--no-prefect"]
    done = command(*asked, "--set", "guard.minimum_gain=0.9")
    assert done.code == 3, done.err
    assert "Traceback" not in done.err
    assert "traceback" not in done.err
    assert "not published: the gain" in done.err.strip().splitlines()[-1]
    run = Path(done.out.strip().splitlines()[-1])
    assert run.parent == out / "tiny"
    listed = command("runs", "--out", str(out), "--html", str(out / "runs.html"))
    assert listed.code == 0
    lines = listed.out.splitlines()
    assert lines[0].split()[:4] == ["RECIPE", "WHEN", "(UTC)", "STATE"]
    assert [line for line in lines if "not published" in line]
    assert lines[-1] == str(out / "runs.html")
    assert "<h2>tiny</h2>" in (out / "runs.html").read_text(encoding="utf-8")


def test_a_running_and_a_killed_run_are_distinguished(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(str(tiny_recipe), data=tiny_images)
    session = begin(Job(recipe, tmp_path), expansion(recipe))
    assert [entry.state for entry in list_runs(tmp_path)] == ["running"]
    session.log.close()  # what the kernel does when a process is killed
    (entry,) = list_runs(tmp_path)
    assert entry.state == "stopped"
    assert "goes on where it stopped" in entry.reason


def test_an_interrupted_run_is_listed_as_interrupted(
    tiny_recipe: Path, tiny_images: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(str(tiny_recipe), data=tiny_images)
    session = begin(Job(recipe, tmp_path), expansion(recipe))
    with pytest.raises(KeyboardInterrupt), session.recorded():
        raise KeyboardInterrupt
    assert [entry.state for entry in list_runs(tmp_path)] == ["interrupted"]


def test_a_damaged_run_is_listed_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "r" / "20260101-020304").mkdir(parents=True)
    (tmp_path / "r" / "20260101-020304" / "summary.json").write_text("{")
    (entry,) = list_runs(tmp_path)
    assert (entry.state, entry.when) == ("damaged", "2026-01-01 02:03:04")


def test_no_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        list_runs(tmp_path / "none")


def test_old_logs_are_removed_but_not_those_of_other_recipes_or_of_running_runs(tmp_path: Path) -> None:
    names = [f"a-20260101-000000-{n:03d}.jsonl" for n in range(KEPT_LOGS + 3)]
    other = "a-b-20250101-000000-1.jsonl"
    for name in [*names[1:], other]:
        (tmp_path / name).write_text("")
    running = RunLog(tmp_path / names[0], Silent())
    forget_old_logs(tmp_path, "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([names[0], *names[3:], other])
    running.close()


class Page(HTMLParser):
    """Tags and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def entries(recipe: str, count: int) -> list[Entry]:
    return [
        Entry(
            recipe=recipe,
            when=f"2026-01-{day + 1:02d} 02:00:00",
            state="finished",
            word="helps",
            metric="balanced_accuracy",
            gain=0.01 * day,
            interval=(0.01 * day - 0.02, 0.01 * day + 0.02),
            coverage=0.5,
            copy_rate=None if day == 1 else 0.1,
            diversity=0.9,
            seconds=60.0,
            folder=f"runs/{recipe}/{day}",
        )
        for day in range(count)
    ]


def test_the_page_draws_every_recipe_and_loads_nothing() -> None:
    hostile = "<script>alert(1)</script>"
    failed = Entry(recipe="b", when="2026-02-01 02:00:00", state="failed", reason=hostile)
    text = render_index([*entries("a", 4), *entries("b", 1), failed])
    page = Page(text)
    names = [tag for tag, _ in page.tags]
    assert "script" not in names
    assert hostile in "".join(page.words)
    assert names.count("figure") == 8
    # Four runs with gain and interval, coverage and diversity of each; one copy rate is missing.
    first = text[text.index('id="fig-a-gain"') : text.index('id="fig-b-gain"')]
    assert first.count("<path") == 4 + 4 + 3 + 4
    assert not [attrs for _, attrs in page.tags for key in ("src", "action") if key in attrs]
    links = [str(attrs["href"]) for _, attrs in page.tags if "href" in attrs]
    assert all(link.startswith(("#", "data:,")) for link in links)
    ids = [str(attrs["id"]) for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_the_page_says_what_the_newest_run_changed() -> None:
    before = entries("a", 1)[0]
    after = replace(before, when="2026-01-02 02:00:00", gain=-0.015, coverage=0.25, copy_rate=None)
    told = "".join(Page(render_index([before, after])).words)
    wanted = "gain −1.5 points, coverage −0.250, lowest diversity +0.000"  # noqa: RUF001 - the minus sign is meant
    assert f"Against the run before it (2026-01-01 02:00:00): {wanted}." in told
    assert "Run folders are in runs/a." in told
    assert "Against the run" not in "".join(Page(render_index([before])).words)


def test_a_page_without_runs_names_the_command_that_makes_one() -> None:
    assert "augmentor run RECIPE" in "".join(Page(render_index([])).words)

"""The commands of an operator; importing this adds them to those of a single run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from augmentor.cli.commands import (
    Assignments,
    Device,
    Directory,
    FinishedRun,
    Flag,
    app,
    outcome_of_unpublished,
    print_outcome,
)
from augmentor.cli.console import open_progress
from augmentor.cli.streams import print_notice, print_result, stdout_for_results

__all__ = ["app"]


@app.command(sort_key=20)
def runs(
    *,
    out: Directory = Path("runs"),
    html: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    prune: Flag = False,
) -> None:
    """List the runs under a folder: when, state, verdict, gain and time.

    With --html, also write one self-contained page with the gain and quality of each recipe over
    time; its place is then the last line on stdout. With --prune, first remove the finished steps that
    none of the runs came from, and what interrupted runs left: those start over.

    For example:

    `augmentor runs --html runs.html`

    Args:
        out: The folder that run folders are made in.
        html: The page to write.
        prune: Make room, and say how much; refused while a run is under way.
    """
    from augmentor.report import formats
    from augmentor.run.runs import list_runs, write_index
    from augmentor.store.prune import prune as make_room

    if prune:
        print_notice(make_room(out.expanduser()).message)
    entries = list_runs(out.expanduser())
    if not entries:
        print_notice(f"there is no run in {out} yet; `augmentor run RECIPE --out {out}` makes one")
    rows = [("RECIPE", "WHEN (UTC)", "STATE", "VERDICT", "GAIN (POINTS)", "INTERVAL", "TIME")]
    for entry in entries:
        pair = list(entry.interval) if entry.interval else None
        rows.append(
            (
                entry.recipe,
                entry.when,
                entry.state,
                entry.word or "-",
                formats.points(entry.gain) if entry.measured else "-",
                formats.change(pair) if entry.measured else "-",
                formats.seconds(entry.seconds) if entry.seconds is not None else "-",
            )
        )
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print_result("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for entry in entries:
        if entry.reason:
            print_notice(f"{entry.recipe} {entry.when}: {entry.reason}")
    if html is not None:
        write_index(entries, html.expanduser())
        print_result(str(html))


@app.command(sort_key=6)
def export(
    finished_run: FinishedRun,
    /,
    *,
    format_: Annotated[str, Parameter(name="--format", metavar="NAME")],
    out: Directory,
    assignments: Assignments = None,
) -> None:
    """Write a run's expanded dataset, or its generator, in the form that a library or a hospital takes.

    Of the dataset: folders, huggingface, monai, webdataset, png16, nifti, dicom, croissant; of the generator:
    onnx, monai_bundle. Every synthetic sample is marked as such in each. The last line on stdout is the
    folder.

    For example:

    `augmentor export runs/digits/20260101-120000 --format huggingface --out digits-hf/`

    `augmentor export runs/ct/20260101-120000 --format dicom --out dicom/ --set spacing=[0.7,0.7]`

    Args:
        finished_run: The folder of a finished run.
        format_: The form.
        out: The folder to write, which must not exist yet.
        assignments: Options of the form: samples_per_shard=N, spacing=[mm,mm], window=[low,high].
    """
    with stdout_for_results():
        from augmentor.run.exports import export_run

        place = export_run(finished_run, format_, out.expanduser(), assignments or [])
    print_result(str(place))


Cron = Annotated[str, Parameter(metavar="CRON")]


@Parameter(name="*")
@dataclass(frozen=True)
class Scheduled:
    """What a scheduled recipe works on.

    Args:
        data: Where the data is, for recipes that work on any data or whose data is elsewhere.
        out: The folder that run folders are made in.
        device: What the networks train on; auto takes a GPU where there is one.
        assignments: Change any field of the recipe; takes several.
        if_changed: Stop a run at once when neither the source data nor the recipe has changed.
        name: The deployment's name; the recipe's by default.
    """

    data: Path | None = None
    out: Directory = Path("runs")
    device: Device = "auto"
    assignments: Assignments = None
    if_changed: Flag = False
    name: str | None = None

    def parameters(self, recipe: str) -> tuple[str, dict[str, object]]:
        """Check the recipe, and return the deployment's name and the flow's parameters."""
        from augmentor.run.recipe import load_recipe

        data = None if self.data is None else self.data.expanduser().resolve()
        chosen = load_recipe(recipe, self.assignments or [], data)
        return self.name or chosen.name, {
            "recipe": chosen.written,
            "out": str(self.out.expanduser().resolve()),
            "device": self.device,
        }


DEFAULT = Scheduled()


@app.command(sort_key=21)
def serve(
    recipe: str,
    /,
    *,
    cron: Cron = "0 2 * * *",
    options: Scheduled = DEFAULT,
    port: int = 4200,
) -> None:
    """Run a recipe on a schedule on this machine, with no set-up, until Ctrl-C.

    Without a configured Prefect server (PREFECT_API_URL) one is started on 127.0.0.1; its pages
    show every run with its progress, log, verdict and report.

    For example:

    `augmentor serve default --data photos/ --cron "0 2 * * *" --if-changed`

    Args:
        recipe: A shipped recipe or the path of a YAML file.
        cron: When it runs, in UTC: minute, hour, day, month, weekday.
        options: What it works on.
        port: Of the Prefect server that is started where none is configured.
    """
    with open_progress() as progress:
        name, parameters = options.parameters(recipe)
        from augmentor.tasks import operate

        operate.serve(name, parameters, cron, if_changed=options.if_changed, port=port, progress=progress)


@app.command(sort_key=22)
def deploy(
    recipe: str,
    /,
    *,
    pool: str = "augmentor",
    cron: Annotated[str | None, Parameter(metavar="CRON")] = None,
    options: Scheduled = DEFAULT,
) -> None:
    """Put a recipe on a Prefect work pool, for workers started with `prefect worker start`.

    Needs a Prefect server, named by PREFECT_API_URL. The pool is made where it is missing, for one
    run at a time. Paths are those of the worker's machine. The last line on stdout is the deployment's
    full name.

    For example:

    `augmentor deploy digits --pool augmentor --cron "0 2 * * *"`

    Args:
        recipe: A shipped recipe or the path of a YAML file.
        pool: The work pool.
        cron: When it runs, in UTC; without it, only on request.
        options: What it works on.
    """
    with stdout_for_results():
        name, parameters = options.parameters(recipe)
        from augmentor.tasks import operate

        full = operate.deploy(name, parameters, cron, if_changed=options.if_changed, pool=pool)
    print_notice(f"Start a worker with: prefect worker start --pool {pool}")
    print_result(full)


@app.command(sort_key=23)
def sweep(
    recipe: str,
    /,
    *,
    grid: Annotated[list[str] | None, Parameter(name="--grid", negative="", metavar="KEY=[V,V]")] = None,
    plan: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    data: Path | None = None,
    out: Directory = Path("runs"),
    device: Device = "auto",
    assignments: Assignments = None,
    no_prefect: Flag = False,
) -> None:
    """Try many settings of a recipe, choose on the validation part, and run the best one.

    Every member trains a generator and is scored on the validation part at each of the recipe's
    evaluation.mixing.shares; steps that members have in common are done once. Only the best one is scored
    on the test part. The last two lines on stdout are its verdict and its run folder, where sweep.md lists
    all members, failures included. The same command goes on after an interruption.

    For example:

    `augmentor sweep digits --grid training.images=[50000,100000] synthesizer.mode_seeking=[0,0.1]`

    Args:
        recipe: A shipped recipe or the path of a YAML file.
        grid: A key and its values, every one combined with those of the other keys; takes several.
        plan: A YAML file with `grid: {KEY: [V, V]}`, `members: [{KEY: V}, ...]`, or both.
        data: Where the data lies, for recipes that work on any data or whose data is elsewhere.
        out: The folder that run folders are made in.
        device: What the networks train on; auto takes a GPU where there is one.
        assignments: Change any field of the recipe for all members; takes several.
        no_prefect: Run in this process without Prefect; the result is the same.
    """
    with outcome_of_unpublished(), open_progress() as progress, stdout_for_results():
        from augmentor.run.compose.sweep import read_plan, run_sweep
        from augmentor.run.recipe import load_recipe
        from augmentor.run.session import Job

        job = Job(load_recipe(recipe, assignments or [], data), out.expanduser(), device, progress)
        wanted = read_plan(plan, grid or [])
        if no_prefect:
            outcome = run_sweep(job, wanted)
        else:
            from augmentor.tasks.sweep import sweep_with_prefect

            outcome = sweep_with_prefect(job, wanted)
    print_notice(f"Members: {outcome.folder / 'sweep.md'}")
    print_outcome(outcome)

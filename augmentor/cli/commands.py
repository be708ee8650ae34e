"""The commands. Each imports what it needs when it runs, so that ``--help`` is quick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Group, Parameter

from augmentor.cli import faults
from augmentor.cli.arguments import parse_counts
from augmentor.cli.console import open_progress
from augmentor.cli.data_options import ANY_DATA, DataOptions
from augmentor.cli.streams import print_notice, print_result, stdout_for_results
from augmentor.core.errors import AugmentorError, ConfigError
from augmentor.core.version import __version__

if TYPE_CHECKING:
    from augmentor.run.outcome import Outcome

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], Parameter(metavar="auto|cpu|cuda|mps", show_choices=False)
]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Directory = Annotated[Path, Parameter(metavar="DIR")]
Assignments = Annotated[list[str] | None, Parameter(name="--set", negative="", metavar="KEY=VALUE")]
Models = Annotated[list[str] | None, Parameter(name="--model", negative="", metavar="MODEL")]
FinishedRun = Annotated[Path, Parameter(name="RUN")]

app = App(
    name="augmentor",
    help=(
        "Synthetic data for scarce, imbalanced datasets, with an honest answer: trains a "
        "conditional GAN on the training part, makes class-balanced samples, keeps the good ones, "
        "and measures on real held-out data whether a classifier gains from them.\n\n"
        "Start with `augmentor run digits`, or look at your own data with `augmentor inspect PATH`."
    ),
    help_epilogue=(
        "Exit codes: 0 done, 2 input or configuration that cannot be used, 1 a fault of ours, "
        "3 finished but not published (a guard rail of the recipe was broken), 130 interrupted (state is "
        "kept, the same command goes on)."
    ),
    version=f"augmentor {__version__}",
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
app.meta.suppress_keyboard_interrupt = False


@app.meta.default
def _with_common_options(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[Flag, Parameter(group=Group("Everywhere", sort_key=99))] = False,
) -> None:
    """Take the options every command has, then run the command.

    Args:
        words: The command and its arguments.
        debug: Show the full traceback when something goes wrong.
    """
    faults.set_debugging(debug)
    app(words, exit_on_error=False, print_error=False, result_action="return_value")


@app.command(sort_key=1)
def run(
    recipe: str,
    /,
    *,
    data: Path | None = None,
    out: Directory = Path("runs"),
    device: Device = "auto",
    assignments: Annotated[
        list[str] | None, Parameter(name="--set", negative="", metavar="KEY=VALUE")
    ] = None,
    models: Models = None,
    no_prefect: Flag = False,
    reading: DataOptions = ANY_DATA,
) -> None:
    """Do the whole job: train, generate, filter, evaluate, report.

    The last two lines on stdout are the verdict and the run folder, which holds `report.html`,
    the expanded dataset and the trained generator. Finished steps are kept: a run that was
    interrupted goes on, and one that was finished is reused, when the same command is given again.

    For example:

    `augmentor run digits`

    `augmentor run default --data photos/ --set image.size=64 training.images=400000`

    Args:
        recipe: A shipped recipe (`augmentor recipes` lists them) or the path of a YAML file.
        data: Where the data lies, for recipes that work on any data or whose data is elsewhere.
        out: The folder that run folders are made in.
        device: What the networks train on; auto takes a GPU where there is one.
        assignments: Change any field of the recipe, e.g. `--set evaluation.seeds=3`; takes several.
        models: A model to ask, e.g. `--model resnet18`, `--model mine.py:build`, or its fields as YAML,
            `--model "{name: resnet50, weights: resnet50.safetensors}"`; takes several.
        no_prefect: Run in this process without Prefect; the result is the same.
        reading: How the data is read.
    """
    from augmentor.run.distributed import is_rank_0

    settings = [*reading.assignments(), *with_models(assignments, models)]
    if not is_rank_0():
        _train_on_rank(recipe, settings, data, out, device)
        return
    with outcome_of_unpublished(), open_progress() as progress, stdout_for_results():
        from augmentor.run.recipe import load_recipe

        chosen = load_recipe(recipe, settings, data)
        if device != "auto":  # a missing device is refused before Prefect takes seconds to start
            from augmentor.run.device import resolve_device

            resolve_device(device)
        from augmentor.run.compose.expand import check_ranks, run_job
        from augmentor.run.session import Job

        check_ranks(chosen)
        job = Job(recipe=chosen, out=out.expanduser(), device=device, progress=progress)
        if no_prefect:
            outcome = run_job(job)
        else:
            from augmentor.tasks.expand import run_with_prefect

            outcome = run_with_prefect(job)
    print_outcome(outcome)


def _train_on_rank(recipe: str, assignments: list[str], data: Path | None, out: Path, device: str) -> None:
    """Train with rank 0 of torchrun, and print nothing."""
    from augmentor.run.compose.expand import train_on_rank
    from augmentor.run.recipe import load_recipe
    from augmentor.run.session import Job

    train_on_rank(Job(load_recipe(recipe, assignments, data), out.expanduser(), device))


@app.command(sort_key=2)
def inspect(
    target: Annotated[str, Parameter(name="PATH|CARD")],
    /,
    *,
    data: Path | None = None,
    write_card: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    force: Flag = False,
    reading: DataOptions = ANY_DATA,
) -> None:
    """Look at data before a run: what is there, and what stands against it.

    Shows classes and counts, sizes, channels, bit depth, unreadable files, duplicates within and
    across splits, imbalance, and what a run would do.

    For example:

    `augmentor inspect photos/`

    `augmentor inspect labels.csv --write-card scans.yaml`, then `augmentor run default --data scans.yaml`

    Args:
        target: An image folder (also zipped), a table that names images, an .npz file, or a dataset card
            (`augmentor cards` lists them).
        data: Where the card's data lies, if not where the card says.
        write_card: Draft a dataset card for this data into a YAML file.
        force: Let --write-card replace a file that is there.
        reading: How the data is read.
    """
    from augmentor.cli.inspection import inspect_target

    inspect_target(target, data=data, write_card=write_card, force=force, reading=reading)


@app.command(sort_key=3)
def generate(
    finished_run: FinishedRun,
    /,
    *,
    out: Directory,
    counts: Annotated[list[str], Parameter(name="--count", negative="", metavar="CLASS=N")],
    seed: int = 0,
    device: Device = "auto",
) -> None:
    """Make more samples with a finished run's generator.

    Exactly N a class, filtered as the run's recipe says; the same seed gives the same samples.
    The last line on stdout is the folder they are in.

    For example:

    `augmentor generate runs/digits/20260101-120000 --count 1=200 3=200 --out more/`

    Args:
        finished_run: The folder of a finished run.
        out: The folder to write, which must not exist yet.
        counts: How many samples of a class, e.g. `--count normal=500`; takes several.
        seed: Another seed gives other samples.
        device: What the generator runs on; auto takes a GPU where there is one.
    """
    wanted, target = parse_counts(counts), out.expanduser()
    if seed < 0:
        raise ConfigError(f"--seed {seed}: a seed is a whole number of at least 0")
    if target.exists():
        raise ConfigError(f"--out {out} exists already; choose another folder, or remove it")
    with open_progress() as progress, stdout_for_results():
        from augmentor.run.rerender import run_folder

        source = run_folder(finished_run)
        from augmentor.run.generate import generate as make

        outcome = make(source, wanted, target, seed=seed, device=device, progress=progress)
    for line in outcome.acceptance:
        print_notice(line)
    print_result(str(outcome.folder))


@app.command(sort_key=4)
def evaluate(
    *,
    real: Annotated[str, Parameter(metavar="PATH|CARD")],
    synthetic: Annotated[Path, Parameter(metavar="DIR")],
    recipe: str = "default",
    out: Directory = Path("runs"),
    device: Device = "auto",
    assignments: Assignments = None,
    models: Models = None,
    no_prefect: Flag = False,
) -> None:
    """Judge synthetic samples that anyone made: the same filters, evaluation and report as for our own.

    No generator is trained. The last two lines on stdout are the verdict and the run folder. Only the
    training part of the real data may have been used to make the samples: validation and test cases among
    them are refused. Finished steps are kept and reused.

    For example:

    `augmentor evaluate --real photos/ --synthetic made-elsewhere/ --set image.size=64`

    `augmentor evaluate --real digits --recipe digits --synthetic samples.npz`

    Args:
        real: An image folder (also zipped), a table that names images, an .npz file, or a dataset card
            (`augmentor cards` lists them).
        synthetic: Class folders of pictures, the expanded folder of a run, or an .npz with images and labels.
        recipe: A shipped recipe or a YAML file; its split, judge, filters and evaluation are used.
        out: The folder that run folders are made in.
        device: What the networks train on; auto takes a GPU where there is one.
        assignments: Change any field that is used, e.g. `--set evaluation.seeds=3`; takes several.
        models: A model to ask, as for `augmentor run`; takes several.
        no_prefect: Run in this process without Prefect; the result is the same.
    """
    assignments = with_models(assignments, models)
    with outcome_of_unpublished(), open_progress() as progress, stdout_for_results():
        if no_prefect:
            from augmentor.run.compose.external import evaluate_foreign as judge
        else:
            from augmentor.tasks.expand import evaluate_with_prefect as judge
        outcome = judge(
            real,
            synthetic,
            recipe=recipe,
            assignments=assignments,
            out=out.expanduser(),
            device=device,
            progress=progress,
        )
    print_outcome(outcome)


@app.command(sort_key=5)
def report(finished_run: FinishedRun, /) -> None:
    """Render a run's report again from its own files.

    Nothing is trained or measured. The last line on stdout is the report's place.

    For example:

    `augmentor report runs/digits/20260101-120000`

    Args:
        finished_run: The folder of a finished run.
    """
    with stdout_for_results():
        from augmentor.run.rerender import rerender

        place = rerender(finished_run)
    print_result(str(place))


@app.command(sort_key=6)
def recipes() -> None:
    """List the shipped recipes, one per line."""
    from augmentor.run.recipe import list_recipes

    _list(list_recipes())


@app.command(sort_key=7)
def cards(*, fetch: Annotated[str | None, Parameter(metavar="CARD")] = None) -> None:
    """List the shipped dataset cards, one per line, or download the official file of one.

    With --fetch, the file is verified and kept in your cache, where runs find it; its place is then
    the last line on stdout. Nothing else in this program downloads data.

    For example:

    `augmentor cards --fetch pneumoniamnist`

    Args:
        fetch: The card whose official file to download.
    """
    from augmentor.data.cards import list_cards

    if fetch is not None:
        _fetch(fetch)
        return
    rows = []
    for card in list_cards():
        usable = "" if card.refused is None else " (described only; it cannot be run)"
        rows.append((card.name, " ".join(card.title.split()) + usable))
    _list(rows)


def _fetch(name: str) -> None:
    with stdout_for_results():
        from augmentor.data.cards import load_card
        from augmentor.data.fetch import cached_file
        from augmentor.data.fetch import fetch as download

        card = load_card(name)
        if card.url is not None and card.refused is None and not cached_file(card).exists():
            print_notice(f"Downloading {card.name} (licence: {card.licence}) from {card.url}")
        place = download(card)
    print_result(str(place))


@contextmanager
def outcome_of_unpublished() -> Iterator[None]:
    """Print the outcome of a run that broke a guard rail as any other's, then let its error go on."""
    try:
        yield
    except AugmentorError as error:
        from augmentor.run.outcome import NotPublished

        if isinstance(error, NotPublished):
            print_outcome(error.outcome)
        raise


def print_outcome(outcome: Outcome) -> None:
    """Print what a run came to: on stdout its verdict and its folder, the last two lines."""
    if outcome.reused:
        print_notice(f"Reused from an earlier run: {', '.join(outcome.reused)}.")
    if outcome.advice:
        print_notice(outcome.advice)
    for sentence in outcome.further:
        print_notice(sentence)
    print_notice(f"Report: {outcome.folder / 'report.html'}")
    print_result(" ".join(outcome.sentence.split()))
    print_result(str(outcome.folder))


def with_models(assignments: list[str] | None, models: list[str] | None) -> list[str]:
    """Return the assignments with those that name models before them."""
    if not models:
        return assignments or []
    from augmentor.run.recipe import model_assignments

    return [*model_assignments(models), *(assignments or [])]


def _list(rows: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in rows), default=0)
    for name, words in rows:
        print_result(f"{name:<{width}}  {words}".rstrip())

"""A run's expanded dataset and generator in further forms, at its end or later."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from augmentor.core.calibration import Calibration
from augmentor.core.errors import ConfigError
from augmentor.core.files import atomic_folder
from augmentor.core.persist import read_samples
from augmentor.core.spec import override, parse
from augmentor.data.cards import Card
from augmentor.data.expanded import About, Expanded, calibrated
from augmentor.data.export_spec import ExportOptions
from augmentor.data.readers.expanded import read_expanded
from augmentor.data.writers.formats.table import FORMATS, write_format
from augmentor.report.run_facts import RunFacts
from augmentor.run.bundle import write_bundle
from augmentor.run.export_spec import ExportSpec, all_formats, check_formats, check_generator_format
from augmentor.run.rerender import run_folder

EXPORTS = "exports"


def export_run(run: Path | str, name: str, out: Path, assignments: Sequence[str] = ()) -> Path:
    """Write a finished run's dataset or generator in the form ``name``.

    Args:
        run: a finished run folder.
        name: see :func:`augmentor.run.export_spec.all_formats`.
        out: a folder that does not exist yet; it appears whole or not at all.
        assignments: options of the form as ``key=value`` texts, e.g. "spacing=[0.5,0.5]".

    Returns:
        ``out``.

    Raises:
        ConfigError: if there is no such run, form or option, or a package is missing.
        DataError: if the form does not hold what the run made.
        StorageError: if ``out`` exists or cannot be written.
    """
    if name not in all_formats():
        raise ConfigError(f"there is no format {name!r}; there are {', '.join(all_formats())}")
    folder = run_folder(run)
    options = parse(ExportOptions, override({}, assignments), f"the options of format {name}")
    if name in FORMATS:
        write_format(name, out, expanded_of(folder), options)
        return out
    if options.model_fields_set:
        raise ConfigError(f"format {name} has no options, got {', '.join(sorted(options.model_fields_set))}")
    check_generator_format(name, has_generator=(folder / "generator").is_dir())
    write_generator(name, out, folder / "generator", RunFacts.read(folder))
    return out


def write_exports(spec: ExportSpec, folder: Path, facts: RunFacts) -> None:
    """Write what a recipe asks for into ``exports/`` of a run folder that holds dataset and generator.

    Args:
        spec: the recipe's.
        folder: of the run.
        facts: of the run.
    """
    check_formats(spec, has_generator=(folder / "generator").is_dir())
    data = None
    for name in spec.formats:
        if name in FORMATS:
            data = data or expanded_of(folder, facts)
            write_format(name, folder / EXPORTS / name, data, spec.options_of(name))
        else:
            write_generator(name, folder / EXPORTS / name, folder / "generator", facts)


def expanded_of(folder: Path, facts: RunFacts | None = None) -> Expanded:
    """Return the expanded dataset of a run folder in the data's own units.

    Args:
        folder: of the run.
        facts: of the run; None reads them.
    """
    facts = facts or RunFacts.read(folder)
    card = None if facts.load.card is None else Card.model_validate(facts.load.card)
    about = About.of(facts.load.dataset, card)
    found = read_expanded(folder / "expanded", about=about, value_range=_value_range(folder, card))
    calibration = _calibration(folder, found)
    if calibration is None:
        return found
    return replace(found, samples=replace(found.samples, calibration=calibration))


def _calibration(folder: Path, data: Expanded) -> Calibration | None:
    """Return what the rows' values and cells are in the world, as the run's filters keep it; None without."""
    kept = folder / "filters" / "train"
    if not (kept / "samples.json").is_file():
        return None
    train = read_samples(kept)
    if train.calibration is None:
        return None
    place = {str(name): row for row, name in enumerate(train.ids)}
    real = np.array([place[name] for name in data.rows["original_id"][~data.is_synthetic]], dtype=np.int64)
    return calibrated(train.calibration.take(real), made=int(data.is_synthetic.sum()))


def _value_range(folder: Path, card: Card | None) -> tuple[float, float] | None:
    """Return what the data's values may be: as the run's filters keep it, else as the card says."""
    kept = folder / "filters" / "train" / "samples.json"
    if kept.is_file():
        bounds = json.loads(kept.read_text(encoding="utf-8"))["value_range"]
        return None if bounds is None else (float(bounds[0]), float(bounds[1]))
    return None if card is None else card.value_range


def write_generator(name: str, out: Path, generator: Path, facts: RunFacts) -> None:
    """Write a generator in the form ``name``, with its model card.

    Args:
        name: a key of :data:`augmentor.run.export_spec.GENERATOR_FORMATS`.
        out: the folder to make.
        generator: the ``generator`` folder of a run.
        facts: of the run.
    """
    from augmentor.synthesizers.build import load_synthesizer

    with atomic_folder(out) as folder:
        if name == "monai_bundle":
            write_bundle(folder, generator, facts)
            return
        from augmentor.synthesizers.to_onnx import write_onnx

        said = write_onnx(folder, load_synthesizer(generator))
        shutil.copyfile(generator / "README.md", folder / "README.md")
        with (folder / "README.md").open("a", encoding="utf-8") as card:
            card.write(_onnx_card(said))


def _onnx_card(said: dict[str, Any]) -> str:
    """Return what the model card says of the ONNX files."""
    inputs = "; ".join(
        f"`{one['name']}` {one['type']} {one['shape']} ({one['units']})" for one in said["inputs"]
    )
    output = said["outputs"][0]
    worst = max(one["largest_difference"] for one in said["files"])
    files = ", ".join(f"`{one['file']}`" for one in said["files"])
    return f"""
## ONNX

- **Files**: {files}; `generator.json` describes inputs, output and classes.
- **Inputs**: {inputs}.
- **Output**: `{output["name"]}` {output["type"]} {output["shape"]} ({output["units"]}).
- **Checked**: onnxruntime gives what torch gives, to {worst:.1g} of the value range.
- **Noise** inside the network and style mixing, where the architecture has them, are left out: a latent and
  a class always give the same sample.
- **What it makes is synthetic**, and nothing in the file marks its output: whoever uses it must.
"""

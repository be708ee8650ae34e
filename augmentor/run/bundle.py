"""A trained generator as a MONAI bundle: weights, metadata, a configuration that samples, and its card."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from augmentor.core.files import json_text
from augmentor.core.version import __version__
from augmentor.report.run_facts import RunFacts
from augmentor.synthesizers.fitted import CONFIG

MODELS = "models/generator"
PER_CLASS = 8


def write_bundle(folder: Path, generator: Path, facts: RunFacts) -> None:
    """Write the folders that MONAI's bundle specification names.

    - ``models/generator``: the generator's own files (safetensors and JSON, no pickle);
    - ``configs/metadata.json``: what goes in and comes out, versions, origin;
    - ``configs/inference.json``: ``python -m monai.bundle run --config_file configs/inference.json`` makes
      samples and writes them with their labels;
    - ``docs/README.md``: the model card.

    Args:
        folder: that exists.
        generator: the ``generator`` folder of a run.
        facts: of the run.
    """
    for name in ("configs", "docs", "models"):
        (folder / name).mkdir()
    shutil.copytree(generator, folder / MODELS)
    shutil.copyfile(generator / "README.md", folder / "docs" / "README.md")
    body = json.loads((generator / CONFIG).read_text(encoding="utf-8"))
    for name, content in (("metadata", _metadata(body, facts)), ("inference", _inference(facts))):
        (folder / "configs" / f"{name}.json").write_text(json_text(content), encoding="utf-8")


def _metadata(body: dict[str, Any], facts: RunFacts) -> dict[str, Any]:
    shape, classes = list(facts.load.shape), list(facts.load.classes)
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/"
        "meta_schema_20240725.json",
        "version": __version__,
        "changelog": {__version__: "exported from a run"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").partition("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {"gan-augmentor": __version__},
        "name": f"Generator of {facts.title}",
        "task": f"Class-conditional generation of synthetic {facts.load.kind.plural}",
        "description": f"Makes synthetic {facts.load.kind.plural} of the classes {', '.join(classes)}; "
        f"trained "
        "by gan-augmentor on a training part alone. Samples show no real case.",
        "authors": "made by gan-augmentor for its user",
        "copyright": "of the weights: whoever may use the training data",
        "data_source": facts.load.dataset,
        "data_type": facts.load.kind.name,
        "image_classes": ", ".join(f"{label}: {name}" for label, name in enumerate(classes)),
        "intended_use": "training data for a classifier beside real cases; not for diagnosis, not as "
        "anonymous data, no evidence about real patients",
        "licence_of_the_training_data": facts.licence or "not stated; ask its owner",
        "synthesizer": body["digest"],
        "network_data_format": {
            "inputs": {
                "label": {
                    "type": "label",
                    "format": "classes",
                    "num_channels": 1,
                    "spatial_shape": [],
                    "dtype": "int64",
                    "value_range": [0, len(classes) - 1],
                    "is_patch_data": False,
                    "channel_def": {"0": "index of the class"},
                }
            },
            "outputs": {
                "pred": {
                    "type": "image",
                    "format": "magnitude",
                    "num_channels": shape[0],
                    "spatial_shape": shape[1:],
                    "dtype": "the data's own",
                    "value_range": [],
                    "is_patch_data": False,
                    "channel_def": {str(channel): "synthetic" for channel in range(shape[0])},
                }
            },
        },
    }


def _inference(facts: RunFacts) -> dict[str, Any]:
    """Return a configuration whose ``run`` makes samples of each class."""
    return {
        "imports": ["$import augmentor", "$import numpy as np", "$from pathlib import Path"],
        "bundle_root": ".",
        "device": "cpu",
        "seed": 0,
        "labels": f"$np.repeat(np.arange({len(facts.load.classes)}), {PER_CLASS})",
        "output": "$@bundle_root + '/synthetic.npz'",
        "generator": {
            "_target_": "augmentor.load_synthesizer",
            "folder": f"$Path(@bundle_root) / '{MODELS}'",
            "device": "@device",
        },
        "samples": "$@generator.sample(augmentor.Conditions(@labels), seed=@seed)",
        "run": [
            "$np.savez_compressed(@output, images=@samples.x, labels=@samples.y, "
            "classes=np.array(@samples.classes), source=np.repeat('synthetic', len(@labels)))"
        ],
    }

"""Saved synthesizers: the same bits in a fresh process, and no file that was touched is read."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_batches import samples_of

from augmentor.core.conditions import Conditions
from augmentor.core.errors import DataError
from augmentor.core.files import sha256_json
from augmentor.synthesizers.build import load_synthesizer
from augmentor.synthesizers.families import FAMILIES

LABELS = np.arange(70, dtype=np.int64) % 2
ALIKE = {"vanilla", "acgan", "lsgan", "wgan", "wgan-gp"}
"""Families with the generator of cgan or dcgan: their losses leave no trace in what is saved and sampled."""
KINDS = {
    **{name: {"family": name} for name in FAMILIES if name not in ALIKE},
    "per_class": {"family": "dcgan", "per_class": True},
    "truncated": {"family": "stylegan2", "truncation": 0.7},
}


@pytest.fixture(scope="module")
def fitted(blobs, gan):
    synthesizer = gan(images=64)
    synthesizer.fit(blobs(), seed=0)
    return synthesizer


@pytest.fixture(scope="module")
def every_kind(blobs, gan, tmp_path_factory):
    """Each family, fitted for some steps and saved: {name: (synthesizer, folder)}."""
    root, kinds = tmp_path_factory.mktemp("saved"), {}
    for name, fields in KINDS.items():
        synthesizer = gan({"width": 4, **fields}, images=48, batch=8)
        synthesizer.fit(blobs((1, 4, 8, 4) if name == "gan3d" else (1, 8, 8)), seed=0)
        synthesizer.save(root / name)
        kinds[name] = synthesizer, root / name
    return kinds


def test_a_fresh_process_makes_the_same_bits_with_every_family(every_kind):
    code = (
        "import json, sys, pathlib, numpy as np\n"
        "from augmentor.core.conditions import Conditions\n"
        "from augmentor.synthesizers.build import load_synthesizer\n"
        "labels, found = Conditions(np.arange(70) % 2), {}\n"
        "for folder in map(pathlib.Path, sys.argv[1:]):\n"
        "    s = load_synthesizer(folder)\n"
        "    found[folder.name] = [s.digest, s.sample(labels, seed=9).digest]\n"
        "print(json.dumps(found))"
    )
    folders = [str(folder) for _, folder in every_kind.values()]
    done = subprocess.run([sys.executable, "-c", code, *folders], capture_output=True, text=True, check=True)
    expected = {
        name: [s.digest, s.sample(Conditions(LABELS), seed=9).digest] for name, (s, _) in every_kind.items()
    }
    assert json.loads(done.stdout) == expected
    assert len({digest for pair in expected.values() for digest in pair}) == 2 * len(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_the_files_are_safetensors_and_json_and_hold_no_pickle(every_kind, name):
    _, folder = every_kind[name]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"generator.safetensors", "synthesizer.json"}
    for path in files:
        content = path.read_bytes()
        # A pickle starts with 0x80 and its protocol, a zip (torch.save) with PK.
        assert content[:1] != b"\x80"
        assert content[:2] != b"PK"
        head = content if path.suffix == ".json" else content[8 : 8 + int.from_bytes(content[:8], "little")]
        assert isinstance(json.loads(head), dict)


def test_nothing_in_the_package_writes_or_reads_pickles():
    import augmentor

    for path in Path(augmentor.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for word in ("import pickle", "torch.save(", "joblib", "allow_pickle=True"):
            assert word not in text, path
        # Networks that others saved come as torch's files too; weights_only reads tensors and runs no code.
        loads = [line for line in text.splitlines() if "torch.load(" in line]
        assert all("weights_only=True" in line for line in loads), path


@pytest.mark.parametrize("name", KINDS)
def test_row_i_does_not_depend_on_how_many_are_asked_and_seeds_count(every_kind, name):
    synthesizer, _ = every_kind[name]
    many = samples_of(synthesizer, LABELS, 5).array
    assert np.array_equal(many, samples_of(synthesizer, LABELS, 5).array)
    assert np.array_equal(many[:67], samples_of(synthesizer, LABELS[:67], 5).array)
    assert not np.array_equal(many, samples_of(synthesizer, LABELS, 6).array)
    swapped = LABELS.copy()
    swapped[3] = 1 - swapped[3]
    other = samples_of(synthesizer, swapped, 5).array
    assert np.array_equal(np.delete(many, 3, 0), np.delete(other, 3, 0))


@pytest.mark.parametrize("name", KINDS)
def test_the_same_seed_gives_the_same_network_and_another_another(every_kind, name, blobs, gan):
    first, _ = every_kind[name]
    shape = (1, 4, 8, 4) if name == "gan3d" else (1, 8, 8)
    again, other = (gan({"width": 4, **KINDS[name]}, images=48, batch=8) for _ in range(2))
    again.fit(blobs(shape), seed=0)
    other.fit(blobs(shape), seed=1)
    assert again.digest == first.digest != other.digest


def test_save_and_load_keep_settings_history_and_digest(fitted, tmp_path):
    fitted.save(tmp_path)
    loaded = load_synthesizer(tmp_path)
    assert loaded.digest == fitted.digest
    assert loaded.history == fitted.history
    assert loaded.chosen == fitted.chosen
    assert loaded.training == fitted.training
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator.safetensors", "synthesizer.json"]


@pytest.mark.parametrize("name", ["generator.safetensors", "synthesizer.json"])
@pytest.mark.parametrize("damage", ["cut", "altered", "removed"])
def test_truncated_altered_and_missing_files_are_refused(fitted, tmp_path, name, damage):
    fitted.save(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        # 0x01 flips a digit or a letter in the JSON and a mantissa bit in the weights.
        path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
    else:
        path.unlink()
    with pytest.raises(DataError, match=r"damaged|cannot read"):
        load_synthesizer(tmp_path)


def test_settings_that_the_weights_do_not_fit_are_refused(fitted, tmp_path):
    """Both files whole, but of two networks: the checksum is made anew, as a careless hand would."""
    fitted.save(tmp_path)
    path = tmp_path / "synthesizer.json"
    body = json.loads(path.read_text())
    body.pop("checksum")
    body["spec"]["width"] = 12
    path.write_text(json.dumps({**body, "checksum": sha256_json(body)}))
    with pytest.raises(DataError, match="do not fit their settings"):
        load_synthesizer(tmp_path)


def test_files_of_another_version_are_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    path = tmp_path / "synthesizer.json"
    body = json.loads(path.read_text())
    body.pop("checksum")
    body["format"] = 1
    path.write_text(json.dumps({**body, "checksum": sha256_json(body)}))
    with pytest.raises(DataError, match="is of format 1, this version reads 3"):
        load_synthesizer(tmp_path)

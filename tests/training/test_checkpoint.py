import json

import pytest
import torch

from augmentor.core.errors import ConfigError, DataError, StorageError
from augmentor.training.checkpoint import Checkpoints, read_tensors, write_tensors


def tensors(value):
    return {"a": torch.full((2, 3), float(value)), "b": torch.arange(4)}


def saved(folder, *steps):
    store = Checkpoints(folder, "print")
    for step in steps:
        store.save(step, tensors(step), {"step": step})
    return store


def test_a_state_comes_back_as_it_was(tmp_path):
    found, facts = saved(tmp_path, 5).newest(pytest.fail)
    assert facts == {"step": 5}
    assert torch.equal(found["a"], tensors(5)["a"])
    assert found["b"].dtype == torch.int64


def test_other_layouts_and_shared_storage_are_written_plainly(tmp_path):
    picture = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    sha256 = write_tensors(tmp_path / "w.safetensors", {"x": picture, "same": picture})
    assert torch.equal(read_tensors(tmp_path / "w.safetensors", sha256)["x"], picture)


def test_the_newest_state_counts_and_one_before_it_is_kept(tmp_path):
    store = saved(tmp_path, 1, 2, 10)
    assert store.newest(pytest.fail)[1] == {"step": 10}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "state-000000002.json",
        "state-000000002.safetensors",
        "state-000000010.json",
        "state-000000010.safetensors",
    ]


@pytest.mark.parametrize("name", ["state-000000002.safetensors", "state-000000002.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_a_damaged_newest_state_falls_back_to_the_one_before(tmp_path, name, damage):
    store = saved(tmp_path, 1, 2)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[-10] ^= 1
        path.write_bytes(content)
    else:
        path.unlink()
    said = []
    assert store.newest(said.append)[1] == {"step": 1}
    # A JSON that is gone leaves nothing to complain about: the state never counted.
    assert len(said) == (0 if (damage, path.suffix) == ("remove", ".json") else 1)


def test_an_altered_number_in_the_json_is_noticed(tmp_path):
    store = saved(tmp_path, 1, 2)
    path = tmp_path / "state-000000002.json"
    body = json.loads(path.read_text())
    body["facts"]["step"] = 3
    path.write_text(json.dumps(body))
    said = []
    assert store.newest(said.append)[1] == {"step": 1}
    assert "checksum" in said[0]


def test_with_nothing_whole_there_is_no_state(tmp_path):
    store = saved(tmp_path, 1)
    (tmp_path / "state-000000001.safetensors").write_bytes(b"")
    said = []
    assert store.newest(said.append) is None
    assert len(said) == 1
    assert Checkpoints(tmp_path / "absent", "print").newest(pytest.fail) is None
    assert Checkpoints(None, "print").newest(pytest.fail) is None


def test_the_states_of_another_training_are_refused(tmp_path):
    saved(tmp_path, 1)
    with pytest.raises(ConfigError, match="another training"):
        Checkpoints(tmp_path, "other").newest(pytest.fail)


def test_damaged_weights_are_refused_with_the_reason(tmp_path):
    path = tmp_path / "w.safetensors"
    sha256 = write_tensors(path, tensors(1))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="damaged or were altered"):
        read_tensors(path, sha256)
    with pytest.raises(DataError, match="cannot read the weights"):
        read_tensors(tmp_path / "absent", sha256)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        saved(tmp_path / "file" / "below", 1)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from make_scans import dicom, metaimage, nifti, slices
from PIL import Image

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.load import load
from augmentor.data.loaded import Loaded
from augmentor.data.readers.scan import UnreadableScan
from augmentor.data.readers.scan_formats import format_of, read_scan
from augmentor.data.spec import ImageSpec
from augmentor.data.telling import telling_properties

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
Write = Callable[[dict[str, bytes]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(files: dict[str, bytes]) -> Path:
        for name, data in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / "data"

    return made


def rows(loaded: Loaded) -> dict[str, np.ndarray]:
    samples = loaded.parts["all"]
    return dict(zip(samples.ids.tolist(), samples.array, strict=True))


def pixels(seed: int, top: int = 4096, dtype: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, top, (6, 6)).astype(dtype)


def test_dicom_files_in_class_folders_are_images_in_their_own_units(write: Write) -> None:
    files = {
        f"{label}/{n}.dcm": dicom(pixels(n), BitsStored=12, Modality="DX") for label in "ab" for n in range(3)
    }
    files["b/IM0004"] = dicom(pixels(9), BitsStored=12, Modality="DX")
    loaded = load(str(write(files)))
    samples = loaded.parts["all"]
    assert (samples.kind, samples.classes, samples.value_range) == (IMAGE, ("a", "b"), (0, 4095))
    assert np.array_equal(rows(loaded)["b/IM0004"][0], pixels(9))
    assert samples.calibration is not None
    assert samples.calibration.spacing[0].tolist() == [2, 2]
    assert loaded.skipped == ()


def test_slices_of_a_series_become_a_volume_wherever_below_the_class_they_lie(write: Write) -> None:
    x = np.random.default_rng(0).integers(0, 900, (4, 5, 6, 6), dtype=np.int16)
    files = {}
    for case, (label, volume) in enumerate(zip("aabb", x, strict=True)):
        made = slices(volume, range(5), SeriesInstanceUID=f"1.2.{case}", PatientID=f"P{case // 2}")
        files |= {f"{label}/p{case}/study/s/{n}.dcm": data for n, data in enumerate(made)}
    loaded = load(str(write(files)), image=ImageSpec(size=5))
    samples = loaded.parts["all"]
    assert samples.kind == VOLUME
    assert samples.shape == (1, 5, 5, 5)
    assert samples.ids.tolist()[0] == "a/p0/study/s/0.dcm"
    assert samples.group is not None
    assert samples.group.tolist() == ["patient 00000"] * 2 + ["patient 00001"] * 2
    assert any("20 DICOM files were put together to 4 volumes" in note for note in loaded.notes)


def test_two_folders_of_one_patient_are_one_group(write: Write) -> None:
    files = {
        f"{label}/study{study}/{n}.dcm": dicom(
            pixels(n + 3 * study), Modality="DX", PatientID=f"P{min(study, 2)}{label}"
        )
        for label in "ab"
        for study in range(4)
        for n in range(2)
    }
    samples = load(str(write(files)), image=ImageSpec(size=6)).parts["all"]
    assert samples.group is not None
    mine = dict(zip(samples.ids.tolist(), samples.group.tolist(), strict=True))
    assert mine["a/study2/0.dcm"] == mine["a/study3/1.dcm"]  # one patient, by the heads
    assert mine["a/study0/0.dcm"] == mine["b/study0/1.dcm"]  # one folder name, taken for one patient
    assert len(set(mine.values())) == 3


def test_nothing_that_names_a_patient_is_in_what_is_loaded(write: Write) -> None:
    files = {
        f"{label}/Secretname_{n}.dcm": dicom(pixels(n), PatientID=f"ID-47{n}", Modality="DX")
        for label in "ab"
        for n in range(2)
    }
    files["a/ID-470-bad.dcm"] = dicom(pixels(1), PatientID="ID-470", Modality="DX")[:-20]
    loaded = load(str(write(files)))
    samples = loaded.parts["all"]
    shown = f"{samples.ids} {samples.group} {loaded.notes} {loaded.skipped} {loaded.name}".casefold()
    for secret in ("secretname", "id-47", "19700101"):
        assert secret not in shown
    assert any("hold the id or name of their patient" in note for note in loaded.notes)
    assert len(samples) == 4
    assert len(loaded.skipped) == 1


def test_nifti_and_metaimage_files_become_volumes_of_one_size(write: Write) -> None:
    x = np.random.default_rng(0).integers(0, 255, (8, 8, 8), dtype=np.uint8)
    files = {f"{label}/{n}.nii": nifti(x.T, LPS) for label in "ab" for n in range(2)} | {
        "b/x.mha": metaimage(x)
    }
    loaded = load(str(write(files)))
    assert np.array_equal(rows(loaded)["a/0.nii"][0], x)
    assert np.array_equal(rows(loaded)["b/x.mha"][0], x)
    assert loaded.parts["all"].value_range == (0, 255)


def test_files_of_another_sort_and_of_the_rarer_kind_are_skipped_by_name(write: Write) -> None:
    x = np.zeros((6, 6, 6), dtype=np.uint8)
    files = {f"{label}/{n}.nii": nifti(x.T + n, LPS) for label in "ab" for n in range(3)}
    files["a/flat.dcm"] = dicom(pixels(0), Modality="DX")
    root = write(files)
    loaded = load(str(root))
    assert [item.path for item in loaded.skipped] == ["a/flat.dcm"]
    assert "makes an image" in loaded.skipped[0].reason
    Image.fromarray(x[0]).save(root / "a" / "x.png")
    told = {item.path: item.reason for item in load(str(root)).skipped}
    assert "most files are medical files" in told["a/x.png"]


def test_frames_of_one_film_stay_together(write: Write) -> None:
    films = {
        f"{label}/{n}.dcm": dicom(np.stack([pixels(n, 255, np.uint8)] * 3), Modality="US")
        for label in "ab"
        for n in range(2)
    }
    root = write(films)
    with pytest.raises(DataError, match=r"image\.stack"):
        load(str(root))
    samples = load(str(root), image=ImageSpec(stack="frames")).parts["all"]
    assert samples.ids.tolist()[:4] == ["a/0.dcm#0000", "a/0.dcm#0001", "a/0.dcm#0002", "a/1.dcm#0000"]
    assert samples.group is not None
    assert len(set(samples.group.tolist())) == 4


def test_pages_of_tiff_files_are_read_where_the_recipe_says_how(write: Write) -> None:
    pages = [Image.fromarray(pixels(n)) for n in range(3)]
    root = write({})
    for label in "ab":
        (root / label).mkdir(parents=True)
        for n in range(2):
            pages[0].save(root / label / f"{n}.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match=r"stack or film of 3 pictures.*image\.stack"):
        load(str(root))
    assert load(str(root), image=ImageSpec(stack="volume")).parts["all"].shape == (1, 3, 6, 6)
    assert len(load(str(root), image=ImageSpec(stack="frames")).parts["all"]) == 12


def test_percentile_windows_of_scans_are_kept_to_be_undone(write: Write) -> None:
    made = {f"{label}/{n}.dcm": dicom(pixels(n), Modality="MR") for label in "ab" for n in range(2)}
    samples = load(str(write(made)), image=ImageSpec(window="percentile")).parts["all"]
    assert samples.value_range == (0, 1)
    assert samples.calibration is not None
    back = samples.calibration.measured(samples.array)
    low, high = np.percentile(pixels(0), [0.5, 99.5])
    assert np.allclose(back[0, 0], np.clip(pixels(0), low, high), atol=0.01)


def test_every_test_file_of_pydicom_is_read_or_refused_with_a_reason() -> None:
    root = Path(pydicom.__file__).parent / "data"
    found = [path for path in root.rglob("*") if path.is_file() and format_of(path.name) is not None]
    outcomes = [_outcome(path) for path in found]
    assert outcomes.count("") > 90
    assert all("Traceback" not in outcome for outcome in outcomes)
    assert len(found) > 100


def _outcome(path: Path) -> str:
    try:
        read_scan(path.read_bytes(), path.name)
    except UnreadableScan as error:
        return str(error)
    return ""


def test_a_dicomdir_is_an_index_and_tells_what_is_missing(write: Write) -> None:
    theirs = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"
    files = {f"b/{n}.dcm": dicom(pixels(n), Modality="MR") for n in range(2)}
    files["a/DICOMDIR"] = (theirs / "DICOMDIR").read_bytes()
    for name in ("98892003/MR1/15820", "98892003/MR1/4919"):
        files[f"a/{name}"] = (theirs / name).read_bytes()
    loaded = load(str(write(files)), image=ImageSpec(size=6))
    assert loaded.parts["all"].counts == {"a": 2, "b": 2}
    assert any("29 of the 31 files that a DICOMDIR lists are not there" in note for note in loaded.notes)
    assert "an index" in {item.path: item.reason for item in loaded.skipped}["a/DICOMDIR"]


def test_a_scanner_that_tells_the_class_is_seen_by_inspection(write: Write) -> None:
    files = {
        f"{label}/{n}.dcm": dicom(
            pixels(n + 20 * (label == "b")), Modality="DX", Manufacturer=f"Scanner {label}"
        )
        for label in "ab"
        for n in range(12)
    }
    loaded = load(str(write(files)))
    values, codes = loaded.originals.columns["manufacturer"]
    assert (list(values), codes.tolist()) == (["Scanner a", "Scanner b"], [0] * 12 + [1] * 12)
    assert any("manufacturer" in str(found) for found in telling_properties(loaded))


def test_slides_are_cut_into_tiles_only_where_it_is_asked(write: Write) -> None:
    root = write({})
    for label in "ab":
        (root / label).mkdir(parents=True)
        noise = np.random.default_rng(0).integers(0, 256, (64, 70, 3), dtype=np.uint8)
        Image.fromarray(noise).save(root / label / "slide.png")
        (root / label / "slide.png").rename(root / label / "slide.svs")
    with pytest.raises(DataError, match=r"whole-slide image.*--tile"):
        load(str(root))
    samples = load(str(root), image=ImageSpec(tile=32)).parts["all"]
    assert samples.ids.tolist()[:2] == ["a/slide.svs#x000000-y000000", "a/slide.svs#x000032-y000000"]
    assert len(samples) == 8
    assert samples.group is not None
    assert len(set(samples.group.tolist())) == 2


def test_pneumoniamnist_written_as_dicom_and_as_16_bit_png_reads_the_same(
    shared: Callable[[str], Path], write: Write
) -> None:
    arrays = np.load(shared("pneumoniamnist") / "pneumoniamnist.npz")
    rows = arrays["train_images"][:24]
    names = [f"{'ab'[int(label)]}/{n:03d}" for n, label in enumerate(arrays["train_labels"][:24].ravel())]
    root = write(
        {f"dicom/{name}.dcm": dicom(row, Modality="CR") for name, row in zip(names, rows, strict=True)}
    )
    for name, row in zip(names, rows, strict=True):
        (root / "png" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(row.astype(np.uint16) * 257).save(root / "png" / f"{name}.png")
    as_dicom, as_png = (load(str(root / kind)).parts["all"] for kind in ("dicom", "png"))
    assert np.array_equal(as_dicom.array[:, 0], rows[np.argsort(names)])
    assert np.array_equal(as_png.array, as_dicom.array.astype(np.uint16) * 257)
    assert np.array_equal(as_png.y, as_dicom.y)
    small = [load(str(root / kind), image=ImageSpec(size=16)).parts["all"].array for kind in ("dicom", "png")]
    assert np.abs(small[0] - small[1] / 257).max() <= 0.5  # the one rounding of a resized 8-bit value


def test_adrenalmnist3d_written_as_nifti_reads_the_same(shared: Callable[[str], Path], write: Write) -> None:
    with np.load(shared("adrenalmnist3d") / "adrenalmnist3d.npz") as arrays:
        volumes, labels = arrays["val_images"][:6], arrays["val_labels"][:6].ravel()
    names = [f"{'ab'[n % 2]}/{n}-{label}" for n, label in enumerate(labels)]
    files = {f"{name}.nii": nifti(x.T, LPS) for name, x in zip(names, volumes, strict=True)}
    samples = load(str(write(files))).parts["all"]
    assert np.array_equal(samples.array[:, 0], volumes[np.argsort(names)])

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from make_scans import as_bytes, dicom, dicom_set, enhanced, slices

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers import dicom as dicom_reader
from augmentor.data.readers import dicom_pixels
from augmentor.data.readers.dicom import head_of_dicom
from augmentor.data.readers.dicom_pixels import read_dicom
from augmentor.data.readers.dicom_series import Series, group_series, read_series
from augmentor.data.readers.scan import Scan, UnreadableScan, inflated
from augmentor.data.readers.scan_formats import read_scan
from augmentor.data.spec import ImageSpec

THEIRS = Path(pydicom.__file__).parent / "data" / "test_files"
RAMP = np.arange(12, dtype=np.int16).reshape(3, 4)


def one(data: bytes) -> Scan:
    (scan,) = read_dicom(data, None)
    return scan


def test_twelve_bits_in_sixteen_keep_their_values_and_their_range() -> None:
    scan = one(dicom(np.array([[0, 4095]], dtype=np.uint16), BitsStored=12, Modality="DX"))
    assert scan.x.dtype == np.uint16
    assert scan.x.tolist() == [[[0, 4095]]]
    assert scan.bounds == (0, 4095)


def test_rescale_slope_gives_hounsfield_units() -> None:
    scan = one(dicom(np.array([[0, 1000]], np.uint16), BitsStored=12, RescaleSlope=2, RescaleIntercept=-1024))
    assert scan.x.tolist() == [[[-1024, 976]]]
    assert (scan.units, scan.bounds) == ("HU", (-1024, 2 * 4095 - 1024))


def test_bits_beyond_those_stored_are_no_values() -> None:
    overlay = one(dicom(np.array([[5 + 0x1000, 7]], dtype=np.uint16), BitsStored=12))
    assert overlay.x.tolist() == [[[5, 7]]]
    with pytest.raises(UnreadableScan, match="pixels begin at bit 0"):
        one(dicom(np.array([[80, 16]], dtype=np.uint16), BitsStored=12, HighBit=15))
    signed = one(dicom(np.array([[0x0FFF, 3]], dtype=np.int16), BitsStored=12))
    assert signed.x.tolist() == [[[-1, 3]]]  # 12 ones are minus one


def test_monochrome1_is_turned_round_with_its_window() -> None:
    pixels = np.array([[0, 10]], dtype=np.uint8)
    scan = one(
        dicom(pixels, PhotometricInterpretation="MONOCHROME1", Modality="DX", WindowCenter=11, WindowWidth=21)
    )
    assert scan.x.tolist() == [[[255, 245]]]
    assert scan.window == (255 - 20.5, 255 - 0.5)


def test_palette_becomes_colours() -> None:
    made = dicom_set(np.array([[0, 1]], dtype=np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for colour, table in (("Red", [0, 65535]), ("Green", [0, 0]), ("Blue", [256, 512])):
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [2, 0, 16])
        setattr(made, f"{colour}PaletteColorLookupTableData", np.array(table, np.uint16).tobytes())
    assert one(as_bytes(made)).x[:, 0].tolist() == [[0, 65535], [0, 0], [256, 512]]


def test_padding_gets_the_lowest_value_that_was_seen() -> None:
    scan = one(dicom(np.array([[-2000, -5, 9]], dtype=np.int16), PixelPaddingValue=-2000))
    assert scan.x.tolist() == [[[-5, -5, 9]]]


@pytest.mark.parametrize(
    "name", ["RLE", "jp2klossless", "jpeg_ls_lossless", "bigendian", "implicit", "expb", "padded"]
)
def test_each_transfer_syntax_gives_the_pixels_of_the_plain_file(name: str) -> None:
    plain = one((THEIRS / "MR_small.dcm").read_bytes()).x
    assert np.array_equal(one((THEIRS / f"MR_small_{name}.dcm").read_bytes()).x, plain)


def test_lossless_jpeg_gives_the_pixels_and_damage_that_ends_its_decoder_is_a_reason() -> None:
    data = (THEIRS / "SC_rgb_jpeg_gdcm.dcm").read_bytes()
    plain = one((THEIRS / "SC_rgb_rle.dcm").read_bytes()).x
    assert np.array_equal(one(data).x, plain)
    precision = data.index(b"\xff\xc3") + 4
    with pytest.raises(UnreadableScan, match="the decoder stopped"):
        one(data[:precision] + b"\x63" + data[precision + 1 :])
    assert np.array_equal(one(data).x, plain)  # by a new process


def test_compression_without_a_decoder_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableScan, match="decompress it first"):
        one((THEIRS / "JPGExtended.dcm").read_bytes())
    monkeypatch.setattr(dicom_pixels, "_has_codec", lambda syntax, plugin: False)
    monkeypatch.setattr("pydicom.pixels.pixel_array", _undecoded)
    with pytest.raises(UnreadableScan, match=r"pyjpegls decodes.*gan-augmentor\[medical\]"):
        one((THEIRS / "MR_small_jpeg_ls_lossless.dcm").read_bytes())


def _undecoded(*args: object, **kwargs: object) -> None:
    raise RuntimeError("no decoder")


def test_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, data in (
        ("pydicom", "a.dcm", b"x"),
        ("nibabel", "a.nii", b"x"),
        ("nrrd", "a.nrrd", b"x"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(UnreadableScan, match=r'pip install "gan-augmentor\[medical\]"'):
            read_scan(data, name)


def test_objects_without_an_image_are_refused_by_their_kind() -> None:
    for name, words in (("rtplan", "RT Plan"), ("rtstruct", "Structure"), ("test-SR", "SR"),
                        ("waveform_ecg", "ECG"), ("liver_1frame", "segmentation")):  # fmt: skip
        with pytest.raises(UnreadableScan, match=words):
            one((THEIRS / f"{name}.dcm").read_bytes())


def test_nothing_that_names_the_patient_is_in_a_scan_or_an_error() -> None:
    made = dicom_set(RAMP, PatientID="ID-4711", BurnedInAnnotation="YES", InstitutionName="St Secret")
    scan = one(as_bytes(made))
    assert any("burned into" in remark for remark in scan.remarks)
    shown = f"{scan.remarks}{scan.traits}"
    made.Rows = 9
    with pytest.raises(UnreadableScan) as caught:
        one(as_bytes(made))
    for secret in ("Secretname", "Jane", "4711", "19700101", "St Secret"):
        assert secret not in shown + str(caught.value)
    assert scan.patient == "ID-4711"  # for grouping; load() replaces it by a number
    assert one(dicom(RAMP, PatientID="Anonymous")).patient is None


def test_a_film_is_used_as_it_is_asked() -> None:
    film = dicom(np.stack([RAMP, RAMP + 1]), Modality="US")
    with pytest.raises(UnreadableScan, match=r"2 pictures; say how .*image\.stack"):
        read_dicom(film, None)
    frames = read_dicom(film, "frames")
    assert [scan.kind for scan in frames] == [IMAGE, IMAGE]
    assert np.array_equal(frames[1].x[0], RAMP + 1)
    assert len(read_dicom(film, "first")) == 1
    assert read_dicom(film, "volume")[0].x.shape == (1, 2, 3, 4)


def test_frames_that_know_their_place_are_sorted_slices() -> None:
    scan = one(enhanced(np.stack([RAMP, RAMP + 10, RAMP + 20]), [6.0, 0.0, 3.0]))
    assert scan.kind == VOLUME
    assert scan.x[0, :, 0, 0].tolist() == [10, 20, 0]
    assert scan.spacing == (3.0, 2.0, 2.0)


def test_a_deflated_file_is_inflated_with_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one((THEIRS / "image_dfl.dcm").read_bytes()).x.shape == (1, 512, 512)
    monkeypatch.setattr(dicom_reader, "MAX_SCAN_BYTES", 1000)
    with pytest.raises(UnreadableScan, match="deflated content fills more than"):
        one((THEIRS / "image_dfl.dcm").read_bytes())


def test_inflating_stops_at_what_the_head_promised() -> None:
    packed = gzip.compress(bytes(1000))
    assert len(inflated(packed, 10)) == 10
    with pytest.raises(UnreadableScan, match="holds 1,000 of 2,000"):
        inflated(packed, 2000)
    with pytest.raises(UnreadableScan, match="cannot hold"):
        inflated(zlib.compress(b"x"), 10**9)


def grouped(files: list[bytes], **kwargs: object) -> tuple[list[Series], list[tuple[int, str]], list[int]]:
    heads = [head_of_dicom(data) for data in files]
    found = group_series(heads, keys=[0] * len(files), stack=kwargs.get("stack"))  # type: ignore[arg-type]
    return list(found.series), list(found.left), list(found.single)


def volume(files: list[bytes], series: Series) -> Scan:
    return read_series(series, [head_of_dicom(data) for data in files], lambda row: files[row])


STACK = np.arange(5 * 12, dtype=np.int16).reshape(5, 3, 4)


def test_slices_are_stacked_by_their_place_and_not_by_their_number() -> None:
    files = slices(STACK, [0, -3, -6, -9, -12])
    (series,), left, single = grouped(files)
    assert (left, single) == ([], [])
    scan = volume(files, series)
    assert np.array_equal(scan.x[0], STACK[::-1])
    assert scan.spacing == (3.0, 2.0, 2.0)
    assert scan.axes is not None
    assert scan.axes.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_missing_slices_are_interpolated_and_told() -> None:
    files = slices(STACK, [0, 3, 9, 12, 15])
    (series,), _, _ = grouped(files)
    scan = volume(files, series)
    assert scan.x.shape == (1, 6, 3, 4)
    assert np.array_equal(scan.x[0, 2], STACK[1] + 6)  # half way between two slices that differ by 12
    assert any("missing" in remark for remark in scan.remarks)


def test_too_many_missing_slices_are_refused() -> None:
    files = slices(STACK, [0, 3, 6, 9, 60])
    (series,), _, _ = grouped(files)
    with pytest.raises(UnreadableScan, match="16 of its 21 slices are missing"):
        volume(files, series)


def test_doubled_slices_and_other_directions_are_left_out_by_name() -> None:
    files = slices(STACK, [0, 3, 6, 9, 9])
    (series,), left, _ = grouped(files)
    assert len(series.rows) == 4
    assert [row for row, reason in left if "doubled" in reason] == [4]
    scout = dicom(RAMP, ImageOrientationPatient=[0, 1, 0, 0, 0, -1], ImagePositionPatient=[0, 0, 0])
    _, left, _ = grouped([*slices(STACK, [0, 3, 6, 9, 12]), scout])
    assert [row for row, reason in left if "mixed series" in reason] == [5]


def test_gantry_tilt_is_told() -> None:
    files = slices(STACK, [0, 3, 6, 9, 12], GantryDetectorTilt=12)
    (series,), _, _ = grouped(files)
    assert any("gantry was tilted" in remark for remark in series.remarks)


def test_echoes_of_one_series_are_used_as_it_is_asked() -> None:
    files = [
        data
        for echo in (1, 2)
        for data in slices(STACK + 100 * echo, [0, 3, 6, 9, 12], EchoNumbers=echo, Modality="MR")
    ]
    made, left, _ = grouped(files)
    assert (made, len(left)) == ([], 10)
    assert "image.stack" in left[0][1]
    both, _, _ = grouped(files, stack="frames")
    assert [int(volume(files, one).x.min()) for one in both] == [100, 200]
    (first,), left, _ = grouped(files, stack="first")
    assert (int(volume(files, first).x.min()), len(left)) == (100, 5)


def test_slices_of_two_classes_are_not_put_together() -> None:
    heads = [head_of_dicom(data) for data in slices(STACK, [0, 3, 6, 9, 12])]
    found = group_series(heads, keys=[0, 0, 0, 1, 1], stack=None)
    assert (found.series, found.single) == ((), (0, 1, 2, 3, 4))


def test_window_in_a_recipe_must_rise() -> None:
    with pytest.raises(ValueError, match="window must rise"):
        ImageSpec(window=(10, -10))

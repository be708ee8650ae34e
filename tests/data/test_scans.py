from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest
from make_scans import dicom, metaimage, nifti, nrrd_bytes

from augmentor.core.kinds import IMAGE, VOLUME
from augmentor.data.readers.scan import Scan, UnreadableScan
from augmentor.data.readers.scan_formats import FORMATS, format_of, read_scan
from augmentor.data.readers.scan_shape import cut_or_padded, regridded, settled
from augmentor.data.spec import ImageSpec

CELLS = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)  # (z, y, x) in superior, posterior, left
AS_IS = ImageSpec()
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def one(data: bytes, name: str, **kwargs: object) -> Scan:
    (scan,) = read_scan(data, name, **kwargs)  # type: ignore[arg-type]
    return scan


def seen(data: bytes, name: str, image: ImageSpec = AS_IS) -> np.ndarray:
    return settled(one(data, name), image, None).x[0]


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("packed", [False, True])
def test_nifti_is_read_with_depth_height_and_width_to_superior_posterior_and_left(
    kind: type, packed: bool
) -> None:
    data = nifti(CELLS.T, LPS, kind)
    name, data = ("a.nii.gz", gzip.compress(data)) if packed else ("a.nii", data)
    assert np.array_equal(seen(data, name), CELLS)


def test_each_orientation_of_one_nifti_gives_the_same_volume() -> None:
    image = nibabel.Nifti1Image(CELLS.T, LPS)
    for axes in ("RAS", "LPI", "ASL", "IRP"):
        turned = image.as_reoriented(
            nibabel.orientations.ornt_transform(
                nibabel.io_orientation(LPS), nibabel.orientations.axcodes2ornt(axes)
            )
        )
        assert nibabel.aff2axcodes(turned.affine) == tuple(axes)
        assert np.array_equal(seen(bytes(turned.to_bytes()), "a.nii"), CELLS)


def test_nifti_without_an_orientation_keeps_its_axes_and_says_so() -> None:
    scan = one(nifti(CELLS.T, None), "a.nii")
    assert scan.axes is None
    assert any("which way" in remark for remark in scan.remarks)
    assert np.array_equal(settled(scan, AS_IS, None).x[0], CELLS)


def test_nifti_slope_and_intercept_are_applied() -> None:
    image = nibabel.Nifti1Image(CELLS.T.astype(np.float32) / 2 - 3, LPS)
    image.header.set_data_dtype(np.uint8)
    scan = one(bytes(image.to_bytes()), "a.nii")
    assert np.allclose(settled(scan, AS_IS, None).x[0], CELLS / 2 - 3, atol=0.03)


def test_nifti_of_several_time_points_is_used_as_it_is_asked() -> None:
    data = nifti(np.stack([CELLS.T, CELLS.T + 1], axis=3), LPS)
    with pytest.raises(UnreadableScan, match=r"2 volumes; say how .*image\.stack"):
        read_scan(data, "a.nii")
    assert [scan.x.shape for scan in read_scan(data, "a.nii", stack="frames")] == [(1, 2, 3, 4)] * 2
    assert one(data, "a.nii", stack="channels").x.shape == (2, 2, 3, 4)
    assert one(data, "a.nii", stack="first").x.max() == CELLS.max()


def test_nifti_of_one_slice_is_an_image() -> None:
    assert one(nifti(CELLS.T[:, :, :1], LPS), "a.nii").kind == IMAGE


def test_nifti_pair_is_read_with_the_file_beside_it() -> None:
    image = nibabel.Nifti1Pair(CELLS.T, LPS)
    files = {name: holder.fileobj for name, holder in image.make_file_map().items()}
    holders = image.make_file_map({"header": _buffer(), "image": _buffer()})
    image.to_file_map(holders)
    files = {name: holder.fileobj.getvalue() for name, holder in holders.items()}
    scan = one(files["header"], "a.hdr", beside={"a.img": files["image"]}.__getitem__)
    assert np.array_equal(settled(scan, AS_IS, None).x[0], CELLS)


def _buffer() -> object:
    import io

    return io.BytesIO()


def test_nan_voxels_get_the_lowest_value_and_are_told() -> None:
    cells = CELLS.astype(np.float32)
    cells[0, 0, 0] = np.nan
    made = settled(one(nifti(cells.T, LPS), "a.nii"), AS_IS, None)
    assert made.x[0, 0, 0, 0] == 1
    assert any("NaN" in remark for remark in made.remarks)
    with pytest.raises(UnreadableScan, match="none of its values"):
        settled(one(nifti(np.full((2, 2, 2), np.nan, np.float32), LPS), "a.nii"), AS_IS, None)


def test_a_head_that_promises_more_than_the_file_holds_is_refused_before_anything_is_reserved() -> None:
    data = bytearray(nifti(CELLS.T, LPS))
    data[42:48] = np.array([30000, 30000, 30000], dtype="<i2").tobytes()
    with pytest.raises(UnreadableScan, match=r"MiB, and at most 1,024 are read"):
        read_scan(bytes(data), "a.nii")
    data[42:48] = np.array([300, 300, 300], dtype="<i2").tobytes()
    with pytest.raises(UnreadableScan, match="cut off"):
        read_scan(bytes(data), "a.nii")
    with pytest.raises(UnreadableScan, match="cut off"):
        read_scan(gzip.compress(bytes(data)), "a.nii.gz")


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_nrrd_is_read_in_each_encoding(encoding: str) -> None:
    data = nrrd_bytes(
        CELLS.T,
        encoding=encoding,
        space="left-posterior-superior",
        **{"space directions": np.diag([1.0, 2.0, 3.0]), "space origin": np.zeros(3)},
    )
    scan = one(data, "a.nrrd")
    assert np.array_equal(settled(scan, AS_IS, None).x[0], CELLS)
    assert scan.spacing == (3.0, 2.0, 1.0)


def test_nrrd_axes_are_turned_as_its_space_says() -> None:
    turned = nrrd_bytes(
        CELLS.T[::-1, ::-1],
        space="right-anterior-superior",
        **{"space directions": np.eye(3), "space origin": np.zeros(3)},
    )
    assert np.array_equal(seen(turned, "a.nrrd"), CELLS)


def test_nrrd_with_its_values_elsewhere_is_refused() -> None:
    data = nrrd_bytes(CELLS.T).replace(b"\n\n", b"\ndata file: ../secret.raw\n\n", 1)
    with pytest.raises(UnreadableScan, match="in another file"):
        read_scan(data, "a.nrrd")


def test_metaimage_is_read_packed_or_not_and_turned() -> None:
    import zlib

    plain = metaimage(CELLS)
    assert np.array_equal(seen(plain, "a.mha"), CELLS)
    head = metaimage(CELLS, CompressedData="True").partition(b"LOCAL\n")
    packed = head[0] + head[1] + zlib.compress(CELLS.tobytes())
    assert np.array_equal(seen(packed, "a.mha"), CELLS)
    turned = metaimage(CELLS[:, ::-1], TransformMatrix="1 0 0 0 -1 0 0 0 1")
    assert np.array_equal(seen(turned, "a.mha"), CELLS)
    assert one(plain, "a.mha").spacing == (0.5, 0.5, 0.5)


def test_metaimage_reads_the_file_beside_it_and_no_other() -> None:
    head = metaimage(CELLS, where="a.raw")
    scan = one(head, "a.mhd", beside={"a.raw": CELLS.tobytes()}.__getitem__)
    assert np.array_equal(scan.x[0], CELLS)
    for elsewhere in ("../a.raw", "/etc/passwd", "LIST", "a%d.raw"):
        with pytest.raises(UnreadableScan, match="another folder"):
            read_scan(metaimage(CELLS, where=elsewhere), "a.mhd", beside=_never)


def _never(name: str) -> bytes:
    raise AssertionError(name)


def test_window_in_units_cuts_and_keeps_the_units() -> None:
    made = settled(one(nifti(CELLS.T, LPS), "a.nii"), ImageSpec(window=(3, 10)), None)
    assert (made.x.min(), made.x.max(), made.bounds, made.scale) == (3, 10, (3, 10), (1, 0))


def test_percentile_and_file_windows_can_be_undone() -> None:
    scan = one(
        dicom(np.array([[0, 40, 100]], np.uint8), WindowCenter=40.5, WindowWidth=81, Modality="MR"), "a.dcm"
    )
    made = settled(scan, ImageSpec(window="file"), None)
    assert (made.x[0, 0] * made.scale[0] + made.scale[1]).tolist() == [
        0,
        40,
        80,
    ]  # 100 lies beyond the window
    whole = np.linspace(-500, 700, 1001, dtype=np.float32).reshape(7, 11, 13)
    made = settled(Scan(VOLUME, whole[None]), ImageSpec(window="percentile"), None)
    low, high = np.percentile(whole, [0.5, 99.5])
    back = made.x * made.scale[0] + made.scale[1]
    assert np.allclose(back, np.clip(whole, low, high), atol=1e-3)
    with pytest.raises(UnreadableScan, match="names no window"):
        settled(Scan(VOLUME, whole[None]), ImageSpec(window="file"), None)


def test_spacing_makes_cells_of_that_many_millimetres_and_size_cuts_them() -> None:
    scan = Scan(VOLUME, np.arange(32, dtype=np.uint8).reshape(1, 2, 4, 4), spacing=(4.0, 1.0, 1.0))
    made = settled(scan, ImageSpec(spacing=2.0), 2)
    assert made.spacing == (2.0, 2.0, 2.0)
    means = scan.x[0].reshape(2, 2, 2, 2, 2).mean(axis=(2, 4))  # (slice, height, width), pairs averaged
    # Depth grows from 2 to 4 slices, of which the middle two are a quarter and three quarters of the way.
    assert np.allclose(made.x[0].astype(float), [0.75 * means[0] + 0.25 * means[1],
                                                  0.25 * means[0] + 0.75 * means[1]], atol=0.5)  # fmt: skip
    with pytest.raises(UnreadableScan, match="how far its cells"):
        settled(Scan(VOLUME, scan.x), ImageSpec(spacing=2.0), 2)


def test_a_flat_stack_of_slices_is_cut_by_millimetres_and_not_by_cells() -> None:
    x = np.zeros((1, 4, 40, 40), dtype=np.uint8)
    x[0, :, 10:30] = 8
    made = settled(Scan(VOLUME, x, spacing=(10.0, 1.0, 1.0)), AS_IS, 4)
    assert made.spacing == (10.0, 10.0, 10.0)  # the whole 40 mm in each direction
    assert made.x[0, 0, :, 0].tolist() == [0, 8, 8, 0]


def test_cutting_and_padding_keep_the_middle() -> None:
    assert cut_or_padded(np.arange(5)[None], 3).tolist() == [[1, 2, 3]]
    assert cut_or_padded(np.array([[4, 5]]), 5).tolist() == [[4, 4, 5, 4, 4]]


def test_a_large_volume_is_resampled_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).random((1, 6, 8, 10), dtype=np.float32)
    whole = regridded(x, (3, 4, 5))
    monkeypatch.setattr("augmentor.data.readers.scan_shape.LARGE", 1)
    assert np.allclose(regridded(x, (3, 4, 5)), whole, atol=1e-6)


def test_formats_are_told_by_their_names() -> None:
    for name, kind in (("x/IM_0003", "DICOM"), ("1.2.840.10008.5", "DICOM"), ("a.NII.GZ", "NIfTI"),
                       ("b.nrrd", "NRRD"), ("b.mhd", "MetaImage"), ("DICOMDIR", "DICOM")):  # fmt: skip
        assert format_of(name) is FORMATS[kind]
    for name in ("README", "a.png", "a.txt", "notes.v2.txt"):
        assert format_of(name) is None

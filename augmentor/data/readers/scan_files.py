"""Datasets of medical files: each file, or each DICOM series, makes a sample or several."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE, VOLUME, Kind
from augmentor.core.samples import Samples
from augmentor.data.loaded import PARTS, Loaded, Originals, SkippedFile
from augmentor.data.readers.decide import READ
from augmentor.data.readers.dicom import DicomHead, head_of_dicom, listed_files
from augmentor.data.readers.dicom_series import Series, group_series, read_series
from augmentor.data.readers.files import Found
from augmentor.data.readers.fingerprints import FINGERPRINTS
from augmentor.data.readers.groups import groups_of, joined_groups
from augmentor.data.readers.places import opened
from augmentor.data.readers.reading import Reading
from augmentor.data.readers.scan import Scan, ScanHead, Sibling, UnreadableScan
from augmentor.data.readers.scan_formats import DICOM, format_of, is_tiled, scan_head
from augmentor.data.readers.scan_privacy import safe_ids
from augmentor.data.readers.scan_samples import Gathered, gathered
from augmentor.data.readers.scan_shape import Settled, settled
from augmentor.data.readers.tree import Tree
from augmentor.data.readers.whole_slide import tiles_of

SIZES: Final = {IMAGE: (128, 64), VOLUME: (48, 32)}
"""By kind: the largest side that is kept where nobody chose one, and the side that others are brought to."""


@dataclass(frozen=True, eq=False)
class Case:
    """What one sample, or the samples of one file, are made of.

    Attributes:
        items: its files.
        kind: of its samples.
        sides: of one of them.
        read: reads it.
        patient: what the files call the patient.
    """

    items: tuple[Found, ...]
    kind: Kind
    sides: tuple[int, ...]
    read: Callable[[], Iterable[Scan]]
    patient: str | None = None


@dataclass
class _Plan:
    """The cases of a dataset, and what cannot be used."""

    cases: list[Case] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    secrets: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_scan_files(tree: Tree, classes: tuple[str, ...], how: Reading, where: str) -> Loaded:
    """Read the medical files that ``tree`` found.

    DICOM files that are slices of one series become one volume, whose id is that of its first slice;
    others are samples by themselves. What most files make decides whether the dataset is one of images or
    of volumes, unless the card says so; the rest is skipped, with the reason. The patient of a sample is
    the card's pattern, the folder or the table; where none of these says it, the one in the DICOM head.

    Args:
        tree: the files, their parts and classes.
        classes: the class names in label order.
        how: size, window, spacing and stack.
        where: names the dataset in errors.

    Raises:
        DataError: if nothing can be read.
    """
    # pydicom and numpy warn about odd heads; what matters of that becomes a reason or a remark.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = _planned(tree, how)
        kind = _decided(plan, how, where)
        cases = [case for case in plan.cases if case.kind == kind]
        size = _size(cases, kind, how, plan.notes)
        read, made = _read(cases, how, size, plan)
    if not made:
        all_skipped = [*tree.skipped, *plan.skipped]
        first = f", e.g. {all_skipped[0].path}: {all_skipped[0].reason}" if all_skipped else ""
        raise DataError(f"no scan in {where} can be read ({len(all_skipped)} files were skipped{first})")
    return _loaded(tree, classes, how, where, plan, read, made)


def _planned(tree: Tree, how: Reading) -> _Plan:
    """Read the heads and find what belongs together."""
    plan = _Plan()
    dicom: list[tuple[Found, DicomHead]] = []
    stack = how.image.stack
    how.progress.start("looking at", len(tree.found))
    for number, item in enumerate(tree.found, start=1):
        form = format_of(item.name, stack)
        try:
            if is_tiled(item.name, how.image):
                plan.cases.append(_tiled(item, how.image.tile or 0))
            elif form is DICOM:
                data = item.read()
                plan.notes += _unlisted(item, listed_files(data), tree)
                dicom.append((item, head_of_dicom(data)))
            elif form is not None:  # those of other sorts are left out before
                plan.cases.append(_one_file(item, form.head(item.read(), item.name, stack), how))
        except UnreadableScan as error:
            plan.skipped.append(SkippedFile(item.id, str(error)))
        except OSError as error:
            plan.skipped.append(SkippedFile(item.id, f"the file cannot be opened: {error.strerror or error}"))
        how.progress.update("looking at", number)
    how.progress.finish("looking at")
    _add_dicom(plan, dicom, how)
    return plan


def _unlisted(item: Found, listed: list[str] | None, tree: Tree) -> list[str]:
    """Return a note on files that a DICOMDIR lists and that are not there."""
    if listed is None:
        return []
    place = item.id.rpartition("/")[0]
    there = {other.id.lower() for other in tree.found}
    n = sum((f"{place}/{name}" if place else name).lower() not in there for name in listed)
    return [f"{n} of the {len(listed)} files that a DICOMDIR lists are not there"] if n else []


def _add_dicom(plan: _Plan, files: Sequence[tuple[Found, DicomHead]], how: Reading) -> None:
    said = None if how.card is None else how.card.modality
    heads = [head for _, head in files]
    plan.secrets |= {item.id: head.secret for item, head in files if head.secret}
    single = list(range(len(files)))
    if said != IMAGE.name:
        grouped = group_series(
            heads,
            keys=[(item.label, item.part) for item, _ in files],
            stack=how.image.stack,
            forced=said == VOLUME.name,
        )
        single = list(grouped.single)
        plan.skipped += [SkippedFile(files[row][0].id, reason) for row, reason in grouped.left]
        plan.cases += [_series_case(series, files, heads) for series in grouped.series]
    for row in single:
        item, head = files[row]
        try:
            plan.cases.append(_one_file(item, scan_head(head, how.image.stack), how))
        except UnreadableScan as error:
            plan.skipped.append(SkippedFile(item.id, str(error)))


def _series_case(series: Series, files: Sequence[tuple[Found, DicomHead]], heads: list[DicomHead]) -> Case:
    first = heads[series.rows[0]]
    return Case(
        tuple(files[row][0] for row in series.rows),
        VOLUME,
        (len(series.rows), first.rows, first.columns),
        lambda: [read_series(series, heads, lambda row: files[row][0].read())],
        first.patient,
    )


def _tiled(item: Found, tile: int) -> Case:
    def read() -> Iterator[Scan]:
        with item.open() as file:
            yield from tiles_of(file, tile)

    return Case((item,), IMAGE, (tile, tile), read)


def _one_file(item: Found, head: ScanHead, how: Reading) -> Case:
    form = format_of(item.name, how.image.stack)
    assert form is not None
    return Case(
        (item,),
        head.kind,
        head.sides,
        lambda: form.read(item.read(), item.name, how.image.stack, _beside(item)),
        head.patient,
    )


def _beside(item: Found) -> Sibling:
    place = item.id.rpartition("/")[0]

    def read(name: str) -> bytes:
        with opened(item.root, f"{place}/{name}" if place else name) as handle:
            return handle.read()

    return read


def _decided(plan: _Plan, how: Reading, where: str) -> Kind:
    """Return what the samples are, and skip what is something else."""
    said = None if how.card is None else how.card.modality
    if said is not None and said not in (IMAGE.name, VOLUME.name):
        raise DataError(f"{where} holds medical files, and its card says modality: {said}; correct the card")
    files = Counter({IMAGE: 0, VOLUME: 0})
    for case in plan.cases:
        files[case.kind] += len(case.items)
    kind = READ[said] if said is not None else max(files, key=lambda one: files[one])
    other = IMAGE if kind == VOLUME else VOLUME
    for case in plan.cases:
        if case.kind == other:
            plan.skipped += [
                SkippedFile(
                    item.id,
                    f"it makes {other.with_article}, and the dataset is one of {kind.plural}; a card with "
                    f"modality: {other.name} takes those instead",
                )
                for item in case.items
            ]
    slices = [case for case in plan.cases if case.kind == kind == VOLUME and len(case.items) > 1]
    if slices and said is None:
        n = sum(len(case.items) for case in slices)
        plan.notes.append(
            f"{n} DICOM files were put together to {len(slices)} volumes, one a series; a card with "
            "modality: image takes each slice by itself"
        )
    return kind


def _size(cases: Sequence[Case], kind: Kind, how: Reading, notes: list[str]) -> int | None:
    size = how.image.size or (how.card.image_size if how.card else None)
    sides = {case.sides for case in cases}
    if size is not None or not sides:
        return size
    largest, usual = SIZES[kind]
    spacing_given = how.image.spacing is not None
    if len(sides) == 1 and max(max(one) for one in sides) <= largest and not spacing_given:
        return None
    low, high = (" x ".join(map(str, one)) for one in (min(sides), max(sides)))
    what = f"from {low} to {high}" if len(sides) > 1 else f"of {low}"
    way = "cut or padded to" if spacing_given else "brought to"
    notes.append(
        f"the {kind.plural} have {len(sides)} sizes, {what} {kind.cell}s; all were {way} {usual} a side. "
        "--set image.size=... chooses another size"
    )
    return usual


def _read(
    cases: Sequence[Case], how: Reading, size: int | None, plan: _Plan
) -> tuple[list[tuple[str, Found, Case]], list[Settled]]:
    """Return (id, first file, case) of every sample, and the samples."""
    rows: list[tuple[str, Found, Case]] = []
    made: list[Settled] = []
    how.progress.start("reading", len(cases))
    ordered = sorted(cases, key=lambda case: case.items[0].id)
    for number, (case, result) in enumerate(_settle(ordered, how, size), start=1):
        if isinstance(result, str):
            plan.skipped += [SkippedFile(item.id, result) for item in case.items]
        else:
            first = case.items[0]
            names = [
                one.part or (f"{place:04d}" if len(result) > 1 else "") for place, one in enumerate(result)
            ]
            rows += [(f"{first.id}#{name}" if name else first.id, first, case) for name in names]
            made += result
        how.progress.update("reading", number)
    how.progress.finish("reading")
    return rows, made


def _settle(
    cases: Sequence[Case], how: Reading, size: int | None
) -> Iterator[tuple[Case, list[Settled] | str]]:
    for case in cases:
        try:
            yield case, [settled(scan, how.image, size) for scan in case.read()]
        except UnreadableScan as error:
            yield case, str(error)
        except OSError as error:
            yield case, f"the file cannot be opened: {error.strerror or error}"
        except MemoryError:
            yield case, "there is not enough memory to read it"


def _loaded(
    tree: Tree,
    classes: tuple[str, ...],
    how: Reading,
    where: str,
    plan: _Plan,
    rows: Sequence[tuple[str, Found, Case]],
    made: Sequence[Settled],
) -> Loaded:
    kept: Gathered = gathered(made, [name for name, _, _ in rows], how, where)
    rows = [rows[place] for place in kept.rows]
    found = [item for _, item, _ in rows]
    groups, notes = groups_of(found, how.card, tree)
    patients, more = _patients(rows)
    if groups is None:
        groups, notes = patients, [*notes, *more]
    elif patients is not None:
        groups = joined_groups(groups, patients)
    names, renamed = safe_ids([name for name, _, _ in rows], plan.secrets)
    skipped, others = safe_ids([item.path for item in plan.skipped], plan.secrets)
    if renamed or others:
        plan.notes.append(
            f"{renamed + others} file names hold the id or name of their patient; these files are called by "
            "a number here and in all that is written. Rename them before you share the folder"
        )
    samples = Samples(
        x=kept.x,
        y=np.array([classes.index(item.label) for item in found], dtype=np.int64),
        classes=classes,
        ids=np.array(names, dtype=np.str_),
        group=groups,
        subgroup=tree.subgroups([item.id for item in found]),
        value_range=kept.value_range,
        calibration=kept.calibration,
        kind=made[0].kind,
    )
    part = np.array([item.part for item in found])
    return Loaded(
        name=how.name,
        card=how.card,
        parts={
            name: samples if (part == name).all() else samples.take(part == name)
            for name in (*PARTS, "all")
            if (part == name).any()
        },
        layout="scans",
        originals=Originals(
            kept.sides,
            kept.channels,
            kept.bits,
            _properties(tree, found, [made[place] for place in kept.rows]),
            labels=samples.y,
        ),
        skipped=(
            *tree.skipped,
            *(SkippedFile(name, item.reason) for name, item in zip(skipped, plan.skipped, strict=True)),
            *kept.skipped,
        ),
        notes=(*tree.notes, *plan.notes, *kept.notes, *notes),
        fingerprints=FINGERPRINTS[made[0].kind.name],
    )


def _properties(
    tree: Tree, found: Sequence[Found], scans: Sequence[Settled]
) -> dict[str, tuple[list[str], npt.NDArray[np.int32]]]:
    """Return what may tell the class by accident: the scanner, the compression, columns of a table."""
    names = sorted({name for scan in scans for name in scan.traits})
    named = {name: [scan.traits.get(name, "not said") for scan in scans] for name in names}
    for name, by_id in tree.properties.items():
        named[f"subgroup {name!r}"] = [by_id.get(item.id, "") for item in found]
    columns = {}
    for name, own in named.items():
        values, codes = np.unique(own, return_inverse=True)
        columns[name] = (values.tolist(), codes.astype(np.int32))
    return columns


def _patients(
    rows: Sequence[tuple[str, Found, Case]],
) -> tuple[np.ndarray[tuple[int], np.dtype[np.str_]] | None, list[str]]:
    """Return the patient of each sample by the heads of the files; frames of one file stay together.

    Patients are numbered: what a head calls them goes no further than here.
    """
    known = sorted({case.patient for _, _, case in rows if case.patient})
    number = {patient: f"patient {place:05d}" for place, patient in enumerate(known)}
    own = [number.get(case.patient or "", f"only {item.id}") for _, item, case in rows]
    if len(known) == 1 and len({item.label for _, item, _ in rows}) > 1:
        note = "all files name the same patient, so the patients are not known"
        own, known = [f"only {item.id}" for _, item, _ in rows], []
        notes = [note]
    else:
        notes = []
    if len(set(own)) == len(own):
        return None, notes
    if known:
        notes.append(f"the DICOM heads name {len(known)} patients; the samples of one stay together")
    return np.array(own, dtype=np.str_), notes

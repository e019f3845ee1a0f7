"""Defects of slices and series: missing, repeated, renumbered, blank, of another patient; each changes a study in place."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from qc_models.errors import InputError
from qc_models.simulation.study_files import StudyFile, StudyFiles

Change = tuple[list[Path], str]  # the files touched, and what was done


def missing_slices(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Takes `strength` interior slices out of one series."""
    return _remove_slices(study, _count(strength), rng)


def missing_fraction(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Takes this fraction of the interior slices, at least one, out of one series."""
    share = _share(strength)
    group = study.choose_slices(rng)
    return _remove(
        study, [group.slices[i] for i in _some(group.interior, max(1, round(share * len(group.interior))), rng)]
    )


def renumbered(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Takes `strength` interior slices out and closes the gaps in InstanceNumber."""
    count = _count(strength)
    group = study.choose_slices(rng, count)
    removed, what = _remove(study, [group.slices[i] for i in _some(group.interior, count, rng)])
    gone = set(removed)
    left = [file for file in study.series[group.series_instance_uid] if file.path not in gone]
    left.sort(key=lambda file: int(file.header.get("InstanceNumber", None) or 0))
    changed = []
    for number, file in enumerate(left, start=1):
        if int(file.header.get("InstanceNumber", None) or 0) != number:
            _edit(file, InstanceNumber=number)
            changed.append(file.path)
    return removed + changed, f"{what}; {len(changed)} instances renumbered"


def duplicate_slice(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Adds `strength` copies of slices of one series: same pixels and position, new SOPInstanceUID and InstanceNumber."""
    count = _count(strength)
    group = study.choose_slices(rng, count)
    numbers = [int(file.header.get("InstanceNumber", None) or 0) for file in study.series[group.series_instance_uid]]
    added = []
    for extra, i in enumerate(_some(group.interior, count, rng), start=1):
        source = group.slices[i][0]
        dataset = pydicom.dcmread(source.path)
        dataset.InstanceNumber = max(numbers) + extra
        _rename(dataset, study.new_uid("duplicate", source.sop_instance_uid))
        added.append(source.path.with_name(f"{source.path.stem}_again{source.path.suffix}"))
        dataset.save_as(added[-1])
    return added, f"{count} slices doubled in series {group.series_instance_uid}"


def conflicting_uid(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Adds `strength` files that carry the SOPInstanceUID of a slice but the pixels of its neighbour."""
    count = _count(strength)
    group = study.choose_slices(rng, count)
    added = []
    for i in _some(group.interior, count, rng):
        source = group.slices[i][0]
        dataset = pydicom.dcmread(source.path)
        _take_pixels(dataset, pydicom.dcmread(group.slices[i + 1][0].path))
        added.append(source.path.with_name(f"{source.path.stem}_conflict{source.path.suffix}"))
        dataset.save_as(added[-1])
    return added, f"{count} SOPInstanceUIDs used for two different images in series {group.series_instance_uid}"


def repeated_pixels(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Gives `strength` interior slices the pixels of their neighbour; headers stay."""
    count = _count(strength)
    group = study.choose_slices(rng, count)
    changed = []
    for i in _some(group.interior, count, rng):
        target = group.slices[i][0]
        dataset = pydicom.dcmread(target.path)
        _take_pixels(dataset, pydicom.dcmread(group.slices[i - 1][0].path))
        dataset.save_as(target.path)
        changed.append(target.path)
    return changed, f"{count} slices of series {group.series_instance_uid} show their neighbour's pixels"


def blank_slices(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Gives `strength` interior slices constant pixels; these files are written without compression."""
    count = _count(strength)
    group = study.choose_slices(rng, count)
    changed = []
    for i in _some(group.interior, count, rng):
        target = group.slices[i][0]
        dataset = pydicom.dcmread(target.path)
        size = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel) * int(dataset.BitsAllocated) // 8
        _store_native(dataset, bytes(size))
        dataset.save_as(target.path, implicit_vr=False, little_endian=True)
        changed.append(target.path)
    return changed, f"{count} slices of series {group.series_instance_uid} hold nothing but 0"


def bad_number(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Leaves a gap of `strength` in the InstanceNumbers of one series, while every slice is there."""
    gap = _count(strength)
    group = study.choose_slices(rng)
    files = sorted(
        study.series[group.series_instance_uid], key=lambda file: int(file.header.get("InstanceNumber", None) or 0)
    )
    start = int(rng.integers(1, len(files)))
    changed = []
    for file in files[start:]:
        _edit(file, InstanceNumber=int(file.header.get("InstanceNumber", None) or 0) + gap)
        changed.append(file.path)
    return changed, f"InstanceNumber jumps by {gap} in series {group.series_instance_uid}"


def reversed_order(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Numbers the instances of `strength` series backwards; positions stay, so that nothing is wrong."""
    count = _count(strength)
    groups = {group.series_instance_uid for group in study.slice_groups}
    if len(groups) < count:
        raise InputError(f"the study: has {len(groups)} series of slices, not {count}; give a smaller strength")
    changed = []
    for uid in sorted(groups)[:count]:
        numbers = [int(file.header.get("InstanceNumber", None) or 0) for file in study.series[uid]]
        for file, number in zip(study.series[uid], numbers, strict=True):
            new = max(numbers) + min(numbers) - number
            if new != number:
                _edit(file, InstanceNumber=new)
                changed.append(file.path)
    return changed, f"instance numbers of {count} series count backwards"


def shuffled(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Renames this share of the files so that their order says nothing; contents stay."""
    files = _some(range(len(study.files)), max(1, round(_share(strength) * len(study.files))), rng)
    paths = [study.files[i].path for i in files]
    order = rng.permutation(len(paths))
    renamed = [path.with_name(f"{int(place):06d}_{path.name}") for path, place in zip(paths, order, strict=True)]
    for path, new in zip(paths, renamed, strict=True):
        path.rename(new)
    return renamed, f"{len(paths)} files renamed in random order"


def missing_series(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Takes the last `strength` series out that are neither localizer nor post-processing."""
    count = _count(strength)
    able = [files for files in study.series.values() if not all(file.is_localizer for file in files)]
    able = [files for files in able if any(file.is_source for file in files)] or able
    if len(able) < count:
        raise InputError(f"the study: has {len(able)} series to take out, not {count}; give a smaller strength")
    files = [file for members in able[len(able) - count :] for file in members]
    return _unlink(study.with_same_instances(files)), f"{count} series removed"


def scout_mixed_in(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Puts `strength` localizer images, turned by 90 degrees and not compressed, into a series of slices."""
    count = _count(strength)
    group = study.choose_slices(rng)
    source = group.slices[len(group.slices) // 2][0]
    number = min(int(file.header.get("InstanceNumber", None) or 0) for file in study.series[group.series_instance_uid])
    added = []
    for extra in range(count):
        dataset = pydicom.dcmread(source.path)
        row, column = dataset.ImageOrientationPatient[:3], dataset.ImageOrientationPatient[3:]
        normal = np.cross([float(v) for v in row], [float(v) for v in column])
        dataset.ImageOrientationPatient = [*row, *(f"{-value:.6f}" for value in normal)]
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.PixelSpacing = [f"{float(value) * 7 / 6:.6f}" for value in dataset.PixelSpacing]
        _store_native(dataset, np.ascontiguousarray(dataset.pixel_array[::-1]).tobytes())
        dataset.InstanceNumber = number - 1 - extra if number > count else extra
        _rename(dataset, study.new_uid("scout", extra, source.sop_instance_uid))
        added.append(source.path.with_name(f"{source.path.stem}_scout{extra}{source.path.suffix}"))
        dataset.save_as(added[-1], implicit_vr=False, little_endian=True)
    return added, f"{count} localizer images in series {group.series_instance_uid}"


def patient_mix_up(study: StudyFiles, strength: float, rng: np.random.Generator) -> Change:
    """Gives `strength` images the identity of another patient; study and series stay."""
    count = _count(strength)
    if len(study.images) <= count:
        raise InputError(
            f"the study: has {len(study.images)} images, so {count} cannot be strangers; give a smaller strength"
        )
    changed = []
    for i in _some(range(len(study.images)), count, rng):
        file = study.images[i]
        _edit(
            file,
            PatientName="Stranger^Quite",
            PatientID=f"X{int(rng.integers(10**7)):08d}",
            PatientBirthDate="19510317",
        )
        changed.append(file.path)
    return changed, f"{count} images of another patient"


def _remove_slices(study: StudyFiles, count: int, rng: np.random.Generator) -> Change:
    group = study.choose_slices(rng, count)
    return _remove(study, [group.slices[i] for i in _some(group.interior, count, rng)])


def _remove(study: StudyFiles, slices: list[tuple[StudyFile, ...]]) -> Change:
    files = study.with_same_instances([file for members in slices for file in members])
    uid = slices[0][0].series_instance_uid
    return _unlink(files), f"{len(slices)} interior slices removed from series {uid}"


def _unlink(files: list[StudyFile]) -> list[Path]:
    for file in files:
        file.path.unlink()
    return [file.path for file in files]


def _edit(file: StudyFile, **keywords: object) -> None:
    dataset = pydicom.dcmread(file.path)
    for keyword, value in keywords.items():
        setattr(dataset, keyword, value)
    dataset.save_as(file.path)


def _rename(dataset: Dataset, sop_instance_uid: str) -> None:
    dataset.SOPInstanceUID = UID(sop_instance_uid)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)


def _take_pixels(dataset: Dataset, source: Dataset) -> None:
    """Pixels of another instance as they are encoded, with all that describes them."""
    for keyword in (
        "SamplesPerPixel PhotometricInterpretation PlanarConfiguration Rows Columns BitsAllocated BitsStored HighBit "
        "PixelRepresentation PixelData"
    ).split():
        if keyword in source:
            dataset[keyword] = source[keyword]
    dataset.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID


def _store_native(dataset: Dataset, data: bytes) -> None:
    """Puts uncompressed pixels in, to be saved in explicit little endian."""
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelData = data + bytes(len(data) % 2)
    dataset["PixelData"].VR = "OW" if int(dataset.BitsAllocated) > 8 else "OB"
    dataset["PixelData"].is_undefined_length = False


def _some(indices: range, count: int, rng: np.random.Generator) -> list[int]:
    return sorted(int(i) for i in rng.choice(np.array(indices), count, replace=False))


def _count(strength: float) -> int:
    if strength < 1 or strength != int(strength):
        raise InputError(f"strength {strength:g} is not a count; give a whole number from 1")
    return int(strength)


def _share(strength: float) -> float:
    if not 0 < strength <= 1:
        raise InputError(f"strength {strength:g} is not a share; give a number above 0, at most 1")
    return strength

"""Special objects: functional groups, mosaics, cine, 4D, tilted blocks, captures, manifests, read back with pydicom."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from qc_models.dicom.header import read_header
from qc_models.errors import InputError
from qc_models.frames import frames_of
from qc_models.simulation.documents import write_manifest
from qc_models.simulation.special_studies import SPECIAL_STUDIES, simulate_special, special_header


def heads(name: str, folder: Path, **options: Any) -> list[Dataset]:
    return [pydicom.dcmread(path) for path in simulate_special(name, folder, **options).files]


def place(head: Dataset) -> tuple[float, ...]:
    return tuple(round(float(value), 3) for value in head.ImagePositionPatient)


@pytest.mark.parametrize("name", SPECIAL_STUDIES)
def test_every_special_study_decodes_and_comes_again_the_same(name: str, tmp_path: Path) -> None:
    first, second = (simulate_special(name, tmp_path / part) for part in ("a", "b"))
    assert [path.read_bytes() for path in first.files] == [path.read_bytes() for path in second.files]
    for path in first.files:
        assert pydicom.dcmread(path).pixel_array.std() > 0


def test_enhanced_ct_describes_each_frame(tmp_path: Path) -> None:
    (head,) = heads("enhanced-ct", tmp_path, num_slices=9)
    assert head.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2.1"
    assert head.NumberOfFrames == len(head.PerFrameFunctionalGroupsSequence) == 9
    assert head.pixel_array.shape == (9, head.Rows, head.Columns)
    z = [float(g.PlanePositionSequence[0].ImagePositionPatient[2]) for g in head.PerFrameFunctionalGroupsSequence]
    assert np.allclose(np.diff(z), 5.0)
    shared = head.SharedFunctionalGroupsSequence[0]
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert shared.PixelValueTransformationSequence[0].RescaleIntercept == -1024


def test_enhanced_mr_counts_times(tmp_path: Path) -> None:
    (head,) = heads("enhanced-mr", tmp_path, num_slices=5, num_times=3)
    content = [group.FrameContentSequence[0] for group in head.PerFrameFunctionalGroupsSequence]
    assert [(item.TemporalPositionIndex, item.InStackPositionNumber) for item in content] == [
        (time, number) for time in (1, 2, 3) for number in (1, 2, 3, 4, 5)
    ]


def test_enhanced_diffusion_has_its_b_values(tmp_path: Path) -> None:
    (head,) = heads("enhanced-mr", tmp_path, num_slices=4, b_values=(0, 1000))
    diffusion = [group.MRDiffusionSequence[0] for group in head.PerFrameFunctionalGroupsSequence]
    assert [item.DiffusionBValue for item in diffusion] == [0.0] * 4 + [1000.0] * 4
    assert {item.DiffusionDirectionality for item in diffusion} == {"NONE", "ISOTROPIC"}
    assert head.pixel_array[4:].mean() < head.pixel_array[:4].mean()


@pytest.mark.parametrize("name", ["enhanced-ct", "enhanced-mr"])
def test_a_frame_of_an_enhanced_object_can_go_missing_or_come_twice(name: str, tmp_path: Path) -> None:
    def z(part: str, **options: int) -> list[float]:
        (head,) = heads(name, tmp_path / part, num_slices=6, **options)
        assert head.NumberOfFrames == len(head.PerFrameFunctionalGroupsSequence) == len(head.pixel_array)
        groups = head.PerFrameFunctionalGroupsSequence
        return [float(group.PlanePositionSequence[0].ImagePositionPatient[2]) for group in groups]

    whole = z("whole")
    assert z("gap", drop_frame=2) == whole[:2] + whole[3:]
    assert z("twice", double_frame=2) == whole[:3] + whole[2:]


def test_a_mosaic_tells_its_tiles(tmp_path: Path) -> None:
    images = heads("mosaic", tmp_path, num_slices=10, num_times=3)
    assert len(images) == 3
    head = images[0]
    assert "MOSAIC" in head.ImageType
    assert head.private_block(0x0019, "SIEMENS MR HEADER")[0x0A].value == 10
    assert (head.Rows, head.Columns) == (4 * 64, 4 * 64)
    assert head.pixel_array[128:192, 128:].max() == 0  # tiles 11 and 12 of the third row are padding
    csa = head.private_block(0x0029, "SIEMENS CSA HEADER")[0x10].value
    assert csa[:4] == b"SV10"
    assert b"SliceNormalVector" in csa


def test_the_first_tile_lies_where_its_slice_lies(tmp_path: Path) -> None:
    series = simulate_special("mosaic", tmp_path, num_slices=10, num_times=1)
    tiles = [frame for frame in frames_of(read_header(series.files[0])) if frame.content == "image"]
    # A volume of 10 slices of 224 mm about (0, 0, 770) begins at its lowest slice's corner.
    expected = (-112 + 1.75, -112 + 1.75, 770 - 4.5 * 4.2)
    assert tiles[0].image_position_patient == pytest.approx(expected, abs=1e-4)
    last = tiles[-1].image_position_patient
    assert last is not None
    assert last[2] == pytest.approx(770 + 4.5 * 4.2, abs=1e-4)


def test_cine_has_every_phase_at_every_slice(tmp_path: Path) -> None:
    images = heads("cine", tmp_path, num_slices=3, num_phases=5)
    pairs = {(place(head), float(head.TriggerTime)) for head in images}
    assert len(images) == len(pairs) == 15
    assert len({time for _, time in pairs}) == 5
    assert {head.CardiacNumberOfImages for head in images} == {5}
    assert len(heads("cine", tmp_path / "gap", num_slices=3, num_phases=5, drop_frame=7)) == 14


def test_4d_comes_with_and_without_labels(tmp_path: Path) -> None:
    labelled = heads("dynamic", tmp_path / "a", num_slices=4, num_times=3)
    plain = heads("dynamic", tmp_path / "b", num_slices=4, num_times=3, labelled=False)
    assert sorted(int(head.TemporalPositionIdentifier) for head in labelled) == [1] * 4 + [2] * 4 + [3] * 4
    assert not any("TemporalPositionIdentifier" in head for head in plain)
    assert len({place(head) for head in plain}) == 4
    assert len({head.AcquisitionTime for head in plain}) == 12


def test_phases_of_one_series_differ_in_number_time_and_contrast(tmp_path: Path) -> None:
    images = heads("multi-phase", tmp_path, num_slices=4)
    assert len({head.SeriesInstanceUID for head in images}) == 1
    assert [int(head.AcquisitionNumber) for head in images] == [1] * 4 + [2] * 4 + [3] * 4
    assert ["ContrastBolusAgent" in head for head in images] == [False] * 4 + [True] * 8
    assert images[4].AcquisitionTime > images[4].ContrastBolusStartTime > images[0].AcquisitionTime


def test_both_echoes_of_a_slice_share_its_place(tmp_path: Path) -> None:
    images = heads("dual-echo", tmp_path, num_slices=4)
    assert [float(head.EchoTime) for head in images] == [2.3, 4.6] * 4
    assert [place(head) for head in images[::2]] == [place(head) for head in images[1::2]]


def test_blocks_have_different_tilts_in_one_series(tmp_path: Path) -> None:
    images = heads("tilted-blocks", tmp_path, num_blocks=3, slices_a_block=4)
    assert len({head.SeriesInstanceUID for head in images}) == 1
    assert len({tuple(head.ImageOrientationPatient) for head in images}) == 3
    assert len(images) == 12


@pytest.mark.parametrize("labelled", [True, False])
def test_a_scout_stands_among_the_slices(labelled: bool, tmp_path: Path) -> None:
    images = heads("scout-in-series", tmp_path, num_slices=6, labelled=labelled)
    assert len({head.SeriesInstanceUID for head in images}) == 1
    assert ["LOCALIZER" in head.ImageType for head in images] == [labelled] + [False] * 6
    assert images[0].ImageOrientationPatient == [1, 0, 0, 0, 0, -1]
    assert images[0].PixelSpacing[0] / images[1].PixelSpacing[0] == pytest.approx(7 / 6, rel=0.01)


def test_captures_are_secondary_and_have_no_geometry(tmp_path: Path) -> None:
    for name, samples in (("secondary-capture", 3), ("dose-page", 1)):
        for head in heads(name, tmp_path / name):
            assert head.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
            assert head.SamplesPerPixel == samples
            assert "ImagePositionPatient" not in head


@pytest.mark.parametrize("title", ["113030", "113032"])
def test_a_manifest_lists_what_it_is_told(title: str, tmp_path: Path) -> None:
    header = special_header("dynamic")
    series = simulate_special("dynamic", tmp_path / "study", num_slices=3, num_times=2)
    path = write_manifest(header, series.files, tmp_path / "ko.dcm", title=title, drop_frame=0)  # type: ignore[arg-type]
    head = pydicom.dcmread(path)
    assert head.Modality == "KO"
    assert head.ConceptNameCodeSequence[0].CodeValue == title
    (evidence,) = head.CurrentRequestedProcedureEvidenceSequence
    (listed,) = evidence.ReferencedSeriesSequence
    assert evidence.StudyInstanceUID == pydicom.dcmread(series.files[0]).StudyInstanceUID
    assert [item.ReferencedSOPInstanceUID for item in listed.ReferencedSOPSequence] == list(
        series.sop_instance_uids[1:]
    )
    assert len(head.ContentSequence) == 5


def test_an_unknown_name_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no special study 'hologram'.*mosaic"):
        simulate_special("hologram", tmp_path)

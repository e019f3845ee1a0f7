"""Simulated studies: every exam item with its components, the same bytes for a seed, and what is left out is left out."""

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from configs.strict import HERE
from qc_models.errors import InputError
from qc_models.exam_item import ExamItem, load_catalogue
from qc_models.simulation.patients import Patient
from qc_models.simulation.study_simulation import SimulatedStudy, simulate_study
from qc_models.simulation.vendors import VENDORS

SmallStudy = Callable[..., SimulatedStudy]
CATALOGUE = load_catalogue(HERE / "exam_items")


def item(item_id: str) -> ExamItem:
    return CATALOGUE.item(item_id)


def bytes_of(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("item_id", CATALOGUE.items)
def test_every_item_yields_a_series_for_each_required_component(item_id: str, small_study: SmallStudy) -> None:
    wanted = item(item_id)
    study = small_study(wanted.id)
    filled = {component for series in study.series for component in series.components}
    assert set(wanted.required) <= filled
    assert len(study.files) == len(set(study.sop_instance_uids)) == len(list(study.folder.rglob("*.dcm")))
    for series in study.series:
        head = pydicom.dcmread(series.files[-1])
        assert head.StudyInstanceUID == study.study_instance_uid
        assert head.SeriesInstanceUID == series.series_instance_uid
        assert head.SOPInstanceUID == series.sop_instance_uids[-1]
        assert head.RequestedProcedureCodeSequence[0].CodeValue == item_id
        assert head.pixel_array.shape == (head.Rows, head.Columns)
        assert head.pixel_array.std() > 0
        if wanted.kvp and "KVP" in head:
            assert wanted.kvp[0] <= head.KVP <= wanted.kvp[1]


@pytest.mark.parametrize("item_id", ["CT-HEAD-C", "CT-CHEST-C", "CT-CTA-COR", "MR-ABD", "MR-PITUITARY", "XR-CSPINE"])
def test_optional_components_come_on_request(item_id: str, small_study: SmallStudy) -> None:
    wanted = item(item_id)
    study = small_study(wanted.id, include_optional=True)
    filled = {component for series in study.series for component in series.components}
    assert {*wanted.required, *wanted.optional} <= filled


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        simulate_study(item("XR-KNEE"), tmp_path / name, size="small", seed=seed)
        simulate_study(item("CT-ORBIT"), tmp_path / name / "ct", size="small", seed=seed)
        simulate_study(item("MR-PITUITARY"), tmp_path / name / "mr", size="small", seed=seed)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    assert not set(bytes_of(tmp_path / "a").values()) & set(bytes_of(tmp_path / "c").values())


@pytest.mark.parametrize(
    ("item_id", "component"),
    [
        ("CT-CHEST", "lung|thin"),
        ("CT-ABD-C", "arterial"),
        ("CT-CTA-HN", "thin"),
        ("MR-HEAD", "AX_DWI"),
        ("XR-MAMMO", "MLO:L"),
    ],
)
def test_a_component_left_out_is_missing_and_the_others_are_there(
    item_id: str, component: str, small_study: SmallStudy
) -> None:
    wanted = item(item_id)
    study = small_study(wanted.id, omit=[component])
    filled = {filled for series in study.series for filled in series.components}
    assert component not in filled
    assert set(wanted.required) - {component} <= filled


def test_without_its_plain_phase_a_study_shows_contrast(small_study: SmallStudy) -> None:
    study = small_study("CT-SINUS", omit=["plain"])
    heads = [pydicom.dcmread(path, stop_before_pixels=True) for series in study.series[1:] for path in series.files]
    assert all("ContrastBolusAgent" in head for head in heads)


def test_what_is_not_thin_is_thicker_than_a_thin_slice(small_study: SmallStudy) -> None:
    study = small_study("CT-CTA-HN", omit=["thin"])
    assert {float(pydicom.dcmread(path).SliceThickness) for path in study.series[1].files} == {2.0}


@pytest.mark.parametrize(
    ("request_", "codes", "texts"), [("code", True, True), ("text", False, True), ("none", False, False)]
)
def test_the_request_is_written_as_asked(request_: str, codes: bool, texts: bool, small_study: SmallStudy) -> None:
    study = small_study("XR-HAND", request=request_)
    head = pydicom.dcmread(study.files[0])
    assert ("RequestedProcedureCodeSequence" in head) is codes
    assert (head.get("RequestedProcedureDescription") == "手正斜位 右侧") is texts
    assert ("StudyDescription" in head) is texts


@pytest.mark.parametrize("vendor", VENDORS)
def test_chinese_text_reads_back_under_every_vendors_character_set(vendor: str, small_study: SmallStudy) -> None:
    patient = Patient("欧阳", "雪梅", "30001", "19600229", "F")
    study = small_study("XR-WRIST", vendor=vendor, patient=patient)
    head = pydicom.dcmread(study.files[0])
    assert head.SpecificCharacterSet == VENDORS[vendor].character_set
    assert "欧阳^雪梅" in (str(head.PatientName), head.PatientName.ideographic)
    assert head.StudyDescription == "腕关节正侧位 右侧"
    assert head.PatientAge == "066Y"
    codec = {"GB18030": "gb18030", "ISO_IR 192": "utf-8"}[VENDORS[vendor].character_set]
    assert "欧阳".encode(codec) in study.files[0].read_bytes()


def test_times_of_a_study_stand_in_order(small_study: SmallStudy) -> None:
    study = small_study("CT-ABD-C", include_optional=True)
    for series in study.series:
        for path in series.files:
            head = pydicom.dcmread(path, stop_before_pixels=True)
            assert head.StudyTime <= head.SeriesTime
            assert head.StudyTime <= head.AcquisitionTime <= head.ContentTime <= head.InstanceCreationTime
            assert head.PatientBirthDate < head.StudyDate == head.AcquisitionDate


def test_small_and_full_differ_in_matrix_alone(tmp_path: Path) -> None:
    small = simulate_study(item("MR-PITUITARY"), tmp_path / "small", size="small")
    full = simulate_study(item("MR-PITUITARY"), tmp_path / "full", size="full")
    assert [len(series.files) for series in small.series] == [len(series.files) for series in full.series]
    a, b = pydicom.dcmread(small.files[-1]), pydicom.dcmread(full.files[-1])
    assert (a.Rows, b.Rows) == (64, 256)
    assert a.Rows * a.PixelSpacing[0] == pytest.approx(b.Rows * b.PixelSpacing[0], rel=1e-5)


def test_wrong_orders_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no component 'arterial'.*plain"):
        simulate_study(item("CT-ABD"), tmp_path, omit=["arterial"])
    with pytest.raises(InputError, match=r"no vendor 'acme'.*siemens"):
        simulate_study(item("CT-ABD"), tmp_path, vendor="acme")
    with pytest.raises(InputError, match="no phantom of region 'finger'"):
        simulate_study(item("XR-HAND").model_copy(update={"region": "finger"}), tmp_path)
    with pytest.raises(InputError, match="2026-09-01"):
        simulate_study(item("XR-HAND"), tmp_path, study_date="2026-09-01")


def test_without_its_only_view_a_radiograph_writes_nothing(tmp_path: Path) -> None:
    assert simulate_study(item("XR-CHEST"), tmp_path, omit=["PA|AP"]).files == ()
    assert list(tmp_path.iterdir()) == []


def test_no_two_series_share_a_number_or_uid(small_study: SmallStudy) -> None:
    study = small_study("MR-HEAD-C", include_optional=True)
    assert max(Counter(series.number for series in study.series).values()) == 1
    assert max(Counter(series.series_instance_uid for series in study.series).values()) == 1

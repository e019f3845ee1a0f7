"""The default catalogue: 67 items, each as the list of items has it, column by column."""

import csv
import re
from pathlib import Path

import pytest

from configs.strict import HERE
from qc_models.exam_item import ExamItem, load_catalogue
from qc_models.region_names import contrast_in, regions_in
from qc_models.vocabulary import DIMENSIONS, ITEM_REGIONS

FOLDER = HERE / "exam_items"
CATALOGUE = load_catalogue(FOLDER)
LIMBS = frozenset("shoulder humerus elbow forearm wrist hand hip femur knee patella tibia ankle foot calcaneus".split())


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict[str, str]]:
    table = shared_data.parent / "items.csv"
    if not table.is_file():
        pytest.skip("the list of items (../shared/items.csv) is not here")
    with table.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def as_row(item: ExamItem) -> dict[str, str]:
    """An item in the columns of the list."""
    scan_range = item.scan_range
    return {
        "id": item.id,
        "modality": item.modality,
        "name_zh": item.name.zh,
        "name_en": item.name.en,
        "region": item.region,
        "laterality": item.laterality,
        "required_components": ";".join(item.required),
        "optional_components": ";".join(item.optional),
        "coverage_from": scan_range.start if scan_range else "",
        "coverage_to": scan_range.end if scan_range else "",
        "max_slice_mm": f"{item.max_slice_mm:g}" if item.max_slice_mm else "",
        "adequacy_criteria": item.criteria,
        "validity_days": str(item.valid_days),
        "min_coverage_mm": f"{scan_range.min_coverage_mm:g}" if scan_range and scan_range.min_coverage_mm else "",
        "region_synonyms": ";".join(item.match.region_synonyms),
    }


def test_every_row_of_the_list_is_an_item_and_every_item_a_row(rows: list[dict[str, str]]) -> None:
    assert {row["id"] for row in rows} == set(CATALOGUE.items)


def test_every_column_is_kept(rows: list[dict[str, str]]) -> None:
    for row in rows:
        found = as_row(CATALOGUE.items[row["id"]])
        assert found == {column: row[column] for column in found}, row["id"]


def test_matrix_and_exposure_are_kept(rows: list[dict[str, str]]) -> None:
    for row in rows:
        item = CATALOGUE.items[row["id"]]
        sides = sorted(map(int, row["min_matrix"].split("x"))) if row["min_matrix"] else None
        assert (list(item.min_matrix) if item.min_matrix else None) == sides, item.id
        range_kv = re.match(r"(\d+)-(\d+) kV", row["technique"])
        assert item.kvp == (tuple(map(float, range_kv.groups())) if range_kv else None), item.id
        words = item.technique or (f"{item.kvp[0]:g}-{item.kvp[1]:g} kV" if item.kvp else "")
        assert words == row["technique"], item.id


def test_there_are_33_x_ray_20_ct_and_14_mr_items() -> None:
    counts = {m: sum(item.modality == m for item in CATALOGUE.items.values()) for m in ("XR", "CT", "MR")}
    assert counts == {"XR": 33, "CT": 20, "MR": 14}


def test_every_item_stands_on_the_five_dimensions_and_its_modality() -> None:
    for item_id in CATALOGUE.items:
        modality = item_id.partition("-")[0].lower()
        line = f"base: [completeness, metadata, body_part, artifacts, adequacy, {modality}]"
        assert line in (FOLDER / f"{item_id}.yaml").read_text(encoding="utf-8").splitlines(), item_id


def test_every_item_is_marked_as_a_default_and_says_where_its_limits_come_from() -> None:
    for item in (*CATALOGUE.items.values(), CATALOGUE.fallback):
        assert "not an official list" in item.source
        assert all(limit.clause for limit in item.limits.values())


def test_every_item_can_be_asked_for_by_its_id_and_its_chinese_name() -> None:
    for item in CATALOGUE.items.values():
        assert item.match.procedure_codes == (item.id,)
        assert item.name.zh in item.match.request_texts


def test_no_two_items_of_a_modality_claim_the_same_words_of_a_request() -> None:
    owners: dict[tuple[str, str], str] = {}
    for item in CATALOGUE.items.values():
        for text in item.match.request_texts:
            key = (item.modality, " ".join(re.findall(r"\w+", text.upper())))
            assert owners.setdefault(key, item.id) == item.id, text


def test_words_of_a_request_name_the_region_of_their_item_or_none() -> None:
    for item in CATALOGUE.items.values():
        known = ITEM_REGIONS[item.region].union(*map(regions_in, item.match.region_synonyms))
        for text in item.match.request_texts:
            named = regions_in(text)
            assert not named or known.intersection(named), (item.id, text, named)


@pytest.mark.parametrize(
    ("item_id", "given"),
    [("CT-HEAD", False), ("CT-CHEST", False), ("CT-ABD", False), ("CT-PELVIS", False), ("MR-HEAD", False)]
    + [("CT-HEAD-C", True), ("CT-CHEST-C", True), ("CT-ABD-C", True), ("CT-PELVIS-C", True), ("MR-HEAD-C", True)],
)
def test_words_of_a_request_never_say_the_opposite_of_the_item(item_id: str, given: bool) -> None:
    for text in CATALOGUE.items[item_id].match.request_texts:
        assert contrast_in(text) in (given, None), text


def test_every_synonym_names_a_region_that_the_item_can_hold() -> None:
    # Shared words stand in the list on purpose: a coronary CTA is filed under the chest, a prostate under the pelvis.
    wider = {
        "CT-CTA-COR": {"chest"},
        "CT-HIP": {"pelvis"},
        "MR-PITUITARY": {"head", "brain"},
        "MR-PROSTATE": {"pelvis"},
        "XR-PATELLA": {"knee"},
        "CT-HEAD": {"skull"},
        "CT-HEAD-C": {"skull"},
        "MR-HEAD": {"skull"},
        "MR-HEAD-C": {"skull"},
    }
    for item in CATALOGUE.items.values():
        known = ITEM_REGIONS[item.region] | wider.get(item.id, set())
        for synonym in item.match.region_synonyms:
            named = regions_in(synonym)
            assert not named or known.intersection(named), (item.id, synonym, named)


# The ten traps, as far as they lie in the data of the catalogue.


def test_an_ap_chest_fills_the_frontal_view_but_a_pa_is_preferred() -> None:
    assert CATALOGUE.items["XR-CHEST"].required == ("PA|AP",)
    assert "bedside" in CATALOGUE.items["XR-CHEST"].criteria


def test_a_limb_joint_takes_every_joint_of_both_limbs() -> None:
    item = CATALOGUE.items["CT-JOINT"]
    assert ITEM_REGIONS[item.region] >= {"shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot"}
    assert item.scan_range is not None
    assert (item.scan_range.start, item.scan_range.end, item.scan_range.min_coverage_mm) == ("", "", 40)


def test_mip_and_reformats_never_stand_for_sources() -> None:
    for item in CATALOGUE.items.values():
        alternatives = {token for component in item.required for token in component.split("|")}
        assert "MIP" not in alternatives
        assert not {"ADC"} & alternatives or "AX_DWI" in alternatives  # ADC alone never fills AX_DWI


def test_plain_never_stands_for_enhanced_beside_it_but_in_the_single_phase_abdomen() -> None:
    phases = {"plain", "enhanced", "arterial", "portal", "delayed"}
    mixed = [
        item.id
        for item in CATALOGUE.items.values()
        for component in item.required
        if "plain" in component.split("|") and len(phases.intersection(component.split("|"))) > 1
    ]
    assert mixed == ["CT-ABDPEL"]


def test_pixel_pitch_is_asked_of_limbs_alone_and_a_matrix_of_the_trunk() -> None:
    for item in CATALOGUE.items.values():
        limb = item.modality == "XR" and item.region in LIMBS
        assert (item.max_pixel_pitch_mm == 0.2) == limb, item.id
        assert not (item.max_pixel_pitch_mm and item.min_matrix), item.id


def test_only_ct_and_mr_limit_the_slice_thickness() -> None:
    for item in CATALOGUE.items.values():
        assert (item.max_slice_mm is not None) == (item.modality in ("CT", "MR")), item.id


def test_spine_pituitary_and_mrcp_have_no_floor_on_their_axial_range() -> None:
    for item_id in ("MR-CSPINE", "MR-TSPINE", "MR-LSPINE", "MR-PITUITARY", "MR-MRCP"):
        scan_range = CATALOGUE.items[item_id].scan_range
        assert scan_range is not None
        assert scan_range.min_coverage_mm is None


@pytest.mark.parametrize(
    ("item_id", "review", "reject", "needs"),
    [("CT-CTA-HN", 250, 200, "ct_enhancement"), ("CT-CTA-COR", 300, None, None), ("CT-CTPA", 250, None, None)],
)
def test_attenuation_of_an_angiography(item_id: str, review: int, reject: int | None, needs: str | None) -> None:
    limit = CATALOGUE.items[item_id].limits["adequacy.enhancement.arterial_hu"]
    assert limit.review is not None
    # Carotids are too narrow for what is measured without a model; elsewhere it asks a person, as it names no vessel.
    assert (limit.review.below, limit.reject and limit.reject.below, limit.needs) == (review, reject, needs)


def test_the_fallback_asks_for_nothing_that_only_an_item_can_ask() -> None:
    fallback = CATALOGUE.fallback
    assert fallback.is_fallback
    assert fallback.required == ()
    assert {limit.of for limit in fallback.limits.values() if fallback.scale(limit.of) is not None} <= {None}
    assert set(fallback.weights) == set(DIMENSIONS)

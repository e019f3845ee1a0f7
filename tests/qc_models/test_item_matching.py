"""Which item a study is matched to, from request, region and roles."""

from pathlib import Path

import pytest

from qc_models.exam_item import Catalogue, load_catalogue
from qc_models.facts import Facts, Request
from qc_models.item_matching import match
from tests.judged_facts import facts, stack

CATALOGUE = Path(__file__).resolve().parents[2] / "configs" / "exam_items"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(CATALOGUE)


def matched(fact: Facts, catalogue: Catalogue) -> list[str]:
    return [entry.item.id for entry in match(fact, catalogue)]


def xr(uid: str, view: str, region: str, side: str | None = None) -> object:
    return stack(uid, view, region=(region,), modality="XR", laterality=side)


def test_one_frontal_chest_is_the_chest_item(catalogue: Catalogue) -> None:
    assert matched(facts(stacks=(xr("1", "PA", "chest"),)), catalogue) == ["XR-CHEST"]


def test_frontal_and_lateral_are_the_two_view_item(catalogue: Catalogue) -> None:
    stacks = (xr("1", "PA", "chest"), xr("2", "LAT", "chest"))
    assert matched(facts(stacks=stacks), catalogue) == ["XR-CHEST-2V"]


def test_the_request_decides_where_the_images_fall_short(catalogue: Catalogue) -> None:
    fact = facts(stacks=(xr("1", "PA", "chest"),), request=Request(texts=("胸部正侧位",)))
    assert matched(fact, catalogue) == ["XR-CHEST-2V"]


def test_a_procedure_code_speaks_before_everything(catalogue: Catalogue) -> None:
    fact = facts(stacks=(xr("1", "PA", "chest"),), request=Request(codes=("XR-RIBS",), texts=("胸部正位",)))
    assert matched(fact, catalogue) == ["XR-RIBS"]


def test_two_regions_are_two_items(catalogue: Catalogue) -> None:
    stacks = (xr("1", "PA", "chest"), xr("2", "PA", "hand"), xr("3", "OBL", "hand"))
    assert sorted(matched(facts(stacks=stacks), catalogue)) == ["XR-CHEST", "XR-HAND"]


def test_a_knee_with_axial_view_is_one_item(catalogue: Catalogue) -> None:
    stacks = tuple(xr(str(i), view, "knee") for i, view in enumerate(("AP", "LAT", "AXIAL")))
    assert matched(facts(stacks=stacks), catalogue) == ["XR-KNEE"]


def test_an_incomplete_examination_is_still_its_item(catalogue: Catalogue) -> None:
    stacks = (
        stack("1", "SAG_T2", region=("lspine",), modality="MR"),
        stack("2", "SAG_T1", region=("lspine",), modality="MR"),
    )
    assert matched(facts(stacks=stacks), catalogue) == ["MR-LSPINE"]


def test_plain_abdomen_and_pelvis_in_one_range_is_the_whole_abdomen(catalogue: Catalogue) -> None:
    stacks = (stack("1", "plain", "thin", region=("abdomen", "pelvis")),)
    assert matched(facts(stacks=stacks), catalogue) == ["CT-ABDPEL"]


def test_chest_and_abdomen_in_one_series_are_two_items(catalogue: Catalogue) -> None:
    stacks = (stack("1", "plain", "thin", region=("chest", "abdomen")),)
    assert sorted(matched(facts(stacks=stacks), catalogue)) == ["CT-ABD", "CT-CHEST"]


def test_a_prostate_examination_is_no_female_pelvis(catalogue: Catalogue) -> None:
    stacks = (stack("1", "AX_T2", region=("prostate", "pelvis"), modality="MR"),)
    assert matched(facts(stacks=stacks), catalogue) == ["MR-PROSTATE"]


def test_a_request_of_which_only_the_scout_came_is_still_its_item(catalogue: Catalogue) -> None:
    fact = facts(stacks=(stack("1", region=("head",), role="LOC"),), request=Request(codes=("CT-HEAD",)))
    assert matched(fact, catalogue) == ["CT-HEAD"]


@pytest.mark.parametrize(
    "stacks",
    [
        (),
        (stack("1", region=("heart",), modality="MR"),),
        (stack("1", "plain", region=()),),
        (stack("1", "plain", region=("chest",), role="LOC"),),
        (stack("1", region=("chest",), modality="US"),),
    ],
)
def test_what_no_item_fits_goes_to_the_fallback(stacks: tuple[object, ...], catalogue: Catalogue) -> None:
    assert matched(facts(stacks=stacks), catalogue) == ["_fallback"]

"""Components are a pure function of facts."""

import dataclasses

import pytest

from qc_models.facts import StackFacts, ViewLabel
from qc_models.roles.components import components_of
from qc_models.vocabulary import COMPONENTS, Laterality

CT = StackFacts("1", 0, "CT", 20, 20, nearest_plane="axial", slice_thickness_mm=5.0, step_mm=5.0)
MR = StackFacts("1", 0, "MR", 20, 20, nearest_plane="sagittal", pixel_spacing_mm=(0.5, 0.5), step_mm=4.0)
XR = StackFacts("1", 0, "XR", 1, 1, role="RADIOGRAPH", roles=("RADIOGRAPH",))


def filled(facts: StackFacts, *roles: str, **changes: object) -> set[str]:
    made = dataclasses.replace(facts, role=roles[0] if roles else None, roles=roles, **changes)  # type: ignore[arg-type]
    tokens = components_of(made, [made])
    assert set(tokens) <= COMPONENTS[made.modality]  # type: ignore[index]
    return set(tokens)


@pytest.mark.parametrize("phase", ["arterial", "portal", "delayed"])
def test_phases_imply_enhanced(phase: str) -> None:
    assert filled(CT, phase) == {phase, "enhanced"}


@pytest.mark.parametrize("role", ["plain", "enhanced", "calcium_score"])
def test_nothing_implies_a_phase(role: str) -> None:
    assert filled(CT, role) == {role}


@pytest.mark.parametrize(("base", "role", "token"), [(CT, "plain", "plain"), (MR, "T2", "SAG_T2"), (MR, "ADC", "ADC")])
def test_one_image_alone_in_its_series_fills_nothing(base: StackFacts, role: str, token: str) -> None:
    assert filled(base, role, num_slices=1, num_frames=1) == set()
    block = dataclasses.replace(base, role=role, roles=(role,), num_slices=1, num_frames=1)
    beside = [block, dataclasses.replace(block, index=1)]  # one slice through each disc, each tilted its own way
    assert components_of(block, beside) == (token,)
    others = [block, dataclasses.replace(block, series_instance_uid="2", index=1)]
    assert components_of(block, others) == ()


def test_one_thick_slab_shows_the_bile_ducts_and_one_radiograph_its_view() -> None:
    assert filled(MR, "MRCP", num_slices=1, num_frames=1) == {"MRCP"}
    assert filled(MR, "MIP", num_slices=1, num_frames=1) == {"MIP"}
    assert filled(XR, "RADIOGRAPH", view=ViewLabel("AP", 1.0)) == {"AP"}


def test_a_plane_is_filled_by_reformats_and_thin_by_axial_slices_alone() -> None:
    assert filled(CT, "plain", nearest_plane="coronal", slice_thickness_mm=1.0, step_mm=1.0) == {"plain", "coronal"}
    assert filled(CT, "plain", "bone", slice_thickness_mm=1.0, step_mm=1.0) == {"plain", "bone", "thin"}
    assert filled(CT, "plain", slice_thickness_mm=1.0, step_mm=1.0, num_slices=1) == {"plain"}


@pytest.mark.parametrize(
    ("role", "tokens"),
    [
        ("T2FS", {"SAG_T2FS"}),
        ("PDFS", {"SAG_PDFS"}),
        ("T1C", {"SAG_T1C"}),
        ("SWI", {"SWI"}),
        ("MRCP", {"MRCP"}),
        ("TOF", {"TOF"}),
        ("ADC", {"ADC"}),
        ("MIP", {"MIP"}),
        *((role, set()) for role in ("LOC", "SUB", "PHASE", "FIELDMAP", "EPI", "CINE", "ASL", "GRE")),
    ],
)
def test_mr_roles(role: str, tokens: set[str]) -> None:
    assert filled(MR, role) == tokens


@pytest.mark.parametrize(
    ("spacing", "step", "number", "planes"),
    [(1.0, 1.0, 160, 3), (1.5, 1.5, 100, 3), (0.5, 3.0, 40, 1), (1.0, 1.0, 20, 1), (2.0, 1.0, 100, 1)],
)
def test_isotropic_volumes_fill_all_planes(spacing: float, step: float, number: int, planes: int) -> None:
    made = filled(MR, "T1", pixel_spacing_mm=(spacing, spacing), step_mm=step, num_slices=number)
    assert len(made) == planes


def test_a_stack_without_geometry_fills_no_plane() -> None:
    assert filled(MR, "T2", nearest_plane=None, step_mm=None) == set()


def test_a_dixon_image_fills_its_weight_too() -> None:
    assert filled(MR, "IN_OUT_PHASE", "T1") == {"IN_OUT_PHASE", "SAG_T1"}


def test_no_role_fills_nothing() -> None:
    assert filled(CT) == set()
    assert filled(MR) == set()
    assert components_of(dataclasses.replace(CT, modality="PT", role="plain", roles=("plain",)), []) == ()


@pytest.mark.parametrize(
    ("view", "side", "tokens"),
    [("PA", None, {"PA"}), ("MLO", "L", {"MLO", "MLO:L"}), ("OBL:R", None, {"OBL", "OBL:R"}), (None, "L", set())],
)
def test_radiographs(view: str | None, side: Laterality | None, tokens: set[str]) -> None:
    assert filled(XR, "RADIOGRAPH", view=ViewLabel(view, 1.0), laterality=side) == tokens

"""Describes the stacks of a study: plane, region, role, view and components of each, for judgements that never see a header."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from qc_models.evidence import StackKey
from qc_models.facts import RegionLabel, StackFacts, ViewLabel
from qc_models.region_names import is_vague
from qc_models.roles.acquisition import name_acquisitions
from qc_models.roles.clues import Clues, clues_of
from qc_models.roles.components import components_of
from qc_models.roles.contrast import contrast_of, injection_time_s
from qc_models.roles.ct_series import assign_ct_roles
from qc_models.roles.draft import Draft
from qc_models.roles.localizer import localizer_source
from qc_models.roles.mr_series import assign_mr_roles
from qc_models.roles.plane import nearest_plane_of, plane_of
from qc_models.roles.region import laterality_of, region_of
from qc_models.roles.seen import ENOUGH, Seen
from qc_models.roles.sequence_fusion import pixels_speak
from qc_models.roles.xr_view import num_views_of, view_of
from qc_models.stack import Stack
from qc_models.study import Study


def describe(
    study: Study, stacks: Sequence[Stack], seen: Mapping[StackKey, Seen] | None = None
) -> tuple[StackFacts, ...]:
    """The facts of each stack of a study, in their order; lengths in mm.

    Parameters speak before words. A pixel model that is more than 0.9 sure speaks of region and view where both are silent or
    vague (of sequences: `sequence_fusion`). Where it contradicts them their word stands, and checks ask a person: what a model
    takes for another part must never make an examination incomplete.
    """
    instances = {instance.sop_instance_uid: instance for instance in study.instances}
    all_seen = [(seen or {}).get((stack.series_instance_uid, stack.index), Seen()) for stack in stacks]
    clues = [clues_of(stack, instances) for stack in stacks]
    regions = [
        _surer_region(each, region_of(clue, stack.modality))
        for stack, clue, each in zip(stacks, clues, all_seen, strict=True)
    ]
    drafts = _drafts(stacks, clues, regions)
    name_acquisitions(drafts)
    _claim_roles(drafts, all_seen)
    facts = [_facts(*row) for row in zip(drafts, regions, all_seen, strict=True)]
    beside: dict[str, list[StackFacts]] = defaultdict(list)
    for fact in facts:
        for home in (fact.series_instance_uid, fact.acquisition):
            beside[home].append(fact)
    return tuple(
        replace(fact, components=components_of(fact, beside[fact.series_instance_uid] + beside[fact.acquisition]))
        for fact in facts
    )


def extent_along_body_mm(stack: Stack) -> tuple[float, float] | None:
    """Lowest and highest point that a stack covers along DICOM z (feet to head), in mm, its slice thickness included.

    Of an axial stack the centres of its slices count, so that a tilted gantry covers no more than it scans.
    """
    if stack.normal is None:
        return None
    axial = nearest_plane_of(stack.normal) == "axial"
    half_thickness = (stack.slice_thickness_mm or stack.step_mm or 0.0) / 2 * abs(stack.normal[2])
    corners: list[float] = []
    for frame in stack.frames:
        if frame.image_position_patient is None or frame.image_orientation_patient is None:
            return None
        row_mm, column_mm = frame.pixel_spacing_mm or (0.0, 0.0)
        right = frame.image_orientation_patient[2] * column_mm * (frame.columns - 1)
        down = frame.image_orientation_patient[5] * row_mm * (frame.rows - 1)
        z = frame.image_position_patient[2]
        if axial:
            corners.append(z + (right + down) / 2)
        else:
            corners += (z, z + right, z + down, z + right + down)
    return (min(corners) - half_thickness, max(corners) + half_thickness)


def _drafts(stacks: Sequence[Stack], clues: Sequence[Clues], regions: Sequence[RegionLabel]) -> list[Draft]:
    injected_s = injection_time_s(clues)
    return [
        Draft(
            stack,
            clue,
            nearest_plane_of(stack.normal),
            region.label,
            extent_along_body_mm(stack),
            contrast_of(clue, stack, injected_s),
        )
        for stack, clue, region in zip(stacks, clues, regions, strict=True)
    ]


def _claim_roles(drafts: Sequence[Draft], seen: Sequence[Seen]) -> None:
    series: dict[str, list[Stack]] = defaultdict(list)
    most_slices: dict[str, int] = defaultdict(int)
    for draft in drafts:
        stack = draft.stack
        series[stack.series_instance_uid].append(stack)
        most_slices[stack.modality] = max(most_slices[stack.modality], stack.num_slices)
    for draft in drafts:
        stack = draft.stack
        source = localizer_source(stack, draft.clues, series[stack.series_instance_uid], most_slices[stack.modality])
        if source is not None:
            draft.claim(source, "LOC")
        elif stack.modality == "XR":
            draft.claim("header", "RADIOGRAPH")
            draft.derived = "GENERATED_2D" in draft.clues.words  # made of a tomosynthesis
    assign_ct_roles([draft for draft in drafts if draft.stack.modality == "CT"])
    assign_mr_roles([draft for draft in drafts if draft.stack.modality == "MR"])
    for draft, each in zip(drafts, seen, strict=True):
        if pixels_speak(draft.roles, draft.source, each) and not draft.derived:
            draft.claim("pixels", each.role)


def _facts(draft: Draft, region: RegionLabel, seen: Seen) -> StackFacts:
    stack, clues = draft.stack, draft.clues
    frame = clues.frame
    return StackFacts(
        series_instance_uid=stack.series_instance_uid,
        index=stack.index,
        modality=stack.modality,
        num_slices=stack.num_slices,
        num_frames=len(stack.frames),
        plane=plane_of(stack.normal),
        nearest_plane=draft.nearest_plane,
        role=draft.role,
        role_source=draft.source,
        roles=draft.roles,
        region=region,
        view=_surer_view(seen, view_of(clues, region.label)) if stack.modality == "XR" else ViewLabel(),
        laterality=laterality_of(clues),
        derived=draft.derived,
        num_views=num_views_of(clues, region.label) if stack.modality == "XR" else 1,
        rows=frame.rows,
        columns=frame.columns,
        pixel_spacing_mm=frame.pixel_spacing_mm,
        slice_thickness_mm=stack.slice_thickness_mm,
        step_mm=stack.step_mm,
        extent_mm=draft.extent_mm,
        length_mm=stack.extent_mm,
        frame_of_reference_uid=frame.frame_of_reference_uid,
        acquisition=draft.acquisition,
        kvp=clues.number("KVP"),
        b_values=draft.b_values,
    )


def _surer_region(seen: Seen, read: RegionLabel) -> RegionLabel:
    """What was read, unless nothing was, or something vague, and a pixel model is sure."""
    open_ = not read.label or is_vague(read.label)
    return seen.region if seen.region is not None and open_ and seen.region.probability > ENOUGH else read


def _surer_view(seen: Seen, read: ViewLabel) -> ViewLabel:
    """What was read, unless nothing was and a pixel model is sure."""
    sure = seen.view is not None and seen.view.probability > ENOUGH
    return seen.view if seen.view is not None and sure and read.label is None else read

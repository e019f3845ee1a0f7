"""The contrast phase of CT stacks: injection time, agent, the text of the series, the order of several passes, the study's text."""

from collections.abc import Iterable, Sequence

from qc_models.region_names import contrast_in
from qc_models.roles.contrast import phase_after
from qc_models.roles.draft import Draft, same_coverage
from qc_models.roles.text_roles import role_in_text
from qc_models.vocabulary import CT_PHASES, Source

# Between passes, counted from the arterial one.
STILL_ARTERIAL_S, STILL_PORTAL_S = 15.0, 75.0
SCORE_THICKNESS_MM = (2.4, 3.1)  # the protocol of Agatston: 3 mm, or 2.5 mm on GE

ENHANCED_PHASES = frozenset({"enhanced", "arterial", "portal", "delayed"})
_AGENT_PHASES = {
    "PRE_CONTRAST": "plain",
    "POST_CONTRAST": "enhanced",
    "ARTERIAL": "arterial",
    "PORTAL_VENOUS": "portal",
    "VENOUS": "portal",
    "DELAYED": "delayed",
}
_STUDY_TEXTS = (
    "ProtocolName",
    "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
    "StudyDescription",
)
_PRECISE = (
    "arterial",
    "portal",
    "delayed",
    "calcium_score",
    "enhanced",
    "plain",
)  # the first that one reconstruction knows


def assign_phases(drafts: Sequence[Draft]) -> None:
    """Gives each CT draft without a role its phase."""
    open_drafts = [draft for draft in drafts if draft.role is None]
    for draft in open_drafts:
        _by_header_and_series(draft)
    _share_within_acquisitions(open_drafts)
    _by_study_text(open_drafts)
    _name_enhanced_passes(open_drafts)
    for draft in open_drafts:
        if draft.role is None:
            draft.claim("header", "plain")  # nothing anywhere speaks of contrast


def _by_header_and_series(draft: Draft) -> None:
    clues, contrast = draft.clues, draft.contrast
    said = role_in_text(clues.description, "CT")
    said = said if said in CT_PHASES else None
    coded = _AGENT_PHASES.get(clues.text("ContrastBolusAgentPhase"))
    if coded is not None:
        draft.claim("header", coded)
    elif contrast.seconds is not None:
        draft.claim("header", phase_after(contrast.seconds))
    elif contrast.given is False:
        draft.claim("header", "calcium_score" if said == "calcium_score" or _is_calcium_score(draft) else "plain")
    elif said is not None and (said != "enhanced" or contrast.given is None):
        # An agent may be entered once for the whole examination: a series that calls itself plain is.
        draft.claim("text", said)
    elif contrast.given:
        draft.claim("header", "enhanced")
    elif _is_calcium_score(draft):
        draft.claim("header", "calcium_score")


def _is_calcium_score(draft: Draft) -> bool:
    """Gated slices of 2.5-3 mm of a heart, where nothing was injected."""
    clues, thickness = draft.clues, draft.stack.slice_thickness_mm
    gated = (
        clues.number("NominalPercentageOfCardiacPhase") is not None
        or clues.header.has_value("CardiacSynchronizationTechnique")
        or any("CARD" in word or "ECG" in word for word in clues.texts("ScanOptions"))
        or (clues.number("HeartRate") or 0) > 0
    )
    thin_enough = thickness is not None and SCORE_THICKNESS_MM[0] <= thickness <= SCORE_THICKNESS_MM[1]
    return gated and thin_enough and "heart" in draft.regions


def _share_within_acquisitions(drafts: Sequence[Draft]) -> None:
    """What one reconstruction of an acquisition knows, all know."""
    by_acquisition: dict[str, list[Draft]] = {}
    for draft in drafts:
        by_acquisition.setdefault(draft.acquisition, []).append(draft)
    for members in by_acquisition.values():
        known = [draft for draft in members if draft.role]
        if known:
            best = min(known, key=lambda draft: _PRECISE.index(draft.role or "plain"))
            for draft in members:
                if draft.role in (None, "enhanced"):
                    draft.claim(best.source, best.role)


def _by_study_text(drafts: Sequence[Draft]) -> None:
    """What only the description of the examination tells: the passes of a place are enhanced, but for the first of several."""
    if any(draft.role in ENHANCED_PHASES for draft in drafts):
        return  # the series of this study tell contrast themselves: a pass that does not is plain
    for draft in [draft for draft in drafts if draft.role is None]:
        texts = [draft.clues.text(keyword) for keyword in _STUDY_TEXTS]
        said = {role_in_text(text, "CT") for text in texts} & CT_PHASES
        if any(contrast_in(text) for text in texts):
            passes = _passes(draft, drafts)
            first = min(passes, key=_begin)
            several = len({other.acquisition for other in passes}) > 1
            phases = sorted(said & ENHANCED_PHASES, key=_PRECISE.index)
            draft.claim(
                "text", "plain" if several and draft.acquisition == first.acquisition else (*phases, "enhanced")[0]
            )
        elif "plain" in said:
            draft.claim("text", "plain")


def _name_enhanced_passes(drafts: Sequence[Draft]) -> None:
    """Names the phase of passes known as enhanced alone: by their order; or portal, where an abdomen has but one.

    A routine abdomen is scanned once, 60-80 s after the injection. Of several passes the first is taken as arterial.
    """
    enhanced = [draft for draft in drafts if draft.role in ENHANCED_PHASES]
    named: list[tuple[Draft, Source, str]] = []
    for draft in (draft for draft in enhanced if draft.role == "enhanced"):
        passes = _passes(draft, enhanced)
        several = len({other.acquisition for other in passes}) > 1
        arterial = [other for other in passes if other.role == "arterial"]
        if (
            several
            and all(other.taken_s for other in passes)
            and (arterial or all(other.role == "enhanced" for other in passes))
        ):
            later_s = _begin(draft) - min(map(_begin, arterial or passes))
            phase = "arterial" if later_s < STILL_ARTERIAL_S else "portal" if later_s < STILL_PORTAL_S else "delayed"
            named.append((draft, "header", phase))
        elif not several and {"abdomen", "pelvis"} & set(draft.regions):
            named.append((draft, "text", "portal"))
    for draft, source, phase in named:
        draft.claim(source, phase)


def _passes(draft: Draft, drafts: Iterable[Draft]) -> list[Draft]:
    """All stacks over the same place, of whatever acquisition, the draft among them."""
    return [other for other in drafts if other is draft or same_coverage(draft, other)]


def _begin(draft: Draft) -> float:
    return draft.taken_s[0] if draft.taken_s else 0.0

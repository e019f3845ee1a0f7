"""The roles of the MR stacks of a study: weighting, contrast agent, and what only several stacks together show."""

import re
from collections import defaultdict
from collections.abc import Sequence

from qc_models.roles.clues import Clues
from qc_models.roles.draft import Draft
from qc_models.roles.mr_repetition import find_cine, find_dynamic, find_in_and_out_of_phase
from qc_models.roles.mr_sequence import Pulse, pulse_of, read_weighting
from qc_models.roles.text_roles import fat_saturated_in, role_in_text, series_contrast_in

_FAT_SATURATED = {"T2": "T2FS", "PD": "PDFS"}
_WITHOUT_SUFFIX = {"T2FS": "T2", "PDFS": "PD", "T1C": "T1"}  # fat saturation and contrast agent are decided apart
_MAPS = frozenset(
    "FA,TTP,CBF,CBV,MTT,TMAX,RCBV,RCBF,RELCBF,RELCBV,GBP,PBP,T1MAP,T2MAP,T2STARMAP,T1 MAP,T2 MAP,R2,R2STAR,EADC,EXP_ADC,KTRANS,"
    "COLFA,TENSOR,TENSOR_B0,FAT_FRACTION,PFF".split(",")
)
# What ImageType calls an image that was calculated, or is no picture of weights.
_CALCULATED = {
    "ADC": frozenset({"ADC", "ADC_UNSPECIFIED", "ADCMAP", "ADC_MAP"}),
    "SUB": frozenset({"SUB", "SUBTRACTION", "SUBTRACT"}),
    "MIP": frozenset({"MIP", "MAX_IP", "MINIP", "MIN_IP", "MNIP", "PROJECTION IMAGE", "PROJECTION"}),
    "FIELDMAP": frozenset({"B0 MAP", "B0_MAP", "FIELDMAP", "FIELD MAP"}),
    "PHASE": frozenset({"P", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP", "PHASE_CONTRAST"}),
    "SWI": frozenset({"SWI"}),
}
_FAT_ALONE = frozenset({"F", "FAT"})  # of a spin echo; that of a gradient echo may be one of a pair
_ADC_NAME = re.compile(r"EP.?_?B\d+_\d+")  # Siemens: *ep_b0_1000


def assign_mr_roles(drafts: Sequence[Draft]) -> None:
    """Gives the MR drafts of one study without a role theirs."""
    open_drafts = [draft for draft in drafts if draft.role is None]
    series: dict[str, list[Draft]] = defaultdict(list)
    for draft in open_drafts:
        series[draft.stack.series_instance_uid].append(draft)
    pulses = {id(draft): pulse_of(draft.clues) for draft in open_drafts}
    texts_tell_contrast = len({bool(_contrast_said(draft)) for draft in open_drafts}) == 2
    for members in series.values():
        b_values = _read_b_values(members)
        for draft in members:
            pulse = pulses[id(draft)]
            if not _claim_calculated(draft) and (pulse.gradient_echo or not draft.clues.words & _FAT_ALONE):
                _claim_weighting(draft, pulse, b_values)
            if draft.role == "T1" and _enhanced(draft, texts_tell_contrast):
                draft.claim("header" if draft.contrast.given else "text", "T1C")
    gradient = [draft for draft in open_drafts if pulses[id(draft)].gradient_echo]
    for members in series.values():
        find_cine([draft for draft in members if pulses[id(draft)].gradient_echo])
    find_dynamic([draft for draft in gradient if draft.role in ("T1", "T1C")], pulses)
    find_in_and_out_of_phase(gradient)


def _read_b_values(series: Sequence[Draft]) -> tuple[float, ...]:
    """Tells the stacks of one series their b-values, and returns all; where some frames have one, the others have none: 0."""
    known = {frame.diffusion_b_value for draft in series for frame in draft.stack.frames} - {None}
    if not known:
        return ()
    for draft in series:
        draft.b_values = tuple(sorted({frame.diffusion_b_value or 0.0 for frame in draft.stack.frames}))
    return tuple(sorted({b for draft in series for b in draft.b_values}))


def _claim_calculated(draft: Draft) -> bool:
    """Maps, projections, subtractions and phase images, as ImageType (PS3.3 C.8.3.1.1.1) or the description names them."""
    clues = draft.clues
    if clues.words & _MAPS or (clues.number("SamplesPerPixel") or 1) > 1:
        draft.derived = True
        return True
    named = next((role for role, words in _CALCULATED.items() if words & clues.words), None)
    if named is None and _ADC_NAME.search(clues.text("SequenceName")):
        named = "ADC"
    said = role_in_text(clues.description, "MR")
    if named is not None:
        draft.claim("header", named)
    elif said in ("ADC", "SUB", "MIP"):
        draft.claim("text", said)
    draft.derived = draft.role in ("ADC", "SUB", "MIP", "FIELDMAP") or clues.words >= {"DERIVED", "MPR"}
    return draft.role is not None


def _claim_weighting(draft: Draft, pulse: Pulse, b_values: Sequence[float]) -> None:
    """What the parameters say, unless they leave a doubt that a text removes."""
    reading = read_weighting(pulse, b_values)
    said = _said(draft.clues)
    if reading.certain and said not in reading.unless:
        said = None
    role = said or reading.role
    if said is None and role == "MRCP" and draft.regions and "abdomen" not in draft.regions:
        role = "T2"  # fluid around the spinal cord or in the inner ear
    role = _WITHOUT_SUFFIX.get(role or "", role)
    if pulse.fat_suppressed or fat_saturated_in(draft.clues.description):
        role = _FAT_SATURATED.get(role or "", role)
    draft.claim("text" if said else "header", role)


def _said(clues: Clues) -> str | None:
    """What description or protocol name say, localizers aside: those are decided before."""
    for text in (clues.description, clues.text("ProtocolName")):
        role = role_in_text(text, "MR")
        if role not in (None, "LOC", "DYNAMIC", "CINE", "IN_OUT_PHASE"):
            return role
    return None


def _contrast_said(draft: Draft) -> bool | None:
    said = series_contrast_in(draft.clues.description)
    return said if said is not None else series_contrast_in(draft.clues.text("ProtocolName"))


def _enhanced(draft: Draft, texts_tell: bool) -> bool:
    """Whether a T1 image shows contrast agent: the clock of the injection first.

    An agent without a time may have been entered for the whole examination; where texts tell series apart, they decide.
    """
    contrast, said = draft.contrast, _contrast_said(draft)
    if contrast.given is False or contrast.seconds is not None:
        return contrast.given is True
    if contrast.given:
        return said is True if texts_tell else said is not False
    return said is True

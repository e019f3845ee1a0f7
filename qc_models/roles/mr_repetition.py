"""What only several MR images of one place show: beating hearts, passes of contrast agent, fat in and out of phase."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from qc_models.roles.draft import Draft, same_coverage
from qc_models.roles.mr_sequence import Pulse
from qc_models.roles.text_roles import role_in_text

CINE_PHASES = 5  # of one slice, within a heartbeat
HEARTBEAT_MS = (200.0, 3000.0)  # what the phases of one span
CONTRAST_PASSES = 3
MANY_PASSES = 10  # of one fast volume: nobody repeats it so often without an agent
FAST_VOLUME_TR_MS = 20.0
FAT_WATER_HZ_PER_T = 144.8  # 3.4 ppm of 42.58 MHz/T: opposed at 2.3 ms, in phase at 4.6 ms of 1.5 T
PHASE_TOLERANCE = 0.22  # of a turn
LONGEST_OPPOSED_TE_MS = 25.0

_WORDS = {
    "water": frozenset({"W", "WATER"}),
    "fat": frozenset({"F", "FAT"}),
    "in": frozenset({"IP", "IN_PHASE", "INPHASE"}),
    "out": frozenset({"OP", "OUT_PHASE", "OPP_PHASE", "OUTPHASE"}),
}
_TEXTS = (
    ("water", re.compile(r"^WATER\b|DIXON.*[_ ]W(?:ATER)?$|水像")),
    ("fat", re.compile(r"^FAT ?:|DIXON.*[_ ]F(?:AT)?$|脂像")),
    ("out", re.compile(r"\b(?:OUT|OPP\w*)(?: OF)?[_ ]?PHASE|DIXON.*[_ ]OPP$|(?<!同)反相")),
    ("in", re.compile(r"\bIN[_ ]?PHASE|DIXON.*[_ ]IN$|同相")),
)


def find_cine(series: Sequence[Draft]) -> None:
    """Marks the gradient echoes of one series that show a place at five phases of one heartbeat or more."""
    candidates = [draft for draft in series if draft.role not in ("PHASE", "EPI", "DWI", "TOF", "FIELDMAP")]
    times: dict[object, set[float]] = defaultdict(set)
    for draft in candidates:
        for frame in draft.stack.frames:
            if frame.trigger_time_ms is not None:
                times[frame.image_position_patient].add(frame.trigger_time_ms)
    phases = max(times.values(), key=len, default=set())
    if len(phases) >= CINE_PHASES and HEARTBEAT_MS[0] < max(phases) - min(phases) < HEARTBEAT_MS[1]:
        for draft in candidates:
            draft.claim("header", "CINE")


def find_dynamic(drafts: Sequence[Draft], pulses: Mapping[int, Pulse]) -> None:
    """Marks three passes or more of one fast T1 volume with contrast agent, in one series or in several."""
    fast = [draft for draft in drafts if (pulses[id(draft)].repetition_time or FAST_VOLUME_TR_MS) < FAST_VOLUME_TR_MS]
    dynamic: list[Draft] = []
    for draft in fast:
        alike = [other for other in fast if _same_volume(draft, other)]
        own = [other for other in alike if other.stack.series_instance_uid == draft.stack.series_instance_uid]
        passes = _passes(own)
        agent = any(other.role == "T1C" for other in own) or role_in_text(draft.clues.description, "MR") == "DYNAMIC"
        in_series = passes >= (CONTRAST_PASSES if agent else MANY_PASSES)
        enhanced = {other.acquisition for other in alike if other.role == "T1C"}
        if in_series or (draft.role == "T1C" and len(enhanced) >= CONTRAST_PASSES):
            dynamic.append(draft)
    for draft in dynamic:
        draft.claim(draft.source, "DYNAMIC", "T1C")


def _passes(drafts: Sequence[Draft]) -> int:
    """How often a volume was taken; the water and fat images of one pass count once."""
    times: dict[tuple[str, int | None], int] = {}
    for draft in drafts:
        key = (draft.acquisition, draft.stack.frames[0].temporal_position)
        times[key] = max(times.get(key, 0), *draft.stack.frames_per_slice)
    return sum(times.values())


def find_in_and_out_of_phase(drafts: Sequence[Draft]) -> None:
    """Marks gradient echoes of one place that show water and fat apart, or in and out of phase: two of the four at least."""
    kinds = {id(draft): kind for draft in drafts if (kind := _named_kind(draft) or _timed_kind(draft)) is not None}
    for draft in [draft for draft in drafts if id(draft) in kinds]:
        partners = {kinds[id(other)] for other in drafts if id(other) in kinds and _together(draft, other)}
        kind = kinds[id(draft)]
        if len(partners) < 2:
            if kind == "fat" or (kind == "out" and _named_kind(draft)):
                draft.roles = ()
        elif kind == "fat":
            draft.claim("header", "IN_OUT_PHASE")
        elif kind == "water" or draft.role in ("T1C", "DYNAMIC"):
            draft.claim(draft.source, *draft.roles, "IN_OUT_PHASE")
        else:
            draft.claim("header", "IN_OUT_PHASE", *draft.roles)


def _named_kind(draft: Draft) -> str | None:
    named = (kind for kind, words in _WORDS.items() if draft.clues.words & words)
    told = (kind for kind, pattern in _TEXTS if pattern.search(draft.clues.description))
    return next(named, None) or next(told, None)


def _timed_kind(draft: Draft) -> str | None:
    """In or out of phase by echo time and field; None for the head, whose short echoes measure the field instead."""
    echo, field = draft.clues.frame.echo_time_ms, draft.clues.number("MagneticFieldStrength")
    if not echo or not field or echo > LONGEST_OPPOSED_TE_MS or {"head", "brain"} & set(draft.regions):
        return None
    if draft.role not in ("T1", "T1C"):
        return None
    tesla = field / 10_000 if field > 100 else field  # some write gauss
    turn = echo / 1000 * FAT_WATER_HZ_PER_T * tesla % 1
    if abs(turn - 0.5) <= PHASE_TOLERANCE:
        return "out"
    return "in" if min(turn, 1 - turn) <= PHASE_TOLERANCE else None


def _together(a: Draft, b: Draft) -> bool:
    """Whether two images may be a pair: one volume, and one series or acquisition, or both named for what they are."""
    near = a.stack.series_instance_uid == b.stack.series_instance_uid or a.acquisition == b.acquisition
    return a is b or ((near or bool(_named_kind(a) and _named_kind(b))) and _same_volume(a, b))


def _same_volume(a: Draft, b: Draft) -> bool:
    one, other = a.stack, b.stack
    return (
        a.nearest_plane == b.nearest_plane
        and (one.frames[0].rows, one.frames[0].columns) == (other.frames[0].rows, other.frames[0].columns)
        and abs(one.num_slices - other.num_slices) * 5 <= one.num_slices
        and same_coverage(a, b)
    )

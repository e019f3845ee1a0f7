"""Whether contrast agent was in the patient when a stack was taken, and for how long: injection time first, agent second."""

from collections.abc import Iterable
from dataclasses import dataclass

from qc_models.frames import time_of_day_s
from qc_models.roles.clues import Clues
from qc_models.stack import Stack

# Between the routine timings of the abdomen: arterial 25-35 s after the injection, portal venous 60-70 s, delayed from 3 minutes.
ARTERIAL_TO_S, PORTAL_TO_S = 50.0, 120.0
LONGEST_S = 2 * 3600.0  # what was injected earlier is another examination's, or a wrong clock
_NO_AGENT = frozenset("OFF NO NONE N NA N/A NULL 0 - NIL WITHOUT W/O WO NON PLAIN UNKNOWN C- 无 平扫 否".split())
_NOT_INTO_A_VEIN = ("ORAL", "RECTAL", "口服", "BARIUM", "WATER", "AIR")


@dataclass(frozen=True, slots=True)
class Contrast:
    """What the header tells: `given` is None where it says nothing; `seconds` since the injection, where times are known."""

    given: bool | None = None
    seconds: float | None = None


def injection_time_s(all_clues: Iterable[Clues]) -> float | None:
    """The earliest ContrastBolusStartTime of a study, in seconds since midnight."""
    times = (time_of_day_s(clues.text("ContrastBolusStartTime")) for clues in all_clues)
    return min((time for time in times if time is not None), default=None)


def phase_after(seconds: float) -> str:
    """The CT phase at a time after the injection, in seconds."""
    return "arterial" if seconds < ARTERIAL_TO_S else "portal" if seconds < PORTAL_TO_S else "delayed"


def contrast_of(clues: Clues, stack: Stack, injected_s: float | None) -> Contrast:
    """What the header and the injection time of the whole study tell about one stack (PS3.3 C.7.6.4, C.7.6.4b)."""
    own = time_of_day_s(clues.text("ContrastBolusStartTime"))
    start = own if own is not None else injected_s
    began = min(
        (frame.acquisition_time_s for frame in stack.frames if frame.acquisition_time_s is not None), default=None
    )
    if start is not None and began is not None and -LONGEST_S < began - start < LONGEST_S:
        return Contrast(began >= start, began - start if began >= start else None)
    administered = clues.text("ContrastBolusAgentAdministered")
    if administered in ("YES", "NO"):
        return Contrast(administered == "YES")
    return Contrast(True if _agent_named(clues) else None)


def _agent_named(clues: Clues) -> bool:
    """Whether the header names an agent that goes into a vein; `off`, `NO` and the like name none."""
    agents = [clues.text("ContrastBolusAgent")]
    agents += [item.text("CodeMeaning") or "" for item in clues.header.items("ContrastBolusAgentSequence")]
    named = [agent for agent in agents if agent and agent not in _NO_AGENT]
    route = clues.text("ContrastBolusRoute")
    by_vein = "IV" in route or "VEN" in route or any("IV" in agent for agent in named)
    elsewhere = [text for text in (*named, route) if any(word in text for word in _NOT_INTO_A_VEIN)]
    return bool(named) and (by_vein or not elsewhere)

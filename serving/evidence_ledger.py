"""Weighs what speaks for and against a study being all there: closed or not, how sure, and when to look again.

Nothing in DICOM says that a study has ended. The odds that nothing more comes grow with the quiet since its last instance, as
a power of it, because breaks between instances have a long tail; each evidence multiplies them. A study closes where the
confidence reaches the setting's, or after the longest wait, whatever it still lacks. Factors are judgement, not calibration:
the confidence orders studies by how surely they were whole, and is no measured frequency.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any, Literal

from pydantic import Field

from configs.strict import Strict

START = 0.25  # odds at the last instance, and
GROWTH = 4.0  # power: 0.25 * 2 ** 4 is 4 to 1 after one usual quiet
PAUSES = 3.0  # a sender that paused for so long will be waited for thrice as long
ACQUISITION_CONTENT = "113034"  # Complete Acquisition Content (PS3.16 CID 7010); the others list a whole study

Says = Literal["whole", "lacking"]


class Closing(Strict):
    """When a study counts as all there; times in seconds."""

    quiet_s: float = Field(default=60, gt=0)  # with no other evidence a study closes after it, at a confidence of 0.8
    confidence: float = Field(default=0.8, gt=0, lt=1)
    settle_s: float = Field(default=2, ge=0)  # waited for at least, whatever speaks for the end
    longest_s: float = Field(default=3600, gt=0)  # waited for at most, whatever is lacking
    first_look_s: float = Field(default=3, ge=0)  # from the first instance to the look at its headers
    off_peak_days: int = Field(
        default=14, ge=1
    )  # examinations older than this come from an archive, and nobody waits for them


@dataclass(frozen=True, slots=True)
class Manifest:
    """A key object document that lists a study (113032 and its kin) or an acquisition (113034), and what of it is not here."""

    code: str
    num_listed: int
    num_absent: int


@dataclass(frozen=True, slots=True)
class Step:
    """A performed procedure step: its status, how many instances it names, and how many of these are not here."""

    status: str
    num_listed: int = 0
    num_absent: int = 0


@dataclass(frozen=True, slots=True)
class ItemSeen:
    """An exam item that the headers show; `sure` as the matching is, and the required components that no stack fills."""

    item_id: str
    missing: tuple[str, ...] = ()
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a study that arrives.

    `num_new` counts the instances since it was last closed, `gaps` the absent instance numbers of each series that has any.
    """

    quiet_s: float
    longest_pause_s: float
    num_instances: int
    num_new: int
    declared: int | None = None
    gaps: Mapping[str, int] = field(default_factory=dict)
    manifests: tuple[Manifest, ...] = ()
    steps: tuple[Step, ...] = ()
    items: tuple[ItemSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: which evidence, what it says, and by how much it changes the odds."""

    evidence: str
    says: Says
    factor: float
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Closed or not, how sure, and in how many seconds of further quiet to look again (0 where it is closed)."""

    closed: bool
    confidence: float
    wait_s: float
    usual_s: float
    ledger: tuple[Entry, ...]

    def evidence(self, arrival: Arrival) -> dict[str, Any]:
        """What is kept of it, as JSON."""
        return {
            "instances": arrival.num_instances,
            "new_instances": arrival.num_new,
            "quiet_s": round(arrival.quiet_s, 1),
            "usual_quiet_s": round(self.usual_s, 1),
            "ledger": [asdict(entry) for entry in self.ledger],
        }


def decide(arrival: Arrival, settings: Closing) -> Decision:
    """Whether a study is all there, by every evidence that speaks."""
    ledger = tuple(entry for weigh in EVIDENCE if (entry := weigh(arrival)) is not None)
    weight = START * prod(entry.factor for entry in ledger)
    usual_s = min(max(settings.quiet_s, PAUSES * arrival.longest_pause_s), settings.longest_s)
    odds = weight * (1 + arrival.quiet_s / usual_s) ** GROWTH
    needed = settings.confidence / (1 - settings.confidence)
    due_s = usual_s * ((needed / weight) ** (1 / GROWTH) - 1)
    wait_s = min(max(due_s, settings.settle_s), settings.longest_s) - arrival.quiet_s
    return Decision(wait_s <= 0, round(odds / (1 + odds), 4), max(0.0, wait_s), usual_s, ledger)


def hopeful(arrival: Arrival, settings: Closing) -> Decision:
    """The decision if the headers showed a complete examination: before it closes they need not be read at all."""
    return decide(replace(arrival, items=(ItemSeen("any"),)), settings)


def by_catalogue(arrival: Arrival) -> Entry | None:
    """The required components of the exam items; silent where no item fits."""
    if not arrival.items:
        return None
    missing = {item.item_id: list(item.missing) for item in arrival.items if item.missing}
    if not missing:
        return Entry("catalogue", "whole", 4.0, {"items": [item.item_id for item in arrival.items]})
    # Where nobody asked for the item, and much of it is absent, it may be another examination, which is whole.
    sure = any(item.sure for item in arrival.items if item.missing)
    return Entry("catalogue", "lacking", 0.01 if sure else 0.1, {"missing": missing})


def by_gaps(arrival: Arrival) -> Entry | None:
    """Absent numbers inside a series; their absence proves nothing, since a series is mostly sent in order."""
    return Entry("instance_numbers", "lacking", 0.1, {"absent": sum(arrival.gaps.values())}) if arrival.gaps else None


def by_manifest(arrival: Arrival) -> Entry | None:
    """Key object documents by which a sender declares what a study, or one acquisition of it, holds."""
    if not arrival.manifests:
        return None
    listed = sum(manifest.num_listed for manifest in arrival.manifests)
    absent = sum(manifest.num_absent for manifest in arrival.manifests)
    detail = {"codes": sorted({manifest.code for manifest in arrival.manifests}), "listed": listed, "absent": absent}
    if absent:
        return Entry("manifest", "lacking", 0.001, detail)
    whole_study = any(manifest.code != ACQUISITION_CONTENT for manifest in arrival.manifests)
    return Entry("manifest", "whole", 100.0 if whole_study else 2.0, detail)


def by_steps(arrival: Arrival) -> Entry | None:
    """What the modality says of its procedure steps (MPPS): still at work, or done with so many images."""
    if not arrival.steps:
        return None
    detail = {
        "statuses": sorted(step.status for step in arrival.steps),
        "listed": sum(step.num_listed for step in arrival.steps),
        "absent": sum(step.num_absent for step in arrival.steps),
    }
    if any(step.status == "IN PROGRESS" for step in arrival.steps):
        return Entry("performed_step", "lacking", 0.0005, detail)
    if detail["absent"]:
        return Entry("performed_step", "lacking", 0.005, detail)
    if any(step.status == "COMPLETED" and step.num_listed for step in arrival.steps):
        return Entry("performed_step", "whole", 30.0, detail)
    return None


def by_declared_count(arrival: Arrival) -> Entry | None:
    """The count that the sender gave."""
    if not arrival.declared:
        return None
    detail = {"declared": arrival.declared, "found": arrival.num_instances}
    if arrival.num_instances < arrival.declared:
        return Entry("declared_count", "lacking", 0.005, detail)
    return Entry("declared_count", "whole", 30.0, detail)


EVIDENCE: tuple[Callable[[Arrival], Entry | None], ...] = (
    by_catalogue,
    by_gaps,
    by_manifest,
    by_steps,
    by_declared_count,
)

"""Which series a simulated CT study holds: scans by contrast phase, reconstructions by kernel and thickness, reformats."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qc_models.exam_item import ExamItem
from qc_models.simulation.components import filled_components, wanted_tokens
from qc_models.simulation.tissues import Phase
from qc_models.vocabulary import CT_PHASES

Kernel = Literal["soft", "brain", "bone", "lung", "vessel"]
View = Literal["axial", "coronal", "sagittal", "MIP"]

# Seconds from the start of injection to the scan; what a header tells a phase by.
DELAYS_S: dict[Phase, float] = {"pulmonary": 18, "angio": 26, "arterial": 32, "portal": 68, "delayed": 190}
THIN_MM = 1.25
NOT_THIN_MM = 2.0


@dataclass(frozen=True)
class Scan:
    """One acquisition: the phase it stands for, how its blood looks, whether the heart gates it."""

    token: str
    phase: Phase
    gated: bool = False


@dataclass(frozen=True)
class CtSeries:
    """One series to make of a scan; `components` are those that it fills."""

    scan: Scan
    kernel: Kernel
    view: View
    thickness_mm: float
    components: tuple[str, ...]


def plan_ct(item: ExamItem, omit: Sequence[str], include_optional: bool) -> list[CtSeries]:
    """The fewest series that fill every wanted component of a CT item; no series where all are left out.

    Where a phase is left out but reconstructions are not, they are made of another phase, so that the phase is truly missing.
    """
    tokens, banned = wanted_tokens(item, omit, include_optional, _fills)
    if not tokens:
        return []
    scans = _scans(item, [token for token in tokens if token in CT_PHASES], banned)
    main = next((scan for scan in scans if scan.token != "calcium_score"), scans[0])
    soft: Kernel = "brain" if item.region in ("head", "brain") else "vessel" if main.phase == "angio" else "soft"
    thick = min(5.0, item.max_slice_mm or 5.0)
    if "thin" in banned:
        thick = max(thick, NOT_THIN_MM)
    # A thickness limit near the thin one is met by thin slices alone; where slices are thin anyway they need no second series.
    thick = min(thick, THIN_MM) if thick < NOT_THIN_MM else thick
    series = [
        CtSeries(scan, soft, "axial", 3.0 if scan.token == "calcium_score" else thick, (scan.token,)) for scan in scans
    ]
    if "thin" in tokens and thick > THIN_MM:
        series.append(CtSeries(main, soft, "axial", THIN_MM, ("thin",)))
    if "bone" in tokens:
        series.append(CtSeries(main, "bone", "axial", min(thick, NOT_THIN_MM), ("bone",)))
    if "lung" in tokens:
        series.append(CtSeries(main, "lung", "axial", thick, ("lung",)))
    views: tuple[View, ...] = ("coronal", "sagittal", "MIP")
    series += [CtSeries(main, soft, view, 10.0 if view == "MIP" else 3.0, (view,)) for view in views if view in tokens]
    return [CtSeries(s.scan, s.kernel, s.view, s.thickness_mm, filled_components(item, _tokens(s))) for s in series]


def _tokens(series: CtSeries) -> list[str]:
    """All tokens that a series fills by itself."""
    if series.view != "axial":
        return [series.view]
    tokens = [series.scan.token]
    if series.scan.phase != "plain":
        tokens.append("enhanced")
    if series.thickness_mm <= THIN_MM:
        tokens.append("thin")
    return tokens + [series.kernel]


def _fills(chosen: set[str], token: str) -> bool:
    return token == "enhanced" and bool(chosen & {"arterial", "portal", "delayed"})


def _scans(item: ExamItem, tokens: list[str], banned: frozenset[str]) -> list[Scan]:
    arterial: Phase = "arterial"
    if item.max_slice_mm is not None and item.max_slice_mm <= 1.5:
        arterial = "pulmonary" if item.region == "chest" else "angio"
    phases: dict[str, Scan] = {
        "calcium_score": Scan("calcium_score", "plain", gated=True),
        "plain": Scan("plain", "plain"),
        "arterial": Scan("arterial", arterial),
        "enhanced": Scan("enhanced", "portal"),
        "portal": Scan("portal", "portal"),
        "delayed": Scan("delayed", "delayed"),
    }
    gated = item.region == "heart"
    if {"arterial", "portal", "delayed"} & set(tokens):
        tokens = [token for token in tokens if token != "enhanced"]
    scans = [scan for token, scan in phases.items() if token in tokens]
    if all(scan.token == "calcium_score" for scan in scans):
        scans.append(phases["enhanced"] if "plain" in banned else phases["plain"])
    return [Scan(scan.token, scan.phase, gated or scan.gated) if scan.token != "plain" else scan for scan in scans]

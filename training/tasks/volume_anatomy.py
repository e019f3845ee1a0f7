"""What volume_anatomy learns from: labelled slices, slices of small volumes and cuts through them, and noise made on the way.

Which slices of "chest and abdomen" show the chest is not written anywhere: the ends of an axial stack show the outer parts, and
what lies between shows any of them. The coordinate has no labels: within an axial CT stack it must differ by the distance of the
slices; where lungs or a vertex begin it is tied to a place that is the same in everyone; and what shows a part lies where that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from qc_models.preprocessing import prepare
from qc_models.zoo.volume_anatomy import INPUT, OUTPUTS, REGIONS
from training.augment import Changes, changed
from training.balance import balanced
from training.contrast import noise, phantoms, remapped, shaded, windowed
from training.examples import Examples, Targets
from training.losses import loss_of
from training.lung_range import lung_ends_mm
from training.manifest import Manifest, Row
from training.pictures import picture
from training.volumes import SmallVolume, cuts, small_volume

UNKNOWN = float("nan")
LEARN_FOLD = 9
SMOOTHING = 0.02
LUNG_LENGTH_DM = 2.3  # apex to the lowest slice with lung, of adults at rest
VERTEX_DM = 3.0  # above the lung apex, of adults
VERTEX_CM2 = 40.0  # of body on the highest slice: the stack reaches the vertex
MOST_SLICES = 60  # of one volume
CUTS = 12  # in each other plane
# Where axial slices of a part lie at most, in dm above the lung apex.
BOUNDS_DM: Mapping[str, tuple[float, float]] = {
    "brain": (1.2, 3.3),
    "head": (0.6, 3.3),
    "face": (0.6, 2.3),
    "neck": (-0.3, 1.6),
    "cspine": (-0.3, 1.6),
    "chest": (-3.0, 0.8),
    "heart": (-2.5, -0.5),
    "breast": (-2.8, -0.2),
    "abdomen": (-5.0, -1.3),
    "lspine": (-5.2, -2.4),
    "pelvis": (-7.0, -3.8),
    "prostate": (-7.0, -5.0),
    "hip": (-9.0, -4.8),
    "femur": (-11.0, -5.0),
}
END_SHARE = 0.3  # of an axial stack that shows its outermost part
COMPANIONS, STACKS_A_BATCH = 5, 2  # slices of one stack that are judged together, and stacks
_FROM_HEAD = ("head", "neck", "chest", "abdomen", "pelvis", "hip", "femur", "knee")
# What may well show beside a labelled part: not known, and nothing is learned of it there.
_MAY_SHOW: Mapping[str, frozenset[str]] = {
    part: frozenset(others.split())
    for part, others in {
        "head": "brain face neck",
        "brain": "face",
        "face": "head brain neck",
        "neck": "cspine head face chest",
        "cspine": "neck head face brain chest",
        "chest": "heart breast abdomen neck",
        "heart": "chest abdomen breast",
        "breast": "chest heart",
        "abdomen": "lspine chest pelvis heart",
        "lspine": "abdomen pelvis",
        "pelvis": "hip prostate femur lspine abdomen",
        "prostate": "pelvis hip femur",
        "hip": "pelvis femur",
        "femur": "hip pelvis knee",
        "knee": "femur",
    }.items()
}


def examples(manifest: Manifest, data: Path, options: Mapping[str, Any]) -> Examples:
    """Every CT and MR picture with a part, slices and cuts of every volume.

    `options["doubtful_positions"]` names volumes whose positions are not those of their slices; `options["learn_also"]` those that
    are learned from whatever their fold, where nothing else shows what they do; `options["skip"]` those that teach nothing.
    """
    doubtful, also, skip = (frozenset(options.get(name, ())) for name in ("doubtful_positions", "learn_also", "skip"))
    made: list[_Made] = []
    for row in manifest.rows:
        if row.modality not in ("CT", "MR") or row.path in skip:
            continue
        if row.path in also:
            row = replace(row, fold=LEARN_FOLD)
        if row.kind == "picture" and row.said("region"):
            made.append(_of_picture(row, data))
        elif row.kind == "volume":
            made += _of_volume(row, small_volume(row, data), row.path not in doubtful)
    return _joined(made)


def augment(pictures: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
    """Other windows and contrasts, then turned, moved, cut; a few become noise, and a few a phantom."""
    pictures = windowed(pictures, targets["span_hu"], 0.5, generator)
    pictures = remapped(pictures, 0.25, generator)
    drawn = torch.rand(len(pictures), generator=generator)
    for made, here in ((noise, drawn < 0.03), (phantoms, (drawn >= 0.03) & (drawn < 0.1))):
        if here.any():
            pictures[here] = made(pictures[here], generator)
    pictures = changed(shaded(pictures, 0.3, generator), Changes(scale=0.3, stretch=0.15, cover=0.15), generator)
    hidden = drawn < 0.1
    told = dict(targets)
    outside = torch.tensor([0.0, 1.0])
    told["scope"] = torch.where(hidden[:, None], outside, targets["scope"])
    for name, empty in (("region", 0.0), ("place", UNKNOWN), ("anchor", UNKNOWN), ("bounds", UNKNOWN)):
        told[name] = torch.where(hidden[:, None], empty, targets[name])
    return pictures, told


def together(examples: Examples, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """A batch whose last examples are replaced by slices of a few axial CT stacks, so that their order can be judged."""
    stack = examples.targets["stack"][:, 0]
    stacks = sorted(set(stack[examples.targets["place"][:, 0].isfinite()].tolist()))
    chosen = chosen.clone()
    for number in range(min(STACKS_A_BATCH, len(chosen) // (2 * COMPANIONS)) if len(stacks) else 0):
        drawn = stacks[int(torch.randint(len(stacks), (1,), generator=generator))]
        slices = torch.where(stack == drawn)[0]
        slices = slices[examples.targets["place"][slices, 0].isfinite()]
        end = len(chosen) - number * COMPANIONS
        chosen[end - COMPANIONS : end] = slices[torch.randint(len(slices), (COMPANIONS,), generator=generator)]
    return chosen


def loss(raw: Targets, targets: Targets) -> Tensor:
    """Of the parts, the scope, and the order and distance of slices."""
    scope = loss_of(OUTPUTS[1], raw["scope"], targets["scope"], SMOOTHING)
    return region_loss(raw["region"], targets["region"]) + scope + coordinate_loss(raw["coordinate"], targets)


def region_loss(raw: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of each part that is known, and minus the log of the probability, of one out of all, of those that show; where
    none is known to, of those that may."""
    known, filled = target.isfinite(), target.nan_to_num(0.0)
    soft = filled * (1 - SMOOTHING) + SMOOTHING / 2
    each = binary_cross_entropy_with_logits(raw, soft, reduction="none") * known
    shows = target == 1
    shows = torch.where(shows.any(1, keepdim=True), shows, ~known)
    shows = shows | ~shows.any(1, keepdim=True)
    inside = torch.where(shows, raw.log_softmax(1), -torch.inf).logsumexp(1)
    return each.sum(1).mean() - inside.mean()


def coordinate_loss(raw: Tensor, targets: Targets) -> Tensor:
    """Differences within a stack against the distance of its slices, all in dm (Schuhegger 2021); what is tied to a place, and what
    lies out of the bounds of its part."""
    place, anchor, stack = (targets[name][:, 0] for name in ("place", "anchor", "stack"))
    same = (stack[:, None] == stack[None]) & place.isfinite()[:, None] & place.isfinite()[None]
    same = same.triu(1)
    said, there = raw[:, 0], place.nan_to_num(0.0)
    apart = (said[:, None] - said[None])[same] - (there[:, None] - there[None])[same]
    tied = anchor.isfinite()
    away = said[tied] - anchor[tied]
    zero = torch.zeros_like(apart).sum()
    order = smooth_l1_loss(apart, torch.zeros_like(apart), beta=0.1) if len(apart) else zero
    ties = smooth_l1_loss(away, torch.zeros_like(away), beta=0.1) if len(away) else zero
    low, high = targets["bounds"].T
    beyond = ((low - said).relu() + (said - high).relu())[low.isfinite()]
    out = beyond.mean() if len(beyond) else zero
    return order + 0.5 * ties + 0.3 * out


@dataclass(frozen=True)
class _Made:
    """Pictures of one row with all that is told of them."""

    row: Row
    pictures: Tensor  # [n, 1, rows, columns]
    regions: Tensor  # [n, regions]
    span_hu: Tensor  # [n, 2]
    place: Tensor  # [n], dm
    anchor: Tensor  # [n], dm
    bounds: Tensor  # [n, 2], dm
    taken: bool = True  # in this plane, not cut through what was


def kind_of(row: Row) -> tuple[str, ...]:
    """What a row shows, as one word for drawing: its modality and parts."""
    return (row.modality, *sorted(row.said("region")))


def _of_picture(row: Row, data: Path) -> _Made:
    pixels = prepare(picture(row, data)[None], INPUT)
    unknown, regions = torch.full((1,), UNKNOWN), _regions(row)[None]
    span_hu = torch.full((1, 2), UNKNOWN)
    return _Made(row, pixels, regions, span_hu, unknown, unknown, bounds(regions, "axial" in row.said("plane")))


def _of_volume(row: Row, volume: SmallVolume, sure_positions: bool) -> list[_Made]:
    step = max(1, len(volume.pixels) // MOST_SLICES)
    place, anchor = places(row, volume) if sure_positions else (torch.full((len(volume.pixels),), UNKNOWN),) * 2
    found = [
        _slices(
            row,
            volume.pixels[::step],
            slice_regions(row, volume)[::step],
            place[::step],
            anchor[::step],
            axial=volume.plane == "axial" and sure_positions,
        )
    ]
    if "phantom" not in row.said("region"):
        for plane, parts in cuts(volume, CUTS):
            unknown = torch.full((len(parts),), UNKNOWN)
            regions = _regions(row)[None].expand(len(parts), -1)
            found.append(replace(_slices(row, parts, regions, unknown, unknown, axial=plane == "axial"), taken=False))
    return found


def _slices(row: Row, pixels: Tensor, regions: Tensor, place: Tensor, anchor: Tensor, *, axial: bool) -> _Made:
    span_hu = torch.full((len(pixels), 2), UNKNOWN)
    if row.modality == "CT":
        ends = torch.tensor((INPUT.low / 100, INPUT.high / 100))
        span_hu = torch.quantile(pixels.flatten(1), ends, dim=1).T
    return _Made(row, prepare(pixels, INPUT), regions, span_hu, place, anchor, bounds(regions, axial))


def _regions(row: Row) -> Tensor:
    """1 for parts that show, NaN for those that may, 0 for all others, [regions]; a phantom shows none."""
    said = set(row.said("region"))
    if "brain" in said:
        said.add("head")
    may = {other for part in said for other in _MAY_SHOW.get(part, ())}
    return torch.tensor([1.0 if part in said else UNKNOWN if part in may else 0.0 for part in REGIONS])


def slice_regions(row: Row, volume: SmallVolume) -> Tensor:
    """Of each slice of a volume, [N, regions]: of an axial one that shows several parts in turn, its ends show the outer ones."""
    whole = _regions(row).repeat(len(volume.pixels), 1)
    in_turn = [part for part in _FROM_HEAD if part in row.said("region")]
    if volume.plane != "axial" or len(in_turn) < 2:
        return whole
    share = volume.share
    ends = {in_turn[0]: share > 1 - END_SHARE, in_turn[-1]: share < END_SHARE}
    result = whole.clone()
    for part in in_turn:
        result[:, REGIONS.index(part)] = UNKNOWN
    for part, here in ends.items():
        for other in in_turn:
            result[here, REGIONS.index(other)] = float(other == part)
    return result


def bounds(regions: Tensor, axial: bool) -> Tensor:
    """Between which places axial slices with these parts [N, regions] lie, of what shows or else of what may, [N, 2]; else NaN."""
    known = torch.tensor([BOUNDS_DM.get(part, (UNKNOWN, UNKNOWN)) for part in REGIONS])
    shows = regions == 1
    shows = torch.where(shows.any(1, keepdim=True), shows, regions.isnan()) & known[:, 0].isfinite()
    low = torch.where(shows, known[:, 0], torch.inf).amin(1)
    high = torch.where(shows, known[:, 1], -torch.inf).amax(1)
    here = shows.any(1, keepdim=True) & torch.tensor(axial)
    return torch.where(here, torch.stack((low, high), 1), UNKNOWN)


def places(row: Row, volume: SmallVolume) -> tuple[Tensor, Tensor]:
    """Of axial CT each slice's position in dm, and its place in dm above the lung apex where known; NaN elsewhere, [N] each."""
    unknown = torch.full((len(volume.pixels),), UNKNOWN)
    if row.modality != "CT" or volume.plane != "axial" or "phantom" in row.said("region"):
        return unknown, unknown
    place = volume.position_mm / 100
    base, apex = lung_ends_mm(volume)
    if apex is not None:
        return place, place - apex / 100
    if base is not None:
        return place, place - base / 100 - LUNG_LENGTH_DM
    top_cm2 = float((volume.pixels[-1] > -300).float().mean()) * volume.side_mm**2 / 100
    if "head" in row.said("region") and top_cm2 < VERTEX_CM2:
        return place, place - place[-1] + VERTEX_DM
    return place, unknown


def _joined(made: Sequence[_Made]) -> Examples:
    rows = [part.row for part in made for _ in range(len(part.pictures))]
    regions = torch.cat([part.regions for part in made])
    phantoms = torch.tensor([float("phantom" in row.said("region")) for row in rows])
    numbers = {path: number for number, path in enumerate(dict.fromkeys(row.path for row in rows))}
    targets = {
        "region": regions,
        "scope": torch.stack((1 - phantoms, phantoms), 1),
        "coordinate": torch.cat([part.anchor for part in made])[:, None],
        "place": torch.cat([part.place for part in made])[:, None],
        "anchor": torch.cat([part.anchor for part in made])[:, None],
        "bounds": torch.cat([part.bounds for part in made]),
        "stack": torch.tensor([[float(numbers[row.path])] for row in rows]),
        "span_hu": torch.cat([part.span_hu for part in made]),
    }
    weights = balanced([kind_of(row) for row in rows], [row.source for row in rows])
    notes = {"taken": torch.tensor([[float(part.taken)] for part in made for _ in range(len(part.pictures))])}
    return Examples(torch.cat([part.pictures for part in made]), targets, rows, weights, notes)

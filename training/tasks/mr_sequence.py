"""What mr_sequence learns from: MR pictures whose sequence is known, slices of small volumes, and cuts through them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qc_models.preprocessing import prepare
from qc_models.zoo.mr_sequence import INPUT, OUTPUTS, SEQUENCES
from training.augment import Changes, changed
from training.balance import balanced
from training.contrast import exchanged, shaded
from training.examples import Examples, Targets
from training.manifest import Manifest, Row
from training.pictures import picture
from training.volumes import cuts, small_volume

CUTS = 8  # in each other plane
EXCHANGED = 0.2  # share of T1 and T2 that become the other one (the first two classes)
END_SLICES = 0.08  # share at either end of a volume that may show nothing
PLANES = OUTPUTS[1].classes
# Words of the tables, the first that begins a role's name.
_SEQUENCE_OF = {
    "T1": "T1",
    "DCE-T1": "T1",
    "T2*": "other",
    "T2STAR": "other",
    "T2": "T2",
    "FLAIR": "FLAIR",
    "DWI": "DWI",
    "ADC": "ADC",
    "EPI": "EPI",
    "BOLD": "EPI",
    "cine": "CINE",
    "CINE": "CINE",
    "MT-GRE": "other",
    "GRE": "other",
    "PHASE": "other",
    "FIELDMAP": "other",
    "ASL": "other",
    "SUB": "other",
    "SWI": "other",
    "TOF": "other",
    "MRCP": "other",
}
_ENHANCED = frozenset({"T1ce", "T1C", "DCE-T1"})


def examples(manifest: Manifest, data: Path, options: Mapping[str, Any]) -> Examples:
    """Every MR picture of known sequence, the slices of every volume of one, but its ends, and cuts through those."""
    made: list[_Made] = []
    for row in manifest.rows:
        if row.modality != "MR" or sequence_of(row) is None:
            continue
        if row.kind == "picture":
            plane = next(iter(row.said("plane")), "")
            made.append(_Made(row, prepare(picture(row, data)[None], INPUT), plane))
        elif row.kind == "volume":
            volume = small_volume(row, data)
            ends = int(END_SLICES * len(volume.pixels))
            made.append(_Made(row, prepare(volume.pixels[ends : len(volume.pixels) - ends], INPUT), volume.plane))
            made += [_Made(row, prepare(parts, INPUT), plane, False) for plane, parts in cuts(volume, CUTS)]
    return _joined(made)


def augment(pictures: Tensor, targets: Targets, generator: torch.Generator) -> tuple[Tensor, Targets]:
    """Changed pictures; grey values keep their order, which tells sequences apart, but where T1 and T2 become the other one.

    So a part of the body of which only one of the two is there does not stand for it.
    """
    drawn = torch.rand(len(pictures), generator=generator) < EXCHANGED
    here = drawn & (targets["sequence"][:, :2].sum(1) > 0)
    pictures = torch.where(here[:, None, None, None], exchanged(pictures), pictures)
    told = dict(targets)
    other = targets["sequence"].clone()
    other[:, :2] = other[:, :2].flip(1)
    told["sequence"] = torch.where(here[:, None], other, targets["sequence"])
    told["contrast"] = targets["contrast"] * ~here[:, None]
    pictures = shaded(pictures, 0.4, generator)
    changes = Changes(scale=0.35, shift=0.12, stretch=0.15, gamma=0.3, contrast=0.25, cover=0.2, blur=0.3)
    return changed(pictures, changes, generator), told


def sequence_of(row: Row) -> str | None:
    """The class of a row's sequence; None where the table does not tell, or names one that is not learned."""
    said = next(iter(row.said("role")), "")
    return next((name for word, name in _SEQUENCE_OF.items() if said.startswith(word)), None)


def kind_of(row: Row) -> tuple[str, ...]:
    """What a row shows, as one word for drawing: its modality and sequence."""
    return (row.modality, sequence_of(row) or "")


@dataclass(frozen=True)
class _Made:
    """Pictures of one row, [n, 1, rows, columns], in one plane."""

    row: Row
    pictures: Tensor
    plane: str
    taken: bool = True  # in this plane, not cut through what was


def _joined(made: Sequence[_Made]) -> Examples:
    each = [(part.row, part.plane) for part in made for _ in range(len(part.pictures))]
    rows = [row for row, _ in each]
    sequences = [sequence_of(row) or "" for row in rows]
    targets = {
        "sequence": _marks(sequences, SEQUENCES),
        "plane": _marks([plane for _, plane in each], PLANES),
        "contrast": _marks([_contrast(row) for row in rows], OUTPUTS[2].classes),
    }
    weights = balanced([kind_of(row) for row in rows], [row.source for row in rows])
    notes = {"taken": torch.tensor([[float(part.taken)] for part in made for _ in range(len(part.pictures))])}
    return Examples(torch.cat([part.pictures for part in made]), targets, rows, weights, notes)


def _contrast(row: Row) -> str:
    if sequence_of(row) != "T1":
        return ""
    return "enhanced" if row.said("role") & _ENHANCED else "plain"


def _marks(said: Sequence[str], classes: Sequence[str]) -> Tensor:
    """A one in the place of the class that is said, [N, classes]; none where it is no class."""
    return torch.tensor([[float(word == name) for name in classes] for word in said])

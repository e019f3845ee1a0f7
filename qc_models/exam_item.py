"""Exam items: what a complete and adequate examination is, as data that a province can replace.

A catalogue is a folder of YAML files, one an item; the file's name is the item's id. A file may name `base` files of the same
folder (one level), whose keys it inherits; `limits` are merged metric by metric.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from configs.strict import ConfigFileError, Strict, parse, read_yaml
from qc_models.errors import ConfigError
from qc_models.vocabulary import COMPONENTS, DIMENSIONS, ITEM_REGIONS, Level, Modality

FALLBACK = "_fallback"  # the item of whatever matches none: header checks only, best verdict review


class Name(Strict):
    """A name in both languages."""

    en: str
    zh: str


class Bound(Strict):
    """A value is out of bound when it lies above `above` or below `below`."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Bound":
        if self.above is None and self.below is None:
            raise ValueError("needs `above`, `below` or both")
        return self

    def crossed_by(self, value: float) -> float | None:
        """The limit that `value` crosses, or None."""
        if self.above is not None and value > self.above:
            return self.above
        if self.below is not None and value < self.below:
            return self.below
        return None


Scale = Literal["max_slice_mm", "min_coverage_mm", "min_matrix_short", "min_matrix_long", "max_pixel_pitch_mm"]


class Limit(Strict):
    """What a metric may be. The worst level whose bound is crossed makes the finding.

    With `of`, bounds are multiples of that value of the item (`review: {above: 1.1}, of: max_slice_mm`), and the limit does not
    bind where the item has no such value.
    """

    note: Bound | None = None
    review: Bound | None = None
    reject: Bound | None = None
    of: Scale | None = None
    deduct: float | None = Field(default=None, ge=0, le=100)  # points off its dimension; default by level
    veto: bool = False  # a reject finding of this metric rejects the study whatever the rest says
    adults_only: bool = False  # not below 16 years; at unknown age review at most
    not_bedside: bool = False  # not for bedside X-ray
    needs: str | None = None  # binds where this model looked; of `a|b` either
    clause: str

    @model_validator(mode="after")
    def _binds(self) -> "Limit":
        if self.note is None and self.review is None and self.reject is None:
            raise ValueError("needs a bound: `note`, `review` or `reject`")
        if self.veto and self.reject is None:
            raise ValueError("`veto` needs a `reject` bound")
        return self

    @cached_property
    def within(self) -> tuple[float, float]:
        """The lowest and the highest value that cross no bound, in multiples of the scale."""
        bounds = [bound for bound in (self.note, self.review, self.reject) if bound is not None]
        return (
            max((bound.below for bound in bounds if bound.below is not None), default=-math.inf),
            min((bound.above for bound in bounds if bound.above is not None), default=math.inf),
        )

    def crossed(self, value: float, scale: float = 1.0) -> tuple[Level, float] | None:
        """The worst level that `value` reaches, and the limit it crossed there; bounds are multiples of `scale`."""
        scaled = value / scale
        if self.reject is not None and (limit := self.reject.crossed_by(scaled)) is not None:
            return "reject", limit * scale
        if self.review is not None and (limit := self.review.crossed_by(scaled)) is not None:
            return "review", limit * scale
        if self.note is not None and (limit := self.note.crossed_by(scaled)) is not None:
            return "note", limit * scale
        return None


class ScanRange(Strict):
    """What must lie inside, cranial or proximal landmark first (hand, wrist, foot: distal first)."""

    start: str = Field(default="", alias="from")  # either may be blank: a limb joint has no landmarks of its own
    end: str = Field(default="", alias="to")
    min_coverage_mm: float | None = Field(
        default=None, gt=0
    )  # a floor for adults; landmarks decide when a model sees them


class Match(Strict):
    """How a study is recognised as this item."""

    procedure_codes: tuple[str, ...] = ()
    request_texts: tuple[str, ...] = ()  # words of a request that mean this item and no neighbour
    region_synonyms: tuple[str, ...] = ()


class ExamItem(Strict):
    """One item of a catalogue. `required` and `optional` are components: `PA|AP` is one component that either view fills."""

    id: str
    name: Name
    modality: Modality
    region: str
    laterality: Literal["yes", "no", "both"]
    match: Match = Match()
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    scan_range: ScanRange | None = None
    max_slice_mm: float | None = Field(default=None, gt=0)
    min_matrix: tuple[int, int] | None = None  # the shorter side, the longer side
    max_pixel_pitch_mm: float | None = Field(default=None, gt=0)
    kvp: tuple[float, float] | None = None
    technique: str = ""  # the exposure in words, of which `kvp` is the range
    criteria: str = ""
    source: str = ""
    valid_days: int = Field(gt=0)
    pass_mark: float = Field(ge=0, le=100)
    abstain_band: float = Field(default=0, ge=0, le=100)  # points above the pass mark that still go to review
    weights: dict[str, float]
    limits: dict[str, Limit]

    @field_validator("laterality", mode="before")
    @classmethod
    def _yes_or_no(cls, laterality: object) -> object:
        """YAML reads an unquoted yes or no as true or false."""
        return {True: "yes", False: "no"}[laterality] if isinstance(laterality, bool) else laterality

    @field_validator("required", "optional")
    @classmethod
    def _not_blank(cls, components: tuple[str, ...]) -> tuple[str, ...]:
        if any(not token for component in components for token in component.split("|")):
            raise ValueError("a component is empty: write names joined by `|`")
        return components

    @model_validator(mode="after")
    def _speaks_the_vocabulary(self) -> "ExamItem":
        if self.region not in ITEM_REGIONS:
            raise ValueError(f"region {self.region!r} is not one of {', '.join(sorted(ITEM_REGIONS))}")
        known = COMPONENTS[self.modality]
        for component in self.required + self.optional:
            for token in component.split("|"):
                if token not in known:
                    raise ValueError(f"component {token!r} is not one of {', '.join(sorted(known))}")
        for metric in self.limits:
            parts = metric.split(".")
            if len(parts) != 3 or parts[0] not in DIMENSIONS:
                raise ValueError(f"limit {metric!r} is not dimension.check.quantity")
        if set(self.weights) != set(DIMENSIONS) or sum(self.weights.values()) <= 0:
            raise ValueError(f"weights must name each of {', '.join(DIMENSIONS)} and not all be 0")
        return self

    @property
    def is_fallback(self) -> bool:
        """True for the item of what matches none."""
        return self.id == FALLBACK

    def scale(self, of: Scale | None) -> float | None:
        """The value that a limit's bounds are multiples of: 1.0 without `of`, None where this item has no such value."""
        if of is None:
            return 1.0  # as most limits
        short, long = self.min_matrix or (None, None)
        values: dict[Scale, float | None] = {
            "max_slice_mm": self.max_slice_mm,
            "min_coverage_mm": self.scan_range.min_coverage_mm if self.scan_range else None,
            "min_matrix_short": short,
            "min_matrix_long": long,
            "max_pixel_pitch_mm": self.max_pixel_pitch_mm,
        }
        return values[of]


@dataclass(frozen=True)
class Catalogue:
    """The items of one folder, by id, and the fallback."""

    items: Mapping[str, ExamItem]
    fallback: ExamItem

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all its items."""
        parts = [self.fallback.digest, *(item.digest for _, item in sorted(self.items.items()))]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def item(self, item_id: str) -> ExamItem:
        """The item of this id; raises ConfigError that lists near ids."""
        if item_id == FALLBACK:
            return self.fallback
        if item_id not in self.items:
            near = [known for known in self.items if known.split("-")[:2] == item_id.upper().split("-")[:2]] or list(
                self.items
            )
            raise ConfigError(f"no exam item {item_id!r} in the catalogue; there are {', '.join(near)}")
        return self.items[item_id]


def load_catalogue(folder: Path) -> Catalogue:
    """Loads every item of a folder; raises ConfigError with file and key. Files that begin with `_` are bases."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: is not a folder of exam items")
    try:
        bases = {path.stem: (path, read_yaml(path)) for path in sorted(folder.glob("_*.yaml"))}
        items = {path.stem: _item(path, read_yaml(path), bases) for path in sorted(folder.glob("[!_]*.yaml"))}
        if FALLBACK not in bases:
            raise ConfigError(f"{folder}: has no {FALLBACK}.yaml, the item of what matches none")
        fallback = _item(*bases.pop(FALLBACK), bases)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error
    if not items:
        raise ConfigError(f"{folder}: holds no exam item (*.yaml)")
    return Catalogue(items, fallback)


def check_item_file(path: Path) -> ExamItem:
    """Loads one item file with the bases beside it, else with none; raises ConfigError with file and key."""
    try:
        bases = {base.stem: (base, read_yaml(base)) for base in sorted(path.parent.glob("_*.yaml"))}
        return _item(path, read_yaml(path), bases)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error


def _item(path: Path, content: dict[str, Any], bases: Mapping[str, tuple[Path, dict[str, Any]]]) -> ExamItem:
    names = content.pop("base", [])
    merged: dict[str, Any] = {}
    for name in names if isinstance(names, list) else [names]:
        base = bases.get(f"_{name}")
        if base is None:
            raise ConfigFileError(f"{path}: base: no file _{name}.yaml beside it")
        if "base" in base[1]:
            raise ConfigFileError(f"{base[0]}: base: a base has no base of its own")
        merged = _merge(merged, base[1])
    if "id" in content:
        raise ConfigFileError(f"{path}: id: the file's name is the id")
    return parse(ExamItem, _merge(merged, content) | {"id": path.stem}, path)


def _merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Own keys win; `limits` win metric by metric, and a metric set to null is lifted."""
    limits = {**(base.get("limits") or {}), **(own.get("limits") or {})}
    return {**base, **own, "limits": {metric: limit for metric, limit in limits.items() if limit is not None}}

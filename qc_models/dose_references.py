"""Dose references: what CT examinations of adults usually cost in dose, by exam item, from `configs/dose_references.yaml`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import field_validator, model_validator

from configs.strict import HERE, ConfigFileError, Strict, parse, read_yaml
from qc_models.errors import ConfigError

FILE = HERE / "dose_references.yaml"
Percentiles = tuple[float, float, float]  # 25th, 50th, 75th


class DoseReference(Strict):
    """Percentiles of CTDIvol and DLP for one examination, with the document they come from."""

    exam: str
    items: tuple[str, ...]
    ctdivol_mgy: Percentiles
    dlp_mgy_cm: Percentiles
    citation: str
    verified: bool

    @field_validator("ctdivol_mgy", "dlp_mgy_cm")
    @classmethod
    def _rises(cls, percentiles: Percentiles) -> Percentiles:
        if not 0 < percentiles[0] <= percentiles[1] <= percentiles[2]:
            raise ValueError("needs three positive percentiles in rising order: 25th, 50th, 75th")
        return percentiles


class DoseReferences(Strict):
    """The table: one row an examination, no exam item in two rows."""

    references: tuple[DoseReference, ...]

    @model_validator(mode="after")
    def _names_an_item_once(self) -> "DoseReferences":
        named = [item for reference in self.references for item in reference.items]
        if twice := sorted({item for item in named if named.count(item) > 1}):
            raise ValueError(f"items of two rows: {', '.join(twice)}")
        return self


@cache
def dose_references(path: Path = FILE) -> Mapping[str, DoseReference]:
    """The reference of each exam item that has one; raises ConfigError with file and key."""
    try:
        table = parse(DoseReferences, read_yaml(path), path)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error
    return {item: reference for reference in table.references for item in reference.items}

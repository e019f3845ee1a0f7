"""Small facts and exam items made by hand, for tests of matching and judgement."""

from dataclasses import replace
from datetime import date
from typing import Any

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, RegionLabel, Request, StackFacts

WEIGHTS = {"completeness": 3, "metadata": 1, "body_part": 2, "artifacts": 2, "adequacy": 2}

FACTS = Facts(
    study_instance_uid="1.2.3",
    modalities=("CT",),
    study_date=date(2026, 9, 1),
    latest_date=date(2026, 9, 1),
    age_years=40.0,
    bedside=False,
    deidentified=False,
    device="",
    institution="",
    request=Request(),
    stacks=(),
    measurements=(),
    failures=(),
    pixels_examined=True,
)


def facts(**changes: Any) -> Facts:
    """FACTS with changes."""
    modalities = tuple(sorted({stack.modality for stack in changes.get("stacks", ())})) or FACTS.modalities
    return replace(FACTS, **{"modalities": modalities, **changes})


def stack(uid: str, *components: str, region: tuple[str, ...] = (), modality: str = "CT", **fields: Any) -> StackFacts:
    """A stack of one series that fills `components` and shows `region`."""
    return StackFacts(
        uid, fields.pop("index", 0), modality, 20, 20, components=components, region=RegionLabel(region, 1.0), **fields
    )


def item(item_id: str, region: str, required: tuple[str, ...], modality: str = "CT", **fields: Any) -> ExamItem:
    """An exam item with few limits."""
    content = {
        "id": item_id,
        "name": {"en": item_id, "zh": item_id},
        "modality": modality,
        "region": region,
        "laterality": "no",
        "required": required,
        "valid_days": 30,
        "pass_mark": 60,
        "weights": WEIGHTS,
        "limits": {},
    }
    return ExamItem.model_validate({**content, **fields})

"""How many radiographs of the exam item were taken at the bedside.

Direction: higher is worse. Supine and short of distance, they magnify the heart and hide fluid and free air: a person says
whether another hospital may rely on them. Bedside is what the words of the study or the station say, for all its radiographs.
Source: the technique of the exam item; no limit binds where it may be done at the bed as well.
"""

from collections.abc import Iterator
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import Measurement, Quantity
from qc_models.item_matching import stacks_for

QUANTITIES = {
    "images": Quantity(
        "images",
        "{value:.0f} images of {item_en} ({item}) were taken at the bedside",
        "{item_zh}（{item}）有 {value:.0f} 幅图像为床旁摄影",
        "a reviewer decides whether bedside images may be recognised",
        "由审核人员判定床旁摄影能否互认",
    )
}


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """The number of an X-ray item's images, where the study was taken at the bedside."""
    stacks = stacks_for(item, facts)
    if facts.bedside and item.modality == "XR" and stacks:
        detail = {"item": item.id, "item_en": item.name.en, "item_zh": item.name.zh}
        yield Measurement("adequacy.bedside.images", len(stacks), "images", detail=detail)

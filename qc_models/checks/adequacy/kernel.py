"""Whether bone and lung were reconstructed with a sharp kernel where the exam item offers that as an alternative.

Direction: higher is worse. Counts the sharp reconstructions (`bone`, `lung`) that a required component names as one of its
alternatives and that no stack is: thin data of a smooth kernel fill the component, but show fine bone and lung less sharply.
Where the item names no alternative, `completeness.required_components` tells that the component is missing.
"""

from collections.abc import Iterator
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import Measurement, Quantity
from qc_models.item_matching import filling, fills, stacks_for

QUANTITIES = {
    "soft_for_bone": Quantity(
        "reconstructions",
        "no sharp reconstruction for {wanted}: only smooth kernels are there",
        "缺少 {wanted} 的锐利算法重建，仅有软组织算法",
        "reconstruct with a sharp kernel from the raw data and send it too",
        "请用原始数据以锐利算法重建并补传",
    )
}

SHARP = frozenset({"bone", "lung"})


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """The sharp reconstructions that the item would like and only smooth ones stand in for."""
    stacks = stacks_for(item, facts)
    wanted = [
        token
        for component, found in filling(item, facts).items()
        if found
        for token in component.split("|")
        if token in SHARP and not any(fills(token, stack) for stack in stacks)
    ]
    if wanted:
        yield Measurement(
            "adequacy.kernel.soft_for_bone", float(len(wanted)), "reconstructions", detail={"wanted": wanted}
        )

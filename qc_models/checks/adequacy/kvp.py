"""Whether the tube voltage lies in the range that the exam item names.

Direction: higher is worse. The distance of KVP (PS3.3 C.8.2.1, C.8.7.2) from the item's range, 0 inside it, over the stacks that
fill a required component; the farthest is told. Automatic voltage selection and tin filters are legitimate, so it never rejects.
"""

from collections.abc import Iterator
from datetime import date

from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.item_matching import filling

QUANTITIES = {
    "outside_kv": Quantity(
        "kV",
        "the tube voltage of {kvp:.0f} kV lies {value:.0f} kV outside the usual {low:.0f}-{high:.0f} kV",
        "管电压 {kvp:.0f} kV，超出常用范围 {low:.0f}-{high:.0f} kV 达 {value:.0f} kV",
        "check the exposure technique of this protocol",
        "请核对该检查方案的曝光条件",
    )
}


def outside(kvp: float, low: float, high: float) -> float:
    """The distance of a voltage from a range; 0 inside it."""
    return max(low - kvp, kvp - high, 0.0)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterator[Measurement]:
    """The farthest voltage of the item's stacks; nothing where the item or the headers name none."""
    stacks = [stack for stacks in filling(item, facts).values() for stack in stacks if stack.kvp]
    if item.kvp is None or not stacks:
        return
    low, high = item.kvp
    stack = max(stacks, key=lambda stack: outside(stack.kvp or low, low, high))
    yield Measurement(
        "adequacy.kvp.outside_kv",
        outside(stack.kvp or low, low, high),
        "kV",
        Location(series_instance_uid=stack.series_instance_uid, stack=stack.index),
        {"kvp": stack.kvp, "low": low, "high": high},
    )

"""Counts region, plane and role of every real series against their labels, and whether the expected exam item is matched."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.pipeline import Settings, examine
from inference.reading import read_studies


def run(studies: Path, settings: Settings) -> dict[str, Any]:
    """Compares with `series.csv` (plane_id, role_id, region_ids, expected_item); names every miss with both answers."""
    labels = _labels(studies / "series.csv")
    counts = {key: [0, 0] for key in ("region", "plane", "role", "item")}
    misses: list[dict[str, Any]] = []
    for name, series_labels in labels.items():
        (study,) = read_studies([studies / name]).studies
        examined = examine(study, settings)
        content = examined.report.content
        items = [item["item"] for item in content["items"]]
        expected = next((row["expected_item"] for row in series_labels.values() if row["expected_item"]), "")
        if expected:
            _count(counts["item"], expected in items, misses, name, "item", expected, items)
        folders = {instance.series_instance_uid: instance.source.path.parent.name for instance in study.instances}
        for folder, row in series_labels.items():
            stacks = [stack for stack in content["stacks"] if folders[stack["series_instance_uid"]] == folder]
            for key, wanted, answer in (
                ("region", row["region_ids"], _region(stacks)),
                ("plane", row["plane_id"], _plane(stacks)),
                ("role", row["role_id"], _role(stacks)),
            ):
                if wanted:
                    _count(counts[key], wanted == answer, misses, f"{name}/{folder}", key, wanted, answer)
    return {key: {"right": right, "of": total} for key, (right, total) in counts.items()} | {"misses": misses}


def _count(
    count: list[int], right: bool, misses: list[dict[str, Any]], where: str, key: str, wanted: str, answer: Any
) -> None:
    count[0] += right
    count[1] += 1
    if not right:
        misses.append({"where": where, "what": key, "label": wanted, "answer": answer})


def _labels(path: Path) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    found: dict[str, dict[str, Mapping[str, str]]] = {}
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["study"], {})[row["series"].rpartition("/")[2]] = row
    return found


def _main(stacks: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The stacks that are the series' purpose: scouts aside, unless it is nothing else."""
    return [stack for stack in stacks if stack["role"] != "LOC"] or stacks


def _region(stacks: Sequence[Mapping[str, Any]]) -> str:
    regions = {region for stack in _main(stacks) for region in stack["region"]["label"]}
    order = [region for stack in _main(stacks) for region in stack["region"]["label"]]
    return ";".join(sorted(regions, key=order.index))


def _plane(stacks: Sequence[Mapping[str, Any]]) -> str:
    planes = {stack["plane"] for stack in _main(stacks)}
    return planes.pop() or "" if len(planes) == 1 else "multi"


def _role(stacks: Sequence[Mapping[str, Any]]) -> str:
    roles = {stack["role"] for stack in _main(stacks)}
    return roles.pop() or "" if len(roles) == 1 else ";".join(sorted(str(role) for role in roles))

"""What a replay judges by: new exam items and policy, and in what they differ from the present ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from qc_models.check_registry import check_of
from qc_models.exam_item import Catalogue, ExamItem, Limit
from qc_models.policy import Policy
from qc_models.version import code_version

Scaled = tuple[Limit, float | None]  # a limit, and the value of the item that its bounds are multiples of


@dataclass(frozen=True)
class Rules:
    """What is replayed: new exam items and policy, and those under which the service judges, to know what differs."""

    catalogue: Catalogue
    policy: Policy
    present_catalogue: Catalogue
    present_policy: Policy

    @cached_property
    def changed(self) -> Mapping[str, Mapping[str, Limit]]:
        """By item, the limits of the new catalogue that are new or differ; of an item that is new, all."""
        found = {
            item.id: {metric: item.limits[metric] for metric in self.differing[item.id] if metric in item.limits}
            for item in self._items()
        }
        return {item_id: limits for item_id, limits in found.items() if limits}

    @cached_property
    def differing(self) -> Mapping[str, Mapping[str, Sequence[Scaled]]]:
        """By item and metric, the limits that are new, others or lifted: as they were and will be, with what they multiply."""
        return {item.id: dict(self._differing(item)) for item in self._items()}

    def _differing(self, item: ExamItem) -> Iterator[tuple[str, Sequence[Scaled]]]:
        present = self._present(item)
        metrics = item.limits.keys() | (present.limits.keys() if present is not None else frozenset())
        for metric in sorted(metrics):
            scaled = [
                (limit, one.scale(limit.of))
                for one in (present, item)
                if one is not None and (limit := one.limits.get(metric)) is not None
            ]
            if len(scaled) == 1 or scaled[0] != scaled[1]:
                yield metric, scaled

    @cached_property
    def relating(self) -> frozenset[str]:
        """The items of which a limit differs on what a check relates to the item, which no report holds."""
        return frozenset(
            item_id
            for item_id, limits in self.differing.items()
            if any((check := check_of(metric)) is not None and check.relates for metric in limits)
        )

    def differ_in_limits_from(self, versions: Mapping[str, str]) -> bool:
        """Whether a study that was judged by these versions would be the same items, by all but limits the same rules."""
        return self._differ_in_limits and all(
            versions.get(what) == version for what, version in self.present_versions.items()
        )

    @cached_property
    def _differ_in_limits(self) -> bool:
        """Whether the items and the policy are the same but for limits."""
        then, now = (
            [item.model_dump(exclude={"limits"}) for item in (*catalogue.items.values(), catalogue.fallback)]
            for catalogue in (self.present_catalogue, self.catalogue)
        )
        return self.policy.digest == self.present_policy.digest and then == now

    @cached_property
    def present_versions(self) -> Mapping[str, str]:
        """By what the service judges now."""
        return {
            "code": code_version(),
            "catalogue": self.present_catalogue.digest,
            "policy": self.present_policy.digest,
        }

    def _items(self) -> Sequence[ExamItem]:
        return (*self.catalogue.items.values(), self.catalogue.fallback)

    def _present(self, item: ExamItem) -> ExamItem | None:
        return self.present_catalogue.fallback if item.is_fallback else self.present_catalogue.items.get(item.id)

"""The standing of hospitals and devices: whose studies go to a person, whatever they show."""

from qc_models.exam_item import Name
from qc_models.policy import Policy, Suspension


class _OfSuspended(Policy):
    """A policy under which every device and institution is suspended."""

    def standing_of(self, device: str, institution: str) -> Suspension:
        """The suspension that was added last."""
        return self.suspended[-1]


def suspended(policy: Policy, who: str, said: str = "") -> Policy:
    """A policy for the studies of somebody who is suspended: a person decides on each."""
    reason = said or "suspended"
    suspension = Suspension(institution=who, reason=Name(en=reason, zh=reason))
    return _OfSuspended.model_validate(policy.model_dump() | {"suspended": (*policy.suspended, suspension)})

"""Finds the checks: the file `qc_models/checks/completeness/slice_positions.py` is the check `completeness.slice_positions`.

A check is a module with `QUANTITIES` (what it can measure, by name) and one of three shapes:

- `measure(evidence) -> Iterable[Measurement]`: from headers, stacks and shared statistics;
- `relate(facts, item, as_of) -> Iterable[Measurement]`: what is relative to an exam item, from item-free facts;
- `applies(stack_facts) -> bool`, `look(frames) -> values`, `finish(curve) -> Iterable[Measurement]`: an image check. `look` says
  something of each frame of a block and keeps nothing, so that blocks are looked at side by side; the curve gathers it along the
  stack. Only these import torch, inside their functions, so that header-only scoring starts at once.

A module may have both `measure` and `relate`.
"""

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from types import ModuleType

import qc_models.checks
from qc_models.errors import ConfigError
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts, StackFacts
from qc_models.features.curve import Curve, Values
from qc_models.findings import Measurement, Quantity
from qc_models.pixels import Block
from qc_models.vocabulary import DIMENSIONS

MIN_SIDE = 32  # pixels; smaller frames tell nothing of the acquisition
MOST_SIDES = (
    6  # of the long side over the short one; longer strips are no picture of a body, and would cost without bound
)


def is_picture(rows: int, columns: int) -> bool:
    """Whether frames of this size show something of the acquisition; icons, thumbnails and strips do not."""
    short, long = sorted((rows, columns))
    return short >= MIN_SIDE and long <= MOST_SIDES * short


@dataclass(frozen=True)
class Check:
    """One check, by its name `dimension.file`."""

    name: str
    module: ModuleType

    @property
    def quantities(self) -> Mapping[str, Quantity]:
        """What it can measure, by the last part of the metric."""
        quantities: Mapping[str, Quantity] = self.module.QUANTITIES
        return quantities

    @property
    def page(self) -> str:
        """Its page for people: the module's docstring."""
        return (self.module.__doc__ or "").strip()

    @property
    def measures(self) -> bool:
        """True where it measures the evidence of a study."""
        return hasattr(self.module, "measure")

    @property
    def relates(self) -> bool:
        """True where it relates facts to an exam item."""
        return hasattr(self.module, "relate")

    @property
    def sees(self) -> bool:
        """True where it is an image check."""
        return hasattr(self.module, "look")

    def measure(self, evidence: Evidence) -> Iterable[Measurement]:
        """Measures a study."""
        result: Iterable[Measurement] = self.module.measure(evidence)
        return result

    def relate(self, facts: Facts, item: ExamItem, as_of: date) -> Iterable[Measurement]:
        """Measures a study's facts against an exam item."""
        result: Iterable[Measurement] = self.module.relate(facts, item, as_of)
        return result

    def applies(self, stack: StackFacts) -> bool:
        """Whether an image check looks at this stack."""
        return bool(self.module.applies(stack))

    def look(self, block: Block) -> Values:
        """What an image check sees in each frame of a block; nothing in icons, thumbnails and strips."""
        values: Values = self.module.look(block.features) if is_picture(*block.pixels.shape[1:]) else {}
        return values

    def finish(self, curve: Curve) -> Iterable[Measurement]:
        """The measurements of the stack."""
        result: Iterable[Measurement] = self.module.finish(curve)
        return result


@cache
def checks() -> Mapping[str, Check]:
    """All checks by name, in order of dimension, then name."""
    found: dict[str, Check] = {}
    for dimension in DIMENSIONS:
        package = import_module(f"{qc_models.checks.__name__}.{dimension}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            name = f"{dimension}.{module.name}"
            found[name] = Check(name, import_module(f"{package.__name__}.{module.name}"))
    return found


@cache
def relating() -> tuple[Check, ...]:
    """The checks that relate facts to an exam item."""
    return tuple(check for check in checks().values() if check.relates)


@cache
def check_of(metric: str) -> Check | None:
    """The check that measures `dimension.check.quantity`; None where there is none."""
    check = checks().get(metric.rpartition(".")[0])
    return check if check is not None and metric.rpartition(".")[2] in check.quantities else None


def quantity(metric: str) -> Quantity:
    """The quantity that `dimension.check.quantity` names; raises ConfigError where no check measures it."""
    check = check_of(metric)
    if check is None:
        raise ConfigError(f"no check measures {metric!r}; `touchstone explain` lists all metrics")
    return check.quantities[metric.rpartition(".")[2]]

"""Finds the models: the file `qc_models/zoo/xr_anatomy.py` is the model `xr_anatomy`, whole: its input, its outputs, its network.

A model is a module with

- `INPUT`: the `InputSpec` of one frame;
- `OUTPUTS`: a tuple of `Output`, in the order in which the network returns them;
- `MOST_FRAMES`: how many frames of a stack it is shown at most;
- `applies(stack_facts) -> bool`: which stacks it looks at; localizers are not asked for, unless `LOCALIZERS = True` stands there;
- `WELL_KNOWN`, where it has an output `region`: the parts that it learned from several sources, and may deny;
- `network() -> torch.nn.Module`: from [B, 1, rows, columns] to a tuple of raw numbers [B, classes], one for each output.

Only `network` imports torch and MONAI; service runs the exported bundle and needs neither.

A model of measures sees no frame and applies to no stack: its `INPUT` is a `MeasureSpec`, and it has `OUTPUTS` alone besides, since
its task (`training/tasks/<model>.py`) makes the network itself, of tables.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import qc_models.zoo
from qc_models.facts import StackFacts
from qc_models.measure_spec import MeasureSpec
from qc_models.model_outputs import Output
from qc_models.preprocessing import InputSpec

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Model:
    """One model, by the name of its file."""

    name: str
    module: ModuleType

    @property
    def input(self) -> InputSpec:
        """How a frame is prepared for it."""
        spec: InputSpec = self.module.INPUT
        return spec

    @property
    def measures(self) -> MeasureSpec | None:
        """The measures that it is fed; None of a model that is shown frames."""
        return self.module.INPUT if isinstance(self.module.INPUT, MeasureSpec) else None

    @property
    def input_digest(self) -> str:
        """SHA-256 over what it is fed, frames or measures."""
        return str(self.module.INPUT.digest)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What it says, in the order of its network's results."""
        outputs: tuple[Output, ...] = self.module.OUTPUTS
        return outputs

    @property
    def most_frames(self) -> int:
        """How many frames of a stack it is shown at most."""
        return int(self.module.MOST_FRAMES)

    @property
    def page(self) -> str:
        """Its page for people: the module's docstring."""
        return (self.module.__doc__ or "").strip()

    def output(self, name: str) -> Output:
        """The output of a name."""
        return next(output for output in self.outputs if output.name == name)

    def applies(self, stack: StackFacts) -> bool:
        """Whether it looks at frames of a stack."""
        if self.measures is not None:
            return False
        if stack.is_localizer and not getattr(self.module, "LOCALIZERS", False):
            return False
        return bool(self.module.applies(stack))

    def network(self) -> "nn.Module":
        """A new, untrained network."""
        network: nn.Module = self.module.network()
        return network


@cache
def models() -> Mapping[str, Model]:
    """All models by name."""
    package = qc_models.zoo
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return {name: Model(name, import_module(f"{package.__name__}.{name}")) for name in names}

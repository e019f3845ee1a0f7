"""Teaches one network: the loop that reads aloud, on one device, or on several by Ray Train.

What is learned from and how it is changed is the task of the model (`training/tasks/<model>.py`); how long and how fast is its
recipe. The same seed gives the same weights on the same machine and number of workers.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from monai.utils.misc import set_determinism
from torch import Tensor, nn
from torch.nn.functional import interpolate

from qc_models.errors import InputError
from qc_models.model_registry import Model, models
from training.examples import Examples, Targets
from training.first_weights import begin_with
from training.losses import loss_of
from training.manifest import Manifest
from training.recipe import Recipe
from training.run_folder import RunFolder

Advance = Callable[[str], None]


def task_of(model: str) -> ModuleType:
    """The task of a model: `examples(manifest, data, options)`, `augment(pictures, targets, generator)`; maybe its own `loss(raw,
    targets)`, `together(examples, chosen, generator)`, which exchanges some of a batch for what must be judged together, and
    `bands(examples, said)`, how an abstain band holds on the other half."""
    return import_module(f"training.tasks.{model}")


@dataclass
class Run:
    """One network on its way. `rank` of `world` workers takes its share of each epoch's examples."""

    recipe: Recipe
    examples: Examples
    folder: RunFolder | None
    device: torch.device
    rank: int = 0
    world: int = 1
    wrap: Callable[[nn.Module], nn.Module] = field(default=lambda network: network)
    epoch: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        set_determinism(self.recipe.seed)
        self.model: Model = models()[self.recipe.model]
        self.task = task_of(self.recipe.model)
        self.network = self.model.network().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.recipe.first_weights:
            begin_with(self.network, self.recipe.first_weights)
        self.average = self.model.network().to(self.device)
        self.average.load_state_dict(self.network.state_dict())
        self.taught = self.wrap(self.network)
        self.optimizer = torch.optim.AdamW(
            self.taught.parameters(), lr=self.recipe.learning_rate, weight_decay=self.recipe.weight_decay
        )
        self.steps_an_epoch = max(1, len(self.examples) // (self.recipe.batch_size * self.world))
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._share_of_rate)

    def go(self, advance: Advance) -> nn.Module:
        """Every epoch that is left; returns the averaged network."""
        self._resume()
        while self.epoch < self.recipe.epochs:
            loss = self._epoch()
            self.epoch += 1
            self.curves.append({"epoch": self.epoch, "loss": round(loss, 5)})
            self._keep()
            advance(f"loss {loss:.3f}")
        return self.average.eval()

    def _epoch(self) -> float:
        self.taught.train()
        seed = self.recipe.seed * 100_003 + self.epoch * 97 + self.rank
        torch.manual_seed(seed)  # of dropout; by epoch, so that a run that goes on draws what it would have drawn
        generator = torch.Generator().manual_seed(seed)
        total = 0.0
        for chosen in self._batches():
            if hasattr(self.task, "together"):
                chosen = self.task.together(self.examples, chosen, generator)
            pictures, targets = self.examples.at(chosen)
            pictures, targets = self.task.augment(self._sized(pictures), targets, generator)
            total += self._step(pictures.to(self.device), {name: t.to(self.device) for name, t in targets.items()})
        return total / self.steps_an_epoch

    def _sized(self, pictures: Tensor) -> Tensor:
        """Pictures as large as this epoch wants them: small ones teach most of it at a third of the cost (Howard 2018)."""
        if self.epoch >= self.recipe.small_share * self.recipe.epochs:
            return pictures
        return interpolate(pictures, scale_factor=self.recipe.small_scale, mode="bilinear", antialias=True)

    def _batches(self) -> Iterator[Tensor]:
        """Which examples each step of this epoch sees: drawn by weight, the same on all workers, each of which takes its own."""
        shared = torch.Generator().manual_seed(self.recipe.seed * 7919 + self.epoch)
        count = self.steps_an_epoch * self.recipe.batch_size * self.world
        drawn = torch.multinomial(self.examples.weights, count, replacement=True, generator=shared)
        yield from torch.split(drawn[self.rank :: self.world], self.recipe.batch_size)

    def _step(self, pictures: Tensor, targets: Targets) -> float:
        mixed = torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")
        with mixed:
            raw = self.taught(pictures.contiguous(memory_format=torch.channels_last))
        loss = self._loss({out.name: r.float() for out, r in zip(self.model.outputs, raw, strict=True)}, targets)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.taught.parameters(), 5.0)
        self.optimizer.step()
        self.schedule.step()
        self._average()
        return float(loss.detach())

    def _loss(self, raw: Targets, targets: Targets) -> Tensor:
        if hasattr(self.task, "loss"):  # of a model that learns from more than labels
            own: Tensor = self.task.loss(raw, targets)
            return own
        parts = [
            loss_of(output, raw[output.name], targets[output.name], self.recipe.label_smoothing)
            for output in self.model.outputs
        ]
        return torch.stack(parts).sum()

    @torch.no_grad()
    def _average(self) -> None:
        """Moves the averaged weights a little towards the new ones; in the first steps faster, as there is little to average."""
        step = self.schedule.last_epoch
        keep = min(self.recipe.averaging, (1 + step) / (10 + step))
        new = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(new[name].to(value.dtype), 1 - keep)
            else:
                value.copy_(new[name])

    def _share_of_rate(self, step: int) -> float:
        warm, whole = self.recipe.warmup_epochs * self.steps_an_epoch, self.recipe.epochs * self.steps_an_epoch
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, whole - warm))))

    def _keep(self) -> None:
        if self.folder is not None and self.rank == 0:
            self.folder.write_curves(self.curves)
            parts = {"network": self.network, "average": self.average, "optimizer": self.optimizer}
            state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
            self.folder.save(
                state | {"schedule": self.schedule.state_dict(), "epoch": self.epoch, "curves": self.curves}
            )

    def _resume(self) -> None:
        state = self.folder.load() if self.folder is not None else None
        if state is None:
            return
        for name in ("network", "average", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        self.epoch, self.curves = state["epoch"], state["curves"]


def smoked(recipe: Recipe, manifest: Manifest) -> tuple[Recipe, Manifest]:
    """A recipe and its rows cut down to the whole way gone once: rows of every part, as evenly spread as they stand."""
    few = recipe.smoke
    step = max(1, len(manifest.rows) // few.most_rows)
    small = recipe.model_copy(
        update={"epochs": few.epochs, "batch_size": min(16, recipe.batch_size), "warmup_epochs": 0}
    )
    return small, Manifest(manifest.rows[::step])


def fit(
    recipe: Recipe,
    manifest: Manifest,
    data: Path,
    folder: RunFolder,
    advance: Advance,
    start: RunFolder | None = None,
) -> None:
    """Teaches the model of a recipe, or goes on where a killed run stopped; what comes of it lies in the run's folder.

    It begins with the weights of the run `start` where one is given: corrections are learned in a few epochs.
    """
    folder.begin(recipe, manifest)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if start is not None and start.recipe().model != recipe.model:
        raise InputError(f"{start.path}: is a run of {start.recipe().model}, not of {recipe.model}; begin with another")
    run = Run(recipe, _learned(recipe, manifest, data), folder, device)
    if start is not None:
        for network in (run.network, run.average):
            network.load_state_dict(fitted(start).state_dict())
    run.go(advance)


def _learned(recipe: Recipe, manifest: Manifest, data: Path) -> Examples:
    examples: Examples = task_of(recipe.model).examples(manifest, data, recipe.task)
    return examples.of("learn")


def fitted(folder: RunFolder) -> nn.Module:
    """The averaged network of a run, ready to say."""
    network = models()[folder.recipe().model].network()
    state = folder.load()
    if state is None:
        raise InputError(f"{folder.path}: has no checkpoint; fit it first")
    network.load_state_dict(state["average"])
    return network.eval()

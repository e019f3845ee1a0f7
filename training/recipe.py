"""A recipe: all that one training run is told, as a strict file of `configs/training/`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from configs.strict import ConfigFileError, Strict, parse, read_yaml
from qc_models.errors import ConfigError
from qc_models.model_registry import models

RECIPES = Path(__file__).resolve().parents[1] / "configs" / "training"


class Smoke(Strict):
    """How little a smoke run does: enough to go the whole way once."""

    epochs: int = Field(default=1, ge=1)
    most_rows: int = Field(default=64, ge=1)


class Recipe(Strict):
    """One training run. The learning rate rises over `warmup_epochs` and falls as a cosine to nothing."""

    model: str
    seed: int = 1
    epochs: int = Field(ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup_epochs: int = Field(2, ge=0)
    averaging: float = Field(0.99, ge=0, lt=1)  # of the weights, from step to step; the average is what is kept
    small_share: float = Field(
        0.0, ge=0, le=1
    )  # of the epochs, at first, with pictures made smaller: more of them in a time
    small_scale: float = Field(0.6, gt=0, le=1)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    first_weights: Literal["", "efficientnet_lite0"] = ""  # that the network begins with, see training.first_weights
    terms: str | None = None  # only rows of these terms
    task: dict[str, Any] = Field(default_factory=dict)  # what the task of the model is told
    targets: dict[str, float] = Field(default_factory=dict)  # figure -> what it should reach, for the evaluation page
    smoke: Smoke = Smoke()

    @field_validator("model")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in models():
            raise ValueError(f"no such model; there are {', '.join(models())}")
        return name


def load_recipe(name: str) -> Recipe:
    """The recipe of a file, or of a name in `configs/training`; raises ConfigError with file and key."""
    path = Path(name)
    if not path.suffix:
        path = RECIPES / f"{name}.yaml"
    try:
        return parse(Recipe, read_yaml(path), path)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error

"""What an operator decides about where studies are examined: the section `engine` of the service's configuration."""

from typing import Literal

from pydantic import Field, model_validator

from configs.strict import Strict


class EngineSection(Strict):
    """`local` examines in the worker's own process, `ray` by processes of a Ray cluster, on any number of machines.

    `address` is Ray's head (host:port), `auto` for the cluster that this machine has joined by `ray start`, or empty for a
    cluster of this worker alone. `gpu`: models run on GPUs where there are any (auto), never, or only there (required: without
    one a study gets a verdict on its headers, which asks a person).
    """

    kind: Literal["local", "ray"] = "local"
    at_once: int = Field(default=1, ge=1, le=256)  # studies of one worker process
    gpu: Literal["auto", "never", "required"] = "auto"
    address: str = ""
    least_examiners: int = Field(default=1, ge=1)
    most_examiners: int = Field(default=2, ge=1)
    threads: int = Field(default=1, ge=1)  # of an examiner
    cpus: float = Field(default=0, ge=0)  # that Ray sets aside for an examiner; 0: as many as are wanted fit anywhere
    wait_s: float = Field(default=120, gt=0)  # for Ray to answer, and for a first examiner

    @model_validator(mode="after")
    def _least_is_not_most(self) -> "EngineSection":
        if self.least_examiners > self.most_examiners:
            raise ValueError("least_examiners is more than most_examiners")
        return self

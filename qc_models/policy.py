"""The recognition policy: who accepts whose examinations, refusal reasons, audit rates, standing, points and grades.

It is read from `configs/policy.yaml`, a default that the region running the pool replaces.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from configs.strict import HERE, ConfigFileError, Strict, parse, read_yaml
from qc_models.errors import ConfigError
from qc_models.exam_item import Name
from qc_models.model_registry import models
from qc_models.vocabulary import Grade, Level, Modality, Verdict

Share = Annotated[float, Field(ge=0, le=1)]
Points = Annotated[float, Field(ge=0, le=100)]
Acceptance = Literal["never", "may", "always"]


class HospitalLevel(Strict):
    """One level of hospitals; hospitals of one group accept each other."""

    id: str
    group: str
    name: Name


class Recognition(Strict):
    """Who accepts whose examinations; levels from low to high."""

    levels: tuple[HospitalLevel, ...] = Field(min_length=1)
    higher_accepts_lower: Acceptance

    @model_validator(mode="after")
    def _each_once(self) -> "Recognition":
        ids = [level.id for level in self.levels]
        if len(set(ids)) != len(ids):
            raise ValueError("levels: an id is listed twice")
        return self


class RefusalReason(Strict):
    """Why a receiving doctor may examine again; `verified` only where the clause's own text was read."""

    en: str
    zh: str
    clause: str
    about_quality: bool = False
    verified: bool = False


class Suspension(Strict):
    """A device (by the digest that reports carry) or an institution (by name) whose studies go to review."""

    device: str = ""
    institution: str = ""
    reason: Name

    @model_validator(mode="after")
    def _names_one(self) -> "Suspension":
        if bool(self.device) == bool(self.institution):
            raise ValueError("needs `device` or `institution`, and not both")
        return self


class Models(Strict):
    """`required_for`: by modality, the models without which no study of it passes."""

    required_for: dict[Modality, tuple[str, ...]]

    @field_validator("required_for")
    @classmethod
    def _are_models(cls, required: dict[Modality, tuple[str, ...]]) -> dict[Modality, tuple[str, ...]]:
        named = {name for names in required.values() for name in names}
        if named and (unknown := named - models().keys()):
            raise ValueError(f"no model {', '.join(sorted(unknown))}; there are {', '.join(models())}")
        return required


class SecondReading(Strict):
    """When a reader's decision needs a second one by another person, and why.

    `reject_passed`: what the verdict in force rejects is passed; `pass_rejected`: what it passes is rejected;
    `finding_overturned`: a finding that is more than a note does not hold.
    """

    when: Literal["reject_passed", "pass_rejected", "finding_overturned"]
    reason: Name


class Policy(Strict):
    """The file `configs/policy.yaml`."""

    source: str
    recognition: Recognition
    refusal_reasons: dict[str, RefusalReason] = Field(min_length=1)
    random_audit: dict[Verdict, Share]
    second_reading: tuple[SecondReading, ...] = ()
    false_pass_limit: Share
    suspended: tuple[Suspension, ...]
    models: Models
    deduct: dict[Level, Points]
    grades: dict[Literal["A", "B", "C"], Points]

    @model_validator(mode="after")
    def _is_whole(self) -> "Policy":
        for key, given, needed in (
            ("random_audit", set(self.random_audit), {"pass", "review", "reject"}),
            ("deduct", set(self.deduct), {"note", "review", "reject"}),
            ("grades", set(self.grades), {"A", "B", "C"}),
        ):
            if given != needed:
                raise ValueError(f"{key}: must name each of {', '.join(sorted(needed))}")
        if not self.grades["A"] > self.grades["B"] > self.grades["C"]:
            raise ValueError("grades: A must lie above B, and B above C")
        return self

    def acceptance(
        self,
        producer: str,
        consumer: str,
        producer_alliances: Collection[str] = (),
        consumer_alliances: Collection[str] = (),
    ) -> Acceptance:
        """Whether a hospital of level `consumer` accepts what a `producer` made; raises ConfigError on an unknown level."""
        if set(producer_alliances) & set(consumer_alliances):
            return "always"
        made, wanted = self._rank(producer), self._rank(consumer)
        levels = self.recognition.levels
        if made >= wanted or levels[made].group == levels[wanted].group:
            return "always"
        return self.recognition.higher_accepts_lower

    def _rank(self, level: str) -> int:
        ids = [known.id for known in self.recognition.levels]
        if level not in ids:
            raise ConfigError(f"no hospital level {level!r} in the policy; there are {', '.join(ids)}")
        return ids.index(level)

    def standing_of(self, devices: tuple[str, ...], institutions: tuple[str, ...]) -> Suspension | None:
        """Why a study of devices and institutions goes to review; None where all of them are in good standing."""
        names = {_plain(institution) for institution in institutions}
        for entry in self.suspended:
            if (entry.device and entry.device in devices) or (entry.institution and _plain(entry.institution) in names):
                return entry
        return None

    def second_reading_of(
        self, verdict: Verdict, decided: Literal["pass", "reject"], *, overturned: bool
    ) -> SecondReading | None:
        """Why a decision about `verdict` needs a second reader; None where it needs none."""
        held = {
            "reject_passed": verdict == "reject" and decided == "pass",
            "pass_rejected": verdict == "pass" and decided == "reject",
            "finding_overturned": overturned,
        }
        return next((rule for rule in self.second_reading if held[rule.when]), None)

    def grade(self, total: float) -> Grade:
        """The grade of a total: 甲 A, 乙 B, 丙 C, or 废 D below all marks."""
        for mark in ("A", "B", "C"):
            if total >= self.grades[mark]:
                return mark
        return "D"


def load_policy(path: Path = HERE / "policy.yaml") -> Policy:
    """Loads a policy; raises ConfigError with file and key."""
    try:
        return parse(Policy, read_yaml(path), path)
    except ConfigFileError as error:
        raise ConfigError(str(error)) from error


def _plain(name: str) -> str:
    """A name without case and extra blanks, as two systems write it differently."""
    return " ".join(name.casefold().split())

"""Strict configuration: what a person types is checked to the last key, and an error names file and key."""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

HERE = Path(__file__).parent
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Strict(BaseModel):
    """A frozen model in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over its content: what a verdict was judged by."""
        content = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


Model = TypeVar("Model", bound=Strict)


class ConfigFileError(ValueError):
    """A configuration file cannot be used; the message names the file and the key."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads one YAML file that must hold a mapping; raises ConfigFileError with the file's name and line."""
    try:
        with path.open("rb") as stream:
            content = yaml.load(stream, Loader=_LOADER)
    except OSError as error:
        raise ConfigFileError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigFileError(f"{path}: is not valid YAML ({error})") from error
    if not isinstance(content, dict):
        raise ConfigFileError(f"{path}: must hold keys and values at the top, found {type(content).__name__}")
    return content


def parse(model: type[Model], content: dict[str, Any], path: Path) -> Model:
    """Checks `content` against `model`; raises ConfigFileError that lists every wrong key of the file."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or '(top)'}: {e['msg']}" for e in error.errors())
        raise ConfigFileError(f"{path}: {wrong}") from error

"""What people answered: labels of reviewers and receiving doctors, as service exports them and training reads them.

A label file is JSON Lines, one answer a line, de-identified: no name, id, date of birth or accession number, UIDs replaced, the
subject a digest. The machine's verdict and the person's are two facts; a label holds the person's, and which versions were asked.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from qc_models.errors import InputError

Origin = Literal["review", "second reading", "appeal", "audit", "refusal"]
WORDS = frozenset("region view plane role motion subtype composite artifacts diagnostic vendor".split())


@dataclass(frozen=True, slots=True)
class Label:
    """One answer about one image or series.

    `path` is where its pixels lie, relative to the data folder; `says` holds words by what they are about, such as
    {"region": ["knee"], "view": ["LAT"]}: only what the person answered, and an empty list where nothing holds. `subject` is a
    digest that is the same for all images of one person; `site` the hospital's id. `models` are the versions that were asked.
    """

    path: str
    modality: str
    subject: str
    site: str
    origin: Origin
    says: Mapping[str, list[str]]
    vendor: str = ""
    models: Mapping[str, str] = field(default_factory=dict)


def write_labels(labels: Iterable[Label], path: Path) -> None:
    """Writes a line of JSON a label."""
    lines = [json.dumps(asdict(label), sort_keys=True, ensure_ascii=False) for label in labels]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def read_labels(path: Path) -> Iterator[Label]:
    """Reads a label file; raises InputError with the line that is wrong and what is wrong with it."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                label = Label(**json.loads(line.removeprefix(BOM_UTF8)))
            except (ValueError, TypeError, RecursionError) as error:
                raise InputError(
                    f"{path.name}, line {number}: is no label ({type(error).__name__}); export again"
                ) from error
            if wrong := _wrong(label):
                raise InputError(f"{path.name}, line {number}: {wrong}; correct it or leave the line out")
            yield label


def _wrong(label: Label) -> str:
    """What is wrong with a label; empty where nothing is."""
    for name in ("path", "modality", "subject", "site"):
        if not isinstance(getattr(label, name), str) or not getattr(label, name):
            return f"{name} is empty or no text"
    if label.path.startswith("/") or ".." in Path(label.path).parts:
        return "path leads out of the data folder"
    if str(PurePosixPath(label.path)) != label.path or not label.path.isprintable():
        return "path is not written in its shortest form"
    if not isinstance(label.vendor, str) or not isinstance(label.models, Mapping):
        return "vendor is no text, or models no mapping"
    if label.modality not in ("CT", "MR", "XR"):
        return "modality is not CT, MR or XR"
    if label.origin not in get_args(Origin):
        return f"origin is none of {', '.join(get_args(Origin))}"
    if not isinstance(label.says, Mapping) or not label.says:
        return "it says nothing"
    if strange := sorted(set(label.says) - WORDS):
        return f"{', '.join(strange)}: nothing that a label is about"
    if not all(
        isinstance(words, list) and all(isinstance(word, str) for word in words) for words in label.says.values()
    ):
        return "what it says is no list of words"
    return ""

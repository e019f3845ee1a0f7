"""What people answered: labels of reviewers and receiving doctors, as service exports them and training reads them.

A label file is JSON Lines, one answer a line, de-identified: no name, id, date of birth or accession number, UIDs replaced, the
subject a digest. The machine's verdict and the person's are two facts; a label holds the person's, and which versions were asked.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from qc_models.errors import InputError
from qc_models.model_registry import models
from qc_models.vocabulary import PLANES, REGIONS, ROLES, XR_COMPONENTS

Origin = Literal["review", "second reading", "adjudication", "appeal", "audit", "refusal"]
DIAGNOSTIC, NONDIAGNOSTIC = "diagnostic", "nondiagnostic"
VENDORS = frozenset(
    "Agfa Canon Carestream Fujifilm GE Hitachi Konica Mindray Neusoft Philips Samsung Shimadzu Siemens Toshiba UIH Wandong".split()
)


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


@cache
def words() -> Mapping[str, frozenset[str]]:
    """What a label may be about, and the words that it may say of it. A view may stay open between AP and PA: `frontal`."""
    artifacts = {
        word
        for model in models().values()
        for output in model.outputs
        if output.name == "artifact"
        for word in output.classes
    }
    return {
        "region": REGIONS,
        "view": XR_COMPONENTS | {"frontal"},
        "plane": frozenset(PLANES),
        "role": ROLES,
        "motion": frozenset(("motion", "nomotion")),
        "subtype": frozenset(("DXA", "contrast study", "portal", "simulator")),
        "composite": frozenset(("yes",)),
        "artifacts": frozenset(artifacts),
        "diagnostic": frozenset((DIAGNOSTIC, NONDIAGNOSTIC)),
        "vendor": VENDORS,
    }


def wrong_words(says: object) -> str:
    """What is wrong with what a label says; empty where nothing is. A word that is none of ours is quoted as far as it may be."""
    if not isinstance(says, Mapping) or not says:
        return "it says nothing"
    known = words()
    if strange := sorted(str(about) for about in set(says) - set(known)):
        return f"{', '.join(map(_quoted, strange))}: nothing that a label is about; there are {', '.join(known)}"
    for about, said in says.items():
        if not isinstance(said, list) or not all(isinstance(word, str) for word in said):
            return f"{about}: what it says is no list of words"
        if unknown := [word for word in said if word not in known[about]]:
            return f"{about}: {_quoted(unknown[0])} is no word for it; see qc_models/vocabulary.py"
    return ""


def _quoted(word: str) -> str:
    """A word as an error may show it: a person's name that stands in its place is none of the letters of an id."""
    plain = len(word) <= 24 and word.isascii() and word.replace("_", "").replace(":", "").isalnum()
    return repr(word) if plain else "a word with other signs than an id has"


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
    return wrong_words(label.says)

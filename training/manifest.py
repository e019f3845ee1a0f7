"""What there is to learn from: one row for each picture, small volume or series, with its labels, origin, terms and fold.

A manifest is built from a data folder (its tables of pictures, volumes and studies) and from exported labels of reviewers. Rows of
one subject are always in one fold; what belongs to a whole study that is kept for trying the whole is in none.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from qc_models.errors import InputError
from qc_models.review import Label, read_labels

Kind = Literal["picture", "volume", "series"]
NUM_FOLDS = 10
TEST_FOLDS = frozenset({0, 1})  # never learned from, never chosen by
CALIBRATION_FOLDS = frozenset({2})  # temperatures and limits
NO_FOLD = -1  # of a study that is kept whole


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to learn from; `path` is relative to the data folder. A label that is not known is absent.

    `labels`: region (region ids), view, plane, role, motion, subtype, composite, artifacts: lists of words.
    """

    path: str
    kind: Kind
    modality: str
    subject: str
    source: str
    terms: str
    label_origin: str
    fold: int
    labels: dict[str, list[str]]

    @property
    def part(self) -> Literal["learn", "calibrate", "test", "kept"]:
        """What it is for."""
        if self.fold == NO_FOLD:
            return "kept"
        return "test" if self.fold in TEST_FOLDS else "calibrate" if self.fold in CALIBRATION_FOLDS else "learn"

    def said(self, label: str) -> frozenset[str]:
        """The words of a label; empty where it is not known."""
        return frozenset(self.labels.get(label, ()))


@dataclass(frozen=True)
class Manifest:
    """All rows, in order of their paths."""

    rows: tuple[Row, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over its rows: the version of the data."""
        return hashlib.sha256("".join(_line(row) for row in self.rows).encode()).hexdigest()

    def of(self, **wanted: str) -> list[Row]:
        """Rows whose fields have these values: `of(modality="XR", part="learn")`."""
        return [row for row in self.rows if all(getattr(row, key) == value for key, value in wanted.items())]

    def write(self, path: Path) -> None:
        """Writes a line of JSON a row, the first of them with the digest."""
        path.parent.mkdir(parents=True, exist_ok=True)
        head = json.dumps({"manifest": self.digest, "rows": len(self.rows)})
        path.write_text("\n".join([head, *(_line(row) for row in self.rows)]) + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Reads a written manifest; raises InputError where it was changed since."""
    try:
        head, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        manifest = Manifest(tuple(Row(**json.loads(line)) for line in lines))
        digest = json.loads(head)["manifest"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: is no manifest ({type(error).__name__}); build it again") from error
    if digest != manifest.digest:
        raise InputError(f"{path}: was changed after it was built; build it again")
    return manifest


def build(data: Path, *, terms: str | None = None, labels: Path | None = None) -> Manifest:
    """The manifest of a data folder; `terms` keeps rows of these terms alone ("open"), `labels` is a file of reviewers' answers.

    An answer about a row replaces what it speaks of; one about another image is a row of its own, under the site as its source.
    """
    rows = {row.path: row for row in (*_pictures(data), *_volumes(data), *_series(data))}
    for label in read_labels(labels) if labels is not None else ():
        row = rows.get(label.path) or _reviewed(label)
        if (label.subject, label.modality) != (row.subject, row.modality):
            raise InputError(f"{label.path}: the label names another subject or modality than the table; correct it")
        rows[label.path] = replace(row, labels=row.labels | dict(label.says), label_origin=label.origin)
    if not rows:
        raise InputError(f"{data}: holds no images.csv, volumes.csv or series.csv; name the data folder")
    kept = [row for row in rows.values() if terms is None or row.terms == terms]
    return Manifest(tuple(sorted(kept, key=lambda row: row.path)))


def _reviewed(label: Label) -> Row:
    vendor = {"vendor": [label.vendor]} if label.vendor else {}
    fold = fold_of(label.subject)
    return Row(label.path, "picture", label.modality, label.subject, label.site, "site", label.origin, fold, vendor)


def fold_of(subject: str) -> int:
    """The fold of a subject, from its name alone, so that more data moves nobody."""
    return int(hashlib.sha256(subject.encode()).hexdigest(), 16) % NUM_FOLDS


def source_left_out(rows: Iterable[Row], source: str) -> list[Row]:
    """Rows in which one source is the test, and all of the others are learned from or calibrated on."""
    found = []
    for row in rows:
        fold = 0 if row.source == source else row.fold
        found.append(replace(row, fold=fold if row.source == source or fold not in TEST_FOLDS else 3))
    return found


def summary(rows: Sequence[Row]) -> list[tuple[str, str, str, int, int]]:
    """Modality, kind, terms, rows and subjects: what a person looks at first."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.modality, row.kind, row.terms), []).append(row)
    return [(*key, len(group), len({row.subject for row in group})) for key, group in sorted(groups.items())]


def _pictures(data: Path) -> Iterable[Row]:
    for line in _table(data / "images" / "images.csv"):
        labels = {
            "region": _words(line["region_ids"]),
            "view": _words(line["view"].replace("/", ";")),
            "plane": _words(line["plane"]),
            "role": _words(line["sequence"]),
            "subtype": _words(line["subtype"]),
            "composite": _words(line["composite"]),
            "motion": [line["quality_label"]] if line["quality_label"] in ("motion", "nomotion") else [],
        }
        yield _row(f"images/{line['path']}", "picture", line, labels, line["terms"], line["label_source"])


def _volumes(data: Path) -> Iterable[Row]:
    in_studies = {_same_series(line) for line in _table(data / "studies" / "series.csv")}
    lines = _table(data / "volumes" / "volumes.csv")
    kept = {(line["source"], line["subject"]) for line in lines if _same_series(line) in in_studies}
    for line in lines:
        row = _row(f"volumes/{line['path']}", "volume", line, _stack_labels(line), "see source", "table and by eye")
        yield replace(row, fold=NO_FOLD) if (line["source"], line["subject"]) in kept else row


def _series(data: Path) -> Iterable[Row]:
    for line in _table(data / "studies" / "series.csv"):
        subject = {"subject": line["study"]}
        row = _row(f"studies/{line['series']}", "series", line | subject, _stack_labels(line), "see source", "by eye")
        yield replace(row, fold=NO_FOLD)


def _same_series(line: dict[str, str]) -> tuple[str, ...]:
    """What a series and the shrunk volumes of its patient have in common; tables count slices and name roles differently."""
    return line["source"], line["modality"], line["region_ids"]


def _stack_labels(line: dict[str, str]) -> dict[str, list[str]]:
    return {
        "region": _words(line["region_ids"]),
        "plane": _words(line["plane_id"]),
        "role": _words(line["role_id"]),
        "artifacts": _words(line["visible_artefacts"]),
        "vendor": _words(line["manufacturer"]),
    }


def _row(
    path: str, kind: Kind, line: dict[str, str], labels: dict[str, list[str]], terms: str, label_origin: str
) -> Row:
    known = {name: words for name, words in labels.items() if words}
    subject, source = line["subject"], line["source"]
    return Row(path, kind, line["modality"], subject, source, terms, label_origin, fold_of(subject), known)


def _words(text: str) -> list[str]:
    return [word for part in text.split(";") if (word := part.strip()) and word != "unknown"]


def _table(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _line(row: Row) -> str:
    return json.dumps(asdict(row), sort_keys=True, ensure_ascii=False)

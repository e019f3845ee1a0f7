"""Text against the character set declared: what cannot be read, and what reads as nonsense without an error."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from inference.reading import read_studies
from qc_models.checks.metadata import character_set
from qc_models.checks.metadata.character_set import Problem, problem_of, reads_as_chinese
from qc_models.evidence import Evidence
from qc_models.findings import Measurement
from tests.written_dicom import axial_slices, write_instances

LATIN_1, GB18030, UTF_8 = ("ISO_IR 100",), ("GB18030",), ("ISO_IR 192",)
NAME = "张^伟"
MARK = "QQQQ"  # stands in a written file where bytes are put in


@pytest.mark.parametrize(
    ("raw", "declared", "problem"),
    [
        (b"Zhang^San", LATIN_1, None),
        (b"Zhang^San", (), None),
        (NAME.encode("gb18030"), GB18030, None),
        (NAME.encode("utf-8"), UTF_8, None),
        ("Müller^Jürgen".encode("latin-1"), LATIN_1, None),
        ("GENOU GAUCHE ENTIÈREMENT DÉGAGÉ".encode("latin-1"), LATIN_1, None),
        ("ÄÖÜ".encode("latin-1"), LATIN_1, None),
        (NAME.encode("gb18030"), LATIN_1, Problem("mismatch", "GB18030")),
        ("胸部平扫".encode("gb18030"), LATIN_1, Problem("mismatch", "GB18030")),
        (NAME.encode("utf-8"), LATIN_1, Problem("mismatch", "ISO_IR 192")),
        (NAME.encode("utf-8"), GB18030, Problem("mismatch", "ISO_IR 192")),
        (NAME.encode("gb18030"), UTF_8, Problem("mismatch", "GB18030")),
        (NAME.encode("gb18030"), (), Problem("undeclared")),
        ("Schädel".encode("latin-1"), (), Problem("undeclared")),
        ("Schädel".encode("latin-1"), UTF_8, Problem("undecodable")),
        (b"scout \x96 lateral", LATIN_1, Problem("undecodable")),  # a dash of Windows-1252
        ("锟斤拷锟斤拷".encode(), UTF_8, Problem("mojibake")),
        ("ÕÅÈý".encode(), UTF_8, Problem("mojibake")),  # 张三 read as Latin-1 and written again
    ],
)
def test_problem_of_one_text(raw: bytes, declared: tuple[str, ...], problem: Problem | None) -> None:
    assert problem_of(raw, declared) == problem


def test_escape_sequences_of_the_standard_are_in_order() -> None:
    raw = b"Wang^XiaoDong=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab="  # PS3.5 K.2
    assert problem_of(raw, ("", "ISO 2022 IR 58")) is None


def test_chinese_is_told_by_common_characters() -> None:
    assert reads_as_chinese("头颅CT平扫".encode("gb18030"))
    assert not reads_as_chinese(b"CT HEAD")
    assert not reads_as_chinese("Ünal Öz".encode("latin-1"))


def read_with(tmp_path: Path, raw: bytes, attribute: str, charset: str | None) -> dict[str, Measurement]:
    """What is measured of three slices of which the second holds these bytes in one attribute."""
    slices = axial_slices(3, SpecificCharacterSet=charset, PatientName="Zhang^San")
    slices[1] |= {"SOPInstanceUID": "1.2.3.4", attribute: MARK + "P" * (len(raw) - len(MARK))}
    for path in write_instances(tmp_path, slices):
        path.write_bytes(path.read_bytes().replace((MARK + "P" * (len(raw) - len(MARK))).encode(), raw))
    (study,) = read_studies([tmp_path]).studies
    return {m.metric.removeprefix("metadata.character_set."): m for m in character_set.measure(Evidence(study, (), ()))}


@pytest.mark.parametrize(
    ("attribute", "charset", "quantity", "level"),
    [
        ("PatientName", "ISO_IR 100", "mismatch", "review"),
        ("StudyDescription", "ISO_IR 100", "mismatch", "review"),
        ("PatientName", None, "undeclared", "review"),
        ("StudyDescription", None, "text", "note"),
    ],
)
def test_chinese_bytes_in_a_file(
    tmp_path: Path,
    level_of: Callable[[Measurement], str | None],
    attribute: str,
    charset: str | None,
    quantity: str,
    level: str,
) -> None:
    found = read_with(tmp_path, "上腹部增强".encode("gb18030"), attribute, charset)
    assert set(found) == {quantity}
    measurement = found[quantity]
    assert (measurement.value, measurement.location.sop_instance_uid) == (1, "1.2.3.4")
    assert measurement.detail["attributes"] == [attribute]
    assert level_of(measurement) == level


def test_measurements_read_as_sentences_without_the_text(
    tmp_path: Path, sentences: Callable[[ModuleType, Measurement], tuple[str, ...]]
) -> None:
    found = read_with(tmp_path, "诸葛^孔明".encode("gb18030"), "PatientName", "ISO_IR 100")
    said = str(found["mismatch"]) + " ".join(sentences(character_set, found["mismatch"]))
    assert "GB18030" in said
    assert not any(text in said for text in ("诸", "葛", "Ö", "孔"))


def test_real_studies_are_legible(real_evidence: dict[str, Evidence]) -> None:
    assert {name: list(character_set.measure(evidence)) for name, evidence in real_evidence.items()} == {
        name: [] for name in real_evidence
    }

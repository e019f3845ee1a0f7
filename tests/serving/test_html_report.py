"""The page is whole in itself, bounded in size, says the worst first in two languages, and shows where."""

import re
from collections.abc import Callable, Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from inference.pipeline import Examined, Settings, examine
from inference.reading import read_studies
from qc_models.study import Study
from serving.html_report import OPEN_STACKS, HtmlReport
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.written_dicom import axial_slices, write_instances

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
VOID = {"meta", "img", "br"}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, (), "2026-09-30", 1, pixels=True)


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[..., str]:
    """A function that writes a page of examined studies and reads it back."""

    def build(*examined: Examined, warnings: Iterable[str] = ()) -> str:
        with HtmlReport(tmp_path / "report.html") as page:
            for entry in examined:
                page.add(entry)
            page.warnings.extend(warnings)
            page.write()
        return (tmp_path / "report.html").read_text("utf-8")

    return build


class Outline(HTMLParser):
    """Tags that open and close in order, and what each names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def gapped(study_of: Build, settings: Settings) -> Examined:
    slices = axial_slices(14)
    del slices[6]
    return examine(study_of(slices), settings)


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(
    study_of: Build, settings: Settings, page_of: Callable[..., str]
) -> None:
    text = page_of(gapped(study_of, settings))
    outline = Outline(text)
    assert outline.open == []
    for name, value in outline.attributes:
        if name in {"src", "href"}:
            assert value.startswith(("data:image/jpeg;base64,", "#")), value[:40]
    assert not re.search(r"@import|url\(|<script|<link|https?://", text)


def test_a_gap_is_told_in_two_languages_shown_and_marked(
    study_of: Build, settings: Settings, page_of: Callable[..., str]
) -> None:
    text = page_of(gapped(study_of, settings))
    assert "1 slices are missing" in text
    assert "缺少 1 层" in text
    assert "请从设备或PACS重新发送整个序列" in text
    (group,) = re.findall(r'<div class="group gap">(.*?)</div>\n</div>', text, re.DOTALL)[:1]
    assert group.count("data:image/jpeg") == 2
    assert "1 missing behind slice 6" in text


def test_findings_come_worst_first_and_notes_are_folded_away(
    study_of: Build, settings: Settings, page_of: Callable[..., str]
) -> None:
    examined = gapped(study_of, settings)
    levels = [finding["level"] for finding in examined.report.findings]
    assert {"reject", "review", "note"} <= set(levels)
    text = page_of(examined)
    shown = re.findall(r'<div class="finding">\s*<div><span class="badge (\w+)">', text)
    assert shown == [level for level in levels if level != "note"]
    note = next(finding for finding in examined.report.findings if finding["level"] == "note")
    folded = text[text.index("<details>") :]
    assert note["message"]["zh"] in folded
    assert note["message"]["zh"] not in text[: text.index("<details>")]


def test_one_picture_is_not_shown_twice(study_of: Build, settings: Settings, page_of: Callable[..., str]) -> None:
    examined = gapped(study_of, settings)
    about = {f["metric"] for f in examined.report.findings}
    assert {"completeness.slice_positions.missing", "completeness.instance_numbers.missing"} <= about
    assert page_of(examined).count('<div class="group gap">') == 1


def test_an_index_leads_to_every_study_worst_first(
    tmp_path: Path, settings: Settings, page_of: Callable[..., str]
) -> None:
    report = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "Rows": None, "PixelData": None}
    write_instances(tmp_path / "b", [report | {"StudyInstanceUID": "1.2.3.1", "SeriesInstanceUID": "1.2.3.1.1"}])
    slices = axial_slices(14, StudyInstanceUID="1.2.3.9", SeriesInstanceUID="1.2.3.9.1")
    del slices[6]
    write_instances(tmp_path / "a", slices)
    examined = [examine(study, settings) for study in read_studies([tmp_path]).studies]
    assert [entry.report.verdict for entry in examined] == ["review", "reject"]
    text = page_of(*examined)
    assert re.findall(r'href="#([\d.]+)"', text) == ["1.2.3.9", "1.2.3.1"]
    assert re.findall(r'<section id="([\d.]+)"', text) == ["1.2.3.1", "1.2.3.9"]
    assert text.index("href=") < text.index("<section")


def test_one_study_needs_no_index(study_of: Build, settings: Settings, page_of: Callable[..., str]) -> None:
    assert "href=" not in page_of(gapped(study_of, settings))


def test_many_stacks_are_folded_away_and_the_size_is_bounded(
    study_of: Build, settings: Settings, page_of: Callable[..., str]
) -> None:
    instances = [
        {**entry, "SeriesInstanceUID": f"1.2.3.{number}", "SeriesNumber": number, "Rows": 256, "Columns": 256}
        for number in range(30)
        for entry in axial_slices(3)
    ]
    text = page_of(examine(study_of(instances), settings))
    first, _, rest = text.partition("more 更多")
    assert first.count("<figcaption><b>") == OPEN_STACKS
    assert "of 共 30" in rest
    assert len(text.encode()) < 1_500_000


def test_an_image_that_cannot_be_decoded_is_named_in_its_place(
    tmp_path: Path, settings: Settings, page_of: Callable[..., str]
) -> None:
    paths = write_instances(tmp_path, axial_slices(12))
    paths[4].write_bytes(paths[4].read_bytes()[:-100])
    (study,) = read_studies([tmp_path]).studies
    assert "cannot be decoded" in page_of(examine(study, settings))


def test_an_image_that_may_show_a_name_is_not_shown(
    study_of: Build, settings: Settings, page_of: Callable[..., str]
) -> None:
    text = page_of(examine(study_of(axial_slices(4, BurnedInAnnotation="YES")), settings))
    assert "data:image" not in text
    assert "withheld" in text


def test_words_of_a_header_are_text_and_never_markup(
    study_of: Build, settings: Settings, page_of: Callable[..., str]
) -> None:
    attack = "<img src=x onerror=alert(1)>"
    slices = axial_slices(4, SeriesDescription=attack, StudyDescription=attack, InstitutionName=attack)
    text = page_of(examine(study_of(slices), settings), warnings=[attack])
    assert attack not in text
    assert "&lt;img" in text


def test_what_was_not_scored_is_said_on_top(study_of: Build, settings: Settings, page_of: Callable[..., str]) -> None:
    text = page_of(gapped(study_of, settings), warnings=["one.dcm: is broken"])
    assert text.index("one.dcm: is broken") < text.index("<section")


def test_a_failed_check_is_among_the_reasons(
    study_of: Build, settings: Settings, page_of: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("a patient's secret")

    monkeypatch.setattr("qc_models.checks.metadata.uids.measure", crash)
    text = page_of(examine(study_of(axial_slices(4)), settings))
    assert "metadata.uids" in text
    assert "该项检查未能完成" in text
    assert "secret" not in text


def test_what_is_no_image_has_a_section_too(study_of: Build, settings: Settings, page_of: Callable[..., str]) -> None:
    sr = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "Rows": None, "PixelData": None}
    text = page_of(examine(study_of([sr]), settings))
    assert "review 复核" in text
    assert "未知检查项目" in text

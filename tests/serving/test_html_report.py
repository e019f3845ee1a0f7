"""The page is whole in itself, bounded in size, says the worst first in two languages, and shows where."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.pipeline import Examined, Settings, examine
from inference.reading import read_studies
from qc_models.exam_item import ExamItem, Limit
from qc_models.report import QcReport
from qc_models.study import Study
from serving.html_report import OPEN_STACKS, HtmlReport
from serving.score_command import DEFAULT_CATALOGUE, make_settings
from tests.written_dicom import axial_slices, write_instances

Build = Callable[[Iterable[Mapping[str, Any]]], Study]
VOID = {"meta", "img", "br"}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return make_settings(DEFAULT_CATALOGUE, (), "2026-09-30", 1, pixels=True, models=False)


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
    assert text.index('href="#1') < text.index("<section")


def test_one_study_needs_no_index(study_of: Build, settings: Settings, page_of: Callable[..., str]) -> None:
    assert 'href="#1' not in page_of(gapped(study_of, settings))


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
    assert len(text.encode()) < 2_000_000


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


SIDE = 128
RADIUS = np.hypot(*(np.mgrid[:SIDE, :SIDE] - 63.5))
RING = "artifacts.ring.amplitude_hu"
EXPLAINING = '<figure class="explaining">'


def ringed_slices(num_slices: int = 8, *, ringed: int = 5, **keywords: Any) -> list[dict[str, Any]]:
    """A cylinder of soft tissue, with a ring of 100 HU in one slice, counted from 1, and a trifle more in the next."""
    water = np.where(RADIUS < 55, 40, -1000)
    scale = {"Rows": SIDE, "Columns": SIDE, "RescaleSlope": 1, "RescaleIntercept": 0}
    slices = axial_slices(num_slices, WindowCenter=40, WindowWidth=400, **{**scale, **keywords})
    for number, entry in enumerate(slices, 1):
        noise = np.random.default_rng(number).normal(0, 4, (SIDE, SIDE))
        ring = np.where(np.abs(RADIUS - 30) < 1, 100 * (number == ringed) + 104 * (number == ringed + 1), 0)
        entry["pixels"] = np.rint(water + noise + ring).astype(int)
    return slices


def item_with(settings: Settings, limits: Mapping[str, Any]) -> ExamItem:
    item = settings.catalogue.items["CT-CHEST"]
    parsed = {metric: Limit.model_validate({"clause": "a test", **limit}) for metric, limit in limits.items()}
    return item.model_copy(update={"limits": {**item.limits, **parsed}})


@pytest.fixture
def judged_by(study_of: Build, settings: Settings) -> Callable[..., Examined]:
    """A function from slices and limits to a study that was judged by them."""

    def build(slices: Iterable[Mapping[str, Any]], limits: Mapping[str, Any]) -> Examined:
        return examine(study_of(slices), replace(settings, items=(item_with(settings, limits),)))

    return build


def block_of(text: str, metric: str) -> str:
    """The part of a page that tells one finding."""
    blocks = text.split('<div class="finding">')[1:]
    (block,) = (block for block in blocks if f">{metric}</a>" in block.partition("<details>")[0])
    return block.partition("<details>")[0]


def test_a_finding_of_an_image_has_its_slice_its_curve_with_the_limit_and_a_view_that_explains_it(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    examined = judged_by(ringed_slices(), {RING: {"review": {"above": 20}}})
    text = page_of(examined)
    assert Outline(text).open == []
    block = block_of(text, RING)
    assert block.count("data:image/jpeg") == 2
    assert "slice 层 5 #5" in block
    assert block.count(EXPLAINING) == 1
    assert "极坐标图" in block
    assert block.count('class="limit"') == 1
    assert "review &gt; 20" in block
    assert block.count("<circle") == 1
    assert "worst at slice 5 of 8" in block
    assert "第 5 层最重（共 8 层）" in block
    assert "2 of 8 images beyond the limit" in block


def test_a_remedy_stands_out_in_two_languages_and_the_next_step_is_told(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    examined = judged_by(ringed_slices(), {RING: {"review": {"above": 20}}})
    (finding,) = (finding for finding in examined.report.findings if finding["metric"] == RING)
    text = page_of(examined)
    block = block_of(text, RING)
    remedy = block[block.index("For the technologist 技师提示") :]
    assert finding["remedy"]["en"] in remedy
    assert finding["remedy"]["zh"] in remedy
    assert "Next 下一步" in text


def test_a_note_about_an_image_is_folded_away_with_its_picture(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    text = page_of(judged_by(ringed_slices(), {RING: {"note": {"above": 20}}}))
    before, _, folded = text.partition(" notes 提示</summary>")
    assert EXPLAINING not in before
    assert EXPLAINING in folded.partition("</details>")[0]


def test_every_curve_is_folded_away_with_its_limit(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    examined = judged_by(ringed_slices(), {RING: {"review": {"above": 2000}}})
    text = page_of(examined)
    curves = text[text.index("沿层曲线") :].partition("</details>")[0]
    told = [m for m in examined.report.content["measurements"] if len(m["detail"].get("curve", [])) >= 3]
    assert told
    assert curves.count("<svg") == len(told)
    assert "review &gt; 2000 ↑" in curves


def test_measurements_are_a_table_that_leads_to_their_meaning(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    text = page_of(judged_by(ringed_slices(), {RING: {"review": {"above": 20}}}))
    table = text[text.index("<summary>Measurements 测量值") :]
    assert "环状伪影" in table.partition("</table>")[0]
    targets = set(re.findall(r'href="#(about-[\w.]+)"', text))
    assert "about-artifacts.ring" in targets
    assert targets <= set(re.findall(r'id="([\w.-]+)"', text))


def test_where_the_lowest_value_is_the_worst_its_slice_is_marked(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    metric = "adequacy.cnr.ratio"
    examined = judged_by(ringed_slices(), {metric: {"review": {"below": 3}}})
    frame = examined.stacks[0].frames[2]
    place = {"series_instance_uid": frame.series_instance_uid, "sop_instance_uid": frame.sop_instance_uid}
    place |= {"frame": 0, "slice": 2, "box": [10, 20, 30, 40]}
    curve = [[0, 9.0], [1, 8.0], [2, 1.5], [3, 7.0], [4, 2.0]]
    detail = {"num_frames": 5, "median": 7.0, "worst": 1.5, "worst_slice": 3, "worst_range": [3, 5], "curve": curve}
    words = {"message": {"en": "low", "zh": "低"}, "remedy": {"en": "mend", "zh": "改"}, "clause": "", "unit": "1"}
    measured = {"metric": metric, "value": 1.5, "unit": "1", "location": {**place, "stack": 0}, "detail": detail}
    finding = {"metric": metric, "level": "review", "value": 1.5, "limit": 3.0, "location": place, **words}
    content = {**examined.report.content, "measurements": [measured], "findings": [finding]}
    block = block_of(page_of(replace(examined, report=QcReport(content))), metric)
    assert "slice 层 3 #3" in block
    assert "worst at slice 3 of 8; slices 3–5 are nearly as bad" in block
    assert "2 of 5 images beyond the limit" in block
    assert "review &lt; 3" in block
    assert "1.5, slice 层 3" in block


def test_of_an_image_that_may_show_a_name_no_view_is_shown(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    text = page_of(judged_by(ringed_slices(BurnedInAnnotation="YES"), {RING: {"review": {"above": 20}}}))
    block = block_of(text, RING)
    assert "data:image" not in text
    assert EXPLAINING not in text
    assert "withheld" in block
    assert 'class="limit"' in block  # the curve holds nothing of the picture


def test_without_pixels_there_is_no_curve_and_the_page_is_whole(
    study_of: Build, settings: Settings, page_of: Callable[..., str]
) -> None:
    text = page_of(examine(study_of(ringed_slices(3)), replace(settings, pixels=False)))
    assert Outline(text).open == []
    assert "沿层曲线" not in text
    assert EXPLAINING not in text


def test_hostile_words_of_a_measurement_are_text(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    attack = '"><script>alert(1)</script>'
    examined = judged_by(ringed_slices(4), {RING: {"review": {"above": 20}}})
    curve = [[0, 1.0], [1, 2.0], [2, 3.0]]
    spoilt = [
        {**measurement, "unit": attack, "metric": f"artifacts.{attack}.x", "detail": {"curve": curve, "num_frames": 3}}
        for measurement in examined.report.content["measurements"]
        if measurement["metric"] == RING
    ]
    findings = [{**finding, "unit": attack, "clause": attack} for finding in examined.report.findings]
    content = {**examined.report.content, "measurements": spoilt, "findings": findings}
    text = page_of(replace(examined, report=QcReport(content)))
    assert spoilt
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert Outline(text).open == []


def test_a_long_stack_with_many_curves_stays_a_light_page(
    judged_by: Callable[..., Examined], page_of: Callable[..., str]
) -> None:
    examined = judged_by(ringed_slices(8), {RING: {"review": {"above": 20}}})
    curve = [[2 * number, 1.0 + number % 7] for number in range(256)]
    long = [
        {**measurement, "detail": {**measurement["detail"], "curve": curve}}
        for measurement in examined.report.content["measurements"]
        if "curve" in measurement["detail"]
    ]
    content = {**examined.report.content, "measurements": long * 4}
    assert len(page_of(replace(examined, report=QcReport(content))).encode()) < 400_000

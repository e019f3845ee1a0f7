"""A stored report gives back the facts that it was judged by, whatever else it holds, and every detail that a check relates."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import qc_models.checks
from qc_models import stored_report
from qc_models.findings import Location, Measurement
from qc_models.item_matching import Matched
from qc_models.judgement import judge_items
from qc_models.policy import load_policy
from qc_models.report import make_report
from qc_models.stored_report import RelatedDetail, extract_form, read_extract, read_whole, stored_of, write_extract
from tests.judged_facts import facts, item, stack

ITEM = item("CT-CHEST", "chest", ("plain",))
POLICY = load_policy()


def text(measurements: tuple[Measurement, ...] = ()) -> bytes:
    known = facts(stacks=(stack("1.1", "plain", region=("chest",)),), measurements=measurements)
    matched = [Matched(ITEM, "given")]
    report = make_report(
        known,
        judge_items(known, matched, POLICY, date(2026, 9, 1)),
        matched,
        as_of=date(2026, 9, 1),
        evaluated_at=datetime(2026, 9, 1, tzinfo=UTC),
        digests={"catalogue": "c"},
        code_version="1",
        timings_s={},
    )
    return report.to_json().encode()


def test_the_facts_come_back_with_the_details_that_are_related() -> None:
    place = Location("1.1", "1.1.1", slice=3, box=(1, 2, 3, 4), stack=0)
    measured = Measurement("adequacy.dose.ctdivol_mgy", 7.5, "mGy", place, {"series_instance_uids": ["1.1"], "x": [1]})
    stored = read_whole(text((measured,)))
    assert stored.facts.stacks == (stack("1.1", "plain", region=("chest",)),)
    (found,) = stored.facts.measurements
    assert replace(measured, detail={"series_instance_uids": ["1.1"]}) == Measurement(
        found.metric, found.value, found.unit, found.location, found.detail
    )
    assert (stored.verdict, dict(stored.items)) == ("pass", {"CT-CHEST": "pass"})
    assert stored.matches == ({"item": "CT-CHEST", "why": "given", "sure": True},)
    assert stored.versions == {"catalogue": "c", "code": "1"}


def test_an_extract_reads_as_its_report_does() -> None:
    place = Location("1.1", "1.1.1", slice=3, box=(1, 2, 3, 4), stack=0)
    details = {"series_instance_uids": ["1.1"], "words": ["a detail that no check relates"]}
    whole = text(
        (
            Measurement("adequacy.dose.ctdivol_mgy", 7.5, "mGy", place, details),
            Measurement("adequacy.dose.dlp_mgycm", 0.1, "", place),
            Measurement("adequacy.noise.hu", 0.2, "HU"),
        )
    )
    extract = write_extract(stored_of(json.loads(whole)))
    assert read_extract(extract) == read_whole(whole)
    assert read_extract(extract).facts == read_whole(whole).facts
    assert [one.location for one in read_extract(extract).facts.measurements] == [place, place, Location()]
    assert b"no check relates" in whole
    assert b"no check relates" not in extract


def test_half_a_character_makes_no_extract() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        write_extract(stored_of(json.loads(text().replace(b"CT-CHEST", b"\\ud800"))))


def test_the_form_is_another_once_something_else_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = extract_form()
    monkeypatch.setitem(RelatedDetail.__annotations__, "another", "list[str]")
    stored_report._adapter.cache_clear()
    extract_form.cache_clear()
    try:
        assert extract_form() != before
    finally:
        monkeypatch.undo()
        stored_report._adapter.cache_clear()
        extract_form.cache_clear()
    assert extract_form() == before


@pytest.mark.parametrize("broken", [b"", b"[]", b"{}", b'{"schema":1}', b"\xff\xfe"])
def test_what_is_no_report_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="not a QcReport"):
        read_whole(broken)


def test_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema"):
        read_whole(text().replace(b'"schema":1', b'"schema":2'))


def test_every_detail_that_a_check_relates_is_read() -> None:
    """Whoever relates another detail names it in RelatedDetail, or a replay would not see it."""
    (folder,) = qc_models.checks.__path__
    related = {
        name
        for path in Path(folder).rglob("*.py")
        for name in re.findall(r'measure(?:d|ment)\.detail(?:\[|\.get\()"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert related == set(RelatedDetail.__annotations__)

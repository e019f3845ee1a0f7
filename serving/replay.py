"""What verdicts would be under other exam items or another policy: stored measurements judged again, without any pixel.

The newest verdict of the machine on each study is judged again, where it does not surely stand, as of its own day and under the
standing that held then, so that whatever flips does so by the new rules. What cannot be told from what was stored is counted, and
never taken for equal.
"""

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from qc_models.check_registry import check_of
from qc_models.exam_item import ExamItem, Limit
from qc_models.item_matching import Matched, match
from qc_models.judgement import ItemJudgement, judge_items, worst_verdict
from qc_models.stored_report import BrokenReportError, StoredReport, extract_form, read_extract, read_whole
from qc_models.vocabulary import LEVELS, VERDICTS, Verdict
from serving import verdicts
from serving.database.sessions import Database
from serving.database.tables import ReportRow, StudyRow, VerdictRow
from serving.replay_rules import Rules, Scaled
from serving.standing import suspended

NO_ITEM = "none"  # a study is not, or was not, this item at all
BY_SCORE, BY_MATCHING = "score below the pass mark", "matching"  # what is responsible where no metric is
BATCH = 200  # reports that are read at once

Limited = tuple[str, str]  # exam item, metric


@dataclass(frozen=True, slots=True)
class Flip:
    """One exam item of one study whose verdict would be another one; `decided`: a person has said the last word on it."""

    study_instance_uid: str
    hospital_id: str
    item_id: str
    before: str
    after: str
    metrics: tuple[str, ...]
    decided: bool


@dataclass
class Tally:
    """Counts of a replay, or of a part of one."""

    studies: int = 0
    flipped: int = 0  # studies of which an item flips
    decided: int = 0  # of these, those on which a person has said the last word
    study_flips: Counter[tuple[str, str]] = field(default_factory=Counter)  # before, after: the study's worst
    flips: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)  # hospital, item, before, after
    metrics: Counter[tuple[str, str, str, str, str]] = field(default_factory=Counter)  # the same, and the metric
    not_judged: Counter[str] = field(default_factory=Counter)  # why
    others: Counter[tuple[str, str]] = field(default_factory=Counter)  # code, catalogue or policy: which other one
    models: Counter[tuple[str, str]] = field(default_factory=Counter)  # model, version
    gone: Counter[str] = field(default_factory=Counter)  # metric that no check of this version measures
    judged: Counter[str] = field(default_factory=Counter)  # item: studies judged as it
    measured: Counter[Limited] = field(default_factory=Counter)  # of limits that differ: studies that tell

    def add(self, other: "Tally") -> None:
        """Adds another part."""
        self.studies += other.studies
        self.flipped += other.flipped
        self.decided += other.decided
        for mine, its in zip(self._counters(), other._counters(), strict=True):
            mine.update(its)

    def _counters(self) -> tuple[Counter[Any], ...]:
        return (
            self.study_flips,
            self.flips,
            self.metrics,
            self.not_judged,
            self.others,
            self.models,
            self.gone,
            self.judged,
            self.measured,
        )


def count(session: Session, since: datetime, until: int) -> int:
    """How many stored verdicts a replay looks at, up to the id `until`."""
    query = select(func.count(VerdictRow.id)).where(
        VerdictRow.created_at >= since, VerdictRow.id <= until, _is_newest()
    )
    return session.scalar(query) or 0


def newest_id(session: Session) -> int:
    """The id of the newest verdict; 0 where there is none."""
    return session.scalar(select(func.max(VerdictRow.id))) or 0


def batches(database: Database, since: datetime, until: int) -> Iterator[tuple[int, int]]:
    """Ranges of ids (after, up to) of some verdicts each, found as they are asked for."""
    with database.reading() as session:
        first = session.scalar(select(func.min(VerdictRow.id)).where(VerdictRow.created_at >= since))
    after = (first or until + 1) - 1
    while after < until:
        with database.reading() as session:
            query = select(VerdictRow.id).where(VerdictRow.id > after, VerdictRow.id <= until)
            ids = session.scalars(query.order_by(VerdictRow.id).limit(BATCH)).all()
        if not ids:
            return
        yield after, ids[-1]
        after = ids[-1]


def replay(database: Database, since: datetime, after: int, up_to: int, rules: Rules) -> tuple[Tally, list[Flip]]:
    """Judges the verdicts of a range of ids again."""
    tally = Tally()
    flips: list[Flip] = []
    for row in _stored(database, since, after, up_to):
        tally.studies += 1
        if row.report is None:
            tally.not_judged["its report was purged"] += 1
            continue
        try:
            stored = (read_extract if row.is_extract else read_whole)(zlib.decompress(row.report))
            unknown = [item_id for item_id in _given(stored) if item_id not in rules.catalogue.items]
            if unknown:
                tally.not_judged[f"the catalogue has no item {', '.join(unknown)}, which a person named"] += 1
            else:
                flips.extend(_judge_again(row, stored, rules, tally))
        except (BrokenReportError, zlib.error):
            tally.not_judged["its report is of another schema, or broken"] += 1
    return tally, flips


def _is_newest() -> ColumnElement[bool]:
    """Whether a verdict is the newest of the machine on its study."""
    newer = aliased(VerdictRow)
    return (VerdictRow.kind == verdicts.FULL) & ~exists().where(
        newer.study_id == VerdictRow.study_id, newer.kind == verdicts.FULL, newer.id > VerdictRow.id
    )


def _stored(database: Database, since: datetime, after: int, up_to: int) -> list[Row[Any]]:
    """What was given since a time; the time is compared here, lest a database walks along its index instead of the ids."""
    current = aliased(VerdictRow)
    is_extract = and_(ReportRow.extract_form == extract_form(), ReportRow.extract.is_not(None))
    query = (
        select(
            VerdictRow.created_at,
            VerdictRow.versions,
            StudyRow.hospital_id,
            current.kind.label("current_kind"),
            case((is_extract, ReportRow.extract), else_=ReportRow.content).label("report"),
            is_extract.label("is_extract"),
        )
        .join(StudyRow, StudyRow.id == VerdictRow.study_id)
        .outerjoin(current, current.id == StudyRow.verdict_id)
        .outerjoin(ReportRow, ReportRow.verdict_id == VerdictRow.id)
        .where(VerdictRow.id > after, VerdictRow.id <= up_to, _is_newest())
        .order_by(VerdictRow.id)
    )
    with database.reading() as session:
        return [row for row in session.execute(query) if row.created_at >= since]


def _judge_again(row: Row[Any], stored: StoredReport, rules: Rules, tally: Tally) -> list[Flip]:
    """The flips of one study; counts what was judged, and by which versions it had been."""
    matched = _matched(stored, rules)
    flips: list[Flip] = []
    verdict = stored.verdict
    if not _stands(stored, matched, rules):
        policy = suspended(rules.policy, row.hospital_id) if "standing" in row.versions else rules.policy
        judgements = judge_items(stored.facts, matched, policy, stored.as_of, worded=False)
        verdict = worst_verdict(judgement.verdict for judgement in judgements)
        decided = row.current_kind == verdicts.FINAL
        flips = [
            Flip(stored.study_instance_uid, row.hospital_id, item_id, before, after, metrics, decided)
            for item_id, before, after, metrics in _differences(stored, judgements)
        ]
    _count_versions(stored, rules, tally)
    _count_measured(stored, [entry.item for entry in matched], rules.changed, tally)
    for flip in flips:
        key = (flip.hospital_id, flip.item_id, flip.before, flip.after)
        tally.flips[key] += 1
        tally.metrics.update((*key, metric) for metric in flip.metrics)
    if flips:
        tally.flipped += 1
        tally.decided += flips[0].decided
        tally.study_flips[stored.verdict, verdict] += 1
    return flips


def _matched(stored: StoredReport, rules: Rules) -> Sequence[Matched]:
    """The items as which a study is judged: those that a person named, or that were found and would be found again."""
    if given := _given(stored):
        return [Matched(rules.catalogue.item(item_id), "given") for item_id in given]
    if rules.differ_in_limits_from(stored.versions) and all("sure" in entry for entry in stored.matches):
        return [
            Matched(rules.catalogue.item(entry["item"]), entry["why"], sure=entry["sure"]) for entry in stored.matches
        ]
    return match(stored.facts, rules.catalogue)


def _given(stored: StoredReport) -> list[str]:
    """The items that were not matched but named by a person."""
    return [entry["item"] for entry in stored.matches if entry["why"] == "given"]


def _stands(stored: StoredReport, matched: Sequence[Matched], rules: Rules) -> bool:
    """Whether all that was said of a study surely stands, so that it need not be judged: no limit that differs speaks of it."""
    items = [entry.item.id for entry in matched]
    return (
        rules.differ_in_limits_from(stored.versions)
        and stored.items.keys() == set(items)
        and rules.relating.isdisjoint(items)
        and not any(_speaks(rules.differing[item_id], stored) for item_id in items)
    )


def _speaks(limits: Mapping[str, Sequence[Scaled]], stored: StoredReport) -> bool:
    """Whether a value of a study crosses one of these limits."""
    return any(
        limit.crossed(value, scale) is not None
        for metric, value, *_ in stored.measured
        for limit, scale in limits.get(metric, ())
        if scale is not None
    )


def _differences(
    stored: StoredReport, judgements: Iterable[ItemJudgement]
) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Item, verdict before and after, and the metrics that are responsible."""
    now = {judgement.item.id: judgement for judgement in judgements}
    for item_id, before in stored.items.items():
        judgement = now.get(item_id)
        if judgement is None:
            yield item_id, before, NO_ITEM, (BY_MATCHING,)
        elif judgement.verdict != before:
            yield item_id, before, judgement.verdict, responsible(stored, before, judgement)
    for item_id, judgement in now.items():
        if item_id not in stored.items:
            yield item_id, NO_ITEM, judgement.verdict, (BY_MATCHING,)


def responsible(stored: StoredReport, before: Verdict, judgement: ItemJudgement) -> tuple[str, ...]:
    """The metrics by which a verdict became another: those that now reach its level and did not, or did and no longer do."""
    after = judgement.verdict
    now: dict[str, int] = defaultdict(int)
    for finding in judgement.findings:
        now[finding.metric] = max(now[finding.metric], LEVELS.index(finding.level))
    then = {metric: LEVELS.index(level) for metric, level in stored.levels.items()}
    if VERDICTS.index(after) > VERDICTS.index(before):
        at = LEVELS.index(after)  # a worse verdict is one of the levels
        reached = {metric for metric, level in now.items() if level >= at}
        told = {metric for metric in reached if then.get(metric, 0) < at} or reached
        told |= {failure.check for failure in judgement.failures if failure.check not in stored.failed}
    else:
        at = LEVELS.index(before)
        told = {metric for metric, level in then.items() if level >= at and now.get(metric, 0) < at}
    return tuple(sorted(told)) or (BY_SCORE,)


def _count_versions(stored: StoredReport, rules: Rules, tally: Tally) -> None:
    for what, digest in rules.present_versions.items():
        if (then := stored.versions.get(what, "")) != digest:
            tally.others[what, then] += 1
    tally.models.update(stored.models.items())


def _count_measured(
    stored: StoredReport,
    items: Iterable[ExamItem],
    changed: Mapping[str, Mapping[str, Limit]],
    tally: Tally,
) -> None:
    """Of limits that differ, whether this study tells what they do: its report holds a value, or facts give one again."""
    held = {metric for metric, *_ in stored.measured}
    tally.gone.update(metric for metric in held if check_of(metric) is None)
    for item in items:
        tally.judged[item.id] += 1
        for metric, limit in changed.get(item.id, {}).items():
            looked = limit.needs is None or not stored.models.keys().isdisjoint(limit.needs.split("|"))
            if looked and (metric in held or metric in _related(metric, stored, item)):
                tally.measured[item.id, metric] += 1


def _related(metric: str, stored: StoredReport, item: ExamItem) -> set[str]:
    """What the check of a metric tells of facts and item."""
    check = check_of(metric)
    if check is None or not check.relates:
        return set()
    try:
        return {measurement.metric for measurement in check.relate(stored.facts, item, stored.as_of)}
    except Exception:  # it failed in the judgement too, which said so
        return set()

"""A date or time of the header is missing, malformed, in the future, or contradicts the others.

Higher is worse. `absent`, `malformed`: instances without a readable StudyDate, and with a date, time or age that is none;
`future_days`: days from the date of the verdict to the latest date claimed; `before_birth`: instances dated before the patient was
born; `order_days`: days by which study ≤ acquisition ≤ content (or study ≤ series) is broken, the worst instance; `spread_days`:
days between the acquisitions of one study; `clock_skew_s`: the same order broken by clock times of less than two days;
`age_difference_years`: PatientAge against birth date and study date; `age_difference_deidentified_years`: the same where the
identity was removed, when dates are shifted on purpose. A series may be younger than its acquisition: it may be
reconstructed later. Images alone are asked: a report or a key object is written when it is written.
Source: DICOM PS3.5 6.2 (AS, DA, TM, DT), PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.6.1.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from qc_models.dicom.header import Header
from qc_models.evidence import Evidence
from qc_models.exam_item import ExamItem
from qc_models.facts import Facts
from qc_models.findings import Location, Measurement, Quantity
from qc_models.study import Instance

_REMEDY_EN = "set the clock of the device, correct the dates and send the study again"
_REMEDY_ZH = "请校准设备时钟、更正日期后重新上传"

QUANTITIES = {
    "absent": Quantity(
        "instances",
        "{value:.0f} instances have no readable study date",
        "{value:.0f} 幅图像没有可读的检查日期",
        "send the study again with its date",
        "请补全检查日期后重新上传",
    ),
    "malformed": Quantity(
        "instances",
        "{value:.0f} instances: {attribute} is not written as DICOM asks",
        "{value:.0f} 幅图像的 {attribute} 不符合 DICOM 格式",
        "ask the vendor to correct the device's DICOM output",
        "请联系厂商更正设备的 DICOM 输出",
    ),
    "future_days": Quantity(
        "d",
        "the study claims a date {value:.0f} days in the future",
        "检查日期晚于评定日期 {value:.0f} 天",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "before_birth": Quantity(
        "instances",
        "{value:.0f} instances are dated before the patient's birth",
        "{value:.0f} 幅图像的日期早于患者出生日期",
        "correct the birth date or the date of the examination and send the study again",
        "请更正出生日期或检查日期后重新上传",
    ),
    "order_days": Quantity(
        "d",
        "{later} lies {value:.0f} days before {earlier} ({instances} instances)",
        "{later} 早于 {earlier} {value:.0f} 天（{instances} 幅图像）",
        _REMEDY_EN,
        _REMEDY_ZH,
    ),
    "spread_days": Quantity(
        "d",
        "the images of one study were taken {value:.0f} days apart ({instances} instances on another day)",
        "同一检查的图像采集日期相差 {value:.0f} 天（{instances} 幅图像不在同一天）",
        "move the images that belong to another examination, or correct their dates",
        "请移出不属于本次检查的图像，或更正其日期",
    ),
    "clock_skew_s": Quantity(
        "s",
        "{later} lies {value:.0f} s before {earlier}, which cannot be ({instances} instances)",
        "{later} 早于 {earlier} {value:.0f} 秒，时间矛盾（{instances} 幅图像）",
        "set the clocks of device and console by a time server",
        "请用时间服务器校准设备与工作站时钟",
    ),
    "age_difference_years": Quantity(
        "a",
        "the stated age differs by {value:.1f} years from the age by birth date",
        "所填年龄与按出生日期计算的年龄相差 {value:.1f} 岁",
        "correct the birth date or the age",
        "请更正出生日期或年龄",
    ),
    "age_difference_deidentified_years": Quantity(
        "a",
        "the stated age differs by {value:.1f} years from the age by birth date (identity removed)",
        "所填年龄与按出生日期计算的年龄相差 {value:.1f} 岁（已去标识）",
        "shift dates and birth date together when removing identities",
        "去标识时请同步平移检查日期与出生日期",
    ),
}

_EVENTS = ("Study", "Series", "Acquisition", "Content")
_ORDER = (("Study", "Series"), ("Study", "Acquisition"), ("Acquisition", "Content"))
_TIME = re.compile(r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(?:\.(\d{1,6}))?)?)?")
_AGE = re.compile(r"(\d{3})([DWMY])")
_AGE_DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
_CLOCK_TOLERANCE_S = 60.0  # two clocks of one system
_LONGEST_SKEW = timedelta(days=2)  # beyond it, dates are wrong rather than clocks


def parse_date(text: str) -> date | None:
    """A DA value (YYYYMMDD) as a date; None where it is none."""
    if not re.fullmatch(r"\d{8}", text, re.ASCII):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def seconds_of_day(text: str) -> float | None:
    """A TM value (HH, HHMM, HHMMSS or HHMMSS.FFFFFF) in seconds since midnight; None where it is none."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds, fraction = found.groups("0")
    return int(hours) * 3600.0 + int(minutes) * 60.0 + int(seconds) + float(f"0.{fraction}")


def stated_age_years(text: str) -> float | None:
    """An AS value (nnnD, nnnW, nnnM, nnnY) in years; None where it is none."""
    found = _AGE.fullmatch(text)
    return int(found[1]) * _AGE_DAYS[found[2]] / 365.25 if found else None


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, and the clock time where there is one."""

    day: date
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Dated:
    """An instance and when its study, series, acquisition and content were made, as far as it says so readably."""

    instance: Instance
    moments: Mapping[str, Moment]

    @property
    def day_taken(self) -> date | None:
        """The day of the acquisition, else of the series or the study."""
        return next(
            (self.moments[name].day for name in ("Acquisition", "Series", "Study") if name in self.moments), None
        )


def days_before(earlier: Moment | None, later: Moment | None) -> int:
    """By how many days `later` lies before `earlier`; 0 where the order is right or not known."""
    return max(0, (earlier.day - later.day).days) if earlier and later else 0


def skew_s(earlier: Moment | None, later: Moment | None) -> float:
    """By how many seconds `later` lies before `earlier`; 0.0 within tolerance, not known, or beyond two days."""
    if earlier is None or later is None or earlier.time is None or later.time is None:
        return 0.0
    skew = earlier.time - later.time
    return skew.total_seconds() if skew < _LONGEST_SKEW and skew.total_seconds() > _CLOCK_TOLERANCE_S else 0.0


_PARSERS: tuple[tuple[tuple[str, ...], Callable[[str], object | None]], ...] = (
    ((*(f"{name}Date" for name in _EVENTS), "PatientBirthDate"), parse_date),
    (tuple(f"{name}Time" for name in _EVENTS), seconds_of_day),
    (("PatientAge",), stated_age_years),
)


def measure(evidence: Evidence) -> Iterable[Measurement]:
    """Dates and times of all images, against each other and the birth date."""
    images = [Dated(instance, _moments(instance.header)) for instance in evidence.study.instances if instance.frames]
    yield from _unreadable(images)
    yield from _order(images)
    yield from _spread(images)
    yield from _birth(images)


def relate(facts: Facts, item: ExamItem, as_of: date) -> Iterable[Measurement]:
    """The latest date of the study against the date of the verdict."""
    if facts.latest_date is not None and facts.latest_date > as_of:
        yield Measurement("metadata.dates.future_days", (facts.latest_date - as_of).days, "d")


def _moments(header: Header) -> dict[str, Moment]:
    """When study, series, acquisition and content were made, where that can be read; an acquisition may say it in one value."""
    moments = {}
    for name in _EVENTS:
        day, clock = header.text(f"{name}Date") or "", header.text(f"{name}Time") or ""
        if name == "Acquisition" and not day:
            whole = re.split(r"[+-]", header.text("AcquisitionDateTime") or "")[0]
            day, clock = whole[:8], whole[8:]
        if (moment := _moment(day, clock)) is not None:
            moments[name] = moment
    return moments


@lru_cache(maxsize=1024)  # a study repeats the same few
def _moment(day_text: str, clock_text: str) -> Moment | None:
    day, seconds = parse_date(day_text), seconds_of_day(clock_text)
    if day is None:
        return None
    time = None if seconds is None else datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)
    return Moment(day, time)


def _unreadable(images: Sequence[Dated]) -> Iterable[Measurement]:
    absent = [dated.instance for dated in images if "Study" not in dated.moments]
    if absent:
        yield _found("absent", len(absent), absent[0])
    for keywords, parse in _PARSERS:
        for keyword in keywords:
            texts = [dated.instance.header.text(keyword) for dated in images]
            unreadable = {text for text in set(texts) if text is not None and parse(text) is None}
            wrong = [dated.instance for dated, text in zip(images, texts, strict=True) if text in unreadable]
            if wrong:
                yield _found("malformed", len(wrong), wrong[0], {"attribute": keyword})


def _order(images: Sequence[Dated]) -> Iterable[Measurement]:
    for earlier, later in _ORDER:
        pairs = [(dated.moments.get(earlier), dated.moments.get(later)) for dated in images]
        for quantity, suffix, broken in (
            ("order_days", "Date", [float(days_before(*pair)) for pair in pairs]),
            ("clock_skew_s", "Time", [skew_s(*pair) for pair in pairs]),
        ):
            worst = max(broken, default=0.0)
            if worst > 0:
                detail: dict[str, str | int] = {"earlier": earlier + suffix, "later": later + suffix}
                detail["instances"] = sum(value > 0 for value in broken)
                yield _found(quantity, worst, images[broken.index(worst)].instance, detail)


def _spread(images: Sequence[Dated]) -> Iterable[Measurement]:
    """How far apart the images were taken; the place is the image farthest from the usual day."""
    taken = [(dated.day_taken, dated.instance) for dated in images if dated.day_taken is not None]
    counts = Counter(day for day, _ in taken)
    if len(counts) < 2:
        return
    usual = min(counts, key=lambda day: (-counts[day], day))
    odd = max(taken, key=lambda entry: abs((entry[0] - usual).days))
    others = len(taken) - counts[usual]
    yield _found("spread_days", (max(counts) - min(counts)).days, odd[1], {"instances": others})


def _birth(images: Sequence[Dated]) -> Iterable[Measurement]:
    unborn: list[Instance] = []
    worst: tuple[float, Instance] | None = None
    for image, moments in ((dated.instance, dated.moments) for dated in images):
        born = parse_date(image.header.text("PatientBirthDate") or "")
        days = [moments[name].day for name in ("Study", "Series", "Acquisition") if name in moments]
        if born is None or not days:
            continue
        if min(days) < born:
            unborn.append(image)
            continue
        stated = stated_age_years(image.header.text("PatientAge") or "")
        difference = abs((days[0] - born).days / 365.25 - stated) if stated is not None else 0.0
        if difference > 1 and (worst is None or difference > worst[0]):
            worst = (difference, image)
    if unborn:
        yield _found("before_birth", len(unborn), unborn[0])
    if worst is not None:
        removed = (worst[1].header.text("PatientIdentityRemoved") or "").upper() == "YES"
        quantity = "age_difference_deidentified_years" if removed else "age_difference_years"
        yield _found(quantity, round(worst[0], 1), worst[1])


def _found(quantity: str, value: float, instance: Instance, detail: dict[str, str | int] | None = None) -> Measurement:
    unit = QUANTITIES[quantity].unit
    place = Location(instance.series_instance_uid, instance.sop_instance_uid)
    return Measurement(f"metadata.dates.{quantity}", value, unit, place, detail or {})

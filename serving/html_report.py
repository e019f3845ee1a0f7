"""The HTML report: one self-contained page for a run, with each study's verdict, reasons, key slices and plots."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from qc_models.check_registry import checks
from qc_models.stack import Stack
from qc_models.study import Frame, Instance
from qc_models.vocabulary import DIMENSIONS, DIMENSIONS_ZH, GRADES_ZH, VERDICTS, VERDICTS_ZH, Verdict
from serving.explaining_views import drawing, views_of
from serving.finding_frames import frames_of_finding, measurement_of
from serving.measured_curves import MeasuredCurve, curve_behind, has_curve
from serving.measurement_table import table_of
from serving.metric_limits import bars_of
from serving.metric_words import label, meanings
from serving.report_pictures import aspect_of, drawn, frame_values, is_withheld, picture
from serving.report_plots import of_stack, positions_plot
from serving.score_table import short_uid

if TYPE_CHECKING:
    from inference.pipeline import Examined

MOST_GROUPS = 10  # of pictures of findings, a study
MOST_STACKS = 20  # shown with slice and plots, a study
SMALL_PIXELS = 220  # of a picture beside a finding
IMAGE_PIXELS = 300  # where the finding was measured in the image
MOST_IMAGE_NOTES = 8  # shown with pictures, a study
WIDE_PLOT = 480  # of a finding's curve
OPEN_STACKS = 8  # of them not folded away
LEVELS_ZH = {"note": "提示", "review": "复核", "reject": "退回"}
NEXT_STEPS: dict[Verdict, tuple[str, str]] = {
    "pass": ("nothing to do: other institutions may rely on the study", "无需处理：可供其他机构互认"),
    "review": ("a reviewer looks at the reasons below and decides", "请审核人员查看以下原因后判定"),
    "reject": (
        "the sender mends what is below and sends the study again, or the examination is repeated",
        "请送检方按以下提示更正后重新上传，或重新检查",
    ),
}
_CHUNK = 1 << 16


class HtmlReport:
    """A page that grows by a section a study; sections wait on disk for the index that stands before them."""

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []  # what the page says of inputs that became no section
        self._path = path
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["short_uid"] = short_uid
        self._environment.globals.update(
            dimensions=DIMENSIONS,
            dimensions_zh=DIMENSIONS_ZH,
            verdicts_zh=VERDICTS_ZH,
            grades_zh=GRADES_ZH,
            levels_zh=LEVELS_ZH,
            next_steps=NEXT_STEPS,
            label=label,
        )
        self._metrics: set[str] = set()  # whose meaning the page tells
        self._index: list[dict[str, Any]] = []
        self._sections = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sections.close()

    def add(self, examined: "Examined") -> None:
        """Adds a study."""
        report = examined.report.content
        names = {item.id: item.name for item in examined.items}
        series = _SeriesNames(examined)
        notes = [finding for finding in report["findings"] if finding["level"] == "note"]
        of_images = [finding for finding in notes if _is_of_image(finding)][:MOST_IMAGE_NOTES]
        table = table_of(examined, series)
        section = self._environment.get_template("study.html").render(
            report=report,
            names=names,
            series=series,
            findings=list(_findings(examined, [finding for finding in report["findings"] if finding not in notes])),
            image_notes=list(_findings(examined, of_images)),
            notes=[finding for finding in notes if finding not in of_images],
            num_notes=len(notes),
            num_images=len(examined.study.instances),
            open_stacks=OPEN_STACKS,
            stacks=[_stack(examined, stack) for stack in _main_stacks(examined)],
            table=table,
        )
        self._metrics.update(row.metric for rows in table for row in rows.rows)
        self._metrics.update(finding["metric"] for finding in report["findings"])
        self._sections.write(section)
        first = next((finding for finding in report["findings"] if finding["level"] != "note"), None)
        keys = ("study_instance_uid", "verdict", "grade", "score", "items")
        self._index.append({key: report[key] for key in keys} | {"first": first, "names": names})

    def write(self) -> None:
        """Writes the page."""
        self._sections.seek(0)
        sections = (Markup(text) for text in iter(lambda: self._sections.read(_CHUNK), ""))  # escaped when rendered
        page = self._environment.get_template("report.html")
        # a name of a file may hold bytes that are no characters
        with self._path.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            worst_first = sorted(self._index, key=lambda row: -VERDICTS.index(row["verdict"]))
            stream.writelines(
                page.generate(
                    index=worst_first,
                    sections=sections,
                    warnings=self.warnings,
                    meanings=meanings(self._metrics),
                )
            )


class _SeriesNames:
    """Series as a reader finds them at the scanner or PACS: by number, else by their order in the study."""

    def __init__(self, examined: "Examined") -> None:
        self._names = {}
        for place, series in enumerate(examined.study.series):
            number = series.instances[0].header.integer("SeriesNumber")
            self._names[series.series_instance_uid] = f"{place + 1} of the study" if number is None else str(number)

    def __call__(self, uid: str | None) -> str | None:
        """The name of a series; None where it is not one of the study."""
        return self._names.get(uid or "")


def _is_of_image(finding: Mapping[str, Any]) -> bool:
    """Whether a finding was measured in pixels by an image check, or seen there by a model of artifacts."""
    name = finding["metric"].rpartition(".")[0]
    check = checks().get(name)
    return check is not None and (check.sees or name == "artifacts.seen")


def _findings(examined: "Examined", findings: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Findings, each with pictures of what it is about that no finding before it has shown, and its curve along the stack."""
    seen: set[tuple[frozenset[Frame], str]] = set()
    for finding in findings:
        box = finding["location"]["box"]
        of_image = _is_of_image(finding)
        told = f"{box} {finding['metric'] if of_image else ''}"
        groups = frames_of_finding(examined, finding) if examined.facts.pixels_examined else []
        fresh = [group for group in groups if (frozenset(group.frames), told) not in seen][: MOST_GROUPS - len(seen)]
        seen.update((frozenset(group.frames), told) for group in fresh)
        pixels = IMAGE_PIXELS if of_image else SMALL_PIXELS
        first = fresh[0].frames[0] if fresh and of_image else None
        yield {
            "finding": finding,
            "curve": _curve_of(examined, finding),
            "views": list(_views(examined, first, finding)) if first is not None else [],
            "groups": [
                {
                    "gap": group.gap,
                    "pictures": [
                        _picture(examined, frame, box=box, outlined=not group.gap and not of_image, pixels=pixels)
                        for frame in group.frames
                    ],
                }
                for group in fresh
            ],
        }


def _curve_of(examined: "Examined", finding: Mapping[str, Any]) -> dict[str, Any] | None:
    """The curve that shows a finding: where its worst is, in words, and its plot; None where it was not measured along a stack."""
    measurements = examined.report.content["measurements"]
    measured = measurement_of(measurements, finding)
    behind = curve_behind(measurements, measured) if measured is not None else None
    stack = next((stack for stack in examined.stacks if behind is not None and of_stack(behind, stack)), None)
    if behind is None or stack is None:
        return None
    curve = MeasuredCurve(behind, stack.num_slices, bars_of(examined, behind))
    is_own = behind["metric"] == finding["metric"] and finding["limit"] is not None
    return {
        "metric": behind["metric"],
        "where": curve.where(),
        "beyond": curve.beyond(finding["limit"]) if is_own else None,
        "plot": curve.plot(WIDE_PLOT),
    }


def _views(examined: "Examined", frame: Frame, finding: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The pictures that explain a finding; none of an image that is withheld, since they may show what it shows."""
    instance = _instance_of(examined, frame)
    measured = measurement_of(examined.report.content["measurements"], finding)
    views = views_of(finding["metric"], measured["detail"] if measured is not None else {})
    values = frame_values(instance, frame) if views and not is_withheld(instance.header) else None
    if values is None:
        return
    for view in views:
        shown = drawing(view, values, frame)
        if shown is not None:
            rows, columns = shown.grey.shape[
                :2
            ]  # of a spectrum or a polar view no proportion is true: a square is drawn
            box, aspect = (
                (finding["location"]["box"], aspect_of(frame)) if shown.is_in_place else (None, rows / columns)
            )
            image = drawn(shown.grey, aspect, box=box, marks=shown.marks, pixels=IMAGE_PIXELS)
            yield {"image": image, "en": view.en, "zh": view.zh, "scale": shown.scale}


def _instance_of(examined: "Examined", frame: Frame) -> Instance:
    return next(item for item in examined.study.instances if item.sop_instance_uid == frame.sop_instance_uid)


def _picture(examined: "Examined", frame: Frame, **options: Any) -> dict[str, Any]:
    """A frame to show: `image`, or in its place the reason why there is none, and where it stands."""
    instance = _instance_of(examined, frame)
    stack = next((stack for stack in examined.stacks if frame in stack.frames), None)
    shown: dict[str, Any] = {
        "image": None,
        "why": ("withheld: may show text", "未显示：可能含烧录文字"),
        "number": frame.instance_number,
        "slice": stack.slice_index[stack.frames.index(frame)] + 1 if stack and stack.num_slices > 1 else None,
    }
    if not is_withheld(instance.header):
        image = picture(instance, frame, **options)
        shown |= {"image": image, "why": ("cannot be decoded", "无法解码")}
    return shown


def _main_stacks(examined: "Examined") -> list[Stack]:
    """The stacks to show: those of findings first, then the largest, scouts last."""
    measurements = examined.report.content["measurements"]
    crossed = [finding for finding in examined.report.findings if finding["level"] != "note"]
    troubled = [found for finding in crossed if (found := measurement_of(measurements, finding)) is not None]
    pairs = zip(examined.stacks, examined.facts.stacks, strict=True)
    ordered = sorted(
        pairs,
        key=lambda pair: (
            pair[1].is_localizer,
            not any(of_stack(measurement, pair[0]) for measurement in troubled),
            -pair[1].num_frames,
        ),
    )
    return [stack for stack, _ in ordered[:MOST_STACKS]]


def _stack(examined: "Examined", stack: Stack) -> dict[str, Any]:
    measurements: Sequence[Mapping[str, Any]] = examined.report.content["measurements"]
    facts = examined.facts.stacks[examined.stacks.index(stack)]
    positions = None if facts.is_localizer else positions_plot(stack, measurements)
    curves = [
        MeasuredCurve(measurement, stack.num_slices, bars_of(examined, measurement))
        for measurement in measurements
        if has_curve(measurement) and of_stack(measurement, stack)
    ]
    middle = stack.frames[len(stack.frames) // 2]
    nearest = max(curves, key=lambda curve: curve.nearness, default=None)
    return {
        "facts": facts,
        "picture": _picture(examined, middle) if examined.facts.pixels_examined else None,
        "positions": positions,
        "nearest": _drawn(nearest) if nearest is not None and nearest.nearness > 0 else None,
        "curves": [shown for shown in map(_drawn, curves) if shown["plot"] is not None],
    }


def _drawn(curve: MeasuredCurve) -> dict[str, Any]:
    return {"metric": curve.measurement["metric"], "plot": curve.plot()}
